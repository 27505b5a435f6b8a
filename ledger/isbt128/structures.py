"""This file holds the table of all data structures by data identifier."""

from .bad_scan import Words
from .blood_group import BLOOD_GROUP
from .dates import DATES
from .din import DIN
from .layout import DIGIT, Json, Layout, Part, element
from .product import DIVISIONS, PRODUCT, SEC
from .supplementary import SUPPLEMENTARY


def _judge_compound(part: Part) -> dict[str, Json]:
    return {"count": int(part["count"]), "sequence": part["sequence"]}


# Source: ST-001 section 2.4.23; so many structures follow, in the order that the sequence names (000: any).
COMPOUND = Layout(
    "023",
    Words("compound message", "复合消息"),
    "=+",
    (element("count", DIGIT, 2), element("sequence", DIGIT, 3)),
    _judge_compound,
)

# Source: ST-001 section 2.3, table 2 [RT003]. The DIN is not here: after `=` its own first letter follows.
BY_IDENTIFIER = {
    layout.identifier: layout for layout in (BLOOD_GROUP, PRODUCT, *DATES, COMPOUND, DIVISIONS, SEC, *SUPPLEMENTARY)
}


def find_layout(text: str, at: int) -> Layout | None:
    """Find which structure begins at `at`; None when none does.

    Source: ST-001 section 2.1.
    Example:
        >>> [find_layout(text, 0).number for text in ("=%6200", "=A9999", "&,4")]
        ['002', '001', '038']
    """
    two = text[at : at + 2]
    if len(two) == 2 and two[0] == "=" and two[1].isalnum():
        return DIN if _may_be_din(text, at + 1) else None
    return BY_IDENTIFIER.get(two) or BY_IDENTIFIER.get(text[at : at + 3])


def _may_be_din(text: str, at: int) -> bool:
    """Take a lower case letter for a badly typed DIN only if the rest looks like one."""
    return not text[at].islower() or text[at + 3 : at + 5].isdigit()
