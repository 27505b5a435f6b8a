"""This file holds the committer: the one place where commands are decided and facts become durable.

Protocol of a batch: take the store's write lock; catch up with what other processes wrote; decide each command
in order on committed state plus what the batch accepted; write everything at once; commit; answer. Nobody is
answered before the commit, refusals included.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, timedelta
from functools import lru_cache
from typing import NamedTuple

from eventsourcing.persistence import IntegrityError, Mapper, PersistenceError

from ledger.commands.answer import Answer, Recorded
from ledger.commands.clock import Clock
from ledger.commands.command import Command, digests
from ledger.commands.malformed import Malformed
from ledger.domain import Bag, Donation
from ledger.domain import refusals as no
from ledger.domain.catalogue import Catalogue
from ledger.domain.refusals import Refusal
from ledger.domain.values import Occasion, Ref
from ledger.policies import settle
from ledger.store.cycles import search_all_seldom, without_cycle_search
from ledger.store.index import microseconds
from ledger.store.port import (
    CommitUnknown,
    FactRow,
    FactStore,
    Head,
    KeyRecord,
    RequestRecord,
    Unlink,
    Writing,
)
from ledger.store.workspace import Cache, Workspace

FUTURE_TOLERANCE_US = 24 * 3600 * 1_000_000
"""How far ahead of recorded time a business time may lie before it is flagged. Unit: microseconds."""

MINUTE = timedelta(minutes=1)

_LOG = logging.getLogger(__name__)


class Digested(NamedTuple):
    """A command with the digests of its request and of the observation it makes."""

    command: Command
    request_sha256: bytes
    business_key: bytes | None
    request: tuple[str, str]

    @classmethod
    def of(cls, command: Command) -> Digested:
        whole, observation = digests(command)
        key = None if command.refusable else observation
        return cls(command, whole, key, (command.sender, command.request))


class _Accepted(NamedTuple):
    """A command accepted in this batch: where its facts begin in the batch, and how many they are."""

    digested: Digested
    first: int
    facts: int


class _Batch:
    """One run of the protocol over some commands, inside one write transaction."""

    def __init__(self, writing: Writing, workspace: Workspace, commands: Sequence[Digested], now: int) -> None:
        self.writing = writing
        self.ws = workspace
        self.commands = commands
        self.now = now
        self.head = writing.head
        self.accepted: list[_Accepted] = []
        self.freed: list[Unlink] = []
        self.answers: list[Answer | _Accepted | RequestRecord | KeyRecord] = []
        self._requests: dict[tuple[str, str], _Accepted] = {}
        self._keys: dict[bytes, _Accepted] = {}

    def run(self) -> None:
        """Decide every command in order, and append what was accepted."""
        names = list(dict.fromkeys(name for each in self.commands for name in each.command.streams()))
        keys = [each.business_key for each in self.commands if each.business_key is not None]
        missing = self.ws.missing(names)
        known = self.writing.known([each.request for each in self.commands], keys, missing, names)
        self._known_requests, self._known_keys = known.requests, known.keys
        self.ws.take(missing, known.streams)
        for each in self.commands:
            self.answers.append(self._answer(each))
        if self.ws.facts:
            self._append()

    def _answer(self, digested: Digested) -> Answer | _Accepted | RequestRecord | KeyRecord:
        try:
            return self._repeated(digested) or self._decide(digested)
        except Refusal as refusal:
            return Answer("refused", problem=refusal)
        except Malformed as malformed:
            return Answer("malformed", problem=malformed)

    def _repeated(self, digested: Digested) -> _Accepted | RequestRecord | KeyRecord | None:
        """The first answer, when this request or this observation was recorded before."""
        in_batch = self._requests.get(digested.request)
        if in_batch is not None:
            _must_be_same(digested, in_batch.digested.request_sha256)
            return in_batch
        known = self._known_requests.get(digested.request)
        if known is not None:
            _must_be_same(digested, known.digest)
            return known
        key = digested.business_key
        if key is None:
            return None
        return self._same_observation(key)

    def _same_observation(self, key: bytes) -> _Accepted | KeyRecord | None:
        """An equal observation whose fact still stands; an annulled one leaves its key free."""
        accepted = self._keys.get(key)
        if accepted is not None:
            fact = self.ws.facts[self._observed(accepted)]
            return accepted if self._stands(fact.originator_id, fact.originator_version) else None
        known = self._known_keys.get(key)
        if known is None:
            return None
        row = self.writing.rows([known.first_position])[0]
        if self._stands(row.stream, row.version):
            return known
        self.freed.append(Unlink(key))
        del self._known_keys[key]
        return None

    def _stands(self, stream: str, version: int) -> bool:
        self.ws.fetch([stream])
        return self.ws.cache.aggregates[stream].fact_at(version) is not None

    def _decide(self, digested: Digested) -> _Accepted:
        command = digested.command
        self.ws.begin(command.happened_at.astimezone(UTC), _occasion(digested))
        first = len(self.ws.facts)
        command.carry_out(self.ws)
        self._flag_future(command)
        settle(self.ws)
        accepted = _Accepted(digested, first, len(self.ws.facts) - first)
        self.accepted.append(accepted)
        self._requests[digested.request] = accepted
        if digested.business_key is not None:
            self._keys[digested.business_key] = accepted
        return accepted

    def _flag_future(self, command: Command) -> None:
        """A business time well ahead of our clock is recorded as it was said, and flagged."""
        if microseconds(command.happened_at) - self.now <= FUTURE_TOLERANCE_US:
            return
        for fact in self.ws.own_facts:
            aggregate = self.ws.touched[fact.originator_id]
            if isinstance(aggregate, (Bag, Donation)):
                version = fact.originator_version
                self.ws.record(
                    aggregate,
                    aggregate.NonconformityRaised,
                    caused_by=Ref(aggregate.id, version),
                    nonconformity=f"happened_in_future@{version}",
                    code="happened_in_future",
                    about_version=version,
                )

    def _append(self) -> None:
        to_stored = self.ws.mapper.to_stored_event
        stored = [to_stored(fact) for fact in self.ws.facts]
        requests = [
            (*each.digested.request, each.digested.request_sha256, each.first, each.facts) for each in self.accepted
        ]
        keys = {key: (key, first, end - first) for key, first, end in self._observations()}
        self.head = self.writing.append(
            stored, self.now, requests, list(keys.values()), list(dict.fromkeys(self.ws.links)), self.freed
        )
        for name in {fact.originator_id for fact in self.ws.facts}:
            self.ws.cache.aggregates[name].pending_events.clear()

    def _observations(self) -> Iterator[tuple[bytes, int, int]]:
        """Each observation of the batch: its key, and from which fact to which it and what followed from it runs."""
        for each in self.accepted:
            end = each.first + each.facts
            if each.digested.business_key is not None:
                yield each.digested.business_key, self._observed(each), end

    def _observed(self, accepted: _Accepted) -> int:
        """The fact that carries the key: the observation itself."""
        for index in range(accepted.first, accepted.first + accepted.facts):
            if self.ws.facts[index].occasion.business_key is not None:
                return index
        raise AssertionError("an observation records what was observed")

    def told(self, head: Head) -> list[Answer]:
        """The answers, now that everything is durable. `head` is the head before this batch."""
        rows, new = self._earlier_rows(), self._new(head)
        seen: set[int] = set()
        answers = []
        for answer in self.answers:
            if isinstance(answer, Answer):
                answers.append(answer)
            elif isinstance(answer, _Accepted):
                repeated = answer.first in seen
                seen.add(answer.first)
                facts = tuple(new[answer.first : answer.first + answer.facts])
                answers.append(Answer("repeated" if repeated else "recorded", facts))
            else:
                positions = range(answer.first_position, answer.first_position + answer.count)
                answers.append(Answer("repeated", tuple(_told(rows[position]) for position in positions)))
        return answers

    def _new(self, head: Head) -> list[Recorded]:
        position, leaf = head.position + 1, head.size
        return [
            Recorded(fact.originator_id, fact.originator_version, fact.TOPIC, position + index, leaf + index)
            for index, fact in enumerate(self.ws.facts)
        ]

    def _earlier_rows(self) -> dict[int, FactRow]:
        positions = [
            position
            for answer in self.answers
            if isinstance(answer, (RequestRecord, KeyRecord))
            for position in range(answer.first_position, answer.first_position + answer.count)
        ]
        return {row.position: row for row in self.writing.rows(positions)} if positions else {}


def _told(row: FactRow) -> Recorded:
    return Recorded(row.stream, row.version, row.name, row.position, row.leaf)


def _must_be_same(digested: Digested, digest: bytes) -> None:
    if digest != digested.request_sha256:
        raise no.RequestIdReused(digested.command.request)


def _occasion(digested: Digested) -> Occasion:
    command = digested.command
    return Occasion(
        sender=command.sender,
        request=command.request,
        request_sha256=digested.request_sha256,
        by=command.by,
        reported=command.reported,
        offset_minutes=_minutes(command.happened_at.utcoffset()),
        business_key=digested.business_key,
    )


@lru_cache(maxsize=256)
def _minutes(offset: timedelta | None) -> int:
    """An offset from UTC in whole minutes."""
    return (offset or timedelta(0)) // MINUTE


class Committer:
    """Commits commands, one batch at a time. One per process and ledger; its methods may be called from any thread."""

    def __init__(self, store: FactStore, mapper: Mapper[str], catalogue: Catalogue, clock: Clock) -> None:
        self._store = store
        self._mapper = mapper
        self._catalogue = catalogue
        self._clock = clock
        self._cache = Cache()
        self._lock = threading.Lock()
        self._locked = False
        search_all_seldom()

    def commit(self, commands: Sequence[Command]) -> list[Answer]:
        """Commit commands as one batch and answer each, in order. One command's failure fails it alone.

        Durable on return: every fact of every command answered `recorded`.
        """
        if not commands:
            return []
        digested = [Digested.of(command) for command in commands]
        with self._lock, without_cycle_search():
            try:
                return self._run(digested)
            except (PersistenceError, CommitUnknown) as error:
                if not self._locked:  # the store would not let us begin: asking again a command at a time is no use
                    self._cache.forget()
                    return [Answer("fault", fault=str(error))] * len(digested)
                # Nothing, or with CommitUnknown perhaps everything, is durable: trust no memory, and let the
                # request records say which. The new transaction waits for the old one's end on the head's lock.
                self._cache.forget()
                if len(digested) == 1 and not isinstance(error, (IntegrityError, CommitUnknown)):
                    return [Answer("fault", fault=str(error))]
            except Exception:  # a defect in one command must not take the others with it: see _alone
                self._cache.forget()
            return [self._alone(each) for each in digested]

    def _alone(self, digested: Digested) -> Answer:
        """One command in a transaction of its own."""
        try:
            return self._run([digested])[0]
        except (PersistenceError, CommitUnknown) as error:
            self._cache.forget()
            return Answer("fault", fault=str(error))
        except Exception as error:  # a defect of this program: say so, store nothing, and let the others go on
            self._cache.forget()
            _LOG.debug("defect while carrying out %s", type(digested.command).__name__, exc_info=True)
            return Answer("fault", fault=f"defect in this program, please report it: {error!r}", defect=True)

    def _run(self, commands: Sequence[Digested]) -> list[Answer]:
        self._locked = False
        with self._store.writing() as writing:
            self._locked = True
            head = writing.head
            self._catch_up(writing)
            workspace = Workspace(writing, self._mapper, self._cache, self._catalogue)
            batch = _Batch(writing, workspace, commands, max(self._clock.now(), head.recorded_at))
            batch.run()
            answers = batch.told(head)
        # Durable from here: facts, leaves, heads, requests, index. A crash before this line leaves nothing, and
        # the sender repeats; a crash after it leaves everything, and the repeated request finds its record.
        self._cache.head = (batch.head.position, batch.head.root)
        self._cache.trim()
        return answers

    def _catch_up(self, writing: Writing) -> None:
        """Forget what another process changed since our last commit."""
        head = writing.head
        remembered = self._cache.head
        if remembered is None or remembered == (head.position, head.root):
            return
        for row in writing.rows_after(remembered[0]):
            self._cache.changed(row.stream)
        self._cache.hold_scopes = None
