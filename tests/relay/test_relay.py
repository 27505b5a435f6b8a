"""This file holds what a relay promises, over the transport in this process and over a real Kafka alike."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path

import pytest
from confluent_kafka import Producer

from ledger.relay import sending
from ledger.relay.in_process import InProcessTransport
from ledger.relay.kafka_transport import KafkaTransport
from ledger.relay.port import FactTransport, PromiseBroken, Record, TopicForked, TransportAway
from ledger.relay.sending import Progress, Relay, State
from ledger.relay.topics import make_topics
from ledger.store import crashpoints
from ledger.store.postgres import PostgresFactStore
from ledger.store.relay_desk import LeaseLost, RelayEnd
from ledger.store.sqlite import SQLiteFactStore
from schemas.framing import Plain
from schemas.on_kafka import Place
from tests.kafka_broker import Kafka
from tests.relay.ledgers import PARTITIONS, PLACES, assert_relayed, fill, landed

Store = SQLiteFactStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(SQLiteFactStore(str(tmp_path / "ledger.db"))) as opened:
        yield opened


def over_kafka(kafka: Kafka) -> KafkaTransport:
    make_topics(kafka.client, None, None)
    return KafkaTransport(kafka.client, Plain())


@pytest.fixture(params=["in process", pytest.param("kafka", marks=pytest.mark.kafka)])
def transport(request: pytest.FixtureRequest) -> Iterator[FactTransport]:
    if request.param == "in process":
        yield InProcessTransport()
        return
    with closing(over_kafka(request.getfixturevalue("kafka"))) as opened:
        yield opened


def relay(store: Store, transport: FactTransport, recheck: bool = False) -> Progress:
    """Relay all there is; the last progress told."""
    told: list[Progress] = []
    Relay(store, transport, lambda: PARTITIONS, "one", told.append).run(threading.Event(), True, recheck)
    return told[-1]


class Losing:
    """A transport on which some of what is sent is lost, and the rest lands, before it says that it failed."""

    def __init__(self, inner: FactTransport, keep: Callable[[int, Record], bool]) -> None:
        self.inner, self.keep, self.failures = inner, keep, 1
        self.landed = inner.landed

    def send(self, records: Sequence[Record]) -> Sequence[int]:
        if not self.failures:
            return self.inner.send(records)
        self.failures -= 1
        self.inner.send([record for index, record in enumerate(records) if self.keep(index, record)])
        raise TransportAway("lost on the way")


# -- what is sent ----------------------------------------------------------------------------------------


def test_every_fact_is_sent_once_in_order_numbered_and_chained(store: Store, transport: FactTransport) -> None:
    fill(store, range(40))
    done = relay(store, transport)
    assert (done.state, done.position, done.sent, done.behind) == (State.ACTIVE, 320, 320, 0)
    assert assert_relayed(transport, store) == 0
    fill(store, range(40, 50))
    assert relay(store, transport).sent == 80
    assert relay(store, transport).sent == 0
    assert assert_relayed(transport, store) == 0


def test_facts_of_a_donation_share_a_partition_and_persons_have_their_own_topic(
    store: Store, transport: FactTransport
) -> None:
    fill(store, range(30))
    relay(store, transport)
    homes: dict[str, set[Place]] = {}
    for place, records in landed(transport, store).items():
        for record in records:
            stream = record.envelope.stream
            assert (place.topic == "blood.subjects.v1") == stream.startswith(("donor:", "patient:"))
            homes.setdefault(stream[:13] if stream.startswith("A") else stream, set()).add(place)
    assert all(len(places) == 1 for places in homes.values())
    assert len({place for places in homes.values() for place in places}) == len(PLACES)


def test_nothing_but_persons_facts_is_on_the_topic_of_subjects(store: Store, transport: FactTransport) -> None:
    fill(store, range(5))
    relay(store, transport)
    there = [
        each for place, all_ in landed(transport, store).items() if place.topic.endswith("facts.v1") for each in all_
    ]
    assert there and not any(each.envelope.stream.startswith(("donor:", "patient:")) for each in there)


@pytest.mark.kafka
def test_records_that_are_no_facts_are_passed_over_by_who_goes_on_sending(store: Store, kafka: Kafka) -> None:
    """Also with headers that are null, which Kafka allows."""
    with closing(over_kafka(kafka)) as transport:
        fill(store, range(5))
        relay(store, transport)
        strange = Producer({"bootstrap.servers": kafka.address})  # kafka-python sends no header that is null
        for topic, part in PLACES:
            for headers in ([("envelope", None), ("number", None), ("hash", None)], [("hash", b"?")], []):
                strange.produce(topic, b"?", b"k", part, headers=headers)
            strange.produce(topic, None, None, part)
        assert strange.flush(30) == 0
        fill(store, range(5, 10))
    with closing(over_kafka(kafka)) as another:  # which looks for what may have landed after the checkpoint
        assert relay(store, another).sent == 40
        assert assert_relayed(another, store) == 0


# -- after a crash ---------------------------------------------------------------------------------------


class Killed(BaseException):
    """Stands for kill -9: nothing is tidied up."""


def die() -> None:
    raise Killed


@pytest.mark.parametrize("point", ["before-send", "after-send", "after-checkpoint"])
def test_killed_at_a_commit_point_the_next_relay_goes_on_with_the_same_numbers(
    store: Store, transport: FactTransport, point: str
) -> None:
    fill(store, range(20))
    crashpoints.on_reaching(point, die)
    with suppress(Killed):
        relay(store, transport)
    crashpoints.disarm()
    fill(store, range(20, 25))
    done = relay(store, transport)
    assert done.sent == {"before-send": 200, "after-send": 40, "after-checkpoint": 40}[point]
    assert assert_relayed(transport, store) == 0


@pytest.mark.parametrize("keep", [lambda i, _: i < 50, lambda i, _: i % 3, lambda i, r: r.place.partition != 1])
def test_what_was_lost_in_flight_is_sent_again_from_the_first_lost_number(
    store: Store, transport: FactTransport, keep: Callable[[int, Record], bool]
) -> None:
    fill(store, range(20))
    losing = Losing(transport, keep)
    with pytest.raises(TransportAway):
        relay(store, losing)
    relay(store, losing)
    assert_relayed(transport, store)


def test_a_relay_that_runs_on_tries_again_by_itself_and_says_so(
    store: Store, transport: FactTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "AGAIN_SECONDS", 0.01)
    fill(store, range(20))
    stop, told = threading.Event(), list[Progress]()

    def tell(progress: Progress) -> None:
        told.append(progress)
        if progress.position == 160:
            stop.set()

    Relay(store, Losing(transport, lambda i, _: i % 2 == 0), lambda: PARTITIONS, "one", tell).run(stop)
    assert [each.why for each in told if each.state is State.AWAY] == ["lost on the way"]
    assert_relayed(transport, store)


def test_a_topic_that_lost_its_end_is_filled_again(store: Store) -> None:
    transport = InProcessTransport()
    fill(store, range(20))
    relay(store, transport)
    for place, records in transport.partitions.items():
        del records[len(records) // 2 :]
        assert place in PLACES
    assert 60 <= relay(store, transport).sent <= 120
    assert assert_relayed(transport, store) == 0


def test_recheck_sends_what_is_missing_in_the_middle(store: Store) -> None:
    transport = InProcessTransport()
    fill(store, range(30))
    relay(store, transport)
    lost = transport.partitions[PLACES[0]]
    # One fact is gone, and its place taken by a copy of the next: offsets stay, as they do on a broker.
    lost[5], length = lost[6], len(lost)
    assert relay(store, transport).sent == 0, "it goes on from its checkpoint, and sees nothing of it"
    assert relay(store, transport, recheck=True).sent == length - 5
    assert_relayed(transport, store)


def test_an_altered_record_is_sent_again_as_it_was(store: Store) -> None:
    transport = InProcessTransport()
    fill(store, range(30))
    relay(store, transport)
    partition = transport.partitions[PLACES[1]]
    partition[4] = partition[4]._replace(value=partition[4].value[:-1] + b"?")
    length = len(partition)
    relay(store, transport, recheck=True)
    assert partition[length].number == 5 and partition[length].value != partition[4].value


def test_a_topic_of_another_history_is_never_written_over(store: Store, tmp_path: Path) -> None:
    transport = InProcessTransport()
    fill(store, range(10))
    relay(store, transport)
    with closing(SQLiteFactStore(str(tmp_path / "copy.db"), store.ledger_id())) as other:
        fill(other, range(5, 15))
        before = {place: list(records) for place, records in transport.partitions.items()}
        with pytest.raises(TopicForked) as forked:
            relay(other, transport)
    assert forked.value.number == 1 and forked.value.place in PLACES
    assert transport.partitions == before


def test_another_partition_count_is_refused(store: Store) -> None:
    transport = InProcessTransport()
    fill(store, range(3))
    relay(store, transport)
    other = {"blood.facts.v1": 4, "blood.subjects.v1": 3}
    with pytest.raises(PromiseBroken, match="partitions"):
        Relay(store, transport, lambda: other, "one", lambda _: None).run(threading.Event(), True)


# -- whose turn it is --------------------------------------------------------------------------------------


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def desk_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SQLiteFactStore | PostgresFactStore]:
    """A ledger on each database."""
    if request.param == "sqlite":
        with closing(SQLiteFactStore(str(tmp_path / "ledger.db"))) as opened:
            yield opened
        return
    with closing(PostgresFactStore(request.getfixturevalue("postgres_url"))) as on_server:
        yield on_server


def test_a_former_relay_moves_no_checkpoint(desk_store: SQLiteFactStore) -> None:
    desk = desk_store.desk()
    first = desk.take(desk.lease(), "first")
    assert first is not None
    desk.save(first, 7, {Place("blood.facts.v1", 0): RelayEnd(3, b"h" * 32, 2)})
    seen = desk.lease()
    desk.beat(first)
    assert desk.take(seen, "second") is None, "the first one's beat was heard meanwhile"
    second = desk.take(desk.lease(), "second")
    assert second == first + 1
    for moved in (lambda: desk.save(first, 9, {}), lambda: desk.beat(first), lambda: desk.begin(first, PARTITIONS)):
        with pytest.raises(LeaseLost):
            moved()
    assert desk.checkpoint() == (7, {Place("blood.facts.v1", 0): (3, b"h" * 32, 2)})
    assert desk_store.desk().lease().holder == "second"


def test_a_standby_takes_over_when_the_beat_stands_still(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "LEASE_SECONDS", 0.3)
    monkeypatch.setattr(sending, "BEAT_SECONDS", 0.05)
    transport = InProcessTransport()
    desk = store.desk()
    assert desk.take(desk.lease(), "one that died") == 1
    fill(store, range(10))
    states: list[State] = []
    Relay(store, transport, lambda: PARTITIONS, "next", lambda told: states.append(told.state)).run(
        threading.Event(), True
    )
    assert states[0] is State.STANDBY and states[-1] is State.ACTIVE
    assert_relayed(transport, store)
    assert desk.lease().holder == "", "who ends lets the next one begin at once"


def test_two_relays_at_once_lose_nothing_and_only_one_is_active(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "CHUNK", 7)
    transport = InProcessTransport()
    fill(store, range(20))
    stop = threading.Event()
    told: dict[str, list[Progress]] = {"one": [], "two": []}
    relays = [
        threading.Thread(target=Relay(store, transport, lambda: PARTITIONS, name, heard.append).run, args=(stop,))
        for name, heard in told.items()
    ]
    for each in relays:
        each.start()
    fill(store, range(20, 60))
    while not any(heard and heard[-1].position == 480 for heard in told.values()):
        stop.wait(0.01)
    stop.set()
    for each in relays:
        each.join()
    active = [name for name, heard in told.items() if any(each.sent for each in heard)]
    assert len(active) == 1
    assert assert_relayed(transport, store) == 0
