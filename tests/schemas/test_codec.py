"""This file holds the promises of the codec: equal to fastavro for every schema, and damaged bytes refused."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import schemas
from schemas.binary import decimal_of, read_micros, write_decimal, write_micros
from schemas.codec import read_whole
from schemas.compiled import compile_reader, compile_writer
from schemas.files import wire_names

WIRES = wire_names()
# Hypothesis wants the bounds without a zone and puts it on.
TIMES = st.datetimes(datetime(1900, 1, 1), datetime(3200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
DECIMALS = st.integers(-(10**12) + 1, 10**12 - 1).map(lambda whole: Decimal(whole).scaleb(-3))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)


def values(part: Any, named: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Every value of a type of ours."""
    if isinstance(part, str):
        part = named.get(part, {"type": part})
    if isinstance(part, list):
        return st.none() | values(part[1], named)
    if "name" in part:
        named[part["name"]] = part
    logical = {"timestamp-micros": TIMES, "decimal": DECIMALS}.get(part.get("logicalType", ""))
    if logical is not None:
        return logical
    if part["type"] == "record":
        return st.fixed_dictionaries({each["name"]: values(each["type"], named) for each in part["fields"]})
    if part["type"] == "array":
        return st.lists(values(part["items"], named), max_size=3)
    if part["type"] == "fixed":
        return st.binary(min_size=part["size"], max_size=part["size"])
    plain: dict[str, st.SearchStrategy[Any]] = {
        "int": st.integers(-(2**31), 2**31 - 1),
        "boolean": st.booleans(),
        "string": TEXTS,
        "bytes": st.binary(max_size=80),
    }
    return plain[part["type"]]


class Fields:
    """A dict's values as attributes, as the compiled writer wants them."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        for name, value in fields.items():
            setattr(self, name, _fields(value))


def _fields(value: Any) -> Any:
    if isinstance(value, dict):
        return Fields(value)
    return [_fields(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("wire", WIRES)
@settings(max_examples=15)
@given(data=st.data())
def test_compiled_and_fastavro_agree_byte_for_byte(wire: str, data: st.DataObject) -> None:
    schema = schemas.schema_of(wire)
    body = data.draw(values(schema, {}))
    stored = schemas.encode(wire, body)
    write = compile_writer(schema, schemas.header_of(wire), {})
    assert write(Fields(body), lambda fact, field, text: text) == stored
    found, decoded = schemas.decode(stored)
    assert (found, decoded) == (wire, body)
    read = compile_reader(schema, lambda _, names: f"dict({', '.join(f'{n}={v}' for n, v in names.items())})", {}, True)
    assert _listed(read_whole(wire, read, stored)) == decoded
    raw_wire, raw = schemas.decode_raw(stored)
    assert raw_wire == wire and raw.keys() == decoded.keys()


def _listed(value: Any) -> Any:
    """Tuples as lists, which is how fastavro reads arrays."""
    if isinstance(value, dict):
        return {key: _listed(each) for key, each in value.items()}
    return [_listed(each) for each in value] if isinstance(value, tuple) else value


def test_the_occasion_is_the_same_record_in_every_schema() -> None:
    """A writer takes the bytes of the occasion written last, whatever fact it came with."""
    fields = [field for wire in WIRES for field in schemas.schema_of(wire)["fields"]]
    found = [field["type"] for field in fields if field["name"] == "occasion"]
    assert len(found) == len(WIRES) and all(each == found[0] for each in found)


def test_the_same_occasion_again_is_written_alike_and_another_anew() -> None:
    bodies: dict[str, dict[str, Any]] = {
        "bag.stored.v1": {"facility": "A9999", "place": None},
        "bag.annulled.v1": {"target_version": 1, "target_fact": None, "match": [], "reason": None},
    }
    occasions = [{**OCCASION, "request": request} for request in ("r1", "r2")]
    shared = [_fields(each) for each in occasions]
    writers = {wire: compile_writer(schemas.schema_of(wire), schemas.header_of(wire), {}) for wire in bodies}
    for wire, number in [(wire, number) for number in (0, 0, 1, 0) for wire in bodies]:
        fact = Fields({"happened_at": AT, "caused_by": None, **bodies[wire]})
        vars(fact)["occasion"] = shared[number]
        body = {"happened_at": AT, "occasion": occasions[number], "caused_by": None, **bodies[wire]}
        assert writers[wire](fact, None) == schemas.encode(wire, body)


AT = datetime(2026, 1, 1, tzinfo=UTC)
OCCASION = {
    "sender": "site",
    "request": "r1",
    "request_sha256": b"d" * 32,
    "business_key": None,
    "by": "n",
    "reported": True,
    "offset_minutes": 480,
    "zone_from": "given",
    "received_at": None,
}


def sample() -> bytes:
    body = {"happened_at": AT, "occasion": OCCASION, "match": [{"field": "a"}]}
    return schemas.encode("bag.annulled.v1", body)


@pytest.mark.parametrize("decode", [schemas.decode, schemas.decode_raw])
def test_missing_and_left_over_bytes_are_refused(decode: Any) -> None:
    stored = sample()
    assert decode(stored)[0] == "bag.annulled.v1"
    for size in range(len(stored)):
        with pytest.raises(schemas.SchemaError):
            decode(stored[:size])
    with pytest.raises(schemas.SchemaError, match="left over"):
        decode(stored + b"\x00")


@given(st.integers(0, 10**6), st.integers(1, 255))
def test_changed_bytes_are_read_or_refused_but_never_crash(index: int, change: int) -> None:
    stored = bytearray(sample())
    stored[index % len(stored)] ^= change
    for decode in (schemas.decode, schemas.decode_raw):
        try:
            decode(bytes(stored))
        except schemas.SchemaError:
            continue


@pytest.mark.parametrize(
    "data, why",
    [
        (b"", "begins with nothing"),
        (b"\x00\x01\x02", "begins with 0001"),
        (b"\xc3\x01" + bytes(8), "unknown schema fingerprint 0000000000000000"),
    ],
)
def test_bytes_of_no_schema_of_ours_say_so(data: bytes, why: str) -> None:
    for decode in (schemas.decode, schemas.decode_raw):
        with pytest.raises(schemas.SchemaError, match=why):
            decode(data)


def test_fields_that_are_missing_unknown_or_of_a_wrong_kind_are_refused() -> None:
    body = schemas.decode(sample())[1]
    for changed, why in [
        ({**body, "colour": "red"}, "no field colour"),
        ({key: body[key] for key in body if key != "occasion"}, "occasion missing"),
        ({**body, "target_version": "one"}, "bag.annulled.v1"),
        ({**body, "happened_at": "yesterday"}, "bag.annulled.v1"),
    ]:
        with pytest.raises(schemas.SchemaError, match=why):
            schemas.encode("bag.annulled.v1", changed)
    with pytest.raises(schemas.SchemaError, match="no schema is called"):
        schemas.encode("bag.sung.v1", {})


@given(st.integers(-(2**62), 2**62))
def test_times_of_any_size_come_back(count: int) -> None:
    written = write_micros(count)
    assert read_micros(written, 0) == (count, len(written))


@pytest.mark.parametrize(
    "text, shown",
    [
        ("1.5", "1.5"),
        ("1.500", "1.5"),
        ("200", "200"),
        ("0", "0"),
        ("-0.128", "-0.128"),
        ("999999999.999", "999999999.999"),
    ],
)
def test_decimals_come_back_without_idle_zeros(text: str, shown: str) -> None:
    assert str(decimal_of(write_decimal(Decimal(text))[1:])) == shown


@pytest.mark.parametrize("text", ["0.0001", "1000000000", "-1000000000"])
def test_a_decimal_is_never_rounded(text: str) -> None:
    with pytest.raises(schemas.SchemaError, match="decimal places"):
        write_decimal(Decimal(text))
