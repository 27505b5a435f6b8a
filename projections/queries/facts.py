"""This file holds the facts behind an answer: those of some streams, as known, and how they read now."""

from collections.abc import Iterable

from projections.decode import Fact, decode_stored
from projections.readmodels.database import Reading
from projections.readmodels.standing import in_business_order, standing

FACTS = """SELECT position, stream, version, name, recorded_at, state
    FROM {each} JOIN life ON stream = each.value WHERE position <= ? ORDER BY stream, version"""


def facts_of(read: Reading, streams: Iterable[str]) -> dict[str, list[Fact]]:
    """All readable facts of each stream up to the position asked about, as stored, in order of arrival."""
    names = sorted(set(streams))
    found: dict[str, list[Fact]] = {name: [] for name in names}
    for row in read.rows(FACTS, [read.each(names), read.position]) if names else ():
        fact = decode_stored(*row)
        if isinstance(fact, Fact):
            found[fact.stream].append(fact)
    return found


def standing_of(read: Reading, streams: Iterable[str]) -> dict[str, list[Fact]]:
    """The facts of each stream that stand, as they read at the position asked about, in business order."""
    return {
        stream: [fact for _, fact in in_business_order(standing(facts).facts)]
        for stream, facts in facts_of(read, streams).items()
    }
