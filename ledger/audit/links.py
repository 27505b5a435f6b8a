"""This file holds the audit of the write-side index: rebuilt from the facts, compared row by row."""

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any

from ledger.audit.findings import Finding
from ledger.store.port import Link
from ledger.store.reading import Snapshot

LINKS = "SELECT kind, key, stream, at FROM links ORDER BY kind, key, stream, at"
BATCH = 10_000

Fact = tuple[Any, ...]


class Links:
    """Collects the links that facts give in a scratch file on disk, sorted; then merges them with the table."""

    def __init__(self) -> None:
        self._scratch = sqlite3.connect("", isolation_level=None)  # no name: SQLite deletes it by itself
        self._scratch.execute("PRAGMA journal_mode=OFF")
        self._scratch.execute(
            "CREATE TABLE links (kind TEXT, key TEXT, stream TEXT, at INTEGER, position INTEGER, leaf INTEGER,"
            " source TEXT, version INTEGER, PRIMARY KEY (kind, key, stream, at)) WITHOUT ROWID"
        )
        self._batch: list[Fact] = []

    def take(self, fact: Fact, links: Iterable[Link]) -> None:
        self._batch += [(*link, fact[0], fact[6], fact[1], fact[2]) for link in links]
        if len(self._batch) >= BATCH:
            self._write()

    def findings(self, snapshot: Snapshot) -> Iterator[Finding]:
        """Links that are missing, and links that no fact gives."""
        self._write()
        given = self._scratch.execute("SELECT * FROM links ORDER BY kind, key, stream, at")
        recorded = snapshot.select(LINKS)
        left, right = next(given, None), next(recorded, None)
        while left is not None or right is not None:
            if left is not None and right is not None and left[:4] == right:
                left, right = next(given, None), next(recorded, None)
            elif left is None or (right is not None and not _before(left[:4], right)):
                assert right is not None
                yield Finding(f"links: {right[0]} {right[1]} -> {right[2]}: no fact gives it")
                right = next(recorded, None)
            else:
                yield Finding(f"links: {left[0]} {left[1]} -> {left[2]} is gone", *left[4:])
                left = next(given, None)

    def close(self) -> None:
        self._scratch.close()

    def _write(self) -> None:
        self._scratch.execute("BEGIN")
        self._scratch.executemany("INSERT OR IGNORE INTO links VALUES (?, ?, ?, ?, ?, ?, ?, ?)", self._batch)
        self._scratch.execute("COMMIT")
        self._batch = []


def _before(left: Fact, right: Fact) -> bool:
    """Order by bytes, as both databases sort. A value of the wrong kind comes out as a row no fact gives."""
    return tuple(map(type, right)) == (str, str, str, int) and _key(left) < _key(right)


def _key(link: Fact) -> Fact:
    return (*(text.encode("utf-8", "surrogateescape") for text in link[:3]), link[3])
