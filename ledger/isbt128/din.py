"""This file holds the donation identification number (DIN), its flags and its check character."""

from stdnum.iso7064 import mod_37_2

from .bad_scan import Words
from .layout import CHECK, DIGIT, FIN_FIRST, FIN_LATER, FLAG, Element, Json, Layout, Part, element

FACILITY = Element("facility", (FIN_FIRST, FIN_LATER, FIN_LATER, DIGIT, DIGIT))
DIN_ELEMENTS = (FACILITY, element("year", DIGIT, 2), element("sequence", DIGIT, 6))

_CHECK_VALUES = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ*"
# Source: ST-001 section 3.1, table 3 [RT004]; what the flags say of the thing the label is on.
_FLAG_MEANINGS = {
    "00": "none", "05": "repeated_label", "06": "pilot_tube", "07": "test_tube", "08": "donor_record",
    "09": "nat_sample", "10": "bacterial_sample", "11": "match_with_unit", "12": "affixed_partial_label",
    "13": "attached_label",
}  # fmt: skip
SAMPLE_OR_RECORD_FLAGS = frozenset({"06", "07", "08", "09", "10"})


def _check(din: str) -> str:
    return mod_37_2.calc_check_digit(din)


def check_character(din: str) -> str:
    """Give the check character K that is printed beside a DIN for keyboard entry.

    Errors: `BadScan` when the text is not a DIN.
    Source: ST-001 appendix A.1 (ISO/IEC 7064 MOD 37-2, by python-stdnum).
    Example:
        >>> check_character("A999926000088")
        '*'
    """
    return _check(BARE_DIN.read_all(din).text())


def type3_flags(din: str) -> str:
    """Give the flag characters that carry the check value of a DIN inside a barcode.

    Range: 60 to 96.
    Errors: `BadScan` when the text is not a DIN.
    Source: ST-001 appendix A.2 (60 plus the MOD 37-2 check value).
    Example:
        >>> type3_flags("G123417654321")
        '70'
    """
    return _type3(BARE_DIN.read_all(din).text())


def _type3(din: str) -> str:
    return str(60 + _CHECK_VALUES.index(_check(din)))


def flag_meaning(flags: str) -> str:
    """Name what a pair of flag characters says.

    Source: ST-001 section 3.1, table 3 [RT004].
    Example:
        >>> flag_meaning("09"), flag_meaning("16"), flag_meaning("55"), flag_meaning("70")
        ('nat_sample', 'container_6', 'local', 'check')
    """
    if flags in _FLAG_MEANINGS:
        return _FLAG_MEANINGS[flags]
    number = int(flags) if flags.isdigit() else 97
    if 1 <= number <= 4:
        return f"container_{number}"
    if 15 <= number <= 19:
        return f"container_{number - 10}"
    if 20 <= number <= 59:
        return "local"
    return "check" if 60 <= number <= 96 else "reserved"


def is_container(flags: str) -> bool:
    """Whether a label with these flags may stand on a bag; sample tubes and records may not.

    Example:
        >>> is_container("00"), is_container("06")
        (True, False)
    """
    return flags not in SAMPLE_OR_RECORD_FLAGS


def din_of(part: Part) -> str:
    """Join the 13 characters of the DIN."""
    return part["facility"] + part["year"] + part["sequence"]


def _din_fields(part: Part) -> dict[str, Json]:
    return {
        "din": din_of(part),
        "facility": part["facility"],
        "year": part["year"],
        "sequence": part["sequence"],
        "check_character": _check(din_of(part)),
    }


def _judge_scanned(part: Part) -> dict[str, Json]:
    flags, meaning = part["flags"], flag_meaning(part["flags"])
    right = _type3(din_of(part))
    if meaning == "check" and flags != right:
        raise part.bad("wrong_flags", "flags", Words(f"{right} for this DIN", f"此编号的 {right}"))
    return _din_fields(part) | {
        "flags": flags,
        "flag_meaning": meaning,
        "is_container": is_container(flags),
    }


def _judge_keyed(part: Part) -> dict[str, Json]:
    right = _check(din_of(part))
    if part["check"] != right:
        raise part.bad("wrong_check_character", "check",
                       Words(f"{right} for the DIN as keyed", f"{right}（按所输入的编号）"))  # fmt: skip
    return _din_fields(part) | {"flags": None, "flag_meaning": None, "is_container": True}


# Source: ST-001 section 2.4.1. The second character of the identifier is the first of the DIN.
DIN = Layout("001", Words("DIN", "献血编号 DIN"), "=", (*DIN_ELEMENTS, element("flags", FLAG, 2)), _judge_scanned)
BARE_DIN = Layout("", Words("DIN", "献血编号 DIN"), "", DIN_ELEMENTS, _din_fields)
# Source: ST-001 section 7.5 and appendix A.
KEYED_DIN = Layout(
    "",
    Words("keyed DIN", "键盘输入的献血编号"),
    "",
    (*DIN_ELEMENTS, element("check", CHECK, 1)),
    _judge_keyed,
)


def parse_keyed(text: str) -> str:
    """Read a DIN typed with its check character; give the DIN.

    Shape: 14 characters, the DIN and K, without blanks.
    Errors: `BadScan`; a wrong character is never repaired.
    Source: ST-001 section 7.5.
    Example:
        >>> parse_keyed("A999914123458J")
        'A999914123458'
    """
    return str(KEYED_DIN.read_all(text).fields["din"])
