"""This file holds a random story of blood, told as commands: some late, some reported, some wrong and corrected."""

from ledger.simulator.trouble.births import Births
from ledger.simulator.trouble.messages import Messages
from ledger.simulator.trouble.people import People
from ledger.simulator.trouble.second_thoughts import SecondThoughts
from ledger.simulator.trouble.speech import din
from ledger.simulator.trouble.telling import DAYS, PATIENTS

STRANGERS, FOREIGN = 800_000, 700_000
"""Where the numbers of bags begin of which nobody tells where they came from, and of those from outside."""


class Story(Births, People, SecondThoughts, Messages):
    """A random story; the same for the same seed and length. `steps` in the order in which they are said."""

    def __init__(self, seed: int, days: int = DAYS) -> None:
        super().__init__(seed, days)
        times = max(1, round(days / DAYS))
        for number in range(1, 1 + sum(self.random.randint(4, 6) for _ in range(times))):
            self.donation(number, self.any_minute() // 2)
        self.pools(2 * times)
        for number in range(self.random.randint(0, 2 * times)):
            self.received(f"{din(FOREIGN + number)}=E5445V00", self.any_minute() // 2)
        if self.chance(0.2):
            self.failed(1)
        if self.chance(0.2):
            self.two_vans(1)
        for number in range(self.random.randint(0, 2 * times)):
            self.stranger(f"{din(STRANGERS + number)}=E5445V00", self.any_minute())
        if self.chance(0.25):
            self.of_nothing(f"{din(1)}=E5445V00")
        self.persons()
        self.holds()
        self._in_order()
        self.corrections()
        self.repetitions()
        self._in_order()
        self.unreadable()
        self._in_order()

    def _in_order(self) -> None:
        self.steps.sort(key=lambda step: step.arrives)

    def stranger(self, bag: str, minute: int) -> None:
        """A bag of which nobody ever tells where it came from."""
        before = len(self.steps)
        chosen = self.random.randrange(3)
        if chosen == 0:
            self.transfused(bag, self.pick(PATIENTS), "H1", minute)
        elif chosen == 1:
            self.back(bag, "H1", "C1", minute)
        else:
            self.sent(bag, "C1", minute)
        for step in self.steps[before : before + 1]:
            step.is_at_fault("unknown_bag")
