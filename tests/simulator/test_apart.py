"""This file holds what a world in a process of its own promises: the same as one in ours, and nothing silent."""

import os
import signal
from pathlib import Path
from random import Random

import pytest

from ledger.data_files.broken import BrokenFile
from ledger.simulation import LedgerAnswers, open_for, run
from ledger.simulator.apart import WorldApart, WorldGone, living
from ledger.simulator.scenario import ScenarioFile, load_scenario
from ledger.simulator.trouble.world import TroubleWorld
from ledger.simulator.world import Window
from tests.simulator.worlds import SMALL, checked, lived, settings_in, small_world

DAYS = 12
MORE_DAYS = 120
"""More than is on its way when the process ends."""


@pytest.fixture
def file() -> ScenarioFile:
    return ScenarioFile(SMALL)


def test_it_leaves_the_same_tree_and_is_answered_the_same(tmp_path: Path, file: ScenarioFile) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "apart").mkdir()
    with lived(tmp_path / "here", here := small_world(1, DAYS)) as (ledger, ran):
        root, commands, found = ledger.store.head().root, ran.commands, checked(ledger, here).told()
    with WorldApart(file, 1, DAYS) as apart, lived(tmp_path / "apart", apart) as (ledger, ran):
        assert (apart.scenario, apart.seed, apart.span) == (here.scenario, here.seed, here.span)
        assert (ledger.store.head().root, ran.commands) == (root, commands)
        assert checked(ledger, apart).told() == found
    assert found["good"]


def test_it_notices_a_wrong_answer(tmp_path: Path, file: ScenarioFile, monkeypatch: pytest.MonkeyPatch) -> None:
    with WorldApart(file, 1, DAYS) as apart, lived(tmp_path, apart) as (ledger, _):
        monkeypatch.setattr(LedgerAnswers, "edges", lambda *_: iter(()))
        assert not checked(ledger, apart).good


def test_when_its_process_is_killed_that_is_said_and_the_same_run_goes_on_from_there(
    tmp_path: Path, file: ScenarioFile
) -> None:
    (tmp_path / "whole").mkdir()
    with lived(tmp_path / "whole", small_world(1, MORE_DAYS)) as (ledger, _):
        root = ledger.store.head().root

    with WorldApart(file, 1, MORE_DAYS) as apart, open_for(settings_in(tmp_path), apart) as ledger:

        def kill(_: Window) -> None:
            process = apart._process.pid
            assert process is not None
            os.kill(process, signal.SIGKILL)

        with pytest.raises(WorldGone, match="-9"):
            run(ledger, apart, kill)
        assert ledger.verify()["ok"]
    with WorldApart(file, 1, MORE_DAYS) as apart, lived(tmp_path, apart) as (ledger, ran):
        assert ran.held
        assert ledger.store.head().root == root
        assert checked(ledger, apart).good


def test_what_it_fails_with_is_raised_here_with_where_it_happened(tmp_path: Path, file: ScenarioFile) -> None:
    gone = tmp_path / "gone.yaml"
    gone.write_bytes(SMALL.read_bytes())
    lost = ScenarioFile(gone)
    gone.write_text(SMALL.read_text(encoding="utf-8").replace("made: {amount: 75}", "made: {amount: -75}"), "utf-8")
    with pytest.raises(BrokenFile, match=r"gone\.yaml") as raised, WorldApart(lost, 1, DAYS):
        pass
    assert any("in _live" in note for note in raised.value.__notes__)


def test_a_failed_answer_ends_both(tmp_path: Path, file: ScenarioFile) -> None:
    class Unanswering:
        def __getattr__(self, method: str) -> None:
            raise ConnectionAbortedError(method)

    with WorldApart(file, 1, DAYS) as apart:
        assert list(apart.windows())
        with pytest.raises(ConnectionAbortedError):
            apart.check(Unanswering(), Random(1))  # type: ignore[arg-type]
    assert apart._process.exitcode == 0


def test_a_world_that_must_hear_its_answers_lives_here() -> None:
    with living(load_scenario("trouble"), 1) as world:
        assert isinstance(world, TroubleWorld)
