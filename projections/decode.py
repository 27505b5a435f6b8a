"""This file holds how a stored row becomes a fact for read models: decoded, and of the newest version.

Bodies stay raw, because a rebuild reads hundreds of thousands of them: instants are microseconds since
1970-01-01 UTC, decimals their unscaled bytes, arrays tuples, records dicts. `plain` says any of it in JSON.
"""

import base64
import gc
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from schemas import Field, SchemaError, decode_part, decode_raw, fields, newest, wire_names
from schemas.errors import RegistryAway
from schemas.kafka_batches import HASH_SIZE, OF_ANOTHER_FORM, fact_record_reader, record_size
from schemas.on_kafka import (
    ENVELOPE,
    FACT_TOPICS,
    FACTS,
    HASH,
    NUMBER,
    STOCK,
    Place,
    chain_next,
    chain_start,
    incomplete_key,
    key_bytes_of,
    key_of,
    number_of,
    partition_of,
    read_envelope,
    row_key,
    stale_key,
    write_record,
)

__all__ = [  # what the rest of this side needs of the schemas comes through here
    "ENVELOPE",
    "FACTS",
    "FACT_TOPICS",
    "HASH",
    "HASH_SIZE",
    "NUMBER",
    "OF_ANOTHER_FORM",
    "STOCK",
    "Place",
    "RegistryAway",
    "SchemaError",
    "chain_next",
    "chain_start",
    "fact_record_reader",
    "incomplete_key",
    "key_bytes_of",
    "key_of",
    "number_of",
    "partition_of",
    "read_envelope",
    "record_size",
    "row_key",
    "stale_key",
    "write_record",
]

Body = dict[str, Any]
SCALE = 3
"""Decimal places of every decimal in the schemas: an unscaled value counts thousandths."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class StoredRow(Protocol):
    """One stored fact, as the store or Kafka hands it out."""

    @property
    def position(self) -> int: ...
    @property
    def stream(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def recorded_at(self) -> int: ...
    @property
    def state(self) -> bytes: ...
    @property
    def leaf_hash(self) -> bytes: ...


class Fact(NamedTuple):
    """A decoded fact.

    Shape: `name` without its version (`bag.issued`); `body` raw, upcast to the newest version of its schema;
    `leaf_hash` of the ledger's tree, empty of a fact that the views were asked for.
    """

    position: int
    stream: str
    version: int
    name: str
    happened_at: int
    recorded_at: int
    body: Body
    wire: str
    state: bytes
    leaf_hash: bytes = b""


class Unreadable(NamedTuple):
    """A row that no schema of ours can read, and why."""

    position: int
    stream: str
    version: int
    recorded_at: int
    wire: str
    state: bytes
    reason: str
    leaf_hash: bytes = b""


@lru_cache(maxsize=512)
def short_name(wire: str) -> str:
    """The wire name without its version: `bag.issued.v1` -> `bag.issued`."""
    return wire.rpartition(".")[0]


def _breach_v2(body: Body) -> None:
    """v1 knew one extreme and whole minutes; v2 has both extremes, decimals, a judgement and a device."""
    body["celsius_min"] = body["celsius_max"] = body.pop("celsius")
    body["minutes"] = unscaled(Decimal(body["minutes"]))
    body["within_rule"] = False
    body["device"] = None


UPCASTS: dict[str, Callable[[Body], None]] = {"bag.temperature_breached.v1": _breach_v2}
"""How a body of an older wire name becomes one of the next version."""


MANY = 50_000
"""New objects from which on all count as old at once; below, only full searches would find what others left."""


@contextmanager
def without_cycle_search() -> Iterator[None]:
    """Decoded facts hold no cycles, and where there are many, looking for cycles among them costs a tenth and more."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            if gc.get_count()[0] >= MANY and not gc.get_freeze_count():  # what others froze stays so
                gc.freeze()
                gc.unfreeze()  # what is young is old now, and nobody looked at it
            gc.enable()


def decode_row(row: StoredRow) -> Fact | Unreadable:
    """The fact in a row; a row that cannot be read is answered as such, never skipped."""
    return decode_stored(row.position, row.stream, row.version, row.name, row.recorded_at, row.state, row.leaf_hash)


def decode_stored(
    position: int, stream: str, version: int, name: str, recorded_at: int, state: bytes, leaf_hash: bytes = b""
) -> Fact | Unreadable:
    """As `decode_row`, from the columns."""
    try:
        wire, body = decode_raw(state)
        if wire != name:
            raise SchemaError(f"the row says {name}, its bytes are {wire}")
    except SchemaError as error:
        return Unreadable(position, stream, version, recorded_at, name, state, str(error), leaf_hash)
    if wire in UPCASTS:
        UPCASTS[wire](body)
    happened_at, name = body["happened_at"], short_name(wire)
    fields = (position, stream, version, name, happened_at, recorded_at, body, wire, state, leaf_hash)
    return _new(Fact, fields)


def part_of_stored(row: tuple[Any, ...], wanted: frozenset[str]) -> Fact:
    """A fact that was read whole before, with some fields of its body alone.

    Shape: `row` has position, stream, version, wire name, happened_at, recorded_at and bytes.
    Errors: SchemaError, KeyError: see `schemas.decode_part`.
    """
    position, stream, version, wire, happened_at, recorded_at, state = row
    body = decode_part(state, wanted)[1] if wanted else {}
    return _new(Fact, (position, stream, version, short_name(wire), happened_at, recorded_at, body, wire, state, b""))


@lru_cache(maxsize=64)
def wires_of(names: tuple[str, ...]) -> list[str]:
    """Every version of some facts' wire names."""
    return [wire for wire in wire_names() if short_name(wire) in names]


_new = tuple.__new__
"""Makes a NamedTuple of a tuple, in half the time: there is one for each fact."""


# -- raw values and JSON ---------------------------------------------------------------------------------


def thousandths(raw: bytes) -> int:
    """A decimal as a whole number of thousandths: exact, and what totals are summed in."""
    return int.from_bytes(raw, "big", signed=True)


def unscaled(value: Decimal) -> bytes:
    """The raw form of a decimal."""
    whole = int(value.scaleb(SCALE))
    size = (whole if whole >= 0 else whole + 1).bit_length() // 8 + 1
    return whole.to_bytes(size, "big", signed=True)


@lru_cache(maxsize=4096)
def decimal_text(count: int) -> str:
    """Thousandths as a decimal without idle zeros.

    Example:
        >>> decimal_text(1500), decimal_text(200_000)
        ('1.5', '200')
    """
    sign, count = ("-", -count) if count < 0 else ("", count)
    whole, rest = divmod(count, 10**SCALE)
    return f"{sign}{whole}" if not rest else f"{sign}{whole}.{rest:03d}".rstrip("0")


@lru_cache(maxsize=4096)
def instant_text(micros: int) -> str:
    """An instant in RFC 3339, UTC.

    Example:
        >>> instant_text(0)
        '1970-01-01T00:00:00Z'
    """
    return (EPOCH + timedelta(microseconds=micros)).isoformat()[:-6] + "Z"


@lru_cache(maxsize=64)
def micros_of(at: datetime) -> int:
    """Microseconds since 1970-01-01 UTC of an aware instant."""
    return (at - EPOCH) // timedelta(microseconds=1)


@lru_cache(maxsize=512)
def fields_of(name: str) -> dict[str, Field]:
    """The fields of the newest version of a fact, by name."""
    return {field.name: field for field in fields(newest(name))}


def plain(kind: str, value: Any) -> Any:
    """A raw value in JSON types; sealed text is shown as it is stored."""
    if value is None:
        return None
    if isinstance(value, tuple):
        return [plain(kind, each) for each in value]
    to_plain = _PLAIN.get(kind)
    return value if to_plain is None else to_plain(value)


def _plain_change(value: Body) -> Body:
    return {
        "field": value["field"],
        "value": value["value"],
        "sealed": plain("bloodledger.Sealed", value["sealed"]),
    }


_PLAIN: dict[str, Callable[[Any], Any]] = {
    "time": instant_text,
    "decimal": lambda raw: decimal_text(thousandths(raw)),
    "sha256": bytes.hex,
    "bloodledger.Quantity": lambda raw: {
        "amount": decimal_text(thousandths(raw["amount"])),
        "measure": raw["measure"],
    },
    "bloodledger.Sealed": lambda raw: {
        "key_id": raw["key_id"],
        "bytes": base64.b64encode(raw["bytes"]).decode(),
    },
    "bloodledger.FieldValue": _plain_change,
}


def plain_body(fact: Fact) -> Body:
    """What a fact says, in JSON types: its own fields, without those every fact has."""
    known = fields_of(fact.name)
    return {
        name: plain(known[name].kind, value)
        for name, value in fact.body.items()
        if name not in ("happened_at", "occasion", "caused_by")
    }


def raw_of(name: str, field: str, text: str | None) -> Any:
    """A field's raw value from canonical JSON: what an amendment sets it to.

    Errors: KeyError when the fact has no such field, ValueError when the value does not fit it.
    """
    return _raw(fields_of(name)[field].kind, json.loads(text) if text is not None else None)


def _raw(kind: str, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, list):
        return tuple(_raw(kind, each) for each in value)
    if kind == "time":
        return micros_of(datetime.fromisoformat(value))
    if kind == "decimal":
        return unscaled(Decimal(str(value)))
    if kind == "bloodledger.Quantity":
        return {"amount": unscaled(Decimal(str(value["amount"]))), "measure": value["measure"]}
    return value
