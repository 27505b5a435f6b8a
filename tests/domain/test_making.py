"""This file holds how bags are made: expiry by process, quantities conserved, names taken once, what is handed down."""

from datetime import timedelta

import pytest

from tests.domain.world import (
    D1,
    D2,
    FFP,
    PL1,
    PLT,
    RC1,
    RC2,
    RED,
    WB1,
    WB2,
    Said,
    World,
    at,
    collect,
    crossmatch,
    in_stock,
    issue,
    on,
    panel,
    prepare,
    q,
    reactive,
    release,
    reported,
    say,
    separate,
    transfuse,
    utc,
)

NEW = f"{D1}=E0999V00"
POOL = "A999926900001=E3088V00"
COLLECTED = on(at(0), collect())


def expiry(world: World, bag: str = NEW) -> str:
    found = world.bag(bag).expires_at
    assert found is not None
    return found.isoformat()


def is_(text: str) -> str:
    return utc(text).isoformat()


class TestExpiry:
    @pytest.mark.parametrize("anticoagulant,days", [(None, 21), ("CPD", 21), ("CPDA-1", 35)])
    def test_whole_blood_by_its_anticoagulant(self, world: World, anticoagulant: str | None, days: int) -> None:
        world.given(on(at(0), collect(anticoagulant=anticoagulant) if anticoagulant else collect()))
        assert expiry(world, WB1) == is_(at(days))

    @pytest.mark.parametrize(
        "process,component,quantity,days",
        [
            ("separate", RED, "2 U", 35),
            ("separate", FFP, "200 mL", 365),
            ("separate", PLT, "2 U", 5),
            ("leukoreduce", RED, "2 U", 35),
            ("freeze", "frozen_red_cells", "2 U", 3653),
            ("freeze", "frozen_plasma", "200 mL", 1461),
            ("inactivate", "virus_inactivated_frozen_plasma", "200 mL", 1461),
            ("cryo", "cryoprecipitate", "2 U", 365),
        ],
    )
    def test_from_collection_not_capped_by_the_parent(
        self, world: World, process: str, component: str, quantity: str, days: int
    ) -> None:
        world.given(COLLECTED, on(at(1), prepare(process, WB1, (NEW, component, quantity))))
        assert expiry(world) == is_(at(days))

    def test_separation_after_the_parents_expiry_is_refused(self, world: World) -> None:
        world.given(COLLECTED)
        world.when(on(at(22), separate()))
        world.then_refused("BagExpired")

    def test_additive_solution_gives_42_days(self, world: World) -> None:
        world.given(COLLECTED, on(at(1), prepare("separate", WB1, (NEW, RED, "2 U"), solution="AS-1")))
        assert expiry(world) == is_(at(42))

    @pytest.mark.parametrize(
        "process,component,done_on,expires",
        [
            ("wash", "washed_red_cells", 10, at(11)),
            ("wash", "washed_red_cells", 34, at(35)),
            ("irradiate", "irradiated_red_cells", 10, at(24)),
            ("irradiate", "irradiated_red_cells", 30, at(35)),
            ("split", RED, 10, at(35)),
        ],
    )
    def test_from_the_process_capped_by_the_parent(
        self, world: World, process: str, component: str, done_on: int, expires: str
    ) -> None:
        world.given(COLLECTED, on(at(0, 9), separate()))
        world.given(on(at(done_on), prepare(process, RC1, (NEW, component, "2 U"))))
        assert expiry(world) == is_(expires)

    def test_washing_in_the_last_hours_never_goes_beyond_the_source(self, world: World) -> None:
        world.given(COLLECTED, on(at(0, 9), separate()))
        world.given(on(at(35, 2), prepare("wash", RC1, (NEW, "washed_red_cells", "2 U"))))
        assert expiry(world) == is_(at(35))
        assert "capped" in (world.bag(NEW).expiry.rule or "")

    def test_a_pool_expires_with_its_oldest_member(self, world: World) -> None:
        members = []
        for number in range(1, 5):
            name = f"A999926{number:06d}"
            members.append(f"{name}=E3077V00")
            world.given(on(at(0, 8, number), collect(f"{name}=E0336V00", f"d{number}")))
            world.given(on(at(0, 12), prepare("separate", f"{name}=E0336V00", (members[-1], PLT, "1 U"))))
        world.given(on(at(3), prepare("pool", members, (POOL, "pooled_platelets", "4 U"))))
        assert expiry(world, POOL) == is_(at(5, 8, 1))

    @pytest.mark.parametrize(
        "process,component,made",
        [("thaw", FFP, "thawed_plasma"), ("thaw", "cryoprecipitate", "thawed_cryoprecipitate"),
         ("deglycerolise", "frozen_red_cells", "deglycerolised_red_cells")],
    )  # fmt: skip
    def test_from_thaw(self, world: World, process: str, component: str, made: str) -> None:
        quantity, hours = "2 U", 6 if "cryo" in component else 24
        first = prepare("separate", WB1, (PL1, component, quantity))
        world.given(COLLECTED, first, on(at(10), prepare(process, PL1, (NEW, made, quantity))))
        assert world.bag(NEW).expires_at == utc(at(10)) + timedelta(hours=hours)

    def test_relabelling_changes_nothing(self, world: World) -> None:
        world.given(COLLECTED, separate(), on(at(9), prepare("relabel", RC1, (NEW, RED, "2 U"))))
        assert expiry(world) == is_(at(35))

    def test_fresh_frozen_plasma_becomes_frozen_plasma_of_four_years(self, world: World) -> None:
        world.given(on("2024-02-29T08:00:00+08:00", collect()))
        world.given(on("2024-02-29T10:00:00+08:00", separate()))
        assert expiry(world, PL1) == is_("2025-02-28T08:00:00+08:00")
        redesignated = prepare("redesignate", PL1, (NEW, "frozen_plasma", "200 mL"))
        world.when(on("2025-06-01T08:00:00+08:00", redesignated))
        world.then_recorded()
        assert expiry(world) == is_("2028-02-29T08:00:00+08:00")

    def test_the_fact_names_the_rule_that_set_it(self, world: World) -> None:
        world.given(COLLECTED, separate())
        assert world.bag(RC1).expiry.rule == "leukoreduced-red-cells-35d"

    @pytest.mark.parametrize("label,governs", [(at(30), at(30)), (at(40), at(35))])
    def test_label_and_rule_are_both_kept_and_the_earlier_governs(self, world: World, label: str, governs: str) -> None:
        world.given(COLLECTED, prepare("separate", WB1, (NEW, RED, "2 U", {"expires_at": label})))
        kept = world.bag(NEW).expiry
        assert (kept.label_at, kept.rule_at) == (utc(label), utc(at(35)))
        assert expiry(world) == is_(governs)

    def test_a_label_put_on_later_may_only_shorten(self, world: World) -> None:
        world.given(COLLECTED, separate(), say("LabelBag", bag=RC1, expires_at=at(30)))
        assert expiry(world, RC1) == is_(at(30))
        world.given(say("LabelBag", bag=RC1, expires_at=at(60)))
        assert expiry(world, RC1) == is_(at(30))

    def test_an_expired_label_stops_issue_before_the_rule_does(self, world: World) -> None:
        world.given(COLLECTED, panel(), separate(), release(), say("LabelBag", bag=RC1, expires_at=at(5)))
        world.given(on(at(6), crossmatch()))
        world.when(on(at(6), issue()))
        world.then_refused("BagExpired")

    @pytest.mark.parametrize("second", [1, 30, 59])
    def test_the_last_minute_is_good_to_its_end(self, world: World, second: int) -> None:
        world.given(COLLECTED, panel(), separate(), release(), crossmatch())
        world.given(say("LabelBag", bag=RC1, expires_at=at(1, 23, 59)))
        world.when(on(at(1, 23, 59, second), issue()))
        world.then_recorded()

    def test_the_minute_after_is_not(self, world: World) -> None:
        world.given(COLLECTED, panel(), separate(), release(), crossmatch())
        world.given(say("LabelBag", bag=RC1, expires_at=at(1, 23, 59)))
        world.when(on(at(2, 0, 0), issue()))
        world.then_refused("BagExpired")

    def test_thawing_on_the_ward_keeps_the_bag_and_shortens_its_expiry(self, world: World) -> None:
        world.given(COLLECTED, panel(), separate(), release(PL1), issue(PL1))
        world.when(on(at(2), say("ModifyBag", bag=PL1, method="thaw")))
        assert expiry(world, PL1) == is_(at(3))
        assert (world.status(PL1), world.bag(PL1).children) == ("issued", {})

    def test_a_modification_never_lengthens(self, world: World) -> None:
        world.given(COLLECTED, panel(), separate(), release(PL1))
        world.given(on(at(2), say("ModifyBag", bag=PL1, method="thaw")))
        world.given(on(at(2, 20), say("ModifyBag", bag=PL1, method="thaw")))
        assert expiry(world, PL1) == is_(at(3))

    def test_collection_counts_from_its_end(self, world: World) -> None:
        world.given(on(at(0), collect(started_at=at(0, 7), ended_at=at(0, 7, 12))))
        assert expiry(world, WB1) == is_(at(21, 7, 12))

    def test_expired_is_never_a_status(self, world: World) -> None:
        world.given(COLLECTED, on(at(200), say("StoreBag", bag=WB1, place="F")))
        assert world.status(WB1) == "quarantine"


class TestConservation:
    def test_what_a_split_loses_is_computed(self, world: World) -> None:
        world.given(collect(), separate())
        world.given(prepare("split", RC1, (f"{D1}=E5445VA0", RED, "0.75 U"), (f"{D1}=E5445VB0", RED, "1 U")))
        consumed = world.bag(RC1).consumed
        assert consumed is not None and consumed.lost is not None
        assert (str(consumed.lost.amount), consumed.lost.measure) == ("0.25", "U")

    @pytest.mark.parametrize("process", ["split", "wash", "irradiate", "relabel", "leukoreduce", "freeze", "thaw"])
    def test_outputs_above_the_input_are_refused(self, world: World, process: str) -> None:
        world.given(collect(), separate())
        world.when(prepare(process, RC1, (NEW, RED, "2.001 U")))
        world.then_refused("OutputsAboveInputs")

    def test_a_pool_above_its_members_is_refused(self, world: World) -> None:
        world.given(collect(), separate(), collect(WB2, "donor-2"), separate(D2))
        world.when(prepare("pool", [RC1, RC2], (POOL, RED, "4.5 U")))
        world.then_refused("OutputsAboveInputs")
        world.when(prepare("pool", [RC1, RC2], (POOL, RED, "4 U")))
        world.then_recorded()

    def test_a_separation_gives_each_component_as_much_u_as_was_collected(self, world: World) -> None:
        world.given(collect())
        world.when(prepare("separate", WB1, (RC1, RED, "2 U"), (f"{D1}=E3077V00", PLT, "2 U"),
                           (PL1, FFP, "200 mL")))  # fmt: skip
        world.then_recorded()

    def test_a_separation_never_gives_more_u_of_one_component(self, world: World) -> None:
        world.given(collect())
        world.when(prepare("separate", WB1, (f"{D1}=E5445VA0", RED, "1.5 U"), (f"{D1}=E5445VB0", RED, "1 U")))
        world.then_refused("OutputsAboveInputs")

    def test_net_volumes_of_a_separation_do_not_exceed_the_parents(self, world: World) -> None:
        world.given(collect(volume_ml="450"))
        world.when(prepare("separate", WB1, (RC1, RED, "2 U", {"volume_ml": "900"}),
                           (PL1, FFP, "200 mL", {"volume_ml": "900"})))  # fmt: skip
        world.then_refused("OutputsAboveInputs")

    def test_a_report_of_too_much_is_recorded_with_a_nonconformity(self, world: World) -> None:
        world.given(collect(), separate())
        world.when(reported(prepare("split", RC1, (NEW, RED, "3 U"))))
        world.then_recorded()
        assert world.nonconformities(RC1) == ["quantity_not_conserved"]

    @pytest.mark.parametrize(
        "when,broken", [("1998-09-30T23:30", []), ("1998-10-01T00:30", ["quantity_not_conserved"])]
    )
    def test_the_rule_of_a_report_is_that_of_the_senders_day(self, world: World, when: str, broken: list[str]) -> None:
        """The site's bound holds from 1998-10-01 on, a day that in UTC begins eight hours later."""
        world.given(on("1998-09-30T08:00:00+08:00", collect()))
        much = prepare("separate", WB1, (RC1, RED, "2 U"), (PL1, FFP, "501 mL"))
        world.when(on(f"{when}:00+08:00", reported(much)))
        world.then_recorded()
        assert world.nonconformities(WB1) == broken

    def test_halves_and_quarters_are_exact(self, world: World) -> None:
        world.given(collect(quantity=q("0.3 U")))
        outputs = [(f"{D1}=E0336V{letter}0", "whole_blood", "0.1 U") for letter in "ABC"]
        world.when(prepare("split", WB1, *outputs))
        world.then_recorded()
        assert world.bag(WB1).consumed.lost is None  # type: ignore[union-attr]

    @pytest.mark.parametrize("amount", ["0", "-1", "0.0001", "1000000", "NaN", "1e9"])
    def test_an_amount_out_of_range_is_malformed(self, world: World, amount: str) -> None:
        world.when(collect(quantity={"amount": amount, "measure": "U"}))
        assert world.answer.outcome == "malformed"
        world.then_nothing_stored()

    def test_the_losses_of_a_pools_members_add_up_to_what_was_lost(self, world: World) -> None:
        world.given(collect(), separate(), collect(WB2, "donor-2"), separate(D2))
        world.given(prepare("pool", [RC1, RC2], (POOL, RED, "3.5 U")))
        losses = [world.bag(bag).consumed.lost for bag in (RC1, RC2)]  # type: ignore[union-attr]
        assert str(sum(each.amount for each in losses if each)) == "0.5"


class TestIdentity:
    def test_a_second_differing_collection_is_recorded_as_a_conflict_and_held(self, world: World) -> None:
        world.given(collect())
        world.when(collect(quantity=q("1 U")))
        world.then_recorded()
        assert world.holds(WB1) == ["identity_conflict"]
        assert world.nonconformities(WB1) == ["identity_conflict"]
        assert world.bag(WB1).quantity == (2, "U")

    def test_the_same_number_from_two_donors_holds_all_bags_of_the_number(self, world: World) -> None:
        world.given(in_stock())
        world.when(collect(f"{D1}=E0336VA0", "donor-2"))
        assert "identity_conflict" in world.nonconformities(D1)
        assert world.holds(RC1) == world.holds(f"{D1}=E0336VA0") == ["identity_conflict"]

    def test_two_dose_apheresis_under_one_number_is_no_conflict(self, world: World) -> None:
        for division in ("A0", "B0"):
            world.given(collect(f"{D1}=E3077V{division}", kind="apheresis_platelets", quantity=q("1 dose")))
        assert (world.holds(f"{D1}=E3077VA0"), world.nonconformities(D1)) == ([], [])
        assert world.donation().registered is not None

    def test_an_output_never_takes_an_existing_name(self, world: World) -> None:
        world.given(collect(), separate(), collect(WB2, "donor-2"))
        world.when(prepare("separate", WB2, (RC1, RED, "2 U")))
        world.then_refused("BagIdentityTaken")

    def test_a_reported_second_container_is_recorded_and_held(self, world: World) -> None:
        world.given(collect(), separate(), collect(WB2, "donor-2"))
        world.when(reported(prepare("separate", WB2, (RC1, RED, "2 U"))))
        world.then_recorded()
        assert world.holds(RC1) == ["identity_conflict"]

    @pytest.mark.parametrize(
        "inputs,outputs",
        [([WB1, WB1], [RC1]), ([WB1], [RC1, RC1]), ([WB1], [WB1])],
        ids=["input twice", "output twice", "into itself"],
    )
    def test_a_bag_is_named_once_in_a_process(self, world: World, inputs: list[str], outputs: list[str]) -> None:
        world.given(collect())
        world.when(prepare("split", inputs, *((bag, RED, "1 U") for bag in outputs)))
        assert world.answer.outcome in ("malformed", "refused")
        world.then_nothing_stored()

    def test_a_container_is_consumed_by_its_label(self, world: World) -> None:
        world.given(collect(f"{D1}#1"))
        world.when(say("LabelBag", bag=WB1, container=f"{D1}#1"))
        world.then_recorded("bag.consumed", "bag.labelled")
        assert world.bag(f"{D1}#1").children == {WB1: "label"}
        assert world.bag(WB1).parents == {f"{D1}#1": "label"}
        assert (world.status(f"{D1}#1"), world.status(WB1)) == ("consumed", "quarantine")
        assert world.bag(WB1).quantity == (2, "U")

    def test_a_container_is_accepted_wherever_a_bag_is(self, world: World) -> None:
        first, second = f"{D1}#1", f"{D1}#2"
        world.given(collect(first), panel(), prepare("separate", first, (second, RED, "2 U")), release(second))
        world.given(crossmatch(second))
        world.when(issue(second))
        world.then_recorded()

    def test_division_99_needs_its_six_characters(self, world: World) -> None:
        world.when(collect(f"{D1}=E0336V99"))
        world.then_malformed("bag")
        world.when(collect(f"{D1}=E0336V99=000001"))
        world.then_recorded()

    def test_labelling_the_bag_itself_is_recorded_on_it(self, world: World) -> None:
        world.given(collect())
        world.when(say("LabelBag", bag=WB1))
        world.then_recorded("bag.labelled")
        assert (world.status(WB1), world.nonconformities(WB1)) == ("quarantine", [])

    def test_a_container_labelled_twice_is_a_nonconformity(self, world: World) -> None:
        world.given(collect(f"{D1}#1"), say("LabelBag", bag=WB1, container=f"{D1}#1"))
        world.when(say("LabelBag", bag=f"{D1}=E0336VA0", container=f"{D1}#1"))
        world.then_recorded()
        assert "processed_consumed" in world.nonconformities(f"{D1}#1")


class TestHandedDown:
    def test_an_autologous_bags_children_are_bound_too(self, world: World) -> None:
        world.given(collect(purpose="autologous", intended_for="p1"), separate())
        assert (world.bag(RC1).purpose, world.bag(RC1).intended_for) == ("autologous", "p1")

    def test_a_directed_bag_is_released_as_others_and_goes_to_its_recipient_only(self, world: World) -> None:
        world.given(in_stock(D1, purpose="directed", intended_for="p1"), crossmatch(patient="p2"))
        world.when(issue(patient="p2"))
        world.then_refused("BagBoundToAnotherPatient")
        world.when(issue(authoriser="chief", reason="r"))
        world.then_recorded()

    @pytest.mark.parametrize("purpose", ["autologous", "directed"])
    def test_a_bound_bag_names_its_recipient(self, world: World, purpose: str) -> None:
        world.when(collect(purpose=purpose))
        world.then_malformed("intended_for")

    def test_a_reported_child_takes_the_facility_of_a_parent_that_arrives_later(self, world: World) -> None:
        world.given(on(at(1), reported(separate())))
        world.when(on(at(0), collect()))
        assert world.bag(RC1).facility == "C1"

    def test_a_reported_thawing_shortens_the_expiry_of_a_bag_that_is_told_of_later(self, world: World) -> None:
        world.given(on(at(2), reported(say("ModifyBag", bag=PL1, method="thaw"))))
        world.given(on(at(0), collect()), on(at(0, 9), separate() | {"reported": True}))
        assert expiry(world, PL1) == is_(at(3))

    def test_a_reported_issue_heard_before_the_arrival_happened_where_the_bag_had_arrived(self, world: World) -> None:
        world.given(collect(), on(at(3), reported(issue(WB1))))
        world.given(on(at(1), reported(say("DistributeBag", bag=WB1, to="H1"))))
        world.given(on(at(2), say("RecordArrival", bag=WB1, at="H1")))
        assert world.bag(WB1).facility == "H1"

    def test_a_reported_pool_takes_the_earliest_expiry_of_parents_that_arrive_later(self, world: World) -> None:
        members = [f"{D1}=E3077V00", f"{D2}=E3077V00"]
        world.given(on(at(2), reported(prepare("pool", members, (POOL, PLT, "2 U")))))
        plain: Said = {"component": PLT, "quantity": q("1 U")}
        world.given(on(at(1), collect(members[1], "donor-2", **plain)))
        world.given(on(at(0), collect(members[0], "donor-1", **plain)))
        assert expiry(world, POOL) == is_(at(5))

    def test_a_reported_child_takes_expiry_and_group_of_a_parent_that_arrives_later(self, world: World) -> None:
        world.given(on(at(1), reported(separate())))
        world.given(on(at(0), collect(group="A", rhd="positive")))
        assert expiry(world, RC1) == is_(at(35))
        assert world.bag(RC1).group == ("A", "positive")
        assert world.nonconformities(RC1) == []

    def test_a_transfused_child_is_alerted_when_its_parent_turns_out_held(self, world: World) -> None:
        world.given(reactive(), on(at(1), transfuse()))
        assert world.alerts() == [RC1]


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (1, 2, 0), (2, 1, 0), (2, 0, 1), (0, 2, 1)], ids=str)
def test_a_collection_heard_of_late_gives_its_grandchildren_their_expiry(world: World, order: tuple[int, ...]) -> None:
    story = [
        on(at(0), collect(f"{D1}#1")),
        on(at(0, 9), say("LabelBag", container=f"{D1}#1", bag=WB1)),
        on(at(0, 12), reported(separate())),
    ]
    world.given(*(story[number] for number in order))
    assert world.bag(RC1).expires_at == utc(at(35))


@pytest.mark.parametrize("amount", ["1_0", "\uff11", "\u0663", "+1", "1e0", "1.", ".5", "1E+1"])
def test_an_amount_is_written_as_people_write_it(world: World, amount: str) -> None:
    world.when(collect(quantity={"amount": amount, "measure": "U"}))
    assert world.answer.outcome == "malformed"
    assert world.answer.problem is not None and world.answer.problem.where == "quantity.amount"
