"""This file holds the public names of the schemas: facts as Avro bytes, and what each field means."""

from schemas.codec import decode, decode_part, decode_raw, encode, newest_version
from schemas.errors import SchemaError
from schemas.files import (
    Field,
    fields,
    header_of,
    newest,
    schema_of,
    versions,
    wire_names,
    wire_of,
)

__all__ = [
    "Field",
    "SchemaError",
    "decode",
    "decode_part",
    "decode_raw",
    "encode",
    "fields",
    "header_of",
    "newest",
    "newest_version",
    "schema_of",
    "versions",
    "wire_names",
    "wire_of",
]
