"""This file holds the tests of feeding views: facts in any order, parked, missing; files that are something else.

What every database of views promises is in tests/conformance/test_views.py.
"""

import random
from decimal import Decimal
from pathlib import Path

import pytest

import schemas
from projections.consumer import catch_up
from projections.decode import StoredRow
from projections.queries.stock import stock
from projections.queries.trace import NotFound, trace
from projections.readmodels.bags import BAGS
from projections.readmodels.database import OPEN, ViewsUnavailable
from projections.readmodels.lineage import LINEAGE
from projections.readmodels.live import Views
from projections.readmodels.sqlite import sqlite_views
from tests.projections.history import BEGIN, History, collect, din, random_history


def filled(history: History, batch: int = 2000) -> Views:
    views = sqlite_views(":memory:")
    catch_up(history, views, batch=batch)
    return views


@pytest.mark.parametrize("seed", range(6))
def test_observations_in_any_order_end_in_the_same_rows(seed: int) -> None:
    history = random_history(seed, facts=100, corrections=0)
    observed = [row for row in history.told if not counts_as_heard(row) and is_reported(row)]
    shuffled = random.Random(seed).sample(observed, len(observed))
    one, other = filled(history.again(observed), 9), filled(history.again(shuffled), 9)
    for model in (BAGS, LINEAGE):
        with one.reading() as mine, other.reading() as theirs:
            rows = [{row[:-2] for row in model.content.rows(read.rows) if row[-1] == OPEN} for read in (mine, theirs)]
        assert rows[0] == rows[1]


def counts_as_heard(row: StoredRow) -> bool:
    """Whether the order of hearing matters, as the write side means it to: what it counts, and retellings."""
    counted = ("held", "hold_lifted", "nonconformity", "tested", "prepared", "labelled")
    return row.name.split(".")[1].startswith(counted)


def is_reported(row: StoredRow) -> bool:
    return bool(schemas.decode(row.state)[1]["occasion"]["reported"])


# -- files that are something else ---------------------------------------------------------------------------


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


# -- facts that cannot be read or never came ------------------------------------------------------------------


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
