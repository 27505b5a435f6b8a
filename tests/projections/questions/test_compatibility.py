"""This file holds the tests of question k: compatible groups, and where typing ever disagreed."""

from typing import Any

import pytest

from projections.queries.compatibility import compatible_groups
from tests.projections.history import History, collect, din, process
from tests.projections.questions.told import Told, asked, picked, text

BAG = f"{din(1)}=E0001V00"
CELLS, PLASMA, PLATELETS = (f"{din(1)}={code}V00" for code in ("E0336", "E0701", "E2800"))
PRODUCTS = {CELLS: "suspended_red_cells", PLASMA: "fresh_frozen_plasma", PLATELETS: "concentrated_platelets"}


def type_donation(history: History, number: int, at: float, group: str, rhd: str = "positive") -> int:
    return history.tell(din(number), "donation.grouped", at, group=group, rhd=rhd)


def type_patient(history: History, patient: str, at: float, group: str, rhd: str = "positive") -> int:
    return history.tell(f"patient:{patient}", "recipient.grouped", at, group=group, rhd=rhd)


def reach(history: History, bag: str, at: float, group: str, rhd: str = "positive") -> None:
    """The donation's typing reaches the bag, as the write side carries it."""
    said = {"donation_version": 2, "outcome": "acceptable", "group": group, "rhd": rhd}
    history.tell(bag, "bag.tested", at, donation=bag[:13], **said)


def transfuse(history: History, bag: str, at: float, patient: str = "p", **said: Any) -> int:
    return history.tell(
        bag, "bag.transfused", at, **{"patient": patient, "hospital": "H0001", "presumed": False, **said}
    )


def made(bag: str = CELLS, group: str = "A", rhd: str = "positive", patient: str = "A positive") -> History:
    """A typed bag of some component, given to a patient of some group (none when it is empty)."""
    history = History()
    whole = collect(history, 1, 0)
    process(history, "separate", [whole], [bag], 10, component=PRODUCTS[bag])
    type_donation(history, 1, 20, group, rhd)
    reach(history, bag, 20, group, rhd)
    if patient:
        type_patient(history, "p", 30, *patient.split())
    transfuse(history, bag, 100)
    return history


def test_a_transfusion_is_told_with_both_groups_the_crossmatch_and_the_table() -> None:
    history = made(CELLS, "A", "positive", "O negative")
    history.tell(CELLS, "bag.crossmatched", 50, patient="p", result="compatible")
    history.tell(CELLS, "bag.issued", 60, to="ward", patient="p")
    assert asked(history, compatible_groups, CELLS) == (
        {
            "transfusions": 1,
            "issues": 0,
            "compatible": 0,
            "incompatible": 1,
            "unknown": 0,
            "disagreements": 0,
            "incomplete": 0,
        },
        [
            {
                "bag": CELLS,
                "component": "suspended_red_cells",
                "act": "transfused",
                "happened_at": text(100),
                "presumed": False,
                "group": "A",
                "rhd": "positive",
                "patient": "p",
                "patient_group": "O",
                "patient_rhd": "negative",
                "crossmatch": "compatible",
                "crossmatched_at": text(50),
                "table": "red_cells",
                "compatible": False,
                "why": ["abo", "rhd"],
                "position": 8,
                "version": 3,
            }
        ],
        {"disagreements": []},
    )


SUITS = {
    "O": {"red_cells": {"O", "A", "B", "AB"}, "plasma": {"O"}, "whole_blood": {"O"}},
    "A": {"red_cells": {"A", "AB"}, "plasma": {"A", "O"}, "whole_blood": {"A"}},
    "B": {"red_cells": {"B", "AB"}, "plasma": {"B", "O"}, "whole_blood": {"B"}},
    "AB": {"red_cells": {"AB"}, "plasma": {"AB", "A", "B", "O"}, "whole_blood": {"AB"}},
}
"""Whom blood of each ABO group suits, by table: written down, not computed."""
COMPONENTS = {"red_cells": "suspended_red_cells", "plasma": "cryoprecipitate", "whole_blood": "whole_blood"}


@pytest.mark.parametrize("table", COMPONENTS)
def test_abo_is_judged_by_the_table_of_the_component(table: str) -> None:
    history = History()
    groups = ("O", "A", "B", "AB")
    for number, group in enumerate(groups):
        type_patient(history, f"p-{group}", 0, group)
        bag = f"{din(number)}=E0001V00"
        process(history, "separate", [], [bag], 10, component=COMPONENTS[table], group=group, rhd="positive")
        for patient in groups:
            transfuse(history, bag, 20, f"p-{patient}")
    for number, group in enumerate(groups):
        rows = asked(history, compatible_groups, f"{din(number)}=E0001V00").rows
        assert {row["patient_group"] for row in rows if row["compatible"]} == SUITS[group][table]
        assert {row["table"] for row in rows} == {table}
        assert [row["why"] for row in rows if not row["compatible"]] == [["abo"]] * (4 - len(SUITS[group][table]))


@pytest.mark.parametrize(
    "bag, patient, compatible, why",
    [
        ("negative", "negative", True, []),
        ("negative", "positive", True, []),
        ("positive", "positive", True, []),
        ("positive", "negative", False, ["rhd"]),
        ("weak", "negative", False, ["rhd"]),
        ("positive", "weak", False, ["rhd"]),
        ("negative", "weak", True, []),
    ],
)
def test_a_weak_rhd_counts_as_positive_when_given_and_as_negative_when_receiving(
    bag: str, patient: str, compatible: bool, why: list[str]
) -> None:
    (row,) = asked(made(CELLS, "A", bag, f"A {patient}"), compatible_groups, CELLS).rows
    assert (row["compatible"], row["why"]) == (compatible, why)
    (row,) = asked(made(PLASMA, "A", bag, f"A {patient}"), compatible_groups, PLASMA).rows
    assert (row["compatible"], row["why"]) == (True, [])


def test_platelets_of_another_group_are_compatible_with_a_note() -> None:
    (row,) = asked(made(PLATELETS, "A", "positive", "B negative"), compatible_groups, PLATELETS).rows
    assert (row["table"], row["compatible"], row["why"]) == ("platelets", True, ["abo_minor", "rhd_minor"])
    (row,) = asked(made(PLATELETS, "A", "positive", "A positive"), compatible_groups, PLATELETS).rows
    assert (row["compatible"], row["why"]) == (True, [])


def test_what_depends_on_an_unknown_group_is_unknown_and_what_does_not_is_judged() -> None:
    columns = ("compatible", "why", "patient_group")
    unknown = asked(made(CELLS, "A", "negative", ""), compatible_groups, CELLS)
    assert picked(unknown.rows, *columns) == [(None, ["abo_unknown"], None)]
    universal = asked(made(CELLS, "O", "negative", ""), compatible_groups, CELLS)
    assert picked(universal.rows, *columns) == [(True, [], None)]
    surely_not = asked(made(CELLS, "A", "positive", "O positive"), compatible_groups, CELLS)
    assert picked(surely_not.rows, *columns) == [(False, ["abo"], "O")]


def test_a_component_that_no_table_names_is_not_judged_unless_a_site_names_its_table() -> None:
    history = History()
    process(history, "separate", [], [CELLS], 10, component="site_cells", group="A", rhd="positive")
    type_patient(history, "p", 20, "A")
    transfuse(history, CELLS, 30)
    columns = ("table", "compatible", "why")
    assert picked(asked(history, compatible_groups, CELLS).rows, *columns) == [(None, None, ["component_unknown"])]
    named = asked(history, compatible_groups, CELLS, tables={"site_cells": "red_cells"})
    assert picked(named.rows, *columns) == [("red_cells", True, [])]


def test_an_incompatible_crossmatch_is_incompatible_whatever_the_groups() -> None:
    history = made(CELLS, "A", "positive", "A positive")
    history.tell(CELLS, "bag.crossmatched", 40, patient="p", result="compatible")
    history.tell(CELLS, "bag.crossmatched", 50, patient="p", result="incompatible")
    history.tell(CELLS, "bag.crossmatched", 60, patient="other", result="compatible")
    history.tell(CELLS, "bag.crossmatched", 200, patient="p", result="compatible")
    (row,) = asked(history, compatible_groups, CELLS).rows
    assert (row["crossmatch"], row["crossmatched_at"]) == ("incompatible", text(50))
    assert (row["compatible"], row["why"]) == (False, ["crossmatch"])


def test_an_issue_is_told_where_it_came_to_no_transfusion_of_that_patient() -> None:
    history = made(CELLS, "A", "positive", "A positive")
    history.tell(CELLS, "bag.issued", 40, to="ward", patient="p")
    history.tell(CELLS, "bag.issued", 50, to="ward", patient="other")
    history.tell(CELLS, "bag.issued", 60, to="ward")
    transfuse(history, CELLS, 120, presumed=True)
    answer = asked(history, compatible_groups, CELLS)
    assert picked(answer.rows, "act", "patient", "happened_at", "presumed") == [
        ("issued", "other", text(50), False),
        ("transfused", "p", text(100), False),
        ("transfused", "p", text(120), True),
    ]
    assert (answer.summary["transfusions"], answer.summary["issues"]) == (2, 1)
    assert picked(asked(history, compatible_groups, "patient:other").rows, "act") == [("issued",)]


def test_a_patient_typed_late_under_another_pseudonym_is_one_patient() -> None:
    history = made(CELLS, "A", "positive", "")
    typed = type_patient(history, "q", 200, "B")
    history.tell("patient:p", "recipient.merged", 210, other="q", process_id="m")
    history.tell("patient:q", "recipient.annulled", 220, target_version=typed)
    columns = ("patient", "patient_group", "compatible")
    told = len(history.told)
    assert picked(asked(history, compatible_groups, CELLS, known=told - 2).rows, *columns) == [("p", None, None)]
    assert picked(asked(history, compatible_groups, CELLS, known=told - 1).rows, *columns) == [("p", "B", False)]
    assert picked(asked(history, compatible_groups, "patient:q", known=told - 1).rows, *columns) == [("p", "B", False)]
    assert picked(asked(history, compatible_groups, CELLS).rows, *columns) == [("p", None, None)]


def test_an_annulled_transfusion_is_none() -> None:
    history = made()
    told = len(history.told)
    history.tell(CELLS, "bag.annulled", 200, target_version=3)
    assert len(asked(history, compatible_groups, CELLS, known=told).rows) == 1
    assert asked(history, compatible_groups, CELLS).rows == []


# -- where typing disagreed --------------------------------------------------------------------------------


def disagreements(history: History, subject: str, known: int | None = None) -> list[tuple[Any, ...]]:
    """Of, stream, whether it stands, and what was said."""
    answer = asked(history, compatible_groups, subject, known=known)
    assert answer.summary["disagreements"] == len(answer.more["disagreements"])
    columns = ("group", "rhd", "corrected", "position")
    return [
        (each["of"], each["stream"], each["stands"], picked(each["said"], *columns))
        for each in answer.more["disagreements"]
    ]


def test_a_donation_typed_twice_differently_disagrees_also_after_the_correction() -> None:
    history = made(CELLS, "A", "positive", "A positive")
    told = len(history.told)
    again = type_donation(history, 1, 150, "B")
    history.tell(din(1), "donation.annulled", 200, target_version=again)
    one, other = ("A", "positive", None, 5), ("B", "positive", None, told + 1)
    assert disagreements(history, CELLS, known=told) == []
    assert disagreements(history, CELLS, known=told + 1) == [("donation", din(1), True, [one, other])]
    (row,) = asked(history, compatible_groups, CELLS, known=told + 1).rows
    assert (row["compatible"], row["why"]) == (None, ["abo_unknown"])
    taken_back = ("B", "positive", "annulled", told + 1)
    assert disagreements(history, CELLS) == [("donation", din(1), False, [one, taken_back])]
    (row,) = asked(history, compatible_groups, CELLS).rows
    assert (row["compatible"], row["why"]) == (True, [])


def test_a_typing_amended_since_is_told_with_what_it_said_before() -> None:
    history = History()
    collect(history, 1, 0)
    typed = type_donation(history, 1, 20, "B")
    change = {"field": "group", "value": '"A"', "sealed": None}
    history.tell(din(1), "donation.amended", 30, target_version=typed, changes=[change])
    answer = asked(history, compatible_groups, BAG)
    assert answer.more["disagreements"][0] == {
        "stream": din(1),
        "of": "donation",
        "stands": False,
        "said": [
            {
                "stream": din(1),
                "group": "A",
                "rhd": "positive",
                "group_before": "B",
                "rhd_before": "positive",
                "happened_at": text(20),
                "corrected": "amended",
                "position": 3,
                "version": 2,
            }
        ],
    }


def test_a_label_that_differs_from_the_typing_is_the_labels_disagreement() -> None:
    history = History()
    collect(history, 1, 0, group="B")
    type_donation(history, 1, 20, "A")
    reach(history, BAG, 20, "A")
    said = [("B", "positive", None, 2), ("A", "positive", None, 3)]
    assert disagreements(history, BAG) == [("label", BAG, True, said)]


def test_a_donor_typed_otherwise_at_another_donation_under_another_pseudonym_disagrees() -> None:
    history = History()
    collect(history, 1, 0, donor="d-1")
    collect(history, 2, 1000, donor="d-2")
    type_donation(history, 1, 20, "A")
    type_donation(history, 2, 1020, "A", "negative")
    assert disagreements(history, din(1)) == []
    history.tell("donor:d-1", "donor.merged", 2000, other="d-2", process_id="m")
    said = [("A", "positive", None, 5), ("A", "negative", None, 6)]
    assert disagreements(history, din(1)) == [("donor", "donor:d-1", True, said)]
    assert disagreements(history, din(1), known=6) == []


def test_a_patient_typed_twice_differently_leaves_the_verdict_open() -> None:
    history = made(CELLS, "A", "positive", "A positive")
    told = len(history.told)
    type_patient(history, "p", 200, "O")
    said = [("A", "positive", None, told - 1), ("O", "positive", None, told + 1)]
    assert disagreements(history, "patient:p") == [("patient", "patient:p", True, said)]
    (row,) = asked(history, compatible_groups, "patient:p").rows
    assert (row["compatible"], row["why"], row["patient_group"]) == (None, ["abo_unknown"], None)


def test_members_of_a_pool_may_differ_without_a_disagreement() -> None:
    history = History()
    parents = [collect(history, number, 0, group=group) for number, group in ((1, "O"), (2, "A"))]
    pool = f"{din(90)}=E9000V00"
    process(history, "pool", parents, [pool], 10, component="pooled_platelets", group="A", rhd="positive")
    for number, group in ((1, "O"), (2, "A")):
        type_donation(history, number, 20, group)
    assert disagreements(history, pool) == []


def test_real_commands_tell_of_an_incompatible_report_and_of_a_disputed_group() -> None:
    with Told() as ledger:
        quantity = {"amount": "2", "measure": "U"}
        ledger.say(
            "CollectBag", 0, bag=BAG, donor="d", facility="C1", kind="whole_blood", quantity=quantity,
            group="A", rhd="positive",
        )  # fmt: skip
        ledger.say("RecordGroup", 10, din=din(1), group="A", rhd="positive")
        ledger.say("RecordRecipientGroup", 20, patient="p", group="O", rhd="positive")
        given = ledger.say("RecordTransfusion", 30, bag=BAG, patient="p", hospital="H1")
        ledger.say("RecordGroup", 40, din=din(1), group="O", rhd="positive")
        then, now = asked(ledger, compatible_groups, BAG, known=given), asked(ledger, compatible_groups, BAG)
    columns = ("group", "patient_group", "compatible", "why")
    assert picked(then.rows, *columns) == [("A", "O", False, ["abo"])]
    assert then.more["disagreements"] == []
    assert picked(now.rows, *columns) == [("A", "O", None, ["abo_unknown"])]
    assert [each["of"] for each in now.more["disagreements"]] == ["label", "donation"]


def test_a_bag_with_a_fact_that_cannot_be_read_makes_the_answer_say_so() -> None:
    history = made()
    history.add(din(1), "donation.grouped.v1", b"?")
    assert asked(history, compatible_groups, CELLS).summary["incomplete"] == 1
    assert asked(history, compatible_groups, CELLS, known=len(history.told) - 1).summary["incomplete"] == 0


def test_a_group_that_nothing_supports_any_more_is_unknown() -> None:
    """Without a registration the write side tells the bag nothing new: its row may keep the group."""
    with Told() as ledger:
        quantity = {"amount": "2", "measure": "U"}
        ledger.say("CollectBag", 0, bag=BAG, donor="d", facility="C1", kind="whole_blood", quantity=quantity)
        ledger.say("RecordGroup", 10, din=din(1), group="A", rhd="positive")
        ledger.say("RecordRecipientGroup", 20, patient="p", group="A", rhd="positive")
        given = ledger.say("RecordTransfusion", 30, bag=BAG, patient="p", hospital="H1")
        (grouped,) = ledger.facts("donation.grouped")
        ledger.say("Amend", 40, stream=BAG, version=1, reason="x", changes={"component": "fresh_frozen_plasma"})
        ledger.say("Annul", 50, stream=din(1), version=1, reason="x")
        ledger.say("Annul", 60, stream=din(1), version=grouped.version, reason="x")
        then, now = asked(ledger, compatible_groups, BAG, known=given), asked(ledger, compatible_groups, BAG)
    assert picked(then.rows, "compatible", "why") == [(True, [])]
    assert picked(now.rows, "compatible", "why") == [(None, ["abo_unknown"])]
