"""This file holds what the facts of a bag add up to: its state, folded in business time, and what broke a rule.

Consequences never refuse. Where a fact broke a rule the consequence notes a break; the difference between
the breaks and the open nonconformities is what the policies raise or withdraw.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from ledger.domain.aggregate import Fact, LedgerAggregate
from ledger.domain.bag.facts import BagFacts as F
from ledger.domain.bag.parts import BLOCKED_BY_HOLD, LAST_MINUTE, MAY_BE_EXPIRED, Attribute, Break, Cause, Hold, Notice
from ledger.domain.values import Expiry, Quantity


class BagState(LedgerAggregate):
    """A bag as its standing facts describe it."""

    # -- counted as recorded ----------------------------------------------------------------------

    def reset(self) -> None:
        self.holds: dict[str, Hold] = {}
        self.open_holds: set[str] = set()
        self.held_by_hand: set[int] = set()
        self.lifted_early: list[F.HoldLifted] = []
        self.open_nonconformities: dict[str, Any] = {}
        self.settled: set[str] = set()
        self.notices: dict[str, Notice] = {}
        self.panels: dict[str, F.Tested] = {}
        self._reset_folded()

    def _held(self, fact: F.Held) -> None:
        early = next(
            (
                lifted
                for lifted in self.lifted_early
                if lifted.cause == fact.cause and fact.scope_id == self.id and lifted.timestamp >= fact.placed_at
            ),
            None,
        )
        self.holds[fact.hold] = Hold(fact.hold, fact.cause, fact.scope_kind, fact.scope_id, fact.placed_at)
        if early is None:
            self.open_holds.add(fact.hold)
        else:
            self.lifted_early.remove(early)
            self.holds[fact.hold].lifted_at = early.timestamp
        if fact.caused_by is None:
            self.held_by_hand.add(fact.originator_version)

    def _hold_lifted(self, fact: F.HoldLifted) -> None:
        if fact.hold not in self.holds and fact.why == "lifted":
            self.lifted_early.append(fact)  # reported before the hold it lifts
        self.open_holds.discard(fact.hold)
        if fact.why == "lifted":
            if fact.hold in self.holds:
                self.holds[fact.hold].lifted_at = fact.timestamp
        else:
            self.holds.pop(fact.hold, None)

    def _nonconformity_raised(self, fact: F.NonconformityRaised) -> None:
        self.open_nonconformities[fact.nonconformity] = fact

    def _nonconformity_withdrawn(self, fact: F.NonconformityWithdrawn) -> None:
        self.open_nonconformities.pop(fact.nonconformity, None)
        if fact.why == "settled":
            self.settled.add(fact.nonconformity)

    def _notice_opened(self, fact: F.NoticeOpened) -> None:
        self.notices[fact.notice] = Notice(fact.notice, fact.addressee_kind, fact.addressee, fact.hold, fact.hold_cause)

    def _notice_closed(self, fact: F.NoticeClosed) -> None:
        if fact.notice in self.notices:
            self.notices[fact.notice].outcome = fact.outcome

    def _tested(self, fact: F.Tested) -> None:
        self.panels[fact.donation] = fact

    # -- folded in business time ------------------------------------------------------------------

    def _reset_folded(self) -> None:
        self.origins: list[Any] = []
        self.component: str | None = None
        self.quantity: Quantity | None = None
        self.volume_ml: Decimal | None = None
        self.declared_group: tuple[str | None, str | None] = (None, None)
        self.purpose = "allogeneic"
        self.intended_for: str | None = None
        self.expiry = Expiry(None, None, None)
        self.modifications: list[tuple[datetime, datetime]] = []
        self.collected_at: datetime | None = None
        self.parents: dict[str, str] = {}
        self.children: dict[str, str] = {}
        self.attributes: list[Attribute] = []
        self.consumed: F.Consumed | None = None
        self.released: Any = None
        self.was_released = False
        self.inspected: bool | None = None
        self.label_verified: bool | None = None
        self.made_at: str | None = None
        self.home: str | None = None
        self.facility: str | None = None
        self.place: str | None = None
        self.custody: str | None = None
        self.issued: F.Issued | None = None
        self.issues: list[F.Issued] = []
        self.consignee: str | None = None
        self.sent_by: str | None = None
        self.last_return: F.Returned | None = None
        self.reserved_for: str | None = None
        self.reserved_until: datetime | None = None
        self.crossmatches: list[F.Crossmatched] = []
        self.transfusions: list[F.Transfused] = []
        self.fate: str | None = None
        self.fate_fact: Fact | None = None
        self.missing = False
        self.own_causes: list[Cause] = []
        self.breaks: list[Break] = []
        self.hold_checks: list[tuple[str, Fact]] = []
        self.presumed = False
        self.readings: dict[tuple[Any, ...], F.TemperatureBreached] = {}

    @property
    def known(self) -> bool:
        """Whether anything says where the bag came from."""
        return bool(self.origins)

    @property
    def din(self) -> str:
        """The donation number in the bag's name."""
        return self.id[:13]

    @property
    def expires_at(self) -> datetime | None:
        """When it expires, as far as is known now."""
        return self.expires_as_of(None)

    def expires_as_of(self, at: datetime | None) -> datetime | None:
        """When it expires by what had been done to it by an instant: a modification shortens it from then on."""
        shorter = [expiry for done_at, expiry in self.modifications if at is None or done_at <= at]
        known = [each for each in (self.expiry.at, *shorter) if each is not None]
        return min(known) if known else None

    def expired_at(self, at: datetime) -> bool:
        """Whether it may no longer be used at that instant; its last minute is good to its end."""
        expires_at = self.expires_at
        return expires_at is not None and at >= expires_at + LAST_MINUTE

    def held_at(self, fact: Fact) -> bool:
        """Whether a hold stood when this happened.

        At one and the same instant an observation is taken to come after the hold, our own decision before
        it: when the decision was made, no hold was known.
        """
        return any(
            (hold.placed_at < fact.timestamp or (hold.placed_at == fact.timestamp and not fact.decided))
            and (hold.lifted_at is None or hold.lifted_at > fact.timestamp)
            for hold in self.holds.values()
        )

    def reserved_against(self, patient: str | None, at: datetime) -> bool:
        """Whether it is set aside for another patient at that instant."""
        runs = self.reserved_until is None or at <= self.reserved_until
        return self.reserved_for is not None and self.reserved_for != patient and runs

    def _break(self, code: str, fact: Fact, detail: str | None = None) -> None:
        self.breaks.append(Break(code, fact.originator_version, detail))

    def _uses(self, fact: Any, operator: str | None) -> None:
        """Note what a standing hold may match."""
        at = fact.timestamp
        self.attributes += [Attribute(f"{lot.kind}_lot", lot.id, at) for lot in fact.lots if lot.id]
        self.attributes += [Attribute("device", device, at) for device in fact.devices]
        if operator := operator or fact.occasion.by:
            self.attributes.append(Attribute("operator", operator, at))

    # origin

    def _origin(self, fact: Any) -> None:
        same = [number for number, origin in enumerate(self.origins) if _same_making(origin, fact)]
        told = same[0] if same else None
        if told is not None and self.origins[told].originator_version > fact.originator_version:
            return  # a later telling of the same making came first in business order
        if told is None and self.origins:
            self._break("identity_conflict", fact)
            self.own_causes.append(Cause("identity_conflict", fact.originator_version, fact.timestamp))
        if told is None:
            self.origins.append(fact)
        else:
            self.origins[told] = fact
        if self.origins[0] is not fact:
            return
        self.component = fact.component or self.component
        self.quantity = fact.quantity or self.quantity
        self.volume_ml = fact.volume_ml
        self.declared_group = (fact.group, fact.rhd)
        self.purpose = fact.purpose
        self.intended_for = fact.intended_for
        self.expiry = Expiry(fact.rule_expires_at, fact.expiry_rule, fact.label_expires_at)
        self.made_at = fact.facility
        self.home = self.home or fact.facility
        self.facility = self.facility or fact.facility

    def _collected(self, fact: F.Collected) -> None:
        self._origin(fact)
        if self.origins[0] is fact:
            self.collected_at = fact.ended_at or fact.started_at or fact.timestamp
        self._uses(fact, fact.collector)

    def _prepared(self, fact: F.Prepared) -> None:
        self._origin(fact)
        if self.origins[0] is fact:
            self.collected_at = fact.collected_at
        self.parents.update(dict.fromkeys(fact.parents, fact.process))
        if fact.process == "pool" and len(fact.parents) < 2:
            self._break("pool_of_one", fact)
        if fact.process_run:
            self.attributes.append(Attribute("process_run", fact.process_run, fact.timestamp))
        self._uses(fact, fact.operator)

    def _received(self, fact: F.Received) -> None:
        if not (self.origins and (self.consignee or self.custody)):
            self._origin(fact)  # one that was sent out and comes back is no second bag
        self.collected_at = self.collected_at or fact.collected_at
        self.consignee, self.custody = None, None
        self.facility = fact.facility or self.facility
        if fact.released_by:
            self.released, self.was_released = fact, True

    def _labelled(self, fact: F.Labelled) -> None:
        if fact.container is not None:
            self._origin(fact)
            self.parents[fact.container] = "label"
            if self.origins[0] is fact:
                self.collected_at = fact.collected_at
        elif fact.label_expires_at is not None:
            label = self.expiry.label_at
            earliest = fact.label_expires_at if label is None else min(label, fact.label_expires_at)
            self.expiry = self.expiry._replace(label_at=earliest)

    # made into other bags, or changed

    def _consumed(self, fact: F.Consumed) -> None:
        process = fact.process
        if self.consumed is not None and self.consumed.process_id != fact.process_id:
            self._break("processed_consumed", fact)
        if self.fate is not None:
            self._break("processed_after_end", fact)
        if self.missing:
            self._break("processed_missing", fact)
        if self.custody in ("issued", "distributed"):
            self._break("processed_while_out", fact)
        if process in BLOCKED_BY_HOLD:
            self.hold_checks.append(("processed_held", fact))
        if process not in MAY_BE_EXPIRED and self.expired_at(fact.timestamp):
            self._break("processed_expired", fact)
        self.consumed = fact
        self.reserved_for = None
        self.children.update(dict.fromkeys(fact.children, process))
        if fact.process_run:
            self.attributes.append(Attribute("process_run", fact.process_run, fact.timestamp))

    def _modified(self, fact: F.Modified) -> None:
        if fact.caused_by is None:  # not when it is only told again how long the bag lasts
            self._modified_lawfully(fact)
        expiry = Expiry(fact.rule_expires_at, fact.expiry_rule, fact.label_expires_at).at
        if expiry is not None:
            self.modifications.append((fact.timestamp, expiry))

    def _modified_lawfully(self, fact: F.Modified) -> None:
        self.hold_checks.append(("modified_held", fact))
        if self.consumed is not None:
            self._break("modified_consumed", fact)
        if self.fate is not None:
            self._break("modified_after_end", fact)
        if self.expired_at(fact.timestamp):
            self._break("modified_expired", fact)

    # quality

    def _inspected(self, fact: F.Inspected) -> None:
        self.inspected = fact.passed
        if not fact.passed:
            self.own_causes.append(Cause("inspection_failed", fact.originator_version, fact.timestamp))

    def _label_verified(self, fact: F.LabelVerified) -> None:
        self.label_verified = fact.passed
        if not fact.passed:
            self.own_causes.append(Cause("label_check_failed", fact.originator_version, fact.timestamp))

    def _quality_tested(self, fact: F.QualityTested) -> None:
        if fact.test == "culture" and fact.result == "positive":
            self.own_causes.append(Cause("positive_culture", fact.originator_version, fact.timestamp))
        elif fact.result == "fail":
            self._break("component_quality_failed", fact)

    def _temperature_breached(self, fact: F.TemperatureBreached) -> None:
        reading = (fact.timestamp, fact.celsius_min, fact.celsius_max, fact.minutes, fact.device)
        if fact.caused_by is not None or reading not in self.readings:
            self.readings[reading] = fact  # told again once it was known what the bag holds

    # release

    def _released(self, fact: F.Released) -> None:
        if self.consumed is not None:
            self._break("released_consumed", fact)
        self.hold_checks.append(("released_held", fact))
        if self.expired_at(fact.timestamp):
            self._break("released_expired", fact)
        if fact.basis == "full_panel":
            if self.inspected is not True:
                self._break("released_uninspected", fact)
            if self.label_verified is not True:
                self._break("released_label_unverified", fact)
        if self.fate is not None:
            self._break("released_after_end", fact)
        self.released, self.was_released = fact, True

    def _release_revoked(self, _: F.ReleaseRevoked) -> None:
        self.released = None

    # where it is

    def _seen(self, fact: Any) -> None:
        if self.fate is not None or self.consumed is not None:
            self._break("seen_after_end", fact)
            return
        self.missing = False
        self.facility = fact.facility or self.facility
        self.home = self.home or fact.facility
        self.place = fact.place or self.place

    def _missing(self, _: F.Missing) -> None:
        self.missing = True

    def _reserved(self, fact: F.Reserved) -> None:
        self.hold_checks.append(("reserved_held", fact))
        self.reserved_for, self.reserved_until = fact.patient, fact.until_at

    def _reservation_cancelled(self, _: F.ReservationCancelled) -> None:
        self.reserved_for = None

    def _crossmatched(self, fact: F.Crossmatched) -> None:
        self.crossmatches.append(fact)

    def _leaves(self, act: str, fact: Fact) -> None:
        """What breaks a rule when a bag is distributed, issued or transfused."""
        if self.consumed is not None:
            self._break(f"{act}_consumed", fact)
        if self.released is None:
            self._break(f"{act}_not_released", fact)
        self.hold_checks.append((f"{act}_held", fact))
        if self.expired_at(fact.timestamp):
            self._break(f"{act}_expired", fact)

    def _distributed(self, fact: F.Distributed) -> None:
        self._leaves("distributed", fact)
        if self.fate is not None:
            self._break("distributed_after_end", fact)
        elif self.custody in ("distributed", "issued"):
            self._break("distributed_twice", fact)
        if self.missing:
            self._break("distributed_missing", fact)
        if self.reserved_against(None, fact.timestamp):
            self._break("distributed_reserved", fact)
        self.custody, self.consignee = "distributed", fact.to
        self.home = self.home or fact.sent_from
        self.sent_by = fact.sent_from or self.facility
        self.facility, self.place = fact.to, None

    def _arrived(self, fact: F.Arrived) -> None:
        if self.fate is not None or self.consumed is not None:
            self._break("seen_after_end", fact)
            return
        if self.custody != "distributed" and fact.at != self.facility:
            self._break("arrived_not_distributed", fact, fact.at)
        elif self.custody == "distributed" and self.facility != fact.at:
            self._break("arrived_elsewhere", fact, fact.at)
        self.custody = None
        self.missing = False
        self.consignee = None if fact.at == self.home else fact.at
        self.facility, self.place = fact.at, fact.place

    def _issued(self, fact: F.Issued) -> None:
        self._leaves("issued", fact)
        if self.fate is not None:
            self._break("issued_after_end", fact)
        elif self.custody == "issued":
            self._break("issued_twice", fact)
        if self.missing:
            self._break("issued_missing", fact)
        if self.reserved_against(fact.patient, fact.timestamp):
            self._break("issued_reserved_for_another", fact)
        if self.intended_for and fact.patient and fact.patient != self.intended_for:
            self._break("issued_bound_to_another", fact, fact.patient)
        self.custody, self.issued = "issued", fact
        self.issues.append(fact)
        self.reserved_for = None
        self.facility = fact.facility or self.facility

    def _returned(self, fact: F.Returned) -> None:
        self.own_causes.append(Cause("returned", fact.originator_version, fact.timestamp))
        if self.fate is not None or self.consumed is not None:
            self._break("returned_after_end", fact)
            return
        if fact.leg == "ward_to_bank":
            if self.custody != "issued":
                self._break("returned_not_issued", fact)
        else:
            if self.consignee is None:
                self._break("returned_not_distributed", fact)
            self.consignee = None
            self.facility = fact.facility or self.sent_by or self.home or self.facility
        self.facility = fact.facility or self.facility
        self.custody, self.issued, self.place = "returned", None, None
        self.last_return = fact

    # how it ended

    def _ends(self, fate: str, fact: Fact) -> None:
        if self.fate is not None:
            self._break(f"{fate}_after_end", fact)
            return
        if self.consumed is not None and fate != "transfused":
            self._break(f"{fate}_consumed", fact)
        self.fate, self.fate_fact = fate, fact
        self.reserved_for = None
        self.missing = False

    def _transfused(self, fact: F.Transfused) -> None:
        if fact.presumed:
            self.presumed = True
            return
        self._leaves("transfused", fact)
        self._to_the_right_patient(fact)
        if self.fate not in (None, "transfused"):
            self._break("transfused_after_end", fact)
        elif self.transfusions and all(each.patient != fact.patient for each in self.transfusions):
            self._break("transfused_to_another_patient", fact, fact.patient)
        elif self.transfusions and self._more_than_held(fact):
            self._break("transfused_more_than_held", fact)
        self.transfusions.append(fact)
        if self.fate is None:
            self._ends("transfused", fact)

    def _to_the_right_patient(self, fact: F.Transfused) -> None:
        if not self.issues or (self.custody != "issued" and self.fate != "transfused"):
            self._break("transfused_not_issued", fact)
        elif self.issues[-1].patient and self.issues[-1].patient != fact.patient:
            self._break("transfused_to_wrong_patient", fact, fact.patient)
        if self.intended_for and fact.patient != self.intended_for:
            self._break("transfused_bound_to_another", fact, fact.patient)
        matches = [each for each in self.crossmatches if each.patient == fact.patient]
        if matches and matches[-1].result == "incompatible":
            self._break("transfused_incompatible", fact, fact.patient)

    def _more_than_held(self, fact: F.Transfused) -> bool:
        given = [each.quantity for each in (*self.transfusions, fact)]
        if self.quantity is None or any(each is None or each.measure != self.quantity.measure for each in given):
            return any(each is None for each in given)
        return sum((each.amount for each in given if each), Decimal(0)) > self.quantity.amount

    def _discarded(self, fact: F.Discarded) -> None:
        if fact.approved_by == fact.occasion.by:
            self._break("discarded_without_second_person", fact)
        self._ends("discarded", fact)

    def _destroyed(self, fact: F.Destroyed) -> None:
        if self.fate == "discarded":
            self.fate, self.fate_fact = "destroyed", fact
        else:
            self._ends("destroyed", fact)

    def _sent_for_fractionation(self, fact: F.SentForFractionation) -> None:
        self._ends("sent_for_fractionation", fact)

    def _used_for_quality_control(self, fact: F.UsedForQualityControl) -> None:
        self._ends("used_for_quality_control", fact)

    # -- what it all comes to ---------------------------------------------------------------------

    def hold_causes(self) -> list[Cause]:
        """What on this stream places a hold on the bag."""
        if not self.readings:
            return self.own_causes
        return self.own_causes + [
            Cause("storage_breach", fact.originator_version, fact.timestamp)
            for fact in self.readings.values()
            if not fact.within_rule
        ]

    def own_breaks(self) -> list[Break]:
        """Every rule broken as the bag's own stream tells, now."""
        found = list(self.breaks)
        if self.holds and self.hold_checks:
            found += [Break(code, fact.originator_version) for code, fact in self.hold_checks if self.held_at(fact)]
        if self.readings:
            found += [
                Break("temperature_out_of_range", fact.originator_version)
                for fact in self.readings.values()
                if not fact.within_rule
            ]
        if not self.known and self.heard_of:
            found.append(Break("bag_unknown", None))
        if self.corrections:
            found += [Break("correction_of_unknown", each.originator_version) for each in self.unmatched()]
        return found

    @property
    def heard_of(self) -> bool:
        """Whether anything that happened to it still stands: a hold or a result alone is no bag."""
        return self._last_key is not None

    @property
    def group(self) -> tuple[str | None, str | None]:
        """ABO and RhD: as tested, else as declared."""
        tested = {(panel.group, panel.rhd) for panel in self.panels.values()}
        if len(tested) == 1 and (only := tested.pop())[0] is not None:
            return only
        return self.declared_group

    @property
    def back_in_stock(self) -> bool:
        """Whether a returned bag may be used again: its policy allows it and the hold of the return is lifted."""
        return (
            self.custody == "returned"
            and self.last_return is not None
            and self.last_return.may_come_back
            and not any(self.holds[hold].cause == "returned" for hold in self.open_holds)
        )

    @property
    def status(self) -> str:
        """Where the bag stands now, by the words of the contract (expired is computed, never a status)."""
        if self.fate is not None:
            return self.fate if self.fate in ("transfused", "discarded", "destroyed") else "out"
        if self.consumed is not None:
            return "consumed"
        if not self.known and not self.heard_of:
            return "out"
        if self.custody is not None and not self.back_in_stock:
            return self.custody
        if self.missing:
            return "missing"
        if self.open_holds:
            return "held"
        if self.reserved_for is not None:
            return "reserved"
        return "available" if self.released is not None else "quarantine"

    COUNTED: ClassVar[dict[type[Fact], str]] = {
        F.Held: "_held",
        F.HoldLifted: "_hold_lifted",
        F.NonconformityRaised: "_nonconformity_raised",
        F.NonconformityWithdrawn: "_nonconformity_withdrawn",
        F.NoticeOpened: "_notice_opened",
        F.NoticeClosed: "_notice_closed",
        F.Tested: "_tested",
        F.Reported: "_heard",
    }

    def _heard(self, _: F.Reported) -> None:
        """First heard of in a report: says nothing about the bag itself."""

    FOLDED: ClassVar[dict[type[Fact], str]] = {
        F.Collected: "_collected",
        F.Prepared: "_prepared",
        F.Received: "_received",
        F.Labelled: "_labelled",
        F.Consumed: "_consumed",
        F.Modified: "_modified",
        F.Inspected: "_inspected",
        F.LabelVerified: "_label_verified",
        F.QualityTested: "_quality_tested",
        F.TemperatureBreached: "_temperature_breached",
        F.Released: "_released",
        F.ReleaseRevoked: "_release_revoked",
        F.Stored: "_seen",
        F.Moved: "_seen",
        F.Counted: "_seen",
        F.Found: "_seen",
        F.Missing: "_missing",
        F.Reserved: "_reserved",
        F.ReservationCancelled: "_reservation_cancelled",
        F.Crossmatched: "_crossmatched",
        F.Distributed: "_distributed",
        F.Arrived: "_arrived",
        F.Issued: "_issued",
        F.Returned: "_returned",
        F.Transfused: "_transfused",
        F.Discarded: "_discarded",
        F.Destroyed: "_destroyed",
        F.SentForFractionation: "_sent_for_fractionation",
        F.UsedForQualityControl: "_used_for_quality_control",
    }


def _same_making(origin: Any, fact: Any) -> bool:
    """Whether it says again how the bag was made, now that more is known of its parents.

    Those are consequences of the parents' facts; a second container under this name is none.
    """
    process_id = getattr(origin, "process_id", None)
    return type(origin) is type(fact) and process_id is not None and process_id == fact.process_id
