"""This file holds how a run is shown: the table on the screen, and the same as JSON and as Markdown."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from tests.bench.figures import Figures, Line

HEADINGS = ("what", "ours", "yardstick", "ratio", "goal", "")
STYLES = {"met": "green", "missed": "yellow", "failed": "red", "not built": "dim", "skipped": "dim"}
WIDTH = 150


def shown(value: float) -> str:
    """Three figures that count, thousands apart."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def figures(of: Figures | None) -> str:
    """Median, unit and spread."""
    if of is None:
        return "–"
    spread = f" ({shown(min(of.rounds))}–{shown(max(of.rounds))})" if len(of.rounds) > 1 else ""
    return f"{shown(of.median)} {of.unit}{spread}"


def cells(line: Line) -> tuple[str, ...]:
    """One line of the table."""
    ratio = "" if line.ratio is None else f"{shown(line.ratio)} ×"
    beside = f"{line.yardstick.what}: {figures(line.yardstick)}" if line.yardstick else line.why_no_yardstick or "–"
    return (line.what, figures(line.ours), beside, ratio, line.goal.text if line.goal else "–", line.verdict)


def put(lines: Iterable[Line], described: dict[str, Any]) -> None:
    """The table, what a line needs to be said beside it, and where all was measured."""
    console = Console(highlight=False, emoji=False, markup=False)
    if not console.is_terminal:
        console = Console(highlight=False, emoji=False, markup=False, width=WIDTH)
    table = Table(*HEADINGS, box=SIMPLE_HEAD)
    lines = list(lines)
    for line in lines:
        table.add_row(*cells(line), style=STYLES.get(line.verdict))
    console.print(table)
    for line in lines:
        for said in filter(None, (line.note, line.not_built, line.skipped, line.failed)):
            console.print(f"{line.what}: {said}", style="dim")
    console.print(where(described), style="dim")


def where(described: dict[str, Any]) -> str:
    """Machine, versions, sync and commit in a few lines."""
    machine, versions = described["machine"], described["versions"]
    server = described.get("postgresql")
    return "\n".join(
        [
            f"{described['date']}, commit {described['commit']}; load before: {machine['load_before']}",
            f"{machine['cpu']}, {machine['cores']} cores, {machine['ram_gib']} GiB; {machine['disk']}, "
            f"4 KiB + fsync {machine['fsync_ms']} ms; {machine['system']}",
            ", ".join(f"{name} {number}" for name, number in versions.items()),
            "; ".join(f"{name}: {mode}" for name, mode in described["sync"].items()),
            *(["PostgreSQL: " + ", ".join(f"{name} {value}" for name, value in server.items())] if server else []),
        ]
    )


def as_json(lines: Iterable[Line], described: dict[str, Any]) -> dict[str, Any]:
    """The whole run."""
    return {**described, "rows": [line.as_dict() for line in lines]}


def markdown(run: dict[str, Any]) -> str:
    """The table of a run that was kept as JSON, for docs/performance.md."""
    rows = ["| " + " | ".join([*HEADINGS[:-1], "met"]) + " |", "|" + "---|" * len(HEADINGS)]
    for row in run["rows"]:
        ratio = f"{shown(row['ratio'])} ×" if row["ratio"] is not None else ""
        beside = row["why_no_yardstick"] or "–"
        if row["yardstick"]:
            beside = f"{row['yardstick']['what']}: {_kept(row['yardstick'])}"
        verdict = f"**{row['verdict']}**" if row["verdict"] in ("missed", "skipped") else row["verdict"]
        said = (row["what"], _kept(row["ours"]), beside, ratio, row["goal"] or "–", verdict)
        rows.append("| " + " | ".join(said) + " |")
    return "\n".join(rows)


def _kept(of: dict[str, Any] | None) -> str:
    if of is None:
        return "–"
    spread = f" ({shown(of['low'])}–{shown(of['high'])})" if of["rounds"] > 1 else ""
    return f"{shown(of['median'])} {of['unit']}{spread}"


def write(path: Path, run: dict[str, Any]) -> None:
    path.write_text(json.dumps(run, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
