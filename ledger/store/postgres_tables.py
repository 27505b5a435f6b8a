"""This file holds the PostgreSQL side of a ledger: its connections, its tables, and its errors in words."""

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from eventsourcing.persistence import IntegrityError
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ledger.store.appending import EMPTY_LOG
from ledger.store.faults import NoLedger, StoreFault
from ledger.store.tables import ledger_id_of, new_meta

Row = tuple[object, ...]

TABLES = """
CREATE TABLE meta (name text COLLATE "C" PRIMARY KEY, value text);
CREATE TABLE stored_events (
    notification_id bigint PRIMARY KEY, originator_id text COLLATE "C", originator_version bigint,
    topic text COLLATE "C", state bytea, recorded_at bigint, leaf bigint, leaf_hash bytea,
    UNIQUE (originator_id, originator_version));
CREATE TABLE stream_heads (stream text COLLATE "C" PRIMARY KEY, count bigint, hash bytea) WITH (fillfactor = 70);
CREATE TABLE log_head (one integer PRIMARY KEY CHECK (one = 1), size bigint, root bytea, frontier bytea,
    position bigint, recorded_at bigint, commits bigint) WITH (fillfactor = 10);
CREATE TABLE commits (size bigint PRIMARY KEY, root bytea, position bigint, recorded_at bigint);
CREATE INDEX commits_by_time ON commits (recorded_at, size);
CREATE TABLE requests (sender text COLLATE "C", request text COLLATE "C", digest bytea, first_position bigint,
    count bigint, PRIMARY KEY (sender, request));
CREATE TABLE business_keys (key bytea PRIMARY KEY, first_position bigint, count bigint);
CREATE TABLE links (kind text COLLATE "C", key text COLLATE "C", stream text COLLATE "C", at bigint,
    PRIMARY KEY (kind, key, stream, at));
"""
"""COLLATE "C": names sort by their bytes, as on SQLite. Free space in the pages keeps updates in place."""

BY_SCANNING = ("enable_seqscan", "enable_hashjoin", "enable_mergejoin")
"""What the planner is not to do in a session of ours, except in an audit, which does read everything."""

_CREATION = 0x626C6F6F64  # the advisory lock under which a ledger is created: "blood"


class Connections:
    """Connections to one database, made when needed and kept; a broken one is dropped.

    Not the library's pool: that one waits and tries again in the background, and we want to say at once that the
    server is away, and to know exactly when a COMMIT was under way.
    """

    def __init__(self, url: str, busy_seconds: float) -> None:
        self._url, self._busy_seconds = url, busy_seconds
        self._lock, self._idle, self._closed = threading.Lock(), list[Connection[Row]](), False
        self.shown = shown(url)
        if self.shown == UNREADABLE:  # libpq would say what is wrong in the words of the URL, its password among them
            raise StoreFault("opening the ledger", "its URL cannot be read; write special signs as %XX")

    @contextmanager
    def taken(self, trying: str) -> Iterator[Connection[Row]]:
        """A connection for one thread. Errors: StoreFault in words; IntegrityError stays the library's."""
        with in_words(trying, self.shown):
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            connection = connection or self._connected()
            try:
                yield connection
            finally:
                self._returned(connection)

    def close(self) -> None:
        """Close what is idle now, and what is still taken when it comes back."""
        self._closed = True
        self._drop_idle()

    def _drop_idle(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _connected(self) -> Connection[Row]:
        connection = psycopg.connect(self._url, autocommit=True, connect_timeout=5)
        # A server set to lose the last commits in a crash would break every promise: not for these sessions.
        connection.execute("SET synchronous_commit = on")
        # A plan made while the tables are small reads them whole, and a session keeps its plans: a new ledger got
        # slower with every commit until the server looked at its tables again. Our statements all go by a key.
        for way in BY_SCANNING:
            connection.execute(f"SET {way} = off".encode())
        connection.execute(f"SET lock_timeout = {max(1, round(self._busy_seconds * 1000))}")
        return connection

    def _returned(self, connection: Connection[Row]) -> None:
        idle = psycopg.pq.TransactionStatus.IDLE
        if connection.closed or connection.info.transaction_status != idle:
            connection.close()
            if connection.broken:
                self._drop_idle()  # the server went away: the other connections went with it
            return
        with self._lock:
            if not self._closed:
                self._idle.append(connection)
                return
        connection.close()


UNREADABLE = "PostgreSQL"
"""What is shown of a URL that cannot be read."""


def shown(url: str) -> str:
    """The URL as it may be shown: without its password."""
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        return UNREADABLE
    kept = {name: str(value) for name, value in parts.items() if "password" not in name}
    return f"PostgreSQL ({make_conninfo(**kept)})"


@contextmanager
def in_words(trying: str, where: str) -> Iterator[None]:
    """psycopg's errors as ours: a conflict stays the library's IntegrityError, all else is a StoreFault."""
    try:
        yield
    except psycopg.IntegrityError as error:
        raise IntegrityError(f"{trying} {where}: {_first_line(error)}") from error
    except psycopg.Error as error:
        raise StoreFault(f"{trying} {where}", cause_of(error)) from error


CAUSES = {
    "53100": "the server's disk is full; free some space, nothing was written",
    "55P03": "another process holds the write lock; try again",
    "25006": "the server is read-only; a standby takes no writes",
    "57P01": "the server ended the connection",
    "28": "the server refused the user or the password",
    "3D000": "there is no such database; create it first",
    "42501": "the user may not do this; grant it the rights on its schema",
}


def cause_of(error: psycopg.Error) -> str:
    """What was in the way, and what to do about it."""
    known = [text for state, text in CAUSES.items() if (error.sqlstate or "").startswith(state)]
    return f"{known[0]} ({_first_line(error)})" if known else _first_line(error)


def _first_line(error: psycopg.Error) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def opened(connections: Connections, wanted: str | None, create: bool) -> str:
    """Make the tables of a new ledger, or check those of an old one; answer the ledger's id.

    Errors: NoLedger when there is none and `create` is false; StoreFault.
    """
    with connections.taken("opening the ledger at") as connection, connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_CREATION,))
        there = {_has(connection, "stored_events"), _has(connection, "meta")}
        if there == {False}:
            if not create:
                raise NoLedger(connections.shown)
            _create(connection, wanted)
        elif there != {True}:
            raise StoreFault(
                f"opening the ledger at {connections.shown}", "it is not a ledger: it has tables of something else"
            )
        meta = {str(name): str(value) for name, value in connection.execute("SELECT name, value FROM meta")}
        return ledger_id_of(meta, connections.shown, wanted)


def _has(connection: Connection[Row], table: str) -> bool:
    row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (table,)).fetchone()
    return bool(row and row[0])


def _create(connection: Connection[Row], wanted: str | None) -> None:
    for statement in TABLES.split(";\n"):
        if statement.strip():
            connection.execute(statement.encode())
    connection.execute("INSERT INTO log_head VALUES (1, %s, %s, %s, %s, %s, %s)", EMPTY_LOG)
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO meta VALUES (%s, %s)", new_meta(wanted or secrets.token_hex(16)).items())
