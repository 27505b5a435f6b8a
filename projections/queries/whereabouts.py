"""This file holds question b: where is it now, and what was its fate."""

from collections import Counter
from typing import Any

from projections.decode import micros_of
from projections.queries.asking import Asking, Said
from projections.queries.bags import BagRow, bags_at
from projections.queries.custody import Stay, named_by, stays_of
from projections.queries.subjects import start_of


def where_is(asking: Asking, subject: str) -> Said:
    """Where each bag of a subject is, and since when; of a bag, that bag.

    Shape: rows by bag {bag, component, status, fate, facility, place, consignee, patient, since, expires_at, expired,
    holds, position, version}: `patient` it was given or issued to; `since` the business time of the fact (`position`)
    that put it there, null when none says where it is; `expired` at the instant asked about; `holds` how many are open.
    summary: bags, by_status (status -> bags), expired, held (bags under a hold, whatever their status).
    Errors: BadScan, NotFound.
    """
    bags = start_of(asking.read, subject).bags
    rows = bags_at(asking.read, bags)
    stays = stays_of(asking.read, bags)
    found = [_row(asking, row, stays[bag]) for bag, row in sorted(rows.items())]
    summary = {
        "bags": len(found),
        "by_status": dict(sorted(Counter(row["status"] for row in found).items())),
        "expired": sum(row["expired"] for row in found),
        "held": sum(row["holds"] > 0 for row in found),
    }
    return Said(summary, found)


def _row(asking: Asking, row: BagRow, stay: Stay) -> dict[str, Any]:
    shown = row.shown()
    return {
        **{key: shown[key] for key in ("bag", "component", "status", "fate", "facility", "place", "consignee")},
        "patient": stay.patient,
        "since": stay.since,
        "expires_at": shown["expires_at"],
        "expired": row.expired(micros_of(asking.at)),
        "holds": len(row.holds),
        **named_by(stay.put_by),
    }
