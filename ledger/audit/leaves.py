"""This file holds the audit of the log: every leaf from its row, the tree over them, each commit, and the head."""

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

from ledger.audit.findings import Finding, number
from ledger.merkle import Frontier, leaf_data, leaf_hash
from ledger.store.reading import Snapshot

FACTS = (
    "SELECT notification_id, originator_id, originator_version, topic, state, recorded_at, leaf, leaf_hash"
    " FROM stored_events ORDER BY notification_id"
)
COMMITS = "SELECT size, root, position, recorded_at FROM commits ORDER BY size"
HEAD = "SELECT size, root, frontier, position, recorded_at, commits FROM log_head"

UNFIT = (UnicodeError, struct.error, TypeError, AttributeError, OverflowError)
"""What comes of columns that hold another kind of value than was written."""

Column = Any
Fact = tuple[Column, ...]
SHAPE = (int, str, int, str, bytes, int, int, bytes)
NAMES = ("position", "stream", "version", "wire name", "stored bytes", "recorded_at", "leaf index", "leaf hash")


class Since(NamedTuple):
    """An earlier output of verify: so many leaves had this root."""

    size: int
    root: bytes


class Log:
    """Rebuilds the log from its rows; stops at the first row that is not as it was written.

    Shape: after `facts()` is exhausted, `finding` is the first bad fact or None, `tree` what could be rebuilt,
    and `suspects` the leaves of the commit whose root does not fit when no single leaf gives itself away.
    """

    def __init__(self, snapshot: Snapshot, since: Since | None) -> None:
        self._snapshot, self._since = snapshot, since
        self.tree = Frontier()
        self.finding: Finding | None = None
        self.suspects: range | None = None
        self.position = self._recorded_at = 0
        self._pending: list[bytes] = []
        self._commits = snapshot.select(COMMITS)
        self._commit: Fact | None = None
        self._limit = 0
        self._commit_at: Any = None
        self._count = 0
        self.since_ok: bool | None = None
        self.good = 0

    def facts(self) -> Iterator[Fact]:
        """Every good fact in order; ends at the first bad one."""
        leaf = 0
        self._next_commit()
        if self.finding or not self._as_before(None, 0):
            return
        for fact in self._snapshot.select(FACTS):
            # First only whether all is well, which it nearly always is; what is wrong is asked afterwards.
            if not self._good(fact, leaf) and (what := self._wrong(fact, leaf)):
                self.finding = self._bad(fact, leaf, what)
                return
            yield fact
            leaf += 1
            self.good = leaf
            self.position, self._recorded_at = fact[0], fact[5]
            self._pending.append(fact[7])
            # Inside a commit only its time can be wrong; at its end, and where an earlier output ended, roots are.
            if (leaf >= self._limit or fact[5] != self._commit_at) and not self._commit_fits(fact, leaf):
                return
        self._finish(leaf)

    def _good(self, fact: Fact, leaf: int) -> bool:
        """Whether a row is as it was written: a leaf hash that fits leaves nothing else to doubt but its place."""
        position, stream, version, name, state, recorded_at, index, stored = fact
        try:
            hashed = leaf_hash(leaf_data(position, stream, version, name, recorded_at, state))
        except UNFIT:
            return False
        in_place = index == leaf and position > self.position and recorded_at >= self._recorded_at
        return bool(hashed == stored and in_place)

    def _wrong(self, fact: Fact, leaf: int) -> str | None:
        """What is wrong with a row by itself, or None."""
        position, stream, version, name, state, recorded_at, index, stored = fact
        if tuple(map(type, fact)) != SHAPE:
            bad = [each for each, value, kind in zip(NAMES, fact, SHAPE, strict=True) if type(value) is not kind]
            return f"{' and '.join(bad)}: not the kind of value that was written"
        if position <= self.position:
            return f"the position is {position}, after {self.position}"
        if index != leaf:
            return f"the leaf index is {index}, where {leaf} belongs"
        try:
            data = leaf_data(position, stream, version, name, recorded_at, state)
        except (UnicodeError, struct.error) as error:
            return f"the row cannot be a leaf: {error}"
        if leaf_hash(data) != stored:
            return "the leaf hash does not fit the row: the row or the hash was changed"
        if recorded_at < self._recorded_at:
            return f"recorded_at {recorded_at} is before that of the fact before it"
        return None

    def _bad(self, fact: Fact, leaf: int, what: str) -> Finding:
        """The finding for a bad row; when facts are missing before it, it is about the first missing one."""
        position, stream, version, index = fact[0], fact[1], fact[2], fact[6]
        if number(index) and index > leaf and position > self.position:
            return Finding(f"missing: leaves {leaf} to {index - 1} are gone", self.position + 1, leaf)
        named = stream if isinstance(stream, str) else None
        return Finding(what, position if number(position) else None, leaf, named, version if number(version) else None)

    def _commit_fits(self, fact: Fact, leaf: int) -> bool:
        """Grow the tree at the end of a commit (and where an earlier output ended), and compare roots."""
        if self._since is not None and leaf == self._since.size and not self._as_before(fact[0], leaf):
            return False
        commit = self._commit
        if commit is None:
            return True  # told at the end, when it is known how many facts no commit holds
        if fact[5] != commit[3]:
            what = (
                f"recorded_at {fact[5]} differs from its commit's {commit[3]}: the commit's row was changed or removed"
            )
            self.finding = Finding(what, fact[0], leaf - 1, fact[1], fact[2])
            return False
        return leaf < commit[0] or self._closed(commit, fact, leaf)

    def _as_before(self, position: int | None, leaf: int) -> bool:
        """Whether the leaves so far are those of the earlier output, when it ended here."""
        if self._since is None or self._since.size != leaf:
            return True
        self._grow()
        self.since_ok = self.tree.root() == self._since.root
        if not self.since_ok:
            what = f"the first {leaf} leaves are not those of the earlier output: some were changed"
            self.finding = Finding(what, position, leaf - 1 if leaf else None)
        return self.since_ok

    def _closed(self, commit: Fact, fact: Fact, leaf: int) -> bool:
        first = leaf - len(self._pending)
        self._grow()
        if commit[1] != self.tree.root() or commit[2] != fact[0]:
            what = f"the root or the position of the commit of {leaf} leaves does not fit its facts"
            self.finding = Finding(what, fact[0], leaf - 1, fact[1], fact[2])
            if commit[1] != self.tree.root():
                self.suspects = range(first, leaf)
            return False
        self._next_commit()
        return self.finding is None

    def _grow(self) -> None:
        self.tree.append(self._pending)
        self._pending = []

    def _next_commit(self) -> None:
        size = self._commit[0] if self._commit else 0
        self._commit = next(self._commits, None)
        self._limit, self._commit_at = 0, None
        if self._commit is None:
            return
        self._count += 1
        if tuple(map(type, self._commit)) != (int, bytes, int, int) or self._commit[0] <= size:
            self.finding = Finding(
                f"commits: the row after the commit of {size} leaves is damaged", self.position, size
            )

    def _finish(self, leaf: int) -> None:
        """The end of the log against its head."""
        self._grow()
        heads = list(self._snapshot.select(HEAD))
        found = (self.tree.size, self.tree.root(), self.tree.packed(), self.position, self._recorded_at, self._count)
        head = heads[0] if len(heads) == 1 else (None,) * 6
        if number(head[0]) and head[0] > leaf:
            what = f"missing: leaves {leaf} to {head[0] - 1} are gone from the end"
            self.finding = Finding(what, self.position + 1, leaf)
        elif self._commit is not None:
            what = f"commits: a commit of {self._commit[0]} leaves is recorded, but there are {leaf}"
            self.finding = Finding(what, self.position, leaf)
        elif head != found:
            names = ("size", "root", "frontier", "position", "recorded_at", "commits")
            bad = [name for name, old, new in zip(names, head, found, strict=True) if old != new]
            self.finding = Finding(f"log_head: {', '.join(bad)} not as the facts give it", self.position or None)
        elif self._since is not None and self._since.size > leaf:
            self.since_ok = False
            what = f"the ledger was cut: the earlier output had {self._since.size} leaves, now there are {leaf}"
            self.finding = Finding(what, self.position + 1, leaf)
