"""This file holds the tests that the fact classes and their Avro schemas say the same."""

import dataclasses
import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from ledger.domain import FACTS
from ledger.domain.values import FieldValue, Lot, Quantity, Ref, Sealed

Json = dict[str, Any]

AVRO = Path(__file__).parents[2] / "schemas" / "avro"
SCHEMAS: dict[str, Json] = {
    path.name.removesuffix(".avsc"): json.loads(path.read_text(encoding="utf-8")) for path in AVRO.glob("*.avsc")
}
COMMON = {"happened_at", "occasion", "caused_by"}
LIBRARY = {"originator_id", "originator_version", "timestamp", "occasion", "caused_by"}
NAMED = {
    "bloodledger.Ref": Ref,
    "bloodledger.Quantity": Quantity,
    "bloodledger.Lot": Lot,
    "bloodledger.Sealed": Sealed,
    "bloodledger.FieldValue": FieldValue,
    "bloodledger.Sha256": bytes,
    "int": int,
    "boolean": bool,
}


def version(wire: str) -> int:
    return int(wire.rpartition(".v")[2])


def newest() -> dict[str, Json]:
    names = {wire.rpartition(".v")[0] for wire in SCHEMAS}
    wires = [max((w for w in SCHEMAS if w.rpartition(".v")[0] == each), key=version) for each in names]
    return {wire: SCHEMAS[wire] for wire in wires}


def python_type(shape: Any) -> tuple[Any, str]:
    """The Python type of an Avro type, and whether it is `required`, `optional` or `many`."""
    if isinstance(shape, list):
        assert shape[0] == "null" and len(shape) == 2, "an optional field is [null, something]"
        return python_type(shape[1])[0], "optional"
    if isinstance(shape, str):
        return NAMED[shape], "required"
    if shape["type"] == "array":
        return python_type(shape["items"])[0], "many"
    if shape["type"] in ("record", "fixed"):
        return NAMED[shape["name"]], "required"
    logical = {"timestamp-micros": datetime, "decimal": Decimal}
    plain = {"string": str, "int": int, "boolean": bool}
    return logical.get(shape.get("logicalType", "")) or plain[shape["type"]], "required"


def hinted_type(hint: Any) -> tuple[Any, str]:
    """The same of an annotation."""
    if isinstance(hint, UnionType):
        return next(each for each in get_args(hint) if each is not NoneType), "optional"
    if get_origin(hint) is tuple:
        return get_args(hint)[0], "many"
    return hint, "required"


def docs_missing(shape: Any, where: str) -> Iterator[str]:
    if isinstance(shape, list):
        for each in shape:
            yield from docs_missing(each, where)
    elif isinstance(shape, dict):
        if shape["type"] == "record" and not shape.get("doc"):
            yield where
        for field in shape.get("fields", ()):
            inside = f"{where}.{field['name']}"
            if not field.get("doc"):
                yield inside
            yield from docs_missing(field["type"], inside)
        yield from docs_missing(shape.get("items"), where)


def test_every_field_of_every_schema_has_a_doc_string() -> None:
    assert [each for wire, schema in SCHEMAS.items() for each in docs_missing(schema, wire)] == []


def test_every_schema_carries_its_wire_name_and_a_full_name_without_version() -> None:
    for wire, schema in SCHEMAS.items():
        noun, verb, _ = wire.split(".")
        assert schema["wire"] == wire
        assert schema["name"] == f"bloodledger.{noun}.{verb.title().replace('_', '')}"


@pytest.mark.parametrize("wire", sorted(SCHEMAS))
def test_no_field_is_named_twice(wire: str) -> None:
    names = [field["name"] for field in SCHEMAS[wire]["fields"]]
    assert sorted(names) == sorted(set(names))


def test_every_newest_schema_has_its_fact_class_and_the_other_way_round() -> None:
    assert set(FACTS) == set(newest())


@pytest.mark.parametrize("wire", sorted(newest()))
def test_a_fact_class_has_the_fields_of_its_schema(wire: str) -> None:
    fact = FACTS[wire]
    hints = get_type_hints(fact)
    fields = {each.name: hinted_type(hints[each.name]) for each in dataclasses.fields(fact)}  # type: ignore[arg-type]
    assert set(fields) >= LIBRARY
    body = {name: each for name, each in fields.items() if name not in LIBRARY}
    own = [each for each in SCHEMAS[wire]["fields"] if each["name"] not in COMMON]
    assert body == {each["name"]: python_type(each["type"]) for each in own}


@pytest.mark.parametrize("wire", sorted(SCHEMAS))
def test_what_may_be_left_out_has_a_default(wire: str) -> None:
    for field in SCHEMAS[wire]["fields"]:
        kind = python_type(field["type"])[1] if field["name"] not in COMMON else "common"
        if kind in ("optional", "many"):
            assert field["default"] == (None if kind == "optional" else []), field["name"]
        elif kind == "required":
            assert "default" not in field, field["name"]
