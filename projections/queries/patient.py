"""This file holds question f: what this patient received, and what the donors' samples said."""

from collections.abc import Iterator
from typing import Any

from projections.decode import Fact, instant_text
from projections.queries.asking import Asking, Said
from projections.queries.bags import BagRow, bags_at
from projections.queries.custody import amount_given, givings, named_by
from projections.queries.origins import Donation, donations_of, origins_of
from projections.queries.subjects import same_person, start_of


def received_by_patient(asking: Asking, subject: str) -> Said:
    """Every bag given to a patient, under all pseudonyms, with each donation it comes from.

    Shape: `subject` is patient:P or P. rows as given, one per transfusion and donation {patient, bag, component,
    quantity, measure, transfused_at, hospital, presumed, donation, donor, panel, results, reactive, group, rhd,
    position, version}: `panel`, `results` and `reactive` as outcome, results and reactive of origins.Donation; `group`
    and `rhd` are the bag's. summary: transfusions (presumed ones count), bags, donations, reactive (donations).
    Errors: NotFound.
    """
    read, patient = asking.read, subject.removeprefix("patient:")
    start = start_of(read, f"patient:{patient}")
    names = same_person(read, "patient", patient)
    given = [giving for giving in givings(read, start.bags) if giving.body["patient"] in names]
    bags = {giving.stream for giving in given}
    origins = origins_of(read, bags)
    donations, shown = donations_of(read, origins), bags_at(read, bags)
    behind = {bag: sorted(origins.behind(bag)) for bag in bags}
    rows = [
        row
        for giving in given
        for row in _rows(giving, shown[giving.stream], [donations[din] for din in behind[giving.stream]])
    ]
    summary = {
        "transfusions": len(given),
        "bags": len(bags),
        "donations": len(donations),
        "reactive": sum(bool(donation.reactive) for donation in donations.values()),
    }
    return Said(summary, rows)


def _rows(giving: Fact, row: BagRow, donations: list[Donation]) -> Iterator[dict[str, Any]]:
    """One row even where no donation is found, as when bad data makes a bag its own ancestor."""
    for donation in donations or [Donation(None)]:
        yield {
            "patient": giving.body["patient"],
            "bag": giving.stream,
            "component": row.component,
            **amount_given(giving, row),
            "transfused_at": instant_text(giving.happened_at),
            "hospital": giving.body["hospital"],
            "presumed": giving.body["presumed"],
            "donation": donation.din,
            "donor": donation.donor,
            "panel": donation.outcome,
            "results": donation.results,
            "reactive": donation.reactive,
            "group": row.group,
            "rhd": row.rhd,
            **named_by(giving),
        }
