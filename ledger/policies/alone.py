"""This file holds what stands alone: facts from which nothing follows but what is judged of the bags they are about.

Most of what happens touches nothing else, and need not be looked for. Whatever is not sure to stand alone goes the long
way, `ledger.policies.settle`, which comes to the same: tests hold one against the other.
"""

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any

from ledger.domain import Bag, Donation, Fact
from ledger.domain.bag.facts import BagFacts
from ledger.domain.donation import BAD_RESULTS
from ledger.policies.closure import same_donor
from ledger.policies.donations import born_with_panels
from ledger.policies.holds import under_a_hold, uses_what_is_held
from ledger.policies.nonconformities import settle_bag
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


def settled_alone(ws: Workspace, facts: list[Fact]) -> bool:
    """Whether all that follows from these facts, those of the command at work, is settled now."""
    if not all(_stands_alone(ws, fact) for fact in facts):
        return False
    for fact in facts:
        if type(fact) in (Bag.Prepared, Bag.Labelled):
            born_with_panels(ws, ws.bag(fact.originator_id))
    for fact in sorted((each for each in facts if _is_judged(each)), key=attrgetter("originator_id")):
        by_donations = type(fact) in JUDGED_BY_OTHERS
        settle_bag(ws, ws.bag(fact.originator_id), donations=by_donations, relatives=not by_donations)
    return True


def _is_judged(fact: Fact) -> bool:
    """Whether others may say something against it: donations against a release, a label against what it was put on."""
    return type(fact) in JUDGED_BY_OTHERS or (isinstance(fact, Bag.Consumed) and fact.process == "label")


def _stands_alone(ws: Workspace, fact: Fact) -> bool:
    """Whether nothing follows from a fact but what is judged of its own bag."""
    if type(fact) in QUIET or type(fact) in JUDGED_BY_OTHERS:
        return _is_quiet(ws.bag(fact.originator_id))
    alone = ALONE.get(type(fact))
    return alone is not None and alone(ws, fact)


def _is_quiet(bag: Bag) -> bool:
    """Whether no hold, notice, break or correction concerns a bag."""
    concerned = bag.holds or bag.notices or bag.hold_causes() or bag.breaks or bag.open_nonconformities
    return bag.known and not bag.corrections and not concerned


def _more_results_to_come(ws: Workspace, fact: Donation.Tested) -> bool:
    """Whether a good result, from a sample no hold is about, leaves the panel as open as it was and always had been."""
    donation = ws.donation(fact.originator_id)
    if fact.result in BAD_RESULTS or donation.concluded is not None or donation.corrections:
        return False
    if uses_what_is_held(ws, fact):
        return False
    panel = ws.panel_of(donation)
    if panel is None:
        return False
    return (panel.group and not donation.groupings) or any(marker not in donation.results for marker in panel.markers)


# -- where bags come from --------------------------------------------------------------------------------


def _first_of_its_bag(ws: Workspace, fact: Bag.Collected) -> bool:
    """Whether a collection is the first and only thing heard of a bag, and of its donation nothing but who gave it."""
    bag = ws.bag(fact.originator_id)
    alone = bag.version == 1 and fact.donation == bag.din and not under_a_hold(ws, bag.attributes)
    return alone and _only_begun(ws, ws.donation(fact.donation))


def _first_of_its_donation(ws: Workspace, fact: Donation.Registered) -> bool:
    """Whether a donation is registered with its first bags, and nothing was heard of either before."""
    din = fact.originator_id
    bags = (ws.bag(link.stream) for link in ws.linked("donation", [din]))
    return all(bag.id in ws.touched and bag.version == 1 for bag in bags) and _only_begun(ws, ws.donation(din))


def _only_begun(ws: Workspace, donation: Donation) -> bool:
    """Whether one registration is all that is known of a donation, its panel is open, and nobody's hold is about it."""
    if donation.version != 1 or len(donation.registrations) != 1:
        return False
    panel = ws.panel_of(donation)
    if panel is not None and not panel.markers and not panel.group:
        return False  # it has nothing to wait for
    held = ws.has_hold("donation", donation.id)
    return not held and not any(ws.has_hold("donor", each) for each in same_donor(ws, donation.donors[0]))


def _used_up_by_us(ws: Workspace, fact: Bag.Consumed) -> bool:
    """Whether this process is the only thing that was done to a bag, and we did it.

    Then nothing is made from nothing, as was seen to when it was decided; a label is put on undecided.
    """
    bag = ws.bag(fact.originator_id)
    ours = not fact.occasion.reported and _is_quiet(bag)
    only = bag.children.keys() == set(fact.children) and not bag.readings and not bag.modifications
    told_once = fact.process != "label" or (len(bag.origins) == 1 and bag.released is None)
    return ours and only and told_once and not under_a_hold(ws, bag.attributes)


def _made_by_us(ws: Workspace, fact: Bag.Prepared) -> bool:
    """Whether a bag is new, from a donation that a bag it was made of is from too; what holds one holds the other."""
    return _is_new_from(ws, fact, fact.parents)


def _labelled_by_us(ws: Workspace, fact: Bag.Labelled) -> bool:
    """Whether a container of the same donation becomes a bag of which nothing was heard."""
    return fact.container is not None and _is_new_from(ws, fact, (fact.container,))


def _is_new_from(ws: Workspace, fact: Fact, parents: Iterable[str]) -> bool:
    bag = ws.bag(fact.originator_id)
    ours = not fact.occasion.reported and bag.version == 1 and not bag.breaks
    return ours and all(name[:13] == bag.din for name in parents) and not under_a_hold(ws, bag.attributes)


ALONE: dict[type[Fact], Callable[[Workspace, Any], bool]] = {
    Donation.Tested: _more_results_to_come,
    Donation.Registered: _first_of_its_donation,
    Bag.Collected: _first_of_its_bag,
    Bag.Consumed: _used_up_by_us,
    Bag.Prepared: _made_by_us,
    Bag.Labelled: _labelled_by_us,
}
"""Of facts that seldom stand alone, whether one does."""
