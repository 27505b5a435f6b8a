"""This file holds the life of one real bag: a label seen in China, transfused a month after it had expired.

Source: a photograph of a label in a public report: `=410301602203855`, `=<E5445000`, `=%6200`, expiry
201604220950, 2 U leukoreduced suspended red cells, transfused 2016-05-22 09:00. Donor, patient, times and places
beside those are ours.
"""

from collections.abc import Iterator
from typing import Any

DIN = "4103016022038"
SCANS = ("=410301602203855", "=<E5445000", "=%6200")
LABEL_EXPIRY = "201604220950"
BAG = f"{DIN}=E5445000"
WHOLE_BLOOD, RED_CELLS = f"{DIN}#1", f"{DIN}#2"
MARKERS = ("hbsag", "anti_hcv", "hiv_ag_ab", "syphilis", "alt", "nat_hbv", "nat_hcv", "nat_hiv")

Command = dict[str, Any]


def units(amount: str) -> dict[str, str]:
    """An amount in U (1 U = 200 mL of blood collected)."""
    return {"amount": amount, "measure": "U"}


def _at(day: str, time: str, command: str, by: str, **fields: Any) -> Command:
    return {
        "command": command,
        "happened_at": f"2016-{day}T{time}:00+08:00",
        "by": by,
        "sender": "real-label",
        **fields,
    }


def _centre() -> Iterator[Command]:
    yield _at(
        "03-18", "09:50", "CollectBag", "nurse-01", bag=WHOLE_BLOOD, donor="d-label-1", facility="41030",
        kind="whole_blood", quantity=units("2"), anticoagulant="CPDA-1",
    )  # fmt: skip
    yield _at(
        "03-18", "14:10", "PrepareBags", "tech-02", process="leukoreduce", inputs=[WHOLE_BLOOD],
        outputs=[{"bag": RED_CELLS, "component": "leukoreduced_suspended_red_cells", "quantity": units("2")}],
        lots=[{"kind": "filter", "id": "F-2016-031"}], solution="MAP",
    )  # fmt: skip
    for minute, marker in enumerate(MARKERS):
        result = "acceptable" if marker == "alt" else "nonreactive"
        yield _at("03-19", f"10:{minute:02d}", "RecordTest", "lab-03", din=DIN, marker=marker, result=result)
    yield _at("03-19", "10:30", "RecordGroup", "lab-03", din=DIN, group="A", rhd="positive")
    yield _at(
        "03-19", "11:00", "LabelBag", "tech-04", container=RED_CELLS, bag=BAG, group="A", rhd="positive",
        expires_at="2016-04-22T09:50:00+08:00",
    )  # fmt: skip
    yield _at("03-19", "11:05", "InspectBag", "tech-04", bag=BAG)
    yield _at("03-19", "11:06", "VerifyLabel", "tech-04", bag=BAG)
    yield _at("03-19", "11:10", "ReleaseBag", "qa-05", bag=BAG)
    yield _at("03-19", "11:20", "StoreBag", "store-06", bag=BAG, facility="41030", place="cold room 1")


def _hospital() -> Iterator[Command]:
    yield _at("04-18", "08:00", "DistributeBag", "store-06", bag=BAG, to="hospital-A")
    yield _at("04-18", "09:15", "RecordArrival", "bank-07", bag=BAG, at="hospital-A", place="fridge 2")
    yield _at("04-21", "15:00", "CrossmatchBag", "bank-07", bag=BAG, patient="p-label-1", result="compatible")
    yield _at("04-21", "16:00", "IssueBag", "bank-07", bag=BAG, to="ward-9", patient="p-label-1")
    yield _at(
        "05-22", "09:00", "RecordTransfusion", "nurse-08", bag=BAG, patient="p-label-1", hospital="hospital-A",
        quantity=units("2"), checkers=["nurse-08", "nurse-09"], place="ward-9",
    )  # fmt: skip


def life_of_the_label() -> Iterator[Command]:
    """Its commands in order: the last is the transfusion, a month past the expiry printed on the label."""
    for number, command in enumerate((*_centre(), *_hospital()), start=1):
        yield {"request": f"label-{number:02d}", **command}
