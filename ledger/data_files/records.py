"""This file holds how a mapping of a data file becomes a dataclass: by its types, each value with its place."""

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from types import UnionType
from typing import Any, cast, get_args, get_origin, get_type_hints

import msgspec
from ruamel.yaml.nodes import Node

from ledger.data_files.broken import BrokenFile, Place
from ledger.data_files.strict_yaml import Entry, entries, items, scalar
from ledger.isbt128.bad_scan import Words

_EXPECTED = {
    str: Words("a text (in quotes when it looks like a number)", "文本（形似数字时须加引号）"),
    int: Words("a whole number", "整数"),
    bool: Words("true or false", "true 或 false"),
    Decimal: Words("a number such as 2.5", "数字，如 2.5"),
    date: Words("a date such as 2026-01-31", "日期，如 2026-01-31"),
}


def nearest(field: str, places: Mapping[str, Place], whole: Place) -> Place:
    """Where a field stands; one that is not written stands where what should hold it begins."""
    holder = field
    while holder and holder not in places:
        holder = holder[: max(holder.rfind("."), holder.rfind("["), 0)]
    return places.get(holder, whole)._replace(field=field)


def _value(hint: Any, node: Node, at: Place, places: dict[str, Place]) -> Any:
    places[at.field] = at
    if is_dataclass(kind := _plain(hint)):
        return record(cast(type, kind), entries(node, at), at, places)
    if get_origin(hint) is tuple:
        item = get_args(hint)[0]
        return tuple(_value(item, each, place, places) for place, each in items(node, at))
    if get_origin(hint) is dict:
        of = get_args(hint)[1]
        return {name: _value(of, each, place, places) for name, (place, each) in entries(node, at).items()}
    expected = _EXPECTED[_plain(hint)]
    value = scalar(node, at, expected)
    try:
        return msgspec.convert(value, hint, strict=True)
    except msgspec.ValidationError:
        raise BrokenFile("wrong_kind", at, expected, str(node.value)) from None


def record(kind: type, given: dict[str, Entry], at: Place, places: dict[str, Place]) -> Any:
    """A dataclass from a mapping, field by field, by the types it declares; `places` learns where each field stands.

    Errors: BrokenFile, with file, line and field; the first one found.
    """
    hints, wanted = _hints(kind), _fields(kind)
    for name, (place, _) in given.items():
        if name not in wanted:
            raise BrokenFile("unknown_field", place, one_of(kind), name)
    for name, field in wanted.items():
        if name not in given and field.default is MISSING and field.default_factory is MISSING:
            place = at._replace(field=f"{at.field}.{name}" if at.field else name)
            raise BrokenFile("missing_field", place, Words(f"{name}: …", f"{name}: …"))
    return kind(**{name: _value(hints[name], node, place, places) for name, (place, node) in given.items()})


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


@cache
def _fields(kind: Any) -> dict[str, Field[Any]]:
    return {each.name: each for each in fields(kind)}


def _plain(hint: Any) -> Any:
    """The type beside None."""
    return get_args(hint)[0] if isinstance(hint, UnionType) else hint


def one_of(kind: type) -> Words:
    """Every field there is."""
    names = list(_fields(kind))
    return Words(f"one of {', '.join(names)}", f"{'、'.join(names)} 之一")
