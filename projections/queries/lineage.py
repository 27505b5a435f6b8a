"""This file holds the walk through the lineage: what a bag was made from, and what from it."""

from collections.abc import Iterable

from projections.readmodels.database import Reading, Row

# UNION, not UNION ALL: a bag is visited once, so a cycle that bad input made ends.
DESCENDANTS = """WITH RECURSIVE reached (bag) AS (
        SELECT each.value FROM {each}
        UNION SELECT lineage.child FROM reached JOIN lineage ON lineage.parent = reached.bag)
    SELECT bag FROM reached"""
ANCESTORS = """WITH RECURSIVE reached (bag) AS (
        SELECT each.value FROM {each}
        UNION SELECT lineage.parent FROM reached JOIN lineage ON lineage.child = reached.bag)
    SELECT bag FROM reached"""
EDGES = """SELECT lineage.parent, lineage.child, lineage.process, lineage.position
    FROM {each} JOIN lineage ON lineage.parent = each.value"""

# A bag's name begins with its DIN, followed by = or #, both before ~ in ASCII: the primary key is the index.
BAGS_OF_DONATION = """SELECT bag FROM {each} JOIN bags
    ON bags.bag > each.value AND bags.bag < each.value || '~' WHERE length(each.value) = 13"""


def with_descendants(read: Reading, bags: Iterable[str]) -> set[str]:
    """These bags, and every bag made from them, through splits, pools and labels."""
    return {bag for (bag,) in read.rows(DESCENDANTS, [read.each(sorted(bags))])}


def with_ancestors(read: Reading, bags: Iterable[str]) -> set[str]:
    """These bags, and every bag they were made from."""
    return {bag for (bag,) in read.rows(ANCESTORS, [read.each(sorted(bags))])}


def edges_among(read: Reading, bags: set[str]) -> list[Row]:
    """Edges with both ends among these bags: parent, child, process, position."""
    found = read.rows(EDGES, [read.each(sorted(bags))])
    return sorted((row for row in found if row[1] in bags), key=lambda row: (row[3], row[:3]))


def incomplete_bags(read: Reading) -> set[str]:
    """Bags with a fact that could not be read or is missing: their own, their donation's, an ancestor's.

    None of them counts as available, whatever its row says: parking must fail safe.
    """
    parked = {stream for (stream,) in read.rows("SELECT DISTINCT stream FROM parked")}
    if not parked:
        return set()
    bags = set(parked)
    for sql in (
        BAGS_OF_DONATION,
        "SELECT stream FROM {each} JOIN belongings ON kind = 'donation' AND key = each.value",
    ):
        bags |= {bag for (bag,) in read.rows(sql, [read.each(sorted(parked))])}
    return with_descendants(read, bags)
