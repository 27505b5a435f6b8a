"""This file holds how holds spread: from a bag or scope to every bag it reaches, and away again when lifted."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from ledger.domain import Bag, Donation, Donor, Fact, Hold
from ledger.domain.bag.parts import Attribute
from ledger.domain.values import Ref
from ledger.policies.closure import ancestors, bags_of_donations, descendants, donations_of_donor, same_donor
from ledger.store.workspace import Workspace

OF_A_SAMPLE = frozenset({"reagent_lot", "test_run", "device"})
"""Scopes that a donation's samples may belong to."""

SAID_OF_A_PANEL = (Donation.Concluded, Donation.NonconformityRaised, Donation.NonconformityWithdrawn)
"""Facts of a donation that say what others come to."""


class Standing(NamedTuple):
    """A hold that stands on a bag, and the fact that placed it."""

    cause: str
    scope_kind: str
    scope_id: str
    placed_at: datetime
    placed_by: Ref


Standings = dict[str, Standing]
"""Holds that stand, by name."""


@lru_cache(maxsize=1024)
def origin_of(name: str) -> Ref:
    """The fact that a hold is named after; a recall asks the same of thousands of bags."""
    stream, _, version = name.rpartition("@")
    return Ref(stream, int(version))


def uses_what_is_held(ws: Workspace, result: Donation.Tested | Donation.Grouped) -> bool:
    """Whether a hold was ever placed on what a result was had with."""
    return ws.any_holds and any(ws.has_hold(kind, getattr(result, kind)) for kind in OF_A_SAMPLE)


def under_a_hold(ws: Workspace, attributes: Sequence[Attribute]) -> bool:
    """Whether a hold was ever placed on any of the lots, devices, operators and runs that a bag was made with."""
    return ws.any_holds and any(ws.has_hold(each.kind, each.id) for each in attributes)


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
    origin = origin_of(name)
    if origin.stream.startswith("hold:"):
        hold = bag.holds[name]
        lifted = ws.hold(hold.scope_kind, hold.scope_id).lifted.get(origin.version)
        if lifted is not None:
            return lifted.ref
    return origin


def _spread(ws: Workspace, start: dict[str, Bag]) -> set[str]:
    """Walk downwards from the bags given, layer by layer, until nothing changes any more."""
    changed: set[str] = set()
    sources = _Sources(ws)
    layer = list(start.values())
    first = True
    while layer:
        following: dict[str, None] = {}
        ws.fetch(name for bag in layer for name in bag.parents)
        sources.fetch(layer)
        for bag in layer:
            if _bring_up_to_date(ws, bag, sources):
                changed.add(bag.id)
                following.update(dict.fromkeys(bag.children))
            elif first and bag.open_holds:
                following.update(dict.fromkeys(bag.children))
        first = False
        layer = ws.bags(list(following))
    return changed


def _bring_up_to_date(ws: Workspace, bag: Bag, sources: "_Sources") -> bool:
    standing = _standing(ws, bag, sources)
    missing, gone = standing.keys() - bag.open_holds, bag.open_holds - standing.keys()
    for name in sorted(missing):
        hold = standing[name]
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
    for name in sorted(gone):
        _lift(ws, bag, name, _why_gone(ws, bag, name))
    return bool(missing or gone)


def _why_gone(ws: Workspace, bag: Bag, name: str) -> str:
    """Why a hold no longer stands on a bag: a decision lifted it, its cause was taken back, or the tie was."""
    stream, version = origin_of(name)
    hold = bag.holds[name]
    if not stream.startswith("hold:"):
        source = ws.bag(stream).holds.get(name)
        return "unlinked" if source is not None and source.open else "lifted" if source else "annulled"
    scope = ws.hold(hold.scope_kind, hold.scope_id)
    if version in scope.placings:
        return "unlinked"
    lifted = scope.lifted.get(version)
    return lifted.why if lifted is not None else "annulled"


def _standing(ws: Workspace, bag: Bag, sources: "_Sources") -> Standings:
    """Every hold that stands on a bag: its own, those of its scopes, and those of its parents."""
    if ws.removing:
        found: Standings = {}
        for each in ancestors(ws, bag).values():
            found.update(sources.of(each))
        return found
    found = sources.of(bag)
    for parent in map(ws.bag, bag.parents):
        for name in parent.open_holds:
            if name not in found:
                found[name] = _as_standing(parent, name)
    return found


def _as_standing(bag: Bag, name: str) -> Standing:
    hold = bag.holds[name]
    return Standing(hold.cause, hold.scope_kind, hold.scope_id, hold.placed_at, origin_of(name))


class _Sources:
    """Where holds begin, while they spread: only bags change meanwhile, so a donation is asked once for all of its."""

    def __init__(self, ws: Workspace) -> None:
        self._ws = ws
        self._of_donations: dict[tuple[str, datetime | None], Standings] = {}

    def fetch(self, bags: Sequence[Bag]) -> None:
        """Load what these bags will be asked about, in few queries: their donations, and the donors of those."""
        if self._ws.any_holds:
            dins = list(dict.fromkeys(bag.din for bag in bags if (bag.din, bag.collected_at) not in self._of_donations))
            self._ws.fetch(dins)
            self._ws.fetch({f"donor:{donor}": None for din in dins for donor in self._ws.donation(din).donors})

    def of(self, bag: Bag) -> Standings:
        """The holds that begin at this bag: its own and those of the scopes it belongs to."""
        own: Standings = {}
        if bag.open_holds:
            prefix = f"{bag.id}@"
            own = {name: _as_standing(bag, name) for name in bag.open_holds if name.startswith(prefix)}
        if not self._ws.any_holds:
            return own
        for kind, scope_id, at in bag.attributes:
            if self._ws.has_hold(kind, scope_id):
                own.update(self._of_scope(kind, scope_id, at))
        about = (bag.din, bag.collected_at)
        of_donation = self._of_donations.get(about)
        if of_donation is None:
            of_donation = self._of_donations[about] = self._of_donation(*about)
        return {**own, **of_donation} if of_donation else own

    def _of_donation(self, din: str, collected_at: datetime | None) -> Standings:
        """The holds on a donation, on what its samples belong to, and on its donors."""
        donation = self._ws.donation(din)
        given_at = donation.registered.timestamp if donation.registered is not None else collected_at
        scopes: list[tuple[str, str, datetime | None]] = [("donation", din, collected_at), *donation.attributes]
        scopes += [("donor", each, given_at) for donor in donation.donors for each in same_donor(self._ws, donor)]
        found: Standings = {}
        for kind, scope_id, at in scopes:
            if self._ws.has_hold(kind, scope_id):
                found.update(self._of_scope(kind, scope_id, at))
        return found

    def _of_scope(self, kind: str, scope_id: str, at: datetime | None) -> Iterator[tuple[str, Standing]]:
        hold = self._ws.hold(kind, scope_id)
        for placed in hold.open_for(at):
            ref = placed.ref
            yield f"{ref.stream}@{ref.version}", Standing(placed.cause, kind, scope_id, placed.timestamp, ref)


def _reached_by_scopes(ws: Workspace) -> Iterator[Bag]:
    """Bags in the scopes of holds touched by this command, and of donations or donors that changed."""
    for aggregate in list(ws.touched.values()):
        if isinstance(aggregate, Hold):
            _, kind, scope_id = aggregate.id.split(":", 2)
            yield from bags_in_scope(ws, kind, scope_id)
        elif isinstance(aggregate, Donor) and aggregate.facts and _regrouped(ws):
            dins = [din for name in _pseudonyms(aggregate) for din in donations_of_donor(ws, name)]
            yield from bags_of_donations(ws, list(dict.fromkeys(dins)))
    tied = dict.fromkeys(fact.originator_id for fact in ws.own_facts if _ties_to_a_hold(ws, fact))
    if tied:
        yield from bags_of_donations(ws, list(tied))


def _ties_to_a_hold(ws: Workspace, fact: Fact) -> bool:
    """Whether a fact of a donation may bring it into the scope of a hold, or out of it."""
    if isinstance(fact, (Donation.Tested, Donation.Grouped)):
        return uses_what_is_held(ws, fact)
    return isinstance(ws.touched[fact.originator_id], Donation) and not isinstance(fact, SAID_OF_A_PANEL)


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
