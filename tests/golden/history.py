"""This file holds how the golden history was made: a scripted life that says everything this ledger can say.

Run by hand, once a release, never by a test: `python -m tests.golden.history`. What it writes is kept for ever, so it
refuses to write over what is there. Clock, keys and the ledger's id are fixed: one version of the code, one history.
"""

from __future__ import annotations

import json
import sys
import tempfile
from base64 import b64encode
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

from eventsourcing.persistence import StoredEvent

import schemas
from ledger.commands import COMMANDS
from ledger.commands.answer import Answer
from ledger.commands.importing import import_history
from ledger.commands.lines import lines_of
from ledger.commands.printing import instant, printed
from ledger.commands.reading import read_command
from ledger.domain import Bag, Donation
from ledger.settings import Settings
from ledger.wiring import Ledger, open_ledger

FOLDER = Path(__file__).parent / "history-v1"
LEDGER_ID = "90de" * 8
BEGINNING = datetime(2026, 7, 1, tzinfo=UTC)
"""When the first line was recorded; each commit comes a second later."""

Said = dict[str, Any]


class SteppingClock:
    """A clock that is a second on at each look."""

    def __init__(self, begins: datetime = BEGINNING) -> None:
        self._now = int(begins.timestamp() * 1_000_000)

    def now(self) -> int:
        self._now += 1_000_000
        return self._now


def key_of(key_id: str) -> bytes:
    """The golden key of a subject."""
    return sha256(f"golden history v1: {key_id}".encode()).digest()


# ── the life ──────────────────────────────────────────────────────────────────────────────────────────────

MARKERS = ("hbsag", "anti_hcv", "hiv_ag_ab", "syphilis", "alt", "nat_hbv", "nat_hcv", "nat_hiv")
RED, FFP, PLT, POOLED = (
    "leukoreduced_suspended_red_cells", "fresh_frozen_plasma", "concentrated_platelets", "pooled_platelets",
)  # fmt: skip
WB_CODE, RC_CODE, FP_CODE, PC_CODE = "E0336V00", "E5445V00", "E0701V00", "E3077V00"


def din(number: int) -> str:
    """The number-th donation of this history."""
    return f"A999926{number:06d}"


def amount(value: str, measure: str = "U") -> Said:
    return {"amount": value, "measure": measure}


def at(day: int, time: str) -> str:
    """An instant on a day of March 2026, on a Chinese clock."""
    return f"2026-03-{day:02d}T{time}:00+08:00"


def said(command: str, happened_at: str, by: str = "staff-1", **fields: Any) -> Said:
    return {"command": command, "happened_at": happened_at, "by": by, **fields}


def output(bag: str, component: str, value: str, measure: str = "U") -> Said:
    return {"bag": bag, "component": component, "quantity": amount(value, measure)}


def donated(number: int, *, bag: str | None = None, donor: str | None = None, **fields: Any) -> Said:
    """Whole blood taken from a donor on the first day."""
    collected = {"kind": "whole_blood", "quantity": amount("2"), "facility": "CENTRE-1", **fields}
    name = bag or f"{din(number)}={WB_CODE}"
    return said("CollectBag", at(1, f"08:{number:02d}"), "nurse-1", bag=name, donor=donor or f"D-{number}", **collected)


def panel(number: int, day: int = 2, **instead: str) -> Iterator[Said]:
    """Every result of a donation, and its group."""
    for minute, marker in enumerate(MARKERS):
        result = instead.get(marker, "acceptable" if marker == "alt" else "nonreactive")
        yield said(
            "RecordTest", at(day, f"09:{minute:02d}"), "lab-1", din=din(number), marker=marker, result=result,
            assay="elisa", reagent_lot="R-1", test_run="TR-1", sample=f"S-{number}",
        )  # fmt: skip
    yield said("RecordGroup", at(day, "09:30"), "lab-1", din=din(number), group="A", rhd="positive")


def checked(*bags: str, day: int = 2) -> Iterator[Said]:
    """What must be seen before a release."""
    for bag in bags:
        yield said("InspectBag", at(day, "10:00"), bag=bag, findings="clear 外观正常")
        yield said("VerifyLabel", at(day, "10:05"), bag=bag)


def subjects() -> Iterator[Said]:
    """Donors and recipients."""
    yield said("RegisterDonor", at(1, "07:00"), donor="D-1", facility="CENTRE-1", identity="Zhang San 张三, 1980")
    yield said("AssessDonor", at(1, "07:10"), donor="D-1", outcome="eligible", notes="blood pressure 120/80")
    yield said("DeferDonor", at(1, "07:20"), donor="D-90", cause="travel", until=at(30, "00:00"), reason="malaria area")
    yield said("LiftDeferral", at(2, "07:20"), donor="D-90", cause="travel", reason="entered for the wrong person")
    yield said("MergeDonors", at(2, "07:30"), donor="D-90", other="D-91")
    yield said("UnmergeDonors", at(2, "07:40"), donor="D-90", other="D-91")
    yield said("RegisterDonor", at(1, "07:45"), donor="D-92", identity="Li Si")
    yield said(
        "Amend", at(2, "07:50"), stream="donor:D-92", version=1, changes={"facility": "CENTRE-2"}, reason="told later"
    )
    yield said("Annul", at(2, "07:55"), stream="donor:D-92", version=2, reason="it was CENTRE-1 after all")
    yield said(
        "Amend",
        at(2, "07:57"),
        stream="donor:D-92",
        version=1,
        changes={"identity": "Li Si 李四"},
        reason="misspelt name",
    )
    yield said("RecordRecipientSample", at(2, "08:00"), patient="P-1", sample="PS-1", hospital="HOSPITAL-1")
    yield said("RecordRecipientGroup", at(2, "08:05"), patient="P-1", group="A", rhd="positive", sample="PS-1")
    yield said("MergeRecipients", at(2, "08:10"), patient="P-1", other="P-1B")
    yield said("UnmergeRecipients", at(2, "08:15"), patient="P-1", other="P-1B")
    yield said("RecordRecipientGroup", at(2, "08:20"), patient="P-90", group="B", rhd="weak")
    yield said("Amend", at(2, "08:25"), stream="patient:P-90", version=1, changes={"group": "AB"}, reason="misread")
    yield said("Annul", at(2, "08:30"), stream="patient:P-90", version=1, reason="sample of another patient")


RED_1, PLASMA_1, PLATELETS_1 = f"{din(1)}={RC_CODE}", f"{din(1)}={FP_CODE}", f"{din(1)}={PC_CODE}"


def vein_to_vein() -> Iterator[Said]:
    """One donation in containers, separated, labelled, and its red cells given."""
    whole, red = f"{din(1)}#1", f"{din(1)}#2"
    yield said("RegisterDonation", at(1, "08:00"), din=din(1), donor="D-1", facility="CENTRE-1", kind="whole_blood")
    yield donated(
        1, bag=whole, volume_ml="400", anticoagulant="CPDA-1", lots=[{"kind": "container", "id": "C-1"}],
        devices=["MIXER-1"], group="A", rhd="positive", session="VAN-1", started_at=at(1, "07:55"),
        ended_at=at(1, "08:01"), collector="nurse-1",
    )  # fmt: skip
    yield said("RecordSample", at(1, "08:05"), din=din(1), sample="S-1")
    yield said(
        "PrepareBags", at(1, "12:00"), "tech-1", process="separate", inputs=[whole],
        outputs=[output(red, RED, "2"), output(PLASMA_1, FFP, "200", "mL"), output(PLATELETS_1, PLT, "1")],
        process_run="RUN-1", lots=[{"kind": "filter", "id": "F-1"}, {"kind": "additive", "id": "AD-1"}],
        devices=["CENTRIFUGE-1"], operator="tech-1", solution="MAP", additive_ml="100", facility="CENTRE-1",
    )  # fmt: skip
    yield from panel(1)
    yield said(
        "LabelBag", at(2, "09:40"), "tech-1", container=red, bag=RED_1, group="A", rhd="positive",
        expires_at=at(30, "23:59"),
    )  # fmt: skip
    yield from checked(RED_1, PLASMA_1, PLATELETS_1)
    yield said("ReleaseBag", at(2, "10:30"), "qa-1", bags=[RED_1, PLASMA_1, PLATELETS_1], reason="all in order")
    yield said("StoreBag", at(2, "10:40"), bags=[RED_1, PLASMA_1], facility="CENTRE-1", place="cold room 1")
    yield said("MoveBag", at(2, "10:50"), bag=RED_1, facility="CENTRE-1", place="cold room 2")
    yield said("CountBag", at(2, "18:00"), bag=RED_1, facility="CENTRE-1", place="cold room 2", stocktake="ST-1")
    yield said("ReportMissing", at(2, "18:10"), bag=PLASMA_1, facility="CENTRE-1")
    yield said("ReportFound", at(2, "18:20"), bag=PLASMA_1, facility="CENTRE-1", place="freezer 1")
    yield said("DistributeBag", at(3, "08:00"), bag=RED_1, to="HOSPITAL-1", shipment="SH-1")
    yield said("RecordArrival", at(3, "09:00"), bag=RED_1, at="HOSPITAL-1", place="fridge 1")
    yield said(
        "CrossmatchBag", at(3, "10:00"), bag=RED_1, patient="P-1", result="compatible", sample="PS-1", method="gel",
        valid_until=at(6, "10:00"),
    )  # fmt: skip
    yield said("ReserveBag", at(3, "10:10"), bag=RED_1, patient="P-1", until=at(5, "10:00"))
    yield said("CancelReservation", at(3, "10:20"), bag=RED_1, patient="P-1", reason="operation postponed")
    yield said("IssueBag", at(3, "11:00"), bag=RED_1, to="WARD-1", patient="P-1", authoriser="dr-1", reason="bleeding")
    yield said(
        "RecordTransfusion", at(3, "12:00"), "nurse-2", bag=RED_1, patient="P-1", hospital="HOSPITAL-1",
        quantity=amount("2"), started_at=at(3, "11:30"), ended_at=at(3, "12:00"), checkers=["nurse-2", "nurse-3"],
        place="WARD-1",
    )  # fmt: skip
    yield said(
        "RecordReaction", at(3, "13:00"), patient="P-1", bags=[RED_1], kind="fever", severity="grade_1",
        details="38.5 degrees, gone after two hours",
    )  # fmt: skip


POOL = f"B888826000001={PC_CODE}"
ALIQUOTS = ("B888826000001=E3077VA0", "B888826000001=E3077VB0")


def a_pool_with_one_late_reactive() -> Iterator[Said]:
    """Five donations pooled and split; one aliquot is given before the last result comes: it is reactive."""
    members = [f"{din(number)}={PC_CODE}" for number in range(2, 7)]
    for number, member in enumerate(members, start=2):
        yield donated(number, group="A", rhd="positive")
        yield said(
            "PrepareBags", at(1, "12:00"), "tech-1", process="separate", inputs=[f"{din(number)}={WB_CODE}"],
            outputs=[output(member, PLT, "1"), output(f"{din(number)}={RC_CODE}", RED, "2")],
        )  # fmt: skip
        if number < 6:
            yield from panel(number)
    yield said(
        "PrepareBags", at(2, "14:00"), "tech-1", process="pool", inputs=members, facility="CENTRE-1",
        outputs=[output(POOL, POOLED, "5")],
    )  # fmt: skip
    yield said(
        "PrepareBags", at(2, "15:00"), "tech-1", process="split", inputs=[POOL],
        outputs=[output(bag, POOLED, "2.5") for bag in ALIQUOTS],
    )  # fmt: skip
    yield said("EmergencyReleaseBag", at(2, "15:10"), "qa-1", bags=list(ALIQUOTS), authoriser="dr-1", reason="no other")
    yield said("DistributeBag", at(2, "16:00"), bags=list(ALIQUOTS), to="HOSPITAL-1")
    yield said("RecordArrival", at(2, "17:00"), bags=list(ALIQUOTS), at="HOSPITAL-1")
    yield said("IssueBag", at(2, "17:30"), bag=ALIQUOTS[0], to="WARD-2", patient="P-2")
    yield said("RecordTransfusion", at(2, "18:00"), bag=ALIQUOTS[0], patient="P-2", hospital="HOSPITAL-1")
    yield from panel(6, day=3, nat_hiv="reactive")
    yield said("CloseNotice", at(4, "08:00"), bag=ALIQUOTS[1], notice=NOTICE, reason="the ward was told by telephone")
    yield said("CloseNotice", at(4, "08:05"), bag=ALIQUOTS[0], notice=ALERT, reason="the patient was told")


NOTICE = f"hold:donation:{din(6)}@1>consignee:HOSPITAL-1"
ALERT = f"hold:donation:{din(6)}@1>recipient:P-2"


def holds_and_checks() -> Iterator[Said]:
    """Holds by scope, before and after; checks that fail; nonconformities by hand."""
    scope = {"kind": "container_lot", "id": "C-7"}
    since: Said = {"from": at(1, "00:00")}
    yield said("PlaceHold", at(1, "06:00"), cause="lot_recall", scope=scope, reason="the maker recalls", **since)
    yield donated(7, lots=[{"kind": "container", "id": "C-7"}])
    bag = f"{din(7)}={WB_CODE}"
    for day in (2, 3):
        yield said("PlaceHold", at(day, "06:00"), cause="look_back", scope={"kind": "bag", "id": bag}, reason="asked")
    yield said("LiftHold", at(4, "06:00"), cause="look_back", scope={"kind": "bag", "id": bag}, reason="answered")
    stream = "hold:container_lot:C-7"
    yield said(
        "Amend", at(4, "06:10"), stream=stream, version=1, changes={"cause": "lot_recall_2"}, reason="typing error"
    )
    yield said("Annul", at(4, "06:20"), stream=stream, version=2, reason="it was right")
    yield said("LiftHold", at(4, "06:30"), cause="lot_recall", scope=scope, reason="the maker tested the lot")
    yield said("PlaceHold", at(4, "06:35"), cause="look_back", scope={"kind": "donation", "id": din(7)}, reason="asked")
    yield said("SampleQuality", at(2, "11:00"), bag=bag, sample="Q-1")
    yield said("RecordQualityTest", at(4, "11:00"), bag=bag, test="culture", result="negative", sample="Q-1")
    yield said("RaiseNonconformity", at(4, "12:00"), bag=bag, code="label_smudged", detail="left corner")
    yield said(
        "WithdrawNonconformity", at(4, "13:00"), bag=bag, nonconformity="{said}", reason="it can be read with a lens"
    )  # fmt: skip


def results_out_of_order() -> Iterator[Said]:
    """Results before the registration; a group disputed and corrected; information after the donation."""
    yield from panel(8)
    yield donated(8)
    bag = f"{din(8)}={WB_CODE}"
    yield said("RecordGroup", at(3, "09:00"), din=din(8), group="B", rhd="positive", sample="S-8")
    yield said("Amend", at(3, "10:00"), stream=din(8), fact="donation.grouped", version=None, changes={"group": "A"},
               match={"group": "B"}, reason="tubes were swapped", reported=True)  # fmt: skip
    yield said("RecordPostDonationInformation", at(4, "09:00"), din=din(8), kind="fever", details="fever the day after")
    yield said("RecordSample", at(4, "09:10"), din=din(8), sample="S-8-WRONG")
    yield said("Annul", at(4, "09:20"), stream=din(8), fact="donation.sample_taken", match={"sample": "S-8-WRONG"},
               reason="no such sample", reported=True)  # fmt: skip
    yield said("RecordSelfExclusion", at(4, "09:30"), donor="D-8", din=din(8))
    yield said("RequestDiscard", at(5, "08:00"), bag=bag, reason="donor asked not to use it")
    yield said("DiscardBag", at(5, "09:00"), bag=bag, reason="donor asked not to use it", approved_by="qa-2")
    yield said("DestroyBag", at(5, "10:00"), bag=bag, method="incinerated")


RECEIVED, RELABELLED = "C777726000001=E5445V00", f"{din(30)}={RC_CODE}"


def in_and_out() -> Iterator[Said]:
    """Received, relabelled, sent out, returned on both legs, modified on the ward."""
    yield said(
        "ReceiveBag", at(2, "08:00"), bag=RECEIVED, facility="CENTRE-1", sender_bag="OLD-1", released_by="qa-9",
        released_at=at(1, "20:00"), collected_at=at(1, "07:00"), component=RED, quantity=amount("1.5"), group="O",
        rhd="negative", expires_at=at(29, "10:15"), **{"from": "CENTRE-9"},
    )  # fmt: skip
    yield said(
        "PrepareBags", at(3, "08:00"), process="relabel", inputs=[RECEIVED], outputs=[output(RELABELLED, RED, "1.5")]
    )  # fmt: skip
    yield from checked(RELABELLED, day=3)
    yield said("ReleaseBag", at(3, "11:00"), "qa-1", bag=RELABELLED)
    yield said("DistributeBag", at(4, "08:00"), bag=RELABELLED, to="HOSPITAL-2")
    yield said("RecordArrival", at(4, "09:00"), bag=RELABELLED, at="HOSPITAL-2")
    back: Said = {"from": "HOSPITAL-2"}
    yield said("ReturnBag", at(5, "08:00"), bag=RELABELLED, leg="hospital_to_centre", reason="not needed", **back)
    plasma = f"{din(9)}={FP_CODE}"
    yield donated(9)
    yield said(
        "PrepareBags", at(1, "12:00"), process="separate", inputs=[f"{din(9)}={WB_CODE}"],
        outputs=[output(plasma, FFP, "200", "mL"), output(f"{din(9)}={RC_CODE}", RED, "2")],
    )  # fmt: skip
    yield from panel(9)
    yield from checked(plasma)
    yield said("ReleaseBag", at(2, "11:00"), "qa-1", bag=plasma)
    yield said("ModifyBag", at(6, "08:00"), bag=plasma, method="thaw", expires_at=at(7, "07:00"))
    yield said("IssueBag", at(6, "08:30"), bag=plasma, to="WARD-3", patient="P-3")
    yield said("ReturnBag", at(6, "09:00"), bag=plasma, leg="ward_to_bank", reason="patient died", **{"from": "WARD-3"})
    # Given without a word about an issue; then the transfusion of the day before turns out to be another bag's.
    yield said("RecordTransfusion", at(6, "10:00"), bag=f"{din(40)}={RC_CODE}", patient="P-4", hospital="HOSPITAL-2")
    yield said("RecordTransfusion", at(6, "11:00"), bag=f"{din(41)}={RC_CODE}", patient="P-4", hospital="HOSPITAL-2")
    for version in (2, 3):
        changes = {"hospital": "HOSPITAL-1"} if version == 2 else {"patient": "P-5"}
        yield said("Amend", at(7, f"0{version}:00"), stream=f"{din(40)}={RC_CODE}", fact="bag.transfused",
                   match={"patient": "P-4"}, changes=changes, reason="read wrong", reported=True)  # fmt: skip
    yield said("Annul", at(7, "09:00"), stream=f"{din(41)}={RC_CODE}", fact="bag.transfused", match={"patient": "P-4"},
               reason="wrong bag scanned", reported=True)  # fmt: skip


def other_ends() -> Iterator[Said]:
    """An autologous bag, a release taken back, and the other ways in which a bag ends."""
    own = f"{din(10)}={WB_CODE}"
    yield donated(10, donor="D-10", purpose="autologous", intended_for="P-10")
    yield from checked(own)
    yield said("ReleaseAutologousBag", at(2, "11:00"), "qa-1", bag=own, patient="P-10", reason="operation on the 9th")
    yield said("RevokeRelease", at(2, "12:00"), "qa-1", bag=own, reason="operation called off")
    yield said("UseForQualityControl", at(3, "08:00"), bag=own, sample="Q-2")
    plasma = f"{din(5)}={RC_CODE}"
    yield said("SendForFractionation", at(3, "08:30"), bag=plasma, to="FACTORY-1", batch="FB-1")
    doses = [f"{din(11)}=E3000V{division}0" for division in "AB"]
    for dose in doses:
        yield said(
            "CollectBag", at(1, "15:00"), "nurse-1", bag=dose, donor="D-11", facility="CENTRE-1",
            kind="apheresis_platelets", quantity=amount("1", "dose"), devices=["APHERESIS-1"],
        )  # fmt: skip
    yield said("RecordBreach", at(2, "08:00"), bag=doses[0], celsius_min="17.5", celsius_max="26", minutes="12.5",
               device="LOGGER-1")  # fmt: skip


OLD_BREACH = "bag.temperature_breached.v1"
BREACHED = f"{din(4)}={RC_CODE}"


def old_breach(version: int) -> Said:
    """A line as the first release of that fact wrote it; no command of today writes it."""
    happened_at = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
    occasion: Said = {
        "sender": "old-logger", "request": "breach-1", "request_sha256": sha256(b"golden breach").digest(),
        "business_key": sha256(b"golden breach, observed").digest(), "by": "tech-9", "reported": False,
        "offset_minutes": 480, "zone_from": "given", "received_at": None,
    }  # fmt: skip
    body = {
        "happened_at": happened_at,
        "occasion": occasion,
        "caused_by": None,
        "celsius": Decimal("11.5"),
        "minutes": 45,
    }
    data = b64encode(schemas.encode(OLD_BREACH, body)).decode()
    return {
        "stream": BREACHED,
        "version": version,
        "name": OLD_BREACH,
        "happened_at": instant(happened_at),
        "bytes": data,
    }


def after_the_old_breach() -> Iterator[Said]:
    """What the ledger of today says about it."""
    yield said("StoreBag", at(8, "08:00"), bag=BREACHED, facility="CENTRE-1", place="cold room 1")


def before_the_old_breach() -> Iterator[Said]:
    for chapter in (
        subjects, vein_to_vein, a_pool_with_one_late_reactive, holds_and_checks, results_out_of_order, in_and_out,
        other_ends,
    ):  # fmt: skip
        yield from chapter()


# ── from the life to the files ────────────────────────────────────────────────────────────────────────────


def opened(folder: Path, name: str, begins: datetime = BEGINNING) -> Ledger:
    """A ledger in a folder; all of one folder share their keys."""
    path = str(folder / name)
    settings = Settings(ledger=path, views=f"{path}.views", keys=str(folder / "keys"))
    return open_ledger(settings, clock=SteppingClock(begins), make_key=key_of, ledger_id=LEDGER_ID)


def tell(ledger: Ledger, commands: Iterable[Said], sender: str) -> None:
    """Record commands one by one; none may be refused. `{said}` stands for the last nonconformity raised."""
    raised = ""
    for number, command in enumerate(commands, start=1):
        line = json.dumps({"request": f"golden-{number:03d}", "sender": sender, **command}).replace("{said}", raised)
        answer: Answer = ledger.committer.commit([read_command(line.encode())])[0]
        if answer.outcome != "recorded":
            raise SystemExit(f"{answer.outcome}: {answer.problem or answer.fault}\n{line}")
        if command["command"] == "RaiseNonconformity":
            raised = f"said:{command['code']}@{answer.facts[0].version}"


def exported(ledger: Ledger) -> list[Said]:
    """The history in the form that `facts` prints."""
    return [printed(row, ledger.store.ledger_id(), ledger.mapper) for row in ledger.store.rows(0, 1_000_000)]


def carry_over(lines: list[Said], into: Ledger) -> None:
    """Import lines into another ledger."""
    source = BytesIO("".join(json.dumps(line) + "\n" for line in lines).encode())
    import_history(into.bulk, into.mapper, into.clock, lines_of(source))


def made(folder: Path) -> dict[str, str]:
    """The files of the golden history, by name."""
    with opened(folder, "first") as first:
        tell(first, before_the_old_breach(), "golden-1")
        lines = exported(first)
    version = sum(line["stream"] == BREACHED for line in lines) + 1
    recorded_at = {"recorded_at": instant(BEGINNING + timedelta(days=1))}
    with opened(folder, "second", BEGINNING + timedelta(days=2)) as second:
        carry_over([*lines, old_breach(version) | recorded_at], second)
        tell(second, after_the_old_breach(), "golden-2")
        return files_of(second)


def files_of(ledger: Ledger) -> dict[str, str]:
    lines = exported(ledger)
    sealed = sorted({key for line in lines for key in _key_ids(line["fact"])})
    head = ledger.store.head()
    return {
        "facts.jsonl": "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines),
        "keys.json": _pretty({key_id: key_of(key_id).hex() for key_id in sealed}),
        "texts.json": _pretty(texts_of(ledger)),
        "root.json": _pretty(
            {"ledger": LEDGER_ID, "size": head.size, "position": head.position, "root": head.root.hex()}
        ),
        "states.json": _pretty(states_of(ledger)),
    }


def _key_ids(value: Any) -> Iterator[str]:
    """The keys of every sealed text in what a fact says."""
    if isinstance(value, dict):
        if "key_id" in value:
            yield value["key_id"]
        for each in value.values():
            yield from _key_ids(each)
    elif isinstance(value, list):
        for each in value:
            yield from _key_ids(each)


def texts_of(ledger: Ledger) -> Said:
    """What every sealed text says, by fact, with the keys that are there."""
    found: Said = {}
    for row in ledger.store.rows(0, 1_000_000):
        said_there = printed(row, ledger.store.ledger_id(), ledger.mapper, ledger.mapper.open_sealed)["fact"]
        if texts := list(_texts(said_there)):
            found[f"{row.stream}@{row.version}"] = texts
    return found


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict) and "key_id" in value:
        yield value["text"]
    elif isinstance(value, (dict, list)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


# ── what it comes to ───────────────────────────────────────────────────────────────────────────────────────


def replayed(ledger: Ledger) -> dict[str, Any]:
    """Every aggregate, by stream, as its stored facts make it."""
    found: dict[str, Any] = {}
    for row in ledger.store.rows(0, 1_000_000):
        fact: Any = ledger.mapper.to_domain_event(StoredEvent(row.stream, row.version, row.name, row.state))
        found[row.stream] = fact.mutate(found.get(row.stream))
    return found


def states_of(ledger: Ledger) -> Said:
    """What each bag and each donation comes to."""
    aggregates = replayed(ledger)
    return {
        "bags": {name: bag_state(each) for name, each in aggregates.items() if isinstance(each, Bag)},
        "donations": {name: donation_state(each) for name, each in aggregates.items() if isinstance(each, Donation)},
    }


def bag_state(bag: Bag) -> Said:
    expires_at, quantity = bag.expires_at, bag.quantity
    return {
        "status": bag.status,
        "fate": bag.fate,
        "component": bag.component,
        "quantity": None if quantity is None else f"{quantity.amount:f} {quantity.measure}",
        "expires_at": None if expires_at is None else instant(expires_at),
        "holds": sorted(bag.holds[hold].cause for hold in bag.open_holds),
        "nonconformities": sorted(raised.code for raised in bag.open_nonconformities.values()),
        "parents": dict(sorted(bag.parents.items())),
        "children": dict(sorted(bag.children.items())),
    }


def donation_state(donation: Donation) -> Said:
    concluded = donation.concluded
    return {"conclusion": None if concluded is None else concluded.outcome}


def check_everything_is_said(files: dict[str, str]) -> None:
    """Every command is used and every wire name appears."""
    told = {each["command"] for chapter in (before_the_old_breach, after_the_old_breach) for each in chapter()}
    names = {json.loads(line)["name"] for line in files["facts.jsonl"].splitlines()}
    if left := sorted({*COMMANDS} - told) + sorted({*schemas.wire_names()} - names):
        raise SystemExit(f"not in the history: {', '.join(left)}")


def main() -> None:
    if FOLDER.exists():
        raise SystemExit(f"{FOLDER} is there already; a golden history is never written over")
    with tempfile.TemporaryDirectory() as folder:
        files = made(Path(folder))
    check_everything_is_said(files)
    FOLDER.mkdir()
    for name, text in files.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    print(f"{FOLDER}: {len(files['facts.jsonl'].splitlines())} facts", file=sys.stderr)


if __name__ == "__main__":
    main()
