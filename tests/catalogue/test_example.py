"""This file holds the tests of the example catalogue: what it covers, and its figures."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from ledger.catalogue import EXAMPLE, load_catalogue
from ledger.catalogue.sense import BEGINNINGS, KINDS, PROCESSES, complaints

EXAMPLE_CATALOGUE = load_catalogue()
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
RED = {
    "whole_blood",
    "suspended_red_cells",
    "leukoreduced_suspended_red_cells",
    "washed_red_cells",
    "irradiated_red_cells",
    "frozen_red_cells",
    "deglycerolised_red_cells",
}
DOSES = {"apheresis_platelets", "granulocytes"}
PLASMA = {
    "fresh_frozen_plasma",
    "frozen_plasma",
    "virus_inactivated_frozen_plasma",
    "apheresis_plasma",
    "cryo_poor_plasma",
    "thawed_plasma",
}
OTHERS = {"concentrated_platelets", "pooled_platelets", "cryoprecipitate", "thawed_cryoprecipitate"}


def test_the_example_holds_every_component() -> None:
    assert {each.component for each in EXAMPLE_CATALOGUE.products} == RED | DOSES | PLASMA | OTHERS


def test_the_example_holds_every_process_and_every_kind_of_donation() -> None:
    assert {each.process for each in EXAMPLE_CATALOGUE.processes} == {*PROCESSES, *BEGINNINGS}
    assert all(EXAMPLE_CATALOGUE.panel(kind, NOON) for kind in KINDS)


def test_each_component_has_its_measure() -> None:
    measures = {each.component: each.measure for each in EXAMPLE_CATALOGUE.products}
    assert {component for component, measure in measures.items() if measure == "dose"} == DOSES
    assert {component for component, measure in measures.items() if measure == "mL"} == PLASMA
    assert {component for component, measure in measures.items() if measure == "U"} == RED | OTHERS


def test_whatever_holds_red_cells_is_crossmatched_and_so_are_granulocytes() -> None:
    crossmatched = {each.component for each in EXAMPLE_CATALOGUE.products if each.crossmatch}
    assert crossmatched == RED | {"granulocytes"}


@pytest.mark.parametrize(
    "component, inside, outside",
    [
        *[(each, ("2", "6"), ("1.9", "6.1")) for each in sorted(RED - {"frozen_red_cells"})],
        ("frozen_red_cells", ("-196", "-65"), ("-65", "-64.9")),
        *[(each, ("20", "24"), ("19.9", "24.1")) for each in ("apheresis_platelets", "concentrated_platelets",
                                                              "pooled_platelets", "granulocytes")],
        *[(each, ("-40", "-18"), ("-18", "-17.9")) for each in sorted(PLASMA - {"thawed_plasma"})],
        ("cryoprecipitate", ("-40", "-18"), ("-18", "-17.9")),
        ("thawed_plasma", ("2", "6"), ("1.9", "6")),
        ("thawed_cryoprecipitate", ("20", "24"), ("20", "24.1")),
    ],
)  # fmt: skip
def test_each_component_has_its_storage_range(
    component: str, inside: tuple[str, str], outside: tuple[str, str]
) -> None:
    low, high = map(Decimal, inside)
    assert EXAMPLE_CATALOGUE.in_range(component, low, high, NOON)
    low, high = map(Decimal, outside)
    assert not EXAMPLE_CATALOGUE.in_range(component, low, high, NOON)


def test_every_component_has_a_storage_range_and_a_shelf_life_without_conditions() -> None:
    for product in EXAMPLE_CATALOGUE.products:
        assert product.storage, product.component
        plain = [life for life in product.shelf_lives if not life.processes and not life.solutions]
        assert len(plain) == 1, product.component


def test_no_two_shelf_lives_share_a_rule_name() -> None:
    rules = [life.rule for product in EXAMPLE_CATALOGUE.products for life in product.shelf_lives]
    assert len(rules) == len(set(rules))


def test_the_panel_asks_for_all_eight_markers_and_the_group() -> None:
    panel = EXAMPLE_CATALOGUE.panel("whole_blood", datetime(2006, 1, 1, tzinfo=UTC))
    assert panel is not None
    assert (panel.id, panel.group) == ("cn-2026", True)
    assert panel.markers == (
        "hbsag", "anti_hcv", "hiv_ag_ab", "syphilis", "alt", "nat_hbv", "nat_hcv", "nat_hiv",
    )  # fmt: skip


def test_what_a_ward_returns_stays_out_and_what_a_hospital_returns_may_come_back() -> None:
    ward = EXAMPLE_CATALOGUE.return_policy("ward_to_bank", NOON)
    hospital = EXAMPLE_CATALOGUE.return_policy("hospital_to_centre", NOON)
    assert ward is not None and not ward.may_come_back
    assert hospital is not None and hospital.may_come_back
    assert EXAMPLE_CATALOGUE.crossmatch_hours(NOON) == 72


@pytest.mark.parametrize(
    "code, component",
    [
        ("E5445000", "leukoreduced_suspended_red_cells"),
        ("P0173V00", "virus_inactivated_frozen_plasma"),
        ("P0147VA0", "fresh_frozen_plasma"),
        ("P0056V00", "suspended_red_cells"),
        ("P0065H00", "leukoreduced_suspended_red_cells"),
        ("E0336V00", None),
    ],
)
def test_codes_of_published_labels_are_known(code: str, component: str | None) -> None:
    assert EXAMPLE_CATALOGUE.component_of(code) == component


def test_everything_has_a_chinese_and_an_english_name_of_its_own() -> None:
    for named in (EXAMPLE_CATALOGUE.products, EXAMPLE_CATALOGUE.processes):
        for lang in ("en", "zh"):
            names = [getattr(each.names, lang) for each in named]
            assert len(names) == len(set(names))


def test_the_example_is_read_once() -> None:
    assert load_catalogue() is load_catalogue(None)


def test_a_copy_of_the_folder_is_the_same_catalogue() -> None:
    assert load_catalogue(EXAMPLE) == load_catalogue()


def test_one_file_may_hold_all_of_it(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(
        "\n".join(file.read_text(encoding="utf-8") for file in sorted(EXAMPLE.glob("*.yaml"))),
        encoding="utf-8",
    )
    assert load_catalogue(path) == load_catalogue()


def test_the_example_makes_sense_and_a_change_that_does_not_is_found() -> None:
    assert list(complaints(EXAMPLE_CATALOGUE)) == []
    twice = replace(EXAMPLE_CATALOGUE, products=EXAMPLE_CATALOGUE.products * 2)
    assert {each.code for each in complaints(twice)} == {"duplicate"}


def test_the_example_has_a_published_band() -> None:
    (band,) = EXAMPLE_CATALOGUE.bands
    assert (band.component, band.measure) == ("suspended_red_cells", "U")
    assert (band.low, band.high) == (Decimal(1200), Decimal(2000))
    assert (band.facility, band.group, band.rhd) == (None, None, None)
