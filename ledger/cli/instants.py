"""This file holds how instants are given on the command line: business now, a period, and as known when."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from ledger.cli.door import Session, option, session_of, wrong_usage
from ledger.screen.words import Say

if TYPE_CHECKING:
    from ledger.wiring import Ledger
    from projections.queries.subjects import Window


class Instant(click.ParamType[datetime]):
    """An instant in RFC 3339, with its offset."""

    name = "RFC 3339"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        say = session_of(ctx).say if ctx is not None else Say("en")
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            self.fail(say("usage.not_a_time", found=repr(value)), param, ctx)
        if at.tzinfo is None or not 1800 < at.year < 9000:
            self.fail(say("usage.no_offset", found=repr(value)), param, ctx)
        return at


def at_option() -> click.Option:
    """Business now."""
    return option("--at", type=Instant())


def known_at_option() -> click.Option:
    """Recorded time: what was known then."""
    return option("--known-at", type=Instant())


def window_options() -> list[click.Option]:
    """A period of business time."""
    return [option("--since", type=Instant(), words="since_when"), option("--until", type=Instant())]


def must_not_be_ahead(session: Session, ledger: "Ledger", known_at: datetime | None) -> None:
    """What will be known at a time to come, nobody can say. Errors: Told."""
    now = ledger.now()
    if known_at is not None and known_at > now:
        here = now.astimezone(known_at.tzinfo or UTC)
        text = session.say("known.future", known_at=known_at.isoformat(), now=here.isoformat(timespec="seconds"))
        raise wrong_usage(session, text)


def in_window(session: Session, since: datetime | None, until: datetime | None) -> "Window":
    """A period as views ask for it. Errors: Told when it ends before it begins."""
    if since is not None and until is not None and until < since:
        raise wrong_usage(session, session.say("known.window", since=since.isoformat(), until=until.isoformat()))
    from projections.queries.subjects import Window

    return Window.between(since, until)
