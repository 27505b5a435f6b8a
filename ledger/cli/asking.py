"""This file holds the commands that look: `trace`, `stock` and `facts`."""

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click

from ledger.cli.door import Session, command, option, wrong_usage
from ledger.cli.instants import at_option, in_window, known_at_option, must_not_be_ahead, window_options
from ledger.cli.unanswered import answering
from ledger.screen.ask import complete
from ledger.screen.console import progress, put_json, put_line
from ledger.screen.life import put_fact
from ledger.screen.noun_words import STATUSES
from ledger.screen.stock import put_stock
from ledger.screen.trace import put_trace
from ledger.screen.words import Say

if TYPE_CHECKING:
    from ledger.store.port import FactRow
    from ledger.wiring import Ledger

PAGE = 2_000
FORMS = ("dot", "graphml", "csv")
CATCH_UP = "--catch-up/--no-catch-up"


def caught_up(ledger: "Ledger", say: Say, wanted: bool) -> None:
    """Bring the views to the ledger's last position, unless asked not to."""
    if not wanted:
        ledger.must_have_own_views()
        return
    with progress(say("progress.catch_up")) as tell:
        done = ledger.catch_up(tell)
    if done.rebuilt is not None:
        why, *details = done.rebuilt
        was, now = (*details, "", "")[:2]
        click.echo(say("views.anew", why=say(f"views.anew.{why}", was=was, now=now)), err=True)


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
    known_at_option(),
    at_option(),
    *window_options(),
    option("--depth", type=click.IntRange(0), metavar="N"),
    option("--format", words="format", type=click.Choice(["text", *FORMS]), default="text", show_default=True),
    option("--facts/--no-facts", default=True),
    option(CATCH_UP, default=True),
)
def trace(session: Session, subject: str, format: str, facts: bool, catch_up: bool, **how: Any) -> None:
    from projections.queries.trace import trace as traced

    say = session.say
    if format != "text" and session.as_json():
        raise wrong_usage(session, say("trace.two_formats", format=format))
    with session.open() as ledger:
        must_not_be_ahead(session, ledger, how["known_at"])
        caught_up(ledger, say, catch_up)
        # the tree names donors and patients, whom only the facts know
        told = facts if session.as_json() else format == "text"
        nothing: dict[str, Any] = {"subject": subject, "bags": [], "edges": [], "facts": []}
        with answering(session, subject, nothing), progress(say("progress.ask")):
            answer = traced(
                ledger.views,
                subject,
                how["at"] or ledger.now(),
                known_at=how["known_at"],
                window=in_window(session, how["since"], how["until"]),
                depth=how["depth"],
                facts=told,
            )
        if session.as_json():
            put_json(answer)
        elif format == "text":
            put_trace(say, answer, component_names(ledger, say), facts)
            click.echo(click.style(complete(say, answer), dim=True))
        else:
            put_form(format, answer)


def put_form(format: str, answer: dict[str, Any]) -> None:
    """A trace in a form that other programs draw or count."""
    if format == "dot":
        from projections.export.graphviz import dot as written
    elif format == "graphml":
        from projections.export.graphml import graphml as written
    else:
        from projections.export.table import table as written
    click.echo(written(answer), nl=False)


@command(
    "stock",
    known_at_option(),
    at_option(),
    option("--expiring-within", type=click.FloatRange(0, 36_500), default=7, show_default=True, metavar="DAYS"),
    option("--forecast", type=click.IntRange(1, 3_660), metavar="DAYS"),
    option("--facility"),
    option("--component"),
    option("--group", type=click.Choice(["A", "B", "O", "AB"])),
    option("--status", type=click.Choice(list(STATUSES))),
    option("--all", is_flag=True),
    option(CATCH_UP, default=True),
)
def stock(session: Session, expiring_within: float, forecast: int | None, catch_up: bool, **chosen: Any) -> None:
    from projections.queries.stock import stock as in_stock

    say, at, known_at = session.say, chosen.pop("at"), chosen.pop("known_at")
    with session.open() as ledger:
        must_not_be_ahead(session, ledger, known_at)
        caught_up(ledger, say, catch_up)
        with answering(session, "", {"rows": [], "bands": [], "forecast": []}), progress(say("progress.ask")):
            answer = in_stock(
                ledger.views,
                at or ledger.now(),
                known_at=known_at,
                expiring_within_days=expiring_within,
                forecast_days=forecast,
                **chosen,
            )
        answer["bands"] = band_levels(ledger, answer["rows"], **chosen)
        if session.as_json():
            put_json(answer)
        else:
            put_stock(say, answer, expiring_within, component_names(ledger, say))
            click.echo("\n" + click.style(complete(say, answer), dim=True))


def band_levels(
    ledger: "Ledger", rows: list[dict[str, Any]], component: str | None = None, group: str | None = None, **chosen: Any
) -> list[dict[str, Any]]:
    """How the stock stands against the site's safe bands; none where rows so narrowed would mislead."""
    from dataclasses import asdict

    from projections.queries.bands import levels

    if chosen.get("status") not in (None, "available"):
        return []
    bands = [
        {**asdict(band), "low": f"{band.low:f}", "high": f"{band.high:f}"}
        for band in ledger.catalogue.bands
        if component in (None, band.component) and (group is None or group == band.group)
    ]
    facility = chosen.get("facility")
    return levels(rows, [band for band in bands if facility is None or band["facility"] in (None, facility)])


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
