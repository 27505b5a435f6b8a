"""This file holds the row `memory`: the most that replay, rebuild and verify hold, each in a process of its own."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench.figures import Figures, Line, below
from tests.bench.machine import ROOT
from tests.bench.workbench import Workbench

GOAL, BOUND = below(300, "MiB"), "a bound, whatever the size"
EVERY_SECONDS = 0.05

REPLAY = """
import sys
from ledger.settings import read_settings
from ledger.wiring import open_ledger
position = 0
with open_ledger(read_settings({}, ledger=sys.argv[1]), reading=True) as ledger:
    while rows := ledger.store.rows(position, 20_000):
        for row in rows:
            ledger.mapper.fact(row)
        position = rows[-1].position
"""
"""Every fact read as an aggregate reads it."""


def remembered(bench: Workbench) -> Iterator[Line]:
    if not _kib(os.getpid(), "status", "VmHWM"):
        said = "this system does not say what a process holds (no /proc)"
        yield Line(
            "memory", "memory of replay, rebuild and verify", None, goal=GOAL, why_no_yardstick=BOUND, not_built=said
        )
        return
    for facts in bench.sizes.facts:
        ledger = bench.ledger(facts).settings.ledger
        for what, arguments in {
            "replay": ("-c", REPLAY, ledger),
            "rebuild": ("-m", "ledger.cli", "--ledger", ledger, "rebuild", "--json"),
            "verify": ("-m", "ledger.cli", "--ledger", ledger, "verify", "--json"),
        }.items():
            bench.say(f"{what} of {facts:,} facts in a process of its own")
            found = Figures("largest resident size", "MiB", (_peak_mib(arguments),))
            yield Line(
                "memory",
                f"memory of {what}, SQLite, {facts:,} facts",
                found,
                goal=GOAL,
                at={"facts": facts},
                why_no_yardstick=BOUND,
            )


def _peak_mib(arguments: Sequence[str]) -> float:
    """The most a process held, with the most its own children held at once. Unit: MiB.

    Asked of the system again and again: what getrusage says of a child begins with what this process holds.
    """
    own = children = 0
    with subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL
    ) as process:
        while process.poll() is None:
            own = max(own, _kib(process.pid, "status", "VmHWM"))
            children = max(children, sum(_kib(pid, "smaps_rollup", "Pss") for pid in _children(process.pid)))
            _wait(process)
    if process.returncode:
        raise RuntimeError(f"{' '.join(arguments[-2:])} ended with {process.returncode}")
    return (own + children) / 1024


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(EVERY_SECONDS)
    except subprocess.TimeoutExpired:
        return


def _kib(pid: int, file: str, name: str) -> int:
    """One number the system keeps of a process; none when it has just ended."""
    found = re.search(rf"^{name}:\s+(\d+) kB", _read(Path(f"/proc/{pid}/{file}")), re.MULTILINE)
    return int(found[1]) if found else 0


def _children(pid: int) -> list[int]:
    return [int(each) for each in _read(Path(f"/proc/{pid}/task/{pid}/children")).split()]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:  # it has just ended
        return ""
