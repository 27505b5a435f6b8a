"""This file holds the commands about a donor, by pseudonym."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from ledger.commands.command import Code, Command, Din, Id, Instant, Pseudonym, Text, check_din, utc
from ledger.commands.malformed import Malformed
from ledger.domain import Donor
from ledger.store.workspace import Workspace


class OneDonor(Command, kw_only=True):
    """A command about one donor."""

    donor: Pseudonym

    def streams(self) -> Iterable[str]:
        return (f"donor:{self.donor}",)


class RegisterDonor(OneDonor, kw_only=True):
    """A donor became known; who it is stays under the donor's own key."""

    facility: Id | None = None
    identity: Text | None = None

    def carry_out(self, ws: Workspace) -> None:
        donor = ws.donor(self.donor)
        ws.record(donor, Donor.Registered, facility=self.facility, identity=ws.sealed(self.identity, donor.id))


class AssessDonor(OneDonor, kw_only=True):
    """A donor's suitability was assessed."""

    outcome: Literal["eligible", "not_eligible"]
    facility: Id | None = None
    notes: Text | None = None

    def carry_out(self, ws: Workspace) -> None:
        donor = ws.donor(self.donor)
        ws.record(
            donor,
            Donor.Assessed,
            outcome=self.outcome,
            facility=self.facility,
            notes=ws.sealed(self.notes, donor.id),
        )


class DeferDonor(OneDonor, kw_only=True):
    """A donor may not give; bags of the donations it reaches are not released."""

    cause: Code
    until: Instant | None = None
    reaches_back_to: Instant | None = None
    reason: Text | None = None

    def carry_out(self, ws: Workspace) -> None:
        donor = ws.donor(self.donor)
        ws.record(
            donor,
            Donor.Deferred,
            cause=self.cause,
            until_at=utc(self.until),
            reaches_back_to=utc(self.reaches_back_to),
            reason=ws.sealed(self.reason, donor.id),
        )


class LiftDeferral(OneDonor, kw_only=True):
    """A deferral no longer stands."""

    cause: Code
    reason: Text | None = None

    def carry_out(self, ws: Workspace) -> None:
        donor = ws.donor(self.donor)
        ws.record(donor, Donor.DeferralLifted, cause=self.cause, reason=ws.sealed(self.reason, donor.id))


class RecordSelfExclusion(OneDonor, kw_only=True):
    """The donor asked that the blood of one donation, or of all, not be used; its bags are held."""

    din: Din | None = None

    def check(self) -> None:
        if self.din is not None:
            check_din(self.din)

    def carry_out(self, ws: Workspace) -> None:
        ws.record(ws.donor(self.donor), Donor.SelfExcluded, donation=self.din)


class TwoDonors(OneDonor, kw_only=True):
    """A command about two pseudonyms."""

    other: Pseudonym

    def check(self) -> None:
        if self.other == self.donor:
            raise Malformed("same_pseudonym", "other", "both pseudonyms are the same", "两个化名相同")

    def streams(self) -> Iterable[str]:
        return (f"donor:{self.donor}", f"donor:{self.other}")


class MergeDonors(TwoDonors, kw_only=True):
    """Two pseudonyms are one person; holds and deferrals of either reach the donations of both."""

    def carry_out(self, ws: Workspace) -> None:
        process_id = ws.occasion.request_sha256.hex()[:24]
        ws.record(ws.donor(self.donor), Donor.Merged, other=self.other, process_id=process_id)
        ws.record(ws.donor(self.other), Donor.Merged, other=self.donor, process_id=process_id)


class UnmergeDonors(TwoDonors, kw_only=True):
    """Two pseudonyms are not one person after all."""

    def carry_out(self, ws: Workspace) -> None:
        process_id = ws.occasion.request_sha256.hex()[:24]
        ws.removing = True
        ws.record(ws.donor(self.donor), Donor.Unmerged, other=self.other, process_id=process_id)
        ws.record(ws.donor(self.other), Donor.Unmerged, other=self.donor, process_id=process_id)
