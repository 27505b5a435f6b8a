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
from ledger.simulator.world import DECIDED, Listener, Row, Told, Window, World
from ledger.store.cycles import without_cycle_search
from ledger.store.port import RequestRecord, Writing
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

    A window is one commit at a recorded time of its own, so the ledger's last one says which windows it holds, also
    after an interruption. After a fault of the store the run ends; the same run goes on from there.
    """
    clock = ledger.clock
    assert isinstance(clock, WorldClock), "a world runs on its own clock: see open_for"
    ran, last, listens = Ran(), ledger.store.head().recorded_at, isinstance(world, Listener)
    if last > world.span.end:  # others recorded something since: only the requests say what is held
        last = 0
    with without_cycle_search():  # a world is a million objects, and none of them goes round in a circle
        for window in world.windows():
            ran.windows += 1
            if window.now < last:
                ran.held += 1
                told = _recorded(ledger, window) if listens else []
            else:
                clock.micros = window.now
                told = _held_part(ledger, window) if window.now == last else []
                answers = _send(ledger, window, ran, len(told))
                told += map(_told, answers) if listens else ()
            if ran.outcomes["fault"]:
                break
            if isinstance(world, Listener):
                world.heard(window, told)
            if after is not None:
                after(window)
    return ran


def _held_part(ledger: Ledger, window: Window) -> list[Told]:
    """The last window that is held, up to its last command that was recorded.

    What comes after that was refused, and is again, as nothing was recorded since; or the store failed there, where
    commands go one by one, and sending it completes the window.
    """
    told = _recorded(ledger, window)
    while told and told[-1].outcome != "recorded":
        told.pop()
    return told


def _recorded(ledger: Ledger, window: Window) -> list[Told]:
    """What became of the commands of a window that is held; of what left no record nothing more is known."""
    pairs = [(each.get("sender", "local"), each["request"]) for each in window.commands]
    with ledger.store.writing() as writing:
        records = writing.requests(pairs)
        return [_told_before(writing, records[pair]) if pair in records else Told("unrecorded") for pair in pairs]


def _told_before(writing: Writing, record: RequestRecord) -> Told:
    rows = writing.rows(range(record.first_position, record.first_position + record.count))
    return Told("recorded", tuple((row.stream, row.version, row.name) for row in rows))


def _send(ledger: Ledger, window: Window, ran: Ran, start: int) -> list[Answer]:
    """One window, from a place on, through the public door: each command as a line of JSON, all in one commit."""
    lines = window.lines[start:]
    read = [_read(line) for line in lines]
    committed = iter(ledger.committer.commit([each for each in read if not isinstance(each, Malformed)]))
    answers = [Answer("malformed", problem=each) if isinstance(each, Malformed) else next(committed) for each in read]
    ran.outcomes.update(answer.outcome for answer in answers)
    for number, (line, answer) in enumerate(zip(lines, answers, strict=True), start):
        _compare(window.otherwise.get(number, "recorded"), line, answer, ran)
    return answers


def _told(answer: Answer) -> Told:
    return Told(answer.outcome, tuple((fact.stream, fact.version, fact.name) for fact in answer.facts))


def _compare(expected: str, line: bytes, answer: Answer, ran: Ran) -> None:
    if answer.outcome in (expected, "repeated") or (expected == DECIDED and answer.outcome in ("recorded", "refused")):
        return
    said = json.loads(line)
    ran.surprises.append(Surprise(said, expected, answer.outcome, str(answer.problem or answer.fault or "")))


def _read(line: bytes) -> Command | Malformed:
    try:
        return read_command(line)
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
