"""This file holds what read models ask of a database, and the order-free digest of their rows."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from hashlib import sha256
from typing import Any, NamedTuple, Protocol

from msgspec.msgpack import Encoder

from projections.decode import Fact, Unreadable
from projections.readmodels.standing import Retold

Row = tuple[Any, ...]
DIGEST_SIZE = 32
DIGEST_SPACE = 1 << 8 * DIGEST_SIZE

_encode = Encoder().encode
_number = int.from_bytes

OPEN = (1 << 63) - 1
"""`to_position` of a row that holds until further notice."""


def row_digest(row: Row) -> int:
    """The hash of one row. A view's digest is the sum of these: whatever the order of rows or batches."""
    return _number(sha256(_encode(row)).digest(), "big")


def spell_digest(spell: Row) -> int:
    """The hash of a row that ends in the positions between which it held.

    The last one multiplies the hash of the others: closing a row is known from one hash, and so is opening and closing
    it at once. Doubled and one more it is odd, so that no hash is lost in the space of digests.
    """
    until: int = spell[-1]
    return row_digest(spell[:-1]) * (2 * until + 1)


def spell_digests(spells: Iterable[Row]) -> int:
    """The sum of their digests: of those that hold until further notice, the last factor is taken out."""
    lasting = ended = 0
    for spell in spells:
        number = _number(sha256(_encode(spell[:-1])).digest(), "big")
        until: int = spell[-1]
        if until == OPEN:
            lasting += number
        else:
            ended += number * (2 * until + 1)
    return lasting * (2 * OPEN + 1) + ended


def closing_digest(spell: Row) -> int:
    """What closing a row that was open adds to the digest."""
    until: int = spell[-1]
    return row_digest(spell[:-1]) * 2 * (until - OPEN)


class ViewsUnavailable(Exception):
    """The views cannot be read or written now; nothing of the ledger is lost."""


class ViewsOutdated(Exception):
    """There are no views yet, or of another version of this code or another ledger: catching up makes them.

    Shape: `why` is none, version or ledger.
    """

    def __init__(self, where: str, why: str, *details: str) -> None:
        super().__init__(where, why, *details)
        self.where, self.why, self.details = where, why, details


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
        """The position up to which these views have applied every fact; of what Kafka brings, they may hold more."""
        ...

    @property
    def latest(self) -> bool:
        """Whether the question is about now: rows that hold until further notice answer it."""
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

    def insert(self, table: str, rows: Sequence[Row]) -> None:
        """Add rows, all columns in their order."""
        ...

    @property
    def publishing(self) -> bool:
        """Whether what changes of the stock is to be sent on."""
        ...

    def count(self, model: str, difference: int) -> None:
        """Add to the digest of a model's rows what was written less what was removed."""
        ...


class Batch(NamedTuple):
    """The facts of one transaction, grouped so that what is stored of a stream is read once.

    Shape: `streams` has each stream's new facts in version order, `names` which there are. `retold` has the streams
    in which a new fact may change what earlier ones say; their new facts are also in `streams`. `waiting` are kept and
    not told: a fact before them, of the same donation, could not be read.
    """

    facts: list[Fact]
    unreadable: list[Unreadable]
    streams: dict[str, list[Fact]]
    names: set[str]
    retold: dict[str, Retold]
    waiting: list[Fact] = []


def batch_of(decoded: Iterable[Fact | Unreadable], waiting: list[Fact] | None = None) -> Batch:
    """Group the facts of one batch by stream."""
    facts: list[Fact] = []
    unreadable: list[Unreadable] = []
    streams: defaultdict[str, list[Fact]] = defaultdict(list)
    for each in decoded:
        if isinstance(each, Unreadable):
            unreadable.append(each)
            continue
        facts.append(each)
        streams[each.stream].append(each)
    return Batch(facts, unreadable, dict(streams), {fact.name for fact in facts}, {}, waiting or [])


def _as_stored(rows: Iterator[Row]) -> Iterator[Row]:
    return rows


class Content(NamedTuple):
    """What of a table the digest covers: its rows in the order of their key, and the digest of one.

    Shape: `stored`, where given, are the columns of the table itself, which is walked in the order of `walked_by`;
    `unfolded` makes of its rows those of `columns`, in the order of `key`.
    """

    table: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    digest_of: Callable[[Row], int] = row_digest
    stored: tuple[str, ...] = ()
    walked_by: tuple[str, ...] = ()
    unfolded: Callable[[Iterator[Row]], Iterator[Row]] = _as_stored

    @property
    def stored_columns(self) -> tuple[str, ...]:
        """The columns of the table itself."""
        return self.stored or self.columns

    def rows(self, walk: Callable[[str], Iterable[Row]]) -> Iterator[Row]:
        """All of it, by something that walks what SQL answers."""
        order = ", ".join(self.walked_by or self.key)
        return self.unfolded(iter(walk(f"SELECT {', '.join(self.stored_columns)} FROM {self.table} ORDER BY {order}")))


class ReadModel(NamedTuple):
    """A set of tables and how a batch changes them.

    Shape: the digest covers `content`; `beside` is what is kept to go on from, and compared by a rebuild.
    """

    name: str
    content: Content
    ddl: tuple[str, ...]
    apply: Callable[[Writing, Batch], None]
    beside: tuple[Content, ...] = ()


def is_bag(stream: str) -> bool:
    """Whether a stream is a bag or container: `DIN=PRODUCT…` or `DIN#N`, a DIN having 13 characters."""
    return stream[13:14] in ("=", "#") and ":" not in stream[:13]


def is_donation(stream: str) -> bool:
    """Whether a stream is a donation: its name is the DIN."""
    return len(stream) == 13 and ":" not in stream
