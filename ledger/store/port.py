"""This file holds the port of the fact store: what a store must promise, whichever database it stands on."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from eventsourcing.persistence import StoredEvent

from ledger.store.relay_desk import RelayDesk


class Head(NamedTuple):
    """The head of the log, as the last commit left it.

    Shape: `size` leaves, `root` of their RFC 6962 tree, `position` and `recorded_at` of the last commit.
    Unit: recorded_at in microseconds since 1970-01-01 UTC.
    """

    size: int
    root: bytes
    position: int
    recorded_at: int


class FactRow(NamedTuple):
    """One stored fact with everything its leaf covers."""

    position: int
    leaf: int
    stream: str
    version: int
    name: str
    recorded_at: int
    state: bytes
    leaf_hash: bytes


class RequestRecord(NamedTuple):
    """What a request caused: `count` facts from `first_position` on, in one commit."""

    sender: str
    request: str
    digest: bytes
    first_position: int
    count: int  # type: ignore[assignment]  # a field, not tuple.count


class KeyRecord(NamedTuple):
    """The observation a business key stands for: `count` facts from `first_position` on."""

    key: bytes
    first_position: int
    count: int  # type: ignore[assignment]  # a field, not tuple.count


class Link(NamedTuple):
    """One row of the write-side index: `stream` belongs to (`kind`, `key`), since `at` (microseconds).

    Kinds: donor (-> DIN), donation (-> bag), hold (scope kind -> hold stream), and the hold scopes
    process_run, test_run, container_lot, filter_lot, additive_lot, reagent_lot, device, operator (-> bag or DIN).
    """

    kind: str
    key: str
    stream: str
    at: int


class Unlink(NamedTuple):
    """A business key whose fact was annulled: it is free again."""

    key: bytes


class Known(NamedTuple):
    """What is stored of what a batch is about: see `Writing.known`."""

    requests: dict[tuple[str, str], RequestRecord]
    keys: dict[bytes, KeyRecord]
    streams: dict[str, list[StoredEvent]]


class Writing(Protocol):
    """One write transaction, under the store's write lock. Reads see the committed state under that lock."""

    head: Head

    def known(
        self, requests: Sequence[tuple[str, str]], keys: Sequence[bytes], streams: Sequence[str], touched: Sequence[str]
    ) -> Known:
        """What a batch asks before it decides: as `requests`, `keys` and `streams` answer, in one trip to the store.

        `touched`: streams it will probably write to, loaded or not.
        """
        ...

    def requests(self, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], RequestRecord]: ...

    def keys(self, keys: Sequence[bytes]) -> dict[bytes, KeyRecord]: ...

    def streams(self, names: Sequence[str]) -> dict[str, list[StoredEvent]]:
        """All facts of each stream, in version order; a stream without facts is absent."""
        ...

    def links(self, kind: str, keys: Sequence[str]) -> list[Link]: ...

    def link_keys(self, kind: str) -> Iterator[str]:
        """Every distinct key of one kind."""
        ...

    def rows(self, positions: Iterable[int]) -> list[FactRow]: ...

    def rows_after(self, position: int) -> Iterator[FactRow]: ...

    def append(
        self,
        facts: Sequence[StoredEvent],
        recorded_at: int,
        requests: Sequence[tuple[str, str, bytes, int, int]],
        keys: Sequence[tuple[bytes, int, int]],
        links: Sequence[Link],
        freed: Sequence[Unlink],
    ) -> Head:
        """Write facts, leaves, stream heads, requests, keys, links and the new head with set-based statements.

        Positions are head.position + 1, …; leaves head.size, head.size + 1, …. In `requests` and `keys` the
        last two numbers are the index into `facts` of the first fact and their count. At most once per transaction.
        Errors: eventsourcing's IntegrityError when a (stream, version) or request exists already.
        """
        ...


class FactStore(Protocol):
    """Durable, append-only storage of facts.

    `writing()` must hold the store's only write lock from entry to exit, in this and in every other process.
    Leaving it normally commits: everything appended is then durable, or nothing is. Leaving it with an exception
    rolls back. When the outcome of COMMIT is unknown, `CommitUnknown` is raised.
    """

    def writing(self) -> AbstractContextManager[Writing]: ...

    def head(self) -> Head: ...

    def ledger_id(self) -> str:
        """Random at creation of the ledger, or given then; never changes."""
        ...

    def rows(self, after_position: int, limit: int) -> list[FactRow]: ...

    def stream(self, name: str) -> list[FactRow]: ...

    def desk(self) -> RelayDesk:
        """Where the relay keeps its place, in the same database."""
        ...

    def size_at(self, recorded_at: int) -> Head:
        """The head after the last commit with recorded_at at or before the given instant (known at T)."""
        ...

    def close(self) -> None: ...


class CommitUnknown(Exception):
    """The connection broke while COMMIT was under way: what was appended may or may not be durable."""
