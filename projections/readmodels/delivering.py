"""This file holds what Kafka delivers to a set of views: facts of partitions, in the order of their numbers.

Rows, numbers, hashes and offsets are written in one transaction, behind a fence for each partition; a delivery whose
partition somebody else brought further is dropped, and the others of the same transaction count.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from operator import attrgetter
from typing import NamedTuple

from projections.decode import Fact, Place, Unreadable, decode_stored, key_of
from projections.readmodels.database import OPEN, Batch, Reading, ViewsOutdated, ViewsUnavailable, batch_of
from projections.readmodels.incomplete import incomplete_pairs
from projections.readmodels.life import held_back, park, parked_keys, released
from projections.readmodels.outbox import put_again, put_incomplete, put_rows, put_stale, waiting
from projections.readmodels.partitions import Reached, Standstill, begin, passed, reached, stand_still
from projections.readmodels.positions import first_missing
from projections.readmodels.view_set import PART, VIEW, Transaction, ViewSet

STRAY = "stray"
"""Name under which a record that is no fact is parked, so that its donation counts as incomplete."""


class ViewsFedOtherwise(Exception):
    """These views are fed from the ledger itself; Kafka's need a place of their own."""

    def __init__(self, where: str) -> None:
        super().__init__(where)
        self.where = where


class Stray(NamedTuple):
    """A record on the topic that is no fact of any ledger. Shape: `key` as text, undecodable bytes escaped."""

    place: Place
    offset: int
    key: str
    value: bytes
    reason: str


class Letter(NamedTuple):
    """A fact as it arrived from Kafka: from the position on it is as its leaf has it.

    Unit: recorded_at in microseconds.
    """

    offset: int
    number: int
    hash: bytes
    ledger: str
    position: int
    stream: str
    version: int
    name: str
    recorded_at: int
    state: bytes


class Delivery(NamedTuple):
    """What comes next of one partition: facts numbered from `expected` on, and how far the view is with them.

    Shape: `leaves`, the leaf hash of each row.
    """

    place: Place
    expected: int
    rows: Sequence[Letter]
    leaves: Sequence[bytes]
    to: Reached
    strays: Sequence[Stray] = ()


class Decoded(NamedTuple):
    """A delivery with its facts."""

    delivery: Delivery
    facts: Sequence[Fact | Unreadable]


def decoded(delivery: Delivery) -> Decoded:
    """Decode its facts, which needs no lock."""
    rows = zip(delivery.rows, delivery.leaves, strict=True)
    return Decoded(delivery, [decode_stored(*row[4:], leaf) for row, leaf in rows])


class Parts:
    """A set of views as Kafka feeds it. `publishing`: what changes of the stock is to go to its topic."""

    def __init__(self, views: ViewSet, publishing: bool) -> None:
        self.views, self._publishing = views, publishing

    def prepare(self, ledger: str, places: Sequence[Place]) -> dict[Place, Reached]:
        """Make the tables unless they are there, and say how far each partition is. Errors: ViewsFedOtherwise."""
        self.views.prepare(ledger)
        with self._writing("prepare the views") as writing:
            known = reached(writing)
            if not known and self.views.following() > 1:
                raise ViewsFedOtherwise(self.views.database.where)
            begin(writing, list(places))
            return reached(writing)

    def reached(self) -> dict[Place, Reached]:
        with self.views.reading() as read:
            return reached(read)

    def apply(self, batch: Sequence[Decoded]) -> set[Place]:
        """Apply what is expected; a fact that can be read and not be told is parked, and the others go on.

        The partitions that were somebody else's are left out of the answer.
        """
        try:
            return self._apply(batch)
        except (ViewsUnavailable, ViewsOutdated):
            raise
        except Exception as wrong:  # rolled back: which fact it was is found by halves
            if len(batch) > 1:
                return set().union(*(self.apply([each]) for each in batch))
            (each,) = batch
            if len(each.facts) > 1:
                first, second = _halves(each)
                return self.apply([first]) and self.apply([second])
            if not each.facts or isinstance(each.facts[0], Unreadable):
                raise
            return self._apply([each._replace(facts=[_untold(each.facts[0], wrong)])])

    def _apply(self, batch: Sequence[Decoded]) -> set[Place]:
        with self._writing("apply facts to the views") as writing:
            taken = [each for each in batch if self._passed(writing, each.delivery)]
            self._tell(writing, [fact for each in taken if not each.delivery.strays for fact in each.facts])
            for each in taken:
                self._tell_around(writing, each)
            self._advance(writing)
        return {each.delivery.place for each in taken}

    def _tell(self, writing: Transaction, facts: Sequence[Fact | Unreadable]) -> None:
        if facts:
            self.views.apply_models(writing, batch_of(*held_back(writing, facts)))

    def _tell_around(self, writing: Transaction, each: Decoded) -> None:
        """What stands before a stray is told, and what stands behind it, of its donation, waits."""
        facts, begin = each.facts, 0
        for stray in each.delivery.strays:
            end = bisect_left(each.delivery.rows, stray.offset, key=attrgetter("offset"))
            self._tell(writing, facts[begin:end])
            begin = end
            _keep(writing, stray)
        if each.delivery.strays:
            self._tell(writing, facts[begin:])
            self.views.apply_models(writing, Batch([], [], {}, set(), {}))

    def _passed(self, writing: Transaction, delivery: Delivery) -> bool:
        stood = writing.rows(
            "SELECT 1 FROM partitions WHERE topic = ? AND part = ? AND why IS NOT NULL", delivery.place
        )
        through = passed(writing, delivery.place, delivery.expected, delivery.to)
        if stood and through and self._publishing:
            put_stale(writing, delivery.place)
        return through

    def stand_still(self, place: Place, expected: int, standstill: Standstill) -> bool:
        """Say that a partition does not go on: what is said of its bags may be old."""
        with self._writing("say that a partition stands still") as writing:
            news = stand_still(writing, place, expected, standstill)
            if news and self._publishing:
                put_stale(writing, place)
            return news

    def retry(self) -> int:
        """Read what was parked once more; how many facts could be read now."""
        with self.views.reading() as read:
            keys, before = sorted(parked_keys(read)), count_parked(read)
        self.views.retry(keys)
        with self.views.reading() as read:
            return before - count_parked(read)

    def dismiss(self, place: Place, offset: int, reason: str) -> bool:
        """Somebody looked at a stray and found that it does not matter: its donation goes on. False: there is none."""
        with self._writing("dismiss a record") as writing:
            sql = """UPDATE strays SET dismissed = ?
                WHERE topic = ? AND part = ? AND at_offset = ? AND dismissed IS NULL RETURNING key"""
            found = writing.rows(sql, (reason, *place, offset))
            for (key,) in found:
                _release(writing, self.views, key, place, offset)
        return bool(found)

    def _advance(self, writing: Transaction) -> None:
        """Positions have no gaps: the view is complete up to just before the first one it does not have."""
        following = self.views.following()
        missing = first_missing(writing, following)
        if missing > following:
            writing.run("UPDATE progress SET next = ? WHERE view = ? AND part = ?", (missing, VIEW, PART))

    def _writing(self, what: str) -> AbstractContextManager[Transaction]:
        return _writing_on(self.views, what, self._publishing)


@contextmanager
def _writing_on(views: ViewSet, what: str, publishing: bool) -> Iterator[Transaction]:
    """One write transaction on a set of views. Errors: ViewsOutdated."""
    with views.database.transaction(True, what):
        yield views.writing_now(publishing)


def _halves(each: Decoded) -> tuple[Decoded, Decoded]:
    """The same in two deliveries, one after the other."""
    place, expected, rows, leaves, to, strays = each.delivery
    middle = len(rows) // 2
    last = rows[middle - 1]
    half = Reached(last.number, last.hash, last.offset + 1, last.position)
    before = [stray for stray in strays if stray.offset < half.offset]
    after = [stray for stray in strays if stray.offset >= half.offset]
    first = Delivery(place, expected, rows[:middle], leaves[:middle], half, before)
    second = Delivery(place, half.number + 1, rows[middle:], leaves[middle:], to, after)
    return Decoded(first, each.facts[:middle]), Decoded(second, each.facts[middle:])


def _untold(fact: Fact, wrong: Exception) -> Unreadable:
    reason = f"it can be read, and not be told: {type(wrong).__name__}: {wrong}"
    position, stream, version, _, _, recorded_at, _, wire, state, leaf_hash = fact
    return Unreadable(position, stream, version, recorded_at, wire, state, reason, leaf_hash)


def count_parked(read: Reading) -> int:
    """How many facts and strays are parked."""
    return int(read.rows("SELECT COUNT(*) FROM parked")[0][0])


def _keep(writing: Transaction, stray: Stray) -> None:
    sql = "INSERT INTO strays VALUES (?, ?, ?, ?, ?, ?, NULL) ON CONFLICT DO NOTHING RETURNING key"
    news = writing.rows(sql, (*stray.place, stray.offset, stray.key, stray.reason, stray.value))
    if news and stray.key:
        park(writing, stray.key, _number(writing, stray.place, stray.offset), 0, STRAY, stray.reason, unread=True)


def _number(writing: Transaction, place: Place, offset: int) -> int:
    """What stands for a stray where others have their version: below 0, and its own."""
    sql = "SELECT COUNT(*) FROM partitions WHERE topic < ? OR (topic = ? AND part < ?)"
    ((before,),) = writing.rows(sql, (place.topic, *place))
    return -1 - (int(before) << 40) - offset


def _release(writing: Transaction, views: ViewSet, key: str, place: Place, offset: int) -> None:
    sql = "DELETE FROM parked WHERE stream = ? AND version = ?"
    writing.run(sql, (key, _number(writing, place, offset)))
    views.tell_afresh(writing, released(writing, [key_of(key)]))


def dismissals(views: ViewSet) -> list[tuple[Place, int, str]]:
    """What was dismissed, so that a rebuild does not park it again."""
    with views.reading() as read:
        sql = "SELECT topic, part, at_offset, dismissed FROM strays WHERE dismissed IS NOT NULL"
        return [(Place(topic, part), offset, why) for topic, part, offset, why in read.rows(sql)]


def take_over(old: ViewSet, new: ViewSet, differing: bool) -> None:
    """What the old views had still to send is the new ones' to send; all of the stock, where the two differ.

    Within a transaction on the old ones.
    """
    before = old.writing_now(False)
    in_stock = "SELECT bag FROM bags WHERE final = 0 AND {known bags}"
    left = waiting(before, OPEN)
    told = before.rows("SELECT bag, stream FROM told_incomplete")
    with _writing_on(new, "take over what is to be sent", True) as writing:
        put_again(writing, left)
        if differing:
            put_rows(writing, sorted({bag for each in (before, writing) for (bag,) in each.rows(in_stock)}))
        writing.run_many("INSERT INTO told_incomplete VALUES (?, ?) ON CONFLICT DO NOTHING", told)
        put_incomplete(writing, incomplete_pairs(writing))
