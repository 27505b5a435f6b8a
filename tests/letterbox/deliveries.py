"""This file holds letters as a relay would send them, made of a hand-made history, and views that take them."""

from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any

from projections.decode import Place, key_of
from projections.letterbox.chain import Chain
from projections.letterbox.letters import letter_of
from projections.readmodels.delivering import Letter, Parts, Stray, decoded
from projections.readmodels.partitions import Reached
from schemas.on_kafka import (
    ENVELOPE,
    HASH,
    NUMBER,
    Envelope,
    chain_next,
    chain_start,
    number_bytes,
    partition_of,
    topic_of,
    write_envelope,
)
from tests.projections.history import History

COUNT = 3
PLACES = [Place(topic, part) for topic in ("blood.facts.v1", "blood.subjects.v1") for part in range(COUNT)]
Letters = dict[Place, list[Letter | Stray]]


def place_of(stream: str) -> Place:
    """Where the facts of a stream go."""
    return Place(topic_of(stream), partition_of(key_of(stream), COUNT))


def letters_of(history: History) -> Letters:
    """What a relay would send, partition by partition, with the offsets it would get."""
    found: Letters = {place: [] for place in PLACES}
    hashes = {place: chain_start(history.ledger, place) for place in PLACES}
    for row in history.told:
        place = place_of(row.stream)
        hashes[place] = chain_next(hashes[place], row.leaf_hash)
        number = len(found[place]) + 1
        fields = (row.position, row.stream, row.version, row.name, row.recorded_at, row.state)
        found[place].append(Letter(number - 1, number, hashes[place], history.ledger, *fields))
    return found


def laid_out(letters: Sequence[Letter | Stray]) -> list[Letter | Stray]:
    """The same, at offsets one after another."""
    return [each._replace(offset=offset) for offset, each in enumerate(letters)]


def stray(place: Place, offset: int, key: str) -> Stray:
    """A record that is no fact, as it is read from Kafka."""
    record = SimpleNamespace(offset=offset, key=key.encode(), value=b"?", headers=[])
    found = letter_of(record, place, bytes)
    assert isinstance(found, Stray)
    return found


def record_of(letter: Letter, **changed: Any) -> Any:
    """A letter as kafka-python hands it out."""
    fields = (letter.ledger, letter.position, letter.stream, letter.version, letter.name, letter.recorded_at)
    headers = [
        (ENVELOPE, write_envelope(Envelope(*fields))),
        (NUMBER, number_bytes(letter.number)),
        (HASH, letter.hash),
    ]
    said = {"offset": letter.offset, "key": key_of(letter.stream).encode(), "value": letter.state, "headers": headers}
    return SimpleNamespace(**said | changed)


class Feeder:
    """One projecting process, without Kafka: hears letters, delivers them, and goes on where the view is."""

    def __init__(self, parts: Parts, ledger: str) -> None:
        self.parts = parts
        self.chains = {place: Chain(ledger, place, each) for place, each in parts.prepare(ledger, PLACES).items()}

    def hear(self, place: Place, letters: Iterable[Letter | Stray]) -> None:
        self.chains[place].hear(letters)

    def deliver(self) -> set[Place]:
        """Apply all that was taken; the partitions that were this feeder's to bring further."""
        deliveries = [chain.delivery() for chain in self.chains.values() if chain.waiting]
        passed = self.parts.apply([decoded(each) for each in deliveries])
        for each in deliveries:
            if each.place in passed:
                self.chains[each.place].delivered(each.to)
            else:
                self.chains[each.place].begin(self.parts.reached()[each.place])
        return passed

    def all(self, letters: Letters, at_once: int = 50) -> None:
        """Everything from where the view is, a few letters of each partition at a time."""
        here = {place: chain.reached.offset for place, chain in self.chains.items()}
        for begin in range(0, max(map(len, letters.values()), default=0), at_once):
            for place, all_ in letters.items():
                self.hear(place, all_[here[place] :][begin : begin + at_once])
            self.deliver()


def reached(parts: Parts) -> dict[Place, Reached]:
    return parts.reached()
