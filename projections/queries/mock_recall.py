"""This file holds question q: how effective a recall would be, and for which bags we could not say where they are."""

from collections import Counter
from datetime import datetime

from projections.decode import decimal_text
from projections.queries.asking import Asking, Said
from projections.queries.recall import reached_by
from projections.queries.subjects import Window

SHOWN = ("bag", "component", "directly", "status", "fate", "where", "located", "position")


def mock_recall(asking: Asking, subject: str, *, since: datetime | None = None, until: datetime | None = None) -> Said:
    """As a recall of the subject, within a window of business time: is every bag located? How long it took, the caller
    measures.

    Shape: rows by bag, those not located first {bag, component, directly, status, fate, where, located, position};
    `where` the patient, the consignee or the facility and place, null for a consumed bag, whose children are rows of
    their own; `located`: not missing, not told of incompletely, and a place, an end or a use is known; `position` the
    last fact that handed it on. summary: bags, located, unlocated, by_status, effectiveness: located per bags in
    percent, exact text, rounded down to hundredths (so that 100 means every bag); null when no bag is reached.
    Errors: BadScan, NotFound.
    """
    window = Window.between(since, until)
    reached = reached_by(asking.read, subject, window)
    full = sorted((reached.row(bag) for bag in reached.bags), key=lambda row: (row["located"], row["bag"]))
    rows = [{key: row[key] for key in SHOWN} for row in full]
    located = sum(row["located"] for row in rows)
    summary = {
        "bags": len(rows),
        "located": located,
        "unlocated": len(rows) - located,
        "by_status": dict(sorted(Counter(row["status"] for row in rows).items())),
        "effectiveness": percent(located, len(rows)),
    }
    return Said(summary, rows)


def percent(part: int, whole: int) -> str | None:
    """A share in percent, cut to two decimal places.

    Example:
        >>> percent(2, 3), percent(9_999_999, 10_000_000), percent(4, 4), percent(0, 0)
        ('66.66', '99.99', '100', None)
    """
    return None if whole == 0 else decimal_text(part * 10_000 // whole * 10)
