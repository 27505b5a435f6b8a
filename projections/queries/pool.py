"""This file holds question d: all donations in this pool, and all its recipients."""

from typing import Any

from ledger.isbt128.bag_name import check
from projections.decode import Fact, instant_text
from projections.queries.asking import Asking, Said
from projections.queries.bags import BagRow, bags_at
from projections.queries.custody import amount_given, givings, named_by
from projections.queries.lineage import with_descendants
from projections.queries.origins import Donation, donations_of, origins_of
from projections.queries.persons import persons
from projections.queries.subjects import start_of


def donations_and_recipients(asking: Asking, subject: str) -> Said:
    """The donations a bag comes from, and who was given any of it: from the bag itself or from what was made of it.

    Shape: rows by donation {donation, donor, facility, collected_at, outcome, reactive, via, position, version}: for
    `outcome` and `reactive` see origins.Donation; `via` the bags, of those it was made from directly, through which the
    donation came. more: `recipients` as given {patient, bag, happened_at, quantity, measure, hospital, presumed,
    position, version}. summary: donations, donors and recipients (merged pseudonyms are one), reactive (donations),
    aliquots (bags made from it, directly or not).
    Errors: BadScan when the subject is no bag; NotFound.
    """
    read, bag = asking.read, check(subject)
    start_of(read, bag)
    origins = origins_of(read, [bag])
    via = _via(origins.parents.get(bag, {}), origins.behind)
    donations = donations_of(read, origins)
    made = with_descendants(read, [bag])
    rows = bags_at(read, made)
    recipients = [_recipient(giving, rows[giving.stream]) for giving in givings(read, made)]
    donors = persons(read, "donor", (each.donor for each in donations.values() if each.donor))
    patients = persons(read, "patient", (each["patient"] for each in recipients))
    summary = {
        "donations": len(donations),
        "donors": len(set(donors.values())),
        "recipients": len(set(patients.values())),
        "reactive": sum(bool(each.reactive) for each in donations.values()),
        "aliquots": len(made - {bag}),
    }
    found = [_row(donation, sorted(via.get(din, {bag}))) for din, donation in donations.items()]
    return Said(summary, found, {"recipients": recipients})


def _via(members: dict[str, str], behind: Any) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for member in members:
        for din in behind(member):
            found.setdefault(din, set()).add(member)
    return found


def _row(donation: Donation, via: list[str]) -> dict[str, Any]:
    return {
        "donation": donation.din,
        "donor": donation.donor,
        "facility": donation.facility,
        "collected_at": donation.collected_at,
        "outcome": donation.outcome,
        "reactive": donation.reactive,
        "via": via,
        **named_by(donation.told_by),
    }


def _recipient(giving: Fact, row: BagRow) -> dict[str, Any]:
    return {
        "patient": giving.body["patient"],
        "bag": giving.stream,
        "happened_at": instant_text(giving.happened_at),
        **amount_given(giving, row),
        "hospital": giving.body["hospital"],
        "presumed": giving.body["presumed"],
        **named_by(giving),
    }
