"""This file holds the lineage: which bag was made from which, by what process, told from either end."""

from collections.abc import Iterable, Iterator

from projections.decode import Fact
from projections.readmodels.database import Batch, ReadModel, Row, Writing, is_bag, row_digest

DDL = (
    # by_parent, by_child: position of the first standing fact on that end; position: the earlier of the two.
    """CREATE TABLE lineage (
        parent TEXT NOT NULL, child TEXT NOT NULL, process TEXT NOT NULL, position BIGINT NOT NULL,
        by_parent BIGINT, by_child BIGINT, PRIMARY KEY (parent, child, process)) {clustered}""",
    "CREATE INDEX lineage_by_child ON lineage (child, parent, process, position)",
)
COLUMNS = "lineage.parent, lineage.child, lineage.process, lineage.by_parent, lineage.by_child"
WRITE = """INSERT INTO lineage (parent, child, process, position, by_parent, by_child)
    VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (parent, child, process) DO UPDATE
    SET position = excluded.position, by_parent = excluded.by_parent, by_child = excluded.by_child"""

Edge = tuple[str, str, str]
Ends = tuple[int | None, int | None]
"""Position by the parent's word, position by the child's."""


TELLING = ("bag.consumed", "bag.prepared", "bag.labelled")


def edges_of(fact: Fact) -> Iterator[tuple[Edge, Ends]]:
    """The edges one fact tells of, from its own end."""
    body = fact.body
    if fact.name == "bag.consumed":
        for child in body["children"]:
            yield (fact.stream, child, body["process"]), (fact.position, None)
    elif fact.name == "bag.prepared":
        for parent in body["parents"]:
            yield (parent, fact.stream, body["process"]), (None, fact.position)
    elif fact.name == "bag.labelled" and body["container"] is not None:
        yield (body["container"], fact.stream, "label"), (None, fact.position)


def apply(writing: Writing, batch: Batch) -> None:
    """Add the edges of new facts; those of streams made anew are first taken back from that end."""
    told: dict[Edge, Ends] = {}
    _tell(told, batch.added(TELLING))
    anew = sorted(stream for stream in batch.anew if is_bag(stream))
    for stream in anew:
        _tell(told, batch.anew[stream])
    if not told and not anew:
        return
    before = _stored(writing, {parent for parent, _, _ in told}, anew)
    after: dict[Edge, Ends] = {}
    for edge in told.keys() | before.keys():
        by_parent, by_child = before.get(edge, (None, None))
        kept = (None if edge[0] in batch.anew else by_parent, None if edge[1] in batch.anew else by_child)
        after[edge] = _joined(kept, told.get(edge, (None, None)))
    _write(writing, before, after)


def _tell(told: dict[Edge, Ends], facts: Iterable[Fact]) -> None:
    for fact in facts:
        for edge, ends in edges_of(fact):
            told[edge] = _joined(told.get(edge, (None, None)), ends)


def _joined(one: Ends, other: Ends) -> Ends:
    return _earlier(one[0], other[0]), _earlier(one[1], other[1])


def _earlier(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


def _stored(writing: Writing, parents: set[str], anew: list[str]) -> dict[Edge, Ends]:
    """Stored edges of these parents, and both ways of streams made anew."""
    by_parent = f"SELECT {COLUMNS} FROM {{each}} JOIN lineage ON parent = each.value"
    found = writing.rows(by_parent, [writing.each(sorted({*parents, *anew}))])
    if anew:
        by_child = f"SELECT {COLUMNS} FROM {{each}} JOIN lineage ON child = each.value"
        found += writing.rows(by_child, [writing.each(anew)])
    return {(parent, child, process): (told, heard) for parent, child, process, told, heard in found}


def _row(edge: Edge, ends: Ends) -> Row:
    return (*edge, _earlier(*ends), *ends)


def _write(writing: Writing, before: dict[Edge, Ends], after: dict[Edge, Ends]) -> None:
    written = []
    gone = []
    difference = 0
    for edge, ends in after.items():
        was = before.get(edge)
        if was == ends:
            continue
        if was is not None:
            difference -= row_digest(_row(edge, was))
        if ends == (None, None):
            gone.append(edge)
            continue
        written.append(_row(edge, ends))
        difference += row_digest(written[-1])
    writing.run_many("DELETE FROM lineage WHERE parent = ? AND child = ? AND process = ?", gone)
    writing.run_many(WRITE, written)
    writing.count("lineage", difference)


LINEAGE = ReadModel("lineage", ("lineage",), DDL, apply)
