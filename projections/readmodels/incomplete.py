"""This file holds what rests on a fact nobody could read, or that is missing: bags not all is known of.

None of them counts as available, whatever its row says: parking must fail safe.
"""

from collections.abc import Iterable

from projections.readmodels.database import OPEN, Reading, is_bag

# UNION, not UNION ALL: a bag is visited once, so a cycle that bad input made ends.
DESCENDANTS = """WITH RECURSIVE reached (bag) AS (
        SELECT each.value FROM {each}
        UNION SELECT lineage.child FROM reached JOIN lineage ON lineage.parent = reached.bag
        AND {known lineage})
    SELECT bag FROM reached"""
# A bag's name begins with its DIN, followed by = or #, both before ~ in ASCII: the primary key is the index.
BAGS_OF_DONATION = """SELECT bag FROM {each} JOIN spells
    ON spells.bag > each.value AND spells.bag < each.value || '~' AND {known spells} WHERE length(each.value) = 13"""
NAMED_OTHERWISE = (
    "SELECT stream FROM {each} JOIN belongings ON kind = 'donation' AND key = each.value AND {known belongings}"
)


def with_descendants(read: Reading, bags: Iterable[str]) -> set[str]:
    """These bags, and every bag made from them, through splits, pools and labels."""
    return {bag for (bag,) in read.rows(DESCENDANTS, [read.each(sorted(bags))])}


def _parked(read: Reading) -> set[str]:
    until = OPEN if read.latest else read.position
    return {stream for (stream,) in read.rows("SELECT DISTINCT stream FROM parked WHERE position <= ?", [until])}


def resting_on(read: Reading, streams: Iterable[str]) -> set[str]:
    """Bags that are these streams, of these donations, or made from such."""
    bags = set(streams)
    for sql in (BAGS_OF_DONATION, NAMED_OTHERWISE):
        bags |= {bag for (bag,) in read.rows(sql, [read.each(sorted(streams))])}
    return with_descendants(read, bags)


def incomplete_bags(read: Reading) -> set[str]:
    """Bags with a fact that could not be read or is missing: their own, their donation's, an ancestor's."""
    parked = _parked(read)
    return resting_on(read, parked) if parked else set()


def incomplete_pairs(read: Reading) -> set[tuple[str, str]]:
    """As `incomplete_bags`, each with the stream it rests on."""
    return {(bag, stream) for stream in _parked(read) for bag in resting_on(read, [stream]) if is_bag(bag)}
