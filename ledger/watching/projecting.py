"""This file holds what a projecting process tells of itself: a line in its log, its health, its metrics."""

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ledger.watching.health import Metrics, logger
from projections.letterbox.consuming import Progress, State

SAID_EVERY = 30.0
"""Seconds between lines of a process that just goes on."""
MICROS = 1_000_000


class Kept(NamedTuple):
    """What the views say of themselves."""

    position: int
    parked: int
    waiting: int
    unsent: int


class ProjectWatch:
    """Hears a process's progress. `now`: the clock, in microseconds; `kept` asks the views, for health and metrics."""

    def __init__(self, now: Callable[[], int], kept: Callable[[], Kept | None], quiet: bool = False) -> None:
        self.metrics = Metrics()
        self.last: Progress | None = None
        self._now, self._kept, self._quiet = now, kept, quiet
        self._log, self._said_at, self._unsent_why = logger(), -SAID_EVERY, ""
        self._measured_at = -1.0

    def tell(self, progress: Progress) -> None:
        before, self.last = self.last, progress
        self._measure(before, progress)
        for place, why in progress.standing.items():
            if before is None or before.standing.get(place) != why:
                self._log.error(
                    "a partition stands still", place=str(place), why=why.why, first=why.missing, last=why.missing_to
                )
        changed = before is None or before.state != progress.state or before.owned != progress.owned
        if progress.state is State.AWAY:
            if changed:
                self._log.error("nothing can be projected now", why=progress.why, **_numbers(progress))
        elif not self._quiet and (changed or time.monotonic() - self._said_at >= SAID_EVERY):
            self._said_at = time.monotonic()
            self._log.info(progress.state.value, **_numbers(progress))

    def failed(self, why: str) -> None:
        """The stock could not be sent."""
        self.metrics.count("failures", 1)
        if why != self._unsent_why:
            self._log.error("the stock could not be sent to its topic; it is sent once that is mended", why=why)
        self._unsent_why = why

    def _measure(self, before: Progress | None, progress: Progress) -> None:
        metrics = self.metrics
        metrics.count("facts", progress.applied - (before.applied if before else 0))
        metrics.count("duplicates", max(progress.duplicates - (before.duplicates if before else 0), 0))
        if progress.state is State.AWAY and (before is None or before.state is not State.AWAY):
            metrics.count("failures", 1)
        if time.monotonic() - self._measured_at < 1.0 and not (before is None or before.state != progress.state):
            return
        self._measured_at = time.monotonic()
        for state in State:
            metrics.gauge("state", float(state is progress.state), state=state.value)
        age = max(self._now() - progress.recorded_at, 0) / MICROS if progress.behind else 0.0
        metrics.gauge("lag_facts", progress.behind, of="view")
        metrics.gauge("lag_seconds", age, of="view")
        metrics.gauge("stopped_partitions", len(progress.standing))
        kept = self._kept()
        if kept is not None:
            metrics.gauge("position", kept.position, of="view")
            metrics.gauge("parked_records", kept.parked)
            metrics.gauge("waiting_facts", kept.waiting)
            metrics.gauge("unsent_rows", kept.unsent)

    def position(self) -> int:
        """Up to where the views are complete."""
        kept = self._kept()
        return 0 if kept is None else kept.position

    def health(self) -> tuple[bool, Mapping[str, Any]]:
        """Well while it projects all its partitions; not while something is away, or a partition stands still."""
        if self.last is None:
            return True, {"state": State.STARTING.value}
        standing = {str(place): why._asdict() for place, why in self.last.standing.items()}
        well = self.last.state is not State.AWAY and not standing
        said = {"state": self.last.state.value, **_numbers(self.last), "standing": standing, "why": self.last.why}
        kept = self._kept()
        return well, said | ({} if kept is None else kept._asdict())


def _numbers(progress: Progress) -> dict[str, Any]:
    return {
        "partitions": progress.owned,
        "applied": progress.applied,
        "duplicates": progress.duplicates,
        "behind": progress.behind,
    }
