"""This file holds hand-made and random histories: facts encoded as the store holds them, in any order of telling."""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any, NamedTuple

import schemas
from ledger.merkle import leaf_data, leaf_hash

BEGIN = datetime(2025, 3, 1, 8, 0, tzinfo=UTC)
MISSING = object()


class Row(NamedTuple):
    """One stored fact."""

    position: int
    leaf: int
    stream: str
    version: int
    name: str
    recorded_at: int
    state: bytes

    @property
    def leaf_hash(self) -> bytes:
        """As the store keeps it."""
        return leaf_hash(leaf_data(self.position, self.stream, self.version, self.name, self.recorded_at, self.state))


class Head(NamedTuple):
    """Where the source ends."""

    position: int


def instant(minutes: float) -> datetime:
    """So many minutes after these histories begin."""
    return BEGIN + timedelta(minutes=minutes)


def units(amount: str, measure: str = "U") -> dict[str, Any]:
    """A quantity."""
    return {"amount": Decimal(amount), "measure": measure}


def encoded(wire: str, at: float, request: str, said: dict[str, Any]) -> bytes:
    """A fact's bytes; fields not given are null or empty."""
    occasion = {
        "sender": "local",
        "request": request,
        "request_sha256": sha256(request.encode()).digest(),
        "business_key": None,
        "by": said.pop("by", "staff-1"),
        "reported": said.pop("reported", False),
        "offset_minutes": said.pop("offset_minutes", 480),
        "zone_from": "given",
        "received_at": None,
    }
    body: dict[str, Any] = {"happened_at": instant(at), "occasion": occasion, "caused_by": None}
    for field in schemas.fields(wire)[3:]:
        value = said.pop(field.name, MISSING)
        if value is MISSING:
            assert field.optional or field.many, f"{wire} needs {field.name}"
            value = [] if field.many else None
        body[field.name] = value
    assert said == {}, f"{wire} has no {sorted(said)}"
    return schemas.encode(wire, body)


class History:
    """A source of facts in the order in which they were told."""

    def __init__(self, ledger: str = "test-ledger") -> None:
        self.ledger = ledger
        self.told: list[Row] = []
        self._versions: dict[str, int] = {}

    def tell(self, stream: str, name: str, when: float, /, wire: str | None = None, **said: Any) -> int:
        """Add a fact; its version in the stream is answered."""
        wire = wire or schemas.newest(name)
        return self.add(stream, wire, encoded(wire, when, f"r{len(self.told) + 1}", said))

    def add(self, stream: str, wire: str, state: bytes) -> int:
        """Add stored bytes as they are."""
        position = len(self.told) + 1
        version = self._versions[stream] = self._versions.get(stream, 0) + 1
        self.told.append(Row(position, position - 1, stream, version, wire, 1_700_000_000_000_000 + position, state))
        return version

    def again(self, rows: Sequence[Row]) -> "History":
        """The same facts told in another order (each stream numbered as it is heard)."""
        other = History(self.ledger)
        for row in rows:
            other.add(row.stream, row.name, row.state)
        return other

    # as projections.consumer.FactSource

    def ledger_id(self) -> str:
        return self.ledger

    def head(self) -> Head:
        return Head(len(self.told))

    def rows(self, after_position: int, limit: int) -> list[Row]:
        return self.told[after_position : after_position + limit]


def din(number: int) -> str:
    """A donation number."""
    return f"A999925{number:06d}"


def collect(history: History, number: int, at: float, donor: str | None = None, **said: Any) -> str:
    """A donation registered and its bag collected; the bag is answered."""
    bag = f"{din(number)}=E0001V00"
    donor = donor or f"donor-{number}"
    facility = said.pop("facility", "A9999")
    kind = said.pop("kind", "whole_blood")
    group = said.pop("group", None)
    history.tell(
        din(number), "donation.registered", at, donor=donor, facility=facility, kind=kind,
        outcome="completed", purpose="allogeneic", bags=[bag],
    )  # fmt: skip
    history.tell(
        bag, "bag.collected", at, donation=din(number), donor=donor, facility=facility, kind=kind,
        component="whole_blood", quantity=said.pop("quantity", units("2")), purpose="allogeneic", group=group,
        rhd="positive" if group else None, rule_expires_at=instant(at + 35 * 1440), **said,
    )  # fmt: skip
    return bag


def process(
    history: History, verb: str, parents: Sequence[str], children: Sequence[str], at: float, **said: Any
) -> None:
    """A process told from both ends."""
    run = f"{verb}-{len(history.told)}"
    for parent in parents:
        history.tell(parent, "bag.consumed", at, process=verb, process_id=run, children=list(children))
    for child in children:
        history.tell(
            child, "bag.prepared", at, process=verb, process_id=run, parents=list(parents), purpose="allogeneic",
            **{"component": "suspended_red_cells", "quantity": units("1.5"), "facility": "A9999", **said},
        )  # fmt: skip


FACILITIES = ("A9999", "B1234", "C5678")
PATIENTS = ("pat-1", "pat-2", "pat-3")


def _choices(draw: random.Random, bag: str, others: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
    """One fact of each kind that may happen to a bag, with drawn fields."""
    facility, place, patient = draw.choice(FACILITIES), draw.choice(["F1", None]), draw.choice(PATIENTS)
    other, hold = draw.choice(others), draw.choice(["h@1", "h@2", "h@0"])
    scope = {
        "hold": hold,
        "cause": draw.choice(["returned", "recall"]),
        "scope_kind": "bag",
        "scope_id": draw.choice(["x", bag]),
    }
    expires = {"rule_expires_at": instant(draw.randrange(9000)), "label_expires_at": draw.choice([None, instant(5000)])}
    origin = {
        "component": draw.choice(["whole_blood", "frozen_plasma"]), "quantity": units(draw.choice(["1", "0.25"])),
        "group": draw.choice(["A", None]), "rhd": "positive", "facility": facility, "purpose": "allogeneic", **expires,
    }  # fmt: skip
    run = {"process": draw.choice(["separate", "pool", "label"]), "process_id": f"p-{other}"}
    return [
        ("bag.collected", {"donation": other[:13], "donor": "d", "kind": "whole_blood", **origin}),
        ("bag.prepared", {"parents": [other], "lots": [{"kind": "filter", "id": "L1"}], **run, **origin}),
        ("bag.received", {"sent_from": "Z", "released_by": draw.choice([None, "z"]), **origin}),
        ("bag.labelled", {"container": draw.choice([None, other]), "process_id": f"l-{other}", **origin}),
        ("bag.consumed", {"children": [other], **run}),
        ("bag.modified", {"method": "thaw", **expires}),
        ("bag.tested", {"donation": draw.choice(["D1", "D2"]), "donation_version": 3, "outcome": "acceptable",
                        "group": draw.choice(["A", "B", None]), "rhd": "positive"}),
        ("bag.released", {"basis": "full_panel"}),
        ("bag.release_revoked", {}),
        ("bag.held", {**scope, "placed_at": instant(draw.randrange(100))}),
        ("bag.hold_lifted", {**scope, "why": draw.choice(["lifted", "annulled"])}),
        ("bag.stored", {"facility": facility, "place": place}),
        ("bag.moved", {"facility": None, "place": place}),
        ("bag.temperature_breached", {"celsius_min": Decimal(12), "celsius_max": Decimal(15),
                                      "minutes": Decimal(30), "within_rule": draw.choice([True, False])}),
        ("bag.missing", {}),
        ("bag.found", {"facility": facility}),
        ("bag.reserved", {"patient": patient}),
        ("bag.reservation_cancelled", {}),
        ("bag.crossmatched", {"patient": patient, "result": "compatible"}),
        ("bag.distributed", {"to": facility, "sent_from": draw.choice([None, "B1234"])}),
        ("bag.arrived", {"at": facility, "place": place}),
        ("bag.issued", {"to": "ward", "patient": patient, "facility": draw.choice([None, facility])}),
        ("bag.returned", {"sent_from": "ward", "leg": draw.choice(["ward_to_bank", "hospital_to_centre"]),
                          "may_come_back": draw.choice([True, False]), "facility": draw.choice([None, facility])}),
        ("bag.transfused", {"patient": patient, "hospital": facility, "presumed": draw.choice([True, False])}),
        ("bag.reaction_reported", {"patient": patient, "kind": "fever"}),
        ("bag.discarded", {"approved_by": "boss"}),
        ("bag.destroyed", {}),
        ("bag.sent_for_fractionation", {"to": "plant"}),
        ("bag.used_for_quality_control", {}),
        ("bag.nonconformity_raised", {"nonconformity": draw.choice(["x@1", "y"]), "code": "x", "about_version": 1}),
        ("bag.nonconformity_withdrawn", {"nonconformity": draw.choice(["x@1", "y"]), "why": "explained"}),
        ("bag.reported", {"by_fact": "bag.issued"}),
        ("bag.quality_sampled", {"sample": "s"}),
    ]  # fmt: skip


def _correction(draw: random.Random, version: int, name: str) -> tuple[str, dict[str, Any]]:
    """A correction of some earlier fact, by version or by content, that may itself be corrected."""
    meant: dict[str, Any] = {"target_version": draw.randrange(1, version)}
    if draw.random() < 0.4:
        match = [{"field": "facility", "value": f'"{draw.choice(FACILITIES)}"', "sealed": None}]
        meant = {"target_fact": draw.choice(["bag.stored", "bag.found"]), "match": match, "reported": True}
    if draw.random() < 0.5:
        return "bag.annulled", meant
    when = instant(draw.randrange(50)).isoformat().replace("+00:00", "Z")
    change = {"field": "happened_at", "value": f'"{when}"', "sealed": None}
    return "bag.amended", {**meant, "changes": [change]}


def random_history(
    seed: int,
    facts: int = 120,
    bags: int = 6,
    corrections: float = 0.12,
    only: tuple[str, ...] = ("",),
    minutes: int = 40,
) -> History:
    """A history of things that may not make sense, out of order, with corrections of corrections.

    `only` narrows it to facts whose names begin so: the same few meet more often; so do they in fewer minutes.
    """
    draw = random.Random(seed)
    history = History()
    names = [f"{din(number)}=E0001V00" for number in range(bags)]
    versions = dict.fromkeys(names, 0)
    for _ in range(facts):
        bag = draw.choice(names)
        if versions[bag] and draw.random() < corrections:
            name, said = _correction(draw, versions[bag] + 1, bag)
        else:
            name, said = draw.choice([each for each in _choices(draw, bag, names) if each[0].startswith(only)])
            said.setdefault("reported", draw.random() < 0.5)
        versions[bag] = history.tell(bag, name, draw.randrange(minutes), **said)
    return history


def large_history(donations: int) -> Iterator[tuple[str, str, float, dict[str, Any]]]:
    """A plain year of a centre: vein to vein, each donation's facts spread over others'."""
    lives = [list(plain_life(number, number * 3.0)) for number in range(donations)]
    told = [(told_at, each) for life in lives for told_at, each in life]
    told.sort(key=lambda each: each[0])
    return (each for _, each in told)


def plain_life(number: int, at: float) -> Iterator[tuple[float, tuple[str, str, float, dict[str, Any]]]]:
    number_din, whole = din(number), f"{din(number)}=E0001V00"
    cells, plasma = f"{number_din}=E0336V00", f"{number_din}=E0701V00"
    common = {"facility": "A9999", "purpose": "allogeneic"}
    yield (
        at,
        (
            number_din,
            "donation.registered",
            at,
            {"donor": f"d{number % 9999}", "kind": "whole_blood", "outcome": "completed", "bags": [whole], **common},
        ),
    )
    yield (
        at,
        (
            whole,
            "bag.collected",
            at,
            {
                "donation": number_din,
                "donor": f"d{number % 9999}",
                "kind": "whole_blood",
                "component": "whole_blood",
                "quantity": units("2"),
                "lots": [{"kind": "container", "id": f"L{number // 500}"}],
                "anticoagulant": "CPDA-1",
                "rule_expires_at": instant(at + 50000),
                "expiry_rule": "whole-35d",
                **common,
            },
        ),
    )
    for marker in ("hbsag", "anti_hcv", "hiv_ag_ab", "syphilis", "alt", "nat_hbv", "nat_hcv", "nat_hiv"):
        yield (
            at + 300,
            (
                number_din,
                "donation.tested",
                at + 300,
                {
                    "marker": marker,
                    "result": "nonreactive",
                    "stage": "initial",
                    "final": True,
                    "reagent_lot": f"R{number // 2000}",
                    "test_run": f"run-{number // 96}",
                },
            ),
        )
    yield at + 310, (number_din, "donation.grouped", at + 310, {"group": "ABO"[number % 3], "rhd": "positive"})
    yield at + 310, (number_din, "donation.concluded", at + 310, {"outcome": "acceptable", "panel": "cn-2026"})
    yield (
        at + 360,
        (
            whole,
            "bag.consumed",
            at + 360,
            {"process": "separate", "process_id": f"p{number}", "children": [cells, plasma]},
        ),
    )
    for child, component, place in ((cells, "suspended_red_cells", "F1"), (plasma, "fresh_frozen_plasma", "Z1")):
        yield (
            at + 360,
            (
                child,
                "bag.prepared",
                at + 360,
                {
                    "process": "separate",
                    "process_id": f"p{number}",
                    "parents": [whole],
                    "component": component,
                    "quantity": units("2"),
                    "operator": f"op{number % 20}",
                    "collected_at": instant(at),
                    "rule_expires_at": instant(at + 50400),
                    "expiry_rule": "x",
                    **common,
                },
            ),
        )
        yield (
            at + 360,
            (
                child,
                "bag.tested",
                at + 360,
                {
                    "donation": number_din,
                    "donation_version": 11,
                    "outcome": "acceptable",
                    "group": "ABO"[number % 3],
                    "rhd": "positive",
                    "panel": "cn-2026",
                },
            ),
        )
        yield at + 400, (child, "bag.inspected", at + 400, {"passed": True})
        yield at + 401, (child, "bag.labelled", at + 401, {"purpose": "allogeneic"})
        yield at + 402, (child, "bag.label_verified", at + 402, {"passed": True})
        yield at + 403, (child, "bag.released", at + 403, {"basis": "full_panel"})
        yield at + 410, (child, "bag.stored", at + 410, {"facility": "A9999", "place": place})
        yield at + 2000, (child, "bag.distributed", at + 2000, {"to": "H0001", "sent_from": "A9999"})
        yield at + 2100, (child, "bag.arrived", at + 2100, {"at": "H0001"})
        yield at + 4000, (child, "bag.crossmatched", at + 4000, {"patient": f"p{number}", "result": "compatible"})
        yield at + 4100, (child, "bag.issued", at + 4100, {"to": "ward", "patient": f"p{number}"})
        yield (
            at + 4200,
            (
                child,
                "bag.transfused",
                at + 4200,
                {"patient": f"p{number}", "hospital": "H0001", "presumed": False, "checkers": ["a", "b"]},
            ),
        )
