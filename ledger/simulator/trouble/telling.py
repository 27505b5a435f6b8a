"""This file holds how a story is told: by chance, step by step, each command at a minute of its own."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from random import Random  # noqa: TID251 - seeded: the same story every time
from typing import Any

from ledger.simulator.trouble.speech import Command

LOCAL = timezone(timedelta(hours=8))
FIRST = datetime(2026, 3, 1, 8, tzinfo=LOCAL)
DAY = 1440
"""Unit: minutes."""
DAYS = 24
"""How long bags are collected and made in a story unless it is told to be longer or shorter."""
DONORS = [f"d{n}" for n in range(5)]
PATIENTS = [f"p{n}" for n in range(4)]
CENTRES, HOSPITALS = ["C1", "C2"], ["H1", "H2"]
LOTS = [("container", "CL1"), ("container", "CL2"), ("filter", "FL1"), ("additive", "AL1")]
REAGENTS, DEVICES, OPERATORS, RUNS = ["RL1", "RL2"], ["dev1", "dev2"], ["op1", "op2"], ["run1", "run2", "run3"]
TEST_RUNS = ["nat1", "nat2"]
RED, PLASMA = "leukoreduced_suspended_red_cells", "fresh_frozen_plasma"
MAY_BE_REFUSED = {
    "ReleaseBag", "EmergencyReleaseBag", "ReleaseAutologousBag", "RevokeRelease", "LiftHold", "ReserveBag",
    "CancelReservation", "DistributeBag", "IssueBag", "DiscardBag", "ModifyBag", "PrepareBags", "Amend", "Annul",
}  # fmt: skip
"""Decisions; reports of them are not refused."""
TOLD_LATE = MAY_BE_REFUSED - {"PrepareBags", "Amend", "Annul"}
"""Decisions of which the ledger may hear as a report."""


def instant(minute: float) -> datetime:
    """A minute of a story."""
    return FIRST + timedelta(minutes=minute)


@dataclass(eq=False)
class Step:
    """One command of a story. `arrives`: when it is said, in minutes, as `minute` is when it happened.

    `corrects`: of a correction, the step and stream it means, and the fact as facts are named there. `lifts`: of a
    lifting, the step that placed the hold. `repeats`: the step whose request it sends again. `along_with`: the step in
    whose commit it is decided. `frozen`: nothing may correct it. `outcome`: what becomes of it where no ledger may
    decide. `faults`: what is wrong with it, by kind.
    """

    minute: int
    command: Command
    arrives: float
    corrects: tuple["Step", str, str] | None = None
    lifts: "Step | None" = None
    repeats: "Step | None" = None
    along_with: "Step | None" = None
    frozen: bool = False
    outcome: str | None = None
    faults: list[str] = field(default_factory=list)

    def is_at_fault(self, kind: str) -> "Step":
        """Count it as a fault of that kind."""
        self.faults.append(kind)
        return self


class Telling:
    """What every part of a story tells with. `span`: minutes in which bags are collected and made."""

    def __init__(self, seed: int, days: int = DAYS) -> None:
        self.random = Random(seed)
        self.span = days * DAY
        self.steps: list[Step] = []
        self._minutes: set[int] = set()
        self.bound_to: dict[str, str] = {}
        """For whom a donation is meant, if for one patient."""
        # A withdrawn collection goes on counting as its donor's history on the write side: not both in one story.
        self.peaceful = self.chance(0.5)

    # -- chance -----------------------------------------------------------------------------------

    def pick(self, choices: Sequence[Any]) -> Any:
        """Any of these."""
        return self.random.choice(choices)

    def chance(self, share: float) -> bool:
        """Whether something happens that happens so often."""
        return self.random.random() < share

    def some(self, share: float, **fields: Any) -> dict[str, Any]:
        """These fields, sometimes."""
        return fields if self.chance(share) else {}

    def later(self, minute: int, low: int, high: int) -> int:
        """Some minutes later."""
        return minute + self.random.randint(low, high)

    def any_minute(self) -> int:
        """Any minute of the story."""
        return self.random.randint(0, self.span)

    # -- saying -----------------------------------------------------------------------------------

    def say(self, minute: int, name: str, late: float = 0.12, /, **said: Any) -> Step:
        """Tell of something at a minute of its own; late things come days after, decisions then as reports."""
        minute = self._free(minute)
        command = {"command": name, "happened_at": instant(minute).isoformat(), "by": self.pick(OPERATORS), **said}
        step = Step(minute, command, float(minute))
        if self.chance(late):
            step.arrives += self.random.choice([30, 600, 3 * DAY, 9 * DAY]) * self.random.random() + 1
            step.is_at_fault("out_of_order")
        if name in TOLD_LATE and "reported" not in said and (step.faults or self.chance(0.12)):
            command["reported"] = True
        self.steps.append(step)
        return step

    def _free(self, minute: int) -> int:
        while minute in self._minutes:
            minute += 1
        self._minutes.add(minute)
        return minute

    def another_minute(self, minute: int) -> int:
        """Another time for it, at which nothing else happens."""
        return self._free(max(0, minute + self.random.choice([-1, 1]) * self.random.randint(30, 4000)))
