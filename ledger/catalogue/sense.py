"""This file holds what a well-formed catalogue must also fulfil to make sense: pure, one generator a rule."""

import re
from collections.abc import Callable, Iterator
from decimal import Decimal

from ledger.domain.catalogue import Band, Catalogue, Product, ShelfLife, StorageRule
from ledger.domain.codes import GROUPS, RHDS
from ledger.domain.reading import MEASURES
from ledger.isbt128.bad_scan import Words
from ledger.isbt128.product import DESCRIPTION, PRODUCT_ELEMENTS

from .complaints import SOME_TEXT, Complaint, between, dates, each_known, known, named, same_day, shape, twice

PROCESSES = (
    "separate", "split", "pool", "wash", "irradiate", "thaw", "leukoreduce", "inactivate", "cryo", "freeze",
    "deglycerolise", "redesignate", "relabel",
)  # fmt: skip
BEGINNINGS = ("collect", "receive", "label")
"""What makes a bag known without preparing it: these have a rule too."""
CLOCKS = ("collection", "process", "thaw", "unchanged")
KINDS = ("whole_blood", "apheresis_platelets", "apheresis_plasma", "apheresis_granulocytes")
LEGS = ("ward_to_bank", "hospital_to_centre")

_CODE_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SNAKE = Words("lower-case words joined by _, such as whole_blood", "以下划线连接的小写单词，如 whole_blood")
_AN_ID = Words("up to 64 of A-Z, a-z, 0-9, dot, - and _", "至多 64 个字符：A-Z、a-z、0-9、点、- 和 _")
_PRODUCT_CODE = Words(
    "5 characters (description) or 8 (with collection type and division), as in E5445 or P0147VA0",
    "5 位（描述码）或 8 位（含采集类型和分装码），如 E5445 或 P0147VA0",
)
_COLDEST, _HOTTEST = Decimal("-273.15"), Decimal(100)
# Far above any rule, and low enough that no sum of them leaves the calendar.
_MOST_YEARS = 100
_MOST_DAYS = 36_525
_MOST_HOURS = 876_600
_MOST_ML = 10_000
_MOST_STOCK = 100_000_000


def complaints(catalogue: Catalogue) -> Iterator[Complaint]:
    """Everything that does not make sense, section by section."""
    for rule in _RULES:
        yield from rule(catalogue)


# ── products ──────────────────────────────────────────────────────────────────────────────────────────────


def _identity(catalogue: Catalogue) -> Iterator[Complaint]:
    yield from shape(_ID, _AN_ID, catalogue.id, "id")


def _products(catalogue: Catalogue) -> Iterator[Complaint]:
    if not catalogue.products:
        yield Complaint("empty", "products", Words("at least one product", "至少一个产品"))
    seen = twice()
    for number, product in enumerate(catalogue.products):
        field = f"products[{number}]"
        yield from shape(_CODE_NAME, _SNAKE, product.component, f"{field}.component")
        yield from seen.again(product.component, f"{field}.component", product.component)
        yield from named(product.names, f"{field}.names")
        yield from known(product.measure, MEASURES, f"{field}.measure")
        yield from _storage(product.storage, f"{field}.storage")
        yield from _shelf_lives(product, f"{field}.shelf_lives")


def _storage(rules: tuple[StorageRule, ...], field: str) -> Iterator[Complaint]:
    seen = same_day()
    for number, rule in enumerate(rules):
        at = f"{field}[{number}]"
        yield from dates(rule, at)
        yield from seen.again(rule.effective_from, f"{at}.effective_from", str(rule.effective_from))
        yield from _celsius(rule, at)


def _celsius(rule: StorageRule, field: str) -> Iterator[Complaint]:
    low, high = rule.celsius_min, rule.celsius_max
    if low is None and high is None:
        either = Words("celsius_min, celsius_max or both", "celsius_min、celsius_max 或两者")
        yield Complaint("empty", field, either)
    outside = [
        complaint
        for name, value in (("celsius_min", low), ("celsius_max", high))
        if value is not None
        for complaint in between(value, _COLDEST, _HOTTEST, f"{field}.{name}")
    ]
    yield from outside
    if not outside and low is not None and high is not None and low > high:
        words = Words(f"celsius_max ({high}) or less", f"不高于 celsius_max（{high}）")
        yield Complaint("min_above_max", f"{field}.celsius_min", words, str(low))


def _shelf_lives(product: Product, field: str) -> Iterator[Complaint]:
    seen = twice()
    for number, life in enumerate(product.shelf_lives):
        at = f"{field}[{number}]"
        yield from shape(_ID, _AN_ID, life.rule, f"{at}.rule")
        # A fact names the rule that set its expiry: two rules of one name could not be told apart.
        yield from seen.again(life.rule, f"{at}.rule", life.rule)
        yield from dates(life, at)
        yield from _length(life, at)
        yield from each_known(life.processes, PROCESSES + BEGINNINGS, f"{at}.processes")
        yield from _solutions(life.solutions, f"{at}.solutions")


def _length(life: ShelfLife, field: str) -> Iterator[Complaint]:
    parts = (
        ("years", life.years, _MOST_YEARS),
        ("days", life.days, _MOST_DAYS),
        ("hours", life.hours, _MOST_HOURS),
    )
    for name, value, most in parts:
        yield from between(value, 0, most, f"{field}.{name}")
    if not any(value for _, value, _ in parts):
        words = Words("years, days or hours above 0", "大于 0 的 years、days 或 hours")
        yield Complaint("no_length", f"{field}.days", words)


def _solutions(solutions: tuple[str, ...], field: str) -> Iterator[Complaint]:
    seen = twice()
    for number, solution in enumerate(solutions):
        if not solution.strip():
            yield Complaint("empty", f"{field}[{number}]", SOME_TEXT)
        yield from seen.again(solution, f"{field}[{number}]", solution)


# ── processes and panels ──────────────────────────────────────────────────────────────────────────────────


def _processes(catalogue: Catalogue) -> Iterator[Complaint]:
    seen = same_day()
    for number, rule in enumerate(catalogue.processes):
        field = f"processes[{number}]"
        yield from known(rule.process, PROCESSES + BEGINNINGS, f"{field}.process")
        yield from seen.again((rule.process, rule.effective_from), f"{field}.process", rule.process)
        yield from named(rule.names, f"{field}.names")
        yield from known(rule.clock, CLOCKS, f"{field}.clock")
        yield from dates(rule, field)
        if rule.ml_per_unit is not None:
            yield from between(rule.ml_per_unit, 1, _MOST_ML, f"{field}.ml_per_unit")
    # Without a rule what the process makes would have no expiry but its label's.
    yield from _covered(PROCESSES + BEGINNINGS, {rule.process for rule in catalogue.processes}, "processes")


def _panels(catalogue: Catalogue) -> Iterator[Complaint]:
    seen = same_day()
    for number, panel in enumerate(catalogue.panels):
        field = f"panels[{number}]"
        yield from shape(_ID, _AN_ID, panel.id, f"{field}.id")
        yield from each_known(panel.kinds, KINDS, f"{field}.kinds")
        yield from _markers(panel.markers, f"{field}.markers")
        yield from dates(panel, field)
        if not panel.kinds:
            yield Complaint("empty", f"{field}.kinds", Words("at least one kind", "至少一个献血种类"))
        for kind in dict.fromkeys(panel.kinds):
            yield from seen.again((kind, panel.effective_from), f"{field}.kinds", kind)
    yield from _covered(KINDS, {kind for panel in catalogue.panels for kind in panel.kinds}, "panels")


def _markers(markers: tuple[str, ...], field: str) -> Iterator[Complaint]:
    # A panel that asks for nothing would find every donation acceptable.
    if not markers:
        yield Complaint("empty", field, Words("at least one marker", "至少一个检测项目"))
    seen = twice()
    for number, marker in enumerate(markers):
        yield from shape(
            _CODE_NAME, Words("a marker such as hbsag", "检测项目，如 hbsag"), marker, f"{field}[{number}]"
        )
        yield from seen.again(marker, f"{field}[{number}]", marker)


def _covered(wanted: tuple[str, ...], given: set[str], field: str) -> Iterator[Complaint]:
    missing = [each for each in wanted if each not in given]
    if missing:
        words = Words(f"a rule for {', '.join(missing)}", f"{'、'.join(missing)} 的规则")
        yield Complaint("not_covered", field, words)


# ── policies, product codes and bands ─────────────────────────────────────────────────────────────────────


def _returns(catalogue: Catalogue) -> Iterator[Complaint]:
    seen = same_day()
    for number, policy in enumerate(catalogue.returns):
        field = f"returns[{number}]"
        yield from known(policy.leg, LEGS, f"{field}.leg")
        yield from seen.again((policy.leg, policy.effective_from), f"{field}.leg", policy.leg)
        yield from dates(policy, field)
        if policy.within_minutes is not None:
            yield from between(policy.within_minutes, 1, _MOST_HOURS * 60, f"{field}.within_minutes")


def _crossmatch(catalogue: Catalogue) -> Iterator[Complaint]:
    seen = same_day()
    for number, policy in enumerate(catalogue.crossmatch):
        field = f"crossmatch[{number}]"
        yield from dates(policy, field)
        yield from seen.again(policy.effective_from, f"{field}.effective_from", str(policy.effective_from))
        yield from between(policy.valid_hours, 1, _MOST_HOURS, f"{field}.valid_hours")


def _product_codes(catalogue: Catalogue) -> Iterator[Complaint]:
    components = {product.component for product in catalogue.products}
    seen = twice()
    for number, each in enumerate(catalogue.product_codes):
        field = f"product_codes[{number}]"
        if not _is_product_code(each.code):
            yield Complaint("malformed", f"{field}.code", _PRODUCT_CODE, each.code)
        yield from seen.again(each.code, f"{field}.code", each.code)
        if each.component not in components:
            words = Words("a component of the section products", "products 部分中的成分")
            yield Complaint("unknown_component", f"{field}.component", words, each.component)


def _is_product_code(code: str) -> bool:
    alphabets = [alphabet for element in PRODUCT_ELEMENTS for alphabet in element.alphabets]
    fits = all(character in alphabet.characters for character, alphabet in zip(code, alphabets, strict=False))
    return fits and len(code) in (len(DESCRIPTION.alphabets), len(alphabets))


def _bands(catalogue: Catalogue) -> Iterator[Complaint]:
    seen = twice()
    for number, band in enumerate(catalogue.bands):
        field = f"bands[{number}]"
        yield from _counted(band, catalogue, field)
        if band.facility is not None and not band.facility.strip():
            yield Complaint("empty", f"{field}.facility", SOME_TEXT)
        for name, value, allowed in (("group", band.group, GROUPS), ("rhd", band.rhd, RHDS)):
            if value is not None:
                yield from known(value, allowed, f"{field}.{name}")
        yield from _bounds(band, field)
        key = (band.facility, band.component, band.group, band.rhd)
        yield from seen.again(key, f"{field}.component", band.component)


def _counted(band: Band, catalogue: Catalogue, field: str) -> Iterator[Complaint]:
    """A band in another measure than its component's would never be met."""
    product = catalogue.product(band.component)
    if product is None:
        words = Words("a component of the section products", "products 部分中的成分")
        yield Complaint("unknown_component", f"{field}.component", words, band.component)
    elif band.measure != product.measure:
        yield Complaint("other_measure", f"{field}.measure", Words(product.measure, product.measure), band.measure)


def _bounds(band: Band, field: str) -> Iterator[Complaint]:
    outside = [
        complaint
        for name, value in (("low", band.low), ("high", band.high))
        for complaint in between(value, 0, _MOST_STOCK, f"{field}.{name}")
    ]
    yield from outside
    if not outside and band.low > band.high:
        words = Words(f"high ({band.high}) or less", f"不高于 high（{band.high}）")
        yield Complaint("low_above_high", f"{field}.low", words, str(band.low))


_RULES: tuple[Callable[[Catalogue], Iterator[Complaint]], ...] = (
    _identity, _products, _processes, _panels, _returns, _crossmatch, _product_codes, _bands,
)  # fmt: skip
