"""This file holds the tests of question j: in date when transfused, by the rule in force when the bag was made."""

from datetime import UTC, datetime
from typing import Any

from projections.queries.in_date import in_date_when_transfused
from tests.projections.history import History, collect, din, instant, process
from tests.projections.questions.told import LATER, Told, asked, picked, text

DAY = 1440
BAG = f"{din(1)}=E0001V00"
CELLS = f"{din(1)}=E0336V00"


def transfuse(history: History, bag: str, at: float, patient: str = "p", **said: Any) -> int:
    """Given to a patient, as somebody confirmed unless it says otherwise."""
    return history.tell(
        bag, "bag.transfused", at, **{"patient": patient, "hospital": "H0001", "presumed": False, **said}
    )


def test_a_bag_transfused_a_month_after_expiry_is_told_of_with_its_rule() -> None:
    history = History()
    collect(history, 1, 0, expiry_rule="whole-blood-cpda1-35d", label_expires_at=instant(40 * DAY))
    transfuse(history, BAG, 65 * DAY + 7, by="nurse-2")
    answer = asked(history, in_date_when_transfused, BAG)
    assert answer == (
        {"transfused": 1, "in_date": 0, "expired": 1, "unknown": 0, "incomplete": 0},
        [
            {
                "bag": BAG,
                "component": "whole_blood",
                "patient": "p",
                "transfused_at": text(65 * DAY + 7),
                "presumed": False,
                "expires_at": text(35 * DAY),
                "expiry_rule": "whole-blood-cpda1-35d",
                "rule_expires_at": text(35 * DAY),
                "label_expires_at": text(40 * DAY),
                "modified_expires_at": None,
                "in_date": False,
                "late_by_minutes": 30 * DAY + 7,
                "position": 3,
                "version": 2,
            }
        ],
        {},
    )


def test_the_last_minute_is_good_to_its_end() -> None:
    history = History()
    for number, at in ((1, 35 * DAY), (2, 35 * DAY + 59.9 / 60), (3, 35 * DAY + 1)):
        transfuse(history, collect(history, number, 0), at, patient=f"p{number}")
    found = [asked(history, in_date_when_transfused, f"patient:p{number}").rows[0] for number in (1, 2, 3)]
    assert picked(found, "in_date", "late_by_minutes") == [(True, None), (True, None), (False, 1)]


def test_what_was_in_date_then_stays_so_whenever_it_is_asked() -> None:
    history = History()
    transfuse(history, collect(history, 1, 0), 10 * DAY)
    later = asked(history, in_date_when_transfused, BAG, at=datetime(2055, 1, 1, tzinfo=UTC))
    assert later == asked(history, in_date_when_transfused, BAG, at=LATER)
    assert later.summary == {"transfused": 1, "in_date": 1, "expired": 0, "unknown": 0, "incomplete": 0}


def test_each_sitting_of_one_bag_is_judged_by_itself() -> None:
    history = History()
    collect(history, 1, 0)
    transfuse(history, BAG, 35 * DAY + 90)
    transfuse(history, BAG, 35 * DAY - 30)
    answer = asked(history, in_date_when_transfused, din(1))
    assert answer.summary == {"transfused": 2, "in_date": 1, "expired": 1, "unknown": 0, "incomplete": 0}
    assert picked(answer.rows, "transfused_at", "in_date", "late_by_minutes", "position") == [
        (text(35 * DAY - 30), True, None, 4),
        (text(35 * DAY + 90), False, 90, 3),
    ]


def test_without_a_known_expiry_nothing_is_claimed_until_the_origin_arrives() -> None:
    history = History()
    transfuse(history, BAG, 100)
    collect(history, 1, 0, expiry_rule="r")
    columns = ("in_date", "expires_at", "expiry_rule", "component")
    unknown = asked(history, in_date_when_transfused, BAG, known=1)
    assert unknown.summary == {"transfused": 1, "in_date": 0, "expired": 0, "unknown": 1, "incomplete": 0}
    assert picked(unknown.rows, *columns) == [(None, None, None, None)]
    known = asked(history, in_date_when_transfused, BAG)
    assert picked(known.rows, *columns) == [(True, text(35 * DAY), "r", "whole_blood")]


def test_a_presumed_transfusion_is_judged_and_marked_as_presumed() -> None:
    history = History()
    transfuse(history, collect(history, 1, 0), 100, presumed=True)
    assert picked(asked(history, in_date_when_transfused, BAG).rows, "presumed", "in_date") == [(True, True)]


def test_thawing_on_the_ward_shortens_the_expiry_from_then_on_and_not_before() -> None:
    history = History()
    collect(history, 1, 0)
    transfuse(history, BAG, 100)
    history.tell(BAG, "bag.modified", 200, method="thaw", rule_expires_at=instant(260), expiry_rule="thawed-1h")
    transfuse(history, BAG, 300)
    answer = asked(history, in_date_when_transfused, BAG)
    assert picked(answer.rows, "expires_at", "modified_expires_at", "in_date", "late_by_minutes") == [
        (text(35 * DAY), None, True, None),
        (text(260), text(260), False, 40),
    ]


def test_a_label_that_says_less_than_the_rule_governs_as_soon_as_it_is_known() -> None:
    history = History()
    collect(history, 1, 0)
    transfuse(history, BAG, 20 * DAY)
    history.tell(BAG, "bag.labelled", 10, purpose="allogeneic", label_expires_at=instant(10 * DAY))
    assert picked(asked(history, in_date_when_transfused, BAG, known=3).rows, "in_date") == [(True,)]
    columns = ("in_date", "expires_at", "label_expires_at", "late_by_minutes")
    late = asked(history, in_date_when_transfused, BAG)
    assert picked(late.rows, *columns) == [(False, text(10 * DAY), text(10 * DAY), 10 * DAY)]


def test_an_annulled_transfusion_is_none_and_an_amended_one_is_judged_as_it_reads_now() -> None:
    history = History()
    collect(history, 1, 0)
    wrong = transfuse(history, BAG, 40 * DAY, patient="other")
    late = transfuse(history, BAG, 36 * DAY)
    history.tell(BAG, "bag.annulled", 41 * DAY, target_version=wrong)
    when = {"field": "happened_at", "value": f'"{text(34 * DAY)}"', "sealed": None}
    history.tell(BAG, "bag.amended", 42 * DAY, target_version=late, changes=[when])
    columns = ("patient", "in_date", "position")
    assert picked(asked(history, in_date_when_transfused, BAG, known=4).rows, *columns) == [
        ("p", False, 4),
        ("other", False, 3),
    ]
    assert picked(asked(history, in_date_when_transfused, BAG, known=5).rows, *columns) == [("p", False, 4)]
    assert picked(asked(history, in_date_when_transfused, BAG).rows, *columns) == [("p", True, 4)]


def test_a_patient_is_asked_about_under_every_pseudonym_and_for_their_own_bags_alone() -> None:
    history = History()
    one, two = collect(history, 1, 0), collect(history, 2, 0)
    transfuse(history, one, 100, patient="p")
    transfuse(history, one, 110, patient="other")
    transfuse(history, two, 120, patient="q")
    history.tell("patient:p", "recipient.merged", 130, other="q", process_id="m")
    assert picked(asked(history, in_date_when_transfused, "patient:p", known=7).rows, "bag") == [(one,)]
    answer = asked(history, in_date_when_transfused, "patient:q")
    assert picked(answer.rows, "bag", "patient") == [(one, "p"), (two, "q")]


def test_bags_made_from_a_donation_are_judged_by_their_own_making() -> None:
    history = History()
    collect(history, 1, 0, expiry_rule="whole")
    process(history, "separate", [BAG], [CELLS], 10, rule_expires_at=instant(5 * DAY), expiry_rule="cells-5d")
    transfuse(history, CELLS, 6 * DAY)
    columns = ("bag", "expiry_rule", "in_date", "late_by_minutes")
    assert picked(asked(history, in_date_when_transfused, din(1)).rows, *columns) == [(CELLS, "cells-5d", False, DAY)]


def test_real_commands_name_the_rule_in_force_when_the_bag_was_made() -> None:
    with Told() as ledger:
        quantity = {"amount": "2", "measure": "U"}
        ledger.say(
            "CollectBag", 0, bag=BAG, donor="d", facility="C1", kind="whole_blood", quantity=quantity,
            anticoagulant="CPD",
        )  # fmt: skip
        given = ledger.say("RecordTransfusion", 30 * DAY, bag=BAG, patient="p", hospital="H1")
        transfused = ledger.facts("bag.transfused")[0]
        ledger.say("Annul", 31 * DAY, stream=BAG, version=transfused.version, reason="another bag")
        known = asked(ledger, in_date_when_transfused, BAG, known=given)
        now = asked(ledger, in_date_when_transfused, BAG)
    columns = ("expiry_rule", "in_date", "position")
    assert picked(known.rows, *columns) == [("whole-blood-21d", False, transfused.position)]
    assert known.rows[0]["late_by_minutes"] > 8 * DAY
    assert now.rows == []


def test_a_bag_with_a_fact_that_cannot_be_read_makes_the_answer_say_so() -> None:
    history = History()
    collect(history, 1, 0)
    history.add(din(1), "donation.registered.v1", b"?")
    assert asked(history, in_date_when_transfused, BAG).summary["incomplete"] == 1
    assert asked(history, in_date_when_transfused, BAG, known=2).summary["incomplete"] == 0


def test_a_thawing_that_was_annulled_shortens_nothing_though_the_ledger_had_told_it_again() -> None:
    plasma = f"{din(1)}=E0701V00"
    with Told() as ledger:
        ledger.say("ModifyBag", 30, bag=plasma, method="thaw", reported=True)
        ledger.say(
            "CollectBag", 0, bag=plasma, donor="d", facility="C1", kind="apheresis_plasma",
            component="apheresis_plasma", quantity={"amount": "200", "measure": "mL"},
        )  # fmt: skip
        given = ledger.say("RecordTransfusion", 3 * DAY, bag=plasma, patient="p", hospital="H1")
        assert len(ledger.facts("bag.modified")) == 2
        ledger.say("Annul", 4 * DAY, stream=plasma, version=1, reason="another bag")
        thawed = asked(ledger, in_date_when_transfused, plasma, known=given)
        never = asked(ledger, in_date_when_transfused, plasma)
    columns = ("in_date", "modified_expires_at")
    assert picked(thawed.rows, *columns) == [(False, text(DAY + 30))]
    assert picked(never.rows, *columns) == [(True, None)]


def test_a_thawing_told_twice_and_taken_back_once_still_shortens_the_expiry() -> None:
    plasma = f"{din(1)}=E0701V00"
    with Told() as ledger:
        ledger.say("ModifyBag", 30, bag=plasma, method="thaw", reported=True)
        ledger.say("ModifyBag", 30, bag=plasma, method="thaw", reported=True, component="apheresis_plasma")
        ledger.say(
            "CollectBag", 0, bag=plasma, donor="d", facility="C1", kind="apheresis_plasma",
            component="apheresis_plasma", quantity={"amount": "200", "measure": "mL"},
        )  # fmt: skip
        ledger.say("RecordTransfusion", 3 * DAY, bag=plasma, patient="p", hospital="H1")
        twice = [fact.version for fact in ledger.facts("bag.modified") if fact.body["caused_by"] is None]
        assert len(twice) == 2
        ledger.say("Annul", 4 * DAY, stream=plasma, version=twice[1], reason="told twice")
        answer = asked(ledger, in_date_when_transfused, plasma)
    assert picked(answer.rows, "in_date", "modified_expires_at") == [(False, text(DAY + 30))]
