"""This file holds the consumer: it brings views to a source's last position, in batches, behind a fence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from projections.decode import StoredRow, without_cycle_search

if TYPE_CHECKING:
    from projections.readmodels.live import Views
    from projections.readmodels.view_set import ViewSet

BATCH = 2_000
"""Facts per transaction: enough to write each bag's row once per batch, little enough to lose at a crash."""
LARGE_BATCH = 20_000
"""Facts per transaction while far behind, as in a rebuild: a bag's row is written less often."""


class SourceHead(Protocol):
    """Where a source ends."""

    @property
    def position(self) -> int: ...


class FactSource(Protocol):
    """Where facts come from: the store itself, or Kafka.

    `rows` must answer in the order of positions, without leaving out any that is, or will ever be,
    committed at or below the last one it answers. The same question must get the same rows again, for ever.
    """

    def ledger_id(self) -> str: ...

    def head(self) -> SourceHead: ...

    def rows(self, after_position: int, limit: int) -> Sequence[StoredRow]: ...


class ViewDatabase(Protocol):
    """Where read models live. SQLite today; PostgreSQL fulfils the same by shape.

    `apply` must write all rows of a batch and the new position in one transaction, or nothing; its first
    statement must be the fence. Several feeders may call it at once: at most one applies a given batch.
    """

    def prepare(self, ledger: str) -> tuple[str, ...] | None:
        """Make the tables of this code for this ledger; answer why those that stood were dropped, or None.

        Shape: ("version", theirs, ours) or ("ledger", theirs, ours).
        """
        ...

    def rebuild(self, ledger: str) -> None:
        """Drop everything and begin from zero, in one transaction."""
        ...

    def next_position(self) -> int:
        """The first position not yet applied; everything before it is."""
        ...

    def last_applied(self) -> tuple[int, str, int, bytes] | None:
        """Position, stream, version and bytes of the last fact applied."""
        ...

    def apply(self, rows: Sequence[StoredRow], expected: int) -> bool:
        """Apply one batch if the view still expects `expected`; False when another feeder was there first."""
        ...


class CaughtUp(NamedTuple):
    """What a catch-up did: complete up to `position`; `rebuilt` says why views were made anew.

    Shape: `rebuilt` as `prepare` answers, or ("cut", position) or ("other", position) when the ledger does not hold
    what the views had applied there.
    """

    position: int
    applied: int
    dropped: int
    rebuilt: tuple[str, ...] | None


def catch_up(
    source: FactSource,
    views: ViewDatabase,
    progress: Callable[[int, int], None] | None = None,
    batch: int | None = None,
    until: int | None = None,
) -> CaughtUp:
    """Bring views to the position the source has as this begins, or `until`; `progress` hears (position, of)."""
    with without_cycle_search():
        return _catch_up(source, views, progress, batch, until)


def _catch_up(
    source: FactSource,
    views: ViewDatabase,
    progress: Callable[[int, int], None] | None,
    batch: int | None,
    until: int | None,
) -> CaughtUp:
    ledger = source.ledger_id()
    rebuilt = views.prepare(ledger)
    if rebuilt is None and (rebuilt := _estranged(source, views)) is not None:
        views.rebuild(ledger)
    last = source.head().position if until is None else until
    expected = views.next_position()
    applied = dropped = 0
    while expected <= last:
        rows = source.rows(expected - 1, batch or _batch_size(last - expected + 1))
        if until is not None:
            rows = [row for row in rows if row.position <= until]
        if not rows:
            break
        # Durable from the return of apply: rows and position together. A crash before it leaves both as they
        # were, and the next catch-up reads the same rows again.
        if views.apply(rows, expected):
            applied += len(rows)
            expected = rows[-1].position + 1
        else:
            dropped += 1
            expected = views.next_position()
        if progress is not None:
            progress(min(expected - 1, last), last)
    return CaughtUp(expected - 1, applied, dropped, rebuilt)


def _batch_size(behind: int) -> int:
    return BATCH if behind < LARGE_BATCH else LARGE_BATCH


def _estranged(source: FactSource, views: ViewDatabase) -> tuple[str, ...] | None:
    """Why these views cannot be of this source: it was cut, restored from before, or is another one."""
    last = views.last_applied()
    if last is None:
        return None
    position = last[0]
    there = source.rows(position - 1, 1)
    if not there or there[0].position != position:
        return ("cut", str(position))
    if (position, there[0].stream, there[0].version, there[0].state) != last:
        return ("other", str(position))
    return None


class Feed(Protocol):
    """What a rebuild feeds views from, beside live ones: the store, or Kafka.

    A mark says how far views are; it is taken inside a transaction on them. `bring` with a mark must end exactly there,
    without one at the end there is now.
    """

    def ledger_id(self) -> str: ...

    def mark(self, views: ViewSet) -> Any: ...

    def beyond(self, views: ViewSet, mark: Any) -> bool:
        """Whether views are further than a mark, in a transaction on them."""
        ...

    def bring(self, views: ViewSet | Views, tell: Callable[[int, int], None] | None = None, to: Any = None) -> None: ...

    def hand_over(self, old: ViewSet, new: ViewSet, differing: bool) -> None:
        """What the old views had still to do is the new ones'. Called just before they are live."""
        ...


class StoreFeed:
    """Fulfils Feed over the ledger's own store; a mark is a position."""

    def __init__(self, source: FactSource) -> None:
        self._source = source

    def ledger_id(self) -> str:
        return self._source.ledger_id()

    def mark(self, views: ViewSet) -> int:
        return views.following() - 1

    def beyond(self, views: ViewSet, mark: int) -> bool:
        return self.mark(views) > mark

    def bring(
        self, views: ViewSet | Views, tell: Callable[[int, int], None] | None = None, to: int | None = None
    ) -> None:
        catch_up(self._source, views, tell, until=to)

    def hand_over(self, old: ViewSet, new: ViewSet, differing: bool) -> None:
        """Nothing: what is fed from the store tells nobody."""
