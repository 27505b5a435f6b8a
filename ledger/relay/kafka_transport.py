"""This file holds the transport over Kafka: an idempotent producer, and a reader of what arrived.

Source of the two readings below: kafka-python 3.0 drops a batch once `delivery_timeout_ms` has passed and goes on with
later ones. So with the first failure the whole producer is thrown away, and the relay reads what arrived before it
sends again.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError

from ledger.relay.port import Landed, Record, TransportAway
from schemas.errors import RegistryAway, SchemaError
from schemas.framing import Framing
from schemas.on_kafka import (
    ENVELOPE,
    HASH,
    NUMBER,
    Place,
    number_bytes,
    number_of,
    read_envelope,
    write_envelope,
)

PRODUCER: dict[str, Any] = {
    "acks": "all",
    "enable_idempotence": True,
    "linger_ms": 20,  # flushing sends at once; without it every dozen records are a request of their own
    "batch_size": 256 * 1024,
    "max_request_size": 8 * 1024 * 1024,
    "delivery_timeout_ms": 20_000,
    "request_timeout_ms": 10_000,
    "max_block_ms": 10_000,
    "metrics_enabled": False,
}
CONSUMER: dict[str, Any] = {
    "group_id": None,
    "enable_auto_commit": False,
    "auto_offset_reset": "earliest",
    "metrics_enabled": False,
    "max_poll_records": 5_000,
    "max_partition_fetch_bytes": 4 * 1024 * 1024,
    "fetch_max_wait_ms": 50,
}
FAILURES = (KafkaError, RegistryAway, OSError, AssertionError)
"""What kafka-python and the registry raise when something outside is in the way."""
WAIT_MS = 10_000
"""How long a broker that answers nothing is waited for."""


class _Heard(logging.Handler):
    """The last refusal in kafka-python's log, which it tells nobody else: it tries again until it cannot bootstrap."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.refusal, self.closed = "", False

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        self.refusal = next((known for known in LASTING if known in text), self.refusal)
        self.closed = self.closed or "socket disconnected" in text


HEARD = _Heard()
_LOG = logging.getLogger("kafka")
_LOG.setLevel(logging.WARNING)
_LOG.propagate = False  # what goes wrong is said once, by who handles it
_LOG.addHandler(HEARD)


class KafkaTransport:
    """Fulfils FactTransport. `options`: how to reach the cluster, as kafka-python names it."""

    def __init__(self, options: Mapping[str, Any], framing: Framing) -> None:
        self._options, self._framing = dict(options), framing
        self._producer: KafkaProducer | None = None
        self._reader: KafkaConsumer | None = None

    def send(self, records: Sequence[Record]) -> Sequence[int]:
        try:
            return self._sent(self._opened(), records)
        except FAILURES as error:
            self.close()
            raise away(error) from error

    def _sent(self, producer: KafkaProducer, records: Sequence[Record]) -> Sequence[int]:
        framed, send = self._framing.framed, producer.send
        futures = [
            send(
                record.place.topic,
                framed(record.place.topic, record.value),
                record.key.encode(),
                [
                    (ENVELOPE, write_envelope(record.envelope)),
                    (NUMBER, number_bytes(record.number)),
                    (HASH, record.hash),
                ],
                record.place.partition,
            )
            for record in records
        ]
        producer.flush(PRODUCER["delivery_timeout_ms"] / 1000)
        # Durable from here, as far as acks=all goes: every future has its offset, or one of them says what failed.
        return [_offset(future) for future in futures]

    def landed(self, ledger: str, offsets: Mapping[Place, int]) -> Iterator[tuple[Place, Landed]]:
        reader = self._reader or KafkaConsumer(**{**CONSUMER, **self._options})
        self._reader = None
        try:
            yield from self._landed(reader, ledger, {TopicPartition(*place): each for place, each in offsets.items()})
            self._reader, reader = reader, None  # read to the end, it holds nothing of these partitions any more
        except FAILURES as error:
            raise away(error) from error
        finally:
            if reader is not None:
                with suppress(*FAILURES):
                    reader.close(autocommit=False)

    def _landed(
        self, reader: KafkaConsumer, ledger: str, offsets: Mapping[TopicPartition, int]
    ) -> Iterator[tuple[Place, Landed]]:
        """All partitions at once: a relay that goes on asks each for what may stand after its checkpoint."""
        reader.assign(list(offsets))
        first = reader.beginning_offsets(list(offsets), timeout_ms=WAIT_MS)
        end = reader.end_offsets(list(offsets), timeout_ms=WAIT_MS)
        for partition, offset in offsets.items():
            reader.seek(partition, offset if first[partition] <= offset < end[partition] else first[partition])
        reader.resume(*offsets)
        unread = set(offsets)
        while unread := {each for each in unread if reader.position(each, timeout_ms=WAIT_MS) < end[each]}:
            reader.pause(*offsets.keys() - unread)
            for partition, records in reader.poll(timeout_ms=1000).items():
                place = Place(*partition)
                for record in records:
                    found = self._read(record)
                    if found is not None and found.envelope.ledger == ledger:
                        yield place, found

    def _read(self, record: Any) -> Landed | None:
        """The fact in a record; None when it is none of ours: whoever reads the topic says so, not who sends."""
        headers = {name: value or b"" for name, value in record.headers}  # one may be null on Kafka
        try:
            state = self._framing.unframed(record.value or b"")
            envelope, number = read_envelope(headers[ENVELOPE]), number_of(headers[NUMBER])
            return Landed(record.offset, envelope, number, headers[HASH], state)
        except (SchemaError, KeyError, UnicodeError):
            return None

    def _opened(self) -> KafkaProducer:
        if self._producer is None:
            self._producer = KafkaProducer(**{**PRODUCER, **self._options})
        return self._producer

    def close(self) -> None:
        """Throw the producer away, with whatever it had not sent yet, and the reader."""
        producer, self._producer = self._producer, None
        reader, self._reader = self._reader, None
        if producer is not None:
            with suppress(*FAILURES):
                producer.close(timeout=0)
        if reader is not None:
            with suppress(*FAILURES):
                reader.close(autocommit=False)


def _offset(future: Any) -> int:
    """Where a record was acknowledged. Errors: KafkaError."""
    sent = future.value if future.succeeded() else future.get(timeout=WAIT_MS / 1000)
    return int(sent.offset)


def away(error: Exception) -> TransportAway:
    """What kept us from Kafka, and what to do."""
    if isinstance(error, RegistryAway):
        return TransportAway(str(error), error.lasting)
    name = type(error).__name__
    said = f"{name} {error}"
    if "bootstrap" in said:
        said, HEARD.refusal = f"{said} {HEARD.refusal}", ""
    lasting = next((text for known, text in LASTING.items() if known in said), None)
    if lasting is not None:
        return TransportAway(f"{lasting} ({name})", lasting=True)
    # Mostly the broker closes before kafka-python has read why it refuses us (11 of 12 times with a wrong password).
    why = CLOSED if "bootstrap" in said and HEARD.closed else "cannot be reached; see that it runs"
    HEARD.closed = False
    return TransportAway(f"the broker {why} ({name}: {str(error)[:200]})")


CLOSED = (
    "closes the connection before it lets us in; see that it runs, and BLOODLEDGER_KAFKA_SECURITY, "
    "BLOODLEDGER_KAFKA_USER and BLOODLEDGER_KAFKA_PASSWORD_FILE"
)
REFUSED = "the broker refused the user or the password; see BLOODLEDGER_KAFKA_USER and BLOODLEDGER_KAFKA_PASSWORD_FILE"


LASTING = {
    "CERTIFICATE_VERIFY_FAILED": "the broker's certificate is not signed by the authority in BLOODLEDGER_KAFKA_CA",
    "AuthenticationFailed": REFUSED,
    "SaslAuthentication": REFUSED,
    "TopicAuthorization": "the user may not use this topic; grant it the right",
    "GroupAuthorization": "the user may not join this consumer group; grant it the right",
    "ClusterAuthorization": "the user may not do this on the cluster; grant it the right",
    "TransactionalIdAuthorization": "the user may not use this transactional id; grant it the right",
    "UnknownTopicOrPartition": "the topic is not there, or this user may not see it; run `bloodledger topics`",
}
"""Refusals that stay until somebody changes something, by a part of the error's name or words."""
