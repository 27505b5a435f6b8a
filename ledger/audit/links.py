"""This file holds the audit of the write-side index: rebuilt from the facts, compared row by row."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

import schemas
from ledger.audit.findings import Finding
from ledger.domain import FACTS
from ledger.domain.values import FieldValue, Lot, Sealed
from ledger.store.index import links_of
from ledger.store.port import FactRow, Link
from ledger.store.reading import Snapshot
from ledger.store.upcasting import UPCASTS, newest_bytes
from schemas.compiled import Read, compile_reader, only
from schemas.files import HEADER_SIZE

LINKS = "SELECT kind, key, stream, at FROM links ORDER BY kind, key, stream, at"
BATCH = 20_000

Fact = tuple[Any, ...]

TELLING: dict[str, tuple[str, ...]] = {
    "bag.collected": ("donor", "donation", "lots", "devices", "collector", "occasion.by"),
    "bag.prepared": ("process_run", "lots", "devices", "operator", "occasion.by"),
    "bag.consumed": ("process_run",),
    "donation.registered": ("donor",),
    "donation.tested": ("reagent_lot", "test_run", "device"),
    "donation.grouped": ("reagent_lot", "test_run", "device"),
    "hold.placed": ("scope_kind", "scope_id"),
    "bag.amended": ("changes",),
    "donation.amended": ("changes",),
}
"""Facts whose bodies give links, and the fields these come from. A test holds it to what the index says."""


class _By(NamedTuple):
    """All that the index asks of an occasion."""

    by: str


VALUES: Mapping[str, type[tuple[Any, ...]]] = {
    "bloodledger.Occasion": _By, "bloodledger.Lot": Lot, "bloodledger.FieldValue": FieldValue,
    "bloodledger.Sealed": Sealed,
}  # fmt: skip


@lru_cache(maxsize=512)
def gives_links(wire: str) -> bool:
    """Whether the body of such a fact may give links, and not only its being the first of a bag."""
    return wire in UPCASTS or wire.rpartition(".")[0] in TELLING


def row_of(fact: Fact) -> FactRow:
    """A fact as the audit selects it, as a row of the store."""
    position, stream, version, name, state, recorded_at, leaf, leaf_hash = fact
    return FactRow(position, leaf, stream, version, name, recorded_at, state, leaf_hash)


def links_in(row: FactRow) -> list[Link]:
    """The links a stored fact gives, by the index's own rules, reading no more of its bytes than these ask for.

    Errors: SchemaError when the bytes are damaged, or are another fact than the row says.
    """
    _, _, stream, version, wire, _, state, _ = row
    if wire in UPCASTS:
        wire, state = schemas.newest_version(wire), newest_bytes(state)
    fact_class, header, read, telling = _partly(wire)
    if state[:HEADER_SIZE] != header:
        raise schemas.SchemaError(f"the row says {row.name}, the bytes say {schemas.wire_of(state)}")
    if read is None or not (telling or version == 1):
        return []
    try:
        attributes = read(state, HEADER_SIZE)[0]
    except (IndexError, ValueError) as error:
        raise schemas.SchemaError(f"{wire}: the bytes are damaged: {error}") from error
    attributes["originator_id"], attributes["originator_version"] = stream, version
    fact: Any = object.__new__(fact_class)
    object.__setattr__(fact, "__dict__", attributes)  # past the frozen dataclass: what no rule asks for is not there
    return links_of(fact)


@lru_cache(maxsize=512)
def _partly(wire: str) -> tuple[type[Any], bytes, Read | None, bool]:
    """The class of a fact, its header, the reader of what gives links (None where nothing does), and whether its body
    does, or only its being the first of a bag.

    Errors: SchemaError when nothing of ours is called so.
    """
    schema, header = schemas.schema_of(wire), schemas.header_of(wire)
    name = wire.rpartition(".")[0]
    if name not in TELLING and not name.startswith("bag."):
        return FACTS[wire], header, None, False
    part = only(schema, ("happened_at", *TELLING.get(name, ())))
    names = {value.__name__: value for value in VALUES.values()} | {"new": tuple.__new__}
    return FACTS[wire], header, compile_reader(part, _made, names, logical=True), name in TELLING


def _made(record: str, variables: Mapping[str, str]) -> str:
    if (value := VALUES.get(record)) is not None:
        ordered = ", ".join(variables.get(name, "None") for name in value._fields)  # type: ignore[attr-defined]
        return f"new({value.__name__}, ({ordered},))"
    renamed = {"happened_at": "timestamp"}
    return "{" + ", ".join(f"{renamed.get(name, name)!r}: {each}" for name, each in variables.items()) + "}"


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
        for link in links:
            self._batch.append((*link, fact[0], fact[6], fact[1], fact[2]))
        if len(self._batch) >= BATCH:
            self._write()

    def findings(self, snapshot: Snapshot) -> Iterator[Finding]:
        """Links that are missing, and links that no fact gives."""
        self._write()
        given = self._scratch.execute("SELECT kind, key, stream, at FROM links ORDER BY kind, key, stream, at")
        return iter(()) if _alike(given, snapshot.select(LINKS)) else self._differences(snapshot)

    def _differences(self, snapshot: Snapshot) -> Iterator[Finding]:
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


def _alike(given: Iterator[Fact], recorded: Iterator[Fact]) -> bool:
    """Whether two tables hold the same rows, compared in blocks: what differs is asked only if something does."""
    while block := list(islice(given, BATCH)):
        if block != list(islice(recorded, BATCH)):
            return False
    return next(recorded, None) is None


def _before(left: Fact, right: Fact) -> bool:
    """Order by bytes, as both databases sort. A value of the wrong kind comes out as a row no fact gives."""
    return tuple(map(type, right)) == (str, str, str, int) and _key(left) < _key(right)


def _key(link: Fact) -> Fact:
    return (*(text.encode("utf-8", "surrogateescape") for text in link[:3]), link[3])
