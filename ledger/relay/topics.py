"""This file holds the topics: made as they are promised, and checked before anything rests on them."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType, NewTopic
from kafka.errors import TopicAlreadyExistsError

from ledger.relay.kafka_transport import FAILURES, WAIT_MS, away
from ledger.relay.port import PromiseBroken
from schemas.on_kafka import FACTS, STOCK, SUBJECTS

PARTITIONS = 6
"""Of the topics of facts and of stock, unless another count is wanted when they are made."""
FOR_EVER = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
DAY_MS = 86_400_000
COMPACTED = {"cleanup.policy": "compact", "delete.retention.ms": str(30 * DAY_MS)}
AT_LEAST = {"delete.retention.ms"}
"""Settings that may also be higher than promised."""
PROMISED = {FACTS: FOR_EVER, SUBJECTS: FOR_EVER, STOCK: COMPACTED}


class Topic(NamedTuple):
    """A topic as it stands. `made`: just now."""

    name: str
    partitions: int
    replication: int
    settings: dict[str, str]
    made: bool


def make_topics(options: Mapping[str, Any], partitions: int | None, replication: int | None) -> list[Topic]:
    """Make the topics that are missing, and check all. Errors: PromiseBroken, TransportAway."""
    return _with_admin(options, lambda admin: _made(admin, partitions, replication))


def checked_topics(options: Mapping[str, Any]) -> dict[str, int]:
    """The partition counts of topics that are all as promised. Errors: PromiseBroken, TransportAway."""
    found = _with_admin(options, lambda admin: _checked(admin, set(), None))
    return {topic.name: topic.partitions for topic in found}


def _with_admin(options: Mapping[str, Any], ask: Callable[[KafkaAdminClient], list[Topic]]) -> list[Topic]:
    try:
        admin = KafkaAdminClient(**options)
        try:
            return ask(admin)
        finally:
            admin.close()
    except FAILURES as error:
        raise away(error) from error


def _made(admin: KafkaAdminClient, partitions: int | None, replication: int | None) -> list[Topic]:
    there = set(admin.list_topics())
    missing = [name for name in PROMISED if name not in there]
    for name in missing:
        new = NewTopic(name, partitions or PARTITIONS, replication or -1, topic_configs=PROMISED[name])
        try:
            admin.create_topics([new], timeout_ms=WAIT_MS)
        except TopicAlreadyExistsError:
            continue  # somebody else was first
    if missing:
        admin.wait_for_topics(list(PROMISED), timeout_ms=WAIT_MS)
    return _checked(admin, set(missing), partitions)


def _checked(admin: KafkaAdminClient, made: set[str], partitions: int | None) -> list[Topic]:
    there = set(admin.list_topics())
    for name in PROMISED:
        if name not in there:
            raise PromiseBroken(name, "missing", "—", name)
    described = {each["name"]: each for each in admin.describe_topics(list(PROMISED))}
    settings = _settings(admin)
    topics = []
    for name, promised in PROMISED.items():
        parts = described[name]["partitions"]
        found = {key: settings[name].get(key, "") for key in promised}
        for key, value in promised.items():
            if found[key] != value and not (key in AT_LEAST and found[key].isdigit() and int(found[key]) >= int(value)):
                raise PromiseBroken(name, key, found[key] or "—", value)
        topics.append(Topic(name, len(parts), len(parts[0]["replica_nodes"]), found, name in made))
    counts = {topic.name: topic.partitions for topic in topics}
    for name in PROMISED:
        wanted = partitions or counts[FACTS]
        if counts[name] != wanted:
            raise PromiseBroken(name, "partitions", str(counts[name]), str(wanted))
    return topics


def _settings(admin: KafkaAdminClient) -> dict[str, dict[str, str]]:
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in PROMISED]
    found = admin.describe_configs(resources, config_filter="all")["topic"]
    return {name: {key: str(each["value"]) for key, each in settings.items()} for name, settings in found.items()}
