"""This file holds how a bag comes to be: collected, labelled or received; and how it is modified in place."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Literal

from msgspec import field

from ledger.commands.bag.batch import OneBag
from ledger.commands.command import (
    Abo,
    BagId,
    Code,
    Id,
    Instant,
    Lot,
    Pseudonym,
    Purpose,
    Quantity,
    RhD,
    check_bag,
    check_order,
    checked_amount,
    missing,
    utc,
)
from ledger.commands.malformed import Malformed
from ledger.domain import Bag, Donation
from ledger.policies.inheritance import from_container, modified_expiry
from ledger.store.workspace import Workspace

Kind = Literal["whole_blood", "apheresis_platelets", "apheresis_plasma", "apheresis_granulocytes"]
COLLECTED_AS = {"apheresis_granulocytes": "granulocytes"}
"""What a kind of donation gives, where it is not called the same."""


class CollectBag(OneBag, kw_only=True):
    """Blood was taken from a donor into a bag. Registers the donation when it is not."""

    donor: Pseudonym
    facility: Id
    kind: Kind
    quantity: Quantity
    component: Code | None = None
    volume_ml: Decimal | None = None
    group: Abo | None = None
    rhd: RhD | None = None
    purpose: Purpose = "allogeneic"
    intended_for: Pseudonym | None = None
    session: Id | None = None
    anticoagulant: Code | None = None
    lots: list[Lot] = []
    devices: list[Id] = []
    started_at: Instant | None = None
    ended_at: Instant | None = None
    collector: Id | None = None
    expires_at: Instant | None = None

    def check(self) -> None:
        super().check()
        self.quantity.check("quantity")
        if self.volume_ml is not None:
            self.volume_ml = checked_amount(self.volume_ml, "volume_ml")
        if self.purpose != "allogeneic" and self.intended_for is None:
            raise missing("intended_for")
        check_order(self.started_at, self.ended_at, "ended_at")

    def streams(self) -> Iterable[str]:
        return (self.bag, self.bag[:13], f"donor:{self.donor}")

    def carry_out(self, ws: Workspace) -> None:
        bag = ws.bag(self.bag)
        component = self.component or COLLECTED_AS.get(self.kind, self.kind)
        began = utc(self.ended_at or self.started_at) or ws.at
        expiry = ws.catalogue.expiry(component, "collect", ws.clock_time, began, solution=self.anticoagulant)
        ws.record(
            bag,
            Bag.Collected,
            donation=bag.din,
            donor=self.donor,
            facility=self.facility,
            kind=self.kind,
            component=component,
            quantity=self.quantity.value(),
            purpose=self.purpose,
            volume_ml=self.volume_ml,
            group=self.group,
            rhd=self.rhd,
            intended_for=self.intended_for,
            session=self.session,
            anticoagulant=self.anticoagulant,
            lots=tuple(lot.value() for lot in self.lots),
            devices=tuple(self.devices),
            started_at=utc(self.started_at),
            ended_at=utc(self.ended_at),
            collector=self.collector,
            rule_expires_at=expiry.at,
            expiry_rule=expiry.rule,
            label_expires_at=utc(self.expires_at),
        )
        self._register(ws, ws.donation(bag.din))

    def _register(self, ws: Workspace, donation: Donation) -> None:
        """The same number for another donor, kind or facility is registered too: that is the conflict."""
        claimed = {(each.donor, each.facility, each.kind) for each in donation.registrations}
        if (self.donor, self.facility, self.kind) in claimed:
            return
        ws.record(
            donation,
            Donation.Registered,
            donor=self.donor,
            facility=self.facility,
            kind=self.kind,
            outcome="completed",
            purpose=self.purpose,
            bags=(self.bag,),
            session=self.session,
            intended_for=self.intended_for,
        )


class LabelBag(OneBag, kw_only=True):
    """A label was put on: on a container, which becomes this bag, or on the bag itself."""

    container: BagId | None = None
    component: Code | None = None
    quantity: Quantity | None = None
    group: Abo | None = None
    rhd: RhD | None = None
    facility: Id | None = None
    expires_at: Instant | None = None

    def check(self) -> None:
        super().check()
        if self.quantity is not None:
            self.quantity.check("quantity")
        if "#" in self.bag:
            raise Malformed(
                "label_needs_product",
                "bag",
                "a labelled bag is named DIN=PRODUCT",
                "贴签后的血袋应为 DIN=产品码",
            )
        if self.container is not None:
            check_bag(self.container, "container")
            if self.container == self.bag:
                raise Malformed("bag_named_twice", "container", "it is the bag itself", "容器与血袋相同")

    def streams(self) -> Iterable[str]:
        return (self.bag, self.container) if self.container else (self.bag,)

    def carry_out(self, ws: Workspace) -> None:
        bag = ws.bag(self.bag)
        container = ws.bag(self.container) if self.container is not None else None
        process_id = ws.occasion.request_sha256.hex()[:24] if container is not None else None
        if container is not None:
            ws.record(container, Bag.Consumed, process="label", process_id=process_id, children=(self.bag,))
        source = container or bag
        ws.record(
            bag,
            Bag.Labelled,
            container=self.container,
            process_id=process_id,
            component=self.component or ws.catalogue.component_of(self.bag[14:22]) or source.component,
            quantity=self.quantity.value() if self.quantity is not None else source.quantity,
            group=self.group or source.declared_group[0],
            rhd=self.rhd or source.declared_group[1],
            facility=self.facility or source.made_at,
            label_expires_at=utc(self.expires_at) or source.expiry.label_at,
            **from_container(source)._asdict(),
        )


class ReceiveBag(OneBag, kw_only=True):
    """A bag came from outside this ledger; it relies on the sender's named release."""

    sent_from: Id = field(name="from")
    facility: Id | None = None
    sender_bag: Id | None = None
    released_by: Id | None = None
    released_at: Instant | None = None
    collected_at: Instant | None = None
    component: Code | None = None
    quantity: Quantity | None = None
    volume_ml: Decimal | None = None
    group: Abo | None = None
    rhd: RhD | None = None
    purpose: Purpose = "allogeneic"
    intended_for: Pseudonym | None = None
    expires_at: Instant | None = None

    def check(self) -> None:
        super().check()
        if self.quantity is not None:
            self.quantity.check("quantity")
        if self.volume_ml is not None:
            self.volume_ml = checked_amount(self.volume_ml, "volume_ml")

    def carry_out(self, ws: Workspace) -> None:
        component = self.component or ws.catalogue.component_of(self.bag[14:22])
        expiry = ws.catalogue.expiry(component, "receive", ws.clock_time, utc(self.collected_at))
        ws.record(
            ws.bag(self.bag),
            Bag.Received,
            sent_from=self.sent_from,
            facility=self.facility,
            sender_bag=self.sender_bag,
            released_by=self.released_by,
            released_at=utc(self.released_at),
            collected_at=utc(self.collected_at),
            component=component,
            quantity=self.quantity.value() if self.quantity is not None else None,
            volume_ml=self.volume_ml,
            group=self.group,
            rhd=self.rhd,
            purpose=self.purpose,
            intended_for=self.intended_for,
            rule_expires_at=expiry.at,
            expiry_rule=expiry.rule,
            label_expires_at=utc(self.expires_at),
        )


class ModifyBag(OneBag, kw_only=True):
    """Modify a bag without a new label: thaw or warm it on the ward. A second, shorter expiry runs."""

    DECISION = True

    method: Literal["thaw", "warm", "open"]
    component: Code | None = None
    expires_at: Instant | None = None

    def carry_out(self, ws: Workspace) -> None:
        bag = ws.bag(self.bag)
        if self.refusable:
            bag.may_be_modified(ws.at)
        expiry = modified_expiry(ws, bag, self.method, ws.clock_time, self.component)
        ws.record(
            bag,
            Bag.Modified,
            method=self.method,
            rule_expires_at=expiry.at,
            expiry_rule=expiry.rule,
            label_expires_at=utc(self.expires_at),
        )
