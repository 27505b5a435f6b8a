"""This file holds how a scan is shown: its structures with what they say, and the bag it names."""

from collections.abc import Mapping
from typing import Any

import click

from ledger.screen.console import console
from ledger.screen.words import Say


def put_scan(say: Say, answer: Mapping[str, Any]) -> None:
    """A table of the structures, then the bag or donation."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for key in ("structure", "name", "text", "says"):
        table.add_column(say(f"scan.{key}"), overflow="fold")
    for each in answer["structures"]:
        table.add_row(each["structure"] or "-", each["name"], each["text"], _fields(each["fields"]))
    console().print(table)
    if answer["bag"] is not None:
        click.secho(say("scan.bag", bag=answer["bag"]), bold=True)
    elif answer["din"] is not None:
        click.secho(say("scan.din", din=answer["din"]), bold=True)


def _fields(fields: Mapping[str, Any]) -> str:
    shown = {key: value for key, value in fields.items() if value not in (None, "", [], {})}
    return ", ".join(f"{key} {_said(value)}" for key, value in shown.items())


def _said(value: Any) -> str:
    if isinstance(value, Mapping):
        return " ".join(f"{key}:{_said(each)}" for key, each in value.items())
    if isinstance(value, (list, tuple)):
        return " ".join(_said(each) for each in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def put_bad_scan(say: Say, answer: Mapping[str, Any]) -> None:
    """What cannot be read, with a mark under the character at fault."""
    click.secho(f"{answer['code']}: {answer['message_zh' if say.lang == 'zh' else 'message_en']}", fg="red")
    texts = answer["scan"]
    if len(texts) == 1 and texts[0].isprintable() and texts[0].isascii():
        click.echo(
            f"  {texts[0]}\n  {'':{answer['position'] - 1}}^" if answer["position"] > 1 else f"  {texts[0]}\n  ^"
        )
    click.echo(say("record.remedy", remedy=say("scan.remedy")))
