"""This file holds the twelve rules that shape the design, a class each; every name is a promise."""

import itertools
from typing import Any

import pytest

from tests.domain.world import (
    D1,
    D2,
    D3,
    FFP,
    MARKERS,
    PC,
    PC1,
    PC2,
    PL1,
    PL2,
    PLT,
    RC1,
    RC2,
    RED,
    WB1,
    WB2,
    Said,
    World,
    amend,
    annul,
    at,
    collect,
    crossmatch,
    discard,
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
    reactive,
    release,
    reported,
    result,
    say,
    separate,
    transfuse,
)

CHECKED = [collect(), separate(), *release()[:2]]
RELEASE = say("ReleaseBag", bag=RC1)
EMERGENCY = say("EmergencyReleaseBag", bag=RC1, authoriser="chief", reason="bleeding to death")
POOL = "A999926900001=E3088V00"


def pooled(count: int = 4) -> list[Said]:
    """Platelets of so many donations, pooled under a number of the pooling facility."""
    told: list[Said] = []
    members = [f"A999926{n:06d}={PC}" for n in range(1, count + 1)]
    for n, member in enumerate(members, 1):
        told.append(collect(f"A999926{n:06d}=E0336V00", f"donor-{n}"))
        told.append(prepare("separate", f"A999926{n:06d}=E0336V00", (f"A999926{n:06d}=E5445V00", RED, "2 U"),
                            (member, PLT, "2 U")))  # fmt: skip
    return [*told, prepare("pool", members, (POOL, "pooled_platelets", f"{2 * count} U"))]


class TestRule1ReleaseIsADecision:
    def test_a_bag_of_an_acceptable_donation_with_all_checks_is_released(self, world: World) -> None:
        world.given(CHECKED, panel())
        world.when(RELEASE)
        world.then_recorded("bag.released")
        assert world.status() == "available"

    def test_the_release_names_the_donation_and_version_it_relied_on(self, world: World) -> None:
        world.given(CHECKED, panel())
        world.when(RELEASE)
        assert world.bag().released.donations == ((D1, world.donation().version),)

    @pytest.mark.parametrize("open_marker", MARKERS)
    def test_a_bag_is_not_released_while_a_result_is_open(self, world: World, open_marker: str) -> None:
        world.given(CHECKED, [each for each in panel() if each.get("marker") != open_marker])
        world.when(RELEASE)
        world.then_refused("ResultsOpen")
        assert open_marker in world.answer.problem.text()  # type: ignore[union-attr]

    def test_a_bag_is_not_released_while_its_group_is_not_known(self, world: World) -> None:
        world.given(CHECKED, panel()[:-1])
        world.when(RELEASE)
        world.then_refused("ResultsOpen")

    def test_a_result_that_is_not_final_leaves_the_panel_open(self, world: World) -> None:
        world.given(CHECKED, panel()[1:], result(final=False))
        world.when(RELEASE)
        world.then_refused("ResultsOpen")

    def test_the_donation_is_concluded_once_by_its_last_result(self, world: World) -> None:
        world.given(collect())
        names = [[fact.name for fact in answer.facts] for answer in world.given(panel())]
        assert [("donation.concluded.v1" in each) for each in names] == [False] * 8 + [True]

    @pytest.mark.parametrize("outcome", ["reactive", "unacceptable", "indeterminate"])
    def test_a_bad_final_result_makes_the_donation_unacceptable(self, world: World, outcome: str) -> None:
        bad = result(marker="alt", outcome=outcome)
        cause = "disputed_result" if outcome == "indeterminate" else "reactive_result"
        world.given(CHECKED, [each for each in panel() if each.get("marker") != "alt"], bad)
        world.given(lift("donation", D1, cause))
        world.when(RELEASE)
        world.then_refused("DonationNotAcceptable")

    def test_a_failed_inspection_that_is_repeated_well_needs_its_hold_lifted(self, world: World) -> None:
        world.given(CHECKED, panel(), say("InspectBag", bag=RC1, passed=False), say("InspectBag", bag=RC1))
        world.when(RELEASE)
        world.then_refused("BagHeld")
        world.given(lift("bag", RC1, "inspection_failed"))
        world.when(RELEASE)
        world.then_recorded("bag.released")

    def test_an_expired_bag_is_not_released(self, world: World) -> None:
        world.given(CHECKED, panel())
        world.when(on(at(36), RELEASE))
        world.then_refused("BagExpired")

    def test_a_held_bag_is_not_released(self, world: World) -> None:
        world.given(CHECKED, panel(), hold("bag", RC1))
        world.when(RELEASE)
        world.then_refused("BagHeld")

    def test_a_pool_needs_every_donation_acceptable(self, world: World) -> None:
        world.given(pooled(3), panel(D1), panel(D2), release(POOL)[:2])
        world.when(say("ReleaseBag", bag=POOL))
        world.then_refused("ResultsOpen")
        world.given(panel(D3))
        world.when(say("ReleaseBag", bag=POOL))
        world.then_recorded()
        assert {ref.stream for ref in world.bag(POOL).released.donations} == {D1, D2, D3}

    def test_a_received_bag_relies_on_the_senders_named_release(self, world: World) -> None:
        world.given(say("ReceiveBag", bag=RC1, **{"from": "C9"}, released_by="dr-x", facility="C1"))
        assert world.status() == "available"
        world.given(crossmatch())
        world.when(issue())
        world.then_recorded("bag.issued")
        assert world.nonconformities() == []

    def test_a_received_bag_without_a_named_release_stays_in_quarantine(self, world: World) -> None:
        world.given(say("ReceiveBag", bag=RC1, **{"from": "C9"}, facility="C1"))
        assert world.status() == "quarantine"

    def test_what_is_made_from_a_received_bag_relies_on_the_senders_release_too(self, world: World) -> None:
        made = f"{D1}=E5448V00"
        world.given(
            say("ReceiveBag", bag=RC1, **{"from": "C9"}, released_by="dr-x", facility="C1",
                collected_at=at(0), quantity={"amount": "2", "measure": "U"}),
            prepare("irradiate", RC1, (made, "irradiated_red_cells", "2 U")),
            release(made)[:2],
        )  # fmt: skip
        world.when(say("ReleaseBag", bag=made))
        world.then_recorded("bag.released")

    def test_a_deferral_that_begins_after_the_donation_and_reaches_back_stops_release(self, world: World) -> None:
        world.given(CHECKED, panel(), say("DeferDonor", donor="donor-1", cause="hiv", reaches_back_to=at(-1)))
        world.when(RELEASE)
        world.then_refused("DonorDeferred")

    def test_a_deferral_that_does_not_reach_this_donation_lets_it_go(self, world: World) -> None:
        deferral = say("DeferDonor", donor="donor-1", cause="tattoo", reaches_back_to=at(5))
        world.given(CHECKED, panel(), on(at(6), deferral))
        world.when(on(at(7), RELEASE))
        world.then_recorded("bag.released")

    def test_a_deferral_that_ended_before_the_donation_lets_it_go(self, world: World) -> None:
        world.given(on(at(-30), say("DeferDonor", donor="donor-1", cause="tattoo", until=at(-10))))
        world.given(CHECKED, panel())
        world.when(RELEASE)
        world.then_recorded("bag.released")

    def test_a_lifted_deferral_no_longer_stops_release(self, world: World) -> None:
        world.given(CHECKED, panel(), say("DeferDonor", donor="donor-1", cause="travel"))
        world.given(say("LiftDeferral", donor="donor-1", cause="travel"))
        world.when(RELEASE)
        world.then_recorded("bag.released")

    def test_an_emergency_release_leaves_a_nonconformity_until_the_results_are_acceptable(self, world: World) -> None:
        world.given(collect(), separate(), EMERGENCY)
        assert world.nonconformities() == ["emergency_release_results_open"]
        assert world.status() == "available"
        world.given(panel()[:-1])
        assert world.nonconformities() == ["emergency_release_results_open"]
        world.when(panel()[-1])
        assert "bag.nonconformity_withdrawn" in world.recorded_names()
        assert world.nonconformities() == []

    def test_an_emergency_release_stays_flagged_when_the_results_turn_out_bad(self, world: World) -> None:
        world.given(collect(), separate(), EMERGENCY, panel()[1:], reactive())
        assert "emergency_release_results_open" in world.nonconformities()

    def test_an_emergency_release_never_frees_a_held_bag(self, world: World) -> None:
        world.given(collect(), separate(), reactive())
        world.when(EMERGENCY)
        world.then_refused("BagHeld")

    @pytest.mark.parametrize("left_out", ["authoriser", "reason"])
    def test_an_emergency_release_needs_authoriser_and_reason(self, world: World, left_out: str) -> None:
        world.given(collect(), separate())
        world.when({name: value for name, value in EMERGENCY.items() if name != left_out})
        world.then_malformed(left_out)

    def test_an_autologous_bag_has_its_own_release_for_its_own_recipient(self, world: World) -> None:
        world.given(collect(purpose="autologous", intended_for="p1"), release(WB1)[:2])
        world.when(say("ReleaseAutologousBag", bag=WB1, patient="p2"))
        world.then_refused("BagBoundToAnotherPatient")
        world.when(say("ReleaseAutologousBag", bag=WB1, patient="p1"))
        world.then_recorded("bag.released")
        assert world.nonconformities(WB1) == []

    def test_a_batch_is_released_whole_or_not_at_all(self, world: World) -> None:
        world.given(in_stock()[:-1], in_stock(D2)[:-1], hold("bag", RC2))
        world.when(say("ReleaseBag", bags=[RC1, RC2]))
        world.then_refused("BagHeld")
        assert world.status(RC1) == "quarantine"

    def test_process_records_must_be_complete(self, world: World) -> None:
        world.given(
            say("RegisterDonation", din=D1, donor="donor-1", facility="C1", kind="whole_blood"),
            panel(), reported(separate()), release()[:2],
        )  # fmt: skip
        world.when(RELEASE)
        world.then_refused("ProcessRecordsIncomplete")
        world.given(on(at(0, 7), collect()))
        world.when(RELEASE)
        world.then_recorded()


class TestRule2ResultsBelongToTheDonation:
    def test_a_reactive_result_holds_every_bag_of_the_donation_in_its_own_commit(self, world: World) -> None:
        world.given(in_stock())
        answer = world.when(reactive())
        held = {fact.stream for fact in answer.facts if fact.name == "bag.held.v1"}
        assert held == {WB1, RC1, PL1}
        assert world.holds(WB1) == world.holds(RC1) == world.holds(PL1) == ["reactive_result"]

    @pytest.mark.parametrize("stage", ["initial", "repeat", "supplemental", "confirmatory"])
    @pytest.mark.parametrize("final", [True, False])
    def test_a_reactive_result_of_any_stage_holds(self, world: World, stage: str, final: bool) -> None:
        world.given(in_stock())
        world.when(reactive(stage=stage, final=final))
        assert world.holds() == ["reactive_result"]

    def test_a_disputed_result_holds(self, world: World) -> None:
        world.given(in_stock())
        world.when(result(outcome="indeterminate", stage="repeat"))
        assert world.holds() == ["disputed_result"]

    def test_self_exclusion_of_a_donation_holds_its_bags(self, world: World) -> None:
        world.given(in_stock(D1, "d"), in_stock(D2, "d"))
        world.when(say("RecordSelfExclusion", donor="d", din=D1))
        assert (world.holds(RC1), world.holds(RC2)) == (["self_exclusion"], [])

    def test_self_exclusion_without_a_donation_holds_all_of_the_donors_bags(self, world: World) -> None:
        world.given(in_stock(D1, "d"), in_stock(D2, "d"))
        world.when(say("RecordSelfExclusion", donor="d"))
        assert world.holds(RC1) == world.holds(RC2) == ["self_exclusion"]

    def test_post_donation_information_holds(self, world: World) -> None:
        world.given(in_stock())
        world.when(say("RecordPostDonationInformation", din=D1, kind="fever"))
        assert world.holds() == world.holds(PL1) == world.holds(WB1) == ["post_donation_information"]

    def test_the_hold_reaches_through_splits_pools_and_relabels(self, world: World) -> None:
        split_a, split_b = f"{D1}=E5445VA0", f"{D1}=E5445VB0"
        again = f"{D1}=E5445VAa"
        renumbered = "G123426555555=E5445V00"
        world.given(
            pooled(4),
            prepare("split", RC1, (split_a, RED, "1 U"), (split_b, RED, "1 U")),
            prepare("split", split_a, (again, RED, "1 U")),
            prepare("relabel", split_b, (renumbered, RED, "1 U")),
        )
        world.when(reactive())
        reached = [WB1, RC1, split_a, split_b, again, renumbered, PC1, POOL]
        assert {bag: world.holds(bag) for bag in reached} == {bag: ["reactive_result"] for bag in reached}

    def test_used_bags_and_consumed_parents_are_held_too(self, world: World) -> None:
        world.given(issued(), transfuse())
        world.when(reactive())
        assert world.holds(WB1) == world.holds(RC1) == ["reactive_result"]
        assert (world.status(WB1), world.status(RC1)) == ("consumed", "transfused")

    def test_a_bag_already_out_gets_an_open_consignee_notice(self, world: World) -> None:
        world.given(in_stock(), say("DistributeBag", bag=RC1, to="H1"))
        world.when(reactive())
        assert world.notices() == [("consignee", "H1")]

    def test_a_used_bag_gets_an_open_alert_for_its_recipient(self, world: World) -> None:
        world.given(issued(), transfuse())
        answer = world.when(reactive())
        assert world.notices() == [("recipient", "p1")]
        assert world.alerts("p1") == [RC1]
        assert ("patient:p1", "recipient.alerted.v1") in [(fact.stream, fact.name) for fact in answer.facts]

    def test_a_separation_after_the_result_gives_children_born_held(self, world: World) -> None:
        world.given(collect(), reactive())
        world.when(separate())
        world.then_recorded()
        assert world.holds(RC1) == world.holds(PL1) == ["reactive_result"]

    def test_a_separation_in_the_same_batch_as_the_result_gives_children_born_held(self, world: World) -> None:
        world.given(collect())
        world.commit(reactive(), separate())
        assert world.holds(RC1) == ["reactive_result"]

    def test_results_may_come_before_the_donation_is_registered(self, world: World) -> None:
        world.given(panel())
        assert world.nonconformities(D1) == ["donation_unknown"]
        world.when(on(at(0, 7), collect()))
        assert world.nonconformities(D1) == []
        assert "donation.concluded" in world.recorded_names()
        world.given(separate(), release()[:2])
        world.when(RELEASE)
        world.then_recorded()

    def test_a_reactive_result_of_an_unknown_donation_governs_when_it_arrives(self, world: World) -> None:
        world.given(reactive())
        world.when(on(at(0, 7), collect()))
        assert world.holds(WB1) == ["reactive_result"]

    def test_results_between_the_separations_reach_earlier_and_later_bags(self, world: World) -> None:
        world.given(collect(), separate(), panel()[1:], result())
        world.given(prepare("split", RC1, (f"{D1}=E5445VA0", RED, "2 U")))
        panels = {bag: world.bag(bag).panels[D1].outcome for bag in (WB1, RC1, PL1, f"{D1}=E5445VA0")}
        assert set(panels.values()) == {"acceptable"}

    def test_a_bag_heard_of_later_is_born_with_every_open_hold_of_its_donation(self, world: World) -> None:
        world.given(collect(), reactive(), hold("donation", D1, "look_back"))
        world.when(transfuse(f"{D1}=E5445VB0"))
        assert world.holds(f"{D1}=E5445VB0") == ["look_back", "reactive_result"]
        assert world.alerts("p1") == [f"{D1}=E5445VB0"] * 2

    def test_what_is_made_of_a_pool_later_is_born_with_its_holds(self, world: World) -> None:
        world.given(pooled(4), reactive(D2))
        child = "A999926900001=E3088VA0"
        world.when(reported(prepare("split", POOL, (child, "pooled_platelets", "4 U"))))
        assert world.holds(child) == ["reactive_result"]

    def test_standing_holds_on_lots_devices_and_operators_catch_what_comes_later(self, world: World) -> None:
        world.given(hold("container_lot", "L1"), hold("device", "scale-1"), hold("operator", "bob"))
        world.when(collect(lots=[{"kind": "container", "id": "L1"}], devices=["scale-1"], collector="bob"))
        assert world.holds(WB1) == ["recall", "recall", "recall"]


class TestRule3HoldsAreCounted:
    def test_placed_twice_lifted_once_is_still_held(self, world: World) -> None:
        world.given(in_stock(), hold("bag", RC1), hold("bag", RC1))
        assert world.holds() == ["recall", "recall"]
        world.when(lift("bag", RC1))
        assert (world.status(), world.holds()) == ("held", ["recall"])
        world.when(lift("bag", RC1))
        assert (world.status(), world.holds()) == ("available", [])

    def test_lifting_one_scope_leaves_the_others(self, world: World) -> None:
        world.given(in_stock(), hold("donation", D1), hold("donor", "donor-1"), hold("bag", RC1))
        world.when(lift("donation", D1))
        assert world.holds() == ["recall", "recall"]
        assert world.holds(PL1) == ["recall"]

    def test_a_scope_hold_is_lifted_from_all_its_bags_and_descendants_in_one_commit(self, world: World) -> None:
        world.given(in_stock(), hold("donation", D1))
        answer = world.when(lift("donation", D1))
        lifted = {fact.stream for fact in answer.facts if fact.name == "bag.hold_lifted.v1"}
        assert lifted == {WB1, RC1, PL1}

    @pytest.mark.parametrize(
        "act",
        [
            say("ReleaseBag", bag=RC1),
            say("EmergencyReleaseBag", bag=RC1, authoriser="chief", reason="r"),
            *(prepare(process, RC1, (f"{D1}=E5446V00", "washed_red_cells", "2 U"))
              for process in ("split", "wash", "irradiate", "thaw", "deglycerolise", "redesignate")),
            prepare("pool", [RC1, RC2], (f"{D1}=E5446V00", RED, "4 U")),
            say("ModifyBag", bag=RC1, method="warm"),
        ],
        ids=lambda said: said.get("process", said["command"]),
    )  # fmt: skip
    def test_a_hold_stops_quality_and_processing(self, world: World, act: Said) -> None:
        world.given(CHECKED, panel(), collect(WB2), separate(D2), hold("bag", RC1))
        world.when(act)
        world.then_refused("BagHeld")

    @pytest.mark.parametrize(
        "act",
        [say("ReserveBag", bag=RC1, patient="p1"), say("DistributeBag", bag=RC1, to="H1"), issue()],
        ids=lambda said: said["command"],
    )
    def test_a_hold_stops_reservation_distribution_and_issue(self, world: World, act: Said) -> None:
        world.given(in_stock(), crossmatch(), hold("bag", RC1))
        world.when(act)
        world.then_refused("BagHeld")

    def test_a_held_bag_is_never_issued_not_even_on_authority(self, world: World) -> None:
        world.given(in_stock(), hold("donation", D1))
        world.when(issue(authoriser="chief", reason="urgent"))
        world.then_refused("BagHeld")

    @pytest.mark.parametrize("process", ["separate", "leukoreduce", "inactivate", "cryo", "freeze", "relabel"])
    def test_a_hold_does_not_stop_these_and_the_child_is_born_held(self, world: World, process: str) -> None:
        child = f"{D1}=E0999V00"
        world.given(collect(), hold("bag", WB1))
        world.when(prepare(process, WB1, (child, "whole_blood", "2 U")))
        world.then_recorded()
        assert world.holds(child) == ["recall"]

    @pytest.mark.parametrize(
        "act",
        [
            say("StoreBag", bag=WB1, place="F1"),
            say("SampleQuality", bag=WB1, sample="S"),
            say("UseForQualityControl", bag=WB1),
            discard(WB1),
        ],
        ids=lambda said: said["command"],
    )
    def test_a_hold_does_not_stop_storage_sampling_quality_control_or_discard(self, world: World, act: Said) -> None:
        world.given(collect(), hold("bag", WB1))
        world.when(act)
        world.then_recorded()

    @pytest.mark.parametrize(
        "cause,given,observation",
        [
            ("returned", issued(), give_back()),
            ("identity_conflict", in_stock(), reported(prepare("split", PL1, (RC1, RED, "1 U")))),
            ("inspection_failed", in_stock(), say("InspectBag", bag=RC1, passed=False)),
            ("label_check_failed", in_stock(), say("VerifyLabel", bag=RC1, passed=False)),
            ("storage_breach", in_stock(), say("RecordBreach", bag=RC1, celsius="12", minutes="30")),
            ("positive_culture", in_stock(),
             say("RecordQualityTest", bag=RC1, test="culture", result="positive")),
            ("disputed_group", in_stock(), group(abo="B")),
            ("post_donation_information", in_stock(),
             say("RecordPostDonationInformation", din=D1, kind="fever")),
            ("self_exclusion", in_stock(), say("RecordSelfExclusion", donor="donor-1")),
            ("reactive_result", in_stock(), reactive()),
            ("disputed_result", in_stock(), result(outcome="indeterminate")),
            ("recall", in_stock(), hold("bag", RC1)),
        ],
        ids=lambda each: each if isinstance(each, str) else "",
    )  # fmt: skip
    def test_these_place_a_hold(self, world: World, cause: str, given: list[Said], observation: Said) -> None:
        world.given(given)
        world.when(observation)
        world.then_recorded()
        assert world.holds() == [cause]

    @pytest.mark.parametrize("celsius", ["2", "4", "6"])
    def test_a_reading_within_the_storage_rule_places_no_hold(self, world: World, celsius: str) -> None:
        world.given(in_stock())
        world.when(say("RecordBreach", bag=RC1, celsius=celsius, minutes="30"))
        world.then_recorded("bag.temperature_breached")
        assert (world.holds(), world.nonconformities()) == ([], [])

    @pytest.mark.parametrize("celsius", ["1.9", "6.1", "-3"])
    def test_a_reading_just_outside_the_storage_rule_holds(self, world: World, celsius: str) -> None:
        world.given(in_stock())
        world.when(say("RecordBreach", bag=RC1, celsius=celsius, minutes="30"))
        assert world.holds() == ["storage_breach"]
        assert world.nonconformities() == ["temperature_out_of_range"]

    @pytest.mark.parametrize(
        "observation",
        [
            say("DeferDonor", donor="donor-1", cause="travel"),
            say("RecordQualityTest", bag=RC1, test="component_quality", result="fail"),
            say("RecordReaction", patient="p1", bags=[RC1], kind="febrile"),
            say("ReportMissing", bag=RC1),
            say("RaiseNonconformity", bag=RC1, code="torn"),
            say("RequestDiscard", bag=RC1, reason="old"),
            crossmatch(result="incompatible"),
        ],
        ids=lambda said: said["command"],
    )
    def test_nothing_else_places_a_hold(self, world: World, observation: Said) -> None:
        world.given(in_stock())
        world.when(observation)
        world.then_recorded()
        assert world.holds() == []


class TestRule4ABadDonationTaintsOnlyWhatCameFromIt:
    def test_the_pool_and_its_aliquots_are_tainted_the_other_members_are_not(self, world: World) -> None:
        aliquot = "A999926900001=E3088VA0"
        world.given(pooled(4), prepare("split", POOL, (aliquot, "pooled_platelets", "8 U")))
        world.when(reactive(D1))
        assert world.holds(POOL) == world.holds(aliquot) == world.holds(PC1) == ["reactive_result"]
        for n in (2, 3, 4):
            number = f"A999926{n:06d}"
            assert [world.holds(f"{number}={code}") for code in ("E0336V00", PC, "E5445V00")] == [[], [], []]

    def test_two_bad_donations_hold_the_pool_twice(self, world: World) -> None:
        world.given(pooled(4), reactive(D1), reactive(D2))
        assert world.holds(POOL) == ["reactive_result"] * 2
        world.when(lift("donation", D1, "reactive_result"))
        assert world.holds(POOL) == ["reactive_result"]

    def test_a_sibling_split_is_not_tainted_by_a_hold_on_the_other(self, world: World) -> None:
        split_a, split_b = f"{D1}=E5445VA0", f"{D1}=E5445VB0"
        world.given(collect(), separate(), prepare("split", RC1, (split_a, RED, "1 U"), (split_b, RED, "1 U")))
        world.when(hold("bag", split_a))
        assert (world.holds(split_a), world.holds(split_b), world.holds(RC1)) == (["recall"], [], [])


class TestRule5AConsumedParentIsGone:
    @pytest.mark.parametrize(
        "act",
        [
            issue(WB1),
            say("ReleaseBag", bag=WB1),
            say("DistributeBag", bag=WB1, to="H1"),
            say("ReserveBag", bag=WB1, patient="p1"),
            say("ModifyBag", bag=WB1, method="warm"),
            separate() | {"outputs": [{"bag": f"{D1}=E9999V00", "component": RED,
                                       "quantity": {"amount": "1", "measure": "U"}}]},
            discard(WB1),
        ],
        ids=lambda said: said["command"],
    )  # fmt: skip
    def test_a_separated_parent_is_of_no_further_use(self, world: World, act: Said) -> None:
        world.given(collect(), panel(), release(WB1), crossmatch(WB1), separate())
        world.when(act)
        world.then_refused("BagConsumed")

    @pytest.mark.parametrize("process", ["split", "pool", "wash", "irradiate", "relabel", "leukoreduce"])
    def test_a_parent_of_any_process_is_consumed(self, world: World, process: str) -> None:
        inputs = [RC1, RC2] if process == "pool" else [RC1]
        world.given(in_stock(), in_stock(D2), crossmatch())
        world.given(prepare(process, inputs, (f"{D1}=E9999V00", RED, "2 U")))
        assert world.status() == "consumed"
        world.when(issue())
        world.then_refused("BagConsumed")

    def test_a_bag_modified_without_a_label_stays_itself(self, world: World) -> None:
        world.given(in_stock(), say("ModifyBag", bag=RC1, method="warm"))
        assert world.status() == "available"


class TestRule6AReturnedBagGoesToHold:
    def test_a_ward_return_is_held_and_never_comes_back(self, world: World) -> None:
        world.given(issued(), give_back())
        assert (world.status(), world.holds()) == ("returned", ["returned"])
        world.given(lift("bag", RC1, "returned"), crossmatch())
        for act in (issue(), say("ReserveBag", bag=RC1, patient="p1"), say("DistributeBag", bag=RC1, to="H2")):
            world.when(act)
            world.then_refused("ReturnedBagMayNotComeBack")
        world.when(discard())
        world.then_recorded("bag.discarded")

    def test_a_return_to_the_centre_comes_back_only_after_its_hold_is_lifted(self, world: World) -> None:
        world.given(in_stock(), say("DistributeBag", bag=RC1, to="H1"), say("RecordArrival", bag=RC1, at="H1"))
        world.given(give_back(leg="hospital_to_centre", facility="C1"))
        assert (world.status(), world.holds()) == ("returned", ["returned"])
        world.when(say("DistributeBag", bag=RC1, to="H2"))
        world.then_refused("BagHeld")
        world.given(lift("bag", RC1, "returned"))
        assert world.status() == "available"
        world.when(say("DistributeBag", bag=RC1, to="H2"))
        world.then_recorded("bag.distributed")


class TestRule7OneWinner:
    def test_of_two_issues_at_once_one_is_told_why_not(self, world: World) -> None:
        world.given(in_stock(), crossmatch(), crossmatch(patient="p2"))
        first, second = world.commit(issue(), issue(patient="p2"))
        assert (first.outcome, second.outcome) == ("recorded", "refused")
        assert second.problem is not None and second.problem.code == "BagAlreadyIssued"

    def test_of_two_distributions_at_once_one_wins(self, world: World) -> None:
        world.given(in_stock())
        answers = world.commit(*(say("DistributeBag", bag=RC1, to=f"H{n}") for n in range(5)))
        assert [each.outcome for each in answers] == ["recorded"] + ["refused"] * 4

    def test_an_issue_and_a_distribution_at_once_have_one_winner(self, world: World) -> None:
        world.given(in_stock(), crossmatch())
        answers = world.commit(say("DistributeBag", bag=RC1, to="H1"), issue())
        assert [each.outcome for each in answers] == ["recorded", "refused"]

    def test_an_issue_without_a_crossmatch_needs_an_authoriser_and_a_reason(self, world: World) -> None:
        world.given(in_stock())
        for incomplete in ({}, {"authoriser": "chief"}, {"reason": "urgent"}):
            world.when(issue(**incomplete))
            world.then_refused("CrossmatchMissing")
        world.when(issue(authoriser="chief", reason="urgent"))
        world.then_recorded("bag.issued")

    @pytest.mark.parametrize(
        "match",
        [
            crossmatch(patient="p2"),
            crossmatch(result="incompatible"),
            crossmatch(valid_until=at(0, 8, 20)),
        ],
    )
    def test_another_patients_an_incompatible_or_an_old_crossmatch_is_none(self, world: World, match: Said) -> None:
        world.given(in_stock(), match)
        world.when(on(at(0, 9), issue()))
        world.then_refused("CrossmatchMissing")

    def test_the_latest_crossmatch_counts(self, world: World) -> None:
        world.given(in_stock(), crossmatch(), crossmatch(result="incompatible"))
        world.when(issue())
        world.then_refused("CrossmatchMissing")

    def test_plasma_needs_no_crossmatch(self, world: World) -> None:
        world.given(collect(), panel(), separate(), release(PL1))
        world.when(issue(PL1))
        world.then_recorded("bag.issued")


class TestRule8NothingIsUpdatedOrDeleted:
    def test_a_correction_is_a_new_fact_and_the_old_one_stays_stored(self, world: World) -> None:
        world.given(issued(), transfuse())
        before = world.facts(RC1)
        world.when(annul(RC1, world.version_of(RC1, "bag.transfused")))
        assert world.facts(RC1)[: len(before)] == before
        assert "bag.annulled" in world.facts(RC1)

    def test_an_annulled_fate_brings_the_bag_back(self, world: World) -> None:
        world.given(issued(), transfuse())
        world.when(annul(RC1, world.version_of(RC1, "bag.transfused")))
        assert world.status() == "issued"

    def test_annulling_one_fact_of_a_process_annuls_it_on_all_streams(self, world: World) -> None:
        world.given(collect(), separate())
        answer = world.when(annul(RC1, 1))
        assert sorted((f.stream, f.name) for f in answer.facts if "annulled" in f.name) == sorted(
            (bag, "bag.annulled.v1") for bag in (WB1, RC1, PL1)
        )
        assert (world.status(WB1), world.status(RC1)) == ("quarantine", "out")

    def test_correcting_what_does_not_exist_is_refused(self, world: World) -> None:
        for stream in (WB1, D1, "hold:donor:d1", "donor:d1", "patient:p1"):
            world.when(annul(stream, 1))
            world.then_refused("FactUnknown")
            world.when(amend(stream, 1, changes={"cause": "x"}))
            world.then_refused("FactUnknown")


class TestRule9PresumedTransfusedIsNoConfirmedFate:
    def test_a_presumed_transfusion_ends_nothing(self, world: World) -> None:
        world.given(issued())
        world.when(transfuse(presumed=True))
        world.then_recorded("bag.transfused")
        assert (world.status(), world.bag().fate) == ("issued", None)

    def test_a_confirmation_ends_it(self, world: World) -> None:
        world.given(issued(), transfuse(presumed=True), transfuse())
        assert (world.status(), world.nonconformities()) == ("transfused", [])

    def test_another_patients_confirmation_after_a_presumption_is_no_second_patient(self, world: World) -> None:
        world.given(in_stock(), issue(patient=None, authoriser="chief", reason="ward stock"))
        world.given(transfuse(patient="p1", presumed=True), transfuse(patient="p2"))
        assert world.bag().given_to() == {"p2"}
        assert world.nonconformities() == []

    def test_a_presumed_recipient_is_told_through_the_consignee_only(self, world: World) -> None:
        world.given(issued(), transfuse(presumed=True), reactive())
        assert world.notices() == [("consignee", "ward 3")]
        assert world.alerts("p1") == []


def told(*said: Said) -> list[Said]:
    """What was observed or reported, each at its own minute whatever the order of arrival."""
    return [on(at(0, 10, minute), each) for minute, each in enumerate(said)]


PUZZLES: dict[str, list[Said]] = {
    "a short life": told(
        collect(), reported(separate()), reported(RELEASE), reported(issue()), transfuse()
    ),
    "two patients": told(collect(WB1), reported(issue(WB1)), transfuse(WB1), transfuse(WB1, "p2")),
    "a bad donation in a pool": told(
        collect(PC1, kind="apheresis_platelets", quantity={"amount": "1", "measure": "dose"}),
        collect(PC2, "donor-2", kind="apheresis_platelets", quantity={"amount": "1", "measure": "dose"}),
        reported(prepare("pool", [PC1, PC2], (POOL, "apheresis_platelets", "2 dose"))),
        reactive(D2),
        transfuse(POOL),
    ),
    "returned and discarded": told(
        collect(WB1), reported(issue(WB1)), give_back(WB1), reported(discard(WB1)), transfuse(WB1)
    ),
    "out and back": told(
        collect(WB1),
        reported(say("DistributeBag", bag=WB1, to="H1")),
        say("RecordArrival", bag=WB1, at="H1"),
        give_back(WB1, "hospital_to_centre"),
        reported(say("DistributeBag", bag=WB1, to="H2")),
    ),
    "labelled and heard of": told(
        collect(f"{D1}#1"),
        say("LabelBag", bag=WB1, container=f"{D1}#1"),
        reported(prepare("relabel", WB1, ("G123426000007=E0336V00", "whole_blood", "2 U"))),
        reactive(),
        transfuse("G123426000007=E0336V00"),
    ),
    "held, lifted, transfused": told(
        collect(WB1), hold("donation", D1), transfuse(WB1), say("InspectBag", bag=WB1, passed=False)
    ),
    "group and history": told(collect(), collect(WB2, "donor-1"), group(D1), group(D2, "B"), transfuse(WB1)),
    "too much": told(
        collect(WB1, quantity={"amount": "1", "measure": "U"}),
        reported(prepare("split", WB1, (f"{D1}=E0336VA0", "whole_blood", "1 U"),
                         (f"{D1}=E0336VB0", "whole_blood", "1 U"))),
        transfuse(f"{D1}=E0336VA0"),
        say("ReportMissing", bag=WB1),
    ),
    "one number, two donors": told(
        collect(WB1), collect(WB1, "donor-2"), transfuse(WB1), group(D1), group(D1, "O")
    ),
    "hold by lot and device": told(
        collect(WB1, lots=[{"kind": "container", "id": "L1"}], devices=["scale"]),
        hold("container_lot", "L1"),
        hold("device", "scale", "broken"),
        reported(separate()),
        transfuse(RC1),
    ),
    "merged donors": told(
        collect(WB1, "a"), collect(WB2, "b"), say("MergeDonors", donor="a", other="b"),
        hold("donor", "a"), say("RecordSelfExclusion", donor="b"),
    ),
    "a correction among them": told(
        collect(WB1), reported(issue(WB1)), transfuse(WB1),
        reported(annul(WB1, fact="bag.transfused", match={"patient": "p1"})), transfuse(WB1, "p2"),
    ),
    "reaction and culture": told(
        collect(WB1), reported(issue(WB1)), transfuse(WB1),
        say("RecordQualityTest", bag=WB1, test="culture", result="positive"),
        say("RecordReaction", patient="p1", bags=[WB1], kind="septic"),
    ),
    "breach and expiry": told(
        collect(WB1, expires_at=at(0, 9)), say("RecordBreach", bag=WB1, celsius="25", minutes="90"),
        reported(RELEASE | {"bag": WB1}), reported(issue(WB1)), transfuse(WB1),
    ),
    "hold on a bag and its lift": told(
        collect(WB1), hold("bag", WB1), reported(lift("bag", WB1)), reported(separate())
    ),
    "hold on a lot and its lift": told(
        collect(WB1, lots=[{"kind": "container", "id": "L1"}]), hold("container_lot", "L1"),
        reported(lift("container_lot", "L1")), say("InspectBag", bag=WB1),
    ),
    "merged and unmerged": told(
        collect(WB1, "a"), collect(WB2, "b"), say("MergeDonors", donor="a", other="b"),
        hold("donor", "a"), say("UnmergeDonors", donor="a", other="b"),
    ),
    "a reported emergency": told(
        collect(), reported(EMERGENCY | {"bag": WB1}), reported(issue(WB1)), transfuse(WB1), reactive()
    ),
    "received and sent on": told(
        say("ReceiveBag", bag=RC1, **{"from": "C9"}, facility="C1", released_by="x", component=RED,
            quantity={"amount": "2", "measure": "U"}, collected_at=at(0, 7)),
        reported(say("DistributeBag", bag=RC1, to="H1")), say("RecordArrival", bag=RC1, at="H1"),
        reported(prepare("split", RC1, (f"{D1}=E5445VA0", RED, "2 U"))), transfuse(f"{D1}=E5445VA0"),
    ),
    "out, arrived, issued there": told(
        collect(), reported(say("DistributeBag", bag=WB1, to="H1")), say("RecordArrival", bag=WB1, at="H1"),
        reported(issue(WB1)), give_back(WB1),
    ),
    "deferred and released": told(
        collect(), say("DeferDonor", donor="donor-1", cause="travel"), reported(RELEASE | {"bag": WB1}),
        say("LiftDeferral", donor="donor-1", cause="travel"), reported(issue(WB1)),
    ),
    "thawed on the ward": told(
        collect(), reported(separate()), reported(issue(PL1)),
        reported(say("ModifyBag", bag=PL1, method="thaw")), transfuse(PL1),
    ),
    "crossmatched": told(
        collect(), crossmatch(WB1), reported(issue(WB1)), crossmatch(WB1, result="incompatible"), transfuse(WB1)
    ),
    "reserved": told(
        collect(), reported(say("ReserveBag", bag=WB1, patient="p1")), reported(issue(WB1)),
        reported(say("CancelReservation", bag=WB1)), give_back(WB1),
    ),
    "a split of a split": told(
        collect(), reported(prepare("split", WB1, (RC1, RED, "2 U"))),
        reported(prepare("split", RC1, (f"{D1}=E5445VAa", RED, "2 U"))), reactive(),
        transfuse(f"{D1}=E5445VAa"),
    ),
    "runs and reagents": told(
        collect(), result(test_run="R", reagent_lot="L"), hold("test_run", "R"), hold("reagent_lot", "L"),
        reported(annul(D1, fact="donation.tested", match={"marker": "hbsag"})),
    ),
    "a reading within the rule": told(
        collect(), say("RecordBreach", bag=WB1, celsius="4", minutes="9"), say("StoreBag", bag=WB1, place="F")
    ),
    "a reading of plasma": told(
        collect(), reported(separate()), say("RecordBreach", bag=PL1, celsius="4", minutes="9"), transfuse(PL1)
    ),
    "missing and found": told(
        collect(), say("ReportMissing", bag=WB1), say("ReportFound", bag=WB1, place="F"),
        say("StoreBag", bag=WB1, facility="C2", place="G"), reported(discard(WB1)),
    ),
}  # fmt: skip


def _orders(puzzle: list[Said]) -> list[tuple[int, ...]]:
    """The whole turned round, and a spread of the other orders."""
    every = list(itertools.permutations(range(len(puzzle))))
    return list(dict.fromkeys([every[-1], *every[1 :: max(1, len(every) // 6)]]))[:7]


class TestRule10ObservationsAndReportsCommute:
    @pytest.mark.parametrize(
        "name,order",
        [(name, order) for name, puzzle in PUZZLES.items() for order in _orders(puzzle)],
        ids=lambda each: "".join(map(str, each)) if isinstance(each, tuple) else each.replace(" ", "-"),
    )
    def test_in_any_order_the_same_set_ends_in_the_same_state(
        self, tmp_path: Any, world: World, name: str, order: tuple[int, ...]
    ) -> None:
        world.given(PUZZLES[name])
        folder = tmp_path / "other"
        folder.mkdir()
        other = World(folder)
        try:
            for index in order:
                other.given(PUZZLES[name][index])
            told_in_order, told_otherwise = world.sketch(), other.sketch()
            other.check_cache()
        finally:
            other.close()
        assert told_otherwise == told_in_order

    def test_an_observation_that_would_have_refused_a_decision_raises_a_nonconformity_naming_it(
        self, world: World
    ) -> None:
        world.given(issued())
        version = world.version_of(RC1, "bag.issued")
        world.when(on(at(0, 8, 1, 30), reactive()))
        assert world.status() == "issued"
        raised = {fact.code: fact.about_version for fact in world.bag().open_nonconformities.values()}
        assert raised["issued_held"] == version
        assert "released_unacceptable" in raised

    def test_an_observation_of_what_happened_after_the_decision_speaks_not_against_it(self, world: World) -> None:
        world.given(issued())
        world.when(on(at(1), reactive()))
        assert world.nonconformities() == []

    def test_a_nonconformity_is_withdrawn_when_a_later_fact_explains_it(self, world: World) -> None:
        world.given(in_stock(), crossmatch(), on(at(1), transfuse()))
        assert world.nonconformities() == ["transfused_not_issued"]
        world.when(on(at(0, 12), reported(issue())))
        assert world.nonconformities() == []
        assert "bag.nonconformity_withdrawn" in world.recorded_names()


FIRST_FACTS: list[Said] = [
    transfuse(),
    reported(issue()),
    give_back(),
    crossmatch(),
    say("StoreBag", bag=RC1, facility="H1"),
    say("RecordArrival", bag=RC1, at="H1"),
    say("InspectBag", bag=RC1),
    say("RecordBreach", bag=RC1, celsius="20", minutes="5"),
    say("RecordReaction", patient="p1", bags=[RC1], kind="febrile"),
    reported(discard()),
    reported(say("DistributeBag", bag=RC1, to="H1")),
    reported(RELEASE),
    hold("bag", RC1),
    say("DestroyBag", bag=RC1),
]


class TestRule11AnyFactMayComeFirst:
    @pytest.mark.parametrize("said", FIRST_FACTS, ids=lambda said: said["command"])
    def test_any_fact_opens_the_stream_of_an_unknown_bag(self, world: World, said: Said) -> None:
        world.when(said)
        world.then_recorded()
        assert not world.bag().known

    @pytest.mark.parametrize("said", FIRST_FACTS, ids=lambda said: said["command"])
    def test_its_origin_may_arrive_later(self, world: World, said: Said) -> None:
        world.given(on(at(1), said))
        world.when(collect(RC1))
        world.then_recorded()
        assert world.bag().known and "bag_unknown" not in world.nonconformities()
        assert "identity_conflict" not in world.nonconformities()

    def test_a_transfusion_of_an_unknown_bag_is_recorded_and_says_so(self, world: World) -> None:
        world.when(transfuse())
        world.then_recorded("bag.reported", "bag.transfused", *["bag.nonconformity_raised"] * 3)
        assert world.status() == "transfused"
        assert "bag_unknown" in world.nonconformities()


class TestRule12ABagLivesInTheLedgerThatHoldsIt:
    FOREIGN = "G123426000001=E5445V00"

    def test_one_ledger_serves_many_facilities(self, world: World) -> None:
        world.given(collect(facility="C1"), collect(WB2, "donor-2", facility="C2"))
        assert (world.bag(WB1).facility, world.bag(WB2).facility) == ("C1", "C2")

    def test_a_bag_of_another_facilitys_number_lives_here_when_received(self, world: World) -> None:
        world.given(say("ReceiveBag", bag=self.FOREIGN, **{"from": "C9"}, facility="C1", released_by="x"))
        assert (world.status(self.FOREIGN), world.bag(self.FOREIGN).facility) == ("available", "C1")

    def test_a_bag_of_our_number_received_from_outside_is_accepted(self, world: World) -> None:
        world.given(say("ReceiveBag", bag=RC1, **{"from": "C9"}, facility="C1", released_by="x"))
        assert (world.status(), world.nonconformities()) == ("available", [])

    def test_a_plasma_of_another_number_is_processed_like_ours(self, world: World) -> None:
        world.given(say("ReceiveBag", bag="G123426000001=E0701V00", **{"from": "C9"}, released_by="x",
                        component=FFP, quantity={"amount": "200", "measure": "mL"}))  # fmt: skip
        world.when(prepare("thaw", "G123426000001=E0701V00",
                           ("G123426000001=E0703V00", "thawed_plasma", "200 mL")))  # fmt: skip
        world.then_recorded()


def test_the_closure_of_a_hold_ends_on_a_cycle(world: World) -> None:
    world.given(collect(), separate())
    world.given(reported(prepare("relabel", RC1, (RC2, RED, "2 U"))))
    world.given(reported(prepare("relabel", RC2, (RC1, RED, "2 U"))))
    world.when(reactive())
    world.then_recorded()
    assert "reactive_result" in world.holds(RC2)


def test_plasma_of_two_donations_is_named_by_both(world: World) -> None:
    world.given(collect(), separate(), collect(WB2, "donor-2"), separate(D2))
    world.given(prepare("pool", [PL1, PL2], (POOL, FFP, "400 mL")))
    assert set(world.bag(POOL).parents) == {PL1, PL2}


R1, R2, R3 = (f"A99992600020{number}=E5445V00" for number in (1, 2, 3))
CYCLES = {
    "two": [("relabel", [R1], [R2]), ("split", [R2], [R1, R3])],
    "pooled": [("pool", [R1, R2], [R3]), ("split", [R3], [R1])],
    "three": [("relabel", [R1], [R2]), ("relabel", [R2], [R3]), ("split", [R3], [R1])],
    "itself and another": [("split", [R1], [R2, R3]), ("pool", [R2, R3], [R1])],
    "washed": [("wash", [R1], [R2]), ("irradiate", [R2], [R1])],
}


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("cycle", CYCLES)
def test_bad_data_that_makes_bags_of_one_another_is_recorded_and_ends(world: World, cycle: str, order: int) -> None:
    for process, inputs, outputs in CYCLES[cycle][::order]:
        made = [{"bag": bag, "component": RED, "quantity": {"amount": "1", "measure": "U"}} for bag in outputs]
        told = say("PrepareBags", process=process, inputs=inputs, outputs=made, reported=True)
        world.when(told)
        world.then_recorded()
    world.given(hold("bag", R1))
    reached = {"pooled": {R1, R3}, "washed": {R1, R2}}.get(cycle, {R1, R2, R3})
    assert {bag for bag in (R1, R2, R3) if world.holds(bag) == ["recall"]} == reached
    world.given(annul(R1, world.version_of(R1, "bag.prepared")))
