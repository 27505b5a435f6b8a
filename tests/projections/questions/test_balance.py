"""This file holds the tests of question o: does stock equal the sum of the facts."""

from datetime import datetime

import pytest

from projections.queries.asking import Said, asking
from projections.queries.balance import stock_equals_facts
from projections.readmodels.life import PAGE
from projections.readmodels.live import Views
from tests.projections.history import History, collect, din, large_history, process, random_history, units
from tests.projections.questions.told import LATER, Told, asked, recorded, views_of

CELLS, PLASMA = f"{din(1)}=E0336V00", f"{din(1)}=E0701V00"


def stocked() -> History:
    """Two bags of whole blood at two facilities, one of them made into cells and plasma."""
    history = History()
    one = collect(history, 1, 0)
    collect(history, 2, 0, facility="B1234", quantity=units("1.5"), group="O")
    process(history, "separate", [one], [CELLS], 10)
    process(history, "separate", [], [PLASMA], 10, component="frozen_plasma", quantity=units("200", "mL"))
    return history


def told_by(views: Views, known_at: datetime | None = None) -> Said:
    with asking(views, LATER, known_at) as put:
        return stock_equals_facts(put)


def test_what_the_facts_add_up_to_is_the_stock() -> None:
    assert asked(stocked(), stock_equals_facts) == (
        {"bags": 3, "shelves": 3, "equal": True, "differing": 0, "unread": 0},
        [],
        {},
    )


def test_every_shelf_that_differs_is_told_with_both_sides() -> None:
    views = views_of(stocked())
    ((other, shelf),) = views.live().database.rows(
        "SELECT bag, shelf FROM spells WHERE bag LIKE ? AND final = 0", (f"{din(2)}%",)
    )
    database = views.live().database
    database.run("UPDATE spells SET thousandths = 250 WHERE bag = ?", (PLASMA,))
    database.run("UPDATE spells SET shelf = ? WHERE bag = ?", (shelf, CELLS))
    assert other == f"{din(2)}=E0001V00"
    common = {"status": "quarantine"}
    assert told_by(views) == (
        {"bags": 3, "shelves": 3, "equal": False, "differing": 3, "unread": 0},
        [
            {
                "facility": "A9999",
                "component": "frozen_plasma",
                "group": None,
                "rhd": None,
                **common,
                "measure": "mL",
                "in_view": 1,
                "in_facts": 1,
                "quantity_in_view": "0.25",
                "quantity_in_facts": "200",
            },
            {
                "facility": "A9999",
                "component": "suspended_red_cells",
                "group": None,
                "rhd": None,
                **common,
                "measure": "U",
                "in_view": 0,
                "in_facts": 1,
                "quantity_in_view": None,
                "quantity_in_facts": "1.5",
            },
            {
                "facility": "B1234",
                "component": "whole_blood",
                "group": "O",
                "rhd": "positive",
                **common,
                "measure": "U",
                "in_view": 2,
                "in_facts": 1,
                "quantity_in_view": "3",
                "quantity_in_facts": "1.5",
            },
        ],
        {},
    )


def test_a_bag_the_view_forgot_or_invented_is_found() -> None:
    views = views_of(stocked())
    views.live().database.run("DELETE FROM spells WHERE bag = ?", (PLASMA,))
    assert told_by(views).summary == {"bags": 3, "shelves": 3, "equal": False, "differing": 1, "unread": 0}
    views = views_of(stocked())
    views.live().database.run("UPDATE spells SET final = 0 WHERE bag = ?", (f"{din(1)}=E0001V00",))
    (row,) = told_by(views).rows
    assert (row["status"], row["in_view"], row["in_facts"]) == ("consumed", 1, 0)


def test_what_ended_is_no_stock_on_either_side() -> None:
    history = stocked()
    for bag in (CELLS, PLASMA, f"{din(2)}=E0001V00"):
        history.tell(bag, "bag.discarded", 20, approved_by="boss")
    assert asked(history, stock_equals_facts).summary == {
        "bags": 0,
        "shelves": 0,
        "equal": True,
        "differing": 0,
        "unread": 0,
    }


def test_a_correction_and_a_late_fact_count_from_when_they_are_recorded() -> None:
    history = stocked()
    told = len(history.told)
    ended = history.tell(CELLS, "bag.discarded", 20, approved_by="boss")
    history.tell(CELLS, "bag.annulled", 30, target_version=ended)
    history.tell(PLASMA, "bag.distributed", 15, to="H0001")
    views = views_of(history)
    bags = [told_by(views, recorded(history, position)).summary for position in range(told, told + 4)]
    assert [(said["bags"], said["equal"]) for said in bags] == [(3, True), (2, True), (3, True), (3, True)]


@pytest.mark.parametrize("seed", range(12))
def test_stock_and_facts_agree_at_every_position_of_a_history_that_makes_no_sense(seed: int) -> None:
    history = random_history(seed, facts=90)
    views = views_of(history, batch=1 + seed)
    for position in range(1, len(history.told) + 1, 7):
        answer = told_by(views, recorded(history, position))
        assert answer.rows == [], f"seed {seed}, position {position}"


def test_facts_are_read_page_by_page_and_progress_is_heard() -> None:
    history = History()
    for stream, name, at, said in large_history(60):
        history.tell(stream, name, at, **said)
    total = len(history.told)
    assert total > PAGE
    heard: list[tuple[int, int]] = []
    answer = asked(history, stock_equals_facts, progress=lambda done, of: heard.append((done, of)))
    assert answer.summary["equal"]
    assert len(heard) > 1 and heard == sorted(set(heard)) and heard[-1] == (total, total)


def test_a_ledger_told_by_real_commands_is_in_balance() -> None:
    with Told() as ledger:
        quantity = {"amount": "2", "measure": "U"}
        bag = f"{din(1)}=E0001V00"
        ledger.say("CollectBag", 0, bag=bag, donor="d", facility="C1", kind="whole_blood", quantity=quantity)
        ledger.say("RecordTest", 50, din=din(1), marker="hbsag", result="reactive")
        ledger.say("RecordTransfusion", 60, bag=f"{din(2)}=E0001V00", patient="p", hospital="H1", presumed=True)
        answer = asked(ledger, stock_equals_facts)
    assert answer == ({"bags": 2, "shelves": 2, "equal": True, "differing": 0, "unread": 0}, [], {})


def test_facts_that_cannot_be_read_are_counted_and_count_on_neither_side() -> None:
    history = stocked()
    history.add(CELLS, "bag.discarded.v1", b"?")
    views = views_of(history)
    assert told_by(views).summary == {"bags": 3, "shelves": 3, "equal": True, "differing": 0, "unread": 1}
    before = recorded(history, len(history.told) - 1)
    assert told_by(views, before).summary["unread"] == 0
