"""This file holds what the facts of a bag add up to for the read side: a second opinion on the write side.

It shares no code with the domain: it reads decoded facts, judges no rule, and counts holds and
nonconformities as they were written. A test holds both opinions against each other.
"""

from projections.decode import Fact
from projections.readmodels.bag_consequences import COUNTED, FOLDED
from projections.readmodels.bag_state import BagFold
from projections.readmodels.standing import Key, in_business_order, place_of


def taken_in(bag: BagFold, fact: Fact) -> bool:
    """Fold one more fact in if it comes last in business order; False, untouched, when it does not."""
    count = COUNTED.get(fact.name)
    if count is not None:
        count(bag, fact)
    else:
        last = bag.last
        if last is None or last[0] < fact.happened_at:
            bag.decisions = 0
            key = place_of(fact, 0)
        else:
            key = place_of(fact, bag.decisions if last[0] == fact.happened_at else 0)
            if key < last:
                return False
        _take(bag, key, fact)
    bag.version, bag.position = fact.version, fact.position
    return True


def _take(bag: BagFold, key: Key, fact: Fact) -> None:
    """Fold a fact in at its place; `decisions` counts those of the instant that is being folded."""
    if key[2]:
        bag.decisions += 1
    bag.last = key
    consequence = FOLDED.get(fact.name)
    if consequence is not None:
        consequence(bag, fact)


def folded(facts: list[Fact], version: int, position: int) -> BagFold:
    """The fold from the beginning, over standing facts as heard; version and position of the last one."""
    bag = BagFold(version=version, position=position)
    timed = []
    for fact in facts:
        count = COUNTED.get(fact.name)
        if count is None:
            timed.append(fact)
        else:
            count(bag, fact)
    for key, fact in in_business_order(timed):
        if bag.last is not None and bag.last[0] != key[0]:
            bag.decisions = 0
        _take(bag, key, fact)
    return bag
