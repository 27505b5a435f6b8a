"""This file holds `BrokenFile`, the one way in which a data file is refused, in English and Chinese."""

from typing import NamedTuple

from ledger.isbt128.bad_scan import Words

_LONGEST_FOUND = 60

# Stable codes: scripts may rely on them; a code is never renamed, only added.
REASONS: dict[str, Words] = {
    # the file
    "unreadable": Words("it cannot be read", "无法读取"),
    "too_large": Words("it is larger than such data ever is", "文件过大"),
    "not_utf8": Words("it is not text in UTF-8", "不是 UTF-8 编码的文本"),
    "not_yaml": Words("it is not YAML", "不是合法的 YAML"),
    "too_deep": Words("it is nested deeper than such data ever is", "嵌套层数过多"),
    "no_files": Words("the folder holds no *.yaml file", "文件夹中没有 *.yaml 文件"),
    "wrong_ending": Words("a file with this ending would be left out", "使用此扩展名的文件不会被读取"),
    # its shape
    "anchor": Words("anchors and aliases are not allowed: say it twice", "不允许使用锚点和别名：请重复书写"),
    "directive": Words("YAML directives are not allowed", "不允许使用 YAML 指令"),
    "tag": Words("YAML tags are not allowed", "不允许使用 YAML 标签"),
    "duplicate_key": Words("it is given twice", "重复给出"),
    "unknown_field": Words("there is no such field", "没有这个字段"),
    "missing_field": Words("it is missing", "缺少此项"),
    "wrong_kind": Words("it is of the wrong kind", "类型不符"),
    # what it says
    "empty": Words("it is empty", "内容为空"),
    "malformed": Words("it is malformed", "格式不符"),
    "unknown_value": Words("this value is not known", "取值未知"),
    "out_of_range": Words("it is out of range", "超出范围"),
    "no_length": Words("a shelf life of no length", "保存期长度为零"),
    "min_above_max": Words("the lowest temperature is above the highest", "最低温度高于最高温度"),
    "low_above_high": Words("the lower bound is above the upper one", "下限高于上限"),
    "until_before_from": Words("it ends before it begins", "失效日期早于生效日期"),
    "duplicate": Words("it stands here a second time", "重复出现"),
    "same_day": Words("two rules for the same thing from the same day", "同一事项有两条规则自同一天生效"),
    "unknown_component": Words("no product has this component", "没有此成分的产品"),
    "other_measure": Words("the component is not counted in this measure", "该成分不以此单位计量"),
    "unbalanced": Words("the sums do not agree", "数量不平衡"),
    "not_met": Words("this total cannot be met", "此总量无法达到"),
    "not_covered": Words("nothing is said about one that must be covered", "缺少必须规定的事项"),
}


class Place(NamedTuple):
    """A field in a file.

    Shape: `line` from 1; None where the whole file or folder is meant. `field` as in
      `products[2].shelf_lives[0].days`, list entries counted from 0; empty for the file as a whole.
    """

    file: str
    line: int | None = None
    field: str = ""


class BrokenFile(ValueError):
    """A data file that cannot be taken: which file, line and field, what is wrong and what was expected.

    Nothing of a broken file is used.
    Example:
        >>> place = Place("p.yaml", 7, "products[0].measure")
        >>> broken = BrokenFile("unknown_value", place, Words("U, mL or dose", "U、mL 或 dose"), "L")
        >>> broken.message("en")
        "p.yaml, line 7, products[0].measure: this value is not known; expected U, mL or dose, found 'L'"
        >>> broken.message("zh")
        "p.yaml，第 7 行，products[0].measure：取值未知；应为 U、mL 或 dose，实为 'L'"
    """

    def __init__(self, code: str, place: Place, expected: Words, found: str = "") -> None:
        super().__init__(code, place, expected, found)
        self.code = code
        self.file, self.line, self.field = place
        self.found = found
        self._expected = expected

    @property
    def expected(self) -> str:
        """What could have stood there."""
        return self._expected.en

    def message(self, lang: str = "en") -> str:
        """Say it as a sentence, in `en` or `zh`."""
        reason = REASONS[self.code]
        # Quoted and cut: what stands in a broken file must not reach a terminal as it is.
        shown = self.found if len(self.found) <= _LONGEST_FOUND else f"{self.found[:_LONGEST_FOUND]}…"
        if lang == "zh":
            where = [self.file, f"第 {self.line} 行" if self.line else "", self.field]
            found = f"，实为 {shown!r}" if shown else ""
            return f"{'，'.join(filter(None, where))}：{reason.zh}；应为 {self._expected.zh}{found}"
        where = [self.file, f"line {self.line}" if self.line else "", self.field]
        found = f", found {shown!r}" if shown else ""
        return f"{', '.join(filter(None, where))}: {reason.en}; expected {self._expected.en}{found}"

    def as_dict(self) -> dict[str, str | int | None]:
        """Say it as JSON, for machines and both kinds of reader."""
        return {
            "code": self.code,
            "file": self.file,
            "line": self.line,
            "field": self.field,
            "expected": self.expected,
            "found": self.found,
            "message_en": self.message("en"),
            "message_zh": self.message("zh"),
        }

    def __str__(self) -> str:
        return self.message("en")
