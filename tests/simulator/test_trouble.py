"""This file holds the tests of the world of trouble itself: the same for ever, to be gone on with, and full of trouble.

Whether the ledger answers it truly is asked in tests/properties/test_questions.py and tests/simulator/test_drill.py.
"""

from itertools import pairwise
from pathlib import Path

import pytest

from ledger.screen.trouble_words import TROUBLES
from ledger.settings import Settings
from ledger.simulation import open_for, run
from ledger.simulator.trouble.kinds import KINDS
from ledger.simulator.trouble.world import TroubleWorld
from ledger.simulator.world import DECIDED, Listener, Window

IN_MEMORY = Settings(ledger=":memory:", keys=":memory:", views=":memory:")


class Interrupted(Exception):
    """The run was ended from outside."""


def sent(seed: int, days: int | None = None) -> tuple[bytes, list[Window], TroubleWorld]:
    """The root of a ledger that a world was sent to, and its windows."""
    world, windows = TroubleWorld(seed, days), []
    with open_for(IN_MEMORY, world) as ledger:
        assert run(ledger, world, windows.append).surprises == []
        return ledger.store.head().root, windows, world


def test_one_seed_sends_the_same_windows_and_leaves_the_same_ledger() -> None:
    root, windows, world = sent(7)
    again, same, other = sent(7)
    assert (root, windows, world.faults) == (again, same, other.faults)
    assert sent(8)[0] != root


def test_windows_never_share_a_recorded_time_and_stay_within_the_span() -> None:
    _, windows, world = sent(7)
    assert all(one.now < other.now for one, other in pairwise(windows))
    assert world.span.begin <= windows[0].now


def test_it_hears_what_became_of_its_commands() -> None:
    assert isinstance(TroubleWorld(1), Listener)


def test_two_hospitals_are_decided_in_one_commit_and_one_at_most_gets_the_bag() -> None:
    pairs = 0
    for seed in range(10):
        _, windows, world = sent(seed)
        given = [each.command for each in world.was_told if each.command["command"] == "DistributeBag"]
        for window in windows:
            wanted = [each for each in window.commands if each["command"] == "DistributeBag"]
            for one, other in pairwise(wanted):
                if one["bag"] == other["bag"] and one["to"] != other["to"]:
                    pairs += 1
                    assert sum(each["bag"] == one["bag"] and not each.get("reported") for each in given) <= 1
    assert pairs


def test_more_days_bring_more_blood() -> None:
    short, long = (len(sent(3, days)[2].was_told) for days in (24, 96))
    assert long > 2 * short


@pytest.mark.parametrize("seed", range(3))
def test_an_interrupted_run_ends_where_an_uninterrupted_one_does(tmp_path: Path, seed: int) -> None:
    root, windows, _ = sent(seed)
    where = Settings(ledger=str(tmp_path / "l.db"), keys=str(tmp_path / "l.keys"), views=":memory:")
    for stop in range(3, len(windows), 7):
        world = TroubleWorld(seed)
        with open_for(where, world) as ledger, pytest.raises(Interrupted):
            run(ledger, world, interrupting(windows[stop]))
    world = TroubleWorld(seed)
    with open_for(where, world) as ledger:
        ran = run(ledger, world)
        assert ran.held > 0
        assert ledger.store.head().root == root


def interrupting(at: Window):  # type: ignore[no-untyped-def]
    def after(window: Window) -> None:
        if window.now == at.now:
            raise Interrupted

    return after


def test_what_must_become_of_a_command_is_said_beforehand_where_no_ledger_may_decide() -> None:
    _, windows, _ = sent(7)
    said = {outcome for window in windows for outcome in window.otherwise.values()}
    assert {"malformed", "repeated", DECIDED} <= said


def test_every_kind_of_trouble_is_known_and_has_words() -> None:
    assert set(TROUBLES) == set(KINDS)
    for seed in range(5):
        assert set(sent(seed)[2].faults) <= set(KINDS)
