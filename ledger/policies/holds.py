"""This file holds how holds spread: from a bag or scope to every bag it reaches, and away again when lifted."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from ledger.domain import Bag, Donation, Donor, Hold
from ledger.domain.values import Ref
from ledger.policies.closure import ancestors, bags_of_donations, descendants, donations_of_donor, same_donor
from ledger.store.workspace import Workspace

OF_A_SAMPLE = frozenset({"reagent_lot", "test_run", "device"})
"""Scopes that a donation's samples may belong to."""


class Standing(NamedTuple):
    """A hold that stands on a bag, and the fact that placed it."""

    cause: str
    scope_kind: str
    scope_id: str
    placed_at: datetime
    placed_by: Ref


def settle_holds(ws: Workspace, changed: Iterable[Bag]) -> set[str]:
    """Bring every bag concerned to the holds that stand on it. Returns the bags whose holds changed.

    `changed` are bags that are new, or whose parents, lots, devices or operator are.
    """
    changed = list(changed)
    moved = {fact.originator_id for fact in ws.own_facts if isinstance(fact, (Bag.Held, Bag.HoldLifted))}
    moved |= {bag.id for bag in list(ws.touched.values()) if isinstance(bag, Bag) and settle_own(ws, bag)}
    start = {bag.id: bag for bag in changed}
    start.update((name, ws.bag(name)) for name in sorted(moved))
    if ws.any_holds:
        start.update((bag.id, bag) for bag in _reached_by_scopes(ws))
    if ws.removing:
        start = descendants(ws, start.values())
    elif not ws.any_holds and not any(bag.open_holds or _inherits(ws, bag) for bag in start.values()):
        return moved
    return moved | _spread(ws, start)


def _inherits(ws: Workspace, bag: Bag) -> bool:
    return any(parent.open_holds for parent in ws.bags(list(bag.parents)))


def settle_own(ws: Workspace, bag: Bag) -> bool:
    """Holds that the bag's own stream places: a return, a breach, a failed check, a taken name, a culture."""
    wanted = {f"{bag.id}@{cause.version}": cause for cause in bag.hold_causes()}
    before = ws.recorded
    for name, cause in wanted.items():
        if name not in bag.holds:
            ws.record(
                bag,
                Bag.Held,
                caused_by=Ref(bag.id, cause.version),
                hold=name,
                cause=cause.cause,
                scope_kind="bag",
                scope_id=bag.id,
                placed_at=cause.at,
            )
    placed_by_hand = {f"{bag.id}@{version}" for version in bag.held_by_hand}
    for name in [name for name in sorted(bag.open_holds) if name.startswith(f"{bag.id}@")]:
        if name not in wanted and name not in placed_by_hand:
            _lift(ws, bag, name, "annulled")
            ws.removing = True
    return ws.recorded > before


def _lift(ws: Workspace, bag: Bag, name: str, why: str) -> None:
    hold = bag.holds[name]
    ws.record(
        bag,
        Bag.HoldLifted,
        caused_by=_why_lifted(ws, bag, name),
        hold=name,
        cause=hold.cause,
        scope_kind=hold.scope_kind,
        scope_id=hold.scope_id,
        why=why,
    )


def _why_lifted(ws: Workspace, bag: Bag, name: str) -> Ref:
    """The lifting of a scope's hold; else what placed the hold."""
    stream, _, version = name.rpartition("@")
    if stream.startswith("hold:"):
        hold = bag.holds[name]
        lifted = ws.hold(hold.scope_kind, hold.scope_id).lifted.get(int(version))
        if lifted is not None:
            return lifted.ref
    return Ref(stream, int(version))


def _spread(ws: Workspace, start: dict[str, Bag]) -> set[str]:
    """Walk downwards from the bags given, layer by layer, until nothing changes any more."""
    changed: set[str] = set()
    layer = list(start.values())
    first = True
    while layer:
        following: dict[str, None] = {}
        ws.fetch(name for bag in layer for name in bag.parents)
        for bag in layer:
            if _bring_up_to_date(ws, bag):
                changed.add(bag.id)
                following.update(dict.fromkeys(bag.children))
            elif first and bag.open_holds:
                following.update(dict.fromkeys(bag.children))
        first = False
        layer = ws.bags(list(following))
    return changed


def _bring_up_to_date(ws: Workspace, bag: Bag) -> bool:
    standing = _standing(ws, bag)
    before = ws.recorded
    for name, hold in sorted(standing.items()):
        if name not in bag.open_holds:
            ws.record(
                bag,
                Bag.Held,
                caused_by=hold.placed_by,
                hold=name,
                cause=hold.cause,
                scope_kind=hold.scope_kind,
                scope_id=hold.scope_id,
                placed_at=hold.placed_at,
            )
    for name in sorted(bag.open_holds - standing.keys()):
        _lift(ws, bag, name, _why_gone(ws, bag, name))
    return ws.recorded > before


def _why_gone(ws: Workspace, bag: Bag, name: str) -> str:
    """Why a hold no longer stands on a bag: a decision lifted it, its cause was taken back, or the tie was."""
    stream, _, version = name.rpartition("@")
    hold = bag.holds[name]
    if not stream.startswith("hold:"):
        source = ws.bag(stream).holds.get(name)
        return "unlinked" if source is not None and source.open else "lifted" if source else "annulled"
    scope = ws.hold(hold.scope_kind, hold.scope_id)
    if int(version) in scope.placings:
        return "unlinked"
    lifted = scope.lifted.get(int(version))
    return lifted.why if lifted is not None else "annulled"


def _standing(ws: Workspace, bag: Bag) -> dict[str, Standing]:
    """Every hold that stands on a bag: its own, those of its scopes, and those of its parents."""
    if ws.removing:
        found: dict[str, Standing] = {}
        for each in ancestors(ws, bag).values():
            found.update(_sourced(ws, each))
        return found
    found = _sourced(ws, bag)
    for parent in ws.bags(list(bag.parents)):
        for name in parent.open_holds:
            if name not in found:
                found[name] = _as_standing(parent, name)
    return found


def _as_standing(bag: Bag, name: str) -> Standing:
    hold = bag.holds[name]
    stream, _, version = name.rpartition("@")
    return Standing(hold.cause, hold.scope_kind, hold.scope_id, hold.placed_at, Ref(stream, int(version)))


def _sourced(ws: Workspace, bag: Bag) -> dict[str, Standing]:
    """The holds that begin at this bag: its own and those of the scopes it belongs to."""
    own = {name: _as_standing(bag, name) for name in bag.open_holds if name.startswith(f"{bag.id}@")}
    if not ws.any_holds:
        return own
    for kind, scope_id, at in _scopes(ws, bag):
        if ws.has_hold(kind, scope_id):
            hold = ws.hold(kind, scope_id)
            for placed in hold.open_for(at):
                own[f"{hold.id}@{placed.originator_version}"] = Standing(
                    placed.cause, kind, scope_id, placed.timestamp, placed.ref
                )
    return own


def _scopes(ws: Workspace, bag: Bag) -> Iterator[tuple[str, str, datetime | None]]:
    """Everything a standing hold may name that this bag belongs to, with the time of it."""
    for attribute in bag.attributes:
        yield attribute
    yield ("donation", bag.din, bag.collected_at)
    donation = ws.donation(bag.din)
    for attribute in donation.attributes:
        yield attribute
    given_at = donation.registered.timestamp if donation.registered is not None else bag.collected_at
    for donor in donation.donors:
        for pseudonym in same_donor(ws, donor):
            yield ("donor", pseudonym, given_at)


def _reached_by_scopes(ws: Workspace) -> Iterator[Bag]:
    """Bags in the scopes of holds touched by this command, and of donations or donors that changed."""
    for aggregate in list(ws.touched.values()):
        if isinstance(aggregate, Hold):
            _, kind, scope_id = aggregate.id.split(":", 2)
            yield from bags_in_scope(ws, kind, scope_id)
        elif isinstance(aggregate, Donor) and aggregate.facts and _regrouped(ws):
            dins = [din for name in _pseudonyms(aggregate) for din in donations_of_donor(ws, name)]
            yield from bags_of_donations(ws, list(dict.fromkeys(dins)))
    dins = [name for name, each in ws.touched.items() if isinstance(each, Donation)]
    if dins:
        yield from bags_of_donations(ws, dins)


def _pseudonyms(donor: Donor) -> list[str]:
    named = [fact.other for fact in donor.facts if isinstance(fact, Donor.Merged)]
    return [donor.id.partition(":")[2], *named]


def _regrouped(ws: Workspace) -> bool:
    return ws.removing or any(isinstance(fact, Donor.Merged) for fact in ws.own_facts)


def bags_in_scope(ws: Workspace, kind: str, scope_id: str) -> list[Bag]:
    """The bags a scope names directly; their descendants follow from lineage."""
    if kind == "donation":
        return bags_of_donations(ws, [scope_id])
    if kind == "donor":
        return bags_of_donations(ws, donations_of_donor(ws, scope_id))
    streams = [link.stream for link in ws.linked(kind, [scope_id])]
    direct = ws.bags([name for name in streams if len(name) > 13])
    dins = [name for name in streams if len(name) == 13]
    return direct + (bags_of_donations(ws, dins) if dins else [])
