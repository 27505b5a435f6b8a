"""This file holds the transactions on PostgreSQL: reads under the write lock, the one append, and snapshots."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from eventsourcing.persistence import StoredEvent
from psycopg import Connection, Cursor

from ledger.store.appending import LogHead, Prepared, StreamHead, distinct_streams, prepared
from ledger.store.crashpoints import reached
from ledger.store.port import FactRow, Head, KeyRecord, Known, Link, RequestRecord, Unlink
from ledger.store.tables import Chunk, placed

FACTS = (
    "SELECT notification_id, leaf, originator_id, originator_version, topic, recorded_at, state, leaf_hash"
    " FROM stored_events"
)
PAGE = 5000

REQUESTS = (
    "SELECT r.* FROM requests r JOIN unnest(%b::text[], %b::text[]) AS w (s, q) ON r.sender = w.s AND r.request = w.q"
)
KEYS = "SELECT * FROM business_keys WHERE key = ANY(%b::bytea[])"
STREAMS = (
    "SELECT originator_id, originator_version, topic, state FROM stored_events"
    " WHERE originator_id = ANY(%b::text[]) ORDER BY originator_id, originator_version"
)
HEADS = "SELECT * FROM stream_heads WHERE stream = ANY(%b::text[])"
FEW = 200
"""Facts; more are copied, which takes trips of its own, and a fact less time."""

_INSERT_FACTS = (
    "INSERT INTO stored_events (notification_id, originator_id, originator_version, topic, state, recorded_at, leaf,"
    " leaf_hash) SELECT * FROM"
    " unnest(%b::int8[], %b::text[], %b::int8[], %b::text[], %b::bytea[], %b::int8[], %b::int8[], %b::bytea[])"
)
_COPY_FACTS = (
    "COPY stored_events (notification_id, originator_id, originator_version, topic, state, recorded_at, leaf,"
    " leaf_hash) FROM STDIN (FORMAT BINARY)"
)
_FACT_TYPES = ["int8", "text", "int8", "text", "bytea", "int8", "int8", "bytea"]


class PostgresWriting:
    """Everything between the lock on the log head and COMMIT. One statement a step: a trip costs more than rows."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection, self._cursor = connection, connection.cursor(binary=True)
        with connection.pipeline():
            connection.execute("BEGIN")
            # The row lock is the ledger's write lock; each statement after it sees what was committed before it.
            self._cursor.execute("SELECT size, root, frontier, position, recorded_at, commits FROM log_head FOR UPDATE")
        self._log = LogHead._make(self._cursor.fetchone() or ())
        self.head = self._log.head
        self.wrote = False
        self._heads: dict[str, StreamHead | None] = {}

    def known(
        self, requests: Sequence[tuple[str, str]], keys: Sequence[bytes], streams: Sequence[str], touched: Sequence[str]
    ) -> Known:
        with self._connection.pipeline():
            of_requests = self._asked_requests(requests)
            of_keys = self._asked(KEYS, list(keys))
            of_streams = self._asked(STREAMS, list(streams))
            of_heads = self._asked(HEADS, list(touched))
        self._heads = dict.fromkeys(touched)
        self._heads.update((row[0], StreamHead._make(row)) for row in of_heads)
        return Known(_requests(of_requests), _keys(of_keys), _streams(of_streams))

    def requests(self, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], RequestRecord]:
        return _requests(self._asked_requests(pairs))

    def keys(self, keys: Sequence[bytes]) -> dict[bytes, KeyRecord]:
        return _keys(self._asked(KEYS, list(keys)))

    def streams(self, names: Sequence[str]) -> dict[str, list[StoredEvent]]:
        return _streams(self._asked(STREAMS, list(names)))

    def _asked_requests(self, pairs: Sequence[tuple[str, str]]) -> Cursor[Any]:
        return self._asked(REQUESTS, [each[0] for each in pairs], [each[1] for each in pairs])

    def links(self, kind: str, keys: Sequence[str]) -> list[Link]:
        rows = self._all("SELECT * FROM links WHERE kind = %s AND key = ANY(%b::text[])", kind, list(keys))
        return [Link._make(row) for row in rows]

    def link_keys(self, kind: str) -> Iterator[str]:
        last = ""
        while rows := self._all(
            "SELECT DISTINCT key FROM links WHERE kind = %s AND key > %s ORDER BY key LIMIT %s", kind, last, PAGE
        ):
            yield from (row[0] for row in rows)
            last = rows[-1][0]

    def rows(self, positions: Iterable[int]) -> list[FactRow]:
        rows = self._all(f"{FACTS} WHERE notification_id = ANY(%b::bigint[]) ORDER BY notification_id", list(positions))
        return [FactRow._make(row) for row in rows]

    def rows_after(self, position: int) -> Iterator[FactRow]:
        while rows := self._all(
            f"{FACTS} WHERE notification_id > %s ORDER BY notification_id LIMIT %s", position, PAGE
        ):
            yield from map(FactRow._make, rows)
            position = rows[-1][0]

    def append(
        self,
        facts: Sequence[StoredEvent],
        recorded_at: int,
        requests: Sequence[tuple[str, str, bytes, int, int]],
        keys: Sequence[tuple[bytes, int, int]],
        links: Sequence[Link],
        freed: Sequence[Unlink],
    ) -> Head:
        new = [(str(f.originator_id), f.originator_version, f.topic, f.state, recorded_at) for f in facts]
        return self.append_chunk(Chunk(new, requests, keys, links, freed))

    def append_chunk(self, chunk: Chunk) -> Head:
        """As `append`; only an import calls it more than once in a transaction."""
        first = self._log.position + 1
        new = prepared(self._log, self._stream_heads(chunk), chunk.facts)
        few = len(new.facts) <= FEW
        if not few:
            self._copy_facts(new)
            reached("after-facts")
        with self._connection.pipeline():
            if few:
                self._unnested(_INSERT_FACTS, new.facts)
                reached("after-facts")
            self._write_stream_heads(new)
            self._write_index(chunk, first)
            reached("after-index")
            self._write_head(new)
        self._log, self.wrote = new.log, True
        self._heads = {}  # an import goes on in this transaction, and must not keep what it wrote
        return new.log.head

    def _copy_facts(self, new: Prepared) -> None:
        with self._cursor.copy(_COPY_FACTS) as copy:
            copy.set_types(_FACT_TYPES)
            for fact in new.facts:
                copy.write_row(fact)

    def _write_stream_heads(self, new: Prepared) -> None:
        self._unnested(
            "INSERT INTO stream_heads SELECT * FROM unnest(%b::text[], %b::bigint[], %b::bytea[])"
            " ON CONFLICT (stream) DO UPDATE SET count = excluded.count, hash = excluded.hash",
            new.stream_heads,
        )

    def _write_index(self, chunk: Chunk, first: int) -> None:
        places = placed(((each[3], each[4]) for each in chunk.requests), first)
        self._unnested(
            "INSERT INTO requests SELECT * FROM"
            " unnest(%b::text[], %b::text[], %b::bytea[], %b::bigint[], %b::bigint[])",
            [(*each[:3], *place) for each, place in zip(chunk.requests, places, strict=True)],
        )
        self._unnested("DELETE FROM business_keys WHERE key = ANY(%b::bytea[])", chunk.freed)
        spans = placed(((each[1], each[2]) for each in chunk.keys), first)
        self._unnested(
            "INSERT INTO business_keys SELECT * FROM unnest(%b::bytea[], %b::bigint[], %b::bigint[])",
            [(each[0], *span) for each, span in zip(chunk.keys, spans, strict=True)],
        )
        self._unnested(
            "INSERT INTO links SELECT * FROM unnest(%b::text[], %b::text[], %b::text[], %b::bigint[])"
            " ON CONFLICT DO NOTHING",
            chunk.links,
        )

    def _write_head(self, new: Prepared) -> None:
        self._unnested(
            "INSERT INTO commits SELECT * FROM unnest(%b::bigint[], %b::bytea[], %b::bigint[], %b::bigint[])",
            new.commits,
        )
        self._cursor.execute(
            "UPDATE log_head SET size = %s, root = %s, frontier = %s, position = %s, recorded_at = %s, commits = %s",
            new.log,
        )

    def _unnested(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Run a set-based statement on the columns of the rows, unless there are none."""
        if rows:
            self._cursor.execute(statement.encode(), [list(column) for column in zip(*rows, strict=True)])

    def _stream_heads(self, chunk: Chunk) -> dict[str, StreamHead]:
        """The heads of the streams written to, but for those that are asked already."""
        names = distinct_streams(chunk.facts)
        heads = {name: head for name in names if (head := self._heads.get(name)) is not None}
        unasked = [name for name in names if name not in self._heads]
        if unasked:
            heads.update((row[0], StreamHead._make(row)) for row in self._asked(HEADS, unasked))
        return heads

    def _asked(self, select: str, *parameters: Any) -> Cursor[Any]:
        """A cursor of its own: in a pipeline, its rows are there at the end."""
        return self._connection.cursor(binary=True).execute(select.encode(), parameters)

    def _all(self, select: str, *parameters: Any) -> list[Any]:
        return self._asked(select, *parameters).fetchall()


def _requests(rows: Iterable[Any]) -> dict[tuple[str, str], RequestRecord]:
    return {(row[0], row[1]): RequestRecord._make(row) for row in rows}


def _keys(rows: Iterable[Any]) -> dict[bytes, KeyRecord]:
    return {row[0]: KeyRecord._make(row) for row in rows}


def _streams(rows: Iterable[Any]) -> dict[str, list[StoredEvent]]:
    found: dict[str, list[StoredEvent]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(StoredEvent(*row))
    return found


class PostgresSnapshot:
    """A read transaction over everything, as an audit needs it; rows come over server-side cursors."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection, self._count = connection, 0

    def select(self, statement: str) -> Iterator[tuple[Any, ...]]:
        self._count += 1
        with self._connection.cursor(f"audit{self._count}", scrollable=False) as cursor:
            cursor.itersize = PAGE
            yield from cursor.execute(statement.encode(), binary=True)

    def damage(self) -> Iterator[str]:
        """PostgreSQL checks its pages as it reads them."""
        return iter(())
