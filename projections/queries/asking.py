"""This file holds how a question is put to the views, as known when and at which instant, and what heads its answer."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

from projections.decode import instant_text, micros_of, without_cycle_search
from projections.queries.parked import standing_still
from projections.readmodels.database import Reading, Views
from projections.readmodels.positions import first_recorded

Answer = dict[str, Any]


class NothingKnownYet(LookupError):
    """At the recorded time asked for, the ledger held no fact yet."""

    def __init__(self, known_at: datetime, first_recorded_at: str | None) -> None:
        super().__init__(known_at, first_recorded_at)
        self.known_at, self.first_recorded_at = known_at, first_recorded_at


class Asking(NamedTuple):
    """One question's view of the ledger: `read` is of the position asked about, `at` is business now."""

    read: Reading
    at: datetime
    known_at: datetime | None

    @property
    def now(self) -> int:
        """Business now, in microseconds."""
        return micros_of(self.at)

    def head(self) -> Answer:
        """What every answer states.

        Shape: {ledger, position, known_at, at, complete_to, digest}: the answer is of the facts up to `position`, the
        last one recorded by `known_at` (null: the last of all); `digest` is the whole view's, at `complete_to`. Where
        partitions that feed the view stand still, `stale` names them, and the numbers they wait for.
        """
        stale = standing_still(self.read)
        return ({"stale": stale} if stale else {}) | {
            "ledger": self.read.ledger,
            "position": min(self.read.position, self.read.complete_to),
            "known_at": None if self.known_at is None else instant_text(micros_of(self.known_at)),
            "at": instant_text(self.now),
            "complete_to": self.read.complete_to,
            "digest": self.read.digest(),
        }


@contextmanager
def asking(views: Views, at: datetime, known_at: datetime | None = None) -> Iterator[Asking]:
    """One read transaction of what was known at T. Errors: NothingKnownYet; ViewsOutdated, ViewsUnavailable."""
    with without_cycle_search(), views.reading(None if known_at is None else micros_of(known_at)) as read:
        if read.position == 0 and known_at is not None:
            raise NothingKnownYet(known_at, _first_recorded(read))
        yield Asking(read, at, known_at)


def _first_recorded(read: Reading) -> str | None:
    first = first_recorded(read)
    return None if first is None else instant_text(first)


class Said(NamedTuple):
    """What a question's function answers.

    Shape: `summary` numbers and words for one sentence; `rows` alike, in JSON types, for a table; `more` further lists.
    """

    summary: dict[str, Any]
    rows: list[dict[str, Any]]
    more: dict[str, Any] = {}


class Question(NamedTuple):
    """One question. `subjects`: what it may be asked about, none when it is about the whole ledger."""

    letter: str
    name: str
    answer: Callable[..., Said]
    subjects: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


def ask(
    views: Views,
    question: Question,
    subject: str | None,
    at: datetime,
    known_at: datetime | None = None,
    **options: Any,
) -> Answer:
    """The answer, under a head that states ledger, position and digest. See Asking.head and Said for its shape.

    Errors: BadScan, NotFound, NothingKnownYet.
    """
    with asking(views, at, known_at) as put:
        said = question.answer(put, subject, **options) if question.subjects else question.answer(put, **options)
        head: Answer = {"question": question.letter, "name": question.name, "subject": subject, **put.head()}
        return head | {"summary": said.summary, "rows": said.rows, **said.more}
