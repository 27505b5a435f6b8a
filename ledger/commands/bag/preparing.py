"""This file holds how bags are made from bags: separated, split, pooled, washed, …, relabelled, in one commit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from ledger.commands.command import (
    BagId,
    Code,
    Command,
    Id,
    Instant,
    Lot,
    Quantity,
    check_bag,
    checked_amount,
    missing,
    utc,
)
from ledger.commands.malformed import Malformed
from ledger.domain import Bag
from ledger.domain import refusals as no
from ledger.domain.process import Held, lost, unaccounted
from ledger.policies.inheritance import inherited
from ledger.store.workspace import Workspace

Process = Literal[
    "separate", "split", "pool", "wash", "irradiate", "thaw", "leukoreduce", "inactivate", "cryo", "freeze",
    "deglycerolise", "redesignate", "relabel",
]  # fmt: skip


def component_for(ws: Workspace, bag: str, given: str | None) -> str | None:
    """The component of a bag: as the command names it, else as the catalogue reads its product code.

    Errors: ProductCodeMismatch when both are known and differ.
    """
    listed = ws.catalogue.component_of(bag[14:22]) if "=" in bag else None
    if listed is not None and given is not None and listed != given and not ws.occasion.reported:
        raise no.ProductCodeMismatch(bag, catalogue=listed, given=given)
    return given or listed


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
