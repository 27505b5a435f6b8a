"""This file holds the simulation: a world let loose on a ledger, in windows, and asked whether the answers are true."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

from ledger.commands.answer import Answer
from ledger.commands.command import Command
from ledger.commands.malformed import Malformed
from ledger.commands.reading import read_command
from ledger.settings import Settings
from ledger.simulator.world import Row, Window, World
from ledger.wiring import Ledger, open_ledger
from projections.queries.asking import ask
from projections.queries.everything import every_bag, every_edge
from projections.queries.questions import QUESTIONS
from projections.queries.recall import recalled
from projections.queries.stock import stock
from projections.queries.subjects import NotFound
from projections.queries.subjects import Window as Period
from projections.queries.trace import trace

BY_LETTER = {question.letter: question for question in QUESTIONS}


class WorldClock:
    """Recorded time as the world has it."""

    def __init__(self) -> None:
        self.micros = 0

    def now(self) -> int:
        return self.micros


class Surprise(NamedTuple):
    """A command of which something else became than the world knew beforehand."""

    command: Row
    expected: str
    outcome: str
    why: str


@dataclass
class Ran:
    """What a run did. `held`: windows of which the ledger held everything before."""

    windows: int = 0
    held: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    surprises: list[Surprise] = field(default_factory=list)

    @property
    def commands(self) -> int:
        """How many commands were sent."""
        return self.outcomes.total()


def open_for(settings: Settings, world: World) -> Ledger:
    """The ledger a world is let loose on; a new one gets its id and its keys from scenario and seed.

    Keys that follow from a seed are no secrets: a simulated ledger holds nobody's.
    Errors: StoreFault, also when the ledger there is not this world's own.
    """
    name = f"{world.scenario}/{world.seed}"
    return open_ledger(
        settings,
        clock=WorldClock(),
        make_key=lambda subject: sha256(f"bloodledger/simulated key/{name}/{subject}".encode()).digest(),
        ledger_id=sha256(f"bloodledger/simulated ledger/{name}".encode()).hexdigest()[:32],
    )


def run(ledger: Ledger, world: World, after: Callable[[Window], None] | None = None) -> Ran:
    """Send every window of a world that the ledger does not hold yet; `after` hears of each that is durable.

    A window is one commit, so an interrupted ledger holds whole windows. The last one held is sent once more: should
    the store have failed in the middle of it, this completes it. After a fault of the store the run ends; the same run
    goes on from there.
    """
    clock = ledger.clock
    assert isinstance(clock, WorldClock), "a world runs on its own clock: see open_for"
    ran = Ran()
    for window, held in _with_held(ledger, world.windows()):
        ran.windows += 1
        if held:
            ran.held += 1
        else:
            clock.micros = window.now
            _send(ledger, window, ran)
        if ran.outcomes["fault"]:
            break
        if after is not None:
            after(window)
    return ran


def _with_held(ledger: Ledger, windows: Iterator[Window]) -> Iterator[tuple[Window, bool]]:
    """Each window, and whether the ledger holds it and one after it."""
    before: Window | None = None
    for window in windows:
        if not _holds_any(ledger, window):
            yield from ((each, False) for each in (before, window) if each is not None)
            break
        if before is not None:
            yield before, True
        before = window
    else:
        if before is not None:
            yield before, False
    yield from ((window, False) for window in windows)


def _holds_any(ledger: Ledger, window: Window) -> bool:
    """Whether any request of a window is recorded. One that is refused as a whole looks like one not yet sent."""
    pairs = [(each.get("sender", "local"), each["request"]) for each in window.commands]
    with ledger.store.writing() as writing:
        return bool(writing.requests(pairs))


def _send(ledger: Ledger, window: Window, ran: Ran) -> None:
    """One window through the public door: each command as a line of JSON, all in one commit."""
    read = [_read(each) for each in window.commands]
    answers = iter(ledger.committer.commit([each for each in read if not isinstance(each, Malformed)]))
    for number, (said, each) in enumerate(zip(window.commands, read, strict=True)):
        answer = Answer("malformed", problem=each) if isinstance(each, Malformed) else next(answers)
        ran.outcomes[answer.outcome] += 1
        expected = window.otherwise.get(number, "recorded")
        if answer.outcome not in (expected, "repeated"):
            why = str(answer.problem or answer.fault or "")
            ran.surprises.append(Surprise(said, expected, answer.outcome, why))


def _read(said: Row) -> Command | Malformed:
    try:
        return read_command(json.dumps(said, ensure_ascii=False).encode())
    except Malformed as malformed:
        return malformed


class LedgerAnswers:
    """What a world may ask a ledger; fulfils ledger.simulator.world.Answers."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger, self._views = ledger, ledger.views

    def stock(self, at: datetime, known_at: datetime | None = None) -> list[Row]:
        rows: list[Row] = stock(self._views, at, known_at, all=True)["rows"]
        return rows

    def ask(
        self, letter: str, subject: str | None, at: datetime, known_at: datetime | None = None, **options: Any
    ) -> Row | None:
        if letter == "h":
            options["mandatory"] = self._ledger.mandatory
        try:
            return ask(self._views, BY_LETTER[letter], subject, at, known_at, **options)
        except NotFound:
            return None

    def trace(self, subject: str, at: datetime, known_at: datetime | None = None) -> Row | None:
        try:
            return trace(self._views, subject, at, known_at, facts=False)
        except NotFound:
            return None

    def recall(
        self,
        subject: str,
        at: datetime,
        known_at: datetime | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Row | None:
        try:
            return recalled(self._views, subject, at, Period.between(since, until), known_at)
        except NotFound:
            return None

    def bags(self, known_at: datetime | None = None) -> Iterator[Row]:
        return every_bag(self._views, known_at)

    def edges(self, known_at: datetime | None = None) -> Iterator[tuple[str, str, str]]:
        return every_edge(self._views, known_at)
