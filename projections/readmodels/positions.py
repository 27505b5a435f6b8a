"""This file holds the positions: which of them a view has heard, and when the fact at each was recorded.

Kafka's partitions bring positions in any order, and how far a view is complete is up to the first that is missing.
"""

from collections.abc import Iterable, Iterator, Sequence
from struct import Struct

from projections.decode import Fact, Unreadable
from projections.readmodels.database import Content, Reading, Row, ViewsUnavailable, Writing

BLOCK = 240
"""Positions in a row: few enough that a commit of one fact writes little, and that PostgreSQL keeps it in its page."""
NEVER = -1 << 63
"""When a position was recorded that was not heard."""
DDL = (
    # block: the positions from block * 240 on; recorded: when each was, 8 bytes, little-endian.
    "CREATE TABLE positions (block BIGINT PRIMARY KEY, recorded BLOB NOT NULL)",
)
FROM = "SELECT block, recorded FROM positions WHERE block >= ? ORDER BY block LIMIT ?"
UP_TO = "SELECT block, recorded FROM positions WHERE block <= ? ORDER BY block DESC LIMIT 2"
THESE = "SELECT block, recorded FROM {each} JOIN positions ON block = CAST(each.value AS BIGINT)"
KEEP = "INSERT INTO positions VALUES (?, ?) ON CONFLICT (block) DO UPDATE SET recorded = excluded.recorded"
PAGE = 64
_times = Struct(f"<{BLOCK}q")


def hear(writing: Writing, facts: Sequence[Fact | Unreadable]) -> None:
    """Take note of where facts are and when they were recorded. Errors: ViewsUnavailable when one was heard before."""
    blocks = _blocks(writing, {each.position // BLOCK for each in facts})
    for each in facts:
        position = each.position
        times, at = blocks[position // BLOCK], position % BLOCK
        if times[at] != NEVER:
            raise ViewsUnavailable(f"position {position} is in the views already: a fact is applied once")
        times[at] = each.recorded_at
    writing.run_many(KEEP, [(block, _times.pack(*times)) for block, times in sorted(blocks.items())])


def heard_of(read: Reading, positions: Iterable[int]) -> set[int]:
    """Those of these positions that were heard."""
    asked = set(positions)
    blocks = _blocks(read, {position // BLOCK for position in asked})
    return {position for position in asked if blocks[position // BLOCK][position % BLOCK] != NEVER}


def first_missing(read: Reading, position: int) -> int:
    """The first position that was not heard, from this one on."""
    block, at = divmod(position, BLOCK)
    while page := read.rows(FROM, [block, PAGE]):
        for there, packed in page:
            times = _times.unpack(packed)
            if there != block:
                return block * BLOCK + at
            if NEVER in times[at:]:
                return block * BLOCK + times.index(NEVER, at)
            block, at = block + 1, 0
    return block * BLOCK + at


def last_heard(read: Reading, until: int) -> tuple[int, int] | None:
    """The last position that was heard, up to this one, and when it was recorded."""
    for block, packed in read.rows(UP_TO, [until // BLOCK]):
        times = _times.unpack(packed)
        for at in reversed(range(min(until - block * BLOCK + 1, BLOCK))):
            if times[at] != NEVER:
                return block * BLOCK + at, times[at]
    return None


def first_recorded(read: Reading) -> int | None:
    """When the first fact was recorded."""
    for _, packed in read.rows(FROM, [0, 1]):
        return min(time for time in map(int, _times.unpack(packed)) if time != NEVER)
    return None


def _blocks(read: Reading, wanted: set[int]) -> dict[int, list[int]]:
    found = {block: [NEVER] * BLOCK for block in wanted}
    for block, packed in read.rows(THESE, [read.each(str(block) for block in sorted(wanted))]):
        found[block] = list(_times.unpack(packed))
    return found


def _unfolded(rows: Iterator[Row]) -> Iterator[Row]:
    for block, packed in rows:
        for at, time in enumerate(_times.unpack(packed)):
            if time != NEVER:
                yield block * BLOCK + at, time


POSITIONS = Content(
    "positions",
    ("position", "recorded_at"),
    ("position",),
    stored=("block", "recorded"),
    walked_by=("block",),
    unfolded=_unfolded,
)
