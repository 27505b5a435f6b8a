"""This file holds the SQLite file: its connections, its tables, and its errors in words."""

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eventsourcing.persistence import IntegrityError
from eventsourcing.sqlite import SQLiteConnection, SQLiteConnectionPool, SQLiteDatastore

from ledger.store.appending import EMPTY_LOG
from ledger.store.faults import StoreFault
from ledger.store.tables import ledger_id_of, new_meta

MEMORY = ":memory:"
BUSY_SECONDS = 5.0

TABLES = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID",
    "CREATE TABLE stored_events ("
    " notification_id INTEGER PRIMARY KEY AUTOINCREMENT, originator_id TEXT, originator_version INTEGER, topic TEXT,"
    " state BLOB, recorded_at INTEGER, leaf INTEGER, leaf_hash BLOB, UNIQUE (originator_id, originator_version))",
    "CREATE TABLE stream_heads (stream TEXT PRIMARY KEY, count INTEGER, hash BLOB) WITHOUT ROWID",
    "CREATE TABLE log_head (one INTEGER PRIMARY KEY CHECK (one = 1), size INTEGER, root BLOB, frontier BLOB,"
    " position INTEGER, recorded_at INTEGER, commits INTEGER)",
    "CREATE TABLE commits (size INTEGER PRIMARY KEY, root BLOB, position INTEGER, recorded_at INTEGER)",
    "CREATE INDEX commits_by_time ON commits (recorded_at)",
    "CREATE TABLE requests (sender TEXT, request TEXT, digest BLOB, first_position INTEGER, count INTEGER,"
    " PRIMARY KEY (sender, request)) WITHOUT ROWID",
    "CREATE TABLE business_keys (key BLOB PRIMARY KEY, first_position INTEGER, count INTEGER) WITHOUT ROWID",
    "CREATE TABLE links (kind TEXT, key TEXT, stream TEXT, at INTEGER, PRIMARY KEY (kind, key, stream, at))"
    " WITHOUT ROWID",
)
"""stored_events has a row id and the library's column names; a position is never used twice (AUTOINCREMENT)."""


class LedgerPool(SQLiteConnectionPool):
    """The library's pool with connections as a ledger needs them: WAL, and every commit synced to the disk."""

    def __init__(self, db_name: str, busy_seconds: float) -> None:
        # A caller waits for the write lock as long as for the database's: both are one queue to them.
        super().__init__(db_name=db_name, pool_size=5, max_overflow=10, pool_timeout=max(busy_seconds, 0.05))
        self._busy_seconds = busy_seconds

    def _create_connection(self) -> SQLiteConnection:
        db = sqlite3.connect(
            self.db_name,
            uri=self.is_sqlite_memory_mode,  # a file's name may hold any character, also ? and %
            isolation_level=None,
            check_same_thread=False,
            timeout=self._busy_seconds,
        )
        try:
            if not self.is_sqlite_memory_mode:
                if db.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                    db.execute("PRAGMA journal_mode=WAL")
                db.execute("PRAGMA synchronous=FULL")
                db.execute("PRAGMA wal_autocheckpoint=8000")  # pages: fewer commits wait for the file itself
            db.execute("PRAGMA cache_size=-32000")
        except sqlite3.Error:
            db.close()
            raise
        db.row_factory = sqlite3.Row
        return SQLiteConnection(db, max_age=None)


class LedgerDatastore(SQLiteDatastore):
    """The library's datastore over one ledger file, or over memory."""

    def __init__(self, path: str, busy_seconds: float = BUSY_SECONDS) -> None:
        name = f"file:ledger-{secrets.token_hex(8)}?mode=memory&cache=shared" if path == MEMORY else path
        super().__init__(MEMORY, originator_id_type="text")
        self.pool.close()
        self.pool = LedgerPool(name, busy_seconds)
        self.path = path


@contextmanager
def in_words(trying: str, path: str) -> Iterator[None]:
    """SQLite's errors as ours: a conflict stays the library's IntegrityError, all else is a StoreFault."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise IntegrityError(f"{trying} {path}: {error}") from error
    except sqlite3.Error as error:
        raise StoreFault(f"{trying} {path}", cause_of(error, path)) from error
    except (StoreFault, IntegrityError):
        raise


CAUSES = {
    "SQLITE_FULL": "the disk is full; free some space, nothing was written",
    "SQLITE_BUSY": "another process holds the write lock; try again",
    "SQLITE_LOCKED": "another thread holds the write lock; try again",
    "SQLITE_READONLY": "the file or its folder cannot be written; check their permissions",
    "SQLITE_NOTADB": "it is not a ledger: the file is no SQLite database",
    "SQLITE_CORRUPT": "the file is damaged; run verify, and restore a copy",
    "SQLITE_IOERR": "the disk failed to read or write",
}


def cause_of(error: sqlite3.Error, path: str) -> str:
    """What was in the way, and what to do about it."""
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith("SQLITE_CANTOPEN"):
        folder = Path(path).parent
        return f"the folder {folder} does not exist" if not folder.is_dir() else "the file cannot be opened"
    known = [text for prefix, text in CAUSES.items() if name.startswith(prefix)]
    return f"{known[0]} ({error})" if known else str(error)


def opened(datastore: LedgerDatastore, wanted: str | None) -> str:
    """Make the tables of a new ledger, or check those of an old one; answer the ledger's id."""
    with in_words("opening the ledger at", datastore.path), datastore.get_connection(commit=True) as connection:
        cursor = connection.cursor().sqlite_cursor
        if not _tables(cursor):
            _create(cursor, datastore.path, wanted)
        return ledger_id_of(_meta(cursor, datastore.path), datastore.path, wanted)


def _tables(cursor: sqlite3.Cursor) -> set[str]:
    return {row[0] for row in cursor.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def _meta(cursor: sqlite3.Cursor, path: str) -> dict[str, str]:
    if "meta" not in _tables(cursor):
        raise StoreFault(f"opening the ledger at {path}", "it is not a ledger: an SQLite database of something else")
    return {str(row[0]): row[1] for row in cursor.execute("SELECT name, value FROM meta")}


def _create(cursor: sqlite3.Cursor, path: str, wanted: str | None) -> None:
    cursor.execute("BEGIN IMMEDIATE")
    try:
        if not _tables(cursor):  # another process may have been first
            for statement in TABLES:
                cursor.execute(statement)
            cursor.execute("INSERT INTO log_head VALUES (1, ?, ?, ?, ?, ?, ?)", EMPTY_LOG)
            cursor.executemany("INSERT INTO meta VALUES (?, ?)", new_meta(wanted or secrets.token_hex(16)).items())
        # Durable from here: the ledger exists with its id. A crash before leaves an empty file, made whole next time.
        cursor.execute("COMMIT")
    except BaseException:
        cursor.connection.rollback()
        raise
