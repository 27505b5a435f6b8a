"""This file holds the composition root for Kafka: how it is reached, and what relays and projects are made of."""

import os
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from ledger.commands.clock import WallClock
from ledger.relay.kafka_transport import KafkaTransport, away
from ledger.relay.sending import Relay, Tell
from ledger.relay.topics import checked_topics
from ledger.settings import BadSetting, Settings
from ledger.store import crashpoints
from ledger.store.faults import NoLedger
from ledger.store.opening import is_postgres
from ledger.watching.projecting import Kept, ProjectWatch
from ledger.wiring import Ledger, open_ledger, open_views
from projections.letterbox.consuming import Consuming, Projecting
from projections.letterbox.publishing import Publisher
from projections.letterbox.replaying import KafkaFeed
from projections.queries.parked import parked
from projections.readmodels.database import ViewsOutdated, ViewsUnavailable
from projections.readmodels.delivering import Parts, count_parked
from projections.readmodels.outbox import count as unsent
from projections.readmodels.partitions import Standstill
from projections.rebuilding import Progress, Rebuilt, rebuild
from schemas.framing import Framing, Plain, Registered
from schemas.on_kafka import FACT_TOPICS, Place

PROTOCOLS = {"plaintext": "PLAINTEXT", "tls": "SSL", "tls-scram": "SASL_SSL"}
BOOTSTRAP_MS = 10_000


def kafka_options(settings: Settings) -> dict[str, Any]:
    """How kafka-python is told to reach the cluster. Errors: BadSetting, OSError when the password cannot be read."""
    kafka = settings.kafka
    if not kafka.servers:
        raise BadSetting("BLOODLEDGER_KAFKA", "", "HOST:PORT")
    options: dict[str, Any] = {
        "bootstrap_servers": kafka.servers.split(","),
        "bootstrap_timeout_ms": BOOTSTRAP_MS,
        "security_protocol": PROTOCOLS[kafka.security],
        "allow_auto_create_topics": False,
        "reconnect_backoff_max_ms": 250,  # a broker that is back is seen soon, at four looks a second while it is away
    }
    if kafka.ca is not None:
        options["ssl_cafile"] = str(kafka.ca)
    if kafka.security == "tls-scram":
        assert kafka.password_file is not None, "the settings ask for it"
        options["sasl_mechanism"] = "SCRAM-SHA-512"
        options["sasl_plain_username"] = kafka.user
        options["sasl_plain_password"] = kafka.password_file.read_text().rstrip("\r\n")
    return options


def admin_options(settings: Settings) -> dict[str, Any]:
    """As `kafka_options`, for who makes and looks at topics."""
    options = kafka_options(settings)
    del options["allow_auto_create_topics"]
    return options


def framing_of(settings: Settings) -> Framing:
    """How values are framed, by whether there is a schema registry."""
    return Registered(settings.kafka.registry) if settings.kafka.registry else Plain()


class Wanted(NamedTuple):
    """What a projecting process is to do.

    Shape: `ledger` whose facts, None for the only one's there are; `group` the consumer group, None for the views' own;
    `stock` whether the stock goes to its topic.
    """

    ledger: str | None = None
    group: str | None = None
    stock: bool = True
    until_caught_up: bool = False


def own_ledger(settings: Settings) -> str | None:
    """The id of the ledger that the settings name, where there is one: these views are of it."""
    try:
        with open_ledger(settings._replace(crash_at=None), reading=True) as ledger:
            return ledger.store.ledger_id()
    except NoLedger:
        return None


def projected(
    settings: Settings, wanted: Wanted, watch: ProjectWatch, stop: threading.Event
) -> Mapping[Place, Standstill]:
    """Project until stopped or caught up; the partitions that stand still.

    Errors: KafkaAway, SeveralLedgers, ViewsFedOtherwise, ViewsUnavailable.
    """
    if settings.crash_at is not None:
        crashpoints.arm(*settings.crash_at)
    options = kafka_options(settings)
    # The publisher reads and writes beside the projection: a thread of its own, and connections of its own.
    with closing(open_views(settings)) as views, closing(open_views(settings)) as publishers:
        publisher = Publisher(options, publishers, watch.failed, crashpoints.reached)
        given = Consuming(
            options=options,
            unframed=framing_of(settings).unframed,
            views=views,
            group=wanted.group or group_of(settings),
            ledger=wanted.ledger,
            publishing=wanted.stock,
            tell=watch.tell,
            applied=publisher.wake,
            owns=publisher.own,
            reached=crashpoints.reached,
            words=_words,
        )
        if wanted.until_caught_up:
            standing = Projecting(given).run(stop, until_caught_up=True)
            publisher.empty()
            return standing
        with publisher.working(wanted.stock):
            return Projecting(given).run(stop)


def _words(error: Exception) -> str:
    return str(away(error))


def group_of(settings: Settings) -> str:
    """The consumer group of those who feed one set of views: named after where the views are."""
    where = (
        settings.views if is_postgres(settings.views) else f"{socket.gethostname()}:{Path(settings.views).resolve()}"
    )
    return f"bloodledger-{sha256(where.encode()).hexdigest()[:12]}"


def relayed(ledger: Ledger, tell: Tell, stop: threading.Event, until_caught_up: bool, recheck: bool) -> None:
    """Relay until stopped or caught up. Errors: TransportAway, StoreFault, PromiseBroken, TopicForked."""

    def partitions() -> dict[str, int]:
        counts = checked_topics(admin_options(ledger.settings))
        return {topic: counts[topic] for topic in FACT_TOPICS}

    transport = KafkaTransport(kafka_options(ledger.settings), framing_of(ledger.settings))
    holder = f"{socket.gethostname()}:{os.getpid()}"
    try:
        Relay(ledger.store, transport, partitions, holder, tell).run(stop, until_caught_up, recheck)
    finally:
        transport.close()


@contextmanager
def watch_of(settings: Settings, quiet: bool) -> Iterator[ProjectWatch]:
    """What hears a projecting process, and asks the views over a connection of its own."""
    with closing(open_views(settings)) as views:
        lock = threading.Lock()  # asked from the process itself and from who asks for its health

        def kept() -> Kept | None:
            try:
                with lock, views.reading() as read:
                    facts = parked(read)["facts"]
                    waiting = sum(each["waiting"] for each in facts)
                    return Kept(read.complete_to, count_parked(read), waiting, unsent(read))
            except (ViewsOutdated, ViewsUnavailable):
                return None

        yield ProjectWatch(WallClock().now, kept, quiet)


def parked_of(settings: Settings) -> dict[str, Any]:
    """What a person must look at. Errors: ViewsOutdated, ViewsUnavailable."""
    with closing(open_views(settings)) as views, views.reading() as read:
        return parked(read)


def retried(settings: Settings) -> int:
    """Read what is parked once more; how many facts could be read now."""
    with closing(open_views(settings)) as views:
        return views.on_live(lambda each: Parts(each, each.fed_by_kafka()).retry())


def dismissed(settings: Settings, topic: str, partition: int, offset: int, reason: str) -> bool:
    """Let the donation of a record that is no fact go on; False when there is no such record."""
    with closing(open_views(settings)) as views:
        return views.on_live(lambda each: Parts(each, True).dismiss(Place(topic, partition), offset, reason))


def rebuilt_from_kafka(settings: Settings, accept: bool, progress: Progress) -> Rebuilt:
    """Make the views anew from the topics, beside the live ones. Errors: KafkaAway, ChainBroken, ViewsUnavailable."""
    with closing(open_views(settings)) as views:
        feed = KafkaFeed(kafka_options(settings), framing_of(settings).unframed, views, _words)
        with closing(feed):
            return rebuild(feed, views, accept, progress)
