"""This file holds the plan of a year: every donation, every bag made, and what becomes of it, so that totals are met.

Everything is decided before anything is sent: a scenario that cannot be met is refused whole. Times are minutes since
the first midnight of the year, on the scenario's clock; amounts are thousandths of their measure.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random  # noqa: TID251 - seeded: the same plan every time

from ledger.data_files.broken import BrokenFile
from ledger.isbt128.bad_scan import Words
from ledger.simulator.agenda import DAY
from ledger.simulator.amounts import GRAIN, chosen, grains, sizes_for, text_of
from ledger.simulator.scenario import Component, Giving, Making, Need, ScenarioFile, Session, Site

HOUR = 60
RELEASED_AT = 10 * HOUR
"""When yesterday's bags are released, each day."""
SENT_AT = 14 * HOUR
DISCARDED_AT = 16 * HOUR


@dataclass(slots=True, eq=False)
class Donor:
    """Somebody who gives. `free`: the first day on which they may give again; `given`: how often this year."""

    pseudonym: str
    group: str
    rhd: str
    free: int = 0
    given: int = 0


@dataclass(slots=True, eq=False)
class Donation:
    """One donation. `session` names a special one."""

    giving: Giving
    size: int
    day: int
    donor: Donor
    centre: str
    reactive: bool
    session: str | None
    din: str = ""
    bags: list[Bag] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Bag:
    """One bag. `ready`: when it is there; `fate` one of the flows out, at minute `at`; `making` uses it up."""

    component: Component
    size: int
    ready: int
    born: int
    """When its blood was collected: its shelf life runs from then."""
    centre: str
    donation: Donation | None
    group: str
    rhd: str
    name: str = ""
    parent: Bag | None = None
    fate: str = ""
    at: int = 0
    making: Making | None = None
    to: str = ""
    need: Need | None = None
    failed: bool = False
    """Whether its inspection fails."""
    transfer: Transfer | None = None

    @property
    def received(self) -> bool:
        """Whether it came from elsewhere, released by whoever sent it."""
        return self.donation is None and self.parent is None

    @property
    def usable(self) -> int:
        """When it is released: with the next release after it is ready and its donation's results are there."""
        if self.received:
            return self.ready
        results = 0 if self.donation is None else (self.donation.day + 1) * DAY + RELEASED_AT
        today = self.ready // DAY * DAY + RELEASED_AT
        return max(results, today if self.ready < today else today + DAY)

    @property
    def expires(self) -> int:
        """Until when it is good."""
        return self.born + self.component.lasts_days * DAY


@dataclass(slots=True, eq=False)
class Transfer:
    """One shipment from a centre to another of the ledger."""

    number: int
    minute: int
    to: str
    relabelled: list[Bag] = field(default_factory=list)


TRIES, DONATIONS = 6, 4_000
"""So often a plan is drawn at most; where there are fewer donations than this, that much oftener."""


def planned(file: ScenarioFile, seed: int) -> Plan:
    """A year, planned. Whether a few bags add up is a matter of luck: what does not come out is drawn again.

    Errors: BrokenFile, naming the field of the total that was not met most often.
    """
    donations = sum(int(each.donations.amount) for each in file.scenario.donations)
    failed: list[BrokenFile] = []
    for draw in range(max(TRIES, DONATIONS // max(donations, 1))):
        try:
            return Plan(file, seed, draw)
        except BrokenFile as broken:
            failed.append(broken)
    fields = [broken.field for broken in failed]
    raise max(failed, key=lambda broken: fields.count(broken.field))


class Plan:
    """One draw of a plan. Errors: BrokenFile, naming the field of the total that is not met."""

    def __init__(self, file: ScenarioFile, seed: int, draw: int = 0) -> None:
        self._file, self.scenario = file, file.scenario
        self.chance = Random(f"{file.scenario.scenario}/{seed}/{draw}")
        self.days = 366 if file.scenario.year % 4 == 0 else 365
        self.donations = [
            each for number, giving in enumerate(self.scenario.donations) for each in self._given(number, giving)
        ]
        self.donations.sort(key=lambda each: each.day)
        self._number_them()
        self._received = 0
        self.bags: dict[str, list[Bag]] = {each.component: [] for each in self.scenario.components}
        for number, component in enumerate(self.scenario.components):
            self._open(number, component)
        for donation in self.donations:
            self._fill(donation)
        for number in self._in_order():
            self._dispose(number, self.scenario.components[number])
        self._transfer()

    @property
    def end(self) -> int:
        """The last midnight of the year."""
        return self.days * DAY

    def _not_met(self, field_: str, en: str, zh: str, found: str = "") -> Exception:
        return self._file.broken("not_met", field_, Words(en, zh), found)

    # -- donations --------------------------------------------------------------------------------

    def _given(self, number: int, giving: Giving) -> list[Donation]:
        """Every donation of a kind: its size, its day, who gave it and where."""
        where = f"donations[{number}]"
        parts = [(each, *self._sizes(giving, each, f"{where}.sessions[{place}]"))
                 for place, each in enumerate(giving.sessions)]  # fmt: skip
        count = int(giving.donations.amount) - sum(int(each.donations.amount) for each in giving.sessions)
        total = grains(giving.quantity.amount) - sum(grains(each.quantity.amount) for each in giving.sessions)
        rest = self._exactly(giving, count, total, f"{where}.quantity")
        self.chance.shuffle(rest)
        last_day = self.days - 2  # results come the next day, and what is not kept must still leave the house
        days = sorted(self.chance.choices(range(last_day + 1), self._weights(last_day + 1), k=len(rest)))
        told: list[tuple[int, int, str | None]] = [(day, size, None) for day, size in zip(days, rest, strict=True)]
        for session, sizes, session_days in parts:
            for place, size in enumerate(sizes):
                which = place % session.sessions
                told.append((session_days[which], size, f"{session.name}-{which + 1}"))
        told.sort(key=lambda each: each[:2])
        return self._gave(giving, told, where)

    def _sizes(self, giving: Giving, session: Session, where: str) -> tuple[list[int], list[int]]:
        sizes = self._exactly(
            giving, int(session.donations.amount), grains(session.quantity.amount), f"{where}.quantity"
        )
        self.chance.shuffle(sizes)
        return sizes, sorted(self.chance.sample(range(self.days - 1), max(session.sessions, 1)))

    def _exactly(self, giving: Giving, count: int, total: int, where: str) -> list[int]:
        shares = {grains(Decimal(size)): share for size, share in giving.sizes.items()}
        found = sizes_for(count, total, shares) if count >= 0 and total >= 0 else None
        if found is None:
            sizes = ", ".join(giving.sizes)
            raise self._not_met(
                f"{where}.amount",
                f"what {count} donations of {sizes} can add up to",
                f"{count} 次献血（规格 {sizes}）可达到的总量",
                text_of(total),
            )
        return [size for size, number in found.items() for _ in range(number)]

    def _weights(self, days: int) -> list[int]:
        """Some days more people come than on others."""
        return [self.chance.randint(70, 130) for _ in range(days)]

    def _gave(self, giving: Giving, told: list[tuple[int, int, str | None]], where: str) -> list[Donation]:
        reactive = self._some_reactive(giving, told, where)
        known: deque[Donor] = deque()
        names = 0
        found = []
        for place, (day, size, session) in enumerate(told):
            if known and known[0].free <= day and self.chance.random() < 0.7:
                donor = known.popleft()
            else:
                names += 1
                donor = self._donor(f"d-{giving.kind[0]}{giving.kind.rpartition('_')[2][0]}{names:06d}")
            donor.free, donor.given = day + giving.days_between, donor.given + 1
            if donor.given < giving.most_a_year and place not in reactive:
                known.append(donor)
            centre = self._one_of(self.scenario.centres)
            found.append(Donation(giving, size, day, donor, centre, place in reactive, session))
        return found

    def _some_reactive(self, giving: Giving, told: Sequence[object], where: str) -> set[int]:
        wanted = int(giving.reactive.amount)
        if wanted > len(told):
            raise self._not_met(f"{where}.reactive.amount", f"at most {len(told)}", f"至多 {len(told)}", str(wanted))
        return set(self.chance.sample(range(len(told)), wanted))

    def _donor(self, pseudonym: str) -> Donor:
        groups = self.scenario.donors.groups
        group = self.chance.choices(list(groups), list(groups.values()))[0]
        rhd = "negative" if self.chance.random() * 1000 < self.scenario.donors.rhd_negative else "positive"
        return Donor(pseudonym, group, rhd)

    def _one_of(self, sites: Sequence[Site]) -> str:
        if len(sites) == 1:
            return sites[0].id
        return self.chance.choices([each.id for each in sites], [each.share for each in sites])[0]

    def _number_them(self) -> None:
        sequences: dict[str, int] = {}
        year = f"{self.scenario.year % 100:02d}"
        for each in self.donations:
            sequences[each.centre] = sequences.get(each.centre, 0) + 1
            each.din = f"{each.centre}{year}{sequences[each.centre]:06d}"

    # -- bags -------------------------------------------------------------------------------------

    def _open(self, number: int, component: Component) -> None:
        """Opening stock: received from neighbours on the last day of the year before."""
        left = grains(component.opening.amount)
        sizes = sorted((grains(each) for each in component.sizes), reverse=True)
        field_ = f"components[{number}].opening.amount"
        made: list[int] = []
        while left:
            size = next((each for each in sizes if each <= left), None)
            if size is None:
                raise self._not_met(field_, *_of_sizes(component), component.opening.amount.to_eng_string())
            made.append(size)
            left -= size
        bags = self.bags[component.component]
        for place, size in enumerate(made):
            sender = self.scenario.neighbours[place % len(self.scenario.neighbours)].id
            donor = self._donor("")
            age = self.chance.randint(1, max(1, min(component.lasts_days // 4, 60)))
            ready = -DAY + 8 * HOUR + place * 600 // max(len(made), 1)
            centre = self._one_of(self.scenario.centres)
            bag = Bag(component, size, ready, -age * DAY + 8 * HOUR, centre, None, donor.group, donor.rhd)
            self._received += 1
            bag.name = f"{sender}{(self.scenario.year - 1) % 100:02d}{self._received:06d}={component.code}V00"
            bag.to = sender
            bags.append(bag)

    def _fill(self, donation: Donation) -> None:
        """What flows at a donation: one container, or several of the size that one takes."""
        component = self.scenario.component(donation.giving.kind)
        each = grains(donation.giving.bag) if donation.giving.bag else donation.size
        if donation.size % each or min(each, donation.size) * GRAIN not in component.sizes:
            number = self.scenario.donations.index(donation.giving)
            raise self._not_met(f"donations[{number}].sizes", *_of_sizes(component), text_of(donation.size))
        taken = donation.day * DAY + 8 * HOUR + self.chance.randint(0, 9 * HOUR - 30)
        for place in range(max(donation.size // each, 1)):
            bag = Bag(component, min(each, donation.size), taken, taken, donation.centre, donation,
                      donation.donor.group, donation.donor.rhd)  # fmt: skip
            division = "00" if donation.size <= each else f"{'ABCDEFGH'[place]}0"
            bag.name = f"{donation.din}={donation.giving.code}V{division}"
            donation.bags.append(bag)
            self.bags[component.component].append(bag)

    def _in_order(self) -> list[int]:
        """Components in the order in which they are made of one another."""
        names = [each.component for each in self.scenario.components]
        made_of = {name: {each.of for each in self.scenario.processes if name in each.gives} - {name} for name in names}
        order: list[str] = []
        while len(order) < len(names):
            ready = [name for name in names if name not in order and made_of[name] <= set(order)]
            if not ready:
                missing = next(name for name in names if name not in order)
                raise self._not_met(
                    f"components[{names.index(missing)}].made", "no cycle of processes", "制备过程无循环"
                )
            order += ready
        return [names.index(name) for name in order]

    # -- what becomes of them ---------------------------------------------------------------------

    def _dispose(self, number: int, component: Component) -> None:
        """Give every bag of a component its fate; what is not taken for another is supplied."""
        bags = sorted(self.bags[component.component], key=lambda bag: (bag.ready, bag.name))
        self.bags[component.component] = bags
        where = f"components[{number}]"
        left = self._reactive_discarded(bags, component, where)
        free = [bag for bag in bags if not bag.fate]
        self.chance.shuffle(free)
        self._take(free, grains(component.expired.amount), "expired", f"{where}.expired", self._may_expire)
        latest = sorted(free, key=lambda bag: (-bag.ready, bag.name))
        self._take(latest, grains(component.closing.amount), "closing", f"{where}.closing", self._may_stay)
        for place, making in enumerate(self.scenario.processes):
            if making.of == component.component:
                self._use(free, making, f"processes[{place}]")
        needed = self._need(free, component)
        self._take(free, left, "discarded", f"{where}.discarded", self._may_leave)
        self._take(free, grains(component.transferred.amount), "transferred", f"{where}.transferred", self._may_leave)
        others = grains(component.supplied.amount) - needed
        self._take(free, others, "supplied", f"{where}.supplied", self._may_leave)
        for bag in bags:
            self._when(bag)

    def _reactive_discarded(self, bags: list[Bag], component: Component, where: str) -> int:
        """Bags of reactive donations are discarded, unless they are separated before the results come."""
        left = grains(component.discarded.amount)
        if any(each.of == component.component and each.process == "separate" for each in self.scenario.processes):
            return left
        for bag in bags:
            if bag.donation is not None and bag.donation.reactive:
                bag.fate = "discarded"
                left -= bag.size
        if left < 0:
            least = text_of(grains(component.discarded.amount) - left)
            words = (f"at least {least}, from reactive donations", f"至少 {least}（来自检测不合格的献血）")
            raise self._not_met(f"{where}.discarded.amount", *words, str(component.discarded.amount))
        return left

    def _take(self, free: list[Bag], amount: int, fate: str, where: str, may: Callable[[Bag], bool]) -> list[Bag]:
        """Give bags that add up to an amount their fate, the first ones first."""
        fitting = [bag for bag in free if not bag.fate and may(bag)]
        places = chosen([bag.size for bag in fitting], amount)
        if places is None:
            together = text_of(sum(bag.size for bag in fitting))
            sizes = ", ".join(sorted({text_of(bag.size) for bag in fitting}, key=float))
            raise self._not_met(
                f"{where}.amount",
                f"what bags of {sizes or 'no size'} ({together} in all) add up to",
                f"{sizes or '无'} 规格的血袋（共 {together}）可组成的数量",
                text_of(amount),
            )
        taken = [fitting[place] for place in places]
        for bag in taken:
            bag.fate = fate
        return taken

    def _use(self, free: list[Bag], making: Making, where: str) -> None:
        """Bags that a process uses up, and those it makes."""

        def may(bag: Bag) -> bool:
            if making.rhd_negative_only and bag.rhd != "negative":
                return False
            begin = _begin(bag, making)
            return making.process == "separate" or (begin <= self.end - 40 * HOUR and begin + 12 * HOUR < bag.expires)

        for bag in self._take(free, grains(making.takes.amount), "consumed", f"{where}.takes", may):
            bag.making = making
            bag.at = _begin(bag, making) + self.chance.randint(0, 50)
            for name, per_unit in making.gives.items():
                self._make(bag, making, self.scenario.component(name), per_unit, where)

    def _make(self, bag: Bag, making: Making, component: Component, per_unit: Decimal, where: str) -> None:
        size = bag.size * GRAIN * per_unit
        if size not in component.sizes:
            raise self._not_met(f"{where}.gives.{component.component}", *_of_sizes(component), f"{size.normalize():f}")
        born = bag.at if making.ages_anew else bag.born
        made = Bag(component, grains(size), bag.at + 30, born, bag.centre, bag.donation, bag.group, bag.rhd, parent=bag)
        stem, _, rest = bag.name.partition("=")
        made.name = f"{stem}={component.code}{rest[5:]}"
        self.bags[component.component].append(made)

    def _need(self, free: list[Bag], component: Component) -> int:
        """What one patient's emergency takes; how much that is."""
        taken = 0
        for number, need in enumerate(self.scenario.needs):
            figure = need.amounts.get(component.component)
            if figure is None:
                continue
            begin = need.day * DAY

            def may(bag: Bag, need: Need = need, begin: int = begin) -> bool:
                made = need.made_days_before * DAY
                in_time = bag.usable < begin + SENT_AT < bag.expires - DAY
                return in_time and bag.group == need.group and bag.ready + made <= begin

            where = f"needs[{number}].amounts.{component.component}"
            for bag in self._take(free, grains(figure.amount), "supplied", where, may):
                bag.need, bag.at, bag.to = need, begin + SENT_AT, need.hospital
                taken += bag.size
        return taken

    # -- when -------------------------------------------------------------------------------------

    def _may_expire(self, bag: Bag) -> bool:
        return bag.expires + 2 * DAY < self.end

    def _may_stay(self, bag: Bag) -> bool:
        return bag.expires > self.end and bag.usable < self.end

    def _may_leave(self, bag: Bag) -> bool:
        return self._first_send(bag) <= self._last_send(bag)

    def _first_send(self, bag: Bag) -> int:
        least = bag.usable + bag.component.supplied_after[0] * DAY
        day = least // DAY * DAY
        return max(day + SENT_AT if least <= day + SENT_AT else day + DAY + SENT_AT, SENT_AT)

    def _last_send(self, bag: Bag) -> int:
        latest = bag.expires - 8 * HOUR
        day = (latest - SENT_AT) // DAY * DAY
        return min(self.end - DAY, day) + SENT_AT

    def _when(self, bag: Bag) -> None:
        """At which minute its fate comes."""
        if bag.fate == "expired":
            bag.at = (bag.expires // DAY + 1) * DAY + DISCARDED_AT
        elif bag.fate == "discarded":
            self._discard(bag)
        elif bag.fate in ("supplied", "transferred") and bag.need is None:
            first, least_most = self._first_send(bag), bag.component.supplied_after
            days = self.chance.randint(0, least_most[1] - least_most[0])
            bag.at = min(first + days * DAY, self._last_send(bag))
            sites = self.scenario.hospitals if bag.fate == "supplied" else self.scenario.neighbours
            bag.to = self._one_of(sites)

    def _discard(self, bag: Bag) -> None:
        """The day after; a bag whose donation was good fails its inspection first, unless it came from elsewhere."""
        reactive = bag.donation is not None and bag.donation.reactive
        day = max(bag.usable, 0) // DAY
        bag.at = min(day * DAY + DISCARDED_AT, self.end - DAY + DISCARDED_AT)
        bag.failed = not reactive

    # -- between centres --------------------------------------------------------------------------

    def _transfer(self) -> None:
        """Shipments between centres: bags on their way to a hospital come to it by another centre."""
        transfers = self.scenario.transfers
        if transfers is None or not transfers.shipments.amount:
            return
        bags = [bag for bag in self.bags[transfers.component] if bag.fate == "supplied" and bag.need is None]
        by_day: dict[tuple[int, str], list[Bag]] = {}
        for bag in bags:
            gap = bag.at - bag.usable
            if gap > 3 * DAY:
                day = (bag.usable + DAY) // DAY
                by_day.setdefault((day, bag.centre), []).append(bag)
        wanted = int(transfers.shipments.amount)
        if len(by_day) < wanted:
            words = (f"at most {len(by_day)}", f"至多 {len(by_day)}")
            raise self._not_met("transfers.shipments.amount", *words, str(wanted))
        chosen_ones = self.chance.sample(sorted(by_day), wanted)
        relabelled = int(transfers.relabelled.amount)
        for number, key in enumerate(chosen_ones, start=1):
            day, centre = key
            to = self._one_of([each for each in self.scenario.centres if each.id != centre])
            transfer = Transfer(number, day * DAY + 11 * HOUR, to)
            for bag in by_day[key][: transfers.bags]:
                bag.transfer = transfer
                if relabelled:
                    relabelled -= 1
                    transfer.relabelled.append(bag)
        if relabelled:
            raise self._not_met("transfers.relabelled.amount", f"{relabelled} fewer", f"少 {relabelled}")


def _begin(bag: Bag, making: Making) -> int:
    """When a process begins: the same day, or one morning when the results are there."""
    if making.hours_after < 24:
        return max(bag.ready + making.hours_after * HOUR, 8 * HOUR)  # opening stock waits for the year
    day = max((bag.ready + making.hours_after * HOUR) // DAY, bag.usable // DAY + 1)
    return day * DAY + 8 * HOUR


def _of_sizes(component: Component) -> tuple[str, str]:
    sizes = ", ".join(f"{each:f}" for each in component.sizes)
    return f"what bags of {sizes} {component.measure} add up to", f"{sizes} {component.measure} 规格可组成的数量"
