"""This file holds the row `kafka-project`: views from Kafka, beside bare reading and a known stream framework."""

import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from importlib.metadata import version
from io import BytesIO
from statistics import median
from threading import Event
from time import perf_counter, process_time
from typing import Any

from fastavro import parse_schema, schemaless_reader
from kafka import KafkaConsumer

from ledger import streaming
from ledger.settings import Settings
from ledger.wiring import open_views
from projections.letterbox.consuming import BATCH, OPTIONS, Consuming, Progress, Projecting
from schemas import decode_raw, header_of, schema_of, wire_names
from schemas.files import HEADER_SIZE
from schemas.on_kafka import FACT_TOPICS
from tests.bench.figures import Figures, Goal, Line, alternating, at_least, times
from tests.bench.kafka_place import AT, make_anew, never_relayed, partitions_of, settings_in, undisturbed
from tests.bench.workbench import Workbench
from tests.kafka_broker import Broker

WHAT = "projection from Kafka, one process, SQLite"
BARE = "bare poll + Avro decode (fastavro)"
BARE_OURS = "bare poll + our own Avro reader"
FRAMEWORK = "quixstreams that counts each key's facts by wire name"
PROJECTED: tuple[tuple[str, Goal], ...] = (
    (WHAT, at_least(40_000, "facts/s")),
    (f"{WHAT}, beside bare reading", times(0.6)),
    (f"{WHAT}, beside a stream framework", times(1)),
)
Work = Callable[[], float]
"""Does all of it; answers the seconds of wall clock that count."""


def projected(bench: Workbench, broker: Broker) -> Iterator[Line]:
    """All views, checked for gaps and forks, with the outbox of the stock; from nothing to the last fact."""
    told = bench.ledger(bench.sizes.kafka_facts)
    make_anew(broker)
    with never_relayed(bench, broker, told) as ledger:
        streaming.relayed(ledger, lambda _: None, Event(), until_caught_up=True, recheck=False)
        ledger_id = ledger.store.ledger_id()
    facts = told.facts
    bench.say(f"projecting {facts:,} facts from Kafka")
    spent: dict[str, list[float]] = {}
    found = alternating(
        bench.sizes.kafka_rounds,
        _rate("ours", spent, facts, lambda: _views(bench, broker, ledger_id, facts)),
        _rate("bare", spent, facts, lambda: _bare(broker, facts, Stranger().read)),
        _rate("bare, our reader", spent, facts, lambda: _bare(broker, facts, decode_raw)),
        _rate("framework", spent, facts, lambda: _framework(bench, broker, facts, changelog=True)),
        _rate("framework without changelog", spent, facts, lambda: _framework(bench, broker, facts, changelog=False)),
    )
    ours, bare, bare_ours, framework, without = (Figures("all views", "facts/s", each) for each in found)
    beside = (bare._replace(what=BARE), bare._replace(what=BARE), framework._replace(what=FRAMEWORK))
    cpu = {f"µs of CPU a fact, {name}": round(median(each), 1) for name, each in spent.items()}
    at = {"facts": facts, "batch": BATCH, "quixstreams": version("quixstreams"), **cpu, **AT}
    note = ", ".join(f"{name} {micros}" for name, micros in cpu.items())
    for (what, goal), yardstick in zip(PROJECTED, beside, strict=True):
        yield Line("kafka-project", what, ours, yardstick, goal, at, note if what == WHAT else "")
    bare_ours = bare_ours._replace(what=BARE_OURS)
    yield Line("kafka-project", f"{WHAT}, beside bare reading with our reader", ours, bare_ours, None, at)
    without = without._replace(what="quixstreams, its changelog topics off")
    yield Line("kafka-project", f"{WHAT}, beside its fastest", ours, without, None, at)


def _rate(name: str, spent: dict[str, list[float]], facts: int, work: Work) -> Callable[[], float]:
    """Facts a second of wall clock; what CPU time a fact took is put aside."""

    def measured() -> float:
        with undisturbed():
            begin = process_time()
            seconds = work()
            spent.setdefault(name, []).append((process_time() - begin) / facts * 1e6)
        return facts / seconds

    return measured


# -- ours ------------------------------------------------------------------------------------------------


def _views(bench: Workbench, broker: Broker, ledger_id: str, facts: int) -> float:
    with bench.fresh() as folder:
        said: list[Progress] = []
        seconds = project(settings_in(folder, broker), ledger_id, said.append)
    assert said[-1].applied == facts, said[-1]
    return seconds


def project(settings: Settings, ledger_id: str, tell: Callable[[Progress], None]) -> float:
    """As `project --until-caught-up` does, but for sending the stock: what changed of it waits in the outbox.

    Answers the seconds from the first record to the last one that was durable.
    """
    began: list[float] = []
    ended = [0.0]

    def nothing(_: object = None) -> None:
        return None

    def unframed(value: bytes) -> bytes:
        if not began:
            began.append(perf_counter())
        return value

    def reached(_: str) -> None:
        ended[0] = perf_counter()

    with closing(open_views(settings)) as views:
        given = Consuming(
            options=streaming.kafka_options(settings), unframed=unframed, views=views, group="measured",
            ledger=ledger_id, publishing=True, tell=tell, applied=nothing, owns=nothing, reached=reached, words=str,
        )  # fmt: skip
        assert Projecting(given).run(Event(), until_caught_up=True) == {}
    return ended[0] - began[0]


# -- yardsticks ------------------------------------------------------------------------------------------


class Stranger:
    """Decodes as whoever has the schemas' files and fastavro does: with the schema of a value's fingerprint."""

    def __init__(self) -> None:
        self._schemas = {header_of(wire): (wire, parse_schema(schema_of(wire))) for wire in wire_names()}

    def read(self, value: bytes) -> tuple[str, Any]:
        """Wire name and fields."""
        wire, schema = self._schemas[value[:HEADER_SIZE]]
        return wire, schemaless_reader(BytesIO(value[HEADER_SIZE:]), schema, None)


def _bare(broker: Broker, facts: int, read: Callable[[bytes], Any]) -> float:
    """The same records, headers and all, with our fetch sizes: read, decoded, dropped."""
    began, done = 0.0, 0
    with closing(KafkaConsumer(**{**OPTIONS, **broker.client, "group_id": None})) as consumer:
        consumer.assign(partitions_of(consumer, *FACT_TOPICS))
        while done < facts:
            polled = consumer.poll(timeout_ms=500)
            if polled and not began:
                began = perf_counter()
            for records in polled.values():
                for record in records:
                    read(record.value)
                done += len(records)
        return perf_counter() - began


def _framework(bench: Workbench, broker: Broker, facts: int, changelog: bool) -> float:
    """A count by wire name for each key, in the framework's own state; from the first fact to the last one committed.

    Its state is in RocksDB, as ours is in SQLite; `changelog`: it also puts each change on a topic, as it does unless
    told otherwise. A sum over keys is left to whoever asks, as it is with ours.
    """
    with warnings.catch_warnings(record=True):  # Authlib, on import by Confluent's client, of what else it might use
        from quixstreams import Application, State
        from quixstreams.models import Deserializer

    stranger = Stranger()

    class Wire(Deserializer):  # type: ignore[misc]
        def __call__(self, value: bytes, ctx: object) -> str:
            return stranger.read(value)[0]

    began: list[float] = []

    def count(wire: str, state: State) -> None:
        if not began:
            began.append(perf_counter())
        state.set(wire, state.get(wire, 0) + 1)

    with bench.fresh() as folder, _signals_kept():
        counting = Application(
            broker_address=broker.address, consumer_group=folder.name, auto_offset_reset="earliest",
            state_dir=folder, use_changelog_topics=changelog, loglevel="ERROR",
        )  # fmt: skip
        for name in FACT_TOPICS:
            stream = counting.dataframe(counting.topic(name, value_deserializer=Wire()))
            stream.update(count, stateful=True)
        counting.run(count=facts, collect=False, timeout=60)
        return perf_counter() - began[0]


@contextmanager
def _signals_kept() -> Iterator[None]:
    """The framework takes the signals, and does not give them back."""
    put_back: list[Callable[[], Any]] = [
        partial(signal.signal, each, signal.getsignal(each)) for each in (signal.SIGINT, signal.SIGTERM)
    ]
    try:
        yield
    finally:
        for each in put_back:
            each()
