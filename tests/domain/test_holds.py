"""This file holds holds by scope: each kind, with time windows, standing ones, inherited, unlinked, merged donors."""

from collections.abc import Callable

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
    Said,
    World,
    annul,
    at,
    collect,
    group,
    hold,
    in_stock,
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

LOT = [{"kind": "container", "id": "X"}]

SCOPES: dict[str, Callable[[], list[Said]]] = {
    "donation": lambda: [collect()],
    "donor": lambda: [collect(donor="X")],
    "container_lot": lambda: [collect(lots=[{"kind": "container", "id": "X"}])],
    "filter_lot": lambda: [collect(lots=[{"kind": "filter", "id": "X"}])],
    "additive_lot": lambda: [collect(lots=[{"kind": "additive", "id": "X"}])],
    "reagent_lot": lambda: [collect(), result(reagent_lot="X")],
    "test_run": lambda: [collect(), result(test_run="X")],
    "device": lambda: [collect(devices=["X"])],
    "operator": lambda: [collect(collector="X")],
    "process_run": lambda: [
        collect(f"{D1}#1"), prepare("leukoreduce", f"{D1}#1", (WB1, "whole_blood", "2 U"), process_run="X")
    ],
}  # fmt: skip


def scope_id(kind: str) -> str:
    return D1 if kind == "donation" else "X"


@pytest.mark.parametrize("kind", sorted(SCOPES))
class TestEveryKindOfScope:
    def test_it_holds_what_is_there_and_its_descendants(self, world: World, kind: str) -> None:
        world.given(SCOPES[kind](), separate(), collect(WB2, "other"))
        world.when(hold(kind, scope_id(kind)))
        assert (world.holds(WB1), world.holds(RC1), world.holds(WB2)) == (["recall"], ["recall"], [])

    def test_standing_it_catches_what_comes_later(self, world: World, kind: str) -> None:
        world.given(hold(kind, scope_id(kind)), SCOPES[kind](), separate())
        assert (world.holds(WB1), world.holds(RC1)) == (["recall"], ["recall"])

    def test_lifted_it_catches_nothing_later(self, world: World, kind: str) -> None:
        world.given(hold(kind, scope_id(kind)), lift(kind, scope_id(kind)), SCOPES[kind](), separate())
        assert (world.holds(WB1), world.holds(RC1)) == ([], [])

    def test_lifted_it_frees_everything(self, world: World, kind: str) -> None:
        world.given(SCOPES[kind](), separate(), hold(kind, scope_id(kind)))
        world.when(lift(kind, scope_id(kind)))
        assert (world.holds(WB1), world.holds(RC1), world.holds(PL1)) == ([], [], [])

    def test_counted_twice_lifted_once_it_still_holds(self, world: World, kind: str) -> None:
        world.given(SCOPES[kind](), separate(), hold(kind, scope_id(kind)), hold(kind, scope_id(kind)))
        assert world.holds(RC1) == ["recall", "recall"]
        world.when(lift(kind, scope_id(kind)))
        assert world.holds(RC1) == ["recall"]

    @pytest.mark.parametrize("first", [True, False])
    @pytest.mark.parametrize(
        "window,caught",
        [
            ({"from": at(-1), "until": at(1)}, True),
            ({"from": at(-1)}, True),
            ({"until": at(1)}, True),
            ({"from": at(1)}, False),
            ({"until": at(-1)}, False),
            ({"from": at(-3), "until": at(-1)}, False),
        ],
        ids=lambda each: "-".join(each) if isinstance(each, dict) else str(each),
    )
    def test_a_time_window_holds_what_was_used_or_given_within(
        self, world: World, kind: str, window: Said, caught: bool, first: bool
    ) -> None:
        placing = on(at(5), hold(kind, scope_id(kind), **window))
        world.given([placing, *SCOPES[kind]()] if first else [*SCOPES[kind](), placing])
        assert world.holds(WB1) == (["recall"] if caught else [])


class TestScopes:
    def test_a_hold_on_a_used_up_bags_lot_reaches_children_made_before(self, world: World) -> None:
        world.given(collect(lots=LOT), separate())
        world.when(hold("container_lot", "X"))
        assert world.holds(PL1) == ["recall"]

    def test_a_lot_used_in_a_process_holds_what_it_made_and_not_the_parent(self, world: World) -> None:
        world.given(collect(), separate(lots=[{"kind": "filter", "id": "F"}]))
        world.when(hold("filter_lot", "F"))
        assert (world.holds(WB1), world.holds(RC1), world.holds(PL1)) == ([], ["recall"], ["recall"])

    @pytest.mark.parametrize("first", [True, False])
    def test_of_two_bags_of_one_donation_a_window_holds_the_one_collected_within(
        self, world: World, first: bool
    ) -> None:
        placing = on(at(9), hold("donation", D1, **{"from": at(4), "until": at(6)}))
        bags = [on(at(1), collect(WB1)), on(at(5), collect(f"{D1}=E9999V00"))]
        world.given(*([placing, *bags] if first else [*bags, placing]))
        assert (world.holds(WB1), world.holds(f"{D1}=E9999V00")) == ([], ["recall"])

    def test_a_hold_on_a_bag_reaches_what_is_made_of_it_but_not_its_parent(self, world: World) -> None:
        world.given(collect(), separate(), hold("bag", RC1))
        assert (world.holds(WB1), world.holds(PL1)) == ([], [])
        world.given(reported(prepare("split", RC1, (f"{D1}=E5445VA0", RED, "2 U"))))
        assert world.holds(f"{D1}=E5445VA0") == ["recall"]

    def test_a_hold_may_be_placed_on_a_bag_never_heard_of(self, world: World) -> None:
        world.given(hold("bag", WB1), collect(), separate())
        assert world.holds(WB1) == world.holds(RC1) == ["recall"]

    def test_a_hold_on_a_bag_reaches_what_was_made_of_it_before(self, world: World) -> None:
        pool = "A999926900001=E3088V00"
        world.given(collect(), separate(), collect(WB2, "donor-2"), separate(D2))
        world.given(prepare("pool", [RC1, RC2], (pool, RED, "4 U")))
        answer = world.when(hold("bag", WB1))
        assert {fact.stream for fact in answer.facts} == {WB1, RC1, PL1, pool}
        assert (world.holds(RC1), world.holds(pool), world.holds(RC2)) == (["recall"], ["recall"], [])

    def test_an_inherited_hold_is_lifted_at_its_source_only(self, world: World) -> None:
        world.given(collect(), hold("bag", WB1), separate())
        world.when(lift("bag", RC1))
        world.then_refused("HoldNotOpen")
        world.when(lift("bag", WB1))
        assert world.holds(RC1) == []

    def test_lifting_names_the_cause(self, world: World) -> None:
        world.given(collect(), hold("donation", D1, "recall"))
        world.when(lift("donation", D1, "look_back"))
        world.then_refused("HoldNotOpen")

    def test_a_hold_reached_on_two_ways_counts_once(self, world: World) -> None:
        pool = "A999926900001=E3088V00"
        split_a, split_b = f"{D1}=E5445VA0", f"{D1}=E5445VB0"
        world.given(collect(), separate())
        world.given(prepare("split", RC1, (split_a, RED, "1 U"), (split_b, RED, "1 U")))
        world.given(prepare("pool", [split_a, split_b], (pool, RED, "2 U")))
        world.when(reactive())
        assert world.holds(pool) == ["reactive_result"]
        world.when(lift("donation", D1, "reactive_result"))
        assert world.holds(pool) == []

    def test_a_result_whose_lifted_hold_stays_lifted_when_more_is_learned(self, world: World) -> None:
        world.given(in_stock(), reactive(stage="initial", final=False))
        world.given(lift("donation", D1, "reactive_result"))
        world.given(result(stage="repeat"), group())
        assert world.holds() == []

    def test_a_failed_inspection_holds_what_was_made_already(self, world: World) -> None:
        world.given(collect(), separate())
        world.when(say("InspectBag", bag=WB1, passed=False))
        assert world.holds(RC1) == ["inspection_failed"]

    def test_a_test_run_hold_reaches_bags_of_all_its_donations(self, world: World) -> None:
        world.given(in_stock(), in_stock(D2), result(D1, "nat_hiv", test_run="R"), result(D2, test_run="R"))
        world.when(hold("test_run", "R"))
        assert world.holds(RC1) == world.holds(RC2) == ["recall"]

    def test_an_annulled_result_leaves_the_test_runs_hold(self, world: World) -> None:
        world.given(in_stock(), result(test_run="R", stage="repeat"), hold("test_run", "R"))
        assert world.holds() == ["recall"]
        world.when(annul(D1, world.version_of(D1, "donation.tested")))
        assert world.holds() == []

    def test_a_held_bag_that_is_relabelled_is_born_held_and_freed_with_it(self, world: World) -> None:
        world.given(in_stock(), hold("bag", RC1), prepare("relabel", RC1, ("G123426000001=E5445V00", RED, "2 U")))
        assert world.holds("G123426000001=E5445V00") == ["recall"]
        world.when(lift("bag", RC1))
        assert world.holds("G123426000001=E5445V00") == []

    def test_a_labelled_container_hands_its_holds_down(self, world: World) -> None:
        world.given(collect(f"{D1}#1"), hold("bag", f"{D1}#1"))
        world.when(say("LabelBag", bag=WB1, container=f"{D1}#1"))
        assert world.holds(WB1) == ["recall"]

    def test_a_lot_recall_reaches_many_bags_in_one_commit(self, world: World) -> None:
        world.given([collect(f"A999926{n:06d}=E0336V00", f"d{n}", lots=LOT) for n in range(1, 21)])
        answer = world.when(hold("container_lot", "X"))
        assert sum(fact.name == "bag.held.v1" for fact in answer.facts) == 20


class TestMergedDonors:
    def test_a_hold_on_one_pseudonym_reaches_the_donations_of_the_other(self, world: World) -> None:
        world.given(in_stock(D1, "a"), in_stock(D2, "b"), say("MergeDonors", donor="a", other="b"))
        world.when(hold("donor", "a"))
        assert world.holds(RC1) == world.holds(RC2) == ["recall"]

    def test_a_merge_brings_open_holds_over(self, world: World) -> None:
        world.given(in_stock(D1, "a"), in_stock(D2, "b"), hold("donor", "a"))
        world.when(say("MergeDonors", donor="a", other="b"))
        assert world.holds(RC2) == ["recall"]

    def test_an_unmerge_takes_them_away_again(self, world: World) -> None:
        world.given(in_stock(D1, "a"), in_stock(D2, "b"), hold("donor", "a"))
        world.given(say("MergeDonors", donor="a", other="b"))
        world.when(say("UnmergeDonors", donor="a", other="b"))
        assert (world.holds(RC1), world.holds(RC2)) == (["recall"], [])

    def test_merging_is_transitive(self, world: World) -> None:
        world.given(in_stock(D1, "a"), say("MergeDonors", donor="a", other="b"))
        world.given(say("MergeDonors", donor="b", other="c"))
        world.when(hold("donor", "c"))
        assert world.holds(RC1) == ["recall"]

    def test_an_unmerge_in_the_middle_parts_both_ends(self, world: World) -> None:
        world.given(in_stock(D1, "a"), in_stock(D2, "c"), say("MergeDonors", donor="a", other="b"))
        world.given(say("MergeDonors", donor="b", other="c"), hold("donor", "a"))
        assert world.holds(RC2) == ["recall"]
        world.when(say("UnmergeDonors", donor="a", other="b"))
        assert (world.holds(RC1), world.holds(RC2)) == (["recall"], [])

    def test_a_merge_in_the_middle_joins_both_ends(self, world: World) -> None:
        world.given(in_stock(D1, "a"), in_stock(D2, "d"), hold("donor", "a"))
        world.given(say("MergeDonors", donor="a", other="b"), say("MergeDonors", donor="c", other="d"))
        world.when(say("MergeDonors", donor="b", other="c"))
        assert world.holds(RC2) == ["recall"]

    def test_a_later_donation_of_a_merged_donor_is_born_held(self, world: World) -> None:
        world.given(hold("donor", "a"), say("MergeDonors", donor="a", other="b"), collect(donor="b"))
        assert world.holds(WB1) == ["recall"]

    def test_a_deferral_of_the_other_pseudonym_stops_release(self, world: World) -> None:
        world.given(in_stock(D1, "a")[:-1], say("DeferDonor", donor="b", cause="hiv"))
        world.given(say("MergeDonors", donor="a", other="b"))
        world.when(say("ReleaseBag", bag=RC1))
        world.then_refused("DonorDeferred")

    def test_history_of_both_pseudonyms_counts_for_the_group(self, world: World) -> None:
        world.given(in_stock(D1, "a"), collect(WB2, "b"), panel(D2, "B"))
        assert world.holds(WB2) == []
        world.when(say("MergeDonors", donor="a", other="b"))
        assert world.holds(WB2) == ["disputed_group"]
        world.when(say("UnmergeDonors", donor="a", other="b"))
        assert world.holds(WB2) == []

    def test_a_self_exclusion_reaches_the_merged_donors_donations(self, world: World) -> None:
        world.given(in_stock(D1, "a"), in_stock(D2, "b"), say("RecordSelfExclusion", donor="a"))
        world.when(say("MergeDonors", donor="a", other="b"))
        assert world.holds(RC2) == ["self_exclusion"]


class TestGroups:
    def test_two_typings_that_differ_hold_the_donations_bags(self, world: World) -> None:
        world.given(in_stock())
        world.when(group(abo="O"))
        assert world.holds() == world.holds(WB1) == ["disputed_group"]
        assert "group_disputed" in world.nonconformities(D1)

    def test_a_typing_that_disagrees_with_the_donors_history_holds(self, world: World) -> None:
        world.given(in_stock(D1, "d"), collect(WB2, "d"))
        world.when(group(D2, "B"))
        assert world.holds(WB2) == ["disputed_group"]
        assert "group_disagrees_with_history" in world.nonconformities(D2)

    def test_a_typing_that_agrees_with_history_holds_nothing(self, world: World) -> None:
        world.given(in_stock(D1, "d"), collect(WB2, "d"))
        world.when(group(D2))
        assert (world.holds(WB2), world.nonconformities(D2)) == ([], [])

    def test_a_typing_that_disagrees_with_the_declared_group_holds(self, world: World) -> None:
        world.given(collect(group="O", rhd="positive"))
        world.when(group())
        assert world.holds(WB1) == ["disputed_group"]

    @pytest.mark.parametrize("rhd", ["negative", "weak"])
    def test_rhd_alone_may_disagree(self, world: World, rhd: str) -> None:
        world.given(in_stock())
        world.when(group(rhd=rhd))
        assert world.holds() == ["disputed_group"]

    def test_the_same_typing_again_disputes_nothing(self, world: World) -> None:
        world.given(in_stock())
        world.when(group(sample="S2"))
        assert world.holds() == []

    def test_a_bag_of_a_disputed_donation_shows_no_group(self, world: World) -> None:
        world.given(collect(), group())
        assert world.bag(WB1).group == ("A", "positive")
        world.when(group(abo="B"))
        assert world.bag(WB1).group == (None, None)

    def test_a_pool_of_one_group_has_it_and_of_two_has_none(self, world: World) -> None:
        for number, abo in ((1, "A"), (2, "A"), (3, "B")):
            name = f"A999926{number:06d}"
            world.given(collect(f"{name}=E0336V00", f"d{number}"), panel(name, abo), separate(name))
        world.given(prepare("pool", [RC1, RC2], ("A999926900001=E3088V00", RED, "4 U")))
        assert world.bag("A999926900001=E3088V00").group == ("A", "positive")
        world.given(prepare("pool", ["A999926900001=E3088V00", "A999926000003=E5445V00"],
                            ("A999926900002=E3088V00", RED, "6 U")))  # fmt: skip
        assert world.bag("A999926900002=E3088V00").group == (None, None)


class TestNotices:
    def test_lifting_the_hold_leaves_the_notice_until_a_person_closes_it(self, world: World) -> None:
        world.given(issued(), transfuse(), hold("donation", D1), lift("donation", D1))
        assert world.notices() == [("recipient", "p1")]
        name = next(iter(world.bag().notices))
        world.when(say("CloseNotice", bag=RC1, notice=name, reason="told"))
        assert (world.notices(), world.alerts()) == ([], [])

    def test_a_closed_notice_stays_closed(self, world: World) -> None:
        world.given(issued(), transfuse(), hold("donation", D1))
        name = next(iter(world.bag().notices))
        world.given(say("CloseNotice", bag=RC1, notice=name, reason="told"), say("StoreBag", bag=RC1, place="x"))
        assert (world.notices(), world.alerts()) == ([], [])

    def test_each_hold_opens_a_notice_of_its_own(self, world: World) -> None:
        world.given(issued(), transfuse(), hold("donation", D1), reactive())
        assert world.notices() == [("recipient", "p1")] * 2

    def test_a_hold_on_a_bag_out_and_then_transfused_alerts_the_recipient_instead(self, world: World) -> None:
        world.given(issued(), reactive())
        assert world.notices() == [("consignee", "ward 3")]
        world.when(transfuse())
        assert world.notices() == [("recipient", "p1")]
        assert world.alerts() == [RC1]

    def test_a_bag_in_the_centre_needs_no_notice(self, world: World) -> None:
        world.given(in_stock(), reactive())
        assert world.notices() == []

    def test_a_return_closes_the_consignees_notice(self, world: World) -> None:
        world.given(in_stock(), say("DistributeBag", bag=RC1, to="H1"), reactive())
        world.when({**say("ReturnBag", bag=RC1, leg="hospital_to_centre"), "from": "H1"})
        assert world.notices() == []

    def test_both_patients_of_one_bag_are_alerted(self, world: World) -> None:
        world.given(issued(), transfuse(), transfuse(patient="p2"), reactive())
        assert (world.alerts("p1"), world.alerts("p2")) == ([RC1], [RC1])

    def test_a_discarded_bag_needs_no_notice(self, world: World) -> None:
        world.given(in_stock(), say("DiscardBag", bag=RC1, reason="r", approved_by="chief"), reactive())
        assert world.notices() == []

    def test_a_child_that_is_out_is_noticed_though_its_parent_is_consumed(self, world: World) -> None:
        world.given(collect(), panel(), separate(), say("InspectBag", bag=PL1), say("VerifyLabel", bag=PL1))
        world.given(say("ReleaseBag", bag=PL1), say("DistributeBag", bag=PL1, to="H1"))
        world.when(hold("bag", WB1))
        assert (world.notices(PL1), world.notices(WB1)) == ([("consignee", "H1")], [])

    def test_a_culture_positive_after_transfusion_alerts(self, world: World) -> None:
        world.given(issued(), transfuse())
        world.when(say("RecordQualityTest", bag=RC1, test="culture", result="positive"))
        assert world.alerts() == [RC1]

    def test_an_arrived_bags_consignee_is_where_it_arrived(self, world: World) -> None:
        world.given(in_stock(), say("DistributeBag", bag=RC1, to="H1"), say("RecordArrival", bag=RC1, at="H1"))
        world.when(reactive())
        assert world.notices() == [("consignee", "H1")]

    def test_closing_an_unknown_notice_is_recorded(self, world: World) -> None:
        world.given(in_stock())
        world.when(say("CloseNotice", bag=RC1, notice="none", reason="told"))
        world.then_recorded("bag.notice_closed")


class TestNonconformities:
    def test_one_a_person_raised_stays_until_a_person_settles_it(self, world: World) -> None:
        world.given(in_stock(), say("RaiseNonconformity", bag=RC1, code="torn"), reactive())
        assert "torn" in world.nonconformities()
        name = next(each for each in world.bag().open_nonconformities if "torn" in each)
        world.when(say("WithdrawNonconformity", bag=RC1, nonconformity=name, reason="mended"))
        assert "torn" not in world.nonconformities()

    def test_one_that_was_settled_does_not_come_back(self, world: World) -> None:
        world.given(in_stock(), transfuse())
        name = next(iter(world.bag().open_nonconformities))
        world.given(say("WithdrawNonconformity", bag=RC1, nonconformity=name, reason="looked into"))
        world.when(say("RecordReaction", patient="p1", bags=[RC1], kind="febrile"))
        assert world.nonconformities() == []

    def test_it_names_the_fact_it_is_about(self, world: World) -> None:
        world.given(in_stock(), transfuse())
        (raised,) = world.bag().open_nonconformities.values()
        assert raised.about_version == world.version_of(RC1, "bag.transfused")


def test_a_group_that_a_later_donation_calls_into_question_was_in_good_faith_before(world: World) -> None:
    world.given(on(at(0), collect()), *(on(at(1), each) for each in panel()))
    world.given(on(at(2), each) for each in release(WB1))
    world.given(on(at(4), collect(WB2)), on(at(5), group(D2, abo="B")))
    assert world.holds(WB1) == world.holds(WB2) == ["disputed_group"]
    assert world.nonconformities(WB1) == []
