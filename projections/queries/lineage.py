"""This file holds the walk through the lineage: what a bag was made from, and what from it."""

from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from projections.readmodels.database import Reading, Row
from projections.readmodels.incomplete import BAGS_OF_DONATION, incomplete_bags, with_descendants

__all__ = ["BAGS_OF_DONATION", "incomplete_bags", "with_descendants"]

ANCESTORS = """WITH RECURSIVE reached (bag) AS (
        SELECT each.value FROM {each}
        UNION SELECT lineage.parent FROM reached JOIN lineage ON lineage.child = reached.bag
        AND {known lineage})
    SELECT bag FROM reached"""
EDGES = """SELECT lineage.parent, lineage.child, lineage.process, MIN(lineage.from_position)
    FROM {each} JOIN lineage ON lineage.parent = each.value AND {known lineage}
    GROUP BY lineage.parent, lineage.child, lineage.process"""

CHILDREN = """SELECT lineage.parent, lineage.child
    FROM {each} JOIN lineage ON lineage.parent = each.value AND {known lineage}"""
PARENTS = """SELECT lineage.child, lineage.parent
    FROM {each} JOIN lineage ON lineage.child = each.value AND {known lineage}"""


def with_ancestors(read: Reading, bags: Iterable[str]) -> set[str]:
    """These bags, and every bag they were made from."""
    return {bag for (bag,) in read.rows(ANCESTORS, [read.each(sorted(bags))])}


RENAMED = """WITH RECURSIVE named (bag) AS (
        SELECT each.value FROM {each}
        UNION SELECT CASE WHEN lineage.parent = named.bag THEN lineage.child ELSE lineage.parent END
        FROM named JOIN lineage ON (lineage.parent = named.bag OR lineage.child = named.bag)
            AND lineage.process IN ('label', 'relabel') AND {known lineage})
    SELECT bag FROM named"""


def under_all_names(read: Reading, bags: Iterable[str]) -> set[str]:
    """These bags under every name they had: a label gives a container a new one, and nothing else."""
    return {bag for (bag,) in read.rows(RENAMED, [read.each(sorted(bags))])}


def edges_among(read: Reading, bags: set[str]) -> list[Row]:
    """Edges with both ends among these bags: parent, child, process, position from which on the ledger knew it."""
    found = read.rows(EDGES, [read.each(sorted(bags))])
    return sorted((row for row in found if row[1] in bags), key=lambda row: (row[3], row[:3]))


class Reached(NamedTuple):
    """Bags a walk came to, those it began with among them; `cut`: where its depth ended it and the lineage goes on."""

    bags: set[str]
    cut: set[str]


def descendants(read: Reading, bags: Iterable[str], depth: int | None) -> Reached:
    """These bags and what was made from them, in at most so many processes; None: however many."""
    return Reached(with_descendants(read, bags), set()) if depth is None else _walk(read, bags, depth, CHILDREN)


def ancestors(read: Reading, bags: Iterable[str], depth: int | None) -> Reached:
    """These bags and what they were made from, in at most so many processes; None: however many."""
    return Reached(with_ancestors(read, bags), set()) if depth is None else _walk(read, bags, depth, PARENTS)


def _walk(read: Reading, bags: Iterable[str], depth: int, step: str) -> Reached:
    reached = set(bags)
    edge = set(reached)
    for _ in range(depth):
        if not edge:
            break
        edge = {other for _, other in read.rows(step, [read.each(sorted(edge))])} - reached
        reached |= edge
    cut = {bag for bag, other in read.rows(step, [read.each(sorted(edge))]) if other not in reached}
    return Reached(reached, cut)


def cycles_of(edges: list[Row]) -> list[list[str]]:
    """Bags that are their own ancestors, grouped as they hang together; only bad input makes them.

    Such a bag has a parent and a child among them; few bags have, in a pool of ten thousand none.
    """
    both = {edge[0] for edge in edges} & {edge[1] for edge in edges}
    parents: dict[str, set[str]] = {}
    for parent, child, *_ in edges:
        if parent in both and child in both:
            parents.setdefault(child, set()).add(parent)
    try:
        TopologicalSorter(parents).prepare()
    except CycleError:  # then it is worth loading what can name them all
        return _cycles(edges)
    return []


def _cycles(edges: list[Row]) -> list[list[str]]:
    from networkx import DiGraph, strongly_connected_components

    graph = DiGraph((parent, child) for parent, child, *_ in edges)
    loops = {parent for parent, child, *_ in edges if parent == child}
    groups = [sorted(group) for group in strongly_connected_components(graph) if len(group) > 1 or loops & group]
    return sorted(groups)
