"""This file holds the yardstick for commands: the same bags and commands on the library's stock `Application`."""

import json
from collections.abc import Iterable
from datetime import datetime
from time import perf_counter
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

SQLITE = "eventsourcing.sqlite"
POSTGRES = "eventsourcing.postgres"


class Donated(Aggregate):
    """A donation and all that becomes of its bags, one event a command: a stream of 15 to 24 events in this week."""

    @event("Collected")
    def __init__(self, din: str, happened_at: datetime, by: str, fields: dict[str, Any]) -> None:
        self.din = din
        self.status = {fields["bag"]: "collected"}
        self.tests: dict[str, str] = {}
        self.group: str | None = None

    @staticmethod
    def create_id(din: str) -> UUID:
        """Where a donation is found again."""
        return uuid5(NAMESPACE_URL, din)

    @event("Tested")
    def record_test(self, happened_at: datetime, by: str, fields: dict[str, Any]) -> None:
        self.tests[fields["marker"]] = fields["result"]

    @event("Grouped")
    def record_group(self, happened_at: datetime, by: str, fields: dict[str, Any]) -> None:
        self.group = fields["group"]

    @event("Prepared")
    def prepare_bags(self, happened_at: datetime, by: str, fields: dict[str, Any]) -> None:
        self.status |= {each["bag"]: "prepared" for each in fields["outputs"]}
        self.status |= dict.fromkeys(fields["inputs"], "consumed")

    @event("Labelled")
    def label_bag(self, happened_at: datetime, by: str, fields: dict[str, Any]) -> None:
        self.status[fields["bag"]] = self.status.pop(fields["container"])

    @event("Inspected")
    def inspect_bag(self, happened_at: datetime, by: str, fields: dict[str, Any]) -> None:
        self.status[fields["bag"]] = "inspected"

    @event("LabelVerified")
    def verify_label(self, happened_at: datetime, by: str, fields: dict[str, Any]) -> None:
        self.status[fields["bag"]] = "verified"

    @event("Released")
    def release_bag(self, happened_at: datetime, by: str, fields: dict[str, Any]) -> None:
        self.status[fields["bag"]] = "released"

    @event("Stored")
    def store_bag(self, happened_at: datetime, by: str, fields: dict[str, Any]) -> None:
        self.status[fields["bag"]] = "in_stock"

    @event("Crossmatched")
    def crossmatch_bag(self, happened_at: datetime, by: str, fields: dict[str, Any]) -> None:
        self.status[fields["bag"]] = "crossmatched"

    @event("Issued")
    def issue_bag(self, happened_at: datetime, by: str, fields: dict[str, Any]) -> None:
        self.status[fields["bag"]] = "issued"

    @event("Transfused")
    def record_transfusion(self, happened_at: datetime, by: str, fields: dict[str, Any]) -> None:
        self.status[fields["bag"]] = "transfused"


METHODS = {
    "RecordTest": Donated.record_test,
    "RecordGroup": Donated.record_group,
    "PrepareBags": Donated.prepare_bags,
    "LabelBag": Donated.label_bag,
    "InspectBag": Donated.inspect_bag,
    "VerifyLabel": Donated.verify_label,
    "ReleaseBag": Donated.release_bag,
    "StoreBag": Donated.store_bag,
    "CrossmatchBag": Donated.crossmatch_bag,
    "IssueBag": Donated.issue_bag,
    "RecordTransfusion": Donated.record_transfusion,
}


class StockLedger(Application):
    """The library as its tutorial shows it: JSON, no cache, each command one get and one save."""

    def collect(self, din: str, happened_at: datetime, by: str, fields: dict[str, Any]) -> None:
        self.save(Donated(din=din, happened_at=happened_at, by=by, fields=fields))

    def carry_out(self, command: str, din: str, happened_at: datetime, by: str, fields: dict[str, Any]) -> None:
        donation: Donated = self.repository.get(Donated.create_id(din))
        METHODS[command](donation, happened_at=happened_at, by=by, fields=fields)
        self.save(donation)

    def take(self, line: bytes) -> None:
        """A command as a line of JSON; no rule is checked, no request is kept."""
        fields = json.loads(line)
        command, by = fields.pop("command"), fields.pop("by")
        happened_at = datetime.fromisoformat(fields.pop("happened_at"))
        if command == "CollectBag":
            self.collect(fields["bag"][:13], happened_at, by, fields)
        else:
            self.carry_out(command, _din(fields), happened_at, by, fields)


def _din(fields: dict[str, Any]) -> str:
    """The donation a command is about."""
    named: str = fields.get("din") or fields.get("bag") or fields["inputs"][0]
    return named[:13]


def on_sqlite(path: str) -> dict[str, str]:
    """The library's settings for a file."""
    return {"PERSISTENCE_MODULE": SQLITE, "SQLITE_DBNAME": path}


def on_postgres(url: str) -> dict[str, str]:
    """The library's settings for a server; it takes no URL."""
    from psycopg.conninfo import conninfo_to_dict

    parts = conninfo_to_dict(url)
    schema = str(parts.get("options", "")).partition("search_path=")[2]
    return {
        "PERSISTENCE_MODULE": POSTGRES,
        "POSTGRES_DBNAME": str(parts.get("dbname", "")),
        "POSTGRES_HOST": str(parts.get("host", "")),
        "POSTGRES_PORT": str(parts.get("port", "5432")),
        "POSTGRES_USER": str(parts.get("user", "")),
        "POSTGRES_PASSWORD": str(parts.get("password") or "none"),
        "POSTGRES_SCHEMA": schema,
    }


def commands_per_second(env: dict[str, str], lines: Iterable[bytes]) -> float:
    """One caller sends these commands to a new stock application, one after the other."""
    lines = list(lines)
    with StockLedger(env=env) as stock:
        begin = perf_counter()
        for line in lines:
            stock.take(line)
        return len(lines) / (perf_counter() - begin)
