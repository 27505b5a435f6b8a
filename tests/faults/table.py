"""This file holds how a run is shown: what was done to it, and what came of it."""

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from tests.faults.plan import KINDS
from tests.faults.rounds import Ran

WIDTH = 120


def put(ran: Ran, seed: int) -> None:
    """The table of a run, on standard output."""
    console = Console(highlight=False, emoji=False, markup=False)
    if not console.is_terminal:
        console = Console(highlight=False, emoji=False, markup=False, width=WIDTH)
    faults = Table("fault", "really injected", "met nobody", box=SIMPLE_HEAD)
    for kind in KINDS:
        count = ran.injected[kind.name]
        faults.add_row(kind.name, str(count), str(ran.missed[kind.name] or ""), style=None if count else "red")
    console.print(faults)
    came = Table(
        "rounds", "faults", "facts", "lost", "doubled", "reordered", "failed checks", "seconds", box=SIMPLE_HEAD
    )
    found = ran.found
    counts = (
        ran.rounds,
        ran.injected.total(),
        ran.facts,
        found.lost,
        found.doubled,
        found.reordered,
        len(found.failed),
    )
    came.add_row(*(f"{count:,}" for count in counts), f"{ran.seconds:.0f}", style="red" if found else "green")
    console.print(came)
    for line in found.failed:
        console.print(line)
    if never := ran.never():
        console.print(f"never happened: {', '.join(never)}")
    console.print(f"seed {seed}: the same seed plans the same faults")
