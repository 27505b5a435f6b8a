"""This file holds the relay's desk in the ledger's own database: who relays, and how far it is."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple

from schemas.on_kafka import Place

Execute = Callable[[str, Sequence[Any]], list[Any]]
TABLES = (
    """CREATE TABLE IF NOT EXISTS relay (one INTEGER PRIMARY KEY CHECK (one = 1), token BIGINT NOT NULL,
        beat BIGINT NOT NULL, holder TEXT NOT NULL, position BIGINT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS relay_ends (topic TEXT NOT NULL, part INTEGER NOT NULL, number BIGINT NOT NULL,
        hash {bytes} NOT NULL, at_offset BIGINT NOT NULL, PRIMARY KEY (topic, part))""",
    """CREATE TABLE IF NOT EXISTS relay_topics (topic TEXT PRIMARY KEY, partitions INTEGER NOT NULL)""",
    "INSERT INTO relay VALUES (1, 0, 0, '', 0) ON CONFLICT DO NOTHING",
)


class Lease(NamedTuple):
    """Who relays. A beat that stays the same is a relay that stands still; `token` grows with every taking over."""

    token: int
    beat: int
    holder: str


class RelayEnd(NamedTuple):
    """A partition's end as of the checkpoint."""

    number: int
    hash: bytes
    offset: int


class Checkpoint(NamedTuple):
    """Everything up to `position` was acknowledged; per partition the last number, its hash and offset."""

    position: int
    ends: dict[Place, RelayEnd]


class LeaseLost(Exception):
    """Another relay took over: whoever is told this must not move the checkpoint."""


class RelayDesk:
    """Reads and writes behind the token: a former relay can move nothing."""

    def __init__(self, transaction: Callable[[bool], AbstractContextManager[Execute]]) -> None:
        self._transaction = transaction
        with transaction(True) as execute:
            for statement in TABLES:
                execute(statement, ())

    def lease(self) -> Lease:
        with self._transaction(False) as execute:
            return Lease._make(execute("SELECT token, beat, holder FROM relay", ())[0])

    def take(self, seen: Lease, holder: str) -> int | None:
        """Take over from whom was seen; the new token, or None when it moved meanwhile."""
        sql = """UPDATE relay SET token = token + 1, beat = beat + 1, holder = ? WHERE token = ? AND beat = ?
            RETURNING token"""
        with self._transaction(True) as execute:
            taken = execute(sql, (holder, seen.token, seen.beat))
        return int(taken[0][0]) if taken else None

    def beat(self, token: int) -> None:
        """Errors: LeaseLost."""
        with self._held(token):
            pass

    def release(self, token: int) -> None:
        """Let the next one begin at once."""
        with self._transaction(True) as execute:
            execute("UPDATE relay SET holder = '' WHERE token = ?", (token,))

    def checkpoint(self) -> Checkpoint:
        with self._transaction(False) as execute:
            ((position,),) = execute("SELECT position FROM relay", ())
            rows = execute("SELECT topic, part, number, hash, at_offset FROM relay_ends", ())
        ends = {Place(topic, part): RelayEnd(number, bytes(hash_), at) for topic, part, number, hash_, at in rows}
        return Checkpoint(position, ends)

    def partitions(self) -> dict[str, int]:
        """How many partitions each topic had when this ledger's first fact was sent there."""
        with self._transaction(False) as execute:
            return dict(execute("SELECT topic, partitions FROM relay_topics", ()))

    def begin(self, token: int, partitions: Mapping[str, int]) -> None:
        """Keep the partition counts that numbers and hashes rest on. Errors: LeaseLost."""
        with self._held(token) as execute:
            for topic, count in partitions.items():
                execute("INSERT INTO relay_topics VALUES (?, ?) ON CONFLICT DO NOTHING", (topic, count))

    def save(self, token: int, position: int, ends: Mapping[Place, RelayEnd]) -> None:
        """Move the checkpoint. Errors: LeaseLost."""
        sql = """INSERT INTO relay_ends VALUES (?, ?, ?, ?, ?) ON CONFLICT (topic, part)
            DO UPDATE SET number = excluded.number, hash = excluded.hash, at_offset = excluded.at_offset"""
        with self._held(token) as execute:
            execute("UPDATE relay SET position = ?", (position,))
            for place, end in ends.items():
                execute(sql, (*place, end.number, end.hash, end.offset))
        # Durable from here: a crash before it only means that the next relay reads more of each partition's end.

    @contextmanager
    def _held(self, token: int) -> Iterator[Execute]:
        with self._transaction(True) as execute:
            if not execute("UPDATE relay SET beat = beat + 1 WHERE token = ? RETURNING beat", (token,)):
                raise LeaseLost
            yield execute
