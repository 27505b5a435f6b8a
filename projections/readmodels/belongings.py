"""This file holds what belongs to whom: links by which a trace starts from a donor, a patient, a lot."""

from collections.abc import Callable, Iterator
from functools import partial

from projections.decode import Body, Fact
from projections.readmodels import told
from projections.readmodels.database import ReadModel, Row, is_bag
from projections.readmodels.standing import in_business_order

DDL = (
    # source: the stream whose facts tell of the link; happened_at: when, in business time, what makes it happened.
    """CREATE TABLE belongings (
        source TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, stream TEXT NOT NULL, happened_at BIGINT NOT NULL,
        from_position BIGINT NOT NULL, to_position BIGINT NOT NULL,
        PRIMARY KEY (source, kind, key, stream, happened_at, from_position)) {clustered}""",
    "CREATE INDEX belongings_by_key ON belongings (kind, key, happened_at, stream, from_position, to_position)",
)
COLUMNS = ("source", "kind", "key", "stream", "happened_at")
"""By the word of `source`, `stream` belongs to `key`.

Kinds: donor -> DIN, donation -> bag, patient -> bag, sender -> bag, facility -> bag or DIN; container_lot, filter_lot,
additive_lot, reagent_lot, device, operator, process_run, test_run -> bag or DIN; same_donor, same_patient -> pseudonym.
"""

ON_SAMPLE = (("reagent_lot", "reagent_lot"), ("test_run", "test_run"), ("device", "device"))
AT = ("facility", "facility")
OF_PATIENT = ("patient", "patient")
IN_RUN = ("process_run", "process_run")
FIELDS: dict[str, tuple[tuple[str, str], ...]] = {
    "bag.collected": (AT,),
    "bag.prepared": (IN_RUN, AT),
    "bag.received": (("sender", "sent_from"), AT),
    "bag.consumed": (IN_RUN,),
    "bag.crossmatched": (OF_PATIENT,),
    "bag.stored": (AT,),
    "bag.moved": (AT,),
    "bag.found": (AT,),
    "bag.arrived": (("facility", "at"),),
    "bag.issued": (AT, OF_PATIENT),
    "bag.transfused": (("facility", "hospital"), OF_PATIENT),
    "bag.reaction_reported": (OF_PATIENT,),
    "donation.registered": (("donor", "donor"), AT),
    "donation.tested": ON_SAMPLE,
    "donation.grouped": ON_SAMPLE,
}
"""Kinds and fields of each fact that tells: to what such a field says, if anything, the fact's stream belongs."""
Links = Iterator[tuple[str, str, str]]
"""Kind, key, and what belongs to it."""


def _used(fact: Fact, operator: str | None) -> Links:
    """What an origin of a bag used."""
    body, bag = fact.body, fact.stream
    for lot in body["lots"]:
        if lot["id"]:
            yield f"{lot['kind']}_lot", lot["id"], bag
    for device in body["devices"]:
        yield "device", device, bag
    who = operator or body["occasion"]["by"]
    if who:
        yield "operator", who, bag


def _collected(fact: Fact) -> Links:
    yield "donor", fact.body["donor"], fact.body["donation"]
    if fact.stream[:13] != fact.body["donation"]:  # else the bag's name says it
        yield "donation", fact.body["donation"], fact.stream
    yield from _used(fact, fact.body["collector"])


def _prepared(fact: Fact) -> Links:
    yield from _used(fact, fact.body["operator"])


def _registered(fact: Fact) -> Links:
    for bag in fact.body["bags"]:
        if bag[:13] != fact.stream:
            yield "donation", fact.stream, bag


RULES: dict[str, Callable[[Fact], Links]] = {
    "bag.collected": _collected,
    "bag.prepared": _prepared,
    "donation.registered": _registered,
}
"""What a fact tells beyond its fields."""


def _links(fact: Fact) -> list[Row]:
    """The links that a fact tells of; none but those of persons depend on other facts of the stream."""
    name, body, source, at = fact.name, fact.body, fact.stream, fact.happened_at
    found: list[Row] = []
    for kind, field in FIELDS.get(name, ()):
        key = body[field]
        if key:
            found.append((source, kind, key, source, at))
    if name in RULES:
        found += [(source, kind, key, belongs, at) for kind, key, belongs in RULES[name](fact)]
    return found


def links_of(stream: str, facts: list[Fact]) -> set[Row]:
    """The links that facts of one stream tell of."""
    if _is_person(stream):
        return _merges(stream, facts)
    return {link for fact in facts for link in _links(fact)}


def _merges(stream: str, facts: list[Fact]) -> set[Row]:
    """Who a donor or patient is the same person as; a merge undone counts from when it was undone."""
    noun, _, name = stream.partition(":")
    others: dict[str, Body] = {}
    for _, fact in in_business_order(facts):
        if fact.name.endswith(".merged"):
            others[fact.body["other"]] = fact.body
        elif fact.name.endswith(".unmerged"):
            others.pop(fact.body["other"], None)
    pairs = [(name, other, said) for other, said in others.items()]
    pairs += [(other, name, said) for other, said in others.items()]
    return {(stream, f"same_{noun}", one, another, said["happened_at"]) for one, another, said in pairs}


def _is_person(stream: str) -> bool:
    return stream.startswith(("donor:", "patient:")) and not is_bag(stream)


LINKS = told.Told(
    "belongings",
    COLUMNS,
    5,
    frozenset(FIELDS),
    _links,
    links_of,
    lambda stream: True,
)
BELONGINGS = ReadModel("belongings", told.content_of(LINKS), DDL, partial(told.apply, LINKS))
