"""This file holds the test that scenarios are planned to their totals, and that unsound ones are refused by field."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.data_files import BrokenFile
from ledger.simulator.amounts import grains
from ledger.simulator.plan import Plan, planned
from ledger.simulator.scenario import FLOWS_OUT, OURS, NoScenario, ScenarioFile, load_scenario, scenarios

SMALL = Path(__file__).with_name("small.yaml")
NAMES = ["province", "published-week", "trouble", "ulanqab-2025", "zhangjiakou-2023"]


def flows(plan: Plan) -> dict[str, Counter[str]]:
    """What becomes of each component's bags, in thousandths."""
    found = {name: Counter[str]() for name in plan.bags}
    for name, bags in plan.bags.items():
        for bag in bags:
            found[name][bag.fate] += bag.size
    return found


def must_meet_its_totals(plan: Plan) -> None:
    found = flows(plan)
    for component in plan.scenario.components:
        for flow in FLOWS_OUT:
            assert found[component.component][flow] == grains(getattr(component, flow).amount), component.component
    for giving in plan.scenario.donations:
        given = [each for each in plan.donations if each.giving is giving]
        assert (len(given), sum(each.size for each in given)) == (
            int(giving.donations.amount),
            grains(giving.quantity.amount),
        )
        for session in giving.sessions:
            those = [each for each in given if (each.session or "").startswith(f"{session.name}-")]
            assert (len(those), sum(each.size for each in those)) == (
                int(session.donations.amount),
                grains(session.quantity.amount),
            )


def test_the_scenarios_there_are() -> None:
    assert scenarios() == NAMES
    with pytest.raises(NoScenario):
        load_scenario("nowhere-1900")


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_names_its_source_and_every_source_its_year(name: str) -> None:
    scenario = load_scenario(name).scenario
    assert scenario.scenario == name and scenario.names.en and scenario.names.zh
    assert all(source.year > 2000 and source.names.en for source in scenario.sources.values())
    if scenario.world == "centres":
        used = {giving.donations.source for giving in scenario.donations} | {
            each.supplied.source for each in scenario.components
        }
        assert OURS in used | {OURS}


@pytest.mark.parametrize("name", ["zhangjiakou-2023", "ulanqab-2025", "province"])
@pytest.mark.parametrize("seed", [1, 20231231])
def test_a_scenario_is_planned_to_its_exact_totals(name: str, seed: int) -> None:
    must_meet_its_totals(planned(load_scenario(name), seed))


@pytest.mark.parametrize("seed", range(25))
def test_a_small_world_of_any_seed_meets_its_totals(seed: int) -> None:
    must_meet_its_totals(planned(ScenarioFile(SMALL), seed))


def test_published_figures_of_zhangjiakou() -> None:
    """As printed in the report on 2023; what it does not name is bounded by what we said of it."""
    scenario = load_scenario("zhangjiakou-2023").scenario
    whole, platelets = scenario.donations
    assert (whole.donations.amount, f"{whole.quantity.amount}") == (35572, "66750.5")
    assert (platelets.donations.amount, platelets.quantity.amount) == (6492, 12434)
    supplied = {each.component: f"{each.supplied.amount}" for each in scenario.components}
    assert supplied["leukoreduced_suspended_red_cells"] == "59435.5"
    assert supplied["apheresis_platelets"] == "5320"
    assert supplied["virus_inactivated_frozen_plasma"] == "4019850"
    assert supplied["cryoprecipitate"] == "6929.75"
    assert float(supplied["washed_red_cells"]) + float(supplied["frozen_red_cells"]) == 297
    doses = scenario.component("apheresis_platelets")
    assert doses.transferred.amount >= 6500
    assert doses.expired.amount <= doses.made.amount * 3 / 100
    assert doses.closing.amount <= doses.made.amount * 5 / 365


def test_one_patients_emergency_of_ulanqab() -> None:
    plan = planned(load_scenario("ulanqab-2025"), 1)
    needed = [bag for bags in plan.bags.values() for bag in bags if bag.need is not None]
    amounts = Counter[str]()
    for bag in needed:
        amounts[bag.component.component] += bag.size
        assert bag.group == "B" and bag.at // 1440 > 181
    assert amounts == {"leukoreduced_suspended_red_cells": 37_500, "virus_inactivated_frozen_plasma": 19_050_000}
    frozen = [bag for bag in needed if bag.component.measure == "mL"]
    assert all(bag.at - bag.ready >= 30 * 1440 for bag in frozen)


# -- bad input ---------------------------------------------------------------------------------------------

Change = Callable[[str], str]


def changed(tmp_path: Path, *changes: tuple[str, str]) -> ScenarioFile:
    text = SMALL.read_text(encoding="utf-8")
    for old, new in changes:
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times"
        text = text.replace(old, new)
    path = tmp_path / "bad.yaml"
    path.write_text(text, encoding="utf-8")
    return ScenarioFile(path)


BAD = [
    ("unknown_field", "supplied_afterwards", [("supplied_after: [0, 0]", "supplied_afterwards: [0, 0]")]),
    ("out_of_range", "components[1].supplied.amount", [("supplied: {amount: 260}", "supplied: {amount: -260}")]),
    ("out_of_range", "components[1].supplied.amount", [("supplied: {amount: 260}", "supplied: {amount: 260.0005}")]),
    ("out_of_range", "donations[0].donations.amount", [("donations: {amount: 160,", "donations: {amount: 160.5,")]),
    ("other_measure", "donations[0].quantity.measure", [("amount: 290.5, measure: U", "amount: 290.5, measure: mL")]),
    ("other_measure", "components[1].supplied.measure",
     [("supplied: {amount: 260}", "supplied: {amount: 260, measure: dose}")]),
    ("unknown_value", "donations[0].donations.source",
     [("donations: {amount: 160, source: report}", "donations: {amount: 160, source: hearsay}")]),
    ("unknown_value", "processes[0].of", [("    of: whole_blood", "    of: hole_blood")]),
    ("unbalanced", "components[1]", [("supplied: {amount: 260}", "supplied: {amount: 261}")]),
    ("unbalanced", "components[2].consumed", [("takes: {amount: 12000}", "takes: {amount: 12050}")]),
    ("unbalanced", "published[0].figure.amount", [("figure: {amount: 6,", "figure: {amount: 7,")]),
    ("missing_field", "components[1].made", [("    made: {amount: 286.5}\n", "")]),
    ("wrong_kind", "year", [("year: 2024\nsources", "year: last\nsources")]),
    ("malformed", "centres[0].id", [("{id: A1001, share: 2}", "{id: A10, share: 2}")]),
]  # fmt: skip


@pytest.mark.parametrize("code, field, changes", BAD, ids=[f"{code} {field}" for code, field, _ in BAD])
def test_an_unsound_scenario_is_refused_with_file_line_and_field(
    tmp_path: Path, code: str, field: str, changes: list[tuple[str, str]]
) -> None:
    with pytest.raises(BrokenFile) as broken:
        changed(tmp_path, *changes)
    error = broken.value
    assert (error.code, Path(error.file).name) == (code, "bad.yaml")
    assert error.field.endswith(field) and error.line is not None
    new = changes[0][1].strip() or "components"
    line = Path(error.file).read_text(encoding="utf-8").splitlines()[error.line - 1]
    assert code in ("unbalanced", "missing_field", "unknown_value") or new.split(":")[0].split("{")[-1][:6] in line
    for lang in ("en", "zh"):
        assert str(error.line) in error.message(lang) and error.field in error.message(lang)


UNMET = [
    # 260.25 U cannot be made of bags of half units
    ("components[1].expired.amount", [("supplied: {amount: 260}", "supplied: {amount: 260.25}"),
                                       ("expired: {amount: 3.5}", "expired: {amount: 3.25}")]),
    # 160 donations of at most 2 U are at most 320 U
    ("donations[0].quantity.amount", [("quantity: {amount: 290.5, measure: U", "quantity: {amount: 390.5, measure: U"),
                                      ("made: {amount: 290.5", "made: {amount: 390.5"),
                                      ("discarded: {amount: 4}\n    consumed: {amount: 286.5}",
                                       "discarded: {amount: 104}\n    consumed: {amount: 286.5}")]),
    # nothing of three days is left at the end of a year of which everything is kept
    ("components[6].closing.amount", [("transferred: {amount: 4}\n    discarded: {amount: 2}\n    expired: {amount: 3}",
                                       "discarded: {amount: 2}\n    expired: {amount: 3}\n    closing: {amount: 4}")]),
    ("transfers.shipments.amount", [("shipments: {amount: 7}", "shipments: {amount: 7000}")]),
    ("needs[0].amounts.leukoreduced_suspended_red_cells.amount",
     [("leukoreduced_suspended_red_cells: {amount: 2}", "leukoreduced_suspended_red_cells: {amount: 250}")]),
]  # fmt: skip


@pytest.mark.parametrize("field, changes", UNMET, ids=[field for field, _ in UNMET])
def test_totals_that_cannot_be_met_are_refused_with_file_line_and_field(
    tmp_path: Path, field: str, changes: list[tuple[str, str]]
) -> None:
    with pytest.raises(BrokenFile) as broken:
        planned(changed(tmp_path, *changes), 1)
    error = broken.value
    assert (error.code, error.field, Path(error.file).name) == ("not_met", field, "bad.yaml")
    assert error.line is not None and "cannot be met" in error.message("en")
