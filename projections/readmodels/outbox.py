"""This file holds the outbox: what of the stock has changed and is not yet on its topic.

It is written in the transaction that changes the view, and names only what changed: whoever sends it reads the row as
it is then, so that a later row is never followed by an earlier one.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from projections.decode import Place, decimal_text
from projections.readmodels.bag_state import unpacked
from projections.readmodels.database import OPEN, Reading, Writing

DDL = (
    """CREATE TABLE outbox (
        kind TEXT NOT NULL, name TEXT NOT NULL, about TEXT NOT NULL, seq BIGINT NOT NULL,
        PRIMARY KEY (kind, name, about)) {clustered}""",
    "CREATE INDEX outbox_by_seq ON outbox (seq)",
    # The last number an entry was given. None is given twice, even if the outbox was empty in between: a publisher that
    # was taken over before it struck off what it had sent strikes off nothing newer.
    "CREATE TABLE outbox_last (seq BIGINT NOT NULL)",
    "INSERT INTO outbox_last VALUES (0)",
    # What the stock topic was told of bags that rest on an unread fact.
    "CREATE TABLE told_incomplete (bag TEXT NOT NULL, stream TEXT NOT NULL, PRIMARY KEY (bag, stream))",
)
ROW, INCOMPLETE, STALE = "row", "incomplete", "stale"
PUT = "INSERT INTO outbox VALUES (?, ?, ?, ?) ON CONFLICT (kind, name, about) DO UPDATE SET seq = excluded.seq"
ROWS = f"""SELECT each.value, bags.facility, bags.component, bags.abo, bags.rhd, bags.status, bags.thousandths,
    bags.measure, bags.place, bags.expires_at, bags.final, folds.fold FROM {{each}}
    JOIN bags ON bags.bag = each.value AND bags.to_position = {OPEN} JOIN folds ON folds.bag = each.value"""


class Waiting(NamedTuple):
    """An entry.

    Shape: `kind` is row (`name` a bag), incomplete (`about` a stream, too) or stale (a topic and a partition).
    """

    kind: str
    name: str
    about: str
    seq: int


def _put(writing: Writing, entries: list[tuple[str, str, str]]) -> None:
    """Behind what is there: an entry that is put again has another number, also while it is being sent."""
    if entries:
        ((last,),) = writing.rows("UPDATE outbox_last SET seq = seq + ? RETURNING seq", (len(entries),))
        first = last - len(entries) + 1
        writing.run_many(PUT, [(*entry, number) for number, entry in enumerate(entries, first)])


def put_rows(writing: Writing, bags: Iterable[str]) -> None:
    """The rows of these bags have changed."""
    _put(writing, [(ROW, bag, "") for bag in bags])


def put_stale(writing: Writing, place: Place) -> None:
    """A partition stands still, or goes on again."""
    _put(writing, [(STALE, place.topic, str(place.partition))])


def put_again(writing: Writing, entries: Iterable[Waiting]) -> None:
    """What another outbox had still to send."""
    _put(writing, [(each.kind, each.name, each.about) for each in entries])


def put_incomplete(writing: Writing, pairs: Iterable[tuple[str, str]]) -> None:
    """Bag and stream of what became incomplete, or is no longer."""
    now = set(pairs)
    before = {(bag, stream) for bag, stream in writing.rows("SELECT bag, stream FROM told_incomplete")}
    writing.run_many("DELETE FROM told_incomplete WHERE bag = ? AND stream = ?", sorted(before - now))
    writing.run_many("INSERT INTO told_incomplete VALUES (?, ?)", sorted(now - before))
    _put(writing, [(INCOMPLETE, *pair) for pair in sorted(before ^ now)])


def waiting(read: Reading, limit: int) -> list[Waiting]:
    """What is to be sent, oldest first."""
    return [Waiting(*row) for row in read.rows("SELECT * FROM outbox ORDER BY seq LIMIT ?", (limit,))]


def count(read: Reading) -> int:
    """How much is to be sent."""
    return int(read.rows("SELECT COUNT(*) FROM outbox")[0][0])


def sent(writing: Writing, entries: Sequence[Waiting]) -> None:
    """These are on the topic; what changed meanwhile stays."""
    sql = "DELETE FROM outbox WHERE kind = ? AND name = ? AND about = ? AND seq = ?"
    writing.run_many(sql, entries)


def stock_rows(read: Reading, bags: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The fields of `stock_row.v1`, ledger left out, of those of these bags that are stock.

    Unit: times in microseconds, amounts as Decimal.
    """
    found: dict[str, dict[str, Any]] = {}
    for bag, *row in read.rows(ROWS, [read.each(bags)]) if bags else ():
        facility, component, abo, rhd, status, amount, measure, place, expires_at, final, fold = row
        if final:
            continue
        state = unpacked(fold)
        found[bag] = {
            "bag": bag,
            "version": state.version,
            "position": state.position,
            "facility": facility,
            "component": component,
            "group": abo,
            "rhd": rhd,
            "status": status,
            "amount": None if amount is None else _decimal(amount),
            "measure": measure,
            "place": place,
            "expires_at": expires_at,
            "holds": len(state.holds),
            "nonconformities": len(state.nonconformities),
        }
    return found


@lru_cache(maxsize=4096)
def _decimal(count: int) -> Decimal:
    """Thousandths as a decimal; most bags hold one of a few amounts."""
    return Decimal(decimal_text(count))


def incomplete(read: Reading, pairs: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those of these pairs of bag and stream that are incomplete still."""
    if not pairs:
        return set()
    sql = "SELECT bag, stream FROM {each} JOIN told_incomplete ON bag = each.value"
    found = read.rows(sql, [read.each(sorted({bag for bag, _ in pairs}))])
    return {(bag, stream) for bag, stream in found} & set(pairs)
