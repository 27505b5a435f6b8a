"""This file holds the run: round after round, faults while facts flow, then rest, then every check."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from random import Random

from confluent_kafka import KafkaException

from ledger.relay.topics import make_topics
from projections.readmodels.database import ViewsOutdated, ViewsUnavailable
from tests.faults.checks import Found, check_processes, checked
from tests.faults.injections import FAULTS, Burst
from tests.faults.plan import CLASSES, KINDS, NEEDED, SETUPS, Kind, Round
from tests.faults.programs import come_true
from tests.faults.scene import DAYS, Scene, Story, Told
from tests.faults.servers import Servers
from tests.faults.topic import Topics

PARTITIONS = 3
LEVEL_SECONDS = 90.0
CLASS_OF = {kind.name: name for name, kinds in CLASSES.items() for kind in kinds}
BY_NAME = {kind.name: kind for kind in KINDS}
Say = Callable[[str], None]


@dataclass
class Ran:
    """What a run came to. `injected`: faults by kind that really happened; `missed` those that met nobody."""

    rounds: int = 0
    facts: int = 0
    seconds: float = 0.0
    injected: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    found: Found = field(default_factory=Found)

    def never(self, kinds: Sequence[Kind] = KINDS) -> list[str]:
        """Kinds that never happened."""
        return [kind.name for kind in kinds if not self.injected[kind.name]]


class Run:
    """Runs a plan on servers. `safeguard`: the one that the projecting processes run without, to see it noticed."""

    def __init__(
        self,
        servers: Servers,
        seed: int,
        say: Say,
        safeguard: str | None = None,
        level_seconds: float = LEVEL_SECONDS,
        days: int = DAYS,
    ) -> None:
        self._servers, self._seed, self._say = servers, seed, say
        self._safeguard, self._level_seconds, self._days = safeguard, level_seconds, days
        self._again: list[str] = []
        self.ran = Ran()
        make_topics(servers.broker.client, PARTITIONS, None)
        self._topics = Topics(servers.broker.address)

    def through(self, plan: Sequence[Round], more: int = 0) -> Ran:
        """Every round of a plan; a world's first round begins a ledger of its own.

        A fault may meet nobody, whatever the plan says: up to so many `more` rounds are for kinds that never happened.
        """
        began = time.monotonic()
        for world, rounds in groupby(plan, lambda each: each.world):
            self._world(world, list(rounds))
        for number in range(len(plan), len(plan) + more):
            if self.ran.never() and not self.ran.found:
                self._world(number, [self._for_what_never_happened(number)])
        self.ran.seconds = time.monotonic() - began
        return self.ran

    def _for_what_never_happened(self, number: int) -> Round:
        missing = [BY_NAME[name] for name in self.ran.never()]
        setup = next(each for each in SETUPS if missing[0].fits(each, True))
        faults = [kind.name for kind in missing if kind.fits(setup, True)]
        self._again.clear()
        return Round(number, number, 0, True, setup, tuple(faults[:2]))

    def _world(self, world: int, rounds: Sequence[Round]) -> None:
        name = f"{self._seed}-{self._safeguard or 'whole'}-{world}"
        story = Story(Random(f"faults/{name}").randrange(1_000_000), self._days)
        told = Told(rounds[0].setup, story, self._safeguard)
        altered: set[tuple[tuple[str, int], int]] = set()
        with Scene(self._servers, told, self._servers.folder / name) as scene:
            for each, until in zip(rounds, _ends(story, len(rounds)), strict=True):
                chance = Random(f"faults/{self._seed}/round {each.number}")
                burst = Burst(scene, self._topics, chance, until)
                burst.altered = altered
                if self._round(each, burst, until):
                    return  # what is wrong stays wrong: the next world begins anew
            scene.end()
            self.ran.facts += scene.watch.stored() or 0
            self.ran.found.failed += scene.died

    def _round(self, each: Round, burst: Burst, until: int) -> Found:
        began = time.monotonic()
        names = [*each.faults, *self._missed_before(each)]
        said = [self._fault(name, burst, len(names) - done) for done, name in enumerate(names)]
        resting = time.monotonic()
        found = self._rest(each, burst, until)
        self.ran.rounds += 1
        self.ran.found.add(found)
        now = time.monotonic()
        self._say(
            f"round {each.number + 1}, {each.setup.ledger}/{each.setup.views}: {'; '.join(said)}; rest and checks"
            f" {now - resting:.1f} s; {now - began:.1f} s" + "".join(f"\n  {line}" for line in found.failed)
        )
        return found

    def _missed_before(self, each: Round) -> Iterator[str]:
        """What met nobody in an earlier round is tried in the next one where it can happen."""
        for name in list(self._again):
            if BY_NAME[name].fits(each.setup, each.of_world == 0):
                self._again.remove(name)
                yield name

    def _fault(self, name: str, burst: Burst, left: int) -> str:
        """What came of it, in a few words."""
        burst.share(left)
        began = time.monotonic()
        # What the fault before broke is mended first: who is dead cannot be hit.
        ready = burst.scene.ready(*NEEDED.get(CLASS_OF[name], (True, True)))
        there = time.monotonic()
        if ready and FAULTS[name](burst):
            self.ran.injected[name] += 1
        else:
            self.ran.missed[name] += 1
            self._again.append(name)
            name += " (missed)" if ready else " (nobody there)"
        return f"{name} {there - began:.1f} + {time.monotonic() - there:.1f}"

    def _rest(self, each: Round, burst: Burst, until: int) -> Found:
        """Nothing is broken any more: wait until all is level, and look."""
        scene, found = burst.scene, Found()
        burst.rest()

        def level() -> bool:
            scene.mended()
            return scene.recorded(0.0) and scene.watch.level()

        if not come_true(level, self._level_seconds):
            found.failed.append(f"not level after {self._level_seconds:.0f} s: {_state_of(scene)}")
            check_processes(found, scene)
            return found
        scene.watch.close()  # its connections may be older than the server
        try:
            return checked(scene, self._topics, until, burst.altered, each.last)
        except (ViewsUnavailable, ViewsOutdated, KafkaException) as error:
            found.failed.append(f"what is to be checked cannot be read: {error}")
            return found


def _ends(story: Story, rounds: int) -> list[int]:
    """How many windows the ledger holds after each round."""
    return [len(story) * (number + 1) // rounds for number in range(rounds)]


def _state_of(scene: Scene) -> str:
    watch = scene.watch
    relay = scene.relay.health() if scene.relay else None
    project = scene.project.health() if scene.project else None
    return (
        f"windows {scene.held} of {scene.sent_to}; stored {watch.stored()}, projected {watch.projected()};"
        f" relay {relay}; projecting {project}"
    )
