"""This file holds what follows on a donation: its conclusion, the holds its results place, and its history."""

from collections.abc import Sequence
from datetime import datetime

from ledger.domain import Bag, Correction, Donation, Donor, Fact, Hold
from ledger.domain.bag import Break
from ledger.domain.donation import Conclusion
from ledger.domain.hold import hold_stream
from ledger.domain.values import Ref
from ledger.policies.closure import bags_of_donations, descendants, donations_of_donor
from ledger.policies.nonconformities import adjust
from ledger.store.workspace import Groups, Workspace

Causes = set[tuple[str, Ref, datetime]]
"""What should hold a donation: cause, the fact behind it, and the business time since when."""

_CHANGE_GROUP: frozenset[type[Fact]] = frozenset(
    {Donation.Grouped, Donation.Registered, Donation.Amended, Donation.Annulled}
)


OF_DONATION = hold_stream("donation", "")
"""How the streams of holds on donations begin."""


def settle_donations(ws: Workspace) -> set[str]:
    """Conclusions and holds of every donation concerned. Returns the bags whose panel changed."""
    reached: set[str] = set()
    concerned = _concerned(ws)
    regrouped = any(type(fact) in _CHANGE_GROUP for fact in ws.own_facts)
    for donation in concerned:
        disagreeing = _disagreement(ws, donation)
        _place_holds(ws, donation, disagreeing)
        reached |= _conclude(ws, donation, regrouped)
        _raise_and_withdraw(ws, donation, disagreeing)
    for donor in _self_excluded(ws):
        _self_exclusions(ws, donor)
    return reached


def _self_excluded(ws: Workspace) -> list[Donor]:
    """Donors touched, and those whose self-exclusion placed a hold that was corrected."""
    names: dict[str, None] = {}
    for aggregate in ws.touched.values():
        if isinstance(aggregate, Donor):
            names[aggregate.id] = None
        elif isinstance(aggregate, Hold) and aggregate.corrections:
            sources = [fact.caused_by.stream for fact in aggregate.facts if fact.caused_by is not None]
            names.update(dict.fromkeys(name for name in sources if name.startswith("donor:")))
    donors = [ws.donor(name.partition(":")[2]) for name in names]
    return [donor for donor in donors if any(isinstance(fact, Donor.SelfExcluded) for fact in donor.facts)]


def _concerned(ws: Workspace) -> list[Donation]:
    """Donations touched, those of bags just collected, and the others of the same donors when a group is new."""
    names = dict.fromkeys(din for fact in ws.own_facts for din in _named_by(ws, fact))
    for aggregate in list(ws.touched.values()):
        if isinstance(aggregate, Donation):
            names[aggregate.id] = None
            names.update(dict.fromkeys(_compared_with(ws, aggregate)))
    ws.fetch(names)
    donations = [ws.donation(din) for din in names]
    return [donation for donation in donations if donation.version or donation.id in ws.touched]


def _compared_with(ws: Workspace, donation: Donation) -> list[str]:
    """Donations of the same donors of which this command may change whether their groups agree with this one's.

    A typing that is new changes nothing for a donation whose own it does not contradict; one that was corrected may.
    """
    facts = ws.own_facts
    corrected = ws.removing or any(isinstance(fact, Correction) for fact in facts)
    if not (corrected or (donation.groupings and any(type(fact) in _CHANGE_GROUP for fact in facts))):
        return []
    dins = _dins_of_donors(ws, donation)
    if corrected:
        return dins
    return _contradicting(ws, donation.groups, dins)


def _dins_of_donors(ws: Workspace, donation: Donation) -> list[str]:
    """The donations, this one too, of every donor its number was claimed for."""
    return [din for donor in donation.donors for din in donations_of_donor(ws, donor)]


def _contradicting(ws: Workspace, groups: Groups, dins: Sequence[str]) -> list[str]:
    """Those of these donations that were ever typed as something that contradicts one of these groups."""
    others = ws.groups_of(dins)
    return [din for din in dins if any(_differ(one, other) for one in groups for other in others[din])]


def _named_by(ws: Workspace, fact: Fact) -> list[str]:
    """The donations a fact of another stream speaks of."""
    if isinstance(fact, Bag.Collected):
        return [fact.donation]
    if isinstance(fact, (Bag.Amended, Bag.Annulled)):
        return [fact.originator_id[:13]]
    if isinstance(fact, (Hold.Amended, Hold.Annulled)) and fact.originator_id.startswith(OF_DONATION):
        return [fact.originator_id[len(OF_DONATION) :]]  # what its results placed stands, whoever took it back
    if isinstance(fact, (Donor.Merged, Donor.Unmerged, Donor.Amended, Donor.Annulled)):
        pseudonyms = _ever_merged(ws, fact.originator_id.partition(":")[2])
        return [din for name in pseudonyms for din in donations_of_donor(ws, name)]
    return []


def _ever_merged(ws: Workspace, pseudonym: str) -> list[str]:
    """A donor and whoever was ever said to be the same person, whether or not that stands."""
    merges = (fact for fact in ws.donor(pseudonym).facts if isinstance(fact, (Donor.Merged, Donor.Unmerged)))
    return list(dict.fromkeys([pseudonym, *(fact.other for fact in merges)]))


def _disagreement(ws: Workspace, donation: Donation) -> datetime | None:
    """Since when the typing disagrees with the donor's history or with the group declared at collection.

    A disagreement begins with the later of the two: what was done before it was done in good faith.
    """
    if not donation.groupings or donation.group_disputed:
        return None
    first, group = donation.groupings[0], donation.group
    dins = _contradicting(ws, donation.groups, _dins_of_donors(ws, donation))
    ws.fetch(dins)
    others = [typing for din in dins if din != donation.id for typing in ws.donation(din).groupings]
    since = [max(first.timestamp, each.timestamp) for each in others if _differ(group, (each.group, each.rhd))]
    bags = bags_of_donations(ws, [donation.id])
    if any(not bag.parents and _differ(group, bag.declared_group) for bag in bags):
        since.append(first.timestamp)
    return min(since, default=None)


def _differ(one: tuple[str | None, str | None], other: tuple[str | None, str | None]) -> bool:
    """Whether two typings contradict each other where both say something."""
    return any(a is not None and b is not None and a != b for a, b in zip(one, other, strict=True))


def _place_holds(ws: Workspace, donation: Donation, disagreeing: datetime | None) -> None:
    wanted: Causes = {(cause, fact.ref, fact.timestamp) for cause, fact in donation.hold_causes()}
    if disagreeing is not None:
        wanted.add(("disputed_group", donation.groupings[0].ref, disagreeing))
    if wanted or ws.has_hold("donation", donation.id):
        hold = ws.hold("donation", donation.id)
        _adjust(ws, hold, wanted, donation.id)


def _self_exclusions(ws: Workspace, donor: Donor) -> None:
    """A self-exclusion holds the donation it names, or all of the donor's."""
    standing = {fact.ref: fact for fact in donor.exclusions}
    by_scope: dict[tuple[str, str], Causes] = {}
    for stored in donor.facts:
        if isinstance(stored, Donor.SelfExcluded):
            scope = ("donation", stored.donation) if stored.donation else ("donor", donor.id[6:])
            wanted = by_scope.setdefault(scope, set())
            if stored.ref in standing:
                wanted.add(("self_exclusion", stored.ref, standing[stored.ref].timestamp))
    for (kind, scope_id), wanted in by_scope.items():
        _adjust(ws, ws.hold(kind, scope_id), wanted, donor.id, kind, scope_id)


def _adjust(ws: Workspace, hold: Hold, wanted: Causes, source: str, kind: str = "donation", scope_id: str = "") -> None:
    """Place what is wanted and not placed, take back what this source placed and no longer wants.

    What a person lifted stays lifted.
    """
    placed: dict[tuple[str, Ref, datetime], int] = {}
    for fact in hold.standing():
        if isinstance(fact, Hold.Placed) and fact.caused_by is not None and fact.caused_by.stream == source:
            lifted = hold.lifted.get(fact.originator_version)
            if lifted is None or lifted.why == "lifted":
                placed[(fact.cause, fact.caused_by, fact.timestamp)] = fact.originator_version
    for key, version in placed.items():
        if key not in wanted and version in hold.placings:
            ws.removing = True
            ws.record(
                hold,
                Hold.Lifted,
                caused_by=_last_ref(ws),
                placed_version=version,
                cause=key[0],
                why="annulled",
            )
    for cause, ref, since in sorted(wanted - placed.keys()):
        ws.record(
            hold,
            Hold.Placed,
            caused_by=ref,
            happened_at=since,
            cause=cause,
            scope_kind=kind,
            scope_id=scope_id or source,
        )


def _last_ref(ws: Workspace) -> Ref:
    return ws.facts[-1].ref


def _conclude(ws: Workspace, donation: Donation, regrouped: bool) -> set[str]:
    """Record what the panel comes to when that changed, and carry it to every bag of the donation.

    `regrouped`: the command may have changed a group, which bags are told of though the panel comes to the same.
    """
    last = donation.concluded
    now = _comes_to(ws, donation, last.panel if last is not None else "")
    was = (last.outcome, last.panel, last.concluded_at, last.group, last.rhd) if last is not None else None
    if was != now[:5] and (last is not None or now.outcome != "pending"):
        ws.record(
            donation,
            Donation.Concluded,
            caused_by=_last_ref(ws),
            outcome=now.outcome,
            panel=now.panel,
            concluded_at=now.concluded_at,
            group=now.group,
            rhd=now.rhd,
        )
    elif not regrouped:
        return set()
    reached = descendants(ws, bags_of_donations(ws, [donation.id]))
    return {bag.id for bag in reached.values() if carry_panel(ws, donation, bag)}


def _comes_to(ws: Workspace, donation: Donation, told: str) -> Conclusion:
    """What the panel comes to; nothing, and no group, of a donation that is not registered, or no longer is.

    `told`: the panel that was named when something was told before.
    """
    panel = ws.panel_of(donation)
    return Conclusion("pending", told, None, None, None) if panel is None else donation.conclusion(panel)


def carry_panel(ws: Workspace, donation: Donation, bag: Bag) -> bool:
    """Tell a bag what its donation's panel or group came to, unless it knows."""
    known = bag.panels.get(donation.id)
    now = _comes_to(ws, donation, (known.panel if known is not None else None) or "")
    said = (known.outcome, known.concluded_at, known.group, known.rhd) if known is not None else None
    group = (now.group, now.rhd)
    if known is None and now.outcome == "pending" and (now.group is None or bag.declared_group == group):
        return False
    if said == (now.outcome, now.concluded_at, *group):
        return False
    ws.record(
        bag,
        Bag.Tested,
        caused_by=Ref(donation.id, donation.version),
        donation=donation.id,
        donation_version=donation.version,
        outcome=now.outcome,
        panel=now.panel,
        concluded_at=now.concluded_at,
        group=now.group,
        rhd=now.rhd,
    )
    return True


def born_with_panels(ws: Workspace, bag: Bag) -> None:
    """A bag made or heard of after its donation's results is told of them."""
    dins = {din for parent in ws.bags(list(bag.parents)) for din in parent.panels}
    if not bag.parents:
        dins.add(bag.din)
    ws.fetch(dins)
    for din in sorted(dins):
        donation = ws.donation(din)
        if donation.version and carry_panel(ws, donation, bag):
            for child in list(descendants(ws, [bag]).values())[1:]:
                carry_panel(ws, donation, child)


def _raise_and_withdraw(ws: Workspace, donation: Donation, disagreeing: datetime | None) -> None:
    breaks = donation.own_breaks()
    if disagreeing is not None:
        breaks.append(Break("group_disagrees_with_history", None))
    adjust(ws, donation, breaks)
