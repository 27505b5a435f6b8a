"""This file holds the building blocks of the rules of sense: one complaint, and what most rules ask."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from ledger.domain.catalogue import Dated, Names
from ledger.isbt128.bad_scan import Words

SOME_TEXT = Words("a text", "文本")
_ONLY_ONCE = Words("each only once", "各出现一次")
_ONE_A_DAY = Words("one rule a day", "每天一条规则")


class Complaint(NamedTuple):
    """What does not make sense, and at which field."""

    code: str
    field: str
    expected: Words
    found: str = ""


@dataclass(frozen=True)
class Seen:
    """What was met before, to complain of a second time."""

    code: str
    expected: Words
    keys: set[object]

    def again(self, key: object, field: str, found: str) -> Iterator[Complaint]:
        if key in self.keys:
            yield Complaint(self.code, field, self.expected, found)
        self.keys.add(key)


def twice() -> Seen:
    return Seen("duplicate", _ONLY_ONCE, set())


def same_day() -> Seen:
    return Seen("same_day", _ONE_A_DAY, set())


# ── words and numbers ─────────────────────────────────────────────────────────────────────────────────────


def shape(pattern: re.Pattern[str], expected: Words, text: str, field: str) -> Iterator[Complaint]:
    if not text.strip():
        yield Complaint("empty", field, expected)
    elif not pattern.fullmatch(text):
        yield Complaint("malformed", field, expected, text)


def named(names: Names, field: str) -> Iterator[Complaint]:
    for lang in ("en", "zh"):
        if not getattr(names, lang).strip():
            yield Complaint("empty", f"{field}.{lang}", SOME_TEXT)


def known(value: str, allowed: tuple[str, ...], field: str) -> Iterator[Complaint]:
    if value not in allowed:
        words = Words(f"one of {', '.join(allowed)}", f"{'、'.join(allowed)} 之一")
        yield Complaint("unknown_value", field, words, value)


def between(value: int | Decimal, low: int | Decimal, high: int | Decimal, field: str) -> Iterator[Complaint]:
    # Not a number is neither above nor below: asked first, as comparing it raises.
    if not (Decimal(value).is_finite() and low <= value <= high):
        words = Words(f"a number from {low} to {high}", f"{low} 至 {high} 的数字")
        yield Complaint("out_of_range", field, words, str(value))


def dates(rule: Dated, field: str) -> Iterator[Complaint]:
    if rule.effective_until is not None and rule.effective_until < rule.effective_from:
        words = Words(f"{rule.effective_from} or later", f"{rule.effective_from} 或之后")
        yield Complaint("until_before_from", f"{field}.effective_until", words, str(rule.effective_until))


def each_known(values: Iterable[str], allowed: tuple[str, ...], field: str) -> Iterator[Complaint]:
    seen = twice()
    for number, value in enumerate(values):
        yield from known(value, allowed, f"{field}[{number}]")
        yield from seen.again(value, f"{field}[{number}]", value)
