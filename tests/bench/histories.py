"""This file holds the histories that are measured on: a plain year in a ledger, weeks of commands, facts as lines."""

import heapq
import json
from base64 import b64encode
from collections.abc import Iterable, Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any, NamedTuple

import schemas
from ledger.commands.importing import import_history
from ledger.commands.lines import Line
from ledger.commands.printing import recorded_instant
from ledger.commands.reading import read_command
from ledger.settings import Settings, read_settings
from ledger.simulator.published_week import week_of_donations
from ledger.store.port import FactRow
from ledger.wiring import Ledger, open_ledger
from tests.projections.history import Row, encoded, plain_life

Saying = tuple[str, str, float, dict[str, Any]]
MINUTES_APART = 3.0
FACTS_OF_A_LIFE = 37
RECORDED = 1_700_000_000_000_000
WINDOW = 256
LETTERS = "MNPQRSTUVWXYZABCDEFGHJKL"
"""First letters of facility numbers: a week of its own for each."""


class Told(NamedTuple):
    """A ledger in a file: where, how many facts, and some bags of it that reached a patient."""

    settings: Settings
    facts: int
    donations: int


# -- a plain year ----------------------------------------------------------------------------------------


def plain_year(donations: int) -> Iterator[Saying]:
    """As tests.projections.history.large_history, however many: only the lives under way are in memory."""
    waiting: list[tuple[float, int, Saying]] = []
    order = count()
    for number in range(donations):
        begin = number * MINUTES_APART
        while waiting and waiting[0][0] < begin:
            yield heapq.heappop(waiting)[2]
        for told_at, saying in plain_life(number, begin):
            heapq.heappush(waiting, (told_at, next(order), saying))
    while waiting:
        yield heapq.heappop(waiting)[2]


def told(sayings: Iterable[Saying]) -> Iterator[Row]:
    """Stored rows of what is told, one request a fact, numbered as a store numbers them."""
    versions: dict[str, int] = {}
    for position, (stream, name, when, said) in enumerate(sayings, 1):
        version = versions[stream] = versions.get(stream, 0) + 1
        wire = schemas.newest(name)
        state = encoded(wire, when, f"r{position}", dict(said))
        yield Row(position, position - 1, stream, version, wire, RECORDED + position, state)


def as_line(number: int, row: Row | FactRow) -> Line:
    """A fact as `facts` prints it: what `import` takes."""
    said = {
        "stream": row.stream,
        "version": row.version,
        "name": row.name,
        "recorded_at": recorded_instant(row.recorded_at),
        "bytes": b64encode(row.state).decode(),
    }
    return Line(number, json.dumps(said).encode())


def write_ledger(path: Path, facts: int) -> Told:
    """A plain year of about so many facts, through the import door."""
    settings = read_settings({}, ledger=str(path))
    donations = max(1, facts // FACTS_OF_A_LIFE)
    lines = (as_line(number, row) for number, row in enumerate(told(plain_year(donations)), 1))
    with open_ledger(settings) as ledger:
        written = import_history(ledger.bulk, ledger.mapper, ledger.clock, lines).facts
    return Told(settings, written, donations)


# -- weeks of commands -----------------------------------------------------------------------------------


def week_lines(commands: int) -> Iterator[bytes]:
    """The published week, a command as a line of JSON; over again at facilities of its own where more are wanted."""
    return islice((line for letter in LETTERS for line in _week_at(letter)), commands)


def _week_at(letter: str) -> Iterator[bytes]:
    for command in week_of_donations():
        said = json.dumps({**command, "request": f"{letter}-{command['request']}"}, ensure_ascii=False)
        yield said.replace('"M06', f'"{letter}06').replace("-M06", f"-{letter}06").encode()


def by_donation(lines: Iterable[bytes]) -> list[list[bytes]]:
    """Commands of one donation together and in order: what one caller sends."""
    found: list[list[bytes]] = []
    for line in lines:
        if b'"CollectBag"' in line:
            found.append([])
        found[-1].append(line)
    return found


def record(ledger: Ledger, lines: Iterable[bytes]) -> int:
    """Record commands through the committer; answer how many facts that is."""
    lines = iter(lines)
    while window := [read_command(line) for line in islice(lines, WINDOW)]:
        wrong = [each for each in ledger.committer.commit(window) if each.outcome != "recorded"]
        assert not wrong, f"the week is recorded without refusals, but: {wrong[0]}"
    return ledger.store.head().size
