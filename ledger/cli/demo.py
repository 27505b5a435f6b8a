"""This file holds `demo`: a real label and a real week of donations in a new ledger, traced both ways."""

import json
import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli.asking import caught_up, component_names
from ledger.cli.door import Session, command, leave
from ledger.cli.faults import NO
from ledger.screen.console import progress
from ledger.screen.proof import put_verified
from ledger.screen.stock import put_stock
from ledger.screen.trace import put_trace
from ledger.screen.words import Say
from ledger.simulator import published_week, real_label

if TYPE_CHECKING:
    from ledger.wiring import Ledger

FOLDER = "demo"
WINDOW = 256
AFTER_THE_WEEK = datetime(2006, 1, 9, tzinfo=UTC)
"""When stock and the week's bags are looked at: the day after."""
A_PATIENT = f"p-{published_week.published_rows()[0].facility}06000010"
"""The first patient of the week."""


@command("demo")
def demo(session: Session) -> None:
    say = session.say
    if session.ledger is None:
        session.ledger = _new_place()
    with session.open(reading=False) as ledger:
        click.echo(say("demo.where", path=ledger.settings.ledger))
        well = _label(ledger, say)
        well &= _week(ledger, say)
        well &= _proof(ledger, say)
        program = "bloodledger" if shutil.which("bloodledger") else sys.argv[0]
        click.echo(
            say("demo.next", program=program, path=ledger.settings.ledger, bag=real_label.BAG, patient=A_PATIENT)
        )
    leave(0 if well else NO)


def _new_place() -> str:
    """A ledger of this demonstration's own: an earlier one stays as it is."""
    folder = Path(FOLDER)
    folder.mkdir(exist_ok=True)
    number = 1
    while (folder / f"{number}.db").exists():
        number += 1
    return str(folder / f"{number}.db")


def _label(ledger: "Ledger", say: Say) -> bool:
    """One bag, from the donor's arm to a patient, a month after it had expired."""
    click.echo("\n" + say("demo.label", scans="  ".join(real_label.SCANS), expiry=real_label.LABEL_EXPIRY))
    outcomes = _send(ledger, list(real_label.life_of_the_label()), say("progress.record"))
    click.echo(_sent(say, outcomes) + "\n")
    _put_trace(ledger, say, real_label.BAG)
    return set(outcomes) <= {"recorded", "repeated"}


def _week(ledger: "Ledger", say: Say) -> bool:
    """A week as published, and whether the ledger counts it as it was published."""
    rows = published_week.published_rows()
    donations = sum(sum(row.groups.values()) for row in rows)
    click.echo("\n" + say("demo.week", rows=len(rows), donations=donations))
    outcomes = _send(ledger, list(published_week.week_of_donations()), say("demo.sending"))
    click.echo(_sent(say, outcomes))
    caught_up(ledger, say, True)
    equal = _equal_rows(ledger, rows)
    click.echo(say("demo.equal", equal=equal, rows=len(rows)) + "\n")
    _put_trace(ledger, say, f"patient:{A_PATIENT}", life=False)
    click.echo()
    _put_trace(ledger, say, f"donor:d-{A_PATIENT[2:]}", life=False)
    click.echo()
    _put_stock(ledger, say)
    return equal == len(rows) and set(outcomes) <= {"recorded", "repeated"}


def _proof(ledger: "Ledger", say: Say) -> bool:
    click.echo()
    with progress(say("progress.verify")) as tell:
        answer = ledger.verify(None, tell)
    put_verified(say, answer)
    return bool(answer["ok"])


def _send(ledger: "Ledger", commands: list[dict[str, Any]], title: str) -> Counter[str]:
    """Through the public door: each command as a line of JSON, a window in one commit."""
    from ledger.commands.reading import read_command

    outcomes: Counter[str] = Counter()
    with progress(title) as tell:
        for window in _windows(commands):
            lines = [json.dumps(each).encode() for each in window]
            answers = ledger.committer.commit([read_command(line) for line in lines])
            outcomes.update(answer.outcome for answer in answers)
            tell(outcomes.total(), len(commands))
    return outcomes


def _windows(commands: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    rest = iter(commands)
    while window := list(islice(rest, WINDOW)):
        yield window


def _sent(say: Say, outcomes: Counter[str]) -> str:
    counted = ", ".join(f"{say(f'outcome.{outcome}')} {count}" for outcome, count in outcomes.items())
    return say("demo.sent", commands=outcomes.total(), outcomes=counted)


def _equal_rows(ledger: "Ledger", rows: list[published_week.Row]) -> int:
    """In how many of the published rows the ledger's counts equal the published ones, by group and by kind."""
    from projections.queries.donations import donations

    counts: Counter[tuple[str, str, str]] = Counter()
    for found in donations(ledger.views):
        for margin in ("group", "kind"):
            counts[found["facility"], found["day"], str(found[margin])] += found["donations"]
    return sum(
        all(counts[row.facility, row.day, name] == count for name, count in (row.groups | row.kinds).items())
        for row in rows
    )


def _put_trace(ledger: "Ledger", say: Say, subject: str, life: bool = True) -> None:
    from projections.queries.trace import trace

    caught_up(ledger, say, True)
    put_trace(say, trace(ledger.views, subject, AFTER_THE_WEEK), component_names(ledger, say), life)


def _put_stock(ledger: "Ledger", say: Say) -> None:
    from projections.queries.stock import stock

    facility = published_week.published_rows()[0].facility
    answer = stock(ledger.views, AFTER_THE_WEEK + timedelta(hours=-8), facility=facility)
    put_stock(say, answer, 7, component_names(ledger, say))
