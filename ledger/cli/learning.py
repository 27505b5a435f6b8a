"""This file holds the commands that need no ledger: `scan`, `commands`, `schema`, `explain`, `catalogue check`."""

import difflib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli.door import Session, TaughtGroup, command, leave, wrong_usage
from ledger.cli.faults import NO
from ledger.screen.console import put_json, put_line
from ledger.screen.scans import put_bad_scan, put_scan
from ledger.screen.words import WORDS

if TYPE_CHECKING:
    from ledger.screen.codes import Explained


@command("scan", click.Argument(["texts"], nargs=-1, required=True, metavar="TEXT…|-"))
def scan(session: Session, texts: tuple[str, ...]) -> None:
    if texts == ("-",):
        answers = [_scanned([text]) for text in _input_lines(session)]
    else:
        answers = [_scanned(list(texts))]
    for answer in answers:
        if session.as_json():
            put_line(answer) if len(answers) > 1 else put_json(answer)
        elif answer["ok"]:
            put_scan(session.say, answer)
        else:
            put_bad_scan(session.say, answer)
    leave(0 if all(answer["ok"] for answer in answers) else NO)


def _input_lines(session: Session) -> Iterator[str]:
    for line in sys.stdin.buffer.read().splitlines():
        try:
            text = line.decode()
        except UnicodeDecodeError:
            raise wrong_usage(session, session.say("scan.not_text", where="-")) from None
        if text:
            yield text


def _scanned(texts: list[str]) -> dict[str, Any]:
    """What was read, and which bag or donation that is; what is wrong when it could not be read."""
    from ledger.isbt128 import BadScan, as_bag
    from ledger.isbt128 import scan as read

    try:
        scans = [read(text) for text in texts]
    except BadScan as bad:
        return {"ok": False, "scan": texts, **bad.as_dict()}
    dins = {each.fields["din"] for one in scans for each in one.structures if "din" in each.fields}
    answer: dict[str, Any] = {
        "ok": True,
        "scan": texts,
        "structures": [each for one in scans for each in one.as_list()],
        "din": dins.pop() if len(dins) == 1 else None,
        "bag": None,
    }
    try:
        answer["bag"] = str(as_bag(*scans))
    except BadScan as bad:
        # A label's structures may be scanned one by one; only a contradiction between them is an error.
        if bad.code not in ("no_din", "no_product", "sample_or_record", "division_needed"):
            return {"ok": False, "scan": texts, **bad.as_dict()}
    return answer


@command("commands")
def commands(session: Session) -> None:
    from inspect import getdoc

    from ledger.commands import COMMANDS
    from ledger.commands.describing import command_schema

    say, said = session.say, []
    for name, kind in COMMANDS.items():
        schema = command_schema(name)
        fields = [each for each in schema["properties"] if each not in ("command", "request", "sender", "by")]
        said.append(
            {"command": name, "kind": "decision" if kind.DECISION else "observation", "doc": getdoc(kind),
             "required": schema["required"], "fields": fields}
        )  # fmt: skip
    if session.as_json():
        put_json(said)
        return
    for each in said:
        kind_word = say(f"commands.{each['kind']}")
        click.echo(f"{click.style(str(each['command']), bold=True)} ({kind_word}): {each['doc']}")


@command("schema", click.Argument(["name"], required=False, metavar="COMMAND"))
def schema(session: Session, name: str | None) -> None:
    from ledger.commands import COMMANDS
    from ledger.commands.describing import all_schemas, command_schema

    if name is not None and name not in COMMANDS:
        raise wrong_usage(session, session.say("schema.unknown", name=name, known=", ".join(COMMANDS)))
    put_json(all_schemas() if name is None else command_schema(name))


@command("explain", click.Argument(["code"], metavar="CODE"))
def explain(session: Session, code: str) -> None:
    from ledger.screen.codes import explained, known_codes

    say = session.say
    found = explained(code)
    if not found:
        near = difflib.get_close_matches(code, known_codes(), n=3)
        close = say("explain.close", close=", ".join(near)) if near else ""
        text = say("explain.unknown", code=code, close=close)
        put_json({"code": code, "known": False, "message": text}) if session.as_json() else click.echo(text, err=True)
        leave(NO)
        return
    if session.as_json():
        put_json({"code": code, "known": True, "meanings": [_meaning(each) for each in found]})
        return
    chinese = say.lang == "zh"
    for each in found:
        click.echo(f"{click.style(code, bold=True)} ({say(f'explain.{each.kind}')}): {each.text[chinese]}")
        if each.remedy is not None:
            click.echo("  " + say("explain.remedy", remedy=each.remedy[chinese]))


def _meaning(each: "Explained") -> dict[str, Any]:
    remedy = each.remedy or (None, None)
    return {"kind": each.kind, "en": each.text[0], "zh": each.text[1], "remedy_en": remedy[0], "remedy_zh": remedy[1]}


@command("catalogue check", click.Argument(["path"], type=click.Path(path_type=Path)))
def check(session: Session, path: Path) -> None:
    from ledger.catalogue import load_catalogue
    from ledger.data_files import BrokenFile

    say = session.say
    try:
        found = load_catalogue(path)
    except BrokenFile as broken:
        put_json({"ok": False, **broken.as_dict()}) if session.as_json() else click.echo(broken.message(say.lang))
        leave(NO)
        return
    counts = {name: len(getattr(found, name)) for name in ("products", "processes", "panels", "bands")}
    if session.as_json():
        put_json({"ok": True, "id": found.id, **counts})
    else:
        click.echo(say("catalogue.ok", path=path, id=found.id, **counts))


catalogue = TaughtGroup("catalogue", commands=[check], help=WORDS["help.catalogue"][0])
