"""This file holds question a: the whole life of a bag, in order: who, when, where, on which document."""

from collections.abc import Iterable
from typing import Any

from projections.decode import Body, Fact, instant_text, plain_body
from projections.queries.asking import Asking, Said
from projections.queries.bags import bags_at
from projections.queries.facts import facts_of, unread
from projections.queries.lineage import under_all_names
from projections.queries.subjects import start_of
from projections.readmodels.database import Reading
from projections.readmodels.standing import Stands, in_business_order, standing


def life_of(asking: Asking, subject: str) -> Said:
    """Every fact of a subject's own streams and bags, in business order, as it reads at the position asked about.

    A bag's life is that of the container, under every name its labels gave it.
    Shape: rows {happened_at, recorded_at, name, stream, version, position, by, where, document, reported, caused_by,
    corrected, says}: `name` without its version; `where` in words (`A` is at A, `A → B` from A to B); `document` the
    sender and its request id; `caused_by` a fact as STREAM@VERSION; `corrected` null, amended or annulled: an annulled
    fact is told as it was stored and counts for nothing; `says` its own fields, sealed text as stored. Corrections are
    rows of their own. more: `unread` {stream, version, position, reason}, facts that could not be read or never came.
    Errors: BadScan, NotFound.
    """
    start = start_of(asking.read, subject)
    bags = under_all_names(asking.read, start.bags) if start.single else start.bags
    streams = bags | start.streams
    rows = told(asking.read, streams)
    missing = unread(asking.read, streams)
    summary: Body = {
        "facts": len(rows),
        "first_at": rows[0]["happened_at"] if rows else None,
        "last_at": rows[-1]["happened_at"] if rows else None,
        "corrected": sum(row["corrected"] is not None for row in rows),
        "unread": len(missing),
        "status": None,
        "fate": None,
    }
    if len(start.bags) == 1:
        (row,) = bags_at(asking.read, start.bags).values()
        summary |= {"status": row.status, "fate": row.fate}
    return Said(summary, rows, {"unread": missing})


def told(read: Reading, streams: Iterable[str]) -> list[dict[str, Any]]:
    """The facts of some streams as rows, in business order; those of one instant stream by stream, the older first."""
    lines = []
    for facts in facts_of(read, streams).values():
        stands = standing(facts)
        began: dict[int, int] = {}
        for place, (_, fact) in enumerate(in_business_order(_as_they_read(facts, stands))):
            first = began.setdefault(fact.happened_at, fact.position)
            lines.append(((fact.happened_at, first, fact.stream, place), _row(fact, stands)))
    return [row for _, row in sorted(lines, key=lambda line: line[0])]


def _as_they_read(facts: list[Fact], stands: Stands) -> list[Fact]:
    """Those that stand as amended, those that do not as stored."""
    now = {fact.version: fact for fact in stands.facts}
    return [now.get(fact.version, fact) for fact in facts]


def _row(fact: Fact, stands: Stands) -> dict[str, Any]:
    occasion, cause = fact.body["occasion"], fact.body["caused_by"]
    annulled, amended = fact.version in stands.annulled, fact.version in stands.amended
    return {
        "happened_at": instant_text(fact.happened_at),
        "recorded_at": instant_text(fact.recorded_at),
        "name": fact.name,
        "stream": fact.stream,
        "version": fact.version,
        "position": fact.position,
        "by": occasion["by"] or None,
        "where": where(fact.body),
        "document": f"{occasion['sender']} {occasion['request']}",
        "reported": occasion["reported"],
        "caused_by": None if cause is None else f"{cause['stream']}@{cause['version']}",
        "corrected": "annulled" if annulled else "amended" if amended else None,
        "says": plain_body(fact),
    }


def where(body: Body) -> str | None:
    """Where a fact happened, in words.

    Example:
        >>> where({"sent_from": "A9999", "to": "H0001"}), where({"facility": "A9999", "place": "F1"})
        ('A9999 → H0001', 'A9999 F1')
        >>> where({"facility": None}) is None
        True
    """
    at = next((body[field] for field in ("facility", "at", "hospital") if body.get(field)), None)
    here = " ".join(part for part in (at, body.get("place")) if part)
    came, to = body.get("sent_from"), body.get("to")
    legs = [came or here, to] if to else [came, here] if came else [here]
    return " → ".join(leg for leg in legs if leg) or None
