"""This file holds what every code means: refusals, nonconformities, bad scans, malformed input, bad histories."""

from typing import Final, NamedTuple

from ledger.commands.history import REMEDY
from ledger.commands.history import WORDS as HISTORY
from ledger.domain.nonconformities import NONCONFORMITIES
from ledger.domain.refusals import REFUSALS
from ledger.isbt128.bad_scan import REASONS

Pair = tuple[str, str]
"""English and Chinese."""

MALFORMED: Final[dict[str, Pair]] = {
    "not_json": ("The line is not a JSON object in UTF-8.", "该行不是 UTF-8 编码的 JSON 对象。"),
    "line_too_long": ("The line is longer than any command.", "该行超过任何命令的长度。"),
    "nested_too_deep": ("The JSON is nested too deeply.", "JSON 嵌套过深。"),
    "unknown_command": ("There is no such command.", "没有这条命令。"),
    "unknown_field": ("The command has no such field.", "该命令没有这个字段。"),
    "field_missing": ("A required field is missing or empty.", "缺少必填字段或其为空。"),
    "not_printable": ("The text has blanks at an end, or control characters.", "文本首尾有空格，或含控制字符。"),
    "wrong_type": ("The value is of another kind than the field.", "值的类型与字段不符。"),
    "wrong_characters": ("The text has characters that do not belong there.", "文本含有不允许的字符。"),
    "too_short": ("The text is too short.", "文本过短。"),
    "too_long": ("The text is too long.", "文本过长。"),
    "not_one_of": ("The value is not one of the field's codes.", "值不是该字段可用的代码。"),
    "not_a_time": ("The value is no RFC 3339 date and time.", "值不是 RFC 3339 日期时间。"),
    "zone_missing": ("The time has no offset.", "时间缺少时区偏移。"),
    "date_out_of_range": ("The year is out of range.", "年份超出范围。"),
    "not_a_decimal": ("The value is no decimal number.", "值不是小数。"),
    "number_out_of_range": ("The number is out of range.", "数字超出范围。"),
    "too_many_decimals": ("The number has more than three decimals.", "数字的小数位超过三位。"),
    "amount_negative": ("The amount is below zero.", "数量小于零。"),
    "end_before_start": ("The end lies before the beginning.", "结束早于开始。"),
    "field_twice": ("A field is given twice in one command.", "同一命令中字段出现两次。"),
    "amount_not_positive": ("The amount is not above zero.", "数量不大于零。"),
    "bag_and_bags": ("Both bag and bags are given.", "同时给出了 bag 与 bags。"),
    "bag_named_twice": ("A bag is named twice in one command.", "同一命令中血袋出现两次。"),
    "din_and_dins": ("Both din and dins are given.", "同时给出了 din 与 dins。"),
    "din_named_twice": ("A donation is named twice in one command.", "同一命令中献血出现两次。"),
    "label_needs_product": ("A label needs a product code.", "贴签需要产品码。"),
    "same_pseudonym": ("Both pseudonyms are the same.", "两个假名相同。"),
    "fact_name_unknown": ("There is no fact of this name.", "没有此名称的记录。"),
    "field_not_amendable": ("The field cannot be amended so.", "该字段不能如此更正。"),
    "malformed": ("The command could not be understood.", "无法理解该命令。"),
    "fault": ("The store was not available; nothing is lost.", "存储不可用；没有数据丢失。"),
    "defect": (
        "This program has a defect; nothing of the command was stored.",
        "本程序存在缺陷；该命令未存入任何数据。",
    ),
}

_CORRECT: Final[Pair] = (
    "Correct the field and send it again; nothing was stored.",
    "请更正后重新发送；未存入任何数据。",
)
_SCAN: Final[Pair] = ("Scan the label again; never correct a number by guess.", "请重新扫描标签；切勿凭猜测更正编号。")


class Explained(NamedTuple):
    """What one code means; `kind` says among which errors, and `remedy` what would help."""

    kind: str
    text: Pair
    remedy: Pair | None


def explained(code: str) -> list[Explained]:
    """Every meaning of a code: the same word may be a refusal's and a nonconformity's."""
    found = []
    if (refusal := REFUSALS.get(code)) is not None:
        found.append(Explained("refusal", (refusal.en, refusal.zh), (refusal.remedy_en, refusal.remedy_zh)))
    if (names := NONCONFORMITIES.get(code)) is not None:
        found.append(Explained("nonconformity", (names.en, names.zh), None))
    if (reason := REASONS.get(code)) is not None:
        found.append(Explained("scan", (reason.en, reason.zh), _SCAN))
    if (words := MALFORMED.get(code)) is not None:
        found.append(Explained("malformed", words, _CORRECT))
    if (why := HISTORY.get(code)) is not None:
        found.append(Explained("history", why, REMEDY))
    return found


def known_codes() -> list[str]:
    """All codes that have a meaning."""
    return sorted({*REFUSALS, *NONCONFORMITIES, *REASONS, *MALFORMED, *HISTORY})
