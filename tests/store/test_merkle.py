"""This file holds the Merkle tree's promises: RFC 6962 by another implementation, and proofs that prove."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from ledger import merkle
from ledger.merkle import (
    Frontier,
    consistency_proof,
    inclusion_proof,
    is_consistent,
    leaf_data,
    leaf_hash,
    root_from_inclusion,
    subtree_of,
    tree_root,
)

LEAVES = [leaf_hash(bytes([n])) for n in range(40)]


def test_examples_in_the_module_hold() -> None:
    assert doctest.testmod(merkle).failed == 0


def test_roots_are_those_of_another_implementation() -> None:
    other = InmemoryTree(algorithm="sha256")
    for size in range(1, 40):
        other.append_entry(bytes([size - 1]))
        assert tree_root(LEAVES[:size]) == other.get_root(size)


@given(st.lists(st.integers(0, 9), max_size=8))
def test_a_frontier_grown_in_any_steps_is_the_same(steps: list[int]) -> None:
    tree, size = Frontier(), 0
    for step in steps:
        tree = Frontier.unpacked(tree.size, tree.packed())
        tree.append((LEAVES * 3)[size : size + step])
        size += step
    assert tree.size == size and tree.root() == tree_root((LEAVES * 3)[:size])


@pytest.mark.parametrize("size", range(1, 40))
def test_every_leaf_is_proved_and_nothing_else(size: int) -> None:
    root, subtree = tree_root(LEAVES[:size]), subtree_of(LEAVES)
    for index in range(size):
        path = inclusion_proof(index, size, subtree)
        assert root_from_inclusion(index, size, LEAVES[index], path) == root
        assert root_from_inclusion(index, size, leaf_hash(b"other"), path) != root
        assert root_from_inclusion(index, size, LEAVES[index], [*path, bytes(32)]) is None
        assert root_from_inclusion(size, size, LEAVES[index], path) is None


@pytest.mark.parametrize("new", range(1, 40))
def test_an_older_tree_is_proved_to_be_the_beginning(new: int) -> None:
    root, subtree = tree_root(LEAVES[:new]), subtree_of(LEAVES)
    for old in range(1, new + 1):
        older, proof = tree_root(LEAVES[:old]), consistency_proof(old, new, subtree)
        assert is_consistent(old, new, older, root, proof)
        assert not is_consistent(old, new, leaf_hash(b"other"), root, proof)
        assert not is_consistent(old, new, older, leaf_hash(b"other"), proof)
        assert not is_consistent(old, new, older, root, [*proof, bytes(32)])


def test_impossible_proofs_are_not_made() -> None:
    with pytest.raises(ValueError, match="no leaf"):
        inclusion_proof(3, 3, subtree_of(LEAVES))
    with pytest.raises(ValueError, match="no consistency"):
        consistency_proof(0, 3, subtree_of(LEAVES))
    with pytest.raises(ValueError, match="peaks"):
        Frontier(3, [bytes(32)])


def test_leaf_data_is_spelled_out() -> None:
    data = leaf_data(1, "s", 2, "bag.stored.v1", 3, b"x")
    fields = [(1).to_bytes(8, "big"), b"s", (2).to_bytes(8, "big"), b"bag.stored.v1", (3).to_bytes(8, "big"), b"x"]
    assert data == b"bloodledger/leaf/v1" + b"".join(len(each).to_bytes(4, "big") + each for each in fields)


@given(st.text(max_size=3), st.text(max_size=3), st.text(max_size=3), st.text(max_size=3))
def test_moving_a_character_between_fields_changes_the_leaf(a: str, b: str, c: str, d: str) -> None:
    one, other = leaf_data(1, a, 1, b, 1, b""), leaf_data(1, c, 1, d, 1, b"")
    assert (one == other) == ((a, b) == (c, d))
