"""This file holds random lives of bags, valid and invalid commands mixed, compared after each with the oracle."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.properties import sayings
from tests.properties.oracle import Command, Oracle
from tests.properties.world import Ledger, differences, kind_of, state_of

AFTER = ["use", "return", "nothing"]
LIVE = {"quarantine", "available", "held", "reserved", "distributed", "issued", "returned", "missing", "out"}
UNUSED_FATES = {"transfused", "discarded", "destroyed", "out"}


class Lives(RuleBasedStateMachine):
    """The ledger and the oracle hear the same commands."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger()
        self.oracle = Oracle()
        self.minute = 0

    def teardown(self) -> None:
        try:
            live = {name: state_of(name, each) for name, each in self.ledger.remembered().items() if each.version}
            stored = {name: state_of(name, each) for name, each in self.ledger.aggregates().items()}
            assert differences(live, stored) == []
        finally:
            self.ledger.store.close()

    # -- saying -----------------------------------------------------------------------------------

    def say(self, command: Command) -> None:
        """Send a command; what was answered must be what the oracle says."""
        self.minute += 1
        command = {**command, "happened_at": sayings.at(self.minute)}
        reason = self.oracle.must_refuse(command)
        head = self.ledger.store.head()
        answer = self.ledger.do(command)
        if answer.outcome == "recorded":
            assert reason is None, f"{command} was recorded though {reason}"
            first = next(each for each in answer.facts if each.name != "bag.reported.v1")
            self.oracle.accept(command, first.stream, first.version)
            return
        assert answer.outcome == "refused", f"{command}: {answer}"
        assert command["command"] in sayings.DECISIONS and not command.get("reported"), f"{command}: {answer.problem}"
        assert self.ledger.store.head() == head, f"the refused {command} changed the store"
        assert reason is not None or not self.oracle.must_accept(command), f"{command} refused: {answer.problem}"

    @initialize()
    def beginning(self) -> None:
        for n in range(2):
            self.say(sayings.collection(n))

    @rule(data=st.data(), kinds=st.sampled_from(["observe", "decide", "report"]))
    def anything(self, data: Any, kinds: str) -> None:
        decided = [sayings.origins, sayings.releases, sayings.movements]
        seen = [sayings.checks, sayings.holding, sayings.places, sayings.endings]
        families: dict[str, list[Callable[[sayings.Pick], Command]]] = {
            "observe": [sayings.results, sayings.grouping, sayings.information, *seen],
            "decide": [*decided, sayings.lifting],
            "report": decided,
        }
        pick = picker(data)
        command = pick(families[kinds])(pick)
        self.say(sayings.reported(command) if kinds == "report" else command)

    @rule(n=st.sampled_from([0, 1, 2]))
    def separate(self, n: int) -> None:
        self.say(sayings.separation(n))

    @rule(process=st.sampled_from(sayings.PROCESSES), more=st.sampled_from(["1000", "0.1"]))
    def prepare_other_amounts(self, process: Command, more: str) -> None:
        first, *rest = process["outputs"]
        changed = {**first, "quantity": {**first["quantity"], "amount": more}}
        self.say({**process, "outputs": [changed, *rest]})

    @rule(n=st.sampled_from([0, 1]), group=st.sampled_from(["A", "O"]))
    def conclude(self, n: int, group: str) -> None:
        for marker in sayings.MARKERS:
            self.say({"command": "RecordTest", "din": sayings.DINS[n], "marker": marker, "result": "nonreactive"})
        self.say({"command": "RecordGroup", "din": sayings.DINS[n], "group": group, "rhd": "positive"})

    @rule(data=st.data())
    def make_ready_and_release(self, data: Any) -> None:
        bag = self.some_live_bag(data)
        for name in ("InspectBag", "VerifyLabel", "ReleaseBag"):
            self.say({"command": name, "bag": bag})

    @rule(data=st.data(), patient=st.sampled_from(sayings.PATIENTS), after=st.sampled_from(AFTER))
    def bring_to_patient(self, data: Any, patient: str, after: str) -> None:
        bag = self.some_live_bag(data)
        self.say({"command": "CrossmatchBag", "bag": bag, "patient": patient, "result": "compatible"})
        self.say({"command": "IssueBag", "bag": bag, "to": "ward", "patient": patient})
        if after == "use":
            self.say({"command": "RecordTransfusion", "bag": bag, "patient": patient, "hospital": "H1"})
        if after == "return":
            self.say({"command": "ReturnBag", "bag": bag, "from": "ward", "leg": "ward_to_bank"})

    @rule(data=st.data())
    def lift_what_is_open(self, data: Any) -> None:
        open_ones = self.oracle.open_placings()
        if open_ones:
            _, cause, kind, name = picker(data)(open_ones)
            scope = {"kind": kind, "id": name}
            self.say({"command": "LiftHold", "cause": cause, "scope": scope, "reason": "x"})

    @rule(data=st.data())
    def annul_something(self, data: Any) -> None:
        """Not a collection: what then stands of its donation is a question of its own."""
        numbers = [
            number
            for number, each in enumerate(self.oracle.said)
            if each["command"] not in ("CollectBag", "MergeDonors", "LiftHold", "Annul")
        ]
        if numbers:
            self.annul(picker(data)(numbers))

    @rule(data=st.data())
    def annul_an_annulment(self, data: Any) -> None:
        numbers = [number for number, each in enumerate(self.oracle.said) if each["command"] == "Annul"]
        if numbers:
            self.annul(picker(data)(numbers))

    def annul(self, number: int) -> None:
        stream, version = self.oracle.where[number]
        command = {"command": "Annul", "stream": stream, "version": version, "reason": "x"}
        self.minute += 1
        answer = self.ledger.do({**command, "happened_at": sayings.at(self.minute)})
        gone = number in self.oracle.annulled()
        assert answer.outcome == ("refused" if gone else "recorded"), f"{self.oracle.said[number]}: {answer}"
        if not gone:
            self.oracle.accept(command, answer.facts[0].stream, answer.facts[0].version)

    def some_live_bag(self, data: Any) -> str:
        bags = [bag for bag in sayings.BAGS if self.oracle.made(bag) and not self.oracle.consumed(bag)]
        return str(picker(data)(bags or sayings.BAGS))

    # -- comparing --------------------------------------------------------------------------------

    @invariant()
    def the_ledger_says_what_the_oracle_says(self) -> None:
        for name, bag in self.ledger.remembered().items():
            if kind_of(name) == "bag" and bag.version:
                compare(self.oracle, name, bag)


def compare(oracle: Oracle, name: str, bag: Any) -> None:
    """One bag in the ledger against the oracle."""
    held = {plain_hold(bag.holds[each]) for each in bag.open_holds}
    assert held == oracle.holds(name), f"{name}: held by {held}, should be {oracle.holds(name)}"
    fates = oracle.fates(name)
    assert (bag.fate in fates) if fates else bag.fate is None, f"{name}: fate {bag.fate}, should be in {fates}"
    assert (bag.consumed is not None) == oracle.consumed(name), f"{name}: consumed {bag.consumed}"
    one_place_or_one_fate(name, bag)
    assert {(name, child) for child in bag.children} == {edge for edge in oracle.edges() if edge[0] == name}
    assert {(parent, name) for parent in bag.parents} == {edge for edge in oracle.edges() if edge[1] == name}
    if name not in oracle.conflicted() and oracle.component(name) is not None:
        assert bag.component == oracle.component(name)
        quantity = oracle.quantity(name)
        assert quantity is None or (bag.quantity.amount, bag.quantity.measure) == quantity
    if held and "transfused" in fates:
        assert any(each.addressee_kind == "recipient" and each.outcome is None for each in bag.notices.values()) or all(
            scope.startswith("bag:") for _, scope in held
        ), f"{name} was transfused and is held: nobody tells the recipient"


def plain_hold(hold: Any) -> tuple[str, str]:
    cause = "result" if hold.cause in ("reactive_result", "disputed_result") else hold.cause
    return (cause, f"{hold.scope_kind}:{hold.scope_id}")


def one_place_or_one_fate(name: str, bag: Any) -> None:
    if bag.fate is not None:
        assert bag.status in UNUSED_FATES, f"{name}: fate {bag.fate}, status {bag.status}"
    elif bag.consumed is not None:
        assert bag.status == "consumed"
    else:
        assert bag.status in LIVE
    if bag.status == "available":
        assert not bag.open_holds and bag.released is not None


def picker(data: Any) -> sayings.Pick:
    return lambda choices: data.draw(st.sampled_from(list(choices)))


# no shrinking: a failure prints the whole life, and shrinking one takes minutes
SIZES = {"phases": [Phase.generate], "suppress_health_check": list(HealthCheck), "deadline": None}


def test_a_few_lives_agree_with_the_oracle() -> None:
    run_state_machine_as_test(Lives, settings=settings(max_examples=15, stateful_step_count=20, **SIZES))  # type: ignore[arg-type]


@pytest.mark.slow
def test_many_lives_agree_with_the_oracle() -> None:
    run_state_machine_as_test(Lives, settings=settings(max_examples=60, stateful_step_count=45, **SIZES))  # type: ignore[arg-type]
