"""This file holds the trace: what the ledger says about a bag, donation, donor, patient or lot, both ways."""

import json
from typing import Any

from projections.decode import Fact, Unreadable, decimal_text, decode_stored, instant_text, plain_body
from projections.queries.lineage import edges_among, incomplete_bags, with_ancestors, with_descendants
from projections.queries.subjects import NotFound, Start, start_of
from projections.readmodels.database import Reading, Views
from projections.readmodels.standing import is_correction, standing

__all__ = ["NotFound", "trace"]

Answer = dict[str, Any]

BAGS = """SELECT bag, component, thousandths, measure, status, fate, expires_at, facility, place, abo, rhd,
    kind, consignee, holds, nonconformities, version FROM {each} JOIN bags ON bag = each.value"""
FACTS = """SELECT position, stream, version, name, recorded_at, state
    FROM {each} JOIN life ON stream = each.value ORDER BY position"""


def trace(views: Views, subject: str, facts: bool = True) -> Answer:
    """What became of a subject, as of the position the answer names.

    Shape: a bag with its ancestors and descendants; a DIN, donor (`donor:P`) or lot (`lot:ID`, `lot:KIND:ID`)
    with its bags and their descendants; a patient (`patient:P`) with the bags crossmatched, issued or given
    and their ancestors. `facts=False` leaves the facts out.
    Errors: BadScan when the subject reads as neither; NotFound when nothing is known of it.
    """
    with views.reading() as read:
        start = start_of(read, subject)
        bags = set(start.bags)
        down = with_descendants(read, bags) if start.down else bags
        up = with_ancestors(read, bags) if start.up else bags
        reached = down | up
        answer: Answer = {
            "subject": subject,
            "ledger": read.ledger,
            "position": read.position,
            "bags": _bags(read, reached),
            "edges": [
                dict(zip(("parent", "child", "process", "position"), row, strict=True))
                for row in edges_among(read, reached)
            ],
        }
        if start.single:
            answer["ancestors"] = sorted(up - bags)
            answer["descendants"] = sorted(down - bags)
        streams = _streams(start, reached)
        answer["parked"] = _parked(read, streams)
        answer["facts"] = _facts(read, streams) if facts else []
        return answer


def _streams(start: Start, bags: set[str]) -> list[str]:
    """Streams whose facts belong to the answer: the bags', their donations', the person's own."""
    return sorted({*bags, *(bag[:13] for bag in bags), *start.streams})


def _bags(read: Reading, bags: set[str]) -> list[Answer]:
    rows = {row[0]: row for row in read.rows(BAGS, [read.each(sorted(bags))])}
    incomplete = incomplete_bags(read)
    found = []
    for bag in sorted(bags):
        # One known by an edge alone has no row: nothing says what it is.
        row = rows.get(bag) or (bag, *[None] * 12, "[]", "[]", 0)
        unsure = bag in incomplete or bag not in rows
        found.append(_bag(row, "incomplete" if unsure else row[4]))
    return found


def _bag(row: tuple[Any, ...], status: str) -> Answer:
    (bag, component, amount, measure, _, fate, expires_at, facility, place, abo, rhd, kind, consignee,
     holds, nonconformities, version) = row  # fmt: skip
    return {
        "bag": bag,
        "component": component,
        "quantity": None if amount is None else decimal_text(amount),
        "measure": measure,
        "group": abo,
        "rhd": rhd,
        "status": status,
        "fate": fate,
        "expires_at": None if expires_at is None else instant_text(expires_at),
        "facility": facility,
        "place": place,
        "kind": kind,
        "consignee": consignee,
        "holds": json.loads(holds),
        "nonconformities": json.loads(nonconformities),
        "version": version,
    }


def _parked(read: Reading, streams: list[str]) -> list[Answer]:
    """Facts of these streams that could not be read or never came, with the reason."""
    sql = """SELECT parked.stream, parked.version, parked.position, parked.reason
        FROM {each} JOIN parked ON parked.stream = each.value ORDER BY parked.position, parked.version"""
    keys = ("stream", "version", "position", "reason")
    return [dict(zip(keys, row, strict=True)) for row in read.rows(sql, [read.each(streams)])]


def _facts(read: Reading, streams: list[str]) -> list[Answer]:
    decoded = [decode_stored(*row) for row in read.rows(FACTS, [read.each(streams)])]
    corrected = _corrected([each for each in decoded if isinstance(each, Fact)])
    return [_fact(each, corrected.get((each.stream, each.version))) for each in decoded]


def _corrected(facts: list[Fact]) -> dict[tuple[str, int], str]:
    """What became of the facts that a correction touched: annulled or amended."""
    found: dict[tuple[str, int], str] = {}
    for stream in {fact.stream for fact in facts if is_correction(fact.name)}:
        stands = standing([fact for fact in facts if fact.stream == stream])
        found.update({(stream, version): "amended" for version in stands.amended})
        found.update({(stream, version): "annulled" for version in stands.annulled})
    return found


def _fact(each: Fact | Unreadable, corrected: str | None) -> Answer:
    said: Answer = {
        "position": each.position,
        "stream": each.stream,
        "version": each.version,
        "name": each.wire,
        "happened_at": None,
        "recorded_at": instant_text(each.recorded_at),
        "by": None,
        "sender": None,
        "request": None,
        "reported": None,
        "caused_by": None,
        "corrected": corrected,
        "fact": None,
    }
    if isinstance(each, Unreadable):
        return said
    occasion = each.body["occasion"]
    said |= {name: occasion[name] for name in ("by", "sender", "request", "reported")}
    return said | {
        "happened_at": instant_text(each.happened_at),
        "caused_by": each.body["caused_by"],
        "fact": plain_body(each),
    }
