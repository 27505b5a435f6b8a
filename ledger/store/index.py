"""This file holds the write-side index: which streams a fact ties to a donor, donation, lot, device, operator or run.

It is part of the commit, so that a hold finds what exists; it can be made again from the facts.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

from ledger.domain import Bag, Donation, Fact, Hold
from ledger.store.port import Link
from schemas.binary import micros

microseconds = micros
"""An instant as whole microseconds since 1970-01-01 UTC, for those who have no business with encodings."""


def links_of(fact: Fact) -> list[Link]:
    """The rows of the index that follow from one fact."""
    rule = _RULES.get(type(fact))
    links = list(rule(fact)) if rule is not None else []
    if fact.originator_version == 1 and fact.TOPIC.startswith("bag."):
        at = microseconds(fact.timestamp)
        links.append(Link("donation", fact.originator_id[:13], fact.originator_id, at))
    return links


def _collected(fact: Any) -> Iterator[Link]:
    yield Link("donor", fact.donor, fact.donation, microseconds(fact.timestamp))
    yield from _used(fact, fact.collector)


def _prepared(fact: Any) -> Iterator[Link]:
    at = microseconds(fact.timestamp)
    if fact.process_run:
        yield Link("process_run", fact.process_run, fact.originator_id, at)
    yield from _used(fact, fact.operator)


def _consumed(fact: Any) -> Iterator[Link]:
    if fact.process_run:
        yield Link("process_run", fact.process_run, fact.originator_id, microseconds(fact.timestamp))


def _used(fact: Any, operator: str | None) -> Iterator[Link]:
    at = microseconds(fact.timestamp)
    for lot in fact.lots:
        yield Link(f"{lot.kind}_lot", lot.id, fact.originator_id, at)
    for device in fact.devices:
        yield Link("device", device, fact.originator_id, at)
    if operator or fact.occasion.by:
        yield Link("operator", operator or fact.occasion.by, fact.originator_id, at)


def _registered(fact: Any) -> Iterator[Link]:
    yield Link("donor", fact.donor, fact.originator_id, microseconds(fact.timestamp))


def _on_sample(fact: Any) -> Iterator[Link]:
    at = microseconds(fact.timestamp)
    for kind, name in (
        ("reagent_lot", fact.reagent_lot),
        ("test_run", fact.test_run),
        ("device", fact.device),
    ):
        if name:
            yield Link(kind, name, fact.originator_id, at)


def _placed(fact: Any) -> Iterator[Link]:
    yield Link("hold", f"{fact.scope_kind}:{fact.scope_id}", fact.originator_id, microseconds(fact.timestamp))


_AMENDED = {
    "collector": "operator",
    "operator": "operator",
    "process_run": "process_run",
    "reagent_lot": "reagent_lot",
    "test_run": "test_run",
    "device": "device",
    "donor": "donor",
}
"""Which kind of link an amended field makes."""


def _amended(fact: Any) -> Iterator[Link]:
    """The new values of an amendment are found as well as the old: whoever asks looks at what stands."""
    at = microseconds(fact.timestamp)
    for change in fact.changes:
        value = json.loads(change.value) if change.value is not None else None
        if change.field in _AMENDED and value:
            stream = fact.originator_id[:13] if change.field == "donor" else fact.originator_id
            yield Link(_AMENDED[change.field], value, stream, at)
        elif change.field == "lots":
            yield from (Link(f"{lot['kind']}_lot", lot["id"], fact.originator_id, at) for lot in value or ())
        elif change.field == "devices":
            yield from (Link("device", device, fact.originator_id, at) for device in value or ())


_RULES: dict[type[Fact], Callable[[Any], Iterator[Link]]] = {
    Bag.Collected: _collected,
    Bag.Prepared: _prepared,
    Bag.Consumed: _consumed,
    Donation.Registered: _registered,
    Donation.Tested: _on_sample,
    Donation.Grouped: _on_sample,
    Hold.Placed: _placed,
    Bag.Amended: _amended,
    Donation.Amended: _amended,
}
