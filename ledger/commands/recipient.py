"""This file holds the commands about a recipient, by pseudonym."""

from __future__ import annotations

from collections.abc import Iterable

from ledger.commands.command import Abo, Command, Id, Pseudonym, RhD
from ledger.commands.malformed import Malformed
from ledger.domain import Recipient
from ledger.store.workspace import Workspace


class OneRecipient(Command, kw_only=True):
    """A command about one recipient."""

    patient: Pseudonym

    def streams(self) -> Iterable[str]:
        return (f"patient:{self.patient}",)


class RecordRecipientSample(OneRecipient, kw_only=True):
    """A sample of the recipient was taken."""

    sample: Id
    hospital: Id | None = None

    def carry_out(self, ws: Workspace) -> None:
        ws.record(ws.recipient(self.patient), Recipient.SampleTaken, sample=self.sample, hospital=self.hospital)


class RecordRecipientGroup(OneRecipient, kw_only=True):
    """The blood group found on a sample of the recipient."""

    group: Abo
    rhd: RhD
    sample: Id | None = None

    def carry_out(self, ws: Workspace) -> None:
        ws.record(ws.recipient(self.patient), Recipient.Grouped, group=self.group, rhd=self.rhd, sample=self.sample)


class TwoRecipients(OneRecipient, kw_only=True):
    """A command about two pseudonyms."""

    other: Pseudonym

    def check(self) -> None:
        if self.other == self.patient:
            raise Malformed("same_pseudonym", "other", "both pseudonyms are the same", "两个化名相同")

    def streams(self) -> Iterable[str]:
        return (f"patient:{self.patient}", f"patient:{self.other}")


class MergeRecipients(TwoRecipients, kw_only=True):
    """Two pseudonyms are one patient."""

    def carry_out(self, ws: Workspace) -> None:
        process_id = ws.occasion.request_sha256.hex()[:24]
        ws.record(ws.recipient(self.patient), Recipient.Merged, other=self.other, process_id=process_id)
        ws.record(ws.recipient(self.other), Recipient.Merged, other=self.patient, process_id=process_id)


class UnmergeRecipients(TwoRecipients, kw_only=True):
    """Two pseudonyms are not one patient after all."""

    def carry_out(self, ws: Workspace) -> None:
        process_id = ws.occasion.request_sha256.hex()[:24]
        ws.record(ws.recipient(self.patient), Recipient.Unmerged, other=self.other, process_id=process_id)
        ws.record(ws.recipient(self.other), Recipient.Unmerged, other=self.patient, process_id=process_id)
