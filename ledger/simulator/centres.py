"""This file holds a world of blood centres and hospitals that lives a planned year, bag by bag, by sending commands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from random import Random  # noqa: TID251 - seeded: the same world every time
from typing import Any

from ledger.simulator.agenda import DAY, Agenda
from ledger.simulator.amounts import text_of
from ledger.simulator.centres_check import check
from ledger.simulator.hospitals import Hospitals
from ledger.simulator.plan import HOUR, Bag, Donation, Transfer, planned
from ledger.simulator.real_label import MARKERS
from ledger.simulator.scenario import ScenarioFile
from ledger.simulator.truth import Output, Truth
from ledger.simulator.world import Answers, Checked, Command, Span, Window

COMMANDS = 2048
"""Of one window at most."""
REACTIVE = ("hbsag", "anti_hcv", "syphilis", "nat_hbv")
TOGETHER = 40
"""Bags or samples that people handle in one go: a box, a plate."""
TEST_RUNS, TEST_RUN_MINUTES = 3, 15
"""How many an evening has, and how far apart they are."""
TRAY_MINUTES = 15
"""How long bags wait on a tray until they are inspected."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE_US = 60_000_000


class CentresWorld:
    """A planned year lived through. `truth`: what physically happened so far."""

    def __init__(self, file: ScenarioFile, seed: int, days: int | None = None) -> None:
        self.scenario, self.seed = file.scenario.scenario, seed
        self.data = file.scenario
        self.plan = planned(file, seed)
        self.truth = Truth()
        zone = datetime.fromisoformat(f"{self.data.year}-01-01T00:00:00{self.data.offset}")
        self._first, self._zone = zone, self.data.offset
        self._begin_us = (zone - EPOCH) // timedelta(microseconds=1)
        self._end = self.plan.end if days is None else min(days * DAY, self.plan.end)
        self.span = Span(self._begin_us - DAY * MINUTE_US, self._begin_us + (self._end + 1) * MINUTE_US)
        self._agenda = Agenda()
        self._commands: list[Command] = []
        self._happened: list[tuple[Callable[..., None], tuple[Any, ...], dict[str, Any]]] = []
        self._number = 0
        self._boxes: dict[tuple[int, str, tuple[str, ...]], list[Any]] = {}
        self._outputs: dict[Bag, list[Bag]] = {}
        self._shipped: set[int] = set()
        self._renamed: Counter[str] = Counter()
        self._hospitals = Hospitals(self, Random(f"{self.scenario}/{seed}/hospitals"))
        self._stamp = lru_cache(maxsize=4096)(self._written)

    def windows(self) -> Iterator[Window]:
        """Everything up to the last midnight, in order."""
        self._begin()
        now = 0
        for day in range(-1, self._end // DAY):
            for minute in self._agenda.done(day):
                if len(self._commands) >= COMMANDS:
                    now = self._recorded(minute, now)
                    yield self._window(now)
            if self._commands:  # so that some days are the beginning of more days
                now = self._recorded((day + 1) * DAY, now)
                yield self._window(now)

    def _recorded(self, minute: int, before: int) -> int:
        """Half a minute after what was done last, and after the window before."""
        return max(self._begin_us + minute * MINUTE_US + MINUTE_US // 2, before + 1)

    def _window(self, now: int) -> Window:
        for tell, about, more in self._happened:
            tell(*about, told=now, **more)
        window = Window.of(now, self._commands)
        self._commands, self._happened = [], []
        return window

    def check(self, answers: Answers, chance: Random) -> Checked:
        """Stock, lineage, fates and questions, now and as known at random mornings before."""
        return check(self, answers, chance)

    def instant(self, minute: int) -> datetime:
        """A minute of the year."""
        return self._first + timedelta(minutes=minute)

    # -- saying -----------------------------------------------------------------------------------

    def _written(self, minute: int) -> str:
        return f"{self.instant(minute):%Y-%m-%dT%H:%M}:00{self._zone}"

    def say(self, minute: int, command: str, by: str, sender: str, **fields: Any) -> None:
        """Send a command about something at a minute."""
        self._number += 1
        request = f"{self.scenario}/{self.seed}/{self._number:07d}"
        self._commands.append(
            {"request": request, "sender": sender, "by": by, "command": command, "happened_at": self._stamp(minute)}
            | fields
        )

    def truly(self, tell: Callable[..., None], *about: Any, **more: Any) -> None:
        """Something physically happens; the ledger is told of it with the window at work."""
        self._happened.append((tell, about, more))

    def put(self, minute: int, what: Callable[[int, Any], None], about: Any) -> None:
        """Put something down in the agenda."""
        self._agenda.put(minute, what, about)

    def box(self, minute: int, what: Callable[[int, Any], None], each: Bag | Donation, *key: str) -> None:
        """Do something at a minute with a bag, or a donation's samples, together with all for which the same is due."""
        name = (minute, what.__name__, key)
        together = self._boxes.get(name)
        if together is None:
            together = self._boxes[name] = []
            self._agenda.put(minute, what, (name, key))
        together.append(each)

    def boxes(self, name: Any) -> Iterator[list[Any]]:
        """What is in a box, as many at a time as people handle."""
        together = self._boxes.pop(name)
        for start in range(0, len(together), TOGETHER):
            yield together[start : start + TOGETHER]

    # -- the year ---------------------------------------------------------------------------------

    def _begin(self) -> None:
        for bags in self.plan.bags.values():
            for bag in bags:
                if bag.parent is not None:
                    self._outputs.setdefault(bag.parent, []).append(bag)
                elif bag.received:
                    self.put(bag.ready, self._receive, bag)
        for donation in self.plan.donations:
            self.put(donation.bags[0].ready, self._collect, donation)
            run = int(donation.din[-2:]) % TEST_RUNS + 1
            minute = donation.day * DAY + 20 * HOUR + run * TEST_RUN_MINUTES
            self.box(minute, self._test, donation, donation.centre, str(run))

    def _receive(self, minute: int, bag: Bag) -> None:
        """Opening stock comes from a neighbour, who released it."""
        sender, _, _ = bag.name.partition("=")
        out = self._output(bag)
        self.say(
            minute, "ReceiveBag", "stock-1", bag.centre, bag=bag.name, facility=bag.centre,
            sender_bag=f"{sender[:5]}/{sender[7:]}", released_by=f"qa-{sender[:5]}",
            collected_at=self._stamp(bag.born), component=out.component, quantity=_quantity(bag), group=bag.group,
            rhd=bag.rhd, **{"from": sender[:5]},
        )  # fmt: skip
        self.truly(self.truth.filled, out, bag.centre, group=bag.group, rhd=bag.rhd)
        self._career(bag, minute)

    def _collect(self, minute: int, donation: Donation) -> None:
        day = f"{self.instant(minute):%Y%m%d}"
        session = donation.session or f"{donation.centre}-{day}-{donation.size % 7 % 3 + 1}"
        lots = [f"CL-{day[:6]}-{int(donation.din[-3:]) % 4 + 1}"]
        nurse = f"nurse-{int(donation.din[-2:]) % 12 + 1:02d}"
        donor = donation.donor
        things = (f"lot:{lots[0]}", f"operator:{nurse}")
        self.truly(self.truth.donated, donation.din, donor.pseudonym)
        for bag in donation.bags:
            self.say(
                minute, "CollectBag", nurse, donation.centre, bag=bag.name, donor=donor.pseudonym,
                facility=donation.centre, kind=donation.giving.kind, quantity=_quantity(bag), group=donor.group,
                rhd=donor.rhd, session=session, lots=[{"kind": "container", "id": lots[0]}],
                **_anticoagulant(donation.giving.kind),
            )  # fmt: skip
            self.truly(
                self.truth.filled, self._output(bag), donation.centre, group=donor.group, rhd=donor.rhd, touched=things
            )
            self._career(bag, minute)

    def _test(self, minute: int, key: Any) -> None:
        """A test run of an evening: each marker on a plate of samples, then each sample's group."""
        centre, number = key[1]
        day = f"{self.instant(minute):%Y%m%d}"
        run, lot = f"{centre}-{day}-{number}", f"RL-{day[:6]}"
        for plate in self.boxes(key[0]):
            for marker in MARKERS:
                usual = "acceptable" if marker == "alt" else "nonreactive"
                bad = [each.din for each in plate if marker == _reactive_marker(each)]
                good = [each.din for each in plate if each.din not in bad]
                for result, dins in ((usual, good), ("reactive", bad)):
                    if dins:
                        self.say(minute, "RecordTest", "lab-1", centre, dins=dins, marker=marker, result=result,
                                 test_run=f"{run}-{marker}", reagent_lot=f"{lot}-{marker}")  # fmt: skip
            things = [f"lot:{lot}-{marker}" for marker in (*MARKERS, "abo")]
            things += [f"run:{run}-{marker}" for marker in MARKERS]
            for donation in plate:
                self.say(minute, "RecordGroup", "lab-2", centre, din=donation.din, group=donation.donor.group,
                         rhd=donation.donor.rhd, reagent_lot=f"{lot}-abo")  # fmt: skip
                self.truly(self.truth.touched, donation.din, things)

    # -- a bag's career ---------------------------------------------------------------------------

    def _career(self, bag: Bag, minute: int) -> None:
        """What lies before a bag that has just come to be."""
        if bag.fate == "consumed":
            self.put(bag.at, self._process, bag)
            return
        if bag.fate == "discarded" and not bag.failed:
            self.box(bag.at, self._discard, bag, bag.centre, "reactive")
            return
        looked_at = minute + 30 if bag.received else bag.usable - 90 + bag.size % 60
        self.box(_tray(max(looked_at, minute)), self._look_at, bag, bag.centre)

    def _process(self, minute: int, bag: Bag) -> None:
        making = bag.making
        assert making is not None
        outputs = self._outputs[bag]
        month = f"{self.instant(minute):%Y%m}"
        operator, device = f"tech-{bag.size % 5 + minute % 5 + 1:02d}", f"{making.process}-{minute % 4 + 1}"
        lots = [{"kind": "filter", "id": f"FL-{month}-{minute % 3 + 1}"}] if making.process == "separate" else []
        self.say(
            minute, "PrepareBags", operator, bag.centre, process=making.process, inputs=[bag.name],
            outputs=[_as_output(each) for each in outputs],
            facility=bag.centre, devices=[device], operator=operator, **({"lots": lots} if lots else {}),
        )  # fmt: skip
        things = [f"device:{device}", f"operator:{operator}", *(f"lot:{each['id']}" for each in lots)]
        self.truly(
            self.truth.made, making.process, [bag.name], [self._output(each) for each in outputs], touched=things
        )
        for each in outputs:
            self._career(each, minute)

    def _look_at(self, minute: int, key: Any) -> None:
        """Inspected, their labels scanned again, a tray at a time."""
        inspector, centre = f"tech-{minute % 7 + 1:02d}", key[1][0]
        for bags in self.boxes(key[0]):
            for bag in bags:
                if bag.failed:
                    self.say(minute, "InspectBag", inspector, centre, bag=bag.name, passed=False)
                    self.box(max(bag.at, minute + 10), self._discard, bag, centre, "failed")
            good = [bag for bag in bags if not bag.failed]
            if good:
                names = [bag.name for bag in good]
                self.say(minute, "InspectBag", inspector, centre, bags=names)
                self.say(minute, "VerifyLabel", inspector, centre, bags=names)
            for bag in good:
                self._looked_at(minute, bag)

    def _looked_at(self, minute: int, bag: Bag) -> None:
        """What is well is released at the next hour for it."""
        if not bag.received:
            self.box(max(bag.usable, minute), self._release, bag, bag.centre)
        self.box(max(bag.usable, minute) + 20, self._store, bag, bag.centre, bag.component.component)
        if bag.transfer is not None:
            self._ship(bag.transfer, bag)
        else:
            self._leave(bag)

    def _leave(self, bag: Bag) -> None:
        if bag.fate in ("supplied", "transferred"):
            self.box(bag.at, self._send, bag, bag.centre, bag.to, "" if bag.need is None else bag.need.patient)
        elif bag.fate == "expired":
            self.box(bag.at, self._discard, bag, bag.centre, "expired")

    def _release(self, minute: int, key: Any) -> None:
        for bags in self.boxes(key[0]):
            self.say(minute, "ReleaseBag", "qa-1", key[1][0], bags=[bag.name for bag in bags])

    def _store(self, minute: int, key: Any) -> None:
        centre, component = key[1]
        for bags in self.boxes(key[0]):
            self.say(minute, "StoreBag", "stock-1", centre, bags=[bag.name for bag in bags], facility=centre,
                     place=f"store {component}")  # fmt: skip

    def _discard(self, minute: int, key: Any) -> None:
        centre, reason = key[1]
        for bags in self.boxes(key[0]):
            self.say(minute, "DiscardBag", "stock-2", centre, bags=[bag.name for bag in bags], reason=reason,
                     approved_by="qa-1")  # fmt: skip
            for bag in bags:
                self.truly(self.truth.ended, bag.name, "discarded")

    def _send(self, minute: int, key: Any) -> None:
        """A delivery to a hospital, or to a neighbouring city's centre."""
        centre, to, _ = key[1]
        for bags in self.boxes(key[0]):
            names = [bag.name for bag in bags]
            self.say(minute, "DistributeBag", "stock-2", centre, bags=names, to=to)
            for bag in bags:
                self.truly(self.truth.moved, bag.name, None)
            self.put(minute + 90, self._arrive, (to, bags))

    def _arrive(self, minute: int, arriving: tuple[str, list[Bag]]) -> None:
        to, bags = arriving
        self.say(minute, "RecordArrival", f"bank-{to}", to, bags=[bag.name for bag in bags], at=to)
        for bag in bags:
            self.truly(self.truth.moved, bag.name, to)
            if bag.fate == "supplied":
                self._hospitals.take(minute, bag)

    # -- between centres --------------------------------------------------------------------------

    def _ship(self, transfer: Transfer, bag: Bag) -> None:
        self.box(transfer.minute, self._depart, bag, bag.centre, transfer.to, f"{self.data.year}-{transfer.number:04d}")

    def _depart(self, minute: int, key: Any) -> None:
        centre, to, shipment = key[1]
        for bags in self.boxes(key[0]):
            names = [bag.name for bag in bags]
            self.say(minute, "DistributeBag", "stock-2", centre, bags=names, to=to, shipment=shipment)
            for bag in bags:
                self.truly(self.truth.moved, bag.name, None)
            self.put(minute + 4 * HOUR, self._come_in, (to, bags))

    def _come_in(self, minute: int, coming: tuple[str, list[Bag]]) -> None:
        """At the other centre; some bags get a number of its own, and are looked at and released again."""
        to, bags = coming
        self.say(minute, "RecordArrival", "stock-1", to, bags=[bag.name for bag in bags], at=to)
        for bag in bags:
            self.truly(self.truth.moved, bag.name, to)
            bag.centre = to
            if bag.transfer is not None and bag in bag.transfer.relabelled:
                self.put(minute + HOUR, self._relabel, bag)
            else:
                self.box(minute + HOUR, self._store, bag, to, bag.component.component)
                self._leave(bag)

    def _relabel(self, minute: int, bag: Bag) -> None:
        self._renamed[bag.centre] += 1
        old = bag.name
        number = f"{bag.centre}{self.data.year % 100:02d}{900_000 + self._renamed[bag.centre]:06d}"
        bag.name = f"{number}={old.partition('=')[2]}"
        self.say(minute, "PrepareBags", "tech-01", bag.centre, process="relabel", inputs=[old], facility=bag.centre,
                 outputs=[_as_output(bag)])  # fmt: skip
        self.truly(self.truth.made, "relabel", [old], [self._output(bag)], where=bag.centre)
        self.say(minute + 5, "InspectBag", "tech-01", bag.centre, bag=bag.name)
        self.say(minute + 5, "VerifyLabel", "tech-01", bag.centre, bag=bag.name)
        self.box(minute + 30, self._release, bag, bag.centre)
        self.box(minute + 40, self._store, bag, bag.centre, bag.component.component)
        self._leave(bag)

    def _output(self, bag: Bag) -> Output:
        return Output(bag.name, bag.component.component, bag.size, bag.component.measure)


def _reactive_marker(donation: Donation) -> str | None:
    return REACTIVE[int(donation.din[-4:]) % len(REACTIVE)] if donation.reactive else None


def _tray(minute: int) -> int:
    """When what is ready at a minute is looked at, together with other bags."""
    return -(-minute // TRAY_MINUTES) * TRAY_MINUTES


def _as_output(bag: Bag) -> dict[str, Any]:
    return {"bag": bag.name, "component": bag.component.component, "quantity": _quantity(bag)}


def _quantity(bag: Bag) -> dict[str, str]:
    return {"amount": text_of(bag.size), "measure": bag.component.measure}


def _anticoagulant(kind: str) -> dict[str, str]:
    return {"anticoagulant": "CPDA-1"} if kind == "whole_blood" else {}
