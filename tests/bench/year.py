"""This file holds the row `year`: a year of a large city centre, simulated, stored, projected and reported."""

import json
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from tests.bench.figures import Figures, Line, at_most
from tests.bench.machine import ROOT
from tests.bench.workbench import Workbench

SCENARIO, YEAR = "zhangjiakou-2023", "2023"
GOAL = at_most(90, "s per million facts")
WHAT = f"a year of a large city centre ({SCENARIO}) end to end"
NO_YARDSTICK = "the promise names none"


def lived(bench: Workbench) -> Iterator[Line]:
    """Both commands as a person gives them, each a process of its own, in a fresh folder."""
    if missing := [name for name in ("simulate", "report") if not _exists(name)]:
        said = f"there is no command {' or '.join(missing)} yet"
        yield Line("year", WHAT, None, None, GOAL, why_no_yardstick=NO_YARDSTICK, not_built=said)
        return
    days = [] if bench.sizes.year_days is None else ["--days", str(bench.sizes.year_days)]
    with bench.fresh() as folder:
        before = _cpu_seconds()
        simulated, simulating = _ran(folder, "simulate", SCENARIO, *days, "--no-check", "--json")
        _, reporting = _ran(folder, "report", "--year", YEAR, "--scenario", SCENARIO, "--json")
        spent = _cpu_seconds() - before
    facts = int(simulated["facts"])
    seconds = simulating + reporting
    yield Line(
        "year", WHAT, Figures("simulate and report", "s per million facts", (seconds / facts * 1e6,)), None, GOAL,
        {
            "facts": facts, "seconds simulate": round(simulating, 1), "seconds report": round(reporting, 1),
            "CPU seconds": round(spent, 1),
        },
        f"{facts:,} facts: simulate {simulating:.0f} s, report {reporting:.0f} s, CPU of both"
        f" {spent:.0f} s; whether every answer is true (`simulate --check`) is not part of it",
        why_no_yardstick=NO_YARDSTICK,
    )  # fmt: skip


def _exists(name: str) -> bool:
    command = [sys.executable, "-m", "ledger.cli", name, "--help"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 0


def _cpu_seconds() -> float:
    """CPU time of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _ran(folder: Path, *arguments: str) -> tuple[dict[str, Any], float]:
    """What a command printed, and how long it took. Unit: seconds of wall clock."""
    begin = perf_counter()
    command: Sequence[str] = (sys.executable, "-m", "ledger.cli", "--ledger", str(folder / "year.db"), *arguments)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)} ended with {done.returncode}: {done.stderr[-500:]}")
    return json.loads(done.stdout), perf_counter() - begin
