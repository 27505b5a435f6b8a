"""This file holds the question whether a bag was ever outside its temperature range, and for how long in all."""

from collections.abc import Iterable
from typing import Any

from projections.decode import Fact, decimal_text, instant_text, thousandths
from projections.queries.about import about, incomplete
from projections.queries.asking import Asking, Said
from projections.queries.bags import bags_at
from projections.queries.custody import told_of

BREACHES = ("bag.temperature_breached",)


def outside_range(asking: Asking, subject: str) -> Said:
    """Which of the subject's bags were ever outside their range, and their cumulative minutes.

    Shape: summary {bags, breached, minutes, outside_rule, incomplete}; a row for each bag with breaches: {bag,
    component, breaches, minutes, outside_rule, celsius_min, celsius_max, first_at, last_at, position}, by bag;
    `breaches`: each of them {bag, happened_at, recorded_at, celsius_min, celsius_max, minutes, within_rule, device, by,
    position, version}, by bag and time. `outside_rule` are the minutes in which the storage rule in force did not allow
    the temperature (or no rule was known); `position` in a row is that of the breach told last. Unit: minutes and
    degrees Celsius, as exact text. A breach told again once it was known what the bag holds counts once, as told last.
    Errors: BadScan, NotFound.
    """
    bags = about(asking.read, subject).bags
    found = {bag: _breaches(facts) for bag, facts in told_of(asking.read, bags, BREACHES).items()}
    told = {bag: breaches for bag, breaches in found.items() if breaches}
    rows = bags_at(asking.read, told)
    every = [breach for breaches in told.values() for breach in breaches]
    summary = {
        "bags": len(bags),
        "breached": len(told),
        "minutes": _minutes(every),
        "outside_rule": _minutes(_outside(every)),
        "incomplete": incomplete(asking.read, bags),
    }
    shown = [_row(bag, rows[bag].component, told[bag]) for bag in sorted(told)]
    return Said(summary, shown, {"breaches": [_breach(each) for bag in sorted(told) for each in told[bag]]})


def _breaches(facts: list[Fact]) -> list[Fact]:
    """Each reading once, as first told, or as judged last: what is told again follows from another fact.

    Told again, a reading still rests on who took it: where that was taken back or amended, nothing is left of it.
    """
    by_version = sorted(facts, key=lambda fact: fact.version)
    taken = {_reading(fact): fact for fact in reversed(by_version) if fact.body["caused_by"] is None}
    judged = {_reading(fact): fact for fact in by_version if fact.body["caused_by"] is not None}
    told = {reading: judged.get(reading, fact) for reading, fact in taken.items()}
    return sorted(told.values(), key=lambda fact: (fact.happened_at, fact.position))


def _reading(fact: Fact) -> tuple[Any, ...]:
    body = fact.body
    return fact.happened_at, body["celsius_min"], body["celsius_max"], body["minutes"], body["device"]


def _outside(breaches: Iterable[Fact]) -> list[Fact]:
    return [breach for breach in breaches if not breach.body["within_rule"]]


def _minutes(breaches: Iterable[Fact]) -> str:
    return decimal_text(sum(thousandths(breach.body["minutes"]) for breach in breaches))


def _row(bag: str, component: str | None, breaches: list[Fact]) -> dict[str, Any]:
    return {
        "bag": bag,
        "component": component,
        "breaches": len(breaches),
        "minutes": _minutes(breaches),
        "outside_rule": _minutes(_outside(breaches)),
        "celsius_min": decimal_text(min(thousandths(each.body["celsius_min"]) for each in breaches)),
        "celsius_max": decimal_text(max(thousandths(each.body["celsius_max"]) for each in breaches)),
        "first_at": instant_text(breaches[0].happened_at),
        "last_at": instant_text(breaches[-1].happened_at),
        "position": max(each.position for each in breaches),
    }


def _breach(fact: Fact) -> dict[str, Any]:
    body = fact.body
    return {
        "bag": fact.stream,
        "happened_at": instant_text(fact.happened_at),
        "recorded_at": instant_text(fact.recorded_at),
        **{name: decimal_text(thousandths(body[name])) for name in ("celsius_min", "celsius_max", "minutes")},
        "within_rule": body["within_rule"],
        "device": body["device"],
        "by": body["occasion"]["by"],
        "position": fact.position,
        "version": fact.version,
    }
