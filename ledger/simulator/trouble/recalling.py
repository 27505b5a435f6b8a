"""This file holds one recall of the drill: what a ledger finds, held against where the blood physically went."""

from datetime import datetime, timedelta
from typing import NamedTuple

from ledger.simulator.trouble.opinion import Opinion
from ledger.simulator.trouble.sayings import EPOCH, Heard
from ledger.simulator.truth import Picture, Truth
from ledger.simulator.world import Answers


class Recalled(NamedTuple):
    """What a recall found.

    Shape: `bags` and `patients` how many there truly are, used bags included; `missed` and `extra` a line each, what
    the ledger did not say though it is so, and what it said though it is not: bags, who was given which, and which of
    those had expired.
    """

    subject: str
    known_at: datetime | None
    bags: int
    patients: int
    missed: list[str]
    extra: list[str]


class Recall:
    """A ledger's recalls as known at one time, and the truth as it had been told by then."""

    def __init__(
        self, heard: list[Heard], truth: Truth, answers: Answers, at: datetime, known_at: datetime | None
    ) -> None:
        self._answers, self._at, self._known_at = answers, at, known_at
        self._truth: Picture = truth
        if known_at is not None:
            self._truth = truth.known((known_at - EPOCH) // timedelta(microseconds=1))
        self._opinion = Opinion([each for each in heard if known_at is None or each.recorded_at <= known_at], at)

    def of(self, subject: str) -> Recalled:
        """Recall a donor, lot or device found bad."""
        bags = self._truth.reached(subject)
        given = {(bag, patient) for bag in bags for patient in self._truth.recipients(bag)}
        expired, perhaps = self._expired(subject)
        found = self._found(subject)
        truly = {*bags, *(_given(*each) for each in given), *expired}
        return Recalled(
            subject,
            self._known_at,
            len(bags),
            len({patient for _, patient in given}),
            sorted(truly - found),
            sorted(found - truly - perhaps),
        )

    def _found(self, subject: str) -> set[str]:
        """What the ledger says."""
        answer = self._answers.recall(subject, self._at, self._known_at)
        transfused = self._answers.ask("j", subject, self._at, self._known_at)
        found = {row["bag"] for row in (answer or {"rows": []})["rows"]}
        for row in (transfused or {"rows": []})["rows"]:
            if not row["presumed"]:
                found.add(_given(row["bag"], row["patient"]))
            if row["in_date"] is False:
                found.add(_expired(row["bag"], row["transfused_at"]))
        return found

    def _expired(self, subject: str) -> tuple[set[str], set[str]]:
        """What was given after it had expired; and what may have been, where the rules leave room."""
        sure: set[str] = set()
        perhaps: set[str] = set()
        for row in self._opinion.in_date(subject):
            if False in row["in_date"]:
                said = _expired(row["bag"], row["transfused_at"])
                (sure if len(row["in_date"]) == 1 else perhaps).add(said)
        return sure, perhaps


def _given(bag: str, patient: str) -> str:
    return f"{bag} in {patient}"


def _expired(bag: str, at: str) -> str:
    return f"{bag} expired when given at {at}"
