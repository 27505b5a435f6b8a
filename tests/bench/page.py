"""This file holds `python -m tests.bench.page`: puts a kept run, or fresh profiles, into docs/performance.md.

A full run is kept beside the page as it was measured: there is seldom an hour for another.
"""

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench.machine import ROOT, described
from tests.bench.profile import WORK, Profile
from tests.bench.table import markdown, where, write

PAGE = ROOT / "docs" / "performance.md"
FULL_RUN = ROOT / "docs" / "performance-full.json"
RUN, FULL, PROFILES = "bench", "full", "profiles"
USAGE = "usage: python -m tests.bench.page bench.json | full bench-full.json | profiles"
PARTS, FUNCTIONS = 12, 10
"""How many rows a profile shows."""


def filled(text: str, mark: str, said: str) -> str:
    """The page with this between its two marks. Errors: ValueError when it has no such marks."""
    begin, end = f"<!-- {mark}: begin -->", f"<!-- {mark}: end -->"
    if begin not in text or end not in text:
        raise ValueError(f"the page has no {begin} … {end}")
    before, _, rest = text.partition(begin)
    return f"{before}{begin}\n{said}\n{end}{rest.partition(end)[2]}"


def of_run(run: dict[str, Any]) -> str:
    """Where it was measured, the table, and how long it took."""
    places = "\n".join(f"- {line}" for line in where(run).splitlines())
    return f"{places}\n\n{markdown(run)}\n\nThe whole run took {run['seconds'] / 60:.1f} minutes."


def of_profiles(profiles: Sequence[Profile], date: str, commit: str) -> str:
    """One table by file and one by function for each."""
    return f"{date}, commit {commit}; µs of CPU a fact.\n\n" + "\n\n".join(_of_profile(each) for each in profiles)


def _of_profile(found: Profile) -> str:
    files = found.by(lambda where: where[0])[:PARTS]
    functions = found.by(lambda where: where[1])[:FUNCTIONS]
    rows = [
        f"| {_cell(files, number)} | {_cell(functions, number)} |" for number in range(max(len(files), len(functions)))
    ]
    head = f"**{found.what}**: {found.facts:,} facts, {found.us_per_fact:.1f} µs a fact"
    return "\n".join([head, "", "| file | µs | function | µs |", "|---|---|---|---|", *rows])


def _cell(of: list[tuple[str, float]], number: int) -> str:
    return f"`{of[number][0]}` | {of[number][1]:.1f}" if number < len(of) else " | "


def _profiled() -> str:
    with tempfile.TemporaryDirectory(prefix="bl-profile-") as name:
        folder = Path(name)
        on = described(folder)
        found = []
        for what, work in WORK.items():
            inside = folder / what
            inside.mkdir()
            found.append(work(inside, None))
    return of_profiles(found, on["date"], on["commit"])


def main(arguments: Sequence[str]) -> int:
    text = PAGE.read_text(encoding="utf-8")
    match arguments:
        case ["profiles"]:
            text = filled(text, PROFILES, _profiled())
        case ["full", file]:
            run = json.loads(Path(file).read_text(encoding="utf-8"))
            text = filled(text, FULL, of_run(run))
            write(FULL_RUN, run)
        case [file]:
            text = filled(text, RUN, of_run(json.loads(Path(file).read_text(encoding="utf-8"))))
        case _:
            print(USAGE, file=sys.stderr)
            return 2
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
