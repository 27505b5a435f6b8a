"""This file holds the cases a transfusion expert will try first, one test each: those that need no network."""

import pytest

from tests.domain.world import (
    D1,
    D2,
    FFP,
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
    q,
    reactive,
    release,
    reported,
    result,
    say,
    separate,
    transfuse,
)

POOL = "A999926900001=E3088V00"
FOREIGN = "G123426000007=E5445V00"


@pytest.mark.parametrize("size", [4, 5, 6])
@pytest.mark.parametrize("bad", [1, 4])
def test_a_pool_with_one_late_reactive_donation(world: World, size: int, bad: int) -> None:
    members = []
    for number in range(1, size + 1):
        name = f"A999926{number:06d}"
        members.append(f"{name}=E3077V00")
        world.given(collect(f"{name}=E0336V00", f"d{number}"), panel(name))
        world.given(prepare("separate", f"{name}=E0336V00", (f"{name}=E5445V00", RED, "2 U"),
                            (members[-1], PLT, "2 U")))  # fmt: skip
    world.given(prepare("pool", members, (POOL, "pooled_platelets", f"{2 * size} U")), release(POOL))
    world.given(issue(POOL, authoriser="chief", reason="platelets"), transfuse(POOL))
    world.when(on(at(2), reactive(f"A999926{bad:06d}", "nat_hiv")))
    assert world.holds(POOL) == ["reactive_result"]
    assert world.alerts("p1") == [POOL]
    assert world.nonconformities(POOL) == []
    red_cells_held = [n for n in range(1, size + 1) if world.holds(f"A999926{n:06d}=E5445V00")]
    assert red_cells_held == [bad]


def test_a_split_of_a_split(world: World) -> None:
    first, second, third = f"{D1}=E5445VA0", f"{D1}=E5445VAa", f"{D1}=E5445VAb"
    world.given(collect(), separate(), prepare("split", RC1, (first, RED, "1.5 U")))
    world.given(prepare("split", first, (second, RED, "0.75 U"), (third, RED, "0.75 U")))
    assert [world.status(bag) for bag in (RC1, first, second)] == ["consumed", "consumed", "quarantine"]
    world.when(reactive())
    assert world.holds(second) == world.holds(third) == ["reactive_result"]


def test_children_larger_than_the_parent(world: World) -> None:
    world.given(collect(), separate())
    too_much = prepare("split", RC1, (f"{D1}=E5445VA0", RED, "1 U"), (f"{D1}=E5445VB0", RED, "1.25 U"))
    world.when(too_much)
    world.then_refused("OutputsAboveInputs")
    world.when(reported(too_much))
    assert world.nonconformities(RC1) == ["quantity_not_conserved"]


@pytest.mark.parametrize("scope", [("donation", D1), ("bag", WB1), ("container_lot", "L1")])
def test_a_child_was_used_and_the_parent_is_recalled_later(world: World, scope: tuple[str, str]) -> None:
    world.given(issued() if scope[0] != "container_lot" else
                [collect(lots=[{"kind": "container", "id": "L1"}]), *issued()[1:]], transfuse())  # fmt: skip
    world.when(on(at(3), hold(*scope)))
    assert (world.holds(RC1), world.alerts()) == (["recall"], [RC1])
    assert world.nonconformities() == []


def test_a_parent_used_after_it_was_consumed(world: World) -> None:
    world.given(collect(), panel(), release(WB1), separate())
    world.when(issue(WB1, authoriser="chief", reason="r"))
    world.then_refused("BagConsumed")
    world.when(transfuse(WB1))
    world.then_recorded()
    assert "transfused_consumed" in world.nonconformities(WB1)


def test_a_return_after_a_break_in_the_cold_chain(world: World) -> None:
    world.given(issued(), say("RecordBreach", bag=RC1, celsius="18", minutes="50"), give_back())
    assert world.holds() == ["returned", "storage_breach"]
    world.given(lift("bag", RC1, "returned"))
    assert (world.status(), world.holds()) == ("returned", ["storage_breach"])
    world.when(discard())
    world.then_recorded()


def test_temperature_data_that_arrives_after_the_transfusion(world: World) -> None:
    world.given(issued(), on(at(1), transfuse()))
    world.when(on(at(0, 20), say("RecordBreach", bag=RC1, celsius="18", minutes="50")))
    world.then_recorded()
    assert (world.status(), world.holds()) == ("transfused", ["storage_breach"])
    assert world.nonconformities() == ["temperature_out_of_range", "transfused_held"]


@pytest.mark.parametrize(
    "process,component",
    [("wash", "washed_red_cells"), ("irradiate", "irradiated_red_cells"), ("relabel", RED), ("split", RED)],
)
def test_the_old_bag_leaves_stock_exactly_once(world: World, process: str, component: str) -> None:
    world.given(in_stock(), prepare(process, RC1, (f"{D1}=E0999V00", component, "2 U")))
    assert (world.status(), world.status(f"{D1}=E0999V00")) == ("consumed", "quarantine")
    assert world.facts(RC1).count("bag.consumed") == 1
    world.when(prepare(process, RC1, (f"{D1}=E0998V00", component, "2 U")))
    world.then_refused("BagConsumed")


@pytest.mark.parametrize("purpose", ["autologous", "directed"])
def test_a_bound_bag_to_another_patient(world: World, purpose: str) -> None:
    world.given(collect(purpose=purpose, intended_for="p1"), panel(), release(WB1)[:2])
    release_it = (
        say("ReleaseAutologousBag", bag=WB1, patient="p1") if purpose == "autologous" else say("ReleaseBag", bag=WB1)
    )
    world.given(release_it, crossmatch(WB1, "p2"))
    for act in (say("ReserveBag", bag=WB1, patient="p2"), issue(WB1, "p2"), issue(WB1, None)):
        world.when(act)
        world.then_refused("BagBoundToAnotherPatient")
    world.when(transfuse(WB1, "p2"))
    world.then_recorded()
    assert "transfused_bound_to_another" in world.nonconformities(WB1)


def test_group_disagreement_between_tests(world: World) -> None:
    world.given(issued(), transfuse())
    world.when(on(at(2), group(abo="O")))
    assert (world.holds(), world.alerts()) == (["disputed_group"], [RC1])
    assert "group_disputed" in world.nonconformities(D1)


def test_group_disagreement_with_history(world: World) -> None:
    world.given(in_stock(D1, "d"), collect(WB2, "d"), panel(D2, "O"), separate(D2), release(RC2)[:2])
    world.when(say("ReleaseBag", bag=RC2))
    world.then_refused("BagHeld")


def test_a_result_corrected_after_release_to_bad(world: World) -> None:
    world.given(issued())
    world.when(on(at(2), amend(D1, 2, changes={"result": "reactive"})))
    assert world.holds() == ["reactive_result"]
    assert world.status() == "issued"
    assert world.notices() == [("consignee", "ward 3")]
    assert "released_unacceptable" in world.nonconformities()


def test_a_result_corrected_after_release_to_good(world: World) -> None:
    world.given(in_stock(), reactive())
    assert world.status() == "held"
    world.when(amend(D1, world.version_of(D1, "donation.tested"), changes={"result": "nonreactive"}))
    assert (world.status(), world.holds(), world.nonconformities()) == ("available", [], [])


def test_an_emergency_release_that_turns_out_positive(world: World) -> None:
    world.given(collect(), separate())
    world.given(say("EmergencyReleaseBag", bag=RC1, authoriser="chief", reason="bleeding"))
    world.given(issue(authoriser="chief", reason="no time"), transfuse())
    world.when(on(at(1), reactive()))
    assert world.alerts() == [RC1]
    assert world.nonconformities() == ["emergency_release_results_open"]


TRANSFUSED_THOUGH: dict[str, tuple[list[Said], str, str]] = {
    "expired": (issued(), at(40), "transfused_expired"),
    "held": ([*issued(), hold("bag", RC1)], at(1), "transfused_held"),
    "discarded": ([*in_stock(), discard()], at(1), "transfused_after_end"),
    "never issued": (in_stock(), at(1), "transfused_not_issued"),
    "never released": ([collect(), separate()], at(1), "transfused_not_released"),
    "unknown": ([], at(1), "bag_unknown"),
    "consumed": ([*in_stock(), prepare("relabel", RC1, (FOREIGN, RED, "2 U"))], at(1), "transfused_consumed"),
    "given to another patient than issued to": (
        [*in_stock(), crossmatch(patient="p2"), issue(patient="p2")], at(1), "transfused_to_wrong_patient"
    ),
    "incompatible": (
        [*issued(), on(at(0, 20), crossmatch(result="incompatible"))], at(1), "transfused_incompatible"
    ),
}  # fmt: skip


@pytest.mark.parametrize("though", sorted(TRANSFUSED_THOUGH))
def test_a_transfusion_is_always_recorded_and_says_what_was_wrong(world: World, though: str) -> None:
    given, when, code = TRANSFUSED_THOUGH[though]
    world.given(given)
    world.when(on(when, transfuse()))
    world.then_recorded()
    assert code in world.nonconformities()
    assert world.bag().given_to() == {"p1"}


def test_a_sound_transfusion_breaks_no_rule(world: World) -> None:
    world.given(issued(), transfuse())
    assert [world.nonconformities(stream) for stream in (WB1, RC1, PL1, D1)] == [[], [], [], []]


def test_one_bag_to_two_patients(world: World) -> None:
    world.given(issued(), transfuse(quantity=q("1 U")))
    world.when(transfuse(patient="p2", quantity=q("1 U")))
    world.then_recorded()
    assert "transfused_to_another_patient" in world.nonconformities()
    assert world.bag().given_to() == {"p1", "p2"}


def test_partial_volumes_to_one_patient_in_two_sittings(world: World) -> None:
    world.given(issued(), transfuse(quantity=q("1 U")))
    world.when(on(at(0, 12), transfuse(quantity=q("1 U"))))
    world.then_recorded("bag.transfused")
    assert (world.status(), world.nonconformities()) == ("transfused", [])
    world.when(on(at(0, 13), transfuse(quantity=q("0.5 U"))))
    assert world.nonconformities() == ["transfused_more_than_held"]


def test_duplicate_message_same_fact_under_a_new_id_and_same_id_with_other_content(world: World) -> None:
    message = on(at(1), transfuse()) | {"request": "MSH-1", "sender": "H1"}
    world.given(issued(), message)
    assert world.when(message).outcome == "repeated"
    assert world.when(message | {"request": "MSH-2"}).outcome == "repeated"
    world.when(message | {"patient": "p2"})
    world.then_refused("RequestIdReused")
    assert world.facts(RC1).count("bag.transfused") == 1


def test_transfused_before_issued_before_released(world: World) -> None:
    world.given(collect(), panel(), separate(), say("InspectBag", bag=RC1), say("VerifyLabel", bag=RC1))
    world.given(crossmatch(), on(at(3), transfuse()))
    assert world.nonconformities() == ["transfused_not_issued", "transfused_not_released"]
    world.given(on(at(2), reported(issue())))
    assert world.nonconformities() == ["issued_not_released", "transfused_not_released"]
    world.given(on(at(1), reported(say("ReleaseBag", bag=RC1))))
    assert (world.nonconformities(), world.status()) == ([], "transfused")


def test_hl7_c_corrects_the_amount(world: World) -> None:
    world.given(issued(), on(at(1), transfuse(quantity=q("2 U"))))
    corrected = amend(RC1, fact="bag.transfused", match={"patient": "p1"}, changes={"quantity": q("1.5 U")})
    world.when(on(at(2), reported(corrected)))
    world.then_recorded("bag.amended")
    assert str(world.bag().transfusions[0].quantity.amount) == "1.5"  # type: ignore[union-attr]


@pytest.mark.parametrize("letter", ["D", "W"])
def test_hl7_d_and_w_take_a_transfusion_back(world: World, letter: str) -> None:
    world.given(issued(), on(at(1), transfuse(patient="p2")))
    world.when(on(at(2), reported(annul(RC1, fact="bag.transfused", match={"patient": "p2"}))))
    assert (world.status(), world.nonconformities()) == ("issued", []), letter


def test_a_correction_of_a_correction(world: World) -> None:
    world.given(issued(), transfuse(quantity=q("2 U")))
    version = world.version_of(RC1, "bag.transfused")
    world.given(amend(RC1, version, changes={"patient": "p2", "quantity": q("1 U")}))
    world.given(amend(RC1, world.version_of(RC1, "bag.amended"), changes={"patient": "p1"}))
    given = world.bag().transfusions[0]
    assert (given.patient, given.quantity) == ("p1", (1, "U"))


def test_a_correction_of_something_unknown(world: World) -> None:
    world.when(annul(RC1, 4))
    world.then_refused("FactUnknown")
    world.when(reported(annul(RC1, fact="bag.transfused", match={"patient": "p1"})))
    assert world.nonconformities() == ["correction_of_unknown"]


@pytest.mark.parametrize("when", ["2026-03-01T08:00:00", "2026-03-01", "20260301T080000+08:00", "2026-366T08:00Z"])
def test_a_zone_less_or_unreadable_time_is_malformed(world: World, when: str) -> None:
    world.when(on(when, collect()))
    world.then_malformed("happened_at")


def test_an_hour_that_a_clock_change_repeats_or_skips_is_told_by_its_offset(world: World) -> None:
    world.given(on("2026-10-25T02:30:00+02:00", collect()))
    world.when(on("2026-10-25T02:30:00+01:00", transfuse(WB1)))
    world.then_recorded()
    first, second = world.bag(WB1).facts[0], world.bag(WB1).transfusions[0]
    assert (second.timestamp - first.timestamp).total_seconds() == 3600
    assert (first.occasion.offset_minutes, second.occasion.offset_minutes) == (120, 60)


def test_a_clock_in_the_future_is_recorded_and_flagged(world: World) -> None:
    world.when(on("2027-03-01T08:00:00+08:00", collect()))
    world.then_recorded()
    assert world.nonconformities(WB1) == ["happened_in_future"]
    assert world.nonconformities(D1) == ["happened_in_future"]


def test_a_little_ahead_is_no_future(world: World) -> None:
    world.given(on("2026-11-01T20:00:00+08:00", collect()))
    assert world.nonconformities(WB1) == []


def test_a_leap_year_has_its_day_366(world: World) -> None:
    world.given(on("2024-12-31T23:59:00+08:00", collect()))
    world.given(on("2025-01-01T00:10:00+08:00", prepare("separate", WB1, (PL1, FFP, "200 mL"))))
    assert world.bag(PL1).expires_at.isoformat() == "2025-12-31T15:59:00+00:00"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "bag",
    [
        "A999926000001X=E5445V00", "a999926000001=E5445V00", "A99992600000O=E5445V00", "O999926000001=E5445V00",
        "=A99992600000100", "A999926000001", "A999926000001=E5445V0", "A999926000001=e5445V00",
        "A999926000001=E5445V99", "A999926000001#0", "A999926000001*=E5445V00", "A999926000001 =E5445V00", "",
    ],
)  # fmt: skip
def test_a_badly_scanned_bag_is_malformed_and_never_repaired(world: World, bag: str) -> None:
    world.when(collect(bag))
    assert world.answer.outcome == "malformed"
    world.then_nothing_stored()


@pytest.mark.parametrize("abo,rhd", [("0600", "positive"), ("06", "positive"), ("a", "positive"), ("A", "+")])
def test_a_group_is_named_by_its_code_only(world: World, abo: str, rhd: str) -> None:
    world.when(group(abo=abo, rhd=rhd))
    assert world.answer.outcome == "malformed"


def test_a_foreign_number_of_an_unknown_facility(world: World) -> None:
    world.when(say("ReceiveBag", bag=FOREIGN, **{"from": "abroad"}, sender_bag="W-1", released_by="dr-x"))
    world.then_recorded()
    assert (world.status(FOREIGN), world.nonconformities(FOREIGN)) == ("available", [])


def test_a_relabelled_number_is_followed(world: World) -> None:
    world.given(in_stock(), prepare("relabel", RC1, (FOREIGN, RED, "2 U")), release(FOREIGN))
    world.given(crossmatch(FOREIGN), issue(FOREIGN), transfuse(FOREIGN))
    world.when(reactive())
    assert (world.holds(FOREIGN), world.alerts()) == (["reactive_result"], [FOREIGN])


def test_the_same_number_from_two_offline_vans(world: World) -> None:
    van_1 = collect(donor="ann", session="van 1") | {"sender": "van-1", "request": "17"}
    van_2 = collect(donor="bea", session="van 2") | {"sender": "van-2", "request": "17"}
    world.given(van_1)
    world.when(van_2)
    world.then_recorded()
    assert set(world.holds(WB1)) == {"identity_conflict"}
    assert world.nonconformities(WB1) == ["identity_conflict"] == world.nonconformities(D1)
    assert [fact.donor for fact in world.bag(WB1).origins] == ["ann", "bea"]


def test_returned_to_the_centre_and_out_to_a_second_hospital(world: World) -> None:
    world.given(in_stock(), say("DistributeBag", bag=RC1, to="H1"), say("RecordArrival", bag=RC1, at="H1"))
    world.given(give_back(leg="hospital_to_centre"), lift("bag", RC1, "returned"))
    assert (world.status(), world.bag().facility) == ("available", "C1")
    world.given(say("DistributeBag", bag=RC1, to="H2"), say("RecordArrival", bag=RC1, at="H2"))
    assert (world.status(), world.bag().facility) == ("available", "H2")
    world.given(crossmatch(), issue(), transfuse())
    assert (world.status(), world.nonconformities()) == ("transfused", [])


def test_a_failed_collection_that_produced_nothing(world: World) -> None:
    world.when(say("RegisterDonation", din=D1, donor="d", facility="C1", kind="whole_blood", outcome="failed"))
    world.then_recorded("donation.registered")
    world.when(reactive())
    world.then_recorded()
    assert world.nonconformities(D1) == []


def test_a_donor_merged_and_unmerged(world: World) -> None:
    world.given(in_stock(D1, "a"), in_stock(D2, "b"), say("RecordSelfExclusion", donor="a"))
    world.given(say("MergeDonors", donor="a", other="b"))
    assert (world.holds(RC1), world.holds(RC2)) == (["self_exclusion"], ["self_exclusion"])
    world.given(say("UnmergeDonors", donor="a", other="b"))
    assert (world.holds(RC1), world.holds(RC2)) == (["self_exclusion"], [])


def test_overlapping_recalls_of_which_one_is_lifted(world: World) -> None:
    lots = [{"kind": "container", "id": "L1"}, {"kind": "filter", "id": "F1"}]
    world.given(in_stock(D1, lots=lots), hold("container_lot", "L1"), hold("filter_lot", "F1", "recall"))
    world.given(lift("container_lot", "L1"))
    assert (world.holds(), world.status()) == (["recall"], "held")
    world.given(lift("filter_lot", "F1"))
    assert (world.holds(), world.status()) == ([], "available")


def test_a_lot_recall_over_three_centres(world: World) -> None:
    lots = [{"kind": "container", "id": "L1"}]
    world.given([collect(f"A999926{n:06d}=E0336V00", f"d{n}", facility=f"C{n % 3}", lots=lots if n % 2 else [])
                 for n in range(1, 13)])  # fmt: skip
    world.when(hold("container_lot", "L1"))
    held = [n for n in range(1, 13) if world.holds(f"A999926{n:06d}=E0336V00")]
    assert held == [1, 3, 5, 7, 9, 11]


def test_handed_over_by_drone_without_receipt(world: World) -> None:
    world.given(in_stock(), say("DistributeBag", bag=RC1, to="H1"))
    assert (world.status(), world.bag().facility) == ("distributed", "H1")
    world.when(say("DistributeBag", bag=RC1, to="H2"))
    world.then_refused("BagInTransit")


def test_received_without_dispatch(world: World) -> None:
    world.given(in_stock())
    world.when(on(at(1), say("RecordArrival", bag=RC1, at="H1")))
    world.then_recorded()
    assert (world.nonconformities(), world.bag().facility) == (["arrived_not_distributed"], "H1")
    world.when(on(at(0, 20), reported(say("DistributeBag", bag=RC1, to="H1"))))
    assert (world.nonconformities(), world.status()) == ([], "available")


def test_two_hospitals_at_once(world: World) -> None:
    world.given(in_stock())
    first, second = world.commit(
        say("DistributeBag", bag=RC1, to="H1") | {"sender": "H1"},
        say("DistributeBag", bag=RC1, to="H2") | {"sender": "H2"},
    )
    assert (first.outcome, second.outcome) == ("recorded", "refused")
    world.when(reported(say("DistributeBag", bag=RC1, to="H2")))
    assert world.nonconformities() == ["distributed_twice"]


def test_presumed_transfused(world: World) -> None:
    world.given(issued(), transfuse(presumed=True))
    assert (world.status(), world.bag().fate, world.bag().presumed) == ("issued", None, True)


def test_out_and_discarded_at_the_hospital(world: World) -> None:
    world.given(in_stock(), say("DistributeBag", bag=RC1, to="H1"), say("RecordArrival", bag=RC1, at="H1"))
    world.when(reported(discard()))
    assert (world.status(), world.nonconformities()) == ("discarded", [])


def test_two_ends_are_told_of(world: World) -> None:
    world.given(issued(), transfuse())
    world.when(reported(discard()))
    assert (world.status(), world.nonconformities()) == ("transfused", ["discarded_after_end"])


def test_seen_in_stock_after_its_end(world: World) -> None:
    world.given(issued(), transfuse())
    world.when(say("CountBag", bag=RC1, facility="H1"))
    assert world.nonconformities() == ["seen_after_end"]


def test_a_reported_issue_without_a_crossmatch_is_recorded_as_it_is(world: World) -> None:
    """The hospital's own crossmatch need not reach us: docs/decisions/0013."""
    world.given(in_stock())
    world.when(reported(issue()))
    world.then_recorded("bag.issued")
    assert world.nonconformities() == []


@pytest.mark.parametrize(
    "given,report",
    [
        ([], say("ReserveBag", bag=RC1, patient="p1")),
        ([separate()], say("ModifyBag", bag=WB1, method="warm")),
        ([separate()], prepare("pool", PL1, (PL2, FFP, "200 mL"))),
        ([say("ReportMissing", bag=WB1)], separate()),
        ([panel(), separate(), release(), say("ReserveBag", bag=RC1, patient="p2")], issue()),
    ],
    ids=["reserved unreleased", "modified consumed", "pool of one", "processed missing", "issued reserved"],
)
def test_a_report_of_what_a_rule_forbids_is_a_nonconformity(world: World, given: list[Said], report: Said) -> None:
    world.given(collect(), *given)
    world.when(reported(report))
    world.then_recorded()
    streams = {fact.stream for fact in world.answer.facts}
    assert any(world.nonconformities(stream) for stream in streams)


def test_a_reservation_that_has_run_out_blocks_nobody(world: World) -> None:
    world.given(in_stock(), say("ReserveBag", bag=RC1, patient="p1", until=at(1)), crossmatch(patient="p2"))
    world.when(on(at(2), issue(patient="p2")))
    world.then_recorded("bag.issued")


def test_a_reserved_bag_goes_to_its_patient(world: World) -> None:
    world.given(in_stock(), say("ReserveBag", bag=RC1, patient="p1"), crossmatch())
    assert world.status() == "reserved"
    world.when(issue())
    world.then_recorded("bag.issued")


def test_missing_and_found(world: World) -> None:
    world.given(in_stock(), say("ReportMissing", bag=RC1))
    assert world.status() == "missing"
    world.given(say("ReportFound", bag=RC1, place="F2"))
    assert (world.status(), world.bag().place) == ("available", "F2")


def test_a_real_label_transfused_a_month_after_its_expiry(world: World) -> None:
    bag = "4103016022038=E5445000"
    world.given(on("2016-03-18T09:50:00+08:00", collect("4103016022038=E0336000")))
    world.given(on("2016-03-18T15:00:00+08:00", prepare("separate", "4103016022038=E0336000",
                   (bag, RED, "2 U", {"expires_at": "2016-04-22T09:50:00+08:00"}))))  # fmt: skip
    world.given(*(on("2016-03-19T09:00:00+08:00", each) for each in (*panel("4103016022038"), *release(bag))))
    world.given(on("2016-04-20T09:00:00+08:00", crossmatch(bag)), on("2016-04-21T09:00:00+08:00", issue(bag)))
    world.when(on("2016-05-22T09:00:00+08:00", transfuse(bag)))
    world.then_recorded()
    assert world.nonconformities(bag) == ["transfused_expired"]


def test_a_results_hold_is_recorded_even_when_nothing_was_made_yet(world: World) -> None:
    world.when(result(outcome="indeterminate"))
    world.then_recorded()
    assert world.facts(f"hold:donation:{D1}") == ["hold.placed"]
