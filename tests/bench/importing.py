"""This file holds the row `import`: a validated history into both databases, beside raw inserts of the same rows."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from time import perf_counter

import psycopg

from ledger.commands.importing import CHUNK, import_history
from ledger.commands.lines import Line as TextLine
from ledger.settings import read_settings
from ledger.store.port import FactRow
from ledger.wiring import Ledger, open_ledger
from tests.bench.figures import Line, at_least
from tests.bench.histories import as_line, record, week_lines
from tests.bench.workbench import Workbench

ROWS_TABLE = (
    "CREATE TABLE raw (notification_id {number} PRIMARY KEY, leaf bigint, originator_id text,"
    " originator_version bigint, topic text, recorded_at bigint, state {bytes}, leaf_hash {bytes},"
    " UNIQUE (originator_id, originator_version))"
)
"""As the ledger's own table of facts, its indexes included; the ledger writes five more tables beside it."""
COPY = (
    "COPY raw (notification_id, leaf, originator_id, originator_version, topic, recorded_at, state, leaf_hash)"
    " FROM STDIN (FORMAT BINARY)"
)
TYPES = ["int8", "int8", "text", "int8", "text", "int8", "bytea", "bytea"]


def imported(bench: Workbench) -> Iterator[Line]:
    """A history that was really decided: the published week, printed as `facts` prints it."""
    rows = _recorded(bench)
    lines = [as_line(number, row) for number, row in enumerate(rows, 1)]
    at = {"facts": len(rows), "chunk": CHUNK, "transactions": 1}
    for database, goal, ours, raw in (
        ("SQLite", at_least(50_000, "facts/s"), _into_sqlite, _executemany),
        ("PostgreSQL", at_least(30_000, "facts/s"), _into_postgresql, _copy),
    ):
        one, other = bench.compared(
            len(rows),
            "facts/s",
            ("import", _bound(ours, bench, lines)),
            ("executemany" if raw is _executemany else "COPY", _bound(raw, bench, rows)),
        )
        yield Line("import", f"import of a history, {database}", one, other, goal, at)


def _bound(measure: Callable[..., float], *arguments: object) -> Callable[[], float]:
    return lambda: measure(*arguments)


def _recorded(bench: Workbench) -> list[FactRow]:
    with bench.fresh() as folder, open_ledger(read_settings({}, ledger=str(folder / "week.db"))) as ledger:
        bench.say("recording a week to import")
        record(ledger, week_lines(bench.sizes.imported_commands))
        return ledger.store.rows(0, ledger.store.head().size)


def _into_sqlite(bench: Workbench, lines: list[TextLine]) -> float:
    with bench.fresh() as folder, open_ledger(read_settings({}, ledger=str(folder / "new.db"))) as ledger:
        return _facts_per_second(ledger, lines)


def _into_postgresql(bench: Workbench, lines: list[TextLine]) -> float:
    with bench.fresh() as folder, bench.schema() as url:
        settings = read_settings({}, ledger=url)._replace(keys=str(folder / "keys"))
        with open_ledger(settings) as ledger:
            return _facts_per_second(ledger, lines)


def _facts_per_second(ledger: Ledger, lines: list[TextLine]) -> float:
    begin = perf_counter()
    done = import_history(ledger.bulk, ledger.mapper, ledger.clock, lines)
    assert done.facts == len(lines)
    return done.facts / (perf_counter() - begin)


def _executemany(bench: Workbench, rows: list[FactRow]) -> float:
    with bench.fresh() as folder, closing(sqlite3.connect(folder / "raw.db", isolation_level=None)) as raw:
        raw.execute("PRAGMA journal_mode=WAL")
        raw.execute("PRAGMA synchronous=FULL")
        raw.execute(ROWS_TABLE.format(number="integer", bytes="blob"))
        begin = perf_counter()
        raw.execute("BEGIN IMMEDIATE")
        raw.executemany("INSERT INTO raw VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        raw.execute("COMMIT")
        return len(rows) / (perf_counter() - begin)


def _copy(bench: Workbench, rows: list[FactRow]) -> float:
    with bench.schema() as url, psycopg.connect(url) as raw:
        raw.execute(ROWS_TABLE.format(number="bigint", bytes="bytea").encode())
        begin = perf_counter()
        with raw.cursor().copy(COPY) as copy:
            copy.set_types(TYPES)
            for row in rows:
                copy.write_row(row)
        raw.commit()
        return len(rows) / (perf_counter() - begin)
