"""This file holds a real Apache Kafka for tests: one that is there, or one of our own from Maven's jars, or Docker's.

A test that only needs Kafka takes the fixture `kafka`. One that stops or kills it starts a `Broker` in a folder.
"""

import base64
import os
import re
import secrets
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from time import perf_counter
from typing import Any, Literal, NamedTuple, Self

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ACL, ACLOperation, ACLPermissionType, ACLResourcePatternType, ResourcePattern, ResourceType
from kafka.errors import KafkaError

from tests.kafka.certificates import Authority, write_secret
from tests.kafka.jars import KAFKA, avro_tools, java_command, kafka_jars, missing_here, why_no_jars
from tests.kafka.running import Running, free_port, listens

__all__ = ["Account", "Broker", "Kafka", "avro_tools", "kafka_for_tests", "kafka_or_why_not"]

Security = Literal["plain", "tls-scram"]

LOGGING = Path(__file__).parent / "kafka" / "log4j2.properties"

# The one who may do everything, and one who may read what a stock consumer needs and nothing about people.
LEDGER, STOCK_READER = "ledger", "stock-reader"
OPEN_TO_STOCK_READER = ("blood.facts.v1", "blood.stock.v1")

# Small, and quick to notice that an earlier process of the same node was killed (9 s by default).
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
listeners=CLIENTS://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=CLIENTS://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,CLIENTS:{protocol}
controller.listener.names=CONTROLLER
inter.broker.listener.name=CLIENTS
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=500
broker.heartbeat.interval.ms=300
broker.session.timeout.ms=1500
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=4194304
log.cleaner.backoff.ms=500
"""

# The controller's port has no user and is on the loopback alone; whoever comes through the clients' port has a name.
SECURED = """\
sasl.enabled.mechanisms=SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
listener.name.clients.scram-sha-512.sasl.jaas.config={jaas}
ssl.keystore.type=PEM
ssl.keystore.location={keystore}
ssl.truststore.type=PEM
ssl.truststore.location={ca}
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:broker;User:ledger
"""


class Account(NamedTuple):
    """Somebody Kafka knows."""

    user: str
    password_file: Path

    @property
    def password(self) -> str:
        return self.password_file.read_text(encoding="utf-8").strip()

    @property
    def jaas(self) -> str:
        module = "org.apache.kafka.common.security.scram.ScramLoginModule required"
        return f'{module} username="{self.user}" password="{self.password}";'


class Kafka:
    """A Kafka that answers at `address`, without names or encryption; whether it can be stopped is not ours to say."""

    silent_at = 0.0
    """When it was last asked in vain whether it answers, by `perf_counter`."""

    def __init__(self, address: str) -> None:
        self.address = address

    @property
    def settings(self) -> dict[str, str]:
        """The environment that makes our programs use it."""
        return {"BLOODLEDGER_KAFKA": self.address, "BLOODLEDGER_KAFKA_SECURITY": "plaintext"}

    @property
    def client(self) -> dict[str, Any]:
        """What kafka-python's classes take to reach it."""
        return {"bootstrap_servers": self.address}

    def answers(self) -> bool:
        """Whether it says that it is a broker of its cluster: a node listens before it is one again."""
        asked_at = perf_counter()
        if listens(self.address):
            with suppress(KafkaError):
                admin = KafkaAdminClient(**self.client, request_timeout_ms=5000, bootstrap_timeout_ms=5000)
                try:
                    if admin.describe_cluster()["brokers"]:
                        return True
                finally:
                    admin.close()
        self.silent_at = asked_at
        return False

    def tool(
        self, java_class: str, *args: str, input: str | None = None, timeout: float = 60
    ) -> "subprocess.CompletedProcess[str]":
        """Runs one of Kafka's own tools, e.g. org.apache.kafka.tools.TopicCommand; `check` is the caller's."""
        return subprocess.run(
            kafka_command(java_class, *args), input=input, capture_output=True, text=True, errors="backslashreplace",
            timeout=timeout, check=False,
        )  # fmt: skip


class Broker(Kafka):
    """One node in one folder, ours to stop, kill and start again: the address and the data stay."""

    def __init__(self, folder: Path, security: Security = "plain", proxy: str | None = None) -> None:
        self.folder, self.security, self._proxy = folder.resolve(), security, proxy
        self._port, self._controller_port, self._proxied_port = free_port(), free_port(), free_port()
        super().__init__(f"127.0.0.1:{self._port}")
        self._running: Running | None = None

    @classmethod
    def start_new(cls, folder: Path, security: Security = "plain", proxy: str | None = None) -> Self:
        """A node that never was, in `folder`, answering.

        `proxy`, of a plain node, is the address of a proxy that forwards to `behind_proxy`: a client that comes through
        it is told its address again, and not the node's.
        """
        assert proxy is None or security == "plain"
        node = cls(folder, security, proxy)
        node.folder.mkdir(parents=True, exist_ok=True)
        if security == "tls-scram":
            node._make_secrets()
        node._config.write_text(node._properties(), encoding="utf-8")
        node._format()
        node.start()
        if security == "tls-scram":
            node._let_stock_reader_in()
        return node

    @property
    def behind_proxy(self) -> str:
        """Where a proxy finds the node."""
        return f"127.0.0.1:{self._proxied_port}"

    # ── up and down ──────────────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Returns when the node answers; it has what it acknowledged before it was stopped or killed."""
        assert self._running is None, "this node is running"
        self._running = Running(kafka_command("kafka.Kafka", str(self._config), heap="384m"), self.log_file)
        self._running.wait_until(self.answers)

    def stop(self) -> None:
        """SIGTERM, and waits: what a clean shutdown does. Nothing where it is not running."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL, and waits. Nothing where it is not running."""
        self._end(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        shutil.rmtree(self._data, ignore_errors=True)

    def _end(self, with_signal: signal.Signals) -> None:
        running, self._running = self._running, None
        if running is not None:
            running.end(with_signal)

    # ── who may come in ──────────────────────────────────────────────────────────────────────────────────

    @property
    def ca_file(self) -> Path:
        """The authority that signed the node's certificate."""
        return self.folder / "ca.pem"

    @property
    def other_ca_file(self) -> Path:
        """An authority that did not."""
        return self.folder / "other-ca.pem"

    @property
    def user(self) -> str:
        return LEDGER

    @property
    def password_file(self) -> Path:
        return self.account(LEDGER).password_file

    def account(self, user: str) -> Account:
        """`ledger`, who may do everything, or `stock-reader`, who may read facts of blood and stock."""
        return Account(user, self.folder / f"{user}.password")

    @property
    def settings(self) -> dict[str, str]:
        if self.security == "plain":
            return super().settings
        return self.settings_of(self.account(LEDGER))

    def settings_of(self, account: Account) -> dict[str, str]:
        """The environment that makes our programs use the node as somebody."""
        return {
            "BLOODLEDGER_KAFKA": self.address,
            "BLOODLEDGER_KAFKA_SECURITY": "tls-scram",
            "BLOODLEDGER_KAFKA_CA": str(self.ca_file),
            "BLOODLEDGER_KAFKA_USER": account.user,
            "BLOODLEDGER_KAFKA_PASSWORD_FILE": str(account.password_file),
        }

    @property
    def client(self) -> dict[str, Any]:
        return super().client if self.security == "plain" else self.client_of(self.account(LEDGER))

    def client_of(self, account: Account) -> dict[str, Any]:
        """What kafka-python's classes take to reach the node as somebody."""
        return super().client | {
            "security_protocol": "SASL_SSL",
            "ssl_cafile": str(self.ca_file),
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": account.user,
            "sasl_plain_password": account.password,
        }

    def tool_config_of(self, account: Account) -> Path:
        """What Kafka's own tools take as --command-config to reach the node as somebody."""
        lines = [
            "security.protocol=SASL_SSL", "sasl.mechanism=SCRAM-SHA-512", "ssl.truststore.type=PEM",
            f"ssl.truststore.location={self.ca_file}", f"sasl.jaas.config={account.jaas}",
        ]  # fmt: skip
        return write_secret(self.folder / f"{account.user}.properties", "\n".join(lines) + "\n")

    @property
    def tool_config(self) -> Path:
        """The same as `ledger`."""
        return self.tool_config_of(self.account(LEDGER))

    def _make_secrets(self) -> None:
        authority = Authority.make(self.folder, "ca")
        Authority.make(self.folder, "other-ca")
        certificate, key = authority.sign_server(self.folder)
        write_secret(self.folder / "keystore.pem", key.read_text() + certificate.read_text())
        for user in self._users:
            write_secret(self.folder / f"{user}.password", secrets.token_urlsafe(24) + "\n")

    @property
    def _users(self) -> tuple[str, ...]:
        return ("broker", LEDGER, STOCK_READER)

    def _let_stock_reader_in(self) -> None:
        def may_read(kind: ResourceType, name: str, match: ACLResourcePatternType) -> ACL:
            resource = ResourcePattern(kind, name, match)
            who, how = f"User:{STOCK_READER}", (ACLOperation.READ, ACLPermissionType.ALLOW)
            return ACL(principal=who, host="*", operation=how[0], permission_type=how[1], resource_pattern=resource)

        exactly, beginning = ACLResourcePatternType.LITERAL, ACLResourcePatternType.PREFIXED
        granted = [may_read(ResourceType.TOPIC, each, exactly) for each in OPEN_TO_STOCK_READER]
        granted.append(may_read(ResourceType.GROUP, STOCK_READER, beginning))
        admin = KafkaAdminClient(**self.client)
        try:
            admin.create_acls(granted)
        finally:
            admin.close()

    # ── its files ────────────────────────────────────────────────────────────────────────────────────────

    @property
    def log_file(self) -> Path:
        """What the node had to complain about."""
        return self.folder / "broker.log"

    @property
    def _config(self) -> Path:
        return self.folder / "server.properties"

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _properties(self) -> str:
        secured = self.security == "tls-scram"
        text = PROPERTIES.format(
            port=self._port, controller=self._controller_port, data=self._data,
            protocol="SASL_SSL" if secured else "PLAINTEXT",
        )  # fmt: skip
        if self._proxy is not None:
            text = re.sub(r"(?m)^(listeners=.*)$", rf"\1,PROXIED://{self.behind_proxy}", text)
            text = re.sub(r"(?m)^(advertised.listeners=.*)$", rf"\1,PROXIED://{self._proxy}", text)
            text = re.sub(r"(?m)^(listener.security.protocol.map=.*:(\w+))$", r"\1,PROXIED:\2", text)
        if secured:
            jaas, keystore = self.account("broker").jaas, self.folder / "keystore.pem"
            text += SECURED.format(jaas=jaas, keystore=keystore, ca=self.ca_file)
        return text

    def _format(self) -> None:
        """Makes the node's folder; the users are in its metadata from the first moment."""
        cluster = base64.urlsafe_b64encode(b"K" + secrets.token_bytes(15)).decode()[:22]
        users = [self.account(each) for each in self._users] if self.security == "tls-scram" else []
        scram = [f"SCRAM-SHA-512=[name={each.user},password={each.password}]" for each in users]
        made = self.tool(
            "kafka.tools.StorageTool", "format", "--standalone", "-t", cluster, "-c", str(self._config),
            *(word for each in scram for word in ("--add-scram", each)),
        )  # fmt: skip
        if made.returncode:
            raise RuntimeError(f"the Kafka node in {self.folder} could not be made:\n{made.stdout}{made.stderr}")


def kafka_command(java_class: str, *args: str, heap: str = "192m") -> list[str]:
    """The command line that runs a class of Kafka's."""
    logging = f"-Dlog4j2.configurationFile={LOGGING}"
    return java_command(logging, "-cp", f"{kafka_jars()}/*", java_class, *args, heap=heap)


# ── which Kafka a test run has ───────────────────────────────────────────────────────────────────────────────

Way = Callable[[Path], AbstractContextManager[Kafka]]


def kafka_or_why_not() -> Way | str:
    """How to get a Kafka on this machine (given a folder), or what is missing."""
    if named := os.environ.get("BLOODLEDGER_TEST_KAFKA"):
        return lambda _: _named(named)
    missing = why_no_jars()
    if missing is None:
        return Broker.start_new
    if shutil.which("docker") and subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0:
        return _in_docker
    return f"no Kafka for tests: {missing}, no Docker engine answers, BLOODLEDGER_TEST_KAFKA=host:port names none"


def kafka_for_tests(folders: pytest.TempPathFactory) -> Iterator[Kafka]:
    """The body of the fixture `kafka`: one for all tests of a process; without one they are skipped, or fail where
    BLOODLEDGER_TEST_KAFKA_REQUIRED=1."""
    way = kafka_or_why_not()
    if isinstance(way, str):
        missing_here(way)
    with way(folders.mktemp("kafka")) as kafka:
        yield kafka


@contextmanager
def _named(address: str) -> Iterator[Kafka]:
    yield Kafka(address)


@contextmanager
def _in_docker(folder: Path) -> Iterator[Kafka]:
    """The official image. Whoever says KAFKA_… once must say everything, so all of it is said here."""
    port = free_port()
    kafka = Kafka(f"127.0.0.1:{port}")
    lines = PROPERTIES.format(port=port, controller=free_port(), data="/var/lib/kafka/data", protocol="PLAINTEXT")
    lines = lines.replace("quorum.bootstrap.servers=", "quorum.voters=1@")  # the image makes no other node's folder
    lines = lines.replace(f"listeners=CLIENTS://127.0.0.1:{port}", f"listeners=CLIENTS://0.0.0.0:{port}", 1)
    said = [each.partition("=") for each in lines.splitlines()]
    words = [word for name, _, value in said for word in ("-e", f"KAFKA_{name.upper().replace('.', '_')}={value}")]
    run = [
        "docker",
        "run",
        "--detach",
        "--rm",
        "--publish",
        f"127.0.0.1:{port}:{port}",
        *words,
        f"apache/kafka:{KAFKA}",
    ]
    container = subprocess.run(run, capture_output=True, text=True, check=True).stdout.strip()
    try:
        Running(["docker", "logs", "--follow", container], folder / "broker.log").wait_until(kafka.answers)
        yield kafka
    finally:
        subprocess.run(["docker", "rm", "--force", container], capture_output=True, check=False)
