"""This file holds the rest that a walk over very many facts gives Python's search for cycles."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


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
