"""This file holds the recall drill, run in every `make test`, and the proof that it can fail."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from ledger import wiring
from ledger.drill import Drilled, drill, drill_one
from ledger.simulator.trouble.kinds import KINDS
from ledger.simulator.trouble.world import TroubleWorld
from ledger.simulator.truth import Picture
from projections.consumer import CaughtUp, FactSource, catch_up
from projections.queries import in_date
from projections.readmodels import incomplete
from projections.readmodels.live import Views
from tests.journeys.terminal import Terminal

SEEDS = 20


@pytest.fixture(scope="module")
def drilled() -> Drilled:
    return drill(0, SEEDS)


def test_recalls_of_a_donor_a_lot_and_a_device_miss_nothing_and_find_nothing_else(drilled: Drilled) -> None:
    assert drilled.wrong == []
    assert drilled.surprises == []
    assert drilled.good


def test_each_seed_is_recalled_now_and_every_second_one_as_known_then(drilled: Drilled) -> None:
    assert drilled.seeds == SEEDS
    assert 3 * SEEDS <= drilled.recalls <= 4.5 * SEEDS
    assert drilled.bags > 5 * SEEDS
    assert drilled.patients > SEEDS


def test_every_kind_of_trouble_happened(drilled: Drilled) -> None:
    assert [kind for kind in KINDS if not drilled.faults[kind]] == drilled.never == []


def test_it_tells_what_it_did_as_json(drilled: Drilled) -> None:
    said = json.loads(json.dumps(drilled.as_dict()))
    assert said["ok"]
    assert set(said["faults"]) == set(KINDS)
    assert (said["missed"], said["extra"], said["wrong"]) == (0, 0, [])


# -- it can fail -------------------------------------------------------------------------------------------


def first_failing() -> Drilled:
    """The drill up to the first seed that fails it."""
    found = Drilled(0)
    for seed in range(SEEDS):
        drill_one(seed, found)
        if found.wrong:
            return found
    raise AssertionError("nobody noticed")


def test_taint_that_does_not_pass_through_pools_fails_it(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = incomplete.DESCENDANTS.replace("{known lineage}", "lineage.process <> 'pool' AND {known lineage}")
    assert stopped != incomplete.DESCENDANTS
    monkeypatch.setattr(incomplete, "DESCENDANTS", stopped)
    found = first_failing()
    assert found.missed and not found.extra


def test_expiry_that_is_ignored_fails_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_date, "LAST_MINUTE", 10**18)
    found = first_failing()
    assert all("expired when given" in line for _, each in found.wrong for line in each.missed)


class Lossy:
    """A source of facts that loses the first of some name on its way to the views. Fulfils FactSource."""

    def __init__(self, source: FactSource, name: str) -> None:
        self._source, self._name = source, name
        self._lost: int | None = None
        self.ledger_id, self.head = source.ledger_id, source.head

    def rows(self, after_position: int, limit: int) -> Sequence[Any]:
        rows = self._source.rows(after_position, limit)
        if self._lost is None:
            self._lost = next((row.position for row in rows if row.name == self._name), None)
        return [row for row in rows if row.position != self._lost]


@pytest.mark.parametrize("name", ["bag.prepared.v1", "bag.collected.v1", "bag.transfused.v1"])
def test_one_fact_that_is_lost_on_its_way_to_the_views_fails_it(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def lossy(source: FactSource, views: Views, *rest: Any) -> CaughtUp:
        return catch_up(Lossy(source, name), views, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(wiring, "catch_up", lossy)
    assert first_failing().wrong


def test_corrections_that_are_not_followed_fail_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("projections.readmodels.standing._targets", lambda *_: [])
    assert first_failing().wrong


def test_a_truth_that_forgets_a_pool_fails_it(monkeypatch: pytest.MonkeyPatch) -> None:
    makes = Picture._makes

    def forgetful(picture: Picture, process: str, *rest: Any) -> None:
        if process != "pool":
            makes(picture, process, *rest)

    monkeypatch.setattr(Picture, "_makes", forgetful)
    assert first_failing().extra


def test_a_decision_that_should_have_been_refused_is_a_surprise(monkeypatch: pytest.MonkeyPatch) -> None:
    outcome: Callable[..., str | None] = TroubleWorld._outcome
    monkeypatch.setattr(TroubleWorld, "_outcome", lambda world, step: "malformed" if outcome(world, step) else None)
    found = drill(0, 1)
    assert found.surprises and not found.good


# -- through the command line ------------------------------------------------------------------------------


def test_the_command_says_what_never_happened_and_exits_with_one(tmp_path: Path) -> None:
    said = Terminal(tmp_path).run("drill", "--seeds", "1", "--no-json")
    assert said.code == 1
    assert "not every kind of trouble happened" in said.out and "Never happened: " in said.out


def test_the_command_prints_json_in_a_pipe_and_leaves_no_file(tmp_path: Path) -> None:
    said = Terminal(tmp_path).run("drill", "--seeds", "2", "--first", "5", "--lang", "zh", "--json")
    answer = json.loads(said.out)
    assert (answer["first"], answer["seeds"], answer["missed"]) == (5, 2, 0)
    assert said.code == (0 if answer["ok"] else 1)
    assert list(tmp_path.iterdir()) == []
