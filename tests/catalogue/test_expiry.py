"""This file holds the tests of expiry under the example catalogue, by process, and of rules with dates."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest

from ledger.catalogue import EXAMPLE, load_catalogue
from ledger.domain.catalogue import Catalogue, RuleExpiry

CATALOGUE = load_catalogue()
CHINA = timezone(timedelta(hours=8))
COLLECTED = datetime(2026, 3, 1, 9, 30, tzinfo=CHINA)
MADE = datetime(2026, 3, 2, 14, 45, 30, tzinfo=CHINA)
TO_THE_MINUTE = MADE.replace(second=0)


def expiry(
    component: str | None,
    process: str,
    parents: tuple[RuleExpiry, ...] = (),
    solution: str | None = None,
    at: datetime = MADE,
    collected_at: datetime | None = COLLECTED,
    catalogue: Catalogue = CATALOGUE,
) -> RuleExpiry:
    return catalogue.expiry(component, process, at, collected_at, parents, solution)


def parent(days: float, rule: str = "parent") -> RuleExpiry:
    return RuleExpiry(TO_THE_MINUTE + timedelta(days=days), rule)


# ── from collection, not capped ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "process, component, solution, wanted, rule",
    [
        ("collect", "whole_blood", None, timedelta(days=21), "whole-blood-21d"),
        ("collect", "whole_blood", "CPD", timedelta(days=21), "whole-blood-21d"),
        ("collect", "whole_blood", "CPDA-1", timedelta(days=35), "whole-blood-cpda1-35d"),
        ("receive", "apheresis_platelets", None, timedelta(days=5), "apheresis-platelets-5d"),
        ("collect", "granulocytes", None, timedelta(hours=24), "granulocytes-24h"),
        ("separate", "suspended_red_cells", "CPD", timedelta(days=35), "suspended-red-cells-35d"),
        ("separate", "suspended_red_cells", "AS-3", timedelta(days=42), "suspended-red-cells-as-42d"),
        ("separate", "concentrated_platelets", None, timedelta(days=5), "concentrated-platelets-5d"),
        (
            "leukoreduce",
            "leukoreduced_suspended_red_cells",
            "SAGM",
            timedelta(days=35),
            "leukoreduced-red-cells-35d",
        ),
        (
            "leukoreduce",
            "leukoreduced_suspended_red_cells",
            "AS-1",
            timedelta(days=42),
            "leukoreduced-red-cells-as-42d",
        ),
    ],
)
def test_a_closed_process_counts_from_collection(
    process: str, component: str, solution: str | None, wanted: timedelta, rule: str
) -> None:
    assert expiry(component, process, solution=solution) == RuleExpiry(COLLECTED + wanted, rule)


@pytest.mark.parametrize(
    "process, component, year, rule",
    [
        ("separate", "fresh_frozen_plasma", 2027, "ffp-1y"),
        ("freeze", "frozen_plasma", 2030, "frozen-plasma-4y"),
        ("freeze", "frozen_red_cells", 2036, "frozen-red-cells-10y"),
        ("inactivate", "virus_inactivated_frozen_plasma", 2030, "virus-inactivated-plasma-4y"),
        ("cryo", "cryoprecipitate", 2027, "cryoprecipitate-1y"),
        ("cryo", "cryo_poor_plasma", 2030, "cryo-poor-plasma-4y"),
        ("collect", "apheresis_plasma", 2027, "apheresis-plasma-1y"),
        ("redesignate", "frozen_plasma", 2030, "frozen-plasma-4y"),
    ],
)
def test_years_are_those_of_the_calendar(process: str, component: str, year: int, rule: str) -> None:
    assert expiry(component, process) == RuleExpiry(COLLECTED.replace(year=year), rule)


@pytest.mark.parametrize("process", ["separate", "leukoreduce", "inactivate", "cryo", "freeze", "redesignate"])
def test_a_closed_process_is_not_capped_by_its_parent(process: str) -> None:
    assert expiry("frozen_plasma", process, (parent(0.5),)).at == COLLECTED.replace(year=2030)


def test_whole_blood_of_21_days_lawfully_gives_red_cells_of_35_and_plasma_of_years() -> None:
    whole = expiry("whole_blood", "collect", at=COLLECTED)
    assert whole.at == COLLECTED + timedelta(days=21)
    assert expiry("suspended_red_cells", "separate", (whole,)).at == COLLECTED + timedelta(days=35)
    assert expiry("fresh_frozen_plasma", "separate", (whole,)).at == COLLECTED.replace(year=2027)
    assert expiry("frozen_plasma", "separate", (whole,)).at == COLLECTED.replace(year=2030)


def test_fresh_frozen_plasma_redesignated_lives_four_years_from_collection() -> None:
    ffp = expiry("fresh_frozen_plasma", "separate")
    later = COLLECTED + timedelta(days=400)
    assert ffp.at is not None and later > ffp.at
    made = expiry("frozen_plasma", "redesignate", (ffp,), at=later)
    assert made == RuleExpiry(COLLECTED.replace(year=2030), "frozen-plasma-4y")


def test_without_a_collection_no_rule_can_count_from_it() -> None:
    assert expiry("suspended_red_cells", "separate", collected_at=None) == RuleExpiry(None, None)


# ── from the start of the process, capped ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "process, component, wanted, rule",
    [
        ("wash", "washed_red_cells", timedelta(hours=24), "washed-red-cells-24h"),
        ("wash", "suspended_red_cells", timedelta(hours=24), "suspended-red-cells-washed-24h"),
        ("irradiate", "irradiated_red_cells", timedelta(days=14), "irradiated-red-cells-14d"),
        (
            "irradiate",
            "leukoreduced_suspended_red_cells",
            timedelta(days=14),
            "leukoreduced-red-cells-irradiated-14d",
        ),
        ("irradiate", "whole_blood", timedelta(days=14), "whole-blood-irradiated-14d"),
        ("pool", "pooled_platelets", timedelta(days=5), "pooled-platelets-5d"),
    ],
)
def test_an_opened_bag_counts_from_the_start_of_the_process(
    process: str, component: str, wanted: timedelta, rule: str
) -> None:
    assert expiry(component, process, (parent(30),)) == RuleExpiry(TO_THE_MINUTE + wanted, rule)


@pytest.mark.parametrize(
    "process, component",
    [("wash", "washed_red_cells"), ("irradiate", "irradiated_red_cells"), ("split", "whole_blood"),
     ("pool", "pooled_platelets")],
)  # fmt: skip
def test_an_opened_bag_never_outlives_its_earliest_parent(process: str, component: str) -> None:
    early = parent(0.25, "oldest")
    made = expiry(component, process, (parent(3), early, parent(2)))
    assert made == RuleExpiry(early.at, f"{process}: capped by oldest")


def test_a_split_keeps_its_parents_expiry() -> None:
    whole = parent(7, "suspended-red-cells-35d")
    assert expiry("suspended_red_cells", "split", (whole,)).at == whole.at


def test_a_cap_by_a_label_says_so() -> None:
    label = RuleExpiry(TO_THE_MINUTE + timedelta(hours=1), None)
    assert expiry("washed_red_cells", "wash", (label,)) == RuleExpiry(label.at, "wash: capped by label")


def test_a_component_without_shelf_life_is_still_capped() -> None:
    assert expiry("of_another_site", "pool", (parent(2),)).at == parent(2).at


OPENED = [
    each.component
    for each in CATALOGUE.products
    if each.component == "whole_blood" or each.component.endswith(("red_cells", "platelets"))
]


@pytest.mark.parametrize("component", [each for each in OPENED if each != "frozen_red_cells"])
def test_nothing_opened_keeps_longer_than_a_day_even_under_its_old_name(component: str) -> None:
    assert expiry(component, "wash", (parent(30),)).at == TO_THE_MINUTE + timedelta(hours=24)


# ── from thaw, unchanged, unknown ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "process, component, hours, rule",
    [
        ("thaw", "thawed_plasma", 24, "thawed-plasma-24h"),
        ("thaw", "thawed_cryoprecipitate", 6, "thawed-cryoprecipitate-6h"),
        ("thaw", "fresh_frozen_plasma", 24, "ffp-thawed-24h"),
        ("thaw", "frozen_plasma", 24, "frozen-plasma-thawed-24h"),
        ("thaw", "virus_inactivated_frozen_plasma", 24, "virus-inactivated-plasma-thawed-24h"),
        ("thaw", "apheresis_plasma", 24, "apheresis-plasma-thawed-24h"),
        ("thaw", "cryo_poor_plasma", 24, "cryo-poor-plasma-thawed-24h"),
        ("thaw", "cryoprecipitate", 6, "cryoprecipitate-thawed-6h"),
        ("deglycerolise", "deglycerolised_red_cells", 24, "deglycerolised-red-cells-24h"),
        ("deglycerolise", "frozen_red_cells", 24, "frozen-red-cells-thawed-24h"),
    ],
)
def test_a_thawed_bag_counts_from_thaw_even_under_its_old_name(
    process: str, component: str, hours: int, rule: str
) -> None:
    wanted = RuleExpiry(TO_THE_MINUTE + timedelta(hours=hours), rule)
    assert expiry(component, process, (parent(300),)) == wanted


@pytest.mark.parametrize("process", ["relabel", "label"])
def test_a_new_label_changes_nothing(process: str) -> None:
    assert expiry("washed_red_cells", process, (parent(9), parent(3, "earlier"))) == parent(3, "earlier")
    assert expiry("washed_red_cells", process) == RuleExpiry(None, None)


def test_what_the_catalogue_does_not_know_has_no_expiry_by_rule() -> None:
    assert expiry("honey", "separate") == RuleExpiry(None, None)
    assert expiry(None, "separate") == RuleExpiry(None, None)
    assert expiry("whole_blood", "ferment") == RuleExpiry(None, None)


# ── the calendar ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "component, wanted", [("fresh_frozen_plasma", date(2025, 2, 28)), ("frozen_plasma", date(2028, 2, 29))]
)
def test_a_leap_day_ends_on_the_last_of_february(component: str, wanted: date) -> None:
    leap_day = datetime(2024, 2, 29, 10, 0, tzinfo=UTC)
    at = expiry(component, "separate", at=leap_day, collected_at=leap_day).at
    assert at is not None
    assert at.date() == wanted
    assert at.hour == 10


def test_an_expiry_is_to_the_minute() -> None:
    collected = datetime(2026, 3, 1, 9, 30, 59, 999_999, tzinfo=CHINA)
    assert expiry("whole_blood", "collect", at=collected, collected_at=collected).at == datetime(
        2026, 3, 22, 9, 30, tzinfo=CHINA
    )


# ── which rule applies ────────────────────────────────────────────────────────────────────────────────────

RULES = """
      - {rule: plain, effective_from: 1998-10-01, days: 30}
      - {rule: shorter, effective_from: 1998-10-01, days: 28}
      - {rule: by-solution, effective_from: 1998-10-01, days: 40, solutions: [S]}
      - {rule: by-process, effective_from: 1998-10-01, days: 50, processes: [separate]}
      - {rule: by-both, effective_from: 1998-10-01, days: 60, processes: [separate], solutions: [S]}
      - {rule: old, effective_from: 1998-10-01, effective_until: 2009-12-31, days: 5}
      - {rule: newer, effective_from: 2030-01-01, days: 4}
"""


@pytest.fixture(scope="module")
def dated(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """The example, with rules of its own for one component."""
    folder = tmp_path_factory.mktemp("site")
    for file in EXAMPLE.glob("*.yaml"):
        (folder / file.name).write_bytes(file.read_bytes())
    products = folder / "products.yaml"
    text = products.read_text(encoding="utf-8")
    old = "\n      - {rule: granulocytes-24h, effective_from: 1998-10-01, hours: 24}\n"
    assert old in text
    products.write_text(text.replace(old, RULES), encoding="utf-8")
    return load_catalogue(Path(folder))


@pytest.mark.parametrize(
    "process, solution, year, rule",
    [
        ("collect", None, 2026, "shorter"),
        ("collect", "T", 2026, "shorter"),
        ("collect", "S", 2026, "by-solution"),
        ("separate", None, 2026, "by-process"),
        ("separate", "T", 2026, "by-process"),
        ("separate", "S", 2026, "by-both"),
        ("collect", None, 2009, "old"),
        ("collect", None, 2010, "shorter"),
        ("collect", None, 2030, "newer"),
        ("separate", "S", 2030, "by-both"),
        ("collect", None, 1998, None),
    ],
)
def test_the_narrowest_rule_in_force_applies_and_of_equals_the_shortest(
    dated: Catalogue, process: str, solution: str | None, year: int, rule: str | None
) -> None:
    at = datetime(year, 1, 1, 12, tzinfo=UTC)
    assert expiry("granulocytes", process, solution=solution, at=at, catalogue=dated).rule == rule


def test_a_bag_is_judged_by_the_rule_in_force_when_it_was_made(dated: Catalogue) -> None:
    collected = datetime(2009, 12, 31, 23, tzinfo=UTC)
    made = collected + timedelta(hours=2)
    at = expiry("granulocytes", "collect", at=made, collected_at=collected, catalogue=dated)
    assert at == RuleExpiry(collected + timedelta(days=28), "shorter")


def test_limits_are_judged_by_the_rule_in_force_when_they_happened(dated: Catalogue) -> None:
    product = dated.product("granulocytes")
    assert product is not None
    old = replace(product.storage[0], celsius_max=Decimal(8), effective_until=date(2009, 12, 31))
    new = replace(product.storage[0], effective_from=date(2005, 1, 1), celsius_min=Decimal(1), celsius_max=Decimal(6))
    changed = replace(dated, products=(replace(product, storage=(new, old)),))
    seven = Decimal(7)
    old_only = replace(changed, products=(replace(product, storage=(replace(old, celsius_min=Decimal(1)),)),))
    assert old_only.in_range("granulocytes", seven, seven, datetime(2009, 12, 31, tzinfo=UTC))
    assert not old_only.in_range("granulocytes", seven, seven, datetime(2010, 1, 1, tzinfo=UTC))
    assert not changed.in_range("granulocytes", seven, seven, datetime(2006, 1, 1, tzinfo=UTC))
    assert not changed.in_range("of_another_site", seven, seven, datetime(2006, 1, 1, tzinfo=UTC))
