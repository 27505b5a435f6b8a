"""This file holds the format of a ledger: its tables by name, its version, and the check on who it is."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ledger.store.appending import NewFact
from ledger.store.faults import StoreFault
from ledger.store.port import Link, Unlink

FORMAT = "1"
"""Version of the tables; a store of another version is refused, never guessed at."""


class Chunk(NamedTuple):
    """A part of an import: facts and what stands beside them.

    Shape: as for `Writing.append`; the indexes in `requests` and `keys` count from this chunk's first fact, so
    a request's facts stand in one chunk.
    """

    facts: Sequence[NewFact]
    requests: Sequence[tuple[str, str, bytes, int, int]] = ()
    keys: Sequence[tuple[bytes, int, int]] = ()
    links: Sequence[Link] = ()
    freed: Sequence[Unlink] = ()


def check_of(ledger_id: str, version: str) -> str:
    """A check over what `meta` says, so that a flipped byte there shows too."""
    return hashlib.sha256(f"bloodledger/meta/v1\n{ledger_id}\n{version}".encode()).hexdigest()


def new_meta(ledger_id: str) -> dict[str, str]:
    """The rows of `meta` in a new ledger."""
    return {"ledger_id": ledger_id, "format": FORMAT, "check": check_of(ledger_id, FORMAT)}


def ledger_id_of(meta: Mapping[str, str], where: str, wanted: str | None) -> str:
    """The ledger's id, once its tables are known to be ones we can read.

    Errors: StoreFault when the format is another one, or the ledger is not the wanted one.
    """
    version = meta.get("format")
    if version != FORMAT:
        age = "newer" if str(version).isdigit() and int(str(version)) > int(FORMAT) else "other"
        raise StoreFault(
            f"opening the ledger at {where}",
            f"its tables are of the {age} format {version!r}, this program reads format {FORMAT};"
            " use the program that wrote it",
        )
    found = meta.get("ledger_id")
    if not found or (wanted is not None and found != wanted):
        raise StoreFault(f"opening the ledger at {where}", f"it is ledger {found!r}, not {wanted!r}")
    return found


def placed(spans: Iterable[tuple[int, int]], first: int) -> list[tuple[int, int]]:
    """Index and count of facts in a batch, as first position and count."""
    return [(first + index, count) for index, count in spans]
