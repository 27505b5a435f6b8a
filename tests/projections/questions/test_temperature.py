"""This file holds the tests of question i: was a bag ever outside its range, and for how long in all."""

from decimal import Decimal
from typing import Any

import pytest

from ledger.isbt128.bad_scan import BadScan
from projections.queries.subjects import NotFound
from projections.queries.temperature import outside_range
from tests.projections.history import History, collect, din, process
from tests.projections.questions.told import Told, asked, picked, text

BAG = f"{din(1)}=E0001V00"
CELLS, PLASMA = f"{din(1)}=E0336V00", f"{din(1)}=E0701V00"


def breach(history: History, bag: str, at: float, low: str, high: str, minutes: str, **said: Any) -> int:
    """A reading out of range; not allowed by the rule unless it says so."""
    measured = {"celsius_min": Decimal(low), "celsius_max": Decimal(high), "minutes": Decimal(minutes)}
    return history.tell(bag, "bag.temperature_breached", at, **{"within_rule": False, **measured, **said})


def test_minutes_are_summed_exactly_and_those_the_rule_allows_are_told_apart() -> None:
    history = History()
    collect(history, 1, 0)
    process(history, "separate", [BAG], [CELLS, PLASMA], 10)
    breach(history, CELLS, 30, "6.5", "9.25", "10.5", within_rule=True, device="logger-1")
    breach(history, CELLS, 20, "-1", "12", "0.25", by="courier")
    collect(history, 2, 50)
    assert asked(history, outside_range, din(1)) == (
        {"bags": 3, "breached": 1, "minutes": "10.75", "outside_rule": "0.25", "incomplete": 0},
        [
            {
                "bag": CELLS,
                "component": "suspended_red_cells",
                "breaches": 2,
                "minutes": "10.75",
                "outside_rule": "0.25",
                "celsius_min": "-1",
                "celsius_max": "12",
                "first_at": text(20),
                "last_at": text(30),
                "position": 7,
            }
        ],
        {
            "breaches": [
                {
                    "bag": CELLS,
                    "happened_at": text(20),
                    "recorded_at": "2023-11-14T22:13:20.000007Z",
                    "celsius_min": "-1",
                    "celsius_max": "12",
                    "minutes": "0.25",
                    "within_rule": False,
                    "device": None,
                    "by": "courier",
                    "position": 7,
                    "version": 3,
                },
                {
                    "bag": CELLS,
                    "happened_at": text(30),
                    "recorded_at": "2023-11-14T22:13:20.000006Z",
                    "celsius_min": "6.5",
                    "celsius_max": "9.25",
                    "minutes": "10.5",
                    "within_rule": True,
                    "device": "logger-1",
                    "by": "staff-1",
                    "position": 6,
                    "version": 2,
                },
            ]
        },
    )


def test_what_the_logger_tells_after_the_transfusion_is_known_from_then_on() -> None:
    history = History()
    collect(history, 1, 0)
    history.tell(BAG, "bag.transfused", 100, patient="p", hospital="H0001", presumed=False)
    breach(history, BAG, 50, "15", "18", "90")
    assert asked(history, outside_range, BAG, known=3) == (
        {"bags": 1, "breached": 0, "minutes": "0", "outside_rule": "0", "incomplete": 0},
        [],
        {"breaches": []},
    )
    now = asked(history, outside_range, BAG)
    assert picked(now.rows, "bag", "minutes", "first_at", "position") == [(BAG, "90", text(50), 4)]
    assert asked(history, outside_range, "patient:p").rows == now.rows


def test_an_annulled_reading_counts_for_nothing_and_an_amended_one_as_it_reads_now() -> None:
    history = History()
    collect(history, 1, 0)
    wrong = breach(history, BAG, 50, "15", "18", "90")
    typo = breach(history, BAG, 60, "15", "80", "5")
    history.tell(BAG, "bag.annulled", 70, target_version=wrong)
    change = {"field": "celsius_max", "value": '"8.0"', "sealed": None}
    history.tell(BAG, "bag.amended", 80, target_version=typo, changes=[change])
    columns = ("breaches", "minutes", "celsius_max", "position")
    assert picked(asked(history, outside_range, BAG, known=4).rows, *columns) == [(2, "95", "80", 4)]
    assert picked(asked(history, outside_range, BAG, known=5).rows, *columns) == [(1, "5", "80", 4)]
    assert picked(asked(history, outside_range, BAG).rows, *columns) == [(1, "5", "8", 4)]


def test_one_bag_is_asked_about_alone_and_a_donation_with_all_that_was_made_from_it() -> None:
    history = History()
    collect(history, 1, 0)
    breach(history, BAG, 5, "12", "12", "1")
    process(history, "separate", [BAG], [CELLS, PLASMA], 10)
    breach(history, PLASMA, 30, "-10", "-10", "2")
    assert picked(asked(history, outside_range, PLASMA).rows, "bag") == [(PLASMA,)]
    assert picked(asked(history, outside_range, BAG).rows, "bag") == [(BAG,)]
    assert picked(asked(history, outside_range, din(1)).rows, "bag") == [(BAG,), (PLASMA,)]


def test_one_reading_told_by_two_senders_counts_once_as_first_told() -> None:
    history = History()
    collect(history, 1, 0)
    for _ in range(2):
        breach(history, BAG, 20, "12", "12", "30", device="logger-1")
    breach(history, BAG, 20, "12", "12", "30", device="logger-2")
    found = asked(history, outside_range, BAG)
    assert picked(found.rows, "breaches", "minutes") == [(2, "60")]
    assert sorted(picked(found.more["breaches"], "position", "device")) == [(3, "logger-1"), (5, "logger-2")]


def test_a_reading_of_the_old_form_is_read_as_its_one_extreme() -> None:
    history = History()
    collect(history, 1, 0)
    said = {"celsius": Decimal("11.5"), "minutes": 40}
    history.tell(BAG, "bag.temperature_breached", 20, wire="bag.temperature_breached.v1", **said)
    found = asked(history, outside_range, BAG)
    assert picked(found.rows, "minutes", "outside_rule", "celsius_min", "celsius_max") == [("40", "40", "11.5", "11.5")]


def test_a_reading_told_again_when_it_is_known_what_the_bag_holds_counts_once() -> None:
    with Told() as ledger:
        before = ledger.say("RecordBreach", 30, bag=BAG, celsius="4", minutes="30", device="logger-1")
        quantity = {"amount": "2", "measure": "U"}
        ledger.say(
            "CollectBag", 0, bag=BAG, donor="d", facility="C1", kind="whole_blood", quantity=quantity
        )  # fmt: skip
        assert len(ledger.facts("bag.temperature_breached")) == 2
        ledger.say("Annul", 40, stream=BAG, version=1, reason="another bag's logger")
        again = ledger.facts("bag.temperature_breached")[1]
        unknown, known = (asked(ledger, outside_range, BAG, known=at) for at in (before, again.position))
        annulled = asked(ledger, outside_range, BAG)
    columns = ("component", "breaches", "minutes", "outside_rule")
    assert picked(unknown.rows, *columns) == [(None, 1, "30", "30")]
    assert picked(known.rows, *columns) == [("whole_blood", 1, "30", "0")]
    assert annulled.rows == []


def test_an_unknown_bag_is_not_found_and_a_malformed_one_no_question() -> None:
    history = History()
    collect(history, 1, 0)
    with pytest.raises(NotFound):
        asked(history, outside_range, f"{din(9)}=E0001V00")
    with pytest.raises(BadScan):
        asked(history, outside_range, "A99992500000")


def test_a_bag_with_a_fact_that_cannot_be_read_makes_the_answer_say_so() -> None:
    history = History()
    collect(history, 1, 0)
    history.add(din(1), "donation.registered.v1", b"?")
    assert asked(history, outside_range, BAG).summary["incomplete"] == 1
    assert asked(history, outside_range, BAG, known=2).summary["incomplete"] == 0
