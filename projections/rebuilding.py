"""This file holds the rebuild: fill a second set of views beside the live one, compare the two, and switch.

Feeders go on with the live set meanwhile. What is durable, and what a crash leaves: the second set's rows and position
after each of its batches, so that the next rebuild goes on there; the switch is one transaction, so that one set or the
other is live.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from operator import itemgetter
from typing import Any, NamedTuple

from projections.consumer import Feed
from projections.readmodels.database import DIGEST_SPACE, Content, ReadModel, Row, ViewsOutdated, ViewsUnavailable
from projections.readmodels.live import Views
from projections.readmodels.view_set import VIEW, Transaction, ViewSet, hexadecimal, kept_digests

FEEDING, COMPARING = "feeding", "comparing"
Progress = Callable[[str, int, int], None]
"""Hears which stage is at work, how far it is, and of how much."""
FIRST = 3
"""Differing rows that are named, of each table."""


class Rebuilt(NamedTuple):
    """What a rebuild came to.

    Shape: `position` and `digest` are of the views that are live now (where those are of another version, and stay: of
    the ones made beside them). `replaces`: the version of those before, None when there were none of this ledger.
    `differences`: {table, key, live, rebuilt}, rows as {column: value}, null where a set has no such row; the first few
    of each table. `damaged`: {live, rebuilt}: tables whose rows are not what was written.
    """

    view: str
    version: int
    position: int
    digest: str
    switched: bool
    replaces: int | None
    differences: list[dict[str, Any]]
    damaged: dict[str, list[str]]


class _Compared(NamedTuple):
    differences: list[dict[str, Any]]
    damaged: dict[str, list[str]]


_NOTHING = _Compared([], {"live": [], "rebuilt": []})


def rebuild(feed: Feed, views: Views, accept: bool = False, progress: Progress | None = None) -> Rebuilt:
    """Make the views anew beside the live ones and switch to them if both say the same, or `accept` says so.

    Not switched and no differences: another rebuild switched meanwhile. Errors: ViewsUnavailable.
    """
    live = views.live()
    try:
        return _rebuild(feed, views, live, accept, progress)
    except (ViewsOutdated, ViewsUnavailable):
        now = views.live()
        if now is live:
            raise
        feed.bring(views)
        return _rebuilt(now, False, now.version, _NOTHING)


def _rebuild(feed: Feed, views: Views, live: ViewSet, accept: bool, progress: Progress | None) -> Rebuilt:
    ledger, green = feed.ledger_id(), views.beside()
    found = _found(live)
    tell = _telling(progress)
    if found is None or found[1] != ledger:
        feed.bring(live, tell(FEEDING))
        return _rebuilt(live, True, None, _NOTHING)
    same_version = found[0] == live.version
    if same_version:
        feed.bring(green, tell(FEEDING))
        feed.bring(live)
    else:
        _feed_up_to(feed, green, live, tell(FEEDING))
    compared = _compared(feed, live, green, tell(COMPARING))
    switched = False
    if accept or not compared.differences:
        switched, compared = _switch(feed, views, live, compared, strict=same_version and not accept)
    if switched:
        _give_back(live)
        feed.bring(green)
    elif compared.damaged["rebuilt"]:
        _clear(green)  # what was begun is worth nothing: the next rebuild starts from the first fact
    return _rebuilt(green if switched or not same_version else live, switched, found[0], compared)


def _rebuilt(views: ViewSet, switched: bool, replaces: int | None, compared: _Compared) -> Rebuilt:
    with views.reading() as read:
        return Rebuilt(VIEW, views.version, read.complete_to, read.digest(), switched, replaces, *compared)


def _telling(progress: Progress | None) -> Callable[[str], Callable[[int, int], None] | None]:
    def of(stage: str) -> Callable[[int, int], None] | None:
        return None if progress is None else lambda done, total: progress(stage, done, total)

    return of


def _found(views: ViewSet) -> tuple[int, str] | None:
    with views.database.transaction(False, "read which views there are"):
        return views.found()


def _feed_up_to(feed: Feed, green: ViewSet, live: ViewSet, tell: Callable[[int, int], None] | None = None) -> None:
    """Views of another version stand still: those beside them are brought to just there, to be compared."""
    with live.database.transaction(False, "read how far the views are"):
        mark = feed.mark(live)
    if _found(green) == (green.version, feed.ledger_id()):
        with green.database.transaction(False, "read how far the views are"):
            beyond = feed.beyond(green, mark)
        if beyond:
            green.rebuild(feed.ledger_id())
    feed.bring(green, tell, mark)


# -- comparing -------------------------------------------------------------------------------------------


def _compared(feed: Feed, live: ViewSet, green: ViewSet, tell: Callable[[int, int], None] | None) -> _Compared:
    """Both sets at one position, row by row, each also against the digests it kept."""
    with live.database.transaction(False, "compare the views"):
        feed.bring(green, to=feed.mark(live))
        before = Transaction(live.database, feed.ledger_id(), live.following() - 1)
        with green.reading() as after:
            return _Comparison(live, before, after, tell).all(green.models)


class _Comparison:
    """Walks two sets of views side by side."""

    def __init__(
        self, live: ViewSet, before: Transaction, after: Transaction, tell: Callable[[int, int], None] | None
    ) -> None:
        self._live, self._before, self._after, self._tell = live, before, after, tell
        self._done, self._of = 0, 0

    def all(self, models: Sequence[ReadModel]) -> _Compared:
        differences: list[dict[str, Any]] = []
        damaged: dict[str, list[str]] = {"live": [], "rebuilt": []}
        kept = {"live": kept_digests(self._before), "rebuilt": kept_digests(self._after)}
        contents = [(model, content) for model in models for content in (model.content, *model.beside)]
        self._of = sum(self._after.rows(f"SELECT COUNT(*) FROM {content.table}")[0][0] for _, content in contents)
        for model, content in contents:
            if not set(content.stored_columns) <= set(self._live.database.columns(content.table)):
                differences.append(self._other_table(content))
                continue
            found, sums = self._rows(content)
            differences += found
            for which, total in sums.items() if content is model.content else ():
                if kept[which].get(model.name) != total:
                    damaged[which].append(content.table)
        return _Compared(differences, damaged)

    def _other_table(self, content: Content) -> dict[str, Any]:
        """A table that the version before did not have, or had in another form."""
        ((rows,),) = self._after.rows(f"SELECT COUNT(*) FROM {content.table}")
        return {"table": content.table, "key": None, "live": None, "rebuilt": {"rows": rows}}

    def _rows(self, content: Content) -> tuple[list[dict[str, Any]], dict[str, str]]:
        sums = {"live": 0, "rebuilt": 0}
        pairs = _side_by_side(
            self._summed(content, self._before, sums, "live"),
            self._summed(content, self._after, sums, "rebuilt"),
            itemgetter(*(content.columns.index(name) for name in content.key)),
        )
        differing = (pair for pair in pairs if pair[0] != pair[1])
        found = [_difference(content, *pair) for pair in islice(differing, FIRST)]
        for _ in differing:  # to the end: the digests are of all rows
            pass
        return found, {which: hexadecimal(total % DIGEST_SPACE) for which, total in sums.items()}

    def _summed(self, content: Content, read: Transaction, sums: dict[str, int], which: str) -> Iterator[Row]:
        for row in content.rows(lambda sql: self._walked(sql, read, which)):
            sums[which] += content.digest_of(row)
            yield row

    def _walked(self, sql: str, read: Transaction, which: str) -> Iterator[Row]:
        for row in read.walk(sql):
            if which == "rebuilt":
                self._done += 1
                if self._tell is not None and not self._done % 1000:
                    self._tell(self._done, self._of)
            yield row


def _side_by_side(
    one: Iterator[Row], other: Iterator[Row], key: Callable[[Row], Any]
) -> Iterator[tuple[Row | None, Row | None]]:
    """Rows of equal key together, in the order of keys."""
    left, right = next(one, None), next(other, None)
    while left is not None or right is not None:
        if right is None or (left is not None and key(left) < key(right)):
            yield left, None
            left = next(one, None)
        elif left is None or key(right) < key(left):
            yield None, right
            right = next(other, None)
        else:
            yield left, right
            left, right = next(one, None), next(other, None)


def _difference(content: Content, live: Row | None, rebuilt: Row | None) -> dict[str, Any]:
    there = live or rebuilt or ()
    said = dict(zip(content.columns, there, strict=True))
    return {
        "table": content.table,
        "key": {name: said[name] for name in content.key},
        "live": _shown(content, live),
        "rebuilt": _shown(content, rebuilt),
    }


def _shown(content: Content, row: Row | None) -> dict[str, Any] | None:
    if row is None:
        return None
    named = zip(content.columns, row, strict=True)
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in named}


# -- switching -------------------------------------------------------------------------------------------


def _switch(feed: Feed, views: Views, live: ViewSet, compared: _Compared, strict: bool) -> tuple[bool, _Compared]:
    """Behind the live set's fence, bring the other to the same position and move there.

    `strict`: only if the digests that both kept are equal there, too.
    """
    with views.moving() as (old, new, move):
        if old is not live:
            return False, compared
        feed.bring(new, to=feed.mark(old))
        if strict:
            differences = _differing_digests(old, new)
            if differences:
                return False, compared._replace(differences=differences)
        feed.hand_over(old, new, bool(compared.differences))
        # Durable when this transaction is: whoever feeds or reads next finds the new set.
        move()
    return True, compared


def _differing_digests(old: ViewSet, new: ViewSet) -> list[dict[str, Any]]:
    before, after = kept_digests(old.database), new.digests()
    return [
        {"table": model, "key": None, "live": {"digest": before.get(model)}, "rebuilt": {"digest": after.get(model)}}
        for model in sorted(before.keys() | after.keys())
        if before.get(model) != after.get(model)
    ]


def _give_back(old: ViewSet) -> None:
    """Give back the room of the set that was retired, unless another rebuild fills it again, or it is live again.

    Where somebody still reads it this fails, and nothing is lost by it: the next rebuild clears what it finds.
    """
    with suppress(ViewsUnavailable), old.database.transaction(True, "drop the views that were replaced"):
        if old.found() is None:
            old.database.clear()


def _clear(damaged: ViewSet) -> None:
    """Drop a set that was filled beside the live one. Where somebody still reads it, the next rebuild finds it so."""
    with suppress(ViewsUnavailable), damaged.database.transaction(True, "drop the views that were damaged"):
        damaged.database.clear()
