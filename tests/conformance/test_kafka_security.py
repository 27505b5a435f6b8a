"""This file holds the tests of who may come in: Kafka with TLS, SCRAM-SHA-512 and access lists, by our own commands."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.terminal import Said, Terminal, life
from tests.kafka.certificates import write_secret
from tests.kafka.jars import missing_here, why_no_jars
from tests.kafka_broker import Broker

FACTS, SUBJECTS = "blood.facts.v1", "blood.subjects.v1"
# Each wrong one takes the 10 s that a client tries to reach a broker.
pytestmark = [pytest.mark.slow, pytest.mark.kafka]
COMMANDS = [("topics",), ("relay", "--until-caught-up")]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    if missing := why_no_jars():
        missing_here(f"a Kafka with TLS: {missing}")
    with Broker.start_new(tmp_path_factory.mktemp("secured"), "tls-scram") as node:
        yield node


@pytest.fixture(scope="module")
def relayed(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Broker:
    """The node with its topics made and a life on them."""
    terminal = OnKafka(tmp_path_factory.mktemp("ledger"), broker.settings)
    assert terminal.record(*life()).code == 0
    assert terminal.ended("topics").code == 0
    assert terminal.ended("relay", "--until-caught-up").code == 0
    return broker


class OnKafka(Terminal):
    """A terminal whose ledger is a file of its own, and whose Kafka is as some settings say."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        super().__init__(folder)
        self._settings = settings

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | self._settings

    def ended(self, *arguments: str) -> Said:
        """As a process of its own: a client that logs or leaves threads behind is seen."""
        with self.start(*arguments) as process:
            out, err = process.communicate(timeout=90)
        return Said(process.returncode, out.decode(), err.decode())


def refused(tmp_path: Path, settings: dict[str, str], *arguments: str) -> str:
    """The one line that is said on standard error, with exit code 3."""
    terminal = OnKafka(tmp_path, settings)
    assert terminal.record(*life()).code == 0
    said = terminal.ended(*arguments)
    assert said.code == 3, said
    *log, line = said.err.splitlines()
    assert line.startswith("error: ") and all(each.startswith("{") for each in log), said.err
    assert "Traceback" not in said.err
    return line


def test_who_has_the_certificate_and_the_password_may_make_topics_and_send(relayed: Broker, tmp_path: Path) -> None:
    terminal = OnKafka(tmp_path, relayed.settings)
    assert {each["name"] for each in terminal.ended("topics", "--json").json} >= {FACTS, SUBJECTS}
    assert terminal.record(*life()).code == 0
    said = terminal.ended("relay", "--until-caught-up", "--json")
    assert said.code == 0 and said.json["behind"] == 0 and said.json["sent"] > 0


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda words: words[0])
def test_a_broker_whose_certificate_another_authority_signed_is_not_spoken_to(
    relayed: Broker, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    settings = relayed.settings | {"BLOODLEDGER_KAFKA_CA": str(relayed.other_ca_file)}
    line = refused(tmp_path, settings, *arguments)
    assert "certificate" in line.lower() and "BLOODLEDGER_KAFKA_CA" in line
    assert relayed.account("ledger").password not in line


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda words: words[0])
def test_a_wrong_password_is_refused_with_its_reason(
    relayed: Broker, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    wrong = write_secret(tmp_path / "wrong", "not-the-password-it-has\n")
    settings = relayed.settings | {"BLOODLEDGER_KAFKA_PASSWORD_FILE": str(wrong)}
    line = refused(tmp_path, settings, *arguments)
    assert "BLOODLEDGER_KAFKA_PASSWORD_FILE" in line
    assert "not-the-password-it-has" not in line and relayed.account("ledger").password not in line


def test_an_unknown_user_is_refused_with_the_reason(relayed: Broker, tmp_path: Path) -> None:
    line = refused(tmp_path, relayed.settings | {"BLOODLEDGER_KAFKA_USER": "nobody"}, "topics")
    assert "BLOODLEDGER_KAFKA_USER" in line


def test_a_password_file_that_is_not_there_is_named(relayed: Broker, tmp_path: Path) -> None:
    settings = relayed.settings | {"BLOODLEDGER_KAFKA_PASSWORD_FILE": str(tmp_path / "nowhere")}
    assert str(tmp_path / "nowhere") in refused(tmp_path, settings, "topics")


def test_a_broker_that_wants_tls_is_not_spoken_to_without(relayed: Broker, tmp_path: Path) -> None:
    settings = {"BLOODLEDGER_KAFKA": relayed.address, "BLOODLEDGER_KAFKA_SECURITY": "plaintext"}
    assert relayed.address in refused(tmp_path, settings, "topics")


def as_stock_reader(broker: Broker, java_class: str, *words: str, given: str | None = None) -> Said:
    """One of Kafka's own programs, which come in as stock-reader."""
    done = broker.tool(
        java_class, "--bootstrap-server", broker.address, *words,
        "--command-config", str(broker.tool_config_of(broker.account("stock-reader"))), input=given,
    )  # fmt: skip
    return Said(done.returncode, done.stdout, done.stderr)


def read(broker: Broker, topic: str) -> Said:
    words = ["--topic", topic, "--from-beginning", "--max-messages", "1", "--timeout-ms", "15000"]
    reader = "org.apache.kafka.tools.consumer.ConsoleConsumer"
    return as_stock_reader(broker, reader, *words, "--group", "stock-reader-tests")


def test_a_reader_of_stock_may_read_facts_of_blood(relayed: Broker) -> None:
    said = read(relayed, FACTS)
    assert "Processed a total of 1 messages" in said.err and "Authorization" not in said.err


def test_a_reader_of_stock_may_not_read_facts_of_persons(relayed: Broker) -> None:
    assert "TopicAuthorizationException" in read(relayed, SUBJECTS).err


def test_a_reader_of_stock_may_not_send(relayed: Broker) -> None:
    said = as_stock_reader(relayed, "org.apache.kafka.tools.ConsoleProducer", "--topic", FACTS, given="a forged fact\n")
    assert "AuthorizationException" in said.err
