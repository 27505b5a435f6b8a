"""This file holds the tests of what was known: asked as of T, views say what views fed only until T said."""

import random
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from projections.consumer import catch_up
from projections.decode import EPOCH
from projections.queries.asking import NothingKnownYet
from projections.queries.bags import bags_at
from projections.queries.lineage import ancestors, descendants, edges_among, with_ancestors, with_descendants
from projections.queries.stock import stock
from projections.queries.subjects import NotFound, bags_of, linked, same_person
from projections.queries.trace import trace
from projections.readmodels.bags import span_of
from projections.readmodels.database import OPEN
from projections.readmodels.live import Views
from projections.readmodels.sqlite import sqlite_views
from tests.projections.history import (
    BEGIN,
    FACILITIES,
    PATIENTS,
    History,
    collect,
    din,
    instant,
    process,
    random_history,
)

HEAD = ("position", "known_at", "complete_to", "digest")
KINDS = ("donor", "patient", "filter_lot", "operator", "facility", "donation")


def until(history: History, position: int) -> History:
    """The history as it was when that position was its last."""
    earlier = History(history.ledger)
    earlier.told = history.told[:position]
    return earlier


def recorded(history: History, position: int) -> datetime:
    return EPOCH + timedelta(microseconds=history.told[position - 1].recorded_at)


def filled(history: History, batch: int) -> Views:
    views = sqlite_views(":memory:")
    catch_up(history, views, batch=batch)
    return views


def without_head(answer: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if key not in HEAD}


def said(views: Views, known_at: datetime | None, names: list[str]) -> list[Any]:
    """All that the building blocks of an answer say."""
    micros = None if known_at is None else (known_at - EPOCH) // timedelta(microseconds=1)
    with views.reading(micros) as read:
        return [
            {bag: row._replace(holds=sorted(row.holds, key=str)) for bag, row in bags_at(read, names).items()},
            {bag: sorted(with_descendants(read, [bag])) for bag in names},
            {bag: sorted(with_ancestors(read, [bag])) for bag in names},
            {edge[:3] for edge in edges_among(read, set(names))},
            {kind: sorted(linked(read, [kind], [*PATIENTS, *FACILITIES, "d", "L1", "staff-1"])) for kind in KINDS},
            sorted(bags_of(read, [name[:13] for name in names])),
        ]


@pytest.mark.parametrize("seed", range(24))
def test_as_known_then_is_what_was_answered_then(seed: int) -> None:
    corrections = (0.05, 0.2, 0.4)[seed % 3]
    history = random_history(seed, facts=90, bags=5, corrections=corrections)
    views = filled(history, batch=(1, 13, 2000)[seed // 3 % 3])
    names = sorted({row.stream for row in history.told})
    for position in random.Random(seed).sample(range(1, 91), 12):
        then = filled(until(history, position), 2000)
        known_at = recorded(history, position)
        assert said(views, known_at, names) == said(then, None, names)
        for options in ({}, {"all": True}, {"forecast_days": 10}):
            asked: Any = options
            assert without_head(stock(views, BEGIN, known_at=known_at, **asked)) == without_head(
                stock(then, BEGIN, **asked)
            )
        assert traced(views, names[0], known_at) == traced(then, names[0], None)


def traced(views: Views, subject: str, known_at: datetime | None) -> Any:
    """What a trace says, but for the position an edge is known since: a retold edge is known once more."""
    try:
        answer = without_head(trace(views, subject, BEGIN, known_at=known_at))
    except NotFound:
        return None
    return answer | {"edges": [(edge["parent"], edge["child"], edge["process"]) for edge in answer["edges"]]}


def test_an_answer_says_how_far_it_reaches_and_of_which_views() -> None:
    history = random_history(1)
    views = filled(history, 2000)
    now, then = stock(views, BEGIN), stock(views, BEGIN, known_at=recorded(history, 50))
    assert (now["position"], now["complete_to"], now["known_at"]) == (120, 120, None)
    assert (then["position"], then["complete_to"]) == (50, 120)
    assert then["known_at"] == "2023-11-14T22:13:20.000050Z"
    assert now["digest"] == then["digest"] != stock(filled(until(history, 50), 2000), BEGIN)["digest"]


@pytest.mark.parametrize("late", [0, 1, 999_999])
def test_what_was_recorded_at_t_itself_was_known_at_t(late: int) -> None:
    history = History()
    collect(history, 1, 0)
    history.told = [row._replace(recorded_at=row.recorded_at + 1_000_000 * at) for at, row in enumerate(history.told)]
    views = filled(history, 1)
    known_at = recorded(history, 1) + timedelta(microseconds=late)
    assert stock(views, BEGIN, known_at=known_at)["position"] == 1


def test_before_the_first_fact_nothing_was_known() -> None:
    history = random_history(2, facts=5)
    views = filled(history, 1)
    with pytest.raises(NothingKnownYet) as caught:
        stock(views, BEGIN, known_at=recorded(history, 1) - timedelta(microseconds=1))
    assert caught.value.first_recorded_at == "2023-11-14T22:13:20.000001Z"


def test_two_that_were_merged_for_a_while_were_the_same_person_for_a_while() -> None:
    history = History()
    collect(history, 1, 0, donor="one")
    history.tell("donor:one", "donor.merged", 10, other="two", process_id="m")
    history.tell("donor:one", "donor.unmerged", 20, other="two", process_id="u")
    views = filled(history, 2)
    for position, known in ((2, {"one"}), (3, {"one", "two"}), (4, {"one"})):
        with views.reading(history.told[position - 1].recorded_at) as read:
            assert same_person(read, "donor", "one") == known


def test_an_annulled_process_was_known_until_it_was_annulled() -> None:
    history = History()
    whole = collect(history, 1, 0)
    cells = f"{din(1)}=E0336V00"
    process(history, "separate", [whole], [cells], 10)
    made = len(history.told)
    history.tell(whole, "bag.annulled", 20, target_version=2)
    one_end = len(history.told)
    history.tell(cells, "bag.annulled", 20, target_version=1)
    views = filled(history, 1)
    for position, known in ((made, {cells}), (one_end, {cells}), (one_end + 1, set())):
        with views.reading(history.told[position - 1].recorded_at) as read:
            assert with_descendants(read, [whole]) - {whole} == known


@pytest.mark.parametrize("length", [1, 2, 3, 4, 7, 8, 1000, 1 << 40])
@pytest.mark.parametrize("begin", [1, 5, 1 << 41])
def test_a_span_finds_every_row_that_held(begin: int, length: int) -> None:
    span = span_of(begin, begin + length)
    for position in (begin, begin + length - 1):
        assert position - (1 << span) < begin <= position
    assert span_of(begin, OPEN) > span


def test_the_position_of_a_link_is_when_it_happened() -> None:
    history = History()
    collect(history, 1, 0, facility="A9999")
    collect(history, 2, 60, facility="A9999")
    views = filled(history, 2000)
    from projections.queries.subjects import Window

    with views.reading() as read:
        early = Window(until=(instant(30) - EPOCH) // timedelta(microseconds=1))
        late = Window(since=(instant(60) - EPOCH) // timedelta(microseconds=1))
        assert linked(read, ["facility"], ["A9999"], early) == {din(1), f"{din(1)}=E0001V00"}
        assert linked(read, ["facility"], ["A9999"], late) == {din(2), f"{din(2)}=E0001V00"}


def test_a_facility_has_what_ever_was_there() -> None:
    history = History()
    bag = collect(history, 1, 0, facility="C1")
    history.tell(bag, "bag.distributed", 10, to="H1", sent_from="C1")
    history.tell(bag, "bag.arrived", 20, at="H1")
    history.tell(bag, "bag.stored", 30, facility="H1", place="F1")
    other = collect(history, 2, 40, facility="C1")
    history.tell(other, "bag.transfused", 50, patient="p", hospital="H1", presumed=False)
    views = filled(history, 2000)
    with views.reading() as read:
        assert linked(read, ["facility"], ["H1"]) == {bag, other}
        assert {bag, other} < linked(read, ["facility"], ["C1"])


def test_a_walk_ends_where_nothing_is_left_however_deep_it_may_go() -> None:
    history = History()
    names = [f"{din(1)}=E033{number}V00" for number in range(4)]
    for one, another in pairwise(names):
        process(history, "relabel", [one], [another], 10)
    with filled(history, 2000).reading() as read:
        assert descendants(read, [names[0]], 10**15) == (set(names), set())
        assert descendants(read, [names[0]], 2) == (set(names[:3]), {names[2]})
        assert ancestors(read, [names[3]], 0) == ({names[3]}, {names[3]})
