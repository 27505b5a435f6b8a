"""This file holds the recall drill: in worlds full of trouble a donor, a lot and a device are recalled and compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random  # noqa: TID251 - seeded: the same drill every time
from typing import Any

from ledger.settings import Settings
from ledger.simulation import LedgerAnswers, Surprise, open_for, run
from ledger.simulator.trouble.kinds import KINDS
from ledger.simulator.trouble.recalling import Recalled
from ledger.simulator.trouble.world import TroubleWorld

IN_MEMORY = Settings(ledger=":memory:", keys=":memory:", views=":memory:")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Progress = Callable[[int, int], None]


@dataclass
class Drilled:
    """What a drill came to.

    Shape: `bags` and `patients` summed over all recalls; `wrong` the recalls that missed something or found too much,
    each with its seed; `surprises` commands of which something else became than must.
    """

    first: int
    seeds: int = 0
    commands: int = 0
    facts: int = 0
    recalls: int = 0
    bags: int = 0
    patients: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    wrong: list[tuple[int, Recalled]] = field(default_factory=list)
    surprises: list[tuple[int, Surprise]] = field(default_factory=list)

    @property
    def missed(self) -> int:
        """Bags, recipients and expired givings that a recall did not find."""
        return sum(len(each.missed) for _, each in self.wrong)

    @property
    def extra(self) -> int:
        """What a recall found that is not so."""
        return sum(len(each.extra) for _, each in self.wrong)

    @property
    def never(self) -> list[str]:
        """Kinds of trouble that no seed had: of those the drill says nothing."""
        return [kind for kind in KINDS if not self.faults[kind]]

    @property
    def good(self) -> bool:
        """Whether everything was found, nothing else, and every kind of trouble was there."""
        return bool(self.recalls) and not (self.wrong or self.surprises or self.never)

    def as_dict(self) -> dict[str, Any]:
        """In JSON types."""
        return {
            **{name: getattr(self, name) for name in ("first", "seeds", "commands", "facts", "recalls", "bags")},
            "patients": self.patients,
            "faults": {kind: self.faults[kind] for kind in KINDS},
            "never": self.never,
            "missed": self.missed,
            "extra": self.extra,
            "wrong": [{"seed": seed, **_shown(each)} for seed, each in self.wrong],
            "surprises": [{"seed": seed, **each._asdict()} for seed, each in self.surprises],
            "ok": self.good,
        }


def _shown(each: Recalled) -> dict[str, Any]:
    known_at = None if each.known_at is None else each.known_at.isoformat().replace("+00:00", "Z")
    return each._asdict() | {"known_at": known_at}


def drill(first: int, seeds: int, progress: Progress | None = None) -> Drilled:
    """Drill so many worlds, each in a ledger in memory; every second one also as known at an earlier time."""
    drilled = Drilled(first)
    for seed in range(first, first + seeds):
        drill_one(seed, drilled)
        if progress is not None:
            progress(drilled.seeds, seeds)
    return drilled


def drill_one(seed: int, drilled: Drilled) -> None:
    """One world, added to what was drilled before."""
    world, chance = TroubleWorld(seed), Random(f"drill/{seed}")
    with open_for(IN_MEMORY, world) as ledger:
        ran = run(ledger, world)
        ledger.catch_up()
        at = EPOCH + timedelta(microseconds=world.span.end)
        for recalled in world.recalls(LedgerAnswers(ledger), at, chance, then=seed % 2 == 1):
            drilled.recalls += 1
            drilled.bags += recalled.bags
            drilled.patients += recalled.patients
            if recalled.missed or recalled.extra:
                drilled.wrong.append((seed, recalled))
        drilled.facts += ledger.store.head().position
    drilled.seeds += 1
    drilled.commands += ran.commands
    drilled.faults += world.faults
    drilled.surprises += [(seed, each) for each in ran.surprises]
