"""This file holds the projecting process: it brings what Kafka has to the views, in a consumer group or alone.

Where it goes on is what the view says, never Kafka's own offsets: rows, numbers and offsets are one transaction. After
a rebalance, a crash, or another process's batch it reads the view's numbers again and goes on from there.
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from time import monotonic
from typing import Any, NamedTuple

from kafka import ConsumerRebalanceListener, TopicPartition
from kafka.errors import KafkaError

from projections.decode import FACT_TOPICS, Place, RegistryAway, without_cycle_search
from projections.letterbox.chain import Chain
from projections.letterbox.fetching import LetterConsumer
from projections.letterbox.letters import Unframed
from projections.readmodels.database import ViewsOutdated, ViewsUnavailable
from projections.readmodels.delivering import Decoded, Delivery, Letter, Parts, decoded
from projections.readmodels.live import Views
from projections.readmodels.partitions import Reached, Standstill

BATCH = 20_000
"""Facts per transaction while far behind."""
MANY = 1_000
"""Facts that have come, from which on more of the same are probably on their way: one batch of all is cheaper."""
LONGEST_SECONDS = 1.0
"""How long a fact that has come may wait for others before it is applied."""
GRACE_SECONDS = 30.0
"""How long a number may be missing at the end of a partition before the partition stands still."""
ASK_SECONDS = 5.0
"""How long nothing may come before the broker is asked whether it is there."""
AGAIN_SECONDS = 1.0
PATIENCE_SECONDS, MOST_PATIENCE_SECONDS = 15.0, 600.0
"""How long a member waits for a partition before it joins anew: twice as long each time, since others stop for it."""
WAIT_MS, MORE_MS, ANSWER_MS = 500, 50, 10_000
OPTIONS: dict[str, Any] = {
    "enable_auto_commit": False,
    "auto_offset_reset": "earliest",
    "max_poll_records": BATCH,  # while records are handed out in parts, the client's own thread stands in their way
    "max_partition_fetch_bytes": 4 * 1024 * 1024,
    "fetch_max_wait_ms": 250,
    "session_timeout_ms": 6_000,
    "heartbeat_interval_ms": 1_500,
    "max_poll_interval_ms": 300_000,
    "metrics_enabled": False,
}


class State(StrEnum):
    """What a projecting process is doing."""

    STARTING = "starting"
    WAITING = "waiting"
    PROJECTING = "projecting"
    AWAY = "away"


class Progress(NamedTuple):
    """Where a projecting process is.

    Shape: `applied` facts and `duplicates` of this process; `behind` records not yet read, of its partitions;
    `recorded_at` of the last fact applied; `standing` partitions that stand still, with why.
    """

    state: State
    applied: int
    duplicates: int
    behind: int
    recorded_at: int
    owned: int
    standing: Mapping[Place, Standstill]
    why: str = ""


class KafkaAway(Exception):
    """Kafka cannot be reached, or refuses us."""


class _JoinAnew(Exception):
    """A member that has had no partition for long: kafka-python loses its place when it is cut off while it joins."""


class SeveralLedgers(Exception):
    """The topics carry several ledgers, and nobody said which one these views are of."""

    def __init__(self, ledgers: Sequence[str]) -> None:
        super().__init__(ledgers)
        self.ledgers = ledgers


class Consuming(NamedTuple):
    """What a projecting process is given.

    Shape: `options` to reach the cluster, as kafka-python names them; `ledger` the one whose facts are wanted, None for
    the only one there is; `group` the consumer group's name. `applied` hears that something was put into the outbox,
    `owns` whether the first partition is ours, `reached` of commit points. `words` for what kept us from Kafka.
    """

    options: Mapping[str, Any]
    unframed: Unframed
    views: Views
    group: str
    ledger: str | None
    publishing: bool
    tell: Callable[[Progress], None]
    applied: Callable[[], None]
    owns: Callable[[bool], None]
    reached: Callable[[str], None]
    words: Callable[[Exception], str]


class Projecting:
    """One projecting process. Errors: SeveralLedgers, ViewsFedOtherwise."""

    def __init__(self, given: Consuming) -> None:
        self._given = given
        self._chains: dict[Place, Chain] = {}
        self._since: dict[Place, float] = {}
        self._ledger = given.ledger
        self._applied = self._recorded_at = 0
        self._dropped = 0
        self._pending_since = self._heard_at = monotonic()
        self._came = False
        self._patience = PATIENCE_SECONDS

    def run(self, stop: threading.Event, until_caught_up: bool = False) -> Mapping[Place, Standstill]:
        """Project until `stop` is set, or all that is on the topics now is in the views; what stands still then.

        Errors: with `until_caught_up` KafkaAway, ViewsUnavailable.
        """
        while not stop.is_set():
            try:
                self._run(stop, until_caught_up)
                break
            except _JoinAnew:
                continue
            except (KafkaError, KafkaAway, RegistryAway, OSError, AssertionError) as error:
                away = error if isinstance(error, KafkaAway) else KafkaAway(self._given.words(error))
                if until_caught_up:
                    raise away from error
                self._say(State.AWAY, why=str(away))
            except (ViewsUnavailable, ViewsOutdated) as error:
                if until_caught_up:
                    raise
                self._say(State.AWAY, why=str(error))
            self._given.owns(False)
            stop.wait(AGAIN_SECONDS)
        return self._standing()

    def _run(self, stop: threading.Event, until_caught_up: bool) -> None:
        self._say(State.STARTING)
        group = None if until_caught_up else self._given.group
        consumer = LetterConsumer(self._given.unframed, **{**OPTIONS, **self._given.options, "group_id": group})
        try:
            places = self._places(consumer)
            if not self._known_ledger(places):
                self._wait_for_ledger(places, stop, until_caught_up)
                if self._ledger is None:
                    return
            if until_caught_up:
                self._alone(consumer, places, stop)
            else:
                self._together(consumer, places, stop)
        finally:
            self.revoked()
            with suppress(KafkaError, OSError, AssertionError):
                consumer.close(autocommit=False, timeout_ms=2_000)

    # -- which ledger ----------------------------------------------------------------------------

    def _places(self, consumer: LetterConsumer) -> list[Place]:
        found = []
        for topic in FACT_TOPICS:
            partitions = consumer.partitions_for_topic(topic)
            if not partitions:
                raise KafkaAway(
                    f"the topic {topic} is not there, or this user may not see it; run `bloodledger topics`"
                )
            found += [Place(topic, partition) for partition in sorted(partitions)]
        return found

    def _known_ledger(self, places: Sequence[Place]) -> bool:
        if self._ledger is None:
            try:
                with self._given.views.reading() as read:
                    self._ledger = read.ledger
            except ViewsOutdated:
                return False
        self._prepared(places)
        return True

    def _wait_for_ledger(self, places: Sequence[Place], stop: threading.Event, until_caught_up: bool) -> None:
        """Learn from the topics whose facts they are. Errors: SeveralLedgers."""
        while not stop.is_set():
            found = self._ledgers(places)
            if len(found) > 1:
                raise SeveralLedgers(sorted(found))
            if found:
                (self._ledger,) = found
                self._prepared(places)
                return
            if until_caught_up:
                return
            self._say(State.WAITING)
            stop.wait(AGAIN_SECONDS)

    def _ledgers(self, places: Sequence[Place]) -> set[str]:
        """The ledgers there are. A consumer of its own: one that paused what it had fetched would not go on with it."""
        consumer = LetterConsumer(self._given.unframed, **{**OPTIONS, **self._given.options, "group_id": None})
        try:
            return _ledgers_on(consumer, places)
        finally:
            consumer.close(autocommit=False)

    def _prepared(self, places: Sequence[Place]) -> dict[Place, Reached]:
        assert self._ledger is not None, "whose facts these are is known before they are read"
        ledger = self._ledger
        return self._given.views.on_live(lambda each: Parts(each, self._given.publishing).prepare(ledger, places))

    # -- alone, and in a group -------------------------------------------------------------------

    def _alone(self, consumer: LetterConsumer, places: Sequence[Place], stop: threading.Event) -> None:
        partitions = [TopicPartition(*place) for place in places]
        consumer.assign(partitions)
        ends = consumer.end_offsets(partitions, timeout_ms=ANSWER_MS)
        self._take_up(consumer, places)
        with without_cycle_search():
            while not stop.is_set():
                self._poll(consumer, MORE_MS)
                self._deliver(consumer, force=False)
                self._ask_if_silent(consumer, places[0])
                if all(consumer.position(each, timeout_ms=ANSWER_MS) >= ends[each] for each in partitions):
                    break
            self._deliver(consumer, force=True)
        for place, chain in self._chains.items():
            self._stand_still(place, chain)
        self._say(State.PROJECTING)

    def _together(self, consumer: LetterConsumer, places: Sequence[Place], stop: threading.Event) -> None:
        consumer.subscribe(list(FACT_TOPICS), listener=_Rebalances(self, consumer))
        had_at = monotonic()
        while not stop.is_set():
            with without_cycle_search():
                self._poll(consumer, self._wait_ms(consumer))
                self._deliver(consumer, force=False)
            self._look_for_gaps(consumer)
            self._ask_if_silent(consumer, places[0])
            if self._chains:
                had_at, self._patience = monotonic(), PATIENCE_SECONDS
            elif monotonic() - had_at >= self._patience:
                self._patience = min(2 * self._patience, MOST_PATIENCE_SECONDS)
                raise _JoinAnew
            self._say(State.PROJECTING if self._chains else State.WAITING, behind=self._behind(consumer))
        self._deliver(consumer, force=True)

    def assigned(self, consumer: LetterConsumer, places: Sequence[Place]) -> None:
        """These partitions are ours now: go on with each where the view is."""
        self._take_up(consumer, places)
        self._given.owns(any(place.partition == 0 and place.topic == FACT_TOPICS[0] for place in self._chains))

    def revoked(self) -> None:
        """None is ours: what was taken and not yet applied is read by whoever has it next."""
        self._dropped += sum(chain.duplicates for chain in self._chains.values())
        self._chains.clear()
        self._given.owns(False)

    def _take_up(self, consumer: LetterConsumer, places: Iterable[Place]) -> None:
        reached = self._prepared(list(places))
        for place in places:
            self._dropped += self._chains[place].duplicates if place in self._chains else 0
            self._chains[place] = Chain(str(self._ledger), place, reached[place])
            consumer.seek(TopicPartition(*place), reached[place].offset)

    # -- reading and applying --------------------------------------------------------------------

    def _ask_if_silent(self, consumer: LetterConsumer, place: Place) -> None:
        """A broker that is away says nothing, as one that has nothing. Errors: KafkaError."""
        if monotonic() - self._heard_at >= ASK_SECONDS:
            consumer.end_offsets([TopicPartition(*place)], timeout_ms=int(ASK_SECONDS * 1000))
            self._heard_at = monotonic()

    def _wait_ms(self, consumer: LetterConsumer) -> int:
        """How long to wait for records: a few facts are applied at once, many wait for more of their kind."""
        pending = self._pending()
        if not pending:
            return WAIT_MS
        return MORE_MS if pending >= MANY or self._behind(consumer) else 0

    def _poll(self, consumer: LetterConsumer, wait_ms: int) -> None:
        none_before = not self._pending()
        polled = consumer.poll(timeout_ms=wait_ms)
        self._came = bool(polled)
        if polled:
            self._heard_at = monotonic()
        if none_before:
            self._pending_since = monotonic()
        for partition, letters in polled.items():
            chain = self._chains.get(Place(*partition))
            if chain is not None:
                chain.hear(letters)

    def _pending(self) -> int:
        return sum(chain.waiting for chain in self._chains.values())

    def _behind(self, consumer: LetterConsumer) -> int:
        """Records that are there and not yet read, as far as the broker has said."""
        return sum(_left(consumer, place) or 0 for place in self._chains)

    def _deliver(self, consumer: LetterConsumer, force: bool) -> None:
        """Apply what was taken, once it is enough or nothing more is at hand.

        Once what it has fetched is handed out, kafka-python knows of nothing behind, also in the middle of a stream.
        """
        pending = self._pending()
        if not pending:
            return
        late = monotonic() - self._pending_since >= LONGEST_SECONDS
        more = (pending >= MANY and self._came) or self._behind(consumer)
        if more and not (force or late or pending >= BATCH):
            return
        deliveries = [chain.delivery() for chain in self._chains.values() if chain.waiting]
        passed = self._applied_by_view(deliveries)
        for delivery in deliveries:
            if delivery.place in passed:
                self._chains[delivery.place].delivered(delivery.to)
                self._applied += len(delivery.rows)
                if delivery.rows:
                    self._recorded_at = max(self._recorded_at, delivery.rows[-1].recorded_at)
        if overtaken := [each.place for each in deliveries if each.place not in passed]:
            self._take_up(consumer, overtaken)
        self._pending_since = monotonic()
        self._given.applied()

    def _applied_by_view(self, deliveries: Sequence[Delivery]) -> set[Place]:
        batch: Sequence[Decoded] = [decoded(each) for each in deliveries]
        self._given.reached("before-apply")
        passed = self._given.views.on_live(lambda each: Parts(each, self._given.publishing).apply(batch))
        # Durable from here: rows, numbers and offsets. A crash before it leaves all as they were, to be read again.
        self._given.reached("after-apply")
        return passed

    # -- gaps ------------------------------------------------------------------------------------

    def _look_for_gaps(self, consumer: LetterConsumer) -> None:
        for place, chain in self._chains.items():
            if chain.why_not() is None:
                self._since.pop(place, None)
                continue
            since = self._since.setdefault(place, monotonic())
            if _left(consumer, place) == 0 and monotonic() - since >= GRACE_SECONDS:
                self._stand_still(place, chain)

    def _stand_still(self, place: Place, chain: Chain) -> None:
        why = chain.why_not()
        if why is not None and why != chain.standstill:
            chain.standstill = why
            views, publishing = self._given.views, self._given.publishing
            views.on_live(lambda each: Parts(each, publishing).stand_still(place, chain.expected, why))
            self._given.applied()

    def _standing(self) -> dict[Place, Standstill]:
        try:
            reached = self._given.views.on_live(lambda each: Parts(each, False).reached())
        except (ViewsOutdated, ViewsUnavailable):
            return {}
        return {place: each.standstill for place, each in reached.items() if each.standstill is not None}

    def _say(self, state: State, behind: int = 0, why: str = "") -> None:
        standing = {place: chain.standstill for place, chain in self._chains.items() if chain.standstill is not None}
        duplicates = self._dropped + sum(chain.duplicates for chain in self._chains.values())
        self._given.tell(
            Progress(state, self._applied, duplicates, behind, self._recorded_at, len(self._chains), standing, why)
        )


def _left(consumer: LetterConsumer, place: Place) -> int | None:
    """Records of a partition that are not yet read; None before the broker has said where it ends."""
    partition = TopicPartition(*place)
    end = consumer.highwater(partition)
    return None if end is None else max(end - consumer.position(partition, timeout_ms=ANSWER_MS), 0)


class _Rebalances(ConsumerRebalanceListener):  # type: ignore[misc]  # the library ships no types
    """Hears from the group which partitions are ours."""

    def __init__(self, projecting: Projecting, consumer: LetterConsumer) -> None:
        self._projecting, self._consumer = projecting, consumer

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self._projecting.revoked()

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self._projecting.assigned(self._consumer, [Place(*each) for each in assigned])


def _ledgers_on(consumer: LetterConsumer, places: Sequence[Place]) -> set[str]:
    """The ledgers that the first records of each partition are of."""
    partitions = [TopicPartition(*place) for place in places]
    consumer.assign(partitions)
    ends = consumer.end_offsets(partitions, timeout_ms=ANSWER_MS)
    consumer.seek_to_beginning(*partitions)
    found: set[str] = set()
    waiting = {each for each in partitions if ends[each]}
    while waiting:
        for partition, letters in consumer.poll(timeout_ms=WAIT_MS).items():
            found |= {letter.ledger for letter in letters if isinstance(letter, Letter)}
            waiting.discard(partition)
            consumer.pause(partition)
        waiting -= {each for each in waiting if consumer.position(each, timeout_ms=ANSWER_MS) >= ends[each]}
    return found
