"""This file holds the tests of kill -9 at each commit point while `record` runs, and of running it again."""

import json
from pathlib import Path
from typing import Any

import pytest

from ledger.store.crashpoints import POINTS
from tests.journeys.terminal import PLASMA, RED, Terminal, as_lines, command, life

LIFE = [
    *life(),
    command("d1", "RecordTest", din=RED[:13], marker="hbsag", result="reactive", at="2026-03-02T08:00:00+08:00"),
    command("y1", "RecordReaction", patient="P-2", bags=[PLASMA], kind="fever", details="38.9"),
]
KILLED = 137


def story(terminal: Terminal) -> list[tuple[Any, ...]]:
    """What is recorded, without what differs from ledger to ledger: its id, the recorded time and sealed bytes."""
    keys = ("position", "stream", "version", "name", "happened_at", "sender", "request", "fact")
    return [tuple(json.dumps(each[key], sort_keys=True) for key in keys) for each in terminal.run("facts").lines]


@pytest.fixture(scope="module")
def untroubled(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Any, ...]]:
    terminal = Terminal(tmp_path_factory.mktemp("untroubled"))
    assert terminal.run("record", "-", "--window", "4", given=as_lines(LIFE)).code == 0
    return story(terminal)


def killed_then_again(terminal: Terminal, point: str, after: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Answers before the kill, and those of the same file afterwards."""
    with terminal.start(
        "record", "-", "--window", "4", BLOODLEDGER_TESTING="1", BLOODLEDGER_CRASH_AT=f"{point}:{after}"
    ) as process:
        out, err = process.communicate(as_lines(LIFE), 60)
    assert process.returncode == KILLED, err
    again = terminal.run("record", "-", "--window", "4", given=as_lines(LIFE))
    assert again.code == 0
    return [json.loads(line) for line in out.splitlines()], again.lines


@pytest.mark.parametrize("after", [0, 1])
@pytest.mark.parametrize("point", POINTS)
def test_a_killed_recording_is_finished_by_running_it_again(
    tmp_path: Path, untroubled: list[tuple[Any, ...]], point: str, after: int
) -> None:
    terminal = Terminal(tmp_path)
    before, again = killed_then_again(terminal, point, after)
    assert story(terminal) == untroubled
    assert terminal.run("verify").json["ok"]
    for told in before:  # whatever was answered had been durable
        later = again[told["line"] - 1]
        assert told["outcome"] == "recorded" and later["outcome"] == "repeated"
        assert later["facts"] == told["facts"]


def test_outside_tests_no_setting_kills(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    with terminal.start("record", "-", BLOODLEDGER_CRASH_AT="after-facts") as process:
        process.communicate(as_lines(LIFE[:1]), 60)
    assert process.returncode == 0
