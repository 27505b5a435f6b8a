"""This file holds the life: every fact of every stream with its bytes, and which facts could not be read.

Why the bytes once more: a bag whose facts came out of order or were corrected is folded anew from here, a
trace reads one stream in one place, and a view fed by Kafka has no store to ask.
"""

import struct
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from msgspec import MsgspecError
from msgspec.msgpack import Decoder, Encoder

from ledger.merkle import leaf_data, leaf_hash
from projections.decode import Fact, Unreadable, decode_stored, key_of
from projections.readmodels import positions
from projections.readmodels.database import (
    OPEN,
    Batch,
    Content,
    Reading,
    ReadModel,
    Row,
    Writing,
    row_digest,
)
from projections.readmodels.standing import Retold, is_correction, standing

DDL = (
    # A chapter: what one batch brought of a stream. position and version of its first fact, position of its last.
    """CREATE TABLE life (
        position BIGINT PRIMARY KEY, stream TEXT NOT NULL, version BIGINT NOT NULL,
        last_position BIGINT NOT NULL, facts BLOB NOT NULL)""",
    "CREATE UNIQUE INDEX life_by_stream ON life (stream, version)",
    "CREATE TABLE corrected (stream TEXT PRIMARY KEY)",
    # unread: nobody could read it at all, so that what comes after it waits; the others change nothing, or did not come
    """CREATE TABLE parked (
        stream TEXT NOT NULL, version BIGINT NOT NULL, position BIGINT NOT NULL, name TEXT NOT NULL,
        reason TEXT NOT NULL, unread INTEGER NOT NULL, PRIMARY KEY (stream, version))""",
    *positions.DDL,
)
CHAPTERS = "SELECT life.stream, facts FROM {each} JOIN life ON stream = each.value WHERE position <= ?"
CHAPTER = "SELECT position, facts FROM life WHERE stream = ? AND position <= ? AND last_position >= ?"
CHAPTERS_AFTER = "SELECT stream, facts FROM life WHERE stream > ? ORDER BY stream, version LIMIT ?"
# Streams of one key begin with it, and go on with = or #, both before ~.
CHAPTERS_OF_KEY = "SELECT stream, facts FROM {each} JOIN life ON stream >= each.value AND stream < each.value || '~'"
MERGES = ("donor.merged", "donor.unmerged", "recipient.merged", "recipient.unmerged")
"""Facts whose order matters for what belongs to whom; so rare that their streams are simply made anew."""
PAGE = 1_000
"""Chapters read at a time."""

_Said = tuple[int, int, str, int | None, int, bytes]
_pack = Encoder().encode
_unpack = Decoder(list[_Said]).decode


class Kept(NamedTuple):
    """A fact as it is kept. Shape: `name` with its version; `happened_at` None when nobody could read it."""

    position: int
    stream: str
    version: int
    name: str
    happened_at: int | None
    recorded_at: int
    state: bytes

    def read(self) -> Fact | Unreadable:
        """What it says."""
        return decode_stored(self.position, self.stream, self.version, self.name, self.recorded_at, self.state)


def unheard(writing: Reading, decoded: list[Fact | Unreadable]) -> list[Fact | Unreadable]:
    """Those not applied before: a source may say a fact twice. Beyond the last that was heard all are new."""
    last = positions.last_heard(writing, OPEN)
    if last is None or not decoded or decoded[0].position > last[0]:
        return decoded
    heard = positions.heard_of(writing, (each.position for each in decoded))
    return [each for each in decoded if each.position not in heard]


def held_back(read: Reading, decoded: Sequence[Fact | Unreadable]) -> tuple[Sequence[Fact | Unreadable], list[Fact]]:
    """Those to be told now, and those that wait: a fact before them, of the same donation, could not be read."""
    parked = parked_keys(read)
    if not parked and not any(isinstance(each, Unreadable) for each in decoded):
        return decoded, []
    now: list[Fact | Unreadable] = []
    waiting: list[Fact] = []
    for each in decoded:
        if isinstance(each, Unreadable):
            parked.add(key_of(each.stream))
            now.append(each)
        elif key_of(each.stream) in parked:
            waiting.append(each)
        else:
            now.append(each)
    return now, waiting


def apply(writing: Writing, batch: Batch) -> None:
    """Keep the facts, park what cannot be read, and find the streams that must be retold."""
    come = _come(batch)
    positions.hear(writing, come)
    writing.insert("life", list(_chapters(batch)))
    writing.count("life", sum(int.from_bytes(each.leaf_hash, "big") for each in come))
    come_at_last = _come_at_last(writing, batch)
    for each in batch.unreadable:
        park(writing, each.stream, each.version, each.position, each.wire, each.reason, unread=True)
    firsts = {stream: batch.streams[stream][0].version for stream in _to_retell(writing, batch)}
    batch.retold.update(retold(writing, firsts))
    batch.retold.update(told_afresh(writing, come_at_last))


def _come(batch: Batch) -> list[Fact | Unreadable]:
    return [*batch.facts, *batch.unreadable, *batch.waiting]


def _stream(each: Fact | Unreadable) -> str:
    return each.stream


def _chapters(batch: Batch) -> Iterator[Row]:
    if not batch.unreadable and not batch.waiting:
        for stream, facts in batch.streams.items():  # taken apart by place: by name it would take twice the time
            said = [(at, number, wire, when, then, data) for at, _, number, _, when, then, _, wire, data, _ in facts]
            yield _chapter(stream, said)
        return
    come = sorted(_come(batch), key=lambda each: (each.stream, each.version))
    for stream, some in groupby(come, key=_stream):
        yield _chapter(stream, [_said(each) for each in some])


def _chapter(stream: str, said: Sequence[_Said]) -> Row:
    return said[0][0], stream, said[0][1], said[-1][0], _pack(said)


def _said(each: Fact | Unreadable) -> _Said:
    happened_at = each.happened_at if isinstance(each, Fact) else None
    return each.position, each.version, each.wire, happened_at, each.recorded_at, each.state


def _to_retell(writing: Writing, batch: Batch) -> list[str]:
    corrected = _streams_of(batch, {name for name in batch.names if is_correction(name)})
    if corrected:
        sql = "INSERT INTO corrected VALUES (?) ON CONFLICT DO NOTHING"
        writing.run_many(sql, [(stream,) for stream in sorted(corrected)])
    before: set[str] = set()
    if writing.rows("SELECT 1 FROM corrected LIMIT 1"):
        sql = "SELECT stream FROM {each} JOIN corrected ON stream = each.value"
        before = {stream for (stream,) in writing.rows(sql, [writing.each(batch.streams)])}
    merged = _streams_of(batch, batch.names.intersection(MERGES))
    return sorted(corrected | before | merged)


def _streams_of(batch: Batch, names: Collection[str]) -> set[str]:
    return {fact.stream for fact in batch.facts if fact.name in names} if names else set()


def _come_at_last(writing: Writing, batch: Batch) -> list[str]:
    """Streams of which a version comes that had been passed over."""
    sql = "SELECT stream, version FROM parked WHERE name = ''"
    awaited = {(stream, version) for stream, version in writing.rows(sql)}
    come: list[Fact | Unreadable] = [*batch.facts, *batch.unreadable] if awaited else []
    heard = awaited & {(each.stream, each.version) for each in come}
    writing.run_many("DELETE FROM parked WHERE stream = ? AND version = ?", sorted(heard))
    return sorted({stream for stream, _ in heard})


# -- what is parked ----------------------------------------------------------------------------------------


def park(
    writing: Writing, stream: str, version: int, position: int, name: str, reason: str, unread: bool = False
) -> None:
    """Put a fact aside, with the reason: its bag and all that is made from it show as incomplete."""
    writing.run(
        "INSERT INTO parked VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (stream, version, position, name, reason, int(unread)),
    )


def parked_keys(read: Reading) -> set[str]:
    """Keys of streams with a fact that could not be read."""
    return {key_of(stream) for (stream,) in read.rows("SELECT DISTINCT stream FROM parked WHERE unread = 1")}


def parked_again(writing: Writing, key: str) -> list[str]:
    """Unpark what this code can read now, of one key; its streams, to be told afresh, once nothing of it is parked."""
    unread = {(each.stream, each.version): each for each in kept_of_key(writing, key) if each.happened_at is None}
    ready = set()
    for stream, version in writing.rows("SELECT stream, version FROM parked WHERE unread = 1"):
        each = unread.get((stream, version))
        fact = None if each is None else each.read()
        if not isinstance(fact, Fact):
            continue
        ready.add(key_of(stream))
        _keep_read(writing, fact)
        writing.run("DELETE FROM parked WHERE stream = ? AND version = ?", (stream, version))
    return released(writing, ready)


def _keep_read(writing: Writing, fact: Fact) -> None:
    """Keep when a fact happened that can be read at last."""
    for chapter, packed in writing.rows(CHAPTER, [fact.stream, fact.position, fact.position]):
        said = [
            (*each[:3], fact.happened_at, *each[4:]) if each[0] == fact.position else each for each in _unpack(packed)
        ]
        writing.run("UPDATE life SET facts = ? WHERE position = ?", (_pack(said), chapter))


def released(writing: Writing, keys: Iterable[str]) -> list[str]:
    """All streams of these keys, but of those where another fact is parked still."""
    free = set(keys) - parked_keys(writing)
    return sorted({each.stream for key in free for each in kept_of_key(writing, key)})


# -- reading -----------------------------------------------------------------------------------------------


def kept(read: Reading, streams: Iterable[str], until: int = OPEN) -> list[Kept]:
    """What is kept of these streams up to a position, by stream and version."""
    wanted = list(streams)
    return _in_order(read.rows(CHAPTERS, [read.each(wanted), until]), until) if wanted else []


def kept_of_key(read: Reading, key: str) -> list[Kept]:
    """What is kept of a donation and its bags, or of whatever else has this key."""
    return [each for each in _in_order(read.rows(CHAPTERS_OF_KEY, [read.each([key])])) if key_of(each.stream) == key]


def all_kept(read: Reading) -> Iterator[list[Kept]]:
    """Every fact, by stream and version, some streams at a time: in memory is what stands in so many chapters."""
    stream = ""
    while chapters := read.rows(CHAPTERS_AFTER, [stream, PAGE]):
        last = chapters[-1][0]
        if len(chapters) == PAGE and chapters[0][0] != last:  # the last stream's may go on: it comes with the next
            chapters = [each for each in chapters if each[0] != last]
        elif len(chapters) == PAGE:
            chapters = read.rows(CHAPTERS, [read.each([last]), OPEN])
        yield _in_order(chapters)
        stream = chapters[-1][0]


def first_kept(read: Reading, count: int) -> list[Kept]:
    """The facts of the first chapters, by position."""
    return sorted(_in_order(read.rows("SELECT stream, facts FROM life ORDER BY position LIMIT ?", [count])))


def last_kept(read: Reading) -> Kept | None:
    """The fact at the highest position."""
    heard = positions.last_heard(read, OPEN)
    if heard is None:
        return None
    sql = "SELECT stream, facts FROM life WHERE position <= ? AND last_position >= ? ORDER BY position DESC LIMIT 1"
    found = _in_order(read.rows(sql, [heard[0], heard[0]]))
    return next((each for each in found if each.position == heard[0]), None)


def _in_order(chapters: Iterable[Row], until: int = OPEN) -> list[Kept]:
    found = [
        Kept(said[0], stream, *said[1:]) for stream, packed in chapters for said in _unpack(packed) if said[0] <= until
    ]
    found.sort(key=attrgetter("stream", "version"))
    return found


def facts_of(reading: Reading, streams: Sequence[str], until: int = OPEN) -> dict[str, list[Fact]]:
    """All readable facts of each stream up to a position, as stored, in version order."""
    found: dict[str, list[Fact]] = {stream: [] for stream in streams}
    for each in kept(reading, streams, until):
        fact = each.read()
        if isinstance(fact, Fact):
            found[fact.stream].append(fact)
    return found


def retold(writing: Writing, firsts: Mapping[str, int]) -> dict[str, Retold]:
    """Streams to be told once more from these versions on; an amendment that cannot be read is parked."""
    found = {stream: Retold(facts, firsts[stream]) for stream, facts in facts_of(writing, sorted(firsts)).items()}
    for stream, each in found.items():
        unread = standing(each.facts).unread if each.corrected else {}
        for fact in each.facts:
            if fact.version in unread:
                park(writing, stream, fact.version, fact.position, fact.wire, unread[fact.version])
    return found


def told_afresh(writing: Writing, streams: Iterable[str]) -> dict[str, Retold]:
    """Streams whose rows of all times are to be made anew."""
    return {stream: each._replace(afresh=True) for stream, each in retold(writing, dict.fromkeys(streams, 1)).items()}


# -- comparing ---------------------------------------------------------------------------------------------


def _unfolded(chapters: Iterator[Row]) -> Iterator[Row]:
    """Chapters depend on how facts were batched; the facts in them do not."""
    for stream, of_stream in groupby(chapters, key=lambda row: str(row[1])):
        rows: list[Row] = []
        for position, _, version, last, packed in of_stream:
            try:
                rows += [Kept(each[0], stream, *each[1:]) for each in _unpack(packed)]
            except MsgspecError:  # damaged: shown as it is
                rows.append((position, stream, version, None, None, last, bytes(packed)))
        yield from sorted(rows, key=lambda row: row[2])


def _leaf_digest(row: Row) -> int:
    """The leaf hash of the fact as it is kept, as a number: the ledger's tree has the same."""
    position, stream, version, name, _, recorded_at, state = row
    if name is not None:
        try:
            return int.from_bytes(leaf_hash(leaf_data(position, stream, version, name, recorded_at, state)), "big")
        except struct.error:
            pass
    return row_digest(row)


CORRECTED = Content("corrected", ("stream",), ("stream",))
PARKED = Content("parked", ("stream", "version", "position", "name", "reason", "unread"), ("stream", "version"))
FACTS = Content(
    "life",
    Kept._fields,
    ("stream", "version"),
    _leaf_digest,
    stored=("position", "stream", "version", "last_position", "facts"),
    walked_by=("stream", "version"),
    unfolded=_unfolded,
)
LIFE = ReadModel("life", FACTS, DDL, apply, (positions.POSITIONS, CORRECTED, PARKED))
