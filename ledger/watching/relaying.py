"""This file holds what a relay process tells of itself: a line in its log, its health, its metrics."""

import time
from collections.abc import Mapping
from typing import Any

from ledger.relay.sending import Progress, State
from ledger.watching.health import Metrics, logger

SAID_EVERY = 30.0
"""Seconds between lines of a relay that just goes on."""


class RelayWatch:
    """Hears a relay's progress. `quiet`: no lines but of what goes wrong."""

    def __init__(self, quiet: bool = False) -> None:
        self.metrics = Metrics()
        self.last: Progress | None = None
        self._log, self._quiet, self._said_at = logger(), quiet, -SAID_EVERY

    def tell(self, progress: Progress) -> None:
        before, self.last = self.last, progress
        self._measure(before, progress)
        changed = before is None or before.state != progress.state
        if progress.state is State.AWAY:
            if changed:
                self._log.error(
                    "kafka is away; facts are recorded all the same", why=progress.why, **_numbers(progress)
                )
        elif not self._quiet and (changed or time.monotonic() - self._said_at >= SAID_EVERY):
            self._said_at = time.monotonic()
            self._log.info(f"relay {progress.state}", **_numbers(progress))

    def _measure(self, before: Progress | None, progress: Progress) -> None:
        metrics = self.metrics
        for state in State:
            metrics.gauge("state", float(state is progress.state), state=state.value)
        metrics.gauge("position", progress.position, of="relay")
        metrics.gauge("position", progress.position + progress.behind, of="ledger")
        metrics.gauge("lag_facts", progress.behind, of="relay")
        metrics.gauge("lag_seconds", progress.waiting_seconds, of="relay")
        metrics.count("facts", progress.sent - (before.sent if before else 0))
        if progress.state is State.AWAY and (before is None or before.state is not State.AWAY):
            metrics.count("failures", 1)

    def health(self) -> tuple[bool, Mapping[str, Any]]:
        """Well while it relays, resumes or stands by; not while Kafka or the database is away."""
        if self.last is None:
            return True, {"state": "starting"}
        well = self.last.state is not State.AWAY
        return well, {"state": self.last.state.value, **_numbers(self.last), "why": self.last.why}


def _numbers(progress: Progress) -> dict[str, Any]:
    return {"position": progress.position, "behind": progress.behind, "sent": progress.sent}
