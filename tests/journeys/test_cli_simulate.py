"""This file holds the tests of `simulate` and `report` as people and programs call them, kills included."""

from pathlib import Path

import pytest

from ledger.store.crashpoints import POINTS
from tests.journeys.terminal import Terminal
from tests.simulator.worlds import SMALL

KILLED = 137
DAYS = "60"


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    """A ledger in which the first days of a small world were lived."""
    terminal = Terminal(tmp_path_factory.mktemp("lived"))
    assert terminal.run("simulate", str(SMALL), "--days", DAYS, "--json").code == 0
    return terminal


def test_the_scenarios_are_listed_in_both_languages(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    found = terminal.run("simulate", "--json").json
    assert {"zhangjiakou-2023", "ulanqab-2025", "province", "published-week", "trouble"} == {
        each["scenario"] for each in found
    }
    assert "a year of a city" in terminal.run("simulate", "--no-json").out
    assert "一个市级血站的一年" in terminal.run("simulate", "--no-json", "--lang", "zh").out
    assert not terminal.path.exists()


def test_a_simulated_ledger_tells_what_it_did_and_that_its_answers_are_true(lived: Terminal) -> None:
    again = lived.run("simulate", str(SMALL), "--days", DAYS, "--json")
    said = again.json
    assert again.code == 0 and said["checked"]["good"] and not said["checked"]["wrong"]
    assert (said["scenario"], said["seed"], said["days"]) == ("small", 1, 60)
    assert said["facts"] == said["position"] > 500 and said["held"] == said["windows"] - 1
    verified = lived.run("verify", "--json").json
    assert (verified["ok"], verified["root"], verified["size"]) == (True, said["root"], said["facts"])


def test_people_read_it_in_both_languages(lived: Terminal) -> None:
    english = lived.run("simulate", str(SMALL), "--days", DAYS, "--no-json")
    assert "Every answer is true" in english.out and "tree root" in english.out
    assert (
        "所有答案均与真实情况一致" in lived.run("simulate", str(SMALL), "--days", DAYS, "--no-json", "--lang", "zh").out
    )


def test_a_report_tells_the_year_and_the_scenarios_figures_beside_it(lived: Terminal) -> None:
    told = lived.run("report", "--year", "2024", "--scenario", str(SMALL), "--json")
    answer = told.json
    assert told.code == 0 and answer["year"] == 2024 and answer["offset"] == 480
    whole = next(row for row in answer["components"] if row["component"] == "whole_blood")
    figures = {(each["what"], each["of"]): each for each in answer["scenario"]["figures"]}
    made = figures["made", "whole_blood"]
    assert made["facts"] == whole["made"] and made["scenario"] == "290.5" and not made["equal"]
    assert (made["source"], made["year"]) == ("report", 2024)
    assert "Opening" in lived.run("report", "--year", "2024", "--no-json").out
    assert "期末" in lived.run("report", "--year", "2024", "--no-json", "--lang", "zh").out
    assert lived.run("report", "--year", "2024", "--json").json["scenario"] is None


def test_a_report_of_one_facility_and_as_known_then(lived: Terminal) -> None:
    rows = lived.run("report", "--year", "2024", "--facility", "A1001", "--json").json["components"]
    whole = lived.run("report", "--year", "2024", "--json").json["components"]
    assert 0 < len(rows) <= len(whole)
    early = lived.run("report", "--year", "2024", "--known-at", "2024-01-10T00:00:00+08:00", "--json").json
    assert early["position"] < lived.run("status", "--json").json["position"]
    assert sum(row["donations"] for row in early["donations"]) < sum(
        row["donations"] for row in lived.run("report", "--year", "2024", "--json").json["donations"]
    )


def test_a_scenario_that_is_not_there_is_wrong_usage_and_writes_nothing(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    said = terminal.run("simulate", "nowhere-1900")
    assert said.code == 2 and "zhangjiakou-2023" in said.err
    said = terminal.run("simulate", str(tmp_path / "none.yaml"))
    assert said.code == 2 and "none.yaml" in said.err
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    "old, new, line, field",
    [
        ("made: {amount: 75}", "made: {amount: -75}", 136, "components[6].made.amount"),
        ("made: {amount: 75}", "made: {amount: 75, measure: mL}", 136, "components[6].made.measure"),
        ("made: {amount: 75}", "mad: {amount: 75}", 136, "mad"),
        ("shipments: {amount: 7}", "shipments: {amount: 7000}", 170, "transfers.shipments.amount"),
    ],
)
def test_an_unsound_scenario_names_file_line_and_field_and_writes_nothing(
    tmp_path: Path, old: str, new: str, line: int, field: str
) -> None:
    bad = tmp_path / "bad.yaml"
    text = SMALL.read_text(encoding="utf-8")
    line = text[: text.index(old)].count("\n") + 1
    bad.write_text(text.replace(old, new), encoding="utf-8")
    for lang in ("en", "zh"):
        said = Terminal(tmp_path, lang=lang).run("simulate", str(bad))
        assert said.code == 2 and field in said.err and str(line) in said.err and "bad.yaml" in said.err
    assert [each.name for each in tmp_path.iterdir()] == ["bad.yaml"]


def test_a_world_is_not_mixed_with_another_ledgers_facts(lived: Terminal) -> None:
    said = lived.run("simulate", str(SMALL), "--seed", "2", "--days", "3")
    assert said.code == 3 and lived.run("verify", "--json").json["ok"]


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_simulation_leaves_a_ledger_that_verifies_and_goes_on(
    tmp_path: Path, lived: Terminal, point: str
) -> None:
    terminal = Terminal(tmp_path)
    windows = 0 if "key" in point else 9  # one key is made, for what people say
    arguments = ("simulate", str(SMALL), "--days", DAYS, "--json")
    with terminal.start(*arguments, BLOODLEDGER_TESTING="1", BLOODLEDGER_CRASH_AT=f"{point}:{windows}") as process:
        _, err = process.communicate(timeout=120)
    assert process.returncode == KILLED, err
    assert terminal.run("verify", "--json").json["ok"]
    again = terminal.run(*arguments)
    assert again.code == 0 and again.json["held"] > 0
    assert again.json["root"] == lived.run("verify", "--json").json["root"]
