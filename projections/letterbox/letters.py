"""This file holds how a record on Kafka becomes a letter: a fact with its envelope, number and hash, or a stray."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from projections.decode import ENVELOPE, HASH, NUMBER, Place, SchemaError, key_bytes_of, number_of, read_envelope
from projections.readmodels.delivering import Stray

Unframed = Callable[[bytes], bytes]
"""From a value as it stands on the topic to the stored bytes. Errors: SchemaError."""
HASH_SIZE = 32
HEADERS = (ENVELOPE, NUMBER, HASH)
NOT_OURS = f"its headers are not {', '.join(HEADERS)}"
_new = tuple.__new__
"""Makes a NamedTuple of a tuple, in half the time: there is one for each record."""


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
    try:
        envelope, number, hash_ = _said_beside(record.headers)
        value = record.value
        if value is None:
            raise SchemaError("it has no value")
        letter = _new(Letter, (record.offset, number_of(number), hash_, *read_envelope(envelope), unframed(value)))
        if record.key != key_bytes_of(letter.stream):
            raise SchemaError(f"its key is not the one of {letter.stream}")
        return letter
    except SchemaError as wrong:
        return _stray(record, str(wrong))


def _said_beside(headers: Sequence[tuple[str, bytes | None]]) -> tuple[bytes, bytes, bytes]:
    """Envelope, number and hash. A header may be null on Kafka, which is as wrong as an empty one."""
    if len(headers) != len(HEADERS):
        raise SchemaError(NOT_OURS)
    (first, envelope), (second, number), (third, hash_) = headers
    if (first, second, third) != HEADERS:
        raise SchemaError(NOT_OURS)
    if hash_ is None or len(hash_) != HASH_SIZE:
        raise SchemaError(f"the header {HASH} has {len(hash_ or b'')} bytes, not {HASH_SIZE}")
    return envelope or b"", number or b"", hash_


def _stray(record: Any, reason: str) -> Stray:
    key = (record.key or b"").decode("utf-8", "backslashreplace").replace("\0", "\\0")
    return Stray(Place(record.topic, record.partition), record.offset, key, record.value or b"", reason)
