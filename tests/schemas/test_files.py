"""This file holds what every schema file must be: frozen once released, distinct, and sorted field by field."""

from pathlib import Path
from typing import Any

import pytest

import schemas
from schemas import frozen
from schemas.binary import SCALE
from schemas.files import Field, wire_names
from schemas.on_kafka import RECORDS


def test_no_frozen_file_was_changed_and_none_is_left_unfrozen() -> None:
    assert frozen.broken() == []
    assert set(frozen.frozen()) == {*wire_names(), *RECORDS}, "run: python -m schemas freeze"


def test_freezing_adds_new_files_and_refuses_changed_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    avro = tmp_path / "avro"
    avro.mkdir()
    (avro / "a.b.v1.avsc").write_text("one")
    monkeypatch.setattr(frozen, "FOLDERS", (avro,))
    monkeypatch.setattr(frozen, "FROZEN", tmp_path / "frozen.json")
    assert frozen.freeze() == ["a.b.v1"] and frozen.freeze() == []
    (avro / "a.b.v2.avsc").write_text("two")
    assert frozen.freeze() == ["a.b.v2"]
    (avro / "a.b.v1.avsc").write_text("changed")
    assert frozen.broken() == ["a.b.v1"]
    with pytest.raises(schemas.SchemaError, match=r"a\.b\.v1"):
        frozen.freeze()
    (avro / "a.b.v1.avsc").unlink()
    assert frozen.broken() == ["a.b.v1"]


def test_no_two_files_share_a_fingerprint_and_names_carry_no_version() -> None:
    headers = {schemas.header_of(wire) for wire in wire_names()}
    assert len(headers) == len(wire_names())
    for wire in wire_names():
        noun, verb, _ = wire.split(".")
        name = "".join(word.title() for word in verb.split("_"))
        assert schemas.schema_of(wire)["name"] == f"bloodledger.{noun}.{name}"
        assert schemas.wire_of(schemas.header_of(wire)) == wire


def test_versions_are_ordered_by_number() -> None:
    name = "bag.temperature_breached"
    assert schemas.versions(name) == [f"{name}.v1", f"{name}.v2"]
    assert schemas.newest(name) == schemas.newest_version(f"{name}.v1") == f"{name}.v2"
    with pytest.raises(schemas.SchemaError, match="no fact is called"):
        schemas.newest("bag.sung")


@pytest.mark.parametrize("wire", wire_names())
def test_every_string_is_sorted_into_code_id_or_sealed(wire: str) -> None:
    """Strings stand open only as codes and ids; every text of a person's is bytes in a Sealed record."""
    named: set[str] = set()
    for where, part in _parts(schemas.schema_of(wire), wire):
        assert part != "string", f"{where}: a string without content"
        if isinstance(part, dict) and part.get("type") == "string":
            assert part.get("content") in ("id", "code"), where
        if isinstance(part, dict) and part.get("type") == "bytes" and "logicalType" not in part:
            assert where.endswith("Sealed.bytes"), f"{where}: bytes outside a sealed text"
        if isinstance(part, dict) and part.get("type") == "record":
            named.add(part["name"])
    assert named <= {
        schemas.schema_of(wire)["name"],
        *(f"bloodledger.{name}" for name in ("Occasion", "Ref", "Quantity", "Lot", "Sealed", "FieldValue")),
    }


@pytest.mark.parametrize("wire", wire_names())
def test_units_are_the_ones_the_code_counts_in(wire: str) -> None:
    for where, part in _parts(schemas.schema_of(wire), wire):
        logical = part.get("logicalType") if isinstance(part, dict) else None
        assert logical in (None, "timestamp-micros", "decimal"), where
        if logical == "decimal":
            assert (part["type"], part["precision"], part["scale"]) == ("bytes", 12, SCALE), where


def _parts(part: Any, where: str) -> list[tuple[str, Any]]:
    """Every type in a schema, with the way to it."""
    found = [(where, part)]
    if isinstance(part, list):
        for each in part:
            found += _parts(each, where)
    elif isinstance(part, dict) and part["type"] == "record":
        for field in part["fields"]:
            step = part["name"].rpartition(".")[2]
            found += _parts(field["type"], f"{where} {step}.{field['name']}")
    elif isinstance(part, dict) and part["type"] == "array":
        found += _parts(part["items"], where)
    return found


def test_fields_say_what_they_hold() -> None:
    found = {field.name: field for field in schemas.fields("bag.transfused.v1")}
    assert found["happened_at"].kind == "time" and not found["happened_at"].optional
    assert found["patient"][1:5] == ("string", False, False, "id")
    assert found["quantity"][1:5] == ("bloodledger.Quantity", True, False, None)
    assert found["checkers"][1:5] == ("string", False, True, "id")
    assert found["presumed"].kind == "boolean"
    assert isinstance(found["caused_by"], Field) and found["caused_by"].kind == "bloodledger.Ref"
    notes = {field.name: field for field in schemas.fields("donor.assessed.v1")}["notes"]
    assert (notes.kind, notes.content, notes.optional) == ("bloodledger.Sealed", "sealed", True)
