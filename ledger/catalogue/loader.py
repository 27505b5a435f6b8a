"""This file holds how a folder of YAML becomes a catalogue: by the domain's types, then by its sense."""

from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, cast, get_args, get_origin, get_type_hints

import msgspec
from ruamel.yaml.nodes import Node

from ledger.domain.catalogue import Catalogue
from ledger.isbt128.bad_scan import Words

from .broken import BrokenCatalogue, Place
from .sense import complaints
from .strict_yaml import Entry, compose, entries, items, scalar

EXAMPLE = Path(__file__).with_name("example")
"""The folder of the example catalogue, to be copied and changed."""

_EXPECTED = {
    str: Words("a text (in quotes when it looks like a number)", "文本（形似数字时须加引号）"),
    int: Words("a whole number", "整数"),
    bool: Words("true or false", "true 或 false"),
    Decimal: Words("a number such as 2.5", "数字，如 2.5"),
    date: Words("a date such as 2026-01-31", "日期，如 2026-01-31"),
}


def load_catalogue(path: Path | None = None) -> Catalogue:
    """The catalogue in a folder of *.yaml files or in one file; without a path the example.

    The sections `id, products, processes, panels, returns, crossmatch, product_codes, bands` may be spread over
    the files of a folder as the site likes, each in one place.
    Errors: BrokenCatalogue, with file, line and field; the first one found.
    Example:
        >>> load_catalogue().component_of("E5445000")
        'leukoreduced_suspended_red_cells'
    """
    return _example() if path is None else _load(path)


@cache
def _example() -> Catalogue:
    return _load(EXAMPLE)


def _load(path: Path) -> Catalogue:
    places: dict[str, Place] = {}
    catalogue = cast(Catalogue, _record(Catalogue, _sections(path), _whole(path), places))
    for complaint in complaints(catalogue):
        raise BrokenCatalogue(
            complaint.code, _nearest(complaint.field, places, path), complaint.expected, complaint.found
        )
    return catalogue


def _nearest(field: str, places: dict[str, Place], path: Path) -> Place:
    """Where a field stands; one that is not written stands where what should hold it begins."""
    holder = field
    while holder and holder not in places:
        holder = holder[: max(holder.rfind("."), holder.rfind("["), 0)]
    return places.get(holder, _whole(path))._replace(field=field)


# ── files ─────────────────────────────────────────────────────────────────────────────────────────────────


def _whole(path: Path) -> Place:
    """The file or folder itself; of a folder no line can be named."""
    return Place(str(path), None if path.is_dir() else 1)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    try:
        shown = sorted(each for each in path.iterdir() if each.is_file() and not each.name.startswith("."))
    except OSError as error:
        expected = Words("a readable folder", "可读取的文件夹")
        raise BrokenCatalogue("unreadable", Place(str(path)), expected, error.strerror or "") from None
    for each in shown:
        if each.suffix.lower() in (".yml", ".yaml") and each.suffix != ".yaml":
            expected = Words("a name that ends in .yaml", "以 .yaml 结尾的文件名")
            raise BrokenCatalogue("wrong_ending", Place(str(each)), expected, each.suffix)
    found = [each for each in shown if each.suffix == ".yaml"]
    if not found:
        raise BrokenCatalogue("no_files", Place(str(path)), Words("products.yaml and more", "products.yaml 等文件"))
    return found


def _sections(path: Path) -> dict[str, Entry]:
    """The sections of all files, each with its place."""
    found: dict[str, Entry] = {}
    for file in _files(path):
        node = compose(file)
        if node is None:
            raise BrokenCatalogue("empty", Place(str(file), 1), _one_of(Catalogue))
        for name, (place, value) in entries(node, Place(str(file), 1)).items():
            if name in found:
                first = found[name][0]
                where = f"{Path(first.file).name}:{first.line}"
                once = Words(f"once; the first is in {where}", f"仅一次；首次在 {where}")
                raise BrokenCatalogue("duplicate_key", place, once)
            found[name] = (place, value)
    return found


# ── values, by the domain's types ─────────────────────────────────────────────────────────────────────────


def _value(hint: Any, node: Node, at: Place, places: dict[str, Place]) -> Any:
    places[at.field] = at
    if is_dataclass(hint):
        return _record(cast(type, hint), entries(node, at), at, places)
    if get_origin(hint) is tuple:
        item = get_args(hint)[0]
        return tuple(_value(item, each, place, places) for place, each in items(node, at))
    expected = _EXPECTED[_plain(hint)]
    value = scalar(node, at, expected)
    try:
        return msgspec.convert(value, hint, strict=True)
    except msgspec.ValidationError:
        raise BrokenCatalogue("wrong_kind", at, expected, str(node.value)) from None


def _record(kind: type, given: dict[str, Entry], at: Place, places: dict[str, Place]) -> Any:
    hints, wanted = _hints(kind), _fields(kind)
    for name, (place, _) in given.items():
        if name not in wanted:
            raise BrokenCatalogue("unknown_field", place, _one_of(kind), name)
    for name, field in wanted.items():
        if name not in given and field.default is MISSING:
            place = at._replace(field=f"{at.field}.{name}" if at.field else name)
            raise BrokenCatalogue("missing_field", place, Words(f"{name}: …", f"{name}: …"))
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


def _one_of(kind: type) -> Words:
    names = list(_fields(kind))
    return Words(f"one of {', '.join(names)}", f"{'、'.join(names)} 之一")
