"""This file holds the tests of feeding views: batches, the fence, crashes, other versions, parked facts."""

import os
import random
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import schemas
from projections.consumer import catch_up
from projections.decode import StoredRow
from projections.queries.stock import stock
from projections.queries.trace import NotFound, trace
from projections.readmodels import READ_MODELS, VERSION
from projections.readmodels.database import OPEN, Row, ViewsOutdated, ViewsUnavailable
from projections.readmodels.live import Views
from projections.readmodels.sqlite import sqlite_views
from projections.readmodels.view_set import counted_digest
from tests.projections.history import BEGIN, History, collect, din, process, random_history


def filled(history: History, batch: int = 2000) -> Views:
    views = sqlite_views(":memory:")
    catch_up(history, views, batch=batch)
    return views


def content(views: Views) -> dict[str, list[Row]]:
    with views.reading() as read:
        folds = read.rows("SELECT * FROM folds ORDER BY bag")
        return {model.name: read.rows(model.content.sql) for model in READ_MODELS} | {"folds": folds}


def digests_from_rows(views: Views) -> dict[str, str]:
    with views.reading() as read:
        return {model.name: counted_digest(read, model.content) for model in READ_MODELS}


@pytest.mark.parametrize("seed", range(8))
def test_any_batch_size_makes_the_same_views(seed: int) -> None:
    history = random_history(seed, facts=150, corrections=0.15)
    whole = filled(history)
    for batch in (1, 2, 17, 64):
        other = filled(history, batch)
        assert content(other) == content(whole)
        assert other.digests() == whole.digests()


@pytest.mark.parametrize("seed", range(8))
def test_the_digest_is_the_sum_of_the_rows_that_are_there(seed: int) -> None:
    views = filled(random_history(seed, facts=150, corrections=0.2), batch=11)
    assert views.digests() == digests_from_rows(views)


@pytest.mark.parametrize("seed", range(6))
def test_observations_in_any_order_end_in_the_same_rows(seed: int) -> None:
    history = random_history(seed, facts=100, corrections=0)
    observed = [row for row in history.told if not counts_as_heard(row) and is_reported(row)]
    shuffled = random.Random(seed).sample(observed, len(observed))
    one, other = filled(history.again(observed), 9), filled(history.again(shuffled), 9)
    for model in ("bags", "lineage"):
        rows = [{row[:-2] for row in content(each)[model] if row[-1] == OPEN} for each in (one, other)]
        assert rows[0] == rows[1]


def counts_as_heard(row: StoredRow) -> bool:
    """Whether the order of hearing matters, as the write side means it to: what it counts, and retellings."""
    counted = ("held", "hold_lifted", "nonconformity", "tested", "prepared", "labelled")
    return row.name.split(".")[1].startswith(counted)


def is_reported(row: StoredRow) -> bool:
    return bool(schemas.decode(row.state)[1]["occasion"]["reported"])


# -- the fence and two feeders ---------------------------------------------------------------------------


def test_a_batch_that_is_no_longer_expected_is_dropped(tmp_path: Path) -> None:
    history = random_history(1)
    one, other = sqlite_views(tmp_path / "views"), sqlite_views(tmp_path / "views")
    catch_up(history, one, batch=50)
    before = content(one)
    assert other.apply(history.rows(0, 50), 1) is False
    assert other.apply(history.rows(49, 50), 50) is False
    assert content(other) == before


def test_two_feeders_at_once_apply_every_fact_once(tmp_path: Path) -> None:
    history = random_history(2, facts=200)
    views = sqlite_views(tmp_path / "views")
    rival = sqlite_views(tmp_path / "views")

    class Meddled(History):
        """A source that lets the rival feed a little whenever it is read."""

        def rows(self, after_position: int, limit: int) -> list[Any]:
            found = history.rows(after_position, limit)
            if after_position % 20 == 0:
                rival.apply(history.rows(rival.next_position() - 1, 3), rival.next_position())
            return found

    source = Meddled()
    source.told = history.told
    done = catch_up(source, views, batch=10)
    assert done.position == 200
    assert done.dropped > 0
    assert views.digests() == filled(history).digests()


def test_views_are_fed_from_where_they_stopped() -> None:
    history = random_history(3, facts=40)
    views = filled(history)
    more = random_history(4, facts=40)
    for row in more.told:
        history.add(row.stream, row.name, row.state)
    done = catch_up(history, views)
    assert (done.applied, done.position) == (40, 80)
    assert views.digests() == filled(history).digests()


KILLED = """
import os, sys
from projections.consumer import catch_up
from projections.readmodels import READ_MODELS
from projections.readmodels.sqlite import sqlite_views
from tests.projections.history import random_history

batches, dies_in = 0, sys.argv[2]

def dying(model):
    def apply(writing, batch):
        global batches
        model.apply(writing, batch)
        batches += model.name == "life"
        if batches == 3 and model.name == dies_in:
            os._exit(137)
    return model._replace(apply=apply)

views = sqlite_views(sys.argv[1], models=[dying(model) for model in READ_MODELS])
catch_up(random_history(5, facts=100), views, batch=20)
"""


@pytest.mark.parametrize("model", [model.name for model in READ_MODELS])
def test_a_feeder_killed_in_the_middle_of_a_batch_leaves_nothing_of_it(model: str, tmp_path: Path) -> None:
    path = tmp_path / "views"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    died = subprocess.run([sys.executable, "-c", KILLED, str(path), model], env=environment, check=False)
    assert died.returncode == 137
    views = sqlite_views(path)
    assert views.next_position() == 41
    assert views.digests() == digests_from_rows(views)
    history = random_history(5, facts=100)
    assert catch_up(history, views).applied == 60
    assert views.digests() == filled(history).digests()


# -- views that are not of this code, this ledger, this history --------------------------------------------


@pytest.mark.parametrize("version", [0, VERSION + 1, 99])
def test_views_of_another_version_are_never_read_and_made_anew(version: int, tmp_path: Path) -> None:
    history = random_history(6)
    old = sqlite_views(tmp_path / "views", version=version)
    catch_up(history, old)
    old.close()
    views = sqlite_views(tmp_path / "views")
    with pytest.raises(ViewsOutdated):
        stock(views, BEGIN)
    done = catch_up(history, views)
    assert done.rebuilt is not None
    assert f"version {version}" in done.rebuilt
    assert views.digests() == filled(history).digests()


def test_views_that_are_not_there_yet_are_no_empty_answer() -> None:
    with pytest.raises(ViewsOutdated):
        stock(sqlite_views(":memory:"), BEGIN)


def test_views_of_another_ledger_are_made_anew() -> None:
    views = filled(random_history(7))
    other = random_history(8)
    other.ledger = "another"
    done = catch_up(other, views)
    assert done.rebuilt is not None
    assert done.applied == 120
    assert trace(views, f"{din(0)}=E0001V00", BEGIN)["ledger"] == "another"


@pytest.mark.parametrize("change", ["cut", "other fact"])
def test_views_ahead_of_a_restored_ledger_are_made_anew(change: str) -> None:
    history = random_history(9)
    views = filled(history)
    restored = History(history.ledger)
    restored.told = history.told[:100]
    if change == "other fact":
        restored.told = [*history.told[:119], history.told[119]._replace(state=history.told[0].state)]
    done = catch_up(restored, views)
    assert done.rebuilt is not None
    assert "position 120" in done.rebuilt
    assert done.position == len(restored.told)
    assert views.digests() == filled(restored).digests()


def test_a_file_that_is_no_database_is_a_fault_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "views").write_bytes(b"something else entirely" * 100)
    with pytest.raises(ViewsUnavailable, match="may be deleted"):
        sqlite_views(tmp_path / "views")


def test_a_file_that_is_something_else_is_never_dropped(tmp_path: Path) -> None:
    import sqlite3

    path = tmp_path / "ledger"
    with sqlite3.connect(path) as ledger:
        ledger.execute("CREATE TABLE stored_events (state BLOB)")
        ledger.execute("INSERT INTO stored_events VALUES (x'00')")
    views = sqlite_views(path)
    with pytest.raises(ViewsUnavailable, match="something else"):
        catch_up(random_history(1), views)
    with pytest.raises(ViewsUnavailable, match="something else"):
        stock(views, BEGIN)
    assert sqlite3.connect(path).execute("SELECT COUNT(*) FROM stored_events").fetchall() == [(1,)]


# -- parked facts --------------------------------------------------------------------------------------------


def parked_history(corrupt: str) -> tuple[History, str, str]:
    """A bag, its component and a split of it, all released; one fact of `corrupt` cannot be read."""
    history = History()
    whole = collect(history, 1, 0)
    cells, half = f"{din(1)}=E0336V00", f"{din(1)}=E0336VA0"
    process(history, "separate", [whole], [cells], 10)
    process(history, "split", [cells], [half], 20)
    history.tell(half, "bag.released", 30, basis="full_panel")
    stream = {"whole": whole, "donation": din(1), "half": half}[corrupt]
    history.add(stream, "bag.flown.v1", b"\xc3\x01" + b"unknown!" + b"\x00")
    history.tell(half, "bag.stored", 40, facility="A9999", place="F1")
    return history, cells, half


@pytest.mark.parametrize("corrupt", ["whole", "donation", "half"])
@pytest.mark.parametrize("batch", [1, 2000])
def test_no_bag_with_a_parked_fact_behind_it_counts_as_available(corrupt: str, batch: int) -> None:
    history, _, half = parked_history(corrupt)
    views = filled(history, batch)
    answer = trace(views, half, BEGIN)
    assert next(bag["status"] for bag in answer["bags"] if bag["bag"] == half) == "incomplete"
    assert "unknown schema" in answer["parked"][0]["reason"]
    rows = stock(views, BEGIN)["rows"]
    assert [(row["status"], row["bags"]) for row in rows] == [("incomplete", 1)]
    assert views.digests() == digests_from_rows(views)


def test_other_donations_go_on_beside_a_parked_fact() -> None:
    history, _, _ = parked_history("whole")
    other = collect(history, 2, 50)
    history.tell(other, "bag.released", 60, basis="full_panel")
    rows = stock(filled(history), BEGIN)["rows"]
    assert {row["status"]: row["bags"] for row in rows} == {"incomplete": 1, "available": 1}


def test_a_parked_fact_is_read_as_soon_as_the_code_can(monkeypatch: pytest.MonkeyPatch) -> None:
    import projections.decode as decoding

    history = random_history(10, corrections=0.2)
    unknown = "bag.stored.v1"

    def blind(state: bytes) -> tuple[str, dict[str, Any]]:
        wire, body = schemas.decode_raw(state)
        if wire == unknown:
            raise schemas.SchemaError("unknown schema fingerprint")
        return wire, body

    views = sqlite_views(":memory:")
    with monkeypatch.context() as patched:
        patched.setattr(decoding, "decode_raw", blind)
        catch_up(history, views, batch=7)
        with views.reading() as read:
            assert read.rows("SELECT COUNT(*) FROM parked") != [(0,)]
    catch_up(history, views)
    assert content(views) == content(filled(history))
    assert views.digests() == filled(history).digests()
    with views.reading() as read:
        assert read.rows("SELECT COUNT(*) FROM parked") == [(0,)]


def test_a_missing_fact_makes_its_bag_incomplete() -> None:
    history = History()
    bag = collect(history, 1, 0)
    history.tell(bag, "bag.stored", 10, facility="A9999")
    gone = history.tell(bag, "bag.released", 20, basis="full_panel")
    history.tell(bag, "bag.stored", 30, facility="A9999", place="F2")
    del history.told[gone]
    history.told = [row._replace(position=at) for at, row in enumerate(history.told, 1)]
    answer = trace(filled(history), bag, BEGIN)
    assert answer["bags"][0]["status"] == "incomplete"
    assert [(each["version"], each["reason"][:7]) for each in answer["parked"]] == [(3, "missing")]


def test_a_row_whose_name_is_not_its_bytes_is_parked() -> None:
    history = History()
    bag = collect(history, 1, 0)
    history.told[-1] = history.told[-1]._replace(name="bag.received.v1")
    assert trace(filled(history), bag, BEGIN)["bags"][0]["status"] == "incomplete"


def test_an_amendment_that_does_not_fit_is_parked_and_changes_nothing() -> None:
    history = History()
    bag = collect(history, 1, 0)
    changes = [{"field": "quantity", "value": '"lots"', "sealed": None}]
    history.tell(bag, "bag.amended", 5, target_version=1, changes=changes)
    row = trace(filled(history), bag, BEGIN)["bags"][0]
    assert (row["status"], row["quantity"]) == ("incomplete", "2")


def test_an_older_schema_reads_as_the_newest() -> None:
    history = History()
    bag = collect(history, 1, 0)
    wire = "bag.temperature_breached.v1"
    history.tell(bag, "bag.temperature_breached", 9, wire=wire, celsius=Decimal(12), minutes=30)
    fact = trace(filled(history), bag, BEGIN)["facts"][-1]
    assert fact["name"] == wire
    assert fact["fact"] == {
        "celsius_min": "12", "celsius_max": "12", "minutes": "30", "within_rule": False, "device": None,
    }  # fmt: skip


def test_nothing_known_of_a_subject_is_said_with_the_position() -> None:
    views = filled(random_history(11))
    for subject in (din(99), f"{din(99)}=E0001V00", "donor:nobody", "patient:nobody", "lot:none", "lot:filter:none"):
        with pytest.raises(NotFound, match="up to position 120"):
            trace(views, subject, BEGIN)
    assert "120" in NotFound("x", 120).message("zh")


def test_progress_is_told_per_batch() -> None:
    told: list[tuple[int, int]] = []
    catch_up(random_history(12), sqlite_views(":memory:"), lambda at, of: told.append((at, of)), batch=50)
    assert told == [(50, 120), (100, 120), (120, 120)]
