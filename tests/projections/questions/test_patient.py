"""This file holds the tests of question f: what this patient received, and its donors' results."""

from projections.queries.patient import received_by_patient
from tests.projections.history import History, din, process
from tests.projections.questions.told import CELLS, HALVES, PLASMA, POOL, WHOLE, Told, asked, bag, picked, pooled, text

LINE = ("bag", "donation", "donor", "panel", "results", "reactive", "position")


def test_what_a_patient_received_is_told_with_each_donations_results() -> None:
    said = asked(pooled(), received_by_patient, "patient:pat-1")
    given = {
        "patient": "pat-1",
        "bag": HALVES[0],
        "component": "pooled_platelets",
        "quantity": "0.5",
        "measure": "U",
        "transfused_at": text(40),
        "hospital": "H0001",
        "presumed": False,
        "group": None,
        "rhd": None,
        "position": 21,
        "version": 2,
    }
    assert said.rows == [
        {
            **given,
            "donation": din(1),
            "donor": "d-1",
            "panel": "acceptable",
            "results": {"hbsag": "nonreactive"},
            "reactive": [],
        },
        {
            **given,
            "donation": din(2),
            "donor": "d-2",
            "panel": "unacceptable",
            "results": {"hbsag": "reactive"},
            "reactive": ["hbsag"],
        },
    ]
    assert said.summary == {"transfusions": 1, "bags": 1, "donations": 2, "reactive": 1}


def test_the_pseudonym_alone_asks_the_same() -> None:
    assert asked(pooled(), received_by_patient, "pat-1") == asked(pooled(), received_by_patient, "patient:pat-1")


def test_what_was_issued_or_crossmatched_and_not_given_was_not_received() -> None:
    history = pooled()
    history.tell(PLASMA[1], "bag.crossmatched", 45, patient="pat-1", result="compatible")
    history.tell(PLASMA[1], "bag.issued", 46, to="ward", patient="pat-1")
    assert {row["bag"] for row in asked(history, received_by_patient, "pat-1").rows} == {HALVES[0]}
    issued_only = asked(history, received_by_patient, "pat-2", known=22)
    assert (issued_only.rows, issued_only.summary["transfusions"]) == ([], 0)


def test_a_presumed_transfusion_is_told_as_presumed() -> None:
    assert picked(asked(pooled(), received_by_patient, "pat-2").rows, "donation", "presumed") == [
        (din(1), True),
        (din(2), True),
    ]


def test_a_bag_given_in_part_to_another_patient_tells_each_of_its_own_part() -> None:
    history = pooled()
    history.tell(HALVES[0], "bag.transfused", 45, patient="pat-9", hospital="H0002", presumed=False)
    assert picked(asked(history, received_by_patient, "pat-9").rows, "hospital", "transfused_at", "donation") == [
        ("H0002", text(45), din(1)),
        ("H0002", text(45), din(2)),
    ]
    assert asked(history, received_by_patient, "pat-1").summary["transfusions"] == 1


def test_two_sittings_of_one_bag_are_two_transfusions_of_one_bag() -> None:
    history = pooled()
    history.tell(HALVES[0], "bag.transfused", 45, patient="pat-1", hospital="H0001", presumed=False)
    said = asked(history, received_by_patient, "pat-1")
    assert said.summary == {"transfusions": 2, "bags": 1, "donations": 2, "reactive": 1}
    assert picked(said.rows, "transfused_at", "donation") == [
        (text(40), din(1)),
        (text(40), din(2)),
        (text(45), din(1)),
        (text(45), din(2)),
    ]


def test_an_annulled_transfusion_was_received_by_nobody_once_that_is_known() -> None:
    history = pooled()
    history.tell(HALVES[0], "bag.annulled", 60, target_version=2)  # 24
    assert asked(history, received_by_patient, "pat-1", known=23).summary["transfusions"] == 1
    assert asked(history, received_by_patient, "pat-1").rows == []
    history.tell(HALVES[0], "bag.annulled", 61, target_version=3)  # 25: it was right after all
    assert asked(history, received_by_patient, "pat-1").summary["transfusions"] == 1


def test_results_read_as_they_were_known() -> None:
    history = pooled()
    said = {"marker": "hbsag", "stage": "confirmatory", "final": True}
    history.tell(din(1), "donation.tested", 16, result="reactive", **said)  # 24: known late
    history.tell(din(1), "donation.concluded", 16, outcome="unacceptable", panel="cn-2026")  # 25
    history.tell(din(1), "donation.annulled", 70, target_version=4)  # 26: it was another donation's
    history.tell(din(1), "donation.concluded", 70, outcome="acceptable", panel="cn-2026")  # 27
    first = {
        known: picked(asked(history, received_by_patient, "pat-1", known=known).rows, *LINE)[0]
        for known in (23, 25, 27)
    }
    assert first == {
        23: (HALVES[0], din(1), "d-1", "acceptable", {"hbsag": "nonreactive"}, [], 21),
        25: (HALVES[0], din(1), "d-1", "unacceptable", {"hbsag": "reactive"}, ["hbsag"], 21),
        27: (HALVES[0], din(1), "d-1", "acceptable", {"hbsag": "nonreactive"}, [], 21),
    }


def test_a_result_that_is_not_final_is_no_result_and_a_reactive_one_is_named_all_the_same() -> None:
    history = pooled()
    history.tell(din(1), "donation.tested", 16, marker="alt", result="reactive", stage="initial", final=False)
    (row, _) = asked(history, received_by_patient, "pat-1").rows
    assert (row["results"], row["reactive"]) == ({"alt": None, "hbsag": "nonreactive"}, ["alt"])


def test_a_final_reactive_result_stays_the_result_whatever_was_found_after_it() -> None:
    history = pooled()
    said = {"marker": "hbsag", "stage": "confirmatory", "final": True}
    history.tell(din(2), "donation.tested", 16, result="nonreactive", **said)
    assert asked(history, received_by_patient, "pat-1").rows[1]["results"] == {"hbsag": "reactive"}


def test_the_last_final_result_counts_and_an_indeterminate_one_is_not_reactive() -> None:
    history = pooled()
    for at, result in ((17, "acceptable"), (16, "indeterminate")):
        history.tell(din(1), "donation.tested", at, marker="alt", result=result, stage="initial", final=at == 17)
    (row, _) = asked(history, received_by_patient, "pat-1").rows
    assert (row["results"]["alt"], row["reactive"]) == ("acceptable", [])


def test_a_merged_patient_received_what_was_given_under_either_name() -> None:
    history = pooled()
    history.tell("patient:pat-1", "recipient.merged", 60, other="pat-2", process_id="m1")  # 24
    both = [("pat-1", HALVES[0]), ("pat-1", HALVES[0]), ("pat-2", HALVES[1]), ("pat-2", HALVES[1])]
    assert picked(asked(history, received_by_patient, "pat-1").rows, "patient", "bag") == both
    assert picked(asked(history, received_by_patient, "pat-2").rows, "patient", "bag") == both
    assert picked(asked(history, received_by_patient, "pat-2", known=23).rows, "patient", "bag") == both[2:]


def test_a_bag_known_only_from_a_hospitals_message_names_the_number_and_no_results() -> None:
    history = History()
    history.tell(CELLS[3], "bag.transfused", 5, patient="pat-1", hospital="H0001", presumed=False, reported=True)
    assert picked(asked(history, received_by_patient, "pat-1").rows, *LINE, "quantity") == [
        (CELLS[3], din(3), None, None, {}, [], 1, None)
    ]


def test_what_a_bag_was_made_from_becomes_known_later() -> None:
    history = History()
    history.tell(POOL, "bag.transfused", 50, patient="pat-1", hospital="H0001", presumed=False)  # 1
    process(history, "pool", [CELLS[1], CELLS[2]], [POOL], 20)  # 2, 3, 4
    before, after = (asked(history, received_by_patient, "pat-1", known=known) for known in (1, 4))
    assert [row["donation"] for row in before.rows] == [din(900)]
    assert [row["donation"] for row in after.rows] == [din(1), din(2)]


def test_a_bag_that_is_its_own_ancestor_stays_listed() -> None:
    history = History()
    one, other = bag(901, "E6000V00"), bag(902, "E6000V00")
    process(history, "relabel", [one], [other], 10)
    process(history, "relabel", [other], [one], 11)
    history.tell(one, "bag.transfused", 20, patient="pat-1", hospital="H0001", presumed=False)
    assert picked(asked(history, received_by_patient, "pat-1").rows, "bag", "donation", "panel") == [(one, None, None)]


def test_the_group_is_the_bags_as_tested() -> None:
    history = pooled()
    said = {"donation": din(1), "donation_version": 3, "outcome": "acceptable"}
    history.tell(HALVES[0], "bag.tested", 16, group="A", rhd="positive", **said)
    assert picked(asked(history, received_by_patient, "pat-1").rows[:1], "group", "rhd") == [("A", "positive")]


def test_what_real_commands_recorded_is_told_before_and_after_the_late_result() -> None:
    with Told() as told:
        quantity = {"amount": "2", "measure": "U"}
        told.say("CollectBag", 0, bag=WHOLE[1], donor="d-1", facility="C1", kind="whole_blood", quantity=quantity)
        for marker in ("hbsag", "anti_hcv", "hiv_ag_ab", "syphilis", "alt", "nat_hbv", "nat_hcv", "nat_hiv"):
            told.say("RecordTest", 10, din=din(1), marker=marker, result="nonreactive")
        told.say("RecordGroup", 10, din=din(1), group="O", rhd="negative")
        given = told.say("RecordTransfusion", 30, bag=WHOLE[1], patient="p-1", hospital="H1")
        told.say("RecordTest", 40, din=din(1), marker="nat_hbv", result="reactive", stage="repeat")
        told.say("MergeRecipients", 50, patient="p-1", other="p-9")
        then, now = (asked(told, received_by_patient, "p-1", known=known) for known in (given, None))
        by_other_name = asked(told, received_by_patient, "p-9")
        told.say("Annul", 60, stream=WHOLE[1], version=told.facts("bag.transfused")[0].version, reason="wrong patient")
        annulled = asked(told, received_by_patient, "p-9")
    line = ("bag", "donation", "donor", "panel", "reactive", "group", "rhd")
    assert picked(then.rows, *line) == [(WHOLE[1], din(1), "d-1", "acceptable", [], "O", "negative")]
    assert picked(now.rows, *line) == [(WHOLE[1], din(1), "d-1", "unacceptable", ["nat_hbv"], "O", "negative")]
    assert now.rows[0]["results"]["nat_hbv"] == "reactive" and now.rows[0]["results"]["alt"] == "nonreactive"
    assert by_other_name == now
    assert annulled.rows == [] and annulled.summary["transfusions"] == 0
