"""This file holds the port of the fact transport: what must carry facts away, and be asked what arrived."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from schemas.on_kafka import Envelope, Place


class Record(NamedTuple):
    """A fact as it is sent: a pure function of the stored fact and the partition count.

    Shape: `value` the stored bytes; `number` and `hash` its place in the partition's chain.
    """

    place: Place
    key: str
    value: bytes
    envelope: Envelope
    number: int
    hash: bytes


class Landed(NamedTuple):
    """A record of one ledger as it stands in a partition. `state`: the stored bytes, whatever the framing."""

    offset: int
    envelope: Envelope
    number: int
    hash: bytes
    state: bytes


class FactTransport(Protocol):
    """Carries records; Kafka and the one in this process fulfil it.

    `send` must return only when every record is durable, in the order given within each partition; it may have
    written some, all, or some twice when it fails. The same record may be sent again at any time.
    `landed` must yield what stands in some partitions, each in its order, from an offset to the end it has when asked,
    leaving out records that are not of this ledger or no facts at all; an offset before the first or after the last
    yields from the first.
    Errors of both: TransportAway, nothing is known of what was under way.
    """

    def send(self, records: Sequence[Record]) -> Sequence[int]:
        """Offsets, in the order given."""
        ...

    def landed(self, ledger: str, offsets: Mapping[Place, int]) -> Iterator[tuple[Place, Landed]]: ...


class TransportAway(Exception):
    """The transport cannot be reached, or lost what was under way: try again.

    `lasting`: it refuses us, and would again until somebody changes something.
    """

    def __init__(self, what: str, lasting: bool = False) -> None:
        super().__init__(what)
        self.lasting = lasting


class TopicForked(Exception):
    """Another fact stands under a number of this ledger's chain: another history, or a topic tampered with."""

    def __init__(self, place: Place, number: int) -> None:
        super().__init__(place, number)
        self.place, self.number = place, number


class PromiseBroken(Exception):
    """A topic is not as it was promised. `why`: its words' key; `found`, `expected`: what of it."""

    def __init__(self, topic: str, why: str, found: str, expected: str) -> None:
        super().__init__(topic, why, found, expected)
        self.topic, self.why, self.found, self.expected = topic, why, found, expected
