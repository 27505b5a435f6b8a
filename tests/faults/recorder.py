"""This file holds a program: it lets a world of trouble loose on a ledger, a few windows at a time, as it is told.

Each line of standard input is a count of windows; once the ledger holds so many, it says so on standard output. A
window that failed is sent again, as whoever sends commands does. Started once more, it goes on where the ledger is.
"""

import json
import sys
import threading
from collections.abc import Iterator

from ledger.settings import read_settings
from ledger.simulation import open_for, run
from ledger.simulator.trouble.world import TroubleWorld
from ledger.simulator.world import Window
from ledger.store.faults import StoreFault
from ledger.store.port import CommitUnknown

AGAIN_SECONDS = 0.1


class Wanted:
    """How far to go, as heard so far."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._until = 0
        self._held = 0

    def begin(self) -> None:
        """From the first window on, as every run counts them."""
        self._held = 0
        self._wait()

    def after(self, _: Window) -> None:
        """One window more is durable. Errors: SystemExit when nobody wants any more."""
        self._held += 1
        self._wait()

    def _wait(self) -> None:
        while self._held >= self._until:
            if self._until:
                say({"held": self._held})
            line = next(self._lines, None)
            if line is None:
                sys.exit(0)
            self._until = int(line)


def say(what: dict[str, object]) -> None:
    """One line for who started this program."""
    print(json.dumps(what), flush=True)


def main(seed: int, days: int) -> None:
    """Record until nobody wants any more."""
    wanted, tick = Wanted(iter(sys.stdin.readline, "")), threading.Event()
    while True:
        world = TroubleWorld(seed, days)
        try:
            with open_for(read_settings(), world) as ledger:
                wanted.begin()
                ran = run(ledger, world, wanted.after)
                # What failed is no surprise here, and is sent again.
                for each in (each for each in ran.surprises if each.outcome != "fault"):
                    say({"surprise": f"{each.command} was to be {each.expected}, and is {each.outcome}: {each.why}"})
                if not ran.outcomes["fault"]:
                    return
        except (StoreFault, CommitUnknown) as fault:
            print(fault, file=sys.stderr, flush=True)
        tick.wait(AGAIN_SECONDS)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
