"""This file holds the numbering: stored facts become records with their number and hash in each partition's chain."""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from ledger.merkle import leaf_data, leaf_hash
from ledger.relay.port import Landed, Record
from ledger.store.port import FactRow
from schemas.on_kafka import Envelope, Place, chain_next, chain_start, key_of, partition_of, topic_of


class End(NamedTuple):
    """Where a partition's chain stands: the last number, its hash, and the offset it was acknowledged at (-1: none)."""

    number: int
    hash: bytes
    offset: int = -1


class Numbering:
    """Goes through a ledger's facts in order of position and gives each its place in a chain."""

    def __init__(self, ledger: str, partitions: Mapping[str, int], ends: Mapping[Place, End]) -> None:
        self.ledger, self.partitions = ledger, partitions
        self._address = lru_cache(maxsize=1 << 16)(self._addressed)
        self.ends = {
            place: ends.get(place) or End(0, chain_start(ledger, place))
            for topic, count in partitions.items()
            for place in (Place(topic, partition) for partition in range(count))
        }

    def records(self, rows: Iterable[FactRow]) -> Iterator[Record]:
        """The records of the next facts."""
        ends, ledger, address = self.ends, self.ledger, self._address
        for position, _, stream, version, name, recorded_at, state, leaf in rows:
            key, place = address(stream)
            number, before, offset = ends[place]
            number, hash_ = number + 1, chain_next(before, leaf)
            ends[place] = End(number, hash_, offset)
            envelope = Envelope(ledger, position, stream, version, name, recorded_at)
            yield Record(place, key, state, envelope, number, hash_)

    def _addressed(self, stream: str) -> tuple[str, Place]:
        """Key and place of a stream's records."""
        key, topic = key_of(stream), topic_of(stream)
        return key, Place(topic, partition_of(key, self.partitions[topic]))


def leaf_of(envelope: Envelope, state: bytes) -> bytes:
    """The leaf hash of a fact as it arrived."""
    return leaf_hash(
        leaf_data(envelope.position, envelope.stream, envelope.version, envelope.name, envelope.recorded_at, state)
    )


def is_next(before: bytes, landed: Landed) -> bool:
    """Whether a record's hash is that of its own content after `before`."""
    return chain_next(before, leaf_of(landed.envelope, landed.state)) == landed.hash
