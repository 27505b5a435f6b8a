"""This file holds how facts travel on Kafka: topics, keys, partitions, the envelope, and the chain of each partition.

All of it is a pure function of the stored fact and the partition count, so that whoever sends a fact again, sends the
same record again. What each part promises: docs/reference/kafka.md.
"""

import json
import struct
from functools import cache, lru_cache
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

from fastavro import parse_schema, schemaless_reader
from fastavro.schema import fingerprint, to_parsing_canonical_form

from schemas.binary import micros_of
from schemas.codec import read_whole
from schemas.compiled import Read, Write, compile_reader, compile_writer
from schemas.errors import SchemaError
from schemas.files import HEADER_SIZE, MARKER, Schema

FACTS, SUBJECTS, STOCK = "blood.facts.v1", "blood.subjects.v1", "blood.stock.v1"
FACT_TOPICS = (FACTS, SUBJECTS)
"""Facts about persons have a topic of their own, with its own access list."""
ENVELOPE, NUMBER, HASH = "envelope", "number", "hash"
"""The three headers of a fact. Each costs a consumer about half a microsecond a record: there is no fourth."""
AVSC = Path(__file__).parent / "kafka"
RECORDS = ("envelope.v1", "stock_row.v1", "incomplete.v1", "stale.v1")
CHAIN_LABEL = b"bloodledger/chain/v1"
DIN_SIZE = 13
_NUMBER = struct.Struct(">Q")
_SIZED_HASH = (32).to_bytes(4, "big")


class Place(NamedTuple):
    """One partition of one topic."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}"


class Envelope(NamedTuple):
    """What the header `envelope` says. Unit: recorded_at in microseconds since 1970-01-01 UTC."""

    ledger: str
    position: int
    stream: str
    version: int
    name: str
    recorded_at: int


# -- where a fact goes -------------------------------------------------------------------------------------


def _has_din(stream: str) -> bool:
    """Whether a stream is a donation or one of its bags: their names begin with the DIN, which has no colon."""
    return ":" not in stream[:DIN_SIZE] and (len(stream) == DIN_SIZE or stream[DIN_SIZE : DIN_SIZE + 1] in ("=", "#"))


def topic_of(stream: str) -> str:
    """The topic of a stream's facts.

    Example:
        >>> topic_of("G165725000001"), topic_of("donor:D-1")
        ('blood.facts.v1', 'blood.subjects.v1')
    """
    return SUBJECTS if stream.startswith(("donor:", "patient:")) and not _has_din(stream) else FACTS


def key_of(stream: str) -> str:
    """The key of a stream's records: the DIN, so that a donation's facts keep their order, else the stream's name.

    Example:
        >>> key_of("G165725000001=E0336V00"), key_of("hold:donor:D-1")
        ('G165725000001', 'hold:donor:D-1')
    """
    return stream[:DIN_SIZE] if _has_din(stream) else stream


@lru_cache(maxsize=1 << 14)
def key_bytes_of(stream: str) -> bytes:
    """As `key_of`, as it stands on Kafka; remembered, because a stream's facts come close together."""
    return key_of(stream).encode()


@lru_cache(maxsize=1 << 16)
def partition_of(key: str, partitions: int) -> int:
    """The partition of a key, as Kafka's own clients have it by default. Source: Java's Utils.murmur2."""
    from kafka.partitioner import murmur2  # who only reads the store does not pay for loading Kafka's client

    return int(murmur2(key.encode()) & 0x7FFFFFFF) % partitions


# -- the chain ---------------------------------------------------------------------------------------------


def chain_start(ledger: str, place: Place) -> bytes:
    """h(0) of a partition's chain.

    Shape: SHA-256 of label, ledger, topic and partition, each after its length in four bytes; the partition is four
    bytes; numbers are big-endian.
    """
    parts = (CHAIN_LABEL, ledger.encode(), place.topic.encode(), place.partition.to_bytes(4, "big"))
    return sha256(b"".join(len(part).to_bytes(4, "big") + part for part in parts)).digest()


def chain_next(before: bytes, leaf: bytes) -> bytes:
    """h(n) of h(n-1) and the leaf hash of fact n: SHA-256 of both, each after its length in four bytes."""
    return sha256(_SIZED_HASH + before + _SIZED_HASH + leaf).digest()


def number_bytes(number: int) -> bytes:
    """The header `number`: eight bytes, big-endian."""
    return _NUMBER.pack(number)


def number_of(data: bytes) -> int:
    """Errors: SchemaError."""
    if len(data) != _NUMBER.size:
        raise SchemaError(f"the header {NUMBER} has {len(data)} bytes, not {_NUMBER.size}")
    return int.from_bytes(data, "big")


# -- records beside the facts ------------------------------------------------------------------------------


@lru_cache(maxsize=len(RECORDS))
def record_schema(wire: str) -> Schema:
    """The schema of a record that is no fact, as its file says."""
    found: Schema = json.loads((AVSC / f"{wire}.avsc").read_bytes())
    return found


@lru_cache(maxsize=len(RECORDS))
def _writer(wire: str) -> tuple[bytes, Any]:
    schema = record_schema(wire)
    header = MARKER + bytes.fromhex(fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))
    return header, parse_schema(_plain_times(schema))


def record_header(wire: str) -> bytes:
    """What the bytes of a record that is no fact begin with: marker and fingerprint of its schema."""
    return _writer(wire)[0]


def _plain_times(part: Any) -> Any:
    """Instants stay microseconds: exact, and what the rest of this program counts in."""
    if isinstance(part, dict):
        kept = {name: _plain_times(value) for name, value in part.items()}
        if kept.get("logicalType") == "timestamp-micros":
            del kept["logicalType"]
        return kept
    return [_plain_times(each) for each in part] if isinstance(part, list) else part


@lru_cache(maxsize=len(RECORDS))
def _compiled_writer(wire: str) -> Write:
    """Several times as fast as fastavro's, which takes a dict: there is such a record for each fact."""
    return compile_writer(_plain_times(record_schema(wire)), record_header(wire), {})


@lru_cache(maxsize=len(RECORDS))
def _nulls(wire: str) -> dict[str, None]:
    """The fields that may be null."""
    return {each["name"]: None for each in record_schema(wire)["fields"] if "null" in each["type"]}


def _unsealed(fact: Any, field: str, text: Any) -> Any:
    raise AssertionError("no record beside the facts has a sealed text")


def write_record(wire: str, fields: dict[str, Any]) -> bytes:
    """The single-object encoding of a record that is no fact; times in microseconds, amounts as Decimal.

    What may be null may be left out.
    """
    return _compiled_writer(wire)(SimpleNamespace(**(_nulls(wire) | fields)), _unsealed)


def read_record(wire: str, data: bytes) -> dict[str, Any]:
    """What `write_record` wrote. Errors: SchemaError."""
    header, schema = _writer(wire)
    if data[:HEADER_SIZE] != header:
        raise _another(wire, header, data)
    source = BytesIO(data)
    source.seek(HEADER_SIZE)
    try:
        found: dict[str, Any] = schemaless_reader(source, schema, None)  # type: ignore[assignment]
    except (EOFError, IndexError, KeyError, ValueError, OverflowError, TypeError) as wrong:
        raise SchemaError(f"{wire}: the bytes end early or are damaged: {wrong}") from wrong
    if source.tell() != len(data):
        raise SchemaError(f"{wire}: {len(data) - source.tell()} bytes are left over")
    return found


def write_envelope(envelope: Envelope) -> bytes:
    return _compiled_writer("envelope.v1")(envelope, _unsealed)


def read_envelope(data: bytes) -> Envelope:
    """As `read_record`, several times as fast: every fact has one. Errors: SchemaError."""
    header, reader = _envelope_reader()
    if data[:HEADER_SIZE] != header:
        raise _another("envelope.v1", header, data)
    return tuple.__new__(Envelope, read_whole("envelope.v1", reader, data))


@cache
def _envelope_reader() -> tuple[bytes, Read]:
    fields = "({ledger}, {position}, {stream}, {version}, {name}, {recorded_at})"
    schema = record_schema("envelope.v1")
    # When a fact was recorded few others were: to remember it would only push out what is met again.
    names = {"micros_of": micros_of.__wrapped__}
    return record_header("envelope.v1"), compile_reader(
        schema, lambda _, variables: fields.format(**variables), names, logical=False
    )


def _another(wire: str, header: bytes, data: bytes) -> SchemaError:
    return SchemaError(f"no {wire}: begins with {data[:HEADER_SIZE].hex() or 'nothing'}, not {header.hex()}")


# -- keys of the stock topic -------------------------------------------------------------------------------


def row_key(ledger: str, bag: str) -> str:
    """Key of a bag's row."""
    return f"{ledger}/{bag}"


def incomplete_key(ledger: str, bag: str, stream: str) -> str:
    """Key of the record that a bag rests on an unread fact of a stream."""
    return f"{ledger}/{bag}/incomplete/{stream}"


def stale_key(ledger: str, place: Place) -> str:
    """Key of the record that a partition of the facts stands still."""
    return f"{ledger}/stale/{place.topic}/{place.partition}"
