"""This file holds how the tests of the questions ask: of a hand-made history, or of what real commands recorded."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from ledger.commands.committer import Committer
from projections.consumer import FactSource, catch_up
from projections.decode import EPOCH, Fact, decode_row, instant_text, micros_of
from projections.queries.asking import Said, asking
from projections.readmodels.live import Views
from projections.readmodels.sqlite import sqlite_views
from tests.projections.history import History, collect, din, instant, process, units
from tests.properties.world import CATALOGUE, MAPPER, Ledger

Question = Callable[..., Said]
LATER = datetime(2025, 12, 1, tzinfo=UTC)
"""Business now, when a test does not name it: after everything that happens in these histories."""


def views_of(source: FactSource, batch: int = 7) -> Views:
    """Views of everything a source has told so far."""
    views = sqlite_views(":memory:")
    catch_up(source, views, batch=batch)
    return views


def asked(
    source: FactSource,
    question: Question,
    *subject: str,
    known: int | None = None,
    at: datetime = LATER,
    **options: Any,
) -> Said:
    """The answer; `known` is the position of the last fact known."""
    views = views_of(source)
    try:
        known_at = None if known is None else recorded(source, known)
        with asking(views, at, known_at) as put:
            return question(put, *subject, **options)
    finally:
        views.close()


def recorded(source: FactSource, position: int) -> datetime:
    """When the fact at a position was recorded."""
    (row,) = source.rows(position - 1, 1)
    return EPOCH + timedelta(microseconds=row.recorded_at)


def text(minutes: float) -> str:
    """A minute of a hand-made history, as answers show it."""
    return instant_text(micros_of(instant(minutes)))


def picked(rows: Iterable[dict[str, Any]], *keys: str) -> list[tuple[Any, ...]]:
    """Some columns of rows, in the order of the answer."""
    return [tuple(row[key] for key in keys) for row in rows]


def bag(number: int, product: str) -> str:
    """A bag with the number of a donation."""
    return f"{din(number)}={product}"


WHOLE = {number: bag(number, "E0001V00") for number in (1, 2, 3)}
CELLS = {number: bag(number, "E0336V00") for number in (1, 2, 3)}
PLASMA = {number: bag(number, "E0701V00") for number in (1, 2, 3)}
POOL = bag(900, "E6000V00")
HALVES = (bag(900, "E6000VA0"), bag(900, "E6000VB0"))


def pooled() -> History:
    """Two donations separated, the second one reactive; their cells pooled, the pool split.

    Positions: 1–5 the first donation and its bags, 6–10 the second, 11–14 results, 15–17 the pool, 18–20 its halves,
    21 one half given to pat-1, 22 the other issued to pat-2, 23 presumed given.
    """
    history = History()
    for number in (1, 2):
        whole = collect(history, number, number, donor=f"d-{number}", lots=[{"kind": "container", "id": f"C{number}"}])
        process(history, "separate", [whole], [CELLS[number], PLASMA[number]], 10 + number)
    for number, result, outcome in ((1, "nonreactive", "acceptable"), (2, "reactive", "unacceptable")):
        said = {"marker": "hbsag", "result": result, "stage": "initial", "final": True, "reagent_lot": "R1"}
        history.tell(din(number), "donation.tested", 15, **said)
        history.tell(din(number), "donation.concluded", 15, outcome=outcome, panel="cn-2026")
    process(history, "pool", [CELLS[1], CELLS[2]], [POOL], 20, quantity=units("3"), component="pooled_platelets")
    process(history, "split", [POOL], HALVES, 30, component="pooled_platelets", devices=["X1"], process_run="run-7")
    given = {"patient": "pat-1", "hospital": "H0001", "presumed": False, "quantity": units("0.5")}
    history.tell(HALVES[0], "bag.transfused", 40, **given)
    history.tell(HALVES[1], "bag.issued", 41, to="ward-3", patient="pat-2", facility="H0001")
    history.tell(HALVES[1], "bag.transfused", 50, patient="pat-2", hospital="H0001", presumed=True)
    return history


class TickingClock:
    """Recorded time goes on by a second each time it is asked for."""

    def __init__(self) -> None:
        self.micros = 1_780_272_000_000_000  # 2026-06-01T00:00:00Z

    def now(self) -> int:
        self.micros += 1_000_000
        return self.micros


class Told(Ledger):
    """A ledger told by real commands; fulfils FactSource. Its recorded time ticks, so that it may be asked about."""

    def __init__(self) -> None:
        self.clock = TickingClock()
        super().__init__()

    def fresh_committer(self) -> Committer:
        return Committer(self.store, MAPPER, CATALOGUE, self.clock)

    def say(self, command: str, at: float, /, **said: Any) -> int:
        """Send a command that must be recorded; the position of the last fact it made."""
        happened_at = instant(at).isoformat()
        answer = self.do({"command": command, "happened_at": happened_at, **said})
        assert answer.outcome == "recorded", f"{command} {said}: {answer}"
        return self.store.head().position

    def facts(self, name: str) -> list[Fact]:
        """The facts of a name, in order of position."""
        decoded = (decode_row(row) for row in self.store.rows(0, 100_000))
        return [fact for fact in decoded if isinstance(fact, Fact) and fact.name == name]

    # as projections.consumer.FactSource

    def ledger_id(self) -> str:
        return self.store.ledger_id()

    def head(self) -> Any:
        return self.store.head()

    def rows(self, after_position: int = 0, limit: int = 1_000_000) -> list[Any]:
        return self.store.rows(after_position, limit)
