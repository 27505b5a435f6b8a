"""This file holds the harness of the domain's tests: given commands, when a command, then facts, refusal or state.

Everything goes through the committer into SQLite, under a fixed clock and the example catalogue. State is read by
replaying the stored facts, never from the committer's cache; at the end of a test the two are compared.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import cache
from typing import Any

from ledger.catalogue import load_catalogue
from ledger.commands.answer import Answer
from ledger.commands.committer import Committer
from ledger.commands.malformed import Malformed
from ledger.commands.reading import read_command
from ledger.domain import FACTS, Bag, Donation, Hold, LedgerAggregate
from ledger.domain.aggregate import aggregate_class
from ledger.store.keys import KeyStore
from ledger.store.mapper import AvroMapper
from ledger.store.opening import open_store

CST = timezone(timedelta(hours=8))
DAY_ONE = datetime(2026, 3, 1, 8, 0, tzinfo=CST)
"""When the first command of a test happens; each further one happens a minute later."""
NOW = datetime(2026, 11, 1, tzinfo=UTC)
"""Recorded time of every test."""

MARKERS = ("hbsag", "anti_hcv", "hiv_ag_ab", "syphilis", "alt", "nat_hbv", "nat_hcv", "nat_hiv")

Said = dict[str, Any]

_UNFILLED = re.compile(r"\{[a-z_]+\}")
"""What a text of ours would show if a word were not filled in."""


def din(number: int) -> str:
    """The number-th donation."""
    return f"A999926{number:06d}"


D1, D2, D3 = din(1), din(2), din(3)
"""Three donations."""
WB, RC, PL, PC = "E0336V00", "E5445V00", "E0701V00", "E3077V00"
"""Product codes: whole blood, red cells, plasma, platelets. Only RC is in the example catalogue."""
WB1, RC1, PL1, PC1 = (f"{D1}={code}" for code in (WB, RC, PL, PC))
WB2, RC2, PL2, PC2 = (f"{D2}={code}" for code in (WB, RC, PL, PC))
WB3, RC3, PL3, PC3 = (f"{D3}={code}" for code in (WB, RC, PL, PC))

RED, FFP, PLT = "leukoreduced_suspended_red_cells", "fresh_frozen_plasma", "concentrated_platelets"


@cache
def catalogue() -> Any:
    return load_catalogue(None)


class FixedClock:
    """Recorded time stands still."""

    def now(self) -> int:
        return int(NOW.timestamp() * 1_000_000)


# ── what can be said ───────────────────────────────────────────────────────────────────────────────────────────


def at(day: int, hour: int = 8, minute: int = 0, second: int = 0) -> str:
    """An instant: day 0 is 2026-03-01, local time of the facility (+08:00)."""
    when = DAY_ONE.replace(hour=hour, minute=minute, second=second) + timedelta(days=day)
    return when.isoformat()


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def q(text: str) -> Said:
    """`"2 U"` as a quantity."""
    amount, measure = text.split()
    return {"amount": amount, "measure": measure}


def say(command: str, **fields: Any) -> Said:
    return {"command": command, **fields}


def collect(bag: str = WB1, donor: str = "donor-1", **more: Any) -> Said:
    fields: Said = {"facility": "C1", "kind": "whole_blood", "quantity": q("2 U"), **more}
    return say("CollectBag", bag=bag, donor=donor, **fields)


def result(number: str = D1, marker: str = "hbsag", outcome: str = "nonreactive", **more: Any) -> Said:
    return say("RecordTest", **{"din": number, "marker": marker, "result": outcome, "stage": "initial",
                                "final": True, **more})  # fmt: skip


def reactive(number: str = D1, marker: str = "hbsag", **more: Any) -> Said:
    return result(number, marker, "reactive", **{"stage": "confirmatory", **more})


def group(number: str = D1, abo: str = "A", rhd: str = "positive", **more: Any) -> Said:
    return say("RecordGroup", din=number, group=abo, rhd=rhd, **more)


def panel(number: str = D1, abo: str = "A", rhd: str = "positive", **more: Any) -> list[Said]:
    """Every final result of an acceptable donation."""
    results = [result(number, marker, "acceptable" if marker == "alt" else "nonreactive", **more) for marker in MARKERS]
    return [*results, group(number, abo, rhd, **more)]


def prepare(process: str, inputs: str | list[str], *outputs: tuple[Any, ...], **more: Any) -> Said:
    """Outputs are (bag, component, "2 U"[, further fields])."""
    made = [
        {"bag": bag, "component": component, "quantity": q(quantity), **(rest[0] if rest else {})}
        for bag, component, quantity, *rest in outputs
    ]
    return say("PrepareBags", process=process, inputs=[inputs] if isinstance(inputs, str) else inputs,
               outputs=made, **more)  # fmt: skip


def separate(number: str = D1, **more: Any) -> Said:
    """Whole blood into red cells and plasma."""
    return prepare("separate", f"{number}={WB}", (f"{number}={RC}", RED, "2 U"),
                   (f"{number}={PL}", FFP, "200 mL"), **more)  # fmt: skip


def release(bag: str = RC1) -> list[Said]:
    """Checks and release."""
    return [say("InspectBag", bag=bag), say("VerifyLabel", bag=bag), say("ReleaseBag", bag=bag)]


def in_stock(number: str = D1, donor: str | None = None, **more: Any) -> list[Said]:
    """A donation whose red cells and plasma are prepared; the red cells are released."""
    return [
        collect(f"{number}={WB}", donor or f"donor-{int(number[7:])}", **more),
        *panel(number),
        separate(number),
        *release(f"{number}={RC}"),
    ]


def crossmatch(bag: str = RC1, patient: str = "p1", **more: Any) -> Said:
    return say("CrossmatchBag", **{"bag": bag, "patient": patient, "result": "compatible", **more})


def issue(bag: str = RC1, patient: str | None = "p1", **more: Any) -> Said:
    named = {"patient": patient} if patient else {}
    return say("IssueBag", bag=bag, to="ward 3", **named, **more)


def transfuse(bag: str = RC1, patient: str = "p1", **more: Any) -> Said:
    return say("RecordTransfusion", bag=bag, patient=patient, hospital="H1", **more)


def issued(number: str = D1) -> list[Said]:
    bag = f"{number}={RC}"
    return [*in_stock(number), crossmatch(bag), issue(bag)]


def hold(kind: str, scope_id: str, cause: str = "recall", **more: Any) -> Said:
    return say("PlaceHold", cause=cause, scope={"kind": kind, "id": scope_id}, reason="a reason", **more)


def lift(kind: str, scope_id: str, cause: str = "recall", **more: Any) -> Said:
    return say("LiftHold", cause=cause, scope={"kind": kind, "id": scope_id}, reason="a reason", **more)


def give_back(bag: str = RC1, leg: str = "ward_to_bank", **more: Any) -> Said:
    sender = "ward 3" if leg == "ward_to_bank" else "H1"
    return say("ReturnBag", **{"bag": bag, "from": sender, "leg": leg, **more})


def discard(bag: str = RC1, **more: Any) -> Said:
    return say("DiscardBag", **{"bag": bag, "reason": "broken", "approved_by": "chief", **more})


def annul(stream: str, version: int | None = None, **more: Any) -> Said:
    named = {"version": version} if version is not None else {}
    return say("Annul", stream=stream, reason="entered in error", **named, **more)


def amend(stream: str, version: int | None = None, /, *, changes: Said, **more: Any) -> Said:
    named = {"version": version} if version is not None else {}
    return say("Amend", stream=stream, reason="entered in error", changes=changes, **named, **more)


def reported(said: Said) -> Said:
    """The same as the report of a decision made elsewhere."""
    return said | {"reported": True}


def on(when: str, said: Said) -> Said:
    """The same at that instant."""
    return said | {"happened_at": when}


# ── the world ──────────────────────────────────────────────────────────────────────────────────────────────────


class World:
    """One ledger. `given` must be recorded; `when` is the command under test; `then_…` look at what came of it."""

    def __init__(self, folder: Any) -> None:
        self.store = open_store(folder / "ledger.db", ledger_id="0" * 32)
        self.mapper = AvroMapper(FACTS, KeyStore(folder / "ledger.keys"), self.store.ledger_id())
        self.committer = Committer(self.store, self.mapper, catalogue(), FixedClock())
        self.said = 0
        self.answer: Answer
        self._size = 0

    # -- saying

    def _line(self, said: Said) -> bytes:
        self.said += 1
        when = DAY_ONE + timedelta(minutes=self.said)
        defaults = {"request": f"r{self.said}", "by": "nurse", "happened_at": when.isoformat()}
        return json.dumps(defaults | said).encode()

    def commit(self, *said: Said) -> list[Answer]:
        """Commands as one batch; what cannot be read is answered as malformed, as the door does."""
        lines = [self._line(each) for each in said]
        answers: list[Answer | None] = []
        commands = []
        for line in lines:
            try:
                commands.append(read_command(line))
                answers.append(None)
            except Malformed as problem:
                answers.append(Answer("malformed", problem=problem))
        told = iter(self.committer.commit(commands))
        return [each if each is not None else next(told) for each in answers]

    def given(self, *said: Said | Iterable[Said]) -> list[Answer]:
        """What happened before: lists of commands are taken apart. One batch; every one must be recorded."""
        flat: list[Said] = []
        for each in said:
            flat += [each] if isinstance(each, dict) else list(each)
        answers = self.commit(*flat)
        for each, answer in zip(flat, answers, strict=True):
            assert answer.outcome == "recorded", f"{each}: {answer.outcome} {answer.problem or answer.fault}"
        return answers

    def when(self, said: Said) -> Answer:
        """The command under test, in a batch of its own."""
        self._size = self.store.head().size
        (self.answer,) = self.commit(said)
        return self.answer

    # -- looking

    def then_recorded(self, *names: str) -> None:
        """It was recorded, and facts of exactly these names (with count) came of it."""
        assert self.answer.outcome == "recorded", str(self.answer.problem or self.answer.fault)
        if names:
            assert Counter(self.recorded_names()) == Counter(names)

    def recorded_names(self) -> list[str]:
        return [fact.name.rpartition(".")[0] for fact in self.answer.facts]

    def then_refused(self, code: str) -> None:
        """The domain said no with that code, said what would help in both languages, and stored nothing."""
        assert self.answer.outcome == "refused", (self.answer.outcome, str(self.answer.problem or ""))
        problem = self.answer.problem
        assert problem is not None and problem.code == code
        for lang in ("en", "zh"):
            assert problem.text(lang) and not _UNFILLED.search(problem.text(lang))
            assert problem.remedy(lang) and not _UNFILLED.search(problem.remedy(lang))
        self.then_nothing_stored()

    def then_malformed(self, where: str) -> None:
        assert self.answer.outcome == "malformed", (self.answer.outcome, str(self.answer.problem or ""))
        assert self.answer.problem is not None and self.answer.problem.where == where
        self.then_nothing_stored()

    def then_nothing_stored(self) -> None:
        assert self.answer.facts == ()
        assert self.store.head().size == self._size

    def aggregate(self, name: str) -> LedgerAggregate:
        """A stream replayed from what is stored."""
        found: Any = None
        for row in self.store.stream(name):
            found = self.mapper.to_domain_event(self._stored(row)).mutate(found)
        return found if found is not None else _empty(name)

    def _stored(self, row: Any) -> Any:
        from eventsourcing.persistence import StoredEvent

        return StoredEvent(row.stream, row.version, row.name, row.state)

    def bag(self, name: str = RC1) -> Bag:
        found = self.aggregate(name)
        assert isinstance(found, Bag)
        return found

    def donation(self, number: str = D1) -> Donation:
        found = self.aggregate(number)
        assert isinstance(found, Donation)
        return found

    def status(self, bag: str = RC1) -> str:
        return self.bag(bag).status

    def holds(self, bag: str = RC1) -> list[str]:
        """The causes of the open holds, each as often as it stands."""
        found = self.bag(bag)
        return sorted(found.holds[name].cause for name in found.open_holds)

    def nonconformities(self, stream: str = RC1) -> list[str]:
        """The codes of the open nonconformities of a bag or donation."""
        found: Any = self.aggregate(stream)
        return sorted(fact.code for fact in found.open_nonconformities.values())

    def notices(self, bag: str = RC1) -> list[tuple[str, str]]:
        """Open notices: (kind of addressee, addressee)."""
        return sorted(
            (each.addressee_kind, each.addressee) for each in self.bag(bag).notices.values() if each.outcome is None
        )

    def alerts(self, patient: str = "p1") -> list[str]:
        """The bags of the open alerts of a recipient."""
        found: Any = self.aggregate(f"patient:{patient}")
        return sorted(alert.bag for alert in found.alerts.values())

    def facts(self, stream: str) -> list[str]:
        """The names of a stream's facts, in order of arrival."""
        return [row.name.rpartition(".")[0] for row in self.store.stream(stream)]

    def version_of(self, stream: str, name: str) -> int:
        """The version of the latest fact of that name on the stream."""
        return len(self.facts(stream)) - self.facts(stream)[::-1].index(name)

    def quantity(self, bag: str = RC1) -> tuple[Decimal, str] | None:
        return self.bag(bag).quantity

    def streams(self) -> list[str]:
        return list(dict.fromkeys(row.stream for row in self.store.rows(0, 100_000)))

    def sketch(self) -> dict[str, Any]:
        """What all streams come to, without what depends on the order of arrival (versions)."""
        seen: dict[str, Any] = {}
        for name in self.streams():
            each = self.aggregate(name)
            if isinstance(each, Bag):
                seen[name] = _sketch_of_bag(each)
            elif isinstance(each, Donation):
                codes = sorted(fact.code for fact in each.open_nonconformities.values())
                seen[name] = (each.group, each.bad_markers(), codes)
            elif isinstance(each, Hold):
                seen[name] = sorted(placed.cause for placed in each.placings.values())
            elif name.startswith("patient:"):
                seen[name] = sorted(alert.bag for alert in each.alerts.values())  # type: ignore[attr-defined]
        return seen

    def close(self) -> None:
        self.store.close()

    def check_cache(self) -> None:
        """What the committer remembers is what is stored."""
        remembered = self.committer._cache.aggregates
        for name in self.streams():
            if name not in remembered:
                continue
            told, replayed = remembered[name], self.aggregate(name)
            assert told.version == replayed.version and not told.pending_events
            if isinstance(told, Bag) and isinstance(replayed, Bag):
                assert _sketch_of_bag(told) == _sketch_of_bag(replayed), name
                assert told.open_holds == replayed.open_holds
                assert told.open_nonconformities.keys() == replayed.open_nonconformities.keys()


def _sketch_of_bag(bag: Bag) -> dict[str, Any]:
    return {
        "status": bag.status,
        "fate": bag.fate,
        "holds": sorted((bag.holds[name].cause, bag.holds[name].scope_kind) for name in bag.open_holds),
        "nonconformities": sorted(fact.code for fact in bag.open_nonconformities.values()),
        "notices": sorted((n.addressee_kind, n.addressee) for n in bag.notices.values() if n.outcome is None),
        "parents": dict(sorted(bag.parents.items())),
        "children": dict(sorted(bag.children.items())),
        "quantity": bag.quantity,
        "component": bag.component,
        "expires_at": bag.expires_at,
        "group": bag.group,
        "facility": bag.facility,
        "reserved_for": bag.reserved_for,
        "purpose": bag.purpose,
        "panels": {name: each.outcome for name, each in sorted(bag.panels.items()) if each.outcome != "pending"},
        "given_to": bag.given_to(),
    }


def _empty(name: str) -> LedgerAggregate:
    kind, colon, _ = name.partition(":")
    noun = {"patient": "recipient"}.get(kind, kind) if colon else ("donation" if len(name) == 13 else "bag")
    return aggregate_class(f"{noun}.any.v1").empty(name)
