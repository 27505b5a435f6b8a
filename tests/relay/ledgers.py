"""This file holds a small real ledger to relay, and an independent reading of what was relayed."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from eventsourcing.persistence import StoredEvent

from ledger.relay.port import FactTransport, Landed
from ledger.store.sqlite import SQLiteFactStore
from schemas.on_kafka import Place
from tests.store.samples import fact

PARTITIONS = {"blood.facts.v1": 3, "blood.subjects.v1": 3}
PLACES = [Place(topic, partition) for topic, count in PARTITIONS.items() for partition in range(count)]
RECORDED = 1_750_000_000_000_000


def streams(number: int) -> tuple[str, ...]:
    """A donation, a bag of it, its donor, and a hold."""
    return (
        f"A999925{number:06d}",
        f"A999925{number:06d}=E0001V00",
        f"donor:D-{number}",
        f"hold:donor:D-{number}",
    )


def fill(store: SQLiteFactStore, donations: Iterable[int], versions: Sequence[int] = (1, 2)) -> None:
    """Facts of so many donations, one commit each."""
    for number in donations:
        facts: list[StoredEvent] = [
            fact(stream, version, f"{stream}/{version}", first=False)
            for version in versions
            for stream in streams(number)
        ]
        with store.writing() as writing:
            writing.append(facts, RECORDED + writing.head.position, [], [], [], [])


def landed(transport: FactTransport, store: SQLiteFactStore) -> dict[Place, list[Landed]]:
    """All that stands on the topics, of this ledger."""
    ledger = store.ledger_id()
    found: dict[Place, list[Landed]] = {place: [] for place in PLACES}
    for place, each in transport.landed(ledger, dict.fromkeys(PLACES, 0)):
        found[place].append(each)
    return found


def sized(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def leaf_of(fields: Mapping[str, Any], state: bytes) -> bytes:
    """The leaf hash, by the words of the reference alone."""
    data = b"bloodledger/leaf/v1" + sized(
        fields["position"].to_bytes(8, "big"),
        fields["stream"].encode(),
        fields["version"].to_bytes(8, "big"),
        fields["name"].encode(),
        fields["recorded_at"].to_bytes(8, "big", signed=True),
        state,
    )
    return hashlib.sha256(b"\x00" + data).digest()


def assert_relayed(transport: FactTransport, store: SQLiteFactStore) -> int:
    """Every stored fact stands there, in order, numbered without gaps and chained; how many records came twice."""
    twice = 0
    found: list[tuple[int, bytes]] = []
    for place, records in landed(transport, store).items():
        parts = (b"bloodledger/chain/v1", store.ledger_id().encode(), place.topic.encode())
        before, number, seen = hashlib.sha256(sized(*parts, place.partition.to_bytes(4, "big"))).digest(), 0, {}
        for record in records:
            if record.number <= number:
                assert seen[record.number] == record.hash, "what is sent again is the same"
                twice += 1
                continue
            if record.number > number + 1:
                continue  # sent after one that was lost on the way: it comes again
            leaf = leaf_of(record.envelope._asdict(), record.state)
            assert record.hash == hashlib.sha256(sized(before, leaf)).digest()
            before, number = record.hash, record.number
            seen[number] = record.hash
            found.append((record.envelope.position, record.state))
    stored = [(row.position, row.state) for row in store.rows(0, 1_000_000)]
    assert sorted(found) == stored
    return twice
