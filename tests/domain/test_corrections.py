"""This file holds corrections: amended, annulled, taken back again, and reported from outside by content."""

import itertools
from datetime import timedelta

import pytest

from tests.domain.world import (
    D1,
    D2,
    PL1,
    RC1,
    RC2,
    RED,
    WB1,
    WB2,
    World,
    amend,
    annul,
    at,
    collect,
    crossmatch,
    give_back,
    group,
    hold,
    in_stock,
    issue,
    issued,
    lift,
    on,
    panel,
    prepare,
    q,
    reactive,
    release,
    reported,
    result,
    say,
    separate,
    transfuse,
    utc,
)


def wrong(stream: str = RC1, fact: str = "bag.transfused", **match: object) -> dict[str, object]:
    """A reported deletion (HL7 D or W), naming its target by content."""
    return reported(annul(stream, fact=fact, match=match))


class TestAnnulling:
    def test_an_annulled_annulment_restores_its_target(self, world: World) -> None:
        world.given(issued(), transfuse())
        world.given(annul(RC1, world.version_of(RC1, "bag.transfused")))
        assert world.status() == "issued"
        world.when(annul(RC1, world.version_of(RC1, "bag.annulled")))
        assert world.status() == "transfused"

    def test_an_annulment_of_an_annulment_of_an_annulment_annuls(self, world: World) -> None:
        world.given(issued(), transfuse())
        world.given(annul(RC1, world.version_of(RC1, "bag.transfused")))
        world.given(annul(RC1, world.version_of(RC1, "bag.annulled")))
        world.given(annul(RC1, world.version_of(RC1, "bag.annulled")))
        assert world.status() == "issued"

    def test_an_annulled_reactive_result_takes_its_holds_and_alerts_back(self, world: World) -> None:
        world.given(issued(), transfuse(), reactive())
        assert world.alerts() == [RC1]
        world.when(annul(D1, world.version_of(D1, "donation.tested")))
        assert world.holds(RC1) == world.holds(WB1) == world.holds(PL1) == []
        assert (world.alerts(), world.notices()) == ([], [])

    def test_restoring_the_reactive_result_brings_holds_and_alerts_again(self, world: World) -> None:
        world.given(issued(), transfuse(), reactive())
        world.given(annul(D1, world.version_of(D1, "donation.tested")))
        world.when(annul(D1, world.version_of(D1, "donation.annulled")))
        assert world.holds(RC1) == world.holds(WB1) == ["reactive_result"]
        assert world.alerts() == [RC1]

    def test_annulling_one_of_two_reactive_results_leaves_the_other(self, world: World) -> None:
        world.given(in_stock(), reactive(), reactive(marker="syphilis"))
        world.when(annul(D1, world.version_of(D1, "donation.tested")))
        assert world.holds() == ["reactive_result"]

    def test_an_annulled_placing_frees_its_bags(self, world: World) -> None:
        world.given(in_stock(), hold("donation", D1))
        world.when(annul(f"hold:donation:{D1}", 1))
        assert (world.holds(), world.holds(WB1)) == ([], [])

    def test_an_annulled_bag_hold_frees_bag_and_children(self, world: World) -> None:
        world.given(collect(), hold("bag", WB1), separate())
        assert world.holds(RC1) == ["recall"]
        world.when(annul(WB1, world.version_of(WB1, "bag.held")))
        assert world.holds(RC1) == world.holds(WB1) == []

    def test_an_annulled_lifting_of_a_scope_hold_holds_again(self, world: World) -> None:
        world.given(in_stock(), hold("donation", D1), lift("donation", D1))
        world.when(annul(f"hold:donation:{D1}", 2))
        assert world.holds() == world.holds(PL1) == world.holds(WB1) == ["recall"]

    def test_an_annulled_lifting_of_a_bag_hold_holds_again(self, world: World) -> None:
        world.given(in_stock(), hold("bag", RC1), lift("bag", RC1))
        world.when(annul(RC1, world.version_of(RC1, "bag.hold_lifted")))
        world.then_recorded()
        assert world.holds() == ["recall"]

    def test_an_annulled_return_takes_its_hold_back(self, world: World) -> None:
        world.given(issued(), give_back())
        world.when(annul(RC1, world.version_of(RC1, "bag.returned")))
        assert (world.status(), world.holds()) == ("issued", [])

    def test_an_annulled_failed_inspection_takes_its_hold_back(self, world: World) -> None:
        world.given(in_stock(), say("InspectBag", bag=RC1, passed=False))
        world.when(annul(RC1, world.version_of(RC1, "bag.inspected")))
        assert (world.status(), world.holds()) == ("available", [])

    def test_an_annulled_release_puts_the_bag_in_quarantine(self, world: World) -> None:
        world.given(in_stock())
        world.when(annul(RC1, world.version_of(RC1, "bag.released")))
        assert world.status() == "quarantine"

    def test_an_annulled_result_opens_the_panel_again_and_says_so_of_the_release(self, world: World) -> None:
        world.given(in_stock())
        world.when(annul(D1, 2))
        assert world.donation().concluded is not None
        assert world.donation().concluded.outcome == "pending"
        assert world.bag(RC1).panels[D1].outcome == "pending"
        assert world.nonconformities() == ["released_before_results"]

    def test_an_annulled_typing_that_disagreed_ends_the_dispute(self, world: World) -> None:
        world.given(in_stock(), group(abo="B"))
        assert world.holds() == ["disputed_group"]
        world.when(annul(D1, world.version_of(D1, "donation.grouped")))
        assert (world.holds(), world.nonconformities(D1)) == ([], [])

    def test_an_annulled_self_exclusion_frees(self, world: World) -> None:
        world.given(in_stock(), say("RecordSelfExclusion", donor="donor-1"))
        world.when(annul("donor:donor-1", 1))
        assert world.holds() == []

    def test_an_annulled_deferral_no_longer_stops_release(self, world: World) -> None:
        world.given(in_stock()[:-1], say("DeferDonor", donor="donor-1", cause="travel"))
        world.given(annul("donor:donor-1", 1))
        world.when(say("ReleaseBag", bag=RC1))
        world.then_recorded()

    def test_a_wrong_transfusion_annulled_and_recorded_for_the_right_patient(self, world: World) -> None:
        world.given(issued(), transfuse(patient="p2"))
        assert world.nonconformities() == ["transfused_to_wrong_patient"]
        world.given(annul(RC1, world.version_of(RC1, "bag.transfused")), transfuse())
        assert (world.nonconformities(), world.bag().given_to()) == ([], {"p1"})

    def test_a_collection_annulled_and_recorded_for_the_right_donor_is_no_conflict(self, world: World) -> None:
        world.given(collect(donor="wrong"))
        world.given(annul(WB1, 1), collect(donor="right"))
        assert (world.holds(WB1), world.nonconformities(WB1), world.nonconformities(D1)) == ([], [], [])

    def test_a_withdrawn_nonconformity_comes_back_when_what_explained_it_is_annulled(self, world: World) -> None:
        world.given(in_stock(), crossmatch(), on(at(1), transfuse()), on(at(0, 12), reported(issue())))
        assert world.nonconformities() == []
        world.when(annul(RC1, world.version_of(RC1, "bag.issued")))
        assert world.nonconformities() == ["transfused_not_issued"]

    @pytest.mark.parametrize("name", ["bag.tested", "bag.held", "bag.notice_opened", "bag.nonconformity_raised"])
    def test_what_followed_from_another_fact_is_corrected_by_its_cause_only(self, world: World, name: str) -> None:
        world.given(in_stock(), crossmatch(), issue(), reactive(), transfuse(patient="p2"))
        world.when(annul(RC1, world.version_of(RC1, name)))
        world.then_refused("FactIsConsequence")


class TestAnnullingAProcess:
    @pytest.mark.parametrize("stream,version", [(WB1, 2), (RC1, 1), (PL1, 1)])
    def test_any_fact_of_a_separation_takes_the_whole_back(self, world: World, stream: str, version: int) -> None:
        world.given(collect(), separate())
        world.when(annul(stream, version))
        assert (world.status(WB1), world.status(RC1), world.status(PL1)) == ("quarantine", "out", "out")
        assert world.bag(WB1).children == {} and world.bag(RC1).parents == {}

    def test_a_pool_is_taken_back_on_all_members(self, world: World) -> None:
        pool = "A999926900001=E3088V00"
        world.given(collect(), separate(), collect(WB2, "donor-2"), separate(D2))
        world.given(prepare("pool", [RC1, RC2], (pool, RED, "4 U")))
        world.when(annul(pool, 1))
        assert (world.status(RC1), world.status(RC2), world.status(pool)) == ("quarantine", "quarantine", "out")

    def test_a_labelling_is_taken_back_on_the_container(self, world: World) -> None:
        world.given(collect(f"{D1}#1"), say("LabelBag", bag=WB1, container=f"{D1}#1"))
        world.when(annul(WB1, world.version_of(WB1, "bag.labelled")))
        assert (world.status(f"{D1}#1"), world.status(WB1)) == ("quarantine", "out")

    def test_taking_the_annulment_back_restores_the_process_on_all_streams(self, world: World) -> None:
        world.given(collect(), separate(), annul(WB1, 2))
        world.when(annul(WB1, world.version_of(WB1, "bag.annulled")))
        assert (world.status(WB1), world.status(RC1), world.status(PL1)) == (
            "consumed", "quarantine", "quarantine"
        )  # fmt: skip

    def test_holds_that_came_over_that_edge_are_unlinked(self, world: World) -> None:
        world.given(collect(), hold("bag", WB1), separate())
        assert world.holds(RC1) == ["recall"]
        world.when(annul(WB1, world.version_of(WB1, "bag.consumed")))
        assert (world.holds(RC1), world.holds(PL1), world.holds(WB1)) == ([], [], ["recall"])

    def test_a_hold_over_a_wrong_pool_is_unlinked_from_what_was_made_of_it(self, world: World) -> None:
        pool, aliquot = "A999926900001=E3088V00", "A999926900001=E3088VA0"
        world.given(in_stock(), in_stock(D2), prepare("pool", [RC1, RC2], (pool, RED, "4 U")))
        world.given(prepare("split", pool, (aliquot, RED, "4 U")), reactive())
        assert world.holds(aliquot) == ["reactive_result"]
        world.when(annul(pool, 1))
        assert (world.holds(aliquot), world.holds(RC2), world.holds(RC1)) == ([], [], ["reactive_result"])

    def test_a_process_taken_back_may_be_done_again(self, world: World) -> None:
        world.given(collect(), separate(), annul(WB1, 2))
        world.when(separate())
        world.then_recorded()
        assert world.nonconformities(RC1) == []

    def test_a_merge_of_donors_is_taken_back_on_both(self, world: World) -> None:
        world.given(in_stock(D1, "a"), in_stock(D2, "b"), hold("donor", "a"))
        world.given(say("MergeDonors", donor="a", other="b"))
        assert world.holds(RC2) == ["recall"]
        world.when(annul("donor:a", world.version_of("donor:a", "donor.merged")))
        assert world.facts("donor:b")[-1] == "donor.annulled"
        assert (world.holds(RC1), world.holds(RC2)) == (["recall"], [])

    def test_a_reported_annulment_by_content_takes_the_whole_process_back(self, world: World) -> None:
        world.given(collect(), separate())
        world.when(wrong(RC1, "bag.prepared", process="separate"))
        assert (world.status(WB1), world.status(PL1)) == ("quarantine", "out")


class TestAmending:
    def test_an_amended_result_places_a_hold(self, world: World) -> None:
        world.given(in_stock())
        world.when(amend(D1, 2, changes={"result": "reactive"}))
        assert world.holds() == ["reactive_result"]
        assert world.bag(RC1).panels[D1].outcome == "unacceptable"

    def test_an_amended_result_takes_a_hold_back(self, world: World) -> None:
        world.given(in_stock(), reactive())
        world.when(amend(D1, world.version_of(D1, "donation.tested"), changes={"result": "nonreactive"}))
        assert world.holds() == []

    def test_an_amendment_of_an_amendment_changes_what_that_one_amends(self, world: World) -> None:
        world.given(collect(), amend(WB1, 1, changes={"quantity": q("1.5 U"), "session": "van 1"}))
        world.when(amend(WB1, 2, changes={"quantity": q("1 U")}))
        assert world.bag(WB1).quantity == (1, "U")
        assert world.bag(WB1).origins[0].session == "van 1"

    def test_an_annulled_amendment_gives_the_first_value_back(self, world: World) -> None:
        world.given(collect(), amend(WB1, 1, changes={"quantity": q("1 U")}))
        world.when(annul(WB1, 2))
        assert world.bag(WB1).quantity == (2, "U")

    def test_the_later_of_two_amendments_governs(self, world: World) -> None:
        world.given(collect(), amend(WB1, 1, changes={"quantity": q("1 U")}))
        world.given(amend(WB1, 1, changes={"quantity": q("1.5 U")}))
        assert str(world.bag(WB1).quantity.amount) == "1.5"  # type: ignore[union-attr]
        world.when(annul(WB1, 3))
        assert world.bag(WB1).quantity == (1, "U")

    def test_an_amended_time_is_judged_by_the_new_time(self, world: World) -> None:
        world.given(issued(), on(at(50), transfuse()))
        assert world.nonconformities() == ["transfused_expired"]
        world.when(amend(RC1, world.version_of(RC1, "bag.transfused"), changes={"happened_at": at(5)}))
        assert world.nonconformities() == []

    def test_an_amended_field_may_be_emptied(self, world: World) -> None:
        world.given(collect(group="B"), amend(WB1, 1, changes={"group": None}))
        assert world.bag(WB1).declared_group == (None, None)

    @pytest.mark.parametrize(
        "changes",
        [
            {"colour": "red"}, {"quantity": "2 U"}, {"quantity": {"amount": "-1", "measure": "U"}},
            {"quantity": {"amount": "1", "measure": "litres"}}, {"happened_at": "yesterday"},
            {"happened_at": "2026-03-01T08:00:00"}, {"donor": ""}, {"donor": 7}, {"originator_id": "x"},
            {"occasion": {}}, {"lots": "L1"}, {"donor": None},
        ],
        ids=str,
    )  # fmt: skip
    def test_a_change_that_does_not_fit_its_field_is_refused(self, world: World, changes: dict[str, object]) -> None:
        world.given(collect())
        world.when(amend(WB1, 1, changes=changes))
        world.then_refused("FieldNotAmendable")

    @pytest.mark.parametrize(
        "version,changes",
        [(1, {"result": "rective"}), (1, {"stage": "last"}), (2, {"group": "Z"}), (2, {"rhd": "maybe"})],
        ids=str,
    )
    def test_a_code_that_does_not_exist_is_refused(
        self, world: World, version: int, changes: dict[str, object]
    ) -> None:
        world.given(reactive(), group())
        place = [1, world.version_of(D1, "donation.grouped")][version - 1]
        world.when(amend(D1, place, changes=changes))
        world.then_refused("FieldNotAmendable")

    @pytest.mark.parametrize(
        "changes,scope",
        [
            ({"lots": [{"kind": "container", "id": "L2"}]}, ("container_lot", "L2")),
            ({"devices": ["scale-2"]}, ("device", "scale-2")),
            ({"collector": "bob"}, ("operator", "bob")),
        ],
        ids=["lot", "device", "operator"],
    )
    @pytest.mark.parametrize("hold_first", [True, False])
    def test_a_hold_finds_a_bag_by_its_amended_material(
        self, world: World, changes: dict[str, object], scope: tuple[str, str], hold_first: bool
    ) -> None:
        world.given(collect(lots=[{"kind": "container", "id": "L1"}]))
        steps = [hold(*scope), amend(WB1, 1, changes=changes)]
        world.given(steps if hold_first else steps[::-1])
        assert world.holds(WB1) == ["recall"]

    def test_a_hold_no_longer_finds_a_bag_by_what_was_amended_away(self, world: World) -> None:
        world.given(collect(lots=[{"kind": "container", "id": "L1"}]), hold("container_lot", "L1"))
        world.when(amend(WB1, 1, changes={"lots": []}))
        assert world.holds(WB1) == []

    @pytest.mark.parametrize("hold_first", [True, False])
    def test_a_hold_finds_a_donation_by_its_amended_donor(self, world: World, hold_first: bool) -> None:
        world.given(collect(donor="wrong"), separate())
        steps = [hold("donor", "right"), amend(D1, 1, changes={"donor": "right"})]
        world.given(steps if hold_first else steps[::-1])
        assert world.holds(RC1) == ["recall"]

    def test_an_amended_quantity_settles_a_conservation_nonconformity(self, world: World) -> None:
        world.given(collect(quantity=q("1 U")), panel())
        world.given(reported(prepare("split", WB1, (f"{D1}=E0336VA0", "whole_blood", "2 U"))))
        assert world.nonconformities(WB1) == ["quantity_not_conserved"]
        world.when(amend(WB1, 1, changes={"quantity": q("2 U")}))
        assert world.nonconformities(WB1) == []


class TestReportedCorrections:
    def test_one_that_names_its_target_by_content_annuls_it(self, world: World) -> None:
        world.given(issued(), transfuse())
        world.when(wrong(patient="p1"))
        assert (world.status(), world.nonconformities()) == ("issued", [])

    def test_one_of_something_unknown_is_recorded_with_a_nonconformity(self, world: World) -> None:
        world.given(issued())
        world.when(wrong(patient="p1"))
        world.then_recorded("bag.annulled", "bag.nonconformity_raised")
        assert world.nonconformities() == ["correction_of_unknown"]

    def test_it_takes_effect_when_its_target_arrives(self, world: World) -> None:
        world.given(issued(), on(at(2), wrong(patient="p1")))
        world.when(on(at(1), transfuse()))
        assert (world.status(), world.nonconformities()) == ("issued", [])

    def test_an_amendment_before_its_target_takes_effect_when_it_arrives(self, world: World) -> None:
        early = reported(amend(RC1, fact="bag.transfused", match={"patient": "p2"}, changes={"patient": "p1"}))
        world.given(issued(), on(at(2), early))
        world.when(on(at(1), transfuse(patient="p2")))
        assert (world.bag().given_to(), world.nonconformities()) == ({"p1"}, [])

    def test_one_of_a_bag_never_heard_of_opens_its_stream(self, world: World) -> None:
        world.when(wrong(patient="p1"))
        world.then_recorded()
        assert world.nonconformities() == ["correction_of_unknown"]

    def test_one_of_an_unknown_donations_result_is_recorded(self, world: World) -> None:
        world.when(wrong(D1, "donation.tested", marker="hbsag"))
        assert world.nonconformities(D1) == ["correction_of_unknown"]
        world.given(on(at(-1), reactive()), on(at(-1, 7), collect()))
        assert world.holds(WB1) == []

    def test_one_that_matches_another_fact_leaves_it_alone(self, world: World) -> None:
        world.given(issued(), transfuse())
        world.when(wrong(patient="p2"))
        assert (world.status(), world.nonconformities()) == ("transfused", ["correction_of_unknown"])

    def test_by_version_it_is_recorded_even_when_that_is_not_there_yet(self, world: World) -> None:
        world.given(issued())
        world.when(reported(annul(RC1, 99)))
        assert world.nonconformities() == ["correction_of_unknown"]

    def test_one_may_be_corrected_itself(self, world: World) -> None:
        world.given(issued(), transfuse(), wrong(patient="p1"))
        world.when(annul(RC1, world.version_of(RC1, "bag.annulled")))
        assert (world.status(), world.nonconformities()) == ("transfused", [])

    def test_an_annulled_correction_of_unknown_is_no_longer_a_nonconformity(self, world: World) -> None:
        world.given(issued(), wrong(patient="p1"))
        world.when(annul(RC1, world.version_of(RC1, "bag.annulled")))
        assert world.nonconformities() == []

    @pytest.mark.parametrize(
        "match",
        [
            {"happened_at": at(1)},
            {"started_at": at(1)},
            {"quantity": {"amount": "1.50", "measure": "U"}},
            {"quantity": {"measure": "U", "amount": "1.5"}},
        ],
        ids=str,
    )
    def test_a_match_is_by_value_not_by_its_text(self, world: World, match: dict[str, object]) -> None:
        world.given(issued(), on(at(1), transfuse(started_at=at(1), quantity=q("1.5 U"))))
        world.when(on(at(2), wrong(**match)))
        assert (world.status(), world.nonconformities()) == ("issued", [])

    def test_one_does_not_reach_what_happened_after_it(self, world: World) -> None:
        world.given(issued(), on(at(1), transfuse()), on(at(1, 9), wrong(patient="p1")))
        assert world.status() == "issued"
        world.when(on(at(2), transfuse()))
        world.then_recorded()
        assert world.status() == "transfused"

    @pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
    def test_what_it_reaches_does_not_depend_on_the_order_of_arrival(
        self, world: World, order: tuple[int, ...]
    ) -> None:
        messages = [on(at(1), transfuse()), on(at(1, 9), wrong(patient="p1")), on(at(2), transfuse())]
        world.given(issued(), [messages[index] for index in order])
        assert (world.status(), len(world.bag().transfusions)) == ("transfused", 1)

    def test_the_same_message_again_is_repeated(self, world: World) -> None:
        world.given(issued(), transfuse(), on(at(2), wrong(patient="p1")))
        world.when(on(at(2), wrong(patient="p1")))
        assert world.answer.outcome == "repeated"


def test_a_bag_restored_to_stock_may_be_issued_again(world: World) -> None:
    world.given(issued())
    world.given(annul(RC1, world.version_of(RC1, "bag.issued")))
    assert world.status() == "available"
    world.when(issue())
    world.then_recorded("bag.issued")


def test_an_amended_expiry_governs(world: World) -> None:
    world.given(collect(), panel(), separate(), release())
    world.when(amend(RC1, 1, changes={"label_expires_at": at(3)}))
    assert world.bag().expires_at == utc(at(3))
    assert world.nonconformities() == []


def test_a_result_corrected_twice_in_one_batch(world: World) -> None:
    world.given(in_stock(), result(outcome="indeterminate"))
    version = world.version_of(D1, "donation.tested")
    first, second = world.commit(
        amend(D1, version, changes={"result": "reactive"}), amend(D1, version, changes={"result": "nonreactive"})
    )
    assert (first.outcome, second.outcome) == ("recorded", "recorded")
    assert world.holds() == []


def test_a_restored_collection_restores_its_registration(world: World) -> None:
    # annulling `collected` takes its registration back; annulling that annulment brings the bag back only.
    world.given(collect(), annul(WB1, 1), annul(WB1, 2))
    assert world.bag(WB1).known
    assert world.donation().registered is not None


def test_a_reported_annulment_of_what_followed_does_not_free_a_bag_with_a_reactive_result(world: World) -> None:
    # the hold that the result placed is gone although the result stands: rule 2, and only lifting frees.
    world.given(in_stock(), reactive())
    world.when(reported(annul(f"hold:donation:{D1}", 1)))
    assert world.holds() == ["reactive_result"]


# Amend takes names that are none; the next command that walks there fails as a defect, for good.
@pytest.mark.parametrize("stream,changes", [(WB1, {"children": ["x"]}), (RC1, {"parents": ["x"]})], ids=str)
def test_an_amended_bag_name_must_be_one(world: World, stream: str, changes: dict[str, object]) -> None:
    world.given(collect(), separate())
    name = "bag.consumed" if stream == WB1 else "bag.prepared"
    world.when(amend(stream, world.version_of(stream, name), changes=changes))
    world.then_refused("FieldNotAmendable")


class TestWhatFollowsFromAnAmendment:
    def test_another_day_of_collection_is_another_expiry_for_the_bag_and_what_was_made_of_it(
        self, world: World
    ) -> None:
        world.given(on(at(0), collect()), on(at(0, 9), separate()))
        before = (world.bag(WB1).expires_at, world.bag(RC1).expires_at)
        world.given(on(at(1), amend(WB1, 1, changes={"happened_at": at(-10)})))
        after = (world.bag(WB1).expires_at, world.bag(RC1).expires_at)
        assert [new - old for new, old in zip(after, before, strict=True)] == [timedelta(days=-10)] * 2

    def test_an_expiry_that_the_rules_set_is_not_amended_by_hand(self, world: World) -> None:
        world.given(collect())
        world.when(amend(WB1, 1, changes={"rule_expires_at": at(3000)}))
        world.then_refused("FieldNotAmendable")

    def test_the_donor_of_a_collection_is_amended_on_the_donation_too(self, world: World) -> None:
        world.given(collect(donor="wrong"), amend(WB1, 1, changes={"donor": "right"}), hold("donor", "right"))
        assert world.holds(WB1) == ["recall"]
        assert world.nonconformities(D1) == []


def test_the_reason_of_an_annulled_process_is_sealed_for_the_fact_it_takes_back_on_each_stream(world: World) -> None:
    """Not for a patient whom another fact, of the same version on another stream, happens to name."""
    world.given(collect(), separate(), say("CrossmatchBag", bag=RC1, patient="p1", result="compatible"))
    named = world.version_of(RC1, "bag.crossmatched")
    world.given(annul(WB1, named))
    [annulled] = [fact for fact in world.bag(RC1).facts if type(fact).__name__ == "Annulled"]
    assert annulled.reason.key_id == "text"  # type: ignore[attr-defined]


class TestWhatWasToldAgain:
    """Of an unknown bag the site's rules say nothing; once it is known, what was seen is told again by them."""

    def test_annulling_a_thawing_takes_back_what_was_told_again_of_it(self, world: World) -> None:
        world.given(reported(on(at(1), say("ModifyBag", bag=PL1, method="thaw"))))
        world.given(on(at(0), collect()), reported(on(at(0, 12), separate())))
        assert world.bag(PL1).expires_at == utc(at(2))
        world.when(annul(PL1, 1))
        assert world.bag(PL1).expires_at == utc(at(365))

    def test_annulling_a_reading_takes_back_what_was_told_again_of_it(self, world: World) -> None:
        world.given(say("RecordBreach", bag=WB1, celsius="4", minutes="30"), collect())
        assert [each.within_rule for each in world.bag(WB1).readings.values()] == [True]
        world.when(annul(WB1, 1))
        assert world.bag(WB1).readings == {}

    def test_an_amended_reading_is_judged_as_amended(self, world: World) -> None:
        world.given(say("RecordBreach", bag=WB1, celsius="12", minutes="30"), collect())
        assert world.holds(WB1) == ["storage_breach"]
        world.when(amend(WB1, 1, changes={"celsius_min": "4", "celsius_max": "4"}))
        assert [(str(each.celsius_max), each.within_rule) for each in world.bag(WB1).readings.values()] == [("4", True)]
        assert world.holds(WB1) == []

    def test_a_reading_restored_counts_again(self, world: World) -> None:
        world.given(say("RecordBreach", bag=WB1, celsius="12", minutes="30"), collect())
        world.given(annul(WB1, 1))
        assert world.holds(WB1) == []
        world.when(annul(WB1, world.facts(WB1).index("bag.annulled") + 1))
        assert [each.within_rule for each in world.bag(WB1).readings.values()] == [False]
        assert world.holds(WB1) == ["storage_breach"]

    def test_whoever_corrects_a_parent_did_not_make_its_children(self, world: World) -> None:
        world.given(collect(by="op2"), separate(by="op2"))
        world.given(annul(WB1, 1, by="op1"))
        made = {each.id for each in world.bag(RC1).attributes if each.kind == "operator"}
        assert made == {"op2"}
        world.given(hold("operator", "op1"))
        assert world.holds() == []
        world.given(hold("operator", "op2"))
        assert world.holds() == ["recall"]


class TestADonationThatWasNotGiven:
    def test_what_its_results_came_to_is_taken_back_with_it(self, world: World) -> None:
        world.given(collect(), panel())
        assert world.bag(WB1).panels[D1].outcome == "acceptable"
        world.given(annul(WB1, 1))
        told = world.bag(WB1).panels[D1]
        assert (told.outcome, told.group, told.concluded_at) == ("pending", None, None)
        concluded = world.donation(D1).concluded
        assert concluded is not None and concluded.outcome == "pending"
        world.given(annul(WB1, world.facts(WB1).index("bag.annulled") + 1))
        assert world.bag(WB1).panels[D1].outcome == "acceptable"

    def test_results_of_a_donation_never_registered_come_to_nothing(self, world: World) -> None:
        world.when(group())
        world.then_recorded("donation.grouped", "donation.nonconformity_raised")


class TestWhatWasSaidTogether:
    def test_a_donor_corrected_by_content_is_corrected_on_the_registration_too(self, world: World) -> None:
        world.given(collect())
        world.when(reported(say("Amend", stream=WB1, fact="bag.collected", match={"donor": "donor-1"},
                                changes={"donor": "donor-9"}, reason="mixed up")))  # fmt: skip
        world.then_recorded()
        assert world.donation(D1).donors == ["donor-9"]

    def test_an_amendment_taken_back_is_taken_back_on_the_registration_too(self, world: World) -> None:
        world.given(collect(), amend(WB1, 1, changes={"donor": "donor-9"}))
        assert world.donation(D1).donors == ["donor-9"]
        world.given(annul(WB1, world.version_of(WB1, "bag.amended")))
        assert world.donation(D1).donors == ["donor-1"]

    @pytest.mark.parametrize("merged_again", [True, False])
    def test_a_merge_that_is_corrected_is_judged_again(self, world: World, merged_again: bool) -> None:
        world.given(collect(), group(), collect(WB2, "donor-2"), group(D2, "B"))
        assert (world.holds(WB1), world.holds(WB2)) == ([], [])
        world.given(say("MergeDonors", donor="donor-1", other="donor-2"))
        assert "disputed_group" in world.holds(WB2) + world.holds(WB1)
        held = WB2 if world.holds(WB2) else WB1
        if merged_again:
            world.given(say("UnmergeDonors", donor="donor-1", other="donor-2"))
            assert world.holds(held) == []
            world.given(annul("donor:donor-1", world.version_of("donor:donor-1", "donor.unmerged")))
            assert world.holds(held) == ["disputed_group"]
        else:
            world.given(annul("donor:donor-1", world.version_of("donor:donor-1", "donor.merged")))
            assert world.holds(held) == []
