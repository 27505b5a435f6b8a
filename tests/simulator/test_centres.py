"""This file holds the test that a world of centres is the same for a seed, goes on where it stopped, and is checked."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.simulation import open_for, run
from ledger.simulator import amounts, centres, centres_check, hospitals, plan, truth
from ledger.simulator.figures import compared, named_by
from ledger.simulator.world import Window
from ledger.store.faults import StoreFault
from projections.queries.bags import BagRow
from projections.queries.report import report
from projections.readmodels import incomplete
from projections.readmodels.view_set import ViewSet
from tests.simulator.worlds import checked, lived, settings_in, small_world


def root_of(folder: Path, seed: int = 1) -> str:
    with open_for(settings_in(folder), world := small_world(seed)) as ledger:
        run(ledger, world)
        return ledger.store.head().root.hex()


@pytest.fixture(scope="module")
def whole_root(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The root of an uninterrupted run of seed 1."""
    return root_of(tmp_path_factory.mktemp("whole"))


def test_one_seed_gives_one_tree_and_another_seed_another(tmp_path: Path, whole_root: str) -> None:
    (tmp_path / "again").mkdir()
    (tmp_path / "other").mkdir()
    assert root_of(tmp_path / "again") == whole_root
    assert root_of(tmp_path / "other", seed=2) != whole_root


def test_both_stores_give_the_same_tree(tmp_path: Path, whole_root: str, postgres_url: str) -> None:
    with open_for(settings_in(tmp_path)._replace(ledger=postgres_url), world := small_world()) as ledger:
        assert not run(ledger, world).surprises
        assert ledger.store.head().root.hex() == whole_root


@pytest.mark.parametrize("windows", [0, 1, 7, 100])
def test_an_interrupted_world_goes_on_where_it_stopped_and_ends_in_the_same_tree(
    tmp_path: Path, whole_root: str, windows: int
) -> None:
    class Interrupted(Exception):
        pass

    left = [windows]

    def after(_: Window) -> None:
        if not left[0]:
            raise Interrupted
        left[0] -= 1

    with open_for(settings_in(tmp_path), world := small_world()) as ledger, pytest.raises(Interrupted):
        run(ledger, world, after)
    with open_for(settings_in(tmp_path), world := small_world()) as ledger:
        ran = run(ledger, world)
        assert ran.held == windows and not ran.surprises
        assert ledger.store.head().root.hex() == whole_root
        assert ledger.verify()["ok"]


def test_some_days_are_the_beginning_of_the_whole(tmp_path: Path, whole_root: str) -> None:
    for days in (30, 200, None):
        with open_for(settings_in(tmp_path), world := small_world(days=days)) as ledger:
            assert not run(ledger, world).surprises
            root = ledger.store.head().root.hex()
    assert root == whole_root


def test_a_finished_world_sends_nothing_more(tmp_path: Path) -> None:
    root = root_of(tmp_path)
    with open_for(settings_in(tmp_path), world := small_world()) as ledger:
        ran = run(ledger, world)
        assert set(ran.outcomes) <= {"repeated"} and ledger.store.head().root.hex() == root


def test_a_world_does_not_live_in_another_ones_ledger(tmp_path: Path) -> None:
    root_of(tmp_path)
    with pytest.raises(StoreFault):
        open_for(settings_in(tmp_path), small_world(seed=2))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_answer_about_a_small_world_is_true(tmp_path: Path, seed: int) -> None:
    with lived(tmp_path, world := small_world(seed)) as (ledger, ran):
        assert not ran.surprises and set(ran.outcomes) == {"recorded"}
        found = checked(ledger, world)
        assert found.good, found.wrong
        assert {"stock", "lineage", "fates", "nonconformities", "trace", "recall", "o"} <= set(found.compared)
        assert {*"abcdefghijklmopq"} <= set(found.compared)


def test_a_report_says_what_the_scenario_says(tmp_path: Path) -> None:
    with lived(tmp_path, world := small_world()) as (ledger, _):
        answer = report(ledger.views, 2024, ledger.now(), **named_by(world.data))
        figures = compared(world.data, answer)
        assert [each for each in figures if not each["equal"]] == []
        assert {each["what"] for each in figures} >= {"donations", "quantity", "supplied", "shipments", "supplied_to"}
        assert {each["source"] for each in figures} == {None, "report"}
        for row in answer["components"]:
            into = sum(float(row[key]) for key in ("opening", "made", "received"))
            out = sum(float(value) for key, value in row.items() if key not in
                      ("opening", "made", "received", "component", "measure"))  # fmt: skip
            assert into == out, row


def test_a_years_report_begins_where_the_last_one_ended(tmp_path: Path) -> None:
    with lived(tmp_path, small_world()) as (ledger, _):
        by_year = {
            year: {row["component"]: row for row in report(ledger.views, year, ledger.now())["components"]}
            for year in (2023, 2024, 2025)
        }
    for year in (2023, 2024):
        for component, row in by_year[year].items():
            later = by_year[year + 1].get(component)
            assert row["closing"] == (later["opening"] if later is not None else "0"), (year, component)
    assert {row["made"] for row in by_year[2025].values()} == {"0"}


def test_the_reports_of_all_facilities_add_up(tmp_path: Path) -> None:
    """Of one centre, what went to the other was transferred, and what came from it received."""
    with lived(tmp_path, small_world()) as (ledger, _):
        whole = {row["component"]: row for row in report(ledger.views, 2024, ledger.now())["components"]}
        each = [report(ledger.views, 2024, ledger.now(), facility=name)["components"] for name in ("A1001", "A1002")]
    received = 0.0
    for component, row in whole.items():
        parts = [part for rows in each for part in rows if part["component"] == component]
        for key in ("opening", "made", "supplied", "discarded", "expired", "closing"):
            assert float(row[key]) == sum(float(part[key]) for part in parts), (component, key)
        came = sum(float(part["received"]) for part in parts)
        assert float(row["transferred"]) + came == sum(float(part["transferred"]) for part in parts)
        received += came
    assert received > 0


# -- the check would notice --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A small world that has lived, and a ledger whose answers may be falsified."""
    with lived(tmp_path_factory.mktemp("lived"), world := small_world()) as (ledger, _):
        yield ledger, world


def test_lineage_that_stops_at_a_process_is_noticed(small: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = incomplete.DESCENDANTS.replace("{known lineage}", "lineage.process <> 'inactivate' AND {known lineage}")
    monkeypatch.setattr(incomplete, "DESCENDANTS", stopped)
    ledger, world = small
    found = checked(ledger, world)
    assert found.failures and any(line.startswith(("recall", "trace", "c ", "e ")) for line in found.wrong)


def test_a_wrong_status_is_noticed(small: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = BagRow.shown
    monkeypatch.setattr(BagRow, "shown", lambda row: {**shown(row), "fate": None})
    ledger, world = small
    assert any(line.startswith("fates") for line in checked(ledger, world).wrong)


@pytest.mark.parametrize("name", ["bag.transfused", "bag.prepared", "bag.discarded", "bag.collected"])
def test_one_fact_that_never_reached_the_views_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    apply, dropped = ViewSet.apply, []

    def lossy(views: ViewSet, rows: Any, expected: int) -> bool:
        for row in rows:
            if not dropped and row.name.startswith(name) and row.position > 3_000:
                dropped.append(row.position)
        return apply(views, [row for row in rows if row.position not in dropped], expected)

    monkeypatch.setattr(ViewSet, "apply", lossy)
    with lived(tmp_path, world := small_world()) as (ledger, _):
        assert dropped and not checked(ledger, world).good


@pytest.mark.parametrize("module", [amounts, centres, centres_check, hospitals, plan, truth])
def test_a_world_and_its_truth_share_no_code_with_the_ledger(module: Any) -> None:
    tree = ast.parse(inspect.getsource(module))
    named = [each.module or "" for each in ast.walk(tree) if isinstance(each, ast.ImportFrom)]
    named += [name.name for each in ast.walk(tree) if isinstance(each, ast.Import) for name in each.names]
    ours = {name for name in named if name.partition(".")[0] in ("ledger", "projections", "schemas")}
    assert {".".join(name.split(".")[:2]) for name in ours} <= {
        "ledger.simulator",
        "ledger.data_files",
        "ledger.isbt128",
    }
