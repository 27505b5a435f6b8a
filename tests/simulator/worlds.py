"""This file holds small worlds on ledgers of their own, for tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from ledger.settings import Settings, read_settings
from ledger.simulation import LedgerAnswers, Ran, open_for, run
from ledger.simulator.centres import CentresWorld
from ledger.simulator.scenario import ScenarioFile
from ledger.simulator.world import Checked, World
from ledger.wiring import Ledger

SMALL = Path(__file__).with_name("small.yaml")


def small_world(seed: int = 1, days: int | None = None) -> CentresWorld:
    """Two small centres; see small.yaml."""
    return CentresWorld(ScenarioFile(SMALL), seed, days)


def settings_in(folder: Path) -> Settings:
    return read_settings({}, ledger=str(folder / "ledger.db"))


@contextmanager
def lived(folder: Path, world: World) -> Iterator[tuple[Ledger, Ran]]:
    """A ledger that a world has lived in, its views up to date."""
    with open_for(settings_in(folder), world) as ledger:
        ran = run(ledger, world)
        ledger.catch_up()
        yield ledger, ran


def checked(ledger: Ledger, world: World, seed: int = 0) -> Checked:
    return world.check(LedgerAnswers(ledger), Random(seed))
