"""This file holds what a bag takes over from those it was made from, also when they become known only later."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from ledger.domain import Bag, Fact
from ledger.domain.catalogue import RuleExpiry
from ledger.policies.closure import is_made_of_itself
from ledger.store.workspace import Workspace, on_clock


class Inherited(NamedTuple):
    """What a process hands down."""

    group: str | None
    rhd: str | None
    purpose: str
    intended_for: str | None
    collected_at: datetime | None
    rule_expires_at: datetime | None
    expiry_rule: str | None


class Relabelled(NamedTuple):
    """What a labelled container hands down."""

    volume_ml: Any
    purpose: str
    intended_for: str | None
    collected_at: datetime | None
    rule_expires_at: datetime | None
    expiry_rule: str | None


def inherited(
    ws: Workspace, process: str, component: str, parents: Sequence[Bag], at: datetime, solution: str | None
) -> Inherited:
    """The declared group when all agree, the tightest binding, the earliest collection, expiry by the process's rule.

    The tested group is not handed down here: it reaches the bag with its donation's panel.
    """
    collected = [parent.collected_at for parent in parents if parent.collected_at is not None]
    collected_at = min(collected, default=None)
    expiries = tuple(RuleExpiry(parent.expires_as_of(at), parent.expiry.rule) for parent in parents)
    expiry = ws.catalogue.expiry(component, process, at, collected_at, expiries, solution)
    groups = {parent.declared_group for parent in parents}
    group, rhd = groups.pop() if len(groups) == 1 else (None, None)
    bound = next((parent for parent in parents if parent.purpose != "allogeneic"), None)
    return Inherited(
        group,
        rhd,
        bound.purpose if bound is not None else "allogeneic",
        bound.intended_for if bound is not None else None,
        collected_at,
        expiry.at,
        expiry.rule,
    )


def from_container(source: Bag) -> Relabelled:
    """What labelling takes over unchanged."""
    return Relabelled(
        source.volume_ml,
        source.purpose,
        source.intended_for,
        source.collected_at,
        source.expiry.rule_at,
        source.expiry.rule,
    )


def set_by_rules(ws: Workspace, fact: Fact) -> dict[str, Any]:
    """The fields of an origin that the site's rules set, for the rest of its fields as they are now."""
    at = on_clock(fact.timestamp, fact.occasion)
    if isinstance(fact, Bag.Collected):
        began = fact.ended_at or fact.started_at or fact.timestamp
        expiry = ws.catalogue.expiry(fact.component, "collect", at, began, solution=fact.anticoagulant)
    elif isinstance(fact, Bag.Received):
        expiry = ws.catalogue.expiry(fact.component, "receive", at, fact.collected_at)
    elif isinstance(fact, Bag.Prepared):
        parents = ws.bags(list(fact.parents))
        handed_down = inherited(ws, fact.process, fact.component, parents, at, fact.solution)
        expiry = RuleExpiry(handed_down.rule_expires_at, handed_down.expiry_rule)
    else:
        return {}
    return {"rule_expires_at": expiry.at, "expiry_rule": expiry.rule}


def complete_children(ws: Workspace, changed: Sequence[Bag]) -> list[Bag]:
    """Say again how bags were made when what they were made from has become known only now.

    Only for what was observed or reported: our own decision was made on what was known, and stands. A bag that bad data
    made its own ancestor is not told again: each telling would make the next one true, for ever.
    """
    completed: list[Bag] = []
    todo = list(changed)
    examined: set[str] = set()  # a pool of ten thousand is looked at once, not once for each of its members
    while todo:
        bag = todo.pop()
        for child in ws.bags([name for name in bag.children if name not in examined]):
            examined.add(child.id)
            origin = child.origins[0] if child.origins else None
            told = _told_again(ws, child, origin)
            if origin is not None and told and not is_made_of_itself(ws, child):
                ws.record(child, type(origin), caused_by=bag.facts[-1].ref, happened_at=origin.timestamp, **told)
                completed.append(child)
                todo.append(child)
                examined.difference_update(child.children)
    return completed


def _told_again(ws: Workspace, child: Bag, origin: Any) -> dict[str, Any]:
    """The making of a bag as it must be told now; empty when nothing is new.

    What was said of it at first stays; what was taken over from its parents is taken over again.
    """
    if isinstance(origin, Bag.Prepared):
        first: Any = _first_telling(child, origin)
        if not (first.occasion.reported or ws.correcting):
            return {}  # our own decision was made on what was known; only a correction changes that
        parents = ws.bags(list(first.parents))
        at = on_clock(first.timestamp, first.occasion)
        new: dict[str, Any] = inherited(ws, first.process, first.component, parents, at, first.solution)._asdict()
        new["facility"] = first.facility or parents[0].made_at
    elif isinstance(origin, Bag.Labelled) and origin.container is not None:
        first = _first_telling(child, origin)
        source = ws.bag(origin.container)
        new = from_container(source)._asdict()
        now = {
            "component": source.component,
            "quantity": source.quantity,
            "group": source.declared_group[0],
            "rhd": source.declared_group[1],
            "facility": source.made_at,
            "label_expires_at": source.expiry.label_at,
        }
        new.update((name, _said_or_taken(first, name, value, source)) for name, value in now.items())
    else:
        return {}
    if all(getattr(origin, name) == value for name, value in new.items()):
        return {}
    header = ("originator_id", "originator_version", "timestamp", "occasion", "caused_by")
    told = {name: value for name, value in vars(origin).items() if name not in header} | new
    if isinstance(first, Bag.Prepared):  # whoever made this known only now did not make the bag
        told["operator"] = first.operator or first.occasion.by or None
    return told


def _said_or_taken(first: Any, name: str, now: Any, source: Bag) -> Any:
    """What the label itself said; else what the container has, though another may have claimed its number since.

    What any claimant of the container says was taken over from it, and not said by the label.
    """
    said = getattr(first, name)
    taken = said is None or any(getattr(origin, name, None) == said for origin in source.origins)
    return now if taken else said


def _first_telling(child: Bag, origin: Any) -> Any:
    """The fact in which the making was first told, which later tellings complete."""
    tellings: list[Any] = [fact for fact in child.standing() if type(fact) is type(origin)]
    return next(fact for fact in tellings if fact.process_id == origin.process_id)


def complete_modifications(ws: Workspace, bag: Bag) -> None:
    """Say again how long a modified bag lasts when only now it is known what it holds; the shortest telling counts."""
    if not _was_retold(bag):
        return
    tellings = [fact for fact in bag.standing() if isinstance(fact, Bag.Modified)]
    for first in [each for each in tellings if each.caused_by is None and each.occasion.reported]:
        expiry = modified_expiry(ws, bag, first.method, on_clock(first.timestamp, first.occasion))
        told = {each.rule_expires_at for each in tellings if each.timestamp == first.timestamp}
        if expiry.at is not None and expiry.at not in told:
            ws.record(
                bag,
                Bag.Modified,
                caused_by=bag.facts[-1].ref,
                happened_at=first.timestamp,
                method=first.method,
                rule_expires_at=expiry.at,
                expiry_rule=expiry.rule,
            )


def complete_readings(ws: Workspace, bag: Bag) -> None:
    """Judge temperatures again by the storage rule of what the bag is now known to hold."""
    for fact in list(bag.readings.values()):
        at = on_clock(fact.timestamp, fact.occasion)
        within = ws.catalogue.in_range(bag.component, fact.celsius_min, fact.celsius_max, at)
        if within != fact.within_rule and bag.known:
            ws.record(
                bag,
                Bag.TemperatureBreached,
                caused_by=bag.facts[-1].ref,
                happened_at=fact.timestamp,
                celsius_min=fact.celsius_min,
                celsius_max=fact.celsius_max,
                minutes=fact.minutes,
                device=fact.device,
                within_rule=within,
            )


def take_back_tellings(ws: Workspace, bag: Bag) -> None:
    """Annul what was only told again of a modification or a reading that stands no more, or reads otherwise now."""
    if not _was_retold(bag):
        return
    stands = list(bag.standing())
    said = {_observed(fact) for fact in stands if fact.caused_by is None}
    for fact in stands:
        if type(fact) in RETOLD and fact.caused_by is not None and _observed(fact) not in said:
            ws.removing = True
            ws.record(bag, Bag.Annulled, caused_by=bag.facts[-1].ref, target_version=fact.originator_version)


RETOLD: frozenset[type[Fact]] = frozenset({Bag.Modified, Bag.TemperatureBreached})
"""Facts that are told again when more is known of what the bag holds."""


def _was_retold(bag: Bag) -> bool:
    """Whether there is anything that may have been told again."""
    return any(type(fact) in RETOLD for fact in bag.facts)


def _observed(fact: Fact) -> tuple[Any, ...]:
    """What a modification or reading says was seen, without what the site's rules make of it."""
    if isinstance(fact, Bag.Modified):
        return (fact.timestamp, fact.method)
    if isinstance(fact, Bag.TemperatureBreached):
        return (fact.timestamp, fact.celsius_min, fact.celsius_max, fact.minutes, fact.device)
    return ()


def modified_expiry(ws: Workspace, bag: Bag, method: str, at: datetime, component: str | None = None) -> RuleExpiry:
    """The second, shorter expiry of a bag that was thawed, warmed or opened without a new label."""
    own = (RuleExpiry(bag.expiry.at, bag.expiry.rule),)
    process = "thaw" if method == "thaw" else "wash"
    return ws.catalogue.expiry(component or bag.component, process, at, bag.collected_at, own)
