"""This file holds the test that the auditor's questions are answered as the commands alone would have them answered.

Random stories (stories.py) are told to a real ledger, in windows, with a clock that moves; its views answer every
question as known at random times (examination.py), and a second opinion that heard only the commands answers the same
(question_oracle.py, oracle_answers.py). Mistakes made on purpose must be noticed.
"""

import ast
import inspect
from bisect import bisect_right
from collections.abc import Callable
from random import Random
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from projections.queries import compatibility, in_date, lineage, release, subjects, temperature
from projections.queries import donor as of_donor
from projections.queries.bags import BagRow
from projections.queries.subjects import Window
from projections.readmodels import bag_consequences, standing
from projections.readmodels.live import Views
from tests.properties import oracle, oracle_answers, question_oracle, sayings, stories
from tests.properties.examination import Archive, Disagreement, examine
from tests.properties.stories import Step

# as in test_oracle: a failure names its seed, and one seed is one story
SIZES = {"phases": [Phase.explicit, Phase.generate], "suppress_health_check": list(HealthCheck), "deadline": None}


@settings(max_examples=40, **SIZES)  # type: ignore[arg-type]
@given(seed=st.integers(0, 2**32))
def test_every_question_is_answered_as_the_commands_alone_would_have_it(seed: int) -> None:
    examine(seed)


@pytest.mark.parametrize("module", [stories, sayings, oracle, question_oracle, oracle_answers])
def test_the_second_opinion_shares_no_code_with_what_it_judges(module: ModuleType) -> None:
    tree = ast.parse(inspect.getsource(module))
    named = [each.module or "" for each in ast.walk(tree) if isinstance(each, ast.ImportFrom)]
    named += [name.name for each in ast.walk(tree) if isinstance(each, ast.Import) for name in each.names]
    assert not {name.partition(".")[0] for name in named} & {"ledger", "projections", "schemas"}


# -- the second opinion would notice -----------------------------------------------------------------------

STORIES = range(40)
"""Enough of them for every mistake below to show; the first that shows it ends the search."""


def notices(*questions: str) -> None:
    """One of the stories must tell the ledger's answers from the oracle's, at one of these questions."""
    found = next((str(each) for each in map(disagreement, STORIES) if each is not None), "nobody noticed")
    assert found.startswith(questions), found


def disagreement(seed: int) -> Disagreement | None:
    try:
        examine(seed)
    except Disagreement as found:
        return found
    return None


def test_taint_that_stops_at_pools_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = lineage.DESCENDANTS.replace("{known lineage}", "lineage.process <> 'pool' AND {known lineage}")
    assert stopped != lineage.DESCENDANTS
    monkeypatch.setattr(lineage, "DESCENDANTS", stopped)
    notices("a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "p", "q", "recall", "stock")


def test_expiry_that_is_ignored_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_date, "LAST_MINUTE", 10**18)
    notices("j ")


def test_expired_bags_shown_as_good_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BagRow, "expired", lambda *_: False)
    notices("b ")


@pytest.mark.parametrize("commits", [-1, 1])
def test_what_was_known_one_commit_earlier_or_later_is_noticed(monkeypatch: pytest.MonkeyPatch, commits: int) -> None:
    told: list[int] = []
    monkeypatch.setattr(Archive, "_commit", remembering(Archive._commit, told))
    reading = Views.reading

    def shifted(views: Views, known_at: int | None = None) -> Any:
        if known_at is None:
            return reading(views)
        times = sorted(set(told))
        place = bisect_right(times, known_at) - 1 + commits
        return reading(views, times[min(max(place, 0), len(times) - 1)])

    monkeypatch.setattr(Views, "reading", shifted)
    notices("a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "p", "q", "recall", "stock")


def remembering(commit: Callable[..., None], told: list[int]) -> Callable[..., None]:
    """Committing, with a note of when."""

    def wrapped(archive: Archive, steps: list[Step], window: Random) -> None:
        if not archive.heard:
            told.clear()
        commit(archive, steps, window)
        told.append(archive.clock.micros)

    return wrapped


@pytest.mark.parametrize("verb", [".annulled", ".amended"])
def test_corrections_that_change_nothing_are_noticed(monkeypatch: pytest.MonkeyPatch, verb: str) -> None:
    targets = standing._targets

    def without(correction: Any, facts: Any) -> list[int]:
        return [] if correction.name.endswith(verb) else targets(correction, facts)

    monkeypatch.setattr(standing, "_targets", without)
    notices("a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "p", "q", "recall", "stock")


def test_merges_that_are_not_followed_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subjects, "same_person", lambda _read, _noun, pseudonym: {pseudonym})
    notices("a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "p", "q", "recall", "stock")


def test_a_presumed_transfusion_taken_for_a_fate_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(bag_consequences.FOLDED, "bag.transfused", bag_consequences._given)
    notices("a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "p", "q", "recall", "stock")


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
