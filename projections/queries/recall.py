"""This file holds the recall: every bag a subject reaches, where it is, who had it and what became of it."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from projections.decode import Fact, instant_text
from projections.queries.asking import Answer, Asking, Said, asking
from projections.queries.bags import BagRow, bags_at
from projections.queries.custody import HANDED_ON, Holders, told_of
from projections.queries.lineage import with_descendants
from projections.queries.persons import persons
from projections.queries.subjects import ALWAYS, NotFound, Start, Window, start_of
from projections.readmodels.database import Reading, Views

COMPARED = ("component", "status", "fate", "where", "facility", "place", "consignee", "patient", "holds", "custody")
"""What of a bag is held against what was known before."""


def recall(asking: Asking, subject: str, window: Window = ALWAYS) -> Said:
    """Every bag reached from a donor, donation, bag, lot, device, operator, run or facility: its bags, and all made of
    them, through splits, pools and labels; not what those were made from.

    Shape: rows by bag {bag, component, directly, status, fate, where, located, facility, place, consignee, patient,
    holds, custody, position}: `where` the patient, the consignee, or the facility and place, null for a consumed bag,
    whose children are rows of their own; `located`: see is_located; `custody` who had it, in order {at, who, as,
    position}, `as` facility, consignee, ward, patient or presumed; `position` the last fact that handed it on, null
    when none did; `holds` how many are open. summary: bags, by_status, located, unlocated, facilities, consignees,
    patients (distinct, as in `custody`; merged pseudonyms are one).
    Errors: BadScan, NotFound.
    """
    reached = reached_by(asking.read, subject, window)
    return _said(asking, [reached.row(bag) for bag in sorted(reached.bags)])


def _said(asking: Asking, rows: list[dict[str, Any]]) -> Said:
    located = sum(row["located"] for row in rows)
    held = [each for row in rows for each in row["custody"]]
    summary = {
        "bags": len(rows),
        "by_status": dict(sorted(Counter(row["status"] for row in rows).items())),
        "located": located,
        "unlocated": len(rows) - located,
        "facilities": len(_named(held, "facility")),
        "consignees": len(_named(held, "consignee")),
        "patients": len(set(persons(asking.read, "patient", _named(held, "patient", "presumed")).values())),
    }
    return Said(summary, rows)


def _named(held: list[dict[str, Any]], *parts: str) -> set[str]:
    return {each["who"] for each in held if each["as"] in parts}


def recalled(
    views: Views, subject: str, at: datetime, window: Window = ALWAYS, known_at: datetime | None = None
) -> Answer:
    """The recall as an answer: under the head that every answer has, {question, name, subject, …, summary, rows}.

    Errors: BadScan, NotFound, NothingKnownYet.
    """
    with asking(views, at, known_at) as put:
        return _answer(put, subject, recall(put, subject, window))


# -- then and now ------------------------------------------------------------------------------------------


def recall_then_and_now(
    views: Views, subject: str, at: datetime, known_at: datetime, window: Window = ALWAYS
) -> Answer:
    """The recall as it would have been answered at a recorded time, as it is now, and the difference.

    Shape: {question, subject, then, now, difference: {added, gone, changed}}: `then` and `now` as `recalled`; `added`
    and `gone` bags; `changed` {bag, field, was, is} of the bags in both, by bag.
    A subject of which nothing was known then reached no bag then; one that corrections took away reaches none now.
    Errors: BadScan; NotFound when nothing is known of it either time; NothingKnownYet.
    """
    unknown: list[NotFound] = []
    answers: list[Answer] = []
    for known in (known_at, None):
        with asking(views, at, known) as put:
            try:
                said = recall(put, subject, window)
            except NotFound as nothing:
                unknown.append(nothing)
                said = _said(put, [])
            answers.append(_answer(put, subject, said))
    if len(unknown) == len(answers):
        raise unknown[-1]
    then, now = answers
    between = difference(then["rows"], now["rows"])
    return {"question": "recall", "subject": subject, "then": then, "now": now, "difference": between}


def _answer(put: Asking, subject: str, said: Said) -> Answer:
    head: Answer = {"question": "recall", "name": "recall", "subject": subject, **put.head()}
    return head | {"summary": said.summary, "rows": said.rows}


def difference(then: list[dict[str, Any]], now: list[dict[str, Any]]) -> Answer:
    """What two answers to one recall differ in."""
    old, new = ({row["bag"]: row for row in rows} for rows in (then, now))
    return {
        "added": sorted(new.keys() - old.keys()),
        "gone": sorted(old.keys() - new.keys()),
        "changed": [
            {"bag": bag, "field": field, "was": old[bag][field], "is": new[bag][field]}
            for bag in sorted(new.keys() & old.keys())
            for field in COMPARED
            if old[bag][field] != new[bag][field]
        ],
    }


# -- what is reached, and where it is ----------------------------------------------------------------------


def start_within(read: Reading, subject: str, window: Window) -> Start:
    """As start_of; a subject that is known, but of which nothing is within the window, starts from no bag."""
    try:
        return start_of(read, subject, window)
    except NotFound:
        if window == ALWAYS:
            raise
        return start_of(read, subject)._replace(bags=set(), streams=set())


class Reached(NamedTuple):
    """The bags reached. Shape: `directly` those the subject names itself; `handed` the facts that handed each on."""

    bags: dict[str, BagRow]
    directly: set[str]
    handed: dict[str, list[Fact]]

    def row(self, bag: str) -> dict[str, Any]:
        """A bag: where it is, who had it, what became of it."""
        row, handed = self.bags[bag], self.handed.get(bag, [])
        patients = Holders(handed).patients
        where = where_of(row, patients, any(_was_given(fact) for fact in handed))
        return {
            "bag": bag,
            "component": row.component,
            "directly": bag in self.directly,
            "status": row.status,
            "fate": row.fate,
            "where": where,
            "located": is_located(row, where),
            "facility": row.facility,
            "place": row.place,
            "consignee": row.consignee,
            "patient": ", ".join(patients) or None,
            "holds": len(row.holds),
            "custody": [each for fact in handed for each in _hands(fact)],
            "position": handed[-1].position if handed else None,
        }


def reached_by(read: Reading, subject: str, window: Window) -> Reached:
    """Set by set: the bags' rows say where each is, and of their facts only those that hand on are read."""
    directly = start_within(read, subject, window).bags
    bags = with_descendants(read, directly) if directly else set()
    return Reached(bags_at(read, bags), directly, told_of(read, bags, HANDED_ON))


def _was_given(fact: Fact) -> bool:
    return fact.name == "bag.transfused" and not fact.body["presumed"]


def where_of(row: BagRow, patients: tuple[str, ...], given: bool = False) -> str | None:
    """Where a bag is, or where it went last: the patient, the consignee, else the facility and the place there.

    `given`: it was transfused, whatever else is said of it, as a discarded bag may have been: then the patient counts.
    """
    if given:
        return ", ".join(patients)
    if row.status == "consumed":
        return None
    if patients and (row.status in ("transfused", "issued") or row.fate is None):
        return ", ".join(patients)
    if row.status == "distributed":
        return row.consignee
    return " ".join(part for part in (row.facility, row.place) if part) or None


def is_located(row: BagRow, where: str | None) -> bool:
    """Whether we can say where a bag is or what became of it; not of one that is missing or told of incompletely."""
    if row.status in ("missing", "incomplete"):
        return False
    return row.fate is not None or row.status == "consumed" or where is not None


def _hands(fact: Fact) -> Iterable[dict[str, Any]]:
    """Whose hands a fact tells of: whom it came from first, then whom it went to."""
    at = instant_text(fact.happened_at)
    for who, part in _TELLS[fact.name](fact.body):
        if who:
            yield {"at": at, "who": who, "as": part, "position": fact.position}


_TELLS: dict[str, Any] = {
    "bag.received": lambda said: [(said["sent_from"], "facility"), (said["facility"], "facility")],
    "bag.distributed": lambda said: [(said["sent_from"], "facility"), (said["to"], "consignee")],
    "bag.arrived": lambda said: [(said["at"], "facility")],
    "bag.issued": lambda said: [(said["facility"], "facility"), (said["to"], "ward"), (said["patient"], "patient")],
    "bag.returned": lambda said: [
        (said["sent_from"], "ward" if said["leg"] == "ward_to_bank" else "facility"),
        (said["facility"], "facility"),
    ],
    "bag.transfused": lambda said: [
        (said["hospital"], "facility"),
        (said["patient"], "presumed" if said["presumed"] else "patient"),
    ],
}
