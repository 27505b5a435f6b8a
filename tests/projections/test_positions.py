"""This file holds the tests of positions: heard in any order, each once, and from where on one is missing."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.consumer import catch_up
from projections.decode import Unreadable
from projections.readmodels import life, positions
from projections.readmodels.database import OPEN, ViewsUnavailable
from projections.readmodels.life import PAGE, all_kept, last_kept
from projections.readmodels.positions import BLOCK
from projections.readmodels.sqlite import sqlite_views
from projections.readmodels.view_set import Transaction, ViewSet
from tests.projections.history import random_history

NEAR = st.integers(1, 3 * BLOCK) | st.sampled_from([BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 50 * BLOCK])
BATCHES = st.lists(st.sets(NEAR, max_size=30), max_size=5)


def fact(position: int) -> Unreadable:
    return Unreadable(position, "A999925000000", position, 10 * position, "bag.moved.v1", b"", "")


@contextmanager
def writing() -> Iterator[Transaction]:
    views = sqlite_views(":memory:")
    views.prepare("ledger")
    live: ViewSet = views.live()
    with live.database.transaction(True, "test"):
        yield live.writing_now(False)
    views.close()


@given(BATCHES, NEAR)
def test_what_is_heard_is_known_whatever_its_order(batches: list[set[int]], asked: int) -> None:
    heard: set[int] = set()
    with writing() as view:
        for batch in batches:
            positions.hear(view, [fact(each) for each in batch - heard])
            heard |= batch
        assert positions.heard_of(view, [*heard, asked]) == heard | ({asked} & heard)
        assert positions.first_missing(view, asked) == next(at for at in range(asked, OPEN) if at not in heard)
        last = max((each for each in heard if each <= asked), default=None)
        assert positions.last_heard(view, asked) == (None if last is None else (last, 10 * last))
        assert positions.first_recorded(view) == (10 * min(heard) if heard else None)


def test_a_position_is_heard_once() -> None:
    with writing() as view:
        positions.hear(view, [fact(7)])
        with pytest.raises(ViewsUnavailable, match="position 7 is in the views already"):
            positions.hear(view, [fact(8), fact(7)])
        assert positions.heard_of(view, [7, 8]) == {7}


@pytest.mark.parametrize("batch", [1, 7, 5_000])
def test_every_fact_is_kept_once_page_by_page(batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    history = random_history(4, facts=200)
    views = sqlite_views(":memory:")
    catch_up(history, views, batch=batch)
    told = sorted((row.stream, row.version, row.position, row.state) for row in history.told)
    for page in (1, 2, 5, PAGE):
        monkeypatch.setattr(life, "PAGE", page)
        with views.reading() as read:
            kept = [(each.stream, each.version, each.position, each.state) for some in all_kept(read) for each in some]
            last = last_kept(read)
        assert kept == told
        assert last is not None and last.position == len(history.told)
