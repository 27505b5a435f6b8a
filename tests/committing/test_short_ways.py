"""This file holds the tests that what is done the short way comes to the same as what is done the long way."""

import json
from collections import Counter
from importlib import import_module
from itertools import islice
from typing import Any

import pytest

from ledger.commands.malformed import Malformed
from ledger.commands.reading import read_command
from ledger.domain import Donation, Fact
from ledger.policies.alone import settled_alone
from ledger.settings import read_settings
from ledger.simulation import open_for, run
from ledger.simulator.published_week import week_of_donations
from ledger.simulator.scenario import load_scenario
from ledger.simulator.trouble.world import TroubleWorld
from ledger.simulator.worlds import world_of
from ledger.store.port import FactRow
from ledger.store.workspace import Workspace
from tests.committing.ledgers import Opened


class StandingClock:
    """Recorded time stands still."""

    def now(self) -> int:
        return 1_790_000_000_000_000


HOLD: dict[str, Any] = {
    "command": "PlaceHold", "request": "hold", "by": "q1", "happened_at": "2006-01-01T00:00:00+08:00",
    "cause": "recall", "reason": "bad reagent", "scope": {"kind": "reagent_lot", "id": "R1"},
}  # fmt: skip


def week_in_trouble() -> list[dict[str, Any]]:
    """Thirty donations of a real week, with a reactive result, a hold on a reagent, and a result that comes late."""
    week = list(islice(week_of_donations(), 600))
    tests = [said for said in week if said["command"] == "RecordTest"]
    late = tests[5]
    tests[20]["result"] = "reactive"
    for test in tests[40:120:10]:
        test["reagent_lot"] = "R1"
    week.remove(late)
    return [*week[:300], HOLD, *week[300:], late]


def recorded() -> list[FactRow]:
    """What that comes to."""
    opened = Opened(":memory:", StandingClock())
    lines = [json.dumps(said).encode() for said in week_in_trouble()]
    for begin in range(0, len(lines), 50):
        answers = opened.committer.commit([read_command(line) for line in lines[begin : begin + 50]])
        assert {answer.outcome for answer in answers} <= {"recorded", "refused"}
    rows = opened.store.rows(0, 10_000)
    opened.close()
    return rows


def test_a_fact_settled_alone_leaves_what_settling_everything_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    short = recorded()
    monkeypatch.setattr(import_module("ledger.policies.settle"), "settled_alone", lambda ws, facts: False)
    long = recorded()
    assert [row[:6] for row in long] == [row[:6] for row in short]
    # The reason of the hold is sealed under a key of its own in each ledger.
    sealed = {row.position for row in short if row.name == "hold.placed.v1"}
    assert all(a.state == b.state for a, b in zip(long, short, strict=True) if a.position not in sealed)
    assert {"bag.held.v1", "donation.concluded.v1", "bag.released.v1"} <= {row.name for row in short}


def troubled(seed: int) -> list[FactRow]:
    """The facts of a small world in which donors come again, and groups are mistaken, merged and corrected."""
    world = TroubleWorld(seed)
    with open_for(read_settings({}, ledger=":memory:"), world) as ledger:
        assert run(ledger, world).surprises == []
        return ledger.store.rows(0, 100_000)


def test_what_is_compared_with_a_donors_history_the_short_way_comes_to_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seeds = range(3, 8)  # in 6 a donation is held for what a later one was typed as
    short = [troubled(seed) for seed in seeds]
    policy = import_module("ledger.policies.donations")

    def all_of_them(ws: Workspace, donation: Donation) -> list[str]:
        dins: list[str] = policy._dins_of_donors(ws, donation)
        return dins

    monkeypatch.setattr(policy, "_compared_with", all_of_them)
    assert [troubled(seed) for seed in seeds] == short
    codes = b"".join(row.state for rows in short for row in rows if row.name == "donation.nonconformity_raised.v1")
    assert b"group_disagrees_with_history" in codes, "it happens"


def test_a_memory_that_holds_next_to_nothing_comes_to_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    remembered = troubled(1)
    monkeypatch.setattr(import_module("ledger.store.workspace"), "CACHED_AGGREGATES", 2)
    assert troubled(1) == remembered


def test_what_is_settled_alone_in_a_world_of_trouble_comes_to_what_settling_everything_comes_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seeds = range(4)
    short = [troubled(seed) for seed in seeds]
    monkeypatch.setattr(import_module("ledger.policies.settle"), "settled_alone", lambda ws, facts: False)
    assert [troubled(seed) for seed in seeds] == short


def lived(scenario: str, days: int) -> list[FactRow]:
    """The facts of some days of a centre."""
    world = world_of(load_scenario(scenario), 5, days)
    with open_for(read_settings({}, ledger=":memory:"), world) as ledger:
        assert run(ledger, world).surprises == []
        return ledger.store.rows(0, 100_000)


@pytest.mark.parametrize("scenario,days", [("ulanqab-2025", 12), ("province", 3)])
def test_a_centres_days_settled_alone_come_to_what_settling_everything_comes_to(
    scenario: str, days: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    settling = import_module("ledger.policies.settle")
    alone: Counter[str] = Counter()

    def watched(ws: Workspace, facts: list[Fact]) -> bool:
        settled: bool = settled_alone(ws, facts)
        alone.update(fact.short_name() for fact in facts if settled)
        return settled

    monkeypatch.setattr(settling, "settled_alone", watched)
    short = lived(scenario, days)
    told = ("bag.collected", "donation.registered", "bag.consumed", "bag.prepared", "donation.tested", "bag.released")
    assert all(alone[name] > 20 for name in told), alone
    monkeypatch.setattr(settling, "settled_alone", lambda ws, facts: False)
    assert lived(scenario, days) == short


def line(fields_of_it: str) -> bytes:
    return b'{"command":"RecordTest","request":"r","by":"n","happened_at":"2026-03-01T08:00:00+08:00",' + (
        fields_of_it.encode() + b'"din":"A999926123456","result":"nonreactive"}'
    )


@pytest.mark.parametrize(
    "twice",
    [
        '"marker":"hbsag","marker":"hbsag",',
        '"marker":"hbsag","marker" : "alt",',
        '"marker":"hbsag","m\\u0061rker":"alt",',
        '"marker":"hbsag","assay":"a","sample":"s:1","assay":"b",',
        '"marker":"hbsag","sample":"\\u003a","sample":"s",',
    ],
)
def test_a_field_given_twice_is_malformed_however_it_is_written(twice: str) -> None:
    with pytest.raises(Malformed) as malformed:
        read_command(line(twice))
    assert malformed.value.code == "field_twice"


@pytest.mark.parametrize("once", ['"marker":"hbsag",', '"marker" : "hbsag" , "sample":":::",', '"m\\u0061rker":"alt",'])
def test_a_field_given_once_is_read_however_it_is_written(once: str) -> None:
    assert read_command(line(once)).request == "r"
