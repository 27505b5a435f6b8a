"""This file holds the parts a bag's state is made of: breaks, holds, notices, causes of holds, attributes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

BLOCKED_BY_HOLD = frozenset({"pool", "split", "wash", "irradiate", "thaw", "deglycerolise", "redesignate"})
"""Processes a hold stops; the others make children that are born held."""

LAST_MINUTE = timedelta(minutes=1)
"""An expiry is printed to the minute, and that minute counts."""

MAY_BE_EXPIRED = frozenset({"relabel", "label", "redesignate"})
"""Processes whose input may be past its expiry."""


class Break(NamedTuple):
    """A rule that a fact broke: `about` is the fact's version (None: the bag as a whole)."""

    code: str
    about: int | None
    detail: str | None = None

    @property
    def name(self) -> str:
        return self.code if self.about is None else f"{self.code}@{self.about}"


@dataclass(slots=True)
class Hold:
    """One reason why a bag may not be used, with the business time it covers."""

    id: str
    cause: str
    scope_kind: str
    scope_id: str
    placed_at: datetime
    lifted_at: datetime | None = None

    @property
    def open(self) -> bool:
        return self.lifted_at is None


@dataclass(slots=True)
class Notice:
    """Somebody to be told about a hold."""

    id: str
    addressee_kind: str
    addressee: str
    hold: str
    cause: str
    outcome: str | None = None


class Cause(NamedTuple):
    """Something on the bag's own stream that places a hold on it."""

    cause: str
    version: int
    at: datetime


class Attribute(NamedTuple):
    """What a standing hold may match: a lot, device, operator, process or test run, with the time of use."""

    kind: str
    id: str
    at: datetime
