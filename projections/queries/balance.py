"""This file holds the question whether the stock equals the sum of the facts: the shelves against a fresh fold."""

from collections.abc import Callable, Iterator
from itertools import groupby
from operator import attrgetter
from typing import Any

from projections.decode import Fact, decimal_text
from projections.queries.about import in_stock
from projections.queries.asking import Asking, Said
from projections.queries.facts import kept_by_stream
from projections.queries.stock import SHELVES
from projections.readmodels.bag_fold import folded
from projections.readmodels.bag_state import FINAL
from projections.readmodels.database import Reading, is_bag
from projections.readmodels.standing import standing

SHELF = ("facility", "component", "group", "rhd", "status", "measure")
IN_VIEW = "SELECT shelf, COUNT(*), SUM(thousandths) FROM {spells} GROUP BY shelf"
UNREAD = "SELECT COUNT(*) FROM parked WHERE position <= ?"

Shelf = tuple[str | None, ...]
Count = tuple[int, int | None]
"""Bags, and thousandths of the measure: None when no bag there says how much it holds."""
NOTHING: Count = (0, None)


def stock_equals_facts(asking: Asking, *, progress: Callable[[int, int], None] | None = None) -> Said:
    """Whether the stock, shelf by shelf, is what all facts up to the position asked about add up to.

    Shape: summary {bags, shelves, equal, differing, unread}: bags in stock by the facts, shelves compared, whether all
    are equal, how many differ, and facts that could not be read, which count on neither side. A row for each shelf that
    differs: {facility, component, group, rhd, status, measure, in_view, in_facts, quantity_in_view, quantity_in_facts}:
    bags, and their quantity as exact text. Shelves are in order of these names. The facts are folded anew, stream by
    stream, without looking at what the view made of them; memory stays the same at any size. `progress` hears (facts
    read, of about as many).
    """
    in_view = _in_view(asking.read)
    in_facts = _in_facts(asking.read, progress)
    shelves = sorted(
        in_view.keys() | in_facts.keys(), key=lambda shelf: tuple((name is not None, name or "") for name in shelf)
    )
    rows = [
        _row(shelf, in_view.get(shelf, NOTHING), in_facts.get(shelf, NOTHING))
        for shelf in shelves
        if in_view.get(shelf) != in_facts.get(shelf)
    ]
    bags = sum(count for count, _ in in_facts.values())
    ((unread,),) = asking.read.rows(UNREAD, [asking.read.position])
    summary = {"bags": bags, "shelves": len(shelves), "equal": not rows, "differing": len(rows), "unread": unread}
    return Said(summary, rows)


def _row(shelf: Shelf, in_view: Count, in_facts: Count) -> dict[str, Any]:
    return {
        **dict(zip(SHELF, shelf, strict=True)),
        "in_view": in_view[0],
        "in_facts": in_facts[0],
        "quantity_in_view": _text(in_view[1]),
        "quantity_in_facts": _text(in_facts[1]),
    }


def _text(amount: int | None) -> str | None:
    return None if amount is None else decimal_text(amount)


def _in_view(read: Reading) -> dict[Shelf, Count]:
    spells, values = in_stock(read)
    shelves = {shelf: tuple(dimensions) for shelf, *dimensions in read.rows(SHELVES)}
    found = read.rows(IN_VIEW.replace("{spells}", spells), values)
    return {shelves[shelf]: (bags, None if amount is None else int(amount)) for shelf, bags, amount in found}


# -- the facts' side ---------------------------------------------------------------------------------------


def _in_facts(read: Reading, progress: Callable[[int, int], None] | None) -> dict[Shelf, Count]:
    found: dict[Shelf, Count] = {}
    for facts in _bags(read, progress):
        shelved = _shelved(facts)
        if shelved is not None:
            shelf, amount = shelved
            bags, total = found.get(shelf, NOTHING)
            found[shelf] = (bags + 1, total if amount is None else (total or 0) + amount)
    return found


def _shelved(facts: list[Fact]) -> tuple[Shelf, int | None] | None:
    """Which shelf a bag's facts put it on, with its thousandths; None when it is no stock."""
    bag = folded(standing(facts).facts, 0, 0)
    status = bag.status
    if status in FINAL:
        return None
    return (bag.facility, bag.component, *bag.shown_group, status, bag.measure), bag.thousandths


def _bags(read: Reading, progress: Callable[[int, int], None] | None) -> Iterator[list[Fact]]:
    """The readable facts of each bag up to the position asked about, one bag after another."""
    bags = (each for each in kept_by_stream(read, progress) if is_bag(each.stream))
    for _, of_bag in groupby(bags, key=attrgetter("stream")):
        yield [fact for each in of_bag if isinstance(fact := each.read(), Fact)]
