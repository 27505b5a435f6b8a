"""This file holds the order in which the policies settle what follows from one command."""

from ledger.domain import Bag, Donation, Donor, Fact
from ledger.domain.bag.facts import BagFacts
from ledger.domain.donation import BAD_RESULTS
from ledger.policies.closure import bags_of_donations, descendants, donations_of_donor
from ledger.policies.donations import carry_panel, settle_donations
from ledger.policies.holds import OF_A_SAMPLE, settle_holds
from ledger.policies.inheritance import complete_children, complete_modifications, complete_readings, take_back_tellings
from ledger.policies.nonconformities import settle_bag
from ledger.policies.notices import settle_notices
from ledger.policies.processes import take_back_the_rest
from ledger.store.workspace import Workspace

STRUCTURAL: frozenset[type[Fact]] = frozenset(
    {
        Bag.Collected,
        Bag.Prepared,
        Bag.Received,
        Bag.Labelled,
        Bag.Consumed,
        Bag.Modified,
        Bag.Amended,
        Bag.Annulled,
    }
)
"""Facts that change where a bag came from or what it was made with."""


JUDGED_BY_OTHERS: frozenset[type[Fact]] = frozenset({Bag.Released, Bag.ReleaseRevoked})
"""Facts whose lawfulness depends on more than the bag's own stream: donations and donors."""


QUIET = (
    frozenset(each for each in vars(BagFacts).values() if isinstance(each, type) and issubclass(each, Fact))
    - STRUCTURAL
    - JUDGED_BY_OTHERS
    - {Bag.Held, Bag.HoldLifted, Bag.Tested, Bag.TemperatureBreached}
)
"""Facts from which nothing follows on a bag that no hold, notice, break or correction concerns."""


def settle(ws: Workspace) -> None:
    """Record everything that follows from the facts of the command at work."""
    if not _settled_alone(ws, ws.own_facts):
        _settle(ws)


def _settled_alone(ws: Workspace, facts: list[Fact]) -> bool:
    """Whether all that follows from these facts is settled: most of what happens touches nothing else."""
    if not all(_stands_alone(ws, fact) for fact in facts):
        return False
    for name in sorted(fact.originator_id for fact in facts if type(fact) in JUDGED_BY_OTHERS):
        settle_bag(ws, ws.bag(name), related=True)
    return True


def _stands_alone(ws: Workspace, fact: Fact) -> bool:
    """Whether nothing follows from a fact but what is judged of its own bag."""
    if isinstance(fact, Donation.Tested):
        return _more_results_to_come(ws, fact)
    return (type(fact) in QUIET or type(fact) in JUDGED_BY_OTHERS) and _is_quiet(ws.bag(fact.originator_id))


def _is_quiet(bag: Bag) -> bool:
    """Whether no hold, notice, break or correction concerns a bag."""
    concerned = bag.holds or bag.notices or bag.hold_causes() or bag.breaks or bag.open_nonconformities
    return bag.known and not bag.corrections and not concerned


def _more_results_to_come(ws: Workspace, fact: Donation.Tested) -> bool:
    """Whether a good result, from a sample no hold is about, leaves the panel as open as it was and always had been."""
    donation = ws.donation(fact.originator_id)
    if fact.result in BAD_RESULTS or donation.concluded is not None or donation.corrections:
        return False
    if ws.any_holds and any(ws.has_hold(kind, getattr(fact, kind)) for kind in OF_A_SAMPLE):
        return False
    panel = ws.panel_of(donation)
    if panel is None:
        return False
    return (panel.group and not donation.groupings) or any(marker not in donation.results for marker in panel.markers)


def _settle(ws: Workspace) -> None:
    take_back_the_rest(ws)
    changed = _structurally_changed(ws)
    changed += complete_children(ws, changed)
    for bag in changed:
        take_back_tellings(ws, bag)
        complete_modifications(ws, bag)
        complete_readings(ws, bag)
    panels = settle_donations(ws)
    for bag in changed:
        _born_with_panels(ws, bag)
    held = settle_holds(ws, changed)
    related = (
        panels | _released_of_donations(ws) | _neighbours(changed) | _released_of_deferred(ws) | _judged_by_others(ws)
    )
    dirty = related | held | {name for name, each in ws.touched.items() if isinstance(each, Bag)}
    bags = ws.bags(sorted(dirty))
    for bag in bags:
        settle_notices(ws, bag)
    for bag in bags:
        settle_bag(ws, bag, related=bag.id in related or ws.removing)


def _structurally_changed(ws: Workspace) -> list[Bag]:
    found: dict[str, Bag] = {}
    for fact in ws.own_facts:
        name = fact.originator_id
        if type(fact) in STRUCTURAL or (fact.originator_version == 1 and fact.TOPIC.startswith("bag.")):
            found[name] = ws.bag(name)
    return list(found.values())


def _born_with_panels(ws: Workspace, bag: Bag) -> None:
    """A bag made or heard of after its donation's results is told of them."""
    dins = {din for parent in ws.bags(list(bag.parents)) for din in parent.panels}
    if not bag.parents:
        dins.add(bag.din)
    ws.fetch(dins)
    for din in sorted(dins):
        donation: Donation = ws.donation(din)
        if donation.version and carry_panel(ws, donation, bag):
            for child in list(descendants(ws, [bag]).values())[1:]:
                carry_panel(ws, donation, child)


def _judged_by_others(ws: Workspace) -> set[str]:
    return {fact.originator_id for fact in ws.own_facts if type(fact) in JUDGED_BY_OTHERS}


def _neighbours(changed: list[Bag]) -> set[str]:
    """What changed, its parents and children: their account of quantities may change with it."""
    return {name for bag in changed for name in (bag.id, *bag.parents, *bag.children)}


def _released_of_donations(ws: Workspace) -> set[str]:
    """Released bags of donations of which something new is known: it may speak against the release."""
    dins = [name for name, each in ws.touched.items() if isinstance(each, Donation)]
    if not dins:
        return set()
    reached = descendants(ws, bags_of_donations(ws, dins))
    return {name for name, bag in reached.items() if bag.released is not None}


def _released_of_deferred(ws: Workspace) -> set[str]:
    """Bags of a donor whose deferrals changed: a release may turn out to have been against them."""
    donors = [each for each in ws.touched.values() if isinstance(each, Donor) and each.deferrals]
    dins = [din for donor in donors for din in donations_of_donor(ws, donor.id.partition(":")[2])]
    return set(descendants(ws, bags_of_donations(ws, dins))) if dins else set()
