"""This file holds a ledger on SQLite and on PostgreSQL for the committer's tests, and commands to send it."""

import json
from typing import Any

from ledger.catalogue import load_catalogue
from ledger.commands import Command
from ledger.commands.clock import WallClock
from ledger.commands.committer import Committer
from ledger.commands.reading import read_command
from ledger.domain import FACTS
from ledger.store.keys import KeyStore
from ledger.store.mapper import AvroMapper
from ledger.store.opening import open_store
from ledger.store.port import FactStore

DIN = "A999926123456"
BAG = f"{DIN}=E5445V00"


class Opened:
    """A store and a committer on it."""

    def __init__(self, where: str, clock: Any = None) -> None:
        self.store: FactStore = open_store(where)
        self.keys = KeyStore(":memory:")
        mapper = AvroMapper(FACTS, self.keys, self.store.ledger_id())
        self.committer = Committer(self.store, mapper, load_catalogue(), clock or WallClock())

    def close(self) -> None:
        self.store.close()
        self.keys.close()


def command(name: str, request: str, *, minute: int = 0, **fields: Any) -> Command:
    """A command as it would come in."""
    at = f"2026-03-01T{8 + minute // 60:02d}:{minute % 60:02d}:00+08:00"
    body = {"command": name, "request": request, "by": "n1", "happened_at": at, **fields}
    return read_command(json.dumps(body).encode())


def stored(number: int, place: str = "fridge") -> Command:
    return command("StoreBag", f"store-{number}", bag=BAG, facility="C1", place=f"{place} {number}")


def collected(bag: str = BAG, request: str = "collect") -> Command:
    quantity = {"amount": "2", "measure": "U"}
    kind = {"kind": "whole_blood", "component": "leukoreduced_suspended_red_cells"}
    return command("CollectBag", request, bag=bag, donor="d1", facility="C1", quantity=quantity, **kind)


def ready_to_issue() -> list[Command]:
    """A released bag without need of a crossmatch beyond the one that is there."""
    return [
        collected(),
        command("EmergencyReleaseBag", "release", minute=1, bag=BAG, authoriser="dr", reason="no time"),
    ]


def issue(number: int) -> Command:
    return command(
        "IssueBag", f"issue-{number}", minute=2, bag=BAG, to=f"ward {number}", patient=f"p{number}",
        authoriser="dr", reason="no time",
    )  # fmt: skip
