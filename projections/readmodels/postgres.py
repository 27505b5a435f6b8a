"""This file holds views in PostgreSQL: two schemas beside the ledger's, with one writer at a time and many readers.

Sessions commit without waiting for the disk: losing the last commits at a power cut is allowed here, since the next
catch-up applies them again from the ledger; the position is in the same commit as its rows, so it never runs ahead.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import psycopg
from psycopg import Connection, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.types.numeric import NumericBinaryLoader

from projections.readmodels import READ_MODELS, VERSION
from projections.readmodels.database import ReadModel, Row, ViewsUnavailable
from projections.readmodels.live import LIVE, Views
from projections.readmodels.view_set import ViewSet

BUSY_SECONDS = 30
PAGE = 5_000
"""Rows a walk asks for at a time."""
SESSION = (
    "SET synchronous_commit = off",
    f"SET lock_timeout = {BUSY_SECONDS * 1000}",
    "SET jit = off",  # it takes longer than what it would speed up
    # Our statements go by keys, from lists that may be long: the server, guessing how far a walk will get, would rather
    # read whole tables. And a plan that it made while they were small it would keep.
    *(f"SET {way} = off" for way in ("enable_seqscan", "enable_hashjoin", "enable_mergejoin")),
    "SET random_page_cost = 1.1",
)
READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
# The lock comes before the snapshot: who has it reads tables that nobody drops and makes anew meanwhile, which would
# show as empty to a snapshot from before.
LOCKED = f"{READING}; LOCK TABLE progress IN ACCESS SHARE MODE"
WRITING = "BEGIN ISOLATION LEVEL READ COMMITTED"
MARK = "bloodledger views"
"""The comment of a schema that is for views: only in such a one is anything ever dropped and made anew."""
RELATIONS = """SELECT relname, relkind, obj_description(relnamespace, 'pg_namespace') FROM pg_class
    WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) AND relkind IN ('r', 'v')
    ORDER BY relkind DESC, relname"""
COLUMNS = """SELECT attname, format_type(atttypid, NULL) FROM pg_attribute
    WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped ORDER BY attnum"""
GROWN = """SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'
    AND pg_relation_size(oid) > 2 * 8192 * GREATEST(relpages, 16)"""
"""Tables that are twice as large as when the server last looked what is in them."""


class _WholeNumber(NumericBinaryLoader):
    """What sums of whole numbers come as."""

    def load(self, data: Any) -> Any:
        number = super().load(data)
        assert number == int(number), "no question asks for a fraction"
        return int(number)


class PostgresDatabase:
    """One schema; fulfils `projections.readmodels.view_set.Database`.

    It is named after the first schema that the URL leads to, so that ledgers with a schema each in one database have
    views each: `blood` has `blood_views_blue`, and `public` `bloodledger_views_blue`.
    """

    def __init__(self, url: str, place: str) -> None:
        self._url, self._place = url, place
        self.where = f"{_shown(url)}, {place} views"
        self._connection: Connection[Row] | None = None
        self._schema = ""
        self._types: dict[str, list[str]] = {}
        self._walks = 0

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    # -- asking and writing, in a transaction ----------------------------------------------------

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        return self._open.cursor(binary=True).execute(_dialect(sql), parameters).fetchall()

    def walk(self, sql: str) -> Iterator[Row]:
        self._walks += 1
        name = f"walk{self._walks}".encode()
        self._open.execute(b"DECLARE %b NO SCROLL CURSOR FOR %b" % (name, _dialect(sql)), ())
        fetch, cursor = b"FETCH %d FROM %b" % (PAGE, name), self._open.cursor(binary=True)
        # Who stops before the end leaves it open: it ends with the transaction.
        while page := cursor.execute(fetch, prepare=False).fetchall():
            yield from page
        self._open.execute(b"CLOSE %b" % name)

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        self._open.execute(_dialect(sql), parameters)

    def run_many(self, sql: str, rows: Sequence[Row]) -> None:
        self._open.cursor().executemany(_dialect(sql), rows)

    def insert(self, table: str, rows: Sequence[Row]) -> None:
        if table not in self._types:
            self._types[table] = [kind for _, kind in self._columns(table)]
        with self._open.cursor().copy(f"COPY {table} FROM STDIN (FORMAT BINARY)".encode()) as copy:
            copy.set_types(self._types[table])
            for row in rows:
                copy.write_row(row)

    def each(self, values: Iterable[str]) -> list[str]:
        return list(values)

    # -- what there is ---------------------------------------------------------------------------

    def holds(self, table: str) -> bool:
        return table in self._relations()

    def columns(self, table: str) -> tuple[str, ...]:
        return tuple(name for name, _ in self._columns(table))

    def _columns(self, table: str) -> list[tuple[str, str]]:
        return [(str(name), str(kind)) for name, kind in self._open.execute(COLUMNS, (table,)).fetchall()]

    def _relations(self) -> dict[str, str]:
        """Tables and views by name, views first. Errors: ViewsUnavailable when they are not ours."""
        rows = self._open.execute(RELATIONS).fetchall()
        if any(mark != MARK for _, _, mark in rows):
            raise ViewsUnavailable(
                f"schema {self._schema} ({self.where}) holds something else than views; lead the URL to another schema"
            )
        return {str(name): "VIEW" if kind == "v" else "TABLE" for name, kind, _ in rows}

    def clear(self) -> None:
        self._types.clear()
        relations = self._relations()
        if "progress" in relations:
            self._open.execute("LOCK TABLE progress IN ACCESS EXCLUSIVE MODE")  # see LOCKED
        for name, kind in relations.items():
            if name != LIVE:
                self._open.execute(sql.SQL(f"DROP {kind} {{}}").format(sql.Identifier(name)))
        self._open.execute(sql.SQL("COMMENT ON SCHEMA {} IS {}").format(sql.Identifier(self._schema), MARK))

    # -- transactions ----------------------------------------------------------------------------

    @contextmanager
    def transaction(self, write: bool, what: str) -> Iterator[None]:
        with self._faults(what):
            connection = self._begun(write)
            try:
                yield
                if write:
                    _look_again(connection)
            except BaseException:
                _roll_back(connection)
                raise
            # Durable soon after (against a crash of this process at once): all rows of the batch and its position.
            answer = connection.execute("COMMIT").statusmessage
            assert answer == "COMMIT", f"the server answered {answer} to COMMIT"

    def _begun(self, write: bool) -> Connection[Row]:
        """In a transaction; a connection that was cut since the last one is made anew."""
        known = self._connection
        if known is not None and not known.closed:
            assert known.info.transaction_status == TransactionStatus.IDLE, "one transaction at a time"
            try:
                return self._begin(known, write)
            except psycopg.OperationalError:
                if not known.closed:
                    raise
        return self._begin(self._connected(), write)

    def _begin(self, connection: Connection[Row], write: bool) -> Connection[Row]:
        try:
            if write:
                self._lock(connection)
            else:
                _begin_reading(connection)
        except BaseException:
            _roll_back(connection)
            raise
        return connection

    def _lock(self, connection: Connection[Row]) -> None:
        """Every other writer waits here, also for a schema that nobody has made yet."""
        connection.execute(WRITING)
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_lock_number(self._schema),))
        if not connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (self._schema,)).fetchall():
            name = sql.Identifier(self._schema)
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(name))
            connection.execute(sql.SQL("COMMENT ON SCHEMA {} IS {}").format(name, MARK))

    def _connected(self) -> Connection[Row]:
        connection: Connection[Row] = psycopg.connect(self._url, autocommit=True, connect_timeout=5)
        try:
            connection.adapters.register_loader("numeric", _WholeNumber)
            ((first,),) = connection.execute("SELECT current_schema()")
            self._schema = f"{'bloodledger' if first in (None, 'public') else first}_views_{self._place}"
            for setting in SESSION:
                connection.execute(setting.encode())
            connection.execute(sql.SQL("SET search_path = {}").format(sql.Identifier(self._schema)))
        except BaseException:
            connection.close()
            raise
        self._types.clear()
        self._connection = connection
        return connection

    @property
    def _open(self) -> Connection[Row]:
        assert self._connection is not None, "asked outside of a transaction"
        return self._connection

    @contextmanager
    def _faults(self, what: str) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            raise ViewsUnavailable(f"could not {what} ({self.where}): {_cause_of(error)}") from error


def _begin_reading(connection: Connection[Row]) -> None:
    try:
        connection.execute(LOCKED)
    except psycopg.errors.UndefinedTable:  # no views yet
        connection.execute("ROLLBACK")
        connection.execute(READING)


def _look_again(connection: Connection[Row]) -> None:
    """The server plans by what it last saw in the tables, and its own rounds come too late for a rebuild."""
    for (table,) in connection.execute(GROWN).fetchall():
        connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(str(table))))


def _roll_back(connection: Connection[Row]) -> None:
    if not connection.closed and connection.info.transaction_status != TransactionStatus.IDLE:
        try:
            connection.rollback()
        except psycopg.Error:
            connection.close()  # it is gone, and the transaction with it


def _lock_number(schema: str) -> int:
    """Which advisory lock the writers of a schema take."""
    return int.from_bytes(blake2b(f"{MARK}: {schema}".encode(), digest_size=8).digest(), "big", signed=True)


CAUSES = {
    "08": "the connection broke; try again",
    "28": "the server refused the user or the password",
    "3D000": "there is no such database; create it first",
    "40P01": "another process was in the way; try again",
    "42501": "the user may not do this; let it create schemas in this database",
    "53100": "the server's disk is full; free some space",
    "55P03": "another process holds the views; try again",
    "57P01": "the server ended the connection; try again",
    "25006": "the server is read-only; a standby takes no writes",
}
"""What was in the way and what to do about it, by the beginning of the server's code."""


def _cause_of(error: psycopg.Error) -> str:
    said = (str(error).splitlines() or [type(error).__name__])[0]
    if error.sqlstate is None and isinstance(error, psycopg.OperationalError):
        return f"the server cannot be reached; see that it runs, and try again ({said})"
    known = [cause for code, cause in CAUSES.items() if (error.sqlstate or "").startswith(code)]
    if known:
        return f"{known[0]} ({said})"
    return f"{said}; nothing of the ledger is lost, and the views' schemas may be dropped: they are made again"


def _shown(url: str) -> str:
    """The URL as it may be shown: without passwords. Errors: ViewsUnavailable when it reads as none."""
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError:  # which would say what is wrong in the words of the URL
        raise ViewsUnavailable("the URL of the views cannot be read; see how libpq writes one") from None
    kept = {name: str(part) for name, part in parts.items() if "password" not in name}
    return f"PostgreSQL ({make_conninfo(**kept)})"


_WORDS = re.compile(r"'[^']*'|[?%]|\{each\}")
_IN_POSTGRES = {"?": "%s", "{each}": 'unnest(%s::text[] COLLATE "C") AS each (value)'}
_IN_TABLES = {" TEXT": ' TEXT COLLATE "C"', " BLOB": " BYTEA", "{clustered}": ""}


@lru_cache(maxsize=512)
def _dialect(sql: str) -> bytes:
    """PostgreSQL's words. COLLATE "C": names sort by their bytes, as in SQLite and in Python."""
    if sql.startswith("CREATE TABLE"):
        for word, ours in _IN_TABLES.items():
            sql = sql.replace(word, ours)
    return _WORDS.sub(lambda found: _IN_POSTGRES.get(found[0], found[0].replace("%", "%%")), sql).encode()


def postgres_views(url: str, models: Sequence[ReadModel] = READ_MODELS, version: int = VERSION) -> Views:
    """Views in the database of this URL. Errors: ViewsUnavailable when it reads as none."""
    return Views(lambda place: ViewSet(PostgresDatabase(url, place), models, version))
