"""This file holds what each fact changes in the state of a bag; no rule is judged here."""

from collections.abc import Callable

from projections.decode import Fact, thousandths
from projections.readmodels.bag_state import BagFold

# -- counted as heard ------------------------------------------------------------------------------------


def _held(bag: BagFold, fact: Fact) -> None:
    body = fact.body
    name = body["hold"]
    hold = (body["cause"], body["scope_kind"], body["scope_id"], body["placed_at"])
    early = _lifted_early(bag, fact)
    if early is None or name in bag.holds:
        bag.holds[name] = hold
        bag.lifted.discard(name)
    else:
        bag.lifted.add(name)
    if early is not None:
        bag.lifted_early.remove(early)


def _lifted_early(bag: BagFold, held: Fact) -> tuple[str, int] | None:
    """The report that had lifted this hold of the bag's own before anything was heard of the hold itself."""
    body = held.body
    if not bag.lifted_early or body["scope_id"] != held.stream:
        return None
    fitting = (each for each in bag.lifted_early if each[0] == body["cause"] and each[1] >= body["placed_at"])
    return next(fitting, None)


def _hold_lifted(bag: BagFold, fact: Fact) -> None:
    body = fact.body
    name, was_open = body["hold"], bag.holds.pop(body["hold"], None) is not None
    if body["why"] != "lifted":
        bag.lifted.discard(name)
    elif was_open:
        bag.lifted.add(name)
    elif name not in bag.lifted:
        bag.lifted_early.append((body["cause"], fact.happened_at))


def _raised(bag: BagFold, fact: Fact) -> None:
    bag.nonconformities[fact.body["nonconformity"]] = (
        fact.body["code"],
        fact.body["about_version"],
        fact.body["detail"],
        fact.body["happened_at"],
    )


def _withdrawn(bag: BagFold, fact: Fact) -> None:
    bag.nonconformities.pop(fact.body["nonconformity"], None)


def _tested(bag: BagFold, fact: Fact) -> None:
    bag.panels[fact.body["donation"]] = (fact.body["group"], fact.body["rhd"])


def _no_change(bag: BagFold, fact: Fact) -> None:
    """Counted among the facts heard; says nothing about where the bag is."""


# -- folded in business time: where it comes from ----------------------------------------------------------


def _origin(bag: BagFold, fact: Fact) -> bool:
    """The first origin in business time says what the bag is; a second one changes nothing.

    Only a later telling of the same process, when more was known of its parents, takes the place of the first.
    """
    body = fact.body
    run = body.get("process_id")
    if bag.origin is not None:
        same = run is not None and (bag.origin, bag.origin_run) == (fact.name, run)
        if not same or fact.version < bag.origin_version:
            return False
    bag.origin, bag.origin_run, bag.origin_version = fact.name, run, fact.version
    quantity = body["quantity"]
    bag.component = body["component"] or bag.component
    if quantity is not None:
        bag.thousandths, bag.measure = thousandths(quantity["amount"]), quantity["measure"]
    bag.group, bag.rhd = body["group"], body["rhd"]
    bag.rule_expires_at, bag.label_expires_at = body["rule_expires_at"], body["label_expires_at"]
    bag.home = bag.home or body["facility"]
    bag.facility = bag.facility or body["facility"]
    return True


def _prepared(bag: BagFold, fact: Fact) -> None:
    _origin(bag, fact)


def _collected(bag: BagFold, fact: Fact) -> None:
    if _origin(bag, fact):
        bag.kind = fact.body["kind"]


def _received(bag: BagFold, fact: Fact) -> None:
    if bag.origin is None or not (bag.consignee or bag.custody):
        _origin(bag, fact)
    bag.consignee = bag.custody = None
    bag.facility = fact.body["facility"] or bag.facility
    if fact.body["released_by"]:
        bag.released = True


def _labelled(bag: BagFold, fact: Fact) -> None:
    expires = fact.body["label_expires_at"]
    if fact.body["container"] is not None:
        _origin(bag, fact)
    elif expires is not None and (bag.label_expires_at is None or expires < bag.label_expires_at):
        bag.label_expires_at = expires


def _consumed(bag: BagFold, _: Fact) -> None:
    bag.consumed = True
    bag.reserved = False


def _modified(bag: BagFold, fact: Fact) -> None:
    for expires in (fact.body["rule_expires_at"], fact.body["label_expires_at"]):
        if expires is not None and (bag.modified_expires_at is None or expires < bag.modified_expires_at):
            bag.modified_expires_at = expires


# -- where it is -------------------------------------------------------------------------------------------


def _released(bag: BagFold, _: Fact) -> None:
    bag.released = True


def _release_revoked(bag: BagFold, _: Fact) -> None:
    bag.released = False


def _seen(bag: BagFold, fact: Fact) -> None:
    if bag.ended:
        return
    bag.missing = False
    bag.facility = fact.body["facility"] or bag.facility
    bag.home = bag.home or fact.body["facility"]
    bag.place = fact.body["place"] or bag.place


def _missing(bag: BagFold, _: Fact) -> None:
    bag.missing = True


def _reserved(bag: BagFold, _: Fact) -> None:
    bag.reserved = True


def _reservation_cancelled(bag: BagFold, _: Fact) -> None:
    bag.reserved = False


def _distributed(bag: BagFold, fact: Fact) -> None:
    bag.custody, bag.consignee = "distributed", fact.body["to"]
    bag.home = bag.home or fact.body["sent_from"]
    bag.sent_by = fact.body["sent_from"] or bag.facility
    bag.facility, bag.place = fact.body["to"], None


def _arrived(bag: BagFold, fact: Fact) -> None:
    if bag.ended:
        return
    bag.custody = None
    bag.missing = False
    bag.consignee = None if fact.body["at"] == bag.home else fact.body["at"]
    bag.facility, bag.place = fact.body["at"], fact.body["place"]


def _issued(bag: BagFold, fact: Fact) -> None:
    bag.custody = "issued"
    bag.reserved = False
    bag.facility = fact.body["facility"] or bag.facility


def _returned(bag: BagFold, fact: Fact) -> None:
    if bag.ended:
        return
    if fact.body["leg"] != "ward_to_bank":
        bag.consignee = None
        bag.facility = bag.sent_by or bag.home or bag.facility
    bag.facility = fact.body["facility"] or bag.facility
    bag.custody, bag.place = "returned", None
    bag.may_come_back = fact.body["may_come_back"]


# -- how it ended ------------------------------------------------------------------------------------------


def _ends(fate: str) -> Callable[[BagFold, Fact], None]:
    def end(bag: BagFold, _: Fact) -> None:
        if bag.fate is None:
            bag.fate = fate
            bag.reserved = bag.missing = False

    return end


_given = _ends("transfused")
_gone = _ends("destroyed")


def _transfused(bag: BagFold, fact: Fact) -> None:
    if not fact.body["presumed"]:
        _given(bag, fact)


def _destroyed(bag: BagFold, fact: Fact) -> None:
    if bag.fate == "discarded":
        bag.fate = "destroyed"
    else:
        _gone(bag, fact)


Consequence = Callable[[BagFold, Fact], None]

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

CHANGING = frozenset(name for name, each in {**COUNTED, **FOLDED}.items() if each is not _no_change)
"""Facts after which something else may be said of a bag; after all others, but the first, the same is said."""
