"""This file holds histories with many bags in one question: a pool, a lot, and a country's stock."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from tests.bench.histories import RECORDED, Saying, told
from tests.projections.history import Head, Row, din, instant, units

CENTRES = ("A9999", "B1234", "C5678")
LOT = "L-2026-17"
GROUPS = ("A", "B", "O", "AB")


class Streamed:
    """Facts as they are told, each once and in order; fulfils projections.consumer.FactSource for one feeder."""

    def __init__(self, sayings: Callable[[], Iterator[Saying]], facts: int) -> None:
        self._rows, self._facts, self._last = told(sayings()), facts, 0
        self._read: list[Row] = []

    def ledger_id(self) -> str:
        return "measured"

    def head(self) -> Head:
        return Head(self._facts)

    def rows(self, after_position: int, limit: int) -> Sequence[Row]:
        assert after_position == self._last, "these facts are told once"
        self._read = list(islice(self._rows, limit))
        self._last += len(self._read)
        return self._read


def _collected(number: int, at: float, centre: str, lot: str) -> tuple[str, Saying, Saying]:
    """A donation and its bag."""
    name, donor = din(number), f"donor-{number}"
    bag = f"{name}=E0001V00"
    common = {"donor": donor, "facility": centre, "kind": "whole_blood", "purpose": "allogeneic"}
    registered = {**common, "outcome": "completed", "bags": [bag]}
    collected = {
        **common, "donation": name, "component": "whole_blood", "quantity": units("2"),
        "lots": [{"kind": "container", "id": lot}], "rule_expires_at": instant(at + 35 * 1440),
    }  # fmt: skip
    return bag, (name, "donation.registered", at, registered), (bag, "bag.collected", at, collected)


POOL = f"{din(999_999)}=E2807V00"
POOL_FACTS = 3
"""Facts of each member, and one of the pool."""


def pool(members: int) -> Iterator[Saying]:
    """A pool of so many donations."""
    bags = []
    for number in range(members):
        bag, *sayings = _collected(number, number, CENTRES[number % 3], f"L{number // 500}")
        yield from sayings
        bags.append(bag)
    run = {"process": "pool", "process_id": "pool-1"}
    for bag in bags:
        yield bag, "bag.consumed", members, {**run, "children": [POOL]}
    yield POOL, "bag.prepared", members, {
        **run, "parents": bags, "component": "pooled_plasma", "quantity": units("1"), "facility": CENTRES[0],
        "purpose": "allogeneic",
    }  # fmt: skip


BAGS_OF_A_DONATION = 3
LOT_FACTS = 11
"""Facts of each donation of `lot`."""


def lot(bags: int) -> Iterator[Saying]:
    """So many bags whose containers were of one lot, at three centres: collected, separated, stored, sent, arrived."""
    for number in range(bags // BAGS_OF_A_DONATION):
        at, centre = float(number), CENTRES[number % 3]
        bag, *sayings = _collected(number, at, centre, LOT)
        yield from sayings
        children = [bag.replace("E0001", code) for code in ("E0336", "E0701")]
        run = {"process": "separate", "process_id": f"run-{number}"}
        yield bag, "bag.consumed", at, {**run, "children": children}
        for child in children:
            yield child, "bag.prepared", at, {
                **run, "parents": [bag], "component": "suspended_red_cells", "quantity": units("1"),
                "facility": centre, "purpose": "allogeneic",
            }  # fmt: skip
            yield child, "bag.stored", at, {"facility": centre, "place": "F1"}
            yield child, "bag.distributed", at, {"to": f"H{number % 40:04d}", "sent_from": centre}
            yield child, "bag.arrived", at, {"at": f"H{number % 40:04d}"}


def stock(bags: int) -> Iterator[Saying]:
    """So many bags received; each fourth is discarded when two thirds of all have come."""
    for number in range(bags):
        yield _received(number)
        if number * 3 >= bags * 2 and number % 4 == 0:
            yield f"{_din(number // 2)}=E0336V00", "bag.discarded", number / 10, {"approved_by": "boss"}


def _received(number: int) -> Saying:
    said = {
        "component": ("suspended_red_cells", "frozen_plasma")[number % 2], "quantity": units("1"),
        "group": GROUPS[number % 4], "rhd": "positive", "facility": f"C{number % 300:04d}", "purpose": "allogeneic",
        "sent_from": "Z0000", "released_by": "z", "rule_expires_at": instant(number / 10 + 50_000),
    }  # fmt: skip
    return f"{_din(number)}=E0336V00", "bag.received", number / 10, said


def _din(number: int) -> str:
    """A donation number; a million of them take two facilities."""
    return f"A9999{number // 1_000_000 + 25:02d}{number % 1_000_000:06d}"


def recorded_at(position: float) -> int:
    """When a fact was recorded. Unit: microseconds since 1970-01-01 UTC."""
    return RECORDED + int(position)
