"""This file holds a reader of the topics of its own: another client, and the chain as docs/reference/kafka.md tells it.

Nothing of the ledger's or the projections' code is used here but the schema files: who checks, computes for himself.
"""

import json
from collections.abc import Iterable, Iterator
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple
from uuid import uuid4

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer, TopicPartition
from fastavro import parse_schema, schemaless_reader, schemaless_writer

FACT_TOPICS = ("blood.facts.v1", "blood.subjects.v1")
STOCK_TOPIC = "blood.stock.v1"
HEADERS = ["envelope", "number", "hash"]
AVSC = Path(__file__).parents[2] / "schemas" / "kafka"
ENVELOPE_HEAD = bytes.fromhex("c3018e340ecdd3ffd849")
SINGLE_OBJECT = 10
"""Bytes before the body: the marker and the schema's fingerprint."""
ANSWER_SECONDS = 10.0
READ_SECONDS = 30.0

Place = tuple[str, int]
Row = dict[str, Any]


class Raw(NamedTuple):
    """A record as it stands on a topic."""

    topic: str
    partition: int
    key: bytes
    value: bytes | None
    headers: list[tuple[str, bytes]]


class Fact(NamedTuple):
    """What a chain speaks of, as a record or the store says it."""

    position: int
    stream: str
    version: int
    name: str
    recorded_at: int
    state: bytes


def _sized(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def leaf_of(fact: Fact) -> bytes:
    """The leaf of a fact."""
    parts = [
        fact.position.to_bytes(8, "big"), fact.stream.encode(), fact.version.to_bytes(8, "big"), fact.name.encode(),
        fact.recorded_at.to_bytes(8, "big", signed=True), fact.state,
    ]  # fmt: skip
    return sha256(b"\0bloodledger/leaf/v1" + _sized(*parts)).digest()


def first_hash(ledger: str, place: Place) -> bytes:
    """h(0)."""
    topic, partition = place
    return sha256(
        _sized(b"bloodledger/chain/v1", ledger.encode(), topic.encode(), partition.to_bytes(4, "big"))
    ).digest()


def next_hash(before: bytes, leaf: bytes) -> bytes:
    """h(n) of h(n - 1) and a leaf."""
    return sha256(_sized(before, leaf)).digest()


def murmur2(data: bytes) -> int:
    """Java's hash of keys. Source: org.apache.kafka.common.utils.Utils.murmur2."""
    mask, m = 0xFFFFFFFF, 0x5BD1E995
    h = 0x9747B28C ^ len(data)
    whole = len(data) // 4 * 4
    for at in range(0, whole, 4):
        k = int.from_bytes(data[at : at + 4], "little") * m & mask
        h = (h * m & mask) ^ ((k ^ k >> 24) * m & mask)
    if rest := data[whole:]:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


def key_of(stream: str) -> str:
    """The key of a stream's records."""
    donation = ":" not in stream[:13] and (len(stream) == 13 or stream[13:14] in ("=", "#"))
    return stream[:13] if donation else stream


def place_of(stream: str, partitions: int) -> Place:
    """Where a stream's facts belong."""
    key = key_of(stream)
    topic = FACT_TOPICS[key == stream and stream.startswith(("donor:", "patient:"))]
    return topic, (murmur2(key.encode()) & 0x7FFFFFFF) % partitions


def _reader(wire: str) -> Any:
    return parse_schema(json.loads((AVSC / f"{wire}.avsc").read_bytes()))


_ENVELOPE, _STOCK_ROW = _reader("envelope.v1"), _reader("stock_row.v1")


def _body(schema: Any, data: bytes) -> Row:
    found = schemaless_reader(BytesIO(data[SINGLE_OBJECT:]), schema, None)
    assert isinstance(found, dict), "each of these schemas is a record's"
    return found


def micros(instant: Any) -> int:
    """Microseconds since 1970 of an aware instant: exact, which its timestamp() is not."""
    since = instant - instant.fromtimestamp(0, instant.tzinfo)
    return int((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds)


class Chain:
    """One ledger's chain in one partition, as far as it was read.

    Shape: `facts` by number, from 1; `twice` records that came again, as they were; `wrong` records whose hash does not
    fit, or that say something else under a number that is taken.
    """

    def __init__(self, ledger: str, place: Place) -> None:
        self.facts: list[Fact] = []
        self.twice = 0
        self.wrong: list[int] = []
        self.ahead = 0
        self.hashes = [first_hash(ledger, place)]

    def hear(self, number: int, hash_: bytes, fact: Fact) -> None:
        """What comes next in the partition."""
        expected = len(self.facts) + 1
        if number > expected:
            self.ahead += 1
        elif number < expected:
            if (hash_, fact) == (self.hashes[number], self.facts[number - 1]):
                self.twice += 1
            else:
                self.wrong.append(number)
        elif next_hash(self.hashes[-1], leaf_of(fact)) == hash_:
            self.facts.append(fact)
            self.hashes.append(hash_)
        else:
            self.wrong.append(number)


class Topics:
    """What stands on the topics, read on from where it was read to before."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._offsets: dict[Place, int] = {}
        self._chains: dict[tuple[str, Place], Chain] = {}
        self._stock: dict[bytes, bytes] = {}
        self.records: dict[str, list[Raw]] = {}
        """The facts of each ledger, as they stand there."""
        self.strange: list[str] = []
        """Records that are no facts, or not where they belong."""
        self.partitions = 0

    def chain(self, ledger: str, place: Place) -> Chain:
        """A ledger's chain in a partition, as read so far."""
        return self._chains.setdefault((ledger, place), Chain(ledger, place))

    def chains(self, ledger: str) -> dict[Place, Chain]:
        """All partitions of a ledger."""
        return {
            (topic, each): self.chain(ledger, (topic, each)) for topic in FACT_TOPICS for each in range(self.partitions)
        }

    def stock(self, ledger: str) -> tuple[dict[str, Row], list[str]]:
        """The newest row of each bag of a ledger, and the keys of marks that say not to trust them."""
        rows, marks = {}, []
        for key, value in self._stock.items():
            of, _, name = key.decode().partition("/")
            if of != ledger:
                continue
            if "/" in name:
                marks.append(name)
            else:
                rows[name] = _body(_STOCK_ROW, value)
        return rows, marks

    def read_on(self) -> None:
        """Read to the end of every partition. Errors: KafkaException."""
        consumer = Consumer(
            {
                "bootstrap.servers": self._address, "group.id": f"faults-{uuid4()}", "enable.auto.commit": False,
                "enable.partition.eof": True, "isolation.level": "read_uncommitted", "auto.offset.reset": "error",
                "log_level": 0,
            }
        )  # fmt: skip
        try:
            for record in self._all(consumer):
                self._hear(record)
        finally:
            consumer.close()

    def _all(self, consumer: Consumer) -> Iterator[Any]:
        there = consumer.list_topics(timeout=ANSWER_SECONDS).topics
        places = [(topic, each) for topic in (*FACT_TOPICS, STOCK_TOPIC) for each in there[topic].partitions]
        self.partitions = len(there[STOCK_TOPIC].partitions)
        consumer.assign([TopicPartition(*place, self._offsets.get(place, OFFSET_BEGINNING)) for place in places])
        ended: set[Place] = set()
        until = monotonic() + READ_SECONDS
        while len(ended) < len(places):
            if monotonic() > until:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
            for record in consumer.consume(1000, timeout=0.05):  # waits as long as it has fewer
                place = (str(record.topic()), int(record.partition() or 0))
                error, offset = record.error(), int(record.offset() or 0)
                if error is None:
                    self._offsets[place] = offset + 1
                    yield record
                elif error.code() == KafkaError._PARTITION_EOF:
                    self._offsets[place] = offset
                    ended.add(place)
                elif not error.retriable() and error.code() not in (
                    KafkaError._TRANSPORT,
                    KafkaError._ALL_BROKERS_DOWN,
                ):
                    raise KafkaException(error)

    def _hear(self, record: Any) -> None:
        topic, key, value = record.topic(), record.key(), record.value()
        if topic == STOCK_TOPIC:
            self._stock.pop(key, None)
            if value is not None:
                self._stock[key] = value
            return
        raw = Raw(topic, record.partition(), key, value, list(record.headers() or []))
        if [name for name, _ in raw.headers] != HEADERS or value is None:
            self.strange.append(f"{topic}/{record.partition()}:{record.offset()} is no fact")
            return
        ledger, number, hash_, fact = read_fact(raw)
        if (raw.topic, raw.partition) != place_of(fact.stream, self.partitions) or key != key_of(fact.stream).encode():
            self.strange.append(f"{topic}/{record.partition()}:{record.offset()} of {fact.stream} is out of place")
        self.records.setdefault(ledger, []).append(raw)
        self.chain(ledger, (raw.topic, raw.partition)).hear(number, hash_, fact)


def read_fact(raw: Raw) -> tuple[str, int, bytes, Fact]:
    """Ledger, number, hash and fact of a record."""
    (_, envelope), (_, number), (_, hash_) = raw.headers
    said = _body(_ENVELOPE, envelope)
    assert raw.value is not None, "a fact has a value"
    fact = Fact(
        said["position"], said["stream"], said["version"], said["name"], micros(said["recorded_at"]), raw.value
    )  # fmt: skip
    return said["ledger"], int.from_bytes(number, "big"), hash_, fact


def put(address: str, records: Iterable[Raw]) -> int:
    """Put records on their topics as they are, in this order; how many arrived."""
    failed: list[Any] = []
    producer = Producer({"bootstrap.servers": address, "acks": "all", "enable.idempotence": True, "log_level": 0})
    count = 0
    for raw in records:
        producer.produce(
            raw.topic, raw.value, raw.key, raw.partition, headers=list(raw.headers),
            on_delivery=lambda error, _: failed.append(error) if error else None,
        )  # fmt: skip
        count += 1
    return count - producer.flush(ANSWER_SECONDS) - len(failed)


def as_record(ledger: str, place: Place, number: int, hash_: bytes, fact: Fact) -> Raw:
    """The record of a fact, as its ledger will send it."""
    out = BytesIO()
    schemaless_writer(out, _ENVELOPE, {"ledger": ledger, **fact._asdict()})
    headers = [("envelope", ENVELOPE_HEAD + out.getvalue()), ("number", number.to_bytes(8, "big")), ("hash", hash_)]
    return Raw(*place, key_of(fact.stream).encode(), fact.state, headers)
