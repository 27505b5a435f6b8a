"""This file holds the facts behind an answer: those of some streams, as known, and how they read now."""

from collections.abc import Iterable
from typing import Any

from projections.decode import Fact
from projections.readmodels import life
from projections.readmodels.database import Reading
from projections.readmodels.standing import in_business_order, standing

PARKED = """SELECT parked.stream, parked.version, parked.position, parked.reason FROM {each} JOIN parked
    ON parked.stream = each.value WHERE parked.position <= ? ORDER BY parked.position, parked.version"""


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
