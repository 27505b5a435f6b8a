"""This file holds the tests of question a: the whole life of a bag, in order, on which document."""

import pytest

from ledger.isbt128.bad_scan import BadScan
from projections.queries.life import life_of
from projections.queries.subjects import NotFound
from tests.projections.history import History, collect, din, instant, process
from tests.projections.questions.told import Told, asked, picked, recorded, text

WHOLE = f"{din(1)}=E0001V00"
LINE = ("happened_at", "name", "where", "corrected")


@pytest.fixture
def short() -> History:
    """A bag collected, stored, moved by mistake, which is annulled, and given; the storing becomes known last."""
    history = History()
    collect(history, 1, 0, donor="d-1", by="nurse-1")
    history.tell(WHOLE, "bag.moved", 20, facility="A9999", place="F9", by="clerk")
    history.tell(WHOLE, "bag.issued", 30, to="ward-3", patient="pat-1", facility="A9999", by="bank-1")
    history.tell(WHOLE, "bag.annulled", 31, target_version=2, by="boss")
    history.tell(WHOLE, "bag.transfused", 40, patient="pat-1", hospital="H0001", presumed=False, by="nurse-2")
    history.tell(WHOLE, "bag.stored", 10, facility="A9999", place="F1", reported=True, by="clerk")
    return history


def test_the_life_of_a_bag_is_told_in_the_order_in_which_it_happened(short: History) -> None:
    said = asked(short, life_of, WHOLE)
    assert picked(said.rows, "happened_at", "name", "version", "position", "by", "where", "document", "corrected") == [
        (text(0), "bag.collected", 1, 2, "nurse-1", "A9999", "local r2", None),
        (text(10), "bag.stored", 6, 7, "clerk", "A9999 F1", "local r7", None),
        (text(20), "bag.moved", 2, 3, "clerk", "A9999 F9", "local r3", "annulled"),
        (text(30), "bag.issued", 3, 4, "bank-1", "A9999 → ward-3", "local r4", None),
        (text(31), "bag.annulled", 4, 5, "boss", None, "local r5", None),
        (text(40), "bag.transfused", 5, 6, "nurse-2", "H0001", "local r6", None),
    ]
    assert said.summary == {
        "facts": 6,
        "first_at": text(0),
        "last_at": text(40),
        "corrected": 1,
        "unread": 0,
        "status": "transfused",
        "fate": "transfused",
    }
    assert said.more == {"unread": []}


def test_a_row_says_everything_the_fact_says(short: History) -> None:
    (stored,) = (row for row in asked(short, life_of, WHOLE).rows if row["name"] == "bag.stored")
    assert stored == {
        "happened_at": text(10),
        "recorded_at": recorded(short, 7).isoformat().replace("+00:00", "Z"),
        "name": "bag.stored",
        "stream": WHOLE,
        "version": 6,
        "position": 7,
        "by": "clerk",
        "where": "A9999 F1",
        "document": "local r7",
        "reported": True,
        "caused_by": None,
        "corrected": None,
        "says": {"facility": "A9999", "place": "F1"},
    }


def test_before_the_late_fact_and_the_correction_the_life_reads_as_it_was_known(short: History) -> None:
    assert picked(asked(short, life_of, WHOLE, known=4).rows, *LINE) == [
        (text(0), "bag.collected", "A9999", None),
        (text(20), "bag.moved", "A9999 F9", None),
        (text(30), "bag.issued", "A9999 → ward-3", None),
    ]
    known_after_the_correction = asked(short, life_of, WHOLE, known=5)
    assert [row["corrected"] for row in known_after_the_correction.rows] == [None, "annulled", None, None]
    assert known_after_the_correction.summary["status"] == "issued"


def test_an_amended_fact_stands_where_and_as_it_reads_now(short: History) -> None:
    changes = [
        {"field": "happened_at", "value": f'"{text(50)}"', "sealed": None},
        {"field": "hospital", "value": '"H0002"', "sealed": None},
    ]
    short.tell(WHOLE, "bag.amended", 60, target_version=5, changes=changes)
    rows = asked(short, life_of, WHOLE).rows
    assert picked(rows[-2:], *LINE) == [
        (text(50), "bag.transfused", "H0002", "amended"),
        (text(60), "bag.amended", None, None),
    ]
    assert rows[-2]["says"]["hospital"] == "H0002"


def test_a_correction_that_is_taken_back_is_itself_shown_as_annulled(short: History) -> None:
    short.tell(WHOLE, "bag.annulled", 70, target_version=4)
    rows = {row["version"]: row["corrected"] for row in asked(short, life_of, WHOLE).rows}
    assert rows == {1: None, 2: None, 3: None, 4: "annulled", 5: None, 6: None, 7: None}


def test_the_life_of_a_donation_holds_its_own_facts_and_its_bags(short: History) -> None:
    short.tell(
        din(1), "donation.tested", 5, marker="hbsag", result="nonreactive", stage="initial", final=True, by="lab"
    )  # fmt: skip
    said = asked(short, life_of, din(1))
    assert picked(said.rows[:3], "happened_at", "stream", "name") == [
        (text(0), din(1), "donation.registered"),
        (text(0), WHOLE, "bag.collected"),
        (text(5), din(1), "donation.tested"),
    ]
    assert said.summary["facts"] == 8


def test_facts_of_one_instant_are_told_stream_by_stream_and_the_older_stream_first() -> None:
    history = History()
    collect(history, 1, 0)
    history.tell(WHOLE, "bag.inspected", 5, passed=True)
    history.tell(din(1), "donation.sample_taken", 5, sample="s-1")
    history.tell(WHOLE, "bag.label_verified", 5, passed=True)
    assert [row["name"] for row in asked(history, life_of, din(1)).rows[2:]] == [
        "bag.inspected",
        "bag.label_verified",
        "donation.sample_taken",
    ]


def test_the_life_of_several_bags_names_no_single_status(short: History) -> None:
    short.tell(f"{din(1)}=E0701V00", "bag.stored", 12, facility="A9999")
    assert asked(short, life_of, din(1)).summary["status"] is None


def test_a_bag_known_only_from_a_hospitals_message_has_a_life() -> None:
    history = History()
    bag = f"{din(7)}=E0336V00"
    history.tell(bag, "bag.transfused", 0, patient="pat-9", hospital="H0001", presumed=False, reported=True)
    said = asked(history, life_of, bag)
    assert picked(said.rows, *LINE) == [(text(0), "bag.transfused", "H0001", None)]
    assert said.summary["fate"] == "transfused"


def test_a_fact_that_cannot_be_read_is_named_and_not_passed_over(short: History) -> None:
    short.add(WHOLE, "bag.stored.v1", b"not avro")
    said = asked(short, life_of, WHOLE)
    assert picked(said.more["unread"], "stream", "version", "position") == [(WHOLE, 7, 8)]
    assert said.summary["unread"] == 1 and said.summary["status"] == "incomplete"
    assert asked(short, life_of, WHOLE, known=7).more == {"unread": []}


def test_an_unknown_bag_and_a_malformed_one_are_told_apart(short: History) -> None:
    with pytest.raises(NotFound):
        asked(short, life_of, f"{din(99)}=E0001V00")
    with pytest.raises(BadScan):
        asked(short, life_of, "A99992500000O=E0001V00")
    with pytest.raises(NotFound):
        asked(short, life_of, WHOLE, known=1)


def test_what_real_commands_recorded_is_told_with_its_cause() -> None:
    bag = f"{din(1)}=E0336V00"
    with Told() as told:
        quantity = {"amount": "2", "measure": "U"}
        told.say("CollectBag", 0, bag=bag, donor="d-1", facility="C1", kind="whole_blood", quantity=quantity)
        before = told.say("StoreBag", 10, bag=bag, facility="C1", place="F1", by="clerk")
        told.say("RecordTest", 5, din=din(1), marker="hbsag", result="reactive")
        now = asked(told, life_of, bag)
        then = asked(told, life_of, bag, known=before)
        (held,) = told.facts("bag.held")
    assert picked(then.rows, *LINE) == [
        (text(0), "bag.collected", "C1", None),
        (text(10), "bag.stored", "C1 F1", None),
    ]
    assert then.summary["status"] == "quarantine"
    rows = {row["name"]: row for row in now.rows}
    cause = held.body["caused_by"]
    assert rows["bag.held"]["caused_by"] == f"{cause['stream']}@{cause['version']}"
    assert rows["bag.held"]["says"]["cause"] == "reactive_result"
    assert rows["bag.held"]["position"] == held.position
    assert now.summary["status"] == "held"
    assert [row["happened_at"] for row in now.rows] == sorted(row["happened_at"] for row in now.rows)
    assert instant(5).isoformat()[:16] in rows["bag.held"]["happened_at"]


def test_the_life_of_a_labelled_bag_begins_with_the_container_it_was() -> None:
    history = History()
    container, label, again = f"{din(1)}#1", f"{din(1)}=E0336V00", f"{din(1)}=E0336VA0"
    collect(history, 1, 0)
    process(history, "separate", [WHOLE], [container], 10)
    process(history, "label", [container], [label], 20)
    process(history, "relabel", [label], [again], 30)
    process(history, "split", [again], [f"{din(1)}=E0336VB0"], 40)
    history.tell(again, "bag.stored", 35, facility="A9999")
    lives = [asked(history, life_of, bag).rows for bag in (container, label, again)]
    assert [(row["stream"], row["name"]) for row in lives[0]] == [
        (container, "bag.prepared"), (container, "bag.consumed"), (label, "bag.prepared"), (label, "bag.consumed"),
        (again, "bag.prepared"), (again, "bag.stored"), (again, "bag.consumed"),
    ]  # fmt: skip
    assert lives[0] == lives[1] == lives[2]
    assert asked(history, life_of, label, known=6).summary["facts"] == 3
