"""This file holds the consumer that hands out letters: kafka-python's, but for how a batch it fetched is unpacked.

For each record the library makes an object of its own, and one to hand out, of headers nobody has looked at yet; to
read ours from the batch at once costs a third of it. What it fetches, checks and remembers stays the library's.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError

from projections.decode import Place
from projections.letterbox.letters import RECORD_BATCH, Unframed, letters_in
from projections.readmodels.delivering import Letter, Stray


class LetterConsumer(KafkaConsumer):  # type: ignore[misc]  # the library ships no types
    """A consumer whose `poll` answers letters and strays by partition. Errors: as `unframed`, but for SchemaError."""

    def __init__(self, unframed: Unframed, **options: Any) -> None:
        super().__init__(**options)
        self._fetcher.PartitionRecords = partial(_Unpacked, unframed)


class _Unpacked(Fetcher.PartitionRecords):  # type: ignore[misc]
    """What was fetched of one partition."""

    def __init__(self, unframed: Unframed, *given: Any, **named: Any) -> None:
        self._unframed = unframed
        super().__init__(*given, **named)

    def _unpack_records(self, tp: TopicPartition, records: Any, *_: object) -> Iterator[Letter | Stray]:
        """As the library's, of topics on which nothing is transactional: no such batch is left out."""
        place = Place(*tp)
        while (batch := records.next_batch()) is not None:
            if self.check_crcs and not batch.validate_crc():
                raise CorruptRecordError(f"the batch of {place} at offset {batch.base_offset} is damaged")
            self.bytes_read += batch.size_in_bytes
            if batch.magic == RECORD_BATCH and batch.is_control_batch:
                self.next_fetch_offset = batch.next_offset
                continue
            for letter in letters_in(batch, place, self._unframed):
                self.next_fetch_offset = letter.offset + 1
                yield letter
            if batch.magic == RECORD_BATCH:  # its last records may have been compacted away
                self.next_fetch_offset = batch.next_offset
        self.drain()
