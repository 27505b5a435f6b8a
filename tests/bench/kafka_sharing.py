"""This file holds the row `kafka-share`: one set of views on PostgreSQL, fed by one projecting process and by two."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple

from ledger import streaming
from ledger.settings import Settings
from ledger.wiring import open_views
from projections.readmodels.live import Views
from projections.readmodels.outbox import count as unsent
from tests.bench.figures import Figures, Line, alternating, costs_at_most
from tests.bench.histories import Told
from tests.bench.kafka_place import AT, environment_of, make_anew, never_relayed, until
from tests.bench.machine import ROOT
from tests.bench.workbench import Workbench
from tests.kafka_broker import Broker

SHARED = ("projection from Kafka shared by two processes, PostgreSQL", costs_at_most(1.1))
PARTITIONS_OF_ALL = 12
"""Six of each topic of facts."""


def shared(bench: Workbench, broker: Broker) -> Iterator[Line]:
    """What the processes that project take of CPU, as they are far behind; the server's own is not counted."""
    told = bench.ledger(bench.sizes.shared_facts)
    bench.say(f"projecting {told.facts:,} facts from Kafka in one process and in two")
    two, one = alternating(
        bench.sizes.kafka_rounds,
        lambda: _cpu_micros(bench, broker, told, 2),
        lambda: _cpu_micros(bench, broker, told, 1),
    )
    what, goal = SHARED
    yield Line(
        "kafka-share", what, Figures("two processes", "µs of CPU a fact", two),
        Figures("one process", "µs of CPU a fact", one), goal, {"facts": told.facts, "views": "PostgreSQL", **AT},
        "all views and the stock topic, from the first fact to the last row sent; starting the processes not counted",
    )  # fmt: skip


class _Answer(NamedTuple):
    owned: int
    cpu: float


class _Worker:
    """A projecting process, until the end of its `with`."""

    def __init__(self, environment: dict[str, str], ledger_id: str, log: Path) -> None:
        command = [sys.executable, "-m", "tests.bench.kafka_worker", ledger_id, "measured"]
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file, text=True, env=environment,
                cwd=ROOT,
            )  # fmt: skip

    def ask(self) -> _Answer:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return _Answer(**found)

    def __enter__(self) -> "_Worker":
        return self

    def __exit__(self, *_: object) -> None:
        with self._process:
            self._process.communicate(timeout=60)

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)


def _cpu_micros(bench: Workbench, broker: Broker, told: Told, processes: int) -> float:
    """The processes stand still while the facts are put on the topics, so that they are far behind from the start."""
    make_anew(broker)
    with ExitStack() as entered:
        ledger = entered.enter_context(never_relayed(bench, broker, told))
        settings = ledger.settings._replace(views=entered.enter_context(bench.schema()))
        environment, ledger_id = environment_of(settings, broker), ledger.store.ledger_id()
        log = Path(ledger.settings.ledger).with_name("workers.log")
        workers = [entered.enter_context(_Worker(environment, ledger_id, log)) for _ in range(processes)]
        each_has = PARTITIONS_OF_ALL // processes
        until(lambda: all(each.ask().owned == each_has for each in workers), f"each has {each_has} partitions; {log}")
        with ExitStack() as standing:
            for each in workers:
                standing.enter_context(each.standing_still())
            streaming.relayed(ledger, lambda _: None, Event(), until_caught_up=True, recheck=False)
        before = _cpu(workers)
        _wait_for(settings, told.facts)
        return (_cpu(workers) - before) / told.facts * 1e6


def _cpu(workers: Sequence[_Worker]) -> float:
    return sum(each.ask().cpu for each in workers)


def _wait_for(settings: Settings, position: int) -> None:
    with closing(open_views(settings)) as views:
        until(lambda: _is_at(views, position), f"the views are complete to {position}", every=0.2)


def _is_at(views: Views, position: int) -> bool:
    with views.reading() as read:
        return read.complete_to >= position and unsent(read) == 0
