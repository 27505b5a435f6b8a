"""This file holds question m: all bags that touched a lot, device, operator or run."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from projections.decode import instant_text
from projections.queries.asking import Asking, Said
from projections.queries.custody import IN_STOCK, OUT
from projections.queries.lineage import BAGS_OF_DONATION
from projections.queries.recall import reached_by
from projections.queries.subjects import LOT_KINDS, Window
from projections.readmodels.database import Reading, is_donation

KINDS = {
    "lot": LOT_KINDS,
    "device": ("device",),
    "operator": ("operator",),
    "run": ("process_run", "test_run"),
    "facility": ("facility",),
}
"""What a subject's name may be a key of."""

LINKS = """SELECT stream, happened_at, belongings.from_position FROM {each} JOIN belongings
    ON kind = '{kind}' AND key = each.value WHERE {known belongings}"""
SHOWN = ("status", "fate", "where", "facility", "patient")


class Touch(NamedTuple):
    """How and when, in microseconds, something touched a bag; `position` of the fact that tells."""

    happened_at: int
    position: int
    how: str


def touched_by(asking: Asking, subject: str, *, since: datetime | None = None, until: datetime | None = None) -> Said:
    """Every bag that touched a lot, device, operator or run within a window, or was made from one that did.

    Shape: rows by bag, those touched directly first {bag, component, directly, how, happened_at, status, fate, where,
    facility, patient, position}: `how` container_lot, filter_lot, additive_lot, reagent_lot, device, operator,
    process_run, test_run (the first in time, when several), or made_from; `happened_at` and `position` of that, null
    for made_from. A reagent lot, device or run that tested a donation touches all bags of the donation.
    summary: bags, directly, in_stock, transfused, out (distributed or issued), by_status.
    Errors: BadScan, NotFound.
    """
    window = Window.between(since, until)
    reached = reached_by(asking.read, subject, window)
    touches = _touches(asking.read, subject, window, reached.directly)
    rows = [_row(reached.row(bag), touches.get(bag)) for bag in reached.bags]
    rows.sort(key=lambda row: (not row["directly"], row["bag"]))
    by_status = Counter(row["status"] for row in rows)
    summary = {
        "bags": len(rows),
        "directly": len(reached.directly),
        "in_stock": sum(by_status[status] for status in IN_STOCK),
        "transfused": sum(row["fate"] == "transfused" for row in rows),
        "out": sum(by_status[status] for status in OUT),
        "by_status": dict(sorted(by_status.items())),
    }
    return Said(summary, rows)


def _row(row: dict[str, Any], touch: Touch | None) -> dict[str, Any]:
    return {
        "bag": row["bag"],
        "component": row["component"],
        "directly": row["directly"],
        "how": touch.how if touch else None if row["directly"] else "made_from",
        "happened_at": instant_text(touch.happened_at) if touch else None,
        **{key: row[key] for key in SHOWN},
        "position": touch.position if touch else None,
    }


def _touches(read: Reading, subject: str, window: Window, bags: set[str]) -> dict[str, Touch]:
    """The first touch of each of these bags: its own, or of a donation it is of."""
    noun, _, name = subject.partition(":")
    by_stream: dict[str, Touch] = {}
    for kind, key in _keys(noun, name):
        for stream, happened_at, position in read.rows(LINKS.replace("{kind}", kind), [read.each([key])]):
            if _within(window, happened_at):
                _keep_first(by_stream, stream, Touch(happened_at, position, kind))
    found = {bag: touch for bag, touch in by_stream.items() if bag in bags}
    donations = [stream for stream in by_stream if is_donation(stream)]
    for din, bag in _bags_of(read, donations):
        if bag in bags:
            _keep_first(found, bag, by_stream[din])
    return found


def _keys(noun: str, name: str) -> Iterable[tuple[str, str]]:
    """Kinds and keys that a subject means; a lot may be named with its kind."""
    for kind in KINDS.get(noun, ()):
        yield kind, name
    kind, colon, rest = name.partition(":")
    kind = kind.removesuffix("_lot") + "_lot"
    if noun == "lot" and colon and rest and kind in LOT_KINDS:
        yield kind, rest


def _within(window: Window, happened_at: int) -> bool:
    return (window.since is None or window.since <= happened_at) and (
        window.until is None or happened_at <= window.until
    )


def _keep_first(found: dict[str, Touch], stream: str, touch: Touch) -> None:
    found[stream] = min(found.get(stream, touch), touch)


def _bags_of(read: Reading, dins: list[str]) -> list[tuple[str, str]]:
    """Donation and bag, for each bag that carries a donation's number or was collected or registered under it."""
    if not dins:
        return []
    named = "SELECT key, stream FROM {each} JOIN belongings ON kind = 'donation' AND key = each.value"
    told = read.rows(f"{named} WHERE {{known belongings}}", [read.each(dins)])
    carry = read.rows(BAGS_OF_DONATION, [read.each(dins)])
    return [*told, *((bag[:13], bag) for (bag,) in carry)]
