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

Found = Iterator[tuple[str, str, str]]


def _used(fact: Fact, operator: str | None) -> Found:
    """What an origin of a bag used."""
    body, bag = fact.body, fact.stream
    if body["facility"]:
        yield "facility", body["facility"], bag
    for lot in body["lots"]:
        if lot["id"]:
            yield f"{lot['kind']}_lot", lot["id"], bag
    for device in body["devices"]:
        yield "device", device, bag
    who = operator or body["occasion"]["by"]
    if who:
        yield "operator", who, bag


def _collected(fact: Fact) -> Found:
    yield "donor", fact.body["donor"], fact.body["donation"]
    if fact.stream[:13] != fact.body["donation"]:  # else the bag's name says it
        yield "donation", fact.body["donation"], fact.stream
    yield from _used(fact, fact.body["collector"])


def _prepared(fact: Fact) -> Found:
    yield from _run(fact)
    yield from _used(fact, fact.body["operator"])


def _received(fact: Fact) -> Found:
    yield "sender", fact.body["sent_from"], fact.stream
    yield from _at(fact)


def _at(fact: Fact) -> Found:
    if fact.body["facility"]:
        yield "facility", fact.body["facility"], fact.stream


def _arrived(fact: Fact) -> Found:
    yield "facility", fact.body["at"], fact.stream


def _issued(fact: Fact) -> Found:
    yield from _at(fact)
    yield from _of_patient(fact)


def _transfused(fact: Fact) -> Found:
    if fact.body["hospital"]:
        yield "facility", fact.body["hospital"], fact.stream
    yield from _of_patient(fact)


def _run(fact: Fact) -> Found:
    if fact.body["process_run"]:
        yield "process_run", fact.body["process_run"], fact.stream


def _of_patient(fact: Fact) -> Found:
    if fact.body["patient"]:
        yield "patient", fact.body["patient"], fact.stream


def _registered(fact: Fact) -> Found:
    yield "donor", fact.body["donor"], fact.stream
    if fact.body["facility"]:
        yield "facility", fact.body["facility"], fact.stream
    for bag in fact.body["bags"]:
        if bag[:13] != fact.stream:
            yield "donation", fact.stream, bag


def _on_sample(fact: Fact) -> Found:
    for kind in ("reagent_lot", "test_run", "device"):
        if fact.body[kind]:
            yield kind, fact.body[kind], fact.stream


RULES: dict[str, Callable[[Fact], Found]] = {
    "bag.collected": _collected,
    "bag.prepared": _prepared,
    "bag.received": _received,
    "bag.consumed": _run,
    "bag.crossmatched": _of_patient,
    "bag.stored": _at,
    "bag.moved": _at,
    "bag.found": _at,
    "bag.arrived": _arrived,
    "bag.issued": _issued,
    "bag.transfused": _transfused,
    "bag.reaction_reported": _of_patient,
    "donation.registered": _registered,
    "donation.tested": _on_sample,
    "donation.grouped": _on_sample,
}


def links_of(stream: str, facts: list[Fact]) -> set[Row]:
    """The links that facts of one stream tell of."""
    if _is_person(stream):
        return _merges(stream, facts)
    found: set[Row] = set()
    for fact in facts:
        rule = RULES.get(fact.name)
        if rule is not None:
            found.update((stream, kind, key, belongs, fact.happened_at) for kind, key, belongs in rule(fact))
    return found


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
    tuple(RULES),
    links_of,
    lambda stream: True,
)
BELONGINGS = ReadModel("belongings", told.content_of(LINKS), DDL, partial(told.apply, LINKS))
