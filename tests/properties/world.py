"""This file holds a fresh ledger for the property tests, and how its state is read: from storage, stream by stream."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from ledger.catalogue import load_catalogue
from ledger.commands.answer import Answer
from ledger.commands.committer import Committer
from ledger.commands.reading import read_command
from ledger.domain import FACTS
from ledger.store.keys import KeyStore
from ledger.store.mapper import AvroMapper
from ledger.store.opening import open_store

LEDGER_ID = "0" * 32
CATALOGUE = load_catalogue(None)
KEYS = KeyStore(":memory:")
MAPPER = AvroMapper(FACTS, KEYS, LEDGER_ID)
NOW = 1_780_272_000_000_000  # 2026-06-01T00:00:00Z in microseconds: after every business time used here


class StoppedClock:
    """Recorded time stands still, so that two runs give the same leaves."""

    def now(self) -> int:
        return NOW


class Ledger:
    """A ledger in memory, or in a file, with its committer."""

    def __init__(self, path: str = ":memory:") -> None:
        self.store = open_store(path, LEDGER_ID)
        self.committer = self.fresh_committer()
        self.sent = 0

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(self, *_: object) -> None:
        self.store.close()

    def fresh_committer(self) -> Committer:
        """A committer that remembers nothing."""
        return Committer(self.store, MAPPER, CATALOGUE, StoppedClock())

    def do(self, command: dict[str, Any]) -> Answer:
        """Send one command, under a request id of its own unless it names one."""
        return self.send([command])[0]

    def send(self, commands: Iterable[dict[str, Any]], window: int = 1) -> list[Answer]:
        """Send commands in order, `window` of them per commit."""
        read = []
        for command in commands:
            self.sent += 1
            body = {"request": f"r{self.sent}", "by": "nurse", **command}
            read.append(read_command(json.dumps(body).encode()))
        answers: list[Answer] = []
        for start in range(0, len(read), window):
            answers += self.committer.commit(read[start : start + window])
        return answers

    def rows(self) -> list[Any]:
        return self.store.rows(0, 1_000_000)

    def streams(self) -> list[str]:
        return list(dict.fromkeys(row.stream for row in self.rows()))

    def aggregate(self, name: str) -> Any:
        """One aggregate, folded from what is stored; None when nothing is."""
        return folded(self.store.stream(name))

    def aggregates(self) -> dict[str, Any]:
        """Every aggregate, folded from what is stored."""
        by_stream: dict[str, list[Any]] = {}
        for row in self.rows():
            by_stream.setdefault(row.stream, []).append(row)
        return {name: folded(rows) for name, rows in sorted(by_stream.items())}

    def remembered(self) -> dict[str, Any]:
        """Every aggregate as the committer keeps it in memory."""
        return dict(sorted(self.committer._cache.aggregates.items()))


def folded(rows: Sequence[Any]) -> Any:
    """An aggregate from the rows of its stream."""
    from eventsourcing.persistence import StoredEvent

    aggregate = None
    for row in rows:
        fact = MAPPER.to_domain_event(StoredEvent(row.stream, row.version, row.name, row.state))
        aggregate = fact.mutate(aggregate)
    return aggregate


def kind_of(name: str) -> str:
    """What a stream is about."""
    head = name.partition(":")[0]
    if head in ("hold", "donor", "patient") and ":" in name:
        return head
    return "donation" if len(name) == 13 else "bag"


def state_of(name: str, aggregate: Any) -> dict[str, Any]:
    """What must not depend on the order of arrival, in plain values."""
    kind = kind_of(name)
    if kind == "bag":
        return bag_state(aggregate)
    if kind == "donation":
        concluded = aggregate.concluded
        return {
            "concluded": concluded.outcome if concluded is not None else None,
            "nonconformities": counted(each.code for each in aggregate.open_nonconformities.values()),
            "donors": sorted(set(aggregate.donors)),
            "group": aggregate.group,
        }
    if kind == "patient":
        return {"alerts": counted(f"{each.hold_cause} {each.bag}" for each in aggregate.alerts.values())}
    if kind == "hold":
        return {"open": counted(each.cause for each in aggregate.placings.values())}
    return {}


def bag_state(bag: Any) -> dict[str, Any]:
    """A bag in plain values."""
    quantity = bag.quantity
    return {
        "status": bag.status,
        "fate": bag.fate,
        "component": bag.component,
        "facility": bag.facility,
        "place": bag.place,
        "consignee": bag.consignee,
        "reserved_for": bag.reserved_for,
        "holds": holds_of(bag),
        "notices": counted(
            f"{each.addressee_kind} {each.addressee} {each.cause}"
            for each in bag.notices.values()
            if each.outcome is None
        ),
        "nonconformities": counted(each.code for each in bag.open_nonconformities.values()),
        "parents": dict(sorted(bag.parents.items())),
        "children": dict(sorted(bag.children.items())),
        "quantity": f"{quantity.amount.normalize():f} {quantity.measure}" if quantity is not None else None,
        "expires_at": bag.expires_at.isoformat() if bag.expires_at is not None else None,
        "group": bag.group,
    }


def holds_of(bag: Any) -> dict[str, int]:
    """The bag's open holds as `cause scope`, counted."""
    holds = (bag.holds[name] for name in bag.open_holds)
    return counted(f"{each.cause} {each.scope_kind}:{each.scope_id}" for each in holds)


def counted(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


def states(ledger: Ledger) -> dict[str, dict[str, Any]]:
    """The state of every stream that has one."""
    found = {name: state_of(name, each) for name, each in ledger.aggregates().items()}
    return {name: state for name, state in found.items() if any(state.values())}


def differences(one: dict[str, dict[str, Any]], other: dict[str, dict[str, Any]]) -> list[str]:
    """What differs, one line each."""
    found = []
    for name in sorted(one.keys() | other.keys()):
        mine, theirs = one.get(name, {}), other.get(name, {})
        found += [
            f"{name} {field}: {mine.get(field)} != {theirs.get(field)}"
            for field in sorted(mine.keys() | theirs.keys())
            if mine.get(field) != theirs.get(field)
        ]
    return found
