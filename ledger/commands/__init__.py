"""This file holds the list of all commands: what can be said to the ledger."""

from typing import Any

from ledger.commands.bag import bedside, making, preparing, quality, stock
from ledger.commands.command import Command
from ledger.commands.correction import Amend, Annul
from ledger.commands.donation import (
    RecordGroup,
    RecordPostDonationInformation,
    RecordSample,
    RecordTest,
    RegisterDonation,
)
from ledger.commands.donor import (
    AssessDonor,
    DeferDonor,
    LiftDeferral,
    MergeDonors,
    RecordSelfExclusion,
    RegisterDonor,
    UnmergeDonors,
)
from ledger.commands.hold import LiftHold, PlaceHold
from ledger.commands.recipient import (
    MergeRecipients,
    RecordRecipientGroup,
    RecordRecipientSample,
    UnmergeRecipients,
)

_ALL: tuple[type[Command], ...] = (
    making.CollectBag, making.LabelBag, preparing.PrepareBags, making.ReceiveBag, making.ModifyBag,
    RegisterDonation, RecordSample, RecordTest, RecordGroup, RecordPostDonationInformation,
    quality.InspectBag, quality.VerifyLabel, quality.SampleQuality, quality.RecordQualityTest,
    quality.ReleaseBag, quality.EmergencyReleaseBag, quality.ReleaseAutologousBag, quality.RevokeRelease,
    quality.RaiseNonconformity, quality.WithdrawNonconformity,
    PlaceHold, LiftHold,
    stock.StoreBag, stock.MoveBag, stock.CountBag, stock.ReportMissing, stock.ReportFound, stock.RecordBreach,
    stock.DistributeBag, stock.RecordArrival, stock.RequestDiscard, stock.DiscardBag, stock.DestroyBag,
    stock.SendForFractionation, stock.UseForQualityControl,
    bedside.ReserveBag, bedside.CancelReservation, bedside.CrossmatchBag, bedside.IssueBag, bedside.ReturnBag,
    bedside.RecordTransfusion, bedside.RecordReaction, bedside.CloseNotice,
    RegisterDonor, AssessDonor, DeferDonor, LiftDeferral, RecordSelfExclusion, MergeDonors, UnmergeDonors,
    RecordRecipientSample, RecordRecipientGroup, MergeRecipients, UnmergeRecipients,
    Amend, Annul,
)  # fmt: skip

COMMANDS: dict[str, type[Command]] = {command.__name__: command for command in _ALL}
"""Every command by its name."""

AnyCommand: Any = None
"""Set below: the union of all commands, told apart by their `command` field."""

for _command in _ALL:
    AnyCommand = _command if AnyCommand is None else AnyCommand | _command

__all__ = ["COMMANDS", "AnyCommand", "Command"]
