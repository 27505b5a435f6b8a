"""This file holds one good day for every command: what it records, and that none is left out."""

from collections.abc import Callable
from typing import Any

import pytest

from ledger.commands import COMMANDS
from tests.domain.world import (
    D1,
    D2,
    FFP,
    PL1,
    RC1,
    RED,
    WB1,
    WB2,
    Said,
    World,
    amend,
    annul,
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
    panel,
    prepare,
    q,
    reactive,
    release,
    result,
    say,
    separate,
    transfuse,
)

Story = tuple[list[Said], Said, tuple[str, ...]]


def story(given: list[Said], when: Said, *facts: str) -> Story:
    return given, when, facts


STORIES: dict[str, Callable[[], Story]] = {
    "CollectBag": lambda: story([], collect(), "bag.collected", "donation.registered"),
    "LabelBag": lambda: story(
        [collect(f"{D1}#1")], say("LabelBag", bag=WB1, container=f"{D1}#1"), "bag.consumed", "bag.labelled"
    ),
    "PrepareBags": lambda: story([collect()], separate(), "bag.consumed", "bag.prepared", "bag.prepared"),
    "ReceiveBag": lambda: story([], say("ReceiveBag", bag=RC1, **{"from": "C9"}), "bag.received"),
    "ModifyBag": lambda: story(in_stock(), say("ModifyBag", bag=PL1, method="thaw"), "bag.modified"),
    "RegisterDonation": lambda: story(
        [],
        say("RegisterDonation", din=D1, donor="d1", facility="C1", kind="whole_blood"),
        "donation.registered",
    ),
    "RecordSample": lambda: story([collect()], say("RecordSample", din=D1, sample="S1"), "donation.sample_taken"),
    "RecordTest": lambda: story([collect()], result(), "donation.tested"),
    "RecordGroup": lambda: story([collect()], group(), "donation.grouped", "bag.tested"),
    "RecordPostDonationInformation": lambda: story(
        [collect()],
        say("RecordPostDonationInformation", din=D1, kind="fever", details="fell ill"),
        "donation.post_donation_information",
        "hold.placed",
        "bag.held",
    ),
    "InspectBag": lambda: story([collect()], say("InspectBag", bag=WB1), "bag.inspected"),
    "VerifyLabel": lambda: story([collect()], say("VerifyLabel", bag=WB1), "bag.label_verified"),
    "SampleQuality": lambda: story([collect()], say("SampleQuality", bag=WB1, sample="Q1"), "bag.quality_sampled"),
    "RecordQualityTest": lambda: story(
        [collect()], say("RecordQualityTest", bag=WB1, test="culture", result="negative"), "bag.quality_tested"
    ),
    "ReleaseBag": lambda: story(in_stock()[:-1], say("ReleaseBag", bag=RC1), "bag.released"),
    "EmergencyReleaseBag": lambda: story(
        [collect(), separate()],
        say("EmergencyReleaseBag", bag=RC1, authoriser="chief", reason="bleeding"),
        "bag.released",
        "bag.nonconformity_raised",
    ),
    "ReleaseAutologousBag": lambda: story(
        [collect(purpose="autologous", intended_for="p1"), *release(WB1)[:2]],
        say("ReleaseAutologousBag", bag=WB1, patient="p1"),
        "bag.released",
    ),
    "RevokeRelease": lambda: story(
        in_stock(), say("RevokeRelease", bag=RC1, reason="wrong bag"), "bag.release_revoked"
    ),
    "RaiseNonconformity": lambda: story(
        [collect()], say("RaiseNonconformity", bag=WB1, code="torn_label"), "bag.nonconformity_raised"
    ),
    "WithdrawNonconformity": lambda: story(
        [transfuse()],
        say("WithdrawNonconformity", bag=RC1, nonconformity="bag_unknown", reason="looked into"),
        "bag.nonconformity_withdrawn",
    ),
    "PlaceHold": lambda: story([collect()], hold("donation", D1), "hold.placed", "bag.held"),
    "LiftHold": lambda: story(
        [collect(), hold("donation", D1)], lift("donation", D1), "hold.lifted", "bag.hold_lifted"
    ),
    "StoreBag": lambda: story([collect()], say("StoreBag", bag=WB1, facility="C1", place="F1"), "bag.stored"),
    "MoveBag": lambda: story([collect()], say("MoveBag", bag=WB1, place="F2"), "bag.moved"),
    "CountBag": lambda: story([collect()], say("CountBag", bag=WB1, stocktake="2026-1"), "bag.counted"),
    "ReportMissing": lambda: story([collect()], say("ReportMissing", bag=WB1), "bag.missing"),
    "ReportFound": lambda: story(
        [collect(), say("ReportMissing", bag=WB1)], say("ReportFound", bag=WB1, place="F2"), "bag.found"
    ),
    "RecordBreach": lambda: story(
        [collect()],
        say("RecordBreach", bag=WB1, celsius="11", minutes="40"),
        "bag.temperature_breached",
        "bag.held",
        "bag.nonconformity_raised",
    ),
    "DistributeBag": lambda: story(in_stock(), say("DistributeBag", bag=RC1, to="H1"), "bag.distributed"),
    "RecordArrival": lambda: story(
        [*in_stock(), say("DistributeBag", bag=RC1, to="H1")],
        say("RecordArrival", bag=RC1, at="H1"),
        "bag.arrived",
    ),
    "RequestDiscard": lambda: story(
        [collect()], say("RequestDiscard", bag=WB1, reason="broken"), "bag.discard_requested"
    ),
    "DiscardBag": lambda: story([collect()], discard(WB1), "bag.discarded"),
    "DestroyBag": lambda: story([collect(), discard(WB1)], say("DestroyBag", bag=WB1, method="burnt"), "bag.destroyed"),
    "SendForFractionation": lambda: story(
        [collect(), separate()], say("SendForFractionation", bag=PL1, to="F9"), "bag.sent_for_fractionation"
    ),
    "UseForQualityControl": lambda: story(
        [collect()], say("UseForQualityControl", bag=WB1), "bag.used_for_quality_control"
    ),
    "ReserveBag": lambda: story(in_stock(), say("ReserveBag", bag=RC1, patient="p1"), "bag.reserved"),
    "CancelReservation": lambda: story(
        [*in_stock(), say("ReserveBag", bag=RC1, patient="p1")],
        say("CancelReservation", bag=RC1),
        "bag.reservation_cancelled",
    ),
    "CrossmatchBag": lambda: story(in_stock(), crossmatch(), "bag.crossmatched"),
    "IssueBag": lambda: story([*in_stock(), crossmatch()], issue(), "bag.issued"),
    "ReturnBag": lambda: story(issued(), give_back(), "bag.returned", "bag.held"),
    "RecordTransfusion": lambda: story(issued(), transfuse(), "bag.transfused"),
    "RecordReaction": lambda: story(
        [*issued(), transfuse()],
        say("RecordReaction", patient="p1", bags=[RC1], kind="febrile"),
        "bag.reaction_reported",
    ),
    "CloseNotice": lambda: story(
        [*issued(), transfuse(), hold("bag", RC1)],
        say("CloseNotice", bag=RC1, notice=f"{RC1}@9>recipient:p1", reason="told the ward"),
        "bag.notice_closed",
        "recipient.alert_closed",
    ),
    "RegisterDonor": lambda: story([], say("RegisterDonor", donor="d1", identity="a name"), "donor.registered"),
    "AssessDonor": lambda: story([], say("AssessDonor", donor="d1", outcome="eligible"), "donor.assessed"),
    "DeferDonor": lambda: story([], say("DeferDonor", donor="d1", cause="travel"), "donor.deferred"),
    "LiftDeferral": lambda: story(
        [say("DeferDonor", donor="d1", cause="travel")],
        say("LiftDeferral", donor="d1", cause="travel"),
        "donor.deferral_lifted",
    ),
    "RecordSelfExclusion": lambda: story(
        [collect(donor="d1")],
        say("RecordSelfExclusion", donor="d1", din=D1),
        "donor.self_excluded",
        "hold.placed",
        "bag.held",
    ),
    "MergeDonors": lambda: story([], say("MergeDonors", donor="d1", other="d2"), "donor.merged", "donor.merged"),
    "UnmergeDonors": lambda: story(
        [say("MergeDonors", donor="d1", other="d2")],
        say("UnmergeDonors", donor="d1", other="d2"),
        "donor.unmerged",
        "donor.unmerged",
    ),
    "RecordRecipientSample": lambda: story(
        [], say("RecordRecipientSample", patient="p1", sample="S1"), "recipient.sample_taken"
    ),
    "RecordRecipientGroup": lambda: story(
        [], say("RecordRecipientGroup", patient="p1", group="A", rhd="positive"), "recipient.grouped"
    ),
    "MergeRecipients": lambda: story(
        [], say("MergeRecipients", patient="p1", other="p2"), "recipient.merged", "recipient.merged"
    ),
    "UnmergeRecipients": lambda: story(
        [say("MergeRecipients", patient="p1", other="p2")],
        say("UnmergeRecipients", patient="p1", other="p2"),
        "recipient.unmerged",
        "recipient.unmerged",
    ),
    "Amend": lambda: story([collect()], amend(WB1, 1, changes={"session": "van 2"}), "bag.amended", "donation.amended"),
    "Annul": lambda: story([collect(), say("InspectBag", bag=WB1)], annul(WB1, 2), "bag.annulled"),
}

DECISIONS = {
    "PrepareBags", "ReleaseBag", "EmergencyReleaseBag", "LiftHold", "ReserveBag", "CancelReservation",
    "DistributeBag", "IssueBag", "DiscardBag", "Amend", "Annul",
}  # fmt: skip
"""What may be refused, by the contract."""
OUR_DECISIONS = {"ModifyBag", "ReleaseAutologousBag", "RevokeRelease"}
"""Commands of our own that may be refused too."""

STRANGE = {
    "bag": "G123426000099=E5445V00",
    "din": "G123426000099",
    "patient": "p9",
    "donor": "d9",
    "other": "d8",
    "notice": "none",
    "nonconformity": "none",
}


@pytest.mark.parametrize("name", sorted(STORIES))
def test_every_command_is_recorded_on_a_good_day(world: World, name: str) -> None:
    given, when, facts = STORIES[name]()
    world.given(given)
    assert when["command"] == name
    world.when(when)
    world.then_recorded(*facts)


def test_no_command_is_left_out() -> None:
    assert set(STORIES) == set(COMMANDS)


def test_what_may_be_refused_is_what_the_contract_says() -> None:
    assert {name for name, command in COMMANDS.items() if command.DECISION} == DECISIONS | OUR_DECISIONS


def _elsewhere(said: Said) -> Said:
    """The same command about things this ledger has never heard of."""
    new: Said = {name: STRANGE.get(name, value) for name, value in said.items()}
    if "bags" in new:
        new["bags"] = [STRANGE["bag"]]
    if "container" in new:
        new["container"] = "G123426000099#1"
    if "inputs" in new:
        new["inputs"] = ["G123426000098=E0336V00"]
        new["outputs"] = [{"bag": STRANGE["bag"], "component": RED, "quantity": q("2 U")}]
    if "stream" in new:
        new["stream"] = STRANGE["bag"]
    if "scope" in new:
        new["scope"] = {"kind": "bag", "id": STRANGE["bag"]}
    return new


@pytest.mark.parametrize("name", sorted(COMMANDS.keys() - DECISIONS - OUR_DECISIONS))
def test_an_observation_of_something_unknown_is_recorded(world: World, name: str) -> None:
    world.when(_elsewhere(STORIES[name]()[1]))
    world.then_recorded()


@pytest.mark.parametrize("name", sorted(DECISIONS | OUR_DECISIONS))
def test_a_report_of_a_decision_about_something_unknown_is_recorded(world: World, name: str) -> None:
    world.when(_elsewhere(STORIES[name]()[1]) | {"reported": True})
    world.then_recorded()


@pytest.mark.parametrize("name", sorted(DECISIONS - {"CancelReservation"}))
def test_a_decision_about_something_unknown_is_refused(world: World, name: str) -> None:
    world.when(_elsewhere(STORIES[name]()[1]))
    assert world.answer.outcome == "refused"
    world.then_nothing_stored()


BATCHES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("ReleaseBag", {}),
    ("StoreBag", {"facility": "C1", "place": "F1"}),
    ("DistributeBag", {"to": "H1"}),
    ("DiscardBag", {"reason": "broken", "approved_by": "chief"}),
)
CHECKS: tuple[tuple[str, dict[str, Any]], ...] = (("InspectBag", {"findings": "clear"}), ("VerifyLabel", {}))


@pytest.mark.parametrize("name,fields", [*BATCHES, *CHECKS])
def test_a_short_batch_is_recorded_for_all_its_bags(world: World, name: str, fields: dict[str, Any]) -> None:
    ready = [collect(), *panel(), separate()]
    for bag in (RC1, PL1):
        ready += release(bag)[:2] if name == "ReleaseBag" else release(bag)
    world.given(ready)
    answer = world.when(say(name, bags=[RC1, PL1], **fields))
    world.then_recorded()
    assert {fact.stream for fact in answer.facts} == {RC1, PL1}


@pytest.mark.parametrize("name,fields", [each for each in BATCHES if each[0] != "StoreBag"])
def test_a_short_batch_with_one_bad_bag_stores_nothing(world: World, name: str, fields: dict[str, Any]) -> None:
    ready = [collect(), *panel(), separate()]
    ready += release(RC1)[:2] if name == "ReleaseBag" else release(RC1)
    world.given(ready, discard(PL1))
    world.when(say(name, bags=[RC1, PL1], **fields))
    world.then_refused("BagEnded")


@pytest.mark.parametrize("name", ["InspectBag", "VerifyLabel"])
def test_a_failed_check_of_several_bags_holds_each(world: World, name: str) -> None:
    world.given(collect(), separate())
    world.when(say(name, bags=[RC1, PL1], passed=False))
    assert world.holds(RC1) == world.holds(PL1) != []


def test_a_run_that_came_to_the_same_for_several_donations_is_one_command(world: World) -> None:
    world.given(collect(), collect(WB2, "donor-2"))
    answer = world.when(result(marker="hbsag", din=None, dins=[D1, D2], test_run="R1"))
    assert [(fact.stream, fact.name) for fact in answer.facts] == [
        (D1, "donation.tested.v1"),
        (D2, "donation.tested.v1"),
    ]


def test_a_result_of_several_donations_comes_to_what_a_command_for_each_comes_to(world: World) -> None:
    alone, one, other = D1, D2, "A999926000003"
    for number, din in enumerate((alone, one, other)):
        world.given(collect(f"{din}=E0336V00", f"donor-{number}"))

    def told(said: dict[str, Any]) -> None:
        world.given(said, said | {"din": None, "dins": [one, other]})

    def known(din: str) -> tuple[Any, ...]:
        donation, bag = world.donation(din), world.bag(f"{din}=E0336V00")
        return donation.concluded and donation.concluded.outcome, bag.status, bag.group, world.holds(bag.id)

    *tests, _ = panel(alone)
    for test in tests:
        told(test)
        assert known(one) == known(other) == known(alone)
    world.given(group(alone), group(one), group(other))
    assert known(one) == known(other) == known(alone)
    assert known(alone)[0] == "acceptable"
    told(reactive(alone))
    assert known(one) == known(other) == known(alone)
    assert known(alone)[0] == "unacceptable" and known(alone)[3]


def test_an_output_takes_its_component_from_the_catalogue_when_none_is_named(world: World) -> None:
    world.given(collect())
    world.when(say("PrepareBags", process="separate", inputs=[WB1],
                   outputs=[{"bag": RC1, "quantity": q("2 U")}]))  # fmt: skip
    world.then_recorded()
    assert world.bag(RC1).component == RED


def test_a_product_code_the_catalogue_does_not_hold_is_accepted_with_a_component(world: World) -> None:
    world.given(collect())
    world.when(prepare("separate", WB1, (f"{D1}=X9999V00", FFP, "200 mL")))
    world.then_recorded()


def test_a_reactive_result_says_everything_it_caused_in_its_answer(world: World) -> None:
    world.given(issued(), transfuse())
    world.when(reactive())
    names = world.recorded_names()
    assert names[0] == "donation.tested"
    assert {"hold.placed", "bag.held", "bag.notice_opened", "recipient.alerted"} <= set(names)
