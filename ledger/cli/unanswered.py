"""This file holds how a question that has no answer leaves: what was asked wrongly, and of what nothing is known."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import click

from ledger.cli.door import Session, leave, wrong_usage
from ledger.cli.faults import NO
from ledger.screen.console import put_json


@contextmanager
def answering(session: Session, subject: str, nothing: dict[str, Any]) -> Iterator[None]:
    """While a question is put. `nothing` is the JSON of an answer without content.

    Errors: Told for a number that cannot be read, exit code 2; Exit with 1 when nothing is known of the subject, or was
    known at that time.
    """
    from ledger.isbt128 import BadScan
    from projections.queries.asking import NothingKnownYet
    from projections.queries.subjects import NotFound

    say = session.say
    try:
        yield
    except BadScan as bad:
        raise wrong_usage(session, say("trace.bad_subject", subject=subject, why=bad.message(say.lang))) from None
    except NotFound as missing:
        text = say("trace.not_found", subject=missing.subject, position=missing.position)
        put_nothing(session, {**nothing, "position": missing.position}, "not_found", text)
    except NothingKnownYet as early:
        first = early.first_recorded_at
        put_nothing(
            session, {**nothing, "position": 0}, "nothing_known_yet", _too_early(session, early.known_at, first)
        )


def _too_early(session: Session, known_at: datetime, first: str | None) -> str:
    if first is None:
        return session.say("known.empty", known_at=known_at.isoformat())
    here = datetime.fromisoformat(first).astimezone(known_at.tzinfo or UTC)
    # microseconds, so that the very instant named is one at which something was known
    return session.say("known.before", known_at=known_at.isoformat(), first=here.isoformat())


def put_nothing(session: Session, nothing: dict[str, Any], code: str, text: str) -> None:
    """The answer is no: why, as words or as JSON. Errors: Exit, always."""
    if session.as_json():
        put_json({**nothing, "code": code, "message": text})
    else:
        click.echo(text, err=True)
    leave(NO)
