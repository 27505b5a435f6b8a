"""This file holds which bags a question is about: a subject's, or those in stock."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from projections.queries.lineage import incomplete_bags, with_descendants
from projections.queries.stock import NOW, held_then
from projections.queries.subjects import ALWAYS, Window, start_of
from projections.readmodels.bags import LASTING
from projections.readmodels.database import Reading

PATIENT = "patient:"


class About(NamedTuple):
    """The bags a question is about, sorted; `patients`: the pseudonyms of the patient asked about, else none."""

    bags: list[str]
    patients: frozenset[str]

    def concerns(self, patient: str | None) -> bool:
        """Whether what was done for this patient was asked about."""
        return not self.patients or patient in self.patients


def about(read: Reading, subject: str, window: Window = ALWAYS) -> About:
    """One bag is asked about alone; anything else with all that was made from its bags; a patient with bags for them.

    Errors: BadScan, NotFound.
    """
    start = start_of(read, subject, window)
    bags = with_descendants(read, start.bags) if start.down and not start.single else start.bags
    people = (stream.removeprefix(PATIENT) for stream in start.streams if stream.startswith(PATIENT))
    return About(sorted(bags), frozenset(people))


def incomplete(read: Reading, bags: Iterable[str]) -> int:
    """How many of these bags have a fact that could not be read, their own or one they rest on: an answer is unsure."""
    return len(incomplete_bags(read) & set(bags))


def in_stock(read: Reading) -> tuple[str, list[Any]]:
    """The rows (of `spells`) of all bags that are stock at the position asked about: what follows FROM, its parameters.

    Both ways go through an index that holds stock alone, however many bags have ended.
    """
    if read.latest:
        return f"{NOW} AND span = {LASTING} AND final = 0", []
    sql, values = held_then(read)
    return f"{sql} AND final = 0", values
