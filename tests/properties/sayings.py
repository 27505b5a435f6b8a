"""This file holds what can be said to the ledger in the property tests: a small world of bags, every command on it."""

from collections.abc import Callable, Sequence
from typing import Any

from ledger.simulator.trouble.speech import MARKERS, Command, amount, din, made

__all__ = ["MARKERS", "Command", "Pick", "amount", "din", "made"]

Pick = Callable[[Sequence[Any]], Any]


WHOLE = ["A999926000001=E0336V00", "A999926000002=E0336V00", "A999926000003=E0336V00"]
RED = [f"{din(n)}=E5445V00" for n in (1, 2, 3)]
PLASMA = [f"{din(n)}=E0701V00" for n in (1, 2, 3)]
PLATELETS = [f"{din(n)}=E2807V00" for n in (1, 2, 3)]
HALVES = [f"{din(1)}=E5445VA0", f"{din(1)}=E5445VB0"]
QUARTERS = [f"{din(1)}=E5445VAa", f"{din(1)}=E5445VAb"]
WASHED = f"{din(2)}=E4532V00"
POOL = f"{din(9)}=E3088V00"
ALIQUOTS = [f"{din(9)}=E3088VA0", f"{din(9)}=E3088VB0"]
RENAMED = f"{din(8)}=E5445V00"
CONTAINER = f"{din(3)}#1"
BAGS = [*WHOLE, *RED, *PLASMA, *PLATELETS, *HALVES, *QUARTERS, WASHED, POOL, *ALIQUOTS, RENAMED, CONTAINER]
DINS = [din(1), din(2), din(3), din(9)]
PATIENTS = ["p1", "p2"]

RED_CELLS, PLASMA_OF = "leukoreduced_suspended_red_cells", "fresh_frozen_plasma"


def separation(n: int) -> Command:
    outputs = [
        made(RED[n], RED_CELLS, "2"),
        made(PLASMA[n], PLASMA_OF, "200", "mL"),
        made(PLATELETS[n], "concentrated_platelets", "2"),
    ]
    return {"command": "PrepareBags", "process": "separate", "inputs": [WHOLE[n]], "outputs": outputs}


PROCESSES: list[Command] = [
    *(separation(n) for n in range(3)),
    {
        "command": "PrepareBags",
        "process": "split",
        "inputs": [RED[0]],
        "outputs": [made(bag, RED_CELLS, "1") for bag in HALVES],
    },
    {
        "command": "PrepareBags",
        "process": "split",
        "inputs": [HALVES[0]],
        "outputs": [made(bag, RED_CELLS, "0.5") for bag in QUARTERS],
    },
    {
        "command": "PrepareBags",
        "process": "wash",
        "inputs": [RED[1]],
        "outputs": [made(WASHED, "washed_red_cells", "1.5")],
        "operator": "op1",
    },
    {
        "command": "PrepareBags",
        "process": "pool",
        "inputs": PLATELETS,
        "outputs": [made(POOL, "pooled_platelets", "6")],
        "process_run": "run1",
        "devices": ["dev1"],
    },
    {
        "command": "PrepareBags",
        "process": "split",
        "inputs": [POOL],
        "outputs": [made(bag, "pooled_platelets", "3") for bag in ALIQUOTS],
    },
    {
        "command": "PrepareBags",
        "process": "relabel",
        "inputs": [RED[2]],
        "outputs": [made(RENAMED, RED_CELLS, "2")],
    },
]


def collection(n: int, **more: Any) -> Command:
    lots = [{"kind": "container", "id": f"lot{n % 2}"}]
    return {
        "command": "CollectBag",
        "bag": WHOLE[n],
        "donor": f"d{n}",
        "facility": "C1",
        "kind": "whole_blood",
        "quantity": amount("2"),
        "lots": lots,
        **more,
    }


SCOPES = [
    *({"kind": "bag", "id": bag} for bag in (WHOLE[0], RED[0], POOL, PLATELETS[1])),
    *({"kind": "donation", "id": each} for each in DINS),
    {"kind": "donor", "id": "d0"},
    {"kind": "donor", "id": "d1"},
    {"kind": "container_lot", "id": "lot0"},
    {"kind": "device", "id": "dev1"},
    {"kind": "operator", "id": "op1"},
    {"kind": "process_run", "id": "run1"},
    {"kind": "test_run", "id": "nat7"},
    {"kind": "reagent_lot", "id": "rg1"},
]


def origins(pick: Pick) -> Command:
    n = pick([0, 1, 2])
    return pick([collection(n), collection(n), pick(PROCESSES), pick(PROCESSES), pick(PROCESSES)])


def labelling(pick: Pick) -> Command:
    return {"command": "LabelBag", "container": CONTAINER, "bag": WHOLE[2], "component": "whole_blood"}


def results(pick: Pick) -> Command:
    return {
        "command": "RecordTest",
        "din": pick(DINS),
        "marker": pick(["hbsag", "alt", "nat_hiv"]),
        "result": pick(["nonreactive", "reactive", "indeterminate", "acceptable", "unacceptable"]),
        "stage": pick(["initial", "repeat", "confirmatory"]),
        "final": pick([True, True, False]),
        **pick([{}, {"test_run": "nat7"}, {"reagent_lot": "rg1"}]),
    }


def grouping(pick: Pick) -> Command:
    return {
        "command": "RecordGroup",
        "din": pick(DINS),
        "group": pick(["A", "A", "O"]),
        "rhd": pick(["positive", "positive", "negative"]),
    }


def information(pick: Pick) -> Command:
    return pick(
        [
            {"command": "RecordPostDonationInformation", "din": pick(DINS), "kind": "fever"},
            {"command": "RecordSelfExclusion", "donor": pick(["d0", "d1"]), "din": pick(DINS[:3])},
            {"command": "RecordSelfExclusion", "donor": pick(["d0", "d1"])},
            {"command": "RecordQualityTest", "bag": pick(BAGS), "test": "culture", "result": "positive"},
            {"command": "MergeDonors", "donor": "d0", "other": "d1"},
        ]
    )


def checks(pick: Pick) -> Command:
    return {
        "command": pick(["InspectBag", "VerifyLabel"]),
        "bag": pick(BAGS),
        **pick([{}, {}, {"passed": False}]),
    }


def holding(pick: Pick) -> Command:
    return {"command": "PlaceHold", "cause": pick(["recall", "doubt"]), "scope": pick(SCOPES), "reason": "x"}


def lifting(pick: Pick) -> Command:
    return holding(pick) | {"command": "LiftHold"}


def places(pick: Pick) -> Command:
    bag, facility = pick(BAGS), pick(["C1", "H1", "H2"])
    return pick(
        [
            {"command": "StoreBag", "bag": bag, "facility": facility, "place": "fridge"},
            {"command": "MoveBag", "bag": bag, "place": pick(["shelf 1", "shelf 2"])},
            {"command": "ReportMissing", "bag": bag, "facility": facility},
            {"command": "ReportFound", "bag": bag, "facility": facility},
            {"command": "RecordArrival", "bag": bag, "at": facility},
            {"command": "RecordBreach", "bag": bag, "celsius": pick(["30", "4"]), "minutes": "20"},
        ]
    )


def releases(pick: Pick) -> Command:
    bag = pick(BAGS)
    return pick(
        [
            {"command": "ReleaseBag", "bag": bag},
            {"command": "ReleaseBag", "bag": bag},
            {"command": "EmergencyReleaseBag", "bag": bag, "authoriser": "boss", "reason": "x"},
            {"command": "RevokeRelease", "bag": bag, "reason": "x"},
        ]
    )


def movements(pick: Pick) -> Command:
    bag, patient = pick(BAGS), pick(PATIENTS)
    return pick(
        [
            {"command": "DistributeBag", "bag": bag, "to": pick(["H1", "H2"])},
            {"command": "ReserveBag", "bag": bag, "patient": patient},
            {"command": "CancelReservation", "bag": bag},
            {"command": "IssueBag", "bag": bag, "to": "ward", "patient": patient},
            {"command": "IssueBag", "bag": bag, "to": "ward", "patient": patient},
            {"command": "DiscardBag", "bag": bag, "reason": "x", "approved_by": "boss"},
            {"command": "ModifyBag", "bag": bag, "method": "warm"},
        ]
    )


def endings(pick: Pick) -> Command:
    bag, patient, match = pick(BAGS), pick(PATIENTS), pick(["compatible", "incompatible"])
    return pick(
        [
            {"command": "RecordTransfusion", "bag": bag, "patient": patient, "hospital": "H1"},
            {"command": "RecordTransfusion", "bag": bag, "patient": patient, "hospital": "H1"},
            {"command": "CrossmatchBag", "bag": bag, "patient": patient, "result": match},
            {"command": "ReturnBag", "bag": bag, "from": "ward", "leg": pick(["ward_to_bank", "hospital_to_centre"])},
            {"command": "RecordReaction", "bags": [bag], "patient": patient, "kind": "fever"},
            {"command": "DestroyBag", "bag": bag},
            {"command": "SendForFractionation", "bag": bag, "to": "plant"},
            {"command": "UseForQualityControl", "bag": bag},
            {"command": "ReceiveBag", "bag": bag, "from": "C9", "facility": "C1", "released_by": "qa9",
             "component": RED_CELLS, "quantity": amount("2")},
        ]
    )  # fmt: skip


DECISIONS = {
    "PrepareBags", "ReleaseBag", "EmergencyReleaseBag", "ReleaseAutologousBag", "RevokeRelease", "LiftHold",
    "ReserveBag", "CancelReservation", "DistributeBag", "IssueBag", "DiscardBag", "ModifyBag", "Amend", "Annul",
}  # fmt: skip


def reported(command: Command) -> Command:
    """The report of a decision made elsewhere; an observation as it is."""
    return {**command, "reported": True} if command["command"] in DECISIONS else command


def at(minute: int) -> str:
    """A business time on 2026-03-01, local to the facility."""
    return f"2026-03-01T{8 + minute // 60:02d}:{minute % 60:02d}:00+08:00"


def corrections(pick: Pick) -> Command:
    """Reported corrections: they name their target by what it says, and may come before it."""
    bag = pick(BAGS)
    about, stream = pick(
        [
            ({"fact": "bag.transfused", "match": {"patient": pick(PATIENTS)}}, bag),
            ({"fact": "bag.issued", "match": {"patient": pick(PATIENTS)}}, bag),
            ({"fact": "bag.stored", "match": {"facility": "C1"}}, bag),
            ({"fact": "bag.inspected", "match": {"passed": False}}, bag),
            ({"fact": "bag.returned", "match": {}}, bag),
            ({"fact": "donation.tested", "match": {"marker": "hbsag"}}, pick(DINS)),
            ({"fact": "donation.grouped", "match": {"group": "O"}}, pick(DINS)),
        ]
    )
    return {"command": "Annul", "stream": stream, "reason": "x", **about}


def amendments(pick: Pick) -> Command:
    """Reported amendments of a field."""
    bag = pick(BAGS)
    about, stream, changes = pick(
        [
            ({"fact": "bag.transfused", "match": {"patient": "p1"}}, bag, {"patient": "p2"}),
            ({"fact": "bag.stored", "match": {"facility": "C1"}}, bag, {"facility": "H1"}),
            ({"fact": "donation.tested", "match": {"result": "reactive"}}, pick(DINS), {"result": "nonreactive"}),
            ({"fact": "donation.tested", "match": {"result": "nonreactive"}}, pick(DINS), {"result": "reactive"}),
            ({"fact": "donation.grouped", "match": {"group": "O"}}, pick(DINS), {"group": "A"}),
        ]
    )
    return {"command": "Amend", "stream": stream, "reason": "x", "changes": changes, **about}


def undoing(pick: Pick) -> Command:
    """Reported annulments of one fact of a process."""
    bag = pick(BAGS)
    fact, match = pick([("bag.prepared", {}), ("bag.consumed", {}), ("bag.collected", {})])
    return {"command": "Annul", "stream": bag, "fact": fact, "match": match, "reason": "x"}
