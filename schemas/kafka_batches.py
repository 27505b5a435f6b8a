"""This file holds the reader of a fact's record as it stands in a batch on Kafka, headers and envelope in one go.

Kafka writes numbers, and the lengths of keys, values and headers, as Avro does: zigzag, seven bits a byte. So a record
that looks as the relay makes it is one Avro record, and is read by code compiled from its schema, several times as fast
as a reader that must expect any record. Source: Kafka protocol guide, record format (magic 2).
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from schemas.binary import micros_of
from schemas.compiled import PASSED_OVER, Read, compile_reader
from schemas.errors import SchemaError
from schemas.on_kafka import ENVELOPE, HASH, NUMBER, key_bytes_of, record_header, record_schema

NUMBER_SIZE, HASH_SIZE = 8, 32
FIELDS = (
    "length", "offset_delta", "number", "hash", "ledger", "position", "stream", "version", "name", "recorded_at",
    "value",
)  # fmt: skip
"""What is read of a record: its length, where it is in its batch, what its headers say, and its value."""
OF_ANOTHER_FORM = (IndexError, UnicodeDecodeError, SchemaError)
"""What the reader may raise at a record that does not look as the relay makes it."""


def _fixed(name: str, size: int) -> dict[str, Any]:
    return {"name": name, "type": {"type": "fixed", "name": f"{name}_bytes", "size": size}}


def _passed_over(name: str, kind: Any) -> dict[str, Any]:
    return {"name": name, "type": {"type": PASSED_OVER, "of": kind}}


def _named(header: str) -> bytes:
    """A header's name behind its length. A length below 64 is one byte, and doubled, as in all zigzag."""
    return bytes([2 * len(header)]) + header.encode()


_BEFORE: dict[str, bytes] = {
    "envelope_name": bytes([2 * 3]) + _named(ENVELOPE),  # behind the count of headers
    "number_name": _named(NUMBER) + bytes([2 * NUMBER_SIZE]),
    "hash_name": _named(HASH) + bytes([2 * HASH_SIZE]),
}
"""What must stand between the fields."""


def record_size(length: int) -> int:
    """What a record takes: the number that says its length, seven bits a byte with its sign, and what that counts."""
    return length + (1 if length < 1 << 6 else 2 if length < 1 << 13 else 3)


@cache
def fact_record_reader() -> Read:
    """What the record that begins there says, as FIELDS, or None when it does not look as the relay makes it.

    Errors: OF_ANOTHER_FORM, which is the same.
    """
    before = {**_BEFORE, "envelope_header": record_header("envelope.v1")}
    gaps = {name: _fixed(name, len(constant)) for name, constant in before.items()}
    schema = {
        "type": "record",
        "name": "FactRecord",
        "fields": [
            {"name": "length", "type": "int"},
            _passed_over("attributes", _fixed("attributes", 1)["type"]),
            _passed_over("timestamp_delta", "long"),
            {"name": "offset_delta", "type": "int"},
            {"name": "key", "type": "bytes"},
            {"name": "value", "type": "bytes"},
            gaps["envelope_name"],
            _passed_over("envelope_length", "int"),
            gaps["envelope_header"],
            *record_schema("envelope.v1")["fields"],
            gaps["number_name"],
            _fixed("number", NUMBER_SIZE),
            gaps["hash_name"],
            _fixed("hash", HASH_SIZE),
        ],
    }

    def make(_: str, read: Mapping[str, str]) -> str:
        parts = {name: read[name] for name in FIELDS} | {"number": f"from_bytes({read['number']}, 'big')"}
        fits = [f"{read[name]} == {constant!r}" for name, constant in before.items()]
        fits.append(f"{read['key']} == key_bytes_of({read['stream']})")
        return f"({', '.join(parts.values())}) if {' and '.join(fits)} else None"

    names = {
        "from_bytes": int.from_bytes,
        "key_bytes_of": key_bytes_of,
        # When a fact was recorded few others were: to remember it would only push out what is met again.
        "micros_of": micros_of.__wrapped__,
    }
    return compile_reader(schema, make, names, logical=False)
