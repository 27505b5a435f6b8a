"""This file holds corrections: an earlier fact amended or annulled, by its version or, when reported, by content."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated, Any

from msgspec import Meta

from ledger.commands.command import Command, Text, missing
from ledger.commands.malformed import Malformed
from ledger.domain import FACTS, Correction, Donor, Fact, LedgerAggregate, Recipient
from ledger.domain import refusals as no
from ledger.domain.reading import field_types, read_value
from ledger.domain.values import FieldValue, Sealed
from ledger.isbt128 import BadScan, check, check_din
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
        kind, _, name = self.stream.partition(":")
        if kind == "hold":
            scope_kind, _, scope_id = name.partition(":")
            return ws.hold(scope_kind, scope_id)
        if kind == "donor":
            return ws.donor(name)
        if kind == "patient":
            return ws.recipient(name)
        return ws.donation(self.stream) if len(self.stream) == 13 else ws.bag(self.stream)

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
        target = self.target(aggregate)
        ws.removing = True
        self._annul(ws, aggregate)
        if target is not None:
            for stream, version in _rest_of_process(ws, target):
                other = ws.bag(stream) if "=" in stream or "#" in stream else _subject(ws, stream)
                ws.record(other, other.Annulled, target_version=version, match=(), reason=ws.sealed(self.reason))

    def _annul(self, ws: Workspace, aggregate: LedgerAggregate) -> None:
        fact: type[Fact] = aggregate.Annulled  # type: ignore[attr-defined]
        ws.record(
            aggregate,
            fact,
            target_version=self.version,
            target_fact=self.fact,
            match=self.matched(),
            reason=ws.sealed(self.reason),
        )


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


def _subject(ws: Workspace, stream: str) -> Donor | Recipient:
    kind, _, name = stream.partition(":")
    return ws.donor(name) if kind == "donor" else ws.recipient(name)


def _rest_of_process(ws: Workspace, target: Fact) -> list[tuple[str, int]]:
    """The other facts of the process one fact belongs to: (stream, version) of each that stands."""
    process_id = getattr(target, "process_id", None)
    if process_id is None:
        return []
    streams: dict[str, None] = {}
    todo = [target.originator_id]
    while todo:
        name = todo.pop()
        streams[name] = None
        aggregate = ws.bag(name) if "=" in name or "#" in name else _subject(ws, name)
        for fact in aggregate.standing():
            if getattr(fact, "process_id", None) == process_id:
                todo += [each for each in _touched_by(fact) if each not in streams]
    found = []
    for name in streams:
        aggregate = ws.bag(name) if "=" in name or "#" in name else _subject(ws, name)
        for fact in aggregate.standing():
            same = getattr(fact, "process_id", None) == process_id
            if same and fact.ref != target.ref:
                found.append((name, fact.originator_version))
    return found


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
