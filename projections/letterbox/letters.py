"""This file holds how a record on Kafka becomes a letter: a fact with its envelope, number and hash, or a stray."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from projections.decode import (
    ENVELOPE,
    HASH,
    HASH_SIZE,
    NUMBER,
    OF_ANOTHER_FORM,
    Place,
    SchemaError,
    fact_record_reader,
    key_bytes_of,
    number_of,
    read_envelope,
    record_size,
)
from projections.readmodels.delivering import Letter, Stray

Unframed = Callable[[bytes], bytes]
"""From a value as it stands on the topic to the stored bytes. Errors: SchemaError."""
RECORD_BATCH = 2
"""The form in which batches of records stand on Kafka since 0.11; the two before it know no headers."""
HEADERS = (ENVELOPE, NUMBER, HASH)
NOT_OURS = f"its headers are not {', '.join(HEADERS)}"
_new = tuple.__new__
"""Makes a NamedTuple of a tuple, in half the time: there is one for each record."""


def letters_in(batch: Any, place: Place, unframed: Unframed) -> list[Letter | Stray]:
    """What the records of one of kafka-python's batches are, in the order of their offsets.

    From the first record on that does not look as the relay makes it, the library reads them one by one: it knows all
    forms, and says what is wrong with a batch. Errors: CorruptRecordError.
    """
    found: list[Letter | Stray] = []
    if batch.magic == RECORD_BATCH:
        iter(batch)  # it is unpacked, if it was packed
        batch._pos = _read_ours(batch, found, unframed)
        batch._next_record_index = len(found)
    found += [letter_of(record, place, unframed) for record in batch]
    return found


def _read_ours(batch: Any, found: list[Letter | Stray], unframed: Unframed) -> int:
    """Read letters up to the first record of another form, or framing; where that begins."""
    data, base, read = bytes(batch._buffer), batch.base_offset, fact_record_reader()
    at: int = batch._pos
    with suppress(*OF_ANOTHER_FORM):
        for _ in range(batch.records_count):
            record, end = read(data, at)
            if record is None or end - at != record_size(record[0]):
                break
            _, delta, number, hash_, ledger, position, stream, version, name, when, value = record
            fields = (base + delta, number, hash_, ledger, position, stream, version, name, when, unframed(value))
            found.append(_new(Letter, fields))
            at = end
    return at


def letter_of(record: Any, place: Place, unframed: Unframed) -> Letter | Stray:
    """What a record of kafka-python is."""
    try:
        envelope, number, hash_ = _said_beside(record.headers)
        value = record.value
        if value is None:
            raise SchemaError("it has no value")
        letter = Letter(record.offset, number_of(number), hash_, *read_envelope(envelope), unframed(value))
        if record.key != key_bytes_of(letter.stream):
            raise SchemaError(f"its key is not the one of {letter.stream}")
        return letter
    except SchemaError as wrong:
        return _stray(record, place, str(wrong))


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


def _stray(record: Any, place: Place, reason: str) -> Stray:
    key = (record.key or b"").decode("utf-8", "backslashreplace").replace("\0", "\\0")
    return Stray(place, record.offset, key, record.value or b"", reason)
