"""This file holds every refusal, raised at least once: each with nothing stored, a remedy, in two languages."""

from collections.abc import Callable

import pytest

from ledger.domain.refusals import REFUSALS
from tests.domain.world import (
    D1,
    PL1,
    RC1,
    RC2,
    RED,
    WB1,
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

Story = tuple[list[Said], Said]

AUTOLOGOUS = collect(purpose="autologous", intended_for="p1")
CHECKED = [collect(), separate(), *release()[:2]]
RELEASE = say("ReleaseBag", bag=RC1)

STORIES: dict[str, Callable[[], Story]] = {
    "BagUnknown": lambda: ([], issue()),
    "BagConsumed": lambda: ([collect(), separate()], discard(WB1)),
    "BagEnded": lambda: ([*issued(), transfuse()], discard()),
    "BagHeld": lambda: ([*in_stock(), hold("bag", RC1), crossmatch()], issue()),
    "BagExpired": lambda: ([*in_stock(), on(at(40), crossmatch())], on(at(40), issue())),
    "BagNotReleased": lambda: ([collect(), separate(), crossmatch()], issue()),
    "BagAlreadyReleased": lambda: (in_stock(), RELEASE),
    "ReleaseNotStanding": lambda: ([collect()], say("RevokeRelease", bag=WB1, reason="r")),
    "BagAlreadyIssued": lambda: (issued(), issue()),
    "BagInTransit": lambda: ([*in_stock(), crossmatch(), say("DistributeBag", bag=RC1, to="H1")], issue()),
    "BagReserved": lambda: (
        [*in_stock(), say("ReserveBag", bag=RC1, patient="p1"), crossmatch(patient="p2")],
        issue(patient="p2"),
    ),
    "BagNotReserved": lambda: (in_stock(), say("CancelReservation", bag=RC1)),
    "BagBoundToAnotherPatient": lambda: (
        [AUTOLOGOUS, *release(WB1)[:2], say("ReleaseAutologousBag", bag=WB1, patient="p1"), crossmatch(WB1, "p2")],
        issue(WB1, "p2"),
    ),
    "BagMissing": lambda: ([*in_stock(), say("ReportMissing", bag=RC1), crossmatch()], issue()),
    "ReturnedBagMayNotComeBack": lambda: (
        [*issued(), give_back(), lift("bag", RC1, "returned"), crossmatch()],
        issue(),
    ),
    "CrossmatchMissing": lambda: (in_stock(), issue()),
    "BagNotInspected": lambda: ([collect(), *panel(), separate()], RELEASE),
    "LabelNotVerified": lambda: ([collect(), *panel(), separate(), say("InspectBag", bag=RC1)], RELEASE),
    "DonationUnknown": lambda: ([say("ReceiveBag", bag=RC1, **{"from": "C9"}), *release()[:2]], RELEASE),
    "ResultsOpen": lambda: (CHECKED, RELEASE),
    "DonationNotAcceptable": lambda: (
        [*CHECKED, *panel(), reactive(), lift("donation", D1, "reactive_result")],
        RELEASE,
    ),
    "GroupDisputed": lambda: ([*CHECKED, *panel(), group(abo="B"), lift("donation", D1, "disputed_group")], RELEASE),
    "DonorDeferred": lambda: ([*CHECKED, *panel(), say("DeferDonor", donor="donor-1", cause="travel")], RELEASE),
    "ProcessRecordsIncomplete": lambda: ([*panel(), reported(separate()), *release()[:2]], RELEASE),
    "BagIsAutologous": lambda: ([AUTOLOGOUS, *panel(), *release(WB1)[:2]], say("ReleaseBag", bag=WB1)),
    "BagNotAutologous": lambda: ([*CHECKED, *panel()], say("ReleaseAutologousBag", bag=RC1, patient="p1")),
    "OutputsAboveInputs": lambda: (
        [collect(), separate()],
        prepare("split", RC1, (f"{D1}=E5445VA0", RED, "1.5 U"), (f"{D1}=E5445VB0", RED, "1 U")),
    ),
    "BagIdentityTaken": lambda: (
        [collect(), separate(), collect(f"{D1}#2")],
        prepare("separate", f"{D1}#2", (RC1, RED, "1 U")),
    ),
    "PoolNeedsMembers": lambda: ([collect(), separate()], prepare("pool", PL1, (RC2, RED, "1 U"))),
    "ProductCodeMismatch": lambda: ([collect()], prepare("separate", WB1, (RC1, "frozen_plasma", "200 mL"))),
    "HoldNotOpen": lambda: ([collect()], lift("donation", D1)),
    "ApproverIsActor": lambda: ([collect()], discard(WB1, by="chief")),
    "FactUnknown": lambda: ([collect()], annul(WB1, 7)),
    "FactAlreadyAnnulled": lambda: ([collect(), say("InspectBag", bag=WB1), annul(WB1, 2)], annul(WB1, 2)),
    "FactIsConsequence": lambda: ([collect(), hold("donation", D1)], annul(WB1, 2)),
    "FieldNotAmendable": lambda: ([collect()], amend(WB1, 1, changes={"colour": "red"})),
    "RequestIdReused": lambda: ([collect() | {"request": "once"}], result() | {"request": "once"}),
}


@pytest.mark.parametrize("code", sorted(STORIES))
def test_each_refusal_stores_nothing_and_says_what_would_help(world: World, code: str) -> None:
    given, when = STORIES[code]()
    world.given(given)
    world.when(when)
    world.then_refused(code)


def test_no_refusal_is_left_out() -> None:
    assert set(STORIES) == set(REFUSALS)


@pytest.mark.parametrize("code", sorted(set(STORIES) - {"RequestIdReused", "FieldNotAmendable"}))
def test_the_report_of_what_would_be_refused_is_recorded(world: World, code: str) -> None:
    given, when = STORIES[code]()
    world.given(given)
    world.when(reported(when))
    world.then_recorded()


@pytest.mark.parametrize("code", sorted(set(STORIES) - {"RequestIdReused"}))
def test_a_refused_request_may_succeed_later_under_the_same_id(world: World, code: str) -> None:
    given, when = STORIES[code]()
    world.given(given)
    world.when(when | {"request": "mine"})
    world.when(say("InspectBag", bag=RC1) | {"request": "mine", "happened_at": at(1)})
    world.then_recorded()


@pytest.mark.parametrize("code", ["BagHeld", "BagNotReleased", "CrossmatchMissing", "BagReserved"])
def test_a_refusal_changes_nothing_for_the_next_in_the_same_batch(world: World, code: str) -> None:
    given, when = STORIES[code]()
    world.given(given)
    before = world.sketch()
    first, second, third = world.commit(when, say("StoreBag", bag=RC1, place="F7"), when)
    assert (first.outcome, second.outcome, third.outcome) == ("refused", "recorded", "refused")
    assert first.problem is not None and first.problem.code == code
    assert world.sketch() == before
