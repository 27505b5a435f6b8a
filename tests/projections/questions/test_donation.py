"""This file holds the tests of question c: all bags of this donation and their fates."""

import pytest

from ledger.isbt128.bad_scan import BadScan
from projections.queries.donation import bags_of_donation
from projections.queries.subjects import NotFound
from tests.projections.history import History, collect, din, process, units
from tests.projections.questions.told import CELLS, HALVES, PLASMA, POOL, WHOLE, Told, asked, picked, pooled, text

LINE = ("bag", "made_by", "parents", "status", "fate", "patient", "position")


def test_every_bag_of_a_donation_is_named_with_its_fate_pools_included() -> None:
    said = asked(pooled(), bags_of_donation, din(1))
    assert picked(said.rows, *LINE) == [
        (WHOLE[1], None, [], "consumed", None, None, 3),
        (CELLS[1], "separate", [WHOLE[1]], "consumed", None, None, 15),
        (PLASMA[1], "separate", [WHOLE[1]], "quarantine", None, None, 5),
        (POOL, "pool", [CELLS[1], CELLS[2]], "consumed", None, None, 18),
        (HALVES[0], "split", [POOL], "transfused", "transfused", "pat-1", 21),
        (HALVES[1], "split", [POOL], "issued", None, "pat-2", 22),
    ]
    assert picked(said.rows, "component", "quantity", "measure", "since", "version") == [
        ("whole_blood", "2", "U", text(11), 2),
        ("suspended_red_cells", "1.5", "U", text(20), 2),
        ("suspended_red_cells", "1.5", "U", text(11), 1),
        ("pooled_platelets", "3", "U", text(30), 2),
        ("pooled_platelets", "1.5", "U", text(40), 2),
        ("pooled_platelets", "1.5", "U", text(41), 2),
    ]
    assert said.summary == {
        "donation": din(1),
        "donor": "d-1",
        "facility": "A9999",
        "collected_at": text(1),
        "bags": 6,
        "by_fate": {"consumed": 3, "none": 2, "transfused": 1},
    }


def test_as_known_before_the_pool_the_donation_ends_at_its_components() -> None:
    said = asked(pooled(), bags_of_donation, din(1), known=14)
    assert picked(said.rows, "bag", "status") == [
        (WHOLE[1], "consumed"), (CELLS[1], "quarantine"), (PLASMA[1], "quarantine"),
    ]  # fmt: skip
    assert said.summary["by_fate"] == {"consumed": 1, "none": 2}


def test_a_pool_that_was_entered_in_error_no_longer_holds_the_donation() -> None:
    history = pooled()
    history.tell(CELLS[1], "bag.annulled", 60, target_version=2)
    history.tell(CELLS[2], "bag.annulled", 60, target_version=2)
    history.tell(POOL, "bag.annulled", 60, target_version=1)  # 26
    assert picked(asked(history, bags_of_donation, din(1)).rows, "bag", "status", "position") == [
        (WHOLE[1], "consumed", 3),
        (CELLS[1], "quarantine", 4),
        (PLASMA[1], "quarantine", 5),
    ]
    assert len(asked(history, bags_of_donation, din(1), known=23).rows) == 6


def test_a_discarded_bag_a_late_one_and_an_annulled_transfusion_change_the_fates() -> None:
    history = pooled()
    history.tell(PLASMA[1], "bag.discarded", 60, approved_by="boss")  # 24
    history.tell(HALVES[0], "bag.annulled", 61, target_version=2)  # 25
    fates = {at: asked(history, bags_of_donation, din(1), known=at).summary["by_fate"] for at in (23, 24, 25)}
    assert fates == {
        23: {"consumed": 3, "none": 2, "transfused": 1},
        24: {"consumed": 3, "discarded": 1, "none": 1, "transfused": 1},
        25: {"consumed": 3, "discarded": 1, "none": 2},
    }


def test_a_bag_labelled_with_another_number_is_a_bag_of_the_donation_it_was_collected_in() -> None:
    history = History()
    other = f"{din(5)}=E0001V00"
    said = {"donor": "d-1", "facility": "A9999", "kind": "whole_blood", "component": "whole_blood"}
    history.tell(
        other, "bag.collected", 3, donation=din(1), quantity=units("2"), purpose="allogeneic", **said
    )  # fmt: skip
    said_now = asked(history, bags_of_donation, din(1))
    assert picked(said_now.rows, *LINE) == [(other, None, [], "quarantine", None, None, 1)]
    assert (said_now.summary["donor"], said_now.summary["collected_at"]) == ("d-1", text(3))


def test_a_container_and_the_bag_it_became_are_both_of_the_donation() -> None:
    history = History()
    container = f"{din(1)}#1"
    said = {"donor": "d-1", "facility": "A9999", "kind": "whole_blood", "component": "whole_blood"}
    history.tell(
        container, "bag.collected", 0, donation=din(1), quantity=units("2"), purpose="allogeneic", **said
    )  # fmt: skip
    history.tell(WHOLE[1], "bag.labelled", 5, container=container, process_id="l1", purpose="allogeneic")  # 2
    history.tell(container, "bag.consumed", 5, process="label", process_id="l1", children=[WHOLE[1]])  # 3
    assert picked(asked(history, bags_of_donation, din(1)).rows, "bag", "made_by", "parents", "status") == [
        (container, None, [], "consumed"),
        (WHOLE[1], "label", [container], "quarantine"),
    ]


def test_a_failed_donation_has_no_bags_and_is_known() -> None:
    history = History()
    history.tell(
        din(4), "donation.registered", 0, donor="d-4", facility="A9999", kind="whole_blood", outcome="failed",
        purpose="allogeneic",
    )  # fmt: skip
    said = asked(history, bags_of_donation, din(4))
    assert said.rows == []
    assert (said.summary["donor"], said.summary["bags"], said.summary["by_fate"]) == ("d-4", 0, {})


def test_a_number_known_only_from_a_hospitals_message_has_that_bag_and_no_donor() -> None:
    history = History()
    history.tell(CELLS[3], "bag.transfused", 5, patient="pat-1", hospital="H0001", presumed=False)
    said = asked(history, bags_of_donation, din(3))
    assert picked(said.rows, "bag", "fate", "patient") == [(CELLS[3], "transfused", "pat-1")]
    assert (said.summary["donor"], said.summary["collected_at"]) == (None, None)


def test_a_cycle_in_the_lineage_ends() -> None:
    history = History()
    whole = collect(history, 1, 0)
    process(history, "relabel", [whole], [CELLS[1]], 10)
    process(history, "relabel", [CELLS[1]], [whole], 20)
    said = asked(history, bags_of_donation, din(1))
    assert picked(said.rows, "bag", "parents") == [(whole, [CELLS[1]]), (CELLS[1], [whole])]


def test_what_is_no_donation_number_is_malformed_and_an_unknown_one_not_found() -> None:
    for subject in (WHOLE[1], "donor:d-1", "A99992500000"):
        with pytest.raises(BadScan):
            asked(pooled(), bags_of_donation, subject)
    with pytest.raises(NotFound):
        asked(pooled(), bags_of_donation, din(77))


def test_what_real_commands_made_of_a_donation_is_found() -> None:
    halves = [f"{din(1)}=E0336VA0", f"{din(1)}=E0336VB0"]
    with Told() as told:
        quantity = {"amount": "2", "measure": "U"}
        told.say("CollectBag", 0, bag=CELLS[1], donor="d-1", facility="C1", kind="whole_blood", quantity=quantity)
        one = {"component": "whole_blood", "quantity": {"amount": "1", "measure": "U"}}
        told.say(
            "PrepareBags", 10, process="split", inputs=[CELLS[1]], outputs=[{"bag": half, **one} for half in halves]
        )
        told.say("DiscardBag", 20, bag=halves[0], reason="torn", approved_by="boss", reported=True)
        said = asked(told, bags_of_donation, din(1))
    assert picked(said.rows, "bag", "made_by", "parents", "status") == [
        (CELLS[1], None, [], "consumed"),
        (halves[0], "split", [CELLS[1]], "discarded"),
        (halves[1], "split", [CELLS[1]], "quarantine"),
    ]
    assert said.summary["by_fate"] == {"consumed": 1, "discarded": 1, "none": 1}
