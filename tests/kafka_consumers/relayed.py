"""This file holds a ledger whose facts and stock are on Kafka, tampered copies of them, and the programs that read."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from secrets import token_hex
from typing import Any, NamedTuple

from confluent_kafka import Producer
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import NewTopic

from schemas.on_kafka import FACTS, STOCK
from tests.kafka import jars
from tests.kafka_broker import Kafka

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "schemas"
CONSUMERS = ROOT / "docs" / "how-to" / "consumers"
PYTHON_CONSUMER, JAVA_CONSUMER = CONSUMERS / "stock_consumer.py", CONSUMERS / "StockConsumer.java"
LOOKING_AGAIN = 60
"""Unit: seconds."""

Json = dict[str, Any]


class OnKafka(NamedTuple):
    """A record as it stands in a partition."""

    partition: int
    key: bytes
    value: bytes | None
    headers: list[tuple[str, bytes | None]]

    def with_header(self, name: str, value: bytes | None) -> "OnKafka":
        return self._replace(headers=[(each, value if each == name else kept) for each, kept in self.headers])

    def header(self, name: str) -> bytes:
        value = dict(self.headers)[name]
        assert value is not None, "only a header that a test made null is"
        return value

    @property
    def number(self) -> int:
        return int.from_bytes(self.header("number"), "big")


Records = list[OnKafka]
Tampering = Callable[[Records], Records]


class Said(NamedTuple):
    """What a program answered."""

    code: int
    out: str
    err: str

    @property
    def answer(self) -> Json:
        found: Json = json.loads(self.out)
        return found


class Relayed(NamedTuple):
    """A ledger that was sent to a Kafka, whole."""

    kafka: Kafka
    environment: dict[str, str]
    ledger: str

    def bloodledger(self, *arguments: str) -> str:
        """What our own program prints."""
        return bloodledger(self.environment, *arguments)

    def stock(self) -> list[Json]:
        """The ledger's own stock, as far as the stock topic says it."""
        rows = json.loads(self.bloodledger("stock", "--json"))["rows"]
        names = ("facility", "component", "group", "rhd", "status", "measure", "bags", "quantity")
        return [{name: row[name] for name in names} for row in rows]

    def facts(self) -> list[Json]:
        """Every fact of the ledger, as the ledger tells it."""
        return [json.loads(line) for line in self.bloodledger("facts", "--json").splitlines()]

    def records(self, topic: str) -> Records:
        """What this ledger has on a topic, partition by partition; nobody puts more there."""
        return list(_read_once(self.kafka, topic, self.ledger))

    def copied(self, tampering: Tampering = list, stock: Records | None = None) -> str:
        """The prefix of topics of their own, with the same records but for what was done to those of one partition:
        the one with the most facts. The stock is copied too unless another is given."""
        facts = self.records(FACTS)
        numbers = [each.partition for each in facts]
        busiest = max(set(numbers), key=numbers.count)
        others = [each for each in facts if each.partition != busiest]
        spoiled = tampering([each for each in facts if each.partition == busiest])
        prefix = f"{token_hex(4)}."
        put(self.kafka, prefix + FACTS, others + spoiled)
        put(self.kafka, prefix + STOCK, self.records(STOCK) if stock is None else stock)
        return prefix


def bloodledger(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "ledger.cli", *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def environment_with(settings: dict[str, str]) -> dict[str, str]:
    """This process's environment, with these of our settings and no others."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BLOODLEDGER_")}
    return kept | {"BLOODLEDGER_LANG": "en"} | settings


def relayed_world(kafka: Kafka, folder: Path, seed: int = 3, registry: str | None = None) -> Relayed:
    """A simulated world, recorded, sent and projected by our own programs. Another seed is another ledger."""
    settings = {"BLOODLEDGER_LEDGER": str(folder / "world.ledger"), **kafka.settings}
    environment = environment_with(settings | ({"BLOODLEDGER_REGISTRY": registry} if registry else {}))
    bloodledger(environment, "simulate", "trouble", "--seed", str(seed), "--days", "10", "--no-check")
    ledger = json.loads(bloodledger(environment, "status", "--json"))["ledger"]
    bloodledger(environment, "topics")
    bloodledger(environment, "relay", "--until-caught-up")
    # Views of its own, filled from Kafka: the ledger's own views never saw it.
    projected = environment | {"BLOODLEDGER_VIEWS": str(folder / "world.projected")}
    bloodledger(projected, "project", "--until-caught-up", "--of", ledger)
    return Relayed(kafka, environment, ledger)


# ── topics, by a client that knows nothing of ledgers ────────────────────────────────────────────────────────


def records_of(kafka: Kafka, topic: str) -> Iterator[OnKafka]:
    consumer = KafkaConsumer(**kafka.client, group_id=None, enable_auto_commit=False)
    try:
        for number in sorted(consumer.partitions_for_topic(topic)):
            partition = TopicPartition(topic, number)
            consumer.assign([partition])
            consumer.seek_to_beginning()
            end = consumer.end_offsets([partition])[partition]
            while consumer.position(partition) < end:
                for record in consumer.poll(timeout_ms=500).get(partition, ()):
                    yield OnKafka(number, record.key, record.value, list(record.headers))
    finally:
        consumer.close()


@cache
def _read_once(kafka: Kafka, topic: str, ledger: str) -> Records:
    """Keys of the stock begin with the ledger's id; envelopes of facts hold it, in plain letters."""
    mine = ledger.encode()
    found = records_of(kafka, topic)
    if topic == STOCK:
        return [each for each in found if each.key.startswith(mine)]
    return [each for each in found if mine in each.header("envelope")]


def put(kafka: Kafka, topic: str, records: Sequence[OnKafka], partitions: int = 6) -> None:
    """Makes a topic, where it is not there, and puts records on it, in this order."""
    admin = KafkaAdminClient(**kafka.client)
    try:
        if topic not in admin.list_topics():
            admin.create_topics([NewTopic(topic, partitions, 1)])
            admin.wait_for_topics([topic], timeout_ms=LOOKING_AGAIN * 1000)
    finally:
        admin.close()
    failed = []

    def told(error: object, _: object) -> None:
        if error is not None:
            failed.append(error)

    # Confluent's producer: kafka-python sends no header that is null.
    producer = Producer({"bootstrap.servers": kafka.address, "acks": "all"})
    for each in records:
        producer.produce(topic, each.value, each.key, partition=each.partition, headers=each.headers, on_delivery=told)
    assert producer.flush(LOOKING_AGAIN) == 0 and not failed, failed


# ── the consumers ───────────────────────────────────────────────────────────────────────────────────────────


def consumer_jars() -> Path:
    """The folder of the jars that the Java consumer runs on, as its pom lists them; fetched on first use."""
    folder = jars.cache("bloodledger-stock-consumer-1")
    pom = CONSUMERS / "pom.xml"
    jars.fetch(folder, ["-f", str(pom), "dependency:copy-dependencies", "-DincludeScope=runtime"])
    return folder


def python_consumer() -> list[str]:
    """The command that runs it, where nothing of ours can be imported."""
    return [sys.executable, "-I", str(PYTHON_CONSUMER)]


def java_consumer(classes: Path) -> list[str]:
    return jars.java_command("-cp", f"{classes}:{consumer_jars()}/*", "StockConsumer")


def run(command: Sequence[str], folder: Path) -> Said:
    """What a program says that is run in `folder`."""
    (said,) = run_both(command, folder=folder)
    return said


def run_both(*commands: Sequence[str], folder: Path) -> list[Said]:
    """What each of several programs says; they run at once."""
    running = [
        subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for command in commands
    ]
    said = [each.communicate(timeout=120) for each in running]
    return [Said(each.returncode, out, err) for each, (out, err) in zip(running, said, strict=True)]
