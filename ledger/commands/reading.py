"""This file holds how a line of JSON becomes a command: what is wrong with it is said with path and remedy."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import msgspec

from ledger.commands import COMMANDS, AnyCommand, Command
from ledger.commands.command import missing
from ledger.commands.malformed import Malformed

LONGEST_LINE: Final = 1_000_000
"""Bytes; a longer line is refused unread."""

_DECODER: Final = msgspec.json.Decoder(AnyCommand)

_FIELD = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")


def read_command(line: bytes) -> Command:
    """One command from one line of JSON.

    Errors: Malformed, with the path of the field.
    """
    if len(line) > LONGEST_LINE:
        raise Malformed("line_too_long", "line", f"the line is longer than {LONGEST_LINE} bytes", "该行过长")
    try:
        command: Command = _DECODER.decode(line)
        said = _said(line)
    except msgspec.ValidationError as error:
        raise _explained(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Malformed("not_json", "line", f"not a JSON object: {error}", f"不是 JSON 对象：{error}") from None
    except RecursionError:
        raise Malformed("nested_too_deep", "line", "nested too deeply", "嵌套过深") from None
    checked(command)
    if _NAMES_A_DECIMAL.search(line) or b"\\" in line:
        _check_decimals(said, "")
    return command


DECIMALS: Final = frozenset({"amount", "volume_ml", "additive_ml", "celsius", "celsius_min", "celsius_max", "minutes"})
"""Fields read as decimals. Python's own reading also takes 1_0 and digits of other scripts: slips, not numbers."""

_DECIMAL: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")

_NAMES_A_DECIMAL: Final = re.compile(f'"({"|".join(sorted(DECIMALS))})"'.encode())
"""A line that names none needs no look at its values; only an escape could hide a name."""


def _check_decimals(value: Any, where: str) -> None:
    """Decimals are written as people write them.

    Errors: Malformed.
    """
    if isinstance(value, dict):
        for name, each in value.items():
            path = f"{where}.{name}" if where else name
            if name in DECIMALS and isinstance(each, str) and not _DECIMAL.fullmatch(each):
                raise Malformed("not_a_decimal", path, f'{each!r} is not a decimal such as "1.5"', f"{each!r} 不是小数")
            if isinstance(each, (dict, list)):
                _check_decimals(each, path)
    else:
        for index, each in enumerate(value):
            if isinstance(each, (dict, list)):
                _check_decimals(each, f"{where}[{index}]")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Each field once: of two, nobody could say which was meant.

    Errors: Malformed.
    """
    found = dict(pairs)
    if len(pairs) > len(found):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Malformed("field_twice", twice, f"the field {twice} is given twice", f"字段 {twice} 出现两次")
    return found


_EACH_ONCE: Final = json.JSONDecoder(object_pairs_hook=_once)


def _said(line: bytes) -> Any:
    """The plain values of a line, in which each field is once.

    The quick reading keeps the last of two: written again, it then has fewer colons than the line. Only an escape
    could hide a colon in a text.
    Errors: Malformed.
    """
    said = msgspec.json.decode(line)
    if b"\\" in line or msgspec.json.encode(said).count(b":") != line.count(b":"):
        return _EACH_ONCE.decode(line.decode())
    return said


def checked(command: Command) -> Command:
    """A command whose envelope and fields are complete.

    Errors: Malformed.
    """
    for name in ("request", "by"):
        value = getattr(command, name)
        if not value:
            raise missing(name)
        if not value.isprintable() or value != value.strip():
            raise Malformed("not_printable", name, f"{value!r} has blanks or control characters at fault",
                            f"{value!r} 含有首尾空格或控制字符")  # fmt: skip
    if not 1800 < command.happened_at.year < 9000:
        raise Malformed("date_out_of_range", "happened_at", "the year is out of range", "年份超出范围")
    command.check()
    return command


def request_of(line: bytes) -> str | None:
    """The request id of a line that could not be read as a command, if it has one."""
    try:
        value: Any = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    request = value.get("request") if isinstance(value, dict) else None
    return request if isinstance(request, str) else None


_EXPLANATIONS: Final[tuple[tuple[re.Pattern[str], str, str, str], ...]] = (
    (re.compile(r"Object contains unknown field `(?P<name>[^`]*)`"), "unknown_field",
     "there is no field {name}", "没有字段 {name}"),
    (re.compile(r"Object missing required field `(?P<name>[^`]*)`"), "field_missing",
     "the required field {name} is missing", "缺少必填字段 {name}"),
    (re.compile(r"Expected `datetime` with a timezone component"), "zone_missing",
     "the time has no offset: write 2026-01-31T08:00:00+08:00", "时间缺少时区偏移：请写成 2026-01-31T08:00:00+08:00"),
    (re.compile(r"Invalid RFC3339 encoded datetime"), "not_a_time",
     "not an RFC 3339 time such as 2026-01-31T08:00:00+08:00", "不是 RFC 3339 时间，例如 2026-01-31T08:00:00+08:00"),
    (re.compile(r"Invalid decimal string"), "not_a_decimal",
     "not a decimal such as \"1.5\"", "不是小数，例如 \"1.5\""),
    (re.compile(r"Expected `(?P<want>[^`]*)`, got `(?P<got>[^`]*)`"), "wrong_type",
     "{want} is needed, {got} was given", "需要 {want}，收到 {got}"),
    (re.compile(r"Expected `(?P<want>[^`]*)` of length >= (?P<n>\d+)"), "too_short",
     "at least {n} character(s) are needed", "至少需要 {n} 个字符"),
    (re.compile(r"Expected `(?P<want>[^`]*)` of length <= (?P<n>\d+)"), "too_long",
     "at most {n} characters are allowed", "最多允许 {n} 个字符"),
    (re.compile(r"Expected `(?P<want>[^`]*)` matching regex"), "wrong_characters",
     "it has characters that do not belong there (blanks, control characters)", "含有不允许的字符（空格、控制字符等）"),
    (re.compile(r"Expected `int` (?P<rule>.*)"), "number_out_of_range",
     "a whole number {rule} is needed", "需要 {rule} 的整数"),
)  # fmt: skip


def _explained(message: str) -> Malformed:
    """msgspec's message as ours: a stable code, the path, and words in both languages."""
    found = _FIELD.search(message)
    where = found["path"] if found else ""
    said = message[: found.start()] if found else message
    if where == "command" and said.startswith("Expected `str`"):
        return Malformed("wrong_type", where, "the name of a command is needed, as text", "需要命令名称文本")
    if (enum := re.match(r"Invalid (?:enum )?value (?P<value>.*)", said)) is not None:
        return _not_one_of(where, enum["value"])
    for pattern, code, en, zh in _EXPLANATIONS:
        match = pattern.match(said)
        if match is not None:
            parts = match.groupdict()
            name = parts.get("name")
            path = f"{where}.{name}" if where and name else name or where or "line"
            return Malformed(code, path, en.format(**parts), zh.format(**parts))
    return Malformed("malformed", where or "line", said, said)


def _not_one_of(where: str, value: str) -> Malformed:
    if where == "command":
        known = ", ".join(sorted(COMMANDS))
        return Malformed("unknown_command", where, f"there is no command {value}", f"没有命令 {value}",
                         f"The commands are: {known}.", f"可用命令：{known}。")  # fmt: skip
    return Malformed("not_one_of", where, f"{value} is not one of the codes allowed here",
                     f"{value} 不是此处允许的代码",
                     "See `bloodledger schema` for the codes of this field.",
                     "该字段可用代码见 `bloodledger schema`。")  # fmt: skip
