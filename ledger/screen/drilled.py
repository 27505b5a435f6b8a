"""This file holds how a recall drill is told: a sentence, what trouble there was, and each miss."""

from collections.abc import Mapping
from typing import Any

import click

from ledger.screen.console import console
from ledger.screen.words import Say

MOST = 10
"""Misses shown; the JSON has them all."""
COLUMNS = 3


def put_drilled(say: Say, answer: Mapping[str, Any]) -> None:
    """What a drill came to."""
    click.secho(say(_verdict(answer), **_counts(answer)), bold=True, fg="green" if answer["ok"] else "red")
    click.echo(say("drill.recalled", **{name: answer[name] for name in ("recalls", "bags", "patients")}))
    click.echo("\n" + click.style(say("drill.trouble"), bold=True))
    put_troubles(say, answer["faults"])
    for kind in answer["never"]:
        click.secho(say("drill.never", kind=say(f"trouble.{kind}")), fg="red")
    for each in answer["wrong"][:MOST]:
        _put_wrong(say, each)
    for each in answer["surprises"][:MOST]:
        details = {name: each[name] for name in ("seed", "expected", "outcome", "why")}
        click.secho(say("drill.surprise", command=each["command"]["command"], **details), fg="red")


def _verdict(answer: Mapping[str, Any]) -> str:
    if answer["ok"]:
        return "drill.good"
    return "drill.bad" if answer["wrong"] or answer["surprises"] else "drill.short"


def _counts(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {name: answer[name] for name in ("seeds", "first", "commands", "facts", "missed", "extra")}


def put_troubles(say: Say, faults: Mapping[str, int]) -> None:
    """How often each kind of trouble happened, in columns."""
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for _ in range(COLUMNS):
        table.add_column(justify="right", no_wrap=True)
        table.add_column()
    cells = [(str(count), say(f"trouble.{kind}")) for kind, count in faults.items()]
    cells += [("", "")] * (-len(cells) % COLUMNS)
    down = len(cells) // COLUMNS
    for row in range(down):
        table.add_row(*(text for column in range(COLUMNS) for text in cells[row + column * down]))
    console().print(table)


def _put_wrong(say: Say, each: Mapping[str, Any]) -> None:
    when = each["known_at"] or say("drill.now")
    click.secho(say("drill.wrong", seed=each["seed"], subject=each["subject"], known_at=when), fg="red")
    for words, lines in (("drill.missed", each["missed"]), ("drill.extra", each["extra"])):
        for line in lines[:MOST]:
            click.echo("  " + say(words, what=line))
