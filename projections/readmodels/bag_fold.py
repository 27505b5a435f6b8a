"""This file holds what the facts of a bag add up to for the read side: a second opinion on the write side.

It shares no code with the domain: it reads decoded facts, judges no rule, and counts holds and
nonconformities as they were written. A test holds both opinions against each other.
"""

from collections.abc import Callable

from projections.decode import Body, Fact, thousandths
from projections.readmodels.bag_state import BagFold
from projections.readmodels.standing import Key, in_business_order, place_of


def taken_in(bag: BagFold, fact: Fact) -> bool:
    """Fold one more fact in if it comes last in business order; False, untouched, when it does not."""
    count = COUNTED.get(fact.name)
    if count is not None:
        count(bag, fact.body)
    else:
        last = bag.last
        key = place_of(fact, bag.decisions if last is not None and last[0] == fact.happened_at else 0)
        if last is not None and key < last:
            return False
        _take(bag, key, fact)
    bag.version, bag.position = fact.version, fact.position
    return True


def _take(bag: BagFold, key: Key, fact: Fact) -> None:
    same_instant = bag.last is not None and bag.last[0] == key[0]
    bag.decisions = (bag.decisions if same_instant else 0) + key[2]
    bag.last = key
    consequence = FOLDED.get(fact.name)
    if consequence is not None:
        consequence(bag, fact.body)


def folded(facts: list[Fact], version: int, position: int) -> BagFold:
    """The fold from the beginning, over standing facts as heard; version and position of the last one."""
    bag = BagFold(version=version, position=position)
    timed = []
    for fact in facts:
        count = COUNTED.get(fact.name)
        if count is None:
            timed.append(fact)
        else:
            count(bag, fact.body)
    for key, fact in in_business_order(timed):
        _take(bag, key, fact)
    return bag


# -- counted as heard ------------------------------------------------------------------------------------


def _held(bag: BagFold, body: Body) -> None:
    bag.holds[body["hold"]] = (body["cause"], body["scope_kind"], body["scope_id"], body["placed_at"])


def _hold_lifted(bag: BagFold, body: Body) -> None:
    bag.holds.pop(body["hold"], None)


def _raised(bag: BagFold, body: Body) -> None:
    bag.nonconformities[body["nonconformity"]] = (
        body["code"],
        body["about_version"],
        body["detail"],
        body["happened_at"],
    )


def _withdrawn(bag: BagFold, body: Body) -> None:
    bag.nonconformities.pop(body["nonconformity"], None)


def _tested(bag: BagFold, body: Body) -> None:
    bag.panels[body["donation"]] = (body["group"], body["rhd"])


def _no_change(bag: BagFold, body: Body) -> None:
    """Counted among the facts heard; says nothing about where the bag is."""


# -- folded in business time: where it comes from ----------------------------------------------------------


def _origin(bag: BagFold, body: Body, verb: str) -> None:
    """The first origin in business time says what the bag is; a second one changes nothing."""
    if bag.origin is not None:
        return
    bag.origin = verb
    quantity = body["quantity"]
    bag.component = body["component"] or bag.component
    if quantity is not None:
        bag.thousandths, bag.measure = thousandths(quantity["amount"]), quantity["measure"]
    bag.group, bag.rhd = body["group"], body["rhd"]
    bag.rule_expires_at, bag.label_expires_at = body["rule_expires_at"], body["label_expires_at"]
    bag.home = bag.home or body["facility"]
    bag.facility = bag.facility or body["facility"]


def _collected(bag: BagFold, body: Body) -> None:
    if bag.origin is None:
        bag.kind = body["kind"]
    _origin(bag, body, "collected")


def _prepared(bag: BagFold, body: Body) -> None:
    _origin(bag, body, "prepared")


def _received(bag: BagFold, body: Body) -> None:
    if bag.origin is None or not (bag.consignee or bag.custody):
        _origin(bag, body, "received")
    bag.consignee = bag.custody = None
    bag.facility = body["facility"] or bag.facility
    if body["released_by"]:
        bag.released = True


def _labelled(bag: BagFold, body: Body) -> None:
    expires = body["label_expires_at"]
    if body["container"] is not None:
        _origin(bag, body, "labelled")
    elif expires is not None and (bag.label_expires_at is None or expires < bag.label_expires_at):
        bag.label_expires_at = expires


def _consumed(bag: BagFold, _: Body) -> None:
    bag.consumed = True
    bag.reserved = False


def _modified(bag: BagFold, body: Body) -> None:
    for expires in (body["rule_expires_at"], body["label_expires_at"]):
        if expires is not None and (bag.modified_expires_at is None or expires < bag.modified_expires_at):
            bag.modified_expires_at = expires


# -- where it is -------------------------------------------------------------------------------------------


def _released(bag: BagFold, _: Body) -> None:
    bag.released = True


def _release_revoked(bag: BagFold, _: Body) -> None:
    bag.released = False


def _seen(bag: BagFold, body: Body) -> None:
    if bag.ended:
        return
    bag.missing = False
    bag.facility = body["facility"] or bag.facility
    bag.home = bag.home or body["facility"]
    bag.place = body["place"] or bag.place


def _missing(bag: BagFold, _: Body) -> None:
    bag.missing = True


def _reserved(bag: BagFold, _: Body) -> None:
    bag.reserved = True


def _reservation_cancelled(bag: BagFold, _: Body) -> None:
    bag.reserved = False


def _distributed(bag: BagFold, body: Body) -> None:
    bag.custody, bag.consignee = "distributed", body["to"]
    bag.home = bag.home or body["sent_from"]
    bag.sent_by = body["sent_from"] or bag.facility
    bag.facility, bag.place = body["to"], None


def _arrived(bag: BagFold, body: Body) -> None:
    if bag.ended:
        return
    bag.custody = None
    bag.missing = False
    bag.consignee = None if body["at"] == bag.home else body["at"]
    bag.facility, bag.place = body["at"], body["place"]


def _issued(bag: BagFold, body: Body) -> None:
    bag.custody = "issued"
    bag.reserved = False
    bag.facility = body["facility"] or bag.facility


def _returned(bag: BagFold, body: Body) -> None:
    if bag.ended:
        return
    if body["leg"] != "ward_to_bank":
        bag.consignee = None
        bag.facility = bag.sent_by or bag.home or bag.facility
    bag.facility = body["facility"] or bag.facility
    bag.custody, bag.place = "returned", None
    bag.may_come_back = body["may_come_back"]


# -- how it ended ------------------------------------------------------------------------------------------


def _ends(fate: str) -> Callable[[BagFold, Body], None]:
    def end(bag: BagFold, _: Body) -> None:
        if bag.fate is None:
            bag.fate = fate
            bag.reserved = bag.missing = False

    return end


_given = _ends("transfused")
_gone = _ends("destroyed")


def _transfused(bag: BagFold, body: Body) -> None:
    if not body["presumed"]:
        _given(bag, body)


def _destroyed(bag: BagFold, body: Body) -> None:
    if bag.fate == "discarded":
        bag.fate = "destroyed"
    else:
        _gone(bag, body)


Consequence = Callable[[BagFold, Body], None]

COUNTED: dict[str, Consequence] = {
    "bag.held": _held,
    "bag.hold_lifted": _hold_lifted,
    "bag.nonconformity_raised": _raised,
    "bag.nonconformity_withdrawn": _withdrawn,
    "bag.notice_opened": _no_change,
    "bag.notice_closed": _no_change,
    "bag.tested": _tested,
    "bag.reported": _no_change,
}
"""Facts that count as heard, whenever they happened."""

FOLDED: dict[str, Consequence] = {
    "bag.collected": _collected,
    "bag.prepared": _prepared,
    "bag.received": _received,
    "bag.labelled": _labelled,
    "bag.consumed": _consumed,
    "bag.modified": _modified,
    "bag.released": _released,
    "bag.release_revoked": _release_revoked,
    "bag.stored": _seen,
    "bag.moved": _seen,
    "bag.counted": _seen,
    "bag.found": _seen,
    "bag.missing": _missing,
    "bag.reserved": _reserved,
    "bag.reservation_cancelled": _reservation_cancelled,
    "bag.distributed": _distributed,
    "bag.arrived": _arrived,
    "bag.issued": _issued,
    "bag.returned": _returned,
    "bag.transfused": _transfused,
    "bag.discarded": _ends("discarded"),
    "bag.destroyed": _destroyed,
    "bag.sent_for_fractionation": _ends("sent_for_fractionation"),
    "bag.used_for_quality_control": _ends("used_for_quality_control"),
}
"""Facts that hold from when they happened."""
