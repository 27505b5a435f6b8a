"""This file holds the base of facts and aggregates: recording, correcting, and folding in business time.

A stream is the order in which we heard; its state is a fold over the facts that still stand, in the order
in which they happened. So observations commute: whatever the order of arrival, the same set of them ends in
the same state. The fold is incremental while facts arrive in order, and done again from the start otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, ClassVar, Self

from eventsourcing.domain import BaseAggregate, CanMutateAggregate, MetaDomainEvent
from eventsourcing.utils import register_topic

from ledger.domain.reading import read_value
from ledger.domain.values import FieldValue, Occasion, Ref, Sealed

FACTS: dict[str, type[Fact]] = {}
"""Every fact class by its wire name."""


class Fact(CanMutateAggregate[str], metaclass=MetaDomainEvent):
    """One stored domain event. Immutable; `timestamp` is the business time (happened_at)."""

    TOPIC: ClassVar[str]
    RANK: ClassVar[int] = 50
    """Order among observations of one instant: what comes first in the life of a bag has the lower rank."""
    DECISION: ClassVar[bool] = False
    """A decision, unless it is reported: refused when a rule speaks against it."""
    UNORDERED: ClassVar[bool] = False
    """Folds to the same state wherever it comes among the others."""
    CORRECTS: ClassVar[bool] = False
    """Acts on another fact of its stream, and is folded by itself into nothing."""
    CONSEQUENCE: ClassVar[bool] = False
    """Written because of another fact; corrected only by correcting its cause."""

    originator_id: str
    originator_version: int
    timestamp: datetime
    occasion: Occasion
    caused_by: Ref | None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "TOPIC" in cls.__dict__:
            FACTS[cls.TOPIC] = cls
            register_topic(cls.TOPIC, cls)

    @property
    def ref(self) -> Ref:
        return Ref(self.originator_id, self.originator_version)

    @property
    def decided(self) -> bool:
        """Whether this was our decision, and not the report of one made elsewhere."""
        return self.DECISION and not self.occasion.reported

    def mutate(self, aggregate: Any) -> Any:
        """Fold this fact into its aggregate, opening an empty one: any fact may come first."""
        if aggregate is None:
            aggregate = aggregate_class(self.TOPIC).empty(self.originator_id)
        assert self.originator_id == aggregate._id and self.originator_version == aggregate._version + 1
        aggregate.take(self)
        return aggregate

    @classmethod
    def short_name(cls) -> str:
        """The wire name without its version, e.g. `bag.issued`."""
        return cls.TOPIC.rpartition(".")[0]


class Correction(Fact):
    """A fact that corrects another of the same stream. It takes effect when its target is there."""

    RANK = 90
    CORRECTS = True


_AGGREGATES: dict[str, type[LedgerAggregate]] = {}


def aggregate_class(topic: str) -> type[LedgerAggregate]:
    """The aggregate whose stream a fact of this wire name belongs to."""
    return _AGGREGATES[topic.partition(".")[0]]


def plain_value(value: Any) -> Any:
    """A fact's field as it is printed and amended: JSON types, quantities as {amount, measure}."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Sealed):
        return value.plain
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {key: plain_value(each) for key, each in value._asdict().items()}
    if isinstance(value, tuple):
        return [plain_value(each) for each in value]
    if value is None or isinstance(value, (str, int, bool)):
        return value
    return format(value, "f")


class LedgerAggregate(BaseAggregate[str]):
    """An aggregate whose state is a fold over its standing facts in business time.

    `facts` holds every fact as stored (version n at index n - 1), `shown` what corrected ones read as now
    (None when annulled), `corrections` the facts that correct.
    """

    NOUN: ClassVar[str]
    FOLDED: ClassVar[dict[type[Fact], str]] = {}
    """Which consequence folds a fact into what holds in business time."""
    COUNTED: ClassVar[dict[type[Fact], str]] = {}
    """Which consequence counts a fact as recorded (holds, nonconformities): order does not matter there."""

    def __init_subclass__(cls, **_: Any) -> None:
        # The library's own would define every inherited fact anew, to serve @event and created events.
        # Neither is used here: any fact may come first, and a fact is one class wherever it is named.
        if "NOUN" in cls.__dict__:
            _AGGREGATES[cls.NOUN] = cls

    @classmethod
    def empty(cls, name: str) -> Self:
        """An aggregate of which nothing is known yet."""
        new = cls.__new__(cls)
        new._open(name)
        return new

    def _open(self, name: str) -> None:
        self._id = name
        self._version = 0
        self._pending_events = []
        self.facts: list[Fact] = []
        self.shown: dict[int, Fact | None] = {}
        self.corrections: list[Any] = []
        self._forget_order()
        self.reset()

    def _forget_order(self) -> None:
        self._last_key: tuple[Any, ...] | None = None
        self._decided_at: dict[datetime, int] = {}

    # -- what subclasses define -------------------------------------------------------------------

    def reset(self) -> None:
        """Empty everything that is folded or counted."""
        raise NotImplementedError

    # -- recording --------------------------------------------------------------------------------

    def record(
        self,
        fact_class: type[Fact],
        at: datetime,
        occasion: Occasion,
        caused_by: Ref | None = None,
        /,
        **body: Any,
    ) -> Ref:
        """Trigger a fact: it is pending until the committer stores it, and already part of the state."""
        fact = fact_class(  # type: ignore[call-arg]
            originator_id=self._id,
            originator_version=self._version + 1,
            timestamp=at,
            occasion=occasion,
            caused_by=caused_by,
            **body,
        )
        self.take(fact)
        self._pending_events.append(fact)
        return Ref(self._id, fact.originator_version)

    def take(self, fact: Fact) -> None:
        """Fold one more fact in; no rule is asked, whatever it says has happened."""
        self.facts.append(fact)
        self._version = fact.originator_version
        if fact.CORRECTS:
            self.corrections.append(fact)
            self._fold_again()
            return
        if self.corrections and self._late_target(fact):
            self._fold_again()
            return
        counted = self.COUNTED.get(type(fact))
        if counted is not None:
            getattr(self, counted)(fact)
            return
        key = self._order(fact)
        if self._last_key is not None and key < self._last_key:
            if fact.UNORDERED:
                self._fold_one(fact, self._last_key)
                return
            self._fold_again()
            return
        self._fold_one(fact, key)

    def _fold_one(self, fact: Fact, key: tuple[Any, ...]) -> None:
        self._last_key = key
        folded = self.FOLDED.get(type(fact))
        if folded is not None:
            getattr(self, folded)(fact)

    def _order(self, fact: Fact) -> tuple[Any, ...]:
        """Business order; at one instant our own decisions part what was heard before from what came after."""
        at = fact.timestamp
        earlier = self._decided_at.get(at, 0)
        decided = fact.decided
        if decided:
            self._decided_at[at] = earlier + 1
        return (at, earlier, decided, fact.RANK, fact.occasion.request_sha256, fact.originator_version)

    def _late_target(self, fact: Fact) -> bool:
        return any(fact in targets(correction, self.facts) for correction in self.corrections)

    # -- correcting -------------------------------------------------------------------------------

    def _fold_again(self) -> None:
        self.shown = shown_after(self.facts, self.corrections)
        self.reset()
        self._forget_order()
        timed: list[tuple[tuple[Any, ...], Fact]] = []
        for fact in self.standing():
            counted = self.COUNTED.get(type(fact))
            if counted is not None:
                getattr(self, counted)(fact)
            elif not isinstance(fact, Correction):
                timed.append((self._order(fact), fact))
        for key, fact in sorted(timed, key=lambda each: each[0]):
            self._fold_one(fact, key)

    def standing(self) -> Iterator[Fact]:
        """The facts that still stand, as they read now, in order of arrival."""
        for stored in self.facts:
            fact = self.shown.get(stored.originator_version, stored)
            if fact is not None:
                yield fact

    def fact_at(self, version: int) -> Fact | None:
        """The fact of that version as it reads now; None when there is none or it was annulled."""
        if not 1 <= version <= len(self.facts):
            return None
        return self.shown.get(version, self.facts[version - 1])

    def unmatched(self) -> list[Correction]:
        """Standing corrections whose target has not arrived."""
        return [
            correction
            for correction in self.corrections
            if self.shown.get(correction.originator_version, correction) is not None
            and not targets(correction, self.facts)
        ]


def matches(correction: Any, fact: Fact) -> bool:
    """Whether a correction reported from outside, which names its target by content, means this fact."""
    if correction.target_fact is None or correction.target_fact != fact.short_name():
        return False
    return all(_carries(fact, wanted) for wanted in correction.match)


def _carries(fact: Fact, wanted: FieldValue) -> bool:
    """Whether a fact has this value, compared as values: the same instant or amount however it is written."""
    name = "timestamp" if wanted.field == "happened_at" else wanted.field
    try:
        return bool(getattr(fact, name) == read_field(type(fact), name, wanted.value))
    except (AttributeError, KeyError, ValueError):
        return False


def targets(correction: Any, facts: list[Fact]) -> list[Fact]:
    """The facts a correction means: by version, one that was there before it; by content, those that had
    happened before it, whenever they are heard of.
    """
    version = correction.target_version
    if version is not None:
        known = 1 <= version <= len(facts) and version < correction.originator_version
        return [facts[version - 1]] if known else []
    return [
        fact
        for fact in facts
        if not isinstance(fact, Correction)
        and fact.timestamp <= correction.timestamp
        and fact.caused_by is None
        and matches(correction, fact)
    ]


def shown_after(facts: list[Fact], corrections: list[Correction]) -> dict[int, Fact | None]:
    """How corrected facts read: the latest correction first, as it may take an earlier one back.

    A correction of a correction acts on it: an annulled annulment restores its target, an amended
    amendment carries the changes of both, the later winning.
    """
    taken_back: set[int] = set()
    added: dict[int, list[FieldValue]] = {}
    shown: dict[int, Fact | None] = {}
    for correction in sorted(corrections, key=lambda each: -each.originator_version):
        version = correction.originator_version
        if version in taken_back:
            shown[version] = None
            continue
        for target in targets(correction, facts):
            if not hasattr(correction, "changes"):
                taken_back.add(target.originator_version)
            else:
                # walking backwards: what is already there is later, so it stays on top
                added[target.originator_version] = [
                    *correction.changes,
                    *added.get(version, ()),
                    *added.get(target.originator_version, ()),
                ]
    for version in taken_back:
        shown[version] = None
    for version, changes in added.items():
        if version not in taken_back and not isinstance(facts[version - 1], Correction):
            shown[version] = amended(facts[version - 1], changes)
    return shown


def amended(fact: Fact, changes: list[FieldValue]) -> Fact:
    """The fact with these fields changed; the reading of JSON was checked when the amendment was decided."""
    body = dict(vars(fact))
    for change in changes:
        name = "timestamp" if change.field == "happened_at" else change.field
        body[name] = change.sealed if change.sealed is not None else read_field(type(fact), name, change.value)
    new = object.__new__(type(fact))
    new.__dict__.update(body)
    return new


def read_field(fact_class: type[Fact], name: str, text: str | None) -> Any:
    """A field's value from canonical JSON.

    Errors: ValueError (with words) when it does not fit the field.
    """
    return read_value(fact_class, name, json.loads(text) if text is not None else None)
