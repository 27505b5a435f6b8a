"""This file holds the test that the auditor's questions are answered as the commands alone would have them answered.

The world of trouble (ledger/simulator/trouble) is let loose on a real ledger, and answers every question itself, as
known at random times, from the commands it was told were recorded. Mistakes made on purpose must be noticed.
"""

import ast
import inspect
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib import import_module
from pkgutil import iter_modules
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ledger.domain.bag.consequences import BagState
from ledger.settings import Settings
from ledger.simulation import LedgerAnswers, open_for, run
from ledger.simulator import trouble, truth
from ledger.simulator.trouble.opinion import Opinion
from ledger.simulator.trouble.telling import DONORS
from ledger.simulator.trouble.world import TroubleWorld
from ledger.simulator.world import Checked
from ledger.wiring import Ledger
from projections.decode import micros_of
from projections.queries import compatibility, in_date, release, subjects, temperature
from projections.queries import donor as of_donor
from projections.queries.bags import BagRow
from projections.queries.recall import recall_then_and_now
from projections.queries.subjects import NotFound, Window
from projections.readmodels import bag_consequences, incomplete, standing
from projections.readmodels.live import Views
from tests.properties import oracle, sayings

IN_MEMORY = Settings(ledger=":memory:", keys=":memory:", views=":memory:")
# as in test_oracle: a failure names its seed, and one seed is one story
SIZES = {"phases": [Phase.explicit, Phase.generate], "suppress_health_check": list(HealthCheck), "deadline": None}


@contextmanager
def told(seed: int) -> Iterator[tuple[TroubleWorld, Ledger]]:
    """A world that was sent to a ledger in memory, whose views are brought up to it."""
    world = TroubleWorld(seed)
    with open_for(IN_MEMORY, world) as ledger:
        assert run(ledger, world).surprises == []
        ledger.catch_up()
        yield world, ledger


def examine(seed: int) -> Checked:
    with told(seed) as (world, ledger):
        return world.check(LedgerAnswers(ledger), Random(seed))


@settings(max_examples=40, **SIZES)  # type: ignore[arg-type]
@given(seed=st.integers(0, 2**32))
def test_every_question_is_answered_as_the_commands_alone_would_have_it(seed: int) -> None:
    assert examine(seed).wrong == []


@settings(max_examples=10, **SIZES)  # type: ignore[arg-type]
@given(seed=st.integers(0, 2**32))
def test_a_recall_then_and_now_differs_by_what_was_told_between(seed: int) -> None:
    with told(seed) as (world, ledger):
        moment = Random(seed).choice(world.was_told).recorded_at
        at = ledger.now()
        then = Opinion([each for each in world.was_told if each.recorded_at <= moment], at)
        now = Opinion(world.was_told, at)
        for donor in DONORS:
            compare_then_and_now(ledger, f"donor:{donor}", moment, then, now)


def compare_then_and_now(ledger: Ledger, subject: str, moment: datetime, then: Opinion, now: Opinion) -> None:
    old, new = ({row["bag"]: row for row in each.recall(subject)} for each in (then, now))
    try:
        found = recall_then_and_now(ledger.views, subject, now.at, moment)["difference"]
    except NotFound:
        found = {"added": [], "gone": [], "changed": []}
    assert (found["added"], found["gone"]) == (sorted(new.keys() - old.keys()), sorted(old.keys() - new.keys()))
    fields = ("component", "status", "fate", "where", "facility", "place", "consignee", "patient")
    changed = {
        (bag, field) for bag in old.keys() & new.keys() for field in fields if old[bag][field] != new[bag][field]
    }
    assert {(each["bag"], each["field"]) for each in found["changed"] if each["field"] in fields} == changed


TROUBLE = [f"{trouble.__name__}.{each.name}" for each in iter_modules(trouble.__path__)]


@pytest.mark.parametrize("name", [*TROUBLE, truth.__name__, sayings.__name__, oracle.__name__])
def test_the_second_opinion_shares_no_code_with_what_it_judges(name: str) -> None:
    tree = ast.parse(inspect.getsource(import_module(name)))
    named = [each.module or "" for each in ast.walk(tree) if isinstance(each, ast.ImportFrom)]
    named += [name.name for each in ast.walk(tree) if isinstance(each, ast.Import) for name in each.names]
    ours = {each for each in named if each.partition(".")[0] in ("ledger", "projections", "schemas")}
    assert {each for each in ours if not each.startswith("ledger.simulator.")} == set()


# -- the second opinion would notice -----------------------------------------------------------------------

STORIES = range(40)
"""Enough of them for every mistake below to show; the first that shows it ends the search."""


def notices(*questions: str) -> None:
    """One of the stories must tell the ledger's answers from the oracle's, at one of these questions."""
    wrong = (line for seed in STORIES for line in examine(seed).wrong)
    assert next((line for line in wrong if line.startswith(questions)), None) is not None, "nobody noticed"


ANY = (*(f"{letter} " for letter in "bcdefghijklmpq"), "recall ", "stock ", "lineage ", "descendants ")


def test_expiry_that_the_rules_ignore_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BagState, "expired_at", lambda *_: False)
    notices("nonconformities ")


def test_holds_that_are_not_remembered_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BagState, "held_at", lambda *_: False)
    notices("nonconformities ")


def test_taint_that_stops_at_pools_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = incomplete.DESCENDANTS.replace("{known lineage}", "lineage.process <> 'pool' AND {known lineage}")
    assert stopped != incomplete.DESCENDANTS
    monkeypatch.setattr(incomplete, "DESCENDANTS", stopped)
    notices("recall ", "descendants ")


def test_expiry_that_is_ignored_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_date, "LAST_MINUTE", 10**18)
    notices("j ")


def test_expired_bags_shown_as_good_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BagRow, "expired", lambda *_: False)
    notices("b ")


@pytest.mark.parametrize("commits", [-1, 1])
def test_what_was_known_one_commit_earlier_or_later_is_noticed(monkeypatch: pytest.MonkeyPatch, commits: int) -> None:
    times: list[int] = []
    check, reading = TroubleWorld.check, Views.reading

    def checking(world: TroubleWorld, *given: Any) -> Checked:
        times[:] = sorted({micros_of(each.recorded_at) for each in world.was_told})
        return check(world, *given)

    def shifted(views: Views, known_at: int | None = None) -> Any:
        if known_at is None:
            return reading(views)
        place = bisect_right(times, known_at) - 1 + commits
        return reading(views, times[min(max(place, 0), len(times) - 1)])

    monkeypatch.setattr(TroubleWorld, "check", checking)
    monkeypatch.setattr(Views, "reading", shifted)
    notices(*ANY)


@pytest.mark.parametrize("verb", [".annulled", ".amended"])
def test_corrections_that_change_nothing_are_noticed(monkeypatch: pytest.MonkeyPatch, verb: str) -> None:
    targets = standing._targets

    def without(correction: Any, facts: Any) -> list[int]:
        return [] if correction.name.endswith(verb) else targets(correction, facts)

    monkeypatch.setattr(standing, "_targets", without)
    notices(*ANY)


def test_merges_that_are_not_followed_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subjects, "same_person", lambda _read, _noun, pseudonym: {pseudonym})
    notices(*ANY)


def test_a_presumed_transfusion_taken_for_a_fate_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(bag_consequences.FOLDED, "bag.transfused", bag_consequences._given)
    notices(*ANY)


def test_minutes_counted_twice_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    minutes = temperature._minutes
    monkeypatch.setattr(temperature, "_minutes", lambda breaches: minutes([*(each := list(breaches)), *each]))
    notices("i ")


def test_donations_before_the_day_asked_about_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_donor, "Window", SimpleNamespace(between=lambda _since: Window()))
    notices("e ")


def test_alerts_that_are_not_told_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_donor, "alerts_of", lambda *_: [])
    notices("e ")


def test_a_release_taken_for_timely_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release.Panel, "early", lambda *_: False)
    notices("h ")


def test_plasma_judged_as_red_cells_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(compatibility.TABLES, "fresh_frozen_plasma", compatibility.RED_CELLS)
    notices("k ")
