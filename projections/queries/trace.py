"""This file holds the trace: what the ledger says about a bag, donation, donor, patient or lot, both ways."""

from datetime import datetime

from projections.decode import Fact, Unreadable, instant_text, micros_of, plain_body
from projections.queries.asking import Answer, Asking, asking
from projections.queries.bags import bags_at
from projections.queries.facts import unread
from projections.queries.lineage import Reached, ancestors, cycles_of, descendants, edges_among
from projections.queries.subjects import ALWAYS, NotFound, Start, Window, start_of
from projections.readmodels.database import Views
from projections.readmodels.life import Kept, kept
from projections.readmodels.standing import is_correction, standing

__all__ = ["NotFound", "trace"]


def trace(
    views: Views,
    subject: str,
    at: datetime,
    known_at: datetime | None = None,
    *,
    window: Window = ALWAYS,
    depth: int | None = None,
    facts: bool = True,
) -> Answer:
    """What became of a subject, as of the position the answer names.

    Shape: a bag with its ancestors and descendants; a DIN, donor (`donor:P`), lot (`lot:ID`, `lot:KIND:ID`), device,
    operator, run or facility with its bags and their descendants; a patient (`patient:P`) with the bags crossmatched,
    issued or given and their ancestors. `expired` is judged at `at`. `cycles`: bags that bad input made their own
    ancestors. `depth` ends the walk after so many processes each way; `cut` then names bags where it goes on.
    `facts=False` leaves the facts out.
    Errors: BadScan when the subject reads as neither; NotFound when nothing is known of it; NothingKnownYet.
    """
    with asking(views, at, known_at) as put:
        read = put.read
        start = start_of(read, subject, window)
        bags = set(start.bags)
        down = descendants(read, bags, depth) if start.down else Reached(bags, set())
        up = ancestors(read, bags, depth) if start.up else Reached(bags, set())
        reached = down.bags | up.bags
        edges = edges_among(read, reached)
        streams = _streams(start, reached)
        told = kept(read, streams if facts else sorted(reached), read.position)
        answer: Answer = {
            "subject": subject,
            **put.head(),
            "bags": _bags(put, reached, told),
            "edges": [
                {"parent": parent, "child": child, "process": process, "position": position}
                for parent, child, process, position in edges
            ],
            "cycles": cycles_of(edges),
            "depth": depth,
            "cut": sorted(down.cut | up.cut),
            **_ways(start, up.bags - bags, down.bags - bags),
            "parked": unread(read, streams),
            "facts": _facts(told) if facts else [],
        }
        return answer


def _ways(start: Start, up: set[str], down: set[str]) -> Answer:
    return {"ancestors": sorted(up), "descendants": sorted(down)} if start.single else {}


def _streams(start: Start, bags: set[str]) -> list[str]:
    """Streams whose facts belong to the answer: the bags', their donations', the person's own."""
    return sorted({*bags, *(bag[:13] for bag in bags), *start.streams})


def _bags(put: Asking, bags: set[str], told: list[Kept]) -> list[Answer]:
    rows = bags_at(put.read, bags)
    versions = {each.stream: each.version for each in told}
    at = micros_of(put.at)
    return [{**row.shown(), "expired": row.expired(at), "version": versions.get(bag, 0)} for bag, row in rows.items()]


def _facts(told: list[Kept]) -> list[Answer]:
    decoded = [each.read() for each in sorted(told)]
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
