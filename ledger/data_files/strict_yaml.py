"""This file holds how a YAML file is read with the line of every field, and nothing clever allowed in it."""

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.composer import MaxDepthExceededError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from ledger.data_files.broken import BrokenFile, Place
from ledger.isbt128.bad_scan import Words

LARGEST_BYTES = 1024 * 1024
DEEPEST = 12

Scalar = str | int | Decimal | bool | None
Entry = tuple[Place, Node]

_YAML = Words("one document of YAML 1.2", "单个 YAML 1.2 文档")
# Another version of YAML would read `no` as false and 012 as ten.
_DIRECTIVE = re.compile(r"(?<![^\r\n\x85\u2028\u2029])%")
_CORE = "tag:yaml.org,2002:"
_KINDS = frozenset(_CORE + kind for kind in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp", "merge"))


def compose(path: Path) -> Node | None:
    """The node graph of a file; None when there is nothing in it.

    Range: at most 1 MiB and 12 levels.
    Errors: BrokenFile.
    """
    text = _text(path)
    directive = _DIRECTIVE.search(text)
    if directive:
        place = Place(str(path), text.count("\n", 0, directive.start()) + 1)
        raise BrokenFile("directive", place, _YAML, text[directive.start() :].partition("\n")[0])
    yaml = YAML(typ="safe", pure=True)
    yaml.max_depth = DEEPEST
    try:
        node: Node | None = yaml.compose(text)
    except MaxDepthExceededError as error:
        expected = Words(f"at most {DEEPEST} levels", f"最多 {DEEPEST} 层")
        raise BrokenFile("too_deep", _marked(path, error), expected) from None
    except MarkedYAMLError as error:
        raise BrokenFile("not_yaml", _marked(path, error), _YAML, error.problem or "") from None
    except ReaderError as error:
        place = Place(str(path), text.count("\n", 0, error.position) + 1)
        raise BrokenFile("not_yaml", place, _YAML, chr(error.character)) from None
    except (YAMLError, ValueError) as error:
        raise BrokenFile("not_yaml", Place(str(path), 1), _YAML, str(error)) from None
    return node


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        expected = Words("a readable file", "可读取的文件")
        raise BrokenFile("unreadable", Place(str(path)), expected, error.strerror or "") from None
    if len(content) > LARGEST_BYTES:
        raise BrokenFile("too_large", Place(str(path)), Words("at most 1 MiB", "不超过 1 MiB"))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        found = f"0x{content[error.start]:02x}"
        raise BrokenFile("not_utf8", Place(str(path), line), Words("UTF-8", "UTF-8"), found) from None


def _marked(path: Path, error: MarkedYAMLError) -> Place:
    mark = error.problem_mark or error.context_mark
    return Place(str(path), mark.line + 1 if mark else None)


def line_of(node: Node) -> int:
    """The line a node begins in, from 1."""
    return int(node.start_mark.line) + 1


def entries(node: Node, at: Place) -> dict[str, Entry]:
    """The entries of a mapping, each with its place: the line of its key."""
    _refuse_clever(node, at)
    if not isinstance(node, MappingNode):
        raise BrokenFile("wrong_kind", at, Words("a mapping of fields", "字段映射"), _outline(node))
    found: dict[str, Entry] = {}
    for key, value in node.value:
        name = key.value if isinstance(key, ScalarNode) else _outline(key)
        place = Place(at.file, line_of(key), f"{at.field}.{name}" if at.field else name)
        _refuse_clever(key, place)
        if name in found:
            once = Words(
                f"once; the first is in line {found[name][0].line}",
                f"仅一次；首次在第 {found[name][0].line} 行",
            )
            raise BrokenFile("duplicate_key", place, once)
        found[name] = (place, value)
    return found


def items(node: Node, at: Place) -> Iterator[Entry]:
    """The items of a list, each with its place."""
    _refuse_clever(node, at)
    if not isinstance(node, SequenceNode):
        raise BrokenFile("wrong_kind", at, Words("a list", "列表"), _outline(node))
    for number, item in enumerate(node.value):
        yield Place(at.file, line_of(item), f"{at.field}[{number}]"), item


def scalar(node: Node, at: Place, expected: Words) -> Scalar:
    """A single value. Dates stay text; what only looks like a number stays text too."""
    _refuse_clever(node, at)
    if not isinstance(node, ScalarNode):
        raise BrokenFile("wrong_kind", at, expected, _outline(node))
    kind, text = str(node.tag).removeprefix(_CORE), str(node.value)
    if kind == "null":
        return None
    if kind == "bool" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        if kind == "int":
            return int(text)
        if kind == "float":
            return Decimal(text)
    except (ValueError, InvalidOperation):
        return text  # 0x1F, .inf, or longer than Python takes: refused where a number belongs
    return text


def _refuse_clever(node: Node, at: Place) -> None:
    # An alias is the same node again, so its anchor gives both away.
    if node.anchor:
        raise BrokenFile("anchor", at, Words("the value itself", "直接写出的值"), f"&{node.anchor}")
    if node.tag not in _KINDS:
        raise BrokenFile("tag", at, Words("a plain value", "普通的值"), str(node.tag))


def _outline(node: Node) -> str:
    """A node in a few characters: a list is […], a mapping {…}."""
    if isinstance(node, ScalarNode):
        return str(node.value)
    return "[…]" if isinstance(node, SequenceNode) else "{…}"
