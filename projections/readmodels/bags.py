"""This file holds the bags: what is said of each from one position to the next, changed by its own stream alone."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from msgspec.json import Encoder
from msgspec.msgpack import Encoder as BytesEncoder

from projections.decode import Fact, Unreadable
from projections.readmodels.bag_consequences import CHANGING
from projections.readmodels.bag_fold import folded, taken_in
from projections.readmodels.bag_state import FINAL, BagFold, packed, unpacked
from projections.readmodels.database import (
    OPEN,
    Batch,
    Content,
    ReadModel,
    Row,
    Writing,
    closing_digest,
    is_bag,
    spell_digest,
    spell_digests,
)
from projections.readmodels.life import kept, park, retold
from projections.readmodels.outbox import put_rows
from projections.readmodels.standing import Retold

SHELF = ("facility", "component", "abo", "rhd", "status", "measure")
"""What bags are counted together by."""
COLUMNS = (
    "bag", *SHELF, "thousandths", "fate", "place", "expires_at", "kind", "consignee", "holds", "nonconformities",
)  # fmt: skip
"""What a row says. The quantity is a whole number of thousandths: exact, and summed in the database."""
LASTING = 62
"""`span` of a row that holds until further notice."""

DDL = (
    """CREATE TABLE shelves (
        shelf BIGINT PRIMARY KEY, facility TEXT, component TEXT, abo TEXT, rhd TEXT, status TEXT NOT NULL,
        measure TEXT)""",
    # A spell: what was said of a bag from one position until before another. span: bits in the number of positions.
    """CREATE TABLE spells (
        bag TEXT NOT NULL, from_position BIGINT NOT NULL, to_position BIGINT NOT NULL, span INTEGER NOT NULL,
        shelf BIGINT NOT NULL, final INTEGER NOT NULL, thousandths BIGINT, fate TEXT, place TEXT, expires_at BIGINT,
        kind TEXT, consignee TEXT, holds TEXT NOT NULL, nonconformities TEXT NOT NULL,
        PRIMARY KEY (bag, from_position)) {clustered}""",
    # Both hold all that a stock answer needs, of bags that are stock: now, and at any position before.
    f"""CREATE INDEX spells_in_stock ON spells (shelf, expires_at, thousandths, to_position, final)
        WHERE final = 0 AND to_position = {OPEN}""",
    """CREATE INDEX spells_over_time ON spells (span, from_position, to_position, shelf, expires_at, thousandths,
        final) WHERE final = 0""",
    """CREATE VIEW bags AS SELECT spells.bag, shelves.facility, shelves.component, shelves.abo, shelves.rhd,
        shelves.status, shelves.measure, spells.thousandths, spells.fate, spells.place, spells.expires_at, spells.kind,
        spells.consignee, spells.holds, spells.nonconformities, spells.final, spells.from_position, spells.to_position
        FROM spells JOIN shelves ON shelves.shelf = spells.shelf""",
    """CREATE TABLE folds (
        bag TEXT PRIMARY KEY, from_position BIGINT NOT NULL, fold BLOB NOT NULL) {clustered}""",
)
READ = "SELECT bag, from_position, fold FROM {each} JOIN folds ON bag = each.value"
KEEP = """INSERT INTO folds VALUES (?, ?, ?)
    ON CONFLICT (bag) DO UPDATE SET from_position = excluded.from_position, fold = excluded.fold"""
CLOSE = "UPDATE spells SET to_position = ?, span = ? WHERE bag = ? AND from_position = ?"
_json = Encoder().encode
_bytes = BytesEncoder().encode


@lru_cache(maxsize=1 << 16)
def shelf_of(dimensions: Row) -> int:
    """The number of a shelf: a hash of what it stands for, so that a rebuild gives the same one."""
    return int.from_bytes(blake2b(_bytes(dimensions), digest_size=8).digest(), "big") >> 2


def span_of(from_position: int, to_position: int) -> int:
    """Bits in the number of positions a row held for: those of one span that held at one are in a short range."""
    return LASTING if to_position == OPEN else (to_position - from_position).bit_length()


class _Spell(NamedTuple):
    row: Row
    since: int
    until: int = OPEN


_new = tuple.__new__
"""Makes a NamedTuple of a tuple, in half the time: there is one for each change."""


class _Changes(NamedTuple):
    opened: list[_Spell]
    closed: list[_Spell]
    folds: list[Row]


class _Telling:
    """What is said of one bag while a batch is applied, and since when."""

    def __init__(self, bag: str, changes: _Changes, since: int | None, fold: bytes | None) -> None:
        self.bag, self.state = bag, BagFold() if fold is None else unpacked(fold)
        self._changes, self._since, self._stored = changes, since or 0, fold is not None
        self._row = None if fold is None else _row(bag, self.state)

    def say(self, position: int) -> None:
        """The state is what is said from this position on."""
        row = _row(self.bag, self.state)
        if row == self._row:
            return
        if self._row is not None:
            spell = _new(_Spell, (self._row, self._since, position))
            (self._changes.closed if self._stored else self._changes.opened).append(spell)
        self._row, self._since, self._stored = row, position, False

    def hear(self, heard: Sequence[Fact | Unreadable]) -> int | None:
        """Take in what comes in order; the version of the first fact that comes late, if one does."""
        for each in heard:
            news = self._row is None or self.state.last is None  # the first fact that is folded is news in itself
            if isinstance(each, Fact):
                if not taken_in(self.state, each):
                    return each.version
                news = news or each.name in CHANGING
            if news:
                self.say(each.position)
        return None

    def tell_again(self, retold: Retold) -> None:
        """Fold once more for each fact that may change what earlier ones say."""
        corrected, first = retold.corrected, True
        for fact, stands in retold.steps():
            if first or corrected or not taken_in(self.state, fact):
                self.state = folded(stands, fact.version, fact.position)
            first = False
            self.say(fact.position)

    def end(self, version: int, position: int) -> None:
        """Keep the state, with version and position of the last fact heard, readable or not."""
        self.state.version, self.state.position = version, position
        if self._row is not None and not self._stored:
            self._changes.opened.append(_Spell(self._row, self._since))
        self._changes.folds.append((self.bag, self._since, packed(self.state)))


def apply(writing: Writing, batch: Batch) -> None:
    """Bring what is said of every bag that a batch touches to its last fact."""
    heard = _heard(batch)
    afresh = sorted(bag for bag, each in batch.retold.items() if each.afresh and is_bag(bag))
    changes = _Changes([], [], [])
    _forget(writing, afresh)
    _tell_afresh(writing, batch, changes, afresh)
    touched = sorted(heard.keys() - set(afresh))
    kept = {bag: (since, fold) for bag, since, fold in writing.rows(READ, [writing.each(touched)])} if touched else {}
    late: dict[str, tuple[_Telling, int, int, int]] = {}
    for bag in touched:
        telling = _Telling(bag, changes, *kept.get(bag, (None, None)))
        version, position = _reached(writing, telling, heard[bag])
        if bag in batch.retold:
            telling.hear([each for each in heard[bag][:1] if isinstance(each, Unreadable)])
            telling.tell_again(batch.retold[bag])
        elif (first := telling.hear(heard[bag])) is not None:
            late[bag] = (telling, first, version, position)
            continue
        telling.end(version, position)
    for bag, each in retold(writing, {bag: first for bag, (_, first, _, _) in late.items()}).items():
        telling, _, version, position = late[bag]
        telling.tell_again(each)
        telling.end(version, position)
    _write(writing, changes)
    if writing.publishing:
        # What was never in stock between two batches was never sent, and needs no taking back.
        put_rows(writing, [s.row[0] for s in changes.opened if s.until == OPEN and not _unseen(s, kept, afresh)])


def _unseen(spell: _Spell, kept: Mapping[str, object], afresh: Sequence[str]) -> bool:
    return spell.row[5] in FINAL and spell.row[0] not in kept and spell.row[0] not in afresh


def _heard(batch: Batch) -> dict[str, Sequence[Fact | Unreadable]]:
    """What a batch says of each bag, in version order."""
    found: dict[str, Sequence[Fact | Unreadable]] = {bag: facts for bag, facts in batch.streams.items() if is_bag(bag)}
    for each in batch.unreadable:
        if is_bag(each.stream):
            found[each.stream] = sorted([*found.get(each.stream, ()), each], key=_version)
    return found


def _version(each: Fact | Unreadable) -> int:
    return each.version


def _reached(writing: Writing, telling: _Telling, heard: Sequence[Fact | Unreadable]) -> tuple[int, int]:
    """Version and position of the last fact heard; a version that was passed over is parked."""
    version, position = telling.state.version, telling.state.position
    last = heard[-1]
    if heard[0].version == version + 1 and last.version == version + len(heard):
        return last.version, last.position
    for each in heard:
        if each.version > version + 1:
            why = f"missing: version {each.version} came instead"
            for missing in range(version + 1, each.version):
                park(writing, telling.bag, missing, each.position, "", why)
        version, position = each.version, each.position
    return version, position


def _tell_afresh(writing: Writing, batch: Batch, changes: _Changes, bags: list[str]) -> None:
    for bag, heard in groupby(kept(writing, bags), key=attrgetter("stream")):
        first, *others = heard
        last = others[-1] if others else first
        telling = _Telling(bag, changes, None, None)
        facts = batch.retold[bag].facts
        if not facts or first.position < facts[0].position:
            telling.say(first.position)
        telling.tell_again(batch.retold[bag])
        telling.end(last.version, last.position)


def _row(bag: str, state: BagFold) -> Row:
    abo, rhd = state.shown_group
    return (
        bag,
        state.facility,
        state.component,
        abo,
        rhd,
        state.status,
        state.measure,
        state.thousandths,
        state.fate,
        state.place,
        state.expires_at,
        state.kind,
        state.consignee,
        _json(state.open_holds()).decode() if state.holds else "[]",
        _json(state.open_nonconformities()).decode() if state.nonconformities else "[]",
    )


def _forget(writing: Writing, bags: list[str]) -> None:
    """Take back all that was ever said of these bags."""
    if not bags:
        return
    columns = ", ".join(f"bags.{name}" for name in (*COLUMNS, "from_position", "to_position"))
    rows = writing.rows(f"SELECT {columns} FROM {{each}} JOIN bags ON bags.bag = each.value", [writing.each(bags)])
    writing.count("bags", -spell_digests(rows))
    writing.run_many("DELETE FROM spells WHERE bag = ?", [(bag,) for bag in bags])
    writing.run_many("DELETE FROM folds WHERE bag = ?", [(bag,) for bag in bags])


def _write(writing: Writing, changes: _Changes) -> None:
    opened, closed = changes.opened, changes.closed
    shelves: dict[Row, int] = {}
    rows = [_spell_row(each, shelves) for each in opened]
    sql = "INSERT INTO shelves VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
    writing.run_many(sql, [(shelf, *dimensions) for dimensions, shelf in shelves.items()])
    writing.run_many(CLOSE, [(s.until, span_of(s.since, s.until), s.row[0], s.since) for s in closed])
    writing.insert("spells", rows)
    writing.run_many(KEEP, changes.folds)
    difference = spell_digests((*row, since, until) for row, since, until in opened)
    difference += sum(closing_digest((*row, since, until)) for row, since, until in closed)
    writing.count("bags", difference)


def _spell_row(spell: _Spell, shelves: dict[Row, int]) -> Row:
    """The row as it is stored; its shelf is added to those there are."""
    row, since, until = spell
    dimensions = row[1:7]
    shelf = shelves.get(dimensions)
    if shelf is None:
        shelf = shelves[dimensions] = shelf_of(dimensions)
    return (row[0], since, until, span_of(since, until), shelf, 1 if row[5] in FINAL else 0, *row[7:])


CONTENT = Content("bags", (*COLUMNS, "from_position", "to_position"), ("bag", "from_position"), spell_digest)
FOLDS = Content("folds", ("bag", "from_position", "fold"), ("bag",))
BAGS = ReadModel("bags", CONTENT, DDL, apply, (FOLDS,))
