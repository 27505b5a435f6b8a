"""This file holds the tests of question g: out of the centre, or issued, and nobody confirmed the fate."""

from datetime import timedelta
from typing import Any

from projections.queries.asking import Said
from projections.queries.unconfirmed import without_confirmed_fate
from tests.projections.history import BEGIN, History, collect, process
from tests.projections.questions.told import Told, asked, picked, text

DAY = 1440


def findings(history: History, after: float = 30, *, known: int | None = None, **options: Any) -> Said:
    """The answer so many days after the history began."""
    return asked(history, without_confirmed_fate, known=known, at=BEGIN + timedelta(days=after), **options)


def out(history: History, number: int, at: float = 0, to: str = "H0001") -> str:
    """A bag collected and sent to a hospital."""
    bag = collect(history, number, at)
    history.tell(bag, "bag.distributed", at + 10, to=to, sent_from="A9999")
    return bag


def test_both_legs_are_asked_and_every_bag_is_told_with_the_fact_since_when() -> None:
    history = History()
    sent = out(history, 1)
    there = out(history, 2, 100)
    history.tell(there, "bag.arrived", 200, at="H0001")
    issued = out(history, 3, 300)
    history.tell(issued, "bag.arrived", 320, at="H0001")
    history.tell(issued, "bag.issued", 2 * DAY, to="ward", patient="p", facility="H0001")
    history.tell(issued, "bag.transfused", 2 * DAY + 60, patient="p", hospital="H0001", presumed=True)
    given = out(history, 4)
    history.tell(given, "bag.transfused", 60, patient="q", hospital="H0001", presumed=False)
    collect(history, 5, 0)
    assert findings(history) == (
        {"bags": 3, "legs": {"to_facility": 2, "to_patient": 1}, "presumed": 1, "days": 14, "incomplete": 0},
        [
            {
                "bag": sent,
                "component": "whole_blood",
                "leg": "distributed",
                "consignee": "H0001",
                "patient": None,
                "facility": "H0001",
                "since": text(10),
                "days": 29,
                "presumed": False,
                "position": 3,
                "version": 2,
            },
            {
                "bag": there,
                "component": "whole_blood",
                "leg": "arrived",
                "consignee": "H0001",
                "patient": None,
                "facility": "H0001",
                "since": text(110),
                "days": 29,
                "presumed": False,
                "position": 6,
                "version": 2,
            },
            {
                "bag": issued,
                "component": "whole_blood",
                "leg": "issued",
                "consignee": "H0001",
                "patient": "p",
                "facility": "H0001",
                "since": text(2 * DAY),
                "days": 28,
                "presumed": True,
                "position": 12,
                "version": 4,
            },
        ],
        {},
    )


def test_only_what_is_older_than_the_days_asked_for_is_a_finding() -> None:
    history = History()
    bag = out(history, 1)
    exactly = 14 + 10 / DAY
    assert findings(history, exactly).rows == []
    assert picked(findings(history, exactly + 1 / DAY).rows, "bag", "days") == [(bag, 14)]
    assert findings(history, 3, days=3).rows == []
    assert picked(findings(history, 3, days=0).rows, "days") == [(2,)]


def test_a_presumed_transfusion_is_no_confirmed_fate_even_of_a_bag_never_issued() -> None:
    history = History()
    unknown = f"{collect(History(), 7, 0)}"
    history.tell(unknown, "bag.transfused", 100, patient="p", hospital="H0001", presumed=True)
    answer = findings(history)
    assert answer.summary == {
        "bags": 1,
        "legs": {"to_facility": 0, "to_patient": 1},
        "presumed": 1,
        "days": 14,
        "incomplete": 0,
    }
    assert picked(answer.rows, "bag", "leg", "patient", "presumed", "since") == [
        (unknown, "issued", "p", True, text(100))
    ]
    history.tell(unknown, "bag.transfused", 100, patient="p", hospital="H0001", presumed=False)
    assert findings(history).rows == []
    assert len(findings(history, known=1).rows) == 1


def test_a_bag_that_came_back_is_out_no_more_and_one_back_from_the_ward_still_at_the_hospital() -> None:
    history = History()
    back, banked = out(history, 1), out(history, 2)
    back_said = {"sent_from": "H0001", "leg": "hospital_to_centre", "facility": "A9999", "may_come_back": False}
    history.tell(back, "bag.returned", 50, **back_said)
    history.tell(banked, "bag.arrived", 30, at="H0001")
    history.tell(banked, "bag.issued", 40, to="ward", patient="p")
    history.tell(banked, "bag.returned", 50, sent_from="ward", leg="ward_to_bank", may_come_back=True)
    assert picked(findings(history).rows, "bag", "leg", "since", "patient") == [(banked, "arrived", text(10), None)]


def test_a_bag_sent_on_to_a_second_hospital_is_out_since_it_left_the_centre() -> None:
    history = History()
    bag = out(history, 1)
    history.tell(bag, "bag.arrived", 20, at="H0001")
    history.tell(bag, "bag.distributed", DAY, to="H0002", sent_from="H0001")
    columns = ("leg", "consignee", "since", "position")
    assert picked(findings(history).rows, *columns) == [("distributed", "H0002", text(10), 3)]
    history.tell(bag, "bag.arrived", 2 * DAY, at="A9999")
    assert findings(history).rows == []


def test_a_bag_that_was_matched_for_somebody_and_is_at_home_again_is_out_no_more() -> None:
    history = History()
    arrived, received = out(history, 1), out(history, 2)
    for bag in (arrived, received):
        history.tell(bag, "bag.crossmatched", 30, patient="p", result="compatible")
    assert len(findings(history).rows) == 2
    history.tell(arrived, "bag.arrived", 40, at="A9999")
    history.tell(received, "bag.received", 40, sent_from="H0001", purpose="allogeneic")
    assert findings(history).rows == []


def test_an_arrival_without_a_distribution_is_out_since_it_arrived() -> None:
    history = History()
    bag = collect(history, 1, 0)
    history.tell(bag, "bag.arrived", 20, at="H0001")
    assert picked(findings(history).rows, "leg", "since", "position") == [("arrived", text(20), 3)]


def test_what_was_used_up_or_ended_is_no_finding() -> None:
    history = History()
    used, thrown = out(history, 1), out(history, 2)
    process(history, "irradiate", [used], [used.replace("E0001", "E0002")], 50)
    history.tell(thrown, "bag.discarded", 60, approved_by="boss")
    assert findings(history).rows == []


def test_leg_and_facility_narrow_the_answer() -> None:
    history = History()
    sent, there, issued = out(history, 1), out(history, 2, to="H0002"), out(history, 3)
    history.tell(there, "bag.arrived", 20, at="H0002")
    history.tell(issued, "bag.issued", 40, to="ward", patient="p", facility="H0001")
    assert picked(findings(history, leg="to_patient").rows, "bag") == [(issued,)]
    assert picked(findings(history, leg="to_facility").rows, "bag") == [(sent,), (there,)]
    assert picked(findings(history, leg="arrived").rows, "bag") == [(there,)]
    assert picked(findings(history, facility="H0001").rows, "bag") == [(sent,), (issued,)]
    history.tell(issued, "bag.issued", 50, to="ward", patient="p", facility="H0001-B")
    for facility in ("H0001", "H0001-B"):
        assert issued in [row["bag"] for row in findings(history, facility=facility).rows]


def test_a_fate_confirmed_late_ends_the_finding_and_an_annulled_one_opens_it_again() -> None:
    history = History()
    bag = out(history, 1)
    given = history.tell(bag, "bag.transfused", 60, patient="p", hospital="H0001", presumed=False)
    history.tell(bag, "bag.annulled", 90, target_version=given)
    assert picked(findings(history, known=3).rows, "leg") == [("distributed",)]
    assert findings(history, known=4).rows == []
    assert picked(findings(history).rows, "leg", "since") == [("distributed", text(10))]


def test_real_commands_leave_no_finding_once_the_fate_is_reported() -> None:
    bag = f"{collect(History(), 1, 0)}"
    with Told() as ledger:
        quantity = {"amount": "2", "measure": "U"}
        ledger.say("CollectBag", 0, bag=bag, donor="d", facility="C1", kind="whole_blood", quantity=quantity)
        ledger.say("DistributeBag", 10, bag=bag, to="H1", sent_from="C1", reported=True)
        issued = ledger.say("IssueBag", 20, bag=bag, to="ward", patient="p", reported=True)
        presumed = ledger.say("RecordTransfusion", 30, bag=bag, patient="p", hospital="H1", presumed=True)
        ledger.say("RecordTransfusion", 30, bag=bag, patient="p", hospital="H1")
        at = BEGIN + timedelta(days=20)
        columns = ("leg", "consignee", "patient", "since", "days", "presumed")
        known = asked(ledger, without_confirmed_fate, known=issued, at=at)
        assert picked(known.rows, *columns) == [("issued", "H1", "p", text(20), 19, False)]
        known = asked(ledger, without_confirmed_fate, known=presumed, at=at)
        assert picked(known.rows, *columns) == [("issued", "H1", "p", text(20), 19, True)]
        assert asked(ledger, without_confirmed_fate, at=at).rows == []


def test_bags_with_a_fact_that_cannot_be_read_are_counted() -> None:
    history = History()
    history.add(out(history, 1), "bag.arrived.v1", b"?")
    answer = findings(history)
    assert picked(answer.rows, "leg") == [("distributed",)]
    assert answer.summary["incomplete"] == 1
