"""This file holds the commands about the ledger itself: `verify`, `rebuild`, `status` and `init`."""

import json
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from ledger.cli.door import Session, command, leave, option, wrong_usage
from ledger.cli.faults import NO
from ledger.screen.console import progress, put_json
from ledger.screen.proof import put_verified
from ledger.screen.rebuilt import put_rebuilt

if TYPE_CHECKING:
    from ledger.wiring import Ledger
    from projections.rebuilding import Progress as Stages
    from projections.rebuilding import Rebuilt


@command("verify", option("--since", type=click.File("rb"), metavar="FILE"))
def verify(session: Session, since: IO[bytes] | None) -> None:
    verified(session, None if since is None else earlier_output(session, since.read(), since.name))


def verified(session: Session, earlier: dict[str, Any] | None) -> None:
    """Check the ledger and say what was found. Errors: Exit with 1 when it is damaged."""
    say = session.say
    with session.open() as ledger, progress(say("progress.verify")) as tell:
        try:
            answer = ledger.verify(earlier, tell)
        except ValueError as wrong:
            if earlier is None:
                raise
            raise wrong_usage(session, say("verify.bad_since", why=wrong)) from None
    if session.as_json(in_pipes=True):
        put_json(answer)
    else:
        put_verified(say, answer)
    leave(0 if answer["ok"] else NO)


def earlier_output(session: Session, text: bytes, name: str) -> dict[str, Any]:
    """An earlier output: the whole text, or the last line of one to which outputs were added. Errors: Told."""
    for part in (text, text.strip().rpartition(b"\n")[2]):
        try:
            found = json.loads(part)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            return found
    raise wrong_usage(session, session.say("verify.bad_since", why=name))


@command("rebuild", option("--accept", is_flag=True))
def rebuild(session: Session, accept: bool) -> None:
    say = session.say
    with progress(say("progress.rebuild")) as tell:
        answer = _rebuilt(session, accept, lambda _, done, total: tell(done, total))._asdict()
    if session.as_json(in_pipes=True):
        put_json(answer)
    else:
        put_rebuilt(say, answer)
    leave(NO if answer["differences"] and not answer["switched"] else 0)


def _rebuilt(session: Session, accept: bool, tell: "Stages") -> "Rebuilt":
    """From what feeds the views: the ledger, or Kafka."""
    from ledger.wiring import fed_by_kafka

    if fed_by_kafka(session.settings):
        from ledger.streaming import rebuilt_from_kafka

        return rebuilt_from_kafka(session.settings, accept, tell)
    with session.open() as ledger:
        return ledger.rebuild(accept, tell)


@command("status")
def status(session: Session) -> None:
    say = session.say
    with session.open() as ledger:
        settings, head = ledger.settings, ledger.store.head()
        from ledger.commands.printing import recorded_instant

        said: dict[str, Any] = {
            "ledger": ledger.store.ledger_id(),
            "path": shown(settings.ledger),
            "size": head.size,
            "position": head.position,
            "root": head.root.hex(),
            "recorded_at": recorded_instant(head.recorded_at) if head.size else None,
            "views": shown(settings.views),
            "views_position": _views_position(ledger),
            "keys": settings.keys,
            "catalogue": ledger.catalogue.id,
            "lang": say.lang,
        }
    if session.as_json():
        put_json(said)
        return
    for key, value in said.items():
        click.echo(f"{say(f'status.{key}')}: {'—' if value is None else value}")


def _views_position(ledger: "Ledger") -> int | None:
    """Up to where the views are complete; None when there are none that this code reads, and none are begun."""
    from ledger.store.opening import is_postgres
    from projections.readmodels.database import ViewsOutdated, ViewsUnavailable

    where = ledger.settings.views
    if not is_postgres(where) and not Path(where).exists():
        return None
    try:
        return ledger.views_position()
    except (ViewsOutdated, ViewsUnavailable):
        return None


def shown(where: str) -> str:
    """Where a ledger or its views are, as it may be shown: a server's URL without its password."""
    from ledger.store.opening import is_postgres

    if not is_postgres(where):
        return where
    from ledger.store.postgres_tables import shown as without_password

    return without_password(where)


def _found_or_begun(session: Session) -> tuple["Ledger", bool]:
    """The ledger there, and whether it was there before."""
    from ledger.store.faults import NoLedger

    try:
        return session.open(), True
    except NoLedger:
        return session.open(reading=False), False


@command("init")
def init(session: Session) -> None:
    say = session.say
    ledger, there = _found_or_begun(session)
    with ledger:
        size = ledger.store.head().size
        said = {
            "ledger": ledger.store.ledger_id(),
            "path": shown(ledger.settings.ledger),
            "new": not there,
            "size": size,
        }
    if session.as_json():
        put_json(said)
    else:
        key = "init.there" if there else "init.done"
        click.echo(say(key, path=said["path"], ledger=said["ledger"], size=size))
