"""This file holds how stock is shown: a table with bars."""

from collections.abc import Mapping
from typing import Any

from ledger.screen.console import console
from ledger.screen.numbers import Name, group, moment, quantity
from ledger.screen.words import Say

WIDE = 100
"""Columns from which on bars are drawn."""
BAR = 8
"""Characters of the longest bar."""
STYLES = {"available": "green", "held": "red", "incomplete": "red", "missing": "red", "quarantine": "yellow"}


def put_stock(say: Say, answer: Mapping[str, Any], days: float, name: Name) -> None:
    """The rows of a stock answer."""
    from rich.table import Table

    rows = answer["rows"]
    out = console()
    if not rows:
        out.print(say("stock.none", position=answer["position"]))
        return
    out.print(say("stock.title", at=moment(answer["at"]) + " UTC", position=answer["position"]), style="bold")
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for key in ("facility", "component", "group", "status"):
        table.add_column(say(f"stock.{key}"), no_wrap=key == "status")
    table.add_column(say("stock.bags"), justify="right")
    table.add_column("", no_wrap=True)
    table.add_column(say("stock.quantity"), justify="right", no_wrap=True)
    table.add_column(say("stock.expiring", days=f"{days:g}"), justify="right", style="yellow")
    table.add_column(say("stock.expired"), justify="right", style="red")
    table.add_column(say("stock.earliest"))
    # A bar is what can be missed on a narrow terminal.
    most = max(row["bags"] for row in rows) if out.width >= WIDE else 0
    for row in rows:
        table.add_row(*_cells(say, row, most, name))
    out.print(table)


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
