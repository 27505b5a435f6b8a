"""This file holds the order in which the policies settle what follows from one command."""

from ledger.domain import Bag, Donation, Donor
from ledger.policies.alone import JUDGED_BY_OTHERS, STRUCTURAL, settled_alone
from ledger.policies.closure import bags_of_donations, descendants, donations_of_donor
from ledger.policies.donations import born_with_panels, settle_donations
from ledger.policies.holds import settle_holds
from ledger.policies.inheritance import complete_children, complete_modifications, complete_readings, take_back_tellings
from ledger.policies.nonconformities import settle_bag
from ledger.policies.notices import settle_notices
from ledger.policies.processes import take_back_the_rest
from ledger.store.workspace import Workspace


def settle(ws: Workspace) -> None:
    """Record everything that follows from the facts of the command at work."""
    if not settled_alone(ws, ws.own_facts):
        _settle(ws)


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
        born_with_panels(ws, bag)
    held = settle_holds(ws, changed)
    relatives = _neighbours(changed)
    donations = panels | _released_of_donations(ws) | relatives | _released_of_deferred(ws) | _judged_by_others(ws)
    dirty = donations | held | {name for name, each in ws.touched.items() if isinstance(each, Bag)}
    bags = ws.bags(sorted(dirty))
    for bag in bags:
        settle_notices(ws, bag)
    for bag in bags:
        of_donations, of_relatives = bag.id in donations, bag.id in relatives
        settle_bag(ws, bag, donations=of_donations or ws.removing, relatives=of_relatives or ws.removing)


def _structurally_changed(ws: Workspace) -> list[Bag]:
    found: dict[str, Bag] = {}
    for fact in ws.own_facts:
        name = fact.originator_id
        if type(fact) in STRUCTURAL or (fact.originator_version == 1 and fact.TOPIC.startswith("bag.")):
            found[name] = ws.bag(name)
    return list(found.values())


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
