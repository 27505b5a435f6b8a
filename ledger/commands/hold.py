"""This file holds the commands that place and lift holds by scope."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct, field

from ledger.commands.command import Code, Command, Id, Instant, Text, check_bag, check_din, check_order, utc
from ledger.domain import Bag, Hold
from ledger.domain import refusals as no
from ledger.domain.hold import NOT_PLACED, hold_stream
from ledger.store.workspace import Workspace

ScopeKind = Literal[
    "bag", "donation", "donor", "process_run", "test_run", "container_lot", "filter_lot", "additive_lot",
    "reagent_lot", "device", "operator",
]  # fmt: skip


class Scope(Struct, kw_only=True, forbid_unknown_fields=True):
    """What a hold covers: {"kind": "container_lot", "id": "L-2026-17"}."""

    kind: ScopeKind
    id: Id


class OnScope(Command, kw_only=True):
    """A command about the holds on one scope."""

    cause: Code
    scope: Scope
    reason: Text

    def check(self) -> None:
        if self.scope.kind == "bag":
            check_bag(self.scope.id, "scope.id")
        if self.scope.kind == "donation":
            check_din(self.scope.id, "scope.id")

    def streams(self) -> Iterable[str]:
        return (self.scope.id if self.scope.kind == "bag" else hold_stream(self.scope.kind, self.scope.id),)


class PlaceHold(OnScope, kw_only=True):
    """Hold everything in a scope, what exists and what will be made or heard of; used bags included."""

    from_at: Instant | None = field(name="from", default=None)
    until: Instant | None = None

    def check(self) -> None:
        super().check()
        check_order(self.from_at, self.until, "until")

    def carry_out(self, ws: Workspace) -> None:
        reason = ws.sealed(self.reason)
        if self.scope.kind == "bag":
            bag = ws.bag(self.scope.id)
            ws.record(
                bag,
                Bag.Held,
                hold=f"{bag.id}@{bag.version + 1}",
                cause=self.cause,
                scope_kind="bag",
                scope_id=bag.id,
                placed_at=ws.at,
                reason=reason,
            )
            return
        ws.record(
            ws.hold(self.scope.kind, self.scope.id),
            Hold.Placed,
            cause=self.cause,
            scope_kind=self.scope.kind,
            scope_id=self.scope.id,
            from_at=utc(self.from_at),
            until_at=utc(self.until),
            reason=reason,
        )


class LiftHold(OnScope, kw_only=True):
    """Lift the oldest open hold with this cause on this scope; others on the same bags stay."""

    DECISION = True

    def carry_out(self, ws: Workspace) -> None:
        if self.scope.kind == "bag":
            self._lift_on_bag(ws, ws.bag(self.scope.id))
            return
        hold = ws.hold(self.scope.kind, self.scope.id)
        try:
            version = hold.to_lift(self.cause, None if self.refusable else ws.at)
        except no.HoldNotOpen:
            if self.refusable:
                raise
            version = NOT_PLACED
        ws.removing = True
        ws.record(
            hold,
            Hold.Lifted,
            placed_version=version,
            cause=self.cause,
            why="lifted",
            reason=ws.sealed(self.reason),
        )

    def _lift_on_bag(self, ws: Workspace, bag: Bag) -> None:
        own = [bag.holds[name] for name in bag.holds if name in bag.open_holds and name.startswith(f"{bag.id}@")]
        by_then = [each for each in own if self.refusable or each.placed_at <= ws.at]
        hold = next((each for each in by_then if each.cause == self.cause), None)
        if hold is None and self.refusable:
            open_causes = ", ".join(sorted({each.cause for each in own})) or "-"
            raise no.HoldNotOpen(bag.id, cause=self.cause, open=open_causes)
        ws.removing = True
        ws.record(
            bag,
            Bag.HoldLifted,
            hold=hold.id if hold is not None else f"{bag.id}@{NOT_PLACED}",
            cause=self.cause,
            scope_kind="bag",
            scope_id=bag.id,
            why="lifted",
            reason=ws.sealed(self.reason),
        )
