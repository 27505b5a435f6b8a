"""This file holds the arithmetic of an append: positions, leaves, stream chains and tree heads, before any SQL."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ledger.merkle import EMPTY, GENESIS, Frontier, chained, leaf_data, leaf_hash
from ledger.store.port import Head

NewFact = tuple[str, int, str, bytes, int]
"""stream, version, wire name, stored bytes, recorded_at (microseconds)."""

FactColumns = tuple[int, str, int, str, bytes, int, int, bytes]
"""position, stream, version, wire name, stored bytes, recorded_at, leaf, leaf hash."""


class LogHead(NamedTuple):
    """The head of the log with the frontier from which it grows, and how many commits made it."""

    size: int
    root: bytes
    frontier: bytes
    position: int
    recorded_at: int
    commits: int

    @property
    def head(self) -> Head:
        return Head(self.size, self.root, self.position, self.recorded_at)


EMPTY_LOG = LogHead(0, EMPTY, b"", 0, 0, 0)


class StreamHead(NamedTuple):
    """How many facts a stream has, and the hash chained over their leaves."""

    stream: str
    count: int  # type: ignore[assignment]  # a field, not tuple.count
    hash: bytes


class Prepared(NamedTuple):
    """Everything an append writes that follows from the facts and the old heads."""

    facts: list[FactColumns]
    stream_heads: list[StreamHead]
    commits: list[Head]
    log: LogHead


def distinct_streams(facts: Iterable[NewFact]) -> list[str]:
    """The streams of the facts, each once.

    Errors: ValueError for a name with a NUL character, which neither database keeps.
    """
    names = list(dict.fromkeys(fact[0] for fact in facts))
    if bad := [name for name in names if "\0" in name]:
        raise ValueError(f"a stream's name holds a NUL character: {bad[0]!r}")
    return names


def prepared(log: LogHead, old: dict[str, StreamHead], facts: Sequence[NewFact]) -> Prepared:
    """What to write for these facts on top of this log.

    A new entry of `commits` begins wherever recorded_at changes: in a commit of the ledger's own it never does,
    in an import it does wherever the history says so.
    Errors: ValueError when recorded_at runs backwards against positions.
    """
    tree = Frontier.unpacked(log.size, log.frontier)
    rows: list[FactColumns] = []
    commits: list[Head] = []
    chains: dict[str, tuple[int, bytes]] = {}
    position, index = log.position, log.size
    begin, recorded_at = 0, log.recorded_at
    for offset, (stream, version, name, state, at) in enumerate(facts):
        if at != recorded_at:
            if at < recorded_at:
                raise ValueError(f"recorded_at {at} of {stream} version {version} is before {recorded_at}")
            if offset > begin:
                commits.append(_closed(tree, log, rows, begin, recorded_at))
                begin = offset
            recorded_at = at
        position += 1
        leaf = leaf_hash(leaf_data(position, stream, version, name, at, state))
        rows.append((position, stream, version, name, state, at, index, leaf))
        index += 1
        before = chains.get(stream)
        if before is None:
            before = old[stream][1:] if stream in old else (0, GENESIS)
        chains[stream] = (before[0] + 1, chained(before[1], leaf))
    if not rows:
        return Prepared([], [], [], log)
    commits.append(_closed(tree, log, rows, begin, recorded_at))
    last = commits[-1]
    new = LogHead(last.size, last.root, tree.packed(), last.position, recorded_at, log.commits + len(commits))
    heads = [StreamHead(stream, count, chain) for stream, (count, chain) in chains.items()]
    return Prepared(rows, heads, commits, new)


def _closed(tree: Frontier, log: LogHead, rows: list[FactColumns], begin: int, recorded_at: int) -> Head:
    """Grow the tree by the rows from `begin` on and take its head."""
    tree.append(row[7] for row in rows[begin:])
    return Head(tree.size, tree.root(), log.position + len(rows), recorded_at)
