"""This file holds the tests of question d: all donations in this pool, all its recipients."""

import pytest

from ledger.isbt128.bad_scan import BadScan
from projections.queries.pool import donations_and_recipients
from projections.queries.subjects import NotFound
from projections.queries.trace import trace
from tests.projections.history import History, collect, din, instant, process, units
from tests.projections.questions.told import (
    CELLS,
    HALVES,
    POOL,
    WHOLE,
    Told,
    asked,
    bag,
    picked,
    pooled,
    text,
    views_of,
)

RECIPIENT = ("patient", "bag", "happened_at", "quantity", "measure", "hospital", "presumed", "position")


def test_a_pool_names_its_donations_and_everyone_who_was_given_any_of_it() -> None:
    said = asked(pooled(), donations_and_recipients, POOL)
    assert said.rows == [
        {
            "donation": din(number),
            "donor": f"d-{number}",
            "facility": "A9999",
            "collected_at": text(number),
            "outcome": outcome,
            "reactive": reactive,
            "via": [CELLS[number]],
            "position": position,
            "version": 1,
        }
        for number, outcome, reactive, position in ((1, "acceptable", [], 1), (2, "unacceptable", ["hbsag"], 6))
    ]
    assert picked(said.more["recipients"], *RECIPIENT) == [
        ("pat-1", HALVES[0], text(40), "0.5", "U", "H0001", False, 21),
        ("pat-2", HALVES[1], text(50), "1.5", "U", "H0001", True, 23),
    ]
    assert said.summary == {"donations": 2, "donors": 2, "recipients": 2, "reactive": 1, "aliquots": 2}


def test_before_the_late_reactive_result_the_pool_was_of_two_good_donations() -> None:
    said = asked(pooled(), donations_and_recipients, CELLS[2], known=10)
    assert picked(said.rows, "donation", "outcome", "reactive") == [(din(2), "open", [])]
    history = pooled()
    history.tell(din(2), "donation.annulled", 60, target_version=2)  # 24: the result was another donation's
    history.tell(din(2), "donation.concluded", 60, outcome="pending", panel="cn-2026")  # 25, as the ledger does
    now = asked(history, donations_and_recipients, POOL)
    assert picked(now.rows, "outcome", "reactive") == [("acceptable", []), ("open", [])]
    assert now.summary["reactive"] == 0
    assert asked(history, donations_and_recipients, POOL, known=23).summary["reactive"] == 1


def test_of_an_annulled_transfusion_there_is_no_recipient() -> None:
    history = pooled()
    history.tell(HALVES[0], "bag.annulled", 60, target_version=2)  # 24: wrong patient
    history.tell(HALVES[0], "bag.transfused", 40, patient="pat-7", hospital="H0001", presumed=False)  # 25
    by_known = {
        known: picked(asked(history, donations_and_recipients, POOL, known=known).more["recipients"], "patient")
        for known in (23, 24, 25)
    }
    assert by_known == {
        23: [("pat-1",), ("pat-2",)],
        24: [("pat-2",)],
        25: [("pat-7",), ("pat-2",)],
    }


def test_a_bag_given_in_two_sittings_is_told_twice_and_has_one_recipient() -> None:
    history = pooled()
    history.tell(HALVES[0], "bag.transfused", 45, patient="pat-1", hospital="H0001", presumed=False)
    said = asked(history, donations_and_recipients, HALVES[0])
    assert picked(said.more["recipients"], "patient", "happened_at", "quantity") == [
        ("pat-1", text(40), "0.5"),
        ("pat-1", text(45), "1.5"),
    ]
    assert said.summary["recipients"] == 1


def test_merged_donors_and_patients_are_one_person() -> None:
    history = pooled()
    history.tell("donor:d-1", "donor.merged", 60, other="d-2", process_id="m1")  # 24
    history.tell("patient:pat-2", "recipient.merged", 60, other="pat-5", process_id="m2")
    history.tell("patient:pat-5", "recipient.merged", 60, other="pat-1", process_id="m3")  # 26
    said = asked(history, donations_and_recipients, POOL)
    assert (said.summary["donors"], said.summary["recipients"]) == (1, 1)
    assert asked(history, donations_and_recipients, POOL, known=25).summary["recipients"] == 2
    history.tell("patient:pat-5", "recipient.unmerged", 70, other="pat-1", process_id="m4")
    assert asked(history, donations_and_recipients, POOL).summary["recipients"] == 2


def test_a_single_bag_comes_from_its_own_donation_through_itself() -> None:
    said = asked(pooled(), donations_and_recipients, WHOLE[2])
    assert picked(said.rows, "donation", "via") == [(din(2), [WHOLE[2]])]
    assert said.summary["aliquots"] == 5
    assert [row["patient"] for row in said.more["recipients"]] == ["pat-1", "pat-2"]


def test_a_half_of_the_pool_comes_through_the_pool_and_was_given_to_its_own_patient_alone() -> None:
    said = asked(pooled(), donations_and_recipients, HALVES[1])
    assert picked(said.rows, "donation", "via") == [(din(1), [POOL]), (din(2), [POOL])]
    assert [row["patient"] for row in said.more["recipients"]] == ["pat-2"]


def test_a_pool_of_pools_names_each_donation_once_with_every_way_it_came() -> None:
    history = pooled()
    third = collect(history, 3, 0)
    process(history, "pool", [POOL, CELLS[2], third], [bag(901, "E6000V00")], 60)
    said = asked(history, donations_and_recipients, bag(901, "E6000V00"))
    assert picked(said.rows, "donation", "via") == [
        (din(1), [POOL]),
        (din(2), sorted([POOL, CELLS[2]])),
        (din(3), [third]),
    ]


def test_a_received_bag_has_a_donation_of_which_nothing_is_known() -> None:
    history = History()
    said = {"sent_from": "Z0001", "facility": "A9999", "purpose": "allogeneic", "released_by": "zed"}
    history.tell(CELLS[3], "bag.received", 0, **said)
    assert picked(
        asked(history, donations_and_recipients, CELLS[3]).rows, "donation", "donor", "outcome", "position"
    ) == [(din(3), None, None, None)]


def test_a_bag_labelled_with_another_number_is_of_the_donation_it_was_collected_in_alone() -> None:
    history = History()
    other = bag(5, "E0001V00")
    said = {"donor": "d-1", "facility": "A9999", "kind": "whole_blood", "component": "whole_blood"}
    history.tell(other, "bag.collected", 3, donation=din(1), quantity=units("2"), purpose="allogeneic", **said)
    rows = asked(history, donations_and_recipients, other).rows
    assert picked(rows, "donation", "donor", "collected_at", "via", "position") == [
        (din(1), "d-1", text(3), [other], 1)
    ]


def test_a_donation_with_a_result_that_cannot_be_read_is_neither_good_nor_bad() -> None:
    history = pooled()
    history.add(din(1), "donation.tested.v1", b"not avro")
    assert picked(asked(history, donations_and_recipients, POOL).rows, "outcome") == [
        ("incomplete",),
        ("unacceptable",),
    ]
    assert picked(asked(history, donations_and_recipients, POOL, known=23).rows, "outcome")[0] == ("acceptable",)


def test_a_cycle_in_the_lineage_ends() -> None:
    history = pooled()
    process(history, "relabel", [HALVES[0]], [WHOLE[1]], 60)
    said = asked(history, donations_and_recipients, POOL)
    assert [row["donation"] for row in said.rows] == [din(1), din(2)]
    assert said.summary["aliquots"] == 5


def test_a_pool_of_ten_thousand_names_every_donation() -> None:
    history = History()
    members = [collect(history, number, 0, donor=f"d-{number % 7000}") for number in range(1, 10_001)]
    history.tell(
        POOL, "bag.prepared", 10, process="pool", process_id="p", parents=members, purpose="allogeneic",
        component="pooled_plasma", quantity=units("10000"), facility="A9999",
    )  # fmt: skip
    said = asked(history, donations_and_recipients, POOL)
    assert said.summary == {"donations": 10_000, "donors": 7_000, "recipients": 0, "reactive": 0, "aliquots": 0}
    assert picked(said.rows[-1:], "donation", "via") == [(din(10_000), [members[-1]])]


def test_only_a_bag_is_asked_about() -> None:
    with pytest.raises(BadScan):
        asked(pooled(), donations_and_recipients, din(1))
    with pytest.raises(NotFound):
        asked(pooled(), donations_and_recipients, bag(77, "E0001V00"))


def test_what_real_commands_pooled_is_taken_apart_again() -> None:
    platelets = [bag(number, "E2807V00") for number in (1, 2)]
    pool = bag(9, "E3088V00")
    with Told() as told:
        quantity = {"amount": "2", "measure": "U"}
        for number in (1, 2):
            told.say(
                "CollectBag", number, bag=platelets[number - 1], donor=f"d-{number}", facility="C1",
                kind="apheresis_platelets", component="concentrated_platelets", quantity=quantity,
            )  # fmt: skip
        outputs = [{"bag": pool, "component": "pooled_platelets", "quantity": {"amount": "4", "measure": "U"}}]
        told.say("PrepareBags", 10, process="pool", inputs=platelets, outputs=outputs, reported=True)
        given = told.say("RecordTransfusion", 20, bag=pool, patient="p-1", hospital="H1")
        told.say("RecordTest", 30, din=din(2), marker="hbsag", result="reactive")
        now = asked(told, donations_and_recipients, pool)
        then = asked(told, donations_and_recipients, pool, known=given)
    assert picked(now.rows, "donation", "donor", "reactive", "via") == [
        (din(1), "d-1", [], [platelets[0]]),
        (din(2), "d-2", ["hbsag"], [platelets[1]]),
    ]
    assert now.rows[1]["outcome"] == "unacceptable"
    assert picked(then.rows, "outcome", "reactive")[1] == ("open", [])
    assert picked(now.more["recipients"], "patient", "quantity") == [("p-1", "4")]


@pytest.mark.slow
def test_a_pool_of_ten_thousand_is_made_traced_and_recalled() -> None:
    """Once its cost grew with the square of its members: this would not end."""
    members = [f"A99992{number:07d}=E0001V00" for number in range(10_000)]
    pool = "A999929999999=E0336V00"
    with Told() as told:
        collected = {"command": "CollectBag", "happened_at": instant(0).isoformat(), "facility": "C1"}
        kind = {"kind": "whole_blood", "quantity": {"amount": "1", "measure": "U"}}
        donors = enumerate(members)
        told.send(({**collected, **kind, "bag": bag, "donor": f"d-{number}"} for number, bag in donors), window=256)
        made = {"bag": pool, "component": "whole_blood", "quantity": {"amount": "10000", "measure": "U"}}
        told.say("PrepareBags", 10, process="pool", inputs=members, outputs=[made], reported=True)
        told.say("RecordTransfusion", 20, bag=pool, patient="p-1", hospital="H1")
        last = told.say("Annul", 30, stream=members[7], version=1, reason="never collected")
        views = views_of(told, batch=20_000)
        said = asked(told, donations_and_recipients, pool)
        assert (said.summary["donations"], said.summary["recipients"]) == (10_000, 1)
        answer = trace(views, pool, instant(40), facts=False)
        assert (len(answer["ancestors"]), len(answer["edges"]), answer["position"]) == (10_000, 10_000, last)
        assert trace(views, members[-1], instant(40), facts=False)["descendants"] == [pool]


def test_a_separation_taken_back_does_not_change_when_the_donation_was_collected() -> None:
    with Told() as ledger:
        quantity = {"amount": "2", "measure": "U"}
        said = {"donor": "d", "facility": "C1", "kind": "whole_blood"}
        ledger.say("RegisterDonation", 0, din=din(1), **said)
        ledger.say("CollectBag", 20, bag=WHOLE[1], quantity=quantity, **said)
        made = {"bag": CELLS[1], "component": "suspended_red_cells", "quantity": quantity}
        ledger.say("PrepareBags", 60, process="separate", inputs=[WHOLE[1]], outputs=[made], facility="C1")
        ledger.say("Annul", 90, stream=CELLS[1], version=1, reason="x")
        said_now = asked(ledger, donations_and_recipients, CELLS[1])
    assert picked(said_now.rows, "donation", "collected_at") == [(din(1), text(20))]
