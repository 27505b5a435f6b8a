"""This file holds corrections: an earlier fact amended or annulled, by its version or, when reported, by content."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, NamedTuple

from msgspec import Meta

from ledger.commands.command import Command, Text, missing
from ledger.commands.malformed import Malformed
from ledger.domain import FACTS, Bag, Correction, Donor, Fact, LedgerAggregate, Recipient
from ledger.domain import refusals as no
from ledger.domain.aggregate import targets
from ledger.domain.codes import check_code
from ledger.domain.reading import field_types, read_value
from ledger.domain.values import FieldValue, Sealed
from ledger.isbt128 import BadScan, check, check_din
from ledger.policies.closure import bags_of_donations
from ledger.store.workspace import Workspace

FactName = Annotated[
    str, Meta(max_length=64, pattern=r"^[a-z_]+\.[a-z_]+$", description="A fact, e.g. bag.transfused.")
]
Fields = dict[str, Any]


class OnFact(Command, kw_only=True):
    """A correction of one fact: `stream` and `version`, or (reported) `stream`, `fact` and `match`."""

    DECISION = True

    stream: Annotated[str, Meta(min_length=1, max_length=160)]
    version: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None = None
    fact: FactName | None = None
    match: Fields = {}
    reason: Text

    def check(self) -> None:
        _check_stream(self.stream)
        if self.version is None and not self.reported:
            raise missing("version")
        if self.version is None and self.fact is None:
            raise missing("fact")
        if self.fact is not None and _newest(self.fact) is None:
            raise Malformed("fact_name_unknown", "fact", f"there is no fact {self.fact}", f"不存在记录类型 {self.fact}")

    def streams(self) -> Iterable[str]:
        return (self.stream,)

    def aggregate(self, ws: Workspace) -> LedgerAggregate:
        """The stream to correct, of whatever kind it is."""
        return stream_of(ws, self.stream)

    def target(self, aggregate: LedgerAggregate) -> Fact | None:
        """The stored fact meant; None when it is not (yet) there.

        Errors: FactUnknown, FactAlreadyAnnulled, FactIsConsequence, unless the correction is reported.
        """
        version = self.version
        if version is None or not 1 <= version <= aggregate.version:
            if self.refusable:
                raise no.FactUnknown(self.stream, version=version)
            return None
        fact = aggregate.fact_at(version)
        stored = aggregate.facts[version - 1]
        if self.refusable:
            if fact is None:
                raise no.FactAlreadyAnnulled(self.stream, version=version)
            if stored.caused_by is not None or stored.CONSEQUENCE:
                cause = stored.caused_by
                raise no.FactIsConsequence(
                    self.stream, version=version, cause=f"{cause.stream} {cause.version}" if cause else "-"
                )
        return fact or stored

    def matched(self) -> tuple[FieldValue, ...]:
        return tuple(FieldValue(name, _json(value)) for name, value in sorted(self.match.items()))


class Annul(OnFact, kw_only=True):
    """Take a fact back, as entered in error; one fact of a process takes all facts of that process back."""

    def carry_out(self, ws: Workspace) -> None:
        aggregate = self.aggregate(ws)
        self.target(aggregate)
        together = [each for fact in self._meant(aggregate, ws) for each in taken_back_with(ws, fact)]
        ws.removing = True
        annulled: type[Fact] = aggregate.Annulled  # type: ignore[attr-defined]
        ws.record(
            aggregate,
            annulled,
            target_version=self.version,
            target_fact=self.fact,
            match=self.matched(),
            reason=ws.sealed(self.reason),
        )
        for stream, version in dict.fromkeys(together):
            other = stream_of(ws, stream)
            also: type[Fact] = other.Annulled  # type: ignore[attr-defined]
            ws.record(other, also, target_version=version, reason=ws.sealed(self.reason))

    def _meant(self, aggregate: LedgerAggregate, ws: Workspace) -> list[Fact]:
        """The facts meant that are there."""
        if self.version is not None:
            return [aggregate.facts[self.version - 1]] if self.version <= aggregate.version else []
        by_content = Meant(None, self.fact, self.matched(), ws.at, aggregate.version + 1)
        return targets(by_content, aggregate.facts)


class Meant(NamedTuple):
    """What a correction by content looks for, before it is recorded."""

    target_version: int | None
    target_fact: str | None
    match: tuple[FieldValue, ...]
    timestamp: datetime
    originator_version: int


class Amend(OnFact, kw_only=True):
    """Correct fields of a fact; the fields are named as this ledger prints facts."""

    changes: Fields

    def check(self) -> None:
        super().check()
        if not self.changes:
            raise missing("changes")

    def carry_out(self, ws: Workspace) -> None:
        aggregate = self.aggregate(ws)
        target = self.target(aggregate)
        meant = self._meant(aggregate, target)
        changes = tuple(self._change(ws, meant, name, value) for name, value in sorted(self.changes.items()))
        ws.removing = True
        fact: type[Fact] = aggregate.Amended  # type: ignore[attr-defined]
        ws.record(
            aggregate,
            fact,
            target_version=self.version,
            target_fact=self.fact,
            match=self.matched(),
            changes=changes,
            reason=ws.sealed(self.reason),
        )

    def _meant(self, aggregate: LedgerAggregate, target: Fact | None) -> type[Fact] | None:
        """The kind of fact whose fields change: amending an amendment changes what that one amends."""
        while target is not None and isinstance(target, Correction):
            version = getattr(target, "target_version", None)
            target = aggregate.facts[version - 1] if version and version <= aggregate.version else None
        if target is not None:
            return type(target)
        return _newest(self.fact) if self.fact is not None else None

    def _change(self, ws: Workspace, fact: type[Fact] | None, name: str, value: Any) -> FieldValue:
        if fact is None:
            return FieldValue(name, _json(value))
        fields = field_types(fact)
        try:
            read = read_value(fact, name, value)
            check_code(fact.short_name(), name, value)
        except KeyError:
            raise self._refused(name, "it has no such field", fields) from None
        except ValueError as error:
            raise self._refused(name, str(error), fields) from None
        if fields[name] == Sealed | None and read is not None:
            return FieldValue(name, None, ws.sealed(str(read)))
        return FieldValue(name, _json(value))

    def _refused(self, name: str, why: str, fields: dict[str, Any]) -> Exception:
        listed = ", ".join(sorted(fields))
        if self.reported:
            return Malformed("field_not_amendable", f"changes.{name}", why, why)
        return no.FieldNotAmendable(self.stream, version=self.version, field=name, why=why, fields=listed)


def stream_of(ws: Workspace, name: str) -> LedgerAggregate:
    """The aggregate of a stream, by its name."""
    kind, _, rest = name.partition(":")
    if kind == "hold":
        scope_kind, _, scope_id = rest.partition(":")
        return ws.hold(scope_kind, scope_id)
    if kind == "donor":
        return ws.donor(rest)
    if kind == "patient":
        return ws.recipient(rest)
    return ws.donation(name) if len(name) == 13 else ws.bag(name)


def taken_back_with(ws: Workspace, target: Fact) -> list[tuple[str, int]]:
    """The other standing facts that fall with one: those of its process, or the annulments said with it."""
    if isinstance(target, Bag.Collected):
        return _registration(ws, target)
    aggregate = stream_of(ws, target.originator_id)
    first = target
    while isinstance(first, Correction):
        version = getattr(first, "target_version", None)
        if version is None:
            return []
        first = aggregate.facts[version - 1]
    process_id = getattr(first, "process_id", None)
    if process_id is None:
        return []
    found = []
    for name in _streams_of_process(ws, first, process_id):
        for fact in list(stream_of(ws, name).standing()):
            together = (
                fact.occasion.request_sha256 == target.occasion.request_sha256 and type(fact).__name__ == "Annulled"
                if isinstance(target, Correction)
                else getattr(fact, "process_id", None) == process_id
            )
            if together and fact.ref != target.ref:
                found.append(fact.ref)
    return [(ref.stream, ref.version) for ref in found]


def _streams_of_process(ws: Workspace, first: Fact, process_id: str) -> list[str]:
    """Every stream a process wrote to, found from one of its facts."""
    streams: dict[str, None] = {}
    todo = [first.originator_id]
    while todo:
        name = todo.pop()
        if name in streams:
            continue
        streams[name] = None
        for fact in stream_of(ws, name).facts:
            if getattr(fact, "process_id", None) == process_id:
                todo += _touched_by(fact)
    return list(streams)


def _registration(ws: Workspace, collected: Bag.Collected) -> list[tuple[str, int]]:
    """The registration said with a collection, unless another bag of that donation was collected too."""
    donation = ws.donation(collected.donation)
    others = [
        origin
        for bag in bags_of_donations(ws, [donation.id])
        for origin in bag.origins
        if isinstance(origin, Bag.Collected) and origin.ref != collected.ref and origin.donor == collected.donor
    ]
    if others:
        return []
    return [
        (donation.id, fact.originator_version)
        for fact in donation.registrations
        if fact.occasion.request_sha256 == collected.occasion.request_sha256
    ]


def _touched_by(fact: Any) -> list[str]:
    """The streams a fact of a process names."""
    if isinstance(fact, (Donor.Merged, Donor.Unmerged)):
        return [f"donor:{fact.other}"]
    if isinstance(fact, (Recipient.Merged, Recipient.Unmerged)):
        return [f"patient:{fact.other}"]
    container = getattr(fact, "container", None)
    return [
        *getattr(fact, "parents", ()),
        *getattr(fact, "children", ()),
        *([container] if container else []),
    ]


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _newest(name: str) -> type[Fact] | None:
    found = [fact for fact in FACTS.values() if fact.short_name() == name]
    return found[-1] if found else None


def _check_stream(name: str) -> None:
    """A stream name: a bag, a DIN, hold:KIND:ID, donor:PSEUDONYM or patient:PSEUDONYM."""
    kind, colon, rest = name.partition(":")
    if colon and kind in ("donor", "patient") and rest:
        return
    if colon and kind == "hold" and rest.partition(":")[2]:
        return
    try:
        check_din(name) if len(name) == 13 else check(name)
    except BadScan as error:
        raise Malformed(error.code, "stream", error.message("en"), error.message("zh")) from None
