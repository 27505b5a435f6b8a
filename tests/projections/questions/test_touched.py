"""This file holds the tests of question m: all bags touching a lot, device, operator or run."""

import pytest

from projections.queries.subjects import NotFound
from projections.queries.touched import touched_by
from tests.projections.history import collect, din, instant, process, units
from tests.projections.questions.told import CELLS, HALVES, PLASMA, POOL, WHOLE, Told, asked, bag, picked, pooled, text

LINE = ("bag", "directly", "how", "happened_at", "status", "position")


def test_a_container_lot_touched_what_was_collected_in_it_and_what_was_made_of_that() -> None:
    said = asked(pooled(), touched_by, "lot:C1")
    assert picked(said.rows, *LINE) == [
        (WHOLE[1], True, "container_lot", text(1), "consumed", 2),
        (CELLS[1], False, "made_from", None, "consumed", None),
        (PLASMA[1], False, "made_from", None, "quarantine", None),
        (POOL, False, "made_from", None, "consumed", None),
        (HALVES[0], False, "made_from", None, "transfused", None),
        (HALVES[1], False, "made_from", None, "issued", None),
    ]
    assert said.rows[4] == {
        "bag": HALVES[0],
        "component": "pooled_platelets",
        "directly": False,
        "how": "made_from",
        "happened_at": None,
        "status": "transfused",
        "fate": "transfused",
        "where": "pat-1",
        "facility": "A9999",
        "patient": "pat-1",
        "position": None,
    }
    assert said.summary == {
        "bags": 6,
        "directly": 1,
        "in_stock": 1,
        "transfused": 1,
        "out": 1,
        "by_status": {"consumed": 3, "issued": 1, "quarantine": 1, "transfused": 1},
    }


def test_a_lot_may_be_named_with_its_kind_and_then_means_no_other() -> None:
    assert asked(pooled(), touched_by, "lot:container:C1") == asked(pooled(), touched_by, "lot:C1")
    with pytest.raises(NotFound):
        asked(pooled(), touched_by, "lot:filter:C1")


def test_a_reagent_lot_touched_all_bags_of_the_donations_it_tested() -> None:
    rows = asked(pooled(), touched_by, "lot:reagent:R1").rows
    assert picked(rows[:6], *LINE[:4], "position") == [
        (WHOLE[1], True, "reagent_lot", text(15), 11),
        (CELLS[1], True, "reagent_lot", text(15), 11),
        (PLASMA[1], True, "reagent_lot", text(15), 11),
        (WHOLE[2], True, "reagent_lot", text(15), 13),
        (CELLS[2], True, "reagent_lot", text(15), 13),
        (PLASMA[2], True, "reagent_lot", text(15), 13),
    ]
    assert [(row["bag"], row["how"]) for row in rows[6:]] == [(each, "made_from") for each in (POOL, *HALVES)]


@pytest.mark.parametrize("subject, how", [("device:X1", "device"), ("run:run-7", "process_run")])
def test_a_device_and_a_run_touched_what_they_made(subject: str, how: str) -> None:
    assert picked(asked(pooled(), touched_by, subject).rows, *LINE) == [
        (HALVES[0], True, how, text(30), "transfused", 19),
        (HALVES[1], True, how, text(30), "issued", 20),
    ]


def test_a_test_run_touched_the_bags_of_its_donations() -> None:
    history = pooled()
    history.tell(
        din(1), "donation.tested", 16, marker="alt", result="acceptable", stage="initial", final=True, test_run="t-1"
    )  # fmt: skip
    rows = asked(history, touched_by, "run:t-1").rows
    assert [(row["bag"], row["how"], row["position"]) for row in rows if row["directly"]] == [
        (WHOLE[1], "test_run", 24),
        (CELLS[1], "test_run", 24),
        (PLASMA[1], "test_run", 24),
    ]


def test_a_window_narrows_to_what_was_touched_in_it() -> None:
    directly = {
        (since, until): [
            row["bag"]
            for row in asked(
                pooled(),
                touched_by,
                "operator:staff-1",
                since=None if since is None else instant(since),
                until=None if until is None else instant(until),
            ).rows
            if row["directly"]
        ]
        for since, until in ((30, None), (None, 1), (2, 11), (31, None))
    }
    assert directly == {
        (30, None): list(HALVES),
        (None, 1): [WHOLE[1]],
        (2, 11): [CELLS[1], PLASMA[1], WHOLE[2]],
        (31, None): [],
    }


def test_a_second_touch_does_not_hide_the_first_unless_the_window_does() -> None:
    history = pooled()
    said = {"facility": "A9999", "kind": "whole_blood", "component": "whole_blood", "purpose": "allogeneic"}
    lots = [{"kind": "container", "id": "C1"}]
    quantity = units("2")
    history.tell(
        WHOLE[1], "bag.collected", 90, donation=din(1), donor="d-1", quantity=quantity, lots=lots, **said
    )  # 24
    assert picked(asked(history, touched_by, "lot:C1").rows[:1], "happened_at", "position") == [(text(1), 2)]
    late = asked(history, touched_by, "lot:C1", since=instant(50))
    assert picked(late.rows[:1], "happened_at", "position") == [(text(90), 24)]


def test_a_lot_corrected_later_is_told_as_it_was_known() -> None:
    history = pooled()
    lots = '[{"id":"C9","kind":"container"}]'
    changes = [{"field": "lots", "value": lots, "sealed": None}]
    history.tell(WHOLE[1], "bag.amended", 60, target_version=1, changes=changes)  # 24
    assert [row["bag"] for row in asked(history, touched_by, "lot:C1", known=23).rows if row["directly"]] == [WHOLE[1]]
    assert picked(asked(history, touched_by, "lot:C9").rows[:1], *LINE) == [
        (WHOLE[1], True, "container_lot", text(1), "consumed", 24)
    ]
    assert asked(history, touched_by, "lot:C1").rows == []
    with pytest.raises(NotFound):
        asked(history, touched_by, "lot:C9", known=23)


def test_a_late_fact_touches_from_when_it_was_heard() -> None:
    history = pooled()
    collect(history, 3, 0, lots=[{"kind": "container", "id": "C1"}])  # 24, 25
    known = {
        at: [row["bag"] for row in asked(history, touched_by, "lot:C1", known=at).rows if row["directly"]]
        for at in (23, 25)
    }
    assert known == {23: [WHOLE[1]], 25: [WHOLE[1], WHOLE[3]]}


def test_an_annulled_transfusion_leaves_the_bag_in_stock() -> None:
    history = pooled()
    history.tell(HALVES[0], "bag.annulled", 60, target_version=2)
    counted = asked(history, touched_by, "device:X1").summary
    assert {key: counted[key] for key in ("in_stock", "transfused", "out")} == {
        "in_stock": 1,
        "transfused": 0,
        "out": 1,
    }


def test_a_cycle_in_the_lineage_ends() -> None:
    history = pooled()
    process(history, "relabel", [HALVES[0]], [WHOLE[1]], 60)
    rows = asked(history, touched_by, "device:X1").rows
    assert [row["bag"] for row in rows] == [*HALVES, WHOLE[1], CELLS[1], PLASMA[1], POOL]


def test_what_real_commands_used_is_found_by_lot_operator_and_device() -> None:
    halves = [bag(1, "E0336VA0"), bag(1, "E0336VB0")]
    with Told() as told:
        quantity = {"amount": "2", "measure": "U"}
        told.say(
            "CollectBag", 0, bag=CELLS[1], donor="d-1", facility="C1", kind="whole_blood", quantity=quantity,
            lots=[{"kind": "container", "id": "L7"}], devices=["scale-1"], collector="n-1",
        )  # fmt: skip
        collected = told.facts("bag.collected")[0].position
        one = {"component": "whole_blood", "quantity": {"amount": "1", "measure": "U"}}
        outputs = [{"bag": half, **one} for half in halves]
        told.say("PrepareBags", 10, process="split", inputs=[CELLS[1]], outputs=outputs, operator="t-1")
        answers = {
            subject: asked(told, touched_by, subject)
            for subject in ("lot:container:L7", "device:scale-1", "operator:n-1", "operator:t-1", "facility:C1")
        }
        made = {fact.stream: fact.position for fact in told.facts("bag.prepared")}
    for subject, how in (
        ("lot:container:L7", "container_lot"),
        ("device:scale-1", "device"),
        ("operator:n-1", "operator"),
    ):
        assert picked(answers[subject].rows, "bag", "how", "position") == [
            (CELLS[1], how, collected), (halves[0], "made_from", None), (halves[1], "made_from", None),
        ]  # fmt: skip
    assert picked(answers["operator:t-1"].rows, "bag", "how", "position") == [
        (half, "operator", made[half]) for half in halves
    ]
    assert answers["facility:C1"].summary["directly"] == 3
