"""This file holds the recipient, by pseudonym: samples, groups, alerts, and who is the same person."""

from __future__ import annotations

from typing import ClassVar

from ledger.domain.aggregate import Correction, Fact, LedgerAggregate
from ledger.domain.values import FieldValue, Sealed


class Recipient(LedgerAggregate):
    """A patient, known here by a pseudonym only. Stream: `patient:PSEUDONYM`."""

    NOUN = "recipient"

    # -- facts ------------------------------------------------------------------------------------

    class SampleTaken(Fact):
        """A sample of the recipient."""

        TOPIC = "recipient.sample_taken.v1"

        sample: str
        hospital: str | None = None

    class Grouped(Fact):
        """Blood group found on a sample of the recipient."""

        TOPIC = "recipient.grouped.v1"

        group: str
        rhd: str
        sample: str | None = None

    class Merged(Fact):
        """Two pseudonyms are one person."""

        TOPIC = "recipient.merged.v1"

        other: str
        process_id: str

    class Unmerged(Fact):
        """They are not."""

        TOPIC = "recipient.unmerged.v1"

        other: str
        process_id: str

    class Alerted(Fact):
        """A bag this recipient was given is under a hold."""

        TOPIC = "recipient.alerted.v1"

        alert: str
        bag: str
        hold: str
        hold_cause: str

    class AlertClosed(Fact):
        """The alert is settled."""

        TOPIC = "recipient.alert_closed.v1"

        alert: str
        bag: str
        outcome: str
        reason: Sealed | None = None

    class Amended(Correction):
        """Corrects fields of an earlier fact of this stream; may itself be amended or annulled."""

        TOPIC = "recipient.amended.v1"
        DECISION = True

        target_version: int | None = None
        target_fact: str | None = None
        match: tuple[FieldValue, ...] = ()
        changes: tuple[FieldValue, ...] = ()
        reason: Sealed | None = None

    class Annulled(Correction):
        """Takes an earlier fact of this stream back, as entered in error; may itself be annulled."""

        TOPIC = "recipient.annulled.v1"
        DECISION = True

        target_version: int | None = None
        target_fact: str | None = None
        match: tuple[FieldValue, ...] = ()
        reason: Sealed | None = None

    # -- decisions: none; what is learned of a recipient is observed ----------------------------------

    # -- consequences -----------------------------------------------------------------------------

    def reset(self) -> None:
        self.groupings: list[Recipient.Grouped] = []
        self.merged_with: dict[str, None] = {}
        self.alerts: dict[str, Recipient.Alerted] = {}

    def _grouped(self, fact: Recipient.Grouped) -> None:
        self.groupings.append(fact)

    def _merged(self, fact: Recipient.Merged) -> None:
        self.merged_with[fact.other] = None

    def _unmerged(self, fact: Recipient.Unmerged) -> None:
        self.merged_with.pop(fact.other, None)

    def _alerted(self, fact: Recipient.Alerted) -> None:
        self.alerts[fact.alert] = fact

    def _alert_closed(self, fact: Recipient.AlertClosed) -> None:
        self.alerts.pop(fact.alert, None)

    FOLDED: ClassVar[dict[type[Fact], str]] = {
        Grouped: "_grouped",
        Merged: "_merged",
        Unmerged: "_unmerged",
    }
    COUNTED: ClassVar[dict[type[Fact], str]] = {Alerted: "_alerted", AlertClosed: "_alert_closed"}
