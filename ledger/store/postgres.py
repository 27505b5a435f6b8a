"""This file holds the fact store on PostgreSQL: one database, any number of processes, one writer at a time."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn
from uuid import UUID

import psycopg
from eventsourcing.persistence import ApplicationRecorder, Notification, StoredEvent
from psycopg import Connection

from ledger.store.appending import EMPTY_LOG
from ledger.store.crashpoints import reached
from ledger.store.port import CommitUnknown, FactRow, Head
from ledger.store.postgres_tables import BY_SCANNING, Connections, opened
from ledger.store.postgres_writing import FACTS, PostgresSnapshot, PostgresWriting
from ledger.store.reading import Appending
from ledger.store.relay_desk import Execute, RelayDesk
from ledger.store.sqlite_tables import BUSY_SECONDS


class PostgresFactStore(Appending, ApplicationRecorder):
    """Fulfils FactStore and the library's ApplicationRecorder over one database.

    Not a subclass of the library's PostgreSQL recorder: that one repeats an insert up to ten times on a lost
    connection, so a commit that succeeded can come back as a conflict; and its lock is on the table, ours on the
    log head.
    Errors: StoreFault wherever the server or another writer is in the way; CommitUnknown.
    """

    def __init__(
        self, url: str, ledger_id: str | None = None, busy_seconds: float = BUSY_SECONDS, create: bool = True
    ) -> None:
        self._connections = Connections(url, busy_seconds)
        self.path = self._connections.shown
        try:
            self._ledger_id = opened(self._connections, ledger_id, create)
        except BaseException:
            self._connections.close()
            raise

    def ledger_id(self) -> str:
        return self._ledger_id

    @contextmanager
    def writing(self) -> Iterator[PostgresWriting]:
        reached("before-lock")
        with self._connections.taken("writing facts to") as connection:
            try:
                writing = PostgresWriting(connection)
                reached("after-lock")
                yield writing
                reached("before-commit")
            except BaseException:
                _roll_back(connection)
                raise
            if writing.wrote:
                self._commit(connection)
            else:
                _roll_back(connection)
        reached("after-commit")

    def _commit(self, connection: Connection[Any]) -> None:
        """Durable from here, all of it; a crash before leaves nothing, and the caller's sender asks again.

        When the connection breaks in between, only the request records know, read under the lock by a new one.
        """
        try:
            answer = connection.execute("COMMIT").statusmessage
        except psycopg.Error as error:
            if connection.broken or connection.closed:
                raise CommitUnknown(f"committing to {self.path}: {error}") from error
            _roll_back(connection)
            raise
        assert answer == "COMMIT", f"the server answered {answer} to COMMIT"

    def head(self) -> Head:
        return Head._make(self._select("SELECT size, root, position, recorded_at FROM log_head")[0])

    def rows(self, after_position: int, limit: int) -> list[FactRow]:
        select = f"{FACTS} WHERE notification_id > %s ORDER BY notification_id LIMIT %s"
        return [FactRow._make(row) for row in self._select(select, after_position, limit)]

    def stream(self, name: str) -> list[FactRow]:
        rows = self._select(f"{FACTS} WHERE originator_id = %s ORDER BY originator_version", name)
        return [FactRow._make(row) for row in rows]

    def size_at(self, recorded_at: int) -> Head:
        rows = self._select(
            "SELECT size, root, position, recorded_at FROM commits"
            " WHERE recorded_at <= %s ORDER BY recorded_at DESC, size DESC LIMIT 1",
            recorded_at,
        )
        return Head._make(rows[0]) if rows else EMPTY_LOG.head

    @contextmanager
    def snapshot(self, lenient: bool = False) -> Iterator[PostgresSnapshot]:
        """One view of everything for an audit, while others go on writing; the server keeps text text anyway."""
        with self._connections.taken("reading from") as connection:
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            try:
                for way in BY_SCANNING:
                    connection.execute(f"SET LOCAL {way} = on".encode())
                yield PostgresSnapshot(connection)
            finally:
                _roll_back(connection)

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> list[StoredEvent]:
        """The library's reading of one stream."""
        rows = self._select(
            "SELECT originator_id, originator_version, topic, state FROM stored_events WHERE originator_id = %s"
            " AND originator_version > %s AND originator_version <= %s"
            f" ORDER BY originator_version {'DESC' if desc else 'ASC'} LIMIT %s",
            str(originator_id),
            -(2**63) if gt is None else gt,
            2**63 - 1 if lte is None else lte,
            limit,
        )
        return [StoredEvent(*row) for row in rows]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> list[Notification]:
        """The library's reading of the log."""
        first = 0 if start is None else start if inclusive_of_start else start + 1
        rows = self._select(
            "SELECT originator_id, originator_version, topic, state, notification_id FROM stored_events"
            " WHERE notification_id >= %s AND notification_id <= %s AND (%s OR topic = ANY(%b::text[]))"
            " ORDER BY notification_id LIMIT %s",
            first,
            2**63 - 1 if stop is None else stop,
            not topics,
            list(topics),
            limit,
        )
        return [Notification(*row) for row in rows]

    def max_notification_id(self) -> int | None:
        return self.head().position or None

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> NoReturn:
        """Readers ask by position (`rows`), on both databases alike."""
        raise NotImplementedError("ask for rows after a position instead")

    def desk(self) -> RelayDesk:
        """The relay's desk in this database."""
        return RelayDesk(self._desk_transaction)

    @contextmanager
    def _desk_transaction(self, write: bool) -> Iterator[Execute]:
        with self._connections.taken("keeping the relay's place in") as connection:
            connection.execute("BEGIN" if write else "BEGIN READ ONLY")
            try:
                yield lambda sql, values: _executed(connection, sql, values)
                connection.execute("COMMIT")
            except BaseException:
                _roll_back(connection)
                raise

    def close(self) -> None:
        self._connections.close()

    def _select(self, select: str, *parameters: Any) -> list[Any]:
        with self._connections.taken("reading from") as connection:
            return connection.cursor(binary=True).execute(select.encode(), parameters).fetchall()


def _executed(connection: Connection[Any], sql: str, values: Sequence[Any]) -> list[Any]:
    found = connection.execute(sql.replace("{bytes}", "BYTEA").replace("?", "%s").encode(), values)
    return found.fetchall() if found.description else []


def _roll_back(connection: Connection[Any]) -> None:
    if not connection.closed and connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
        try:
            connection.rollback()
        except psycopg.Error:
            connection.close()  # it is gone, and the transaction with it
