"""This file holds the question which bags are out of the centre, or issued, without a confirmed fate for too long."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from projections.decode import Fact, instant_text
from projections.queries.about import in_stock
from projections.queries.asking import Asking, Said
from projections.queries.bags import BagRow, bags_at
from projections.queries.custody import told_of
from projections.queries.lineage import incomplete_bags

DAY = 86_400_000_000
"""Unit: microseconds."""
LEGS = {"distributed": "to_facility", "arrived": "to_facility", "issued": "to_patient"}
"""Which of the two legs a row's leg belongs to."""

# A bag whose transfusion is only presumed may never have been heard of as issued: a link to its patient tells of it.
CANDIDATES = """SELECT bag FROM {spells} AND (
        consignee IS NOT NULL OR shelf IN (SELECT shelf FROM shelves WHERE status IN ('distributed', 'issued'))
        OR EXISTS (SELECT 1 FROM belongings WHERE source = bag AND kind = 'patient' AND {known belongings}))"""


class _Leg(NamedTuple):
    """Where a bag without a confirmed fate went, and the fact since when."""

    leg: str
    since: Fact
    consignee: str | None
    patient: str | None
    presumed: bool


def without_confirmed_fate(
    asking: Asking, *, days: float = 14, leg: str | None = None, facility: str | None = None
) -> Said:
    """Bags distributed, or issued, for more than `days` before now whose fate nobody confirmed.

    Shape: summary {bags, legs: {to_facility, to_patient}, presumed, days, incomplete}, the last counting all bags of
    the ledger with a fact that could not be read; a row for each bag, the longest out first: {bag, component, leg,
    consignee, patient, facility, since, days, presumed, position, version}. `leg` is distributed (not arrived), arrived
    or issued: the first two are the leg to a facility, counted since it left the centre; the third the leg to a
    patient, counted since the issue. `presumed`: somebody presumes it transfused, which is no confirmed fate. `days` in
    a row are whole days. The option `leg` narrows the answer to to_facility or to_patient, or to one of the three;
    `facility` to bags that went there or are there. What was made from a bag after it left is counted where it was
    made: a bag sent to another centre to be processed there would otherwise be out for ever.
    """
    read = asking.read
    spells, values = in_stock(read)
    candidates = {bag for (bag,) in read.rows(CANDIDATES.replace("{spells}", spells), values)}
    told = {bag: _leg(facts) for bag, facts in told_of(read, candidates, tuple(STEPS)).items()}
    before = asking.now - int(days * DAY)
    open_legs = {bag: found for bag, found in told.items() if found is not None and found.since.happened_at < before}
    known = bags_at(read, open_legs)
    rows = [
        _row(asking.now, known[bag], found)
        for bag, found in open_legs.items()
        if leg in (None, found.leg, LEGS[found.leg]) and facility in (None, found.consignee, known[bag].facility)
    ]
    rows.sort(key=lambda row: (row["since"], row["bag"]))
    counted = [LEGS[row["leg"]] for row in rows]
    legs = {name: counted.count(name) for name in ("to_facility", "to_patient")}
    presumed = sum(1 for row in rows if row["presumed"])
    unsure = len(incomplete_bags(read))
    return Said({"bags": len(rows), "legs": legs, "presumed": presumed, "days": days, "incomplete": unsure}, rows)


def _row(now: int, bag: BagRow, leg: _Leg) -> dict[str, Any]:
    return {
        "bag": bag.bag,
        "component": bag.component,
        "leg": leg.leg,
        "consignee": leg.consignee,
        "patient": leg.patient,
        "facility": bag.facility,
        "since": instant_text(leg.since.happened_at),
        "days": (now - leg.since.happened_at) // DAY,
        "presumed": leg.presumed,
        "position": leg.since.position,
        "version": leg.since.version,
    }


# -- which leg a bag is on ---------------------------------------------------------------------------------


class _Walk:
    """A bag's way out of the centre and back, one fact after another in business order."""

    def __init__(self) -> None:
        self.home: str | None = None
        self.out: Fact | None = None
        self.arrived = False
        self.consignee: str | None = None
        self.issued: Fact | None = None
        self.presumed: Fact | None = None

    def take(self, fact: Fact) -> None:
        step = STEPS.get(fact.name)
        if step is not None:
            step(self, fact)

    def made(self, fact: Fact) -> None:
        self.home = self.home or fact.body["facility"]

    def received(self, fact: Fact) -> None:
        self.made(fact)
        self.back()

    def distributed(self, fact: Fact) -> None:
        self.home = self.home or fact.body["sent_from"]
        self.out = self.out or fact
        self.arrived, self.consignee, self.issued = False, fact.body["to"], None

    def came(self, fact: Fact) -> None:
        if fact.body["at"] == self.home:
            self.back()
        else:
            self.out = self.out or fact
            self.arrived, self.consignee = True, fact.body["at"]

    def handed_out(self, fact: Fact) -> None:
        self.issued = fact

    def returned(self, fact: Fact) -> None:
        if fact.body["leg"] == "ward_to_bank":
            self.issued = self.presumed = None
        else:
            self.back()

    def given(self, fact: Fact) -> None:
        if fact.body["presumed"]:
            self.presumed = fact

    def back(self) -> None:
        self.out = self.issued = self.presumed = self.consignee = None
        self.arrived = False

    def leg(self) -> _Leg | None:
        issued = self.issued or self.presumed
        if issued is not None:
            patient = issued.body["patient"] or (self.presumed.body["patient"] if self.presumed else None)
            return _Leg("issued", issued, self.consignee, patient, self.presumed is not None)
        if self.out is not None:
            return _Leg("arrived" if self.arrived else "distributed", self.out, self.consignee, None, False)
        return None


STEPS = {
    "bag.collected": _Walk.made,
    "bag.prepared": _Walk.made,
    "bag.stored": _Walk.made,
    "bag.moved": _Walk.made,
    "bag.counted": _Walk.made,
    "bag.found": _Walk.made,
    "bag.received": _Walk.received,
    "bag.distributed": _Walk.distributed,
    "bag.arrived": _Walk.came,
    "bag.issued": _Walk.handed_out,
    "bag.returned": _Walk.returned,
    "bag.transfused": _Walk.given,
}


def _leg(facts: Iterable[Fact]) -> _Leg | None:
    """Where the standing facts of a bag, in business order, say it went; None for one in the centre."""
    walk = _Walk()
    for fact in facts:
        walk.take(fact)
    return walk.leg()
