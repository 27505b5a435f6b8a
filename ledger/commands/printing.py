"""This file holds how a stored fact is printed: the form that `facts` gives and `import` takes."""

from base64 import b64encode
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from eventsourcing.persistence import Mapper, StoredEvent

from ledger.domain.values import FieldValue, Lot, Quantity, Ref, Sealed
from ledger.store.port import FactRow

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
COMMON = frozenset({"originator_id", "originator_version", "timestamp", "occasion", "caused_by"})
"""What every fact has; printed beside the body."""

Json = dict[str, Any]
Open = Callable[[Sealed], str | None]
"""Gives a sealed text, or None when its key is gone or not here."""


def printed(row: FactRow, ledger: str, mapper: Mapper[str], open_sealed: Open | None = None) -> Json:
    """One stored fact: where it stands, who said it, what it says, and the bytes it is stored as.

    Shape: `name` as stored, with its version; `fact` as the newest version reads it, its fields named as
    Amend names them. Sealed text is printed only when `open_sealed` is given.
    """
    fact: Any = mapper.to_domain_event(StoredEvent(row.stream, row.version, row.name, row.state))
    occasion = fact.occasion
    return {
        "ledger": ledger,
        "position": row.position,
        "leaf": row.leaf,
        "stream": row.stream,
        "version": row.version,
        "name": row.name,
        "happened_at": instant(fact.timestamp),
        "recorded_at": recorded_instant(row.recorded_at),
        "sender": occasion.sender,
        "request": occasion.request,
        "fact": body(fact, open_sealed),
        "bytes": b64encode(row.state).decode(),
    }


def body(fact: Any, open_sealed: Open | None = None) -> Json:
    """What a fact says, in JSON types, with by whom, whether reported, and which fact it follows from."""
    said: Json = {"by": fact.occasion.by, "reported": fact.occasion.reported}
    if fact.caused_by is not None:
        said["caused_by"] = fact.caused_by._asdict()
    kind: Any = type(fact)
    for name in body_fields(kind):
        said[name] = plain(getattr(fact, name), open_sealed)
    return said


@cache
def body_fields(fact_class: Any) -> tuple[str, ...]:
    """The fields of one kind of fact, without those every fact has."""
    return tuple(each.name for each in fields(fact_class) if each.name not in COMMON)


def plain(value: Any, open_sealed: Open | None = None) -> Any:
    """A value in JSON types: decimals and quantities as text, instants in RFC 3339 UTC."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Quantity):
        return {"amount": format(value.amount, "f"), "measure": value.measure}
    if isinstance(value, Sealed):
        return _sealed(value, open_sealed)
    if isinstance(value, FieldValue):
        return {"field": value.field, "value": value.value, "sealed": plain(value.sealed, open_sealed)}
    if isinstance(value, (Lot, Ref)):
        return value._asdict()
    return [plain(each, open_sealed) for each in value]


def _sealed(text: Sealed, open_sealed: Open | None) -> Json:
    shown: Json = {"sealed": True, "key_id": text.key_id}
    if open_sealed is not None:
        shown["text"] = open_sealed(text)
    return shown


def recorded_instant(microseconds: int) -> str:
    """Recorded time as it is printed. Unit: microseconds since 1970-01-01 UTC."""
    return instant(EPOCH + timedelta(microseconds=microseconds))


def instant(at: datetime) -> str:
    """RFC 3339, UTC.

    Example:
        >>> instant(datetime(2026, 3, 1, 8, tzinfo=UTC))
        '2026-03-01T08:00:00Z'
    """
    return at.isoformat().replace("+00:00", "Z")
