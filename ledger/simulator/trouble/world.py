"""This file holds the world in which everything that can go wrong does, and often."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cached_property
from random import Random  # noqa: TID251 - seeded: the same world every time

from ledger.simulator.trouble.examination import examined
from ledger.simulator.trouble.physical import truth_of
from ledger.simulator.trouble.recalling import Recall, Recalled
from ledger.simulator.trouble.sayings import EPOCH, Heard
from ledger.simulator.trouble.speech import Command
from ledger.simulator.trouble.story import Story
from ledger.simulator.trouble.telling import DAYS, MAY_BE_REFUSED, Step, instant
from ledger.simulator.truth import Truth
from ledger.simulator.world import DECIDED, Answers, Checked, Span, Told, Window

SIZES = [1, 1, 2, 3, 6, 12, 40]
"""How many commands a window may have."""


class TroubleWorld:
    """A seeded world full of trouble; fulfils World and Listener.

    Its people do as the ledger says: a decision that is refused does not happen. What is reported, seen or measured
    has happened whatever the ledger says. `faults` counts what was sent of each kind of trouble; `was_told` is every
    command that was recorded.
    """

    scenario = "trouble"

    def __init__(self, seed: int, days: int | None = None) -> None:
        self.seed = seed
        self.days = DAYS if days is None else days
        self._story = Story(seed, self.days)
        self._prefix = f"trouble-{seed}"
        begin, end = (_micros_of(self._story.steps[place].arrives) for place in (0, -1))
        self.span = Span(begin, end + len(self._story.steps))
        self._begin()

    def _begin(self) -> None:
        self.faults: Counter[str] = Counter()
        self.was_told: list[Heard] = []
        self._numbers: dict[int, int] = {}
        self._facts: dict[int, tuple[tuple[str, int, str], ...]] = {}
        self._requests: dict[int, str] = {}
        self._recorded: set[str] = set()
        self._sent: list[Step] = []
        self.__dict__.pop("truth", None)

    # -- sending ----------------------------------------------------------------------------------

    def windows(self) -> Iterator[Window]:
        """The story, a few commands at a time; what corrects or lifts something waits until that is durable."""
        self._begin()
        chance = Random(f"{self._prefix}/windows")
        now, size = 0, 1
        waiting: list[Step] = []
        for number, step in enumerate(self._story.steps):
            self._requests[id(step)] = f"{self._prefix}-{number:05d}"
            together = step.along_with is not None and step.along_with in waiting
            if waiting and not together and (len(waiting) >= size or self._must_wait(step, waiting)):
                now = self._later(now, waiting[-1], chance)
                yield self._window(now, waiting)
                waiting, size = [], chance.choice(SIZES)
            if self._can_be_said(step):
                waiting.append(step)
        if waiting:
            yield self._window(self._later(now, waiting[-1], chance), waiting)

    def _later(self, now: int, last: Step, chance: Random) -> int:
        """The recorded time of a window: after the last one's, and after what it tells of was said."""
        return max(now + 1, _micros_of(last.arrives) + chance.choice([0, 1, 1_000_000, 50_000_000]))

    def _must_wait(self, step: Step, waiting: list[Step]) -> bool:
        needed = (step.corrects and step.corrects[0], step.lifts, step.repeats)
        return any(each is not None and each in waiting for each in needed)

    def _can_be_said(self, step: Step) -> bool:
        """Nobody corrects or lifts what was not recorded, nor sends again what was not sent."""
        if step.repeats is not None:
            return id(step.repeats) in self._facts
        needed = (step.corrects and step.corrects[0], step.lifts)
        return all(each is None or id(each) in self._numbers for each in needed)

    def _window(self, now: int, steps: list[Step]) -> Window:
        self._sent = list(steps)
        for step in steps:
            self.faults.update(step.faults)
        otherwise = {place: outcome for place, step in enumerate(steps) if (outcome := self._outcome(step))}
        return Window.of(now, [self._command(step) for step in steps], otherwise)

    def _command(self, step: Step) -> Command:
        """What is sent; a correction names its target by the version that was answered."""
        said = {"request": self._request(step), **step.command}
        if step.corrects is not None:
            target, stream, fact = step.corrects
            found = (version for at, version, name in self._facts[id(target)]
                     if at == stream and name.rpartition(".")[0] == fact)  # fmt: skip
            said["version"] = next(found)
        return said

    def _request(self, step: Step) -> str:
        return self._requests[id(step.repeats or step)]

    def _outcome(self, step: Step) -> str | None:
        """What becomes of it where that is not `recorded`."""
        if step.outcome is not None:
            return step.outcome
        if step.repeats is not None and self._request(step) in self._recorded:
            return "repeated" if step.command == step.repeats.command else "refused"
        decided = step.command["command"] in MAY_BE_REFUSED and not step.command.get("reported")
        return DECIDED if decided else None

    # -- hearing ----------------------------------------------------------------------------------

    def heard(self, window: Window, told: list[Told]) -> None:
        """Remember what was recorded: that is what the ledger has been told, and what corrections may name."""
        recorded_at = EPOCH + timedelta(microseconds=window.now)
        for step, command, (outcome, facts) in zip(self._sent, window.commands, told, strict=True):
            if step.repeats is None:
                self._facts[id(step)] = facts
            if outcome == "recorded" and command["request"] not in self._recorded:
                self._recorded.add(command["request"])
                self._numbers[id(step)] = len(self.was_told)
                target = step.corrects and (self._numbers[id(step.corrects[0])], step.corrects[1])
                lifts = self._numbers[id(step.lifts)] if step.lifts else None
                said = {name: value for name, value in command.items() if name != "request"}
                self.was_told.append(Heard(len(self.was_told), said, recorded_at, target, lifts))

    # -- judging ----------------------------------------------------------------------------------

    @cached_property
    def truth(self) -> Truth:
        """What physically happened, once everything was sent."""
        return truth_of(self.was_told)

    def recalls(self, answers: Answers, at: datetime, chance: Random, then: bool) -> Iterator[Recalled]:
        """Recall a donor, a lot and a device, now, and (`then`) as known at an earlier time."""
        things = self.truth.things()
        choices = [
            [f"donor:{name}" for name in self.truth.donors()],
            *([each for each in things if each.startswith(noun)] for noun in ("lot:", "device:")),
        ]
        subjects = [chance.choice(each) for each in choices if each]
        times = [None, chance.choice(self.was_told).recorded_at] if then else [None]
        for known_at in times:
            recall = Recall(self.was_told, self.truth, answers, at, known_at)
            yield from map(recall.of, subjects)

    def check(self, answers: Answers, chance: Random) -> Checked:
        """Every question now and as known at other times, against what was told; lineage against what happened."""
        return examined(self.was_told, self.truth, answers, chance, instant(chance.randint(0, 3 * self.days * 1440)))


def _micros_of(minute: float) -> int:
    return (instant(minute).astimezone(UTC) - EPOCH) // timedelta(microseconds=1)
