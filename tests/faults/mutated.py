"""This file holds a program: ours, with one of its safeguards off, to see that a fault run notices.

`python -m tests.faults.mutated SAFEGUARD COMMAND…`, where COMMAND is one of `bloodledger`'s.
"""

import sys
from collections.abc import Callable, Iterable

from ledger.merkle import leaf_data, leaf_hash
from projections.letterbox import chain
from projections.readmodels import delivering
from projections.readmodels.database import Writing
from projections.readmodels.delivering import Letter, Stray
from projections.readmodels.partitions import Reached
from schemas.on_kafka import Place


def _leaf_of(letter: Letter) -> bytes:
    return leaf_hash(leaf_data(*letter[4:]))


def without_fence() -> None:
    """A batch applies whatever number the view expects."""

    def passed(writing: Writing, place: Place, expected: int, to: Reached) -> bool:
        sql = """UPDATE partitions SET number = ?, hash = ?, next_offset = ?, position = ?, why = NULL, missing = NULL,
            missing_to = NULL WHERE topic = ? AND part = ?"""
        writing.run(sql, (to.number, to.hash, to.offset, to.position, *place))
        return True

    vars(delivering)["passed"] = passed


def without_deduplication() -> None:
    """What came before is taken once more."""
    as_it_was = chain.Chain.hear

    def hear(self: chain.Chain, letters: Iterable[Letter | Stray]) -> None:
        for letter in letters:
            if isinstance(letter, Letter) and letter.ledger == self.ledger and letter.number < self.expected:
                self._taken.append(letter)
                self._leaves.append(_leaf_of(letter))
                self._heard_to = letter.offset + 1
            else:
                as_it_was(self, [letter])

    chain.Chain.hear = hear  # type: ignore[method-assign]


def without_chain() -> None:
    """The next number is taken, whatever its hash."""
    chain._fitting = lambda letter, before: _leaf_of(letter)


SAFEGUARDS: dict[str, Callable[[], None]] = {
    "fence": without_fence,
    "deduplication": without_deduplication,
    "chain": without_chain,
}


if __name__ == "__main__":
    SAFEGUARDS[sys.argv.pop(1)]()
    from ledger.cli import main

    sys.exit(main())
