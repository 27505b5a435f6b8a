"""This file holds what one command says, stream by stream, without a look at what the ledger made of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from ledger.simulator.trouble.speech import ENDS, Command

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

FACTS = {
    "StoreBag": "bag.stored", "MoveBag": "bag.moved", "CountBag": "bag.counted", "ReportMissing": "bag.missing",
    "ReportFound": "bag.found", "RecordBreach": "bag.temperature_breached", "DistributeBag": "bag.distributed",
    "RecordArrival": "bag.arrived", "DiscardBag": "bag.discarded", "DestroyBag": "bag.destroyed",
    "SendForFractionation": "bag.sent_for_fractionation", "UseForQualityControl": "bag.used_for_quality_control",
    "ReserveBag": "bag.reserved", "CancelReservation": "bag.reservation_cancelled",
    "CrossmatchBag": "bag.crossmatched", "IssueBag": "bag.issued", "ReturnBag": "bag.returned",
    "RecordTransfusion": "bag.transfused", "InspectBag": "bag.inspected", "VerifyLabel": "bag.label_verified",
    "ReleaseBag": "bag.released", "EmergencyReleaseBag": "bag.released",
    "ReleaseAutologousBag": "bag.released", "RevokeRelease": "bag.release_revoked",
    "ModifyBag": "bag.modified", "ReceiveBag": "bag.received", "RegisterDonation": "donation.registered",
    "RecordTest": "donation.tested", "RecordGroup": "donation.grouped", "RecordSelfExclusion": "donor.self_excluded",
    "RecordPostDonationInformation": "donation.post_donation_information",
    "RecordRecipientGroup": "recipient.grouped",
}  # fmt: skip
"""What the reference of commands calls the fact each of them makes."""
ORIGINS = ("bag.collected", "bag.prepared", "bag.received", "bag.labelled")
FATES = {FACTS[name]: fate for name, fate in ENDS.items()}
FINAL = {"transfused", "discarded", "destroyed", "consumed", "out"}
PROCESSES = {"PrepareBags", "LabelBag", "MergeDonors", "MergeRecipients", "UnmergeDonors", "UnmergeRecipients"}
"""Commands whose facts on several streams fall together."""


class Heard(NamedTuple):
    """One command as it was recorded.

    Shape: `number` counts commands in the order in which they were recorded; `target` of a correction: the number of
    the command it means, and on which stream; `lifts` of a lifting: the number of the placing.
    """

    number: int
    command: Command
    recorded_at: datetime
    target: tuple[int, str] | None = None
    lifts: int | None = None


@dataclass(eq=False)
class Saying:
    """What one command says on one stream; `at` and `body` as they read now, `first` as it was said."""

    number: int
    stream: str
    fact: str
    at: datetime
    body: dict[str, Any]
    corrected: str | None = None

    def __post_init__(self) -> None:
        self.first, self.first_at = self.body, self.at

    @property
    def key(self) -> tuple[int, str, str]:
        return (self.number, self.stream, self.fact)


def business_time(command: Command) -> datetime:
    return datetime.fromisoformat(command["happened_at"]).astimezone(UTC)


def instant_of(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)


def shown(at: datetime | None) -> str | None:
    """An instant as answers show it."""
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def exact(amount: Decimal | None) -> str | None:
    """An amount as answers show it."""
    return None if amount is None else f"{amount.normalize():f}"


def bags_of(command: Command) -> list[str]:
    return [command["bag"]] if "bag" in command else list(command.get("bags", []))


def says(heard: Heard) -> Iterator[Saying]:
    """What one command says, stream by stream; corrections say nothing here."""
    command, number = heard.command, heard.number
    at, name = business_time(command), command["command"]
    body = {key: value for key, value in command.items() if key not in ("command", "happened_at")}
    if "from" in body:
        body["sent_from"] = body.pop("from")
    body.setdefault("reported", False)
    if name == "RecordTest":
        body.setdefault("final", True)
    if name in _SPECIAL:
        for stream, fact, more in _SPECIAL[name](body):
            yield Saying(number, stream, fact, at, {**body, **more})
    elif name in FACTS:
        who = [body["din"]] if "din" in body and name != "RecordSelfExclusion" else bags_of(command)
        if name == "RecordRecipientGroup":
            who = [f"patient:{body['patient']}"]
        elif name == "RecordSelfExclusion":
            who = [f"donor:{body['donor']}"]
        for stream in who:
            yield Saying(number, stream, FACTS[name], at, dict(body))


def _collects(body: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    kind = body["kind"]
    more = {"donation": body["bag"][:13], "component": body.get("component") or kind}
    yield body["bag"], "bag.collected", more
    yield body["bag"][:13], "donation.registered", {}


def _labels(body: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    if "container" in body:
        yield body["container"], "bag.consumed", {"process": "label", "children": [body["bag"]]}
    yield body["bag"], "bag.labelled", {}


def _prepares(body: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    children = [each["bag"] for each in body["outputs"]]
    for bag in body["inputs"]:
        yield bag, "bag.consumed", {"children": children}
    for each in body["outputs"]:
        yield each["bag"], "bag.prepared", {**each, "parents": body["inputs"]}


def _places(body: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    yield f"hold:{body['scope']['kind']}:{body['scope']['id']}", "hold.placed", {}


def _lifts(body: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    yield f"hold:{body['scope']['kind']}:{body['scope']['id']}", "hold.lifted", {}


def _pairs(noun: str, fact: str) -> Any:
    def say(body: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
        for one, other in ((body[noun], body["other"]), (body["other"], body[noun])):
            yield f"{noun}:{one}", fact, {"other": other}

    return say


_SPECIAL: dict[str, Any] = {
    "CollectBag": _collects,
    "LabelBag": _labels,
    "PrepareBags": _prepares,
    "PlaceHold": _places,
    "LiftHold": _lifts,
    "MergeDonors": _pairs("donor", "donor.merged"),
    "UnmergeDonors": _pairs("donor", "donor.unmerged"),
    "MergeRecipients": _pairs("patient", "recipient.merged"),
    "UnmergeRecipients": _pairs("patient", "recipient.unmerged"),
}


def lots_of(saying: Saying) -> set[tuple[str, str]]:
    return {(f"{each['kind']}_lot", each["id"]) for each in saying.body.get("lots", [])}
