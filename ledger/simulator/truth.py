"""This file holds the physical truth of a world: which donor's blood is in which container, where it is and in whom.

A world tells it what happens as it happens, and afterwards holds a ledger's answers against it. It knows containers,
people and things, and nothing of facts, holds or statuses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from decimal import Decimal
from typing import Any, NamedTuple

NEVER = 1 << 62
"""A time after all others. Unit: microseconds."""
DIN_LENGTH = 13
"""So many characters of a container's number name its donation."""

Making = tuple[str, tuple[str, ...]]
"""A process, and what went in."""
Shelf = tuple[str, str, str | None, str | None, str]
"""Facility, component, group, RhD, measure."""
_NONE: tuple[str | None, str | None] = (None, None)


def thousandths(amount: str | Decimal) -> int:
    """An amount as the truth counts it. Errors: ValueError when there are more than three decimals."""
    found = Decimal(amount) * 1000
    if found != int(found):
        raise ValueError(f"{amount} has more than three decimals")
    return int(found)


class Output(NamedTuple):
    """What comes out of a process. Unit: `amount` in thousandths of the measure."""

    bag: str
    component: str
    amount: int
    measure: str


class _Container:
    """One container. `where`: the facility on whose shelf it lies, None while it lies on none."""

    __slots__ = ("amount", "component", "group", "measure", "over", "rhd", "where")

    def __init__(
        self, where: str | None, component: str, amount: int, measure: str, group: tuple[str | None, str | None]
    ) -> None:
        self.where, self.component, self.amount, self.measure = where, component, amount, measure
        self.group, self.rhd = group
        self.over = False


class Picture:
    """The physical world at one moment, and the answers it gives; sets of bags are named as the ledger names them."""

    def __init__(self) -> None:
        self._containers: dict[str, _Container] = {}
        self._made: dict[str, tuple[Making, ...]] = {}
        self._children: dict[str, list[str]] = {}
        self._donations: dict[str, list[str]] = {}
        self._donors: dict[str, list[str]] = {}
        self._given: dict[str, list[str]] = {}
        self._touched: dict[str, list[str]] = {}
        self._same: dict[str, list[str]] = {}
        self._ends: dict[str, str] = {}
        self._labels: dict[str, None] = {}
        self._numbers: dict[str, list[str]] | None = None

    # -- what happens -----------------------------------------------------------------------------

    def _donates(self, din: str, donor: str, touched: tuple[str, ...]) -> None:
        self._donations.setdefault(donor, []).append(din)
        self._donors.setdefault(din, []).append(donor)
        self._touches(din, touched)

    def _fills(
        self,
        out: Output,
        where: str | None,
        group: tuple[str | None, str | None],
        touched: tuple[str, ...],
    ) -> None:
        container = _Container(where, out.component, out.amount, out.measure, group)
        container.over = out.bag in self._children or out.bag in self._ends or out.bag in self._given
        self._containers[out.bag] = container
        self._touches(out.bag, touched)

    def _makes(
        self,
        process: str,
        inputs: tuple[str, ...],
        outputs: tuple[Output, ...],
        where: str | None,
        touched: tuple[str, ...],
    ) -> None:
        making: Making = (process, inputs)
        groups = {(each.group, each.rhd) if (each := self._containers.get(bag)) else _NONE for bag in inputs}
        where = where or next((each.where for bag in inputs if (each := self._containers.get(bag))), None)
        for bag in inputs:
            self._children.setdefault(bag, []).extend(out.bag for out in outputs)
            self._is_over(bag)
        for out in outputs:
            before = self._made.get(out.bag)
            self._made[out.bag] = (making,) if before is None else (*before, making)
            self._fills(out, where, groups.pop() if len(groups) == 1 else _NONE, touched)
            groups = {(self._containers[out.bag].group, self._containers[out.bag].rhd)}

    def _bears(self, bag: str) -> None:
        self._labels[bag] = None

    def _touches(self, what: str, things: tuple[str, ...]) -> None:
        for thing in things:
            self._touched.setdefault(thing, []).append(what)

    def _moves(self, bag: str, where: str | None) -> None:
        container = self._containers.get(bag)
        if container is not None:
            container.where = where

    def _gives(self, bag: str, patient: str) -> None:
        self._given.setdefault(bag, []).append(patient)
        self._is_over(bag)

    def _ended(self, bag: str, how: str) -> None:
        self._ends.setdefault(bag, how)
        self._is_over(bag)

    def _is_over(self, bag: str) -> None:
        container = self._containers.get(bag)
        if container is not None:
            container.over = True

    def _joins(self, noun: str, one: str, other: str) -> None:
        self._same.setdefault(f"{noun}:{one}", []).append(f"{noun}:{other}")
        self._same.setdefault(f"{noun}:{other}", []).append(f"{noun}:{one}")

    def _parts(self, noun: str, one: str, other: str) -> None:
        for here, there in ((one, other), (other, one)):
            self._same[f"{noun}:{here}"] = [
                each for each in self._same.get(f"{noun}:{here}", []) if each != f"{noun}:{there}"
            ]

    # -- where it all is --------------------------------------------------------------------------

    def on_the_shelves(self) -> dict[Shelf, tuple[int, int]]:
        """What lies on each shelf. Shape: bags, and thousandths of the measure."""
        found: dict[Shelf, tuple[int, int]] = {}
        for each in self._containers.values():
            if each.over or each.where is None:
                continue
            shelf = (each.where, each.component, each.group, each.rhd, each.measure)
            bags, amount = found.get(shelf, (0, 0))
            found[shelf] = (bags + 1, amount + each.amount)
        return found

    def bags(self) -> Iterator[str]:
        """Every container that was ever filled, used ones included."""
        return iter(self._containers)

    def held(self, bag: str) -> tuple[str, int, str]:
        """What a container was filled with. Shape: component, thousandths, measure. Errors: KeyError."""
        found = self._containers[bag]
        return found.component, found.amount, found.measure

    def where(self, bag: str) -> str | None:
        """The facility on whose shelf a bag lies; None when it lies on none."""
        found = self._containers.get(bag)
        return None if found is None or found.over else found.where

    def over(self, bag: str) -> bool:
        """Whether a bag is used up, given or ended."""
        found = self._containers.get(bag)
        return found is None or found.over

    def recipients(self, bag: str) -> list[str]:
        """Whom a bag was given to, in order."""
        return list(self._given.get(bag, ()))

    def end(self, bag: str) -> str | None:
        """How a bag ended other than in a patient."""
        return self._ends.get(bag)

    # -- what comes from what ---------------------------------------------------------------------

    def edges(self) -> Iterator[tuple[str, str, str]]:
        """Parent, child, process."""
        for child, makings in self._made.items():
            for process, inputs in makings:
                for parent in inputs:
                    yield parent, child, process

    def ancestors(self, bag: str) -> set[str]:
        """The bag and everything it was made from."""
        return closure([bag], lambda each: (one for _, inputs in self._made.get(each, ()) for one in inputs))

    def descendants(self, bags: Iterable[str]) -> set[str]:
        """These bags and everything made of them."""
        return closure(bags, lambda each: self._children.get(each, ()))

    # -- whose it is ------------------------------------------------------------------------------

    def same_person(self, noun: str, pseudonym: str) -> set[str]:
        """All pseudonyms of one person."""
        found = closure([f"{noun}:{pseudonym}"], lambda each: self._same.get(each, ()))
        return {each.partition(":")[2] for each in found}

    def donations_of(self, donor: str) -> set[str]:
        """Numbers of all that a person gave, under any of their pseudonyms."""
        return {din for name in self.same_person("donor", donor) for din in self._donations.get(name, ())}

    def bags_of_donation(self, din: str) -> set[str]:
        """Every container that bears a donation's number."""
        if self._numbers is None:
            self._numbers = {}
            for bag in self._named():
                self._numbers.setdefault(bag[:DIN_LENGTH], []).append(bag)
        return set(self._numbers.get(din, ()))

    def _named(self) -> set[str]:
        known = self._containers.keys() | self._children.keys() | self._given.keys() | self._ends.keys()
        return known | self._labels.keys()

    def bags_of_donor(self, donor: str) -> set[str]:
        """Every bag with a person's blood in it: split, pooled, renumbered, used."""
        return self.descendants(bag for din in self.donations_of(donor) for bag in self.bags_of_donation(din))

    def bags_touched_by(self, thing: str) -> set[str]:
        """Every bag that a thing touched, as itself, through its samples, or through what it was made from.

        Shape: the thing as the ledger's questions name it, `lot:L7`, `device:d3`, `operator:o2`, `run:r1`.
        """
        touched = self._touched.get(thing, ())
        dins = {each for each in touched if len(each) == DIN_LENGTH}
        bags = {each for each in touched if len(each) != DIN_LENGTH}
        return self.descendants(bags.union(*(self.bags_of_donation(din) for din in dins)))

    def reached(self, subject: str) -> set[str]:
        """Every bag a recall of a donor, thing, donation or bag must find."""
        noun, colon, name = subject.partition(":")
        if colon:
            return self.bags_of_donor(name) if noun == "donor" else self.bags_touched_by(subject)
        return self.descendants(self.bags_of_donation(subject) if len(subject) == DIN_LENGTH else [subject])

    def recipients_of_donor(self, donor: str) -> set[tuple[str, str]]:
        """Who has a person's blood, and from which bag. Shape: patient, bag."""
        return {(patient, bag) for bag in self.bags_of_donor(donor) for patient in self._given.get(bag, ())}

    def donors_of_patient(self, patient: str) -> set[str]:
        """Whose blood a person has."""
        people = self.same_person("patient", patient)
        bags = [bag for bag, given in self._given.items() if people.intersection(given)]
        dins = {each[:DIN_LENGTH] for bag in bags for each in self.ancestors(bag)}
        return {donor for din in dins for donor in self._donors.get(din, ())}

    def dins(self) -> Set[str]:
        """Numbers of all donations."""
        return self._donors.keys()

    def donors(self) -> list[str]:
        """Everybody who gave."""
        return sorted(self._donations)

    def things(self) -> list[str]:
        """Every lot, device, operator and run that touched anything."""
        return sorted(self._touched)


class Truth(Picture):
    """The world as it is now, and all that happened in it.

    Shape: events are told in the order in which they happen. `told`: when the ledger hears of it (recorded time of that
    commit); `until`: when the ledger hears that it was not so: such a thing never happened, it was only believed.
    Unit: microseconds since 1970-01-01 UTC; amounts in thousandths of their measure.
    """

    def __init__(self) -> None:
        super().__init__()
        self._log: list[tuple[Any, ...]] = []
        """Flat, as there are many: told, until, event, its parts."""

    def known(self, told: int) -> Picture:
        """The world as the ledger has been told of it by a recorded time."""
        picture = Picture()
        for heard, until, event, *parts in self._log:
            if heard <= told < until:
                getattr(picture, event)(*parts)
        return picture

    def __len__(self) -> int:
        return len(self._log)

    def donated(
        self,
        din: str,
        donor: str,
        *,
        told: int,
        until: int = NEVER,
        touched: Sequence[str] = (),
    ) -> None:
        """Somebody gave blood; what it flowed into is told by `filled`. `touched`: by what its samples were tested."""
        self._happens(told, until, "_donates", din, donor, tuple(touched))

    def filled(
        self,
        out: Output,
        centre: str | None,
        *,
        told: int,
        until: int = NEVER,
        group: str | None = None,
        rhd: str | None = None,
        touched: Sequence[str] = (),
    ) -> None:
        """A container was filled at a donation, or came filled from outside."""
        self._happens(told, until, "_fills", out, centre, (group, rhd), tuple(touched))

    def made(
        self,
        process: str,
        inputs: Sequence[str],
        outputs: Sequence[Output],
        *,
        told: int,
        until: int = NEVER,
        where: str | None = None,
        touched: Sequence[str] = (),
    ) -> None:
        """Of some containers others were made, which lie where those lay unless told where else."""
        self._happens(told, until, "_makes", process, tuple(inputs), tuple(outputs), where, tuple(touched))

    def labelled(self, bag: str, *, told: int, until: int = NEVER) -> None:
        """There is a label with this number, whatever it is on."""
        self._happens(told, until, "_bears", bag)

    def touched(self, what: str, things: Sequence[str], *, told: int, until: int = NEVER) -> None:
        """Lots, devices, operators or runs touched a bag, or the samples of a donation."""
        self._happens(told, until, "_touches", what, tuple(things))

    def moved(self, bag: str, where: str | None, *, told: int, until: int = NEVER) -> None:
        """A bag lies on another facility's shelf, or (None) on none: on the road, at a ward, lost."""
        self._happens(told, until, "_moves", bag, where)

    def given(self, bag: str, patient: str, *, told: int, until: int = NEVER) -> None:
        """A bag, or part of one, is in a patient."""
        self._happens(told, until, "_gives", bag, patient)

    def ended(self, bag: str, how: str, *, told: int, until: int = NEVER) -> None:
        """A bag ended in nobody: discarded, destroyed, sent for fractionation, used for quality control."""
        self._happens(told, until, "_ended", bag, how)

    def joined(self, noun: str, one: str, other: str, *, told: int, until: int = NEVER) -> None:
        """Two pseudonyms turn out to be one person's; `noun` is donor or patient."""
        self._happens(told, until, "_joins", noun, one, other)

    def parted(self, noun: str, one: str, other: str, *, told: int, until: int = NEVER) -> None:
        """Two pseudonyms turn out to be two persons' after all."""
        self._happens(told, until, "_parts", noun, one, other)

    def _happens(self, told: int, until: int, event: str, *parts: Any) -> None:
        self._log.append((told, until, event, *parts))
        self._numbers = None
        if until == NEVER:
            getattr(self, event)(*parts)


def closure(start: Iterable[str], step: Callable[[str], Iterable[str]]) -> set[str]:
    """Everything that steps reach, the start included; ends on cycles."""
    found = set(start)
    todo = list(found)
    while todo:
        for each in step(todo.pop()):
            if each not in found:
                found.add(each)
                todo.append(each)
    return found
