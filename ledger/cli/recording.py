"""This file holds the commands that write: `record` and `import`."""

import os
import sys
from collections import Counter
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any

import click

from ledger.cli.door import Session, command, leave, option
from ledger.cli.faults import FAULT, NO
from ledger.screen.answers import put_answer, summary
from ledger.screen.console import is_terminal, progress, put_json, put_line
from ledger.screen.words import Say

if TYPE_CHECKING:
    from ledger.commands.window import Answered

SOURCE = click.Argument(["source"], type=click.File("rb"), metavar="FILE|-")
BAD_ANSWERS = ("refused", "malformed")


@command("record", SOURCE, option("--window", type=click.IntRange(1, 10_000), default=256, show_default=True))
def record(session: Session, source: IO[bytes], window: int) -> None:
    from ledger.commands.lines import lines_of
    from ledger.commands.window import record_lines

    say, counts, last = session.say, Counter[str](), 0
    if is_terminal(source):
        click.echo(say("record.waiting"), err=True)
        window = 1
    as_json = session.as_json(in_pipes=True)
    put = _answers_put(say, as_json)
    unseen = as_json or not is_terminal(sys.stdout)  # lines that run by are progress enough
    with session.open(reading=False) as ledger, progress(say("progress.record"), unseen) as tell:
        done = _bytes_read(source)
        for answered in record_lines(ledger.committer, lines_of(source), window):
            for each in answered:
                put(each, _said(say, each))
                counts[each.answer.outcome] += 1
                last = each.line
            sys.stdout.flush()
            tell(*done())
        if counts["fault"]:
            click.echo(say("record.stopped", line=last), err=True)
    if not as_json:
        click.echo(summary(say, counts))
    leave(FAULT if counts["fault"] else NO if any(counts[outcome] for outcome in BAD_ANSWERS) else 0)


def _said(say: Say, each: "Answered") -> dict[str, Any]:
    said = each.answer.as_dict(each.line, each.request, say.lang)
    if each.answer.defect:
        said |= {"code": "defect", "message": say("fault.defect", what=each.answer.fault, place=said["where"])}
    return said


def _answers_put(say: Say, as_json: bool) -> Callable[["Answered", dict[str, Any]], None]:
    """How an answer is shown; lines for programs are written without a flush each."""
    if as_json:
        return lambda _, said: put_line(said)
    return lambda each, said: put_answer(say, said, type(each.command).__name__ if each.command else None)


def _bytes_read(source: IO[bytes]) -> Callable[[], tuple[int, int]]:
    """How far a source is read, and how long it is; 0 where nobody can say."""
    try:
        size = os.fstat(source.fileno()).st_size
        if not source.seekable() or not size:
            return lambda: (0, 0)
    except (OSError, ValueError):
        return lambda: (0, 0)
    return lambda: (source.tell(), size)


@command("import", SOURCE)
def import_(session: Session, source: IO[bytes]) -> None:
    from ledger.commands.history import LONGEST, BadHistory
    from ledger.commands.importing import import_history
    from ledger.commands.lines import lines_of

    say, as_json = session.say, session.as_json(in_pipes=True)
    with session.open(reading=False) as ledger, progress(say("progress.import")) as tell:
        done = _bytes_read(source)
        lines = lines_of(source, LONGEST)
        try:
            found = import_history(ledger.bulk, ledger.mapper, ledger.clock, lines, lambda: tell(*done()))
        except BadHistory as bad:
            said = {"line": bad.line, "outcome": "malformed", "imported": 0, "code": bad.code}
            said |= {"message": bad.text(say.lang), "remedy": bad.remedy(say.lang), "where": bad.where}
            if as_json:
                put_line(said)
            else:
                click.echo(say("import.refused", line=bad.line, where=bad.where, text=f"{bad.code}: {said['message']}"))
                click.echo(say("record.remedy", remedy=said["remedy"]))
            leave(NO)
            return
    last = found.first_position + found.facts - 1
    root = found.head.root.hex()
    if as_json:
        put_json(
            {"imported": found.facts, "first_position": found.first_position if found.facts else None,
             "position": found.head.position, "size": found.head.size, "root": root}
        )  # fmt: skip
    elif not found.facts:
        click.echo(say("import.empty"))
    else:
        size = found.head.size
        click.echo(say("import.done", facts=found.facts, first=found.first_position, last=last, size=size, root=root))
