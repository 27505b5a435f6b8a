"""This file holds `BadScan`, the one way in which this package says no, in English and Chinese."""

from typing import NamedTuple


class Words(NamedTuple):
    """The same words in both languages."""

    en: str
    zh: str


# Stable codes: scripts and screens may rely on them; a code is never renamed, only added.
REASONS: dict[str, Words] = {
    "empty": Words("nothing was scanned", "没有扫描内容"),
    "too_long": Words("the text is longer than any label", "文本长度超过任何标签"),
    "truncated": Words("the text ends too early", "内容不完整，提前结束"),
    "extra_characters": Words("something follows the end", "结尾之后还有多余字符"),
    "unknown_identifier": Words("no structure begins like this", "没有以此开头的数据结构"),
    "wrong_character": Words("this character cannot stand here", "此处不允许该字符"),
    "lower_case": Words("lower case where upper case is required", "应为大写，却是小写"),
    "letter_o": Words(
        "letter O, which is never used here (0 and O are not the same)", "字母 O 不可用于此处（O 不是 0）"
    ),
    "wrong_check_character": Words("the check character does not fit", "校验符不符"),
    "wrong_flags": Words("the type 3 flag characters do not fit the DIN", "第三类标志字符与献血编号不符"),
    "wrong_checksum": Words("the checksum does not fit", "校验和不符"),
    "no_such_day": Words("there is no such day", "没有这一天"),
    "no_such_time": Words("there is no such time of day", "没有这一时刻"),
    "unknown_group": Words("no such blood group code", "没有这个血型代码"),
    "reserved": Words("the standard reserves this place", "标准保留此位置"),
    "wrong_count": Words("the number of structures differs from the number declared", "数据结构数与声明的数目不符"),
    "not_in_compound": Words("this structure may not stand in a compound message", "该数据结构不得出现在复合消息中"),
    "no_din": Words("the scan carries no DIN", "扫描中没有献血编号"),
    "two_dins": Words("the scan carries two different DINs", "扫描中有两个不同的献血编号"),
    "no_product": Words("the scan carries no product code", "扫描中没有产品码"),
    "two_products": Words("the scan carries two different product codes", "扫描中有两个不同的产品码"),
    "two_divisions": Words("the scan carries two different product divisions", "扫描中有两个不同的产品分装码"),
    "sample_or_record": Words(
        "this label belongs to a sample tube or a record, not to a bag",
        "这是样本管或记录的标签，不是血袋标签",
    ),
    "division_needed": Words(
        "division 99 says that the product divisions structure 032 must follow",
        "分装码 99 要求同时给出数据结构 032",
    ),
    "division_not_allowed": Words("product divisions go with division 99 only", "只有分装码 99 才可带数据结构 032"),
}


class BadScan(ValueError):
    """A text that cannot be read: which structure, which character, what was expected. Never repaired.

    Shape: `position` counts characters of the scanned text from 1; a text that ends too early
      has the position just behind its end.
    Example:
        >>> bad = BadScan("wrong_character", Words("001 DIN", "001 献血编号"), 2, Words("1-9", "1-9"), "0")
        >>> bad.message("en")
        "001 DIN, character 2: this character cannot stand here; expected 1-9, found '0'"
        >>> bad.message("zh")
        '001 献血编号，第 2 个字符：此处不允许该字符；应为 1-9，实为“0”'
    """

    def __init__(self, code: str, structure: Words, position: int, expected: Words, found: str) -> None:
        super().__init__(code, structure, position, expected, found)
        self.code = code
        self.position = position
        self.found = found
        self._structure = structure
        self._expected = expected

    @property
    def structure(self) -> str:
        """Which structure was being read, e.g. `001 DIN`."""
        return self._structure.en

    @property
    def expected(self) -> str:
        """What could have stood at that position."""
        return self._expected.en

    def message(self, lang: str = "en") -> str:
        """Say it as a sentence, in `en` or `zh`."""
        reason = REASONS[self.code]
        if lang == "zh":
            found = f"“{self.found}”" if self.found else "空"
            return (
                f"{self._structure.zh}，第 {self.position} 个字符：{reason.zh}；应为 {self._expected.zh}，实为{found}"
            )
        found = repr(self.found) if self.found else "nothing"
        return (
            f"{self._structure.en}, character {self.position}: {reason.en}; expected {self._expected.en}, found {found}"
        )

    def as_dict(self) -> dict[str, str | int]:
        """Say it as JSON, for machines and both kinds of reader."""
        return {
            "code": self.code,
            "structure": self.structure,
            "position": self.position,
            "expected": self.expected,
            "found": self.found,
            "message_en": self.message("en"),
            "message_zh": self.message("zh"),
        }

    def __str__(self) -> str:
        return self.message("en")
