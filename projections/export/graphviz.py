"""This file holds lineage as Graphviz draws it: a graph in the language DOT."""

from collections.abc import Iterable

import graphviz

from projections.export.drawing import Cells, Trace, about, bags_of, edges_of

LONGEST = 100
"""Characters of a line of the title; the attribute of that name has them all."""
COLOURS = {
    "available": "palegreen",
    "reserved": "palegreen",
    "quarantine": "lightyellow",
    "held": "salmon",
    "missing": "salmon",
    "incomplete": "salmon",
    "transfused": "lightblue",
    "consumed": "gray90",
    "discarded": "gray90",
    "destroyed": "gray90",
}


def dot(trace: Trace) -> str:
    """The lineage of a trace in DOT, from what was collected down to what was made of it.

    Shape: nodes and edges carry their cells as attributes too, for programs, a node's group as `abo`, since `group`
    is a word of DOT; an edge of a cycle is red and dashed.
    Source: the DOT language, graphviz.org/doc/info/lang.html.
    """
    said = {name: _text(value) for name, value in about(trace).items()}
    label = _lines(f"{name} {_short(value)}" for name, value in said.items())
    drawn = graphviz.Digraph(
        "lineage",
        graph_attr={"rankdir": "LR", "label": label, **_escaped(said)},
        node_attr={"shape": "box", "style": "filled,rounded", "fillcolor": "white", "fontname": "sans-serif"},
        edge_attr={"fontname": "sans-serif"},
    )
    for bag in bags_of(trace):
        named = _escaped({"abo" if name == "group" else name: _text(value) for name, value in bag.items()})
        drawn.node(str(bag["bag"]), _label(bag), fillcolor=_colour(bag), **named)
    for edge in edges_of(trace):
        marks = {"color": "red", "fontcolor": "red", "style": "dashed"} if edge["cycle"] else {}
        named = {name: graphviz.escape(_text(edge[name])) for name in ("process", "position", "cycle")}
        words = _lines((_text(edge["process"]), _text(edge["position"])))
        drawn.edge(str(edge["parent"]), str(edge["child"]), words, **named, **marks)
    return str(drawn.source)


def _label(bag: Cells) -> str:
    lines = [
        (bag["bag"],),
        (bag.get("component"), bag.get("quantity"), bag.get("measure"), bag.get("group"), bag.get("rhd")),
        (bag.get("status"), bag.get("facility")),
        (bag.get("expires_at"),),
        (f"holds: {bag['holds']}" if bag["holds"] else None,),
    ]
    return _lines(" ".join(str(word) for word in line if word is not None) for line in lines)


def _lines(lines: Iterable[str]) -> str:
    """A label of several lines, without empty ones."""
    return "\\n".join(graphviz.escape(line) for line in lines if line)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


def _colour(bag: Cells) -> str:
    return "salmon" if bag["holds"] else COLOURS.get(str(bag.get("status")), "white")


def _escaped(texts: dict[str, str]) -> dict[str, str]:
    return {name: graphviz.escape(text) for name, text in texts.items()}


def _text(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
