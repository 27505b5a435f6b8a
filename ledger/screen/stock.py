"""This file holds how stock is shown: a table with bars."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ledger.screen.console import console
from ledger.screen.numbers import Name, group, moment, quantity
from ledger.screen.words import Say

if TYPE_CHECKING:
    from rich.table import Table

WIDE = 100
"""Columns from which on bars are drawn."""
BAR = 8
"""Characters of the longest bar."""
STYLES = {"available": "green", "held": "red", "incomplete": "red", "missing": "red", "quarantine": "yellow"}


LEVELS = {"below": "red", "within": "green", "above": "yellow"}


def put_stock(say: Say, answer: Mapping[str, Any], days: float, name: Name) -> None:
    """A stock answer: its rows, how the safe bands are met, and what expires day by day if that was asked for."""
    out = console()
    for still in answer.get("stale", ()):
        out.print(say("stock.stale", place=still["place"], first=still["missing"]), style="bold red")
    if not answer["rows"]:
        out.print(say("stock.none", position=answer["position"]))
    else:
        out.print(say("stock.title", at=moment(answer["at"]) + " UTC", position=answer["position"]), style="bold")
        out.print(_table(say, answer["rows"], days, name, out.width))
    if answer.get("bands"):
        out.print("\n" + say("stock.bands"), style="bold")
        out.print(_bands(say, answer["bands"], name))
    if answer.get("forecast"):
        out.print("\n" + say("stock.forecast"), style="bold")
        out.print(_forecast(say, answer["forecast"], name, out.width))


def _table(say: Say, rows: list[dict[str, Any]], days: float, name: Name, width: int) -> "Table":
    table = _empty()
    for key in ("facility", "component", "group", "status"):
        table.add_column(say(f"stock.{key}"), no_wrap=key == "status")
    table.add_column(say("stock.bags"), justify="right")
    table.add_column("", no_wrap=True)
    table.add_column(say("stock.quantity"), justify="right", no_wrap=True)
    table.add_column(say("stock.expiring", days=f"{days:g}"), justify="right", style="yellow")
    table.add_column(say("stock.expired"), justify="right", style="red")
    table.add_column(say("stock.earliest"))
    # A bar is what can be missed on a narrow terminal.
    most = max(row["bags"] for row in rows) if width >= WIDE else 0
    for row in rows:
        table.add_row(*_cells(say, row, most, name))
    return table


def _empty() -> "Table":
    from rich.table import Table

    return Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))


def _bands(say: Say, bands: list[dict[str, Any]], name: Name) -> "Table":
    """Each band with what is available, and where that lies."""
    from rich.text import Text

    table = _empty()
    for key in ("facility", "component", "group"):
        table.add_column(say(f"stock.{key}"))
    for key in ("bags", "quantity", "band"):
        table.add_column(say(f"stock.{key}"), justify="right", no_wrap=True)
    table.add_column(say("stock.level"), no_wrap=True)
    for band in bands:
        table.add_row(
            band["facility"] or "",
            name(band["component"]),
            group(say, band) or say.known(f"rhd.{band['rhd']}", "") or say("stock.any_group"),
            str(band["bags"]),
            quantity(say, band["quantity"], band["measure"]),
            f"{band['low']}–{band['high']}",
            Text(say(f"stock.level.{band['level']}"), style=LEVELS[band["level"]]),
        )
    return table


def _forecast(say: Say, days: list[dict[str, Any]], name: Name, width: int) -> "Table":
    """What expires on each day, with bars as in the stock."""
    table = _empty()
    for key in ("day", "facility", "component", "group", "status"):
        table.add_column(say(f"stock.{key}"), no_wrap=key == "day")
    table.add_column(say("stock.bags"), justify="right")
    table.add_column("", no_wrap=True, style="yellow")
    table.add_column(say("stock.quantity"), justify="right", no_wrap=True)
    most = max(row["bags"] for row in days) if width >= WIDE else 0
    for row in days:
        shown = _cells(say, {**row, "expiring": 0, "expired": 0, "earliest_expiry": None}, most, name)
        shown[5] = bar(row["bags"], most) if most else ""
        table.add_row(row["day"], *shown[:7])
    return table


def _cells(say: Say, row: Mapping[str, Any], most: int, name: Name) -> list[Any]:
    from rich.text import Text

    style = STYLES.get(row["status"], "")
    return [
        row["facility"] or "",
        name(row["component"]) if row["component"] else "",
        group(say, row),
        Text(say.known(f"status.{row['status']}", str(row["status"])), style=style),
        str(row["bags"]),
        Text(bar(row["bags"], most) if most else "", style=style),
        quantity(say, row["quantity"], row["measure"]),
        str(row["expiring"] or ""),
        str(row["expired"] or ""),
        moment(row["earliest_expiry"])[: None if most else 10],
    ]


def bar(count: int, most: int) -> str:
    """A bar in proportion, never empty for something.

    Example:
        >>> bar(1, 1000), bar(4, 8)
        ('▏', '████')
    """
    eighths = max(1, round(count * BAR * 8 / most)) if count else 0
    whole, rest = divmod(eighths, 8)
    return "█" * whole + ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")[rest]
