"""This file holds rule 10: the same observations and reports, in any order of arrival, end in the same state."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.properties import sayings
from tests.properties.sayings import PLASMA, PLATELETS, PROCESSES, RED, WHOLE, Command, collection, separation
from tests.properties.world import Ledger, differences, states

Family = Callable[[sayings.Pick], Command]
ORDERS = 3

MAKING: list[Family] = [sayings.origins, sayings.labelling, sayings.checks]
LEARNING: list[Family] = [sayings.results, sayings.grouping, sayings.information]
HOLDING: list[Family] = [sayings.holding]
LIFTING: list[Family] = [sayings.holding, sayings.lifting]
MOVING: list[Family] = [sayings.places, sayings.releases, sayings.movements, sayings.endings]
CORRECTING: list[Family] = [sayings.corrections, sayings.amendments, sayings.undoing]


def ends_in(commands: Sequence[Command]) -> dict[str, dict[str, Any]]:
    """The state after hearing all of it in this order; nothing may be refused."""
    with Ledger() as ledger:
        for command in commands:
            answer = ledger.do(sayings.reported(command))
            assert answer.outcome in ("recorded", "repeated"), f"{command}: {answer.problem or answer.fault}"
        return states(ledger)


def stories(families: Sequence[Family], size: int, times: str) -> st.SearchStrategy[list[Command]]:
    """So many commands, told in business order; `times` distinct, or one and the same."""

    @st.composite
    def told(draw: st.DrawFn) -> list[Command]:
        commands: list[Command] = []
        for number in range(draw(st.integers(3, size))):
            family = draw(st.sampled_from(list(families)))
            command = family(lambda choices: draw(st.sampled_from(list(choices))))
            if once_only(command, commands):
                commands.append({**command, "happened_at": sayings.at(number if times == "distinct" else 0)})
        return commands

    return told()


def once_only(command: Command, before: Sequence[Command]) -> bool:
    """A bag is made once in these stories, a merge said once: conflicts have tests of their own."""
    if command["command"] not in ("CollectBag", "PrepareBags", "LabelBag", "ReceiveBag"):
        return True
    makers = [each for each in before if each["command"] in ("CollectBag", "PrepareBags", "LabelBag", "ReceiveBag")]
    made = {bag for each in makers for bag in made_by(each)}
    return not made & set(made_by(command))


def made_by(command: Command) -> list[str]:
    return [out["bag"] for out in command["outputs"]] if "outputs" in command else [command["bag"]]


def commute(data: Any, families: Sequence[Family], size: int, times: str = "distinct") -> None:
    story = data.draw(stories(families, size, times))
    wanted = ends_in(story)
    for _ in range(ORDERS):
        order = data.draw(st.permutations(range(len(story))))
        found = differences(wanted, ends_in([story[number] for number in order]))
        assert not found, "\n".join([*found, "told:", *map(str, story), f"heard: {order}"])


QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
LONG = settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])


@QUICK
@given(st.data())
def test_how_bags_are_made_and_what_is_learned_commute(data: Any) -> None:
    commute(data, MAKING + LEARNING, 8)


@QUICK
@given(st.data())
def test_what_happens_to_bags_commutes(data: Any) -> None:
    commute(data, [*MOVING, sayings.checks], 8)


@QUICK
@given(st.data())
def test_holds_commute_with_what_is_made_and_heard_of(data: Any) -> None:
    commute(data, [sayings.origins, sayings.holding, sayings.results], 6)


@QUICK
@given(st.data())
def test_liftings_commute_with_placings(data: Any) -> None:
    commute(data, [*LIFTING, sayings.origins], 6)


@QUICK
@given(st.data())
def test_facts_of_one_instant_commute(data: Any) -> None:
    commute(data, MAKING + LEARNING + MOVING, 7, times="same")


@QUICK
@given(st.data())
def test_reported_corrections_commute_with_their_targets(data: Any) -> None:
    commute(data, [*CORRECTING, *LEARNING, sayings.endings], 5)


@pytest.mark.slow
@LONG
@given(st.data())
def test_long_stories_commute(data: Any) -> None:
    commute(data, MAKING + LEARNING + HOLDING + MOVING, 14)


# -- orders that were found to matter, each as small as it gets -----------------------------------------

POOLING = PROCESSES[6]


def hold(kind: str, name: str) -> Command:
    return {"command": "PlaceHold", "cause": "recall", "scope": {"kind": kind, "id": name}, "reason": "x"}


def result(**fields: Any) -> Command:
    return {"command": "RecordTest", "din": sayings.din(1), "marker": "hbsag", "result": "reactive", **fields}


def group(abo: str, rhd: str = "positive") -> Command:
    return {"command": "RecordGroup", "din": sayings.din(1), "group": abo, "rhd": rhd}


def transfused(bag: str) -> Command:
    return {"command": "RecordTransfusion", "bag": bag, "patient": "p1", "hospital": "H1"}


def annulled(stream: str, fact: str, **match: Any) -> Command:
    return {"command": "Annul", "stream": stream, "fact": fact, "match": match, "reason": "x"}


def amended(**changes: Any) -> Command:
    about = {"stream": sayings.din(1), "fact": "donation.tested", "match": {"result": "reactive"}}
    return {"command": "Amend", "reason": "x", "changes": changes, **about}


WARMED = {"command": "ModifyBag", "bag": WHOLE[0], "method": "warm"}
SPLIT = PROCESSES[3]
MEMBER_WARMED = {"command": "ModifyBag", "bag": PLATELETS[0], "method": "warm"}
RED_WARMED = {"command": "ModifyBag", "bag": RED[0], "method": "warm"}
STORED = {"command": "StoreBag", "bag": WHOLE[0], "facility": "C1", "place": "fridge"}
RELEASED = {"command": "ReleaseBag", "bag": RED[0]}
LIFTED = hold("device", "dev1") | {"command": "LiftHold"}
RECEIVED = {
    "command": "ReceiveBag", "bag": RED[0], "from": "C9", "facility": "C1", "released_by": "qa9",
    "component": sayings.RED_CELLS, "quantity": sayings.amount("2"),
}  # fmt: skip

FOUND: dict[str, tuple[list[Command], list[int]]] = {
    # §4.3: "writes `held` to every bag in its scope and all their descendants"
    "a hold on a parent bag": ([hold("bag", WHOLE[0]), separation(0)], [1, 0]),
    "a hold on a pool member": ([hold("bag", PLATELETS[1]), POOLING], [1, 0]),
    "a lifting before its placing": ([hold("device", "dev1"), LIFTED], [1, 0]),
    # a lifting that happened before a placing lifts it, when it is heard of after it
    "a placing after a lifting": ([LIFTED, hold("device", "dev1")], [1, 0]),
    "where a component is": ([collection(0), separation(0)], [1, 0]),
    # §4.10: the parent's place, when it is not its origin that says it
    "where a component of a stored bag is": ([STORED, separation(0)], [1, 0]),
    # §2: "modified … with a second, shorter expiry"
    "the expiry of a modified bag": ([collection(0), WARMED], [1, 0]),
    # §3 "capped by the earliest parent's expiry": a member modified before the pooling, heard of after it
    "the expiry of a pool of a modified bag": ([collection(0), separation(0), MEMBER_WARMED, POOLING], [0, 1, 3, 2]),
    # and one modified after the split caps what was split before
    "the expiry of a split before a modification": ([collection(0), separation(0), SPLIT, RED_WARMED], [0, 1, 3, 2]),
    # the modification told better is counted as a second one
    "nonconformities of a modification": ([collection(0), hold("bag", WHOLE[0]), WARMED], [2, 0, 1]),
    # one alert a patient and hold, naming the bag heard of first; of the other no alert tells
    "alerts of two bags to one patient": ([result(), transfused(RED[0]), transfused(PLASMA[0])], [0, 2, 1]),
    # the code of a nonconformity of release depends on what was heard when
    "results before a release": (
        [result(marker="nat_hiv", stage="confirmatory"), RELEASED, collection(0), result(result="indeterminate")],
        [1, 2, 3, 0],
    ),
    # when a dispute of the group began depends on which grouping was heard first
    "when a group became disputed": ([group("A"), RELEASED, group("A"), group("O", "negative")], [1, 2, 3, 0]),
    "the group of a bag in dispute": ([collection(0), group("O"), group("A")], [0, 2, 1]),
    # a bag made between the two groupings keeps the first one's group
    "the group of a component made during a dispute": (
        [collection(0), separation(0), group("A"), group("O")],
        [0, 2, 1, 3],
    ),
    # §4.8: a reported correction that fits two facts
    "an annulment that fits two facts": (
        [annulled(sayings.din(1), "donation.tested", marker="hbsag"), result(), result(stage="repeat")],
        [1, 2, 0],
    ),
    "an amendment that fits two facts": ([result(), result(stage="repeat"), amended(result="nonreactive")], [0, 2, 1]),
    # §4.8: "annulling one fact of a process annuls that process's facts on all its streams"
    "a hold past a half-annulled pooling": (
        [annulled(PLATELETS[0], "bag.consumed"), hold("donation", sayings.din(1)), POOLING],
        [0, 2, 1],
    ),
    "an expiry past a half-annulled separation": (
        [annulled(WHOLE[0], "bag.consumed"), separation(0), collection(0)],
        [1, 2, 0],
    ),
    # a second origin is counted once or twice as conflict
    "a received bag that was made here": ([RECEIVED, collection(0), separation(0)], [2, 1, 0]),
}


@pytest.mark.parametrize("name", FOUND)
def test_the_order_does_not_matter_for(name: str) -> None:
    told, order = FOUND[name]
    story = [{**each, "happened_at": sayings.at(number)} for number, each in enumerate(told)]
    assert differences(ends_in(story), ends_in([story[number] for number in order])) == []


def test_annulling_by_content_one_fact_of_a_process_annuls_all_of_it() -> None:
    """§4.8, for a reported correction, before its target and after it."""
    story = [collection(0), separation(0), annulled(WHOLE[0], "bag.consumed")]
    for order in ([0, 1, 2], [0, 2, 1], [2, 1, 0]):
        state = ends_in([{**story[number], "happened_at": sayings.at(number)} for number in order])
        assert state[WHOLE[0]]["status"] == "quarantine", order
        for bag in (RED[0], PLASMA[0], PLATELETS[0]):
            assert not state.get(bag, {}).get("parents"), (order, bag)


def test_every_bag_of_a_held_donation_is_told_of_to_its_recipient() -> None:
    # §4.2 "a used one an open recipient alert": the second bag of one patient has none
    state = ends_in(
        [{**each, "happened_at": sayings.at(number)} for number, each in enumerate(
            [transfused(RED[0]), transfused(PLASMA[0]), result()])]
    )  # fmt: skip
    assert set(state["patient:p1"]["alerts"]) == {f"reactive_result {bag}" for bag in (RED[0], PLASMA[0])}
