"""This file holds how a folder of YAML becomes a catalogue: by the domain's types, then by its sense."""

from functools import cache
from pathlib import Path
from typing import cast

from ledger.data_files.broken import BrokenFile, Place
from ledger.data_files.records import nearest, one_of, record
from ledger.data_files.strict_yaml import Entry, compose, entries
from ledger.domain.catalogue import Catalogue
from ledger.isbt128.bad_scan import Words

from .sense import complaints

EXAMPLE = Path(__file__).with_name("example")
"""The folder of the example catalogue, to be copied and changed."""


def load_catalogue(path: Path | None = None) -> Catalogue:
    """The catalogue in a folder of *.yaml files or in one file; without a path the example.

    The sections `id, products, processes, panels, returns, crossmatch, product_codes, bands` may be spread over
    the files of a folder as the site likes, each in one place.
    Errors: BrokenFile, with file, line and field; the first one found.
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
    catalogue = cast(Catalogue, record(Catalogue, _sections(path), _whole(path), places))
    for complaint in complaints(catalogue):
        raise BrokenFile(
            complaint.code, nearest(complaint.field, places, _whole(path)), complaint.expected, complaint.found
        )
    return catalogue


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
        raise BrokenFile("unreadable", Place(str(path)), expected, error.strerror or "") from None
    for each in shown:
        if each.suffix.lower() in (".yml", ".yaml") and each.suffix != ".yaml":
            expected = Words("a name that ends in .yaml", "以 .yaml 结尾的文件名")
            raise BrokenFile("wrong_ending", Place(str(each)), expected, each.suffix)
    found = [each for each in shown if each.suffix == ".yaml"]
    if not found:
        raise BrokenFile("no_files", Place(str(path)), Words("products.yaml and more", "products.yaml 等文件"))
    return found


def _sections(path: Path) -> dict[str, Entry]:
    """The sections of all files, each with its place."""
    found: dict[str, Entry] = {}
    for file in _files(path):
        node = compose(file)
        if node is None:
            raise BrokenFile("empty", Place(str(file), 1), one_of(Catalogue))
        for name, (place, value) in entries(node, Place(str(file), 1)).items():
            if name in found:
                first = found[name][0]
                where = f"{Path(first.file).name}:{first.line}"
                once = Words(f"once; the first is in {where}", f"仅一次；首次在 {where}")
                raise BrokenFile("duplicate_key", place, once)
            found[name] = (place, value)
    return found
