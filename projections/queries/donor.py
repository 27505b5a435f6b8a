"""This file holds question e: who received blood from this donor, since a day."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from projections.decode import Fact, instant_text
from projections.queries.asking import Asking, Said
from projections.queries.bags import BagRow, bags_at
from projections.queries.custody import Stay, amount_given, givings, named_by, stays_of
from projections.queries.facts import standing_of
from projections.queries.lineage import with_descendants
from projections.queries.origins import Origins, origins_of
from projections.queries.persons import names_of, persons
from projections.queries.recall import start_within
from projections.queries.subjects import Window
from projections.readmodels.database import Reading, is_donation


def recipients_of_donor(asking: Asking, subject: str, *, since: datetime | None = None) -> Said:
    """Who was given anything from the donations of a donor, under all pseudonyms, that were given since an instant.

    Shape: `subject` is donor:P or P. rows as given {patient, bag, component, donations, transfused_at, quantity,
    measure, hospital, presumed, position, version}: `donations` those of this donor through which the bag came. more:
    `unconfirmed` by bag {bag, component, status, patient, since, presumed, position, version}, bags issued to somebody
    with no confirmed fate, or only presumed given; `alerts` {patient, bag, alert, hold_cause, alerted_at, outcome,
    closed_at, position, version} of these patients about these bags, outcome null while open.
    summary: donations, bags (reached from them), recipients (merged pseudonyms are one; presumed ones count),
    unconfirmed, open_alerts.
    Errors: BadScan, NotFound.
    """
    read, donor = asking.read, subject.removeprefix("donor:")
    window = Window.between(since)
    start = start_within(read, f"donor:{donor}", window)
    dins = {stream for stream in start.streams if is_donation(stream)}
    reached = with_descendants(read, start.bags)
    rows, given, origins = bags_at(read, reached), givings(read, reached), origins_of(read, reached)
    received = [_row(giving, rows[giving.stream], origins, dins) for giving in given]
    unconfirmed = list(_unconfirmed(read, rows, given))
    patients = [row["patient"] for row in (*received, *unconfirmed)]
    alerts = alerts_of(read, patients, reached)
    summary = {
        "donations": len(dins),
        "bags": len(reached),
        "recipients": len(set(persons(read, "patient", (row["patient"] for row in received)).values())),
        "unconfirmed": len(unconfirmed),
        "open_alerts": sum(alert["outcome"] is None for alert in alerts),
    }
    return Said(summary, received, {"unconfirmed": unconfirmed, "alerts": alerts})


def _row(giving: Fact, row: BagRow, origins: Origins, dins: set[str]) -> dict[str, Any]:
    return {
        "patient": giving.body["patient"],
        "bag": giving.stream,
        "component": row.component,
        "donations": sorted(origins.behind(giving.stream) & dins),
        "transfused_at": instant_text(giving.happened_at),
        **amount_given(giving, row),
        "hospital": giving.body["hospital"],
        "presumed": giving.body["presumed"],
        **named_by(giving),
    }


def _unconfirmed(read: Reading, rows: dict[str, BagRow], given: list[Fact]) -> Iterable[dict[str, Any]]:
    """Bags whose row shows no fate; one with a fact that could not be read counts as well, since it may be out."""
    confirmed = {giving.stream for giving in given if not giving.body["presumed"]}
    presumed = {giving.stream for giving in given} - confirmed
    unsure = {bag for bag, row in rows.items() if row.fate is None and row.status in ("issued", "incomplete")}
    for bag, stay in sorted(stays_of(read, unsure | presumed).items()):
        if bag in presumed or (stay.put_by is not None and stay.put_by.name == "bag.issued"):
            yield _waiting(rows[bag], stay, bag in presumed)


def _waiting(row: BagRow, stay: Stay, presumed: bool) -> dict[str, Any]:
    return {
        "bag": row.bag,
        "component": row.component,
        "status": row.status,
        "patient": stay.patient,
        "since": stay.since,
        "presumed": presumed,
        **named_by(stay.put_by),
    }


def alerts_of(read: Reading, patients: Iterable[str | None], bags: set[str]) -> list[dict[str, Any]]:
    """Alerts on patients, under all their pseudonyms, about some bags; in the order in which they were raised."""
    known = {patient for each in patients if each for patient in each.split(", ")}
    found: list[dict[str, Any]] = []
    for facts in standing_of(read, (f"patient:{name}" for name in names_of(read, "patient", known))).values():
        raised = (fact for fact in facts if fact.name == "recipient.alerted" and fact.body["bag"] in bags)
        found += [_alert(fact, _closing(fact, facts)) for fact in raised]
    return sorted(found, key=lambda row: row["position"])


def _closing(raised: Fact, facts: Iterable[Fact]) -> Fact | None:
    """What closed an alert: the first closing heard after it, since the same alert may be raised again after that."""
    closings = (fact for fact in facts if fact.name == "recipient.alert_closed" and fact.version > raised.version)
    same = (fact for fact in closings if fact.body["alert"] == raised.body["alert"])
    return min(same, key=lambda fact: fact.version, default=None)


def _alert(raised: Fact, closed: Fact | None) -> dict[str, Any]:
    return {
        "patient": raised.stream.removeprefix("patient:"),
        "bag": raised.body["bag"],
        "alert": raised.body["alert"],
        "hold_cause": raised.body["hold_cause"],
        "alerted_at": instant_text(raised.happened_at),
        "outcome": closed.body["outcome"] if closed else None,
        "closed_at": instant_text(closed.happened_at) if closed else None,
        **named_by(raised),
    }
