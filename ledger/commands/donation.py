"""This file holds the commands about a donation: registered, sampled, tested, grouped, heard of again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from ledger.commands.bag.making import Kind
from ledger.commands.command import (
    Abo,
    BagId,
    Code,
    Command,
    Din,
    Id,
    Pseudonym,
    Purpose,
    RhD,
    Text,
    check_bag,
    check_din,
    check_one_or_several,
)
from ledger.commands.malformed import Malformed
from ledger.domain import Donation
from ledger.store.workspace import Workspace


class OneDonation(Command, kw_only=True):
    """A command about one donation, named by its DIN."""

    din: Din

    def check(self) -> None:
        check_din(self.din)

    def streams(self) -> Iterable[str]:
        return (self.din,)


class SeveralDonations(Command, kw_only=True):
    """A command about one donation (`din`) or several (`dins`); recorded for all of them or for none."""

    din: Din | None = None
    dins: list[Din] = []

    def check(self) -> None:
        check_one_or_several(self.din, self.dins, "din", check_din, _both, _twice)

    def names(self) -> list[str]:
        return [self.din] if self.din is not None else self.dins

    def streams(self) -> Iterable[str]:
        return self.names()


def _both() -> Malformed:
    return Malformed("din_and_dins", "dins", "give either din or dins", "din 与 dins 只能给出其一")


def _twice() -> Malformed:
    return Malformed("din_named_twice", "dins", "a donation is named twice", "同一献血出现两次")


class RegisterDonation(OneDonation, kw_only=True):
    """A donation took place; also one that failed and produced nothing."""

    donor: Pseudonym
    facility: Id
    kind: Kind
    bags: list[BagId] = []
    outcome: Literal["completed", "partial", "failed"] = "completed"
    session: Id | None = None
    purpose: Purpose = "allogeneic"
    intended_for: Pseudonym | None = None

    def check(self) -> None:
        super().check()
        for index, name in enumerate(self.bags):
            check_bag(name, f"bags[{index}]")

    def carry_out(self, ws: Workspace) -> None:
        ws.record(
            ws.donation(self.din),
            Donation.Registered,
            donor=self.donor,
            facility=self.facility,
            kind=self.kind,
            outcome=self.outcome,
            purpose=self.purpose,
            bags=tuple(self.bags),
            session=self.session,
            intended_for=self.intended_for,
        )


class RecordSample(OneDonation, kw_only=True):
    """A sample of the donation was taken."""

    sample: Id

    def carry_out(self, ws: Workspace) -> None:
        ws.record(ws.donation(self.din), Donation.SampleTaken, sample=self.sample)


class RecordTest(SeveralDonations, kw_only=True):
    """A result on a sample of the donation; a reactive or disputed one holds every bag made from it.

    A test run that came to the same for many samples is one command that names their `dins`.
    """

    marker: Code
    result: Literal["nonreactive", "reactive", "acceptable", "unacceptable", "indeterminate"]
    stage: Literal["initial", "repeat", "supplemental", "confirmatory"] = "initial"
    final: bool = True
    assay: Code | None = None
    sample: Id | None = None
    reagent_lot: Id | None = None
    test_run: Id | None = None
    device: Id | None = None

    def carry_out(self, ws: Workspace) -> None:
        for din in self.names():
            ws.record(
                ws.donation(din),
                Donation.Tested,
                marker=self.marker,
                result=self.result,
                stage=self.stage,
                final=self.final,
                assay=self.assay,
                sample=self.sample,
                reagent_lot=self.reagent_lot,
                test_run=self.test_run,
                device=self.device,
            )


class RecordGroup(OneDonation, kw_only=True):
    """The blood group found on a sample of the donation; a disagreement holds every bag made from it."""

    group: Abo
    rhd: RhD
    sample: Id | None = None
    reagent_lot: Id | None = None
    test_run: Id | None = None
    device: Id | None = None

    def carry_out(self, ws: Workspace) -> None:
        ws.record(
            ws.donation(self.din),
            Donation.Grouped,
            group=self.group,
            rhd=self.rhd,
            sample=self.sample,
            reagent_lot=self.reagent_lot,
            test_run=self.test_run,
            device=self.device,
        )


class RecordPostDonationInformation(OneDonation, kw_only=True):
    """Something was learned after the donation; it holds every bag made from it."""

    kind: Code
    details: Text | None = None

    def carry_out(self, ws: Workspace) -> None:
        donation = ws.donation(self.din)
        subject = f"donor:{donation.donors[0]}" if donation.donors else "text"
        ws.record(
            donation,
            Donation.PostDonationInformation,
            kind=self.kind,
            details=ws.sealed(self.details, subject),
        )
