"""This file holds the tests of the physical truth, on worlds small enough to see."""

import pytest

from ledger.simulator.truth import Output, Truth, thousandths

TWO_UNITS = 2000


def two_donors_and_a_pool() -> Truth:
    """d1 and d2 give; platelets of both are pooled at 30, red cells of d1 split at 40; each event is told at its time.

    Donation numbers are 13 characters, as the truth knows a donation's bags by them.
    """
    truth = Truth()
    for number, donor in ((1, "d1"), (2, "d2")):
        din = f"A99992600000{number}"
        whole = Output(f"{din}=W", "whole_blood", TWO_UNITS, "U")
        truth.donated(din, donor, told=number)
        truth.filled(whole, "C1", group="A", rhd="positive", touched=["lot:L1"] if number == 1 else [], told=number)
        outputs = [Output(f"{din}=R", "red", TWO_UNITS, "U"), Output(f"{din}=P", "platelets", TWO_UNITS, "U")]
        truth.made("separate", [whole.bag], outputs, told=10 + number)
    members = ["A999926000001=P", "A999926000002=P"]
    truth.made("pool", members, [Output("A999926000009=P", "pooled", 2 * TWO_UNITS, "U")], told=30)
    halves = [Output(f"A999926000001=R{letter}", "red", 1000, "U") for letter in "AB"]
    truth.made("split", ["A999926000001=R"], halves, touched=["device:D1"], told=40)
    truth.given("A999926000009=P", "p1", told=50)
    return truth


def test_a_donor_reaches_splits_and_pools_and_used_bags() -> None:
    truth = two_donors_and_a_pool()
    first = {f"A999926000001={code}" for code in ("W", "R", "P", "RA", "RB")}
    assert truth.bags_of_donor("d1") == first | {"A999926000009=P"}
    assert truth.recipients_of_donor("d2") == {("p1", "A999926000009=P")}
    assert truth.donors_of_patient("p1") == {"d1", "d2"}


def test_another_donors_separate_components_are_not_reached() -> None:
    assert "A999926000002=R" not in two_donors_and_a_pool().bags_of_donor("d1")


def test_a_thing_reaches_what_it_touched_and_what_was_made_of_that() -> None:
    truth = two_donors_and_a_pool()
    assert truth.reached("lot:L1") == truth.bags_of_donor("d1")
    assert truth.reached("device:D1") == {"A999926000001=RA", "A999926000001=RB"}
    truth.touched("A999926000002", ["lot:reagent"], told=60)
    assert truth.reached("lot:reagent") == truth.bags_of_donor("d2")


def test_a_bag_leaves_the_shelf_once_when_something_is_made_of_it_and_when_it_is_given() -> None:
    truth = two_donors_and_a_pool()
    assert truth.on_the_shelves() == {("C1", "red", "A", "positive", "U"): (3, 4000)}
    truth.moved("A999926000002=R", "H1", told=70)
    truth.ended("A999926000001=RA", "discarded", told=71)
    truth.moved("A999926000001=RB", None, told=72)
    assert truth.on_the_shelves() == {("H1", "red", "A", "positive", "U"): (1, 2000)}


def test_what_was_told_by_a_time_is_the_truth_as_it_could_be_known() -> None:
    truth = two_donors_and_a_pool()
    known = truth.known(29)
    assert "A999926000009=P" not in known.bags_of_donor("d1")
    assert known.recipients_of_donor("d1") == set()
    assert set(truth.known(10**6).edges()) == set(truth.edges())


def test_what_was_only_believed_is_known_until_it_is_taken_back_and_never_true() -> None:
    truth = two_donors_and_a_pool()
    truth.given("A999926000002=R", "p2", told=60, until=80)
    assert truth.known(70).recipients_of_donor("d2") == {("p1", "A999926000009=P"), ("p2", "A999926000002=R")}
    assert truth.known(80).recipients_of_donor("d2") == truth.recipients_of_donor("d2")
    assert truth.where("A999926000002=R") == "C1"


def test_two_pseudonyms_of_one_person_reach_the_same_until_they_are_parted() -> None:
    truth = two_donors_and_a_pool()
    apart = truth.bags_of_donor("d1")
    truth.joined("donor", "d2", "d1", told=60)
    assert truth.bags_of_donor("d1") == truth.bags_of_donor("d2") > apart
    truth.parted("donor", "d1", "d2", told=70)
    assert truth.bags_of_donor("d1") == apart


def test_amounts_are_exact() -> None:
    assert thousandths("0.125") == 125
    with pytest.raises(ValueError, match="three decimals"):
        thousandths("0.0001")
