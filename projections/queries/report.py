"""This file holds the year's report: donations, and each component's way from opening to closing stock, from facts."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any

from projections.decode import (
    EPOCH,
    Fact,
    decimal_text,
    part_of_stored,
    short_name,
    thousandths,
    wires_of,
)
from projections.queries.asking import Answer, asking
from projections.queries.facts import facts_of, kept_by_stream
from projections.queries.flows import IN, NOTED, READ, Centres, Way, way_of
from projections.readmodels.database import Reading, Views, is_bag
from projections.readmodels.life import first_kept
from projections.readmodels.standing import RANKS, USUAL_RANK, in_business_order, standing

OWN = "SELECT DISTINCT facility FROM donations WHERE facility IS NOT NULL AND {known donations}"
SENDERS = "SELECT DISTINCT key FROM belongings WHERE kind = 'sender' AND {known belongings}"
CORRECTED = "SELECT stream FROM corrected"
TRANSFUSED = {"bag.transfused": frozenset(("patient", "quantity"))}
"""What is asked beside, of those who may be named."""
NOTHING: frozenset[str] = frozenset()
"""What is wanted of facts that tell enough by having happened."""
COLUMNS = (
    "opening", "made", "received", "supplied", "transferred", "discarded", "expired", "consumed", "used_otherwise",
    "closing",
)  # fmt: skip


def report(
    views: Views,
    year: int,
    at: datetime,
    known_at: datetime | None = None,
    *,
    facility: str | None = None,
    sessions: Collection[str] = (),
    patients: Collection[str] = (),
    progress: Callable[[int, int], None] | None = None,
) -> Answer:
    """A calendar year, on the clock of the ledger's first fact: `offset` is how far that was ahead of UTC.

    Shape: the head of every answer; year, offset (minutes), facility; donations {kind, measure, donations, quantity};
    components {component, measure, opening, made, received, supplied, transferred, discarded, expired, consumed,
    used_otherwise, closing}, quantities as exact text: opening + made + received = the others together; shipments
    between centres of the ledger {shipments, bags}; `sessions` {session, donations, quantity, measure} of the names
    asked about, each a name and whatever begins with it and a hyphen; `patients` {patient, component, quantity,
    measure}: what was given to those asked about.
    A centre is where blood is collected or prepared; outside this ledger, whoever sent bags to it. Whoever else bags
    are distributed to was supplied. Of one facility: its own stock, other centres being others.
    Errors: NothingKnownYet.
    """
    with asking(views, at, known_at) as put:
        offset = _offset(put.read)
        own, outside = _centres(put.read)
        while True:
            scope = own if facility is None else {facility}
            counted = _Counted(_years(year, offset), Centres(own, outside - own, scope), sessions, patients)
            for bag in _bags(put.read, bool(patients), progress):
                counted.count(bag)
            if counted.facilities <= own:
                said = {"year": year, "offset": offset, "facility": facility}
                return {**put.head(), **said, **counted.told()}
            own |= counted.facilities  # one where blood is prepared and never collected: seldom, and known only now


def _offset(read: Reading) -> int:
    """How many minutes the clock of the first readable fact was ahead of UTC."""
    for each in first_kept(read, 10):
        fact = each.read()
        if isinstance(fact, Fact):
            return int(fact.body["occasion"]["offset_minutes"])
    return 0


def _years(year: int, offset: int) -> tuple[int, int]:
    """When a year begins and when it has ended, in microseconds."""
    midnights = (datetime(each, 1, 1, tzinfo=UTC) - timedelta(minutes=offset) for each in (year, year + 1))
    begin, end = ((midnight - EPOCH) // timedelta(microseconds=1) for midnight in midnights)
    return begin, end


def _centres(read: Reading) -> tuple[set[str], set[str]]:
    """Facilities where blood is collected, and those that sent bags from outside."""
    return {name for (name,) in read.rows(OWN)}, {name for (name,) in read.rows(SENDERS)}


def _bags(read: Reading, transfusions: bool, progress: Callable[[int, int], None] | None) -> Iterator[list[Fact]]:
    """The facts of each bag that tell of its way, as they stand, in business order."""
    told = READ | TRANSFUSED if transfusions else READ
    corrected = facts_of(read, (stream for (stream,) in read.rows(CORRECTED) if is_bag(stream)))
    wanted = set(wires_of((*READ, *NOTED)))
    ways = (each for each in kept_by_stream(read, progress) if each.name in wanted and each.happened_at is not None)
    for bag, stored in groupby(ways, key=attrgetter("stream")):
        if bag in corrected:
            continue
        facts = [part_of_stored(each, told.get(short_name(each.name), NOTHING)) for each in stored]
        yield sorted(facts, key=_place) if len(facts) > 1 else facts
    for stored_facts in corrected.values():
        yield [fact for _, fact in in_business_order(standing(stored_facts).facts)]


def _place(fact: Fact) -> tuple[int, int, int]:
    return fact.happened_at, RANKS.get(fact.name, USUAL_RANK), fact.version


class _Counted:
    """The year's sums. Amounts in thousandths, by component and measure."""

    def __init__(
        self, year: tuple[int, int], centres: Centres, sessions: Collection[str], patients: Collection[str]
    ) -> None:
        (self._begin, self._end), self._centres = year, centres
        self._patients = set(patients)
        self._sessions: dict[str, tuple[set[str], Counter[str]]] = {name: (set(), Counter()) for name in sessions}
        self._donations: defaultdict[str, set[str]] = defaultdict(set)
        self._collected: Counter[tuple[str, str]] = Counter()
        self._flows: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self._given: Counter[tuple[str, str, str]] = Counter()
        self._shipments: set[str] = set()
        self._shipped = 0
        self.facilities: set[str] = set()
        """Where bags are prepared."""

    def count(self, facts: list[Fact]) -> None:
        """One bag."""
        way = way_of(facts, self._centres)
        for fact in facts:
            if fact.name == "bag.prepared":
                self.facilities |= {fact.body["facility"]} - {None}
            elif fact.name == "bag.collected" and self._now(fact.happened_at):
                self._collect(fact)
            elif fact.name == "bag.transfused" and self._patients and self._now(fact.happened_at) and way is not None:
                self._give(fact, way)
        if way is not None:
            self._pass(way)

    def _now(self, at: int) -> bool:
        return self._begin <= at < self._end

    def _collect(self, fact: Fact) -> None:
        body = fact.body
        if body["facility"] not in self._centres.scope:
            return
        amount, measure = thousandths(body["quantity"]["amount"]), body["quantity"]["measure"]
        self._donations[body["kind"]].add(body["donation"])
        self._collected[body["kind"], measure] += amount
        for name, (dins, amounts) in self._sessions.items():
            if body["session"] == name or str(body["session"]).startswith(f"{name}-"):
                dins.add(body["donation"])
                amounts[measure] += amount

    def _give(self, fact: Fact, way: Way) -> None:
        if fact.body["patient"] in self._patients:
            given = fact.body["quantity"]
            amount = way.thousandths if given is None else thousandths(given["amount"])
            self._given[fact.body["patient"], way.component, way.measure] += amount

    def _pass(self, way: Way) -> None:
        sums, amount = self._flows[way.component, way.measure], way.thousandths
        sums["opening"] += amount * _inside(way, self._begin)
        sums["closing"] += amount * _inside(way, self._end)
        for flow in way.flows:
            if self._now(flow.at):
                sums[flow.what] += amount
        ships = [shipment for at, shipment in way.shipments if self._now(at)]
        self._shipments.update(ships)
        self._shipped += len(ships)

    def told(self) -> dict[str, Any]:
        """The sums in words and exact text."""
        return {
            "donations": [
                {
                    "kind": kind,
                    "measure": measure,
                    "donations": len(self._donations[kind]),
                    "quantity": decimal_text(sum_),
                }
                for (kind, measure), sum_ in sorted(self._collected.items())
            ],
            "components": [
                {"component": component, "measure": measure, **_columns(sums)}
                for (component, measure), sums in sorted(self._flows.items())
                if any(sums.values())
            ],
            "shipments": {"shipments": len(self._shipments), "bags": self._shipped},
            "sessions": [
                {"session": name, "measure": measure, "donations": len(dins), "quantity": decimal_text(amount)}
                for name, (dins, amounts) in self._sessions.items()
                for measure, amount in sorted(amounts.items())
            ],
            "patients": [
                {"patient": patient, "component": component, "measure": measure, "quantity": decimal_text(amount)}
                for (patient, component, measure), amount in sorted(self._given.items())
            ],
        }


def _inside(way: Way, at: int) -> bool:
    """Whether a bag lay in the stock at an instant: its last flow before went in."""
    before = [flow.what for flow in way.flows if flow.at < at]
    return bool(before) and before[-1] in IN


def _columns(sums: Counter[str]) -> dict[str, str]:
    """Blood that only got another name was neither made nor consumed, but for what was more or less of it after."""
    found = Counter({name: sums[name] for name in COLUMNS})
    renamed = sums["renamed_in"] - sums["renamed_out"]
    found["made" if renamed > 0 else "consumed"] += abs(renamed)
    return {name: decimal_text(found[name]) for name in COLUMNS}
