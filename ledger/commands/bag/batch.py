"""This file holds the short batch: one command for one bag or for several, all of them or none."""

from collections.abc import Iterable

from ledger.commands.command import BagId, Command, check_bag, check_one_or_several
from ledger.commands.malformed import Malformed
from ledger.domain import Bag
from ledger.store.workspace import Workspace


class OneBag(Command, kw_only=True):
    """A command about one bag."""

    bag: BagId

    def check(self) -> None:
        check_bag(self.bag)

    def streams(self) -> Iterable[str]:
        return (self.bag,)


class SeveralBags(Command, kw_only=True):
    """A command about one bag (`bag`) or several (`bags`); recorded for all of them or for none."""

    bag: BagId | None = None
    bags: list[BagId] = []

    def check(self) -> None:
        check_one_or_several(self.bag, self.bags, "bag", check_bag, _both, _twice)

    def names(self) -> list[str]:
        return [self.bag] if self.bag is not None else self.bags

    def streams(self) -> Iterable[str]:
        return self.names()

    def each(self, ws: Workspace) -> list[Bag]:
        return ws.bags(self.names())


def _both() -> Malformed:
    return Malformed("bag_and_bags", "bags", "give either bag or bags", "bag 与 bags 只能给出其一")


def _twice() -> Malformed:
    return Malformed("bag_named_twice", "bags", "a bag is named twice", "同一血袋出现两次")


def first_heard(ws: Workspace, bag: Bag, fact: str) -> None:
    """Say that a bag was first heard of in an observation, when nothing at all was known of it."""
    if bag.version == 0:
        ws.record(bag, Bag.Reported, by_fact=fact)
