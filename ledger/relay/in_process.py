"""This file holds the transport within this process: partitions are lists, for tests and for who needs no broker."""

from collections.abc import Iterator, Mapping, Sequence

from ledger.relay.port import Landed, Record
from schemas.on_kafka import Place


class InProcessTransport:
    """Fulfils FactTransport; durable while this process lives."""

    def __init__(self) -> None:
        self.partitions: dict[Place, list[Record]] = {}

    def send(self, records: Sequence[Record]) -> Sequence[int]:
        offsets = []
        for record in records:
            partition = self.partitions.setdefault(record.place, [])
            partition.append(record)
            offsets.append(len(partition) - 1)
        return offsets

    def landed(self, ledger: str, offsets: Mapping[Place, int]) -> Iterator[tuple[Place, Landed]]:
        for place, offset in offsets.items():
            there = self.partitions.get(place, [])
            first = offset if 0 <= offset < len(there) else 0
            for at, record in list(enumerate(there))[first:]:
                if record.envelope.ledger == ledger:
                    yield place, Landed(at, record.envelope, record.number, record.hash, record.value)
