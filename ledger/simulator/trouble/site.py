"""This file holds the site's data as this world reads it: from the example catalogue's files, by its own reading."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

LOCAL = timezone(timedelta(hours=8))
"""The clock of whoever sends these commands."""
CATALOGUE = Path(__file__).parents[2] / "catalogue" / "example"
MINUTE = timedelta(minutes=1)


@cache
def site(section: str) -> list[dict[str, Any]]:
    """One section of the example catalogue, as its files say it."""
    found: list[dict[str, Any]] = []
    for path in sorted(CATALOGUE.glob("*.yaml")):
        found += YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8")).get(section, [])
    return found


@cache
def product(component: str | None) -> dict[str, Any]:
    return next((each for each in site("products") if each["component"] == component), {})


def within_range(component: str | None, celsius: Decimal) -> bool:
    """Whether the storage rule allows a temperature; without a rule nothing is allowed."""
    storage = product(component).get("storage")
    if not storage:
        return False
    low, high = storage[0].get("celsius_min"), storage[0].get("celsius_max")
    return (low is None or celsius >= low) and (high is None or celsius <= high)


def lasting(component: str | None, process: str, solution: str | None, start: datetime) -> datetime | None:
    """Until when something lasts that begins to age at `start`, by the narrowest shelf life that fits."""
    fitting = []
    for life in product(component).get("shelf_lives", []):
        processes, solutions = life.get("processes", []), life.get("solutions", [])
        if (processes and process not in processes) or (solutions and solution not in solutions):
            continue
        days = life.get("days", 0) + life.get("hours", 0) / 24
        fitting.append((-(2 * bool(processes) + bool(solutions)), life.get("years", 0) * 366 + days, life))
    if not fitting:
        return None
    life = min(fitting, key=lambda each: each[:2])[2]
    local = start.astimezone(LOCAL)
    end = local.replace(year=local.year + life.get("years", 0))
    end += timedelta(days=life.get("days", 0), hours=life.get("hours", 0))
    return end.replace(second=0, microsecond=0).astimezone(UTC)


@cache
def rule_of(process: str) -> dict[str, Any]:
    return next((each for each in site("processes") if each["process"] == process), {})
