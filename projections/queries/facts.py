"""This file holds the facts behind an answer: those of some streams, as known, and how they read now."""

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

from projections.decode import Fact, short_name
from projections.readmodels import life
from projections.readmodels.database import Reading
from projections.readmodels.standing import in_business_order, standing

PARKED = """SELECT parked.stream, parked.version, parked.position, parked.reason FROM {each} JOIN parked
    ON parked.stream = each.value WHERE parked.position <= ? ORDER BY parked.position, parked.version"""


def facts_of(read: Reading, streams: Iterable[str]) -> dict[str, list[Fact]]:
    """All readable facts of each stream up to the position asked about, as stored, in order of arrival."""
    return life.facts_of(read, sorted(set(streams)), read.position)


def facts_named(read: Reading, streams: Iterable[str], names: Collection[str]) -> dict[str, list[Fact]]:
    """The readable facts of these names, as stored, in order of arrival; others are not decoded, which takes the time.

    Shape: only streams that have such facts.
    """
    found: dict[str, list[Fact]] = {}
    for each in life.kept(read, sorted(set(streams)), read.position):
        if short_name(each.name) in names and isinstance(fact := each.read(), Fact):
            found.setdefault(fact.stream, []).append(fact)
    return found


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


def kept_by_stream(read: Reading, progress: Callable[[int, int], None] | None) -> Iterator[life.Kept]:
    """Every fact that is kept and known, in the order of streams and versions."""
    done = 0
    for some in life.all_kept(read):
        yield from (each for each in some if each.position <= read.position)
        done += len(some)
        if progress is not None:
            progress(min(done, read.complete_to), read.complete_to)
