"""This file holds what a measurement is: figures of several rounds, the goal they are held against, a line."""

from collections.abc import Callable, Sequence
from statistics import median
from typing import Any, NamedTuple


class Figures(NamedTuple):
    """One quantity, measured in several rounds.

    Shape: `unit` has "/s" where more is better; everything else is a time or a size, of which less is better.
    """

    what: str
    unit: str
    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        """What counts."""
        return median(self.rounds)

    @property
    def is_rate(self) -> bool:
        """Whether more is better."""
        return "/s" in self.unit

    def as_dict(self) -> dict[str, Any]:
        """In JSON types."""
        spread = {"median": self.median, "low": min(self.rounds), "high": max(self.rounds)}
        return {"what": self.what, "unit": self.unit, **spread, "rounds": len(self.rounds)}


class Goal(NamedTuple):
    """What is promised.

    Shape: `of` names what is held against `bound`: value, ratio, or growth (as many times as the yardstick).
    """

    text: str
    of: str
    is_met: Callable[[float], bool]
    bound: float


def at_least(bound: float, unit: str) -> Goal:
    return Goal(f"≥ {bound:,.0f} {unit}", "value", lambda found: found >= bound, bound)


def below(bound: float, unit: str) -> Goal:
    return Goal(f"< {bound:g} {unit}", "value", lambda found: found < bound, bound)


def at_most(bound: float, unit: str) -> Goal:
    return Goal(f"≤ {bound:g} {unit}", "value", lambda found: found <= bound, bound)


def times(bound: float) -> Goal:
    """So many times as fast as the yardstick."""
    return Goal(f"≥ {bound:g} ×", "ratio", lambda found: found >= bound, bound)


def grows_at_most(bound: float) -> Goal:
    """At most so many times the yardstick, which is ours at the smallest size."""
    return Goal(f"≤ {bound:g} × smallest", "growth", lambda found: found <= bound, bound)


def costs_at_most(bound: float) -> Goal:
    """At most so many times what the yardstick costs."""
    return Goal(f"≤ {bound:g} ×", "growth", lambda found: found <= bound, bound)


class Line(NamedTuple):
    """One line of the table.

    Shape: `why_no_yardstick` says why there is none; `not_built` why there is nothing to measure yet; `skipped` what is
    missing on this machine; `at` the sizes (batch, facts, callers) and sync modes by name.
    """

    row: str
    what: str
    ours: Figures | None
    yardstick: Figures | None = None
    goal: Goal | None = None
    at: dict[str, Any] = {}
    note: str = ""
    why_no_yardstick: str = ""
    not_built: str = ""
    failed: str = ""
    skipped: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times as fast as the yardstick; of a growth, how many times as much."""
        if self.ours is None or self.yardstick is None:
            return None
        straight = self.ours.is_rate or (self.goal is not None and self.goal.of == "growth")
        over, under = (self.ours, self.yardstick) if straight else (self.yardstick, self.ours)
        return over.median / under.median if under.median else None

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None where there is none, or nothing was measured."""
        if self.goal is None or self.ours is None:
            return None
        found = self.ours.median if self.goal.of == "value" else self.ratio
        return None if found is None else self.goal.is_met(found)

    @property
    def verdict(self) -> str:
        """met, missed, failed, not built, skipped, or – where nothing is promised."""
        if self.failed or self.not_built or self.skipped:
            return "failed" if self.failed else "not built" if self.not_built else "skipped"
        return {True: "met", False: "missed", None: "–"}[self.met]

    def as_dict(self) -> dict[str, Any]:
        """In JSON types; every key is always there."""
        return {
            "row": self.row,
            "what": self.what,
            "ours": self.ours.as_dict() if self.ours else None,
            "yardstick": self.yardstick.as_dict() if self.yardstick else None,
            "why_no_yardstick": self.why_no_yardstick or None,
            "ratio": self.ratio,
            "goal": self.goal.text if self.goal else None,
            "met": self.met,
            "verdict": self.verdict,
            "at": self.at,
            "note": self.note or None,
            "not_built": self.not_built or None,
            "failed": self.failed or None,
            "skipped": self.skipped or None,
        }


def alternating(rounds: int, *measures: Callable[[], float]) -> list[tuple[float, ...]]:
    """A B A B …: each measure's figures, so that what else the machine does meets all of them alike."""
    found: list[list[float]] = [[] for _ in measures]
    for _ in range(rounds):
        for figures, measure in zip(found, measures, strict=True):
            figures.append(measure())
    return [tuple(each) for each in found]


def percentile(values: Sequence[float], part: float) -> float:
    """The value below which this part of all values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]
