"""This file holds a small history in two parts, before and after a correction, that answers every question."""

from tests.journeys.terminal import MARKERS, Command, amount, command

DINS = ("A999926000001", "A999926000002")
WHOLE = tuple(f"{din}=E0001V00" for din in DINS)
PLATELETS = tuple(f"{din}=E2807V00" for din in DINS)
RED = tuple(f"{din}=E5445V00" for din in DINS)
PLASMA = tuple(f"{din}=E0701V00" for din in DINS)
POOL = "A999926000009=E3103V00"
FOREIGN = "B123426000007=E5445V00"
UNKNOWN = "A999926000008=E5445V00"
"""A bag of which a hospital's message alone tells."""
SUBJECTS = {
    "a": RED[0], "b": DINS[0], "c": DINS[0], "d": POOL, "e": "donor:D-1", "f": "patient:P-1", "h": "donor:D-1",
    "i": DINS[0], "j": DINS[0], "k": "patient:P-1", "l": RED[0], "m": "lot:filter:F-1", "q": "lot:filter:F-1",
    "g": None, "o": None, "p": None,
}  # fmt: skip
"""By letter, what to ask about."""


def at(clock: str, day: int = 1) -> str:
    return f"2026-03-{day:02d}T{clock}:00+08:00"


def before() -> list[Command]:
    """Two donations, separated; their platelets pooled and given; a red cell bag given, one out, one received."""
    collected = [
        command(
            f"c{number}", "CollectBag", at("08:00"), bag=WHOLE[number], donor=f"D-{number + 1}", facility="C1",
            kind="whole_blood", quantity=amount("2"), group="A", rhd="positive",
            lots=[{"kind": "container", "id": "L-1"}],
        )
        for number in (0, 1)
    ]  # fmt: skip
    separated = [
        command(
            f"p{number}", "PrepareBags", at("10:00"), process="separate", inputs=[WHOLE[number]],
            lots=[{"kind": "filter", "id": "F-1"}], devices=["centrifuge-1"], operator="t-1",
            process_run=f"run-{number}",
            outputs=[
                {"bag": RED[number], "component": "leukoreduced_suspended_red_cells", "quantity": amount("2")},
                {"bag": PLASMA[number], "component": "fresh_frozen_plasma", "quantity": amount("200", "mL")},
                {"bag": PLATELETS[number], "component": "concentrated_platelets", "quantity": amount("2")},
            ],
        )
        for number in (0, 1)
    ]  # fmt: skip
    tested = [
        command(f"t{number}{marker}", "RecordTest", at("12:00"), din=DINS[number], marker=marker, result="nonreactive")
        for number in (0, 1)
        for marker in MARKERS
    ]
    alt = [
        command(f"t{number}alt", "RecordTest", at("12:00"), din=DINS[number], marker="alt", result="acceptable")
        for number in (0, 1)
    ]
    grouped = [
        command(f"g{number}", "RecordGroup", at("12:30"), din=DINS[number], group="A", rhd="positive")
        for number in (0, 1)
    ]
    pooled = command(
        "pool", "PrepareBags", at("13:00"), process="pool", inputs=list(PLATELETS),
        outputs=[{"bag": POOL, "component": "pooled_platelets", "quantity": amount("4")}],
    )  # fmt: skip
    return [*collected, *separated, *tested, *alt, *grouped, pooled, *used()]


def used() -> list[Command]:
    """What became of the bags."""
    given = {"reported": True, "facility": "H1"}
    return [
        command("s1", "StoreBag", at("13:30"), bags=[*RED, *PLASMA, POOL], facility="C1", place="fridge 1"),
        command("r1", "ReleaseBag", at("11:00"), bag=RED[0], reported=True),
        command("b1", "RecordBreach", at("14:00"), bag=RED[0], celsius="9.5", minutes="12.5", device="logger-3"),
        command("d1", "DistributeBag", at("15:00"), bag=RED[1], to="H1", reported=True),
        command("rg1", "RecordRecipientGroup", at("15:00"), patient="P-1", group="O", rhd="positive"),
        command("rg2", "RecordRecipientGroup", at("15:10"), patient="P-1", group="A", rhd="positive"),
        command("x1", "CrossmatchBag", at("15:30"), bag=RED[0], patient="P-1", result="compatible"),
        command("i1", "IssueBag", at("16:00"), bag=RED[0], to="ward-1", patient="P-1", **given),
        command("i2", "IssueBag", at("16:00"), bag=POOL, to="ward-1", patient="P-2", **given),
        command("u1", "RecordTransfusion", at("17:00"), bag=RED[0], patient="P-1", hospital="H1"),
        command("u2", "RecordTransfusion", at("17:00"), bag=POOL, patient="P-2", hospital="H1", quantity=amount("4")),
        command("u3", "RecordTransfusion", at("17:00", 9), bag=UNKNOWN, patient="P-1", hospital="H1"),
        command(
            "f1", "ReceiveBag", at("09:00"), bag=FOREIGN, facility="C1", sender_bag="B123426000007", released_by="qa-9",
            component="leukoreduced_suspended_red_cells", quantity=amount("2"), group="B", rhd="negative",
            **{"from": "B1234"},
        ),
        command("s2", "StoreBag", at("09:30"), bag=FOREIGN, facility="C1", place="fridge 2"),
    ]  # fmt: skip


def after() -> list[Command]:
    """What was put right, and what came late: the first donation was reactive."""
    return [
        command("z1", "RecordTest", at("09:00", 2), din=DINS[0], marker="hbsag", result="reactive", stage="repeat"),
        command("z2", "RecordTransfusion", at("18:00"), bag=RED[1], patient="P-2", hospital="H1", presumed=True),
        command(
            "z3", "Amend", at("09:00", 3), reported=True, stream=RED[0], fact="bag.transfused",
            match={"patient": "P-1"}, changes={"hospital": "H2"}, reason="wrong hospital",
        ),
    ]  # fmt: skip
