"""This file holds checks on a bag and its release for use."""

from __future__ import annotations

from typing import Literal

from ledger.commands.bag.batch import OneBag, SeveralBags, first_heard
from ledger.commands.command import Code, Id, Pseudonym, Text
from ledger.domain import Bag, Donation
from ledger.domain import refusals as no
from ledger.domain.values import Ref
from ledger.policies.closure import ancestors, donations_of, same_donor
from ledger.store.workspace import Workspace


class InspectBag(SeveralBags, kw_only=True):
    """Visual inspection; a failed one holds the bag."""

    passed: bool = True
    findings: Text | None = None

    def carry_out(self, ws: Workspace) -> None:
        for bag in self.each(ws):
            ws.record(bag, Bag.Inspected, passed=self.passed, findings=ws.sealed(self.findings))


class VerifyLabel(SeveralBags, kw_only=True):
    """The label was scanned again and compared; a failed check holds the bag."""

    passed: bool = True

    def carry_out(self, ws: Workspace) -> None:
        for bag in self.each(ws):
            ws.record(bag, Bag.LabelVerified, passed=self.passed)


class SampleQuality(OneBag, kw_only=True):
    """A sample for quality control was taken from the bag."""

    sample: Id

    def carry_out(self, ws: Workspace) -> None:
        ws.record(ws.bag(self.bag), Bag.QualitySampled, sample=self.sample)


class RecordQualityTest(OneBag, kw_only=True):
    """A quality test of the component; a positive culture holds the bag."""

    test: Literal["culture", "component_quality"]
    result: Literal["negative", "positive", "pass", "fail"]
    sample: Id | None = None

    def carry_out(self, ws: Workspace) -> None:
        ws.record(ws.bag(self.bag), Bag.QualityTested, test=self.test, result=self.result, sample=self.sample)


class ReleaseBag(SeveralBags, kw_only=True):
    """Release bags for use: all results final and acceptable, checks passed, in date, no hold."""

    DECISION = True

    reason: Text | None = None

    def carry_out(self, ws: Workspace) -> None:
        relied_on = []
        for bag in self.each(ws):
            donations = donations_for_release(ws, bag)
            if self.refusable:
                bag.may_be_released(ws.at)
                must_have_complete_records(ws, bag)
                must_be_acceptable(ws, donations)
            relied_on.append((bag, donations))
        for bag, donations in relied_on:
            first_heard(ws, bag, Bag.Released.short_name())
            ws.record(
                bag,
                Bag.Released,
                basis="full_panel",
                donations=tuple(Ref(donation.id, donation.version) for donation in donations),
                reason=ws.sealed(self.reason),
            )


def donations_for_release(ws: Workspace, bag: Bag) -> list[Donation]:
    """The donations a bag comes from, loaded."""
    dins = donations_of(ws, bag)
    ws.fetch(dins)
    return [ws.donation(din) for din in dins]


def must_have_complete_records(ws: Workspace, bag: Bag) -> None:
    """Every bag it was made from is known.

    Errors: ProcessRecordsIncomplete.
    """
    for each in ancestors(ws, bag).values():
        if not each.known:
            raise no.ProcessRecordsIncomplete(bag.id, parent=each.id)


def must_be_acceptable(ws: Workspace, donations: list[Donation]) -> None:
    """Every donation concluded and acceptable, its group undisputed, its donor not deferred.

    Errors: DonationUnknown, ResultsOpen, DonationNotAcceptable, GroupDisputed, DonorDeferred.
    """
    for donation in donations:
        donation.must_be_registered()
        registered = donation.registered
        assert registered is not None
        panel = ws.panel_of(donation)
        if panel is None:
            raise no.ResultsOpen(donation.id, open=f"no panel for {registered.kind}")
        donation.must_be_acceptable(panel)
        causes = {
            cause
            for donor in donation.donors
            for pseudonym in same_donor(ws, donor)
            for cause in ws.donor(pseudonym).deferred_for(registered.timestamp, ws.at)
        }
        if causes:
            raise no.DonorDeferred(donation.id, causes=", ".join(sorted(causes)))


class EmergencyReleaseBag(SeveralBags, kw_only=True):
    """Release before the results are there: on somebody's authority, for a reason, and flagged until they are."""

    DECISION = True

    authoriser: Id
    reason: Text

    def carry_out(self, ws: Workspace) -> None:
        bags = self.each(ws)
        if self.refusable:
            for bag in bags:
                bag.may_be_released_in_emergency(ws.at)
        for bag in bags:
            first_heard(ws, bag, Bag.Released.short_name())
            ws.record(
                bag,
                Bag.Released,
                basis="emergency",
                authoriser=self.authoriser,
                reason=ws.sealed(self.reason),
            )


class ReleaseAutologousBag(OneBag, kw_only=True):
    """Release an autologous bag for the one recipient it is bound to."""

    DECISION = True

    patient: Pseudonym
    reason: Text | None = None

    def carry_out(self, ws: Workspace) -> None:
        bag = ws.bag(self.bag)
        if self.refusable:
            bag.may_be_released(ws.at, autologous=True)
            bag.must_not_be_bound_to_another(self.patient)
        ws.record(
            bag,
            Bag.Released,
            basis="autologous",
            patient=self.patient,
            reason=ws.sealed(self.reason, f"patient:{self.patient}"),
        )


class RevokeRelease(OneBag, kw_only=True):
    """Take a release back."""

    DECISION = True

    reason: Text

    def carry_out(self, ws: Workspace) -> None:
        bag = ws.bag(self.bag)
        if self.refusable:
            bag.may_have_its_release_revoked()
        ws.record(bag, Bag.ReleaseRevoked, reason=ws.sealed(self.reason))


class RaiseNonconformity(OneBag, kw_only=True):
    """A person saw that something was not as it must be."""

    code: Code
    detail: Id | None = None

    def carry_out(self, ws: Workspace) -> None:
        bag = ws.bag(self.bag)
        name = f"said:{self.code}@{bag.version + 1}"
        ws.record(bag, Bag.NonconformityRaised, nonconformity=name, code=self.code, detail=self.detail)


class WithdrawNonconformity(OneBag, kw_only=True):
    """A person settled a nonconformity of the bag."""

    nonconformity: Id
    reason: Text

    def carry_out(self, ws: Workspace) -> None:
        ws.record(
            ws.bag(self.bag),
            Bag.NonconformityWithdrawn,
            nonconformity=self.nonconformity,
            why="settled",
            reason=ws.sealed(self.reason),
        )
