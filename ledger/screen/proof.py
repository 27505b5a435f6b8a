"""This file holds how the result of verify is told: whole or damaged, and where."""

from collections.abc import Mapping
from typing import Any

import click

from ledger.screen.words import Say

SHOWN = 5


def put_verified(say: Say, answer: Mapping[str, Any]) -> None:
    """Whole, or the first bad fact and what to do."""
    size, position = answer["size"], answer["position"]
    if answer["ok"]:
        click.secho(say("verify.ok", size=size, position=position), fg="green", bold=True)
    else:
        _put_damage(say, answer)
    click.echo(say("verify.root", root=answer["root"]))
    since = answer.get("since")
    if since is not None:
        key = "verify.since" if since["ok"] else "verify.since_bad"
        click.secho(say(key, size=since["size"]), fg="green" if since["ok"] else "red")


def _put_damage(say: Say, answer: Mapping[str, Any]) -> None:
    first = answer["first_bad"] or {}
    if first.get("position") is not None:
        click.secho(say("verify.damage", place=_place(say, first)), fg="red", bold=True)
    else:
        click.secho(say("verify.damage_elsewhere", what=first.get("what")), fg="red", bold=True)
    others = [each for each in answer.get("problems", ()) if each != answer["first_bad"]]
    for each in others[:SHOWN]:
        what = _place(say, each) if each.get("position") is not None else each["what"]
        click.secho(say("verify.problem", what=what), fg="red")
    click.echo(say("verify.remedy"))


def _place(say: Say, finding: Mapping[str, Any]) -> str:
    place = {
        key: "?" if finding.get(key) is None else finding[key] for key in ("position", "stream", "version", "what")
    }
    return say("verify.place", **place)
