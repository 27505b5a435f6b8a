"""This file holds what may be decided about a bag: each decision raises the first refusal that stands against it.

Decisions are asked on everything known now; nothing here changes state.
"""

from datetime import datetime

from ledger.domain import refusals as no
from ledger.domain.bag.consequences import BagState
from ledger.domain.bag.facts import BagFacts as F
from ledger.domain.bag.parts import BLOCKED_BY_HOLD, MAY_BE_EXPIRED


class BagDecisions(BagState):
    """The questions a command asks before it records a decision."""

    # -- what most of them share ------------------------------------------------------------------

    def must_exist(self) -> None:
        if not self.known:
            raise no.BagUnknown(self.id)

    def must_be_usable(self) -> None:
        """Known, not used up, not ended."""
        self.must_exist()
        self.must_not_be_consumed()
        self.must_not_have_ended()

    def must_not_be_consumed(self) -> None:
        if self.consumed is not None:
            children = ", ".join(self.children) or "-"
            raise no.BagConsumed(self.id, process=self.consumed.process, children=children)

    def must_not_have_ended(self) -> None:
        if self.fate is not None:
            raise no.BagEnded(self.id, fate=self.fate)

    def must_not_be_held(self) -> None:
        if self.open_holds:
            causes = ", ".join(sorted({self.holds[hold].cause for hold in self.open_holds}))
            raise no.BagHeld(self.id, count=len(self.open_holds), causes=causes)

    def must_be_in_date(self, at: datetime) -> None:
        if self.expired_at(at):
            assert self.expires_at is not None
            raise no.BagExpired(self.id, expires_at=self.expires_at.isoformat().replace("+00:00", "Z"))

    def must_be_at_hand(self) -> None:
        """Not out at a ward, not on its way, not missing, not returned for good."""
        if self.custody == "issued":
            raise no.BagAlreadyIssued(self.id, to=self.issued.to if self.issued else "?")
        if self.custody == "distributed":
            raise no.BagInTransit(self.id, to=self.facility)
        if self.custody == "returned" and not self.back_in_stock:
            raise no.ReturnedBagMayNotComeBack(self.id, leg=self.last_return.leg if self.last_return else "?")
        if self.missing:
            raise no.BagMissing(self.id)

    def must_be_available(self, at: datetime) -> None:
        """Released, free of holds, in date and at hand."""
        self.must_be_usable()
        self.must_not_be_held()
        self.must_be_at_hand()
        if self.released is None:
            raise no.BagNotReleased(self.id)
        self.must_be_in_date(at)

    # -- the decisions ----------------------------------------------------------------------------

    def may_be_processed(self, process: str, at: datetime) -> None:
        """Separate, split, pool, wash, …, relabel: whether it may go in.

        A hold stops what would hide it from the eye; separating and freezing go on, the children born held.
        """
        self.must_be_usable()
        if process in BLOCKED_BY_HOLD:
            self.must_not_be_held()
        self.must_be_at_hand()
        if process not in MAY_BE_EXPIRED:
            self.must_be_in_date(at)

    def may_be_made(self) -> None:
        """Whether the name is free for a new container."""
        if self.known:
            raise no.BagIdentityTaken(self.id)

    def may_be_modified(self, at: datetime) -> None:
        self.must_be_usable()
        self.must_not_be_held()
        self.must_be_in_date(at)

    def may_be_released(self, at: datetime, *, autologous: bool = False) -> None:
        """The bag's own part of the release rule; the donations have theirs."""
        self.must_be_usable()
        if (self.purpose == "autologous") != autologous:
            raise (no.BagNotAutologous if autologous else no.BagIsAutologous)(self.id)
        if self.released is not None:
            raise no.BagAlreadyReleased(self.id)
        self.must_not_be_held()
        if self.inspected is not True:
            raise no.BagNotInspected(self.id)
        if self.label_verified is not True:
            raise no.LabelNotVerified(self.id)
        self.must_be_in_date(at)

    def may_be_released_in_emergency(self, at: datetime) -> None:
        self.must_be_usable()
        if self.released is not None:
            raise no.BagAlreadyReleased(self.id)
        self.must_not_be_held()
        self.must_be_in_date(at)

    def may_have_its_release_revoked(self) -> None:
        self.must_be_usable()
        if self.released is None:
            raise no.ReleaseNotStanding(self.id)

    def may_be_reserved(self, patient: str, at: datetime) -> None:
        self.must_be_available(at)
        self.must_not_be_bound_to_another(patient)
        self.must_not_be_reserved_for_another(patient, at)

    def may_have_its_reservation_cancelled(self) -> None:
        self.must_exist()
        if self.reserved_for is None:
            raise no.BagNotReserved(self.id)

    def may_be_distributed(self, at: datetime) -> None:
        self.must_be_available(at)
        self.must_not_be_reserved_for_another(None, at)

    def must_not_be_reserved_for_another(self, patient: str | None, at: datetime) -> None:
        if self.reserved_against(patient, at):
            raise no.BagReserved(self.id)

    def may_be_issued(self, patient: str | None, at: datetime, *, crossmatch: bool, authorised: bool) -> None:
        """`crossmatch`: whether this component needs one; `authorised`: an authoriser and a reason are given."""
        self.must_be_available(at)
        self.must_not_be_bound_to_another(patient)
        self.must_not_be_reserved_for_another(patient, at)
        if not authorised and not self.crossmatched_for(patient, at, needed=crossmatch):
            raise no.CrossmatchMissing(self.id)

    def crossmatched_for(self, patient: str | None, at: datetime, *, needed: bool) -> bool:
        """Whether the latest crossmatch with this patient is compatible and valid; none is needed for plasma."""
        matches = [each for each in self.crossmatches if each.patient == patient and each.timestamp <= at]
        if not matches:
            return not needed
        last = matches[-1]
        return last.result == "compatible" and (last.valid_until is None or at <= last.valid_until)

    def must_not_be_bound_to_another(self, patient: str | None) -> None:
        if self.intended_for is not None and patient != self.intended_for:
            raise no.BagBoundToAnotherPatient(self.id)

    def may_be_discarded(self, by: str, approved_by: str) -> None:
        self.must_be_usable()
        if by == approved_by:
            raise no.ApproverIsActor("approved_by", by=by)

    def given_to(self) -> set[str]:
        """The patients this bag went into."""
        return {each.patient for each in self.transfusions}


class Bag(BagDecisions, F):
    """One labelled container, or one not labelled yet: the thing a barcode names.

    Stream: `DIN=PRODUCT`, `DIN=PRODUCT=NNNNNN` (division 99) or `DIN#N` before labelling.
    """

    NOUN = "bag"
