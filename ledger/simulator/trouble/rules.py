"""This file holds which rules each bag broke, as the commands alone tell: each must stand as a nonconformity, no other.

Where a rule leaves room, or what a decision was based on may have been more or less, the breach is only possible.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from ledger.simulator.trouble.opinion import Opinion
from ledger.simulator.trouble.sayings import FATES, Saying, business_time
from ledger.simulator.trouble.site import MINUTE, rule_of
from ledger.simulator.trouble.speech import GOOD, MARKERS
from ledger.simulator.trouble.standing import Standing
from ledger.simulator.trouble.way import Way

AHEAD = timedelta(days=1)
"""A business time is in the future when it is further ahead of the clock."""
STOPPED_BY_HOLD = {"pool", "split", "wash", "irradiate", "thaw", "deglycerolise", "redesignate"}
MAY_BE_EXPIRED = {"relabel", "label", "redesignate"}
SEEN = ("bag.stored", "bag.moved", "bag.counted", "bag.found")


class Held(NamedTuple):
    """One hold: from when until when, and whether that is sure."""

    since: datetime
    until: datetime | None
    sure: bool = True

    def stood_at(self, at: datetime) -> bool:
        """Whether it stood at an instant; what happens at the very instant it is placed comes before it."""
        return self.since < at and (self.until is None or self.until > at)


class Broken:
    """The rules a bag broke. Shape: codes that must stand, and codes that may."""

    def __init__(self) -> None:
        self.surely: set[str] = set()
        self.perhaps: set[str] = set()

    def note(self, code: str, is_so: bool | None = True) -> None:
        """A rule is broken, is not, or (None) may be."""
        if is_so is None:
            self.perhaps.add(code)
        elif is_so:
            self.surely.add(code)


class Rules:
    """The rules as broken by what was known once these commands were recorded."""

    def __init__(self, opinion: Opinion) -> None:
        self.opinion, self.known = opinion, opinion.known
        self._holds: dict[str, list[Held]] = {}

    def broken_by(self, bag: str) -> Broken:
        """Every rule that a bag broke."""
        broken, way, sayings = Broken(), Way([]), self.known.on(bag)
        for said in sayings:
            judge = _JUDGES.get(said.fact)
            if judge is not None:
                judge(self, broken, way, said, sayings)
            way.take(said)
        broken.note("bag_unknown", bool(sayings) and self.known.origin(bag) is None)
        broken.note("identity_conflict", len(self.known.makings(bag)) > 1)
        broken.note("correction_of_unknown", any(each.command["stream"] == bag for each in self.known.unmatched))
        broken.note("happened_in_future", self._in_future(bag))
        for release in [each for each in sayings if _is_release(each)][-1:]:
            self._released_on(broken, bag, release)
        broken.note("quantity_not_conserved", self._not_conserved(bag))
        return broken

    def _in_future(self, bag: str) -> bool:
        return any(
            business_time(each.command) > each.recorded_at + AHEAD
            for each in self.opinion.heard
            if bag in (each.command.get("bag"), *each.command.get("bags", ()))
        )

    # -- acts, in the state in which they met the bag ----------------------------------------------

    def leaves(self, broken: Broken, act: str, way: Way, said: Saying) -> None:
        """What is wrong with handing out or giving a bag as it is."""
        broken.note(f"{act}_consumed", way.consumed)
        broken.note(f"{act}_not_released", not way.released)
        broken.note(f"{act}_held", self.held_at(said))
        broken.note(f"{act}_expired", self.expired_at(said))

    def distributed(self, broken: Broken, way: Way, said: Saying, _: list[Saying]) -> None:
        self.leaves(broken, "distributed", way, said)
        broken.note("distributed_after_end", way.fate is not None)
        broken.note("distributed_twice", way.fate is None and way.custody in ("distributed", "issued"))
        broken.note("distributed_missing", way.missing)
        broken.note("distributed_reserved", way.reserved_for is not None)

    def arrived(self, broken: Broken, way: Way, said: Saying, _: list[Saying]) -> None:
        if way.ended:
            broken.note("seen_after_end")
        elif way.custody == "distributed":
            broken.note("arrived_elsewhere", way.facility != said.body["at"])
        else:
            broken.note("arrived_not_distributed", way.facility != said.body["at"])

    def issued(self, broken: Broken, way: Way, said: Saying, _: list[Saying]) -> None:
        patient = said.body.get("patient")
        self.leaves(broken, "issued", way, said)
        broken.note("issued_after_end", way.fate is not None)
        broken.note("issued_twice", way.fate is None and way.custody == "issued")
        broken.note("issued_missing", way.missing)
        broken.note("issued_reserved_for_another", way.reserved_for not in (None, patient))
        broken.note("issued_bound_to_another", self.bound_to_another(said.stream, patient))

    def returned(self, broken: Broken, way: Way, said: Saying, _: list[Saying]) -> None:
        if way.ended:
            broken.note("returned_after_end")
        elif said.body["leg"] == "ward_to_bank":
            broken.note("returned_not_issued", way.custody != "issued")
        else:
            broken.note("returned_not_distributed", way.consignee is None)

    def transfused(self, broken: Broken, way: Way, said: Saying, sayings: list[Saying]) -> None:
        if said.body.get("presumed"):
            return
        patient, given = said.body["patient"], [each for each in _until(sayings, said) if _is_given(each)]
        self.leaves(broken, "transfused", way, said)
        was_issued = bool(way.issues) and (way.custody == "issued" or way.fate == "transfused")
        broken.note("transfused_not_issued", not was_issued)
        broken.note("transfused_to_wrong_patient", was_issued and way.issues[-1] not in (None, patient))
        broken.note("transfused_bound_to_another", self.bound_to_another(said.stream, patient))
        matches = [each for each in _until(sayings, said) if each.fact == "bag.crossmatched"]
        results = [each.body["result"] for each in matches if each.body["patient"] == patient]
        broken.note("transfused_incompatible", results[-1:] == ["incompatible"])
        if way.fate not in (None, "transfused"):
            broken.note("transfused_after_end")
        elif given and all(each.body["patient"] != patient for each in given):
            broken.note("transfused_to_another_patient")
        elif given:
            broken.note("transfused_more_than_held", self._more_than_held([*given, said]))

    def _more_than_held(self, given: list[Saying]) -> bool:
        held, measure = self.known.quantity(given[0].stream)
        amounts = [each.body.get("quantity") for each in given]
        if held is None or any(each is None or each["measure"] != measure for each in amounts):
            return any(each is None for each in amounts)
        return sum((Decimal(each["amount"]) for each in amounts if each), Decimal(0)) > held

    def ended(self, broken: Broken, way: Way, said: Saying, _: list[Saying]) -> None:
        fate = FATES[said.fact]
        if fate == "destroyed" and way.fate == "discarded":
            return
        broken.note(f"{fate}_after_end", way.fate is not None)
        broken.note(f"{fate}_consumed", way.fate is None and way.consumed)

    def consumed(self, broken: Broken, way: Way, said: Saying, _: list[Saying]) -> None:
        process = said.body["process"]
        broken.note("processed_consumed", way.consumed)
        broken.note("processed_after_end", way.fate is not None)
        broken.note("processed_missing", way.missing)
        broken.note("processed_while_out", way.custody in ("issued", "distributed"))
        if process in STOPPED_BY_HOLD:
            broken.note("processed_held", self.held_at(said))
        if process not in MAY_BE_EXPIRED:
            broken.note("processed_expired", self.expired_at(said))

    def modified(self, broken: Broken, way: Way, said: Saying, _: list[Saying]) -> None:
        broken.note("modified_held", self.held_at(said))
        broken.note("modified_consumed", way.consumed)
        broken.note("modified_after_end", way.fate is not None)
        broken.note("modified_expired", self.expired_at(said, before=True))

    def released(self, broken: Broken, way: Way, said: Saying, sayings: list[Saying]) -> None:
        broken.note("released_consumed", way.consumed)
        broken.note("released_held", self.held_at(said))
        broken.note("released_expired", self.expired_at(said))
        broken.note("released_after_end", way.fate is not None)
        if _basis(said) == "full_panel":
            before = _until(sayings, said)
            broken.note("released_uninspected", not _passed(before, "bag.inspected"))
            broken.note("released_label_unverified", not _passed(before, "bag.label_verified"))

    def reserved(self, broken: Broken, _: Way, said: Saying, __: list[Saying]) -> None:
        broken.note("reserved_held", self.held_at(said))

    def seen(self, broken: Broken, way: Way, _: Saying, __: list[Saying]) -> None:
        broken.note("seen_after_end", way.ended)

    def breached(self, broken: Broken, _: Way, said: Saying, __: list[Saying]) -> None:
        broken.note("temperature_out_of_range", not self.known.allowed(said))

    # -- expiry and binding ------------------------------------------------------------------------

    def expired_at(self, said: Saying, *, before: bool = False) -> bool | None:
        """Whether the bag had expired; `before`: as it was before this shortened it."""
        at = said.at - timedelta(microseconds=1) if before else said.at
        found = {end is not None and said.at >= end + MINUTE for end in self.opinion.expires_at(said.stream, at)}
        return found.pop() if len(found) == 1 else None

    def bound_to_another(self, bag: str, patient: str | None) -> bool | None:
        """Whether it was meant for another patient; not sure where that became known only after it was made."""
        bound = self._bound_to(bag)
        if patient is None or bound in (None, patient):
            return False
        return True if self._known_before_made(bag) else None

    def _bound_to(self, bag: str, below: frozenset[str] = frozenset()) -> str | None:
        origin = self.known.origin(bag)
        if origin is None or bag in below:
            return None
        if origin.fact in ("bag.collected", "bag.received"):
            return origin.body.get("intended_for")
        parents = origin.body["parents"] if origin.fact == "bag.prepared" else [origin.body["container"]]
        found = (self._bound_to(parent, below | {bag}) for parent in parents)
        return next((each for each in found if each is not None), None)

    def _known_before_made(self, bag: str) -> bool:
        origins = [self.known.origin(each) for each in self.known.ancestors(bag)]
        mine = self.known.origin(bag)
        return mine is not None and all(each is not None and each.number <= mine.number for each in origins)

    # -- holds -------------------------------------------------------------------------------------

    def held_at(self, said: Saying) -> bool | None:
        """Whether a hold stood when this happened; of one instant, our own decision comes before the hold."""
        stood = [hold for hold in self.holds(said.stream) if hold.stood_at(said.at)]
        return True if any(hold.sure for hold in stood) else None if stood else False

    def holds(self, bag: str) -> list[Held]:
        """Every hold that reaches a bag, or did: its own, and those of what it was made from."""
        if bag not in self._holds:
            found = list(self._scoped_holds(bag))
            for each in self.known.ancestors(bag):
                found += [*self._own_holds(each), *self._donation_holds(each[:13])]
            self._holds[bag] = found
        return self._holds[bag]

    def _scoped_holds(self, bag: str) -> Iterator[Held]:
        """Holds by scope; of one that was lifted before a tie to it was made known or taken back, only perhaps."""
        lifted = {each.lifts: each for each in self.opinion.heard if each.lifts is not None}
        for placed in self.known.all("hold.placed"):
            scope, lifting = placed.body["scope"], lifted.get(placed.number)
            reached = _reaches(self.known, bag, scope)
            if lifting is None:
                yield from [Held(placed.at, None)] if reached else []
                continue
            then = _reaches(self.opinion.before(lifting.number).known, bag, scope)
            if reached or then:
                yield Held(placed.at, business_time(lifting.command), sure=reached and then)

    def _own_holds(self, bag: str) -> Iterator[Held]:
        for each in self.known.on(bag):
            failed = each.fact in ("bag.inspected", "bag.label_verified") and not each.body.get("passed", True)
            warm = each.fact == "bag.temperature_breached" and not self.known.allowed(each)
            if failed or warm or each.fact == "bag.returned":
                yield Held(each.at, None)
        for second in self.known.on(bag, "bag.collected", "bag.prepared")[1:]:
            yield Held(second.at, None)

    def _donation_holds(self, din: str) -> Iterator[Held]:
        for results in self.known.results(din).values():
            yield from (Held(each.at, None) for each in results if each.body["result"] not in GOOD)
        yield from (Held(each.at, None) for each in self.known.on(din, "donation.post_donation_information"))
        claims = self.known.registrations(din)
        other = [each for each in claims if _claim(each) != _claim(claims[0])]
        yield from (Held(each.at, None) for each in other[:1])
        for each in self.known.all("donor.self_excluded"):
            if self.known.same("donor", each.body["donor"]) & self.known.donors_of(din):
                yield Held(each.at, None)
        yield from self._disputes(din)

    def _disputes(self, din: str) -> Iterator[Held]:
        """Typings that differ among themselves; of those that differ from others, since when is the rule's to say."""
        own = self.known.on(din, "donation.grouped")
        other = [each for each in own if _typing(each) != _typing(own[0])]
        yield from (Held(each.at, None) for each in other[:1])
        if "disputed_group" in self.known.causes(din):
            yield Held(min(each.at for each in own), None, sure=False)

    # -- what others say of it ---------------------------------------------------------------------

    def _released_on(self, broken: Broken, bag: str, release: Saying) -> None:
        """What the donations say against its last release, whenever they came to say it."""
        basis = _basis(release)
        if basis in ("sender", "autologous"):
            return
        dins = self._roots(bag)
        if basis == "emergency":
            done = all(self.known.outcome(din) == "acceptable" for din in dins)
            broken.note("emergency_release_results_open", not done)
            return
        outcomes = {self._outcome(din, release.at) for din in dins}
        broken.note("released_unacceptable", "unacceptable" in outcomes)
        broken.note("released_before_results", "unacceptable" not in outcomes and "open" in outcomes)

    def _roots(self, bag: str) -> set[str]:
        """Donations it was made from; one that came with the sender's release is relied on."""
        roots = [each for each in self.known.ancestors(bag) if each not in self.known.parents]
        return {each[:13] for each in roots if not any(said.body.get("released_by") for said in self.known.on(each))}

    def _outcome(self, din: str, until: datetime) -> str:
        if not self.known.registrations(din):
            return "open"
        final = [
            each
            for results in self.known.results(din).values()
            for each in results
            if each.body["final"] and each.at <= until
        ]
        if any(each.body["result"] not in GOOD for each in final):
            return "unacceptable"
        typed = {_typing(each) for each in self.known.on(din, "donation.grouped") if each.at <= until}
        complete = {each.body["marker"] for each in final} >= set(MARKERS) and len(typed) == 1
        return "acceptable" if complete else "open"

    def _not_conserved(self, bag: str) -> bool:
        """Whether more came out of what it was used up in than went in."""
        used = self.known.on(bag, "bag.consumed")
        if not used:
            return False
        process = used[-1].body
        labels = process["process"] == "label"
        into = _amounts(map(self.known.quantity, [bag] if labels else process["inputs"]))
        out = _outputs([process] if labels and process.get("quantity") else process.get("outputs", []))
        if into is None:
            return False
        if process["process"] != "separate":
            return any(into.get(measure) and sum(amounts.values()) > into[measure] for measure, amounts in out.items())
        units = into.get("U", Decimal(0))
        bound = units * rule_of("separate").get("ml_per_unit", 0) + into.get("mL", Decimal(0))
        volume = sum(out.get("mL", {}).values())
        return any(each > units for each in out.get("U", {}).values() if units) or bool(bound and volume > bound)


# -- parts -------------------------------------------------------------------------------------------------


def _reaches(known: Standing, bag: str, scope: dict[str, str]) -> bool:
    return any(known.in_scope(each, scope) for each in known.ancestors(bag))


def _until(sayings: list[Saying], said: Saying) -> list[Saying]:
    return sayings[: sayings.index(said)]


def _is_given(said: Saying) -> bool:
    return said.fact == "bag.transfused" and not said.body.get("presumed")


def _is_release(said: Saying) -> bool:
    return said.fact == "bag.released" or (said.fact == "bag.received" and bool(said.body.get("released_by")))


def _passed(sayings: list[Saying], fact: str) -> bool:
    return [each.body.get("passed", True) for each in sayings if each.fact == fact][-1:] == [True]


def _basis(release: Saying) -> str:
    if release.fact == "bag.received":
        return "sender"
    return "autologous" if "patient" in release.body else "emergency" if "authoriser" in release.body else "full_panel"


def _claim(said: Saying) -> tuple[str, str]:
    return (said.body["donor"], said.body["facility"])


def _typing(said: Saying) -> tuple[str, str]:
    return (said.body["group"], said.body["rhd"])


def _amounts(held: Any) -> dict[str, Decimal] | None:
    """What bags hold together, by measure; None when of one that is not known."""
    found: dict[str, Decimal] = {}
    for amount, measure in held:
        if amount is None:
            return None
        found[measure] = found.get(measure, Decimal(0)) + amount
    return found


def _outputs(outputs: list[dict[str, Any]]) -> dict[str, dict[str, Decimal]]:
    """What comes out, by measure and component."""
    found: dict[str, dict[str, Decimal]] = {}
    for each in outputs:
        amounts = found.setdefault(each["quantity"]["measure"], {})
        before = amounts.get(each["component"], Decimal(0))
        amounts[each["component"]] = before + Decimal(each["quantity"]["amount"])
    return found


_JUDGES: dict[str, Any] = {
    "bag.consumed": Rules.consumed,
    "bag.modified": Rules.modified,
    "bag.released": Rules.released,
    "bag.reserved": Rules.reserved,
    "bag.distributed": Rules.distributed,
    "bag.arrived": Rules.arrived,
    "bag.issued": Rules.issued,
    "bag.returned": Rules.returned,
    "bag.transfused": Rules.transfused,
    "bag.temperature_breached": Rules.breached,
    **dict.fromkeys(SEEN, Rules.seen),
    **dict.fromkeys(set(FATES) - {"bag.transfused"}, Rules.ended),
}
"""Who judges each kind of saying."""
