"""This file holds the tests that Kafka's tools, Avro's tools and another client library read what is on the topics."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from schemas.on_kafka import FACTS, STOCK
from tests.kafka.jars import avro_tools, java_command, kafka_jars
from tests.kafka_consumers.relayed import (
    JAVA_CONSUMER,
    PYTHON_CONSUMER,
    SCHEMAS,
    OnKafka,
    Relayed,
    consumer_jars,
    put,
    records_of,
)

pytestmark = pytest.mark.slow

AS_BYTES = "org.apache.kafka.common.serialization.BytesDeserializer"
"""It prints what is no plain letter, and a backslash, as \\xNN: tabs are then between fields only."""

Json = dict[str, Any]


def printed_by_kafka(relayed: Relayed, topic: str, *shown: str) -> list[list[str]]:
    """The fields of each record of a topic, as the console consumer prints them."""
    formats = [*shown, f"value.deserializer={AS_BYTES}", f"headers.deserializer={AS_BYTES}", "headers.separator=\t"]
    said = relayed.kafka.tool(
        "org.apache.kafka.tools.consumer.ConsoleConsumer",
        "--bootstrap-server", relayed.kafka.address, "--topic", topic, "--from-beginning", "--timeout-ms", "3000",
        *(word for each in formats for word in ("--formatter-property", each)),
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    return [line.split("\t") for line in said.stdout.splitlines()]


def as_bytes(text: str) -> bytes:
    """What the console consumer printed, as it stands on the topic."""
    return re.sub(rb"\\x([0-9A-F]{2})", lambda found: bytes.fromhex(found[1].decode()), text.encode("ascii"))


@pytest.fixture(scope="module")
def by_kafka(relayed: Relayed) -> list[OnKafka]:
    """The facts, as Kafka's own console consumer prints them."""
    shown = ["print.partition=true", "print.headers=true", "print.key=true"]
    facts = []
    for partition, *headers, key, value in printed_by_kafka(relayed, FACTS, *shown):
        named = [(name, as_bytes(text)) for name, _, text in (each.partition(":") for each in headers)]
        facts.append(OnKafka(int(partition.removeprefix("Partition:")), key.encode(), as_bytes(value), named))
    return sorted(facts, key=lambda each: each.partition)


def by_avro(wire: str, single_object: bytes) -> Json:
    """What Avro's own tools read in a single-object encoding, with the .avsc file of that name alone."""
    file = next(SCHEMAS.rglob(f"{wire}.avsc"))
    assert single_object[:10] == b"\xc3\x01" + fingerprint_by_avro(file)
    return json.loads(avro("fragtojson", "--no-pretty", "--schema-file", str(file), "-", input=single_object[10:]))


@cache
def fingerprint_by_avro(file: Path) -> bytes:
    said, _ = avro("fingerprint", "--fingerprint", "CRC-64-AVRO", str(file)).split()
    return bytes.fromhex(said.decode())


def avro(*arguments: str, input: bytes = b"") -> bytes:
    program = java_command("-jar", str(avro_tools()))
    return subprocess.run([*program, *arguments], input=input, capture_output=True, check=True).stdout


def mine(relayed: Relayed, facts: list[OnKafka]) -> list[OnKafka]:
    return [each for each in facts if relayed.ledger.encode() in each.header("envelope")]


def test_kafkas_own_consumer_prints_every_record_as_it_was_sent(relayed: Relayed, by_kafka: list[OnKafka]) -> None:
    assert mine(relayed, by_kafka) == relayed.records(FACTS)
    assert [name for name, _ in by_kafka[0].headers] == ["envelope", "number", "hash"]


def test_avros_own_tools_read_a_fact_and_its_envelope(relayed: Relayed, by_kafka: list[OnKafka]) -> None:
    stored = {each["position"]: each for each in relayed.facts()}
    of_all_sorts = {(each.value or b"")[:10]: each for each in mine(relayed, by_kafka)}
    assert len(of_all_sorts) > 10
    for each in list(of_all_sorts.values())[::10]:
        envelope = by_avro("envelope.v1", each.header("envelope"))
        wanted = stored[envelope["position"]]
        assert envelope["ledger"] == relayed.ledger
        assert {name: envelope[name] for name in ("stream", "version", "name")} == {
            name: wanted[name] for name in ("stream", "version", "name")
        }
        fact = by_avro(envelope["name"], each.value or b"")
        assert fact["occasion"]["request"] == wanted["request"]
        assert fact.keys() | fact["occasion"].keys() >= wanted["fact"].keys()


def test_avros_own_tools_read_a_row_of_the_stock(relayed: Relayed) -> None:
    key, value = next(
        line for line in printed_by_kafka(relayed, STOCK, "print.key=true") if line[0].startswith(relayed.ledger)
    )
    row = by_avro("stock_row.v1", as_bytes(value))
    assert key == f"{row['ledger']}/{row['bag']}"
    assert row["component"]["string"] in {each["component"] for each in relayed.stock()}


# ── confluent-kafka: librdkafka, in C ───────────────────────────────────────────────────────────────────────


def read_by_confluent(address: str, topic: str) -> Iterator[OnKafka]:
    consumer = Consumer({"bootstrap.servers": address, "group.id": token_hex(4), "enable.auto.commit": False,
                         "enable.partition.eof": True})  # fmt: skip
    try:
        partitions = sorted(consumer.list_topics(topic, timeout=30).topics[topic].partitions)
        consumer.assign([TopicPartition(topic, each, 0) for each in partitions])
        ended = 0
        while ended < len(partitions):
            record = consumer.poll(30)
            assert record is not None
            if record.error():
                ended += 1  # the end of a partition is told as an error
                continue
            yield OnKafka(record.partition(), record.key(), record.value(), list(record.headers() or ()))
    finally:
        consumer.close()


def test_another_client_reads_the_same_records(relayed: Relayed) -> None:
    found = mine(relayed, list(read_by_confluent(relayed.kafka.address, FACTS)))
    assert sorted(found, key=lambda each: each.partition) == relayed.records(FACTS)


def test_other_clients_put_a_key_in_the_same_partition(relayed: Relayed) -> None:
    facts = relayed.records(FACTS)
    there = {each.key: each.partition for each in facts}
    assert len(set(there.values())) > 2
    assert len(there) == len({(each.key, each.partition) for each in facts})
    topics = {"confluent": f"{token_hex(4)}.keys", "java": f"{token_hex(4)}.keys"}
    for topic in topics.values():
        put(relayed.kafka, topic, [])

    producer = Producer({"bootstrap.servers": relayed.kafka.address, "partitioner": "murmur2_random"})
    for key in there:
        producer.produce(topics["confluent"], key=key, value=b"")
    assert producer.flush(30) == 0

    lines = "".join(f"{key.decode()}\tx\n" for key in there)
    done = relayed.kafka.tool(
        "org.apache.kafka.tools.ConsoleProducer", "--bootstrap-server", relayed.kafka.address,
        "--topic", topics["java"], "--reader-property", "parse.key=true", input=lines,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr

    for topic in topics.values():
        assert {each.key: each.partition for each in records_of(relayed.kafka, topic)} == there


# ── the page for strangers ──────────────────────────────────────────────────────────────────────────────────

PAGE = SCHEMAS.parent / "docs" / "how-to" / "consume-the-facts.md"
FETCHES = ("pip ", "mvn ")


def shown_commands() -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if not line.startswith(FETCHES)]


@pytest.fixture
def strangers_folder(tmp_path: Path) -> Path:
    """A folder as a stranger has it: the schemas, the two programs, their jars, Kafka's and Avro's tools."""
    (tmp_path / "schemas").symlink_to(SCHEMAS)
    (tmp_path / "jars").symlink_to(consumer_jars())
    (tmp_path / avro_tools().name).symlink_to(avro_tools())
    for program in (PYTHON_CONSUMER, JAVA_CONSUMER):
        (tmp_path / program.name).symlink_to(program)
    tool = tmp_path / "kafka-console-consumer.sh"
    command = shlex.join(java_command("-cp", f"{kafka_jars()}/*", "org.apache.kafka.tools.consumer.ConsoleConsumer"))
    tool.write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8")
    tool.chmod(0o755)
    return tmp_path


@pytest.mark.parametrize("command", shown_commands(), ids=lambda each: each.partition(" ")[0])
def test_the_commands_of_the_page_do_what_it_says(command: str, relayed: Relayed, strangers_folder: Path) -> None:
    here = command.replace("localhost:9092", relayed.kafka.address)
    if "--schemas" in here:
        here += f" --ledger {relayed.ledger}"
    path = f"{strangers_folder}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    busy = next(each.partition for each in relayed.records(STOCK))
    said = subprocess.run(
        ["sh", "-c", here.replace("--partition 0", f"--partition {busy}")],
        cwd=strangers_folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    expected = {"blood.facts.v1": "\tenvelope:", "blood.stock.v1": '"bag" : ', "--schemas schemas": " bags, "}
    assert next(what for named, what in expected.items() if named in command) in said.stdout


def test_the_page_shows_each_program() -> None:
    first = [each.partition(" ")[0] for each in shown_commands()]
    assert first == ["kafka-console-consumer.sh", "kafka-console-consumer.sh", "python", "java"]
