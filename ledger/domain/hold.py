"""This file holds the hold: a reason why everything in a scope may not be used, standing until it is lifted."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from ledger.domain import refusals as no
from ledger.domain.aggregate import Correction, Fact, LedgerAggregate
from ledger.domain.values import FieldValue, Sealed

SCOPES = (
    "bag",
    "donation",
    "donor",
    "process_run",
    "test_run",
    "container_lot",
    "filter_lot",
    "additive_lot",
    "reagent_lot",
    "device",
    "operator",
)


NOT_PLACED = 0
"""Placed version of a lifting that was reported before the placing it lifts."""


def hold_stream(kind: str, scope_id: str) -> str:
    """The stream of all holds on one scope."""
    return f"hold:{kind}:{scope_id}"


class Hold(LedgerAggregate):
    """All holds placed on one scope, counted: each placing is lifted on its own. Stream: `hold:KIND:ID`."""

    NOUN = "hold"

    # -- facts ------------------------------------------------------------------------------------

    class Placed(Fact):
        """A hold on everything in a scope, now and later."""

        TOPIC = "hold.placed.v1"

        cause: str
        scope_kind: str
        scope_id: str
        from_at: datetime | None = None
        until_at: datetime | None = None
        reason: Sealed | None = None

    class Lifted(Fact):
        """One placing of the hold no longer stands."""

        TOPIC = "hold.lifted.v1"
        DECISION = True

        placed_version: int
        cause: str
        why: str
        reason: Sealed | None = None

    class Amended(Correction):
        """Corrects fields of an earlier fact of this stream; may itself be amended or annulled."""

        TOPIC = "hold.amended.v1"
        DECISION = True

        target_version: int | None = None
        target_fact: str | None = None
        match: tuple[FieldValue, ...] = ()
        changes: tuple[FieldValue, ...] = ()
        reason: Sealed | None = None

    class Annulled(Correction):
        """Takes an earlier fact of this stream back, as entered in error; may itself be annulled."""

        TOPIC = "hold.annulled.v1"
        DECISION = True

        target_version: int | None = None
        target_fact: str | None = None
        match: tuple[FieldValue, ...] = ()
        reason: Sealed | None = None

    # -- decisions --------------------------------------------------------------------------------

    def to_lift(self, cause: str, until: datetime | None = None) -> int:
        """The version of the oldest open placing with this cause; `until`: of those that had happened by then.

        Errors: HoldNotOpen.
        """
        for version, placed in self.placings.items():
            if placed.cause == cause and (until is None or placed.timestamp <= until):
                return version
        causes = ", ".join(sorted({placed.cause for placed in self.placings.values()})) or "-"
        raise no.HoldNotOpen(self.id, cause=cause, open=causes)

    # -- consequences -----------------------------------------------------------------------------

    def reset(self) -> None:
        self.placings: dict[int, Hold.Placed] = {}
        self.lifted: dict[int, Hold.Lifted] = {}
        self.lifted_early: list[Hold.Lifted] = []

    def _placed(self, fact: Hold.Placed) -> None:
        for lifted in self.lifted_early:
            if lifted.cause == fact.cause and lifted.timestamp >= fact.timestamp:
                self.lifted_early.remove(lifted)
                self.lifted[fact.originator_version] = lifted
                return
        self.placings[fact.originator_version] = fact

    def _lifted(self, fact: Hold.Lifted) -> None:
        if fact.placed_version == NOT_PLACED:
            self.lifted_early.append(fact)
            return
        self.lifted[fact.placed_version] = fact
        self.placings.pop(fact.placed_version, None)

    COUNTED: ClassVar[dict[type[Fact], str]] = {Placed: "_placed", Lifted: "_lifted"}

    # -- what it comes to -------------------------------------------------------------------------

    def open_for(self, at: datetime | None) -> list[Hold.Placed]:
        """The open placings whose time window covers a use at that instant (None: no time is known)."""
        return [
            placed
            for placed in self.placings.values()
            if at is None
            or ((placed.from_at is None or placed.from_at <= at) and (placed.until_at is None or at <= placed.until_at))
        ]
