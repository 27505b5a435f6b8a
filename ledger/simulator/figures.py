"""This file holds a scenario's figures beside a report's: what the file says, what the facts say, and by whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from ledger.simulator.scenario import FLOWS_IN, FLOWS_OUT, OURS, Figure, Scenario

Row = dict[str, Any]


def named_by(scenario: Scenario) -> dict[str, Any]:
    """What a report must be asked for so that everything the scenario speaks of is in it."""
    return {
        "sessions": [session.name for giving in scenario.donations for session in giving.sessions],
        "patients": [need.patient for need in scenario.needs],
    }


def compared(scenario: Scenario, report: Mapping[str, Any]) -> list[Row]:
    """Each of the scenario's figures beside that of the facts.

    Shape: {what, of, measure, facts, scenario, equal, source, year}: `what` donations, quantity, one of the flows,
    published, shipments, or supplied_to; `of` the kind, component, session, patient or title; `source` as the file
    calls it, with its `year`, null where the figure is the project's own.
    """
    return [_row(scenario, *figure) for figure in _figures(scenario, report)]


def _row(scenario: Scenario, what: str, of: str, measure: str, figure: Figure, found: str) -> Row:
    source = scenario.sources.get(figure.source)
    return {
        "what": what,
        "of": of,
        "measure": measure,
        "facts": found,
        "scenario": f"{figure.amount.normalize():f}",
        "equal": Decimal(found) == figure.amount,
        "source": None if figure.source == OURS else figure.source,
        "year": None if source is None else source.year,
    }


Told = tuple[str, str, str, Figure, str]


def _figures(scenario: Scenario, report: Mapping[str, Any]) -> Iterator[Told]:
    given = {row["kind"]: row for row in report["donations"]}
    for giving in scenario.donations:
        row = given.get(giving.kind, {"donations": 0, "quantity": "0", "measure": "U"})
        yield "donations", giving.kind, "donations", giving.donations, str(row["donations"])
        yield "quantity", giving.kind, row["measure"], giving.quantity, row["quantity"]
    sessions = {row["session"]: row for row in report["sessions"]}
    for giving in scenario.donations:
        for session in giving.sessions:
            row = sessions.get(session.name, {"donations": 0, "quantity": "0", "measure": "U"})
            yield "donations", session.name, "donations", session.donations, str(row["donations"])
            yield "quantity", session.name, row["measure"], session.quantity, row["quantity"]
    yield from _of_components(scenario, report)
    yield from _of_needs(scenario, report)
    if scenario.transfers is not None:
        shipments = str(report["shipments"]["shipments"])
        yield "shipments", scenario.transfers.component, "shipments", scenario.transfers.shipments, shipments


def _of_components(scenario: Scenario, report: Mapping[str, Any]) -> Iterator[Told]:
    found = {row["component"]: row for row in report["components"]}
    for component in scenario.components:
        row = found.get(component.component, {})
        for flow in (*FLOWS_IN, *FLOWS_OUT):
            yield flow, component.component, component.measure, getattr(component, flow), row.get(flow, "0")
    for published in scenario.published:
        together = sum(
            (Decimal(found.get(name, {}).get("supplied", "0")) for name in published.supplied_of), Decimal(0)
        )
        measure = scenario.component(published.supplied_of[0]).measure
        yield "published", published.names.en, measure, published.figure, f"{together.normalize():f}"


def _of_needs(scenario: Scenario, report: Mapping[str, Any]) -> Iterator[Told]:
    given = {(row["patient"], row["component"]): row["quantity"] for row in report["patients"]}
    for need in scenario.needs:
        for name, figure in need.amounts.items():
            measure = scenario.component(name).measure
            yield "supplied_to", f"{need.patient} {name}", measure, figure, given.get((need.patient, name), "0")
