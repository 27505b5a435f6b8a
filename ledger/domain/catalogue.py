"""This file holds the site's rules as values: products, processes, panels and policies with effective dates.

Their content is data (`ledger/catalogue`); here is only what can be asked of it.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple, TypeVar


@dataclass(frozen=True)
class Names:
    """A name in English and Chinese."""

    en: str
    zh: str


@dataclass(frozen=True, kw_only=True)
class Dated:
    """Something in force from a day on, until a day (inclusive) or for good."""

    effective_from: date
    effective_until: date | None = None

    def in_force(self, on: date) -> bool:
        return self.effective_from <= on and (self.effective_until is None or on <= self.effective_until)


@dataclass(frozen=True, kw_only=True)
class ShelfLife(Dated):
    """How long a component may be used. Unit: years (calendar), days and hours, added up.

    `processes` and `solutions` (anticoagulant or additive) narrow it: the narrowest that fits applies,
    and of several equally narrow ones the shortest.
    """

    rule: str
    years: int = 0
    days: int = 0
    hours: int = 0
    processes: tuple[str, ...] = ()
    solutions: tuple[str, ...] = ()

    def after(self, start: datetime) -> datetime:
        """The last minute at which it may be used."""
        year = start.year + self.years
        try:
            end = start.replace(year=year)
        except ValueError:  # 29 February
            end = start.replace(year=year, day=28)
        return (end + timedelta(days=self.days, hours=self.hours)).replace(second=0, microsecond=0)

    def narrowness(self, process: str, solution: str | None) -> int:
        """How narrowly it fits; negative when it does not."""
        if (self.processes and process not in self.processes) or (self.solutions and solution not in self.solutions):
            return -1
        return 2 * bool(self.processes) + bool(self.solutions)


@dataclass(frozen=True, kw_only=True)
class StorageRule(Dated):
    """The temperature range a component is stored in. Unit: degrees Celsius; None is unbounded."""

    celsius_min: Decimal | None = None
    celsius_max: Decimal | None = None


@dataclass(frozen=True, kw_only=True)
class Product:
    """A kind of component."""

    component: str
    names: Names
    measure: str
    crossmatch: bool = False
    storage: tuple[StorageRule, ...] = ()
    shelf_lives: tuple[ShelfLife, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ProcessRule(Dated):
    """How a process sets expiry: from which clock, and whether the earliest parent caps it.

    `clock`: collection, process (its start), thaw, or unchanged (the parent's).
    """

    process: str
    names: Names
    clock: str
    capped: bool = False
    ml_per_unit: Decimal | None = None
    """Most that one U of input may yield in mL of plasma and the like, anticoagulant included."""


@dataclass(frozen=True, kw_only=True)
class Panel(Dated):
    """The tests a kind of donation must have passed."""

    id: str
    kinds: tuple[str, ...]
    markers: tuple[str, ...]
    group: bool = True


@dataclass(frozen=True, kw_only=True)
class ReturnPolicy(Dated):
    """Whether what comes back on a leg may go to stock again, and how soon it must have come."""

    leg: str
    may_come_back: bool = False
    within_minutes: int | None = None


@dataclass(frozen=True, kw_only=True)
class CrossmatchPolicy(Dated):
    """How long a crossmatch is valid when its record does not say."""

    valid_hours: int


@dataclass(frozen=True)
class ProductCode:
    """What an ISBT 128 (or local) product description code holds at this site."""

    code: str
    component: str


@dataclass(frozen=True, kw_only=True)
class Band:
    """How much of a component is safe to have in stock, both bounds counted. Unit: `measure`.

    `facility` None is each facility on its own; `group` and `rhd` None are all of them together.
    """

    component: str
    measure: str
    low: Decimal
    high: Decimal
    facility: str | None = None
    group: str | None = None
    rhd: str | None = None


class RuleExpiry(NamedTuple):
    """An expiry and the rule that set it."""

    at: datetime | None
    rule: str | None


D = TypeVar("D", bound=Dated)


@dataclass(frozen=True)
class Catalogue:
    """Everything a site sets by data."""

    id: str
    products: tuple[Product, ...]
    processes: tuple[ProcessRule, ...]
    panels: tuple[Panel, ...]
    returns: tuple[ReturnPolicy, ...] = ()
    crossmatch: tuple[CrossmatchPolicy, ...] = ()
    product_codes: tuple[ProductCode, ...] = field(default=())
    bands: tuple[Band, ...] = ()

    @cached_property
    def _products(self) -> dict[str, Product]:
        return {product.component: product for product in self.products}

    @cached_property
    def _codes(self) -> dict[str, str]:
        return {each.code: each.component for each in self.product_codes}

    @cached_property
    def _expiries(self) -> dict[tuple[str | None, str, date, str | None], ShelfLife | None]:
        return {}

    @cached_property
    def _rules(self) -> dict[tuple[str, date], ProcessRule | None]:
        return {}

    @cached_property
    def _panels(self) -> dict[tuple[str, date], Panel | None]:
        return {}

    def product(self, component: str | None) -> Product | None:
        return self._products.get(component) if component is not None else None

    def component_of(self, product_code: str) -> str | None:
        """The component of an 8-character product code: by the whole code, else by its description."""
        return self._codes.get(product_code) or self._codes.get(product_code[:5])

    def process(self, name: str, at: datetime) -> ProcessRule | None:
        key = (name, at.date())
        if key not in self._rules:
            self._rules[key] = _newest(tuple(rule for rule in self.processes if rule.process == name), at)
        return self._rules[key]

    def panel(self, kind: str, at: datetime) -> Panel | None:
        key = (kind, at.date())
        if key not in self._panels:
            self._panels[key] = _newest(tuple(panel for panel in self.panels if kind in panel.kinds), at)
        return self._panels[key]

    def return_policy(self, leg: str, at: datetime) -> ReturnPolicy | None:
        return _newest(tuple(each for each in self.returns if each.leg == leg), at)

    def crossmatch_hours(self, at: datetime) -> int | None:
        policy = _newest(self.crossmatch, at)
        return policy.valid_hours if policy is not None else None

    def shelf_life(self, component: str | None, process: str, at: datetime, solution: str | None) -> ShelfLife | None:
        """The shelf life in force: the narrowest that fits, of equally narrow ones the shortest."""
        key = (component, process, at.date(), solution)
        if key not in self._expiries:
            self._expiries[key] = self._find_shelf_life(*key)
        return self._expiries[key]

    def _find_shelf_life(self, component: str | None, process: str, on: date, solution: str | None) -> ShelfLife | None:
        product = self.product(component)
        fitting = [
            (-life.narrowness(process, solution), life.years * 365.25 + life.days + life.hours / 24, life.rule, life)
            for life in (product.shelf_lives if product else ())
            if life.in_force(on) and life.narrowness(process, solution) >= 0
        ]
        return min(fitting, key=lambda each: each[:3])[-1] if fitting else None

    def in_range(self, component: str | None, low: Decimal, high: Decimal, at: datetime) -> bool:
        """Whether temperatures lie within the storage rule; False when no rule is known."""
        product = self.product(component)
        rule = _newest(product.storage, at) if product is not None else None
        if rule is None:
            return False
        return (rule.celsius_min is None or low >= rule.celsius_min) and (
            rule.celsius_max is None or high <= rule.celsius_max
        )

    def expiry(
        self,
        component: str | None,
        process: str,
        at: datetime,
        collected_at: datetime | None,
        parents: tuple[RuleExpiry, ...] = (),
        solution: str | None = None,
    ) -> RuleExpiry:
        """Expiry of what a process makes.

        `at` is on the sender's clock; `parents` are the governing expiries of its inputs with their rules.
        Source: the process's own rule; GB 18469 and WS 399 for the example catalogue's figures.
        """
        rule = self.process(process, at)
        known = [parent for parent in parents if parent.at is not None]
        earliest = min(known, key=lambda parent: parent.at) if known else None  # type: ignore[arg-type,return-value]
        if rule is None:
            return RuleExpiry(None, None)
        if rule.clock == "unchanged":
            return earliest or RuleExpiry(None, None)
        life = self.shelf_life(component, process, at, solution)
        start = collected_at if rule.clock == "collection" else at
        own = None
        if life is not None and start is not None:
            # calendar years and effective days are the site's own, so its clock counts, not UTC
            own = RuleExpiry(life.after(start.astimezone(at.tzinfo)).astimezone(UTC), life.rule)
        if rule.capped and earliest is not None and (own is None or _instant(earliest) <= _instant(own)):
            return RuleExpiry(earliest.at, f"{rule.process}: capped by {earliest.rule or 'label'}")
        return own or RuleExpiry(None, None)


def _instant(expiry: RuleExpiry) -> datetime:
    assert expiry.at is not None
    return expiry.at


def _newest(rules: tuple[D, ...], at: datetime) -> D | None:
    """The rule in force that day; of several the one that came into force last."""
    in_force = [rule for rule in rules if rule.in_force(at.date())]
    return max(in_force, key=lambda rule: rule.effective_from) if in_force else None
