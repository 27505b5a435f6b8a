"""This file holds the tests of question h: released before all mandatory results were final."""

from datetime import datetime
from typing import Any

from projections.queries.release import released_before_final
from tests.projections.history import History, collect, din, instant, process, units
from tests.projections.questions.told import Told, asked, picked, text

BAG = f"{din(1)}=E0001V00"
CELLS, PLASMA, POOL = f"{din(1)}=E0336V00", f"{din(1)}=E0701V00", f"{din(90)}=E9000V00"
MARKERS = ("hbsag", "anti_hcv", "hiv_ag_ab", "syphilis", "alt", "nat_hbv", "nat_hcv", "nat_hiv")
SHOWN = ("bag", "kind", "outcome", "final_at", "missing", "early")


def result(history: History, number: int, marker: str, at: float, found: str = "nonreactive", **said: Any) -> int:
    """A result on a sample of a donation, final unless it says otherwise."""
    fields = {"marker": marker, "result": found, "stage": "initial", "final": True, **said}
    return history.tell(din(number), "donation.tested", at, **fields)


def conclude(history: History, number: int, at: float | None, outcome: str = "acceptable") -> int:
    """What the write side concludes, and since when."""
    since = None if at is None else instant(at)
    return history.tell(
        din(number), "donation.concluded", at or 0, outcome=outcome, panel="cn-2026", concluded_at=since
    )  # fmt: skip


def release(history: History, bag: str, at: float, basis: str = "full_panel", **said: Any) -> int:
    return history.tell(bag, "bag.released", at, basis=basis, **said)


def test_releases_are_told_with_what_was_final_when() -> None:
    history = History()
    collect(history, 1, 0)
    process(history, "separate", [BAG], [CELLS, PLASMA], 10)
    result(history, 1, "hbsag", 100)
    result(history, 1, "nat_hbv", 200, final=False)
    release(history, PLASMA, 150, "emergency", by="doctor", authoriser="head")
    result(history, 1, "nat_hbv", 300)
    history.tell(din(1), "donation.grouped", 250, group="A", rhd="positive")
    conclude(history, 1, 300)
    release(history, CELLS, 300, by="boss")
    common = {"donation": din(1), "panel": "cn-2026", "outcome": "acceptable", "final_at": text(300)}
    assert asked(history, released_before_final, din(1)) == (
        {"bags": 3, "released": 2, "early": 1, "unknown": 0, "incomplete": 0},
        [
            {
                "bag": PLASMA,
                "released_at": text(150),
                "by": "doctor",
                "kind": "emergency_released",
                "basis": "emergency",
                **common,
                "missing": ["group", "nat_hbv"],
                "early": True,
                "position": 8,
                "version": 2,
            },
            {
                "bag": CELLS,
                "released_at": text(300),
                "by": "boss",
                "kind": "released",
                "basis": "full_panel",
                **common,
                "missing": [],
                "early": False,
                "position": 12,
                "version": 2,
            },
        ],
        {},
    )


def test_while_nothing_is_concluded_a_release_is_early_and_what_is_open_is_named() -> None:
    history = History()
    collect(history, 1, 0)
    result(history, 1, "hbsag", 50)
    result(history, 1, "alt", 60, final=False)
    release(history, BAG, 100, reported=True)
    assert picked(asked(history, released_before_final, BAG).rows, *SHOWN) == [
        (BAG, "reported", "pending", None, ["alt"], True)
    ]


def test_a_release_is_judged_by_when_results_were_final_and_not_by_when_they_were_heard() -> None:
    history = History()
    collect(history, 1, 0)
    release(history, BAG, 100)
    result(history, 1, "hbsag", 50)
    conclude(history, 1, 50)
    assert picked(asked(history, released_before_final, BAG, known=3).rows, *SHOWN) == [
        (BAG, "released", "pending", None, [], True)
    ]
    assert picked(asked(history, released_before_final, BAG).rows, *SHOWN) == [
        (BAG, "released", "acceptable", text(50), [], False)
    ]


def test_a_result_corrected_to_reactive_after_the_release_does_not_make_it_early() -> None:
    history = History()
    collect(history, 1, 0)
    tested = result(history, 1, "hbsag", 50)
    conclude(history, 1, 50)
    release(history, BAG, 100)
    change = {"field": "result", "value": '"reactive"', "sealed": None}
    history.tell(din(1), "donation.amended", 200, target_version=tested, changes=[change])
    conclude(history, 1, 50, "unacceptable")
    before = asked(history, released_before_final, BAG, known=5)
    assert picked(before.rows, *SHOWN) == [(BAG, "released", "acceptable", text(50), [], False)]
    after = asked(history, released_before_final, BAG)
    assert picked(after.rows, *SHOWN) == [(BAG, "released", "unacceptable", text(50), [], False)]


def test_a_reactive_result_corrected_to_nonreactive_tells_when_the_panel_was_complete() -> None:
    history = History()
    collect(history, 1, 0)
    result(history, 1, "alt", 40)
    tested = result(history, 1, "hbsag", 50, "reactive")
    conclude(history, 1, 50, "unacceptable")
    release(history, BAG, 100, reported=True)
    release(history, BAG, 45, reported=True)
    change = {"field": "result", "value": '"nonreactive"', "sealed": None}
    history.tell(din(1), "donation.amended", 200, target_version=tested, changes=[change])
    conclude(history, 1, 50)
    before = asked(history, released_before_final, BAG, known=7)
    assert before.summary == {"bags": 1, "released": 1, "early": 1, "unknown": 0, "incomplete": 0}
    assert picked(before.rows, *SHOWN) == [
        (BAG, "reported", "unacceptable", None, ["hbsag"], True),
        (BAG, "reported", "unacceptable", None, [], None),
    ]
    assert picked(asked(history, released_before_final, BAG).rows, *SHOWN) == [
        (BAG, "reported", "acceptable", text(50), ["hbsag"], True),
        (BAG, "reported", "acceptable", text(50), [], False),
    ]


def test_an_unacceptable_panel_of_which_more_may_be_open_is_neither_early_nor_not() -> None:
    history = History()
    collect(history, 1, 0)
    result(history, 1, "hbsag", 50, "reactive")
    conclude(history, 1, 50, "unacceptable")
    release(history, BAG, 50, reported=True)
    answer = asked(history, released_before_final, BAG)
    assert answer.summary == {"bags": 1, "released": 1, "early": 0, "unknown": 1, "incomplete": 0}
    assert picked(answer.rows, "outcome", "final_at", "early") == [("unacceptable", None, None)]


def test_a_result_taken_back_after_an_acceptable_panel_leaves_it_open_again() -> None:
    history = History()
    collect(history, 1, 0)
    tested = result(history, 1, "alt", 40)
    result(history, 1, "hbsag", 50)
    conclude(history, 1, 50)
    release(history, BAG, 100)
    history.tell(din(1), "donation.annulled", 200, target_version=tested)
    conclude(history, 1, None, "pending")
    assert picked(asked(history, released_before_final, BAG).rows, *SHOWN) == [
        (BAG, "released", "pending", None, [], True)
    ]
    result(history, 1, "hbsag", 210, "reactive")
    conclude(history, 1, 50, "unacceptable")
    assert picked(asked(history, released_before_final, BAG).rows, "final_at", "early") == [(None, None)]


def test_what_was_final_after_the_panel_was_complete_is_not_missing() -> None:
    history = History()
    collect(history, 1, 0)
    result(history, 1, "hbsag", 50)
    result(history, 1, "malaria", 60)
    conclude(history, 1, 50)
    release(history, BAG, 45, reported=True)
    assert picked(asked(history, released_before_final, BAG).rows, "missing", "early") == [(["hbsag"], True)]


def test_a_pool_is_judged_by_every_donation_in_it() -> None:
    history = History()
    parents = [collect(history, number, 0) for number in (1, 2)]
    process(history, "pool", parents, [POOL], 10)
    release(history, POOL, 100)
    for number, at in ((1, 50), (2, 150)):
        result(history, number, "hbsag", at)
        conclude(history, number, at)
    answer = asked(history, released_before_final, POOL)
    assert answer.summary == {"bags": 1, "released": 1, "early": 1, "unknown": 0, "incomplete": 0}
    assert picked(answer.rows, "donation", "early", "missing") == [
        (din(1), False, []),
        (din(2), True, ["hbsag"]),
    ]
    assert asked(history, released_before_final, din(2)).rows == answer.rows


def test_a_panel_that_asks_for_nothing_is_never_open() -> None:
    history = History()
    collect(history, 1, 0)
    release(history, BAG, 100, "autologous", patient="p")
    result(history, 1, "hbsag", 200)
    conclude(history, 1, None)
    assert picked(asked(history, released_before_final, BAG).rows, *SHOWN) == [
        (BAG, "released", "acceptable", None, [], False)
    ]


def test_an_annulled_release_is_none() -> None:
    history = History()
    collect(history, 1, 0)
    given = release(history, BAG, 100)
    history.tell(BAG, "bag.annulled", 200, target_version=given)
    assert len(asked(history, released_before_final, BAG, known=3).rows) == 1
    assert asked(history, released_before_final, BAG) == (
        {"bags": 1, "released": 0, "early": 0, "unknown": 0, "incomplete": 0},
        [],
        {},
    )


def test_the_senders_release_of_a_received_bag_is_relied_on_and_not_judged() -> None:
    history = History()
    history.tell(
        BAG, "bag.received", 20, sent_from="Z0001", purpose="allogeneic", released_by="their-boss",
        released_at=instant(5), quantity=units("2"),
    )  # fmt: skip
    process(history, "split", [BAG], [CELLS], 30)
    release(history, CELLS, 40)
    columns = ("bag", "released_at", "by", "kind", "basis", "outcome", "early", "missing")
    bag, child = asked(history, released_before_final, BAG), asked(history, released_before_final, CELLS)
    assert picked(bag.rows, *columns) == [
        (BAG, text(5), "their-boss", "by_sender", "sender", "by_sender", None, []),
    ]
    assert picked(child.rows, *columns) == [
        (CELLS, text(40), "staff-1", "released", "full_panel", "by_sender", None, []),
    ]
    assert child.summary == {"bags": 1, "released": 1, "early": 0, "unknown": 0, "incomplete": 0}


def test_a_release_of_a_bag_that_bad_data_lets_come_from_itself_is_not_lost() -> None:
    history = History()
    one, two = f"{din(1)}=E0001V00", f"{din(2)}=E0001V00"
    process(history, "split", [one], [two], 10)
    process(history, "split", [two], [one], 20)
    release(history, two, 30)
    assert picked(asked(history, released_before_final, two).rows, "donation", "early") == [(None, True)]


def test_real_commands_tell_an_emergency_release_that_the_results_caught_up_with() -> None:
    with Told() as ledger:
        quantity = {"amount": "2", "measure": "U"}
        ledger.say("CollectBag", 0, bag=BAG, donor="d", facility="C1", kind="whole_blood", quantity=quantity)
        for marker in MARKERS[:7]:
            ledger.say("RecordTest", 50, din=din(1), marker=marker, result="nonreactive")
        ledger.say("RecordGroup", 60, din=din(1), group="A", rhd="positive")
        ledger.say("InspectBag", 70, bag=BAG)
        ledger.say("VerifyLabel", 71, bag=BAG)
        early = ledger.say("EmergencyReleaseBag", 80, bag=BAG, authoriser="head", reason="bleeding")
        ledger.say("RecordTest", 90, din=din(1), marker="nat_hiv", result="nonreactive")
        ledger.say("RevokeRelease", 95, bag=BAG, reason="results")
        done = ledger.say("ReleaseBag", 100, bag=BAG)
        tested = next(fact for fact in ledger.facts("donation.tested") if fact.body["marker"] == "nat_hiv")
        ledger.say(
            "Amend", 200, stream=din(1), version=tested.version, changes={"result": "reactive"}, reason="misread"
        )
        assert picked(asked(ledger, released_before_final, BAG, known=early).rows, *SHOWN) == [
            (BAG, "emergency_released", "pending", None, [], True)
        ]
        emergency = (BAG, "emergency_released", "acceptable", text(90), ["nat_hiv"], True)
        assert picked(asked(ledger, released_before_final, BAG, known=done).rows, *SHOWN) == [
            emergency,
            (BAG, "released", "acceptable", text(90), [], False),
        ]
        assert picked(asked(ledger, released_before_final, BAG).rows, *SHOWN) == [
            (BAG, "emergency_released", "unacceptable", text(90), ["nat_hiv"], True),
            (BAG, "released", "unacceptable", text(90), [], False),
        ]


def test_a_bag_with_a_fact_that_cannot_be_read_makes_the_answer_say_so() -> None:
    history = History()
    collect(history, 1, 0)
    history.add(din(1), "donation.registered.v1", b"?")
    assert asked(history, released_before_final, BAG).summary["incomplete"] == 1
    assert asked(history, released_before_final, BAG, known=2).summary["incomplete"] == 0


def panel_of(kind: str, at: datetime) -> tuple[str, ...] | None:
    """What this site asks for: two markers until the sixth of March, then three; nothing is known of platelets."""
    if kind != "whole_blood":
        return None
    return ("hbsag", "nat_hbv", "group") if at < instant(5 * 1440) else ("hbsag", "nat_hbv", "nat_hiv", "group")


def test_by_the_sites_panel_what_nobody_tested_is_missing() -> None:
    history = History()
    collect(history, 1, 0)
    result(history, 1, "hbsag", 100)
    release(history, BAG, 150, "emergency")
    shown = asked(history, released_before_final, BAG, mandatory=panel_of).rows[0]
    assert (shown["final_at"], shown["missing"], shown["early"]) == (None, ["group", "nat_hbv"], True)


def test_by_the_sites_panel_an_unacceptable_one_is_known_to_be_complete_or_not() -> None:
    history = History()
    collect(history, 1, 0)
    result(history, 1, "hbsag", 100, "reactive")
    history.tell(din(1), "donation.grouped", 110, group="A", rhd="positive")
    conclude(history, 1, 100, "unacceptable")
    release(history, BAG, 150, reported=True)
    open_ = asked(history, released_before_final, BAG, mandatory=panel_of).rows[0]
    assert (open_["final_at"], open_["missing"], open_["early"]) == (None, ["nat_hbv"], True)
    result(history, 1, "nat_hbv", 140)
    complete = asked(history, released_before_final, BAG, mandatory=panel_of).rows[0]
    assert (complete["final_at"], complete["missing"], complete["early"]) == (text(140), [], False)
    assert asked(history, released_before_final, BAG).rows[0]["early"] is None


def test_the_panel_is_the_one_in_force_on_the_day_of_the_donation() -> None:
    history = History()
    for number, day in ((1, 1), (2, 6)):
        collect(history, number, day * 1440)
        for marker in ("hbsag", "nat_hbv"):
            result(history, number, marker, day * 1440 + 100)
        history.tell(din(number), "donation.grouped", day * 1440 + 110, group="A", rhd="positive")
        release(history, f"{din(number)}=E0001V00", day * 1440 + 150, reported=True)
    for number, early in ((1, False), (2, True)):
        (row,) = asked(history, released_before_final, din(number), mandatory=panel_of).rows
        assert row["early"] is early
    collect(history, 3, 0, kind="apheresis_platelets")
    release(history, f"{din(3)}=E0001V00", 10, reported=True)
    assert asked(history, released_before_final, din(3), mandatory=panel_of).rows[0]["early"] is True
