"""This file holds the commands that ask: `trace`, `stock` and `facts`."""

import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from ledger.cli.door import Session, command, leave, option, wrong_usage
from ledger.cli.faults import NO
from ledger.screen.console import progress, put_json, put_line
from ledger.screen.life import put_fact, put_trace
from ledger.screen.stock import put_stock
from ledger.screen.words import Say

if TYPE_CHECKING:
    from ledger.store.port import FactRow
    from ledger.wiring import Ledger

PAGE = 2_000
CATCH_UP = "--catch-up/--no-catch-up"


class Instant(click.ParamType[datetime]):
    """An instant in RFC 3339, with its offset."""

    name = "RFC 3339"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a time such as 2026-03-01T08:00:00+08:00", param, ctx)
        if at.tzinfo is None or not 1800 < at.year < 9000:
            self.fail(f"{value!r} has no offset or no sensible year: write 2026-03-01T08:00:00+08:00", param, ctx)
        return at


def caught_up(ledger: "Ledger", say: Say, wanted: bool) -> None:
    """Bring the views to the ledger's last position, unless asked not to."""
    if wanted:
        with progress(say("progress.catch_up")) as tell:
            ledger.catch_up(tell)


def component_names(ledger: "Ledger", say: Say) -> Callable[[str], str]:
    """The catalogue's names of components; a component it does not hold is called by its code."""

    def name(component: str) -> str:
        product = ledger.catalogue.product(component)
        if product is None:
            return component
        return product.names.zh if say.lang == "zh" else product.names.en

    return name


@command(
    "trace",
    click.Argument(["subject"], metavar="SUBJECT"),
    option("--facts/--no-facts", default=True),
    option(CATCH_UP, default=True),
)
def trace(session: Session, subject: str, facts: bool, catch_up: bool) -> None:
    from ledger.isbt128 import BadScan
    from projections.queries.trace import NotFound
    from projections.queries.trace import trace as traced

    say = session.say
    with session.open() as ledger:
        caught_up(ledger, say, catch_up)
        try:
            # the tree names donors and patients, whom only the facts know
            answer = traced(ledger.views, subject, facts=facts or not session.as_json())
        except BadScan as bad:
            raise wrong_usage(session, say("trace.bad_subject", subject=subject, why=bad.message(say.lang))) from None
        except NotFound as missing:
            _not_found(session, missing.subject, missing.position)
            return
        if session.as_json():
            put_json(answer)
        else:
            put_trace(say, answer, component_names(ledger, say), facts)


def _not_found(session: Session, subject: str, position: int) -> None:
    text = session.say("trace.not_found", subject=subject, position=position)
    if session.as_json():
        nothing: dict[str, Any] = {"bags": [], "edges": [], "facts": []}
        put_json({"subject": subject, "position": position, **nothing, "code": "not_found", "message": text})
    else:
        click.echo(text, err=True)
    leave(NO)


@command(
    "stock",
    option("--at", type=Instant()),
    option("--expiring-within", type=click.FloatRange(0, 36_500), default=7, show_default=True, metavar="DAYS"),
    option("--facility"),
    option("--component"),
    option("--group", type=click.Choice(["A", "B", "O", "AB"])),
    option("--status"),
    option("--all", is_flag=True),
    option(CATCH_UP, default=True),
)
def stock(session: Session, at: datetime | None, expiring_within: float, catch_up: bool, **chosen: Any) -> None:
    from projections.queries.stock import stock as in_stock

    say = session.say
    with session.open() as ledger:
        caught_up(ledger, say, catch_up)
        answer = in_stock(ledger.views, at or ledger.now(), expiring_within_days=expiring_within, **chosen)
        if session.as_json():
            put_json(answer)
        else:
            put_stock(say, answer, expiring_within, component_names(ledger, say))


@command(
    "facts",
    click.Argument(["streams"], nargs=-1, metavar="STREAM…"),
    option("--from", "from_", words="from", type=click.IntRange(1), default=1, metavar="POSITION"),
    option("--name", metavar="bag.issued"),
    option("--limit", type=click.IntRange(0), metavar="N"),
    option("--open-sealed", is_flag=True),
)
def facts(
    session: Session, streams: tuple[str, ...], from_: int, name: str | None, limit: int | None, open_sealed: bool
) -> None:
    from ledger.commands.printing import printed

    say, as_json = session.say, session.as_json(in_pipes=True)
    _must_be_a_name(session, name)
    put = _facts_put(say, as_json)
    count = 0
    with session.open() as ledger:
        ledger_id, opened = ledger.store.ledger_id(), ledger.mapper.open_sealed if open_sealed else None
        for row in _rows(ledger, streams, from_):
            if limit is not None and count >= limit:
                break
            if name is not None and name not in (row.name, row.name.rpartition(".")[0]):
                continue
            put(printed(row, ledger_id, ledger.mapper, opened))
            count += 1
    sys.stdout.flush()
    if not count and not as_json:
        click.echo(say("facts.none"))


def _rows(ledger: "Ledger", streams: tuple[str, ...], first: int) -> "Iterator[FactRow]":
    """The rows asked for, by position; of all streams a page at a time."""
    if streams:
        found = [row for stream in dict.fromkeys(streams) for row in ledger.store.stream(stream)]
        yield from sorted((row for row in found if row.position >= first), key=lambda row: row.position)
        return
    after = first - 1
    while page := ledger.store.rows(after, PAGE):
        yield from page
        after = page[-1].position


def _must_be_a_name(session: Session, name: str | None) -> None:
    if name is not None:
        from ledger.domain import FACTS
        from ledger.store.upcasting import UPCASTS

        wires = {*FACTS, *UPCASTS}
        if name not in wires and name not in {wire.rpartition(".")[0] for wire in wires}:
            raise wrong_usage(session, session.say("facts.name_unknown", name=name))


def _facts_put(say: Say, as_json: bool) -> Callable[[dict[str, Any]], None]:
    if as_json:
        return put_line
    return lambda said: put_fact(say, said)
