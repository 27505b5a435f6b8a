"""This file holds the mapper's promises: facts come back equal, old versions as the newest, sealed texts sealed."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, ClassVar

import pytest
from eventsourcing.persistence import MapperDeserialisationError, StoredEvent

import schemas
from ledger.domain import FACTS
from ledger.domain.values import FieldValue, Lot, Occasion, Quantity, Ref, Sealed
from ledger.store.keys import KeyStore
from ledger.store.mapper import AvroMapper
from ledger.store.upcasting import UPCASTS, upcast
from tests.store.samples import AT, state

OCCASION = Occasion("site", "r1", b"d" * 32, "nurse", offset_minutes=480, business_key=b"k" * 32, received_at=AT)


@dataclass(frozen=True)
class Transfused:
    TOPIC: ClassVar[str] = "bag.transfused.v1"
    originator_id: str
    originator_version: int
    timestamp: datetime
    occasion: Occasion
    caused_by: Ref | None = None
    patient: str = "p"
    hospital: str = "h"
    quantity: Quantity | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    checkers: tuple[str, ...] = ()
    place: str | None = None
    presumed: bool = False


@pytest.fixture
def keys() -> KeyStore:
    return KeyStore(":memory:")


@pytest.fixture
def mapper(keys: KeyStore) -> AvroMapper:
    return AvroMapper({**FACTS, "bag.transfused.v1": Transfused}, keys, "L")


def transfused(**changed: Any) -> Any:
    return replace(Transfused("bag-a", 3, AT, OCCASION), **changed)


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"caused_by": Ref("bag-b", 2), "presumed": True, "place": "ward 3"},
        {"quantity": Quantity(Decimal("1.5"), "U"), "checkers": ("a", "b"), "started_at": AT, "ended_at": AT},
        {"patient": "病人" * 50, "occasion": OCCASION._replace(business_key=None, received_at=None, reported=True)},
        {"timestamp": datetime(1931, 1, 1, tzinfo=UTC)},
    ],
)
def test_a_fact_comes_back_equal(mapper: AvroMapper, changed: dict[str, Any]) -> None:
    fact = transfused(**changed)
    stored = mapper.to_stored_event(fact)
    assert (stored.originator_id, stored.originator_version, stored.topic) == ("bag-a", 3, "bag.transfused.v1")
    assert mapper.to_domain_event(stored) == fact


def test_an_instant_is_stored_in_utc(mapper: AvroMapper) -> None:
    local = AT.astimezone(timezone(timedelta(hours=8)))
    found: Any = mapper.to_domain_event(mapper.to_stored_event(transfused(timestamp=local)))
    assert found.timestamp == AT and found.timestamp.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "changed",
    [
        {"timestamp": datetime(2026, 1, 1)},  # noqa: DTZ001 - an instant without offset is what is tried
        {"quantity": Quantity(Decimal("0.0001"), "U")},
        {"quantity": Quantity(Decimal("NaN"), "U")},
        {"patient": None},
        {"patient": "\ud800"},
        {"occasion": OCCASION._replace(request_sha256=b"short")},
        {"occasion": OCCASION._replace(offset_minutes=2**40)},
    ],
)
def test_what_no_field_can_hold_is_refused(mapper: AvroMapper, changed: dict[str, Any]) -> None:
    with pytest.raises(schemas.SchemaError, match="bag-a"):
        mapper.to_stored_event(transfused(**changed))


def test_every_fact_class_has_its_codec(mapper: AvroMapper) -> None:
    newest = {schemas.newest_version(wire) for wire in schemas.wire_names()}
    assert newest == set(FACTS)
    for wire in sorted(newest - {"bag.transfused.v1"}):
        fact_class, codec = mapper._codec(wire)
        assert fact_class is FACTS[wire] and codec.header == schemas.header_of(wire)


def test_damaged_bytes_name_the_fact(mapper: AvroMapper) -> None:
    stored = mapper.to_stored_event(transfused())
    for damaged in (
        replace(stored, state=stored.state[:-1]),
        replace(stored, state=stored.state + b"\x00"),
        replace(stored, state=b""),
        replace(stored, topic="bag.stored.v1"),
        replace(stored, topic="bag.sung.v1"),
    ):
        with pytest.raises(MapperDeserialisationError, match="of bag-a version 3"):
            mapper.to_domain_event(damaged)


def test_a_breach_stored_as_v1_is_read_as_v2(mapper: AvroMapper) -> None:
    old = state("r1", None, "bag.temperature_breached.v1", celsius=Decimal("12.5"), minutes=90)
    found: Any = mapper.to_domain_event(StoredEvent("bag-a", 1, "bag.temperature_breached.v1", old))
    assert type(found).TOPIC == "bag.temperature_breached.v2"
    assert (found.celsius_min, found.celsius_max, found.minutes) == (Decimal("12.5"), Decimal("12.5"), Decimal(90))
    assert found.device is None and found.timestamp == AT and found.occasion.request == "r1"
    again: Any = mapper.to_domain_event(mapper.to_stored_event(found))
    assert again == found


def test_every_older_version_has_a_way_to_the_newest() -> None:
    older = [wire for wire in schemas.wire_names() if wire != schemas.newest_version(wire)]
    assert sorted(UPCASTS) == sorted(older)
    for wire in older:
        body = schemas.decode(state("r1", None, wire, celsius=Decimal(1), minutes=1))[1]
        assert upcast(wire, body)[0] == schemas.newest_version(wire)


def test_a_text_about_a_person_is_not_in_the_stored_bytes(mapper: AvroMapper, keys: KeyStore) -> None:
    fact_class = FACTS["donor.assessed.v1"]
    fact = fact_class("donor:1", 1, AT, OCCASION, None, "eligible", None, Sealed("donor:1", "fainted once"))  # type: ignore[call-arg]
    stored = mapper.to_stored_event(fact)
    assert b"fainted" not in stored.state and stored == mapper.to_stored_event(fact)
    found: Any = mapper.to_domain_event(stored)
    assert found.notes.plain is None and mapper.open_sealed(found.notes) == "fainted once"
    keys.destroy("donor:1", 7)
    assert mapper.open_sealed(found.notes) is None
    assert mapper.to_domain_event(stored) == found


def test_each_changed_text_is_sealed_for_itself(mapper: AvroMapper) -> None:
    changes = tuple(FieldValue("notes", None, Sealed("donor:1", "the same words")) for _ in range(2))
    fact_class = FACTS["donor.amended.v1"]
    fact = fact_class("donor:1", 2, AT, OCCASION, None, 1, None, (), changes, Sealed("text", "typed wrong"))  # type: ignore[call-arg]
    found: Any = mapper.to_domain_event(mapper.to_stored_event(fact))
    one, other = (each.sealed for each in found.changes)
    assert one.bytes != other.bytes and mapper.open_sealed(one) == mapper.open_sealed(other) == "the same words"
    assert mapper.open_sealed(found.reason) == "typed wrong"


def test_lots_come_back_as_lots(mapper: AvroMapper) -> None:
    fields = {field.name: field for field in schemas.fields("bag.collected.v1")}
    assert fields["lots"].kind == "bloodledger.Lot"
    body: dict[str, Any] = {
        name: {"string": "x", "bloodledger.Quantity": {"amount": Decimal(1), "measure": "U"}}[field.kind]
        for name, field in fields.items()
        if not field.optional and not field.many and name not in ("happened_at", "occasion")
    }
    stored = state("r1", None, "bag.collected.v1", **body, lots=[{"kind": "filter", "id": "7"}])
    found: Any = mapper.to_domain_event(StoredEvent("bag-a", 1, "bag.collected.v1", stored))
    assert found.lots == (Lot("filter", "7"),) and found.quantity == Quantity(Decimal(1), "U")
