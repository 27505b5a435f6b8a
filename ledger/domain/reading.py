"""This file holds how a field of a fact is read from JSON, by its annotation: for amendments."""

import re
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from ledger.domain.values import Lot, Quantity, Ref, Sealed

MEASURES = ("U", "mL", "dose")
HEADER = frozenset({"originator_id", "originator_version", "occasion", "caused_by"})

NOT_AMENDABLE = frozenset(
    {"parents", "children", "container", "process", "process_id", "other", "donation", "donation_version"}
    | {"hold", "notice", "alert", "bag", "bags", "scope_kind", "scope_id", "placed_version", "nonconformity"}
    | {"about_version", "by_fact", "target_version", "target_fact", "match"}
    | {"rule_expires_at", "expiry_rule", "within_rule", "may_come_back"}
)
"""Fields that tie a fact to other streams: what is wrong there is annulled, on all of them, and said again.
And fields that the site's rules set: they follow from the others."""


@cache
def field_types(fact_class: type) -> dict[str, Any]:
    """The fields of a fact with their types; `happened_at` stands for the timestamp."""
    hints = get_type_hints(fact_class)
    body = {each.name: hints[each.name] for each in fields(fact_class) if each.name not in HEADER}
    body["happened_at"] = body.pop("timestamp")
    return body


def read_value(fact_class: type, name: str, value: Any) -> Any:
    """A field's value from JSON.

    Errors: ValueError, in words, when it does not fit the field; KeyError when there is no such field.
    """
    hint = field_types(fact_class)["happened_at" if name == "timestamp" else name]
    return _read(hint, value)


def _read(hint: Any, value: Any) -> Any:
    if isinstance(hint, UnionType):
        if value is None:
            return None
        return _read(next(arg for arg in get_args(hint) if arg is not NoneType), value)
    if get_origin(hint) is tuple:
        if not isinstance(value, list):
            raise ValueError("a list is needed")
        return tuple(_read(get_args(hint)[0], each) for each in value)
    return _READERS[hint](value)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("a text is needed")
    return value


def _of(kind: type) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if type(value) is not kind:
            raise ValueError(f"a {kind.__name__} is needed")
        return value

    return read


def read_decimal(value: Any) -> Decimal:
    """A decimal of at most 9 digits before and 3 behind the point, from text or a whole number."""
    text = value if isinstance(value, str) else str(value)
    if isinstance(value, bool) or not re.fullmatch(r"-?[0-9]{1,9}(\.[0-9]{1,3})?", text):
        raise ValueError("a decimal such as 1.5, with at most 3 digits behind the point, is needed")
    try:
        return Decimal(text)
    except InvalidOperation as error:  # pragma: no cover - the pattern admits decimals only
        raise ValueError("a decimal is needed") from error


def _instant(value: Any) -> datetime:
    try:
        at = datetime.fromisoformat(_text(value))
    except ValueError:
        raise ValueError("an RFC 3339 date and time with offset is needed") from None
    if at.tzinfo is None:
        raise ValueError("an RFC 3339 date and time with offset is needed")
    return at.astimezone(UTC)


def _quantity(value: Any) -> Quantity:
    if not isinstance(value, dict) or set(value) != {"amount", "measure"} or value["measure"] not in MEASURES:
        raise ValueError('a quantity such as {"amount": "1.5", "measure": "U"} is needed')
    amount = read_decimal(value["amount"])
    if amount <= 0:
        raise ValueError("an amount above zero is needed")
    return Quantity(amount, value["measure"])


def _lot(value: Any) -> Lot:
    if not isinstance(value, dict) or set(value) != {"kind", "id"}:
        raise ValueError('a lot such as {"kind": "filter", "id": "F1"} is needed')
    return Lot(_text(value["kind"]), _text(value["id"]))


def _ref(value: Any) -> Ref:
    if not isinstance(value, dict) or set(value) != {"stream", "version"}:
        raise ValueError('a fact such as {"stream": "…", "version": 1} is needed')
    return Ref(_text(value["stream"]), int(value["version"]))


_READERS: dict[Any, Callable[[Any], Any]] = {
    str: _text,
    int: _of(int),
    bool: _of(bool),
    Decimal: read_decimal,
    datetime: _instant,
    Quantity: _quantity,
    Lot: _lot,
    Ref: _ref,
    Sealed: _text,
}
