"""This file holds the test that totals are met exactly by sizes and by bags, or not at all."""

from collections import Counter
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from ledger.simulator.amounts import chosen, sizes_for, text_of

SIZES = st.lists(st.sampled_from([250, 500, 750, 1000, 1500, 2000]), max_size=12)


@given(counts=st.dictionaries(st.sampled_from([500, 1000, 1500, 2000]), st.integers(0, 300), min_size=1))
def test_whatever_sizes_add_up_to_is_met_by_as_many_donations(counts: dict[int, int]) -> None:
    count, total = sum(counts.values()), sum(size * number for size, number in counts.items())
    found = sizes_for(count, total, dict.fromkeys(counts, 1))
    assert found is not None
    assert (sum(found.values()), sum(size * number for size, number in found.items())) == (count, total)
    assert min(found.values(), default=0) >= 0


def test_what_no_sizes_add_up_to_is_not_met() -> None:
    assert sizes_for(3, 1250, {500: 1, 1000: 1}) is None
    assert sizes_for(3, 900, {500: 1, 1000: 1}) is None
    assert sizes_for(2, 5000, {500: 1, 2000: 1}) is None


def test_sizes_are_as_near_to_their_shares_as_the_total_allows() -> None:
    found = sizes_for(1000, 1_876_500, {500: 1, 1000: 60, 1500: 140, 2000: 799})
    assert found is not None and found[2000] > 700 and found[1500] > 50


@given(sizes=SIZES, amount=st.integers(0, 60).map(lambda quarters: 250 * quarters))
def test_bags_are_found_exactly_when_some_add_up(sizes: list[int], amount: int) -> None:
    places = chosen(sizes, amount)
    if places is None:
        sums = {sum(each) for length in range(len(sizes) + 1) for each in combinations(sizes, length)}
        assert amount not in sums
    else:
        assert sum(sizes[place] for place in places) == amount
        assert max(Counter(places).values(), default=1) == 1


def test_among_many_bags_the_first_ones_are_taken_first() -> None:
    places = chosen([2000] * 1000 + [500], 1_000_500)
    assert places is not None and sum([2000] * 500 + [500]) == 1_000_500
    assert set(range(480)) <= set(places) and 1000 in places


def test_amounts_are_written_as_people_write_them() -> None:
    assert [text_of(each) for each in (59_435_500, 250, 0, 4_019_850_000)] == ["59435.5", "0.25", "0", "4019850"]
