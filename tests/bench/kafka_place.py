"""This file holds what the rows about Kafka stand on: topics made anew, ledgers, our own processes."""

import gc
import json
import os
import signal
import sqlite3
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any, Self

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from ledger.relay.topics import make_topics
from ledger.settings import Settings, read_settings
from ledger.streaming import admin_options
from ledger.wiring import Ledger, open_ledger
from schemas.on_kafka import FACT_TOPICS, STOCK
from tests.bench.histories import Told
from tests.bench.machine import ROOT
from tests.bench.workbench import Workbench
from tests.kafka.jars import KAFKA
from tests.kafka.running import Running, free_port
from tests.kafka_broker import Broker

OURS = (sys.executable, "-m", "ledger.cli")
WAIT_SECONDS = 120.0
TICK_SECONDS = 0.05
AT: dict[str, Any] = {"Kafka": f"{KAFKA}, one node on this machine", "partitions": 6}


# -- topics ----------------------------------------------------------------------------------------------


def make_anew(broker: Broker) -> None:
    """The three topics as we make them, with nothing on them."""
    names = {*FACT_TOPICS, STOCK}
    with closing(KafkaAdminClient(**broker.client)) as admin:
        if there := names & set(admin.list_topics()):
            admin.delete_topics(sorted(there))
        until(lambda: not names & set(admin.list_topics()), "the topics are deleted")
    make_topics(admin_options(read_settings(broker.settings)), None, None)


def records_on(broker: Broker, *topics: str) -> int:
    """How many records were ever put on these topics."""
    with closing(KafkaConsumer(**broker.client, group_id=None)) as consumer:
        return sum(consumer.end_offsets(partitions_of(consumer, *topics)).values())


def partitions_of(consumer: KafkaConsumer, *topics: str) -> list[TopicPartition]:
    return [TopicPartition(topic, part) for topic in topics for part in sorted(consumer.partitions_for_topic(topic))]


# -- ledgers ---------------------------------------------------------------------------------------------


def settings_in(folder: Path, broker: Broker, views: str | None = None) -> Settings:
    """A ledger in a folder, its views, which Kafka feeds, and the broker."""
    place = {"BLOODLEDGER_LEDGER": str(folder / "ledger.db"), "BLOODLEDGER_VIEWS": views or str(folder / "views")}
    return read_settings({**broker.settings, **place})


def environment_of(settings: Settings, broker: Broker, **more: str) -> dict[str, str]:
    """The same settings for a process of ours; none of those that this process was started with."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BLOODLEDGER_")}
    place = {"BLOODLEDGER_LEDGER": settings.ledger, "BLOODLEDGER_VIEWS": settings.views, "BLOODLEDGER_LANG": "en"}
    return {**kept, **broker.settings, **place, **more}


@contextmanager
def never_relayed(bench: Workbench, broker: Broker, told: Told) -> Iterator[Ledger]:
    """A copy of a ledger, of which no relay has sent anything."""
    with bench.fresh() as folder:
        settings = settings_in(folder, broker)
        with closing(sqlite3.connect(told.settings.ledger)) as old, closing(sqlite3.connect(settings.ledger)) as new:
            old.backup(new)
        with open_ledger(settings) as ledger:
            yield ledger


@contextmanager
def undisturbed() -> Iterator[None]:
    """What was there before is not searched for cycles over and over while something is measured."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


# -- processes -------------------------------------------------------------------------------------------


class Process:
    """A long-running command of ours, which answers over HTTP how it is; stopped at the end of its `with`."""

    def __init__(self, folder: Path, environment: Mapping[str, str], *arguments: str) -> None:
        self._at, self.log = f"127.0.0.1:{free_port()}", folder / f"{arguments[0]}.log"
        self._running = Running([*OURS, *arguments], self.log, {**environment, "BLOODLEDGER_HTTP": self._at}, ROOT)
        self._running.wait_until(lambda: bool(self.health()))

    def health(self) -> dict[str, Any]:
        """What it says of itself; nothing while it does not answer."""
        try:
            with urllib.request.urlopen(f"http://{self._at}/health", timeout=5) as answer:
                said = answer.read()
        except urllib.error.HTTPError as unwell:
            said = unwell.read()
        except OSError:
            return {}
        found: dict[str, Any] = json.loads(said)
        return found

    def until(self, come: Callable[[dict[str, Any]], bool]) -> None:
        """Returns when it says so of itself."""
        until(lambda: come(self.health()), f"of {self.log.name}: {self.log}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._running.end(signal.SIGTERM)


def until(come: Callable[[], bool], what: str, every: float = TICK_SECONDS) -> None:
    """Returns when it has come. Errors: TimeoutError."""
    end, tick = monotonic() + WAIT_SECONDS, Event()
    while not come():
        if monotonic() > end:
            raise TimeoutError(f"waited {WAIT_SECONDS:.0f} s in vain until {what}")
        tick.wait(every)
