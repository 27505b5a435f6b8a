"""This file holds the transactions on SQLite: reads under the write lock, the one append, and snapshots."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Any

from eventsourcing.persistence import StoredEvent

from ledger.store.appending import LogHead, Prepared, StreamHead, distinct_streams, prepared
from ledger.store.crashpoints import reached
from ledger.store.port import FactRow, Head, KeyRecord, Known, Link, RequestRecord, Unlink
from ledger.store.tables import Chunk, placed

FACT_COLUMNS = "notification_id, leaf, originator_id, originator_version, topic, recorded_at, state, leaf_hash"
FACTS = f"SELECT {FACT_COLUMNS} FROM stored_events"
FIRST_TWO = itemgetter(0, 1)
AT_ONCE = 500
"""Values in one statement; SQLite takes 999 wherever it runs."""


class SQLiteWriting:
    """Everything between BEGIN IMMEDIATE and COMMIT. SQLite runs in this process: a statement a row costs no trip."""

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._cursor = cursor
        cursor.row_factory = None
        row = cursor.execute("SELECT size, root, frontier, position, recorded_at, commits FROM log_head").fetchone()
        self._log = LogHead._make(row)
        self.head = self._log.head
        self.wrote = False

    def known(
        self, requests: Sequence[tuple[str, str]], keys: Sequence[bytes], streams: Sequence[str], _: Sequence[str]
    ) -> Known:
        return Known(self.requests(requests), self.keys(keys), self.streams(streams))

    def requests(self, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], RequestRecord]:
        by_sender: dict[str, list[str]] = {}
        for sender, request in pairs:
            by_sender.setdefault(sender, []).append(request)
        found: dict[tuple[str, str], RequestRecord] = {}
        for sender, names in by_sender.items():
            rows = self._among("SELECT * FROM requests WHERE sender = ? AND request", names, sender)
            found.update(((row[0], row[1]), RequestRecord._make(row)) for row in rows)
        return found

    def keys(self, keys: Sequence[bytes]) -> dict[bytes, KeyRecord]:
        rows = self._among("SELECT * FROM business_keys WHERE key", keys)
        return {row[0]: KeyRecord._make(row) for row in rows}

    def streams(self, names: Sequence[str]) -> dict[str, list[StoredEvent]]:
        select = "SELECT originator_id, originator_version, topic, state FROM stored_events WHERE originator_id"
        found: dict[str, list[StoredEvent]] = {}
        for row in self._among(select, names, then="ORDER BY originator_id, originator_version"):
            found.setdefault(row[0], []).append(StoredEvent(*row))
        return found

    def links(self, kind: str, keys: Sequence[str]) -> list[Link]:
        rows = self._each("SELECT * FROM links WHERE kind = ? AND key = ?", [(kind, key) for key in keys])
        return [Link._make(row) for row in rows]

    def link_keys(self, kind: str) -> Iterator[str]:
        for row in self._apart("SELECT DISTINCT key FROM links WHERE kind = ? ORDER BY key", (kind,)):
            yield row[0]

    def rows(self, positions: Iterable[int]) -> list[FactRow]:
        rows = self._each(f"{FACTS} WHERE notification_id = ?", [(position,) for position in positions])
        return [FactRow._make(row) for row in rows]

    def rows_after(self, position: int) -> Iterator[FactRow]:
        rows = self._apart(f"{FACTS} WHERE notification_id > ? ORDER BY notification_id", (position,))
        return map(FactRow._make, rows)

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
        self._write_facts(new)
        reached("after-facts")
        self._write_index(chunk, first)
        reached("after-index")
        self._write_head(new)
        self._log, self.wrote = new.log, True
        return new.log.head

    def _write_facts(self, new: Prepared) -> None:
        self._cursor.executemany(
            "INSERT INTO stored_events (notification_id, originator_id, originator_version, topic, state,"
            " recorded_at, leaf, leaf_hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            new.facts,
        )
        self._cursor.executemany(
            "INSERT INTO stream_heads VALUES (?, ?, ?)"
            " ON CONFLICT (stream) DO UPDATE SET count = excluded.count, hash = excluded.hash",
            new.stream_heads,
        )

    def _write_index(self, chunk: Chunk, first: int) -> None:
        execute = self._cursor.executemany
        places = placed(((each[3], each[4]) for each in chunk.requests), first)
        rows = [(*each[:3], *place) for each, place in zip(chunk.requests, places, strict=True)]
        # In the tables' own order: an import then fills their pages one by one.
        rows.sort(key=FIRST_TWO)
        execute("INSERT INTO requests VALUES (?, ?, ?, ?, ?)", rows)
        if chunk.freed:
            execute("DELETE FROM business_keys WHERE key = ?", chunk.freed)
        if chunk.keys:
            spans = placed(((each[1], each[2]) for each in chunk.keys), first)
            taken = sorted((each[0], *span) for each, span in zip(chunk.keys, spans, strict=True))
            execute("INSERT INTO business_keys VALUES (?, ?, ?)", taken)
        if chunk.links:
            execute("INSERT INTO links VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", chunk.links)

    def _write_head(self, new: Prepared) -> None:
        self._cursor.executemany("INSERT INTO commits VALUES (?, ?, ?, ?)", new.commits)
        self._cursor.execute(
            "UPDATE log_head SET size = ?, root = ?, frontier = ?, position = ?, recorded_at = ?, commits = ?", new.log
        )

    def _stream_heads(self, chunk: Chunk) -> dict[str, StreamHead]:
        select = "SELECT * FROM stream_heads WHERE stream IN (SELECT value FROM json_each(?))"
        rows = self._cursor.execute(select, (json.dumps(distinct_streams(chunk.facts)),)).fetchall()
        return {row[0]: StreamHead._make(row) for row in rows}

    def _among(self, select: str, values: Sequence[Any], *before: Any, then: str = "") -> Iterator[Any]:
        """Rows whose last column asked for is one of many values: some hundreds to a statement, which costs a third
        of a statement each."""
        for begin in range(0, len(values), AT_ONCE):
            some = values[begin : begin + AT_ONCE]
            marks = ", ".join("?" * len(some))
            yield from self._cursor.execute(f"{select} IN ({marks}) {then}", (*before, *some)).fetchall()

    def _each(self, select: str, parameters: Iterable[Sequence[Any]]) -> Iterator[Any]:
        for each in parameters:
            yield from self._cursor.execute(select, each).fetchall()

    def _apart(self, select: str, parameters: Sequence[Any]) -> Iterator[Any]:
        """Rows over a cursor of their own, so that other reads may go on in between."""
        cursor = self._cursor.connection.cursor()
        cursor.row_factory = None
        yield from cursor.execute(select, parameters)


def surrogates(text: bytes) -> str:
    """Text that may not be UTF-8 any more: an audit names the row instead of failing on it."""
    return text.decode("utf-8", "surrogateescape")


class SQLiteSnapshot:
    """A read transaction over everything, as an audit needs it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def select(self, statement: str) -> Iterator[tuple[Any, ...]]:
        cursor = self._connection.cursor()
        cursor.row_factory = None
        return cursor.execute(statement)

    def damage(self) -> Iterator[str]:
        # The other tables have no index that is not read in full by the audit.
        for row in self.select("PRAGMA integrity_check(commits)"):
            if row[0] != "ok":
                yield str(row[0])
