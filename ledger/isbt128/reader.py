"""This file holds the reading of a whole scan: one structure after another, in one pass."""

from dataclasses import dataclass

from .bad_scan import BadScan, Words
from .dates import LABEL_EXPIRY
from .din import KEYED_DIN
from .layout import PRINTABLE, Json, Layout, Structure, wrong_character
from .product import MPHO
from .structures import COMPOUND, find_layout

LONGEST = 4096
_SCAN = Words("scan", "扫描")
_KNOWN = Words("a data identifier of ST-001 table 2", "ST-001 表 2 中的数据标识符")
_LOCAL = "abcdefghijklmnopqrstuvwxyz;!"


@dataclass(frozen=True)
class Scan:
    """What one scan carried, in order; printing it gives back the scanned text."""

    structures: tuple[Structure, ...]

    def text(self) -> str:
        """Print it."""
        return "".join(structure.text() for structure in self.structures)

    def find(self, *numbers: str) -> list[Structure]:
        """Give the structures with these numbers."""
        return [structure for structure in self.structures if structure.number in numbers]

    def as_list(self) -> list[dict[str, Json]]:
        """Give it as JSON: number, name, text and fields of each structure."""
        return [
            {
                "structure": found.number,
                "name": found.name,
                "position": found.position,
                "text": found.text(),
                "fields": found.fields,
            }
            for found in self.structures
        ]


def scan(text: str) -> Scan:
    """Read what a scanner sent or a person keyed.

    Shape: structures with their data identifiers, one after another or in a compound message; or,
      without an identifier, a keyed DIN (14 characters), a label expiry (12 digits, years 1900
      to 2199) or an MPHO unique identifier (29 characters).
    Range: at most 4096 characters.
    Errors: `BadScan`; nothing is repaired, blanks and line ends included.
    Source: ST-001 sections 2.1, 2.4.23 and 10.2.
    Example:
        >>> [(s.number, s.name) for s in scan("=A99992112345600=%6200").structures]
        [('001', 'DIN'), ('002', 'blood group')]
    """
    if not text:
        raise BadScan("empty", _SCAN, 1, _KNOWN, "")
    if len(text) > LONGEST:
        at_most = Words(f"at most {LONGEST} characters", f"最多 {LONGEST} 个字符")
        raise BadScan("too_long", _SCAN, LONGEST + 1, at_most, text[LONGEST : LONGEST + 1])
    if text[0] not in "=&":
        return Scan((_without_identifier(text).read_all(text),))
    if text[0] == "&" and text[1:2] and text[1] in _LOCAL:
        return Scan((_local(text),))
    return Scan(tuple(_structures(text)))


def _without_identifier(text: str) -> Layout:
    if len(text) == 12 and text[:2] in ("19", "20", "21"):
        return LABEL_EXPIRY
    if len(text) == 29:
        return MPHO
    if text[0] in PRINTABLE.characters and not text[0].isalnum():
        raise BadScan("unknown_identifier", _SCAN, 1, _KNOWN, text[:2])
    return KEYED_DIN


def _local(text: str) -> Structure:
    """Take a nationally or locally defined structure whole: its length is nobody's but the owner's.

    Source: ST-001 section 2.5.
    """
    name = Words("locally defined structure", "本地定义的数据结构")
    for index, character in enumerate(text):
        if character not in PRINTABLE.characters:
            raise wrong_character(name, text, index, PRINTABLE)
    content = text[2:]
    return Structure(1, "", name.en, text[:2], {"content": content}, {"identifier": text[:2], "content": content})


def _structures(text: str) -> list[Structure]:
    found: list[Structure] = []
    declared: int | None = None
    at = 0
    while at < len(text):
        layout = find_layout(text, at)
        if layout is None:
            raise _unknown(text, at, compound=declared is not None)
        if layout is COMPOUND and at:
            raise BadScan("not_in_compound", COMPOUND.label, at + 1, Words("it at the start only", "只能在开头"), "=+")
        if declared is not None and len(found) > declared:
            raise _wrong_count(declared, "more", at)
        structure, at = layout.read(text, at)
        if layout is COMPOUND:
            declared = int(structure.elements["count"])
        found.append(structure)
    if declared is not None and len(found) <= declared:
        raise _wrong_count(declared, str(len(found) - 1), at)
    if declared == 0:
        raise _wrong_count(1, "0", 2)
    return found


def _wrong_count(declared: int, found: str, at: int) -> BadScan:
    return BadScan(
        "wrong_count",
        COMPOUND.label,
        at + 1,
        Words(f"{declared} structures", f"{declared} 个数据结构"),
        found,
    )


def _unknown(text: str, at: int, *, compound: bool) -> BadScan:
    two = text[at : at + 2]
    if compound and two[0] == "&" and two[1:] and two[1] in _LOCAL:
        return BadScan("not_in_compound", COMPOUND.label, at + 1, _KNOWN, two)
    if text[at:] in ("=", "&", "&,"):
        return BadScan("truncated", _SCAN, len(text) + 1, _KNOWN, "")
    return BadScan("unknown_identifier", _SCAN, at + 1, _KNOWN, text[at : at + (3 if two == "&," else 2)])
