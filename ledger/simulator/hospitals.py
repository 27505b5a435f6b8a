"""This file holds the hospitals of a world: who is given what, what is returned, and of what nobody tells the end."""

from __future__ import annotations

from random import Random  # noqa: TID251 - seeded: the same patients every time
from typing import TYPE_CHECKING, Any

from ledger.simulator.agenda import DAY
from ledger.simulator.plan import HOUR, Bag

if TYPE_CHECKING:
    from ledger.simulator.centres import CentresWorld

GIVEN, ENDED, RETURNED = 0.975, 0.985, 0.992
"""Of the bags supplied, up to what share are given, discarded, returned by the ward; of the rest nobody tells."""


class Hospitals:
    """All hospitals of a world. Patients are few at a time: each is given one to six bags."""

    def __init__(self, world: CentresWorld, chance: Random) -> None:
        self._world, self._chance = world, chance
        self._patients: dict[tuple[str, str, str], tuple[str, int]] = {}
        self._count = 0

    def take(self, minute: int, bag: Bag) -> None:
        """A bag has come; it is used within days, before it expires."""
        days = 0 if bag.component.lasts_days < 2 or bag.need else self._chance.randint(0, 4)
        use = minute + days * DAY + self._chance.randint(3 * HOUR, 6 * HOUR)
        if use > bag.expires - HOUR:
            use = minute + 3 * HOUR
        share = 0.0 if bag.need else self._chance.random()
        if share < GIVEN:
            self._world.put(use - 90, self._issue, (bag, self._give))
        elif share < ENDED:
            self._world.put(use, self._discard, (bag, "clotted"))
        elif share < RETURNED:
            self._world.put(use - 90, self._issue, (bag, self._give_back))

    def _patient(self, minute: int, bag: Bag) -> str:
        """Whoever is being treated there and has that group; a new one is typed first."""
        if bag.need is not None:
            return bag.need.patient
        key = (bag.to, bag.group, bag.rhd)
        patient, left = self._patients.get(key, ("", 0))
        if not left:
            self._count += 1
            patient, left = f"p-{bag.to}-{self._count:06d}", self._chance.choice([1, 2, 2, 3, 4, 6])
            if bag.component.crossmatched:
                self._world.say(minute, "RecordRecipientGroup", f"bank-{bag.to}", bag.to, patient=patient,
                                group=bag.group, rhd=bag.rhd)  # fmt: skip
        self._patients[key] = (patient, left - 1)
        return patient

    def _issue(self, minute: int, about: tuple[Bag, Any]) -> None:
        bag, then = about
        patient, bank = self._patient(minute, bag), f"bank-{bag.to}"
        if bag.component.crossmatched:
            self._world.say(minute, "CrossmatchBag", bank, bag.to, bag=bag.name, patient=patient, result="compatible")
        self._world.put(minute + 50, self._hand_out, (bag, patient, then))

    def _hand_out(self, minute: int, about: tuple[Bag, str, Any]) -> None:
        bag, patient, then = about
        ward = f"ward-{len(patient) * 7 % 9 + minute % 3}"
        self._world.say(minute, "IssueBag", f"bank-{bag.to}", bag.to, bag=bag.name, to=ward, patient=patient)
        self._world.truly(self._world.truth.moved, bag.name, None)
        self._world.put(minute + 40, then, (bag, patient, ward))

    def _give(self, minute: int, about: tuple[Bag, str, str]) -> None:
        bag, patient, ward = about
        self._world.say(minute, "RecordTransfusion", f"nurse-{ward}", bag.to, bag=bag.name, patient=patient,
                        hospital=bag.to)  # fmt: skip
        self._world.truly(self._world.truth.given, bag.name, patient)

    def _give_back(self, minute: int, about: tuple[Bag, str, str]) -> None:
        """Back from the ward it is held, and by the site's policy discarded."""
        bag, _, ward = about
        self._world.say(minute, "ReturnBag", f"bank-{bag.to}", bag.to, bag=bag.name, leg="ward_to_bank",
                        facility=bag.to, **{"from": ward})  # fmt: skip
        self._world.truly(self._world.truth.moved, bag.name, bag.to)
        self._world.put(minute + 2 * HOUR, self._discard, (bag, "returned by the ward"))

    def _discard(self, minute: int, about: tuple[Bag, str]) -> None:
        bag, reason = about
        self._world.say(minute, "DiscardBag", f"bank-{bag.to}", bag.to, bag=bag.name, reason=reason,
                        approved_by=f"head-{bag.to}")  # fmt: skip
        self._world.truly(self._world.truth.ended, bag.name, "discarded")
