"""This file holds the tests of `recall`: every bag reached, where it is, and what is known now that was not then."""

import re
from pathlib import Path

import pytest

from tests.journeys.audited import DINS, PLASMA, PLATELETS, POOL, RED, WHOLE, after, at, before
from tests.journeys.terminal import Terminal, command

CHINESE = re.compile(r"[\u3400-\u9fff]")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    terminal = Terminal(tmp_path_factory.mktemp("told"))
    assert terminal.record(*before()).code == 0
    assert terminal.record(*after()).code == 0
    return terminal


def then_of(terminal: Terminal) -> str:
    """When only the first part was on record."""
    return str(min(fact["recorded_at"] for fact in terminal.run("facts").lines))


FROM_FIRST = {WHOLE[0], RED[0], PLASMA[0], PLATELETS[0], POOL}
MADE = {*RED, *PLASMA, *PLATELETS, POOL}


@pytest.mark.parametrize(
    "subject, bags",
    [
        ("donor:D-1", FROM_FIRST),
        (DINS[0], FROM_FIRST),
        (PLATELETS[0], {PLATELETS[0], POOL}),
        ("lot:filter:F-1", MADE),
        ("lot:L-1", {*WHOLE, *MADE}),
        ("device:centrifuge-1", MADE),
        ("operator:t-1", MADE),
        ("run:run-0", FROM_FIRST),
    ],
)
def test_a_recall_reaches_every_bag_and_no_other(told: Terminal, subject: str, bags: set[str]) -> None:
    answer = told.run("recall", subject, "--json").json
    assert {row["bag"] for row in answer["rows"]} == bags
    assert (answer["summary"]["bags"], answer["summary"]["located"]) == (len(bags), len(bags))
    assert answer["position"] == answer["complete_to"] and float(answer["seconds"]) >= 0
    shown = told.run("recall", subject).out
    assert f"{subject} reached {len(bags)} bags" in shown and all(bag in shown for bag in bags)


def test_a_recall_says_who_had_each_bag_in_order(told: Terminal) -> None:
    shown = " ".join(told.run("recall", RED[0]).out.split())
    assert "who had it" in shown
    handed = ["H1 (facility)", "ward-1 (ward)", "P-1 (patient)", "H2 (facility)", "P-1 (patient)"]
    places = [shown.index(handed[0])]
    for each in handed[1:]:
        places.append(shown.index(each, places[-1] + 1))
    assert places == sorted(places)
    assert "P-1（患者）" not in told.run("recall", RED[0], "--lang", "zh").out
    assert "P-1 (患者)" in " ".join(told.run("recall", RED[0], "--lang", "zh").out.split())


def test_a_window_narrows_what_is_reached(told: Terminal) -> None:
    inside = ("--since", at("09:30"), "--until", at("10:30"))
    outside = ("--since", at("10:30"), "--until", at("11:30"))
    assert {row["bag"] for row in told.run("recall", "device:centrifuge-1", *inside, "--json").json["rows"]} == MADE
    assert told.run("recall", "device:centrifuge-1", *outside, "--json").json["rows"] == []


def test_a_recall_as_known_then_and_now_tells_the_difference(told: Terminal) -> None:
    answer = told.run("recall", "donor:D-2", "--known-at", then_of(told), "--json").json
    assert set(answer) >= {"then", "now", "difference", "subject", "seconds"}
    assert answer["then"]["position"] < answer["now"]["position"]
    changed = {(each["bag"], each["field"]): (each["was"], each["is"]) for each in answer["difference"]["changed"]}
    assert changed[RED[1], "patient"] == (None, "P-2")
    shown = told.run("recall", "donor:D-2", "--known-at", then_of(told)).out
    headings = ("As known then", "As known now", "Changed between then and now")
    assert [shown.index(heading) for heading in headings] == sorted(shown.index(heading) for heading in headings)
    assert "Reached now, and not then" not in shown
    chinese = told.run("recall", "donor:D-2", "--known-at", then_of(told), "--lang", "zh").out
    assert "按当时所知" in chinese and "其间的变化" in chinese


def test_a_bag_that_is_reached_only_now_is_named(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    part = before()
    pooled = next(
        number for number, each in enumerate(part) if each["command"] == "PrepareBags" and each["process"] == "pool"
    )
    assert terminal.record(*part[:pooled]).code == 0
    then = terminal.run("facts").lines[-1]["recorded_at"]
    assert terminal.record(part[pooled]).code == 0
    shown = terminal.run("recall", DINS[0], "--known-at", then)
    assert shown.code == 0 and "Reached now, and not then" in shown.out
    assert terminal.run("recall", DINS[0], "--known-at", then, "--json").json["difference"]["added"] == [POOL]
    same = terminal.run("recall", DINS[0], "--known-at", terminal.run("facts").lines[-1]["recorded_at"]).out
    assert "Then and now the answer is the same." in same


def test_a_cycle_that_bad_input_made_ends(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    ring = [
        command(
            f"p{number}", "PrepareBags", at(f"1{number}:00"), reported=True, process="relabel", inputs=[parent],
            outputs=[{"bag": child, "component": "suspended_red_cells", "quantity": {"amount": "1", "measure": "U"}}],
        )
        for number, (parent, child) in enumerate([(RED[0], RED[1]), (RED[1], RED[0])])
    ]  # fmt: skip
    assert terminal.record(*ring).code == 0
    assert {row["bag"] for row in terminal.run("recall", RED[0], "--json").json["rows"]} == set(RED)
    traced = terminal.run("trace", RED[0]).out
    assert "shown above" in traced and "bags that are said to be made from each other" in traced
    assert "记录称互相制成的血袋" in terminal.run("trace", RED[0], "--lang", "zh").out
    assert "color=red" in terminal.run("trace", RED[0], "--format", "dot").out


@pytest.mark.parametrize("subject", ["lot:none", "donor:nobody", "A999926777777"])
def test_nothing_is_known_of_the_unknown(told: Terminal, subject: str) -> None:
    said = told.run("recall", subject, "--json")
    assert said.code == 1 and said.json["code"] == "not_found" and subject in said.json["message"]
    assert CHINESE.search(told.run("recall", subject, "--lang", "zh").err)


def test_a_recall_put_wrongly_is_told_how_to_put_it(told: Terminal) -> None:
    assert told.run("recall").code == 2
    said = told.run("recall", "A99992600O001")
    assert said.code == 2 and "is no bag" in said.err
    assert told.run("recall", "donor:D-1", "--known-at", "8999-01-01T00:00:00Z").code == 2
    early = told.run("recall", "donor:D-1", "--known-at", "1999-01-01T00:00:00Z", "--json")
    assert early.code == 1 and early.json["code"] == "nothing_known_yet"
