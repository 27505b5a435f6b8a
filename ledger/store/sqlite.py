"""This file holds the fact store on SQLite: one file, any number of processes, one writer at a time."""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from eventsourcing.persistence import ConnectionUnavailableError, Notification
from eventsourcing.sqlite import SQLiteApplicationRecorder

from ledger.store.appending import EMPTY_LOG
from ledger.store.crashpoints import reached
from ledger.store.faults import StoreFault
from ledger.store.port import FactRow, Head
from ledger.store.reading import Appending
from ledger.store.relay_desk import Execute, RelayDesk
from ledger.store.sqlite_tables import BUSY_SECONDS, LedgerDatastore, in_words, opened
from ledger.store.sqlite_writing import FACTS, SQLiteSnapshot, SQLiteWriting, surrogates

LONGEST_WORK_SECONDS = 60.0
"""How long closing waits for threads that still read or write."""


class SQLiteFactStore(Appending, SQLiteApplicationRecorder):
    """Fulfils FactStore and the library's ApplicationRecorder over one file (`path`) or memory (`:memory:`).

    Errors: StoreFault wherever SQLite, the disk or another writer is in the way.
    """

    def __init__(self, path: str, ledger_id: str | None = None, busy_seconds: float = BUSY_SECONDS) -> None:
        datastore = LedgerDatastore(path, busy_seconds)
        super().__init__(datastore)
        self.path = path
        self._at_rest, self._at_work = threading.Condition(), 0
        try:
            self._ledger_id = opened(datastore, ledger_id)
        except BaseException:
            datastore.close()
            raise

    def ledger_id(self) -> str:
        return self._ledger_id

    def create_table(self) -> None:
        """Nothing is left to do: opening the store makes its tables."""

    @contextmanager
    def writing(self) -> Iterator[SQLiteWriting]:
        reached("before-lock")
        with self._connection("writing facts to", commit=True) as cursor:
            # IMMEDIATE: what is read from here on is what will be written on; no other process can come between.
            cursor.execute("BEGIN IMMEDIATE")
            try:
                reached("after-lock")
                writing = SQLiteWriting(cursor)
                yield writing
                reached("before-commit")
                # Durable from here, all of it; a crash before leaves nothing, and the caller's sender asks again.
                cursor.execute("COMMIT" if writing.wrote else "ROLLBACK")
            except BaseException:
                if cursor.connection.in_transaction:
                    cursor.connection.rollback()
                raise
        reached("after-commit")

    def head(self) -> Head:
        rows = self._select("SELECT size, root, position, recorded_at FROM log_head", ())
        return Head._make(rows[0])

    def rows(self, after_position: int, limit: int) -> list[FactRow]:
        rows = self._select(
            f"{FACTS} WHERE notification_id > ? ORDER BY notification_id LIMIT ?", (after_position, limit)
        )
        return [FactRow._make(row) for row in rows]

    def stream(self, name: str) -> list[FactRow]:
        rows = self._select(f"{FACTS} WHERE originator_id = ? ORDER BY originator_version", (name,))
        return [FactRow._make(row) for row in rows]

    def size_at(self, recorded_at: int) -> Head:
        select = (
            "SELECT size, root, position, recorded_at FROM commits"
            " WHERE recorded_at <= ? ORDER BY recorded_at DESC, size DESC LIMIT 1"
        )
        rows = self._select(select, (recorded_at,))
        return Head._make(rows[0]) if rows else EMPTY_LOG.head

    @contextmanager
    def snapshot(self, lenient: bool = False) -> Iterator[SQLiteSnapshot]:
        """One view of everything for an audit, while others go on writing; `lenient` also reads text that is none."""
        with self._connection("reading from", commit=False) as cursor:
            cursor.execute("BEGIN")
            cursor.connection.text_factory = surrogates if lenient else str
            try:
                yield SQLiteSnapshot(cursor.connection)
            finally:
                cursor.connection.text_factory = str
                if cursor.connection.in_transaction:
                    cursor.connection.rollback()

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> list[Notification]:
        """The library's reading of the log; its own statement knows the position by another name."""
        first = 0 if start is None else start if inclusive_of_start else start + 1
        select = (
            "SELECT originator_id, originator_version, topic, state, notification_id FROM stored_events"
            " WHERE notification_id >= ? AND notification_id <= ?"
        )
        if topics:
            select += f" AND topic IN ({','.join('?' * len(topics))})"
        last = 2**63 - 1 if stop is None else stop
        rows = self._select(select + " ORDER BY notification_id LIMIT ?", (first, last, *topics, limit))
        return [Notification(*row) for row in rows]

    def desk(self) -> RelayDesk:
        """The relay's desk in this file."""
        return RelayDesk(self._desk_transaction)

    @contextmanager
    def _desk_transaction(self, write: bool) -> Iterator[Execute]:
        with self._connection("keeping the relay's place in", commit=write) as cursor:
            cursor.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            try:
                yield lambda sql, values: cursor.execute(sql.replace("{bytes}", "BLOB"), values).fetchall()
                cursor.execute("COMMIT")
            except BaseException:
                if cursor.connection.in_transaction:
                    cursor.connection.rollback()
                raise

    def close(self) -> None:
        """Close when no thread is at work any more: SQLite crashes the process when closed in the middle of a read."""
        with self._at_rest:
            self._at_rest.wait_for(lambda: self._at_work == 0, timeout=LONGEST_WORK_SECONDS)
        self.datastore.close()

    def _select(self, select: str, parameters: Sequence[Any]) -> list[Any]:
        with self._connection("reading from", commit=False) as cursor:
            return cursor.execute(select, parameters).fetchall()

    @contextmanager
    def _connection(self, trying: str, *, commit: bool) -> Iterator[sqlite3.Cursor]:
        """A cursor that gives plain rows, and errors in words."""
        with in_words(trying, self.path):
            try:
                taken = self.datastore.pool.get_connection(is_writer=commit)
            except ConnectionUnavailableError as error:
                raise StoreFault(
                    f"{trying} {self.path}", f"all its connections are in use; try again ({error})"
                ) from error
            with self._at_rest:
                self._at_work += 1
            try:
                cursor = taken.cursor().sqlite_cursor
                cursor.row_factory = None
                yield cursor
            finally:
                self.datastore.pool.put_connection(taken)
                with self._at_rest:
                    self._at_work -= 1
                    self._at_rest.notify_all()
