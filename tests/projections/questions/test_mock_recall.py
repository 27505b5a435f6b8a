"""This file holds the tests of question q: how effective a recall would be."""

import pytest

from projections.queries.mock_recall import mock_recall
from projections.queries.recall import recall
from projections.queries.subjects import NotFound
from tests.projections.history import History, collect, din, instant
from tests.projections.questions.told import CELLS, HALVES, PLASMA, POOL, WHOLE, Told, asked, picked, pooled

LINE = ("bag", "status", "where", "located", "position")


def test_every_bag_is_located_and_that_is_a_hundred_percent() -> None:
    said = asked(pooled(), mock_recall, "lot:container:C1")
    assert said.rows[3] == {
        "bag": POOL,
        "component": "pooled_platelets",
        "directly": False,
        "status": "consumed",
        "fate": None,
        "where": None,
        "located": True,
        "position": None,
    }
    assert picked(said.rows, *LINE) == [
        (WHOLE[1], "consumed", None, True, None),
        (CELLS[1], "consumed", None, True, None),
        (PLASMA[1], "quarantine", "A9999", True, None),
        (POOL, "consumed", None, True, None),
        (HALVES[0], "transfused", "pat-1", True, 21),
        (HALVES[1], "issued", "pat-2", True, 23),
    ]
    assert said.summary == {
        "bags": 6,
        "located": 6,
        "unlocated": 0,
        "by_status": {"consumed": 3, "issued": 1, "quarantine": 1, "transfused": 1},
        "effectiveness": "100",
    }


def test_what_cannot_be_located_comes_first_and_never_rounds_up_to_all() -> None:
    history = pooled()
    history.tell(PLASMA[1], "bag.missing", 60, facility="A9999")  # 24
    history.tell(PLASMA[1], "bag.found", 70, facility="A9999", place="Z1")  # 25
    said = asked(history, mock_recall, din(1), known=24)
    assert picked(said.rows[:2], "bag", "located") == [(PLASMA[1], False), (WHOLE[1], True)]
    assert (said.summary["located"], said.summary["unlocated"], said.summary["effectiveness"]) == (5, 1, "83.33")
    assert asked(history, mock_recall, din(1)).summary["effectiveness"] == "100"


def test_a_bag_with_a_fact_that_cannot_be_read_is_not_located() -> None:
    history = pooled()
    history.add(CELLS[2], "bag.stored.v1", b"not avro")  # it and all that was made of it
    said = asked(history, mock_recall, CELLS[2])
    assert picked(said.rows, "bag", "status", "located") == [
        (CELLS[2], "incomplete", False),
        (POOL, "incomplete", False),
        (HALVES[0], "incomplete", False),
        (HALVES[1], "incomplete", False),
    ]
    assert said.summary["effectiveness"] == "0"


def test_a_window_in_which_nothing_was_made_reaches_no_bag_and_has_no_percentage() -> None:
    said = asked(pooled(), mock_recall, "device:X1", since=instant(31))
    assert (said.rows, said.summary["bags"], said.summary["effectiveness"]) == ([], 0, None)
    within = asked(pooled(), mock_recall, "device:X1", since=instant(30), until=instant(30))
    assert [row["bag"] for row in within.rows] == list(HALVES)


def test_an_unknown_subject_is_no_success() -> None:
    with pytest.raises(NotFound):
        asked(pooled(), mock_recall, "lot:nothing")


def test_a_bag_issued_to_nobody_known_from_nowhere_known_is_not_located() -> None:
    history = History()
    history.tell(CELLS[3], "bag.issued", 5, to="ward", reported=True)
    (row,) = asked(history, mock_recall, CELLS[3]).rows
    assert (row["status"], row["where"], row["located"]) == ("issued", None, False)


def test_a_mock_recall_reaches_what_a_recall_reaches() -> None:
    history = pooled()
    collect(history, 3, 60, donor="d-2")
    for subject in ("donor:d-1", "donor:d-2", din(2), POOL, "lot:R1", "operator:staff-1"):
        mock, real = asked(history, mock_recall, subject), asked(history, recall, subject)
        assert sorted(row["bag"] for row in mock.rows) == [row["bag"] for row in real.rows]
        assert mock.summary["located"] == real.summary["located"]


def test_what_real_commands_recorded_is_located_before_and_after_a_loss() -> None:
    with Told() as told:
        quantity = {"amount": "2", "measure": "U"}
        for number in (1, 2):
            told.say(
                "CollectBag", 0, bag=WHOLE[number], donor=f"d-{number}", facility="C1", kind="whole_blood",
                quantity=quantity, lots=[{"kind": "container", "id": "L7"}],
            )  # fmt: skip
        stored = told.say("StoreBag", 10, bags=[WHOLE[1], WHOLE[2]], facility="C1", place="F1")
        told.say("ReportMissing", 20, bag=WHOLE[2], facility="C1")
        then, now = (asked(told, mock_recall, "lot:L7", known=known) for known in (stored, None))
    assert then.summary["effectiveness"] == "100" and now.summary["effectiveness"] == "50"
    assert picked(now.rows, "bag", "status", "where", "located") == [
        (WHOLE[2], "missing", "C1 F1", False),
        (WHOLE[1], "quarantine", "C1 F1", True),
    ]
