"""This file holds the workspace: the aggregates a batch reads and changes, on committed state plus the batch.

The cache outlives a batch and never carries a fact that was not committed: on any failure it is thrown away.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence, Set
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Any, TypeVar

from eventsourcing.persistence import Mapper, StoredEvent

from ledger.domain import Bag, Donation, Donor, Fact, Hold, LedgerAggregate, Recipient
from ledger.domain.catalogue import Catalogue, Panel
from ledger.domain.hold import hold_stream
from ledger.domain.values import Occasion, Ref, Sealed
from ledger.store.index import links_of
from ledger.store.port import Link, Writing

A = TypeVar("A", bound=LedgerAggregate)

CACHED_AGGREGATES = 20_000
"""How many aggregates stay in memory between batches."""
KEPT_GROUPS = 100_000
"""Of how many donations that were dropped from memory the groups are still known."""

Groups = Set[tuple[str, str]]
"""Every ABO and RhD group a donation was typed as; more than one is a dispute."""


class Cache:
    """Aggregates as last committed, and every scope on which a hold was ever placed.

    `groups`: of donations that are not in memory any more; a donor's next donation is compared with all before it.
    """

    def __init__(self) -> None:
        self.aggregates: OrderedDict[str, LedgerAggregate] = OrderedDict()
        self.groups: OrderedDict[str, Groups] = OrderedDict()
        self.hold_scopes: set[str] | None = None
        self.head: tuple[int, bytes] | None = None

    def forget(self) -> None:
        """Trust nothing that is remembered."""
        self.aggregates.clear()
        self.groups.clear()
        self.hold_scopes = None
        self.head = None

    def changed(self, stream: str) -> None:
        """Another process wrote to this stream."""
        self.aggregates.pop(stream, None)
        self.groups.pop(stream, None)

    def trim(self) -> None:
        """Drop what was used longest ago."""
        while len(self.aggregates) > CACHED_AGGREGATES:
            name, dropped = self.aggregates.popitem(last=False)
            if isinstance(dropped, Donation):
                self.groups[name] = _shared(frozenset(dropped.groups))
                self.groups.move_to_end(name)
        while len(self.groups) > KEPT_GROUPS:
            self.groups.popitem(last=False)


@lru_cache(maxsize=256)
def _shared(groups: Groups) -> Groups:
    """One object for all donations of the same group."""
    return groups


class Workspace:
    """What one batch of commands works on. Not shared between threads."""

    def __init__(self, writing: Writing, mapper: Mapper[str], cache: Cache, catalogue: Catalogue) -> None:
        self.writing = writing
        self.mapper = mapper
        self.cache = cache
        self.catalogue = catalogue
        self.facts: list[Fact] = []
        self.links: list[Link] = []
        self.freed: list[bytes] = []
        self.touched: dict[str, LedgerAggregate] = {}
        self._absent: set[str] = set()
        self._stored_links: dict[tuple[str, str], list[Link]] = {}
        self._batch_links: dict[tuple[str, str], list[Link]] = {}
        self._linked: dict[tuple[str, str], Sequence[Link]] = {}
        self.at: datetime
        self.occasion: Occasion
        self.removing = False
        self.correcting = False
        self.conserved: dict[Hashable, bool] = {}
        if cache.hold_scopes is None:
            cache.hold_scopes = set(writing.link_keys("hold"))

    # -- one command ------------------------------------------------------------------------------

    def begin(self, at: datetime, occasion: Occasion) -> None:
        """Start on the next command; its facts happened at `at` and stand on `occasion`."""
        self.at = at
        self.occasion = occasion
        self.touched = {}
        self.removing = False
        self.correcting = False
        self.conserved = {}
        self._observed = False
        self._first = len(self.facts)

    @property
    def clock_time(self) -> datetime:
        """When it happened, on the sender's clock: shelf lives and effective days are counted there."""
        return on_clock(self.at, self.occasion)

    @property
    def own_facts(self) -> list[Fact]:
        """The facts this command recorded so far."""
        return self.facts[self._first :]

    @property
    def recorded(self) -> int:
        """How many facts this command recorded."""
        return len(self.facts) - self._first

    def record(
        self,
        aggregate: LedgerAggregate,
        fact_class: type[Fact],
        *,
        caused_by: Ref | None = None,
        happened_at: datetime | None = None,
        **body: Any,
    ) -> Ref:
        """Record a fact on an aggregate; it belongs to the command at work."""
        ref = aggregate.record(fact_class, happened_at or self.at, self._occasion_of(fact_class), caused_by, **body)
        fact = aggregate.facts[-1]
        self.facts.append(fact)
        self.touched[aggregate.id] = aggregate
        for link in links_of(fact):
            self._link(link)
        return ref

    def _link(self, link: Link) -> None:
        self.links.append(link)
        key = (link.kind, link.key)
        self._batch_links.setdefault(key, []).append(link)
        self._linked.pop(key, None)
        if link.kind == "hold":
            assert self.cache.hold_scopes is not None
            self.cache.hold_scopes.add(link.key)

    def _occasion_of(self, fact_class: type[Fact]) -> Occasion:
        """The key belongs to what was observed, not to what follows from it."""
        occasion = self.occasion
        if occasion.business_key is None:
            return occasion
        if fact_class is Bag.Reported:
            return occasion._replace(business_key=None)
        if self._observed:
            self.occasion = occasion = occasion._replace(business_key=None)
        self._observed = True
        return occasion

    def sealed(self, text: str | None, subject: str = "text") -> Sealed | None:
        """Text under the subject's key; the store encrypts it before it is written."""
        return Sealed(subject, text) if text else None

    # -- loading ----------------------------------------------------------------------------------

    def _load(self, kind: type[A], name: str) -> A:
        found = self.cache.aggregates.get(name)
        if found is None:
            self.fetch([name])
            found = self.cache.aggregates.get(name)
            if found is None:
                found = self.cache.aggregates[name] = kind.empty(name)
        assert isinstance(found, kind), f"{name} is no {kind.__name__}"
        return found

    def fetch(self, names: Iterable[str]) -> None:
        """Load the streams that are not in memory, all in one query."""
        missing = self.missing(names)
        if missing:
            self.take(missing, self.writing.streams(missing))

    def missing(self, names: Iterable[str]) -> list[str]:
        """Streams that are not in memory and may be stored; those that are in memory count as used just now."""
        aggregates = self.cache.aggregates
        missing = []
        for name in names:
            if name in aggregates:
                aggregates.move_to_end(name)
            elif name not in self._absent:
                missing.append(name)
        return missing

    def take(self, names: Iterable[str], stored: Mapping[str, Sequence[StoredEvent]]) -> None:
        """Keep these streams as they are stored; of the others nothing is."""
        aggregates = self.cache.aggregates
        for name, events in stored.items():
            aggregates[name] = self._replay(events)
        self._absent.update(name for name in names if name not in aggregates)  # the lock is held: it stays so

    def _replay(self, events: Sequence[StoredEvent]) -> LedgerAggregate:
        aggregate: Any = None
        to_fact: Callable[[StoredEvent], Any] = self.mapper.to_domain_event
        for event in events:
            aggregate = to_fact(event).mutate(aggregate)
        assert isinstance(aggregate, LedgerAggregate)
        return aggregate

    def bag(self, name: str) -> Bag:
        return self._load(Bag, name)

    def bags(self, names: Sequence[str]) -> list[Bag]:
        known: list[Any] = list(map(self.cache.aggregates.get, names))
        if all(known):
            return known
        self.fetch(names)
        return [self._load(Bag, name) for name in names]

    def donation(self, din: str) -> Donation:
        return self._load(Donation, din)

    def groups_of(self, dins: Sequence[str]) -> dict[str, Groups]:
        """The groups of donations, many of them long past: one that was dropped from memory is not replayed for it."""
        aggregates, kept = self.cache.aggregates, self.cache.groups
        found = {din: kept[din] for din in dins if din in kept and din not in aggregates}
        others = [din for din in dins if din not in found]
        self.fetch(others)
        return found | {din: self.donation(din).groups for din in others}

    def panel_of(self, donation: Donation) -> Panel | None:
        """The panel in force for a donation; None while it is not registered, or none is for its kind."""
        registered = donation.registered
        return self.catalogue.panel(registered.kind, registered.timestamp) if registered is not None else None

    def hold(self, kind: str, scope_id: str) -> Hold:
        return self._load(Hold, hold_stream(kind, scope_id))

    def donor(self, pseudonym: str) -> Donor:
        return self._load(Donor, f"donor:{pseudonym}")

    def recipient(self, pseudonym: str) -> Recipient:
        return self._load(Recipient, f"patient:{pseudonym}")

    def linked(self, kind: str, keys: Sequence[str]) -> Sequence[Link]:
        """What the write-side index holds for these keys, this batch included, each stream once and in order.

        The order must not depend on what is stored and what is in the batch: one history, one tree.
        """
        if len(keys) != 1:
            return self._found_linked(kind, keys)
        key = (kind, keys[0])
        found = self._linked.get(key)
        if found is None:
            found = self._linked[key] = self._found_linked(kind, keys)
        return found

    def _found_linked(self, kind: str, keys: Sequence[str]) -> Sequence[Link]:
        unasked = [key for key in keys if (kind, key) not in self._stored_links]
        if unasked:
            self._stored_links.update(((kind, key), []) for key in unasked)
            for link in self.writing.links(kind, unasked):
                self._stored_links[kind, link.key].append(link)
        found: dict[str, Link] = {}
        for key in keys:
            found.update((link.stream, link) for link in self._stored_links[kind, key])
            found.update((link.stream, link) for link in self._batch_links.get((kind, key), ()))
        return sorted(found.values(), key=_stream) if len(found) > 1 else list(found.values())

    def has_hold(self, kind: str, scope_id: str) -> bool:
        """Whether any hold was ever placed on this scope."""
        assert self.cache.hold_scopes is not None
        return f"{kind}:{scope_id}" in self.cache.hold_scopes

    @property
    def any_holds(self) -> bool:
        return bool(self.cache.hold_scopes)


def _stream(link: Link) -> str:
    return link.stream


def on_clock(at: datetime, occasion: Occasion) -> datetime:
    """An instant on the clock of whoever reported it."""
    return at.astimezone(timezone(timedelta(minutes=occasion.offset_minutes)))
