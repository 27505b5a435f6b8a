"""This file holds the promises of the envelope: read as it was written, and nothing else read as one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import SchemaError
from schemas.on_kafka import Envelope, read_envelope, read_record, write_envelope

LONGS = st.integers(-(1 << 63), (1 << 63) - 1)
NUMBERS = st.one_of(LONGS, *(st.integers((1 << bits) - 2, (1 << bits) + 2) for bits in (6, 7, 13, 14, 20, 21, 56, 62)))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
ENVELOPES = st.builds(Envelope, TEXTS, NUMBERS, TEXTS, NUMBERS, TEXTS, NUMBERS)
WRITTEN = write_envelope(
    Envelope("ledger", 1 << 20, "G165725000001=E0336V00", 7, "bag.issued.v1", 1_700_000_000_000_000)
)


@given(ENVELOPES)
def test_an_envelope_is_read_as_it_was_written_and_as_fastavro_reads_it(envelope: Envelope) -> None:
    data = write_envelope(envelope)
    assert read_envelope(data) == envelope
    assert tuple(read_record("envelope.v1", data).values()) == envelope


@given(st.integers(0, len(WRITTEN) - 1))
def test_an_envelope_that_ends_early_is_refused(size: int) -> None:
    with pytest.raises(SchemaError):
        read_envelope(WRITTEN[:size])


@pytest.mark.parametrize("data", [b"", WRITTEN + b"\0", b"\0" + WRITTEN[1:], WRITTEN[:11] + b"\xff" + WRITTEN[12:]])
def test_what_is_no_envelope_is_refused(data: bytes) -> None:
    with pytest.raises(SchemaError):
        read_envelope(data)
