"""This file holds the doors between facts as plain dicts and their Avro single-object encoding."""

import io
from functools import lru_cache
from typing import Any

from fastavro import schemaless_reader, schemaless_writer

from schemas.compiled import Read, as_dict, compile_reader, only
from schemas.errors import SchemaError
from schemas.files import HEADER_SIZE, header_of, newest, parsed, schema_of, wire_of

Body = dict[str, Any]
_UNREADABLE = (EOFError, IndexError, KeyError, ValueError, OverflowError, TypeError)


def encode(wire: str, body: Body) -> bytes:
    """A fact's single-object encoding: marker, fingerprint, body.

    Errors: SchemaError when a field is missing, is not in the schema, or does not fit its type.
    """
    _check_names(wire, body)
    out = io.BytesIO(header_of(wire))
    out.seek(HEADER_SIZE)
    try:
        schemaless_writer(out, parsed(wire), body)
    except Exception as error:
        raise SchemaError(f"{wire}: {error}") from error
    return out.getvalue()


def _check_names(wire: str, body: Body) -> None:
    """fastavro's own strict mode takes a null for a missing field, and its lax one any field it does not know."""
    schema = schema_of(wire)["fields"]
    if unknown := body.keys() - {field["name"] for field in schema}:
        raise SchemaError(f"{wire} has no field {', '.join(sorted(unknown))}")
    missing = [field["name"] for field in schema if "default" not in field and field["name"] not in body]
    if missing:
        raise SchemaError(f"{wire}: {', '.join(missing)} missing")


def decode(data: bytes) -> tuple[str, Body]:
    """Wire name and fields of stored bytes, under the schema they were written with.

    Errors: SchemaError when the schema is unknown, bytes are missing, or bytes are left over.
    """
    wire = wire_of(data)
    source = io.BytesIO(data)
    source.seek(HEADER_SIZE)
    try:
        body: Body = schemaless_reader(source, parsed(wire), None)  # type: ignore[assignment]
    except _UNREADABLE as error:
        raise SchemaError(f"{wire}: the bytes end early or are damaged: {error}") from error
    if source.tell() != len(data):
        raise SchemaError(f"{wire}: {len(data) - source.tell()} bytes are left over")
    return wire, body


def decode_raw(data: bytes) -> tuple[str, Body]:
    """As `decode`, several times as fast: times are microseconds, decimals the unscaled bytes, arrays tuples.

    Errors: as `decode`.
    """
    known = _raw_readers.get(data[:HEADER_SIZE])
    if known is None:
        wire = wire_of(data)
        known = _raw_readers[data[:HEADER_SIZE]] = wire, compile_reader(schema_of(wire), as_dict, {}, logical=False)
    wire, reader = known
    try:
        body, end = reader(data, HEADER_SIZE)
    except _UNREADABLE as error:
        raise _damaged(wire, error) from error
    if end != len(data):
        raise _of_another_length(wire, data, end)
    return wire, body


_raw_readers: dict[bytes, tuple[str, Read]] = {}
"""Wire name and reader of each header met: one look for both."""


def decode_part(data: bytes, wanted: frozenset[str]) -> tuple[str, Body]:
    """As `decode_raw`, of some fields alone (`process`, `occasion.request`); what is behind the last is not looked at.

    Errors: SchemaError when the schema is unknown, or bytes of what is read are missing; KeyError when the schema has
    no such field.
    """
    wire, reader = _part_reader(data[:HEADER_SIZE], wanted)
    try:
        return wire, reader(data, HEADER_SIZE)[0]
    except _UNREADABLE as error:
        raise _damaged(wire, error) from error


@lru_cache(maxsize=256)
def _part_reader(header: bytes, wanted: frozenset[str]) -> tuple[str, Read]:
    wire = wire_of(header)
    return wire, compile_reader(only(schema_of(wire), wanted), as_dict, {}, logical=False)


def read_whole(wire: str, reader: Read, data: bytes) -> Any:
    """What a reader makes of stored bytes, all of them.

    Errors: SchemaError when bytes are missing or left over.
    """
    try:
        value, end = reader(data, HEADER_SIZE)
    except _UNREADABLE as error:
        raise _damaged(wire, error) from error
    if end != len(data):
        raise _of_another_length(wire, data, end)
    return value


def _damaged(wire: str, error: Exception) -> SchemaError:
    return SchemaError(f"{wire}: the bytes end early or are damaged: {error}")


def _of_another_length(wire: str, data: bytes, end: int) -> SchemaError:
    kind = "missing" if end > len(data) else "left over"
    return SchemaError(f"{wire}: {abs(len(data) - end)} bytes are {kind}")


def newest_version(wire: str) -> str:
    """The newest wire name of the fact that `wire` is some version of."""
    return newest(wire.rpartition(".v")[0])
