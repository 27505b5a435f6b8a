"""This file holds the test that the rights docs/reference/kafka.md grants are enough for each user, and no more."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ScramMechanism, UserScramCredentialUpsertion
from kafka.errors import TopicAuthorizationFailedError

from schemas.on_kafka import FACTS, STOCK, SUBJECTS
from tests.kafka.certificates import write_secret
from tests.kafka_broker import Broker, kafka_or_why_not
from tests.kafka_consumers.relayed import ROOT, environment_with

pytestmark = pytest.mark.slow

PAGE = ROOT / "docs" / "reference" / "kafka.md"
RELAY, PROJECT, COUNTER = USERS = ("relay", "project", "counter")
"""As on the page, but for `stock-reader`: this node has one already, with rights we did not give."""


def granting_commands() -> list[list[str]]:
    """What kafka-acls.sh is given on the page, a command each."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").replace("User:stock-reader", f"User:{COUNTER}").splitlines()
    return [shlex.split(line)[1:] for line in lines if line.startswith("kafka-acls.sh ")]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A Kafka that knows its users and lets each do what the page grants, and nothing else."""
    way = kafka_or_why_not()
    if way != Broker.start_new:
        pytest.skip(way if isinstance(way, str) else "this Kafka's users are not ours to make")
    with Broker.start_new(tmp_path_factory.mktemp("secured"), "tls-scram") as node:
        admin = KafkaAdminClient(**node.client)
        for user in USERS:
            password = f"the password of {user}"
            write_secret(node.account(user).password_file, password)
            made = [UserScramCredentialUpsertion(user, ScramMechanism.SCRAM_SHA_512, password)]
            assert admin.alter_user_scram_credentials(made) == {user: None}
        admin.close()
        reached = ["--bootstrap-server", node.address, "--command-config", str(node.tool_config)]
        for command in granting_commands():
            done = node.tool("org.apache.kafka.tools.AclCommand", *reached, *command)
            assert done.returncode == 0, done.stdout + done.stderr
        yield node


@pytest.fixture(scope="module")
def told(node: Broker, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str]]:
    """How our programs ended, each as its user, and what they complained about."""
    folder = tmp_path_factory.mktemp("rights")
    ledger, views = str(folder / "world.ledger"), str(folder / "world.projected")

    def ended(user: str, *arguments: str, **more: str) -> tuple[int, str]:
        reached = node.settings if user == "ledger" else node.settings_of(node.account(user))
        said = subprocess.run(
            [sys.executable, "-m", "ledger.cli", *arguments], cwd=ROOT, capture_output=True, text=True, check=False,
            env=environment_with({"BLOODLEDGER_LEDGER": ledger, **reached, **more}),
        )  # fmt: skip
        return said.returncode, said.stderr

    assert ended("ledger", "simulate", "trouble", "--days", "5", "--no-check", "--json")[0] == 0
    assert ended("ledger", "topics")[0] == 0
    return {
        RELAY: ended(RELAY, "relay", "--until-caught-up"),
        PROJECT: ended(PROJECT, "project", "--until-caught-up", BLOODLEDGER_VIEWS=views),
    }


def consumer(node: Broker, user: str, **more: Any) -> KafkaConsumer:
    return KafkaConsumer(**node.client_of(node.account(user)), enable_auto_commit=False, **more)


def count_of(node: Broker, user: str, topic: str) -> int:
    """How many records a user reads on a topic."""
    reader = consumer(node, user, group_id=None)
    try:
        reader.assign([TopicPartition(topic, each) for each in range(6)])
        reader.seek_to_beginning()
        found = 0
        for _ in range(20):
            came = sum(len(each) for each in reader.poll(timeout_ms=500).values())
            if found and not came:
                break
            found += came
        return found
    finally:
        reader.close()


def test_relay_and_project_have_what_they_need(told: dict[str, tuple[int, str]]) -> None:
    assert told == {RELAY: (0, ""), PROJECT: (0, "")}


def test_views_may_be_fed_in_a_group(node: Broker, told: dict[str, tuple[int, str]]) -> None:
    member = consumer(node, PROJECT, group_id="bloodledger-0123456789ab")
    try:
        member.subscribe([FACTS, SUBJECTS])
        assert any(member.poll(timeout_ms=2000) or member.assignment() for _ in range(10))
    finally:
        member.close()


def test_who_counts_stock_reads_blood_and_no_persons(
    node: Broker, told: dict[str, tuple[int, str]], tmp_path: Path
) -> None:
    assert count_of(node, COUNTER, FACTS) > 20
    assert count_of(node, COUNTER, STOCK) > 0
    assert count_of(node, PROJECT, SUBJECTS) > 0
    mine = tmp_path / "counter.properties"
    config = node.tool_config.read_text(encoding="utf-8")
    write_secret(mine, config.replace(node.account("ledger").jaas, node.account(COUNTER).jaas))
    said = node.tool(
        "org.apache.kafka.tools.consumer.ConsoleConsumer", "--bootstrap-server", node.address,
        "--command-config", str(mine), "--topic", SUBJECTS, "--partition", "0", "--offset", "earliest",
    )  # fmt: skip
    assert "TopicAuthorizationException" in said.stdout + said.stderr


@pytest.mark.parametrize("user, topic", [(COUNTER, FACTS), (COUNTER, STOCK), (PROJECT, FACTS), (RELAY, STOCK)])
def test_nobody_else_sends(node: Broker, told: dict[str, tuple[int, str]], user: str, topic: str) -> None:
    producer = KafkaProducer(**node.client_of(node.account(user)), enable_idempotence=False)
    try:
        sent = producer.send(topic, b"neither fact nor stock", partition=0)
        with pytest.raises(TopicAuthorizationFailedError):
            sent.get(timeout=20)
    finally:
        producer.close()
