"""This file holds corrections: an earlier fact amended or annulled, by its version or, when reported, by content."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, NamedTuple

from msgspec import Meta

from ledger.commands.command import Command, Text, missing
from ledger.commands.malformed import Malformed
from ledger.domain import FACTS, Correction, Donation, Donor, Fact, LedgerAggregate, Recipient
from ledger.domain import refusals as no
from ledger.domain.aggregate import amended, plain_value, targets
from ledger.domain.codes import check_code
from ledger.domain.reading import NOT_AMENDABLE, field_types, read_value
from ledger.domain.values import FieldValue, Sealed
from ledger.isbt128 import BadScan, check, check_din
from ledger.policies.inheritance import set_by_rules
from ledger.policies.processes import said_with, stream_of, taken_back_with
from ledger.store.workspace import Workspace

FactName = Annotated[
    str, Meta(max_length=64, pattern=r"^[a-z_]+\.[a-z_]+(?![\s\S])", description="A fact, e.g. bag.transfused.")
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

    def sealed_reason(self, ws: Workspace, aggregate: LedgerAggregate, version: int | None) -> Sealed | None:
        """The reason, under the key of whom the corrected fact of that stream is about."""
        return ws.sealed(self.reason, subject_of(aggregate, version))

    def matched(self) -> tuple[FieldValue, ...]:
        return tuple(FieldValue(name, _json(value)) for name, value in sorted(self.match.items()))


class Annul(OnFact, kw_only=True):
    """Take a fact back, as entered in error; one fact of a process takes all facts of that process back."""

    def carry_out(self, ws: Workspace) -> None:
        aggregate = self.aggregate(ws)
        self.target(aggregate)
        ws.correcting = True
        together = [each for fact in self._meant(aggregate, ws) for each in taken_back_with(ws, fact)]
        ws.removing = True
        annulled: type[Fact] = aggregate.Annulled  # type: ignore[attr-defined]
        ws.record(
            aggregate,
            annulled,
            target_version=self.version,
            target_fact=self.fact,
            match=self.matched(),
            reason=self.sealed_reason(ws, aggregate, self.version),
        )
        for stream, version in dict.fromkeys(together):
            other = stream_of(ws, stream)
            also: type[Fact] = other.Annulled  # type: ignore[attr-defined]
            ws.record(other, also, target_version=version, reason=self.sealed_reason(ws, other, version))

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
        subject = subject_of(aggregate, self.version)
        changes = tuple(self._change(ws, meant, name, value, subject) for name, value in sorted(self.changes.items()))
        if target is not None and not isinstance(target, Correction):
            changes += _following(ws, amended(target, list(changes)), target)
        said_together = [other for each in self._there(ws, aggregate, target) for other in said_with(ws, each)]
        ws.removing = ws.correcting = True
        fact: type[Fact] = aggregate.Amended  # type: ignore[attr-defined]
        ws.record(
            aggregate,
            fact,
            target_version=self.version,
            target_fact=self.fact,
            match=self.matched(),
            changes=changes,
            reason=self.sealed_reason(ws, aggregate, self.version),
        )
        for other in {other.ref: other for other in said_together}.values():
            self._amend_too(ws, other, changes)

    def _there(self, ws: Workspace, aggregate: LedgerAggregate, target: Fact | None) -> list[Fact]:
        """The facts meant that are there: the one named by its version, or all that carry what was named."""
        if self.version is not None:
            return [target] if target is not None else []
        by_content = Meant(None, self.fact, self.matched(), ws.at, aggregate.version + 1)
        return targets(by_content, aggregate.facts)

    def _amend_too(self, ws: Workspace, other: Fact, changes: tuple[FieldValue, ...]) -> None:
        """A collection and the registration said with it name the same donor, facility and kind."""
        shared = tuple(change for change in changes if change.field in SHARED)
        aggregate = stream_of(ws, other.originator_id)
        fact: type[Fact] = aggregate.Amended  # type: ignore[attr-defined]
        if shared:
            ws.record(
                aggregate,
                fact,
                target_version=other.originator_version,
                changes=shared,
                reason=self.sealed_reason(ws, aggregate, other.originator_version),
            )

    def _meant(self, aggregate: LedgerAggregate, target: Fact | None) -> type[Fact] | None:
        """The kind of fact whose fields change: amending an amendment changes what that one amends."""
        while target is not None and isinstance(target, Correction):
            version = getattr(target, "target_version", None)
            target = aggregate.facts[version - 1] if version and version <= aggregate.version else None
        if target is not None:
            return type(target)
        return _newest(self.fact) if self.fact is not None else None

    def _change(self, ws: Workspace, fact: type[Fact] | None, name: str, value: Any, subject: str) -> FieldValue:
        if fact is None:
            return FieldValue(name, _json(value))
        fields = {name: kind for name, kind in field_types(fact).items() if name not in NOT_AMENDABLE}
        if name not in fields:
            raise self._refused(name, "it has no such field, or one that ties it to other streams", fields)
        try:
            read = read_value(fact, name, value)
            check_code(fact.short_name(), name, value)
        except ValueError as error:
            raise self._refused(name, str(error), fields) from None
        if fields[name] == Sealed | None and read is not None:
            return FieldValue(name, None, ws.sealed(str(read), subject))
        return FieldValue(name, _json(value))

    def _refused(self, name: str, why: str, fields: dict[str, Any]) -> Exception:
        listed = ", ".join(sorted(fields))
        if self.reported:
            return Malformed("field_not_amendable", f"changes.{name}", why, why)
        return no.FieldNotAmendable(self.stream, version=self.version, field=name, why=why, fields=listed)


def subject_of(aggregate: LedgerAggregate, version: int | None) -> str:
    """Under whose key text about a fact is sealed: the donor's, a named recipient's, else the ledger's own."""
    if isinstance(aggregate, (Donor, Recipient)):
        return aggregate.id
    if isinstance(aggregate, Donation):
        return f"donor:{aggregate.donors[0]}" if aggregate.donors else "text"
    fact = aggregate.fact_at(version) if version is not None else None
    patient = getattr(fact, "patient", None)
    return f"patient:{patient}" if patient else "text"


SHARED = frozenset({"donor", "facility", "kind", "session", "purpose", "intended_for"})
"""Fields that a collection and its registration both carry."""


def _following(ws: Workspace, corrected: Fact, was: Fact) -> tuple[FieldValue, ...]:
    """What the site's rules make of the corrected fields: another date of collection is another expiry."""
    return tuple(
        FieldValue(name, _json(plain_value(value)))
        for name, value in set_by_rules(ws, corrected).items()
        if getattr(was, name) != value
    )


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
