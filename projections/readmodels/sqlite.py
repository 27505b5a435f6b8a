"""This file holds the views in SQLite: a file beside the ledger, with one writer at a time and many readers.

The file is set to WAL and synchronous NORMAL: losing the last commits at a power cut is allowed here, since
the next catch-up applies them again from the ledger; the position is in the same commit as its rows, so it
never runs ahead.
"""

import json
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from projections.decode import StoredRow, decode_row
from projections.readmodels import READ_MODELS, VERSION
from projections.readmodels.database import (
    DIGEST_SIZE,
    DIGEST_SPACE,
    Batch,
    ReadModel,
    Row,
    ViewsOutdated,
    ViewsUnavailable,
    batch_of,
)
from projections.readmodels.life import made_anew, parked_again, unheard

VIEW = "main"
"""Which set of tables. Another set, filled beside this one, will have another name (blue and green)."""
PART = 0
"""Which part of the source: the store is one; of Kafka each partition will be."""

OWN_DDL = (
    """CREATE TABLE progress (
        view TEXT NOT NULL, ledger TEXT NOT NULL, part INTEGER NOT NULL, next BIGINT NOT NULL,
        PRIMARY KEY (view, ledger, part))""",
    "CREATE TABLE versions (view TEXT PRIMARY KEY, version INTEGER NOT NULL)",
    """CREATE TABLE digests (
        view TEXT NOT NULL, model TEXT NOT NULL, sum TEXT NOT NULL, PRIMARY KEY (view, model))""",
)
APPLICATION_ID = 0x626C7677
"""Marks the file as views (blvw): only such a file is ever dropped and made anew. `versions` and `progress` keep
their form in every version of this code, so that it can say what it found."""
BUSY_SECONDS = 30
PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = NORMAL",
    "wal_autocheckpoint = 8000",  # pages: a rebuild waits less often for the disk
    "cache_size = -65536",  # KiB
    "temp_store = MEMORY",
)


class _Transaction:
    """One transaction, as the read models see it."""

    def __init__(self, connection: sqlite3.Connection, ledger: str, position: int, known: int | None = None) -> None:
        self.ledger, self.complete_to = ledger, position
        self.position = position if known is None else known
        self.differences: dict[str, int] = {}
        self._connection = connection

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        return self._connection.execute(_dialect(sql), parameters).fetchall()

    def digest(self) -> str:
        sums = self.rows("SELECT model, sum FROM digests WHERE view = ? ORDER BY model", (VIEW,))
        return sha256(json.dumps(sums).encode()).hexdigest()

    def each(self, values: Iterable[str]) -> str:
        return json.dumps(list(values))

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        self._connection.execute(_dialect(sql), parameters)

    def run_many(self, sql: str, rows: Sequence[Row]) -> None:
        if rows:
            self._connection.executemany(_dialect(sql), rows)

    def count(self, model: str, difference: int) -> None:
        self.differences[model] = self.differences.get(model, 0) + difference


def _dialect(sql: str) -> str:
    """SQLite's words. CROSS JOIN keeps the list on the outside: the planner cannot know that it is short.

    An INTEGER as primary key is SQLite's own number of the row; a BIGINT would get an index beside the table.
    """
    sql = re.sub(r"\{known \w+\}", "true", sql)
    sql = sql.replace("BIGINT PRIMARY KEY", "INTEGER PRIMARY KEY")
    sql = sql.replace("{each} JOIN", "{each} CROSS JOIN")
    return sql.replace("{each}", "(SELECT value FROM json_each(?)) AS each").replace("{clustered}", "WITHOUT ROWID")


class SqliteViews:
    """Views in one SQLite file; fulfils `projections.consumer.ViewDatabase`."""

    def __init__(self, path: Path | str, models: Sequence[ReadModel] = READ_MODELS, version: int = VERSION) -> None:
        self.path = path
        self._models, self._version = models, version
        with self._faults("open the views"):
            self._connection = sqlite3.connect(
                path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            for pragma in PRAGMAS:
                self._connection.execute(f"PRAGMA {pragma}")

    def close(self) -> None:
        self._connection.close()

    # -- making ----------------------------------------------------------------------------------

    def prepare(self, ledger: str) -> str | None:
        """Make the tables unless they are of this code and ledger; retry what was parked."""
        with self._transaction("IMMEDIATE", "prepare the views"):
            found = self._found()
            if found is None:
                self._make(ledger)
                return None
            if found == (self._version, ledger):
                self._retry_parked()
                return None
            self._make(ledger)
            version, other = found
        if version != self._version:
            return f"the views were of version {version}, this code makes version {self._version}"
        return f"the views were of ledger {other}, not {ledger}"

    def rebuild(self, ledger: str) -> None:
        with self._transaction("IMMEDIATE", "drop the views"):
            self._make(ledger)

    def _make(self, ledger: str) -> None:
        """Drop every table of these views, also those of an older or newer version, and make ours."""
        tables = self._connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            self._connection.execute(f'DROP TABLE "{table}"')
        for statement in (*OWN_DDL, *(ddl for model in self._models for ddl in model.ddl)):
            self._connection.execute(_dialect(statement))
        self._connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        self._connection.execute("INSERT INTO versions VALUES (?, ?)", (VIEW, self._version))
        self._connection.execute("INSERT INTO progress VALUES (?, ?, ?, 1)", (VIEW, ledger, PART))
        digests = [(VIEW, model.name, _hex(0)) for model in self._models]
        self._connection.executemany("INSERT INTO digests VALUES (?, ?, ?)", digests)

    def _found(self) -> tuple[int, str] | None:
        """Version and ledger of the views there are; None in an empty file.

        Errors: ViewsUnavailable when the file holds something else, such as a ledger: nothing there is touched.
        """
        if not self._connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' LIMIT 1").fetchall():
            return None
        ((mark,),) = self._connection.execute("PRAGMA application_id").fetchall()
        if mark != APPLICATION_ID:
            raise ViewsUnavailable(f"{self.path} holds something else than views; name another file for the views")
        ((version,),) = self._connection.execute("SELECT version FROM versions WHERE view = ?", (VIEW,)).fetchall()
        ((ledger,),) = self._connection.execute("SELECT ledger FROM progress WHERE view = ?", (VIEW,)).fetchall()
        return version, ledger

    def _retry_parked(self) -> None:
        transaction = _Transaction(self._connection, "", 0)
        ready = parked_again(transaction)
        if ready:
            self._apply_models(transaction, Batch([], [], {}, {}, made_anew(transaction, ready)))

    # -- writing ---------------------------------------------------------------------------------

    def next_position(self) -> int:
        sql = "SELECT next FROM progress WHERE view = ? AND part = ?"
        with self._faults("read the views' position"):
            ((position,),) = self._connection.execute(sql, (VIEW, PART)).fetchall()
        return int(position)

    def last_applied(self) -> tuple[int, str, int, bytes] | None:
        sql = "SELECT position, stream, version, state FROM life ORDER BY position DESC LIMIT 1"
        with self._faults("read the views' last fact"):
            found = self._connection.execute(sql).fetchall()
        return found[0] if found else None

    def apply(self, rows: Sequence[StoredRow], expected: int) -> bool:
        """Apply one batch behind the fence. See ViewDatabase."""
        decoded = [decode_row(row) for row in rows]
        fence = "UPDATE progress SET next = ? WHERE view = ? AND part = ? AND next = ? RETURNING ledger"
        with self._transaction("IMMEDIATE", "apply facts to the views"):
            passed = self._connection.execute(fence, (rows[-1].position + 1, VIEW, PART, expected)).fetchall()
            if not passed:
                return False
            transaction = _Transaction(self._connection, passed[0][0], expected - 1)
            self._apply_models(transaction, batch_of(unheard(transaction, decoded)))
        return True

    def _apply_models(self, transaction: _Transaction, batch: Batch) -> None:
        for model in self._models:
            if model.name == "life" and not (batch.facts or batch.unreadable):
                continue
            model.apply(transaction, batch)
        for model_name, difference in transaction.differences.items():
            ((before,),) = transaction.rows("SELECT sum FROM digests WHERE view = ? AND model = ?", (VIEW, model_name))
            total = (int(before, 16) + difference) % DIGEST_SPACE
            sql = "UPDATE digests SET sum = ? WHERE view = ? AND model = ?"
            transaction.run(sql, (_hex(total), VIEW, model_name))

    # -- reading ---------------------------------------------------------------------------------

    @contextmanager
    def reading(self, known_at: int | None = None) -> Iterator[_Transaction]:
        """One read transaction. Errors: ViewsOutdated when the tables are not of this version of the code."""
        with self._transaction("DEFERRED", "read the views"):
            found = self._found()
            if found is None or found[0] != self._version:
                raise ViewsOutdated(
                    f"{self.path}: {'no views yet' if found is None else f'views of version {found[0]}'}"
                )
            complete_to = self.next_position() - 1
            read = _Transaction(self._connection, found[1], complete_to)
            yield (
                read
                if known_at is None
                else _Transaction(self._connection, found[1], complete_to, _last_recorded_by(read, known_at))
            )

    def digests(self) -> dict[str, str]:
        """The digest of each read model: the order-free sum of its rows' hashes, in hexadecimal."""
        with self.reading() as read:
            return dict(read.rows("SELECT model, sum FROM digests WHERE view = ? ORDER BY model", (VIEW,)))

    # -- transactions and faults -----------------------------------------------------------------

    @contextmanager
    def _transaction(self, mode: str, what: str) -> Iterator[None]:
        with self._faults(what):
            self._connection.execute(f"BEGIN {mode}")
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
        except sqlite3.Error as error:
            raise ViewsUnavailable(
                f"could not {what} ({self.path}): {error}; a views file may be deleted: it is made again"
            ) from error


def _last_recorded_by(read: _Transaction, known_at: int) -> int:
    """The last position recorded by then: recorded time never runs backwards, so halving finds it without an index."""
    low, high = 0, read.complete_to  # recorded by then up to low, later from above high on
    sql = "SELECT position, recorded_at FROM life WHERE position <= ? ORDER BY position DESC LIMIT 1"
    while low < high:
        middle = (low + high + 1) // 2
        found = read.rows(sql, (middle,))
        if not found or found[0][1] <= known_at:
            low = middle
        else:
            high = found[0][0] - 1
    return low


def _hex(total: int) -> str:
    return f"{total:0{DIGEST_SIZE * 2}x}"
