"""This file holds the tests of question e: who received blood from this donor since a day."""

import pytest

from projections.queries.donor import recipients_of_donor
from projections.queries.subjects import NotFound
from tests.projections.history import History, collect, din, instant, process, units
from tests.projections.questions.told import CELLS, HALVES, PLASMA, WHOLE, Told, asked, bag, picked, pooled, text

LINE = ("patient", "bag", "donations", "transfused_at", "quantity", "measure", "presumed", "position")
WAITING = ("bag", "status", "patient", "since", "presumed", "position")


def test_everyone_who_was_given_any_of_the_donors_blood_is_named() -> None:
    said = asked(pooled(), recipients_of_donor, "donor:d-1")
    assert said.rows == [
        {
            "patient": "pat-1",
            "bag": HALVES[0],
            "component": "pooled_platelets",
            "donations": [din(1)],
            "transfused_at": text(40),
            "quantity": "0.5",
            "measure": "U",
            "hospital": "H0001",
            "presumed": False,
            "position": 21,
            "version": 2,
        },
        {
            "patient": "pat-2",
            "bag": HALVES[1],
            "component": "pooled_platelets",
            "donations": [din(1)],
            "transfused_at": text(50),
            "quantity": "1.5",
            "measure": "U",
            "hospital": "H0001",
            "presumed": True,
            "position": 23,
            "version": 3,
        },
    ]
    assert picked(said.more["unconfirmed"], *WAITING) == [(HALVES[1], "issued", "pat-2", text(41), True, 22)]
    assert said.more["alerts"] == []
    assert said.summary == {"donations": 1, "bags": 6, "recipients": 2, "unconfirmed": 1, "open_alerts": 0}


def test_the_pseudonym_alone_asks_the_same() -> None:
    assert asked(pooled(), recipients_of_donor, "d-1") == asked(pooled(), recipients_of_donor, "donor:d-1")


def test_only_donations_since_the_instant_count_and_the_instant_itself_does() -> None:
    history = pooled()
    later = collect(history, 3, 100, donor="d-1")
    history.tell(later, "bag.transfused", 200, patient="pat-3", hospital="H0001", presumed=False)
    patients = {
        since: [row["patient"] for row in asked(history, recipients_of_donor, "d-1", since=instant(since)).rows]
        for since in (0, 1, 2, 100, 101)
    }
    assert patients == {
        0: ["pat-1", "pat-2", "pat-3"],
        1: ["pat-1", "pat-2", "pat-3"],
        2: ["pat-3"],
        100: ["pat-3"],
        101: [],
    }
    none = asked(history, recipients_of_donor, "d-1", since=instant(101))
    assert none.summary == {"donations": 0, "bags": 0, "recipients": 0, "unconfirmed": 0, "open_alerts": 0}


def test_a_donor_of_whom_nothing_is_known_is_not_found_whatever_the_day() -> None:
    for since in (None, instant(0)):
        with pytest.raises(NotFound):
            asked(pooled(), recipients_of_donor, "donor:nobody", since=since)


def test_merged_donors_are_one_until_the_merge_is_undone() -> None:
    history = pooled()
    other = collect(history, 3, 5, donor="d-9")  # 24, 25
    history.tell(other, "bag.transfused", 60, patient="pat-3", hospital="H0001", presumed=False)  # 26
    history.tell("donor:d-9", "donor.merged", 70, other="d-1", process_id="m1")  # 27
    history.tell("donor:d-9", "donor.unmerged", 80, other="d-1", process_id="m2")  # 28
    patients = {
        known: [row["patient"] for row in asked(history, recipients_of_donor, "d-1", known=known).rows]
        for known in (26, 27, 28)
    }
    assert patients == {26: ["pat-1", "pat-2"], 27: ["pat-1", "pat-2", "pat-3"], 28: ["pat-1", "pat-2"]}
    with_other = asked(history, recipients_of_donor, "d-9", known=27)
    assert with_other.rows[-1]["donations"] == [din(3)] and with_other.summary["donations"] == 2


def test_merged_patients_are_one_recipient() -> None:
    history = pooled()
    history.tell("patient:pat-2", "recipient.merged", 60, other="pat-1", process_id="m1")
    said = asked(history, recipients_of_donor, "d-1")
    assert (len(said.rows), said.summary["recipients"]) == (2, 1)


def test_of_an_annulled_transfusion_nobody_is_a_recipient_once_it_is_known() -> None:
    history = pooled()
    history.tell(HALVES[0], "bag.annulled", 60, target_version=2)  # 24: wrong patient
    history.tell(HALVES[0], "bag.transfused", 40, patient="pat-7", hospital="H0001", presumed=False)  # 25, late
    patients = {
        known: [row["patient"] for row in asked(history, recipients_of_donor, "d-1", known=known).rows]
        for known in (23, 24, 25)
    }
    assert patients == {23: ["pat-1", "pat-2"], 24: ["pat-2"], 25: ["pat-7", "pat-2"]}


def test_a_donation_corrected_to_another_donor_leaves_the_first() -> None:
    history = pooled()
    change = [{"field": "donor", "value": '"d-8"', "sealed": None}]
    history.tell(din(1), "donation.amended", 60, target_version=1, changes=change)  # 24
    history.tell(WHOLE[1], "bag.amended", 60, target_version=1, changes=change)  # 25
    assert [row["patient"] for row in asked(history, recipients_of_donor, "d-8").rows] == ["pat-1", "pat-2"]
    assert asked(history, recipients_of_donor, "d-1", known=23).summary["donations"] == 1
    assert asked(history, recipients_of_donor, "d-1").rows == []


def test_a_confirmation_settles_what_was_presumed() -> None:
    history = pooled()
    history.tell(HALVES[1], "bag.transfused", 50, patient="pat-2", hospital="H0001", presumed=False)  # 24
    said = asked(history, recipients_of_donor, "d-1")
    assert said.more["unconfirmed"] == []
    assert [row["presumed"] for row in said.rows] == [False, True, False]
    assert len(asked(history, recipients_of_donor, "d-1", known=23).more["unconfirmed"]) == 1


def test_a_bag_that_came_back_waits_for_nobody() -> None:
    history = pooled()
    history.tell(PLASMA[1], "bag.issued", 60, to="ward", patient="pat-4")  # 24
    history.tell(PLASMA[1], "bag.returned", 70, sent_from="ward", leg="ward_to_bank", may_come_back=False)
    issued = asked(history, recipients_of_donor, "d-1", known=24)
    assert picked(issued.more["unconfirmed"], "bag", "patient") == [(PLASMA[1], "pat-4"), (HALVES[1], "pat-2")]
    assert [row["bag"] for row in asked(history, recipients_of_donor, "d-1").more["unconfirmed"]] == [HALVES[1]]


def test_a_bag_whose_facts_cannot_all_be_read_still_waits_for_its_fate() -> None:
    history = pooled()
    history.tell(PLASMA[1], "bag.issued", 60, to="ward", patient="pat-4")
    for bag_of_two in (PLASMA[1], HALVES[1]):
        history.add(bag_of_two, "bag.stored.v1", b"not avro")
    said = asked(history, recipients_of_donor, "d-1")
    assert picked(said.more["unconfirmed"], "bag", "status", "patient", "presumed") == [
        (PLASMA[1], "incomplete", "pat-4", False),
        (HALVES[1], "incomplete", "pat-2", True),
    ]


def test_open_and_closed_alerts_of_the_recipients_are_listed() -> None:
    history = pooled()
    alert = {"bag": HALVES[0], "hold": "h@1", "hold_cause": "reactive_result"}
    history.tell("patient:pat-1", "recipient.alerted", 60, alert="a1", **alert)  # 24
    history.tell("patient:pat-1", "recipient.alerted", 61, alert="a2", **{**alert, "bag": CELLS[3]})  # another's blood
    history.tell("patient:pat-1", "recipient.alert_closed", 70, alert="a1", bag=HALVES[0], outcome="acknowledged")  # 26
    by_known = {known: asked(history, recipients_of_donor, "d-1", known=known) for known in (25, 26)}
    assert by_known[25].summary["open_alerts"] == 1
    assert by_known[26].summary["open_alerts"] == 0
    assert by_known[26].more["alerts"] == [
        {
            "patient": "pat-1",
            "bag": HALVES[0],
            "alert": "a1",
            "hold_cause": "reactive_result",
            "alerted_at": text(60),
            "outcome": "acknowledged",
            "closed_at": text(70),
            "position": 24,
            "version": 1,
        }
    ]


def test_blood_of_two_donations_of_one_donor_names_both() -> None:
    history = History()
    bags = [collect(history, number, number, donor="d-1") for number in (1, 2)]
    pool = bag(9, "E6000V00")
    process(history, "pool", bags, [pool], 10, quantity=units("4"))
    history.tell(pool, "bag.transfused", 20, patient="pat-1", hospital="H0001", presumed=False)
    (row,) = asked(history, recipients_of_donor, "d-1").rows
    assert row["donations"] == [din(1), din(2)]
    (since_the_second,) = asked(history, recipients_of_donor, "d-1", since=instant(2)).rows
    assert since_the_second["donations"] == [din(2)]


def test_a_cycle_in_the_lineage_ends() -> None:
    history = pooled()
    process(history, "relabel", [HALVES[0]], [WHOLE[1]], 60)
    assert [row["patient"] for row in asked(history, recipients_of_donor, "d-1").rows] == ["pat-1", "pat-2"]


def test_what_real_commands_recorded_names_recipients_alerts_and_who_waits() -> None:
    halves = [bag(1, "E0336VA0"), bag(1, "E0336VB0")]
    with Told() as told:
        quantity = {"amount": "2", "measure": "U"}
        told.say("CollectBag", 0, bag=CELLS[1], donor="d-1", facility="C1", kind="whole_blood", quantity=quantity)
        one = {"component": "whole_blood", "quantity": {"amount": "1", "measure": "U"}}
        outputs = [{"bag": half, **one} for half in halves]
        told.say("PrepareBags", 10, process="split", inputs=[CELLS[1]], outputs=outputs)
        told.say("IssueBag", 20, bag=halves[1], to="ward", patient="p-2", reported=True)
        given = told.say("RecordTransfusion", 30, bag=halves[0], patient="p-1", hospital="H1")
        told.say("RecordTest", 40, din=din(1), marker="hbsag", result="reactive")
        then = asked(told, recipients_of_donor, "d-1", known=given)
        wrong = told.facts("bag.transfused")[0].version
        told.say("Annul", 50, stream=halves[0], version=wrong, reason="wrong patient")
        told.say("RecordTransfusion", 30, bag=halves[0], patient="p-3", hospital="H1")
        told.say("MergeDonors", 60, donor="d-1", other="d-5")
        now = asked(told, recipients_of_donor, "d-5")
    assert picked(then.rows, "patient", "bag", "donations", "quantity") == [("p-1", halves[0], [din(1)], "1")]
    assert then.summary["open_alerts"] == 0
    assert picked(then.more["unconfirmed"], "bag", "patient") == [(halves[1], "p-2")]
    assert picked(now.rows, "patient", "bag") == [("p-3", halves[0])]
    assert ("p-3", halves[0], "reactive_result", None) in picked(
        now.more["alerts"], "patient", "bag", "hold_cause", "outcome"
    )


def test_an_alert_raised_again_after_it_was_closed_is_open() -> None:
    history = pooled()
    alert = {"alert": "a1", "bag": HALVES[0]}
    hold = {"hold": "h@1", "hold_cause": "reactive_result"}
    history.tell("patient:pat-1", "recipient.alerted", 60, **alert, **hold)
    history.tell("patient:pat-1", "recipient.alert_closed", 70, **alert, outcome="superseded")
    history.tell("patient:pat-1", "recipient.alerted", 80, **alert, **hold)
    said = asked(history, recipients_of_donor, "d-1")
    assert picked(said.more["alerts"], "alerted_at", "outcome") == [(text(60), "superseded"), (text(80), None)]
    assert said.summary["open_alerts"] == 1
