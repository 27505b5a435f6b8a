"""This file holds the list of everything that is measured."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from tests.bench import commanding, importing, kafka_rows, rebuilding, remembering, tracing, verifying, year
from tests.bench.figures import Line
from tests.bench.workbench import Workbench


class Row(NamedTuple):
    """One row of the promises: it may give several lines."""

    name: str
    about: str
    measure: Callable[[Workbench], Iterator[Line]]


# The year comes first: servers that later rows start would take their share of the cores.
ROWS = (
    Row("year", "a year of a large city centre, end to end", year.lived),
    Row("command-sqlite", "durable command on SQLite, 1 to 128 callers", commanding.command_on_sqlite),
    Row("command-postgresql", "durable command on PostgreSQL, 1 to 128 callers", commanding.command_on_postgresql),
    Row("import", "a validated history into SQLite and PostgreSQL", importing.imported),
    Row("rebuild", "all views from the store, on SQLite and PostgreSQL", rebuilding.rebuilt),
    Row("trace", "traces both ways at several sizes, beside other databases", tracing.traced),
    Row("pool", "a pool traced back, beside other databases", tracing.pooled),
    Row("lot", "a lot recalled over three centres", tracing.lot_recalled),
    Row("stock", "stock as known at T and now", tracing.stock_then),
    Row("verify", "the whole ledger checked", verifying.verified),
    Row("proof", "one fact proved to be in the ledger", verifying.proved),
    Row("kafka-relay", "facts sent to Kafka, also after it was away, beside its own producer", kafka_rows.relayed),
    Row("kafka-project", "views from Kafka, beside bare reading and a stream framework", kafka_rows.projected),
    Row("kafka-share", "one set of views shared by two projecting processes", kafka_rows.shared),
    Row("kafka-visible", "from commit to view, at 100 commands/s", kafka_rows.visible),
    Row("kafka-recall", "a lot held, and seen by a reader of the stock topic", kafka_rows.recalled),
    Row("memory", "the most that replay, rebuild and verify have in memory", remembering.remembered),
)
