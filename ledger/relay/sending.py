"""This file holds the relay: it tails the store by position and sends every fact, once it is its turn to.

One relay of a ledger is active; another stands by and takes over when the first one's beat stands still. Both would
send the same records, so two at once do no harm; only the one whose token counts moves the checkpoint.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from enum import StrEnum
from time import monotonic
from typing import NamedTuple, Protocol

from ledger.relay.numbering import End, Numbering, is_next
from ledger.relay.port import FactTransport, Landed, PromiseBroken, Record, TopicForked, TransportAway
from ledger.store.crashpoints import reached
from ledger.store.cycles import without_cycle_search
from ledger.store.faults import StoreFault
from ledger.store.port import FactRow, Head
from ledger.store.relay_desk import Lease, LeaseLost, RelayDesk, RelayEnd
from schemas.on_kafka import Place

CHUNK = 20_000
"""Facts that are sent, and waited for, together."""
LOOK_SECONDS = 0.005
"""How long a relay that is caught up waits before it looks for the next fact."""
BEAT_SECONDS = 0.5
LEASE_SECONDS = 3.0
"""How long a beat must stand still before another relay takes over."""
CHECKPOINT_SECONDS = 1.0
CHECKPOINT_FACTS = 50_000
AGAIN_SECONDS = 1.0
"""How long after a failure the relay tries again."""


class State(StrEnum):
    """What a relay is doing."""

    STANDBY = "standby"
    RESUMING = "resuming"
    ACTIVE = "active"
    AWAY = "away"


class Source(Protocol):
    """What a relay needs of the fact store."""

    def ledger_id(self) -> str: ...
    def head(self) -> Head: ...
    def rows(self, after_position: int, limit: int) -> list[FactRow]: ...
    def desk(self) -> RelayDesk: ...


class Progress(NamedTuple):
    """Where a relay is.

    Shape: `sent` counts records of this process; `behind` facts that are stored and not yet sent, and `waiting_seconds`
    how long there have been such, as far as this process saw.
    """

    state: State
    position: int
    behind: int
    sent: int
    waiting_seconds: float = 0.0
    why: str = ""


Tell = Callable[[Progress], None]


class _Resumed(NamedTuple):
    numbering: Numbering
    position: int
    there: dict[Place, list[tuple[int, bytes]]]
    """Per partition, offset and hash of the records that stand there after the checkpoint, contiguous."""


class Relay:
    """One relay process. `tell` hears of every change and of every chunk. Errors: TopicForked, PromiseBroken."""

    def __init__(
        self,
        source: Source,
        transport: FactTransport,
        partitions: Callable[[], Mapping[str, int]],
        holder: str,
        tell: Tell,
    ) -> None:
        self._source, self._transport, self._ask_partitions = source, transport, partitions
        self._partitions: Mapping[str, int] = {}
        self._holder, self._tell = holder, tell
        self._desk = source.desk()
        self._sent = self._position = 0
        self._level_at, self._level = monotonic(), False
        self._saved_at, self._saved_position = 0.0, 0

    def run(self, stop: threading.Event, until_caught_up: bool = False, recheck: bool = False) -> None:
        """Relay until `stop` is set, or all that is stored is on the topic.

        With `until_caught_up` a transport that is away is an error; else the relay says so and tries again.
        `recheck`: compare every record on the topic with the store, and send what is missing, first.
        Errors: TopicForked, PromiseBroken; with `until_caught_up` TransportAway and StoreFault.
        """
        while not stop.is_set():
            try:
                with self._turn(stop) as token:
                    if token is None:
                        return
                    self._relay(token, stop, until_caught_up, recheck)
                    recheck = False
                    if until_caught_up:
                        return
            except (TransportAway, StoreFault) as away:
                if until_caught_up or (isinstance(away, TransportAway) and away.lasting):
                    raise
                self._say(State.AWAY, str(away))
                stop.wait(AGAIN_SECONDS)
            except LeaseLost:
                self._say(State.STANDBY)

    # -- whose turn it is ------------------------------------------------------------------------

    @contextmanager
    def _turn(self, stop: threading.Event) -> Iterator[int | None]:
        """While inside, this relay is the active one, and says so beat by beat. None: stopped before that."""
        token = self._awaited(stop)
        if token is None:
            yield None
            return
        done = threading.Event()
        beating = threading.Thread(target=self._beat, args=(token, done), daemon=True)
        beating.start()
        try:
            yield token
        finally:
            done.set()
            beating.join()
            with suppress(StoreFault):
                self._desk.release(token)

    def _awaited(self, stop: threading.Event) -> int | None:
        seen, since = self._desk.lease(), monotonic()
        while not stop.is_set():
            if not seen.holder or monotonic() - since >= LEASE_SECONDS:
                token = self._desk.take(seen, self._holder)
                if token is not None:
                    return token
            self._say(State.STANDBY)
            stop.wait(BEAT_SECONDS / 5)
            now: Lease = self._desk.lease()
            if now != seen:
                seen, since = now, monotonic()
        return None

    def _beat(self, token: int, done: threading.Event) -> None:
        while not done.wait(BEAT_SECONDS):
            try:
                self._desk.beat(token)
            except LeaseLost:
                return  # the relay itself learns it from its next checkpoint
            except StoreFault:
                continue  # busy or away: the next beat may pass, and if none does, it is another one's turn

    # -- sending ---------------------------------------------------------------------------------

    def _relay(self, token: int, stop: threading.Event, until_caught_up: bool, recheck: bool) -> None:
        self._say(State.RESUMING)
        self._partitions = self._ask_partitions()
        self._desk.begin(token, self._partitions)
        self._check_partitions()
        resumed = self._resumed(recheck)
        self._position = self._saved_position = resumed.position
        last = self._source.head().position if until_caught_up else None
        while not stop.is_set():
            with without_cycle_search():  # a third of the time, among so many rows and futures that hold none
                rows = self._source.rows(self._position, CHUNK)
                self._level = len(rows) < CHUNK
                if rows:
                    self._send(resumed, rows)
            if self._checkpoint_due(idle=not rows):
                self._save(token, resumed.numbering)
            if last is not None and self._position >= last:
                break
            if not rows:
                self._say(State.ACTIVE)
                stop.wait(LOOK_SECONDS)
        self._save(token, resumed.numbering)
        self._say(State.ACTIVE)

    def _send(self, resumed: _Resumed, rows: Sequence[FactRow]) -> None:
        """Send facts, but those that stand on the topic already."""
        ends = resumed.numbering.ends
        if resumed.there:
            records = list(self._not_there(resumed, resumed.numbering.records(rows)))
        else:
            records = list(resumed.numbering.records(rows))
        if records:
            reached("before-send")
            offsets = self._transport.send(records)
            reached("after-send")
            # Durable from here on the topic; a crash before the checkpoint is saved leaves the next relay to find them.
            for record, offset in zip(records, offsets, strict=True):
                if ends[record.place].number == record.number:
                    ends[record.place] = ends[record.place]._replace(offset=offset)
        self._sent += len(records)
        self._position = rows[-1].position
        self._say(State.ACTIVE)

    def _not_there(self, resumed: _Resumed, records: Iterator[Record]) -> Iterator[Record]:
        for record in records:
            there = resumed.there.get(record.place)
            if not there:
                yield record
                continue
            offset, stands = there.pop()
            if stands != record.hash:
                raise TopicForked(record.place, record.number)
            if not there:
                del resumed.there[record.place]
            resumed.numbering.ends[record.place] = End(record.number, record.hash, offset)

    def _checkpoint_due(self, idle: bool) -> bool:
        moved = self._position - self._saved_position
        return moved >= CHECKPOINT_FACTS or (moved > 0 and monotonic() - self._saved_at >= CHECKPOINT_SECONDS and idle)

    def _save(self, token: int, numbering: Numbering) -> None:
        ends = {place: RelayEnd(*end) for place, end in numbering.ends.items() if end.number}
        self._desk.save(token, self._position, ends)
        reached("after-checkpoint")
        self._saved_at, self._saved_position = monotonic(), self._position

    def _say(self, state: State, why: str = "") -> None:
        behind = self._behind(state)
        if not behind:
            self._level_at = monotonic()
        self._tell(Progress(state, self._position, behind, self._sent, monotonic() - self._level_at, why))

    def _behind(self, state: State) -> int:
        """Facts stored and not yet sent; an active relay that found none, or not even a chunk, is level."""
        if state is State.ACTIVE and self._level:
            return 0
        try:
            return max(self._source.head().position - self._position, 0)
        except StoreFault:
            return 0

    # -- where to go on --------------------------------------------------------------------------

    def _check_partitions(self) -> None:
        """Errors: PromiseBroken: with another count, a key would be in another partition than before."""
        for topic, count in self._desk.partitions().items():
            if self._partitions.get(topic, count) != count:
                raise PromiseBroken(topic, "partitions", str(self._partitions[topic]), str(count))

    def _resumed(self, recheck: bool) -> _Resumed:
        """Go on after what stands on the topic; where that does not go with the checkpoint, from the first fact."""
        ledger = self._source.ledger_id()
        checkpoint = self._desk.checkpoint()
        position, ends = checkpoint.position, {place: End(*end) for place, end in checkpoint.ends.items()}
        if not recheck:
            numbering = Numbering(ledger, self._partitions, ends)
            there = self._after(ledger, numbering.ends)
            if there is not None:
                return _Resumed(numbering, position, there)
        numbering = Numbering(ledger, self._partitions, {})
        return _Resumed(numbering, 0, self._after(ledger, numbering.ends) or {})

    def _after(self, ledger: str, ends: Mapping[Place, End]) -> dict[Place, list[tuple[int, bytes]]] | None:
        """Per partition, offset and hash of what stands after its end, the next one last.

        None when not every end is where it was.
        """
        after = {place: _After(end) for place, end in ends.items()}
        landed = self._transport.landed(ledger, {place: max(end.offset, 0) for place, end in ends.items()})
        for place, each in landed:
            after[place].hear(each)
            if after[place].lost:
                return None
        if any(each.waiting for each in after.values()):
            return None
        return {place: each.found[::-1] for place, each in after.items() if each.found}


class _After:
    """What stands in a partition after an end of its chain. Shape: `found` offset and hash of each record, contiguous.

    `waiting`: the end itself was not read yet; `lost`: something else is where it was.
    """

    def __init__(self, end: End) -> None:
        self._end, self._last = end, end.hash
        self.waiting, self.lost = bool(end.number), False
        self.found: list[tuple[int, bytes]] = []

    def hear(self, landed: Landed) -> None:
        """The next record, from where the end was acknowledged on."""
        if self.waiting:
            self.waiting = False
            self.lost = (landed.number, landed.hash, landed.offset) != self._end
        elif landed.number == self._end.number + len(self.found) + 1 and is_next(self._last, landed):
            self.found.append((landed.offset, landed.hash))
            self._last = landed.hash
