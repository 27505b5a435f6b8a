"""This file holds which world a scenario asks for."""

from __future__ import annotations

from ledger.simulator.centres import CentresWorld
from ledger.simulator.scenario import ScenarioFile
from ledger.simulator.trouble.world import TroubleWorld
from ledger.simulator.week import WeekWorld
from ledger.simulator.world import World


def world_of(file: ScenarioFile, seed: int, days: int | None = None) -> World:
    """The world of a scenario; `days`: only its first ones.

    Errors: BrokenFile, with file, line and field, when a total cannot be met; nothing was sent to anybody by then.
    """
    kind = file.scenario.world
    if kind == "published_week":
        return WeekWorld(file, seed, days)
    if kind == "trouble":
        return TroubleWorld(seed, days)
    return CentresWorld(file, seed, days)
