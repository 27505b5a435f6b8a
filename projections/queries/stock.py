"""This file holds the stock: bags and exact quantities by facility, component, group and status, now and then."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from projections.decode import EPOCH, FACTS, decimal_text, instant_text, key_of, partition_of
from projections.queries.asking import Answer, Asking, asking
from projections.queries.bags import LAST_MINUTE
from projections.queries.lineage import incomplete_bags
from projections.readmodels.bags import LASTING
from projections.readmodels.database import OPEN, Reading, Row, Views
from projections.readmodels.partitions import reached

SUMS = """SELECT shelf, COUNT(*), SUM(thousandths),
    SUM(CASE WHEN expires_at > ? AND expires_at <= ? THEN 1 ELSE 0 END), MIN(expires_at),
    SUM(CASE WHEN expires_at <= ? THEN 1 ELSE 0 END), SUM(CASE WHEN expires_at <= ? THEN thousandths ELSE 0 END)
    FROM {spells} GROUP BY shelf"""
DAYS = """SELECT shelf, (expires_at + ?) / 86400000000 AS day, COUNT(*), SUM(thousandths)
    FROM {spells} AND expires_at > ? AND expires_at <= ? GROUP BY shelf, day"""
SHELVES = "SELECT shelf, facility, component, abo, rhd, status, measure FROM shelves"
NOW = f"spells WHERE to_position = {OPEN}"
# Rows that held for 2^(n-1) to 2^n positions began in the 2^n before the position asked about: one short range per n.
THEN = """{{each}} JOIN spells ON span = CAST(each.value AS BIGINT)
    AND from_position > {position} - (CAST(1 AS BIGINT) << CAST(each.value AS INTEGER)) AND from_position <= {position}
    WHERE to_position > {position}"""
DAY = 86_400_000_000
"""Unit: microseconds."""
KEYS = ("facility", "component", "group", "rhd", "status", "measure", "bags", "quantity", "expiring",
        "earliest_expiry", "expired", "expired_quantity")  # fmt: skip


def stock(
    views: Views,
    at: datetime,
    known_at: datetime | None = None,
    *,
    expiring_within_days: float = 7,
    forecast_days: int | None = None,
    facility: str | None = None,
    component: str | None = None,
    group: str | None = None,
    status: str | None = None,
    all: bool = False,
) -> Answer:
    """What is in stock; `at` is the business instant by which bags are expired or soon will be.

    Shape: the head of every answer, rows and forecast; a row has KEYS, its quantity as an exact decimal. `expired`
    and `expiring` count bags that are in `bags` too, `expired_quantity` is part of `quantity`: expiry is computed,
    never a status. A bag's last minute is good to its end. `all` adds bags that are stock no more: transfused,
    discarded, destroyed, consumed, out. `forecast`: what expires on each of the next days, by the calendar of the
    offset that `at` has.
    A row with bags of a partition that stands still says in `stale` how many: what is said of them may be old.
    Errors: NothingKnownYet.
    """
    wanted = {"facility": facility, "component": component, "group": group, "status": status}
    with asking(views, at, known_at) as put:
        apart = sorted(incomplete_bags(put.read))
        shelves = _shelves(put)
        rows = [*_counted(put, shelves, apart, expiring_within_days, all)]
        _mark_stale(put, shelves, apart, rows, all)
        rows += _incomplete(put, apart, expiring_within_days, all)
        days = _forecast(put, shelves, apart, forecast_days) if forecast_days else []
        return {
            **put.head(),
            "rows": sorted((row for row in rows if _fits(row, wanted)), key=_order),
            "forecast": sorted((row for row in days if _fits(row, wanted)), key=lambda row: (row["day"], *_order(row))),
        }


def _fits(row: Answer, wanted: dict[str, str | None]) -> bool:
    return not any(value is not None and row[key] != value for key, value in wanted.items())


def _order(row: Answer) -> tuple[str, ...]:
    return tuple(row[key] or "" for key in ("facility", "component", "group", "rhd", "status", "measure"))


def _shelves(put: Asking) -> dict[int, Row]:
    return {shelf: tuple(dimensions) for shelf, *dimensions in put.read.rows(SHELVES)}


def held_then(read: Reading) -> tuple[str, list[Any]]:
    """The rows that held at the position asked about, found span by span: what follows FROM, and its parameters."""
    return THEN.format(position=read.position), [read.each(str(span) for span in range(1, LASTING + 1))]


def _spells(put: Asking, apart: list[str], all: bool) -> tuple[str, list[Any]]:
    """Where to count: the rows that held at the position asked about, but for bags that are counted apart."""
    read = put.read
    values: list[Any] = []
    if read.latest:
        sql = NOW
    elif all:  # ended bags are in no index: they are read once
        sql = f"spells WHERE from_position <= {read.position} AND to_position > {read.position}"
    else:
        sql, values = held_then(read)
    if not all:
        sql += " AND final = 0"
    if apart:
        sql += " AND bag NOT IN (SELECT each.value FROM {each})"
        values = [*values, read.each(apart)]
    return sql, values


def _counted(put: Asking, shelves: dict[int, Row], apart: list[str], days: float, all: bool) -> list[Answer]:
    spells, values = _spells(put, apart, all)
    gone, soon = put.now - LAST_MINUTE, put.now + int(days * DAY)
    bounds = [gone, soon, gone, gone]
    found = put.read.rows(SUMS.replace("{spells}", spells), [*bounds, *values])
    return [_row((*shelves[shelf], *sums)) for shelf, *sums in found]


def _mark_stale(put: Asking, shelves: dict[int, Row], apart: list[str], rows: list[Answer], all: bool) -> None:
    """So rare that each bag may be looked at: its name says its partition."""
    partitions = reached(put.read)
    still = {place.partition for place, each in partitions.items() if each.standstill and place.topic == FACTS}
    if not still:
        return
    count = sum(place.topic == FACTS for place in partitions)
    spells, values = _spells(put, apart, all)
    counted = Counter(
        shelves[shelf]
        for bag, shelf in put.read.rows(f"SELECT bag, shelf FROM {spells}", values)
        if partition_of(key_of(bag), count) in still
    )
    for row in rows:
        row["stale"] = counted[tuple(row[key] for key in KEYS[:6])]


INCOMPLETE = """SELECT facility, component, abo, rhd, 'incomplete', measure, thousandths, expires_at
    FROM {each} JOIN bags ON bags.bag = each.value AND {known bags} WHERE final <= ?"""


def _incomplete(put: Asking, apart: list[str], days: float, all: bool) -> list[Answer]:
    """Bags of which the ledger does not know all: few, and none of them available whatever its row says."""
    found: dict[Row, list[tuple[int | None, int | None]]] = {}
    for row in put.read.rows(INCOMPLETE, [put.read.each(apart), int(all)]) if apart else ():
        found.setdefault(tuple(row[:6]), []).append((row[6], row[7]))
    return [_row((*shelf, *_sums(put, bags, days))) for shelf, bags in found.items()]


def _sums(put: Asking, bags: list[tuple[int | None, int | None]], days: float) -> Row:
    gone, soon = put.now - LAST_MINUTE, put.now + int(days * DAY)
    amounts = [amount for amount, _ in bags if amount is not None]
    expiries = [expires for _, expires in bags if expires is not None]
    expired = [amount or 0 for amount, expires in bags if expires is not None and expires <= gone]
    return (
        len(bags),
        sum(amounts) if amounts else None,
        sum(gone < expires <= soon for expires in expiries),
        min(expiries, default=None),
        len(expired),
        sum(expired),
    )


def _row(row: Row) -> Answer:
    shown = dict(zip(KEYS, row, strict=True))
    for key in ("quantity", "expired_quantity"):
        shown[key] = None if shown[key] is None else decimal_text(shown[key])
    earliest = shown["earliest_expiry"]
    shown["earliest_expiry"] = None if earliest is None else instant_text(earliest)
    return shown


def _forecast(put: Asking, shelves: dict[int, Row], apart: list[str], days: int) -> list[Answer]:
    """What of the complete bags in stock expires on each day, until the end of the last one."""
    offset = (put.at.utcoffset() or timedelta()) // timedelta(microseconds=1)
    midnight = (put.now + offset) // DAY * DAY - offset
    spells, values = _spells(put, apart, all=False)
    bounds = [put.now - LAST_MINUTE, midnight + days * DAY - 1]
    found = put.read.rows(DAYS.replace("{spells}", spells), [offset, *values, *bounds])
    keys = ("day", *KEYS[:8])
    rows = [
        (EPOCH + timedelta(days=day), *shelves[shelf], bags, None if amount is None else decimal_text(amount))
        for shelf, day, bags, amount in found
    ]
    return [dict(zip(keys, (day.date().isoformat(), *rest), strict=True)) for day, *rest in rows]
