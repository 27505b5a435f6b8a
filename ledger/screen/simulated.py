"""This file holds how a simulation, its check and a year's report are shown."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import click

from ledger.screen.console import console
from ledger.screen.numbers import Name, quantity
from ledger.screen.words import Say

if TYPE_CHECKING:
    from rich.table import Table

COLUMNS = (
    "opening", "made", "received", "supplied", "transferred", "discarded", "expired", "consumed", "used_otherwise",
    "closing",
)  # fmt: skip
SHOWN = 10
"""Lines of what is wrong."""


def put_scenarios(say: Say, found: Iterable[Any]) -> None:
    """The scenarios there are, by name."""
    table = _empty()
    for each in found:
        table.add_row(each.scenario, str(each.year), each.names.zh if say.lang == "zh" else each.names.en)
    console().print(table)


def put_simulated(say: Say, said: Mapping[str, Any]) -> None:
    """What a run sent, what came of it, and where it stands now."""
    outcomes = ", ".join(f"{say(f'outcome.{outcome}')} {count}" for outcome, count in said["outcomes"].items())
    if said["held"]:
        click.echo(say("simulate.held", held=said["held"], windows=said["windows"]))
    click.echo(say("simulate.sent", commands=said["commands"], outcomes=outcomes or "—"))
    for each in said["surprises"]:
        click.secho(say("simulate.surprise", **each), fg="red")
    rate = said["facts"] / said["seconds"] if said["seconds"] else 0
    click.echo(say("simulate.facts", facts=said["facts"], seconds=f"{said['seconds']:.1f}", rate=f"{rate:,.0f}"))
    click.echo(say("simulate.root", root=said["root"]))


def put_checked(say: Say, checked: Mapping[str, Any] | None) -> None:
    """Whether the ledger's answers were true, and where not."""
    if checked is None:
        return
    compared = ", ".join(f"{kind} {count}" for kind, count in checked["compared"].items())
    if checked["good"]:
        click.secho(say("simulate.true", compared=compared), fg="green", bold=True)
        return
    click.secho(say("simulate.untrue", failures=checked["failures"], compared=compared), fg="red", bold=True)
    for line in checked["wrong"][:SHOWN]:
        click.echo(f"  {line}")


def put_report(say: Say, answer: Mapping[str, Any], name: Name) -> None:
    """A year: donations, each component's way through the stock, and a scenario's own figures beside the facts."""
    out = console()
    out.print(say("report.title", year=answer["year"], position=answer["position"]), style="bold")
    out.print(_donations(say, answer["donations"], name))
    out.print()
    out.print(_components(say, answer["components"], name))
    if answer["shipments"]["shipments"]:
        out.print("\n" + say("report.shipped", **answer["shipments"]))
    if answer["scenario"] is not None:
        out.print("\n" + say("report.scenario", scenario=answer["scenario"]["scenario"]), style="bold")
        out.print(_figures(say, answer["scenario"]["figures"], name))


def _empty() -> "Table":
    from rich.table import Table

    return Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))


def _donations(say: Say, rows: Iterable[Mapping[str, Any]], name: Name) -> "Table":
    table = _empty()
    table.add_column(say("report.kind"))
    table.add_column(say("report.donations"), justify="right")
    table.add_column(say("stock.quantity"), justify="right")
    for row in rows:
        table.add_row(name(row["kind"]), str(row["donations"]), quantity(say, row["quantity"], row["measure"]))
    return table


def _components(say: Say, rows: Iterable[Mapping[str, Any]], name: Name) -> "Table":
    """One column each, without those that are nought everywhere."""
    rows = list(rows)
    shown = [column for column in COLUMNS if any(row[column] != "0" for row in rows)]
    table = _empty()
    table.add_column(say("stock.component"))
    table.add_column("")
    for column in shown:
        table.add_column(say(f"report.{column}"), justify="right")
    for row in rows:
        table.add_row(name(row["component"]), say(f"measure.{row['measure']}"), *(row[column] for column in shown))
    return table


def _figures(say: Say, figures: Iterable[Mapping[str, Any]], name: Name) -> "Table":
    """What a source published, and the project's own figures where the facts differ."""
    table = _empty()
    for key in ("figure", "of"):
        table.add_column(say(f"report.{key}"))
    for key in ("facts", "file"):
        table.add_column(say(f"report.{key}"), justify="right")
    table.add_column("")
    table.add_column(say("report.source"))
    for each in figures:
        if each["source"] is None and each["equal"]:
            continue
        mark = say("report.equal") if each["equal"] else say("report.differs")
        source = "" if each["source"] is None else f"{each['source']} ({each['year']})"
        style = "green" if each["equal"] else "red"
        figure = say.known(f"report.{each['what']}", each["what"])
        table.add_row(figure, name(each["of"]), each["facts"], each["scenario"], mark, source, style=style)
    return table
