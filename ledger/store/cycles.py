"""This file holds the rest that a walk over very many facts gives Python's search for cycles."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

SELDOM = 1000
"""Searches among the young to one among all that lives, where Python makes one to ten."""
MANY = 50_000
"""New objects from which on all count as old at once; below, only full searches would find what others left."""


@contextmanager
def without_cycle_search() -> Iterator[None]:
    """Rows and facts hold no cycles, and there are many: looking for cycles among them costs a tenth or more."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            if gc.get_count()[0] >= MANY and not gc.get_freeze_count():  # what others froze stays so
                gc.freeze()
                gc.unfreeze()  # what is young is old now, and nobody looked at it
            gc.enable()


def search_all_seldom() -> None:
    """For a process that keeps many facts in memory: they hold no cycles, and searching them all costs more than a
    fifth of a commit."""
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, SELDOM)
