"""This file holds `simulate` and `report`: a world let loose on a ledger, and a year's figures beside its own."""

import time
from pathlib import Path
from random import Random  # noqa: TID251 - seeded: the same questions every time
from typing import TYPE_CHECKING, Any

import click

from ledger.cli.asking import caught_up, component_names
from ledger.cli.door import Session, command, leave, option, wrong_usage
from ledger.cli.faults import FAULT, NO
from ledger.cli.instants import known_at_option, must_not_be_ahead
from ledger.screen.console import progress, put_json
from ledger.screen.drilled import put_troubles
from ledger.screen.simulated import put_checked, put_report, put_scenarios, put_simulated

if TYPE_CHECKING:
    from ledger.simulation import Ran
    from ledger.simulator.scenario import ScenarioFile
    from ledger.simulator.world import Checked, World
    from ledger.wiring import Ledger

SURPRISES = 20
"""Shown at most, of commands that came to something else than the world knew."""


@command(
    "simulate",
    click.Argument(["scenario"], required=False, metavar="[SCENARIO]"),
    option("--seed", type=click.IntRange(0), default=1, show_default=True, metavar="N"),
    option("--days", type=click.IntRange(1), metavar="N", words="sim_days"),
    option("--check/--no-check", default=True),
)
def simulate(session: Session, scenario: str | None, seed: int, days: int | None, check: bool) -> None:
    if scenario is None:
        _list(session)
        return
    from ledger.simulation import open_for
    from ledger.simulator.apart import living
    from ledger.simulator.trouble.world import TroubleWorld

    say, file = session.say, _scenario(session, scenario)
    with living(file, seed, days) as world, open_for(session.settings, world) as ledger:
        began = time.monotonic()
        ran = _run(session, ledger, world)
        seconds = time.monotonic() - began
        checked = _checked(session, ledger, world, seed) if check and not ran.outcomes["fault"] else None
        said = _said(ledger, world, days, ran, seconds) | {"checked": None if checked is None else checked.told()}
        said["faults"] = dict(sorted(world.faults.items())) if isinstance(world, TroubleWorld) else None
    if session.as_json(in_pipes=True):
        put_json(said)
    else:
        put_simulated(say, said)
        if said["faults"]:
            put_troubles(say, said["faults"])
        put_checked(say, said["checked"])
    well = not ran.surprises and (checked is None or checked.good)
    leave(FAULT if ran.outcomes["fault"] else 0 if well else NO)


def _list(session: Session) -> None:
    from ledger.simulator.scenario import load_scenario, scenarios

    found = [load_scenario(name).scenario for name in scenarios()]
    if session.as_json(in_pipes=True):
        put_json([{"scenario": each.scenario, "year": each.year, "names": vars(each.names)} for each in found])
    else:
        put_scenarios(session.say, found)


def _scenario(session: Session, name: str) -> "ScenarioFile":
    from ledger.simulator.scenario import NoScenario, load_scenario, scenarios

    try:
        return load_scenario(name)
    except NoScenario:
        text = session.say("simulate.unknown", name=name, known=", ".join(scenarios()))
        raise wrong_usage(session, text) from None


def _run(session: Session, ledger: "Ledger", world: "World") -> "Ran":
    """Send the windows; the views follow in a second process, and are brought to the end."""
    from ledger.following import views_followed
    from ledger.simulation import run

    span = world.span
    with progress(session.say("progress.simulate")) as tell, views_followed(ledger) as wake:

        def after(window: Any) -> None:
            wake()
            tell(window.now - span.begin, span.end - span.begin)

        ran = run(ledger, world, after)
    caught_up(ledger, session.say, True)
    return ran


def _checked(session: Session, ledger: "Ledger", world: "World", seed: int) -> "Checked":
    from ledger.simulation import LedgerAnswers

    with progress(session.say("progress.check")):
        return world.check(LedgerAnswers(ledger), Random(f"{world.scenario}/{seed}/questions"))


def _said(ledger: "Ledger", world: "World", days: int | None, ran: "Ran", seconds: float) -> dict[str, Any]:
    head = ledger.store.head()
    return {
        "scenario": world.scenario,
        "seed": world.seed,
        "days": days,
        "ledger": ledger.store.ledger_id(),
        "path": str(Path(ledger.settings.ledger)) if "://" not in ledger.settings.ledger else None,
        "windows": ran.windows,
        "held": ran.held,
        "commands": ran.commands,
        "outcomes": dict(sorted(ran.outcomes.items())),
        "surprises": [
            {"request": each.command["request"], "command": each.command["command"], "expected": each.expected,
             "outcome": each.outcome, "why": each.why}
            for each in ran.surprises[:SURPRISES]
        ],
        "facts": head.size,
        "position": head.position,
        "root": head.root.hex(),
        "seconds": round(seconds, 3),
    }  # fmt: skip


@command(
    "report",
    option("--year", type=click.IntRange(1900, 2999), required=True, metavar="Y"),
    option("--scenario", metavar="NAME"),
    option("--facility", words="report_facility"),
    known_at_option(),
)
def report(session: Session, year: int, scenario: str | None, facility: str | None, known_at: Any) -> None:
    from ledger.simulator.figures import compared, named_by
    from projections.queries.report import report as reported

    say = session.say
    file = None if scenario is None else _scenario(session, scenario)
    with session.open() as ledger:
        must_not_be_ahead(session, ledger, known_at)
        caught_up(ledger, say, True)
        asked = {} if file is None else named_by(file.scenario)
        with progress(say("progress.report")) as tell:
            answer = reported(
                ledger.views,
                year,
                ledger.now(),
                known_at,
                facility=facility,
                progress=tell,
                **asked,
            )
        figures = None if file is None else compared(file.scenario, answer)
        answer["scenario"] = None if file is None else {"scenario": file.scenario.scenario, "figures": figures}
        if session.as_json(in_pipes=True):
            put_json(answer)
        else:
            put_report(say, answer, component_names(ledger, say))
