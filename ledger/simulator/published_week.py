"""This file holds a real week of donations, as commands: 12 hospitals and a national centre, 1 to 8 January 2006.

Source: Ministry of Health Malaysia, data-darah-public, donations_facility.csv (rows without a donation left out):
60 rows, 3,074 donations. Groups and kinds are published as separate margins of a row; which donation had which
of both is ours, and so are RhD, volumes, test results, times of day and facility numbers.
"""

from __future__ import annotations

import csv
import random  # noqa: TID251 - seeded: the same week every time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ledger.simulator.real_label import MARKERS

WEEK = Path(__file__).parent / "published" / "week-2006-01.csv"

GROUPS = {"A": "blood_a", "B": "blood_b", "O": "blood_o", "AB": "blood_ab"}
KINDS = {
    "whole_blood": "type_wholeblood",
    "apheresis_platelets": "type_apheresis_platelet",
    "apheresis_plasma": "type_apheresis_plasma",
}
ISSUED_EVERY = 10
"""Of so many red cell bags one goes on to a patient (ours)."""

Command = dict[str, Any]


class Row(NamedTuple):
    """One published row: donations of one facility on one day, by group and by kind."""

    day: str
    hospital: str
    facility: str
    groups: dict[str, int]
    kinds: dict[str, int]


def published_rows(path: Path = WEEK) -> list[Row]:
    """The rows as published; facility numbers (ISBT 128 FIN, ours) by order of first appearance."""
    numbers: dict[str, str] = {}
    rows = []
    with path.open(encoding="utf-8", newline="") as lines:
        for record in csv.DictReader(lines):
            facility = numbers.setdefault(record["hospital"], f"M06{len(numbers) + 1:02d}")
            rows.append(
                Row(
                    record["date"],
                    record["hospital"],
                    facility,
                    {group: int(record[column]) for group, column in GROUPS.items()},
                    {kind: int(record[column]) for kind, column in KINDS.items()},
                )
            )
    return rows


def week_of_donations(seed: int = 2006) -> Iterator[Command]:
    """Every donation of the week: collected, tested, separated, labelled, released; some reach a patient."""
    chance = random.Random(seed)
    sequences: dict[str, int] = {}
    number = 0
    for row in published_rows():
        groups = [group for group, count in row.groups.items() for _ in range(count)]
        kinds = [kind for kind, count in row.kinds.items() for _ in range(count)]
        chance.shuffle(kinds)
        for index, (group, kind) in enumerate(zip(groups, kinds, strict=True)):
            sequences[row.facility] = sequences.get(row.facility, 0) + 1
            rhd = "negative" if chance.random() < 0.005 else "positive"
            donation = _Donation(row, index, f"{row.facility}06{sequences[row.facility]:06d}", group, rhd, kind)
            for command in donation.commands():
                number += 1
                yield {"request": f"week-2006-01-{number:06d}", "sender": "published-week", **command}


class _Donation(NamedTuple):
    """One donation of the week."""

    row: Row
    number: int
    din: str
    group: str
    rhd: str
    kind: str

    def _at(self, hour: int, command: str, by: str, **fields: Any) -> Command:
        minute, second = divmod(self.number * 10 % 3600, 60)
        at = f"{self.row.day}T{hour:02d}:{minute:02d}:{second:02d}+08:00"
        return {"command": command, "happened_at": at, "by": by, **fields}

    def commands(self) -> Iterator[Command]:
        """Its life up to release, and for some red cells on to a patient."""
        yield self._at(
            9, "CollectBag", "nurse", bag=f"{self.din}#1", donor=f"d-{self.din}", facility=self.row.facility,
            kind=self.kind, quantity=_collected(self.kind), session=f"{self.row.facility}-{self.row.day}",
        )  # fmt: skip
        yield from self._tested()
        labels = list(self._separated()) if self.kind == "whole_blood" else [(f"{self.din}#1", _CODES[self.kind])]
        if self.kind == "whole_blood":
            yield self._separation()
        for container, code in labels:
            yield from self._released(container, f"{self.din}={code}")
        if self.kind == "whole_blood" and int(self.din[-6:]) % ISSUED_EVERY == 0:
            yield from self._given(f"{self.din}={_CODES['red_cells']}")

    def _tested(self) -> Iterator[Command]:
        for marker in MARKERS:
            result = "acceptable" if marker == "alt" else "nonreactive"
            yield self._at(12, "RecordTest", "lab", din=self.din, marker=marker, result=result)
        yield self._at(12, "RecordGroup", "lab", din=self.din, group=self.group, rhd=self.rhd)

    def _separated(self) -> Iterator[tuple[str, str]]:
        yield (f"{self.din}#2", _CODES["red_cells"])
        yield (f"{self.din}#3", _CODES["plasma"])

    def _separation(self) -> Command:
        return self._at(
            13, "PrepareBags", "tech", process="separate", inputs=[f"{self.din}#1"],
            outputs=[
                {"bag": f"{self.din}#2", "component": "suspended_red_cells", "quantity": _quantity("2", "U")},
                {"bag": f"{self.din}#3", "component": "fresh_frozen_plasma", "quantity": _quantity("200", "mL")},
            ],
        )  # fmt: skip

    def _released(self, container: str, bag: str) -> Iterator[Command]:
        yield self._at(14, "LabelBag", "tech", container=container, bag=bag)
        yield self._at(14, "InspectBag", "tech", bag=bag)
        yield self._at(14, "VerifyLabel", "tech", bag=bag)
        yield self._at(15, "ReleaseBag", "qa", bag=bag)
        yield self._at(16, "StoreBag", "store", bag=bag, facility=self.row.facility, place="main store")

    def _given(self, bag: str) -> Iterator[Command]:
        patient = f"p-{self.din}"
        yield self._at(18, "CrossmatchBag", "bank", bag=bag, patient=patient, result="compatible")
        yield self._at(19, "IssueBag", "bank", bag=bag, to="ward", patient=patient)
        yield self._at(20, "RecordTransfusion", "ward-nurse", bag=bag, patient=patient, hospital=self.row.facility)


_CODES = {
    "red_cells": "P0056V00",
    "plasma": "P0147V00",
    "apheresis_platelets": "P0200V00",
    "apheresis_plasma": "P0201V00",
}
"""Local product codes (ours where the example catalogue lists none)."""


def _quantity(amount: str, measure: str) -> dict[str, str]:
    return {"amount": amount, "measure": measure}


def _collected(kind: str) -> dict[str, str]:
    """Volumes are ours: 400 mL of whole blood, one dose of platelets, 400 mL of plasma."""
    return {
        "whole_blood": _quantity("2", "U"),
        "apheresis_platelets": _quantity("1", "dose"),
        "apheresis_plasma": _quantity("400", "mL"),
    }[kind]
