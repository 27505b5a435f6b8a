"""This file holds what must not matter: sending again, forgetting everything, how many commands go in one commit."""

from random import Random
from typing import Any

import pytest

from tests.properties import sayings
from tests.properties.sayings import Command
from tests.properties.world import Ledger, differences, state_of, states

FAMILIES = [
    sayings.origins, sayings.origins, sayings.results, sayings.grouping, sayings.information, sayings.checks,
    sayings.holding, sayings.lifting, sayings.places, sayings.releases, sayings.movements, sayings.endings,
]  # fmt: skip
SEEDS = [1, 2, 3, 4, 5, 6]


def history(seed: int, size: int = 120) -> list[Command]:
    """A seeded mix of observations, reports, and decisions valid and not, each with a request id of its own."""
    random = Random(seed)
    commands = []
    for number in range(size):
        command = random.choice(FAMILIES)(random.choice)
        if random.random() < 0.5:
            command = sayings.reported(command)
        commands.append({**command, "request": f"q{number}", "happened_at": sayings.at(number)})
    return commands


def facts(ledger: Ledger) -> list[tuple[Any, ...]]:
    """Everything stored but the time of the commit."""
    return [(row.stream, row.version, row.name, row.state) for row in ledger.rows()]


@pytest.mark.parametrize("seed", SEEDS)
def test_sending_everything_again_adds_nothing(seed: int) -> None:
    commands = history(seed)
    with Ledger() as ledger:
        first = ledger.send(commands)
        head = ledger.store.head()
        recorded = [(command, answer) for command, answer in zip(commands, first, strict=True) if answer.facts]
        again = ledger.send([command for command, _ in recorded], window=7)
        assert [answer.outcome for answer in again] == ["repeated"] * len(again)
        assert [answer.facts for answer in again] == [answer.facts for _, answer in recorded]
        assert ledger.store.head() == head


@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_request_twice_in_one_commit_is_recorded_once(seed: int) -> None:
    commands = history(seed)
    with Ledger() as one, Ledger() as other:
        one.send(commands, window=16)
        doubled = [each for command in commands for each in (command, command)]
        answers = other.send(doubled, window=32)
        assert facts(one) == facts(other)
        for first, second in zip(answers[::2], answers[1::2], strict=True):
            assert second.facts == first.facts
            assert second.outcome == ("repeated" if first.facts else "refused")


@pytest.mark.parametrize("seed", SEEDS)
def test_an_observation_told_again_by_another_sender_adds_nothing(seed: int) -> None:
    commands = [sayings.reported(each) for each in history(seed)]
    observed = [each for each in commands if each["command"] not in ("LiftHold", "MergeDonors")]
    with Ledger() as ledger:
        ledger.send(observed)
        head = ledger.store.head()
        again = [{**each, "request": f"other-{each['request']}", "sender": "H9", "by": "else"} for each in observed]
        assert {answer.outcome for answer in ledger.send(again)} == {"repeated"}
        assert ledger.store.head() == head


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_folded_from_storage_is_what_was_in_memory(seed: int) -> None:
    with Ledger() as ledger:
        ledger.send(history(seed), window=16)
        live = {name: state_of(name, each) for name, each in ledger.remembered().items() if each.version}
        stored = {name: state_of(name, each) for name, each in ledger.aggregates().items()}
        assert differences(live, stored) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_a_committer_that_forgot_everything_decides_the_same(seed: int) -> None:
    commands = history(seed)
    with Ledger() as remembering, Ledger() as forgetting:
        remembering.send(commands)
        for command in commands:
            forgetting.committer = forgetting.fresh_committer()
            forgetting.send([command])
        assert facts(remembering) == facts(forgetting)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("window", [2, 16, 256])
def test_the_size_of_a_commit_changes_no_fact(seed: int, window: int) -> None:
    # the cause that a lifting names is the hold's own fact, or a fact of a bag that happened to be walked first
    commands = history(seed)
    with Ledger() as one, Ledger() as many:
        single = one.send(commands, window=1)
        batched = many.send(commands, window=window)
        assert [answer.outcome for answer in single] == [answer.outcome for answer in batched]
        assert sorted(facts(one)) == sorted(facts(many))
        assert states(one) == states(many)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("window", [2, 256])
def test_the_size_of_a_commit_changes_no_position(seed: int, window: int) -> None:
    # facts that one command writes to several bags come in the order of the index when its rows are read from
    # the store, in the order of arrival when they are of the same batch: another root for the same commands
    commands = history(seed)
    with Ledger() as one, Ledger() as many:
        one.send(commands, window=1)
        many.send(commands, window=window)
        assert [row[:3] for row in facts(one)] == [row[:3] for row in facts(many)]
        assert one.store.head().root == many.store.head().root
