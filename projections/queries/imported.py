"""This file holds the question which bags came from outside: the sender's number for each, and ours."""

from typing import Any

from projections.decode import Fact, instant_text
from projections.queries.about import about
from projections.queries.asking import Asking, Said
from projections.queries.bags import BagRow, bags_at
from projections.queries.custody import told_of
from projections.readmodels.database import Reading

RECEIVED = "SELECT DISTINCT stream FROM belongings WHERE kind = 'sender' AND {known belongings}"


def received_from_outside(asking: Asking, subject: str | None = None) -> Said:
    """Every bag received from outside this ledger: of all, or of a facility or any other subject.

    Shape: summary {bags, senders, renumbered}: bags received, from how many senders, and how many carry another number
    here than there; a row for each receipt, by bag and time: {bag, sender, sender_bag, sender_release,
    sender_released_at, received_at, facility, received_by, status, fate, position, version}. `sender_bag` is the
    sender's name for the bag, null when not given; `sender_release` who released it there, null when nobody is named;
    `facility` where it was received.
    Errors: BadScan, NotFound.
    """
    bags = _received(asking.read) if subject is None else about(asking.read, subject).bags
    receipts = [fact for _, facts in sorted(told_of(asking.read, bags, ("bag.received",)).items()) for fact in facts]
    known = bags_at(asking.read, {fact.stream for fact in receipts})
    rows = [_row(fact, known[fact.stream]) for fact in receipts]
    renumbered = {row["bag"] for row in rows if row["sender_bag"] not in (None, row["bag"])}
    senders = {row["sender"] for row in rows}
    return Said({"bags": len(known), "senders": len(senders), "renumbered": len(renumbered)}, rows)


def _received(read: Reading) -> list[str]:
    return sorted(bag for (bag,) in read.rows(RECEIVED))


def _row(fact: Fact, bag: BagRow) -> dict[str, Any]:
    body = fact.body
    released_at = body["released_at"]
    return {
        "bag": fact.stream,
        "sender": body["sent_from"],
        "sender_bag": body["sender_bag"],
        "sender_release": body["released_by"],
        "sender_released_at": None if released_at is None else instant_text(released_at),
        "received_at": instant_text(fact.happened_at),
        "facility": body["facility"],
        "received_by": body["occasion"]["by"],
        "status": bag.status,
        "fate": bag.fate,
        "position": fact.position,
        "version": fact.version,
    }
