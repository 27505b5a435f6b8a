"""This file holds the Merkle tree of the log: leaves, frontier, root, and proofs, without storage.

Source: RFC 6962, section 2.1 (tree hash, audit paths, consistency proofs).
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from struct import Struct

LABEL = b"bloodledger/leaf/v1"
EMPTY = sha256().digest()
"""Root of the tree without leaves."""
GENESIS = bytes(32)
"""What a stream's hash chain begins from."""

_HEAD = Struct(">IQI")
_TAIL = Struct(">IqI")

Subtree = Callable[[int, int], bytes]
"""The tree hash of leaves `begin` up to but not including `end`."""


def leaf_data(position: int, stream: str, version: int, name: str, recorded_at: int, state: bytes) -> bytes:
    """What a leaf is the hash of.

    Shape: the label, then position, stream, version, wire name, recorded time and stored bytes, each after its
    length in four bytes; numbers are eight bytes, big-endian.
    Unit: recorded_at in microseconds since 1970-01-01 UTC.
    """
    stream_bytes, name_bytes = stream.encode(), name.encode()
    place = _HEAD.pack(8, position, len(stream_bytes))
    count = _HEAD.pack(8, version, len(name_bytes))
    return b"".join((LABEL, place, stream_bytes, count, name_bytes, _TAIL.pack(8, recorded_at, len(state)), state))


def leaf_hash(data: bytes) -> bytes:
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def chained(previous: bytes, leaf: bytes) -> bytes:
    """A stream's hash after one more leaf."""
    return sha256(previous + leaf).digest()


class Frontier:
    """The peaks of the full subtrees of a growing tree: all that appending and the root need.

    Shape: one hash for each bit that is set in `size`, the largest subtree first.
    Example:
        >>> tree = Frontier()
        >>> tree.append([leaf_hash(b"a"), leaf_hash(b"b"), leaf_hash(b"c")])
        >>> tree.size, len(tree.peaks)
        (3, 2)
        >>> Frontier.unpacked(3, tree.packed()).root() == tree.root()
        True
    """

    def __init__(self, size: int = 0, peaks: Iterable[bytes] = ()) -> None:
        self.size = size
        self.peaks = list(peaks)
        if len(self.peaks) != size.bit_count() or any(len(peak) != 32 for peak in self.peaks):
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} peaks of 32 bytes")

    @classmethod
    def unpacked(cls, size: int, packed: bytes) -> "Frontier":
        """The frontier that `packed` wrote. Errors: ValueError when it does not fit the size."""
        return cls(size, (packed[at : at + 32] for at in range(0, len(packed), 32)))

    def packed(self) -> bytes:
        return b"".join(self.peaks)

    def append(self, leaves: Iterable[bytes]) -> None:
        """Append leaf hashes."""
        size, peaks, hashed = self.size, self.peaks, sha256
        for peak in leaves:
            merged = size
            while merged & 1:
                peak = hashed(b"\x01" + peaks.pop() + peak).digest()
                merged >>= 1
            peaks.append(peak)
            size += 1
        self.size = size

    def root(self) -> bytes:
        if not self.peaks:
            return EMPTY
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = node_hash(peak, root)
        return root


def tree_root(leaves: Iterable[bytes]) -> bytes:
    """The root over leaf hashes."""
    tree = Frontier()
    tree.append(leaves)
    return tree.root()


def subtree_of(leaves: Sequence[bytes]) -> Subtree:
    """Tree hashes computed from all leaf hashes at hand; a store may bring its own."""
    return lambda begin, end: tree_root(leaves[begin:end])


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)


def inclusion_proof(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """The audit path of leaf `index` in the tree of `size` leaves. Source: RFC 6962, 2.1.1."""
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    path: list[bytes] = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            path.append(subtree(middle, end))
            end = middle
        else:
            path.append(subtree(begin, middle))
            begin = middle
    return path[::-1]


def root_from_inclusion(index: int, size: int, leaf: bytes, path: Sequence[bytes]) -> bytes | None:
    """The root that an audit path leads to, or None when the path has the wrong length. Source: RFC 9162, 2.1.3.2."""
    if not 0 <= index < size:
        return None
    node, last, root = index, size - 1, leaf
    for step in path:
        if last == 0:
            return None
        if node & 1 or node == last:
            root = node_hash(step, root)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            root = node_hash(root, step)
        node, last = node >> 1, last >> 1
    return root if last == 0 else None


def consistency_proof(old: int, new: int, subtree: Subtree) -> list[bytes]:
    """Proof that the first `old` leaves of `new` are the older tree. Source: RFC 6962, 2.1.2."""
    if not 0 < old <= new:
        raise ValueError(f"no consistency proof from {old} to {new} leaves")
    path: list[bytes] = []
    begin, end, whole = 0, new, True
    while old != end:
        middle = begin + _split(end - begin)
        if old <= middle:
            path.append(subtree(middle, end))
            end = middle
        else:
            path.append(subtree(begin, middle))
            begin, whole = middle, False
    if not whole:
        path.append(subtree(begin, end))
    return path[::-1]


def is_consistent(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether a consistency proof holds. Source: RFC 9162, 2.1.4.2."""
    if not 0 < old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    steps = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not steps:
        return False
    node, last = old - 1, new - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    older = newer = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            older, newer = node_hash(step, older), node_hash(step, newer)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            newer = node_hash(newer, step)
        node, last = node >> 1, last >> 1
    return last == 0 and older == old_root and newer == new_root
