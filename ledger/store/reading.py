"""This file holds what both databases share above their SQL: the library's insert, and imports."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol
from uuid import UUID

from eventsourcing.persistence import StoredEvent

from ledger.store.port import Head, Writing
from ledger.store.tables import Chunk


class Snapshot(Protocol):
    """The store as it was at one instant. Columns come as they are stored, whatever they hold: for audits."""

    def select(self, statement: str) -> Iterator[tuple[Any, ...]]: ...

    def damage(self) -> Iterator[str]:
        """What the database itself finds broken in its indexes."""
        ...


class ChunkWriting(Writing, Protocol):
    """A write transaction that also takes an import, chunk by chunk."""

    def append_chunk(self, chunk: Chunk) -> Head: ...


class Appending:
    """The ways into a store beside the port, all through the one append of `writing()`."""

    def writing(self) -> AbstractContextManager[ChunkWriting]:
        raise NotImplementedError

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int] | None:
        """The library's door: facts without requests, recorded when the last commit was.

        The store has no clock; whoever has one uses `writing()`.
        """
        if not stored_events:
            return None
        with self.writing() as writing:
            first = writing.head.position + 1
            facts = [StoredEvent(_text(each.originator_id), *_rest(each)) for each in stored_events]
            writing.append(facts, writing.head.recorded_at, [], [], [], [])
        return list(range(first, first + len(facts)))

    def import_rows(self, chunks: Iterable[Chunk]) -> Head:
        """Append a validated history, all of it or nothing, in one transaction; memory holds one chunk.

        Errors: as `Writing.append`; ValueError when recorded_at runs backwards.
        """
        with self.writing() as writing:
            head = writing.head
            for chunk in chunks:
                head = writing.append_chunk(chunk)
        return head


def _text(originator_id: UUID | str) -> str:
    return originator_id.hex if isinstance(originator_id, UUID) else originator_id


def _rest(event: StoredEvent) -> tuple[int, str, bytes]:
    return event.originator_version, event.topic, event.state
