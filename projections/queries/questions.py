"""This file holds the auditor's questions: their letters, names and what each must be told."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from projections.queries.asking import Answer, asking
from projections.readmodels.database import Views


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
