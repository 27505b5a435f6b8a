"""This file holds the facts behind an answer: those of some streams, as known, and how they read now."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from projections.decode import Fact
from projections.readmodels import life
from projections.readmodels.database import Reading, Row
from projections.readmodels.standing import in_business_order, standing

PARKED = """SELECT parked.stream, parked.version, parked.position, parked.reason FROM {each} JOIN parked
    ON parked.stream = each.value WHERE parked.position <= ? ORDER BY parked.position, parked.version"""
LIFE = """SELECT position, stream, version, name, recorded_at, state FROM life
    WHERE (stream, version) > (?, ?) ORDER BY stream, version LIMIT ?"""
PAGE = 2_000
"""Facts read at a time: what is kept in memory, whatever the ledger's size, beside one stream's own facts."""


def facts_of(read: Reading, streams: Iterable[str]) -> dict[str, list[Fact]]:
    """All readable facts of each stream up to the position asked about, as stored, in order of arrival."""
    return life.facts_of(read, sorted(set(streams)), read.position)


def unread(read: Reading, streams: Iterable[str]) -> list[dict[str, Any]]:
    """Facts of these streams that could not be read or never came, with the reason."""
    keys = ("stream", "version", "position", "reason")
    found = read.rows(PARKED, [read.each(sorted(streams)), read.position])
    return [dict(zip(keys, row, strict=True)) for row in found]


def standing_of(read: Reading, streams: Iterable[str]) -> dict[str, list[Fact]]:
    """The facts of each stream that stand, as they read at the position asked about, in business order."""
    return {
        stream: [fact for _, fact in in_business_order(standing(facts).facts)]
        for stream, facts in facts_of(read, streams).items()
    }


def stored_by_stream(read: Reading, progress: Callable[[int, int], None] | None) -> Iterator[Row]:
    """Every stored fact in the order of streams and versions: position, stream, version, name, recorded_at, state."""
    stream, version, done = "", 0, 0
    while page := read.rows(LIFE, [stream, version, PAGE]):
        yield from page
        _, stream, version, *_ = page[-1]
        done += len(page)
        if progress is not None:
            progress(min(done, read.complete_to), read.complete_to)
