"""This file holds how things are said to the ledger in this world, and words that commands use."""

from typing import Any

Command = dict[str, Any]

MARKERS = ["hbsag", "anti_hcv", "hiv_ag_ab", "syphilis", "alt", "nat_hbv", "nat_hcv", "nat_hiv"]
GOOD = {"nonreactive", "acceptable"}
ENDS = {
    "RecordTransfusion": "transfused",
    "DiscardBag": "discarded",
    "DestroyBag": "destroyed",
    "SendForFractionation": "sent_for_fractionation",
    "UseForQualityControl": "used_for_quality_control",
}
"""Which command ends a bag, and how."""


def din(number: int) -> str:
    """The number of a donation."""
    return f"A999926{number:06d}"


def amount(value: str, measure: str = "U") -> dict[str, str]:
    """A quantity."""
    return {"amount": value, "measure": measure}


def made(bag: str, component: str, value: str, measure: str = "U") -> dict[str, Any]:
    """One output of a process."""
    return {"bag": bag, "component": component, "quantity": amount(value, measure)}
