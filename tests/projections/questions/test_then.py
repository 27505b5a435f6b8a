"""This file holds the tests that a question as known at T is answered as by a ledger that ended at T, wherever."""

import random
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

import pytest

from ledger.isbt128 import BadScan
from projections.consumer import catch_up
from projections.queries.asking import ask
from projections.queries.questions import QUESTIONS
from projections.queries.recall import recalled
from projections.readmodels.live import Views
from projections.readmodels.postgres import postgres_views
from projections.readmodels.sqlite import sqlite_views
from tests.projections.history import History, collect, din, instant, random_history
from tests.projections.questions.told import LATER, recorded

Answer = dict[str, Any]
NOT_OF_THEN = ("position", "known_at", "complete_to", "digest", "later")
"""What an answer says of where it stands, and question l of the corrections that came after."""
SUBJECTS = (
    "patient:pat-1", "patient:pat-2", "facility:A9999", "donor:d", "lot:L1", "operator:staff-1", din(1),
    f"{din(2)}=E0001V00", f"{din(50)}=E0001V00", f"{din(4)}=E0001V00",
)  # fmt: skip


def typed_and_tested() -> History:
    """Donations with results, conclusions, disputed typings taken back, and a patient merged and unmerged."""
    history = History()
    for number in range(3):
        at = number * 10
        collect(history, 50 + number, at, donor="d", group="AB"[number % 2])
        usual = {"donor": "d", "facility": "A9999", "kind": "whole_blood", "outcome": "completed"}
        history.tell(din(number), "donation.registered", at, purpose="allogeneic", **usual)
        tested = {"marker": "hbsag", "result": "nonreactive", "stage": "initial", "final": True}
        history.tell(din(number), "donation.tested", at + 5, **tested)
        history.tell(din(number), "donation.grouped", at + 6, group="A", rhd="positive")
        outcome = ("acceptable", "unacceptable")[number % 2]
        history.tell(
            din(number), "donation.concluded", at + 6, outcome=outcome, panel="p", concluded_at=instant(at + 6)
        )
        history.tell(din(number), "donation.grouped", at + 6, group="B", rhd="positive")
        history.tell(din(number), "donation.annulled", at + 6, target_version=2)
    history.tell("patient:pat-1", "recipient.grouped", 5, group="B", rhd="negative")
    history.tell("patient:pat-1", "recipient.merged", 5, other="pat-2", process_id="m")
    history.tell("patient:pat-1", "recipient.unmerged", 6, other="pat-2", process_id="m")
    return history


def shuffled(seed: int) -> History:
    """Things that make no sense among things that do, each stream in its own order."""
    draw = random.Random(seed)
    heaps = [list(random_history(seed, facts=120).told), list(typed_and_tested().told)]
    rows = []
    while any(heaps):
        (heap,) = draw.choices(heaps, weights=[len(each) for each in heaps])
        rows.append(heap.pop(0))
    return History(f"ledger-{seed}").again(rows)


def answers(views: Views, known_at: datetime | None = None) -> dict[tuple[str, str | None], Answer | str]:
    """Every question about every subject; what could not be found, by its words."""
    asked: list[tuple[Any, str | None]] = [(question, None) for question in QUESTIONS if not question.subjects]
    asked += [(question, subject) for question in QUESTIONS if question.subjects for subject in SUBJECTS]
    found = {
        (question.letter, subject): _answered(partial(ask, views, question, subject, LATER, known_at))
        for question, subject in asked
    }
    recalls = {
        ("recall", subject): _answered(partial(recalled, views, subject, LATER, known_at=known_at))
        for subject in SUBJECTS
    }
    return found | recalls


def _answered(ask: Callable[[], Answer]) -> Answer | str:
    try:
        said = ask()
    except (LookupError, BadScan) as error:
        return f"{type(error).__name__} {error}"
    said["summary"].pop("later", None)
    return {key: value for key, value in said.items() if key not in NOT_OF_THEN}


def _rows(found: dict[Any, Answer | str]) -> Counter[str]:
    """How many rows the answers to each question have."""
    rows: Counter[str] = Counter()
    for (letter, _), each in found.items():
        rows[letter] += len(each["rows"]) if isinstance(each, dict) else 0
    return rows


@pytest.mark.parametrize("seed", range(8))
def test_what_was_known_then_is_what_a_ledger_that_ended_there_says(seed: int) -> None:
    history = shuffled(seed)
    views = sqlite_views(":memory:")
    catch_up(history, views, batch=17)
    told: Counter[str] = Counter()
    for position in range(5, len(history.told), 19):
        ended = sqlite_views(":memory:")
        catch_up(history.again(history.told[:position]), ended, batch=23)
        then = answers(views, recorded(history, position))
        assert then == answers(ended), f"seed {seed}, position {position}"
        told += _rows(then)
    silent = {letter for letter in told if not told[letter]}
    assert silent <= {"o"}, "a question that nothing was answered to was not tested"


@pytest.mark.postgres
def test_both_databases_answer_alike(postgres_url: str) -> None:
    history = shuffled(99)
    lite, postgres = sqlite_views(":memory:"), postgres_views(postgres_url)
    try:
        for views in (lite, postgres):
            catch_up(history, views, batch=17)
        for position in (40, 90, len(history.told)):
            known_at = recorded(history, position)
            found = answers(lite, known_at)
            assert found == answers(postgres, known_at)
            assert sum(_rows(found).values()) > 50
    finally:
        postgres.close()
