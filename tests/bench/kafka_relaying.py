"""This file holds the row `kafka-relay`: facts sent to Kafka, also after it was away, beside a bare producer."""

import gc
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

from kafka import KafkaProducer

from ledger import streaming
from ledger.commands.importing import import_history
from ledger.commands.lines import Line as TextLine
from ledger.relay.kafka_transport import PRODUCER
from ledger.relay.numbering import Numbering
from ledger.relay.sending import CHUNK, Progress, State
from ledger.relay.topics import PARTITIONS
from ledger.settings import Settings
from ledger.store.port import FactRow
from ledger.wiring import open_ledger
from schemas.on_kafka import ENVELOPE, FACT_TOPICS, HASH, NUMBER, number_bytes, write_envelope
from tests.bench.figures import Figures, Line, alternating, times
from tests.bench.histories import as_line
from tests.bench.kafka_place import AT, make_anew, records_on, settings_in, undisturbed, until
from tests.bench.workbench import Workbench
from tests.kafka_broker import Broker

RELAYED = ("relay to Kafka", times(0.8))
CAUGHT_UP = ("relay to Kafka, catching up after the broker was away", times(0.8))
LOOP = "KafkaProducer.send"
BEFORE = 1_000
"""Facts that are relayed before the others come, so that starting is not measured."""


class Ready(NamedTuple):
    """A record as kafka-python's `send` takes it."""

    topic: str
    value: bytes
    key: bytes
    headers: list[tuple[str, bytes]]


def _sizes(options: dict[str, Any]) -> str:
    given = {**KafkaProducer.DEFAULT_CONFIG, **options}
    return f"batch {given['batch_size']:,} bytes, linger {given['linger_ms']} ms"


# -- the row ---------------------------------------------------------------------------------------------


def relayed(bench: Workbench, broker: Broker) -> Iterator[Line]:
    """A relay that runs, with leases, numbers, hashes and checkpoints; then many facts are there all at once."""
    told = bench.ledger(bench.sizes.kafka_facts)
    with open_ledger(told.settings, reading=True) as ledger:
        rows = ledger.store.rows(0, told.facts)
        lines = [as_line(number, row) for number, row in enumerate(rows, 1)]
        records = _ready(ledger.store.ledger_id(), rows)[_before(lines) :]
    bench.say(f"relaying {len(records):,} facts")
    waits: list[float] = []
    own = {"batch_size": PRODUCER["batch_size"], "metrics_enabled": False}
    found = alternating(
        bench.sizes.kafka_rounds,
        lambda: _relay(bench, broker, lines),
        lambda: _send(broker, records, {}),
        lambda: _send(broker, records, own),
        lambda: _relay_after_away(bench, broker, lines, waits),
    )
    ours, plain, alike, after = (Figures("relay", "facts/s", each) for each in found)
    at = {"facts": len(records), "chunk": CHUNK, "relay's": _sizes(PRODUCER), "yardstick's": _sizes({}), **AT}
    what, goal = RELAYED
    said = f"the relay: {_sizes(PRODUCER)}; the yardstick: {_sizes({})}"
    yield Line("kafka-relay", what, ours, plain._replace(what=f"{LOOP}, acks=all, else its defaults"), goal, at, said)
    alike = alike._replace(what=f"{LOOP} with the relay's batches, no metrics")
    yield Line("kafka-relay", f"{what}, beside a loop with its batches", ours, alike, None, at)
    what, goal = CAUGHT_UP
    said = f"from when the broker was last asked in vain; {median(waits):.2f} s until the first chunk is acknowledged"
    yield Line("kafka-relay", what, after, ours, goal, at, said)


def _before(lines: Sequence[TextLine]) -> int:
    return min(BEFORE, len(lines) // 2)


def _all_there(broker: Broker, facts: int) -> None:
    there = records_on(broker, *FACT_TOPICS)
    assert there == facts, f"{facts:,} facts are to be on the topics, {there:,} are"


# -- the yardstick ---------------------------------------------------------------------------------------


def _ready(ledger_id: str, rows: Sequence[FactRow]) -> list[Ready]:
    """What the relay sends of a ledger, byte by byte."""
    numbering = Numbering(ledger_id, dict.fromkeys(FACT_TOPICS, PARTITIONS), {})
    return [
        Ready(
            each.place.topic, each.value, each.key.encode(),
            [(ENVELOPE, write_envelope(each.envelope)), (NUMBER, number_bytes(each.number)), (HASH, each.hash)],
        )
        for each in numbering.records(rows)
    ]  # fmt: skip


def _send(broker: Broker, records: Sequence[Ready], options: dict[str, Any]) -> float:
    make_anew(broker)
    producer = KafkaProducer(**broker.client, acks="all", **options)
    for topic in FACT_TOPICS:
        producer.partitions_for(topic)  # asked before, as a relay that runs has
    with undisturbed():
        begin = perf_counter()
        for topic, value, key, headers in records:
            producer.send(topic, value, key, headers)
        producer.flush()
        spent = perf_counter() - begin
    producer.close()
    _all_there(broker, len(records))
    return len(records) / spent


# -- the relay -------------------------------------------------------------------------------------------


class _Heard:
    """What a relay says of itself; when it sent the first and the last of what came at once."""

    def __init__(self) -> None:
        self.last: Progress | None = None
        self.sent_at: list[float] = []

    def tell(self, progress: Progress) -> None:
        before, self.last = self.last, progress
        if before is not None and progress.position > before.position:
            self.sent_at.append(perf_counter())

    def is_at(self, position: int) -> bool:
        return self.last is not None and self.last.state is State.ACTIVE and self.last.position >= position


def _relay(
    bench: Workbench, broker: Broker, lines: Sequence[TextLine], waits_after_away: list[float] | None = None
) -> float:
    """The facts come in one commit; with `waits_after_away` while the broker is away, and it counts from its return."""
    make_anew(broker)
    before = _before(lines)
    with bench.fresh() as folder, _relaying(settings_in(folder, broker), lines[:before]) as (settings, heard):
        until(lambda: heard.is_at(before), f"{before} facts are relayed")
        heard.sent_at.clear()
        away = nullcontext() if waits_after_away is None else _away(broker)
        with undisturbed(), away, open_ledger(settings) as other:
            import_history(other.bulk, other.mapper, other.clock, lines[before:])
            begin = perf_counter()
        if waits_after_away is not None:
            begin = broker.silent_at  # it was not there yet; from then on the relay may have heard from it before us
        until(lambda: heard.is_at(len(lines)), f"{len(lines)} facts are relayed")
        if waits_after_away is not None:
            waits_after_away.append(heard.sent_at[0] - begin)
        spent = heard.sent_at[-1] - begin
    _all_there(broker, len(lines))
    return (len(lines) - before) / spent


def _relay_after_away(bench: Workbench, broker: Broker, lines: Sequence[TextLine], waits: list[float]) -> float:
    with _refused_sockets_swept_up():
        return _relay(bench, broker, lines, waits)


@contextmanager
def _refused_sockets_swept_up() -> Iterator[None]:
    """kafka-python 3.0.12 leaves the socket of each connection that was refused to the garbage collector.

    Its threads hold them, and end a little after its clients are closed.
    """
    before = set(threading.enumerate())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
        until(lambda: before >= set(threading.enumerate()), "the clients' threads have ended")
        gc.collect()


@contextmanager
def _away(broker: Broker) -> Iterator[None]:
    """Killed, and answering again at the end."""
    broker.kill()
    try:
        yield
    finally:
        broker.start()


@contextmanager
def _relaying(settings: Settings, lines: Sequence[TextLine]) -> Iterator[tuple[Settings, _Heard]]:
    """A relay in a thread of its own, of a ledger with these facts."""
    heard, stop = _Heard(), threading.Event()
    with open_ledger(settings) as ledger:
        import_history(ledger.bulk, ledger.mapper, ledger.clock, lines)
        working = threading.Thread(target=streaming.relayed, args=(ledger, heard.tell, stop, False, False))
        working.start()
        try:
            yield settings, heard
        finally:
            stop.set()
            working.join()
