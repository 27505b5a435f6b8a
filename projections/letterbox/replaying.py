"""This file holds the feed of a rebuild: the topics read once more from the beginning, beside the live views."""

from collections.abc import Callable, Mapping
from typing import Any

from kafka import TopicPartition
from kafka.errors import KafkaError

from projections.decode import Place, RegistryAway, without_cycle_search
from projections.letterbox.chain import Chain
from projections.letterbox.consuming import ANSWER_MS, BATCH, MORE_MS, OPTIONS, KafkaAway
from projections.letterbox.fetching import LetterConsumer
from projections.letterbox.letters import Unframed
from projections.readmodels.delivering import Parts, decoded, dismissals, take_over
from projections.readmodels.live import Views
from projections.readmodels.partitions import Reached, Standstill, reached
from projections.readmodels.view_set import ViewSet

Mark = Mapping[Place, Reached]


class ChainBroken(Exception):
    """The topics do not have any more, or not as it was, what the live views were made from."""

    def __init__(self, place: Place, standstill: Standstill) -> None:
        super().__init__(place, standstill)
        self.place, self.standstill = place, standstill


class KafkaFeed:
    """Fulfils `projections.consumer.Feed`; a mark is how far each partition is. Errors of all: KafkaAway.

    What is not of a group: every partition is read here, and what a group brings further meanwhile is read after it.
    """

    def __init__(
        self, options: Mapping[str, Any], unframed: Unframed, views: Views, words: Callable[[Exception], str]
    ) -> None:
        self._words = words
        with views.reading() as read:
            self._ledger = read.ledger
            self._places = sorted(reached(read))
        self._dismissed = dismissals(views.live())
        try:
            self._consumer = LetterConsumer(unframed, **{**OPTIONS, **options, "group_id": None})
        except (KafkaError, OSError, AssertionError) as error:
            raise KafkaAway(self._words(error)) from error

    def close(self) -> None:
        self._consumer.close(autocommit=False)

    def ledger_id(self) -> str:
        return self._ledger

    def mark(self, views: ViewSet) -> Mark:
        return reached(views.writing_now(False))

    def beyond(self, views: ViewSet, mark: Mark) -> bool:
        return any(mark[place].number < there.number for place, there in self.mark(views).items())

    def bring(
        self, views: ViewSet | Views, tell: Callable[[int, int], None] | None = None, to: Mark | None = None
    ) -> None:
        try:
            with without_cycle_search():
                if isinstance(views, Views):
                    views.on_live(lambda each: self._bring(each, tell, to))
                else:
                    self._bring(views, tell, to)
        except (KafkaError, RegistryAway, OSError, AssertionError) as error:
            raise KafkaAway(self._words(error)) from error

    def _bring(self, views: ViewSet, tell: Callable[[int, int], None] | None, to: Mark | None) -> None:
        parts = Parts(views, publishing=False)
        here = parts.prepare(self._ledger, self._places)
        ends = self._ends(to)
        chains = {place: Chain(self._ledger, place, here[place]) for place in self._places}
        behind = [place for place in self._places if here[place].offset < ends[place]]
        last = sum(ends[place] for place in behind)
        self._consumer.assign([TopicPartition(*place) for place in behind])
        for place in behind:
            self._consumer.seek(TopicPartition(*place), here[place].offset)
        while behind:
            for partition, letters in self._consumer.poll(timeout_ms=MORE_MS).items():
                place = Place(*partition)
                chains[place].hear([each for each in letters if each.offset < ends[place]])
            at = {place: self._position(place) for place in behind}
            if sum(chain.waiting for chain in chains.values()) >= BATCH:
                self._deliver(parts, chains)
            behind = [place for place in behind if at[place] < ends[place]]
            if tell is not None:
                tell(last - sum(ends[place] - at[place] for place in behind), last)
        self._deliver(parts, chains)
        for place, offset, why in self._dismissed:
            parts.dismiss(place, offset, why)
        for place, wanted in (to or {}).items():
            chain = chains[place]
            if chain.reached.number < wanted.number:
                raise ChainBroken(place, chain.why_not() or Standstill("gap", chain.expected, wanted.number))

    def _ends(self, to: Mark | None) -> dict[Place, int]:
        if to is not None:
            return {place: each.offset for place, each in to.items()}
        partitions = [TopicPartition(*place) for place in self._places]
        ends = self._consumer.end_offsets(partitions, timeout_ms=ANSWER_MS)
        return {Place(*partition): end for partition, end in ends.items()}

    def _position(self, place: Place) -> int:
        return int(self._consumer.position(TopicPartition(*place), timeout_ms=ANSWER_MS))

    @staticmethod
    def _deliver(parts: Parts, chains: Mapping[Place, Chain]) -> None:
        deliveries = [chain.delivery() for chain in chains.values() if chain.waiting]
        if not deliveries:
            return
        passed = parts.apply([decoded(each) for each in deliveries])
        for delivery in deliveries:
            if delivery.place in passed:
                chains[delivery.place].delivered(delivery.to)
            else:  # somebody else feeds the same views; they are there already
                chains[delivery.place].begin(parts.reached()[delivery.place])

    def hand_over(self, old: ViewSet, new: ViewSet, differing: bool) -> None:
        take_over(old, new, differing)
