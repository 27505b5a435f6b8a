"""This file holds the lineage: which bag was made from which, by what process, told from either end."""

from functools import partial

from projections.decode import Fact
from projections.readmodels import told
from projections.readmodels.database import ReadModel, Row, is_bag

DDL = (
    # told_by: which end's stream tells of it, parent or child. An edge is there while either does.
    """CREATE TABLE lineage (
        parent TEXT NOT NULL, child TEXT NOT NULL, process TEXT NOT NULL, told_by TEXT NOT NULL,
        from_position BIGINT NOT NULL, to_position BIGINT NOT NULL,
        PRIMARY KEY (parent, child, process, told_by, from_position)) {clustered}""",
    "CREATE INDEX lineage_by_child ON lineage (child, parent, process, told_by, from_position, to_position)",
)
TELLING = frozenset(("bag.consumed", "bag.prepared", "bag.labelled"))


def _edges(fact: Fact) -> list[Row]:
    """The edges that a fact tells of, from its own end."""
    body, bag = fact.body, fact.stream
    if fact.name == "bag.consumed":
        return [(bag, child, body["process"], "parent") for child in body["children"]]
    if fact.name == "bag.prepared":
        return [(parent, bag, body["process"], "child") for parent in body["parents"]]
    if fact.name == "bag.labelled" and body["container"] is not None:
        return [(body["container"], bag, "label", "child")]
    return []


def edges_of(_: str, facts: list[Fact]) -> set[Row]:
    """The edges that facts of one stream tell of."""
    return {edge for fact in facts for edge in _edges(fact)}


def _source_of(row: Row) -> str:
    source: str = row[0] if row[3] == "parent" else row[1]
    return source


EDGES = told.Told(
    "lineage",
    ("parent", "child", "process", "told_by"),
    4,
    TELLING,
    _edges,
    edges_of,
    is_bag,
    ("lineage.parent = each.value AND told_by = 'parent'", "lineage.child = each.value AND told_by = 'child'"),
    _source_of,
)
LINEAGE = ReadModel("lineage", told.content_of(EDGES), DDL, partial(told.apply, EDGES))
