"""This file holds the row `command`: durable commands from 1 to 128 callers, beside the library's stock application."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter

from ledger.commands.group_commit import LARGEST_BATCH, GroupCommit
from ledger.commands.reading import read_command
from ledger.settings import Settings, read_settings
from ledger.wiring import open_ledger
from tests.bench import stock_application
from tests.bench.figures import Figures, Line, alternating, times
from tests.bench.histories import by_donation, week_lines
from tests.bench.machine import fsync_ms
from tests.bench.workbench import Workbench

GOALS = {("SQLite", 1): times(1), ("SQLite", 32): times(10), ("PostgreSQL", 1): times(1), ("PostgreSQL", 32): times(8)}
MORE = {1: 1, 8: 2, 32: 4, 128: 6}
"""How many times as many commands as a lone caller sends: a round should last a second or two."""
STOCK = "stock Application, 1 caller: get + save"


def command_on_sqlite(bench: Workbench) -> Iterator[Line]:
    return _measured(bench, "SQLite", {"sync": "WAL, synchronous=FULL on both sides"})


def command_on_postgresql(bench: Workbench) -> Iterator[Line]:
    return _measured(bench, "PostgreSQL", {"sync": "fsync=on, synchronous_commit=on on both sides"})


def _measured(bench: Workbench, database: str, at: dict[str, str]) -> Iterator[Line]:
    sizes = bench.sizes
    rounds = alternating(
        sizes.rounds,
        lambda: fsync_ms(bench.folder),
        lambda: _stock(bench, database),
        *(lambda callers=callers: _ours(bench, database, callers) for callers in sizes.callers),
    )
    yield Line(
        f"command-{database.lower()}", "the disk: 4 KiB written and synced", Figures("fsync", "ms", rounds[0]),
        why_no_yardstick="what every commit waits for at least once",
    )  # fmt: skip
    yardstick = Figures(STOCK, "commands/s", rounds[1])
    for callers, found in zip(sizes.callers, rounds[2:], strict=True):
        yield Line(
            f"command-{database.lower()}",
            f"durable command, {database}, {callers} caller{'s' * (callers > 1)}",
            Figures(f"read_command + {'commit' if callers == 1 else 'GroupCommit'}", "commands/s", found),
            yardstick,
            GOALS.get((database, callers)),
            {"callers": callers, "commands": sizes.commands * MORE[callers], "largest batch": LARGEST_BATCH, **at},
        )


def _stock(bench: Workbench, database: str) -> float:
    lines = list(week_lines(bench.sizes.commands))
    with ExitStack() as entered:
        if database == "SQLite":
            env = stock_application.on_sqlite(str(entered.enter_context(bench.fresh()) / "stock.db"))
        else:
            env = stock_application.on_postgres(entered.enter_context(bench.schema()))
        return stock_application.commands_per_second(env, lines)


def _ours(bench: Workbench, database: str, callers: int) -> float:
    lines = list(week_lines(bench.sizes.commands * MORE[callers]))
    with ExitStack() as entered:
        folder = entered.enter_context(bench.fresh())
        place = str(folder / "ledger.db") if database == "SQLite" else entered.enter_context(bench.schema())
        return _commands_per_second(_settings(place, folder), lines, callers)


def _settings(place: str, folder: Path) -> Settings:
    return read_settings({}, ledger=place)._replace(keys=str(folder / "keys"), views=str(folder / "views"))


def _commands_per_second(settings: Settings, lines: list[bytes], callers: int) -> float:
    """Several callers are coroutines of one event loop; each carries donations from end to end, as a person would."""
    if callers == 1:
        return _alone(settings, lines)
    shares: list[list[bytes]] = [[] for _ in range(callers)]
    for number, donation in enumerate(by_donation(lines)):
        shares[number % callers] += donation
    with open_ledger(settings) as ledger, GroupCommit(ledger.committer) as group:
        begin = perf_counter()
        asyncio.run(_all(group, shares))
        return len(lines) / (perf_counter() - begin)


def _alone(settings: Settings, lines: list[bytes]) -> float:
    """Who is alone has nobody to share a commit with, and needs no thread that gathers: as the command line does."""
    with open_ledger(settings) as ledger:
        committer = ledger.committer
        begin = perf_counter()
        for line in lines:
            (answer,) = committer.commit([read_command(line)])
            assert answer.outcome == "recorded", f"{answer.outcome}: {answer.problem or answer.fault}"
        return len(lines) / (perf_counter() - begin)


async def _all(group: GroupCommit, shares: list[list[bytes]]) -> None:
    await asyncio.gather(*(_caller(group, share) for share in shares))


async def _caller(group: GroupCommit, share: list[bytes]) -> None:
    for line in share:
        answer = await group.commit(read_command(line))
        assert answer.outcome == "recorded", f"{answer.outcome}: {answer.problem or answer.fault}"
