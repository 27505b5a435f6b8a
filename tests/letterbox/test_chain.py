"""This file holds what a reader of one partition promises: what comes next is taken, once, and nothing else."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.decode import SchemaError
from projections.letterbox.chain import Chain
from projections.letterbox.letters import letter_of
from projections.readmodels.delivering import Letter, Stray
from projections.readmodels.partitions import Reached, Standstill
from schemas.on_kafka import chain_start
from tests.letterbox.deliveries import PLACES, laid_out, letters_of, record_of
from tests.projections.history import History, collect

HISTORY = History()
for number in range(60):
    collect(HISTORY, number, float(number))
PLACE = PLACES[0]
SENT = [each for each in letters_of(HISTORY)[PLACE] if isinstance(each, Letter)]


def chain(number: int = 0) -> Chain:
    hash_ = SENT[number - 1].hash if number else chain_start(HISTORY.ledger, PLACE)
    return Chain(HISTORY.ledger, PLACE, Reached(number, hash_, number))


def taken(letters: Sequence[Letter | Stray], begin: int = 0) -> list[int]:
    """The numbers that are taken of these."""
    reader = chain(begin)
    reader.hear(laid_out(letters))
    return [row.number for row in reader.delivery().rows]  # type: ignore[attr-defined]


def altered(letter: Letter) -> Letter:
    return letter._replace(state=letter.state[:-1] + bytes([letter.state[-1] ^ 1]))


def test_what_comes_in_order_is_taken_whole() -> None:
    assert len(SENT) > 20
    assert taken(SENT) == [each.number for each in SENT]
    assert taken(SENT[7:], begin=7) == [each.number for each in SENT[7:]]


@given(st.lists(st.integers(0, len(SENT) - 1), max_size=80))
def test_however_letters_come_each_is_taken_once_in_order(order: list[int]) -> None:
    numbers = taken([SENT[index] for index in order])
    assert numbers == list(range(1, len(numbers) + 1))
    reader = chain()
    reader.hear(laid_out([SENT[index] for index in order]))
    beyond = [index + 1 for index in order[_last_taken(order) :] if index + 1 > len(numbers) + 1]
    assert (reader.why_not() is not None) == bool(beyond)
    if beyond:
        assert reader.why_not() == Standstill("gap", len(numbers) + 1, min(beyond) - 1)


def _last_taken(order: Sequence[int]) -> int:
    """Where in an order the last letter is taken."""
    expected, last = 0, 0
    for at, index in enumerate(order):
        if index == expected:
            expected, last = expected + 1, at
    return last


def test_a_relay_that_goes_on_from_the_lost_number_closes_the_gap() -> None:
    reader = chain()
    reader.hear(laid_out([*SENT[:4], *SENT[6:]]))
    assert reader.why_not() == Standstill("gap", 5, 6)
    reader.hear(laid_out(SENT)[4:])
    assert reader.why_not() is None and reader.expected == len(SENT) + 1
    assert reader.duplicates == 0


def test_duplicates_are_dropped_and_counted() -> None:
    reader = chain()
    reader.hear(laid_out([*SENT[:5], *SENT[:5], *SENT[5:]]))
    assert reader.duplicates == 5 and reader.why_not() is None and reader.expected == len(SENT) + 1


@pytest.mark.parametrize("what", ["state", "hash", "position", "stream", "version", "name", "recorded_at"])
def test_no_alteration_is_taken_and_the_right_one_still_is(what: str) -> None:
    right = SENT[3]
    wrong = {
        "state": altered(right).state,
        "hash": bytes(32),
        "stream": right.stream + "x",
        "name": "bag.issued.v1",
    }.get(what, getattr(right, what) if what in ("state", "hash", "stream", "name") else getattr(right, what) + 1)
    reader = chain()
    reader.hear(laid_out([*SENT[:3], right._replace(**{what: wrong}), *SENT[4:]]))
    assert reader.expected == 4
    assert reader.why_not() == Standstill("altered", 4, 4)
    reader.hear(laid_out(SENT)[3:])
    assert reader.why_not() is None and reader.expected == len(SENT) + 1


@pytest.mark.parametrize("what", ["position", "version", "recorded_at"])
@pytest.mark.parametrize("number", [-(1 << 63) - 1, 1 << 64])
def test_numbers_that_no_ledger_has_are_not_taken(what: str, number: int) -> None:
    reader = chain()
    reader.hear(laid_out([*SENT[:3], SENT[3]._replace(**{what: number})]))
    assert reader.why_not() == Standstill("altered", 4, 4)


def test_two_that_changed_places_are_a_gap_until_they_come_in_order() -> None:
    assert taken([*SENT[:3], SENT[4], SENT[3], *SENT[5:]]) == [1, 2, 3, 4]


def test_another_fact_under_a_number_that_was_applied_is_a_fork() -> None:
    reader = chain(5)
    reader.hear([SENT[4]._replace(hash=bytes(32))])
    assert reader.why_not() == Standstill("forked", 5, 5)


def test_the_facts_of_another_ledger_are_passed_over() -> None:
    other = [each._replace(ledger="another", number=1) for each in SENT[:3]]
    reader = chain()
    reader.hear(laid_out([other[0], *SENT[:2], other[1], *SENT[2:], other[2]]))
    delivery = reader.delivery()
    assert len(delivery.rows) == len(SENT) and delivery.to.offset == len(SENT) + 3


def test_after_a_restart_in_a_gap_what_was_passed_over_is_read_again() -> None:
    reader = chain()
    reader.hear(laid_out([*SENT[:4], *SENT[6:]]))
    assert reader.delivery().to.offset == 4


def test_a_record_becomes_the_letter_that_was_sent() -> None:
    for letter in random.Random(1).sample(SENT, 10):
        assert letter_of(record_of(letter), PLACE, bytes) == letter


@pytest.mark.parametrize(
    "headers, why",
    [
        ([], "headers are not"),
        ([("number", b"\0" * 8)], "headers are not"),
        ([("envelope", b"?"), ("number", b"\0" * 8), ("hash", b"h" * 32)], "envelope"),
        ([("envelope", b"?"), ("number", b"\0"), ("hash", b"h" * 32)], "1 bytes, not 8"),
        ([("envelope", b"?"), ("number", b"\0" * 8), ("hash", b"h")], "1 bytes, not 32"),
        ([("envelope", b"?"), ("hash", b"h" * 32), ("number", b"\0" * 8)], "headers are not"),
        ([("envelope", b"?"), ("number", b"\0" * 8), ("hash", None)], "0 bytes, not 32"),
        ([("envelope", b"?"), ("number", None), ("hash", b"h" * 32)], "0 bytes, not 8"),
        ([("envelope", None), ("number", b"\0" * 8), ("hash", b"h" * 32)], "begins with nothing"),
    ],
)
def test_a_record_that_is_no_fact_is_a_stray_with_its_reason(headers: list[tuple[str, bytes | None]], why: str) -> None:
    found = letter_of(record_of(SENT[0], headers=headers), PLACE, bytes)
    assert isinstance(found, Stray) and why in found.reason
    assert found.key == SENT[0].stream[:13] and found.value == SENT[0].state


def test_a_fact_under_another_key_is_a_stray() -> None:
    found = letter_of(record_of(SENT[0], key=b"A999925999999"), PLACE, bytes)
    assert isinstance(found, Stray) and "key" in found.reason and found.key == "A999925999999"


def test_a_tombstone_and_an_unreadable_framing_are_strays() -> None:
    def unframed(value: bytes) -> bytes:
        raise SchemaError("the schema registry has no schema 7")

    for found in (
        letter_of(record_of(SENT[0], value=None), PLACE, bytes),
        letter_of(record_of(SENT[0]), PLACE, unframed),
    ):
        assert isinstance(found, Stray)
