"""This file holds what every world is: commands in windows by its own clock, and its own truth to check answers by.

A world acts only by sending commands. It does not look at what the ledger made of them: it knows beforehand what must
become of each (or hears it, as whoever sent them does: Listener), and after the run it holds the ledger's answers
against what physically happened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from random import Random  # noqa: TID251 - seeded: the same world every time
from typing import Any, NamedTuple, Protocol, Self, runtime_checkable

from msgspec.json import Decoder, Encoder

Command = dict[str, Any]
Row = dict[str, Any]
DECIDED = "decided"
"""What becomes of a decision of which a world does not know beforehand whether it may be taken."""
_as_line, _from_line = Encoder().encode, Decoder(Command).decode


class Window(NamedTuple):
    """Commands that share a commit, in order.

    Shape: `now` the recorded time of the commit, in microseconds since 1970-01-01 UTC; no two windows share one, and it
    never runs backwards. `lines`: a command each, in JSON, as anybody sends it. `otherwise`: what must become of a
    command, by its place in the window, where that is not `recorded`: repeated, refused, malformed, or `decided`:
    recorded or refused, as the ledger decides.
    """

    now: int
    lines: list[bytes]
    otherwise: dict[int, str] = {}

    @classmethod
    def of(cls, now: int, commands: Iterable[Command], otherwise: dict[int, str] | None = None) -> Self:
        """A window of commands that are not yet written."""
        return cls(now, [_as_line(each) for each in commands], otherwise or {})

    @property
    def commands(self) -> list[Command]:
        """The commands, read again."""
        return [_from_line(line) for line in self.lines]


class Told(NamedTuple):
    """What became of a command. Shape: `facts` if it was recorded, now or before: stream, version, wire name."""

    outcome: str
    facts: tuple[tuple[str, int, str], ...] = ()


class Span(NamedTuple):
    """From when to when a world's clock runs. Unit: microseconds since 1970-01-01 UTC."""

    begin: int
    end: int


class Answers(Protocol):
    """A ledger's answers, in the shapes that its commands print as JSON; a world is given them and nothing else.

    `at` is business now, `known_at` recorded time: None means all that is known.
    """

    def stock(self, at: datetime, known_at: datetime | None = None) -> list[Row]:
        """Rows of stock, those that are stock no more included."""
        ...

    def ask(
        self, letter: str, subject: str | None, at: datetime, known_at: datetime | None = None, **options: Any
    ) -> Row | None:
        """One of the auditor's questions; None where nothing is known of the subject."""
        ...

    def trace(self, subject: str, at: datetime, known_at: datetime | None = None) -> Row | None:
        """Bags and edges without their facts; None where nothing is known of the subject."""
        ...

    def recall(
        self,
        subject: str,
        at: datetime,
        known_at: datetime | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Row | None:
        """Every bag a subject reaches, by what happened within a period; None where nothing is known of it."""
        ...

    def bags(self, known_at: datetime | None = None) -> Iterator[Row]:
        """Every bag of the ledger, as in a trace: {bag, component, quantity, measure, status, …, nonconformities}."""
        ...

    def edges(self, known_at: datetime | None = None) -> Iterator[tuple[str, str, str]]:
        """Every edge of lineage: parent, child, process."""
        ...


class Checked:
    """What a check compared, and what was not as it truly is.

    Shape: `compared` how many answers by kind; `wrong` one line each, at most LISTED of them; `failures` how many.
    """

    LISTED = 100

    def __init__(self) -> None:
        self.compared: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.failures = 0

    @property
    def good(self) -> bool:
        """Whether anything was compared and all of it was right."""
        return bool(self.compared) and not self.failures

    def told(self) -> Row:
        """As JSON: {good, compared, failures, wrong}."""
        return {
            "good": self.good,
            "compared": dict(sorted(self.compared.items())),
            "failures": self.failures,
            "wrong": self.wrong,
        }

    def same(self, kind: str, what: str, said: Any, truth: Any) -> None:
        """Hold one answer against the truth."""
        self.compared[kind] += 1
        if said != truth:
            self._fail(f"{kind} {what}: the ledger says {said!r}, the truth is {truth!r}")

    def same_set(self, kind: str, what: str, said: Iterable[Any], truth: Iterable[Any]) -> None:
        """Hold a set against the truth: nothing missed, nothing extra."""
        self.compared[kind] += 1
        mine, theirs = set(said), set(truth)
        if mine != theirs:
            missed, extra = sorted(theirs - mine, key=str), sorted(mine - theirs, key=str)
            self._fail(f"{kind} {what}: missed {missed[:5]} ({len(missed)}), extra {extra[:5]} ({len(extra)})")

    def _fail(self, line: str) -> None:
        self.failures += 1
        if len(self.wrong) < self.LISTED:
            self.wrong.append(line)


class World(Protocol):
    """A seeded world: the same scenario and seed send the same commands in the same windows, for ever."""

    scenario: str
    seed: int
    span: Span

    def windows(self) -> Iterator[Window]:
        """Everything that happens, in order of the world's clock; the truth grows as it is gone through."""
        ...

    def check(self, answers: Answers, chance: Random) -> Checked:
        """Hold a ledger that was sent every window against the truth, now and as known at times `chance` draws."""
        ...


@runtime_checkable
class Listener(Protocol):
    """A world that must hear what became of its commands: decisions may be refused, and words corrected."""

    def heard(self, window: Window, told: list[Told]) -> None:
        """Each window is durable, and this became of its commands, in order; the next is asked for after this."""
        ...
