"""This file holds the reader of one partition's chain: what comes next is taken, once, and nothing else."""

import struct
from collections.abc import Iterable

from ledger.merkle import leaf_data, leaf_hash
from projections.decode import Place, chain_next
from projections.readmodels.delivering import Delivery, Letter, Stray
from projections.readmodels.partitions import Reached, Standstill


class Chain:
    """Where a reader is in one partition, for one ledger.

    With number e expected: a letter numbered e whose hash fits is taken; one below e is a duplicate and dropped; one
    above e is not taken, since whoever sends goes on from e again after a failure. A letter numbered e whose hash does
    not fit is not what the ledger sent: e is still to come.
    """

    def __init__(self, ledger: str, place: Place, reached: Reached) -> None:
        self.ledger, self.place = ledger, place
        self.begin(reached)
        self.duplicates = 0

    def begin(self, reached: Reached) -> None:
        """Go on from what the view has."""
        self.reached, self.standstill = reached, reached.standstill
        self._beyond: int | None = None
        self._altered = self._forked = False
        self._heard_to = reached.offset
        self._taken: list[Letter] = []
        self._leaves: list[bytes] = []
        self._strays: list[Stray] = []

    @property
    def expected(self) -> int:
        """The number that comes next."""
        return self.reached.number + len(self._taken) + 1

    def hear(self, letters: Iterable[Letter | Stray]) -> None:
        """Take what comes next."""
        ledger, taken, leaves = self.ledger, self._taken, self._leaves
        expected, before = self.expected, self._hash
        letter: Letter | Stray | None = None
        for letter in letters:
            if isinstance(letter, Stray):
                self._strays.append(letter)
            elif letter.ledger != ledger:
                continue
            elif letter.number == expected and (leaf := _fitting(letter, before)):
                taken.append(letter)
                leaves.append(leaf)
                expected, before = expected + 1, letter.hash
                self._beyond, self._altered = None, False
            else:
                self._pass_over(letter, expected, before)
        if letter is not None:
            self._heard_to = letter.offset + 1

    def _pass_over(self, letter: Letter, expected: int, before: bytes) -> None:
        if letter.number == expected:
            self._altered = True
        elif letter.number > expected:
            if self._beyond is None or letter.number < self._beyond:
                self._beyond = letter.number
        else:
            self.duplicates += 1
            if letter.number == expected - 1 and letter.hash != before:
                self._forked = True

    @property
    def _hash(self) -> bytes:
        return self._taken[-1].hash if self._taken else self.reached.hash

    @property
    def waiting(self) -> int:
        """Letters taken and not yet delivered."""
        return len(self._taken) + len(self._strays)

    def delivery(self) -> Delivery:
        """What was taken since the last one."""
        taken, to = self._taken, self.reached
        if taken:
            last = taken[-1]
            to = Reached(last.number, last.hash, last.offset + 1, last.position)
        if self.why_not() is None:  # else what was passed over is read again after a restart
            to = to._replace(offset=max(to.offset, self._heard_to))
        expected = self.reached.number + 1
        return Delivery(self.place, expected, taken, self._leaves, to._replace(standstill=None), self._strays)

    def delivered(self, to: Reached) -> None:
        """The view has it."""
        self.reached, self.standstill = to, None
        self._taken, self._leaves, self._strays = [], [], []

    def why_not(self) -> Standstill | None:
        """Why nothing more can be taken, should nothing more come; None when nothing is missing."""
        if self._forked:
            return Standstill("forked", self.expected - 1, self.expected - 1)
        if self._altered:
            return Standstill("altered", self.expected, self.expected)
        if self._beyond is not None:
            return Standstill("gap", self.expected, self._beyond - 1)
        return None


def _fitting(letter: Letter, before: bytes) -> bytes | None:
    """The letter's leaf hash, if its own is the one that follows; an envelope may say numbers that no leaf can have."""
    try:
        leaf = leaf_hash(leaf_data(*letter[4:]))
    except struct.error:
        return None
    return leaf if chain_next(before, leaf) == letter.hash else None
