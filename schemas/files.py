"""This file holds the loading of the Avro files: one per version of each fact, by wire name and fingerprint."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from fastavro import parse_schema
from fastavro.schema import fingerprint, to_parsing_canonical_form

from schemas.errors import SchemaError

AVRO = Path(__file__).parent / "avro"
MARKER = b"\xc3\x01"
"""First two bytes of every single-object encoding. Source: Avro 1.12, Single-object encoding."""
HEADER_SIZE = 10

Schema = dict[str, Any]


class Field(NamedTuple):
    """One field of a fact.

    Shape: `kind` is string, int, boolean, time, decimal, sha256, bytes or a record's full name; `content`
    is id or code for strings, sealed for sealed text, None for the rest.
    """

    name: str
    kind: str
    optional: bool
    many: bool
    content: str | None
    doc: str


@lru_cache(maxsize=1)
def _sources() -> dict[str, Schema]:
    """Every schema as its file says, by wire name."""
    found = {path.name.removesuffix(".avsc"): json.loads(path.read_bytes()) for path in sorted(AVRO.glob("*.avsc"))}
    for wire, schema in found.items():
        if schema.get("wire") != wire:
            raise SchemaError(f'{wire}.avsc: its "wire" says {schema.get("wire")!r}')
    return found


@lru_cache(maxsize=1)
def _headers() -> tuple[dict[str, bytes], dict[bytes, str]]:
    """Header of each wire name, and wire name of each header."""
    by_wire: dict[str, bytes] = {}
    by_header: dict[bytes, str] = {}
    for wire, schema in _sources().items():
        header = MARKER + bytes.fromhex(fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))
        if header in by_header:
            raise SchemaError(f"{wire} and {by_header[header]} share the fingerprint {header[2:].hex()}")
        by_wire[wire], by_header[header] = header, wire
    return by_wire, by_header


def wire_names() -> list[str]:
    """All wire names, in alphabetical order."""
    return list(_sources())


def schema_of(wire: str) -> Schema:
    """The schema of one wire name, as its file says.

    Errors: SchemaError when there is no such file.
    """
    try:
        return _sources()[wire]
    except KeyError:
        raise SchemaError(f"no schema is called {wire!r}") from None


@lru_cache(maxsize=512)
def parsed(wire: str, logical: bool = True) -> Schema:
    """The schema as fastavro wants it; without logical types when only the plain values are wanted."""
    source = schema_of(wire)
    schema: Schema = parse_schema(source if logical else _without_logical_types(source))  # type: ignore[assignment]
    return schema


def _without_logical_types(part: Any) -> Any:
    if isinstance(part, dict):
        return {key: _without_logical_types(value) for key, value in part.items() if key != "logicalType"}
    if isinstance(part, list):
        return [_without_logical_types(each) for each in part]
    return part


def header_of(wire: str) -> bytes:
    """The ten bytes every fact of this wire name begins with."""
    schema_of(wire)
    return _headers()[0][wire]


def wire_of(data: bytes) -> str:
    """The wire name the header of stored bytes stands for.

    Errors: SchemaError when the bytes are no single-object encoding, or of a schema that is not ours.
    """
    wire = _headers()[1].get(data[:HEADER_SIZE])
    if wire is not None:
        return wire
    if data[:2] != MARKER or len(data) < HEADER_SIZE:
        raise SchemaError(f"not an Avro single-object encoding: begins with {data[:2].hex() or 'nothing'}, not c301")
    raise SchemaError(f"unknown schema fingerprint {data[2:HEADER_SIZE].hex()}")


def versions(name: str) -> list[str]:
    """All wire names of one fact (`bag.issued`), oldest first."""
    numbered = [(int(wire.rpartition(".v")[2]), wire) for wire in _sources() if wire.rpartition(".v")[0] == name]
    if not numbered:
        raise SchemaError(f"no fact is called {name!r}")
    return [wire for _, wire in sorted(numbered)]


def newest(name: str) -> str:
    """The newest wire name of a fact (`bag.issued` -> `bag.issued.v1`)."""
    return versions(name)[-1]


@lru_cache(maxsize=512)
def fields(wire: str) -> tuple[Field, ...]:
    """The fields of a fact, in the order they are written."""
    return tuple(_field(field) for field in schema_of(wire)["fields"])


def _field(field: Schema) -> Field:
    inner, optional, many = field["type"], False, False
    if isinstance(inner, list):
        inner, optional = inner[1], True
    if isinstance(inner, dict) and inner["type"] == "array":
        inner, many = inner["items"], True
    kind = kind_of(inner)
    content = inner.get("content") if isinstance(inner, dict) else None
    return Field(
        field["name"], kind, optional, many, "sealed" if kind == "bloodledger.Sealed" else content, field["doc"]
    )


def kind_of(part: Any) -> str:
    """What a type is called in `Field.kind`."""
    if isinstance(part, str):
        return "sha256" if part == "bloodledger.Sha256" else part
    logical = {"timestamp-micros": "time", "decimal": "decimal"}.get(part.get("logicalType", ""))
    return logical or kind_of(part["name"] if part["type"] in ("record", "fixed") else part["type"])
