"""This file holds the stock: bags and exact quantities by facility, component, group and status."""

from datetime import datetime, timedelta
from typing import Any

from projections.decode import decimal_text, instant_text, micros_of
from projections.queries.lineage import incomplete_bags
from projections.readmodels.database import Views

# An incomplete bag is not what its row says. Without any, the answer comes from the index bags_in_stock.
SUMS = """SELECT facility, component, abo, rhd, {status} AS shown, measure, COUNT(*), SUM(thousandths),
    SUM(CASE WHEN expires_at > ? AND expires_at <= ? THEN 1 ELSE 0 END), MIN(expires_at),
    SUM(CASE WHEN expires_at <= ? THEN 1 ELSE 0 END)
    FROM bags WHERE {chosen}
    GROUP BY facility, component, abo, rhd, shown, measure
    ORDER BY facility, component, abo, rhd, shown, measure"""
INCOMPLETE = "CASE WHEN bag IN (SELECT each.value FROM {each}) THEN 'incomplete' ELSE status END"
LAST_MINUTE = 60_000_000
"""An expiry is printed to the minute, and that minute counts. Unit: microseconds."""
KEYS = ("facility", "component", "group", "rhd", "status", "measure", "bags", "quantity", "expiring",
        "earliest_expiry", "expired")  # fmt: skip


def stock(
    views: Views,
    at: datetime,
    *,
    expiring_within_days: float = 7,
    facility: str | None = None,
    component: str | None = None,
    group: str | None = None,
    status: str | None = None,
    all: bool = False,
) -> dict[str, Any]:
    """What is in stock; `at` is the business instant by which bags are expired or soon will be.

    Shape: {ledger, position, at, rows}; a row has KEYS, its quantity as an exact decimal. `expired` and
    `expiring` count bags that are in `bags` too: expiry is computed, never a status. A bag's last minute is good
    to its end.
    `all` adds bags that are stock no more: transfused, discarded, destroyed, consumed, out.
    """
    now, soon = micros_of(at), micros_of(at + timedelta(days=expiring_within_days))
    gone = now - LAST_MINUTE
    wanted = {"facility": facility, "component": component, "abo": group}
    chosen = [f"{column} = ?" for column, value in wanted.items() if value is not None]
    values = [value for value in wanted.values() if value is not None]
    if not all:
        chosen.append("final = 0")
    with views.reading() as read:
        incomplete = incomplete_bags(read)
        shown = INCOMPLETE if incomplete else "status"
        sql = SUMS.replace("{status}", shown).replace("{chosen}", " AND ".join(chosen) or "true")
        before = [read.each(sorted(incomplete))] if incomplete else []
        found = read.rows(sql, [*before, gone, soon, gone, *values])
        rows = [_row(row) for row in found if status is None or row[4] == status]
        return {"ledger": read.ledger, "position": read.position, "at": instant_text(now), "rows": rows}


def _row(row: tuple[Any, ...]) -> dict[str, Any]:
    shown = dict(zip(KEYS, row, strict=True))
    shown["quantity"] = None if shown["quantity"] is None else decimal_text(shown["quantity"])
    earliest = shown["earliest_expiry"]
    shown["earliest_expiry"] = None if earliest is None else instant_text(earliest)
    return shown
