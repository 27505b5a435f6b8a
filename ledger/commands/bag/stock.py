"""This file holds where bags are: stored, moved, counted, lost and found, out of range, sent and arrived."""

from __future__ import annotations

from decimal import Decimal

from ledger.commands.bag.batch import OneBag, SeveralBags, first_heard
from ledger.commands.command import Code, Id, Text, checked_amount, checked_decimal, missing
from ledger.commands.malformed import Malformed
from ledger.domain import Bag, Fact
from ledger.store.workspace import Workspace


class Placed(SeveralBags, kw_only=True):
    """What the commands about a place share."""

    facility: Id | None = None
    place: Id | None = None

    def _record_each(self, ws: Workspace, fact: type[Fact]) -> None:
        for bag in self.each(ws):
            ws.record(bag, fact, facility=self.facility, place=self.place)


class StoreBag(Placed, kw_only=True):
    """Bags were put into a store."""

    def carry_out(self, ws: Workspace) -> None:
        self._record_each(ws, Bag.Stored)


class MoveBag(Placed, kw_only=True):
    """Bags were moved within a facility."""

    def carry_out(self, ws: Workspace) -> None:
        self._record_each(ws, Bag.Moved)


class CountBag(Placed, kw_only=True):
    """Bags were seen at a stock count."""

    stocktake: Id | None = None

    def carry_out(self, ws: Workspace) -> None:
        for bag in self.each(ws):
            ws.record(bag, Bag.Counted, facility=self.facility, place=self.place, stocktake=self.stocktake)


class ReportMissing(Placed, kw_only=True):
    """Bags were not where they should be."""

    def carry_out(self, ws: Workspace) -> None:
        self._record_each(ws, Bag.Missing)


class ReportFound(Placed, kw_only=True):
    """Missing bags were found."""

    def carry_out(self, ws: Workspace) -> None:
        self._record_each(ws, Bag.Found)


class RecordBreach(OneBag, kw_only=True):
    """A bag was out of its temperature range; outside the storage rule it is held.

    Unit: `celsius` (the extreme), or `celsius_min` and `celsius_max`; `minutes` out of range.
    """

    celsius: Decimal | None = None
    celsius_min: Decimal | None = None
    celsius_max: Decimal | None = None
    minutes: Decimal = Decimal(0)
    device: Id | None = None

    def check(self) -> None:
        super().check()
        if self.celsius is None and (self.celsius_min is None or self.celsius_max is None):
            raise missing("celsius")
        for name in ("celsius", "celsius_min", "celsius_max", "minutes"):
            value = getattr(self, name)
            if value is not None:
                check = checked_amount if name == "minutes" else checked_decimal
                setattr(self, name, check(value, name))
        if self.celsius_min is not None and self.celsius_max is not None and self.celsius_min > self.celsius_max:
            raise Malformed(
                "end_before_start", "celsius_max", "the highest is below the lowest", "最高温度低于最低温度"
            )

    def carry_out(self, ws: Workspace) -> None:
        low = self.celsius_min if self.celsius_min is not None else self.celsius
        high = self.celsius_max if self.celsius_max is not None else self.celsius
        assert low is not None and high is not None  # one of the two forms was given: see check
        bag = ws.bag(self.bag)
        ws.record(
            bag,
            Bag.TemperatureBreached,
            celsius_min=low,
            celsius_max=high,
            minutes=self.minutes,
            within_rule=ws.catalogue.in_range(bag.component, low, high, ws.clock_time),
            device=self.device,
        )


class DistributeBag(SeveralBags, kw_only=True):
    """Send bags from a centre to a hospital's blood bank or to another centre."""

    DECISION = True

    to: Id
    sent_from: Id | None = None
    shipment: Id | None = None

    def carry_out(self, ws: Workspace) -> None:
        bags = self.each(ws)
        if self.refusable:
            for bag in bags:
                bag.may_be_distributed(ws.at)
        for bag in bags:
            first_heard(ws, bag, Bag.Distributed.short_name())
            ws.record(
                bag,
                Bag.Distributed,
                to=self.to,
                sent_from=self.sent_from or (bag.facility if self.refusable else None),
                shipment=self.shipment,
            )


class RecordArrival(SeveralBags, kw_only=True):
    """Bags arrived at a facility."""

    at: Id
    place: Id | None = None

    def carry_out(self, ws: Workspace) -> None:
        for bag in self.each(ws):
            first_heard(ws, bag, Bag.Arrived.short_name())
            ws.record(bag, Bag.Arrived, at=self.at, place=self.place)


class RequestDiscard(SeveralBags, kw_only=True):
    """Somebody asks that bags be discarded."""

    reason: Text

    def carry_out(self, ws: Workspace) -> None:
        for bag in self.each(ws):
            ws.record(bag, Bag.DiscardRequested, reason=ws.sealed(self.reason))


class DiscardBag(SeveralBags, kw_only=True):
    """End bags unused; approved by another person than who does it."""

    DECISION = True

    reason: Text
    approved_by: Id

    def carry_out(self, ws: Workspace) -> None:
        bags = self.each(ws)
        if self.refusable:
            for bag in bags:
                bag.may_be_discarded(self.by, self.approved_by)
        for bag in bags:
            first_heard(ws, bag, Bag.Discarded.short_name())
            ws.record(bag, Bag.Discarded, approved_by=self.approved_by, reason=ws.sealed(self.reason))


class DestroyBag(SeveralBags, kw_only=True):
    """Discarded bags were physically destroyed."""

    method: Code | None = None

    def carry_out(self, ws: Workspace) -> None:
        for bag in self.each(ws):
            ws.record(bag, Bag.Destroyed, method=self.method)


class SendForFractionation(SeveralBags, kw_only=True):
    """Plasma left for fractionation."""

    to: Id
    batch: Id | None = None

    def carry_out(self, ws: Workspace) -> None:
        for bag in self.each(ws):
            ws.record(bag, Bag.SentForFractionation, to=self.to, batch=self.batch)


class UseForQualityControl(OneBag, kw_only=True):
    """A bag was used up in quality control."""

    sample: Id | None = None

    def carry_out(self, ws: Workspace) -> None:
        ws.record(ws.bag(self.bag), Bag.UsedForQualityControl, sample=self.sample)
