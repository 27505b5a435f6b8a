"""This file holds facts with real bytes, and a small history to store, tamper with and recover."""

from collections.abc import Sequence
from datetime import UTC, datetime

from eventsourcing.persistence import StoredEvent

import schemas
from ledger.store.port import FactStore, Head, Link

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def digest(request: str) -> bytes:
    return request.encode().ljust(32, b"-")


def state(request: str, key: bytes | None = None, wire: str = "bag.stored.v1", **body: object) -> bytes:
    """Stored bytes of a fact that stands on this request."""
    occasion = {
        "sender": "site",
        "request": request,
        "request_sha256": digest(request),
        "business_key": key,
        "by": "nurse",
        "reported": False,
        "offset_minutes": 480,
        "zone_from": "given",
        "received_at": None,
    }
    return schemas.encode(wire, {"happened_at": AT, "occasion": occasion, **body})


def key_of(request: str) -> bytes:
    return request.encode().rjust(32, b"k")


def fact(stream: str, version: int, request: str, first: bool = True, place: str = "fridge") -> StoredEvent:
    key = key_of(request) if first else None
    return StoredEvent(stream, version, "bag.stored.v1", state(request, key, place=place))


def write(
    store: FactStore, facts: Sequence[StoredEvent], recorded_at: int, requests: Sequence[tuple[str, int]]
) -> Head:
    """One commit; `requests` gives each request and how many facts it caused, in order."""
    records, keys, index = [], [], 0
    for request, count in requests:
        records.append(("site", request, digest(request), index, count))
        keys.append((key_of(request), index, count))
        index += count
    links = [Link("donation", str(each.originator_id)[:5], str(each.originator_id), 7) for each in facts]
    with store.writing() as writing:
        return writing.append(facts, recorded_at, records, keys, links, [])


def history(store: FactStore) -> Head:
    """Four commits, nine facts, three streams; two requests caused two facts each."""
    write(store, [fact("bag-a", 1, "r1"), fact("bag-b", 1, "r1", False)], 100, [("r1", 2)])
    write(store, [fact("bag-a", 2, "r2")], 100, [("r2", 1)])
    both = [fact("bag-b", 2, "r3"), fact("bag-c", 1, "r4"), fact("bag-a", 3, "r4", False)]
    write(store, both, 200, [("r3", 1), ("r4", 2)])
    last = [fact("bag-c", 2, "r5"), fact("bag-c", 3, "r6"), fact("bag-a", 4, "r7")]
    return write(store, last, 300, [("r5", 1), ("r6", 1), ("r7", 1)])
