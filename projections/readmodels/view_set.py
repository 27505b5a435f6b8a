"""This file holds a set of views: all read models in one database, with their version, position and digests."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from hashlib import sha256
from typing import Any, Protocol

from projections.decode import StoredRow, decode_row
from projections.readmodels import READ_MODELS, VERSION
from projections.readmodels.database import (
    DIGEST_SIZE,
    DIGEST_SPACE,
    OPEN,
    Batch,
    ReadModel,
    Row,
    ViewsOutdated,
    ViewsUnavailable,
    batch_of,
)
from projections.readmodels.incomplete import incomplete_pairs
from projections.readmodels.life import held_back, last_kept, parked_again, parked_keys, told_afresh, unheard
from projections.readmodels.outbox import DDL as OUTBOX_DDL
from projections.readmodels.outbox import put_incomplete
from projections.readmodels.partitions import DDL as PARTITIONS_DDL
from projections.readmodels.positions import last_heard

VIEW = "main"
"""Which view a row of these tables is about: stock and lineage are one."""
PART = 0
"""Which part of the source: the store is one; of Kafka each partition will be."""
DDL = (
    """CREATE TABLE progress (
        view TEXT NOT NULL, ledger TEXT NOT NULL, part INTEGER NOT NULL, next BIGINT NOT NULL,
        PRIMARY KEY (view, ledger, part))""",
    "CREATE TABLE versions (view TEXT PRIMARY KEY, version INTEGER NOT NULL)",
    """CREATE TABLE digests (
        view TEXT NOT NULL, model TEXT NOT NULL, sum TEXT NOT NULL, PRIMARY KEY (view, model))""",
)
"""`versions` and `progress` keep their form in every version of this code, so that it can say what it found."""
PLACES = "SELECT next, (SELECT MAX(position) FROM partitions) FROM progress WHERE view = ? AND part = ?"


class Database(Protocol):
    """One database that can hold a set of views.

    SQL is as `Reading` says, without `{known …}`. `transaction` must commit what was done in it when it is left without
    an error, all or nothing; one that writes must keep every other writer out from its beginning.
    """

    @property
    def where(self) -> str:
        """Its name, for messages."""
        ...

    def transaction(self, write: bool, what: str) -> AbstractContextManager[None]:
        """Errors: ViewsUnavailable, which says that it could not do `what`."""
        ...

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]: ...

    def walk(self, sql: str) -> Iterator[Row]:
        """Rows one after another, never all in memory."""
        ...

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> None: ...

    def run_many(self, sql: str, rows: Sequence[Row]) -> None: ...

    def insert(self, table: str, rows: Sequence[Row]) -> None: ...

    def each(self, values: Iterable[str]) -> Any: ...

    def holds(self, table: str) -> bool:
        """Whether there is such a table. Errors: ViewsUnavailable when this is something else than views."""
        ...

    def columns(self, table: str) -> tuple[str, ...]:
        """The columns of a table or view; none when there is no such."""
        ...

    def clear(self) -> None:
        """Drop the set, of whatever version it is, and mark the database as one for views; `live` stays."""
        ...

    def close(self) -> None: ...


class Transaction:
    """One transaction on a set of views, as queries and read models see it."""

    def __init__(
        self, database: Database, ledger: str, complete_to: int, highest: int | None = None, publishing: bool = False
    ) -> None:
        self.ledger, self.complete_to, self.publishing = ledger, complete_to, publishing
        self.position = self._highest = complete_to if highest is None else highest
        self.differences: dict[str, int] = {}
        self._database = database
        self.each = database.each

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        return self._database.rows(self._known(sql), parameters)

    def walk(self, sql: str) -> Iterator[Row]:
        """Rows one after another, never all in memory."""
        return self._database.walk(self._known(sql))

    @property
    def latest(self) -> bool:
        return self.position == self._highest

    def _known(self, sql: str) -> str:
        return _as_known(sql, None if self.latest else self.position)

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        self._database.run(sql, parameters)

    def run_many(self, sql: str, rows: Sequence[Row]) -> None:
        if rows:
            self._database.run_many(sql, rows)

    def insert(self, table: str, rows: Sequence[Row]) -> None:
        if rows:
            self._database.insert(table, rows)

    def count(self, model: str, difference: int) -> None:
        self.differences[model] = self.differences.get(model, 0) + difference

    def digest(self) -> str:
        return sha256(json.dumps(list(kept_digests(self).items())).encode()).hexdigest()

    def as_known_at(self, known_at: int | None) -> "Transaction":
        """The same, of what was recorded by then: recorded time never runs backwards, so halving finds the position."""
        if known_at is not None:
            low, high = 0, self._highest  # recorded by then up to low, later from above high on
            while low < high:
                middle = (low + high + 1) // 2
                found = last_heard(self, middle)
                if found is None or found[1] <= known_at:
                    low = middle
                else:
                    high = found[0] - 1
            self.position = low
        return self


@lru_cache(maxsize=1024)
def _as_known(sql: str, position: int | None) -> str:
    """`{known TABLE}` as the condition that a row of it was there at a position; None: now."""
    if "{known " not in sql:
        return sql
    if position is None:
        return re.sub(r"\{known (\w+)\}", rf"\1.to_position = {OPEN}", sql)
    return re.sub(r"\{known (\w+)\}", rf"(\1.from_position <= {position} AND \1.to_position > {position})", sql)


class ViewSet:
    """A set of views in one database; fulfils `projections.consumer.ViewDatabase`."""

    def __init__(self, database: Database, models: Sequence[ReadModel] = READ_MODELS, version: int = VERSION) -> None:
        self.database, self.models, self.version = database, models, version

    def close(self) -> None:
        self.database.close()

    # -- making ----------------------------------------------------------------------------------

    def prepare(self, ledger: str) -> tuple[str, ...] | None:
        """Make the tables unless they are of this code and ledger; retry what was parked. See ViewDatabase."""
        with self.database.transaction(True, "prepare the views"):
            found = self.found()
            ours = found == (self.version, ledger)
            parked = parked_keys(self.writing_now(False)) if ours else set()
            if not ours:
                self._make(ledger)
        if ours:
            self.retry(sorted(parked))
            return None
        if found is None:
            return None
        if found[0] != self.version:
            return ("version", str(found[0]), str(self.version))
        return ("ledger", found[1], ledger)

    def rebuild(self, ledger: str) -> None:
        with self.database.transaction(True, "drop the views"):
            self._make(ledger)

    def _make(self, ledger: str) -> None:
        """Drop this set, also of an older or newer version, and make ours."""
        self.database.clear()
        for statement in (*DDL, *PARTITIONS_DDL, *OUTBOX_DDL, *(ddl for model in self.models for ddl in model.ddl)):
            self.database.run(statement)
        self.database.run("INSERT INTO versions VALUES (?, ?)", (VIEW, self.version))
        self.database.run("INSERT INTO progress VALUES (?, ?, ?, 1)", (VIEW, ledger, PART))
        self.database.run_many(
            "INSERT INTO digests VALUES (?, ?, ?)", [(VIEW, each.name, hexadecimal(0)) for each in self.models]
        )

    def found(self) -> tuple[int, str] | None:
        """Version and ledger of the set there is; None when there is none, or one that was retired."""
        if not self.database.holds("progress"):
            return None
        versions = self.database.rows("SELECT version FROM versions WHERE view = ?", (VIEW,))
        ledgers = self.database.rows("SELECT ledger FROM progress WHERE view = ?", (VIEW,))
        return (versions[0][0], ledgers[0][0]) if versions and ledgers else None

    def retire(self) -> None:
        """Within a transaction: nobody can feed this set any more, and whoever reads next looks for the live one."""
        self.database.run("DELETE FROM progress WHERE view = ?", (VIEW,))

    def writing_now(self, publishing: bool) -> Transaction:
        """What writes in the transaction at hand. Errors: ViewsOutdated."""
        found = self.found()
        if found is None:
            raise ViewsOutdated(self.database.where, "none")
        following, highest = self._places()
        return Transaction(self.database, found[1], following - 1, highest, publishing)

    def fed_by_kafka(self) -> bool:
        """Whether partitions feed these views, and not the ledger itself."""
        with self.database.transaction(False, "read what feeds the views"):
            return self.database.holds("partitions") and bool(self.database.rows("SELECT 1 FROM partitions LIMIT 1"))

    def retry(self, keys: Iterable[str]) -> None:
        """Read what is parked of these keys once more. What still cannot be told stays parked; the others do not."""
        for key in keys:
            try:
                with self.database.transaction(True, "retry what was parked"):
                    if self.found() is not None:
                        writing = self.writing_now(publishing=self._places()[1] is not None)
                        self.tell_afresh(writing, parked_again(writing, key))
            except (ViewsUnavailable, ViewsOutdated):
                raise
            except Exception:  # read, and not to be told: rolled back, and parked still
                continue

    def tell_afresh(self, transaction: Transaction, streams: Sequence[str]) -> None:
        """Within a transaction, make the rows of these streams anew from the life."""
        if streams:
            self.apply_models(transaction, Batch([], [], {}, set(), told_afresh(transaction, streams)))

    # -- writing ---------------------------------------------------------------------------------

    def next_position(self) -> int:
        with self.database.transaction(False, "read the views' position"):
            return self.following()

    def following(self) -> int:
        """Within a transaction, the position a set of whatever version expects next. Errors: ViewsOutdated: retired."""
        return self._places()[0]

    def _places(self) -> tuple[int, int | None]:
        """The position expected next, and the highest there is in views that Kafka feeds, else None."""
        found = self.database.rows(PLACES, (VIEW, PART))
        if not found:
            raise ViewsOutdated(self.database.where, "none")
        return int(found[0][0]), found[0][1]

    def last_applied(self) -> tuple[int, str, int, bytes] | None:
        with self.database.transaction(False, "read the views' last fact"):
            last = last_kept(self.writing_now(False))
        return None if last is None else (last.position, last.stream, last.version, last.state)

    def apply(self, rows: Sequence[StoredRow], expected: int) -> bool:
        """Apply one batch behind the fence. See ViewDatabase."""
        with self.database.transaction(True, "apply facts to the views"):
            return self.apply_within(rows, expected)

    def apply_within(self, rows: Sequence[StoredRow], expected: int) -> bool:
        """As `apply`, in the transaction at hand."""
        decoded = [decode_row(row) for row in rows]
        fence = "UPDATE progress SET next = ? WHERE view = ? AND part = ? AND next = ? RETURNING ledger"
        passed = self.database.rows(fence, (rows[-1].position + 1, VIEW, PART, expected))
        if not passed:
            return False
        transaction = Transaction(self.database, passed[0][0], expected - 1)
        self.apply_models(transaction, batch_of(*held_back(transaction, unheard(transaction, decoded))))
        return True

    def apply_models(self, transaction: Transaction, batch: Batch) -> None:
        """Within a transaction, behind a fence: bring every read model to the end of a batch."""
        for model in self.models:
            if model.name == "life" and not (batch.facts or batch.unreadable or batch.waiting):
                continue
            model.apply(transaction, batch)
        for model_name, difference in transaction.differences.items():
            ((before,),) = transaction.rows("SELECT sum FROM digests WHERE view = ? AND model = ?", (VIEW, model_name))
            total = (int(before, 16) + difference) % DIGEST_SPACE
            sql = "UPDATE digests SET sum = ? WHERE view = ? AND model = ?"
            transaction.run(sql, (hexadecimal(total), VIEW, model_name))
        transaction.differences.clear()  # they are in the digests now; another batch may follow in this transaction
        if transaction.publishing:
            put_incomplete(transaction, incomplete_pairs(transaction))

    # -- reading ---------------------------------------------------------------------------------

    @contextmanager
    def reading(self, known_at: int | None = None) -> Iterator[Transaction]:
        """One read transaction. Errors: ViewsOutdated when the tables are not of this version of the code."""
        with self.database.transaction(False, "read the views"):
            found = self.found()
            if found is None or found[0] != self.version:
                raise ViewsOutdated(self.database.where, "none" if found is None else "version", *map(str, found or ()))
            following, highest = self._places()
            yield Transaction(self.database, found[1], following - 1, highest).as_known_at(known_at)

    def digests(self) -> dict[str, str]:
        """The digest of each read model, as it was kept: the order-free sum of its rows' hashes, in hexadecimal."""
        with self.reading() as read:
            return kept_digests(read)


def kept_digests(read: Transaction | Database) -> dict[str, str]:
    """The digest of each read model, as it was kept with each batch."""
    return dict(read.rows("SELECT model, sum FROM digests WHERE view = ? ORDER BY model", (VIEW,)))


def hexadecimal(total: int) -> str:
    """A digest as it is shown."""
    return f"{total:0{DIGEST_SIZE * 2}x}"
