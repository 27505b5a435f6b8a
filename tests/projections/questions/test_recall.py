"""This file holds the tests of the recall: every bag reached, where it is, who had it, then and now."""

from datetime import timedelta
from typing import Any

import pytest

from ledger.isbt128.bad_scan import BadScan
from projections.decode import micros_of
from projections.queries.asking import NothingKnownYet
from projections.queries.recall import difference, recall, recall_then_and_now
from projections.queries.subjects import NotFound, Window
from tests.projections.history import History, collect, din, instant, process
from tests.projections.questions.told import (
    CELLS,
    HALVES,
    LATER,
    PLASMA,
    POOL,
    WHOLE,
    Told,
    asked,
    bag,
    picked,
    pooled,
    recorded,
    text,
    views_of,
)

ALL = {*(each[number] for each in (WHOLE, CELLS, PLASMA) for number in (1, 2)), POOL, *HALVES}
LINE = ("bag", "directly", "status", "fate", "where", "located", "patient", "position")


def hands(row: dict[str, Any]) -> list[tuple[Any, ...]]:
    return picked(row["custody"], "at", "who", "as", "position")


def then_and_now(history: Any, subject: str, known: int) -> dict[str, Any]:
    views = views_of(history)
    try:
        return recall_then_and_now(views, subject, LATER, recorded(history, known))
    finally:
        views.close()


def test_a_recall_of_a_donation_reaches_its_bags_and_all_made_of_them() -> None:
    said = asked(pooled(), recall, din(1))
    assert picked(said.rows, *LINE) == [
        (WHOLE[1], True, "consumed", None, None, True, None, None),
        (CELLS[1], True, "consumed", None, None, True, None, None),
        (PLASMA[1], True, "quarantine", None, "A9999", True, None, None),
        (POOL, False, "consumed", None, None, True, None, None),
        (HALVES[0], False, "transfused", "transfused", "pat-1", True, "pat-1", 21),
        (HALVES[1], False, "issued", None, "pat-2", True, "pat-2", 23),
    ]
    assert said.summary == {
        "bags": 6,
        "by_status": {"consumed": 3, "issued": 1, "quarantine": 1, "transfused": 1},
        "located": 6,
        "unlocated": 0,
        "facilities": 1,
        "consignees": 0,
        "patients": 2,
    }


@pytest.mark.parametrize(
    "subject, reached",
    [
        (din(1), {WHOLE[1], CELLS[1], PLASMA[1], POOL, *HALVES}),
        ("donor:d-1", {WHOLE[1], CELLS[1], PLASMA[1], POOL, *HALVES}),
        ("lot:C1", {WHOLE[1], CELLS[1], PLASMA[1], POOL, *HALVES}),
        ("lot:container:C1", {WHOLE[1], CELLS[1], PLASMA[1], POOL, *HALVES}),
        ("lot:reagent:R1", ALL),
        (CELLS[2], {CELLS[2], POOL, *HALVES}),
        (PLASMA[2], {PLASMA[2]}),
        (POOL, {POOL, *HALVES}),
        ("device:X1", set(HALVES)),
        ("run:run-7", {POOL, *HALVES}),
        ("operator:staff-1", ALL),
        ("facility:A9999", ALL),
    ],
)  # fmt: skip
def test_a_bad_subject_taints_what_was_made_of_its_bags_and_nothing_else(subject: str, reached: set[str]) -> None:
    history = pooled()
    history.tell(POOL, "bag.consumed", 30, process="split", process_id="again", process_run="run-7")
    assert {row["bag"] for row in asked(history, recall, subject).rows} == reached


def test_who_had_a_bag_is_told_in_order_also_when_it_was_heard_out_of_order() -> None:
    history = History()
    bags = collect(history, 1, 0)
    history.tell(bags, "bag.transfused", 60, patient="pat-1", hospital="H0001", presumed=False)  # 3
    history.tell(bags, "bag.distributed", 20, to="H0001", sent_from="A9999")  # 4
    history.tell(bags, "bag.issued", 40, to="ward-3", patient="pat-9", facility="H0001")  # 5
    history.tell(bags, "bag.returned", 50, sent_from="ward-3", leg="ward_to_bank", facility="H0001", may_come_back=True)
    history.tell(bags, "bag.issued", 55, to="ward-4", patient="pat-1")  # 7
    history.tell(bags, "bag.arrived", 30, at="H0001")  # 8
    said = asked(history, recall, bags)
    (row,) = said.rows
    assert hands(row) == [
        (text(20), "A9999", "facility", 4),
        (text(20), "H0001", "consignee", 4),
        (text(30), "H0001", "facility", 8),
        (text(40), "H0001", "facility", 5),
        (text(40), "ward-3", "ward", 5),
        (text(40), "pat-9", "patient", 5),
        (text(50), "ward-3", "ward", 6),
        (text(50), "H0001", "facility", 6),
        (text(55), "ward-4", "ward", 7),
        (text(55), "pat-1", "patient", 7),
        (text(60), "H0001", "facility", 3),
        (text(60), "pat-1", "patient", 3),
    ]
    assert (row["where"], row["patient"], row["position"]) == ("pat-1", "pat-1", 3)
    assert {key: said.summary[key] for key in ("facilities", "consignees", "patients")} == {
        "facilities": 2,
        "consignees": 1,
        "patients": 2,
    }


def test_a_bag_that_came_back_from_a_hospital_is_at_the_centre_again() -> None:
    history = History()
    bags = collect(history, 1, 0)
    history.tell(bags, "bag.distributed", 20, to="H0001", sent_from="A9999")  # 3
    history.tell(bags, "bag.returned", 30, sent_from="H0001", leg="hospital_to_centre", may_come_back=True)  # 4
    (row,) = asked(history, recall, bags).rows
    assert hands(row)[2:] == [(text(30), "H0001", "facility", 4)]
    assert (row["status"], row["where"], row["consignee"]) == ("quarantine", "A9999", None)


def test_hands_of_one_instant_are_told_in_the_order_the_bag_took() -> None:
    history = History()
    bags = collect(history, 1, 0)
    history.tell(bags, "bag.transfused", 20, patient="pat-1", hospital="H0001", presumed=False)  # 3
    history.tell(bags, "bag.issued", 20, to="ward", patient="pat-1", reported=True)  # 4
    history.tell(bags, "bag.arrived", 20, at="H0001")  # 5
    (row,) = asked(history, recall, bags).rows
    assert [position for *_, position in hands(row)] == [5, 4, 4, 3, 3]


def test_a_window_narrows_the_recall_to_what_was_made_in_it() -> None:
    history = pooled()
    for since, until, reached in (
        (None, None, 9),
        (11, None, 7),
        (12, None, 5),
        (12, 12, 5),
        (None, 1, 6),
        (31, None, 0),
    ):
        window = Window(*(None if each is None else micros_of(instant(each)) for each in (since, until)))
        assert len(asked(history, recall, "operator:staff-1", window=window).rows) == reached, (since, until)


def test_a_missing_bag_and_one_nobody_tells_of_are_not_located() -> None:
    history = pooled()
    history.tell(PLASMA[1], "bag.missing", 60, facility="A9999")  # 24
    history.tell(PLASMA[2], "bag.consumed", 60, process="relabel", process_id="p", children=[PLASMA[3]])  # 25
    rows = {row["bag"]: row for row in asked(history, recall, "lot:R1").rows}
    assert {name: row["located"] for name, row in rows.items() if not row["located"]} == {
        PLASMA[1]: False,
        PLASMA[3]: False,
    }
    assert (rows[PLASMA[1]]["where"], rows[PLASMA[3]]["status"]) == ("A9999", "incomplete")


def test_then_and_now_differ_by_what_was_learned_since() -> None:
    history = pooled()  # known until the pool was made: position 17
    history.tell(PLASMA[1], "bag.distributed", 25, to="H0001", sent_from="A9999")  # 24
    answer = then_and_now(history, din(1), known=17)
    assert (answer["then"]["position"], answer["now"]["position"]) == (17, 24)
    assert [row["bag"] for row in answer["then"]["rows"]] == [WHOLE[1], CELLS[1], PLASMA[1], POOL]
    assert answer["difference"] == {
        "added": list(HALVES),
        "gone": [],
        "changed": [
            {"bag": PLASMA[1], "field": "status", "was": "quarantine", "is": "distributed"},
            {"bag": PLASMA[1], "field": "where", "was": "A9999", "is": "H0001"},
            {"bag": PLASMA[1], "field": "facility", "was": "A9999", "is": "H0001"},
            {"bag": PLASMA[1], "field": "consignee", "was": None, "is": "H0001"},
            {
                "bag": PLASMA[1],
                "field": "custody",
                "was": [],
                "is": [
                    {"at": text(25), "who": "A9999", "as": "facility", "position": 24},
                    {"at": text(25), "who": "H0001", "as": "consignee", "position": 24},
                ],
            },
            {"bag": POOL, "field": "status", "was": "quarantine", "is": "consumed"},
            {"bag": POOL, "field": "where", "was": "A9999", "is": None},
        ],
    }


def test_an_annulled_transfusion_and_a_pool_that_never_was_are_gone() -> None:
    history = pooled()
    history.tell(HALVES[0], "bag.annulled", 60, target_version=2)  # 24: wrong patient
    history.tell(CELLS[1], "bag.annulled", 61, target_version=2)  # 25
    history.tell(POOL, "bag.annulled", 61, target_version=1)  # 26
    answer = then_and_now(history, din(1), known=23)
    assert answer["difference"]["gone"] == sorted([POOL, *HALVES])
    assert answer["difference"]["added"] == []
    half = then_and_now(history, HALVES[0], known=23)["difference"]["changed"]
    assert picked(half, "field", "was", "is")[:3] == [
        ("status", "transfused", "quarantine"),
        ("fate", "transfused", None),
        ("where", "pat-1", "A9999"),
    ]


def test_nothing_differs_between_now_and_now() -> None:
    history = pooled()
    answer = then_and_now(history, "donor:d-1", known=23)
    assert answer["difference"] == {"added": [], "gone": [], "changed": []}
    assert answer["then"]["rows"] == answer["now"]["rows"]


def test_a_subject_of_which_nothing_was_known_then_reached_nothing_then() -> None:
    answer = then_and_now(pooled(), "donor:d-2", known=5)
    assert (answer["then"]["rows"], answer["then"]["position"]) == ([], 5)
    assert answer["then"]["summary"]["bags"] == 0
    assert answer["then"]["summary"].keys() == answer["now"]["summary"].keys()
    assert len(answer["difference"]["added"]) == 6


def test_nobody_is_told_that_all_is_well_of_what_the_ledger_does_not_know() -> None:
    history = pooled()
    with pytest.raises(NotFound):
        asked(history, recall, "donor:nobody")
    with pytest.raises(NotFound):
        asked(history, recall, "donor:nobody", window=Window(0, 1))
    with pytest.raises(NotFound):
        then_and_now(history, "lot:nothing", known=5)
    with pytest.raises(BadScan):
        asked(history, recall, "A99992500000O")
    views = views_of(history)
    with pytest.raises(NothingKnownYet):
        recall_then_and_now(views, din(1), LATER, recorded(history, 1) - timedelta(seconds=1))
    views.close()


def test_merged_donors_are_recalled_together() -> None:
    history = pooled()
    history.tell("donor:d-1", "donor.merged", 60, other="d-2", process_id="m1")  # 24
    assert len(asked(history, recall, "donor:d-2").rows) == 9
    assert then_and_now(history, "donor:d-2", known=23)["difference"]["added"] == [WHOLE[1], CELLS[1], PLASMA[1]]


def test_merged_patients_are_counted_once() -> None:
    history = pooled()
    history.tell("patient:pat-1", "recipient.merged", 60, other="pat-2", process_id="m1")
    assert asked(history, recall, POOL).summary["patients"] == 1


def test_a_bag_known_only_from_a_hospitals_message_is_recalled_by_its_number() -> None:
    history = History()
    history.tell(CELLS[3], "bag.transfused", 5, patient="pat-1", hospital="H0001", presumed=False, reported=True)
    (row,) = asked(history, recall, din(3)).rows
    assert (row["where"], row["located"], hands(row)) == (
        "pat-1",
        True,
        [(text(5), "H0001", "facility", 1), (text(5), "pat-1", "patient", 1)],
    )


def test_a_cycle_in_the_lineage_ends() -> None:
    history = pooled()
    process(history, "relabel", [HALVES[0]], [WHOLE[1]], 60)
    assert len(asked(history, recall, HALVES[0]).rows) == 6


def test_what_both_answers_have_is_compared_field_by_field() -> None:
    row = dict.fromkeys(("component", "status", "fate", "where", "facility", "place", "consignee", "patient"))
    then = [{"bag": "b1", "holds": 0, "custody": [], **row}, {"bag": "b2", "holds": 0, "custody": [], **row}]
    now = [{"bag": "b2", "holds": 2, "custody": [], **row}, {"bag": "b3", "holds": 0, "custody": [], **row}]
    assert difference(then, now) == {
        "added": ["b3"],
        "gone": ["b1"],
        "changed": [{"bag": "b2", "field": "holds", "was": 0, "is": 2}],
    }


def test_what_real_commands_recorded_is_recalled_by_lot_as_known_then_and_now() -> None:
    halves = [bag(1, "E0336VA0"), bag(1, "E0336VB0")]
    with Told() as told:
        quantity = {"amount": "2", "measure": "U"}
        told.say(
            "CollectBag", 0, bag=CELLS[1], donor="d-1", facility="C1", kind="whole_blood", quantity=quantity,
            lots=[{"kind": "container", "id": "L7"}],
        )  # fmt: skip
        one = {"component": "whole_blood", "quantity": {"amount": "1", "measure": "U"}}
        outputs = [{"bag": half, **one} for half in halves]
        then = told.say("PrepareBags", 10, process="split", inputs=[CELLS[1]], outputs=outputs)
        told.say("DistributeBag", 20, bag=halves[0], to="H1", sent_from="C1", reported=True)
        told.say("RecordTransfusion", 30, bag=halves[0], patient="p-1", hospital="H1")
        told.say("PlaceHold", 40, cause="recall", scope={"kind": "container_lot", "id": "L7"}, reason="leak")
        answer = then_and_now(told, "lot:container:L7", known=then)
        sent, given = (told.facts(name)[0].position for name in ("bag.distributed", "bag.transfused"))
    assert picked(answer["now"]["rows"], "bag", "status", "where", "holds") == [
        (CELLS[1], "consumed", None, 1),
        (halves[0], "transfused", "p-1", 1),
        (halves[1], "held", "C1", 1),
    ]
    assert hands(answer["now"]["rows"][1]) == [
        (text(20), "C1", "facility", sent),
        (text(20), "H1", "consignee", sent),
        (text(30), "H1", "facility", given),
        (text(30), "p-1", "patient", given),
    ]
    assert picked(answer["then"]["rows"], "bag", "status", "holds") == [
        (CELLS[1], "consumed", 0),
        (halves[0], "quarantine", 0),
        (halves[1], "quarantine", 0),
    ]
    changed = {(each["bag"], each["field"]) for each in answer["difference"]["changed"]}
    assert changed >= {(halves[0], "fate"), (halves[1], "status"), (CELLS[1], "holds")}


def test_bags_of_a_donation_that_proved_to_be_another_donors_are_told_as_gone() -> None:
    with Told() as ledger:
        quantity = {"amount": "2", "measure": "U"}
        said = {"bag": WHOLE[1], "facility": "C1", "kind": "whole_blood", "quantity": quantity}
        known = ledger.say("CollectBag", 0, donor="d-1", **said)
        ledger.say("Amend", 10, stream=WHOLE[1], version=1, reason="x", changes={"donor": "d-2"})
        answer = then_and_now(ledger, "donor:d-1", known)
        assert answer["difference"] == {"added": [], "gone": [WHOLE[1]], "changed": []}
        assert (answer["now"]["rows"], answer["now"]["summary"]["bags"]) == ([], 0)
        with pytest.raises(NotFound):
            then_and_now(ledger, "donor:d-3", known)


def test_a_bag_said_to_be_discarded_that_was_given_is_with_the_patient() -> None:
    history = History()
    bag = collect(history, 1, 0)
    history.tell(bag, "bag.discarded", 10, approved_by="boss")
    history.tell(bag, "bag.transfused", 20, patient="p-9", hospital="H0001", presumed=False)
    (row,) = asked(history, recall, bag).rows
    assert (row["status"], row["where"], row["patient"]) == ("discarded", "p-9", "p-9")
