"""This file holds what unpacking a fetched batch promises: the letters that kafka-python's own records come to."""

import gzip
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka import TopicPartition
from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError
from kafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from kafka.record.legacy_records import LegacyRecordBatchBuilder
from kafka.record.memory_records import MemoryRecords
from kafka.record.util import calc_crc32c

from projections.decode import SchemaError
from projections.letterbox.fetching import _Unpacked
from projections.letterbox.letters import letter_of
from projections.readmodels.delivering import Letter, Stray
from schemas.kafka_batches import fact_record_reader, record_size
from tests.letterbox.deliveries import letters_of, record_of
from tests.letterbox.test_chain import HISTORY, PLACE, SENT, altered

NONE, GZIP = 0, 1
HEADER = DefaultRecordBatch.HEADER_STRUCT.size
Record = tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]]]
"""Key, value and headers."""
ANOTHER = SENT[0]._replace(ledger="another")


def as_record(letter: Letter, **changed: Any) -> Record:
    said = record_of(letter, **changed)
    return said.key, said.value, said.headers


def batch_of(records: Sequence[Record], base: int = 0, packed: int = NONE, offsets: Sequence[int] = ()) -> bytes:
    """A batch as a broker hands it out, made by kafka-python's own builder."""
    builder = DefaultRecordBatchBuilder(2, packed, False, 7, 0, 0, 1 << 20)
    for index, (key, value, headers) in enumerate(records):
        builder.append(offsets[index] if offsets else index, 1_700_000_000_000 + 1_000 * index, key, value, headers)
    made = bytearray(builder.build())
    made[:8] = base.to_bytes(8, "big")  # what the broker gives it; the checksum begins behind it
    return bytes(made)


def unpacked(fetched: bytes, begin: int = 0, unframed: Any = bytes, take: int = 1_000) -> list[Letter | Stray]:
    records = _Unpacked(unframed, begin, TopicPartition(*PLACE), MemoryRecords(fetched))
    found: list[Letter | Stray] = []
    while records:
        found += records.take(take)
    return found


def by_the_library(fetched: bytes, begin: int = 0) -> list[Letter | Stray]:
    records = Fetcher.PartitionRecords(begin, TopicPartition(*PLACE), MemoryRecords(fetched))
    return [letter_of(record, PLACE, bytes) for record in records.take(1_000)]


@pytest.mark.parametrize("packed", [NONE, GZIP])
@pytest.mark.parametrize("base", [0, 70, 1 << 40])
def test_a_batch_of_the_relay_becomes_its_letters(packed: int, base: int) -> None:
    fetched = batch_of([as_record(each) for each in SENT], base, packed)
    assert unpacked(fetched) == [each._replace(offset=base + index) for index, each in enumerate(SENT)]
    assert unpacked(fetched) == by_the_library(fetched)


def test_each_record_of_the_relay_is_read_in_one_go() -> None:
    """Else all tests here would pass on the library's way alone."""
    everywhere = [each for letters in letters_of(HISTORY).values() for each in letters if isinstance(each, Letter)]
    fetched, at = batch_of([as_record(each) for each in everywhere]), HEADER
    for letter in everywhere:
        record, end = fact_record_reader()(fetched, at)
        assert record[2:] == letter[1:], letter
        assert end - at == record_size(record[0])
        at = end
    assert at == len(fetched) and len(everywhere) > 100


OTHERS: list[Record] = [
    (None, b"?", []),
    (b"k", None, []),
    (b"\xff", b"", [("envelope", None)]),
    as_record(SENT[0], headers=[]),
    as_record(SENT[0], value=None),
    as_record(SENT[0], key=b"A999925999999"),
    as_record(SENT[0], headers=[*record_of(SENT[0]).headers, ("fourth", b"")]),
    as_record(SENT[0], headers=record_of(SENT[0]).headers[::-1]),
    as_record(SENT[0], headers=[*record_of(SENT[0]).headers[:2], ("hash", b"short")]),
    as_record(SENT[0], headers=[("envelope", b"\xc3\x01"), *record_of(SENT[0]).headers[1:]]),
    as_record(SENT[0], headers=[("envelope", b"\xc3\x01" + b"\xff" * 90), *record_of(SENT[0]).headers[1:]]),
    as_record(altered(SENT[1])),
    as_record(ANOTHER),
    as_record(SENT[2]._replace(state=b"")),
    as_record(SENT[2]._replace(state=bytes(9_000))),
    as_record(SENT[2]._replace(stream="hold:" + "é" * 70)),
]
RECORDS = st.one_of(st.sampled_from([as_record(each) for each in SENT]), st.sampled_from(OTHERS))


BATCHES = st.lists(st.lists(RECORDS, max_size=12), min_size=1, max_size=4)


@given(BATCHES, st.sampled_from([NONE, GZIP]), st.integers(1, 9))
def test_whatever_is_on_a_topic_is_what_the_library_says_it_is(
    batches: list[list[Record]], packed: int, take: int
) -> None:
    base, fetched = 3, b""
    for records in batches:
        if records:
            fetched += batch_of(records, base, packed)
        base += len(records)
    assert unpacked(fetched, take=take) == by_the_library(fetched)


@given(st.lists(RECORDS, min_size=1, max_size=3), st.data())
def test_a_damaged_batch_that_nobody_checks_is_never_read_as_something_else(
    records: list[Record], data: st.DataObject
) -> None:
    """With the checksum off: an error, or what the library reads, too."""
    made = bytearray(batch_of(records))
    where = data.draw(st.integers(HEADER, len(made) - 1))
    made[where] ^= 1 << data.draw(st.integers(0, 7))

    def read(kind: Any) -> Any:
        found = kind(0, TopicPartition(*PLACE), MemoryRecords(bytes(made)), check_crcs=False)
        return found.take(10)

    try:
        ours = read(lambda *given, **named: _Unpacked(bytes, *given, **named))
    except (CorruptRecordError, UnicodeDecodeError) as error:
        ours = type(error)
    try:
        theirs = [letter_of(record, PLACE, bytes) for record in read(Fetcher.PartitionRecords)]
    except (CorruptRecordError, UnicodeDecodeError) as error:
        theirs = type(error)
    # Where the library gives up at a later record, it hands out the ones before it first; a batch is ours, or none.
    assert ours == theirs or (ours in (CorruptRecordError, UnicodeDecodeError) and len(theirs) < len(records))


def test_a_damaged_batch_is_refused() -> None:
    made = bytearray(batch_of([as_record(each) for each in SENT]))
    made[-1] ^= 1
    with pytest.raises(CorruptRecordError, match=f"{PLACE} at offset 0"):
        unpacked(bytes(made))


def test_who_begins_in_the_middle_of_a_batch_gets_the_rest() -> None:
    fetched = batch_of([as_record(each) for each in SENT[:9]], 100)
    assert [each.offset for each in unpacked(fetched, begin=104)] == [104, 105, 106, 107, 108]


def test_where_to_fetch_next_is_behind_what_was_handed_out_and_behind_what_was_compacted_away() -> None:
    compacted = batch_of([as_record(each) for each in SENT[:3]], 100, offsets=[0, 4, 7])
    records = _Unpacked(bytes, 100, TopicPartition(*PLACE), MemoryRecords(compacted))
    handed = []
    for _ in range(3):
        handed += records.take(1)
        assert records.next_fetch_offset == handed[-1].offset + 1
    assert [each.offset for each in handed] == [100, 104, 107]
    assert records.take(1) == [] and records.next_fetch_offset == 108 and not records


def test_what_marks_the_end_of_a_transaction_is_passed_over() -> None:
    marker = bytearray(batch_of([(b"\0\0\0\1", b"\0\0\0\0\0\0", [])], 1))
    attributes = DefaultRecordBatch.ATTRIBUTES_OFFSET
    marker[attributes + 1] |= DefaultRecordBatch.CONTROL_MASK
    crc = DefaultRecordBatch.CRC_OFFSET
    marker[crc : crc + 4] = calc_crc32c(bytes(marker[attributes:])).to_bytes(4, "big")
    fetched = batch_of([as_record(SENT[0])]) + bytes(marker) + batch_of([as_record(SENT[1])], 2)
    assert [each.offset for each in unpacked(fetched)] == [0, 2]


def test_records_of_before_there_were_headers_are_strays() -> None:
    builder = LegacyRecordBatchBuilder(1, 0, 1 << 20)
    builder.append(0, timestamp=1, key=b"key", value=b"value")
    (found,) = unpacked(bytes(builder.build()))
    assert isinstance(found, Stray) and found.key == "key" and "headers" in found.reason


def test_a_value_in_a_framing_that_cannot_be_read_is_a_stray_and_the_others_are_letters() -> None:
    def unframed(value: bytes) -> bytes:
        if value == b"?":
            raise SchemaError("the schema registry has no schema 7")
        return gzip.decompress(value)

    sent = [as_record(each, value=gzip.compress(each.state)) for each in SENT[:4]]
    sent[2] = as_record(SENT[2], value=b"?")
    found = unpacked(batch_of(sent), unframed=unframed)
    assert [each for each in found if isinstance(each, Letter)] == [SENT[0], SENT[1], SENT[3]]
    (stray,) = (each for each in found if isinstance(each, Stray))
    assert (stray.offset, stray.key, stray.value) == (2, SENT[2].stream[:13], b"?")
    assert stray.reason == "the schema registry has no schema 7"
