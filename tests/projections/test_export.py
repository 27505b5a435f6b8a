"""This file holds the tests of the forms in which lineage leaves the ledger: DOT, GraphML and CSV."""

import csv
import io
import re
from typing import Any
from xml.etree import ElementTree

import networkx

from projections.export.graphml import graphml
from projections.export.graphviz import dot
from projections.export.table import COLUMNS, table

DIN = "A999926000001"
WHOLE, RED, PLASMA, POOL = f"{DIN}=E0001V00", f"{DIN}=E5445V00", f"{DIN}=E0701V00", "A999926000009=E3078V00"


def bag(name: str, **said: Any) -> dict[str, Any]:
    unsaid = dict.fromkeys(("component", "quantity", "measure", "group", "rhd", "fate", "expires_at", "facility"))
    return {"bag": name, **unsaid, "status": "quarantine", "holds": [], "nonconformities": [], **said}


def edge(parent: str, child: str, process: str, position: int) -> dict[str, Any]:
    return {"parent": parent, "child": child, "process": process, "position": position}


def trace() -> dict[str, Any]:
    """A separation and a pool; the pool's other parent is named by the edge alone."""
    hold = {"cause": "reactive_result", "scope": {"kind": "donation", "id": DIN}}
    return {
        "subject": DIN,
        "ledger": "L",
        "position": 9,
        "bags": [
            bag(WHOLE, component="whole_blood", quantity="2", measure="U", status="consumed", group="A", rhd="weak"),
            bag(RED, status="held", holds=[hold, hold], facility='C 1 "north"\\', expires_at="2026-04-05T15:59:00Z"),
            bag(PLASMA, status="consumed"),
            bag(POOL, status="transfused", fate="transfused", facility="血站, 二号"),
        ],
        "edges": [
            edge(WHOLE, RED, "separate", 3),
            edge(WHOLE, PLASMA, "separate", 4),
            edge(PLASMA, POOL, "pool", 7),
            edge("A999926000002=E0701V00", POOL, "pool", 8),
        ],
    }


def cyclic() -> dict[str, Any]:
    """Two bags said to be made of each other, beside one that is on no cycle, and one made of itself."""
    bags = [bag(WHOLE), bag(RED), bag(PLASMA), bag(POOL)]
    edges = [edge(WHOLE, RED, "split", 1), edge(RED, WHOLE, "split", 2), edge(RED, PLASMA, "wash", 3)]
    edges.append(edge(POOL, POOL, "pool", 4))
    return trace() | {"bags": bags, "edges": edges, "cycles": [[WHOLE, RED], [POOL]]}


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def read_graphml(text: str) -> Any:
    return networkx.parse_graphml(text, force_multigraph=True)


def test_csv_has_a_row_for_each_way_in_which_a_bag_came_about() -> None:
    text = table(trace())
    assert text.splitlines()[0] == ",".join(COLUMNS)
    rows = read_csv(text)
    assert [(row["bag"], row["parent"], row["process"], row["position"]) for row in rows] == [
        (WHOLE, "", "", ""),
        (RED, WHOLE, "separate", "3"),
        (PLASMA, WHOLE, "separate", "4"),
        (POOL, PLASMA, "pool", "7"),
        (POOL, "A999926000002=E0701V00", "pool", "8"),
        ("A999926000002=E0701V00", "", "", ""),
    ]
    assert rows[0] == {
        "bag": WHOLE, "component": "whole_blood", "group": "A", "rhd": "weak", "quantity": "2", "measure": "U",
        "status": "consumed", "fate": "", "facility": "", "expires_at": "", "holds": "0", "parent": "", "process": "",
        "position": "", "cycle": "",
    }  # fmt: skip
    assert (rows[1]["holds"], rows[1]["facility"], rows[1]["cycle"]) == ("2", 'C 1 "north"\\', "false")
    assert rows[3]["facility"] == "血站, 二号"


def test_no_cell_of_a_csv_is_a_formula() -> None:
    answer = trace()
    answer["bags"][0] |= {"facility": "=cmd|'/C calc'!A0"}
    (cell,) = [row["facility"] for row in csv.DictReader(io.StringIO(table(answer))) if row["facility"].endswith("A0")]
    assert cell == "'=cmd|'/C calc'!A0"


def test_csv_marks_the_edges_of_a_cycle() -> None:
    marked = {(row["parent"], row["bag"]): row["cycle"] for row in read_csv(table(cyclic()))}
    assert marked == {(RED, WHOLE): "true", (WHOLE, RED): "true", (RED, PLASMA): "false", (POOL, POOL): "true"}


def test_graphml_holds_every_bag_and_edge_with_what_is_known() -> None:
    graph = read_graphml(graphml(trace()))
    assert graph.graph["subject"] == DIN and graph.graph["position"] == 9
    assert graph.nodes[WHOLE] == {
        "bag": WHOLE, "component": "whole_blood", "group": "A", "rhd": "weak", "quantity": "2", "measure": "U",
        "status": "consumed", "holds": 0,
    }  # fmt: skip
    assert graph.nodes[POOL]["facility"] == "血站, 二号" and graph.nodes[RED]["facility"] == 'C 1 "north"\\'
    assert sorted((parent, child, said) for parent, child, said in graph.edges(data="position")) == sorted(
        (each["parent"], each["child"], each["position"]) for each in trace()["edges"]
    )
    assert not any(marked for _, _, marked in graph.edges(data="cycle"))


def test_graphml_marks_the_edges_of_a_cycle() -> None:
    graph = read_graphml(graphml(cyclic()))
    marked = {(parent, child): said for parent, child, said in graph.edges(data="cycle")}
    assert marked == {(WHOLE, RED): True, (RED, WHOLE): True, (RED, PLASMA): False, (POOL, POOL): True}


def test_graphml_keeps_two_processes_between_the_same_bags_apart() -> None:
    answer = trace() | {"edges": [edge(WHOLE, RED, "separate", 3), edge(WHOLE, RED, "split", 4)]}
    found = read_graphml(graphml(answer))
    assert sorted(process for _, _, process in found.edges(data="process")) == ["separate", "split"]


def test_graphml_is_xml_in_utf8() -> None:
    text = graphml(trace())
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n')
    assert ElementTree.fromstring(text.encode()).tag == "{http://graphml.graphdrawing.org/xmlns}graphml"


def test_dot_draws_every_bag_and_edge() -> None:
    text = dot(trace())
    assert text.startswith("digraph lineage {") and text.rstrip().endswith("}")
    drawn = re.findall(r'^\t"([^"]+)" \[label=', text, re.MULTILINE)
    assert drawn == [WHOLE, RED, PLASMA, POOL]
    edges = re.findall(r'^\t"([^"]+)" -> "([^"]+)" .*position=(\d+) process=(\w+)', text, re.MULTILINE)
    assert edges == [(one["parent"], one["child"], str(one["position"]), one["process"]) for one in trace()["edges"]]
    assert "dashed" not in text
    assert "abo=A" in text and " group=" not in text, "DOT's own word would move the node"


def test_dot_escapes_what_would_break_it() -> None:
    (line,) = [line for line in dot(trace()).splitlines() if line.startswith(f'\t"{RED}" [label=')]
    assert 'facility="C 1 \\"north\\"\\\\"' in line
    assert "holds=2" in line and "\\nheld C 1" in line and "fillcolor=salmon" in line


def test_dot_marks_the_edges_of_a_cycle() -> None:
    lines = [line for line in dot(cyclic()).splitlines() if " -> " in line]
    assert ["dashed" in line and "cycle=true" in line and "color=red" in line for line in lines] == [
        True,
        True,
        False,
        True,
    ]


def test_a_trace_without_bags_is_drawn_empty() -> None:
    nothing = trace() | {"bags": [], "edges": []}
    assert read_csv(table(nothing)) == []
    assert list(read_graphml(graphml(nothing)).nodes) == []
    assert "->" not in dot(nothing)


def test_what_a_depth_left_out_is_said() -> None:
    shallow = trace() | {"depth": 1, "cut": [PLASMA]}
    assert read_graphml(graphml(shallow)).graph["cut"] == PLASMA
    assert f"cut {PLASMA}" in dot(shallow)


def test_a_pool_of_ten_thousand_is_drawn() -> None:
    members = [f"A9999270{number:05d}=E3078V00" for number in range(10_000)]
    answer = trace() | {
        "bags": [bag(name) for name in (*members, POOL)],
        "edges": [edge(name, POOL, "pool", at) for at, name in enumerate(members, 1)],
    }
    assert len(read_csv(table(answer))) == 20_000
    assert read_graphml(graphml(answer)).number_of_edges() == 10_000
    assert dot(answer).count(" -> ") == 10_000
