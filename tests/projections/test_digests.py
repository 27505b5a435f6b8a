"""This file holds the promises of digests: they are of rows, whatever the order or the batches they were written in."""

from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from projections.readmodels.database import DIGEST_SPACE, OPEN, closing_digest, spell_digest, spell_digests

VALUES = st.none() | st.integers(-(1 << 63), (1 << 63) - 1) | st.text(max_size=20) | st.binary(max_size=20)
POSITIONS = st.integers(0, OPEN)
SPELLS = st.tuples(VALUES, VALUES, POSITIONS, POSITIONS)
Spell = tuple[Any, Any, int, int]


@given(SPELLS)
def test_closing_a_row_gives_the_digest_of_a_row_that_was_always_closed(spell: Spell) -> None:
    assert spell_digest((*spell[:-1], OPEN)) + closing_digest(spell) == spell_digest(spell)


@given(SPELLS, SPELLS)
def test_rows_that_differ_have_digests_that_differ(one: Spell, other: Spell) -> None:
    assume(one != other)
    assert (spell_digest(one) - spell_digest(other)) % DIGEST_SPACE != 0


@given(SPELLS, SPELLS)
def test_rows_that_exchange_the_positions_of_their_ends_have_another_digest(one: Spell, other: Spell) -> None:
    assume(one[:-1] != other[:-1] and one[-1] != other[-1])
    before = spell_digest(one) + spell_digest(other)
    after = spell_digest((*one[:-1], other[-1])) + spell_digest((*other[:-1], one[-1]))
    assert (before - after) % DIGEST_SPACE != 0


@given(st.lists(SPELLS | SPELLS.map(lambda spell: (*spell[:-1], OPEN)), max_size=5))
def test_many_rows_together_have_the_sum_of_their_digests(spells: list[Spell]) -> None:
    assert spell_digests(spells) == sum(map(spell_digest, spells))
