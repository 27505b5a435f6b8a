"""This file holds how one bag flows through a stock: when it came in, when and how it left, by its own facts."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from projections.decode import Body, Fact, thousandths
from projections.queries.bags import LAST_MINUTE

BEGINNINGS = ("bag.collected", "bag.prepared", "bag.received", "bag.labelled")
SAME_BLOOD = ("label", "relabel")
"""Processes that give blood another name and change nothing of it: neither made nor consumed."""
ENDS = ("bag.discarded", "bag.destroyed")
OTHER_ENDS = ("bag.sent_for_fractionation", "bag.used_for_quality_control")
EXPIRY = ("rule_expires_at", "label_expires_at")
BEGUN = ("component", "quantity", "facility", *EXPIRY)
READ = {
    "bag.collected": frozenset((*BEGUN, "donation", "kind", "session")),
    "bag.prepared": frozenset((*BEGUN, "process")),
    "bag.received": frozenset(BEGUN),
    "bag.labelled": frozenset((*BEGUN, "container")),
    "bag.consumed": frozenset(("process",)),
    "bag.distributed": frozenset(("to", "shipment", "occasion.request")),
    "bag.returned": frozenset(("leg", "facility")),
    "bag.modified": frozenset(EXPIRY),
}
"""Facts that tell of a bag's way by what they say, and what of it."""
NOTED = (*ENDS, *OTHER_ENDS, "bag.issued", "bag.transfused")
"""Facts that tell of it by having happened: nobody need read them."""
IN = ("made", "received", "renamed_in")
"""Flows that go in; all others go out."""
NEVER = 1 << 62


class Centres(NamedTuple):
    """Who is who: the ledger's own centres, those outside it, and the ones whose stock is asked about."""

    own: Collection[str]
    outside: Collection[str]
    scope: Collection[str]


class Flow(NamedTuple):
    """Something went in or out. Unit: microseconds; `at` when it happened."""

    at: int
    what: str


class Way(NamedTuple):
    """A bag's way through the stock asked about. `thousandths` of the measure."""

    component: str
    measure: str
    thousandths: int
    flows: list[Flow]
    shipments: list[tuple[int, str]]
    """Departures for another centre of the ledger: when, and by which shipment."""


def way_of(facts: Sequence[Fact], centres: Centres) -> Way | None:
    """The way of one bag, by its facts in business order; None when nobody says where it came from, or how much.

    A bag that was supplied may come back, which is `received`. A bag that is discarded once it has expired left when
    it expired, and so did one of which nothing more is heard.
    """
    begun = next((fact for fact in facts if fact.name in BEGINNINGS), None)
    if begun is None or begun.body["quantity"] is None or begun.body["component"] is None:
        return None
    tracker = _Tracker(begun, centres)
    for fact in facts:
        tracker.hear(fact)
    tracker.end()
    quantity = begun.body["quantity"]
    return Way(
        begun.body["component"], quantity["measure"], thousandths(quantity["amount"]), tracker.flows, tracker.shipments
    )


class _Tracker:
    """Where a bag is, fact by fact: `inside` while it lies in the stock asked about."""

    def __init__(self, begun: Fact, centres: Centres) -> None:
        self._centres = centres
        self.flows: list[Flow] = []
        self.shipments: list[tuple[int, str]] = []
        self._expires = NEVER
        self._inside = self._over = False
        self._begun = begun

    def hear(self, fact: Fact) -> None:
        body = fact.body
        if fact is self._begun:
            self._begin(fact)
        elif fact.name == "bag.modified":
            self._may_expire(body)
        elif fact.name == "bag.distributed":
            self._send(fact)
        elif fact.name == "bag.returned":
            self._come_back(fact)
        elif fact.name == "bag.consumed":
            self._leave(fact.happened_at, "renamed_out" if body["process"] in SAME_BLOOD else "consumed")
            self._over = True
        elif fact.name in ENDS:
            expired = fact.happened_at >= self._expires + LAST_MINUTE
            self._leave(min(fact.happened_at, self._expires), "expired" if expired else "discarded")
            self._over = True
        elif fact.name in OTHER_ENDS:
            self._leave(fact.happened_at, "used_otherwise")
            self._over = True
        elif fact.name in ("bag.issued", "bag.transfused"):
            self._leave(fact.happened_at, "supplied")

    def end(self) -> None:
        """Of what lies there still, nothing more was heard."""
        if self._inside and self._expires < NEVER:
            self._leave(self._expires, "expired")

    def _begin(self, fact: Fact) -> None:
        body = fact.body
        self._may_expire(body)
        if body["facility"] not in self._centres.scope:
            return
        self._inside = True
        how = "received" if fact.name == "bag.received" else "made"
        if fact.name == "bag.labelled" or body.get("process") in SAME_BLOOD:
            how = "made" if fact.name == "bag.labelled" and body["container"] is None else "renamed_in"
        self.flows.append(Flow(fact.happened_at, how))

    def _may_expire(self, body: Body) -> None:
        for name in EXPIRY:
            if body.get(name) is not None:
                self._expires = min(self._expires, body[name])

    def _send(self, fact: Fact) -> None:
        to, centres = fact.body["to"], self._centres
        if self._inside and to in centres.own:
            self.shipments.append((fact.happened_at, fact.body["shipment"] or fact.body["occasion"]["request"]))
        if to in centres.scope:
            self._come(fact.happened_at)
        elif to in centres.own or to in centres.outside:
            self._leave(fact.happened_at, "transferred")
        else:
            self._leave(fact.happened_at, "supplied")

    def _come_back(self, fact: Fact) -> None:
        body = fact.body
        if body["leg"] == "hospital_to_centre" or body["facility"] in self._centres.own:
            self._come(fact.happened_at)

    def _come(self, at: int) -> None:
        if not self._inside and not self._over:
            self._inside = True
            self.flows.append(Flow(at, "received"))

    def _leave(self, at: int, how: str) -> None:
        if self._inside:
            self._inside = False
            self.flows.append(Flow(at, how))
