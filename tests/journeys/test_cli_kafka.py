"""This file holds the tests of `topics`, `relay`, `project`, `parked` and `rebuild` over a real Kafka."""

import json
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition
from kafka.admin import NewPartitions, NewTopic

from tests.journeys.audited import DINS, after, before
from tests.journeys.terminal import Terminal
from tests.kafka.running import Running, free_port
from tests.kafka_broker import Broker

pytestmark = [pytest.mark.kafka, pytest.mark.slow]
FACTS, STOCK, SUBJECTS = "blood.facts.v1", "blood.stock.v1", "blood.subjects.v1"
FOR_EVER = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}


class KafkaTerminal(Terminal):
    """A terminal with more settings."""

    def __init__(self, folder: Path, more: Mapping[str, str]) -> None:
        super().__init__(folder)
        self.more = dict(more)

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | self.more

    def but(self, **more: str) -> "KafkaTerminal":
        """The same ledger with other settings."""
        return KafkaTerminal(self.folder, self.more | more)


@pytest.fixture(scope="module")
def own_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker of these tests' own: it loses records, and is killed."""
    with Broker.start_new(tmp_path_factory.mktemp("kafka")) as started:
        yield started


@pytest.fixture
def broker(own_broker: Broker) -> Broker:
    """The broker, without the topics of the test before."""
    asked = admin(own_broker)
    there = [name for name in asked.list_topics() if name.startswith("blood.")]
    if there:
        asked.delete_topics(there)
    end, tick = monotonic() + 30, Event()
    while any(name.startswith("blood.") for name in asked.list_topics()):
        assert monotonic() < end
        tick.wait(0.05)
    asked.close()
    return own_broker


@pytest.fixture
def terminal(tmp_path: Path, broker: Broker) -> KafkaTerminal:
    """A ledger with a story in it, whose views Kafka feeds."""
    home = tmp_path / "home"
    home.mkdir()
    found = KafkaTerminal(home, {**broker.settings, "BLOODLEDGER_VIEWS": str(home / "kafka.views")})
    assert found.record(*before(), *after()).code == 0
    return found


def admin(broker: Broker) -> KafkaAdminClient:
    return KafkaAdminClient(**broker.client)


def projected(terminal: KafkaTerminal) -> Any:
    return terminal.run("project", "--until-caught-up", "--json")


def relayed(terminal: KafkaTerminal, *options: str) -> Any:
    return terminal.run("relay", "--until-caught-up", "--json", *options)


def from_the_ledger(terminal: KafkaTerminal, *question: str) -> Any:
    """The same question put to views that the ledger feeds."""
    return terminal.but(BLOODLEDGER_VIEWS=str(terminal.folder / "own.views")).run(*question).json


# -- topics --------------------------------------------------------------------------------------------------


def test_topics_are_made_once_and_checked_after_that(terminal: KafkaTerminal, broker: Broker) -> None:
    made = terminal.run("topics", "--partitions", "2", "--json").json
    assert {each["name"]: (each["partitions"], each["made"]) for each in made} == {
        FACTS: (2, True), SUBJECTS: (2, True), STOCK: (2, True),
    }  # fmt: skip
    again = terminal.run("topics", "--no-json")
    assert again.code == 0 and "was there" in again.out and "cleanup.policy=compact" in again.out
    assert "已存在" in terminal.run("topics", "--no-json", "--lang", "zh").out


@pytest.mark.parametrize(
    "name, partitions, settings, why",
    [
        (FACTS, 2, {"cleanup.policy": "compact"}, "cleanup.policy is compact, delete is expected"),
        (FACTS, 2, {"retention.ms": "604800000"}, "retention.ms is 604800000, -1 is expected"),
        (STOCK, 2, {"cleanup.policy": "delete"}, "cleanup.policy is delete, compact is expected"),
        (STOCK, 3, {"cleanup.policy": "compact", "delete.retention.ms": "2592000000"}, "partitions"),
        (FACTS, 2, {**FOR_EVER, "cleanup.policy": "compact,delete"}, "cleanup.policy is compact,delete"),
    ],
)
def test_nothing_runs_on_a_topic_that_breaks_the_promise(
    terminal: KafkaTerminal, broker: Broker, name: str, partitions: int, settings: dict[str, str], why: str
) -> None:
    asked = admin(broker)
    asked.create_topics([NewTopic(name, partitions, 1, topic_configs=settings)])
    refused = terminal.run("topics", "--partitions", "2")
    assert refused.code == 1 and name in refused.err and why in refused.err
    assert relayed(terminal).code == 1
    asked.close()


def test_partitions_that_were_added_are_noticed(terminal: KafkaTerminal, broker: Broker) -> None:
    assert terminal.run("topics", "--partitions", "2").code == 0
    assert relayed(terminal).code == 0
    asked = admin(broker)
    asked.create_partitions({name: NewPartitions(3) for name in (FACTS, SUBJECTS, STOCK)})
    asked.close()
    refused = relayed(terminal)
    assert refused.code == 1 and "it has 3 partitions, 2 are expected" in refused.err


def test_without_topics_the_relay_says_what_to_do(terminal: KafkaTerminal) -> None:
    refused = relayed(terminal)
    assert refused.code == 1 and "bloodledger topics" in refused.err


# -- vein to vein ----------------------------------------------------------------------------------------------


def test_views_from_kafka_answer_as_those_of_the_ledger(terminal: KafkaTerminal) -> None:
    assert terminal.run("topics").code == 0
    size = terminal.run("status", "--json").json["size"]
    assert relayed(terminal).json == {"position": size, "sent": size, "behind": 0}
    assert relayed(terminal).json == {"position": size, "sent": 0, "behind": 0}
    assert projected(terminal).json == {"position": size, "applied": size, "duplicates": 0, "standing": []}
    assert projected(terminal).json["applied"] == 0
    for question in (("stock",), ("trace", DINS[0]), ("ask", "b", DINS[0])):
        ours = terminal.run(*question, "--json", "--at", "2026-03-20T08:00:00+08:00").json
        theirs = from_the_ledger(terminal, *question, "--json", "--at", "2026-03-20T08:00:00+08:00")
        assert ours == theirs
    rebuilt = terminal.run("rebuild", "--json").json
    assert rebuilt["switched"] and rebuilt["differences"] == [] and rebuilt["position"] == size
    assert projected(terminal).json["applied"] == 0
    assert "complete up to position" in terminal.run("project", "--until-caught-up", "--no-json").out


def test_views_of_the_ledger_itself_are_not_fed_by_kafka(terminal: KafkaTerminal) -> None:
    terminal.run("topics")
    relayed(terminal)
    apart = terminal.but(BLOODLEDGER_VIEWS=str(terminal.folder / "own.views"))
    assert apart.run("stock").code == 0
    refused = apart.run("project", "--until-caught-up")
    assert refused.code == 2 and "BLOODLEDGER_VIEWS" in refused.err


def test_two_ledgers_on_one_topic_are_told_apart(terminal: KafkaTerminal, tmp_path: Path) -> None:
    other = KafkaTerminal(tmp_path, {**terminal.more, "BLOODLEDGER_VIEWS": str(tmp_path / "other.views")})
    assert other.record(*before()).code == 0
    terminal.run("topics")
    relayed(terminal)
    relayed(other)
    asked = projected(terminal.but(BLOODLEDGER_LEDGER=str(tmp_path / "elsewhere.db")))
    assert asked.code == 2 and "--of" in asked.err
    for each in (terminal, other):
        status = each.run("status", "--json").json
        said = each.run("project", "--until-caught-up", "--of", status["ledger"], "--json").json
        assert (said["position"], said["applied"]) == (status["size"], status["size"])


# -- gaps, and what is no fact -----------------------------------------------------------------------------------


def test_a_gap_stops_its_partition_names_the_numbers_and_recheck_mends_it(
    terminal: KafkaTerminal, broker: Broker
) -> None:
    terminal.run("topics", "--partitions", "1")
    relayed(terminal)
    asked = admin(broker)
    asked.delete_records({TopicPartition(FACTS, 0): 4})
    asked.close()
    stopped = projected(terminal)
    assert stopped.code == 1
    assert stopped.json["standing"] == [{"place": f"{FACTS}/0", "why": "gap", "missing": 1, "missing_to": 4}]
    question = ("stock", "--json", "--at", "2026-03-20T08:00:00+08:00")
    stale = terminal.run(*question).json
    assert stale["stale"] == stopped.json["standing"] and all(row["stale"] == row["bags"] for row in stale["rows"])
    assert "may be old" in " ".join(terminal.run("stock", "--no-json").out.split())
    said = terminal.run("parked", "--no-json")
    assert said.code == 1 and "numbers 1–4 are missing" in said.out and "--recheck" in said.out
    assert relayed(terminal, "--recheck").code == 0
    mended = projected(terminal)
    assert mended.code == 0 and mended.json["standing"] == []
    assert mended.json["position"] == terminal.run("status", "--json").json["size"]
    assert terminal.run("parked").code == 0
    assert terminal.run(*question).json == from_the_ledger(terminal, *question)


def test_a_record_that_is_no_fact_is_parked_until_somebody_dismisses_it(
    terminal: KafkaTerminal, broker: Broker
) -> None:
    terminal.run("topics", "--partitions", "1")
    relayed(terminal)
    producer = KafkaProducer(**broker.client)
    at = producer.send(FACTS, b"not a fact", DINS[0].encode(), partition=0).get(10).offset
    producer.close()
    assert relayed(terminal).code == 0, "the relay looks for its own alone"
    assert projected(terminal).code == 0
    said = terminal.run("parked", "--json")
    assert said.code == 1
    assert [(each["offset"], each["key"]) for each in said.json["strays"]] == [(at, DINS[0])]
    question = ("stock", "--json", "--at", "2026-03-20T08:00:00+08:00", "--all")
    counted = sum(row["bags"] for row in terminal.run(*question).json["rows"] if row["status"] == "incomplete")
    assert counted > 0
    assert terminal.run("parked", "--dismiss", f"{FACTS}/0:{at}").code == 2, "it asks for the reason"
    assert terminal.run("parked", "--dismiss", f"{FACTS}/0:{at + 1}", "--reason", "typo").code == 2
    done = terminal.run("parked", "--dismiss", f"{FACTS}/0:{at}", "--reason", "sent by hand", "--no-json")
    assert done.code == 0 and "nothing is parked" in done.out
    assert terminal.run(*question).json == from_the_ledger(terminal, *question)
    rebuilt = terminal.run("rebuild", "--json").json
    assert rebuilt["switched"] and rebuilt["differences"] == [], "a rebuild does not park it again"


# -- while something is away ---------------------------------------------------------------------------------------


class Process:
    """One long-running command of ours, and what it answers over HTTP."""

    def __init__(self, terminal: KafkaTerminal, *arguments: str) -> None:
        self.port, self.log = free_port(), terminal.folder / f"{arguments[0]}-{monotonic()}.log"
        environment = {**terminal.environment, "BLOODLEDGER_HTTP": f"127.0.0.1:{self.port}"}
        start = [sys.executable, "-c", "from ledger.cli import main; main()", *arguments]
        self._running = Running(start, self.log, environment, terminal.folder)
        self._running.wait_until(lambda: self.metrics() != "")

    def ask(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return int(answer.status), answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def metrics(self) -> str:
        return self.ask("/metrics")[1]

    def health(self) -> Any:
        return json.loads(self.ask("/health")[1])

    def until(self, come: Callable[[], bool]) -> None:
        end, tick = monotonic() + 60, Event()
        while not come():
            assert monotonic() < end, self.metrics() + self.log.read_text()
            tick.wait(0.1)

    def end(self, with_signal: signal.Signals) -> int:
        return self._running.end(with_signal)

    def stop(self) -> int:
        return self.end(signal.SIGTERM)


def test_a_relay_waits_for_a_broker_that_is_away_says_so_and_catches_up(
    terminal: KafkaTerminal, broker: Broker
) -> None:
    terminal.run("topics", "--partitions", "2")
    relay = Process(terminal, "relay")
    relay.until(lambda: relay.ask("/health")[0] == 200 and relay.health()["state"] == "active")
    size = terminal.run("status", "--json").json["size"]
    assert f'bloodledger_position{{of="relay"}} {size}.0' in relay.metrics()
    broker.kill()
    lines = [
        {**each, "request": f"later-{each['request']}", "happened_at": "2026-03-25T08:00:00+08:00"} for each in before()
    ]
    assert terminal.record(*lines).code in (0, 1), "the ledger goes on recording"
    relay.until(lambda: relay.ask("/health")[0] == 503)
    assert 'bloodledger_state{state="away"} 1.0' in relay.metrics()
    with terminal.but(BLOODLEDGER_KAFKA="127.0.0.1:9").start("relay", "--until-caught-up") as away:
        said = away.communicate()[1].decode()
    assert away.returncode == 3 and "cannot be reached" in said and "nothing is lost" in said
    broker.start()
    more = terminal.run("status", "--json").json["size"]
    assert more > size
    relay.until(lambda: f'bloodledger_position{{of="relay"}} {more}.0' in relay.metrics())
    relay.until(lambda: 'bloodledger_lag_facts{of="relay"} 0.0' in relay.metrics())
    assert relay.stop() == 0
    logged = [json.loads(line) for line in relay.log.read_text().splitlines() if line.startswith("{")]
    assert any(each.get("level") == "error" and "kafka is away" in each["event"] for each in logged)
    assert projected(terminal).json["position"] == more


@pytest.mark.postgres
def test_two_processes_share_the_partitions_and_the_stock_reaches_its_topic(
    terminal: KafkaTerminal, broker: Broker, postgres_url: str
) -> None:
    shared = terminal.but(BLOODLEDGER_VIEWS=postgres_url)
    shared.run("topics", "--partitions", "4")
    relay, one = Process(shared, "relay"), Process(shared, "project")
    size = shared.run("status", "--json").json["size"]
    one.until(lambda: f'bloodledger_position{{of="view"}} {size}.0' in one.metrics())
    other = Process(shared, "project")
    other.until(lambda: other.health().get("partitions", 0) == 4 and one.health()["partitions"] == 4)
    assert shared.record({**before()[0], "request": "later", "happened_at": "2026-03-26T08:00:00+08:00"}).code == 0
    size = shared.run("status", "--json").json["size"]
    other.until(lambda: f'bloodledger_position{{of="view"}} {size}.0' in other.metrics())
    one.until(lambda: "bloodledger_unsent_rows 0.0" in one.metrics())
    assert [each.stop() for each in (one, other, relay)] == [0, 0, 0]
    question = ("stock", "--json", "--at", "2026-03-27T08:00:00+08:00")
    rows = shared.run(*question).json["rows"]
    assert rows == from_the_ledger(shared, *question)["rows"]
    read = broker.tool(
        "org.apache.kafka.tools.consumer.ConsoleConsumer", "--bootstrap-server", broker.address, "--topic", STOCK,
        "--from-beginning", "--timeout-ms", "5000", "--formatter-property", "print.key=true",
    )  # fmt: skip
    ledger = shared.run("status", "--json").json["ledger"]
    assert read.stdout.count(f"{ledger}/") >= sum(row["bags"] for row in rows) > 0


def test_a_standby_relay_takes_over_within_seconds(terminal: KafkaTerminal, broker: Broker) -> None:
    terminal.run("topics", "--partitions", "2")
    first = Process(terminal, "relay")
    first.until(lambda: first.health()["state"] == "active")
    second = Process(terminal, "relay")
    second.until(lambda: second.health()["state"] == "standby")
    assert first.end(signal.SIGKILL) != 0
    second.until(lambda: second.health()["state"] == "active")
    assert second.stop() == 0
    assert projected(terminal).json["position"] == terminal.run("status", "--json").json["size"]
