"""This file holds what traces are held against: an unindexed table of facts, and an embedded graph database."""

import csv
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self

import ladybug

from projections.consumer import FactSource
from projections.decode import Unreadable, decode_row
from projections.queries.everything import every_bag, every_edge
from projections.readmodels.database import Views
from projections.readmodels.lineage import edges_of

PAGE = 20_000
DEEPEST = 30
"""Steps; the graph database wants a bound."""


class UnindexedFacts:
    """Every fact as a row, the edges it tells of beside it; no index but the position.

    SQLite may make an index for the length of one query, and does where that is quicker: that is its affair.
    """

    TABLE = "CREATE TABLE facts (position INTEGER, stream TEXT, name TEXT, parent TEXT, child TEXT)"
    DOWN = (
        "WITH RECURSIVE reached (bag) AS (SELECT ? UNION SELECT child FROM reached JOIN facts ON parent = bag)"
        " SELECT bag FROM reached"
    )
    UP = (
        "WITH RECURSIVE reached (bag) AS (SELECT ? UNION SELECT parent FROM reached JOIN facts ON child = bag)"
        " SELECT bag FROM reached"
    )
    LAST = (
        "SELECT stream, name, MAX(position) FROM facts WHERE stream IN (SELECT value FROM json_each(?)) GROUP BY stream"
    )

    def __init__(self, path: Path, source: FactSource) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute(self.TABLE)
        self._connection.execute("BEGIN")
        self._connection.executemany("INSERT INTO facts VALUES (?, ?, ?, ?, ?)", _fact_rows(source))
        self._connection.execute("COMMIT")

    def trace(self, bag: str) -> int:
        """Ancestors, descendants, and the last fact of each; answer how many bags that is."""
        found = {each for sql in (self.DOWN, self.UP) for (each,) in self._connection.execute(sql, (bag,))}
        listed = "[" + ",".join(f'"{each}"' for each in found) + "]"
        states = self._connection.execute(self.LAST, (listed,)).fetchall()
        assert len(states) == len(found)
        return len(found)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def _fact_rows(source: FactSource) -> Iterator[tuple[Any, ...]]:
    position = 0
    while rows := source.rows(position, PAGE):
        for row in rows:
            fact = decode_row(row)
            assert not isinstance(fact, Unreadable)
            edges = sorted(edges_of(row.stream, [fact])) or [(None, None)]
            yield from ((row.position, row.stream, fact.name, edge[0], edge[1]) for edge in edges)
        position = rows[-1].position


class Graph:
    """Bags with their states and fates as nodes, processes as edges, in an embedded graph database (LadybugDB)."""

    SAID = "RETURN b.name, b.status, b.fate, rels(m)"
    DOWN = f"MATCH (a:Bag {{name: $bag}})-[m:Made* SHORTEST 1..{DEEPEST}]->(b:Bag) {SAID}"
    UP = f"MATCH (a:Bag {{name: $bag}})<-[m:Made* SHORTEST 1..{DEEPEST}]-(b:Bag) {SAID}"

    def __init__(self, folder: Path, views: Views) -> None:
        self._database = ladybug.Database(str(folder / "graph.lbug"))
        self._connection = ladybug.Connection(self._database)
        self._connection.set_max_threads_for_exec(1)  # quicker than two for a few bags
        self._connection.execute("CREATE NODE TABLE Bag(name STRING PRIMARY KEY, status STRING, fate STRING)")
        self._connection.execute("CREATE REL TABLE Made(FROM Bag TO Bag, process STRING)")
        bags = ((row["bag"], row["status"], row["fate"] or "") for row in every_bag(views))
        self._copied(folder / "bags.csv", "Bag", bags)
        self._copied(folder / "edges.csv", "Made", every_edge(views))

    def _copied(self, path: Path, table: str, rows: Iterable[Iterable[Any]]) -> None:
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(rows)
        self._connection.execute(f"COPY {table} FROM '{path}' (HEADER=false)")
        path.unlink()

    def trace(self, bag: str) -> int:
        """Ancestors and descendants with edges, states and fates; answer how many bags that is."""
        rows = [self._connection.execute(way, {"bag": bag}).get_all() for way in (self.DOWN, self.UP)]
        return 1 + len({row[0] for way in rows for row in way})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._database.close()
