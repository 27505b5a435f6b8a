"""This file holds the tests of `trace` as known then, cut at a depth, within a period, and in other programs' forms."""

import csv
import io
import re
from pathlib import Path

import networkx
import pytest

from tests.journeys.audited import DINS, PLASMA, PLATELETS, POOL, RED, WHOLE, after, at, before
from tests.journeys.terminal import Terminal

CHINESE = re.compile(r"[\u3400-\u9fff]")
FROM_FIRST = {WHOLE[0], RED[0], PLASMA[0], PLATELETS[0], POOL}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    terminal = Terminal(tmp_path_factory.mktemp("told"))
    assert terminal.record(*before()).code == 0
    assert terminal.record(*after()).code == 0
    return terminal


def test_lineage_goes_out_as_csv(told: Terminal) -> None:
    rows = list(csv.DictReader(io.StringIO(told.run("trace", "donor:D-1", "--format", "csv").out)))
    assert {row["bag"] for row in rows} == FROM_FIRST
    assert {(row["parent"], row["bag"], row["process"]) for row in rows if row["parent"]} == {
        (WHOLE[0], RED[0], "separate"),
        (WHOLE[0], PLASMA[0], "separate"),
        (WHOLE[0], PLATELETS[0], "separate"),
        (PLATELETS[0], POOL, "pool"),
    }
    assert {row["bag"]: row["status"] for row in rows}[RED[0]] == "transfused"


def test_lineage_goes_out_as_graphml(told: Terminal) -> None:
    answer = told.run("trace", "donor:D-1", "--json").json
    graph = networkx.parse_graphml(told.run("trace", "donor:D-1", "--format", "graphml").out, force_multigraph=True)
    assert set(graph.nodes) == FROM_FIRST
    assert {(one, other) for one, other, _ in graph.edges} == {(e["parent"], e["child"]) for e in answer["edges"]}
    assert (graph.graph["ledger"], graph.graph["position"]) == (answer["ledger"], answer["position"])
    assert graph.graph["digest"] == answer["digest"]


def test_lineage_goes_out_as_dot(told: Terminal) -> None:
    text = told.run("trace", "donor:D-1", "--format", "dot").out
    assert text.startswith("digraph lineage {") and all(f'"{bag}" [label=' in text for bag in FROM_FIRST)
    assert f'"{PLATELETS[0]}" -> "{POOL}" ' in text


def test_two_forms_at_once_are_wrong_usage(told: Terminal) -> None:
    said = told.run("trace", "donor:D-1", "--format", "dot", "--json")
    assert said.code == 2 and "--format dot" in said.err
    assert CHINESE.search(told.run("trace", "donor:D-1", "--format", "csv", "--json", "--lang", "zh").err)
    assert told.run("trace", "donor:D-1", "--format", "png").code == 2


@pytest.mark.parametrize("form", ["text", "dot", "graphml", "csv"])
def test_no_form_is_printed_of_the_unknown(told: Terminal, form: str) -> None:
    said = told.run("trace", "lot:none", "--format", form)
    assert said.code == 1 and said.out == "" and "lot:none" in said.err


def test_a_depth_cuts_and_says_so(told: Terminal) -> None:
    answer = told.run("trace", WHOLE[0], "--depth", "1", "--json").json
    assert {bag["bag"] for bag in answer["bags"]} == FROM_FIRST - {POOL}
    assert (answer["depth"], answer["cut"]) == (1, [PLATELETS[0]])
    shown = told.run("trace", WHOLE[0], "--depth", "1").out
    said = f"cut at the depth asked for; bags from which the lineage goes on (1): {PLATELETS[0]}"
    assert said in " ".join(shown.split())
    assert "已按所给深度截断" in told.run("trace", WHOLE[0], "--depth", "1", "--lang", "zh").out
    graph = networkx.parse_graphml(told.run("trace", WHOLE[0], "--depth", "1", "--format", "graphml").out)
    assert (graph.graph["depth"], graph.graph["cut"]) == (1, PLATELETS[0])
    deep = told.run("trace", WHOLE[0], "--depth", "9")
    assert "cut at the depth" not in deep.out and POOL in deep.out
    assert told.run("trace", WHOLE[0], "--depth", "-1").code == 2


def test_a_trace_is_of_what_was_known_then(told: Terminal) -> None:
    then = min(fact["recorded_at"] for fact in told.run("facts").lines)
    answer = told.run("trace", RED[0], "--known-at", then, "--json").json
    held = {bag["bag"]: [hold["cause"] for hold in bag["holds"]] for bag in answer["bags"]}
    now = {bag["bag"]: bag["holds"] for bag in told.run("trace", RED[0], "--json").json["bags"]}
    assert held[RED[0]] == ["storage_breach"] and len(now[RED[0]]) == 2
    assert answer["position"] == max(fact["position"] for fact in answer["facts"]) or answer["position"] > 0
    assert "as known at" in told.run("trace", RED[0], "--known-at", then).out


def test_a_period_narrows_a_trace(told: Terminal) -> None:
    inside = told.run("trace", "lot:filter:F-1", "--since", at("09:00"), "--until", at("11:00"), "--json")
    assert {*RED, *PLASMA, *PLATELETS, POOL} == {bag["bag"] for bag in inside.json["bags"]}
    outside = told.run("trace", "lot:filter:F-1", "--since", at("09:00", 2), "--json")
    assert (outside.code, outside.json["bags"], outside.json["facts"]) == (0, [], [])


@pytest.mark.parametrize("command", [("trace", DINS[0]), ("stock",)], ids=lambda words: words[0])
def test_neither_the_future_nor_the_time_before_the_first_fact_is_known(
    told: Terminal, command: tuple[str, ...]
) -> None:
    ahead = told.run(*command, "--known-at", "8999-01-01T00:00:00Z")
    assert ahead.code == 2 and "nothing can be known at 8999-01-01T00:00:00+00:00 yet: now is" in ahead.err
    assert CHINESE.search(told.run(*command, "--known-at", "8999-01-01T00:00:00Z", "--lang", "zh").err)
    early = told.run(*command, "--known-at", "1999-01-01T00:00:00Z", "--json")
    assert early.code == 1 and early.json["code"] == "nothing_known_yet"
    words = told.run(*command, "--known-at", "1999-01-01T00:00:00Z")
    assert words.code == 1 and "the first fact was recorded at" in words.err


def test_an_expired_bag_is_marked_at_the_time_asked_about(told: Terminal) -> None:
    assert "EXPIRED" not in told.run("trace", PLASMA[0], "--at", "2026-04-01T00:00:00Z").out
    assert "EXPIRED" in told.run("trace", PLASMA[0], "--at", "2028-04-01T00:00:00Z").out


def test_a_malformed_subject_is_wrong_usage_in_every_form(told: Terminal, tmp_path: Path) -> None:
    for form in ("text", "csv"):
        assert told.run("trace", "A99992600O001", "--format", form).code == 2
