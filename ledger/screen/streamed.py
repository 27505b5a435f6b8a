"""This file holds how Kafka's side is told: topics, what was relayed, what was projected, what is parked."""

from collections.abc import Sequence
from typing import Any

import click

from ledger.screen.console import console
from ledger.screen.words import Say


def put_topics(say: Say, topics: Sequence[dict[str, Any]]) -> None:
    """The topics as they stand, and what was made just now."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("topics.name", "topics.partitions", "topics.replication", "topics.settings", "topics.made"):
        table.add_column(say(heading))
    for each in topics:
        settings = ", ".join(f"{key}={value}" for key, value in each["settings"].items())
        made = say("topics.new" if each["made"] else "topics.there")
        table.add_row(each["name"], str(each["partitions"]), str(each["replication"]), settings, made)
    console().print(table)


def put_relayed(say: Say, said: dict[str, Any]) -> None:
    """How far the relay came."""
    click.echo(say("relayed.done", **said))


def put_projected(say: Say, said: dict[str, Any]) -> None:
    """How far the views came, and what stands still."""
    click.echo(say("projected.done", **said))
    _put_standing(say, said["standing"])


def _put_standing(say: Say, standing: Sequence[dict[str, Any]]) -> None:
    for each in standing:
        first, last = each["missing"], each["missing_to"]
        numbers = str(first) if first == last else f"{first}–{last}"
        click.echo(say(f"standing.{each['why']}", place=each["place"], numbers=numbers))


def put_parked(say: Say, said: dict[str, Any]) -> None:
    """What a person must look at: facts, records that are none, partitions."""
    if not any(said.values()):
        click.echo(say("parked.none"))
        return
    for fact in said["facts"]:
        click.echo(say("parked.fact", **fact))
    for stray in said["strays"]:
        click.echo(say("parked.stray", **stray))
    _put_standing(say, said["standing"])
    click.echo(say("parked.remedy"))
