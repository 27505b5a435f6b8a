"""This file holds which facts fall together: one fact of a process takes the others with it when it is annulled."""

from typing import Any

from ledger.domain import Bag, Correction, Donation, Donor, Fact, LedgerAggregate, Recipient
from ledger.policies.closure import bags_of_donations
from ledger.store.workspace import Workspace


def take_back_the_rest(ws: Workspace) -> None:
    """When a correction that came before its target takes one fact of a new process back, take back the others."""
    for fact in ws.own_facts:
        aggregate = ws.touched[fact.originator_id]
        if not aggregate.corrections or isinstance(fact, Correction):
            continue
        if aggregate.fact_at(fact.originator_version) is not None:
            continue
        for stream, version in taken_back_with(ws, fact):
            ws.removing = True
            other = stream_of(ws, stream)
            annulled: type[Fact] = other.Annulled  # type: ignore[attr-defined]
            ws.record(other, annulled, caused_by=fact.ref, target_version=version)


def stream_of(ws: Workspace, name: str) -> LedgerAggregate:
    """The aggregate of a stream, by its name."""
    kind, _, rest = name.partition(":")
    if kind == "hold":
        scope_kind, _, scope_id = rest.partition(":")
        return ws.hold(scope_kind, scope_id)
    if kind == "donor":
        return ws.donor(rest)
    if kind == "patient":
        return ws.recipient(rest)
    return ws.donation(name) if len(name) == 13 else ws.bag(name)


def taken_back_with(ws: Workspace, target: Fact) -> list[tuple[str, int]]:
    """The other standing facts that fall with one: those of its process, or the corrections said with it."""
    if isinstance(target, Bag.Collected):
        return _registration(ws, target)
    aggregate = stream_of(ws, target.originator_id)
    first = target
    while isinstance(first, Correction):
        version = getattr(first, "target_version", None)
        if version is None:
            return []
        first = aggregate.facts[version - 1]
    process_id: str = getattr(first, "process_id", None) or ""
    if not process_id and not isinstance(first, Bag.Collected):
        return []
    found = []
    streams = [first.donation] if isinstance(first, Bag.Collected) else _streams_of_process(ws, first, process_id)
    for name in streams:
        for fact in list(stream_of(ws, name).standing()):
            together = (
                fact.occasion.request_sha256 == target.occasion.request_sha256
                and type(fact).__name__ == type(target).__name__
                if isinstance(target, Correction)
                else getattr(fact, "process_id", None) == process_id
            )
            if together and fact.ref != target.ref:
                found.append(fact.ref)
    return [(ref.stream, ref.version) for ref in found]


def _streams_of_process(ws: Workspace, first: Fact, process_id: str) -> list[str]:
    """Every stream a process wrote to, found from one of its facts."""
    streams: dict[str, None] = {}
    todo = [first.originator_id]
    while todo:
        name = todo.pop()
        if name in streams:
            continue
        streams[name] = None
        for fact in stream_of(ws, name).facts:
            if getattr(fact, "process_id", None) == process_id:
                todo += _touched_by(fact)
    return list(streams)


def said_with(ws: Workspace, fact: Fact) -> list[Fact]:
    """The registration said with a collection, or the collection said with a registration."""
    if isinstance(fact, Bag.Collected):
        found: list[Fact] = list(ws.donation(fact.donation).registrations)
    elif isinstance(fact, Donation.Registered):
        bags = bags_of_donations(ws, [fact.originator_id])
        found = [origin for bag in bags for origin in bag.origins if isinstance(origin, Bag.Collected)]
    else:
        return []
    return [other for other in found if other.occasion.request_sha256 == fact.occasion.request_sha256]


def _registration(ws: Workspace, collected: Bag.Collected) -> list[tuple[str, int]]:
    """The registration said with a collection, unless another bag of that donation was collected too."""
    donation = ws.donation(collected.donation)
    others = [
        origin
        for bag in bags_of_donations(ws, [donation.id])
        for origin in bag.origins
        if isinstance(origin, Bag.Collected) and origin.ref != collected.ref and origin.donor == collected.donor
    ]
    if others:
        return []
    return [(donation.id, fact.originator_version) for fact in said_with(ws, collected)]


def _touched_by(fact: Any) -> list[str]:
    """The streams a fact of a process names."""
    if isinstance(fact, (Donor.Merged, Donor.Unmerged)):
        return [f"donor:{fact.other}"]
    if isinstance(fact, (Recipient.Merged, Recipient.Unmerged)):
        return [f"patient:{fact.other}"]
    container = getattr(fact, "container", None)
    return [
        *getattr(fact, "parents", ()),
        *getattr(fact, "children", ()),
        *([container] if container else []),
    ]
