"""This file holds how the rows of any answer are laid out: a table, and below a row what has no room in it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import click

from ledger.screen.cells import cell
from ledger.screen.numbers import Name, group, quantity
from ledger.screen.words import Say

Row = Mapping[str, Any]
MOST_ROWS = 500
GAP = 2
WIDEST = 44
"""A cell that is wider stands below its row."""
JOINED = {"measure": "quantity", "rhd": "group", "corrected": "name"}
"""Columns that are told with another one."""
LEFT_OUT = frozenset({"version", "alert"})
"""A position says it already; of an alert, the patient, the bag and the cause do."""
IN_WHERE = frozenset({"facility", "place", "consignee", "patient"})
"""What `where` says in one."""
BAD = {"early": True, "in_date": False, "compatible": False, "located": False}
"""What is bad, by column: such a row is red."""
RED = frozenset(
    {"bag.held", "bag.nonconformity_raised", "donation.nonconformity_raised", "hold.placed", "recipient.alerted"}
)
"""Facts that say something is wrong, by `name`."""
FORWARD = ("in_date", "late_by_minutes", "compatible", "why", "early", "missing", "located", "field", "was", "is")
"""Columns that say what was asked: they stand right behind what the row is about."""
LEADING = 1
"""How many columns say what a row is about."""


def put_rows(say: Say, rows: Sequence[Row], name: Name, width: int) -> None:
    """The rows, each on a line as far as the width goes; all that is left stands indented below it."""
    shown = [_cells(say, row, name) for row in rows[:MOST_ROWS]]
    keys = [key for key in _keys(rows) if any(cells.get(key) for cells in shown)]
    heads = {key: say.known(f"ask.column.{key}", key) for key in keys}
    widths = {key: wide for key in keys if (wide := _width(heads[key], [cells.get(key, "") for cells in shown]))}
    beside = list(_fitting(widths, width))
    click.echo(click.style(_line(heads, beside, widths), bold=True))
    for row, cells in zip(rows, shown, strict=False):
        inside = {key: cells[key] for key in beside if _length(cells.get(key, "")) <= widths[key] and key in cells}
        _put_row(row, inside, _line(inside, beside, widths))
        below = [
            cells[key] if key == "says" else f"{heads[key]} {cells[key]}"
            for key in keys
            if key not in inside and cells.get(key)
        ]
        for line in _wrapped(below, width):
            click.echo(click.style(line, dim=True))
    if len(rows) > MOST_ROWS:
        click.echo(say("ask.more", count=len(rows) - MOST_ROWS))


def _put_row(row: Row, cells: Mapping[str, str], line: str) -> None:
    struck = row.get("corrected") == "annulled"
    red = any(row.get(key) is bad for key, bad in BAD.items()) or row.get("name") in RED
    click.echo(click.style(line, fg="red" if red else None, strikethrough=struck or None))


def _keys(rows: Sequence[Row]) -> list[str]:
    """The columns, in the order in which rows name them, but for those that say what was asked."""
    named = dict.fromkeys(key for row in rows for key in row)
    said = LEFT_OUT | IN_WHERE if "where" in named else LEFT_OUT
    left = [key for key in named if key not in said and JOINED.get(key) not in named]
    forward = [key for key in FORWARD if key in left[LEADING:]]
    return [*left[:LEADING], *forward, *(key for key in left[LEADING:] if key not in forward)]


def _cells(say: Say, row: Row, name: Name) -> dict[str, str]:
    cells = {key: cell(say, key, value, name) for key, value in row.items()}
    if "field" in row:
        cells |= {key: cell(say, str(row["field"]), row[key], name) for key in ("was", "is") if key in row}
    if isinstance(row.get("quantity"), str) and "measure" in row:
        cells["quantity"] = quantity(say, row["quantity"], row["measure"]) if row["measure"] else str(row["quantity"])
    if row.get("corrected") and "name" in row:
        cells["name"] += f" ({cells['corrected']})"
    if isinstance(row.get("group"), str) and "rhd" in row:
        cells["group"] = group(say, row)
    return cells


def _width(head: str, texts: Iterable[str]) -> int:
    """What a column needs, but for cells too wide for a table; 0 when all are."""
    fitting = [length for length in map(_length, texts) if 0 < length <= WIDEST]
    return max(_length(head), *fitting) if fitting else 0


def _fitting(widths: Mapping[str, int], width: int) -> Iterator[str]:
    """Columns from the left, as far as there is room; one that does not fit leaves its room to those behind it."""
    room = width
    for number, (key, wide) in enumerate(widths.items()):
        if number == 0 or wide <= room:
            yield key
            room -= wide + GAP


def _line(texts: Mapping[str, str], keys: Iterable[str], widths: Mapping[str, int]) -> str:
    cells = [texts.get(key, "") for key in keys]
    padded = [text + " " * (widths[key] - _length(text) + GAP) for key, text in zip(keys, cells, strict=True)]
    return "".join(padded).rstrip()


def _wrapped(parts: Sequence[str], width: int) -> Iterator[str]:
    """Parts joined on indented lines, broken between parts and, where one is longer than a line, at blanks."""
    line = ""
    for part in parts:
        for number, word in enumerate(part.split(" ")):
            if not line:
                line = f"    {word}"
                continue
            glue = " · " if number == 0 else " "
            if _length(line) + len(glue) + _length(word) > width:
                yield line
                line = f"    {word}"
            else:
                line += glue + word
    if line:
        yield line


def _length(text: str) -> int:
    """Columns of a terminal that a text takes: Chinese characters take two."""
    from rich.cells import cell_len

    return len(text) if text.isascii() else cell_len(text)
