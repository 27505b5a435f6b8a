"""This file holds what a scenario says: where, how much of what, by which source; read from a file, strictly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import cast

from ledger.data_files.broken import BrokenFile, Place
from ledger.data_files.records import nearest, one_of, record
from ledger.data_files.strict_yaml import compose, entries
from ledger.isbt128.bad_scan import Words
from ledger.simulator.amounts import GRAIN, grains, text_of

FOLDER = Path(__file__).with_name("scenarios")
"""The scenarios there are; a file of one's own is named by its path."""
FLOWS_IN = ("opening", "made")
FLOWS_OUT = ("supplied", "transferred", "discarded", "expired", "consumed", "closing")
WORLDS = ("centres", "published_week", "trouble")
MEASURES = ("U", "mL", "dose", "donations", "bags", "shipments")
OURS = "ours"
"""The source of figures that are nobody's but this project's."""


@dataclass(frozen=True)
class Names:
    """What people call it."""

    en: str
    zh: str


@dataclass(frozen=True)
class Source:
    """Who published a figure, and when."""

    names: Names
    year: int


@dataclass(frozen=True)
class Figure:
    """An exact number. `measure` may be left out where what it counts says so; `source` names one of the sources."""

    amount: Decimal
    measure: str | None = None
    source: str = OURS


NOTHING = Figure(Decimal(0))


@dataclass(frozen=True)
class Site:
    """A facility. `share`: of what is shared out, how much it gets beside the others."""

    id: str
    share: int = 1


@dataclass(frozen=True)
class Donors:
    """Who gives. `groups`: ABO by share; `rhd_negative`: of a thousand."""

    groups: dict[str, int]
    rhd_negative: int = 4


@dataclass(frozen=True)
class Session:
    """A part of the donations with totals of its own, on one day or a few; its sessions are called by its name."""

    name: str
    donations: Figure
    quantity: Figure
    sessions: int = 1


@dataclass(frozen=True)
class Giving:
    """One kind of donation. `sizes`: of the quantity of one donation, by share; `bag`: what one container takes."""

    kind: str
    code: str
    donations: Figure
    quantity: Figure
    sizes: dict[str, int]
    days_between: int
    bag: Decimal | None = None
    most_a_year: int = 1_000
    reactive: Figure = NOTHING
    sessions: tuple[Session, ...] = ()


@dataclass(frozen=True)
class Making:
    """One process: of what, how much, what a unit of it gives, and how long after.

    `ages_anew`: the shelf life of what it gives runs from the process, as of anything opened.
    """

    process: str
    of: str
    takes: Figure
    gives: dict[str, Decimal]
    hours_after: int = 2
    ages_anew: bool = False
    rhd_negative_only: bool = False


@dataclass(frozen=True)
class Component:
    """One component's year: opening + made = supplied + transferred + discarded + expired + consumed + closing.

    `lasts_days`: its shelf life from collection; `supplied_after`: days from release to supply, at least and at most.
    """

    component: str
    names: Names
    measure: str
    code: str
    sizes: tuple[Decimal, ...]
    made: Figure
    supplied: Figure = NOTHING
    transferred: Figure = NOTHING
    discarded: Figure = NOTHING
    expired: Figure = NOTHING
    consumed: Figure = NOTHING
    opening: Figure = NOTHING
    closing: Figure = NOTHING
    lasts_days: int = 36_500
    supplied_after: tuple[int, ...] = (0, 10)
    crossmatched: bool = False


@dataclass(frozen=True)
class Need:
    """One patient's emergency: so much of each component, of one group, at one hospital, from one day on."""

    patient: str
    hospital: str
    group: str
    day: int
    amounts: dict[str, Figure]
    made_days_before: int = 0


@dataclass(frozen=True)
class Transfers:
    """Shipments between the centres of the ledger; of the bags some get a number of the centre they come to."""

    shipments: Figure
    component: str
    bags: int = 4
    relabelled: Figure = NOTHING


@dataclass(frozen=True)
class Published:
    """A figure that is a sum of others: supplied amounts of some components."""

    names: Names
    supplied_of: tuple[str, ...]
    figure: Figure


@dataclass(frozen=True)
class Scenario:
    """A world's data. `world`: which kind; the sections of `centres` are asked for there alone."""

    scenario: str
    names: Names
    year: int
    world: str = "centres"
    offset: str = "+08:00"
    sources: dict[str, Source] = field(default_factory=dict)
    centres: tuple[Site, ...] = ()
    hospitals: tuple[Site, ...] = ()
    neighbours: tuple[Site, ...] = ()
    donors: Donors = field(default_factory=lambda: Donors({}))
    donations: tuple[Giving, ...] = ()
    processes: tuple[Making, ...] = ()
    components: tuple[Component, ...] = ()
    needs: tuple[Need, ...] = ()
    transfers: Transfers | None = None
    published: tuple[Published, ...] = ()

    def component(self, name: str) -> Component:
        """One component. Errors: KeyError."""
        return next(each for each in self.components if each.component == name)


class ScenarioFile:
    """A scenario, and where in its file everything stands."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.places: dict[str, Place] = {}
        node = compose(path)
        whole = Place(str(path), 1)
        if node is None:
            raise BrokenFile("empty", whole, one_of(Scenario))
        self.scenario = cast(Scenario, record(Scenario, entries(node, whole), whole, self.places))
        for found in _complaints(self.scenario):
            raise self.broken(*found)

    def broken(self, code: str, field: str, expected: Words, found: str = "") -> BrokenFile:
        """What is wrong, with file, line and field."""
        return BrokenFile(code, nearest(field, self.places, Place(str(self.path), 1)), expected, found)


class NoScenario(LookupError):
    """There is no scenario of that name."""


def scenarios() -> list[str]:
    """The names of the scenarios there are."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load_scenario(name: str) -> ScenarioFile:
    """A scenario by its name, or by the path of a file that ends in .yaml.

    Errors: NoScenario; BrokenFile, with file, line and field.
    """
    if name.endswith(".yaml"):
        return ScenarioFile(Path(name))
    if name not in scenarios():
        raise NoScenario(name)
    return ScenarioFile(FOLDER / f"{name}.yaml")


# -- what must be so ----------------------------------------------------------------------------------------

Wrong = tuple[str, str, Words, str]


def _complaints(scenario: Scenario) -> Iterator[Wrong]:
    """What does not make sense, the first thing first."""
    yield from _known(scenario.world, WORLDS, "world")
    for field_, figure, measure in _figures(scenario):
        yield from _sound(scenario, field_, figure, measure)
    if scenario.world == "centres":
        yield from _complete(scenario)
        yield from _units(scenario)
        for number, each in enumerate(scenario.components):
            yield from _balanced(each, f"components[{number}]")
        yield from _linked(scenario)


def _known(value: str, allowed: tuple[str, ...], field_: str) -> Iterator[Wrong]:
    if value not in allowed:
        yield "unknown_value", field_, Words(f"one of {', '.join(allowed)}", f"{'、'.join(allowed)} 之一"), value


def _figures(scenario: Scenario) -> Iterator[tuple[str, Figure, str]]:
    """Every figure, its field and what it is counted in."""
    measures = {each.component: each.measure for each in scenario.components}
    for number, giving in enumerate(scenario.donations):
        where = f"donations[{number}]"
        unit = "dose" if giving.kind == "apheresis_platelets" else "mL" if giving.kind == "apheresis_plasma" else "U"
        yield f"{where}.donations", giving.donations, "donations"
        yield f"{where}.quantity", giving.quantity, unit
        yield f"{where}.reactive", giving.reactive, "donations"
        for place, session in enumerate(giving.sessions):
            yield f"{where}.sessions[{place}].donations", session.donations, "donations"
            yield f"{where}.sessions[{place}].quantity", session.quantity, unit
    for number, making in enumerate(scenario.processes):
        yield f"processes[{number}].takes", making.takes, measures.get(making.of, "U")
    for number, component in enumerate(scenario.components):
        for flow in (*FLOWS_IN, *FLOWS_OUT):
            yield f"components[{number}].{flow}", getattr(component, flow), component.measure
    for number, need in enumerate(scenario.needs):
        for name, figure in need.amounts.items():
            yield f"needs[{number}].amounts.{name}", figure, measures.get(name, "U")
    if scenario.transfers is not None:
        yield "transfers.shipments", scenario.transfers.shipments, "shipments"
        yield "transfers.relabelled", scenario.transfers.relabelled, "bags"
    for number, published in enumerate(scenario.published):
        first = next(iter(published.supplied_of), "")
        yield f"published[{number}].figure", published.figure, measures.get(first, "U")


def _sound(scenario: Scenario, field_: str, figure: Figure, measure: str) -> Iterator[Wrong]:
    """Not below zero, no finer than a thousandth, of the one measure, from a source that is named."""
    amount = figure.amount
    if not amount.is_finite() or amount < 0 or amount % GRAIN:
        words = Words("a number from 0, of at most 3 decimals", "不小于 0、至多三位小数的数")
        yield "out_of_range", f"{field_}.amount", words, str(amount)
    elif measure in ("donations", "bags", "shipments") and amount % 1:
        yield "out_of_range", f"{field_}.amount", Words("a whole number", "整数"), str(amount)
    if figure.measure not in (None, measure):
        yield "other_measure", f"{field_}.measure", Words(measure, measure), str(figure.measure)
    yield from _known(figure.source, (OURS, *scenario.sources), f"{field_}.source")


def _complete(scenario: Scenario) -> Iterator[Wrong]:
    for name in ("centres", "hospitals", "donations", "components"):
        if not getattr(scenario, name):
            yield "missing_field", name, Words("at least one", "至少一项"), ""
    if not scenario.donors.groups:
        yield "missing_field", "donors", Words("groups: {A: 28, …}", "groups: {A: 28, …}"), ""
    opening = any(each.opening.amount for each in scenario.components)
    sent = any(each.transferred.amount for each in scenario.components)
    if (opening or sent) and not scenario.neighbours:
        words = Words("where opening stock came from and transfers go", "期初库存的来源与调剂的去向")
        yield "missing_field", "neighbours", words, ""
    for name in ("centres", "neighbours"):
        for number, site in enumerate(getattr(scenario, name)):
            if len(site.id) != 5 or not site.id.isalnum():
                words = Words("a facility number of 5 characters (ISBT 128)", "5 位机构编码（ISBT 128）")
                yield "malformed", f"{name}[{number}].id", words, site.id


def _units(scenario: Scenario) -> Iterator[Wrong]:
    """Every component in a measure there is, once, in sizes above zero."""
    seen: set[str] = set()
    for number, each in enumerate(scenario.components):
        field_ = f"components[{number}]"
        yield from _known(each.measure, ("U", "mL", "dose"), f"{field_}.measure")
        if each.component in seen:
            yield "duplicate", f"{field_}.component", Words("each only once", "各出现一次"), each.component
        seen.add(each.component)
        if not each.sizes or min(each.sizes) <= 0:
            yield "out_of_range", f"{field_}.sizes", Words("sizes above 0", "大于 0 的规格"), ""
        if len(each.supplied_after) != 2 or each.supplied_after[0] > each.supplied_after[1]:
            words = Words("two days, [least, most]", "两个天数 [最少, 最多]")
            yield "out_of_range", f"{field_}.supplied_after", words, ""
    for number, giving in enumerate(scenario.donations):
        for size in giving.sizes:
            if not size.replace(".", "", 1).isdigit() or not float(size):
                yield "malformed", f"donations[{number}].sizes", Words("sizes above 0", "大于 0 的规格"), size


def _balanced(each: Component, field_: str) -> Iterator[Wrong]:
    """Opening stock and what was made are all accounted for."""
    come = sum(grains(getattr(each, flow).amount) for flow in FLOWS_IN)
    gone = sum(grains(getattr(each, flow).amount) for flow in FLOWS_OUT)
    if come != gone:
        words = Words(
            f"opening + made ({text_of(come)} {each.measure}) = {' + '.join(FLOWS_OUT)}",
            f"期初 + 制备（{text_of(come)} {each.measure}）= 供应 + 调剂 + 报废 + 过期 + 消耗 + 期末",
        )
        yield "unbalanced", field_, words, text_of(gone)


def _linked(scenario: Scenario) -> Iterator[Wrong]:
    """What processes take is what is consumed, and what they and the donors give is what is made."""
    names = tuple(each.component for each in scenario.components)
    wrong = list(_named(scenario, names))
    yield from wrong
    if not wrong:
        yield from _flowing(scenario)
        for number, published in enumerate(scenario.published):
            yield from _summed(scenario, published, f"published[{number}]")


def _named(scenario: Scenario, names: tuple[str, ...]) -> Iterator[Wrong]:
    """Everything named elsewhere stands among the components, or the hospitals."""
    for number, giving in enumerate(scenario.donations):
        yield from _known(giving.kind, names, f"donations[{number}].kind")
    for number, making in enumerate(scenario.processes):
        yield from _known(making.of, names, f"processes[{number}].of")
        for name, each in making.gives.items():
            yield from _known(name, names, f"processes[{number}].gives.{name}")
            if each <= 0:
                yield "out_of_range", f"processes[{number}].gives.{name}", Words("above 0", "大于 0"), str(each)
    for number, need in enumerate(scenario.needs):
        yield from _known(need.hospital, tuple(each.id for each in scenario.hospitals), f"needs[{number}].hospital")
        for name in need.amounts:
            yield from _known(name, names, f"needs[{number}].amounts.{name}")
    for number, published in enumerate(scenario.published):
        for place, name in enumerate(published.supplied_of):
            yield from _known(name, names, f"published[{number}].supplied_of[{place}]")
    if scenario.transfers is not None:
        yield from _known(scenario.transfers.component, names, "transfers.component")


def _flowing(scenario: Scenario) -> Iterator[Wrong]:
    made, consumed = Counter[str](), Counter[str]()
    for giving in scenario.donations:
        made[giving.kind] += grains(giving.quantity.amount)
    for making in scenario.processes:
        consumed[making.of] += grains(making.takes.amount)
        for name, each in making.gives.items():
            made[name] += grains(making.takes.amount * each)
    for number, component in enumerate(scenario.components):
        for flow, found in (("made", made), ("consumed", consumed)):
            come, stated = found[component.component], getattr(component, flow).amount
            if come != grains(stated):
                words = Words(
                    f"{text_of(come)} {component.measure}, as donations and processes have it",
                    f"{text_of(come)} {component.measure}（与采集和制备一致）",
                )
                yield "unbalanced", f"components[{number}].{flow}", words, str(stated)


def _summed(scenario: Scenario, published: Published, field_: str) -> Iterator[Wrong]:
    together = sum(grains(scenario.component(name).supplied.amount) for name in published.supplied_of)
    if together != grains(published.figure.amount):
        words = Words(f"{text_of(together)}, what is supplied of these", f"{text_of(together)}（这些品种的供应量）")
        yield "unbalanced", f"{field_}.figure.amount", words, str(published.figure.amount)
