"""This file holds who had a bag: the facts that hand it on, to whom it was given, since when it is where it is."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from projections.decode import Fact, decimal_text, instant_text, thousandths
from projections.queries.bags import BagRow
from projections.queries.facts import facts_named, standing_of
from projections.readmodels.bag_fold import taken_in
from projections.readmodels.bag_state import BagFold
from projections.readmodels.database import Reading
from projections.readmodels.standing import is_correction

HANDED_ON = ("bag.received", "bag.distributed", "bag.arrived", "bag.issued", "bag.returned", "bag.transfused")
CORRECTING = tuple(
    noun + verb for noun in ("bag", "donation", "donor", "hold", "recipient") for verb in (".amended", ".annulled")
)

BACK = ("bag.returned", "bag.received", "bag.arrived", "bag.distributed")
"""Facts after which a bag is with no patient it was issued to."""
OUT = ("distributed", "issued")
"""Statuses of a bag that is with somebody else."""
IN_STOCK = ("available", "reserved", "held", "quarantine", "returned")
"""Statuses of a bag that stands on a shelf."""


def told_of(read: Reading, streams: Iterable[str], names: tuple[str, ...]) -> dict[str, list[Fact]]:
    """The facts of these names that stand, as they read at the position asked about, in business order.

    Other facts are not decoded, which is what takes the time where a lot has ten thousand bags. Only where a stream
    was corrected, or several of these facts are of one instant, the others decide as well, and it is read whole.
    Shape: only streams that have such facts.
    """
    found = facts_named(read, streams, {*names, *CORRECTING})
    unsure = [stream for stream, facts in found.items() if _others_decide(facts)]
    for stream, facts in standing_of(read, unsure).items():
        found[stream] = [fact for fact in facts if fact.name in names]
    return {stream: _in_order(facts) if len(facts) > 1 else facts for stream, facts in found.items() if facts}


def _others_decide(facts: list[Fact]) -> bool:
    if len(facts) == 1:
        return is_correction(facts[0].name)
    instants = {fact.happened_at for fact in facts}
    return len(instants) < len(facts) or any(is_correction(fact.name) for fact in facts)


def _in_order(facts: list[Fact]) -> list[Fact]:
    """By instant; those of one instant are in order already, and sorting keeps it."""
    return sorted(facts, key=lambda fact: fact.happened_at)


# -- what was given ----------------------------------------------------------------------------------------


def givings(read: Reading, bags: Iterable[str]) -> list[Fact]:
    """Every transfusion of these bags that stands, confirmed or presumed, as it happened."""
    told = told_of(read, bags, ("bag.transfused",))
    return sorted(
        (fact for facts in told.values() for fact in facts), key=lambda fact: (fact.happened_at, fact.position)
    )


def amount_given(giving: Fact, row: BagRow) -> dict[str, Any]:
    """Quantity (exact text) and measure of a transfusion: the whole bag when it does not say."""
    said = giving.body["quantity"]
    if said is None:
        return {
            "quantity": None if row.thousandths is None else decimal_text(row.thousandths),
            "measure": row.measure,
        }
    return {"quantity": decimal_text(thousandths(said["amount"])), "measure": said["measure"]}


def named_by(fact: Fact | None) -> dict[str, int | None]:
    """Where an auditor looks a fact up: its position in the ledger, its version in its stream."""
    return {"position": fact.position if fact else None, "version": fact.version if fact else None}


# -- where it is, and since when ---------------------------------------------------------------------------


class Holders:
    """The patients a bag went to, fact by fact.

    Shape: `patients` to whom it was given; if to none, the one it was issued to and not returned by, and those it is
    presumed to have been given to.
    """

    def __init__(self, facts: Iterable[Fact]) -> None:
        self.issued_to: str | None = None
        self._given: dict[str, None] = {}
        self._presumed: dict[str, None] = {}
        for fact in facts:
            self.hear(fact)

    def hear(self, fact: Fact) -> None:
        """The next fact, in business order."""
        if fact.name == "bag.issued":
            self.issued_to = fact.body["patient"]
        elif fact.name in BACK:
            self.issued_to = None
        elif fact.name == "bag.transfused":
            (self._presumed if fact.body["presumed"] else self._given)[fact.body["patient"]] = None

    @property
    def patients(self) -> tuple[str, ...]:
        if self._given:
            return tuple(self._given)
        issued = {} if self.issued_to is None else {self.issued_to: None}
        return tuple(issued | self._presumed)


class Stay(NamedTuple):
    """Since which fact a bag is where it is; None when no fact says where.

    Shape: `patients` as of Holders.
    """

    put_by: Fact | None
    patients: tuple[str, ...]

    @property
    def since(self) -> str | None:
        """Business time."""
        return instant_text(self.put_by.happened_at) if self.put_by else None

    @property
    def patient(self) -> str | None:
        """The patient; several, which no bag should have, with a comma between them."""
        return ", ".join(self.patients) or None


def stays_of(read: Reading, bags: Iterable[str]) -> dict[str, Stay]:
    """The stay of each bag, as known at the position asked about."""
    return {bag: _stay(facts) for bag, facts in standing_of(read, bags).items()}


def _stay(facts: list[Fact]) -> Stay:
    """Found by the fold that makes a bag's row: the last fact with which the row's whereabouts changed."""
    bag, holders = BagFold(), Holders(())
    put_by, before = None, _whereabouts(bag, holders)
    for fact in facts:
        taken_in(bag, fact)
        holders.hear(fact)
        after = _whereabouts(bag, holders)
        if after != before:
            put_by, before = fact, after
    return Stay(put_by, holders.patients)


def _whereabouts(bag: BagFold, holders: Holders) -> tuple[Any, ...]:
    if bag.ended:
        return (bag.fate, bag.consumed)
    if bag.custody is not None:
        return (bag.custody, bag.consignee, bag.facility, bag.place, holders.issued_to)
    return (bag.missing, bag.facility, bag.place)
