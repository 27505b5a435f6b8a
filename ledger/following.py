"""This file holds a second process that keeps the views up while the first one writes: two cores, two kinds of work."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event

from ledger.settings import Settings
from ledger.store.sqlite_tables import MEMORY
from ledger.wiring import Ledger, open_ledger

LOOKS_EVERY = 0.5
"""How long it waits for a signal before it looks whether it is still needed. Unit: seconds."""
BEHIND = 20_000
"""Facts it waits for: what is told of a bag in one batch is written once. The rest is the last catch-up's."""


@contextmanager
def views_followed(ledger: Ledger) -> Iterator[Callable[[], None]]:
    """While inside, another process brings the views up whenever the function given here is called.

    On leaving, it has stopped; what it did not get to is the next catch-up's, as after any crash of it. A ledger in
    memory is nobody else's to read: there, nothing happens.
    """
    settings = ledger.settings
    if MEMORY in (settings.ledger, settings.views):
        yield _nobody_follows
        return
    context = multiprocessing.get_context("spawn")
    wake, done = context.Event(), context.Event()
    follower = context.Process(target=_follow, args=(settings, wake, done), daemon=True)
    follower.start()
    try:
        yield wake.set
    finally:
        done.set()
        wake.set()
        follower.join()


def _nobody_follows() -> None:
    """There is no other process to wake."""


def _follow(settings: Settings, wake: Event, done: Event) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever began it tells it when to stop
    first = multiprocessing.parent_process()
    seen = 0
    with open_ledger(settings._replace(crash_at=None), reading=True) as ledger:
        while not done.is_set() and first is not None and first.is_alive():
            if wake.wait(LOOKS_EVERY):
                wake.clear()
                if ledger.store.head().position - seen >= BEHIND:
                    seen = ledger.catch_up().position
