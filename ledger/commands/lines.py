"""This file holds how lines are taken from a file or a pipe: numbered, without blank ones, whatever they hold."""

import select
from collections.abc import Iterator
from typing import IO, Final, NamedTuple

from ledger.commands.reading import LONGEST_LINE

BOM: Final = b"\xef\xbb\xbf"
BLOCK: Final = 1 << 16
QUIET_SECONDS: Final = 0.1
"""After this long without input, a sender that waits for its answers gets them."""


class Line(NamedTuple):
    """One line that is not blank.

    Shape: `number` counts every line from 1; `text` is without its end, and cut behind LONGEST_LINE bytes.
    """

    number: int
    text: bytes


def lines_of(source: IO[bytes], longest: int = LONGEST_LINE) -> Iterator[Line | None]:
    """The lines of a source; None wherever the sender pauses. A byte order mark and CRs are dropped."""
    number = 0
    kept = b""
    skipping = False
    for block in _blocks(source):
        if block is None:
            yield None
            continue
        *whole, kept = (kept + block).split(b"\n")
        for text in whole:
            number += 1
            if not skipping:
                yield from _line(number, text, longest)
            skipping = False
        if len(kept) > longest + 2:
            if not skipping:
                yield Line(number + 1, kept[: longest + 1])
            skipping, kept = True, b""
    if kept and not skipping:
        yield from _line(number + 1, kept, longest)


def _line(number: int, text: bytes, longest: int) -> Iterator[Line]:
    text = text.removesuffix(b"\r")
    if number == 1:
        text = text.removeprefix(BOM)
    if text and not text.isspace():
        yield Line(number, text[: longest + 1])


def _blocks(source: IO[bytes]) -> Iterator[bytes | None]:
    """What can be read without waiting, block by block; None where there is nothing yet."""
    read = getattr(source, "read1", source.read)
    descriptor = _descriptor(source)
    while True:
        if descriptor is not None and not select.select([descriptor], [], [], QUIET_SECONDS)[0]:
            yield None
            select.select([descriptor], [], [])
        block = read(BLOCK)
        if not block:
            return
        yield block


def _descriptor(source: IO[bytes]) -> int | None:
    """What can be asked whether something is there; None for what is in memory."""
    try:
        return source.fileno()
    except (OSError, ValueError, AttributeError):
        return None
