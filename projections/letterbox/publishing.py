"""This file holds the publisher: it sends what the outbox names to the topic of the stock.

One process of a group publishes, the one that has the first partition of the facts. Its producer is transactional under
one name per ledger: whoever takes over makes the broker refuse everything that a former publisher still sends, and
reads the rows only after that. So a newer row is never followed by an older one. Readers need no isolation: what
is sent is committed in the view's database before.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError

from projections.decode import STOCK, Place, incomplete_key, key_of, partition_of, row_key, stale_key, write_record
from projections.readmodels.database import ViewsOutdated, ViewsUnavailable
from projections.readmodels.live import Views
from projections.readmodels.outbox import INCOMPLETE, ROW, Waiting, incomplete, sent, stock_rows, waiting
from projections.readmodels.partitions import reached
from projections.readmodels.view_set import Transaction, ViewSet

AT_ONCE = 10_000
"""Rows in one transaction of the producer. Striking them off waits for whoever writes to the views: seldom, then."""
LOOK_SECONDS = 0.1
"""How often the outbox is looked into for what other processes put there."""
AGAIN_SECONDS = 1.0
FENCED_SECONDS = 5.0
"""How long a publisher that was taken over waits before it takes over in turn, should it still be its turn."""
ANSWER_SECONDS = 20.0
OPTIONS: dict[str, Any] = {
    "acks": "all",
    "enable_idempotence": True,
    "linger_ms": 20,  # committing sends at once; without it every dozen rows are a request of their own
    "batch_size": 256 * 1024,
    "delivery_timeout_ms": 20_000,
    "request_timeout_ms": 10_000,
    "max_block_ms": 10_000,
    "transaction_timeout_ms": 30_000,
    "metrics_enabled": False,
}
FAILURES = (KafkaError, OSError, AssertionError, ViewsUnavailable, ViewsOutdated)
Record = tuple[int, str, bytes | None]
"""Partition, key and value of what is sent; no value is a tombstone."""


class PublishingFailed(Exception):
    """What changed of the stock could not be sent; it is sent next time."""


class Publisher:
    """A thread beside a projecting process; works while it owns the turn.

    `failed` hears why it could not, `reached` of commit points.
    """

    def __init__(
        self,
        options: Mapping[str, Any],
        views: Views,
        failed: Callable[[str], None],
        reached: Callable[[str], None],
    ) -> None:
        self._options, self._views, self._failed, self._reached = dict(options), views, failed, reached
        self._producer: KafkaProducer | None = None
        self._wake, self._done = threading.Event(), threading.Event()
        self._mine = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def own(self, mine: bool) -> None:
        """Whether it is this process's turn."""
        self._mine = mine
        self._wake.set()

    def wake(self) -> None:
        """Something was put into the outbox."""
        self._wake.set()

    @contextmanager
    def working(self, wanted: bool) -> Iterator[None]:
        """While inside, send whenever it is this process's turn; what is under way on leaving is finished."""
        if wanted:
            self._thread.start()
        try:
            yield
        finally:
            self._done.set()
            self._wake.set()
            if wanted:
                self._thread.join()

    def empty(self) -> None:
        """Send all there is, now and here. Errors: PublishingFailed."""
        try:
            while self.publish():
                pass
        except FAILURES as error:
            raise PublishingFailed(_named(error)) from error
        finally:
            self._drop()

    def _run(self) -> None:
        try:
            while not self._done.is_set():
                self._wake.wait(LOOK_SECONDS)
                self._wake.clear()
                if not self._mine:
                    self._drop()
                    continue
                self._take_turn()
        finally:
            self._drop()

    def _take_turn(self) -> None:
        try:
            while self._mine and not self._done.is_set() and self.publish():
                pass
        except FAILURES as error:
            fenced = any(name in type(error).__name__ for name in ("Fenced", "InvalidProducerEpoch"))
            self._failed(_named(error))
            self._drop()
            self._done.wait(FENCED_SECONDS if fenced else AGAIN_SECONDS)

    def publish(self) -> int:
        """Send the oldest entries of the outbox; how many."""
        with self._views.reading() as read:
            ledger, any_there = read.ledger, bool(waiting(read, 1))
        if not any_there:
            return 0
        producer = self._opened(ledger)
        with self._views.reading() as read:  # after the fence: nobody sends an older row after these
            entries = waiting(read, AT_ONCE)
            records = records_of(read, ledger, entries, len(producer.partitions_for(STOCK)))
        self._reached("before-publish")
        producer.begin_transaction()
        futures = [producer.send(STOCK, value, key.encode(), partition=part) for part, key, value in records]
        producer.commit_transaction()
        for future in futures:
            future.get(timeout=ANSWER_SECONDS)
        self._reached("after-publish")
        # Durable on the topic. A crash before the next statement sends them once more, the same or newer.
        self._views.on_live(lambda each: _sent(each, entries))
        return len(entries)

    def _opened(self, ledger: str) -> KafkaProducer:
        if self._producer is None:
            options = {**OPTIONS, **self._options, "transactional_id": f"bloodledger/stock/{ledger}"}
            self._producer = KafkaProducer(**options)
            self._producer.init_transactions()
        return self._producer

    def _drop(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            with suppress(KafkaError, OSError, AssertionError):
                producer.close(timeout=1)


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error)[:200]}"


def _sent(views: ViewSet, entries: Sequence[Waiting]) -> None:
    with views.database.transaction(True, "strike off what was sent"):
        sent(views.writing_now(True), entries)


def records_of(read: Transaction, ledger: str, entries: Sequence[Waiting], partitions: int) -> list[Record]:
    """What is sent for entries of the outbox, as the view is now."""
    rows = stock_rows(read, [entry.name for entry in entries if entry.kind == ROW])
    pairs = incomplete(read, [(entry.name, entry.about) for entry in entries if entry.kind == INCOMPLETE])
    parts = reached(read)
    records: list[Record] = []
    for entry in entries:
        if entry.kind == ROW:
            key, value = row_key(ledger, entry.name), _row_value(ledger, rows.get(entry.name))
        elif entry.kind == INCOMPLETE:
            key = incomplete_key(ledger, entry.name, entry.about)
            value = _incomplete_value(ledger, entry) if (entry.name, entry.about) in pairs else None
        else:
            place = Place(entry.name, int(entry.about))
            key, value = stale_key(ledger, place), _stale_value(ledger, place, parts)
            records.append((place.partition % partitions, key, value))
            continue
        records.append((partition_of(key_of(entry.name), partitions), key, value))
    return records


def _row_value(ledger: str, row: dict[str, Any] | None) -> bytes | None:
    if row is None:
        return None
    return write_record("stock_row.v1", {**row, "ledger": ledger})


def _incomplete_value(ledger: str, entry: Waiting) -> bytes:
    return write_record("incomplete.v1", {"ledger": ledger, "bag": entry.name, "stream": entry.about})


def _stale_value(ledger: str, place: Place, parts: Mapping[Place, Any]) -> bytes | None:
    standstill = parts[place].standstill if place in parts else None
    if standstill is None:
        return None
    fields = {"ledger": ledger, **place._asdict(), "number": standstill.missing, "reason": standstill.why}
    return write_record("stale.v1", fields)
