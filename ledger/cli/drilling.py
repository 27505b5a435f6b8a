"""This file holds `drill`: recalls in worlds full of trouble, held against where the blood physically went."""

import click

from ledger.cli.door import Session, command, leave, option
from ledger.cli.faults import NO
from ledger.screen.console import progress, put_json
from ledger.screen.drilled import put_drilled

SEEDS = 20


@command(
    "drill",
    option("--seeds", type=click.IntRange(min=1), default=SEEDS, show_default=True),
    option("--first", type=click.IntRange(min=0), default=0, metavar="SEED", words="first_seed"),
)
def drill(session: Session, seeds: int, first: int) -> None:
    from ledger.drill import drill as drilled  # only who drills pays for loading a world

    say = session.say
    with progress(say("progress.drill")) as tell:
        answer = drilled(first, seeds, tell).as_dict()
    if session.as_json(in_pipes=True):
        put_json(answer)
    else:
        put_drilled(say, answer)
    leave(0 if answer["ok"] else NO)
