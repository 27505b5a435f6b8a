"""This file holds what one line of a history must be: the errors in words, and the checks on a single fact."""

from collections.abc import Callable, Iterable
from dataclasses import fields
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Final, NamedTuple, cast, get_type_hints

import msgspec
from eventsourcing.persistence import Mapper, MapperDeserialisationError, StoredEvent
from msgspec import Meta, Struct

from ledger.commands.lines import Line
from ledger.domain import FACTS
from ledger.domain.codes import CODES
from ledger.domain.hold import hold_stream
from ledger.domain.reading import MEASURES
from ledger.domain.values import Quantity
from ledger.isbt128 import BadScan, check, check_din
from ledger.store.upcasting import UPCASTS

LONGEST: Final = 4_000_000
"""Bytes in a line of a history; a pool of ten thousand members fits."""

WORDS: Final[dict[str, tuple[str, str]]] = {
    "line_too_long": ("the line is longer than {expected} bytes", "该行超过 {expected} 字节"),
    "not_json": ("not a line that `facts` prints: {found}", "不是 facts 输出的行：{found}"),
    "field_missing": ("this field is required", "缺少该必填字段"),
    "stream_malformed": ("not a stream: {found}", "不是流名：{found}"),
    "wrong_stream": ("{found} does not belong on a stream of this kind", "{found} 不属于这类流"),
    "unknown_name": ("no fact is called {found}", "没有名为 {found} 的记录"),
    "bytes_unreadable": ("the bytes cannot be read: {found}", "字节无法读取：{found}"),
    "differs_from_bytes": ("{found} is printed, the bytes say {expected}", "所列为 {found}，字节内为 {expected}"),
    "version_not_next": ("version {found} where {expected} is next", "版本为 {found}，下一版本应为 {expected}"),
    "date_out_of_range": ("the year of {found} is out of range", "{found} 的年份超出范围"),
    "quantity_not_sane": (
        "{found} is no quantity above zero in U, mL or dose",
        "{found} 不是大于零的数量（U、mL 或 dose）",
    ),
    "code_unknown": ("{found} is not one of {expected}", "{found} 不是可用代码（{expected}）"),
    "bag_malformed": ("no bag name: {found}", "不是血袋名：{found}"),
    "request_missing": ("the fact stands on no request", "该记录没有请求号"),
    "request_used": ("request {found} is on record already", "请求号 {found} 已有记录"),
    "request_reused": ("request {found} stands for two different commands", "请求号 {found} 对应两条不同的命令"),
    "observation_repeated": (
        "this observation is on record already, on stream {found}",
        "该观察已在流 {found} 上有记录",
    ),
    "recorded_at_backwards": ("{found} is before the line above", "{found} 早于上一行"),
    "recorded_at_in_future": (
        "{found} is more than a day ahead of this machine's clock",
        "{found} 比本机时钟超前一天以上",
    ),
    "correction_unreadable": ("a correction cannot be applied: {found}", "更正无法生效：{found}"),
}
"""Every reason why a history is not taken, in English and Chinese."""

REMEDY: Final = (
    "Nothing of this file was imported; have it exported again, or take the line out with all that follows from it.",
    "该文件未导入任何内容；请重新导出，或删除该行及其后续相关行。",
)


class BadHistory(Exception):
    """A history cannot be taken: which line, which field, what is wrong. Nothing of it was written.

    Shape: `code` stable; `line` counts from 1; `where` the field.
    """

    def __init__(self, code: str, line: int, where: str, found: object = "", expected: object = "") -> None:
        super().__init__(f"line {line}, {where}: {code}")
        self.code, self.line, self.where = code, line, where
        self._found, self._expected = found, expected

    def text(self, lang: str = "en") -> str:
        found = str(self._found)
        shown = found if len(found) <= 200 else f"{found[:200]}…"
        return WORDS[self.code][lang == "zh"].format(found=shown, expected=self._expected)

    def remedy(self, lang: str = "en") -> str:
        return REMEDY[lang == "zh"]


Instant = Annotated[datetime, Meta(tz=True)]


class PrintedFact(Struct, forbid_unknown_fields=True):
    """A line as `facts` prints it. What counts is `stream`, `version`, `name`, `recorded_at` and `bytes`;
    what is printed beside the bytes must agree with them, `fact` and the old ledger's places are not read."""

    stream: str
    version: int
    name: str
    bytes: bytes
    recorded_at: Instant | None = None
    happened_at: Instant | None = None
    sender: str | None = None
    request: str | None = None
    fact: msgspec.Raw = msgspec.Raw()
    ledger: str | None = None
    position: int | None = None
    leaf: int | None = None


_DECODER: Final = msgspec.json.Decoder(PrintedFact)


def read_line(line: Line) -> PrintedFact:
    """A line, in its parts. Errors: BadHistory."""
    if len(line.text) > LONGEST:
        raise BadHistory("line_too_long", line.number, "line", expected=LONGEST)
    try:
        return _DECODER.decode(line.text)
    except msgspec.ValidationError as error:
        said, _, path = str(error).partition(" - at `$")
        raise BadHistory("not_json", line.number, path.strip(".`") or "line", found=said) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadHistory("not_json", line.number, "line", found=error) from None


def checked_stream(name: str, line: int) -> None:
    """A name a stream of ours can have. Errors: BadHistory."""
    noun, colon, rest = name.partition(":")
    try:
        if not colon:
            check_din(name) if len(name) == 13 else check(name)
        elif noun == "hold":
            kind, _, scope = rest.partition(":")
            if not kind or not scope or hold_stream(kind, scope) != name:
                raise BadHistory("stream_malformed", line, "stream", found=name)
        elif noun not in ("donor", "patient") or not rest.isprintable() or not rest or len(rest) > 128:
            raise BadHistory("stream_malformed", line, "stream", found=name)
    except BadScan as error:
        raise BadHistory("stream_malformed", line, "stream", found=f"{name} ({error.message()})") from None


@cache
def _prefix(name: str) -> str:
    """The noun a known wire name begins with."""
    return name.partition(".")[0]


def _noun_of(stream: str) -> str:
    noun, colon, _ = stream.partition(":")
    if colon:
        return "recipient" if noun == "patient" else noun
    return "donation" if len(stream) == 13 else "bag"


class _Stored(NamedTuple):
    """As the library's StoredEvent, which costs as much to make as the fact to read."""

    originator_id: str
    originator_version: int
    topic: str
    state: bytes


def checked_fact(mapper: Mapper[str], said: PrintedFact, line: int) -> Any:
    """The fact in the bytes, once it is one that could stand here. Errors: BadHistory."""
    name, stream = said.name, said.stream
    if name not in FACTS and name not in UPCASTS:
        raise BadHistory("unknown_name", line, "name", found=name)
    if _prefix(name) != _noun_of(stream):
        raise BadHistory("wrong_stream", line, "name", found=name)
    try:
        fact: Any = mapper.to_domain_event(cast(StoredEvent, _Stored(stream, said.version, name, said.bytes)))
    except MapperDeserialisationError as error:
        raise BadHistory("bytes_unreadable", line, "bytes", found=error.__cause__ or error) from None
    _agreeing(fact, said, line)
    kind: Any = type(fact)
    for field, judge in _judges(kind):
        value = getattr(fact, field)
        if value is not None:
            judge(value, field, line)
    return fact


def _agreeing(fact: Any, said: PrintedFact, line: int) -> None:
    """What is printed beside the bytes is what they say, and they say when and on whose word."""
    at, occasion = fact.timestamp, fact.occasion
    if not occasion.request or not occasion.sender:
        raise BadHistory("request_missing", line, "bytes")
    if not 1800 < at.year < 9000:
        raise BadHistory("date_out_of_range", line, "happened_at", found=at)
    if said.happened_at != at and said.happened_at is not None:
        raise BadHistory("differs_from_bytes", line, "happened_at", said.happened_at, at)
    if said.sender != occasion.sender and said.sender is not None:
        raise BadHistory("differs_from_bytes", line, "sender", said.sender, occasion.sender)
    if said.request != occasion.request and said.request is not None:
        raise BadHistory("differs_from_bytes", line, "request", said.request, occasion.request)


Judge = Callable[[Any, str, int], None]


@cache
def _judges(fact_class: Any) -> tuple[tuple[str, Judge], ...]:
    """The fields of one kind of fact that need a second look, and who looks."""
    hints = get_type_hints(fact_class)
    codes = CODES.get(fact_class.short_name(), {})
    found: list[tuple[str, Judge]] = []
    for field in fields(fact_class):
        if field.name in codes:
            found.append((field.name, _one_of(codes[field.name])))
        elif hints[field.name] in (Quantity, Quantity | None):
            found.append((field.name, _lost if field.name == "lost" else _quantity))
        elif field.name in ("parents", "children", "bags"):
            found.append((field.name, _bags))
        elif field.name == "container":
            found.append((field.name, _bag))
    return tuple(found)


def _one_of(codes: tuple[str, ...]) -> Judge:
    def judge(value: Any, field: str, line: int) -> None:
        if value not in codes:
            raise BadHistory("code_unknown", line, f"fact.{field}", found=value, expected=", ".join(codes))

    return judge


def _quantity(value: Quantity, field: str, line: int) -> None:
    if value.amount <= 0 or value.measure not in MEASURES:
        raise BadHistory("quantity_not_sane", line, f"fact.{field}", found=f"{value.amount} {value.measure}")


def _lost(value: Quantity, field: str, line: int) -> None:
    """What was lost may be nothing, never less."""
    if value.amount < 0 or value.measure not in MEASURES:
        raise BadHistory("quantity_not_sane", line, f"fact.{field}", found=f"{value.amount} {value.measure}")


def _bag(value: str, field: str, line: int) -> None:
    try:
        check(value)
    except BadScan as error:
        raise BadHistory("bag_malformed", line, f"fact.{field}", found=f"{value}: {error.message()}") from None


def _bags(values: Iterable[str], field: str, line: int) -> None:
    for value in values:
        _bag(value, field, line)
