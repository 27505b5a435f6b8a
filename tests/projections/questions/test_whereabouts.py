"""This file holds the tests of question b: where is it now, and what was its fate."""

from projections.queries.whereabouts import where_is
from tests.projections.history import History, collect, din, instant, process
from tests.projections.questions.told import (
    CELLS,
    HALVES,
    PLASMA,
    POOL,
    WHOLE,
    Told,
    asked,
    picked,
    pooled,
    text,
)

THERE = ("status", "facility", "place", "consignee", "patient", "since", "position")


def sent() -> History:
    """Plasma stored at the centre, sent to a hospital, arrived, issued to a ward and returned."""
    history = History()
    whole = collect(history, 1, 0)
    process(history, "separate", [whole], [PLASMA[1]], 10, rule_expires_at=instant(2000))  # 3, 4
    history.tell(PLASMA[1], "bag.stored", 20, facility="A9999", place="Z1")  # 5
    history.tell(PLASMA[1], "bag.counted", 30, facility="A9999", place="Z1")
    history.tell(PLASMA[1], "bag.distributed", 40, to="H0001", sent_from="A9999")  # 7
    history.tell(PLASMA[1], "bag.arrived", 50, at="H0001", place="B2")
    history.tell(PLASMA[1], "bag.issued", 60, to="ward-3", patient="pat-1")  # 9
    history.tell(PLASMA[1], "bag.returned", 70, sent_from="ward-3", leg="ward_to_bank", may_come_back=False)  # 10
    return history


def test_a_bag_is_where_the_last_fact_put_it_and_since_then() -> None:
    said = asked(sent(), where_is, PLASMA[1])
    assert said.rows == [
        {
            "bag": PLASMA[1],
            "component": "suspended_red_cells",
            "status": "returned",
            "fate": None,
            "facility": "H0001",
            "place": None,
            "consignee": "H0001",
            "patient": None,
            "since": text(70),
            "expires_at": text(2000),
            "expired": True,
            "holds": 0,
            "position": 10,
            "version": 7,
        }
    ]
    assert said.summary == {"bags": 1, "by_status": {"returned": 1}, "expired": 1, "held": 0}


def test_at_every_recorded_time_it_is_where_it_was_known_to_be() -> None:
    history, known = sent(), {}
    for position in (4, 6, 7, 8, 9):
        (row,) = asked(history, where_is, PLASMA[1], known=position).rows
        known[position] = tuple(row[key] for key in THERE)
    assert known == {
        4: ("quarantine", "A9999", None, None, None, text(10), 4),
        6: ("quarantine", "A9999", "Z1", None, None, text(20), 5),  # the count saw it where it was
        7: ("distributed", "H0001", None, "H0001", None, text(40), 7),
        8: ("quarantine", "H0001", "B2", "H0001", None, text(50), 8),
        9: ("issued", "H0001", "B2", "H0001", "pat-1", text(60), 9),
    }


def test_expired_is_as_of_the_instant_asked_about_and_the_last_minute_is_good() -> None:
    expired = [asked(sent(), where_is, PLASMA[1], at=instant(at)).rows[0]["expired"] for at in (1999, 2000.9, 2001)]
    assert expired == [False, False, True]


def test_a_donations_bags_are_counted_by_status() -> None:
    said = asked(sent(), where_is, din(1))
    assert picked(said.rows, "bag", "status", "since") == [
        (WHOLE[1], "consumed", text(10)),
        (PLASMA[1], "returned", text(70)),
    ]
    assert said.summary["by_status"] == {"consumed": 1, "returned": 1}


def test_a_late_fact_and_an_annulled_transfusion_change_where_it_is() -> None:
    history = pooled()
    history.tell(HALVES[0], "bag.annulled", 60, target_version=2)  # 24: it was given to somebody else
    history.tell(HALVES[0], "bag.issued", 39, to="ward-1", patient="pat-3", facility="H0001")  # 25: told late
    where = {known: asked(history, where_is, HALVES[0], known=known).rows[0] for known in (23, 24, 25)}
    assert {known: (row["status"], row["patient"], row["position"]) for known, row in where.items()} == {
        23: ("transfused", "pat-1", 21),
        24: ("quarantine", None, 19),
        25: ("issued", "pat-3", 25),
    }


def test_a_presumed_transfusion_leaves_the_bag_issued_to_its_patient() -> None:
    (row,) = asked(pooled(), where_is, HALVES[1]).rows
    assert (row["status"], row["fate"], row["patient"], row["since"]) == ("issued", None, "pat-2", text(41))


def test_a_bag_that_two_patients_were_given_names_both() -> None:
    history = pooled()
    history.tell(HALVES[0], "bag.transfused", 45, patient="pat-9", hospital="H0001", presumed=False)
    (row,) = asked(history, where_is, HALVES[0]).rows
    assert (row["patient"], row["since"]) == ("pat-1, pat-9", text(40))


def test_open_holds_are_counted_whatever_the_status() -> None:
    history = pooled()
    for number in (1, 2):
        scope = {"scope_kind": "donation", "scope_id": din(2), "placed_at": instant(60)}
        history.tell(POOL, "bag.held", 60, hold=f"hold:donation:{din(2)}@{number}", cause="reactive_result", **scope)
    said = asked(history, where_is, POOL)
    assert picked(said.rows, "status", "holds") == [("consumed", 2)]
    assert said.summary["held"] == 1


def test_a_bag_known_only_from_a_hospitals_message_is_with_its_patient() -> None:
    history = History()
    history.tell(CELLS[3], "bag.transfused", 5, patient="pat-1", hospital="H0001", presumed=False)
    (row,) = asked(history, where_is, CELLS[3]).rows
    assert picked([row], *THERE) == [("transfused", None, None, None, "pat-1", text(5), 1)]


def test_a_bag_that_only_its_parent_tells_of_is_incomplete_and_nowhere() -> None:
    history = History()
    whole = collect(history, 1, 0)
    history.tell(whole, "bag.consumed", 10, process="separate", process_id="p1", children=[CELLS[1]])
    (row,) = asked(history, where_is, CELLS[1]).rows
    assert picked([row], *THERE) == [("incomplete", None, None, None, None, None, None)]


def test_the_bags_of_a_merged_patient_are_found_under_either_name() -> None:
    history = pooled()
    history.tell("patient:pat-1", "recipient.merged", 60, other="pat-8", process_id="m1")  # 24
    history.tell("patient:pat-8", "recipient.merged", 60, other="pat-1", process_id="m1")
    assert picked(asked(history, where_is, "patient:pat-8").rows, "bag", "patient") == [(HALVES[0], "pat-1")]


def test_what_real_commands_recorded_is_found_at_the_hospital() -> None:
    with Told() as told:
        quantity = {"amount": "2", "measure": "U"}
        told.say("CollectBag", 0, bag=CELLS[1], donor="d-1", facility="C1", kind="whole_blood", quantity=quantity)
        told.say("DistributeBag", 20, bag=CELLS[1], to="H1", sent_from="C1", reported=True)
        sent_at = told.facts("bag.distributed")[0].position
        told.say("RecordArrival", 30, bag=CELLS[1], at="H1", place="B1")
        then = asked(told, where_is, CELLS[1], known=sent_at)
        now = asked(told, where_is, CELLS[1])
        arrived = told.facts("bag.arrived")[0]
    assert picked(then.rows, "status", "consignee", "since", "position") == [("distributed", "H1", text(20), sent_at)]
    assert picked(now.rows, "facility", "place", "since", "position") == [("H1", "B1", text(30), arrived.position)]
