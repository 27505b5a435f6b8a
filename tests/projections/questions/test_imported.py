"""This file holds the tests of question p: bags from outside, by the sender's number and ours."""

from typing import Any

from projections.queries.imported import received_from_outside
from tests.projections.history import History, collect, din, instant, units
from tests.projections.questions.told import asked, picked, text

OURS, SAME = "B123425000007=E0336V00", "C999925000001=E0336V00"


def receive(history: History, bag: str, at: float, **said: Any) -> int:
    """A bag of red cells from outside."""
    usual = {"sent_from": "Z0001", "facility": "A9999", "purpose": "allogeneic", "component": "suspended_red_cells"}
    return history.tell(bag, "bag.received", at, **{**usual, "quantity": units("2"), **said})


def test_every_received_bag_is_told_with_the_senders_number_and_ours() -> None:
    history = History()
    collect(history, 1, 0)
    release = {"released_by": "their-boss", "released_at": instant(-60)}
    receive(history, OURS, 10, sender_bag="Z-77", by="dock-1", **release)
    receive(history, SAME, 20, sent_from="Y0002", facility="B1234")
    assert asked(history, received_from_outside) == (
        {"bags": 2, "senders": 2, "renumbered": 1},
        [
            {
                "bag": OURS,
                "sender": "Z0001",
                "sender_bag": "Z-77",
                "sender_release": "their-boss",
                "sender_released_at": text(-60),
                "received_at": text(10),
                "facility": "A9999",
                "received_by": "dock-1",
                "status": "available",
                "fate": None,
                "position": 3,
                "version": 1,
            },
            {
                "bag": SAME,
                "sender": "Y0002",
                "sender_bag": None,
                "sender_release": None,
                "sender_released_at": None,
                "received_at": text(20),
                "facility": "B1234",
                "received_by": "staff-1",
                "status": "quarantine",
                "fate": None,
                "position": 4,
                "version": 1,
            },
        ],
        {},
    )


def test_a_facility_or_a_bag_may_be_asked_about_alone() -> None:
    history = History()
    receive(history, OURS, 10)
    receive(history, SAME, 20, facility="B1234")
    own = collect(history, 1, 0)
    assert picked(asked(history, received_from_outside, "facility:B1234").rows, "bag") == [(SAME,)]
    assert picked(asked(history, received_from_outside, OURS).rows, "bag") == [(OURS,)]
    assert asked(history, received_from_outside, own) == ({"bags": 0, "senders": 0, "renumbered": 0}, [], {})


def test_a_receipt_counts_from_when_it_is_recorded_until_it_is_annulled() -> None:
    history = History()
    receive(history, OURS, 10)
    history.tell(OURS, "bag.transfused", 50, patient="p", hospital="H0001", presumed=False)
    late = receive(history, SAME, 5)
    history.tell(SAME, "bag.annulled", 60, target_version=late)
    change = {"field": "sender_bag", "value": '"Z-78"', "sealed": None}
    history.tell(OURS, "bag.amended", 70, target_version=1, changes=[change])
    columns = ("bag", "sender_bag", "status")
    assert picked(asked(history, received_from_outside, known=1).rows, *columns) == [(OURS, None, "quarantine")]
    assert picked(asked(history, received_from_outside, known=3).rows, *columns) == [
        (OURS, None, "transfused"),
        (SAME, None, "quarantine"),
    ]
    assert picked(asked(history, received_from_outside, known=4).rows, *columns) == [(OURS, None, "transfused")]
    assert picked(asked(history, received_from_outside).rows, *columns) == [(OURS, "Z-78", "transfused")]


def test_a_bag_that_came_twice_has_a_row_for_each_receipt() -> None:
    history = History()
    receive(history, OURS, 10)
    history.tell(OURS, "bag.distributed", 20, to="Z0001")
    receive(history, OURS, 30, sender_bag=OURS)
    answer = asked(history, received_from_outside)
    assert answer.summary == {"bags": 1, "senders": 1, "renumbered": 0}
    assert picked(answer.rows, "received_at", "sender_bag") == [(text(10), None), (text(30), OURS)]


def test_a_bag_whose_number_is_a_donation_of_ours_is_no_import() -> None:
    history = History()
    collect(history, 1, 0)
    assert asked(history, received_from_outside, din(1)).rows == []
