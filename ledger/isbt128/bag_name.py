"""This file holds the name of a bag as a stream: `DIN=PRODUCT`, `DIN=PRODUCT=NNNNNN` or `DIN#N`."""

import re
from typing import NamedTuple, NoReturn, Self

from .bad_scan import BadScan, Words
from .din import BARE_DIN
from .layout import DIGIT
from .product import BARE_DIVISIONS, BARE_PRODUCT, DIVISION_ELSEWHERE

_DIN = "[A-NP-Z1-9][A-NP-Z0-9]{2}[0-9]{10}"
_KIND = "[A-Z][A-Z0-9]{4}[A-Za-z0-9]"
_NAME = re.compile(
    rf"(?P<din>{_DIN})(?:"
    rf"=(?P<product>{_KIND}(?!99)[A-Z0-9][a-z0-9])"
    rf"|=(?P<divided>{_KIND}99)=(?P<division>[A-Z0-9]{{6}})"
    r"|\#(?P<container>[1-9][0-9]{0,5}))"
)
_is_name = _NAME.fullmatch
_is_din = re.compile(_DIN).fullmatch
_BAG = Words("bag name", "血袋名称")
_AFTER_DIN = Words("= and a product code, or # and a container number", "= 加产品码，或 # 加容器号")


class BagName(NamedTuple):
    """Which bag: a labelled one by DIN and product code, an unlabelled container by DIN and number.

    Shape: `product` and `container`: exactly one is set. `division` is the six characters of
      structure 032, set if and only if the product code ends in 99.
    Errors: `BadScan` from `parse` and `of`.
    Source: ST-001 sections 2.4.1, 2.4.3 and 2.4.32; `DIN#N` is ours.
    Example:
        >>> BagName.parse("A999926123456=E0336V00").product
        'E0336V00'
        >>> str(BagName("A999926123456", container=2))
        'A999926123456#2'
    """

    din: str
    product: str | None = None
    division: str | None = None
    container: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a name."""
        match = _is_name(text)
        if match is None:
            _explain(text)
        din, product, divided, division, container = match.groups()
        return cls(din, product or divided, division, int(container) if container else None)

    @classmethod
    def of(cls, din: str, product: str, division: str | None = None) -> Self:
        """Name a labelled bag by the parts of its label."""
        return cls.parse(f"{din}={product}" + ("" if division is None else f"={division}"))

    def __str__(self) -> str:
        if self.container is not None:
            return f"{self.din}#{self.container}"
        return f"{self.din}={self.product}" + (f"={self.division}" if self.division else "")


def check(text: str) -> str:
    """Give the name back when it is one; quick, because every command asks.

    Errors: `BadScan`.
    Example:
        >>> check("A999926123456#1")
        'A999926123456#1'
    """
    if _is_name(text) is None:
        _explain(text)
    return text


def check_din(text: str) -> str:
    """Give the DIN back when it is one: 13 characters, neither flags nor check character.

    Errors: `BadScan`.
    Example:
        >>> check_din("4103016022038")
        '4103016022038'
    """
    if _is_din(text) is None:
        BARE_DIN.read_all(text)
        raise AssertionError(f"the two readers of a DIN disagree about {text!r}")
    return text


def _explain(text: str) -> NoReturn:
    """Say what is wrong with a name, by reading it slowly."""
    _, at = BARE_DIN.read(text)
    sign = text[at : at + 1]
    if sign == "=":
        _explain_labelled(text, at + 1)
    elif sign == "#":
        _explain_container(text, at + 1)
    else:
        raise BadScan("wrong_character" if sign else "truncated", _BAG, at + 1, _AFTER_DIN, sign)
    raise AssertionError(f"the two readers of a bag name disagree about {text!r}")


def _explain_labelled(text: str, start: int) -> None:
    product, at = BARE_PRODUCT.read(text, start)
    elsewhere = product.elements["division"] == DIVISION_ELSEWHERE
    if elsewhere and text[at : at + 1] != "=":
        words = Words("= and six characters of structure 032", "= 加数据结构 032 的六个字符")
        raise BadScan("division_needed", _BAG, at + 1, words, text[at : at + 1])
    if not elsewhere and text[at : at + 1] == "=":
        raise BadScan("division_not_allowed", _BAG, at + 1, Words("the end", "结尾"), text[at:])
    if elsewhere:
        _, at = BARE_DIVISIONS.read(text, at + 1)
    if at < len(text):
        raise BadScan("extra_characters", _BAG, at + 1, Words("the end", "结尾"), text[at:])


def _explain_container(text: str, start: int) -> None:
    digits = text[start:]
    words = Words("a container number 1-999999 without leading zeros", "容器号 1-999999，无前导零")
    for index, character in enumerate(digits):
        if character not in DIGIT.characters or index == 6 or (index == 0 and character == "0"):
            raise BadScan("wrong_character", _BAG, start + index + 1, words, character)
    if not digits:
        raise BadScan("truncated", _BAG, start + 1, words, "")
