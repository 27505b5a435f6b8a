"""This file holds how far a view that is fed by Kafka is: for each partition its number, hash and offset.

The fence of such a view: a batch of a partition applies only where the view still expects its first number.
"""

from typing import NamedTuple

from projections.decode import Place, chain_start
from projections.readmodels.database import Reading, Writing

DDL = (
    # missing: the number that a partition stands still at, and why; null while it goes on.
    """CREATE TABLE partitions (
        topic TEXT NOT NULL, part INTEGER NOT NULL, number BIGINT NOT NULL, hash BLOB NOT NULL,
        next_offset BIGINT NOT NULL, position BIGINT NOT NULL, why TEXT, missing BIGINT, missing_to BIGINT,
        PRIMARY KEY (topic, part))""",
    # Records on the topic that are no facts of any ledger: no chain speaks for them.
    """CREATE TABLE strays (
        topic TEXT NOT NULL, part INTEGER NOT NULL, at_offset BIGINT NOT NULL, key TEXT NOT NULL, reason TEXT NOT NULL,
        value BLOB NOT NULL, dismissed TEXT, PRIMARY KEY (topic, part, at_offset))""",
)
COLUMNS = "topic, part, number, hash, next_offset, position, why, missing, missing_to"


class Standstill(NamedTuple):
    """Why a partition does not go on: gap, altered or forked; and the numbers that are not there, or wrong."""

    why: str
    missing: int
    missing_to: int


class Reached(NamedTuple):
    """How far a view is with a partition: the last number applied, its hash and position; the offset to go on at."""

    number: int
    hash: bytes
    offset: int
    position: int = 0
    standstill: Standstill | None = None


def reached(read: Reading) -> dict[Place, Reached]:
    """How far the view is, for each partition it knows."""
    found: dict[Place, Reached] = {}
    for topic, part, number, hash_, offset, position, *still in read.rows(f"SELECT {COLUMNS} FROM partitions"):
        standstill = None if still[0] is None else Standstill(*still)
        found[Place(topic, part)] = Reached(number, bytes(hash_), offset, position, standstill)
    return found


def begin(writing: Writing, places: list[Place]) -> None:
    """Know of these partitions, from their first number on, unless they are known."""
    rows = [(*place, 0, chain_start(writing.ledger, place), 0, 0, None, None, None) for place in places]
    writing.run_many("INSERT INTO partitions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", rows)


def passed(writing: Writing, place: Place, expected: int, to: Reached) -> bool:
    """The fence: go on to `to` if the view is still just before the number `expected`; a standstill is over then."""
    sql = """UPDATE partitions SET number = ?, hash = ?, next_offset = ?, position = ?, why = NULL, missing = NULL,
        missing_to = NULL WHERE topic = ? AND part = ? AND number = ? AND next_offset <= ? RETURNING number"""
    values = (to.number, to.hash, to.offset, to.position, *place, expected - 1, to.offset)
    return bool(writing.rows(sql, values))


def stand_still(writing: Writing, place: Place, expected: int, standstill: Standstill) -> bool:
    """Say that a partition does not go on; whether that is news."""
    sql = """UPDATE partitions SET why = ?, missing = ?, missing_to = ? WHERE topic = ? AND part = ? AND number = ?
        AND (why IS NULL OR why <> ? OR missing_to <> ?) RETURNING number"""
    why, missing, missing_to = standstill
    return bool(writing.rows(sql, (why, missing, missing_to, *place, expected - 1, why, missing_to)))
