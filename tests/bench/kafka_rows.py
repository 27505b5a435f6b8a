"""This file holds the rows about Kafka; without a Kafka of our own each of their promises is a line that says why."""

from collections.abc import Callable, Iterator

from tests.bench import kafka_projecting, kafka_relaying, kafka_sharing, kafka_waiting
from tests.bench.figures import Goal, Line
from tests.bench.workbench import Workbench
from tests.kafka_broker import Broker

Promise = tuple[str, Goal]
Measure = Callable[[Workbench, Broker], Iterator[Line]]


def _row(name: str, measure: Measure, *promised: Promise) -> Callable[[Workbench], Iterator[Line]]:
    def measured(bench: Workbench) -> Iterator[Line]:
        broker = bench.kafka()
        if isinstance(broker, str):
            for what, goal in promised:
                yield Line(name, what, None, goal=goal, why_no_yardstick="not measured", skipped=broker)
        else:
            yield from measure(bench, broker)

    return measured


relayed = _row("kafka-relay", kafka_relaying.relayed, kafka_relaying.RELAYED, kafka_relaying.CAUGHT_UP)
projected = _row("kafka-project", kafka_projecting.projected, *kafka_projecting.PROJECTED)
shared = _row("kafka-share", kafka_sharing.shared, kafka_sharing.SHARED)
visible = _row("kafka-visible", kafka_waiting.visible, *kafka_waiting.VISIBLE)
recalled = _row("kafka-recall", kafka_waiting.recalled, kafka_waiting.RECALLED)
