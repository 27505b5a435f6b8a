"""This file holds views in SQLite: a file beside the ledger, with one writer at a time and many readers.

Files are set to WAL and synchronous NORMAL: losing the last commits at a power cut is allowed here, since the next
catch-up applies them again from the ledger; the position is in the same commit as its rows, so it never runs ahead.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from threading import Event
from typing import Any

import apsw

from projections.readmodels import READ_MODELS, VERSION
from projections.readmodels.database import ReadModel, Row, ViewsUnavailable
from projections.readmodels.live import LIVE, Views
from projections.readmodels.view_set import ViewSet

APPLICATION_ID = 0x626C7677
"""Marks the file as views (blvw): only such a file is ever dropped and made anew."""
BUSY_SECONDS = 30
STATEMENTS = 256
"""Prepared statements kept: more than all models and questions have."""
PRAGMAS = (
    "page_size = 8192",  # of a new file: a rebuild splits fewer pages, and a WAL has fewer to keep
    "journal_mode = WAL",
    "synchronous = NORMAL",
    "wal_autocheckpoint = 8000",  # pages: a rebuild waits less often for the disk
    "cache_size = -49152",  # KiB, of each of the two sets that a rebuild has open
)


def no_views(where: str) -> ViewsUnavailable:
    """The file is somebody else's."""
    return ViewsUnavailable(f"{where} holds something else than views; name another file for the views")


class SqliteDatabase:
    """One file; fulfils `projections.readmodels.view_set.Database`."""

    def __init__(self, path: Path | str) -> None:
        self.where = str(path)
        with self._faults("open the views"):
            self._connection = apsw.Connection(self.where, statementcachesize=STATEMENTS)
            self._connection.set_busy_timeout(BUSY_SECONDS * 1000)
            for pragma in PRAGMAS:
                self._set(pragma)

    def _set(self, pragma: str) -> None:
        """Set it; SQLite does not wait by itself for another process that turns the same new file to WAL."""
        for _ in range(BUSY_SECONDS * 100):
            try:
                self._connection.execute(f"PRAGMA {pragma}")
                return
            except apsw.BusyError:
                Event().wait(0.01)
        self._connection.execute(f"PRAGMA {pragma}")

    def close(self) -> None:
        self._connection.close()

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        return self._connection.execute(_dialect(sql), parameters).fetchall()

    def walk(self, sql: str) -> Iterator[Row]:
        return iter(self._connection.execute(_dialect(sql)))

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        self._connection.execute(_dialect(sql), parameters)

    def run_many(self, sql: str, rows: Sequence[Row]) -> None:
        self._connection.executemany(_dialect(sql), rows)

    def insert(self, table: str, rows: Sequence[Row]) -> None:
        marks = ", ".join("?" * len(rows[0]))
        self._connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)

    def each(self, values: Iterable[str]) -> str:
        return json.dumps(list(values))

    def holds(self, table: str) -> bool:
        tables = {name for (name,) in self.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}
        ((mark,),) = self.rows("PRAGMA application_id")
        if tables and mark != APPLICATION_ID:
            raise no_views(self.where)
        return table in tables

    def columns(self, table: str) -> tuple[str, ...]:
        return tuple(name for (name,) in self.rows("SELECT name FROM pragma_table_info(?)", (table,)))

    def clear(self) -> None:
        self.holds(LIVE)  # nothing that is not ours is dropped
        sql = "SELECT type, name FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY type DESC"
        for kind, name in self.rows(sql):
            if name != LIVE:
                self.run(f'DROP {kind} "{name}"')
        self.run(f"PRAGMA application_id = {APPLICATION_ID}")

    @contextmanager
    def transaction(self, write: bool, what: str) -> Iterator[None]:
        with self._faults(what):
            self._connection.execute("BEGIN IMMEDIATE" if write else "BEGIN DEFERRED")
            try:
                yield
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            # Durable from here (against a crash of this process): all rows of the batch and its position.
            self._connection.execute("COMMIT")

    @contextmanager
    def _faults(self, what: str) -> Iterator[None]:
        try:
            yield
        except apsw.Error as error:
            raise ViewsUnavailable(
                f"could not {what} ({self.where}): {error}; a views file may be deleted: it is made again"
            ) from error


@lru_cache(maxsize=512)
def _dialect(sql: str) -> str:
    """SQLite's words. CROSS JOIN keeps the list on the outside: the planner cannot know that it is short.

    An INTEGER as primary key is SQLite's own number of the row; a BIGINT would get an index beside the table.
    """
    sql = sql.replace("BIGINT PRIMARY KEY", "INTEGER PRIMARY KEY")
    sql = sql.replace("{each} JOIN", "{each} CROSS JOIN")
    return sql.replace("{each}", "(SELECT value FROM json_each(?)) AS each").replace("{clustered}", "WITHOUT ROWID")


def sqlite_views(path: Path | str, models: Sequence[ReadModel] = READ_MODELS, version: int = VERSION) -> Views:
    """Views in this file, and while they are rebuilt in the one beside it whose name ends in `.green`."""
    return Views(lambda place: ViewSet(SqliteDatabase(_file(path, place)), models, version))


def _file(path: Path | str, place: str) -> str:
    return str(path) if place == "blue" or str(path) == ":memory:" else f"{path}.{place}"
