"""This file holds `python -m tests.bench.profile write|rebuild|verify|import`: where the CPU time of a fact goes.

The processor's own timer looks, once a millisecond of CPU time, which function is at work. Unlike a tracing profiler
this makes no small function dearer than it is. What a library does, or SQLite, counts for the line of ours that calls.
"""

import argparse
import json
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import process_time
from types import FrameType
from typing import NamedTuple

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ledger.commands.importing import import_history
from ledger.settings import read_settings
from ledger.wiring import open_ledger
from projections.consumer import catch_up
from projections.readmodels.sqlite import sqlite_views
from tests.bench.histories import as_line, record, week_lines, write_ledger
from tests.bench.machine import ROOT

EVERY_SECONDS = 0.001
OURS = tuple(str(ROOT / room) for room in ("ledger", "projections", "schemas"))
COMMANDS, FACTS = 25_000, 100_000
WARM = 500
"""Commands, or facts, before it counts: codecs are compiled when they are first met."""


class Profile(NamedTuple):
    """CPU time of one kind of work. Shape: `samples` by file and function of ours, innermost."""

    what: str
    facts: int
    seconds: float
    samples: Counter[tuple[str, str]]

    @property
    def us_per_fact(self) -> float:
        """Microseconds of CPU a fact."""
        return self.seconds / self.facts * 1e6

    def by(self, part: Callable[[tuple[str, str]], str]) -> list[tuple[str, float]]:
        """Microseconds a fact by some part of where, the largest first."""
        summed: Counter[str] = Counter()
        for where, count in self.samples.items():
            summed[part(where)] += count
        total = summed.total() or 1
        return [(name, count / total * self.us_per_fact) for name, count in summed.most_common()]


@contextmanager
def sampled(samples: Counter[tuple[str, str]]) -> Iterator[None]:
    """Count where the main thread is, once a millisecond of this process's CPU time."""

    def look(_: int, frame: FrameType | None) -> None:
        while frame is not None and not frame.f_code.co_filename.startswith(OURS):
            frame = frame.f_back
        if frame is None:
            samples["(not ours)", ""] += 1
        else:
            file = Path(frame.f_code.co_filename).relative_to(ROOT).as_posix()
            samples[file, frame.f_code.co_qualname] += 1

    before = signal.signal(signal.SIGPROF, look)
    signal.setitimer(signal.ITIMER_PROF, EVERY_SECONDS, EVERY_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def profiled(what: str, work: Callable[[], int]) -> Profile:
    """`work` answers how many facts it was about."""
    samples: Counter[tuple[str, str]] = Counter()
    begin = process_time()
    with sampled(samples):
        facts = work()
    return Profile(what, facts, process_time() - begin, samples)


# -- what is profiled ------------------------------------------------------------------------------------


def write(folder: Path, size: int | None) -> Profile:
    """The published week through read_command and the committer, 256 commands a commit, on SQLite."""
    lines = list(week_lines((size or COMMANDS) + WARM))
    with open_ledger(read_settings({}, ledger=str(folder / "week.db"))) as ledger:
        before = record(ledger, lines[:WARM])
        return profiled("write: published week, windows of 256, SQLite", lambda: record(ledger, lines[WARM:]) - before)


def rebuild(folder: Path, size: int | None) -> Profile:
    """The views of a plain year from zero, on SQLite."""
    made = write_ledger(folder / "plain.db", size or FACTS)
    with open_ledger(made.settings, reading=True) as ledger:
        catch_up(ledger.store, sqlite_views(folder / "warm"), until=WARM)
        views = sqlite_views(folder / "views")
        found = profiled("rebuild: all views from zero, SQLite", lambda: catch_up(ledger.store, views).applied)
        views.close()
    return found


def verify(folder: Path, size: int | None) -> Profile:
    """The whole of a plain year checked; work in other processes is not seen."""
    made = write_ledger(folder / "plain.db", size or FACTS)
    with open_ledger(made.settings, reading=True) as ledger:
        return profiled("verify: the whole ledger, SQLite", lambda: int(ledger.verify()["size"]))


def imported(folder: Path, size: int | None) -> Profile:
    """The published week, as `facts` prints it, into a new ledger."""
    with open_ledger(read_settings({}, ledger=str(folder / "week.db"))) as ledger:
        facts = record(ledger, week_lines(size or COMMANDS))
        lines = [as_line(number, row) for number, row in enumerate(ledger.store.rows(0, facts), 1)]
    with open_ledger(read_settings({}, ledger=str(folder / "new.db"))) as ledger:
        return profiled(
            "import: published week, SQLite",
            lambda: import_history(ledger.bulk, ledger.mapper, ledger.clock, lines).facts,
        )


WORK = {"write": write, "rebuild": rebuild, "verify": verify, "import": imported}


# -- shown -----------------------------------------------------------------------------------------------


def _file(where: tuple[str, str]) -> str:
    return where[0]


def _function(where: tuple[str, str]) -> str:
    return f"{where[0]} {where[1]}".strip()


def put(found: Profile, functions: int) -> None:
    """Two tables: by file, and the functions that cost most."""
    console = Console(highlight=False, emoji=False, markup=False, width=None if sys.stdout.isatty() else 120)
    console.print(f"{found.what}: {found.facts:,} facts, {found.us_per_fact:.1f} µs of CPU a fact")
    for heading, part, most in (("file", _file, 99), ("function", _function, functions)):
        table = Table(heading, "µs a fact", "%", box=SIMPLE_HEAD)
        for name, spent in found.by(part)[:most]:
            table.add_row(name, f"{spent:.1f}", f"{spent / found.us_per_fact:.0%}")
        console.print(table)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser("python -m tests.bench.profile")
    parser.add_argument("what", choices=sorted(WORK))
    parser.add_argument("--size", type=int, help=f"commands or facts; {COMMANDS:,} or {FACTS:,} when not given")
    parser.add_argument("--functions", type=int, default=25, help="how many functions are shown")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="bl-profile-") as folder:
        found = WORK[given.what](Path(folder), given.size)
    if given.json:
        told = {"what": found.what, "facts": found.facts, "us_per_fact": found.us_per_fact}
        print(json.dumps({**told, "files": found.by(_file), "functions": found.by(_function)}))
    else:
        put(found, given.functions)


if __name__ == "__main__":
    main()
