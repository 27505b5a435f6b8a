"""This file holds how a rebuild of the views is told: whether it switched, and what differs."""

from collections.abc import Mapping
from typing import Any

import click

from ledger.screen.words import Say


def put_rebuilt(say: Say, answer: Mapping[str, Any]) -> None:
    """What became of a rebuild; of rows that differ, the first of each table, and what to do."""
    click.secho(_sentence(say, answer), fg="green" if answer["switched"] else "red", bold=True)
    for each in answer["differences"]:
        click.echo(say("rebuild.difference", table=each["table"], row=_pairs(each["key"] or {}), what=_what(say, each)))
    for which, key in (("live", "rebuild.damaged_live"), ("rebuilt", "rebuild.damaged_new")):
        if answer["damaged"][which]:
            click.secho(say(key, tables=", ".join(answer["damaged"][which])), fg="red")
    if answer["differences"] and not answer["switched"]:
        click.echo(say("rebuild.remedy"))
    click.echo(say("ask.digest", digest=answer["digest"]))


def _sentence(say: Say, answer: Mapping[str, Any]) -> str:
    place = {key: answer[key] for key in ("version", "position")}
    if not answer["switched"]:
        return say("rebuild.kept" if answer["differences"] else "rebuild.other", **place)
    if answer["replaces"] is None:
        return say("rebuild.first", **place)
    if answer["differences"]:
        return say("rebuild.accepted", replaces=answer["replaces"], **place)
    return say("rebuild.equal", replaces=answer["replaces"], **place)


def _what(say: Say, difference: Mapping[str, Any]) -> str:
    """The fields in which two rows differ; a row that only one set has, whole."""
    live, rebuilt = difference["live"], difference["rebuilt"]
    if live is None or rebuilt is None:
        there = {"which": say("rebuild.live" if rebuilt is None else "rebuild.new")}
        return say("rebuild.only", row=_pairs(live or rebuilt or {}), **there)
    fields = [name for name in live if live[name] != rebuilt.get(name)]
    return "; ".join(say("rebuild.field", field=name, live=live[name], rebuilt=rebuilt.get(name)) for name in fields)


def _pairs(row: Mapping[str, Any]) -> str:
    return " ".join(f"{name} {value}" for name, value in row.items() if value is not None)
