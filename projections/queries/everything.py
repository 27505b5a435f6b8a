"""This file holds all of it: every bag as a trace shows it, and every edge of lineage, one after the other."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from projections.decode import micros_of
from projections.queries.bags import bags_at
from projections.readmodels.database import Views

PAGE = 2_000
"""Bags at a time: what is kept in memory, whatever the ledger's size."""
BAGS = "SELECT DISTINCT bag FROM spells WHERE bag > ? AND {known spells} ORDER BY bag LIMIT ?"
EDGES = "SELECT DISTINCT parent, child, process FROM lineage WHERE {known lineage}"


def every_bag(views: Views, known_at: datetime | None = None) -> Iterator[dict[str, Any]]:
    """Every bag of which anything is said, in the order of their names, as in the bags of a trace."""
    with views.reading(None if known_at is None else micros_of(known_at)) as read:
        after = ""
        while names := [bag for (bag,) in read.rows(BAGS, [after, PAGE])]:
            yield from (row.shown() for row in bags_at(read, names).values())
            after = names[-1]


def every_edge(views: Views, known_at: datetime | None = None) -> Iterator[tuple[str, str, str]]:
    """Every edge as it stands: parent, child, process."""
    with views.reading(None if known_at is None else micros_of(known_at)) as read:
        yield from read.rows(EDGES)
