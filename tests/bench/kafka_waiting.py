"""This file holds the rows `kafka-visible` and `kafka-recall`: how long it takes until others see what was decided."""

import json
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from statistics import median
from threading import Event, Thread
from time import perf_counter
from typing import NamedTuple

import apsw
from kafka import KafkaConsumer

from ledger.commands.importing import import_history
from ledger.commands.lines import Line as TextLine
from ledger.commands.reading import read_command
from ledger.settings import Settings
from ledger.wiring import Ledger, open_ledger, open_views
from schemas.on_kafka import STOCK, read_record, row_key
from tests.bench import many_bags
from tests.bench.figures import Figures, Goal, Line, alternating, below, percentile
from tests.bench.histories import as_line, told, week_lines
from tests.bench.kafka_place import AT, Process, environment_of, make_anew, partitions_of, settings_in
from tests.bench.workbench import Workbench
from tests.kafka_broker import Broker

A_SECOND = 100
"""Commands a second, at even distances."""
SEEN_WITHIN = 10.0
LOOK_SECONDS = 0.001
PER_DONATION = 2
"""Bags of each donation of `many_bags.lot` that are stock still."""
VISIBLE: tuple[tuple[str, Goal], ...] = (
    (f"commit to view, {A_SECOND} commands/s, SQLite: p50", below(50, "ms")),
    (f"commit to view, {A_SECOND} commands/s, SQLite: p99", below(250, "ms")),
)
RECALLED = ("lot recall: held, and seen on the stock topic", below(5, "s"))
NO_YARDSTICK = "the promise names none"


@contextmanager
def _running(bench: Workbench, broker: Broker, facts: Sequence[TextLine] = ()) -> Iterator[Ledger]:
    """A ledger with these facts, and both processes beside it as a person starts them: `relay` and `project`."""
    make_anew(broker)
    with ExitStack() as entered:
        folder = entered.enter_context(bench.fresh())
        settings = settings_in(folder, broker)
        ledger = entered.enter_context(open_ledger(settings))
        import_history(ledger.bulk, ledger.mapper, ledger.clock, facts)
        environment = environment_of(settings, broker)
        relay = entered.enter_context(Process(folder, environment, "relay"))
        project = entered.enter_context(Process(folder, environment, "project"))
        relay.until(lambda said: said.get("state") == "active" and said["behind"] == 0)
        project.until(lambda said: said.get("partitions", 0) > 0 and said.get("position", -1) >= len(facts))
        project.until(lambda said: said.get("unsent") == 0)
        yield ledger


# -- from commit to view ---------------------------------------------------------------------------------


class _Seen(NamedTuple):
    """Up to where the view was complete, and when that was first seen."""

    position: int
    at: float


def visible(bench: Workbench, broker: Broker) -> Iterator[Line]:
    """A lone caller sends the published week; a command is visible when the view is complete to its last fact."""
    commands = bench.sizes.visible_commands
    lines = week_lines(commands * bench.sizes.kafka_rounds)
    bench.say(f"{commands} commands a round, {A_SECOND} a second")
    with _running(bench, broker) as ledger:
        rounds = [_waits(ledger, [next(lines) for _ in range(commands)]) for _ in range(bench.sizes.kafka_rounds)]
    at = {"commands": commands, "commands a second": A_SECOND, **AT}
    for (what, goal), part in zip(VISIBLE, (0.5, 0.99), strict=True):
        found = Figures(what, "ms", tuple(percentile(each, part) for each in rounds))
        yield Line("kafka-visible", what, found, None, goal, at, why_no_yardstick=NO_YARDSTICK)


def _waits(ledger: Ledger, lines: Sequence[bytes]) -> list[float]:
    """How long each command waited from its answer until it was visible. Unit: milliseconds."""
    seen: list[_Seen] = []
    with _looking(ledger.settings, seen) as first_look:
        assert first_look.wait(SEEN_WITHIN), "the views can be read"
        committed = list(_paced(ledger, lines))
        last, tick, end = committed[-1].position, Event(), perf_counter() + SEEN_WITHIN
        while seen[-1].position < last:
            assert perf_counter() < end, f"the view is at {seen[-1].position}, {last} is committed"
            tick.wait(LOOK_SECONDS)
    positions = [each.position for each in seen]
    return [(seen[bisect_left(positions, each.position)].at - each.at) * 1000 for each in committed]


def _paced(ledger: Ledger, lines: Sequence[bytes]) -> Iterator[_Seen]:
    """The last position of each command, and when it was durable."""
    tick, begin = Event(), perf_counter()
    for number, line in enumerate(lines):
        tick.wait(max(0.0, begin + number / A_SECOND - perf_counter()))
        (answer,) = ledger.committer.commit([read_command(line)])
        assert answer.outcome == "recorded", answer
        yield _Seen(answer.facts[-1].position, perf_counter())


@contextmanager
def _looking(settings: Settings, seen: list[_Seen]) -> Iterator[Event]:
    """While inside, look at the view whenever another process has written to its file; the event: looked once."""
    stop, looked = Event(), Event()

    def look() -> None:
        reading = apsw.SQLITE_OPEN_READONLY
        with closing(apsw.Connection(settings.views, flags=reading)) as raw, closing(open_views(settings)) as views:
            before = None
            while not stop.wait(LOOK_SECONDS):
                now = raw.execute("PRAGMA data_version").fetchone()
                if now != before:
                    before = now
                    with views.reading() as read:
                        position = read.complete_to
                    seen.append(_Seen(position, perf_counter()))
                    looked.set()

    thread = Thread(target=look)
    thread.start()
    try:
        yield looked
    finally:
        stop.set()
        thread.join()


# -- a recall --------------------------------------------------------------------------------------------


def recalled(bench: Workbench, broker: Broker) -> Iterator[Line]:
    """From giving the command that holds a lot until a reader of the stock topic has seen each of its bags held."""
    donations = bench.sizes.lot_bags // PER_DONATION
    bags = donations * PER_DONATION
    told_of = told(many_bags.lot(donations * many_bags.BAGS_OF_A_DONATION))
    facts = [as_line(number, row) for number, row in enumerate(told_of, 1)]
    bench.say(f"{len(facts):,} facts of {bags:,} bags to Kafka and its stock topic")
    decided: list[_Decided] = []
    (found,) = alternating(bench.sizes.kafka_rounds, lambda: _held_and_seen(bench, broker, facts, bags, decided))
    seconds = median(each.seconds for each in decided)
    what, goal = RECALLED
    yield Line(
        "kafka-recall", f"{what}: {bags:,} bags over 3 centres", Figures("PlaceHold to stock topic", "s", found), None,
        goal, {"bags": bags, "facts": len(facts), "s until it is decided": round(seconds, 2), **AT},
        f"of it {seconds:.2f} s until it is decided and durable: one commit of {decided[0].facts:,} facts",
        why_no_yardstick=NO_YARDSTICK,
    )  # fmt: skip


class _Decided(NamedTuple):
    """What one hold caused, and how long it took to be durable."""

    facts: int
    seconds: float


HOLD = {
    "request": "recall", "by": "quality", "command": "PlaceHold", "reason": "notice of the maker",
    "happened_at": "2026-09-01T08:00:00+08:00", "cause": "recall",
    "scope": {"kind": "container_lot", "id": many_bags.LOT},
}  # fmt: skip


def _held_and_seen(
    bench: Workbench, broker: Broker, facts: Sequence[TextLine], bags: int, decided: list[_Decided]
) -> float:
    """A new ledger each round: a lot that is held already costs less to hold."""
    line = json.dumps(HOLD).encode()
    with _running(bench, broker, facts) as ledger, _StockReader(broker, ledger.store.ledger_id()) as reader:
        reader.read_until(0, bags)
        committer = ledger.committer  # whoever runs a ledger has read its catalogue long ago
        begin = perf_counter()
        (answer,) = committer.commit([read_command(line)])
        decided.append(_Decided(len(answer.facts), perf_counter() - begin))
        assert answer.outcome == "recorded", answer
        reader.read_until(1, bags)
        return perf_counter() - begin


class _StockReader:
    """Somebody who reads the stock topic, and knows nothing of ledgers."""

    def __init__(self, broker: Broker, ledger_id: str) -> None:
        self._ledger = ledger_id
        self._consumer = KafkaConsumer(
            **broker.client, group_id=None, auto_offset_reset="earliest", enable_auto_commit=False,
            max_poll_records=5_000,
        )  # fmt: skip
        self._consumer.assign(partitions_of(self._consumer, STOCK))
        self._holds: dict[str, int] = {}

    def read_until(self, holds: int, bags: int) -> None:
        """Until so many bags have so many holds. Errors: TimeoutError."""
        end = perf_counter() + 60
        while sum(each >= holds for each in self._holds.values()) < bags:
            if perf_counter() > end:
                raise TimeoutError(f"{len(self._holds):,} bags were seen, not all {bags:,} with {holds} holds")
            for records in self._consumer.poll(timeout_ms=500).values():
                for record in records:
                    self._hear(record.key.decode(), record.value)

    def _hear(self, key: str, value: bytes | None) -> None:
        if value is None:
            self._holds.pop(key, None)
            return
        said = read_record("stock_row.v1", value)
        assert key == row_key(self._ledger, said["bag"]), key
        self._holds[key] = said["holds"]

    def __enter__(self) -> "_StockReader":
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close(autocommit=False)
