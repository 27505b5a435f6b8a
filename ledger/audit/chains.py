"""This file holds the audit of the streams: gapless versions in the order of positions, and each stream's head."""

from collections.abc import Iterator
from hashlib import sha256
from itertools import groupby
from operator import itemgetter
from typing import Any

from ledger.audit.findings import Finding
from ledger.merkle import GENESIS, chained
from ledger.store.reading import Snapshot

CHAINS = (
    "SELECT originator_id, originator_version, notification_id, leaf_hash, leaf FROM stored_events"
    " ORDER BY originator_id, originator_version"
)
LINKS_OF_CHAINS = CHAINS.replace(", leaf FROM", " FROM")
"""As CHAINS, without what only a finding needs."""
HEADS = "SELECT stream, count, hash FROM stream_heads ORDER BY stream"

Row = tuple[Any, ...]


class Head:
    """A stream's head rebuilt from its facts, with the first thing that is wrong among them."""

    def __init__(self, stream: Any, rows: Iterator[Row]) -> None:
        self.stream, self.finding = stream, None
        count, chain, position = 0, GENESIS, 0
        row: Row = ()
        for row in rows:
            count += 1
            if (row[1] != count or row[2] < position or type(row[3]) is not bytes) and self.finding is None:
                self.finding = _wrong(row, count, position)
            if count == 1:
                self.first = _named(row)
            chain, position = chained(chain, row[3] if type(row[3]) is bytes else b""), row[2]
        self.count, self.hash, self.last = count, chain, row

    stream: Any
    finding: Finding | None
    first: Finding


def _named(row: Row) -> Finding:
    stream, version, position, _, leaf = row
    return Finding("", position, leaf, stream, version)


def _wrong(row: Row, count: int, position: int) -> Finding:
    if row[1] != count:
        return _named(row)._replace(what=f"missing: version {count} of the stream is gone", version=count)
    if row[2] < position:
        return _named(row)._replace(what="the stream's versions are not in the order of their positions")
    return _named(row)._replace(what="the leaf hash is no hash")


def chain_findings(snapshot: Snapshot) -> Iterator[Finding]:
    """Streams that are not as their heads say, in the order of their names.

    First only whether all are, which costs a third; what is wrong is asked in a second pass, if anything is.
    """
    return iter(()) if all_well(snapshot) else _chain_findings(snapshot)


def all_well(snapshot: Snapshot) -> bool:
    """Whether every stream has gapless versions in the order of positions, and its head, and every head its stream."""
    heads, ended = snapshot.select(HEADS), ("", 0, b"")
    current, count, chain, last = "", 0, b"", 0
    for stream, version, position, leaf_hash in snapshot.select(LINKS_OF_CHAINS):
        if stream != current:
            if count and next(heads, ended) != (current, count, chain):
                return False
            current, count, chain, last = stream, 0, GENESIS, 0
        count += 1
        if version != count or position < last or type(leaf_hash) is not bytes:
            return False
        chain, last = sha256(chain + leaf_hash).digest(), position
    return (not count or next(heads, ended) == (current, count, chain)) and next(heads, None) is None


def _chain_findings(snapshot: Snapshot) -> Iterator[Finding]:
    heads = snapshot.select(HEADS)
    recorded = next(heads, None)
    for stream, rows in groupby(snapshot.select(CHAINS), itemgetter(0)):
        found = Head(stream, rows)
        while recorded is not None and _before(recorded[0], stream):
            yield Finding("stream_heads: a stream without facts", stream=str(recorded[0]))
            recorded = next(heads, None)
        matches = recorded is not None and recorded[0] == stream
        if found.finding is not None:
            yield found.finding
        elif not matches:
            yield found.first._replace(what="stream_heads: the stream's head is gone")
        elif recorded is not None and recorded[1:] != (found.count, found.hash):
            yield _mismatch(found, recorded)
        if matches:
            recorded = next(heads, None)
    while recorded is not None:
        yield Finding("stream_heads: a stream without facts", stream=str(recorded[0]))
        recorded = next(heads, None)


def _mismatch(found: Head, recorded: Row) -> Finding:
    """More counted than there are: the tail is gone. Else the facts or the head were changed."""
    if type(recorded[1]) is int and recorded[1] > found.count:
        what = f"missing: version {found.count + 1} of the stream is gone"
        return _named(found.last)._replace(what=what, version=found.count + 1)
    return found.first._replace(what="stream_heads: count or hash not as the stream's facts give it")


def _before(name: Any, stream: Any) -> bool:
    """Whether a head's name sorts before a stream's. Text sorts by its bytes, and before anything else."""
    if isinstance(name, str) and isinstance(stream, str):
        return name.encode("utf-8", "surrogateescape") < stream.encode("utf-8", "surrogateescape")
    return isinstance(name, str) or not isinstance(stream, str)
