"""This file holds the commit points: places where a test may kill the process to see what survives.

What survives at each, and who repeats the work: docs/architecture/commit-points.md.
"""

import os
from collections.abc import Callable

POINTS = (
    "before-lock",
    "after-lock",
    "after-facts",
    "after-index",
    "before-commit",
    "after-commit",
    "before-key-commit",
    "after-key-commit",
)
"""Where a ledger is written."""
STREAMING = (
    "before-send",
    "after-send",
    "after-checkpoint",
    "before-apply",
    "after-apply",
    "before-publish",
    "after-publish",
)
"""On the way to Kafka, and from there into views."""


def arm(name: str, after: int = 0) -> None:
    """Die as by kill -9 when `name` is reached, after having passed it `after` times. For tests only."""
    if name not in POINTS + STREAMING:
        raise ValueError(f"no commit point is called {name!r}; there are {', '.join(POINTS + STREAMING)}")
    left = iter(range(after))

    def die() -> None:
        if next(left, None) is None:
            os._exit(137)  # no handler, no buffer, no lock is tidied up: what kill -9 leaves behind

    _actions[name] = die


def on_reaching(name: str, action: Callable[[], None]) -> None:
    """Do something when `name` is reached, such as cutting a connection. For tests only."""
    _actions[name] = action


def disarm() -> None:
    """Forget what was armed."""
    _actions.clear()


_actions: dict[str, Callable[[], None]] = {}


def reached(name: str) -> None:
    """Called by the store at each point; does nothing outside tests."""
    if _actions and (action := _actions.get(name)) is not None:
        action()
