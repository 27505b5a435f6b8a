"""This file holds what happens to bags near a patient: reserved, crossmatched, issued, returned, transfused."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Literal

from msgspec import field

from ledger.commands.bag.batch import OneBag, first_heard
from ledger.commands.command import (
    BagId,
    Code,
    Command,
    Id,
    Instant,
    Pseudonym,
    Quantity,
    Text,
    check_bag,
    check_order,
    missing,
    utc,
)
from ledger.domain import Bag
from ledger.policies.notices import close
from ledger.store.workspace import Workspace


class ReserveBag(OneBag, kw_only=True):
    """Set a bag aside for a patient."""

    DECISION = True

    patient: Pseudonym
    until: Instant | None = None

    def carry_out(self, ws: Workspace) -> None:
        bag = ws.bag(self.bag)
        if self.refusable:
            bag.may_be_reserved(self.patient, ws.at)
        ws.record(bag, Bag.Reserved, patient=self.patient, until_at=utc(self.until))


class CancelReservation(OneBag, kw_only=True):
    """A bag is no longer set aside."""

    DECISION = True

    patient: Pseudonym | None = None
    reason: Text | None = None

    def carry_out(self, ws: Workspace) -> None:
        bag = ws.bag(self.bag)
        if self.refusable:
            bag.may_have_its_reservation_cancelled()
        patient = self.patient or bag.reserved_for
        subject = f"patient:{patient}" if patient else "text"
        ws.record(bag, Bag.ReservationCancelled, patient=patient, reason=ws.sealed(self.reason, subject))


class CrossmatchBag(OneBag, kw_only=True):
    """A compatibility test of the bag with a recipient's sample."""

    patient: Pseudonym
    result: Literal["compatible", "incompatible"]
    sample: Id | None = None
    method: Code | None = None
    valid_until: Instant | None = None

    def carry_out(self, ws: Workspace) -> None:
        bag = ws.bag(self.bag)
        hours = ws.catalogue.crossmatch_hours(ws.clock_time)
        by_policy = ws.at + timedelta(hours=hours) if hours is not None else None
        first_heard(ws, bag, Bag.Crossmatched.short_name())
        ws.record(
            bag,
            Bag.Crossmatched,
            patient=self.patient,
            result=self.result,
            sample=self.sample,
            method=self.method,
            valid_until=utc(self.valid_until) or by_policy,
        )


class IssueBag(OneBag, kw_only=True):
    """Hand a bag out to one named patient or ward; without a valid crossmatch on somebody's authority only."""

    DECISION = True

    to: Id
    patient: Pseudonym | None = None
    facility: Id | None = None
    authoriser: Id | None = None
    reason: Text | None = None

    def carry_out(self, ws: Workspace) -> None:
        bag = ws.bag(self.bag)
        if self.refusable:
            product = ws.catalogue.product(bag.component)
            bag.may_be_issued(
                self.patient,
                ws.at,
                crossmatch=product is None or product.crossmatch,
                authorised=self.authoriser is not None and self.reason is not None,
            )
        first_heard(ws, bag, Bag.Issued.short_name())
        ws.record(
            bag,
            Bag.Issued,
            to=self.to,
            patient=self.patient,
            facility=self.facility or (bag.facility if self.refusable else None),
            authoriser=self.authoriser,
            reason=ws.sealed(self.reason, f"patient:{self.patient}" if self.patient else "text"),
        )


class ReturnBag(OneBag, kw_only=True):
    """A bag came back unused; it goes to hold, never straight to stock."""

    sent_from: Id = field(name="from")
    leg: Literal["ward_to_bank", "hospital_to_centre"]
    facility: Id | None = None
    reason: Text | None = None

    def carry_out(self, ws: Workspace) -> None:
        bag = ws.bag(self.bag)
        first_heard(ws, bag, Bag.Returned.short_name())
        ws.record(
            bag,
            Bag.Returned,
            sent_from=self.sent_from,
            leg=self.leg,
            may_come_back=self._may_come_back(ws, bag),
            facility=self.facility,
            reason=ws.sealed(self.reason),
        )

    def _may_come_back(self, ws: Workspace, bag: Bag) -> bool:
        """By the return policy in force when it came back."""
        policy = ws.catalogue.return_policy(self.leg, ws.clock_time)
        if policy is None or not policy.may_come_back:
            return False
        left = bag.issued.timestamp if bag.issued is not None else None
        return policy.within_minutes is None or (
            left is not None and ws.at - left <= timedelta(minutes=policy.within_minutes)
        )


class RecordTransfusion(OneBag, kw_only=True):
    """A bag was given to a patient. Always recorded, whatever rule it broke."""

    patient: Pseudonym
    hospital: Id
    quantity: Quantity | None = None
    started_at: Instant | None = None
    ended_at: Instant | None = None
    checkers: list[Id] = []
    place: Id | None = None
    presumed: bool = False

    def check(self) -> None:
        super().check()
        if self.quantity is not None:
            self.quantity.check("quantity")
        check_order(self.started_at, self.ended_at, "ended_at")

    def carry_out(self, ws: Workspace) -> None:
        bag = ws.bag(self.bag)
        first_heard(ws, bag, Bag.Transfused.short_name())
        ws.record(
            bag,
            Bag.Transfused,
            patient=self.patient,
            hospital=self.hospital,
            presumed=self.presumed,
            quantity=self.quantity.value() if self.quantity is not None else None,
            started_at=utc(self.started_at),
            ended_at=utc(self.ended_at),
            checkers=tuple(self.checkers),
            place=self.place,
        )


class RecordReaction(Command, kw_only=True):
    """A patient reacted to one or more bags."""

    patient: Pseudonym
    bags: list[BagId]
    kind: Code
    severity: Code | None = None
    details: Text | None = None

    def check(self) -> None:
        if not self.bags:
            raise missing("bags")
        for index, name in enumerate(self.bags):
            check_bag(name, f"bags[{index}]")

    def streams(self) -> Iterable[str]:
        return self.bags

    def carry_out(self, ws: Workspace) -> None:
        for bag in ws.bags(list(dict.fromkeys(self.bags))):
            first_heard(ws, bag, Bag.ReactionReported.short_name())
            ws.record(
                bag,
                Bag.ReactionReported,
                patient=self.patient,
                kind=self.kind,
                severity=self.severity,
                details=ws.sealed(self.details, f"patient:{self.patient}"),
            )


class CloseNotice(OneBag, kw_only=True):
    """A notice was answered: a person closes it, and the alert that came with it."""

    notice: Id
    reason: Text

    def carry_out(self, ws: Workspace) -> None:
        bag = ws.bag(self.bag)
        notice = bag.notices.get(self.notice)
        if notice is not None:
            close(ws, bag, notice, "acknowledged", self.reason)
            return
        ws.record(
            bag,
            Bag.NoticeClosed,
            notice=self.notice,
            addressee_kind="unknown",
            addressee="unknown",
            outcome="acknowledged",
            reason=ws.sealed(self.reason),
        )
