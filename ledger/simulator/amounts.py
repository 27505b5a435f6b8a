"""This file holds how totals are met exactly: sizes that add up to an amount, and bags chosen to make one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

GRAIN = Decimal("0.001")
"""Amounts are counted in thousandths of their measure: exact, and quick to add."""
CLOSE = 6
"""So many of the largest size from the end, choosing turns from taking what comes to finding what fits."""
CANDIDATES = 400
"""Bags looked at to find what fits; more are looked at only when these do not."""


def grains(amount: Decimal) -> int:
    """An amount in thousandths."""
    return int(amount / GRAIN)


def text_of(thousandths: int) -> str:
    """An amount as people write it: 59435500 is 59435.5."""
    return f"{(thousandths * GRAIN).normalize():f}"


def sizes_for(count: int, total: int, shares: Mapping[int, int]) -> dict[int, int] | None:
    """How many of each size, so that `count` of them add up to `total`; as near to the shares as that allows.

    None when no numbers of these sizes do.
    """
    sizes = sorted(shares)
    if not count or not sizes:
        return {} if not count and not total else None
    found = _by_share(count, shares)
    missing = total - sum(size * number for size, number in found.items())
    while missing:
        step = _best_step(sizes, found, missing)
        if step is None:
            return _searched(count, total, sizes)
        one, other = step
        times = min(found[one], missing // (other - one))
        found[one] -= times
        found[other] += times
        missing -= times * (other - one)
    return found


def _by_share(count: int, shares: Mapping[int, int]) -> dict[int, int]:
    whole = sum(shares.values())
    found = {size: count * share // whole for size, share in shares.items()}
    found[max(shares, key=lambda size: shares[size])] += count - sum(found.values())
    return found


def _best_step(sizes: Sequence[int], found: Mapping[int, int], missing: int) -> tuple[int, int] | None:
    """The widest change of one size for another that does not go beyond what is missing."""
    steps = [
        (one, other)
        for one in sizes
        for other in sizes
        if found[one] and one != other and 0 < (other - one) / missing <= 1
    ]
    return max(steps, key=lambda step: abs(step[1] - step[0]), default=None)


def _searched(count: int, total: int, sizes: Sequence[int]) -> dict[int, int] | None:
    """Two sizes that do it, with a few of a third."""
    for third in sizes:
        for few in range(min(count, 1_000) + 1):
            for low in sizes:
                for high in sizes:
                    rest, left = count - few, total - few * third
                    if low >= high or (left - rest * low) % (high - low):
                        continue
                    many = (left - rest * low) // (high - low)
                    if 0 <= many <= rest:
                        return _summed(((third, few), (low, rest - many), (high, many)))
    return None


def _summed(pairs: Sequence[tuple[int, int]]) -> dict[int, int]:
    found: dict[int, int] = {}
    for size, number in pairs:
        found[size] = found.get(size, 0) + number
    return found


def chosen(sizes: Sequence[int], amount: int) -> list[int] | None:
    """Places of bags whose sizes add up to an amount, the first ones before later ones; None when none do."""
    taken: list[int] = []
    left = amount
    near = CLOSE * max(sizes, default=0)
    rest: list[int] = []
    for place, size in enumerate(sizes):
        if left > near and size <= left - near // 2:
            taken.append(place)
            left -= size
        else:
            rest.append(place)
    for wide in (CANDIDATES, len(rest)):
        fitting = _fitting([(place, sizes[place]) for place in rest[:wide]], left)
        if fitting is not None:
            return sorted(taken + fitting)
    return None


def _fitting(candidates: Sequence[tuple[int, int]], amount: int) -> list[int] | None:
    """A subset that adds up exactly: every sum that can be reached, and the bag it was reached by."""
    reached: dict[int, tuple[int, int]] = {0: (-1, 0)}
    for place, size in candidates:
        if amount in reached:
            break
        for total in list(reached):
            if total + size <= amount and total + size not in reached:
                reached[total + size] = (place, total)
    if amount not in reached:
        return None
    found = []
    while amount:
        place, amount = reached[amount]
        found.append(place)
    return found
