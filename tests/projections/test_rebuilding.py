"""This file holds the tests of rebuilding: beside the live views, compared at one position, switched at once."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import apsw
import pytest

from projections import rebuilding
from projections.consumer import StoreFeed, catch_up
from projections.queries.stock import stock
from projections.readmodels import READ_MODELS, VERSION
from projections.readmodels.database import ReadModel, ViewsOutdated
from projections.readmodels.live import Views
from projections.readmodels.postgres import postgres_views
from projections.readmodels.sqlite import sqlite_views
from projections.rebuilding import COMPARING, FEEDING, rebuild
from tests.projections.altering import said_otherwise
from tests.projections.history import BEGIN, History, random_history


def filled(path: Path, history: History, **how: Any) -> Views:
    views = sqlite_views(path / "views", **how)
    catch_up(history, views, batch=40)
    return views


def altered(path: Path, sql: str, name: str = "views") -> None:
    with closing(apsw.Connection(str(path / name))) as file:
        file.execute(sql)
        assert file.changes() == 1


def cut(history: History, last: int) -> History:
    earlier = History(history.ledger)
    earlier.told = history.told[:last]
    return earlier


def test_views_that_say_the_same_are_switched(tmp_path: Path) -> None:
    history = random_history(1, corrections=0.2)
    views = filled(tmp_path, history)
    before = stock(views, BEGIN)
    done = rebuild(StoreFeed(history), views)
    assert done.switched
    assert (done.view, done.version, done.replaces, done.position) == ("main", VERSION, VERSION, 120)
    assert done.differences == []
    assert done.damaged == {"live": [], "rebuilt": []}
    assert done.digest == before["digest"]
    assert views.place() == "green"
    assert stock(views, BEGIN) == before
    assert rebuild(StoreFeed(history), views).switched
    assert views.place() == "blue"
    assert stock(views, BEGIN) == before


def test_whoever_has_the_old_views_open_goes_on_with_the_new_ones(tmp_path: Path) -> None:
    history = random_history(2, facts=100)
    views, other = filled(tmp_path, cut(history, 60)), sqlite_views(tmp_path / "views")
    assert other.next_position() == 61
    assert rebuild(StoreFeed(cut(history, 60)), views).switched
    assert catch_up(history, other).position == 100
    assert other.place() == "green"
    assert other.digests() == fresh(history).digests()


def fresh(history: History) -> Views:
    views = sqlite_views(":memory:")
    catch_up(history, views)
    return views


@pytest.mark.parametrize(
    "table, sql",
    [
        ("life", "UPDATE life SET facts = X'C1' WHERE position = (SELECT MAX(position) FROM life)"),
        ("life", "DELETE FROM life WHERE position = (SELECT MAX(position) FROM life)"),
        ("positions", "DELETE FROM positions WHERE block = 0"),
        ("bags", "UPDATE spells SET place = 'X' WHERE (bag, from_position) = (SELECT bag, from_position FROM spells)"),
        ("bags", "DELETE FROM spells WHERE (bag, from_position) = (SELECT MAX(bag), MAX(from_position) FROM folds)"),
        ("lineage", "UPDATE lineage SET child = 'X' WHERE (parent, child, process, told_by, from_position) = "
         "(SELECT parent, child, process, told_by, from_position FROM lineage LIMIT 1)"),
        ("belongings", "DELETE FROM belongings WHERE (source, kind, key, stream, happened_at, from_position) = "
         "(SELECT source, kind, key, stream, happened_at, from_position FROM belongings LIMIT 1)"),
        ("folds", "UPDATE folds SET from_position = 1000 WHERE bag = (SELECT MIN(bag) FROM folds)"),
        ("corrected", "INSERT INTO corrected VALUES ('A99992500000')"),
    ],
)  # fmt: skip
def test_one_altered_row_is_found_named_and_keeps_the_views(table: str, sql: str, tmp_path: Path) -> None:
    history = random_history(3, corrections=0.2)
    views = filled(tmp_path, history)
    kept = views.digests()
    altered(tmp_path, sql)
    done = rebuild(StoreFeed(history), views)
    assert not done.switched
    assert views.place() == "blue"
    first = done.differences[0]
    assert first["table"] == table
    assert first["live"] != first["rebuilt"]
    assert set(first["key"]) <= {*(first["live"] or first["rebuilt"])}
    assert done.damaged == {"live": [table] if table in kept else [], "rebuilt": []}
    assert rebuild(StoreFeed(history), views, accept=True).switched
    assert views.digests() == fresh(history).digests()
    assert rebuild(StoreFeed(history), views).differences == []


def test_damage_in_what_was_rebuilt_is_told_apart_and_not_gone_on_with(tmp_path: Path) -> None:
    history = random_history(4)
    views = filled(tmp_path, history)
    catch_up(history, views.beside())
    database = views.beside().database
    with database.transaction(True, "alter a fact"):
        said_otherwise(database, 3, 2, "bag.flown.v1")
    done = rebuild(StoreFeed(history), views)
    assert not done.switched
    assert done.damaged == {"live": [], "rebuilt": ["life"]}
    assert done.differences[0]["key"] == {"stream": history.told[2].stream, "version": history.told[2].version}
    assert done.differences[0]["rebuilt"]["name"] == "bag.flown.v1"
    assert rebuild(StoreFeed(history), views).switched


def test_a_rebuild_goes_on_where_it_stopped(tmp_path: Path) -> None:
    history = random_history(5, facts=100)
    views = filled(tmp_path, history)
    catch_up(cut(history, 70), views.beside(), batch=10)

    class Counted(History):
        asked: list[int] = []

        def rows(self, after_position: int, limit: int) -> list[Any]:
            if limit > 1:
                self.asked.append(after_position)
            return history.rows(after_position, limit)

    source = Counted(history.ledger)
    source.told = history.told
    assert rebuild(StoreFeed(source), views).switched
    assert source.asked == [70]


def test_facts_recorded_while_views_are_rebuilt_are_in_them(tmp_path: Path) -> None:
    history = random_history(6, facts=400)
    growing = cut(history, 100)
    views, feeder = filled(tmp_path, growing), sqlite_views(tmp_path / "views")
    fed: list[int] = []

    def record_and_feed() -> None:
        while len(growing.told) < 400:
            growing.told = history.told[: len(growing.told) + 3]
            fed.append(catch_up(growing, feeder, batch=2).position)

    with ThreadPoolExecutor(1) as beside:
        recording = beside.submit(record_and_feed)
        rebuilds = [rebuild(StoreFeed(growing), views)]
        while not recording.done():
            rebuilds.append(rebuild(StoreFeed(growing), views))
        recording.result()
    assert all(each.switched for each in rebuilds)
    assert fed == sorted(fed)
    assert fed[-1] == 400
    assert catch_up(history, feeder).position == 400
    assert feeder.digests() == fresh(history).digests()


def other_version(model: ReadModel) -> ReadModel:
    """The same read model as another version of the code had it: donations without their kind."""
    if model.name != "donations":
        return model
    return model._replace(ddl=("CREATE TABLE donations (din TEXT)",), apply=lambda writing, batch: None)


@pytest.mark.parametrize("version", [VERSION - 1, VERSION + 1])
def test_another_version_lists_what_differs_and_switches_when_accepted(version: int, tmp_path: Path) -> None:
    history = random_history(7)
    old = filled(tmp_path, history, version=version, models=[other_version(model) for model in READ_MODELS])
    old.close()
    views = sqlite_views(tmp_path / "views")
    with pytest.raises(ViewsOutdated):
        stock(views, BEGIN)
    done = rebuild(StoreFeed(history), views)
    assert (done.switched, done.version, done.replaces) == (False, VERSION, version)
    assert [each["table"] for each in done.differences] == ["donations"]
    done = rebuild(StoreFeed(history), views, accept=True)
    assert done.switched
    assert views.digests() == fresh(history).digests()


def test_another_version_that_says_the_same_is_switched(tmp_path: Path) -> None:
    history = random_history(8)
    filled(tmp_path, cut(history, 100), version=VERSION - 1).close()
    views = sqlite_views(tmp_path / "views")
    done = rebuild(StoreFeed(history), views)
    assert (done.switched, done.replaces, done.position) == (True, VERSION - 1, 120)


def test_where_there_are_no_views_they_are_made(tmp_path: Path) -> None:
    history = random_history(9)
    views = sqlite_views(tmp_path / "views")
    done = rebuild(StoreFeed(history), views)
    assert (done.switched, done.replaces, done.position) == (True, None, 120)
    other = random_history(10)
    other.ledger = "another"
    assert rebuild(StoreFeed(other), views).replaces is None
    assert stock(views, BEGIN)["ledger"] == "another"


def test_progress_tells_of_both_stages(tmp_path: Path) -> None:
    history = random_history(11)
    heard: list[tuple[str, int, int]] = []
    many = History()
    for again in range(12):
        for row in history.told:
            many.add(f"{row.stream}{again}", row.name, row.state)
    rebuild(StoreFeed(many), filled(tmp_path, many), progress=lambda *each: heard.append(each))
    assert {stage for stage, _, _ in heard} == {FEEDING, COMPARING}
    assert all(0 < done <= total for _, done, total in heard)


KILLED = """
import os, sys
from functools import partial
from pathlib import Path
from projections.readmodels import live, view_set
from projections import rebuilding
from projections.consumer import StoreFeed
from tests.projections.altering import said_otherwise
from tests.projections.history import random_history
from tests.projections.test_rebuilding import views_at

point = sys.argv[2]
def die(*_, **__):
    os._exit(137)

class Dying(rebuilding.Views):
    def _point_to(self, place):
        if point == "before the pointer": die()
        super()._point_to(place)
        if point == "after the pointer": die()

views = views_at(sys.argv[1])
views.__class__ = Dying
if point == "before clearing": rebuilding._give_back = die
if point == "while comparing": rebuilding._Comparison._rows = die
if point == "before retiring": view_set.ViewSet.retire = die
if point == "after retiring":
    retire = view_set.ViewSet.retire
    def retired(self):
        retire(self); die()
    view_set.ViewSet.retire = retired
rebuilding.rebuild(StoreFeed(random_history(12)), views)
"""
POINTS = ("while comparing", "before the pointer", "after the pointer", "before retiring", "after retiring",
          "before clearing")  # fmt: skip


def views_at(where: str) -> Views:
    return postgres_views(where) if where.startswith("postgresql://") else sqlite_views(where)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where views are: a file, or a database."""
    return str(tmp_path / "views") if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


@pytest.mark.parametrize("live", ["blue", "green"])
@pytest.mark.parametrize("point", POINTS)
def test_killed_anywhere_in_a_rebuild_one_whole_set_is_live(live: str, point: str, where: str) -> None:
    history = random_history(12)
    views = views_at(where)
    catch_up(history, views, batch=40)
    if live == "green":
        assert rebuild(StoreFeed(history), views).switched
    expected = stock(views, BEGIN)
    views.close()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    died = subprocess.run([sys.executable, "-c", KILLED, where, point], env=environment, check=False)
    assert died.returncode == 137
    views = views_at(where)
    assert stock(views, BEGIN) == expected
    for row in random_history(13, facts=30).told:
        history.add(row.stream, row.name, row.state)
    assert catch_up(history, views).rebuilt is None
    assert views.digests() == fresh(history).digests()
    assert rebuild(StoreFeed(history), views).switched
    assert views.digests() == fresh(history).digests()
    views.close()


LARGE = """
import sys
import schemas
from projections.rebuilding import rebuild
from projections.consumer import StoreFeed, catch_up
from projections.readmodels.sqlite import sqlite_views
from tests.projections.altering import said_otherwise
from tests.projections.history import Head, Row, encoded, plain_life

DONATIONS = 3_000

class Streamed:
    # A ledger that is never in memory: donation after donation, made as it is read.
    facts = sum(1 for _ in plain_life(0, 0.0))

    def ledger_id(self): return "streamed"
    def head(self): return Head(self.facts * DONATIONS)

    def rows(self, after, limit):
        found = []
        for number in range(after // self.facts, DONATIONS):
            versions, first = {}, number * self.facts + 1
            for position, (_, (stream, name, at, said)) in enumerate(plain_life(number, number * 3.0), first):
                version = versions[stream] = versions.get(stream, 0) + 1
                if position > after:
                    wire = schemas.newest(name)
                    state = encoded(wire, at, f"r{position}", said)
                    found.append(Row(position, position - 1, stream, version, wire, 10**15 + position, state))
                if len(found) == limit:
                    return found
        return found

source, views = Streamed(), sqlite_views(sys.argv[1])
assert source.head().position > 100_000, "far enough behind for large batches"
catch_up(source, views)
assert rebuild(StoreFeed(source), views).switched
# Not ru_maxrss: that begins with what the process that started this one had.
print(next(int(line.split()[1]) // 1024 for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells how much memory was used")
def test_a_rebuild_of_large_batches_stays_under_300_mb(tmp_path: Path) -> None:
    """Both sets' caches full, batches of the largest size: more facts take no more memory, only more batches."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", LARGE, str(tmp_path / "views")]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    assert 50 < int(done.stdout) < 300


def test_views_that_were_filled_again_meanwhile_are_not_given_back(where: str) -> None:
    history = random_history(14, facts=60)
    views = views_at(where)
    catch_up(history, views)
    assert rebuild(StoreFeed(history), views).switched
    retired = views.beside()
    catch_up(history, retired)
    rebuilding._give_back(retired)
    assert retired.digests() == views.digests()
    views.close()


@pytest.mark.parametrize("there", [True, False])
def test_several_rebuilds_at_once_disturb_nobody(there: bool, where: str) -> None:
    history = random_history(14, facts=300)
    several = [views_at(where) for _ in range(3)]
    if there:
        catch_up(history, several[0])
    with ThreadPoolExecutor(3) as at_once:
        done = [each for _ in range(3) for each in at_once.map(partial(rebuild, StoreFeed(history)), several)]
    assert all(each.differences == [] for each in done)
    assert any(each.switched for each in done)
    for views in several:
        assert catch_up(history, views).position == 300
        assert views.digests() == fresh(history).digests()
        views.close()
