"""This file holds the clock port: the only source of recorded time, read by the committer alone."""

import time
from typing import Protocol


class Clock(Protocol):
    """Tells recorded time. Unit: microseconds since 1970-01-01 UTC."""

    def now(self) -> int: ...


class WallClock:
    """The machine's clock."""

    def now(self) -> int:
        return time.time_ns() // 1000  # noqa: TID251 - this is the clock port
