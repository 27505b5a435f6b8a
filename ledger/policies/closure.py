"""This file holds the walks over lineage on the write side: ancestors, descendants, donations of a bag."""

from collections.abc import Iterable

from ledger.domain import Bag
from ledger.store.workspace import Workspace


def _walk(ws: Workspace, start: Iterable[Bag], upwards: bool) -> dict[str, Bag]:
    """Everything reached, the start included; layer by layer, so that each layer is one query. Ends on cycles."""
    reached = {bag.id: bag for bag in start}
    layer = list(reached.values())
    while layer:
        names = [name for bag in layer for name in (bag.parents if upwards else bag.children) if name not in reached]
        layer = ws.bags(list(dict.fromkeys(names)))
        reached.update((bag.id, bag) for bag in layer)
    return reached


def ancestors(ws: Workspace, bag: Bag) -> dict[str, Bag]:
    """The bag and everything it was made from."""
    return _walk(ws, [bag], upwards=True)


def is_made_of_itself(ws: Workspace, bag: Bag) -> bool:
    """Whether a bag is among its own ancestors, which only bad data makes."""
    return bag.id in _walk(ws, ws.bags(list(bag.parents)), upwards=True)


def descendants(ws: Workspace, bags: Iterable[Bag]) -> dict[str, Bag]:
    """The bags and everything made from them."""
    return _walk(ws, bags, upwards=False)


def donations_of(ws: Workspace, bag: Bag) -> list[str]:
    """The DINs of the donations a bag comes from: those of its ancestors that have no parents.

    Left out are those that came from outside with the sender's named release: that is what is relied on.
    """
    roots = (each for each in ancestors(ws, bag).values() if not each.parents)
    return sorted({root.din for root in roots if not _released_by_sender(root)})


def _released_by_sender(bag: Bag) -> bool:
    return any(isinstance(origin, Bag.Received) and origin.released_by for origin in bag.origins)


def bags_of_donations(ws: Workspace, dins: list[str]) -> list[Bag]:
    """The bags known under these numbers, also those first heard of elsewhere."""
    return ws.bags([link.stream for link in ws.linked("donation", dins)])


def same_donor(ws: Workspace, pseudonym: str) -> list[str]:
    """All pseudonyms of one person, by the merges that stand."""
    found = {pseudonym: None}
    todo = [pseudonym]
    while todo:
        for other in ws.donor(todo.pop()).merged_with:
            if other not in found:
                found[other] = None
                todo.append(other)
    return list(found)


def donations_of_donor(ws: Workspace, pseudonym: str) -> list[str]:
    """The DINs of a person's donations, under all pseudonyms."""
    return [link.stream for link in ws.linked("donor", same_donor(ws, pseudonym))]
