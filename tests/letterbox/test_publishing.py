"""This file holds what the publisher of the stock promises, on a real Kafka: no older row after a newer one."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from ledger.relay.topics import make_topics
from projections.letterbox.publishing import Publisher
from projections.readmodels.delivering import Parts
from projections.readmodels.live import Views
from projections.readmodels.outbox import waiting
from projections.readmodels.sqlite import sqlite_views
from schemas.on_kafka import STOCK, read_record
from tests.kafka_broker import Kafka
from tests.letterbox.deliveries import letters_of, place_of, stray
from tests.letterbox.test_delivering import fed
from tests.projections.history import History, collect, din

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


# In a process of its own: kafka-python 3.0.12 leaves the sockets of a refused connection open.
SEND_TO_NOBODY = """
import sys
from projections.letterbox.publishing import Publisher, PublishingFailed
from projections.readmodels.sqlite import sqlite_views

nobody = {"bootstrap_servers": "127.0.0.1:9", "bootstrap_timeout_ms": 500}
try:
    Publisher(nobody, sqlite_views(sys.argv[1]), print, print).empty()
except PublishingFailed:
    print("refused")
"""


@pytest.fixture
def views(tmp_path: Path) -> Iterator[Views]:
    with closing(sqlite_views(tmp_path / "views")) as opened:
        yield opened


@pytest.fixture
def history(tmp_path: Path) -> History:
    """Of a ledger whose name no other test uses: the topics are shared."""
    return History(f"ledger-{tmp_path.name}")


def publisher(kafka: Kafka, views: Views) -> Publisher:
    make_topics(kafka.client, None, None)
    return Publisher(kafka.client, views, lambda _: None, lambda _: None)


def on_topic(kafka: Kafka, ledger: str) -> dict[str, bytes | None]:
    """The last value of each key of a ledger, as a reader who begins today has it."""
    with closing(KafkaConsumer(**kafka.client, auto_offset_reset="earliest", enable_auto_commit=False)) as reader:
        partitions = [TopicPartition(STOCK, each) for each in sorted(reader.partitions_for_topic(STOCK))]
        reader.assign(partitions)
        ends = reader.end_offsets(partitions)
        found: dict[str, bytes | None] = {}
        while any(reader.position(each) < ends[each] for each in partitions):
            for records in reader.poll(timeout_ms=200).values():
                found.update({record.key.decode(): record.value for record in records})
    return {key: value for key, value in found.items() if key.startswith(f"{ledger}/")}


def rows_on_topic(kafka: Kafka, ledger: str) -> dict[str, int]:
    """Version of each bag that is stock."""
    return {
        str(row["bag"]): row["version"]
        for key, value in on_topic(kafka, ledger).items()
        if value is not None and "/incomplete/" not in key
        for row in [read_record("stock_row.v1", value)]
    }


def test_a_reader_who_begins_today_has_the_stock(kafka: Kafka, views: Views, history: History) -> None:
    bags = [collect(history, number, float(number)) for number in range(8)]
    fed(views, history)
    publisher(kafka, views).empty()
    assert rows_on_topic(kafka, history.ledger) == dict.fromkeys(bags, 1)
    history.tell(bags[0], "bag.stored", 20.0, facility="A9999", place="fridge-1")
    history.tell(bags[1], "bag.discarded", 21.0, approved_by="staff-2")
    fed(views, history)
    publisher(kafka, views).empty()
    assert rows_on_topic(kafka, history.ledger) == {bags[0]: 2, **dict.fromkeys(bags[2:], 1)}
    assert on_topic(kafka, history.ledger)[f"{history.ledger}/{bags[1]}"] is None, "a tombstone"


def test_a_former_publisher_is_refused_and_the_newer_row_stays(kafka: Kafka, views: Views, history: History) -> None:
    bag = collect(history, 1, 1.0)
    fed(views, history)
    former, present = publisher(kafka, views), publisher(kafka, views)
    assert former.publish() == 1
    history.tell(bag, "bag.stored", 2.0, facility="A9999", place="fridge-1")
    fed(views, history)
    assert present.publish() == 1
    history.tell(bag, "bag.moved", 3.0, facility="A9999", place="fridge-2")
    fed(views, history)
    with pytest.raises(KafkaError, match=r"(?i)fenced|epoch"):
        former.publish()
    assert rows_on_topic(kafka, history.ledger) == {bag: 2}, "what it tried to send is not there"
    assert present.publish() == 1
    assert rows_on_topic(kafka, history.ledger) == {bag: 3}
    with views.reading() as read:
        assert waiting(read, 10) == []


def test_a_former_publisher_that_stalls_strikes_off_nothing_newer(kafka: Kafka, views: Views, history: History) -> None:
    bag = collect(history, 1, 1.0)
    fed(views, history)
    present = publisher(kafka, views)

    def stalled(point: str) -> None:
        if point == "after-publish":  # sent, and not yet struck off
            assert present.publish() == 1
            history.tell(bag, "bag.stored", 2.0, facility="A9999", place="fridge-1")
            fed(views, history)

    former = Publisher(kafka.client, views, lambda _: None, stalled)
    assert former.publish() == 1
    with views.reading() as read:
        assert [each.name for each in waiting(read, 10)] == [bag]
    assert present.publish() == 1
    assert rows_on_topic(kafka, history.ledger) == {bag: 2}


def test_what_could_not_be_sent_stays_in_the_outbox(
    kafka: Kafka, views: Views, history: History, tmp_path: Path
) -> None:
    collect(history, 1, 1.0)
    fed(views, history)
    start = [sys.executable, "-c", SEND_TO_NOBODY, str(tmp_path / "views")]
    sending = subprocess.run(start, capture_output=True, text=True, timeout=60, check=True)
    assert sending.stdout.splitlines()[-1] == "refused"
    with views.reading() as read:
        assert len(waiting(read, 10)) == 1
    publisher(kafka, views).empty()
    assert set(rows_on_topic(kafka, history.ledger)) == {f"{din(1)}=E0001V00"}


def test_an_incomplete_bag_is_marked_until_it_no_longer_is(kafka: Kafka, views: Views, history: History) -> None:
    bags = [collect(history, number, float(number)) for number in range(4)]
    letters, place = letters_of(history), place_of(bags[2])
    letters[place].append(stray(place, len(letters[place]), din(2)))
    fed(views, history, letters)
    publisher(kafka, views).empty()
    key = f"{history.ledger}/{bags[2]}/incomplete/{din(2)}"
    marked = on_topic(kafka, history.ledger)
    assert [each for each in marked if "/incomplete/" in each] == [key]
    value = marked[key]
    assert value is not None and read_record("incomplete.v1", value)["stream"] == din(2)
    assert Parts(views.live(), True).dismiss(place, len(letters[place]) - 1, "sent by hand")
    publisher(kafka, views).empty()
    assert on_topic(kafka, history.ledger)[key] is None
