"""This file holds how a bag comes to be: collected, prepared from others, labelled, received, or modified."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC
from decimal import Decimal
from typing import Literal

from msgspec import Struct, field

from ledger.commands.bag.batch import OneBag
from ledger.commands.command import (
    Abo,
    BagId,
    Code,
    Command,
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
)
from ledger.commands.malformed import Malformed
from ledger.domain import Bag, Donation
from ledger.domain import refusals as no
from ledger.domain.process import Held, lost, unaccounted
from ledger.policies.closure import donations_of
from ledger.policies.inheritance import from_container, inherited, modified_expiry
from ledger.store.workspace import Workspace

Kind = Literal["whole_blood", "apheresis_platelets", "apheresis_plasma", "apheresis_granulocytes"]
Process = Literal[
    "separate", "split", "pool", "wash", "irradiate", "thaw", "leukoreduce", "inactivate", "cryo", "freeze",
    "deglycerolise", "redesignate", "relabel",
]  # fmt: skip

COLLECTED_AS = {"apheresis_granulocytes": "granulocytes"}
"""What a kind of donation gives, where it is not called the same."""


def utc(at: Instant | None) -> Instant | None:
    """The same instant in UTC."""
    return at.astimezone(UTC) if at is not None else None


def component_for(ws: Workspace, bag: str, given: str | None) -> str | None:
    """The component of a bag: as the command names it, else as the catalogue reads its product code.

    Errors: ProductCodeMismatch when both are known and differ.
    """
    listed = ws.catalogue.component_of(bag[14:22]) if "=" in bag else None
    if listed is not None and given is not None and listed != given and not ws.occasion.reported:
        raise no.ProductCodeMismatch(bag, catalogue=listed, given=given)
    return given or listed


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
        return (self.bag, self.bag[:13])

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


class Output(Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A bag that a process makes."""

    bag: BagId
    quantity: Quantity
    component: Code | None = None
    volume_ml: Decimal | None = None
    expires_at: Instant | None = None


class PrepareBags(Command, kw_only=True):
    """Make bags from bags: one commit over all of them; the inputs are used up."""

    DECISION = True

    process: Process
    inputs: list[BagId]
    outputs: list[Output]
    process_run: Id | None = None
    facility: Id | None = None
    solution: Code | None = None
    additive_ml: Decimal | None = None
    lots: list[Lot] = []
    devices: list[Id] = []
    operator: Id | None = None

    def check(self) -> None:
        if not self.inputs:
            raise missing("inputs")
        if not self.outputs:
            raise missing("outputs")
        for index, name in enumerate(self.inputs):
            check_bag(name, f"inputs[{index}]")
        for index, output in enumerate(self.outputs):
            check_bag(output.bag, f"outputs[{index}].bag")
            output.quantity.check(f"outputs[{index}].quantity")
            if output.volume_ml is not None:
                output.volume_ml = checked_amount(output.volume_ml, f"outputs[{index}].volume_ml")
        if self.additive_ml is not None:
            self.additive_ml = checked_amount(self.additive_ml, "additive_ml")
        names = [*self.inputs, *(output.bag for output in self.outputs)]
        for index, name in enumerate(names):
            if name in names[:index]:
                where = f"outputs[{index - len(self.inputs)}].bag" if index >= len(self.inputs) else f"inputs[{index}]"
                raise Malformed(
                    "bag_named_twice", where, f"bag {name} is named twice", f"血袋 {name} 出现两次",
                    "Name each input and output once; what remains of a bag is an output with a label of its own.",
                    "每个投入和产出只能出现一次；剩余部分须作为另有标签的产出。",
                )  # fmt: skip

    def streams(self) -> Iterable[str]:
        return [*self.inputs, *(output.bag for output in self.outputs)]

    def carry_out(self, ws: Workspace) -> None:
        parents = ws.bags(self.inputs)
        children = ws.bags([output.bag for output in self.outputs])
        components = [self._component(ws, output, parents) for output in self.outputs]
        if self.refusable:
            self._decide(ws, parents, children, components)
        process_id = ws.occasion.request_sha256.hex()[:24]
        self._use_up(ws, parents, process_id, components)
        for output, child, component in zip(self.outputs, children, components, strict=True):
            self._make(ws, output, child, component, parents, process_id)

    def _component(self, ws: Workspace, output: Output, parents: Sequence[Bag]) -> str:
        """As named, as listed, or as the inputs when the process changes nothing of the kind."""
        named = component_for(ws, output.bag, output.component)
        if named is not None:
            return named
        kinds = {parent.component for parent in parents}
        if self.process in ("split", "relabel", "pool") and len(kinds) == 1 and (kind := kinds.pop()):
            return kind
        raise missing("outputs.component")

    def _decide(
        self, ws: Workspace, parents: Sequence[Bag], children: Sequence[Bag], components: Sequence[str]
    ) -> None:
        if self.process == "pool" and len(parents) < 2:
            raise no.PoolNeedsMembers("inputs", count=len(parents))
        for parent in parents:
            parent.may_be_processed(self.process, ws.at)
        for child in children:
            child.may_be_made()
        rule = ws.catalogue.process(self.process, ws.clock_time)
        per_unit = rule.ml_per_unit if rule is not None else None
        made = self._made(components)
        problem = unaccounted(self.process, _held(parents), made, per_unit or Decimal(0), self._additive)
        if problem is not None:
            raise no.OutputsAboveInputs("outputs", process=self.process, out=problem.out, into=problem.into)

    @property
    def _additive(self) -> Decimal | None:
        """Volume of additive put in; None when a solution is named and its volume is not."""
        return self.additive_ml if self.additive_ml is not None or self.solution is not None else Decimal(0)

    def _made(self, components: Sequence[str]) -> list[Held]:
        return [
            (component, output.quantity.value(), output.volume_ml)
            for output, component in zip(self.outputs, components, strict=True)
        ]

    def _use_up(self, ws: Workspace, parents: Sequence[Bag], process_id: str, components: Sequence[str]) -> None:
        quantities = _held(parents)
        missing_one = len(quantities) < len(parents)
        left = None if missing_one else lost(self.process, quantities, self._made(components))
        for index, parent in enumerate(parents):
            ws.record(
                parent,
                Bag.Consumed,
                process=self.process,
                process_id=process_id,
                process_run=self.process_run,
                children=tuple(output.bag for output in self.outputs),
                lost=left if index == 0 else None,
            )

    def _make(
        self,
        ws: Workspace,
        output: Output,
        child: Bag,
        component: str,
        parents: Sequence[Bag],
        process_id: str,
    ) -> None:
        handed_down = inherited(ws, self.process, component, parents, ws.clock_time, self.solution)
        ws.record(
            child,
            Bag.Prepared,
            process=self.process,
            process_id=process_id,
            process_run=self.process_run,
            parents=tuple(self.inputs),
            component=component,
            quantity=output.quantity.value(),
            volume_ml=output.volume_ml,
            facility=self.facility or (parents[0].facility if self.refusable else parents[0].made_at),
            lots=tuple(lot.value() for lot in self.lots),
            devices=tuple(self.devices),
            operator=self.operator,
            solution=self.solution,
            additive_ml=self.additive_ml,
            label_expires_at=utc(output.expires_at),
            **handed_down._asdict(),
        )


def _held(parents: Sequence[Bag]) -> list[Held]:
    return [(bag.component, bag.quantity, bag.volume_ml) for bag in parents if bag.quantity is not None]


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


def donations_for_release(ws: Workspace, bag: Bag) -> list[Donation]:
    """The donations a bag comes from, loaded."""
    dins = donations_of(ws, bag)
    ws.fetch(dins)
    return [ws.donation(din) for din in dins]
