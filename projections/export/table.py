"""This file holds lineage as a table in CSV: a row for each way in which a bag came about."""

import csv
from collections import defaultdict
from io import StringIO
from typing import Any

from projections.export.drawing import BAG, Cells, Trace, bags_of, edges_of

MADE = ("parent", "process", "position", "cycle")
COLUMNS = (*BAG, "holds", *MADE)


def table(trace: Trace) -> str:
    """The lineage of a trace in CSV, its first line the columns' names.

    Shape: COLUMNS; a bag with several parents has a row for each, one without has a row whose parent is empty.
    Bags come in the order of the trace. An end of an edge of which the trace says nothing has a row too.
    Source: RFC 4180, but lines end in a line feed.
    """
    made: dict[object, list[Cells]] = defaultdict(list)
    bags = {bag["bag"]: bag for bag in bags_of(trace)}
    for edge in edges_of(trace):
        made[edge["child"]].append(edge)
        for end in ("parent", "child"):
            bags.setdefault(edge[end], {"bag": edge[end]})
    out = StringIO()
    writer = csv.DictWriter(out, COLUMNS, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for name, bag in bags.items():
        for edge in made[name] or [{}]:
            row = {**bag, **{key: _text(edge[key]) for key in MADE if key in edge}}
            writer.writerow({key: _inert(cell) for key, cell in row.items()})
    return out.getvalue()


def _inert(cell: Any) -> Any:
    """A cell that a spreadsheet will not take for a formula: who names a facility `=…` must not run it elsewhere.

    Source: OWASP, CSV injection: an apostrophe before what begins with a sign that begins a formula.
    """
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def _text(value: str | int | bool) -> str | int:
    return str(value).lower() if isinstance(value, bool) else value
