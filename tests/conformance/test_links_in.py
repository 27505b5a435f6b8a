"""This file holds the tests that the audit, reading a part of each fact, finds the links that the whole fact gives."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

import pytest

import schemas
from ledger.audit.links import TELLING, gives_links, links_in
from ledger.domain import FACTS
from ledger.store.index import _RULES, links_of
from ledger.store.keys import KeyStore
from ledger.store.mapper import AvroMapper
from ledger.store.port import FactRow

AT = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
SAMPLES: dict[str, Any] = {
    "string": "x", "int": 480, "long": 1, "boolean": True, "bytes": b"x" * 70, "time": AT, "decimal": Decimal("1.5"),
    "bloodledger.Quantity": {"amount": Decimal(2), "measure": "U"},
    "bloodledger.Lot": {"kind": "filter", "id": "L1"},
    "bloodledger.Ref": {"stream": "s", "version": 70},
    "bloodledger.Sealed": {"key_id": "k", "bytes": b"s" * 200},
    "sha256": b"h" * 32,
}  # fmt: skip
CHANGES = [
    {"field": "collector", "value": '"op-9"', "sealed": None},
    {"field": "donor", "value": '"d-9"', "sealed": None},
    {"field": "lots", "value": '[{"kind":"filter","id":"L9"}]', "sealed": None},
    {"field": "devices", "value": '["m-9"]', "sealed": None},
]


def body(wire: str, full: bool, by: str) -> dict[str, Any]:
    """A fact with every field said, or only those that must be."""
    said: dict[str, Any] = {}
    for field in schemas.fields(wire):
        if field.kind == "bloodledger.Occasion":
            said[field.name] = {
                "sender": "local", "request": "r" * 200, "request_sha256": b"r" * 32, "by": by, "reported": full,
                "business_key": b"k" * 32 if full else None, "offset_minutes": 480, "zone_from": "given",
                "received_at": AT if full else None,
            }  # fmt: skip
        elif field.kind == "bloodledger.FieldValue":
            said[field.name] = CHANGES if full else []
        elif field.many:
            said[field.name] = [SAMPLES[field.kind]] * 2 if full else []
        else:
            said[field.name] = None if field.optional and not full else SAMPLES[field.kind]
    return said


@pytest.mark.parametrize("wire", schemas.wire_names())
@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("by", ["nurse", ""])
def test_a_part_of_a_fact_gives_the_links_of_the_whole(wire: str, full: bool, by: str) -> None:
    state = schemas.encode(wire, body(wire, full, by))
    mapper = AvroMapper(FACTS, cast(KeyStore, None), "ledger")
    for version in (1, 2):
        row = FactRow(7, 6, "A999926000001=E0001V00", version, wire, 1, state, b"")
        wanted = links_of(mapper.fact(row))
        assert links_in(row) == wanted
        assert not wanted or version == 1 or gives_links(wire)


def test_every_fact_the_index_knows_is_read() -> None:
    assert {fact.short_name() for fact in _RULES} == set(TELLING)


@pytest.mark.parametrize("wire", ["bag.collected.v1", "bag.consumed.v1"])
def test_damaged_bytes_and_other_facts_are_refused(wire: str) -> None:
    state = schemas.encode(wire, body(wire, True, "nurse"))
    with pytest.raises(schemas.SchemaError, match="damaged"):
        links_in(FactRow(7, 6, "A999926000001=E0001V00", 2, wire, 1, state[:60], b""))
    with pytest.raises(schemas.SchemaError, match=r"the row says bag\.issued"):
        links_in(FactRow(7, 6, "A999926000001=E0001V00", 2, "bag.issued.v1", 1, state, b""))
