"""This file holds how a record on Kafka becomes a letter: a fact with its envelope, number and hash, or a stray."""

from collections.abc import Callable
from typing import Any, NamedTuple

from projections.decode import ENVELOPE, HASH, NUMBER, Place, SchemaError, key_of, number_of, read_envelope
from projections.readmodels.delivering import Stray

Unframed = Callable[[bytes], bytes]
"""From a value as it stands on the topic to the stored bytes. Errors: SchemaError."""
HASH_SIZE = 32


class Letter(NamedTuple):
    """A fact as it arrived; a stored row to whoever decodes it. Unit: recorded_at in microseconds."""

    offset: int
    number: int
    hash: bytes
    ledger: str
    position: int
    stream: str
    version: int
    name: str
    recorded_at: int
    state: bytes

    @property
    def leaf(self) -> int:
        """Positions have no gaps: the leaf is the one before."""
        return self.position - 1


def letter_of(record: Any, unframed: Unframed) -> Letter | Stray:
    """What a record of kafka-python is."""
    headers = record.headers
    try:
        if [name for name, _ in headers] != [ENVELOPE, NUMBER, HASH]:
            raise SchemaError(f"its headers are not {ENVELOPE}, {NUMBER}, {HASH}")
        (_, envelope), (_, number), (_, hash_) = headers
        if len(hash_) != HASH_SIZE:
            raise SchemaError(f"the header {HASH} has {len(hash_)} bytes, not {HASH_SIZE}")
        if record.value is None:
            raise SchemaError("it has no value")
        letter = Letter(record.offset, number_of(number), hash_, *read_envelope(envelope), unframed(record.value))
        if record.key != key_of(letter.stream).encode():
            raise SchemaError(f"its key is not the one of {letter.stream}")
        return letter
    except SchemaError as wrong:
        return _stray(record, str(wrong))


def _stray(record: Any, reason: str) -> Stray:
    key = (record.key or b"").decode("utf-8", "backslashreplace").replace("\0", "\\0")
    return Stray(Place(record.topic, record.partition), record.offset, key, record.value or b"", reason)
