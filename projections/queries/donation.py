"""This file holds question c: all bags of this donation, what was made from them included, and their fates."""

from collections import Counter
from typing import Any

from ledger.isbt128.bag_name import check_din
from projections.queries.asking import Asking, Said
from projections.queries.bags import BagRow, bags_at
from projections.queries.custody import Stay, named_by, stays_of
from projections.queries.lineage import with_descendants
from projections.queries.origins import donations_known, parents_of
from projections.queries.subjects import start_of


def bags_of_donation(asking: Asking, subject: str) -> Said:
    """Every bag of a donation and every bag made from one, through splits, pools and labels.

    Shape: rows by bag {bag, component, quantity, measure, made_by, parents, status, fate, patient, since, position,
    version}: `made_by` the process, null for a collected bag; `parents` all bags it was made from, also those of other
    donations. summary: donation, donor, facility, collected_at, bags, by_fate (fate, consumed or none -> bags).
    Errors: BadScan when the subject is no DIN; NotFound.
    """
    read, din = asking.read, check_din(subject)
    own = start_of(read, din).bags
    bags = with_descendants(read, own)
    rows, stays, parents = bags_at(read, bags), stays_of(read, bags), parents_of(read, bags)
    found = [_row(row, parents.get(bag, {}), stays[bag]) for bag, row in sorted(rows.items())]
    donation = donations_known(read, [din], own)[din]
    summary = {
        "donation": din,
        "donor": donation.donor,
        "facility": donation.facility,
        "collected_at": donation.collected_at,
        "bags": len(found),
        "by_fate": dict(sorted(Counter(map(_end, found)).items())),
    }
    return Said(summary, found)


def _end(row: dict[str, Any]) -> str:
    if row["fate"] is None:
        return "consumed" if row["status"] == "consumed" else "none"
    end: str = row["fate"]
    return end


def _row(row: BagRow, parents: dict[str, str], stay: Stay) -> dict[str, Any]:
    shown = row.shown()
    return {
        **{key: shown[key] for key in ("bag", "component", "quantity", "measure")},
        "made_by": ", ".join(sorted(set(parents.values()))) or None,
        "parents": sorted(parents),
        "status": row.status,
        "fate": row.fate,
        "patient": stay.patient,
        "since": stay.since,
        **named_by(stay.put_by),
    }
