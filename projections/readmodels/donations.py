"""This file holds the donations: who gave where, on which local day, of which group."""

from datetime import timedelta
from typing import Any, NamedTuple

from msgspec.json import decode, encode

from projections.decode import EPOCH, Fact
from projections.readmodels.database import Batch, ReadModel, Row, Writing, is_bag, is_donation, row_digest

DDL = (
    # source: the donation's own stream, or a bag that says it was collected, for a donation never registered.
    """CREATE TABLE donations (
        source TEXT PRIMARY KEY, din TEXT NOT NULL, donor TEXT, facility TEXT, kind TEXT, outcome TEXT,
        happened_at BIGINT, position BIGINT, day TEXT, abo TEXT, rhd TEXT, groups TEXT NOT NULL)""",
    "CREATE INDEX donations_by_din ON donations (din)",
)
READ = """SELECT source, din, donor, facility, kind, outcome, happened_at, position, day, abo, rhd, groups
    FROM {each} JOIN donations ON source = each.value"""
WRITE = """INSERT INTO donations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (source) DO UPDATE SET
    din = excluded.din, donor = excluded.donor, facility = excluded.facility, kind = excluded.kind,
    outcome = excluded.outcome, happened_at = excluded.happened_at, position = excluded.position,
    day = excluded.day, abo = excluded.abo, rhd = excluded.rhd, groups = excluded.groups"""


TELLING = ("donation.registered", "donation.grouped", "bag.collected")


class Donation(NamedTuple):
    """One row. `groups`: all typings that stand, as JSON; `abo` and `rhd` when they agree."""

    source: str
    din: str
    donor: str | None = None
    facility: str | None = None
    kind: str | None = None
    outcome: str | None = None
    happened_at: int | None = None
    position: int | None = None
    day: str | None = None
    abo: str | None = None
    rhd: str | None = None
    groups: str = "[]"


def local_day(happened_at: int, offset_minutes: int) -> str:
    """The day on the calendar of the place where it happened."""
    return (EPOCH + timedelta(microseconds=happened_at, minutes=offset_minutes)).date().isoformat()


def _registered(row: Donation, fact: Fact) -> Donation:
    """The first registration in business time stands; a differing one is a conflict on the write side."""
    if row.happened_at is not None and (row.happened_at, row.position or 0) <= (
        fact.happened_at,
        fact.position,
    ):
        return row
    body = fact.body
    return row._replace(
        din=body.get("donation", fact.stream),
        donor=body["donor"],
        facility=body["facility"],
        kind=body["kind"],
        outcome=body.get("outcome", "completed"),
        happened_at=fact.happened_at,
        position=fact.position,
        day=local_day(fact.happened_at, body["occasion"]["offset_minutes"]),
    )


def _grouped(row: Donation, found: tuple[Any, Any]) -> Donation:
    typed = [*decode(row.groups), list(found)]
    groups = sorted({(abo, rhd) for abo, rhd in typed}, key=str)
    abo, rhd = groups[0] if len(groups) == 1 else (None, None)
    return row._replace(groups=encode(groups).decode(), abo=abo, rhd=rhd)


def _taken(row: Donation, facts: list[Fact]) -> Donation:
    """The row with more facts, in whatever order they come."""
    for fact in facts:
        if fact.name == "donation.registered":
            row = _registered(row, fact)
        elif fact.name == "donation.grouped":
            row = _grouped(row, (fact.body["group"], fact.body["rhd"]))
        elif fact.name == "bag.collected":
            row = _registered(row, fact)
            if fact.body["group"] is not None:
                row = _grouped(row, (fact.body["group"], fact.body["rhd"]))
    return row


def apply(writing: Writing, batch: Batch) -> None:
    """Bring the row of every donation that a batch tells of up to date."""
    telling: dict[str, list[Fact]] = {}
    for fact in batch.added(TELLING):
        telling.setdefault(fact.stream, []).append(fact)
    anew = {stream: facts for stream, facts in batch.anew.items() if is_donation(stream) or is_bag(stream)}
    sources = sorted(telling.keys() | anew.keys())
    if not sources:
        return
    before = {row[0]: Donation(*row) for row in writing.rows(READ, [writing.each(sources)])}
    after = {source: _taken(before.get(source, _none(source)), facts) for source, facts in telling.items()}
    after |= {source: _taken(_none(source), facts) for source, facts in anew.items()}
    _write(writing, before, after)


def _none(source: str) -> Donation:
    return Donation(source, source[:13])


def _write(writing: Writing, before: dict[str, Donation], after: dict[str, Donation]) -> None:
    changed: list[Row] = []
    gone: list[Row] = []
    difference = 0
    for source, row in after.items():
        was = before.get(source)
        if was == row:
            continue
        difference -= row_digest(was) if was is not None else 0
        if row == _none(source):
            gone += [(source,)] if was is not None else []
            continue
        difference += row_digest(row)
        changed.append(row)
    writing.run_many("DELETE FROM donations WHERE source = ?", gone)
    writing.run_many(WRITE, changed)
    writing.count("donations", difference)


DONATIONS = ReadModel("donations", ("donations",), DDL, apply)
