"""This file holds the life: every fact of every stream with its bytes, and which facts could not be read.

Why the bytes once more: a bag whose facts came out of order or were corrected is folded anew from here, a
trace reads one stream in one place, and a view fed by Kafka has no store to ask.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from projections.decode import Fact, Unreadable, decode_stored, key_of
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
    """CREATE TABLE life (
        position BIGINT PRIMARY KEY, stream TEXT NOT NULL, version BIGINT NOT NULL, name TEXT NOT NULL,
        happened_at BIGINT, recorded_at BIGINT NOT NULL, state BLOB NOT NULL)""",
    "CREATE UNIQUE INDEX life_by_stream ON life (stream, version)",
    "CREATE TABLE corrected (stream TEXT PRIMARY KEY)",
    """CREATE TABLE parked (
        stream TEXT NOT NULL, version BIGINT NOT NULL, position BIGINT NOT NULL, name TEXT NOT NULL,
        reason TEXT NOT NULL, PRIMARY KEY (stream, version))""",
)
POISON = """version < 0 OR EXISTS (SELECT 1 FROM life
    WHERE life.stream = parked.stream AND life.version = parked.version AND happened_at IS NULL)"""
"""Which parked facts could not be read at all; the others change nothing, or have not come."""
MERGES = ("donor.merged", "donor.unmerged", "recipient.merged", "recipient.unmerged")
"""Facts whose order matters for what belongs to whom; so rare that their streams are simply made anew."""


def unheard(writing: Reading, decoded: list[Fact | Unreadable]) -> list[Fact | Unreadable]:
    """Those not applied before: a source may say a fact twice.

    Positions above the highest applied are new; only otherwise is each one looked up.
    """
    ((highest,),) = writing.rows("SELECT COALESCE(MAX(position), 0) FROM life")
    if not decoded or decoded[0].position > highest:
        return decoded
    sql = "SELECT position FROM {each} JOIN life ON position = CAST(each.value AS BIGINT)"
    heard = {position for (position,) in writing.rows(sql, [writing.each(str(each.position) for each in decoded)])}
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
    rows: list[Row] = [
        (fact.position, fact.stream, fact.version, fact.wire, fact.happened_at, fact.recorded_at, fact.state)
        for fact in batch.facts
    ]
    rows += [(u.position, u.stream, u.version, u.wire, None, u.recorded_at, u.state) for u in batch.unreadable]
    rows += [(w.position, w.stream, w.version, w.wire, w.happened_at, w.recorded_at, w.state) for w in batch.waiting]
    writing.insert("life", rows)
    writing.count("life", sum(map(row_digest, rows)))
    come = _come_at_last(writing, batch)
    for unreadable in batch.unreadable:
        park(
            writing,
            unreadable.stream,
            unreadable.version,
            unreadable.position,
            unreadable.wire,
            unreadable.reason,
        )
    firsts = {stream: batch.streams[stream][0].version for stream in _to_retell(writing, batch)}
    batch.retold.update(retold(writing, firsts))
    batch.retold.update(told_afresh(writing, come))


def _to_retell(writing: Writing, batch: Batch) -> list[str]:
    corrected = _streams_of(batch, {name for name in batch.names if is_correction(name)})
    if corrected:
        sql = "INSERT INTO corrected VALUES (?) ON CONFLICT DO NOTHING"
        writing.run_many(sql, [(stream,) for stream in sorted(corrected)])
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


def park(writing: Writing, stream: str, version: int, position: int, name: str, reason: str) -> None:
    """Put a fact aside, with the reason: its bag and all that is made from it show as incomplete."""
    writing.run(
        "INSERT INTO parked VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (stream, version, position, name, reason),
    )


def parked_keys(read: Reading) -> set[str]:
    """Keys of streams with a fact that could not be read."""
    return {key_of(stream) for (stream,) in read.rows(f"SELECT DISTINCT stream FROM parked WHERE {POISON}")}


def parked_again(writing: Writing, key: str) -> list[str]:
    """Unpark what this code can read now, of one key; its streams, to be told afresh, once nothing of it is parked."""
    sql = """SELECT parked.stream, parked.version, life.position, life.name, life.recorded_at, life.state
        FROM parked JOIN life ON life.stream = parked.stream AND life.version = parked.version
        WHERE life.happened_at IS NULL"""
    ready = set()
    rows = [row for row in writing.rows(sql) if key_of(row[0]) == key]
    for stream, version, position, name, recorded_at, state in rows:
        fact = decode_stored(position, stream, version, name, recorded_at, state)
        if isinstance(fact, Unreadable):
            continue
        ready.add(key_of(stream))
        before: Row = (position, stream, version, name, None, recorded_at, state)
        after: Row = (position, stream, version, name, fact.happened_at, recorded_at, state)
        writing.run("UPDATE life SET happened_at = ? WHERE position = ?", (fact.happened_at, position))
        writing.count("life", row_digest(after) - row_digest(before))
        writing.run("DELETE FROM parked WHERE stream = ? AND version = ?", (stream, version))
    return released(writing, ready)


def released(writing: Writing, keys: Iterable[str]) -> list[str]:
    """All streams of these keys, but of those where another fact is parked still."""
    free = sorted(set(keys) - parked_keys(writing))
    # Streams of one key begin with it, and go on with = or #, both before ~.
    sql = "SELECT DISTINCT stream FROM {each} JOIN life ON stream >= each.value AND stream < each.value || '~'"
    found = {stream for (stream,) in writing.rows(sql, [writing.each(free)])} if free else set()
    return sorted(stream for stream in found if key_of(stream) in free)


def facts_of(reading: Reading, streams: Sequence[str], until: int = OPEN) -> dict[str, list[Fact]]:
    """All readable facts of each stream up to a position, as stored, in version order."""
    sql = """SELECT position, stream, version, name, recorded_at, state
        FROM {each} JOIN life ON stream = each.value WHERE position <= ? ORDER BY stream, version"""
    found: dict[str, list[Fact]] = {stream: [] for stream in streams}
    if streams:
        for row in reading.rows(sql, [reading.each(streams), until]):
            fact = decode_stored(*row)
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


COLUMNS = ("position", "stream", "version", "name", "happened_at", "recorded_at", "state")
CORRECTED = Content("corrected", ("stream",), ("stream",))
PARKED = Content("parked", ("stream", "version", "position", "name", "reason"), ("stream", "version"))
LIFE = ReadModel("life", Content("life", COLUMNS, ("position",)), DDL, apply, (CORRECTED, PARKED))
