"""This file holds how a data structure is laid out, read and printed: fixed fields of fixed alphabets."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from string import ascii_lowercase, ascii_uppercase, digits
from typing import NamedTuple

from .bad_scan import BadScan, Words

Json = str | int | bool | None | Sequence["Json"] | Mapping[str, "Json"]


class Alphabet(NamedTuple):
    """The characters that may stand at one position."""

    characters: frozenset[str]
    words: Words


def _alphabet(characters: str, en: str, zh: str) -> Alphabet:
    return Alphabet(frozenset(characters), Words(en, zh))


_NO_O = ascii_uppercase.replace("O", "")
DIGIT = _alphabet(digits, "a digit 0-9", "数字 0-9")
UPPER = _alphabet(ascii_uppercase, "a letter A-Z", "大写字母 A-Z")
UPPER_DIGIT = _alphabet(ascii_uppercase + digits, "A-Z or 0-9", "A-Z 或 0-9")
LOWER_DIGIT = _alphabet(ascii_lowercase + digits, "a-z or 0-9", "a-z 或 0-9")
ANY_CASE_DIGIT = _alphabet(ascii_uppercase + ascii_lowercase + digits, "A-Z, a-z or 0-9", "A-Z、a-z 或 0-9")
FIN_FIRST = _alphabet(_NO_O + digits[1:], "A-N, P-Z or 1-9", "A-N、P-Z 或 1-9")
FIN_LATER = _alphabet(_NO_O + digits, "A-N, P-Z or 0-9", "A-N、P-Z 或 0-9")
FLAG = _alphabet(_NO_O.replace("I", "").replace("Q", "").replace("Z", "") + digits,
                 "0-9, A-H, J-N, P or R-Y", "0-9、A-H、J-N、P 或 R-Y")  # fmt: skip
CHECK = _alphabet(digits + ascii_uppercase + "*", "0-9, A-Z or *", "0-9、A-Z 或 *")
PRINTABLE = _alphabet("".join(map(chr, range(32, 127))), "a printable ASCII character", "可打印的 ASCII 字符")


class Element(NamedTuple):
    """One named element of a structure, one alphabet per character."""

    name: str
    alphabets: tuple[Alphabet, ...]


def element(name: str, alphabet: Alphabet, width: int) -> Element:
    """An element whose characters are all of one alphabet."""
    return Element(name, (alphabet,) * width)


def wrong_character(structure: Words, text: str, index: int, alphabet: Alphabet) -> BadScan:
    """Say why `text[index]` is not of the alphabet; the text may also have ended."""
    found = text[index : index + 1]
    allowed = alphabet.characters
    if not found:
        code = "truncated"
    elif found == "O" or (found == "o" and "O" not in allowed):
        code = "letter_o"
    elif found not in allowed and found.islower() and found.upper() in allowed:
        code = "lower_case"
    else:
        code = "wrong_character"
    return BadScan(code, structure, index + 1, alphabet.words, found)


class Part:
    """A structure whose characters fit their alphabets, about to be judged as a whole."""

    def __init__(self, structure: Words, start: int) -> None:
        self.structure = structure
        self._at = start
        self._starts: dict[str, int] = {}
        self.elements: dict[str, str] = {}

    def add(self, name: str, value: str) -> None:
        """Take the next element."""
        self._starts[name] = self._at
        self.elements[name] = value
        self._at += len(value)

    def __getitem__(self, name: str) -> str:
        return self.elements[name]

    def bad(self, code: str, name: str, expected: Words, offset: int = 0) -> BadScan:
        """Say that this element, well-formed by itself, is wrong."""
        found = self.elements[name]
        return BadScan(code, self.structure, self._starts[name] + offset + 1, expected, found[offset:])


@dataclass(frozen=True)
class Structure:
    """One structure found in a scan; printing it gives back its characters.

    Shape: `position` is where it begins in the scanned text, from 1. `elements` are its characters
      as printed, `fields` what they mean (JSON).
    """

    position: int
    number: str
    name: str
    identifier: str
    elements: dict[str, str]
    fields: dict[str, Json]

    def label(self) -> str:
        """The name by which errors call it, e.g. `001 DIN`."""
        return f"{self.number} {self.name}".lstrip()

    def text(self) -> str:
        """Print it: data identifier, then its elements."""
        return self.identifier + "".join(self.elements.values())


def as_read(part: Part) -> dict[str, Json]:
    """Take the elements as they are for the fields."""
    return dict(part.elements)


@dataclass(frozen=True)
class Layout:
    """How one structure looks; `judge` turns its elements into fields or says what is wrong.

    Shape: identifier, elements of fixed width, and for three structures of ST-001 a `tail`
      whose width follows from an element before it.
    """

    number: str
    words: Words
    identifier: str
    elements: tuple[Element, ...]
    judge: Callable[[Part], dict[str, Json]] = as_read
    tail: tuple[str, Alphabet, Callable[[Part], int]] | None = None

    @property
    def label(self) -> Words:
        """The name by which errors call it, e.g. `001 DIN`."""
        return Words(f"{self.number} {self.words.en}".lstrip(), f"{self.number} {self.words.zh}".lstrip())

    def read(self, text: str, start: int = 0) -> tuple[Structure, int]:
        """Read it at `start`; the index behind it comes back with it."""
        at = start + len(self.identifier)
        part = Part(self.label, at)
        for name, alphabets in self.elements:
            at = _take(part, name, alphabets, text, at)
        if self.tail:
            name, alphabet, width = self.tail
            at = _take(part, name, (alphabet,) * width(part), text, at)
        fields = self.judge(part)
        return Structure(start + 1, self.number, self.words.en, self.identifier, part.elements, fields), at

    def read_all(self, text: str) -> Structure:
        """Read a text that holds this structure and nothing else."""
        found, at = self.read(text)
        if at < len(text):
            raise BadScan("extra_characters", self.label, at + 1, Words("the end", "结尾"), text[at:])
        return found


def _take(part: Part, name: str, alphabets: tuple[Alphabet, ...], text: str, at: int) -> int:
    for index, alphabet in enumerate(alphabets, at):
        if text[index : index + 1] not in alphabet.characters:
            raise wrong_character(part.structure, text, index, alphabet)
    end = at + len(alphabets)
    part.add(name, text[at:end])
    return end
