"""This file holds the question whether a bag was in date when transfused, by the rule in force when it was made."""

from collections.abc import Iterable, Iterator
from typing import Any

from projections.decode import Fact, instant_text
from projections.queries.about import About, about, incomplete
from projections.queries.asking import Asking, Said
from projections.queries.bags import LAST_MINUTE
from projections.queries.custody import told_of
from projections.queries.facts import facts_of
from projections.readmodels.bag_fold import folded
from projections.readmodels.bag_state import BagFold
from projections.readmodels.standing import in_business_order, standing

Modification = tuple[str, int]
"""Method, and when."""
MINUTE = 60_000_000
"""Unit: microseconds."""


def in_date_when_transfused(asking: Asking, subject: str) -> Said:
    """For each transfusion of the subject's bags (of a patient: those given to them), whether the bag was in date.

    Shape: summary {transfused, in_date, expired, unknown} counts rows, {incomplete} bags; a row for each transfusion,
    by time: {bag, component, patient, transfused_at, presumed, expires_at, expiry_rule, rule_expires_at,
    label_expires_at, modified_expires_at, in_date, late_by_minutes, position, version}. `expires_at` is the earliest of
    what the rule, the label and modifications until then say; `expiry_rule` is the rule in force when the bag was made,
    as the fact that tells of its making names it. `in_date` is null when no expiry is known. An expiry's last minute is
    good to its end; `late_by_minutes` counts from the expiry as printed. Asking at another time (`--at`) changes
    nothing.
    Errors: BadScan, NotFound.
    """
    subjects = about(asking.read, subject)
    rows = sorted(_rows(asking, subjects), key=lambda row: (row["transfused_at"], row["bag"], row["position"]))
    said = [row["in_date"] for row in rows]
    counts = {"in_date": said.count(True), "expired": said.count(False), "unknown": said.count(None)}
    unsure = incomplete(asking.read, subjects.bags)
    return Said({"transfused": len(rows), **counts, "incomplete": unsure}, rows)


def _rows(asking: Asking, subjects: About) -> Iterator[dict[str, Any]]:
    transfused = told_of(asking.read, subjects.bags, ("bag.transfused",))
    for facts in facts_of(asking.read, transfused).values():
        read_now = standing(facts)
        stands = read_now.facts
        given = [fact for fact in stands if fact.name == "bag.transfused" and subjects.concerns(fact.body["patient"])]
        if given:
            bag = folded(stands, 0, 0)
            rule = next((fact.body["expiry_rule"] for fact in stands if fact.version == bag.origin_version), None)
            undone = _undone([fact for fact in facts if fact.version in read_now.annulled], stands)
            shorter = [(fact.happened_at, at) for fact in stands for at in _modified_expiries(fact, undone)]
            for _, fact in in_business_order(given):
                until = min((at for done, at in shorter if done <= fact.happened_at), default=None)
                yield _row(fact, bag, rule, until)


def _undone(annulled: Iterable[Fact], stands: Iterable[Fact]) -> set[Modification]:
    """Modifications that were taken back: what was told again of them, when more was known, means nothing any more."""
    return _modifications(annulled) - _modifications(stands)


def _modifications(facts: Iterable[Fact]) -> set[Modification]:
    modified = (fact for fact in facts if fact.name == "bag.modified" and fact.body["caused_by"] is None)
    return {(fact.body["method"], fact.happened_at) for fact in modified}


def _modified_expiries(fact: Fact, undone: set[Modification]) -> list[int]:
    if fact.name != "bag.modified" or (fact.body["method"], fact.happened_at) in undone:
        return []
    return [at for at in (fact.body["rule_expires_at"], fact.body["label_expires_at"]) if at is not None]


def _row(fact: Fact, bag: BagFold, rule: str | None, modified: int | None) -> dict[str, Any]:
    known = [at for at in (bag.rule_expires_at, bag.label_expires_at, modified) if at is not None]
    expires_at = min(known, default=None)
    late = expires_at is not None and fact.happened_at >= expires_at + LAST_MINUTE
    return {
        "bag": fact.stream,
        "component": bag.component,
        "patient": fact.body["patient"],
        "transfused_at": instant_text(fact.happened_at),
        "presumed": fact.body["presumed"],
        "expires_at": _text(expires_at),
        "expiry_rule": rule,
        "rule_expires_at": _text(bag.rule_expires_at),
        "label_expires_at": _text(bag.label_expires_at),
        "modified_expires_at": _text(modified),
        "in_date": None if expires_at is None else not late,
        "late_by_minutes": (fact.happened_at - expires_at) // MINUTE if late and expires_at is not None else None,
        "position": fact.position,
        "version": fact.version,
    }


def _text(instant: int | None) -> str | None:
    return None if instant is None else instant_text(instant)
