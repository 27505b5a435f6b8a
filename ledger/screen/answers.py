"""This file holds how answers to recorded lines are shown: a line each, and a summary."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import click

from ledger.screen.words import Say

COLOURS = {"recorded": "green", "repeated": "cyan", "refused": "yellow", "malformed": "red", "fault": "red"}


def put_answer(say: Say, said: Mapping[str, Any], command: str | None) -> None:
    """One answer: what became of the line, and when it is a no, why and what would help."""
    outcome = said["outcome"]
    head = click.style(say(f"outcome.{outcome}"), fg=COLOURS[outcome], bold=outcome != "repeated")
    parts = [say("record.line", line=said["line"]), head, command or "", said["request"] or "", _places(say, said)]
    click.echo("  ".join(part for part in parts if part))
    if said["code"] is not None:
        click.echo(f"    {said['code']}: {said['message']}")
        if said["where"]:
            click.echo("    " + say("record.where", where=said["where"]))
        click.echo("    " + say("record.remedy", remedy=said["remedy"]))


def _places(say: Say, said: Mapping[str, Any]) -> str:
    positions = [fact["position"] for fact in said["facts"]]
    if not positions:
        return ""
    if said["outcome"] == "repeated":
        return say("record.already", position=min(positions))
    key = "record.fact" if len(positions) == 1 else "record.facts"
    return say(key, count=len(positions), first=min(positions), last=max(positions))


def summary(say: Say, counts: Counter[str]) -> str:
    """How many lines, by what became of them."""
    total = sum(counts.values())
    if not total:
        return say("record.nothing")
    parts = [f"{counts[outcome]} {say(f'outcome.{outcome}')}" for outcome in COLOURS if counts[outcome]]
    return say("record.summary", total=total, parts=("、" if say.lang == "zh" else ", ").join(parts))
