"""This file holds what a bag takes over from those it was made from, also when they become known only later."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from ledger.domain import Bag
from ledger.domain.catalogue import RuleExpiry
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
    """Group when all agree, the tightest binding, the earliest collection, and expiry by the process's rule."""
    collected = [parent.collected_at for parent in parents if parent.collected_at is not None]
    collected_at = min(collected, default=None)
    expiries = tuple(RuleExpiry(parent.expires_at, parent.expiry.rule) for parent in parents)
    expiry = ws.catalogue.expiry(component, process, at, collected_at, expiries, solution)
    groups = {parent.group for parent in parents}
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


def complete_children(ws: Workspace, changed: Sequence[Bag]) -> list[Bag]:
    """Say again how bags were made when what they were made from has become known only now.

    Only for what was observed or reported: our own decision was made on what was known, and stands.
    """
    completed: list[Bag] = []
    todo = list(changed)
    while todo:
        bag = todo.pop()
        for child in ws.bags(list(bag.children)):
            origin = child.origins[0] if child.origins else None
            told = _told_again(ws, child, origin)
            if origin is not None and told:
                ws.record(child, type(origin), caused_by=bag.facts[-1].ref, happened_at=origin.timestamp, **told)
                completed.append(child)
                todo.append(child)
    return completed


def _told_again(ws: Workspace, child: Bag, origin: Any) -> dict[str, Any]:
    """The making of a bag as it must be told now; empty when nothing is new."""
    if isinstance(origin, Bag.Prepared) and origin.occasion.reported:
        parents = ws.bags(list(origin.parents))
        new: dict[str, Any] = inherited(
            ws, origin.process, origin.component, parents, on_clock(origin.timestamp, origin.occasion), origin.solution
        )._asdict()
    elif isinstance(origin, Bag.Labelled) and origin.container is not None:
        source = ws.bag(origin.container)
        new = from_container(source)._asdict()
        new["component"] = origin.component or source.component
        new["quantity"] = origin.quantity or source.quantity
        new["group"], new["rhd"] = origin.group or source.group[0], origin.rhd or source.group[1]
        new["facility"] = origin.facility or source.facility
        new["label_expires_at"] = origin.label_expires_at or source.expiry.label_at
    else:
        return {}
    if all(getattr(origin, name) == value for name, value in new.items()):
        return {}
    header = ("originator_id", "originator_version", "timestamp", "occasion", "caused_by")
    return {name: value for name, value in vars(origin).items() if name not in header} | new
