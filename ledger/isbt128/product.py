"""This file holds the product code, the product divisions and the identifiers of tissue (MPHO, SEC)."""

from dataclasses import replace

from .bad_scan import Words
from .dates import calendar_day
from .din import DIN_ELEMENTS, din_of
from .layout import (
    ANY_CASE_DIGIT,
    DIGIT,
    FIN_FIRST,
    FIN_LATER,
    LOWER_DIGIT,
    UPPER,
    UPPER_DIGIT,
    Element,
    Json,
    Layout,
    Part,
    element,
)

DESCRIPTION = Element("description", (UPPER, *(UPPER_DIGIT,) * 4))
PRODUCT_ELEMENTS = (
    DESCRIPTION,
    element("collection", ANY_CASE_DIGIT, 1),
    Element("division", (UPPER_DIGIT, LOWER_DIGIT)),
)
DIVISION_ELSEWHERE = "99"
_DIVIDED_BY_THREE = "MNRTVW"


def _judge_product(part: Part) -> dict[str, Json]:
    """Join the product code; national and local codes are read like any other, policy decides.

    Source: ST-001 section 2.4.3: for tissues, organs and milk all three last characters are the
      division, for blood and cells the first of them is the type of collection.
    """
    whole_division = part["description"][0] in _DIVIDED_BY_THREE
    collection, division = part["collection"], part["division"]
    return {
        "product": "".join(part.elements.values()),
        "description": part["description"],
        "collection": None if whole_division else collection,
        "division": collection + division if whole_division else division,
        "needs_divisions": division == DIVISION_ELSEWHERE,
    }


# Source: ST-001 section 2.4.3.
PRODUCT = Layout("003", Words("product code", "产品码"), "=<", PRODUCT_ELEMENTS, _judge_product)
BARE_PRODUCT = Layout("", Words("product code", "产品码"), "", PRODUCT_ELEMENTS, _judge_product)
# Source: ST-001 section 2.4.32.
DIVISIONS = Layout("032", Words("product divisions", "产品分装码"), "=,", (element("divisions", UPPER_DIGIT, 6),))
BARE_DIVISIONS = replace(DIVISIONS, identifier="")

_NO_FACILITY = "00000"


def _judge_mpho(part: Part) -> dict[str, Json]:
    facility = part["assigned_by"]
    if facility[0] not in FIN_FIRST.characters and facility != _NO_FACILITY:
        raise part.bad("wrong_character", "assigned_by", FIN_FIRST.words)
    return {
        **part.elements,
        "assigned_by": None if facility == _NO_FACILITY else facility,
        "din": din_of(part),
    }


# Source: the layout and examples of the golden vectors; 00000 in one of them is taken for "no facility".
MPHO = Layout(
    "",
    Words("MPHO unique identifier", "人源医疗产品唯一标识"),
    "",
    (
        Element("assigned_by", (FIN_LATER,) * 3 + (DIGIT,) * 2),
        DESCRIPTION,
        *DIN_ELEMENTS,
        element("division", ANY_CASE_DIGIT, 6),
    ),
    _judge_mpho,
)


def _judge_sec(part: Part) -> dict[str, Json]:
    given = part["year"] + part["month"] + part["day"] != "00000000"
    expires = calendar_day(part, "year", "month", "day") if given else None
    return {**part.elements, "expires_on": expires}


# Source: ST-001 section 2.4.38 gives 40 characters; their division is that of ST-012 (EU directive 2015/565).
SEC = Layout(
    "038",
    Words("Single European Code", "单一欧洲码"),
    "&,4",
    (
        element("country", UPPER, 2),
        element("establishment", ANY_CASE_DIGIT, 6),
        element("donation", ANY_CASE_DIGIT, 13),
        element("coding_system", UPPER, 1),
        element("product", ANY_CASE_DIGIT, 7),
        element("split", ANY_CASE_DIGIT, 3),
        element("year", DIGIT, 4),
        element("month", DIGIT, 2),
        element("day", DIGIT, 2),
    ),
    _judge_sec,
)
