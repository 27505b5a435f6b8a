"""This file holds the workbench: sizes, rounds, folders, a PostgreSQL, and histories that several rows share."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple, Self

from tests.bench.figures import Figures, alternating
from tests.bench.histories import Told, write_ledger
from tests.kafka.jars import why_no_jars
from tests.kafka_broker import Broker
from tests.postgres_server import own_schema, running_server

MILLION = 1_000_000


class Sizes(NamedTuple):
    """How much is measured; TINY shows only that every row still runs."""

    rounds: int = 5
    callers: tuple[int, ...] = (1, 8, 32, 128)
    commands: int = 1_500
    """For a lone caller; more callers send more, see `commanding`."""
    imported_commands: int = 40_000
    runner_facts: int = 10_000
    """For the library's ProjectionRunner, ours beside it."""
    facts: tuple[int, ...] = (100_000, MILLION)
    traces: int = 1_000
    scanned_traces: int = 3
    pool: int = 10_000
    lot_bags: int = 10_000
    stock_bags: int = MILLION
    proofs: int = 5
    year_days: int | None = None
    kafka_rounds: int = 3
    """Of the rows about Kafka, each of which begins with topics made anew."""
    kafka_facts: int = 60_000
    shared_facts: int = 30_000
    """For projecting processes that share one set of views."""
    visible_commands: int = 500


DEFAULT = Sizes()
FULL = Sizes(facts=(100_000, MILLION, 10 * MILLION), runner_facts=50_000)
TINY = Sizes(
    rounds=1, callers=(1, 8), commands=60, imported_commands=120, facts=(400, 1_000), runner_facts=60, traces=5,
    scanned_traces=1, pool=20, lot_bags=30, stock_bags=60, proofs=2, year_days=2,
    kafka_rounds=1, kafka_facts=400, shared_facts=400, visible_commands=40,
)  # fmt: skip


class Workbench:
    """One run. What several rows need is made once; everything is gone at the end."""

    def __init__(self, sizes: Sizes, say: Callable[[str], None] = lambda text: None, server: str | None = None) -> None:
        self.sizes, self.say = sizes, say
        self._closing = ExitStack()
        self.running = server  # URL of a PostgreSQL, once one was needed
        self._ledgers: dict[int, Told] = {}
        self._kafka: Broker | None = None
        self.folder = Path(tempfile.mkdtemp(prefix="bl-bench-"))
        self._closing.callback(shutil.rmtree, self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def server(self) -> str:
        """URL of the PostgreSQL of this run."""
        if self.running is None:
            self.running = self._closing.enter_context(running_server())
        return self.running

    def kafka(self) -> Broker | str:
        """The Kafka of this run, which rows may empty and kill; or what is missing to have one of our own."""
        if self._kafka is None:
            if missing := why_no_jars():
                return f"no Kafka of our own can be started: {missing}"
            self.say("starting a Kafka")
            self._kafka = self._closing.enter_context(Broker.start_new(self.folder / "kafka"))
        return self._kafka

    @contextmanager
    def schema(self) -> Iterator[str]:
        """URL of an empty schema."""
        with own_schema(self.server()) as url:
            yield url

    @contextmanager
    def fresh(self) -> Iterator[Path]:
        """An empty folder."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def rounds(self, size: int = 0) -> int:
        """Rounds at a size: one from a million up."""
        return 1 if size >= MILLION else self.sizes.rounds

    def compared(
        self, size: int, unit: str, ours: tuple[str, Callable[[], float]], yardstick: tuple[str, Callable[[], float]]
    ) -> tuple[Figures, Figures]:
        """Two measures in alternating rounds."""
        one, other = alternating(self.rounds(size), ours[1], yardstick[1])
        return Figures(ours[0], unit, one), Figures(yardstick[0], unit, other)

    def ledger(self, facts: int) -> Told:
        """A ledger of about so many facts of a plain year, in a file; made once."""
        if facts not in self._ledgers:
            self.say(f"making a ledger of {facts:,} facts")
            self._ledgers[facts] = write_ledger(self.folder / f"plain-{facts}.db", facts)
        return self._ledgers[facts]
