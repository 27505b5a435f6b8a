"""This file holds the facts of a bag: what can be said of one labelled container, in the past tense."""

from datetime import datetime
from decimal import Decimal

from ledger.domain.aggregate import Correction, Fact
from ledger.domain.values import FieldValue, Lot, Quantity, Ref, Sealed


class BagFacts:
    """The facts of a bag, in the order of its life. The field docs stand in the Avro schemas."""

    class Collected(Fact):
        """Blood was taken from a donor into this bag. Source: ISBT 128 ST-001 (DIN, product code)."""

        TOPIC = "bag.collected.v1"
        RANK = 10

        donation: str
        donor: str
        facility: str
        kind: str
        component: str
        quantity: Quantity
        purpose: str
        volume_ml: Decimal | None = None
        group: str | None = None
        rhd: str | None = None
        intended_for: str | None = None
        session: str | None = None
        anticoagulant: str | None = None
        lots: tuple[Lot, ...] = ()
        devices: tuple[str, ...] = ()
        started_at: datetime | None = None
        ended_at: datetime | None = None
        collector: str | None = None
        rule_expires_at: datetime | None = None
        expiry_rule: str | None = None
        label_expires_at: datetime | None = None

    class Prepared(Fact):
        """This bag was made from its parents and carries its own label or container number."""

        TOPIC = "bag.prepared.v1"
        RANK = 12
        DECISION = True

        process: str
        process_id: str
        component: str
        quantity: Quantity
        purpose: str
        process_run: str | None = None
        parents: tuple[str, ...] = ()
        volume_ml: Decimal | None = None
        group: str | None = None
        rhd: str | None = None
        intended_for: str | None = None
        facility: str | None = None
        collected_at: datetime | None = None
        lots: tuple[Lot, ...] = ()
        devices: tuple[str, ...] = ()
        operator: str | None = None
        solution: str | None = None
        additive_ml: Decimal | None = None
        rule_expires_at: datetime | None = None
        expiry_rule: str | None = None
        label_expires_at: datetime | None = None

    class Received(Fact):
        """This bag came from outside this ledger."""

        TOPIC = "bag.received.v1"
        RANK = 10

        sent_from: str
        purpose: str
        facility: str | None = None
        sender_bag: str | None = None
        released_by: str | None = None
        released_at: datetime | None = None
        collected_at: datetime | None = None
        component: str | None = None
        quantity: Quantity | None = None
        volume_ml: Decimal | None = None
        group: str | None = None
        rhd: str | None = None
        intended_for: str | None = None
        rule_expires_at: datetime | None = None
        expiry_rule: str | None = None
        label_expires_at: datetime | None = None

    class Reported(Fact):
        """First heard of this bag in what a hospital observed, before anything said where it came from."""

        TOPIC = "bag.reported.v1"
        RANK = 1
        CONSEQUENCE = True

        by_fact: str

    class Consumed(Fact):
        """This bag was used up in a process: nothing stays in it."""

        TOPIC = "bag.consumed.v1"
        RANK = 15
        DECISION = True

        process: str
        process_id: str
        process_run: str | None = None
        children: tuple[str, ...] = ()
        lost: Quantity | None = None

        @property
        def decided(self) -> bool:
            """Labelling is observed; every other process is decided."""
            return self.process != "label" and super().decided

    class Modified(Fact):
        """The bag was modified without a new label (thawed or warmed on the ward); its second, shorter expiry runs."""

        TOPIC = "bag.modified.v1"
        RANK = 47
        DECISION = True

        method: str
        rule_expires_at: datetime | None = None
        expiry_rule: str | None = None
        label_expires_at: datetime | None = None

    class Tested(Fact):
        """The donation's panel or group reached this bag."""

        TOPIC = "bag.tested.v1"

        donation: str
        donation_version: int
        outcome: str
        panel: str | None = None
        concluded_at: datetime | None = None
        group: str | None = None
        rhd: str | None = None

    class Inspected(Fact):
        """Visual inspection."""

        TOPIC = "bag.inspected.v1"
        RANK = 20

        passed: bool
        findings: Sealed | None = None

    class Labelled(Fact):
        """A label was put on: on a container it makes this bag, on the bag itself it is recorded."""

        TOPIC = "bag.labelled.v1"
        RANK = 18

        purpose: str
        container: str | None = None
        process_id: str | None = None
        component: str | None = None
        quantity: Quantity | None = None
        volume_ml: Decimal | None = None
        group: str | None = None
        rhd: str | None = None
        intended_for: str | None = None
        facility: str | None = None
        collected_at: datetime | None = None
        rule_expires_at: datetime | None = None
        expiry_rule: str | None = None
        label_expires_at: datetime | None = None

    class LabelVerified(Fact):
        """The label was scanned again and compared."""

        TOPIC = "bag.label_verified.v1"
        RANK = 21

        passed: bool

    class QualitySampled(Fact):
        """A sample for quality control was taken."""

        TOPIC = "bag.quality_sampled.v1"
        RANK = 22

        sample: str

    class QualityTested(Fact):
        """A quality test of the component."""

        TOPIC = "bag.quality_tested.v1"
        RANK = 23

        test: str
        result: str
        sample: str | None = None

    class Released(Fact):
        """A named, authorised person released the bag for use."""

        TOPIC = "bag.released.v1"
        RANK = 25
        DECISION = True

        basis: str
        authoriser: str | None = None
        patient: str | None = None
        donations: tuple[Ref, ...] = ()
        reason: Sealed | None = None

    class ReleaseRevoked(Fact):
        """The release was taken back."""

        TOPIC = "bag.release_revoked.v1"
        RANK = 26
        DECISION = True

        reason: Sealed | None = None

    class Held(Fact):
        """One reason why the bag may not be used."""

        TOPIC = "bag.held.v1"

        hold: str
        cause: str
        scope_kind: str
        scope_id: str
        placed_at: datetime
        reason: Sealed | None = None

    class HoldLifted(Fact):
        """That reason no longer stands."""

        TOPIC = "bag.hold_lifted.v1"

        hold: str
        cause: str
        scope_kind: str
        scope_id: str
        why: str
        reason: Sealed | None = None

    class Stored(Fact):
        """Put into a store."""

        TOPIC = "bag.stored.v1"
        RANK = 30

        facility: str | None = None
        place: str | None = None

    class Moved(Fact):
        """Moved within a facility."""

        TOPIC = "bag.moved.v1"
        RANK = 31

        facility: str | None = None
        place: str | None = None

    class Counted(Fact):
        """Seen at a stock count."""

        TOPIC = "bag.counted.v1"
        RANK = 32

        facility: str | None = None
        place: str | None = None
        stocktake: str | None = None

    class Missing(Fact):
        """Not found where it should be."""

        TOPIC = "bag.missing.v1"
        RANK = 33

        facility: str | None = None
        place: str | None = None

    class Found(Fact):
        """Found again."""

        TOPIC = "bag.found.v1"
        RANK = 34

        facility: str | None = None
        place: str | None = None

    class TemperatureBreached(Fact):
        """The bag was out of its temperature range."""

        TOPIC = "bag.temperature_breached.v2"
        RANK = 35

        celsius_min: Decimal
        celsius_max: Decimal
        minutes: Decimal
        within_rule: bool
        device: str | None = None

    class Reserved(Fact):
        """Set aside for a patient."""

        TOPIC = "bag.reserved.v1"
        RANK = 37
        DECISION = True

        patient: str
        until_at: datetime | None = None

    class ReservationCancelled(Fact):
        """No longer set aside."""

        TOPIC = "bag.reservation_cancelled.v1"
        RANK = 39
        DECISION = True

        patient: str | None = None
        reason: Sealed | None = None

    class Crossmatched(Fact):
        """Compatibility test with a recipient's sample."""

        TOPIC = "bag.crossmatched.v1"
        RANK = 38

        patient: str
        result: str
        sample: str | None = None
        method: str | None = None
        valid_until: datetime | None = None

    class Distributed(Fact):
        """Sent from a centre to a hospital's blood bank or another centre."""

        TOPIC = "bag.distributed.v1"
        RANK = 40
        DECISION = True

        to: str
        sent_from: str | None = None
        shipment: str | None = None

    class Arrived(Fact):
        """Arrived at a facility."""

        TOPIC = "bag.arrived.v1"
        RANK = 42

        at: str
        place: str | None = None

    class Issued(Fact):
        """Handed out by a hospital's blood bank to one named patient or ward."""

        TOPIC = "bag.issued.v1"
        RANK = 45
        DECISION = True

        to: str
        patient: str | None = None
        facility: str | None = None
        authoriser: str | None = None
        reason: Sealed | None = None

    class Returned(Fact):
        """Came back unused."""

        TOPIC = "bag.returned.v1"
        RANK = 60

        sent_from: str
        leg: str
        may_come_back: bool
        facility: str | None = None
        reason: Sealed | None = None

    class Transfused(Fact):
        """Given to a patient."""

        TOPIC = "bag.transfused.v1"
        RANK = 50

        patient: str
        hospital: str
        presumed: bool
        quantity: Quantity | None = None
        started_at: datetime | None = None
        ended_at: datetime | None = None
        checkers: tuple[str, ...] = ()
        place: str | None = None

    class ReactionReported(Fact):
        """A patient reacted to this bag."""

        TOPIC = "bag.reaction_reported.v1"
        RANK = 55

        patient: str
        kind: str
        severity: str | None = None
        details: Sealed | None = None

    class NoticeOpened(Fact):
        """Somebody must be told: the consignee of a bag that is out, or those who treat the recipient of a used one."""

        TOPIC = "bag.notice_opened.v1"

        notice: str
        addressee_kind: str
        addressee: str
        hold: str
        hold_cause: str

    class NoticeClosed(Fact):
        """The notice is settled."""

        TOPIC = "bag.notice_closed.v1"

        notice: str
        addressee_kind: str
        addressee: str
        outcome: str
        reason: Sealed | None = None

    class DiscardRequested(Fact):
        """Asked to be discarded."""

        TOPIC = "bag.discard_requested.v1"
        RANK = 65

        reason: Sealed | None = None

    class Discarded(Fact):
        """Ended unused, approved by another person."""

        TOPIC = "bag.discarded.v1"
        RANK = 70
        DECISION = True

        approved_by: str
        reason: Sealed | None = None

    class Destroyed(Fact):
        """Physically destroyed."""

        TOPIC = "bag.destroyed.v1"
        RANK = 75

        method: str | None = None

    class SentForFractionation(Fact):
        """Left for plasma fractionation."""

        TOPIC = "bag.sent_for_fractionation.v1"
        RANK = 70

        to: str
        batch: str | None = None

    class UsedForQualityControl(Fact):
        """Used up in quality control."""

        TOPIC = "bag.used_for_quality_control.v1"
        RANK = 70

        sample: str | None = None

    class NonconformityRaised(Fact):
        """Something broke a rule. Raised beside what was observed, never instead of it."""

        TOPIC = "bag.nonconformity_raised.v1"

        nonconformity: str
        code: str
        about_version: int | None = None
        detail: str | None = None

    class NonconformityWithdrawn(Fact):
        """A later fact explained what had looked like a broken rule, or a person settled it."""

        TOPIC = "bag.nonconformity_withdrawn.v1"

        nonconformity: str
        why: str
        reason: Sealed | None = None

    class Amended(Correction):
        """Corrects fields of an earlier fact of this stream; may itself be amended or annulled."""

        TOPIC = "bag.amended.v1"
        DECISION = True

        target_version: int | None = None
        target_fact: str | None = None
        match: tuple[FieldValue, ...] = ()
        changes: tuple[FieldValue, ...] = ()
        reason: Sealed | None = None

    class Annulled(Correction):
        """Takes an earlier fact of this stream back, as entered in error; may itself be annulled."""

        TOPIC = "bag.annulled.v1"
        DECISION = True

        target_version: int | None = None
        target_fact: str | None = None
        match: tuple[FieldValue, ...] = ()
        reason: Sealed | None = None
