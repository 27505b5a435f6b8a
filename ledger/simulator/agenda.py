"""This file holds an agenda: what is to be done at which minute, done in order, and more put down on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush
from typing import Any

DAY = 1440
"""Unit: minutes."""
Entry = tuple[int, int, Callable[[int, Any], None], Any]


class Agenda:
    """Things to do. Unit: minutes from the first midnight. Entries of one minute are done in the order they came in."""

    def __init__(self) -> None:
        self._days: dict[int, list[Entry]] = {}
        self._today: list[Entry] = []
        self._day: int | None = None
        self._entered = 0

    def put(self, minute: int, what: Callable[[int, Any], None], about: Any) -> None:
        """Do this at that minute; never earlier than what is being done now."""
        self._entered += 1
        entry = (minute, self._entered, what, about)
        if minute // DAY == self._day:
            heappush(self._today, entry)
        else:
            self._days.setdefault(minute // DAY, []).append(entry)

    def done(self, day: int) -> Iterator[int]:
        """Do everything of a day, in order; yields after each thing the minute it was done at."""
        self._day, self._today = day, self._days.pop(day, [])
        heapify(self._today)
        while self._today:
            minute, _, what, about = heappop(self._today)
            what(minute, about)
            yield minute
