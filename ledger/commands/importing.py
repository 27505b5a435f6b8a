"""This file holds the bulk door: a validated history, in the form that `facts` prints, all of it or nothing."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Final, NamedTuple, Protocol

from eventsourcing.persistence import Mapper

from ledger.audit.links import gives_links
from ledger.commands.clock import Clock
from ledger.commands.history import BadHistory, PrintedFact, checked_fact, checked_stream, read_line
from ledger.commands.lines import Line
from ledger.domain import Correction
from ledger.store.appending import NewFact
from ledger.store.cycles import without_cycle_search
from ledger.store.index import links_of, microseconds
from ledger.store.port import Head, Link, Unlink
from ledger.store.reading import ChunkWriting
from ledger.store.tables import Chunk

CHUNK: Final = 20_000
"""Facts written at once; a chunk ends where a request ends."""
EVERY: Final = 5_000
"""Lines after which `progress` is called."""
AHEAD_US: Final = 24 * 3600 * 1_000_000
"""How far ahead of our clock a recorded time may lie: later commits would have to carry it on."""


UNREADABLE: Final = (ValueError, KeyError, TypeError, AttributeError)
"""What comes of values that do not fit their fields."""


class Importable(Protocol):
    """A store that takes a history in chunks, within one transaction."""

    def writing(self) -> AbstractContextManager[ChunkWriting]: ...


class Imported(NamedTuple):
    """What an import wrote: how many facts, the first position, and the head after it."""

    facts: int
    first_position: int
    head: Head


class _Key(NamedTuple):
    """Where an observation stands."""

    stream: str
    version: int
    line: int


class _Request(NamedTuple):
    """On what a run of facts stands, and the line of its first."""

    sender: str
    request: str
    digest: bytes
    line: int


class _Pending:
    """The chunk being filled."""

    def __init__(self) -> None:
        self.facts: list[NewFact] = []
        self.links: list[Link] = []
        self.requests: list[tuple[_Request, int]] = []
        self.keys: dict[bytes, tuple[_Key, int]] = {}
        """By business key: where it stands, and the index of its first fact."""
        self.observed: list[int] = []
        """Where each observation begins, also one whose key a later one took."""
        self.annulled: set[str] = set()


class History:
    """One import, line by line. Used once."""

    def __init__(self, writing: ChunkWriting, mapper: Mapper[str], now: int) -> None:
        self._writing, self._mapper, self._now = writing, mapper, now
        self._begun = writing.head
        self._head = writing.head
        self._versions: dict[str, int] = {}
        self._corrected: dict[str, int] = {}
        self._pending = _Pending()
        self._request: _Request | None = None
        self._recorded_at: int | None = None
        self._last_said: datetime | None = None
        self._keep: bool | None = None

    def take(self, line: Line) -> None:
        """Check one line and add its fact. Errors: BadHistory."""
        said = read_line(line)
        self._versioned(said, line.number)
        fact: Any = checked_fact(self._mapper, said, line.number)
        recorded_at = self._time(said, line.number)
        self._follow(fact, line.number)
        self._pending.facts.append((said.stream, said.version, said.name, said.bytes, recorded_at))
        if isinstance(fact, Correction):
            self._corrects(said, fact, line.number)
        elif said.version == 1 or gives_links(said.name):
            self._pending.links += links_of(fact)

    def end(self) -> Imported:
        """Write what is left. Errors: BadHistory."""
        self._write()
        self._replay()
        first = self._begun.position + 1
        return Imported(self._head.size - self._begun.size, first, self._head)

    def _corrects(self, said: PrintedFact, fact: Correction, line: int) -> None:
        """A correction says its values as JSON, which nobody has read yet."""
        self._corrected[said.stream] = line
        if ".annulled." in said.name:
            self._pending.annulled.add(said.stream)
        try:
            self._pending.links += links_of(fact)
        except UNREADABLE as error:
            raise BadHistory("correction_unreadable", line, "bytes", found=f"{said.stream}: {error}") from error

    # -- one fact --------------------------------------------------------------------------------

    def _versioned(self, said: PrintedFact, line: int) -> None:
        """The stream's next version, neither one that is there nor one after a gap."""
        last = self._versions.get(said.stream)
        if last is None:
            checked_stream(said.stream, line)
            last = self._last_version(said.stream)
        if said.version != last + 1:
            raise BadHistory("version_not_next", line, "version", found=said.version, expected=last + 1)
        self._versions[said.stream] = said.version

    def _last_version(self, stream: str) -> int:
        if self._begun.size == 0:
            return 0
        return len(self._writing.streams([stream]).get(stream, ()))

    def _time(self, said: PrintedFact, line: int) -> int:
        """The recorded time: the history's own while it fits behind what is here, else now."""
        if self._keep and said.recorded_at == self._last_said:
            assert self._recorded_at is not None
            return self._recorded_at  # as the line above: a commit's facts share theirs
        self._last_said = said.recorded_at
        given = microseconds(said.recorded_at) if said.recorded_at is not None else None
        if given is not None:
            if self._recorded_at is not None and given < self._recorded_at:
                raise BadHistory("recorded_at_backwards", line, "recorded_at", found=said.recorded_at)
            if given > self._now + AHEAD_US:
                raise BadHistory("recorded_at_in_future", line, "recorded_at", found=said.recorded_at)
            self._recorded_at = given
        if self._keep is None:
            # Decided once for the whole history: its times are kept, or it is recorded here and now.
            self._keep = given is not None and given >= self._begun.recorded_at
        if not self._keep:
            return max(self._now, self._begun.recorded_at)
        if given is None:
            raise BadHistory("field_missing", line, "recorded_at")
        return given

    def _follow(self, fact: Any, line: int) -> None:
        """Requests and observations, as runs of facts."""
        occasion = fact.occasion
        pending = self._pending
        last = self._request
        same = last is not None and last.request == occasion.request and last.sender == occasion.sender
        if same and last is not None and last.digest != occasion.request_sha256:
            raise BadHistory("request_reused", line, "request", found=occasion.request)
        if not same:
            if len(pending.facts) >= CHUNK:
                self._write()
                pending = self._pending
            self._request = _Request(occasion.sender, occasion.request, occasion.request_sha256, line)
            pending.requests.append((self._request, len(pending.facts)))
        if occasion.business_key is not None:
            where = tuple.__new__(_Key, (fact.originator_id, fact.originator_version, line))
            self._observed(pending, occasion.business_key, where)

    def _observed(self, pending: _Pending, key: bytes, where: _Key) -> None:
        before = pending.keys.get(key)
        if before is not None and before[0].stream not in pending.annulled:
            self._must_be_annulled(before[0].stream, where.line, before[0].line)
        pending.keys[key] = (where, len(pending.facts))
        pending.observed.append(len(pending.facts))

    # -- one chunk -------------------------------------------------------------------------------

    def _write(self) -> None:
        pending, self._pending = self._pending, _Pending()
        if not pending.facts:
            return
        requests = list(self._requests(pending))
        freed = self._freed(pending)
        keys = list(self._keys(pending, [each[3] for each in requests]))
        links = list(dict.fromkeys(pending.links))
        # Not durable yet: the store commits once, after the last chunk, and rolls back at the first bad line.
        self._head = self._writing.append_chunk(Chunk(pending.facts, requests, keys, links, freed))

    def _requests(self, pending: _Pending) -> Iterator[tuple[str, str, bytes, int, int]]:
        seen: set[tuple[str, str]] = set()
        known = self._writing.requests([(each.sender, each.request) for each, _ in pending.requests])
        ends = [index for _, index in pending.requests[1:]] + [len(pending.facts)]
        for (each, first), end in zip(pending.requests, ends, strict=True):
            pair = (each.sender, each.request)
            if pair in known or pair in seen:
                raise BadHistory("request_used", each.line, "request", found=each.request)
            seen.add(pair)
            yield (*each[:3], first, end - first)

    def _freed(self, pending: _Pending) -> list[Unlink]:
        """Observations that are on record already: allowed where the earlier one was annulled."""
        known = self._writing.keys(list(pending.keys)) if self._head.size else {}
        for key, record in known.items():
            row = self._writing.rows([record.first_position])[0]
            if row.stream not in pending.annulled:
                self._must_be_annulled(row.stream, pending.keys[key][0].line, None)
        return [Unlink(key) for key in known]

    def _must_be_annulled(self, stream: str, line: int, first: int | None) -> None:
        stored = self._writing.streams([stream]).get(stream, ())
        if not any(".annulled." in event.topic for event in stored):
            raise BadHistory("observation_repeated", line, "bytes", found=stream, expected=first)

    def _keys(self, pending: _Pending, request_starts: list[int]) -> Iterator[tuple[bytes, int, int]]:
        """Each observation with its run of facts: up to the next observation or request."""
        starts = sorted({*request_starts, *pending.observed})
        ends = dict(zip(starts, [*starts[1:], len(pending.facts)], strict=True))
        for key, (_, first) in pending.keys.items():
            yield (key, first, ends[first] - first)

    def _replay(self) -> None:
        """Streams with corrections are folded once: what cannot be read must not get in."""
        for stream, line in self._corrected.items():
            aggregate: Any = None
            try:
                for event in self._writing.streams([stream])[stream]:
                    fact: Any = self._mapper.to_domain_event(event)
                    aggregate = fact.mutate(aggregate)
            except UNREADABLE as error:
                raise BadHistory("correction_unreadable", line, "bytes", found=f"{stream}: {error}") from error


def import_history(
    store: Importable,
    mapper: Mapper[str],
    clock: Clock,
    lines: Iterable[Line | None],
    progress: Callable[[], None] | None = None,
) -> Imported:
    """Append a history to a store in one transaction, with requests, business keys and links made again from it.

    Positions are given anew, in the order of the lines; `progress` is called now and then.
    Errors: BadHistory, and nothing is written; StoreFault.
    """
    with without_cycle_search(), store.writing() as writing:
        history = History(writing, mapper, clock.now())
        for line in lines:
            if line is not None:
                history.take(line)
                if progress is not None and line.number % EVERY == 0:
                    progress()
        # Durable from the end of this block: the whole history. A crash before leaves nothing of it.
        return history.end()
