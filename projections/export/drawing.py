"""This file holds what every drawing of a lineage is made of: its bags and its edges, flat, cycles marked."""

from collections.abc import Iterator, Mapping
from typing import Any

Trace = Mapping[str, Any]
"""The answer of a trace."""
Cells = dict[str, str | int | bool]
"""What is known, by name; what is not known is left out."""

BAG = ("bag", "component", "group", "rhd", "quantity", "measure", "status", "fate", "facility", "expires_at")
EDGE = ("parent", "child", "process", "position")


def bags_of(trace: Trace) -> Iterator[Cells]:
    """Each bag once: BAG as the trace says it, and how many open holds it has."""
    for bag in trace["bags"]:
        yield {**_known(bag, BAG), "holds": len(bag["holds"])}


def edges_of(trace: Trace) -> Iterator[Cells]:
    """Each edge once: EDGE, and whether it lies on a cycle, which only bad input makes."""
    rounds = [frozenset(cycle) for cycle in trace.get("cycles", ())]
    for edge in trace["edges"]:
        ends = {edge["parent"], edge["child"]}
        yield {**_known(edge, EDGE), "cycle": any(ends <= each for each in rounds)}


def about(trace: Trace) -> Cells:
    """What the drawing is of: subject, ledger, position, and which bags its depth left out, if any."""
    said = _known(trace, ("subject", "ledger", "position", "known_at", "at", "digest", "depth"))
    cut = trace.get("cut") or ()
    return said | ({"cut": " ".join(cut)} if cut else {})


def _known(said: Mapping[str, Any], names: tuple[str, ...]) -> Cells:
    return {name: said[name] for name in names if said.get(name) is not None}
