"""This file holds the rest that a walk over very many facts gives Python's search for cycles."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

SELDOM = 1000
"""Searches among the young to one among all that lives, where Python makes one to ten."""


@contextmanager
def without_cycle_search() -> Iterator[None]:
    """Rows and facts hold no cycles, and there are many: looking for cycles among them costs a tenth or more."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def search_all_seldom() -> None:
    """For a process that keeps many facts in memory: they hold no cycles, and searching them all costs more than a
    fifth of a commit."""
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, SELDOM)
