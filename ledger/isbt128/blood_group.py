"""This file holds the blood group code: ABO, RhD, intended use, phenotypes and special messages."""

from typing import NamedTuple

from .bad_scan import Words
from .layout import ANY_CASE_DIGIT, UPPER_DIGIT, Json, Layout, Part, element


class BloodGroup(NamedTuple):
    """What the two characters `gg` say.

    Shape: `abo` A, B, O, AB or pooled; `rhd` positive, negative or pooled; None when not said.
      `variant` A1, A2, bombay or para_bombay. `message` is set instead of a group.
    """

    abo: str | None = None
    rhd: str | None = None
    variant: str | None = None
    intended_use: str | None = None
    message: str | None = None


_USES = ("directed", "emergency", "directed_biohazardous", "directed_crossover", "unspecified",
         "autologous_crossover", "autologous", "autologous_biohazardous")  # fmt: skip
_DEFAULT = _USES.index("unspecified")
# Numbered groups: intended use unspecified has this number, the other uses lie around it.
_NUMBERED = {
    95: ("O", "negative"), 51: ("O", "positive"), 6: ("A", "negative"), 62: ("A", "positive"),
    17: ("B", "negative"), 73: ("B", "positive"), 28: ("AB", "negative"), 84: ("AB", "positive"),
}  # fmt: skip
# Lettered groups: the letter names the group, the digit 2-9 the intended use (6: unspecified).
_LETTERED = {
    "D": (None, "negative", "para_bombay"), "E": (None, "positive", "para_bombay"),
    "G": (None, "negative", "bombay"), "H": (None, "positive", "bombay"),
    "I": ("O", "negative", "para_bombay"), "J": ("O", "positive", "para_bombay"),
    "K": ("A", "negative", "para_bombay"), "L": ("B", "negative", "para_bombay"),
    "M": ("AB", "negative", "para_bombay"), "N": ("A", "positive", "para_bombay"),
    "O": ("B", "positive", "para_bombay"), "Q": ("AB", "positive", "para_bombay"),
}  # fmt: skip
# RhD not said: a number of its own when the use is unspecified, else letter and digit.
_ABO_ONLY = {"O": ("55", "P"), "A": ("66", "A"), "B": ("77", "B"), "AB": ("88", "C")}
_SINGLE = {
    "A0": BloodGroup("A", "pooled"), "B0": BloodGroup("B", "pooled"), "C0": BloodGroup("AB", "pooled"),
    "D0": BloodGroup("O", "pooled"), "E0": BloodGroup("pooled", "positive"),
    "F0": BloodGroup("pooled", "negative"), "G0": BloodGroup("pooled", "pooled"),
    "H0": BloodGroup("pooled"), "I0": BloodGroup("A", variant="A1"), "J0": BloodGroup("A", variant="A2"),
    "K0": BloodGroup("AB", variant="A1"), "L0": BloodGroup("AB", variant="A2"),
}  # fmt: skip
_MESSAGES = {
    "00": "no_group_information", "Ma": "autologous", "Mb": "biohazardous", "Md": "discard",
    "Mf": "fractionation_only", "Mq": "quarantine", "Mr": "research_only", "Mx": "not_for_transfusion",
    "T1": "tissue_rhd_positive", "T2": "tissue_rhd_negative", "T3": "tissue_group_not_specified",
    "T4": "tissue_autologous_quarantine", "T5": "tissue_see_outer_packaging",
    "T6": "tissue_sterilize_before_release",
}  # fmt: skip
_FORBIDS = frozenset({"discard", "fractionation_only", "quarantine", "research_only", "not_for_transfusion"})


def _codes() -> dict[str, BloodGroup]:
    """Spread the rules into one table, code by code.

    Source: ST-001 section 3.1, tables 4 [RT005] and 5 [RT006].
    """
    table = dict(_SINGLE)
    for place, use in enumerate(_USES):
        for number, (abo, rhd) in _NUMBERED.items():
            table[f"{number + place - _DEFAULT:02}"] = BloodGroup(abo, rhd, intended_use=use)
        for letter, (group, rh, variant) in _LETTERED.items():
            table[f"{letter}{place + 2}"] = BloodGroup(group, rh, variant, use)
        for abo, (unspecified, letter) in _ABO_ONLY.items():
            code = unspecified if place == _DEFAULT else f"{letter}{place + 2}"
            table[code] = BloodGroup(abo, intended_use=use)
    return table | {code: BloodGroup(message=message) for code, message in _MESSAGES.items()}


BLOOD_GROUPS = _codes()
# Rows of ST-001 section 3.1, table 6 [RT007]: C, c, E, e; the letters add what anti-K found.
_RH = ("????", "-+-+", "++-+", "++++", "+++-", "-+++", "-++-", "+--+", "+-++", "+-+-", "-?-?")
_KELL = {"?": "0123456789X", "-": "SABCDEFGHIY", "+": "TJKLMNOPQRZ"}
_SIGNS = {"?": None, "-": "negative", "+": "positive"}


def phenotypes(code: str) -> dict[str, Json]:
    """Give the red cell phenotypes that the character `r` says; what is not said is left out.

    Source: ST-001 section 3.1, table 6 [RT007].
    Example:
        >>> phenotypes("E")
        {'K': 'negative', 'C': 'negative', 'c': 'positive', 'E': 'positive', 'e': 'positive'}
        >>> phenotypes("V"), phenotypes("0")
        ({'Mia/Mur': 'positive'}, {})
    """
    if code in "UV":
        return {"Mia/Mur": "negative" if code == "U" else "positive"}
    for kell, row in _KELL.items():
        if code in row:
            signs = kell + _RH[row.index(code)]
            return {name: _SIGNS[sign] for name, sign in zip("KCcEe", signs, strict=True) if sign != "?"}
    return {"see": "special_testing"}


def _judge(part: Part) -> dict[str, Json]:
    group = BLOOD_GROUPS.get(part["group"])
    if group is None:
        words = Words("a blood group or message code of ST-001 tables 4 and 5",
                      "ST-001 表 4 或表 5 中的血型或信息代码")  # fmt: skip
        raise part.bad("unknown_group", "group", words)
    if part["reserved"] != "0":
        raise part.bad("reserved", "reserved", Words("0", "0"))
    return {
        "code": part["group"] + part["phenotypes"] + part["reserved"],
        **group._asdict(),
        "phenotypes": phenotypes(part["phenotypes"]),
        "forbids_transfusion": group.message in _FORBIDS,
    }


# Source: ST-001 section 2.4.2.
BLOOD_GROUP = Layout(
    "002",
    Words("blood group", "血型"),
    "=%",
    (
        element("group", ANY_CASE_DIGIT, 2),
        element("phenotypes", UPPER_DIGIT, 1),
        element("reserved", UPPER_DIGIT, 1),
    ),
    _judge,
)


def parse_blood_group(text: str) -> BloodGroup:
    """Read the four characters of a blood group code, as labels and messages write them.

    Shape: a string; `0600` is A RhD negative and `600` is nothing.
    Errors: `BadScan`; the position counts the two characters of the data identifier.
    Source: ST-001 section 2.4.2.
    Example:
        >>> parse_blood_group("0600").abo, parse_blood_group("0600").rhd
        ('A', 'negative')
        >>> parse_blood_group("Mx00").message
        'not_for_transfusion'
    """
    return BLOOD_GROUPS[BLOOD_GROUP.read_all(BLOOD_GROUP.identifier + text).elements["group"]]
