"""This file holds the promises of a set of views, run over SQLite and PostgreSQL: one suite, the same digests."""

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import psycopg
import pytest

import schemas
from projections.consumer import StoreFeed, catch_up
from projections.decode import EPOCH
from projections.queries.asking import ask
from projections.queries.donations import donations
from projections.queries.questions import QUESTIONS
from projections.queries.recall import recalled
from projections.queries.stock import stock
from projections.queries.subjects import NotFound
from projections.queries.trace import trace
from projections.readmodels import READ_MODELS, VERSION
from projections.readmodels.database import DIGEST_SPACE, Content, Row, ViewsOutdated, ViewsUnavailable
from projections.readmodels.live import Views
from projections.readmodels.postgres import PostgresDatabase, postgres_views
from projections.readmodels.sqlite import sqlite_views
from projections.readmodels.view_set import Transaction, ViewSet, hexadecimal
from projections.rebuilding import rebuild
from tests.journeys.terminal import DIN, RED, Terminal, life
from tests.projections.altering import said_otherwise
from tests.projections.history import (
    BEGIN,
    PATIENTS,
    History,
    collect,
    din,
    large_history,
    process,
    random_history,
    units,
)


def views_at(place: str, **how: Any) -> Views:
    """Views in a file or on a server."""
    return postgres_views(place, **how) if place.startswith("postgresql://") else sqlite_views(place, **how)


@pytest.fixture
def server(postgres_url: str) -> Iterator[str]:
    """URL of a server whose views are dropped after the test."""
    yield postgres_url
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        ((own,),) = connection.execute("SELECT current_schema()").fetchall()
        for place in ("blue", "green"):
            connection.execute(f"DROP SCHEMA IF EXISTS {own}_views_{place} CASCADE".encode())


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a test's views are."""
    return str(tmp_path / "views") if request.param == "sqlite" else request.getfixturevalue("server")


Opening = Callable[..., Views]


@pytest.fixture
def opened(place: str) -> Iterator[Opening]:
    """Opens the views there, as often as a test wants."""
    with ExitStack() as closing:

        def one_more(**how: Any) -> Views:
            views = views_at(place, **how)
            closing.callback(views.close)
            return views

        yield one_more


@pytest.fixture
def views(opened: Opening) -> Views:
    return opened()


def in_memory(history: History, batch: int = 2000) -> Views:
    """What the views of every database are held against."""
    views = sqlite_views(":memory:")
    catch_up(history, views, batch=batch)
    return views


def until(history: History, position: int) -> History:
    """The history as it was when that position was its last."""
    earlier = History(history.ledger)
    earlier.told = history.told[:position]
    return earlier


def content(views: Views) -> dict[str, list[Row]]:
    """Every row of every table that is told of facts."""
    with views.reading() as read:
        contents = [each for model in READ_MODELS for each in (model.content, *model.beside)]
        return {each.table: list(each.rows(read.rows)) for each in contents}


def counted_digest(read: Transaction, content: Content) -> str:
    """The digest of a read model, from the rows that are there."""
    return hexadecimal(sum(map(content.digest_of, content.rows(read.walk))) % DIGEST_SPACE)


def digests_from_rows(views: Views) -> dict[str, str]:
    with views.reading() as read:
        return {model.name: counted_digest(read, model.content) for model in READ_MODELS}


# -- feeding ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("batch", [1, 2, 17, 64, 2000])
def test_any_batch_size_makes_the_same_views_in_any_database(views: Views, seed: int, batch: int) -> None:
    history = random_history(seed, facts=150, corrections=0.15)
    catch_up(history, views, batch=batch)
    expected = in_memory(history)
    assert content(views) == content(expected)
    assert views.digests() == expected.digests()


@pytest.mark.parametrize("seed", range(4))
def test_the_digest_is_the_sum_of_the_rows_that_are_there(views: Views, seed: int) -> None:
    catch_up(random_history(seed, facts=150, corrections=0.2), views, batch=11)
    assert views.digests() == digests_from_rows(views)


@pytest.mark.parametrize("left_after", [1, 5_001, 100_000])
def test_a_walk_comes_by_every_row_and_may_be_left(views: Views, left_after: int) -> None:
    catch_up(random_history(3, facts=90), views)
    many = (
        "SELECT one.from_position * 1000 + other.from_position FROM spells AS one, spells AS other, lineage ORDER BY 1"
    )
    for _ in range(2):
        with views.reading() as read:
            whole = read.rows(many)
            assert len(whole) > 10_000
            walks = [read.walk(many), read.walk(many)]
            assert [list(islice(walk, left_after)) for walk in walks] == [whole[:left_after]] * 2


def test_views_are_fed_from_where_they_stopped(opened: Opening) -> None:
    history = random_history(3, facts=40)
    catch_up(history, opened())
    for row in random_history(4, facts=40).told:
        history.add(row.stream, row.name, row.state)
    done = catch_up(history, views := opened())
    assert (done.applied, done.position) == (40, 80)
    assert views.digests() == in_memory(history).digests()


@pytest.mark.parametrize("batch", [1, 2000])
def test_a_link_that_is_told_twice_is_known_since_it_was_told_first(batch: int, views: Views) -> None:
    history = History()
    bag = collect(history, 1, 0)
    prepared = {"parents": [f"{din(2)}=E0001V00"], "process": "pool", "process_id": "p", "facility": "A9999"}
    made = {"component": "whole_blood", "quantity": units("2"), "purpose": "allogeneic"}
    again = History()  # at one instant, and the preparation was heard of first
    again.tell(bag, "bag.prepared", 0, **prepared, **made)
    again.add(bag, history.told[1].name, history.told[1].state)
    catch_up(again, views, batch=batch)
    sql = "SELECT from_position FROM belongings WHERE source = ? AND kind = 'facility'"
    with views.reading() as read:
        assert read.rows(sql, [bag]) == [(1,)]


# -- the fence and two feeders ---------------------------------------------------------------------------


def test_a_batch_that_is_no_longer_expected_is_dropped(opened: Opening) -> None:
    history = random_history(1)
    one, other = opened(), opened()
    catch_up(history, one, batch=50)
    before = content(one)
    assert other.apply(history.rows(0, 50), 1) is False
    assert other.apply(history.rows(49, 50), 50) is False
    assert content(other) == before


def test_two_feeders_at_once_apply_every_fact_once(opened: Opening) -> None:
    history = random_history(2, facts=200)
    views, rival = opened(), opened()

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
    assert views.digests() == in_memory(history).digests()


def ran(script: str, *arguments: str) -> "subprocess.Popen[str]":
    """A process of its own that can import what this one can."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen([sys.executable, "-c", script, *arguments], env=environment, text=True, stdout=-1)


FEEDING = """
import sys
from projections.consumer import StoreFeed, catch_up
from tests.conformance.test_views import views_at
from tests.projections.history import random_history

views = views_at(sys.argv[1])
done = catch_up(random_history(5, facts=400), views, batch=4)
views.close()
print(done.applied, done.position)
"""


def test_processes_that_begin_the_same_views_at_once_share_the_work(place: str, opened: Opening) -> None:
    feeders = [ran(FEEDING, place) for _ in range(3)]
    said = [feeder.communicate()[0].split() for feeder in feeders]
    assert [feeder.returncode for feeder in feeders] == [0, 0, 0]
    assert sum(int(applied) for applied, _ in said) == 400
    assert {position for _, position in said} == {"400"}
    assert opened().digests() == in_memory(random_history(5, facts=400)).digests()


KILLED = """
import os, sys
from projections.consumer import catch_up
from projections.readmodels import READ_MODELS
from tests.conformance.test_views import views_at
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

views = views_at(sys.argv[1], models=[dying(model) for model in READ_MODELS])
catch_up(random_history(5, facts=100), views, batch=20)
"""


@pytest.mark.parametrize("model", [model.name for model in READ_MODELS])
def test_a_feeder_killed_in_the_middle_of_a_batch_leaves_nothing_of_it(model: str, place: str, opened: Opening) -> None:
    died = ran(KILLED, place, model)
    died.communicate()
    assert died.returncode == 137
    views = opened()
    assert views.next_position() == 41
    assert views.digests() == digests_from_rows(views)
    history = random_history(5, facts=100)
    assert catch_up(history, views).applied == 60
    assert views.digests() == in_memory(history).digests()


def test_a_question_sees_one_position_while_feeders_go_on(opened: Opening) -> None:
    history = random_history(12)
    views, feeder = opened(), opened()
    catch_up(until(history, 60), views)
    with views.reading() as read:
        before = (read.digest(), read.rows("SELECT bag, from_position, to_position FROM bags ORDER BY 1, 2"))
        assert catch_up(history, feeder).applied == 60
        assert (read.digest(), read.rows("SELECT bag, from_position, to_position FROM bags ORDER BY 1, 2")) == before
    with views.reading() as read:
        assert read.digest() != before[0]


# -- views that are not of this code, this ledger, this history --------------------------------------------


@pytest.mark.parametrize("version", [0, VERSION + 1, 99])
def test_views_of_another_version_are_never_read_and_made_anew(version: int, opened: Opening) -> None:
    history = random_history(6)
    catch_up(history, opened(version=version))
    views = opened()
    with pytest.raises(ViewsOutdated):
        stock(views, BEGIN)
    done = catch_up(history, views)
    assert done.rebuilt == ("version", str(version), str(VERSION))
    assert views.digests() == in_memory(history).digests()


def test_views_that_are_not_there_yet_are_no_empty_answer(views: Views) -> None:
    with pytest.raises(ViewsOutdated):
        stock(views, BEGIN)


def test_views_of_another_ledger_are_made_anew(views: Views) -> None:
    catch_up(random_history(7), views)
    other = random_history(8)
    other.ledger = "another"
    done = catch_up(other, views)
    assert done.rebuilt is not None
    assert done.applied == 120
    assert trace(views, f"{din(0)}=E0001V00", BEGIN)["ledger"] == "another"


@pytest.mark.parametrize("change", ["cut", "other fact"])
def test_views_ahead_of_a_restored_ledger_are_made_anew(change: str, views: Views) -> None:
    history = random_history(9)
    catch_up(history, views)
    restored = until(history, 100)
    if change == "other fact":
        restored.told = [*history.told[:119], history.told[119]._replace(state=history.told[0].state)]
    done = catch_up(restored, views)
    assert done.rebuilt == ({"cut": "cut", "other fact": "other"}[change], "120")
    assert done.position == len(restored.told)
    assert views.digests() == in_memory(restored).digests()


# -- parked facts --------------------------------------------------------------------------------------------


def parked_history(corrupt: str) -> tuple[History, str]:
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
    return history, half


@pytest.mark.parametrize("corrupt", ["whole", "donation", "half"])
@pytest.mark.parametrize("batch", [1, 2000])
def test_no_bag_with_a_parked_fact_behind_it_counts_as_available(corrupt: str, batch: int, views: Views) -> None:
    history, half = parked_history(corrupt)
    catch_up(history, views, batch=batch)
    answer = trace(views, half, BEGIN)
    assert next(bag["status"] for bag in answer["bags"] if bag["bag"] == half) == "incomplete"
    assert "unknown schema" in answer["parked"][0]["reason"]
    rows = stock(views, BEGIN)["rows"]
    assert [(row["status"], row["bags"]) for row in rows] == [("incomplete", 1)]
    assert views.digests() == digests_from_rows(views)


def test_other_donations_go_on_beside_a_parked_fact(views: Views) -> None:
    history, _ = parked_history("whole")
    other = collect(history, 2, 50)
    history.tell(other, "bag.released", 60, basis="full_panel")
    catch_up(history, views)
    rows = stock(views, BEGIN)["rows"]
    assert {row["status"]: row["bags"] for row in rows} == {"incomplete": 1, "available": 1}


def test_a_parked_fact_is_read_as_soon_as_the_code_can(views: Views, monkeypatch: pytest.MonkeyPatch) -> None:
    import projections.decode as decoding

    history = random_history(10, corrections=0.2)

    def blind(state: bytes) -> tuple[str, dict[str, Any]]:
        wire, body = schemas.decode_raw(state)
        if wire == "bag.stored.v1":
            raise schemas.SchemaError("unknown schema fingerprint")
        return wire, body

    with monkeypatch.context() as patched:
        patched.setattr(decoding, "decode_raw", blind)
        catch_up(history, views, batch=7)
        with views.reading() as read:
            assert read.rows("SELECT COUNT(*) FROM parked") != [(0,)]
    catch_up(history, views)
    assert content(views) == content(in_memory(history))
    assert views.digests() == in_memory(history).digests()
    with views.reading() as read:
        assert read.rows("SELECT COUNT(*) FROM parked") == [(0,)]


# -- answers -------------------------------------------------------------------------------------------------


def subjects(history: History) -> list[str]:
    """What questions may be asked about, each kind at least once."""
    names = sorted({row.stream for row in history.told})
    others = ("lot:L1", "lot:filter:L1", "operator:staff-1", "facility:A9999", "donor:d", din(0), din(77))
    return [*names, *(f"patient:{name}" for name in PATIENTS), *others]


def asked(question: Callable[..., Any], *given: Any, **options: Any) -> Any:
    """An answer, or that nothing is known."""
    try:
        return question(*given, **options)
    except NotFound as error:
        return str(error)


def answers(views: Views, history: History, known_at: datetime | None) -> Iterator[tuple[Any, ...]]:
    """Everything there is to ask."""
    yield "stock", stock(views, BEGIN, known_at=known_at, all=True, forecast_days=10)
    for subject in subjects(history):
        yield "trace", subject, asked(trace, views, subject, BEGIN, known_at=known_at)
    for question in QUESTIONS:
        whole_ledger = not question.subjects or "ledger" in question.subjects
        for subject in [None] if whole_ledger else subjects(history):
            if subject is None or fits(question.subjects, subject):
                yield question.name, subject, asked(ask, views, question, subject, BEGIN, known_at)
    for subject in ("lot:L1", "donor:d", f"{din(1)}=E0001V00"):
        yield "recall", subject, asked(recalled, views, subject, BEGIN, known_at=known_at)


def fits(kinds: tuple[str, ...], subject: str) -> bool:
    noun = subject.partition(":")[0] if ":" in subject else "bag" if "=" in subject else "DIN"
    return any(kind.partition(":")[0] == noun for kind in kinds)


@pytest.mark.postgres
@pytest.mark.parametrize("seed", range(3))
def test_every_answer_is_the_same_from_either_database(server: str, seed: int) -> None:
    history = random_history(seed, facts=150, corrections=(0.05, 0.2, 0.4)[seed % 3])
    views, other = postgres_views(server), in_memory(history)
    catch_up(history, views, batch=(7, 64)[seed % 2])
    assert donations(views) == donations(other)
    for position in (None, *random.Random(seed).sample(range(1, 151), 2)):
        known_at = None if position is None else recorded(history, position)
        for mine, theirs in zip(answers(views, history, known_at), answers(other, history, known_at), strict=True):
            assert mine == theirs
    views.close()


def recorded(history: History, position: int) -> datetime:
    return EPOCH + timedelta(microseconds=history.told[position - 1].recorded_at)


HEAD = ("known_at", "complete_to", "digest")


@pytest.mark.parametrize("seed", range(4))
def test_as_known_then_is_what_was_answered_then(views: Views, seed: int) -> None:
    history = random_history(seed, facts=90, bags=5, corrections=0.2)
    catch_up(history, views, batch=13)
    for position in random.Random(seed).sample(range(1, 91), 5):
        known_at, then = recorded(history, position), in_memory(until(history, position))
        options: Any
        for options in ({}, {"all": True}, {"forecast_days": 10}):
            mine, theirs = stock(views, BEGIN, known_at=known_at, **options), stock(then, BEGIN, **options)
            assert {**mine, **dict.fromkeys(HEAD)} == {**theirs, **dict.fromkeys(HEAD)}
        for stream in sorted({row.stream for row in history.told}):
            assert traced(views, stream, known_at) == traced(then, stream, None)


def traced(views: Views, subject: str, known_at: datetime | None) -> Any:
    """What a trace says, but for the position an edge is known since: a retold edge is known once more."""
    answer = asked(trace, views, subject, BEGIN, known_at=known_at)
    if isinstance(answer, str):
        return answer
    edges = [(edge["parent"], edge["child"], edge["process"]) for edge in answer["edges"]]
    return answer | dict.fromkeys(HEAD) | {"edges": edges}


# -- rebuilding ----------------------------------------------------------------------------------------------


def test_views_are_rebuilt_beside_the_live_ones_and_switched(opened: Opening) -> None:
    history = random_history(1, corrections=0.2)
    views, other = opened(), opened()
    catch_up(history, views, batch=40)
    before = stock(views, BEGIN)
    for now_in in ("green", "blue", "green"):
        done = rebuild(StoreFeed(history), views)
        assert (done.switched, done.differences, done.digest) == (True, [], before["digest"])
        assert views.place() == other.place() == now_in
        assert stock(other, BEGIN) == before
    for row in random_history(13, facts=30).told:
        history.add(row.stream, row.name, row.state)
    assert catch_up(history, other).applied == 30
    assert views.digests() == in_memory(history).digests()


def test_an_altered_row_is_named_and_keeps_the_views(views: Views) -> None:
    history = random_history(3, corrections=0.2)
    catch_up(history, views, batch=40)
    database = views.live().database
    with database.transaction(True, "alter a row"):
        said_otherwise(database, 3, 2, "bag.flown.v1")
    done = rebuild(StoreFeed(history), views)
    assert not done.switched
    assert [(each["table"], each["key"]) for each in done.differences] == [
        ("life", {"stream": history.told[2].stream, "version": history.told[2].version})
    ]
    assert done.damaged == {"live": ["life"], "rebuilt": []}
    assert rebuild(StoreFeed(history), views, accept=True).switched
    assert views.digests() == in_memory(history).digests()


def test_feeders_go_on_while_views_are_rebuilt(opened: Opening) -> None:
    history = random_history(6, facts=300)
    growing, views, feeder = until(history, 100), opened(), opened()
    catch_up(growing, views)

    def record_and_feed() -> None:
        while len(growing.told) < 300:
            growing.told = history.told[: len(growing.told) + 4]
            catch_up(growing, feeder, batch=2)

    with ThreadPoolExecutor(1) as beside:
        recording = beside.submit(record_and_feed)
        rebuilds = [rebuild(StoreFeed(growing), views)]
        while not recording.done():
            rebuilds.append(rebuild(StoreFeed(growing), views))
        recording.result()
    assert all(each.switched for each in rebuilds)
    assert catch_up(history, feeder).position == 300
    assert feeder.digests() == in_memory(history).digests()


# -- ledger here, views there --------------------------------------------------------------------------------


class Placed(Terminal):
    """A terminal whose ledger and views are where a test wants them."""

    def __init__(self, folder: Path, ledger: str, views: str) -> None:
        super().__init__(folder)
        self._places = {
            "BLOODLEDGER_LEDGER": ledger,
            "BLOODLEDGER_VIEWS": views,
            "BLOODLEDGER_KEYS": str(folder / "keys"),
        }

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | self._places


@pytest.mark.postgres
@pytest.mark.parametrize("ledger, views", [("file", "server"), ("server", "file"), ("server", "server")])
def test_ledger_and_views_may_be_in_different_databases(ledger: str, views: str, server: str, tmp_path: Path) -> None:
    places = {"file": str(tmp_path / "placed.db"), "server": server}
    terminal = Placed(tmp_path, places[ledger], places[views] + (".views" if views == "file" else ""))
    plain = Terminal(tmp_path, "plain.db")
    for each in (terminal, plain):
        assert each.record(*life()).code == 0
    for question in (("trace", DIN), ("trace", RED), ("stock",)):
        mine, theirs = (each.run(*question, "--json").json for each in (terminal, plain))
        for varying in ("ledger", "digest", "facts", "at"):
            mine.pop(varying, None), theirs.pop(varying, None)
        assert mine == theirs


# -- on a server alone ---------------------------------------------------------------------------------------


@pytest.fixture
def on_server(server: str) -> Iterator[Views]:
    views = postgres_views(server)
    yield views
    views.close()


SMALL = {"shelves", "parked", "corrected", "progress", "versions", "digests", "live", "partitions"}
"""Tables that do not grow with the ledger, or hold what went wrong."""


class Explaining(PostgresDatabase):
    """Keeps the plan of each question that is asked of it."""

    plans: list[tuple[str, dict[str, Any]]] = []

    def rows(self, sql: str, parameters: Any = ()) -> list[Row]:
        if sql.lstrip().startswith(("SELECT", "WITH")):
            explained = super().rows(f"EXPLAIN (FORMAT JSON) {sql}", parameters)[0][0]
            self.plans += [(sql, each["Plan"]) for each in explained]
        return super().rows(sql, parameters)

    def read_whole(self) -> set[tuple[str, str]]:
        """Tables that some plan reads from end to end, by themselves or by an index, and for which question."""
        found = {(each["Relation Name"], sql) for sql, plan in self.plans for each in _nodes(plan) if _reads_all(each)}
        return {(table, sql) for table, sql in found if table not in SMALL}


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)


def _reads_all(node: dict[str, Any]) -> bool:
    """A condition narrows what an index gives; a partial one of what is in stock holds no more than is asked for."""
    if "Relation Name" not in node or node["Node Type"] == "Bitmap Heap Scan":
        return False
    return "Index Cond" not in node and node.get("Index Name") != "spells_in_stock"


@pytest.mark.postgres
def test_no_question_about_one_bag_or_the_stock_reads_a_whole_table(server: str) -> None:
    history = History()
    for stream, name, at, said in large_history(400):
        history.tell(stream, name, at, **said)
    database = Explaining(server, "blue")
    views = Views(lambda place: ViewSet(database))
    catch_up(history, views)
    database.plans.clear()
    for known_at in (None, recorded(history, 14_000)):
        for subject in (f"{din(50)}=E0336V00", din(50), "donor:d50", "patient:p50"):
            assert trace(views, subject, BEGIN, known_at=known_at)["position"] > 0
        assert stock(views, BEGIN, known_at=known_at, forecast_days=5)["position"] > 0
    assert len(database.plans) > 50
    assert database.read_whole() == set()
    with views.reading() as read:
        read.rows("SELECT stream FROM life ORDER BY position")
    assert database.read_whole() == {("life", "SELECT stream FROM life ORDER BY position")}
    views.close()


@pytest.mark.postgres
def test_names_are_ordered_by_their_bytes(server: str, on_server: Views) -> None:
    catch_up(random_history(1), on_server)
    collations = """SELECT DISTINCT collname FROM pg_attribute JOIN pg_collation ON pg_collation.oid = attcollation
        WHERE atttypid = 'text'::regtype AND attrelid IN (
            SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace)"""
    with on_server.reading() as read:
        assert read.rows(collations) == [("C",)]


@pytest.mark.postgres
def test_what_is_quoted_is_no_parameter(on_server: Views) -> None:
    catch_up(random_history(1, facts=5), on_server)
    with on_server.reading() as read:
        assert read.rows("SELECT '50% {each}?', CAST(? AS BIGINT) % 7, '?'", ["9"]) == [("50% {each}?", 2, "?")]


def cut_off(server: str) -> None:
    """End every session of this test but this one."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = %s AND pid <> %s",
            (connection.info.parameter_status("application_name"), connection.info.backend_pid),
        )


@pytest.mark.postgres
def test_a_connection_that_was_cut_is_made_anew(server: str, on_server: Views) -> None:
    history = random_history(1)
    catch_up(until(history, 60), on_server)
    cut_off(server)
    assert catch_up(history, on_server).applied == 60
    cut_off(server)
    assert stock(on_server, BEGIN)["position"] == 120


@pytest.mark.postgres
def test_a_connection_cut_in_a_batch_leaves_nothing_of_it(server: str, on_server: Views) -> None:
    history = random_history(1)
    catch_up(until(history, 60), on_server)
    live = on_server.live()

    def fed_until_cut() -> None:
        with live.database.transaction(True, "feed"):
            assert live.apply_within(history.rows(60, 30), 61)
            cut_off(server)

    with pytest.raises(ViewsUnavailable, match="try again"):
        fed_until_cut()
    assert on_server.next_position() == 61
    assert catch_up(history, on_server).applied == 60
    assert on_server.digests() == in_memory(history).digests()


def waits_for_a_lock(server: str) -> None:
    """Returns when another session of this test does."""
    with psycopg.connect(server, autocommit=True) as connection:
        waiting = "SELECT 1 FROM pg_stat_activity WHERE application_name = %s AND wait_event_type = 'Lock'"
        while not connection.execute(waiting, (connection.info.parameter_status("application_name"),)).fetchall():
            pass


@pytest.mark.postgres
def test_views_are_not_dropped_under_who_reads_them(server: str, on_server: Views) -> None:
    history = random_history(1)
    catch_up(history, on_server)
    rival = postgres_views(server)
    with ThreadPoolExecutor(1) as beside:
        with on_server.reading() as read:
            dropping = beside.submit(rival.rebuild, history.ledger)
            waits_for_a_lock(server)
            assert read.rows("SELECT next - 1 FROM progress") == [(120,)]
        dropping.result()
    rival.close()
    assert stock(on_server, BEGIN)["position"] == 0


@pytest.mark.postgres
def test_who_reads_while_views_are_made_anew_sees_the_new_ones(server: str, on_server: Views) -> None:
    history = random_history(1)
    catch_up(history, on_server)
    reader = postgres_views(server)
    live = on_server.live()
    with ThreadPoolExecutor(1) as beside:
        with live.database.transaction(True, "make the views anew"):
            live.database.clear()
            asking = beside.submit(stock, reader, BEGIN)
            waits_for_a_lock(server)
            live._make(history.ledger)
            assert live.apply_within(history.rows(0, 100), 1)
        assert asking.result()["position"] == 100
    reader.close()


@pytest.mark.postgres
def test_a_schema_that_is_something_else_is_never_dropped(server: str, on_server: Views) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        ((own,),) = connection.execute("SELECT current_schema()").fetchall()
        connection.execute(f"CREATE SCHEMA {own}_views_blue".encode())
        connection.execute(f"CREATE TABLE {own}_views_blue.life AS SELECT 1 AS one".encode())
        with pytest.raises(ViewsUnavailable, match="something else"):
            catch_up(random_history(1), on_server)
        with pytest.raises(ViewsUnavailable, match="something else"):
            stock(on_server, BEGIN)
        assert connection.execute(f"SELECT one FROM {own}_views_blue.life".encode()).fetchall() == [(1,)]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://nobody:hush-hush@127.0.0.1:1/nothing?connect_timeout=1",
        "postgresql://nobody:hush hush@127.0.0.1/nothing",
        "postgresql://nobody:hush%zz@127.0.0.1/nothing",
        "postgresql://nobody@127.0.0.1:1/nothing?sslpassword=hush&connect_timeout=1",
    ],
)
def test_a_server_that_is_away_is_a_fault_and_no_password_is_told(url: str) -> None:
    with pytest.raises(ViewsUnavailable) as caught:
        stock(postgres_views(url), BEGIN)
    told: BaseException | None = caught.value
    assert "PostgreSQL" in str(told) or "URL" in str(told)
    while told is not None:
        assert "hush" not in str(told)
        told = told.__cause__ or (None if told.__suppress_context__ else told.__context__)
