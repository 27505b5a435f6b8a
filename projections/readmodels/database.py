"""This file holds what read models ask of a database, and the order-free digest of their rows."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from hashlib import blake2b
from typing import Any, NamedTuple, Protocol

from msgspec.msgpack import Encoder

from projections.decode import Fact, Unreadable

Row = tuple[Any, ...]
DIGEST_SIZE = 16
DIGEST_SPACE = 1 << 8 * DIGEST_SIZE

_encode = Encoder().encode


def row_digest(row: Row) -> int:
    """The hash of one row. A view's digest is the sum of these: whatever the order of rows or batches."""
    return int.from_bytes(blake2b(_encode(row), digest_size=DIGEST_SIZE).digest(), "big")


class ViewsUnavailable(Exception):
    """The views cannot be read or written now; nothing of the ledger is lost."""


class ViewsOutdated(Exception):
    """There are no views yet, or of another version of this code: catching up makes them."""


class Reading(Protocol):
    """One read transaction: everything asked in it is of one position.

    SQL is what SQLite and PostgreSQL share, with `?` for parameters; `{each}` stands for a table `each` of
    one column `value`, made of a parameter that is a list (written by `each`). `{known TABLE}` stands for the
    condition that a row of TABLE was there at `position`.
    """

    @property
    def ledger(self) -> str: ...

    @property
    def position(self) -> int:
        """The position asked about."""
        ...

    @property
    def complete_to(self) -> int:
        """The last position these views have applied."""
        ...

    def digest(self) -> str:
        """The digest of the whole view at `complete_to`: SHA-256 of its tables' digests."""
        ...

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]: ...

    def each(self, values: Iterable[str]) -> Any:
        """A list as one parameter, for `{each}`."""
        ...


class Views(Protocol):
    """What a query needs of a view database."""

    def reading(self, known_at: int | None = None) -> AbstractContextManager[Reading]:
        """One read transaction, of what was recorded by `known_at` (microseconds).

        Errors: ViewsOutdated, ViewsUnavailable.
        """
        ...


class Writing(Reading, Protocol):
    """One write transaction, behind the fence."""

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> None: ...

    def run_many(self, sql: str, rows: Sequence[Row]) -> None: ...

    def count(self, model: str, difference: int) -> None:
        """Add to the digest of a model's rows what was written less what was removed."""
        ...


class Batch(NamedTuple):
    """The facts of one transaction, grouped so that a row is read and written once.

    Shape: `streams` has each stream's new facts in version order, `named` those of each name. `anew` has the
    streams whose rows are to be made anew because a correction touched them, with all their standing facts as they
    read now. The life, which therefore comes first, fills it.
    """

    facts: list[Fact]
    unreadable: list[Unreadable]
    streams: dict[str, list[Fact]]
    named: dict[str, list[Fact]]
    anew: dict[str, list[Fact]]

    def added(self, names: Iterable[str]) -> Iterator[Fact]:
        """New facts of these names, in streams whose rows need not be made anew."""
        for name in names:
            for fact in self.named.get(name, ()):
                if fact.stream not in self.anew:
                    yield fact


def batch_of(decoded: Iterable[Fact | Unreadable]) -> Batch:
    """Group the facts of one batch by stream."""
    facts: list[Fact] = []
    unreadable: list[Unreadable] = []
    streams: defaultdict[str, list[Fact]] = defaultdict(list)
    named: defaultdict[str, list[Fact]] = defaultdict(list)
    for each in decoded:
        if isinstance(each, Unreadable):
            unreadable.append(each)
            continue
        facts.append(each)
        streams[each.stream].append(each)
        named[each.name].append(each)
    return Batch(facts, unreadable, dict(streams), dict(named), {})


class ReadModel(NamedTuple):
    """A set of tables and how a batch changes them."""

    name: str
    tables: tuple[str, ...]
    ddl: tuple[str, ...]
    apply: Callable[[Writing, Batch], None]


def is_bag(stream: str) -> bool:
    """Whether a stream is a bag or container: `DIN=PRODUCT…` or `DIN#N`, a DIN having 13 characters."""
    return stream[13:14] in ("=", "#") and ":" not in stream[:13]


def is_donation(stream: str) -> bool:
    """Whether a stream is a donation: its name is the DIN."""
    return len(stream) == 13 and ":" not in stream
