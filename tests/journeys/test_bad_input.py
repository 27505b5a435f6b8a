"""This file holds the tests of bad input: each is told what is wrong, where, and what to do, and nothing is stored."""

import json
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from ledger.commands.lines import LONGEST_LINE
from tests.journeys.terminal import DIN, MARKERS, PLASMA, RED, WHOLE, Command, Terminal, amount, command, contents, life

CHINESE = re.compile(r"[\u3400-\u9fff]")
GONE = object()
"""In place of a value: the field is left out."""

FRESH = count(1)

Case = tuple[str, bytes, str, str]
"""Name, line, code, and where."""

NEW = "A999926000001"
COLLECT = command(
    "new", "CollectBag", bag=f"{NEW}=E0336V00", donor="D-2", facility="C1", kind="whole_blood", quantity=amount("2")
)
STORE = command("new", "StoreBag", bag=RED, facility="C1", place="shelf")
TEST = command("new", "RecordTest", din=DIN, marker="hbsag", result="nonreactive", stage="initial", final=True)
GROUP = command("new", "RecordGroup", din=DIN, group="A", rhd="positive")
PREPARE = command(
    "new", "PrepareBags", process="split", inputs=["A999926777777=E5445V00"],
    outputs=[{"bag": "A999926777777=E5445VA0", "component": "suspended_red_cells", "quantity": amount("1")}],
)  # fmt: skip
HOLD = command("new", "PlaceHold", cause="recall", scope={"kind": "donation", "id": DIN}, reason="recall")
BREACH = command("new", "RecordBreach", bag=RED, celsius="9.5", minutes=30)
TRANSFUSE = command("new", "RecordTransfusion", bag=RED, patient="P-1", hospital="H1")
ANNUL = command("new", "Annul", stream=RED, version=2, reason="wrong")
AMEND = command("new", "Amend", stream=RED, version=2, changes={"passed": True}, reason="wrong")
REACT = command("new", "RecordReaction", patient="P-1", bags=[RED], kind="fever")
RETURN = command("new", "ReturnBag", bag=RED, leg="ward_to_bank", **{"from": "ward 3"})


def but(base: Command, **fields: Any) -> bytes:
    """A command with some fields changed; those that are GONE are left out."""
    said = {key: value for key, value in {**base, **fields}.items() if value is not GONE}
    if said.get("request") == "new":
        said["request"] = f"new-{next(FRESH)}"
    return json.dumps(said, ensure_ascii=False).encode()


def not_json() -> Iterator[Case]:
    whole = but(STORE)
    for name, line in {
        "a word": b"hello",
        "an open brace": b"{",
        "half a command": whole[: len(whole) // 2],
        "a line and more": whole + b"}",
        "two on a line": whole + whole,
        "single quotes": whole.replace(b'"', b"'"),
        "a comma too many": whole[:-1] + b",}",
        "a comment": b"// " + whole,
        "not a number": but(BREACH).replace(b"30", b"NaN"),
        "an infinite number": but(BREACH).replace(b"30", b"Infinity"),
        "a leading zero": but(BREACH).replace(b"30", b"030"),
        "a raw tab in a text": whole.replace(b"shelf", b"sh\telf"),
        "a zero byte": whole.replace(b"shelf", b"sh\0elf"),
        "half a character": whole.replace(b"shelf", b"\xe8\x8d"),
        "Latin-1": whole.replace(b"shelf", b"caf\xe9"),
        "GBK": whole.replace(b"shelf", "冰箱".encode("gbk")),
        "UTF-16": whole.decode().encode("utf-16").replace(b"\n", b""),
        "an unknown escape": whole.replace(b"shelf", b"sh\\xelf"),
        "half a surrogate": whole.replace(b"shelf", b"\\ud800"),
    }.items():
        yield name, line, "not_json", "line"
    yield "too long", but(STORE, place="x" * LONGEST_LINE), "line_too_long", "line"
    for name, line in {
        "a list": b"[]",
        "many lists": b"[" * 9999,
        "a number": b"7",
        "null": b"null",
        "a text": b'"StoreBag"',
    }.items():
        yield name, line, "wrong_type", "line"
    yield "an empty object", b"{}", "field_missing", "command"


def envelope() -> Iterator[Case]:
    for field in ("request", "by"):
        yield f"{field} left out", but(STORE, **{field: GONE}), "field_missing", field
        yield f"{field} empty", but(STORE, **{field: ""}), "field_missing", field
        yield f"{field} a number", but(STORE, **{field: 7}), "wrong_type", field
        yield f"{field} null", but(STORE, **{field: None}), "wrong_type", field
        yield f"{field} a list", but(STORE, **{field: ["a"]}), "wrong_type", field
        yield f"{field} too long", but(STORE, **{field: "x" * 201}), "too_long", field
        for name, value in {"blank": " ", "blank first": " a", "blank last": "a ", "line end": "a\nb"}.items():
            yield f"{field} with {name}", but(STORE, **{field: value}), "not_printable", field
        yield f"{field} with an unseen character", but(STORE, **{field: "a\u200bb"}), "not_printable", field
    yield "sender empty", but(STORE, sender=""), "too_short", "sender"
    yield "sender null", but(STORE, sender=None), "wrong_type", "sender"
    yield "sender blank first", but(STORE, sender=" a"), "wrong_characters", "sender"
    yield "sender too long", but(STORE, sender="x" * 129), "too_long", "sender"
    yield "reported a text", but(STORE, reported="yes"), "wrong_type", "reported"
    yield "reported a number", but(STORE, reported=1), "wrong_type", "reported"
    yield "command left out", but(STORE, command=GONE), "field_missing", "command"
    yield "command unknown", but(STORE, command="DrinkBag"), "unknown_command", "command"
    yield "command in lower case", but(STORE, command="storebag"), "unknown_command", "command"
    yield "command empty", but(STORE, command=""), "unknown_command", "command"
    yield "command a number", but(STORE, command=3), "wrong_type", "command"
    yield "command null", but(STORE, command=None), "wrong_type", "command"
    yield "a field nobody knows", but(STORE, colour="red"), "unknown_field", "colour"
    yield "a field of another command", but(STORE, patient="P-1"), "unknown_field", "patient"
    yield "a field in another case", but(STORE, Place="shelf"), "unknown_field", "Place"


def times() -> Iterator[Case]:
    where = "happened_at"
    yield "no time", but(STORE, happened_at=GONE), "field_missing", where
    yield "time null", but(STORE, happened_at=None), "wrong_type", where
    yield "time a number", but(STORE, happened_at=1772323200), "wrong_type", where
    for name, text in {
        "time without offset": "2026-03-01T08:00:00",
        "time of a day alone, no offset": "2026-03-01T00:00:00",
    }.items():
        yield name, but(STORE, happened_at=text), "zone_missing", where
    for text in (
        "", "yesterday", "2026-03-01", "08:00", "2026-02-30T08:00:00Z", "2026-13-01T08:00:00Z",
        "2026-03-01T24:01:00Z", "2026-03-01T08:60:00Z", "2026-03-01T08:00:00+25:00", "01.03.2026 08:00",
        "2026年3月1日", "2026-03-01T08:00:00+8", "20260301T080000Z", "12026-03-01T08:00:00Z",
    ):  # fmt: skip
        yield f"time {text!r}", but(STORE, happened_at=text), "not_a_time", where
    for text in ("1799-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"):
        yield f"time {text!r}", but(STORE, happened_at=text), "date_out_of_range", where


BAD_BAGS: dict[str, tuple[str, str]] = {
    "empty": ("", "truncated"),
    "DIN alone": (DIN, "truncated"),
    "product alone": ("=E0336V00", "wrong_character"),
    "letter O in the DIN": ("A99992612345O=E0336V00", "letter_o"),
    "lower case DIN": ("a999926123456=E0336V00", "lower_case"),
    "DIN too short": ("A99992612345=E0336V00", "wrong_character"),
    "DIN too long": ("A9999261234567=E0336V00", "wrong_character"),
    "a blank inside": ("A999926123456 =E0336V00", "wrong_character"),
    "a blank behind": (f"{RED} ", "extra_characters"),
    "a blank before": (f" {RED}", "wrong_character"),
    "product too short": (f"{DIN}=E0336V0", "truncated"),
    "product too long": (f"{DIN}=E0336V000", "extra_characters"),
    "product in lower case": (f"{DIN}=e0336V00", "lower_case"),
    "no product": (f"{DIN}=", "truncated"),
    "division 99 alone": (f"{DIN}=E0336V99", "division_needed"),
    "division 99 too short": (f"{DIN}=E0336V99=0001", "truncated"),
    "divisions without 99": (f"{DIN}=E0336V00=000001", "division_not_allowed"),
    "container 0": (f"{DIN}#0", "wrong_character"),
    "container with a leading zero": (f"{DIN}#01", "wrong_character"),
    "container without number": (f"{DIN}#", "truncated"),
    "container a letter": (f"{DIN}#A", "wrong_character"),
    "container too high": (f"{DIN}#1000000", "wrong_character"),
    "full-width characters": ("\uff21999926123456=E0336V00", "wrong_character"),
    "a Cyrillic A": ("\u0410999926123456=E0336V00", "wrong_character"),
    "Arabic digits": ("A99992612345٦=E0336V00", "wrong_character"),
    "a scan with its identifier": (f"={DIN}00", "wrong_character"),
    "a minus for the sign": (f"{DIN}-E0336V00", "wrong_character"),
}


def bags() -> Iterator[Case]:
    for name, (text, code) in BAD_BAGS.items():
        yield f"bag: {name}", but(STORE, bag=text), code, "bag"
    bad, code = BAD_BAGS["letter O in the DIN"]
    yield "bag too long", but(STORE, bag="A" * 33), "too_long", "bag"
    yield "bag a number", but(STORE, bag=7), "wrong_type", "bag"
    yield "bag left out", but(STORE, bag=GONE), "field_missing", "bag"
    yield "bag and bags", but(STORE, bags=[RED]), "bag_and_bags", "bags"
    yield "bags: one bad", but(STORE, bag=GONE, bags=[RED, bad]), code, "bags[1]"
    yield "bags: one twice", but(STORE, bag=GONE, bags=[RED, RED]), "bag_named_twice", "bags"
    yield "bags: a text", but(STORE, bag=GONE, bags=RED), "wrong_type", "bags"
    yield "bags: a number in it", but(STORE, bag=GONE, bags=[7]), "wrong_type", "bags[0]"
    yield "inputs: one bad", but(PREPARE, inputs=[bad]), code, "inputs[0]"
    yield "outputs: one bad", but(PREPARE, outputs=[{"bag": bad, "quantity": amount("1")}]), code, "outputs[0].bag"
    yield "reaction: one bad", but(REACT, bags=[RED, bad]), code, "bags[1]"
    yield "reaction: none", but(REACT, bags=[]), "field_missing", "bags"
    yield "hold: a bad bag", but(HOLD, scope={"kind": "bag", "id": bad}), code, "scope.id"
    yield (
        "registered: a bad bag",
        but(command("new", "RegisterDonation", din=DIN, donor="D-1", facility="C1", kind="whole_blood", bags=[bad])),
        code,
        "bags[0]",
    )
    yield "label: no product", but(command("new", "LabelBag", bag=f"{DIN}#1")), "label_needs_product", "bag"


def dins() -> Iterator[Case]:
    for name, text, code in (
        ("empty", "", "truncated"),
        ("too short", "A99992612345", "truncated"),
        ("too long", "A9999261234567", "extra_characters"),
        ("a bag", RED, "extra_characters"),
        ("letter O", "A99992612345O", "letter_o"),
        ("lower case", DIN.lower(), "lower_case"),
        ("a zero first", "0999926123456", "wrong_character"),
        ("keyed with its check character", f"{DIN}A", "extra_characters"),
        ("a blank", " " + DIN, "wrong_character"),
    ):
        yield f"din: {name}", but(TEST, din=text), code, "din"
    yield "din: a number", but(TEST, din=1234567890123), "wrong_type", "din"
    yield "din and dins", but(TEST, dins=[DIN]), "din_and_dins", "dins"
    yield "dins: one bad", but(TEST, din=GONE, dins=[DIN, "X"]), "truncated", "dins[1]"
    yield "dins: one twice", but(TEST, din=GONE, dins=[DIN, DIN]), "din_named_twice", "dins"
    yield "dins: none", but(TEST, din=GONE, dins=[]), "field_missing", "din"
    yield "din: left out", but(GROUP, din=GONE), "field_missing", "din"
    yield "hold: a bad DIN", but(HOLD, scope={"kind": "donation", "id": "X"}), "truncated", "scope.id"


def quantities() -> Iterator[Case]:
    for text, code in {
        "0": "amount_not_positive", "0.000": "amount_not_positive", "-1": "amount_not_positive",
        "-0.5": "amount_not_positive", "1000000": "number_out_of_range", "1e9": "number_out_of_range",
        "NaN": "number_out_of_range", "Infinity": "number_out_of_range", "-Infinity": "number_out_of_range",
        "0.0001": "too_many_decimals", "1.2345": "too_many_decimals", "1e-9": "too_many_decimals",
        "": "not_a_decimal", "two": "not_a_decimal", "1,5": "not_a_decimal", "1.5 U": "not_a_decimal",
        "0x10": "not_a_decimal", "½": "not_a_decimal", "两": "not_a_decimal",
    }.items():  # fmt: skip
        yield f"amount {text!r}", but(COLLECT, quantity=amount(text)), code, "quantity.amount"
    yield "amount left out", but(COLLECT, quantity={"measure": "U"}), "field_missing", "quantity.amount"
    yield "amount null", but(COLLECT, quantity={"amount": None, "measure": "U"}), "wrong_type", "quantity.amount"
    yield "amount a list", but(COLLECT, quantity={"amount": ["1"], "measure": "U"}), "wrong_type", "quantity.amount"
    for measure in ("u", "ml", "ML", "L", "gallons", "", "单位"):
        yield f"measure {measure!r}", but(COLLECT, quantity=amount("1", measure)), "not_one_of", "quantity.measure"
    yield "measure left out", but(COLLECT, quantity={"amount": "1"}), "field_missing", "quantity.measure"
    yield "quantity a text", but(COLLECT, quantity="2 U"), "wrong_type", "quantity"
    yield "quantity a number", but(COLLECT, quantity=2), "wrong_type", "quantity"
    yield "quantity null", but(COLLECT, quantity=None), "wrong_type", "quantity"
    yield "quantity left out", but(COLLECT, quantity=GONE), "field_missing", "quantity"
    yield "quantity with more", but(COLLECT, quantity={**amount("1"), "x": 1}), "unknown_field", "quantity.x"
    yield "given: nothing", but(TRANSFUSE, quantity=amount("0")), "amount_not_positive", "quantity.amount"
    outputs = [{"bag": f"{NEW}=E5445VA0", "quantity": amount("0")}]
    yield "output of nothing", but(PREPARE, outputs=outputs), "amount_not_positive", "outputs[0].quantity.amount"
    outputs = [{"bag": f"{NEW}=E5445VA0", "quantity": amount("1"), "volume_ml": "1e7"}]
    yield "output of a lake", but(PREPARE, outputs=outputs), "number_out_of_range", "outputs[0].volume_ml"
    yield "volume below a drop", but(COLLECT, volume_ml="0.00001"), "too_many_decimals", "volume_ml"
    yield "volume a word", but(COLLECT, volume_ml="full"), "not_a_decimal", "volume_ml"
    yield "degrees a word", but(BREACH, celsius="warm"), "not_a_decimal", "celsius"
    yield "no degrees", but(BREACH, celsius=GONE), "field_missing", "celsius"
    yield "half a range", but(BREACH, celsius=GONE, celsius_min="2"), "field_missing", "celsius"
    yield "degrees beyond", but(BREACH, celsius="1e9"), "number_out_of_range", "celsius"


def codes() -> Iterator[Case]:
    prepared = {"outputs": [{"bag": f"{NEW}=E5445VA0", "quantity": amount("1")}]}
    scope = {"kind": "truck", "id": "7"}
    for name, line, where in (
        ("kind", but(COLLECT, kind="beer"), "kind"),
        ("kind in upper case", but(COLLECT, kind="WHOLE_BLOOD"), "kind"),
        ("purpose", but(COLLECT, purpose="fun"), "purpose"),
        ("group", but(GROUP, group="C"), "group"),
        ("group with RhD", but(GROUP, group="A+"), "group"),
        ("rhd", but(GROUP, rhd="+"), "rhd"),
        ("declared group", but(COLLECT, group="0"), "group"),
        ("result", but(TEST, result="negative"), "result"),
        ("stage", but(TEST, stage="third"), "stage"),
        ("process", but(PREPARE, **prepared, process="boil"), "process"),
        ("scope", but(HOLD, scope=scope), "scope.kind"),
        ("lot", but(COLLECT, lots=[{"kind": "beer", "id": "1"}]), "lots[0].kind"),
        ("crossmatch", but(command("new", "CrossmatchBag", bag=RED, patient="P-1", result="ok")), "result"),
        ("leg", but(RETURN, leg="home"), "leg"),
        ("quality test", but(command("new", "RecordQualityTest", bag=RED, test="taste", result="pass")), "test"),
        ("donor's outcome", but(command("new", "AssessDonor", donor="D-1", outcome="maybe")), "outcome"),
    ):
        yield f"not a code: {name}", line, "not_one_of", where
    yield "final a text", but(TEST, final="true"), "wrong_type", "final"
    yield "passed a number", but(command("new", "InspectBag", bag=RED, passed=1)), "wrong_type", "passed"
    yield "marker with a blank", but(TEST, marker="hbs ag"), "wrong_characters", "marker"
    yield "marker empty", but(TEST, marker=""), "too_short", "marker"
    yield "marker too long", but(TEST, marker="x" * 65), "too_long", "marker"
    yield "component in Chinese", but(COLLECT, component="全血"), "wrong_characters", "component"


def names() -> Iterator[Case]:
    for name, text, code in (
        ("empty", "", "too_short"),
        ("with a blank", "Zhang San", "wrong_characters"),
        ("with a line end", "D-1\n", "wrong_characters"),
        ("too long", "x" * 129, "too_long"),
    ):
        yield f"donor {name}", but(COLLECT, donor=text), code, "donor"
        yield f"patient {name}", but(TRANSFUSE, patient=text), code, "patient"
    yield "donor left out", but(COLLECT, donor=GONE), "field_missing", "donor"
    yield "patient null", but(TRANSFUSE, patient=None), "wrong_type", "patient"
    yield "facility blank", but(COLLECT, facility=" "), "wrong_characters", "facility"
    yield "facility empty", but(COLLECT, facility=""), "too_short", "facility"
    yield "hospital left out", but(TRANSFUSE, hospital=GONE), "field_missing", "hospital"
    yield "place with a control character", but(STORE, place="she\u0007lf"), "wrong_characters", "place"
    yield "a lot without id", but(COLLECT, lots=[{"kind": "filter"}]), "field_missing", "lots[0].id"
    yield "a lot with more", but(COLLECT, lots=[{"kind": "filter", "id": "1", "n": 2}]), "unknown_field", "lots[0].n"
    yield "lots a text", but(COLLECT, lots="F1"), "wrong_type", "lots"
    yield "devices with a blank one", but(COLLECT, devices=[" "]), "wrong_characters", "devices[0]"
    yield "autologous for nobody", but(COLLECT, purpose="autologous"), "field_missing", "intended_for"
    yield "scope without id", but(HOLD, scope={"kind": "device"}), "field_missing", "scope.id"
    yield "scope a text", but(HOLD, scope="donation"), "wrong_type", "scope"
    yield "reason empty", but(HOLD, reason=""), "too_short", "reason"
    yield "reason left out", but(HOLD, reason=GONE), "field_missing", "reason"
    yield "reason too long", but(HOLD, reason="x" * 4001), "too_long", "reason"
    merge = command("new", "MergeDonors", donor="D-1", other="D-1")
    yield "a donor merged with itself", but(merge), "same_pseudonym", "other"
    merge = command("new", "MergeRecipients", patient="P-1", other="P-1")
    yield "a recipient merged with itself", but(merge), "same_pseudonym", "other"


def processes() -> Iterator[Case]:
    yield "no inputs", but(PREPARE, inputs=[]), "field_missing", "inputs"
    yield "no outputs", but(PREPARE, outputs=[]), "field_missing", "outputs"
    yield "inputs left out", but(PREPARE, inputs=GONE), "field_missing", "inputs"
    yield "an input twice", but(PREPARE, inputs=[RED, RED]), "bag_named_twice", "inputs[1]"
    output = {"bag": f"{NEW}=E5445VA0", "quantity": amount("1")}
    yield "an output twice", but(PREPARE, outputs=[output, output]), "bag_named_twice", "outputs[1].bag"
    same = {"bag": RED, "quantity": amount("1")}
    yield "out of itself", but(PREPARE, inputs=[RED], outputs=[same]), "bag_named_twice", "outputs[0].bag"
    yield "an output without bag", but(PREPARE, outputs=[{"quantity": amount("1")}]), "field_missing", "outputs[0].bag"
    without = [{"bag": f"{NEW}=E5445VA0"}]
    yield "an output without quantity", but(PREPARE, outputs=without), "field_missing", "outputs[0].quantity"
    yield "an output with more", but(PREPARE, outputs=[{**output, "x": 1}]), "unknown_field", "outputs[0].x"
    yield "an output a text", but(PREPARE, outputs=[RED]), "wrong_type", "outputs[0]"


def corrections() -> Iterator[Case]:
    yield "of no version", but(ANNUL, version=GONE), "field_missing", "version"
    yield "of version 0", but(ANNUL, version=0), "number_out_of_range", "version"
    yield "of version -1", but(ANNUL, version=-1), "number_out_of_range", "version"
    yield "of version 2.5", but(ANNUL, version=2.5), "wrong_type", "version"
    yield "of version 2 as text", but(ANNUL, version="2"), "wrong_type", "version"
    yield "of no stream", but(ANNUL, stream=GONE), "field_missing", "stream"
    yield "of stream ''", but(ANNUL, stream=""), "too_short", "stream"
    yield "of a stream that is none", but(ANNUL, stream="A99992612345O=E0336V00"), "letter_o", "stream"
    yield "of no reason", but(ANNUL, reason=GONE), "field_missing", "reason"
    yield "of no changes", but(AMEND, changes={}), "field_missing", "changes"
    yield "of changes in a list", but(AMEND, changes=[1]), "wrong_type", "changes"
    reported = {"version": GONE, "reported": True}
    yield "reported of no fact", but(ANNUL, **reported), "field_missing", "fact"
    yield "reported of an unknown fact", but(ANNUL, **reported, fact="bag.vanished"), "fact_name_unknown", "fact"
    yield "reported of no name", but(ANNUL, **reported, fact="Issued!"), "wrong_characters", "fact"


def refusals() -> Iterator[Case]:
    """Well-formed, but a rule speaks against it."""
    unknown = "A999926888888=E5445V00"

    def of(name: str, bag: str = PLASMA, **fields: Any) -> bytes:
        return but(command("new", name, at="2026-03-03T08:00:00+08:00", bag=bag, **fields))

    for name, fields in {
        "ReleaseBag": {}, "EmergencyReleaseBag": {"authoriser": "dr", "reason": "war"}, "DistributeBag": {"to": "H2"},
        "IssueBag": {"to": "ward", "patient": "P-3"}, "ReserveBag": {"patient": "P-3"},
        "DiscardBag": {"reason": "old", "approved_by": "boss"},
    }.items():  # fmt: skip
        yield f"{name} of a bag nobody knows", of(name, unknown, **fields), "BagUnknown", unknown
        yield f"{name} of a bag used up", of(name, WHOLE, **fields), "BagConsumed", WHOLE
        yield f"{name} of a bag given", of(name, RED, **fields), "BagEnded", RED
    yield (
        "DiscardBag by one person",
        of("DiscardBag", STOCKED, reason="x", approved_by="nurse-1"),
        "ApproverIsActor",
        "approved_by",
    )
    yield "release uninspected", of("ReleaseBag", STOCKED), "BagNotInspected", STOCKED
    yield "release of a batch with one bad", of("ReleaseBag", GONE, bags=[STOCKED, WHOLE]), "BagNotInspected", STOCKED
    yield "distribute unreleased", of("DistributeBag", STOCKED, to="H2"), "BagNotReleased", STOCKED
    yield "issue a held bag", of("IssueBag", HELD, to="ward"), "BagHeld", HELD
    yield "reserve a held bag", of("ReserveBag", HELD, patient="P-4"), "BagHeld", HELD
    yield "release a held bag", of("ReleaseBag", HELD), "BagHeld", HELD
    yield "cancel no reservation", of("CancelReservation", STOCKED), "BagNotReserved", STOCKED
    yield "revoke no release", of("RevokeRelease", STOCKED, reason="x"), "ReleaseNotStanding", STOCKED
    yield "release as autologous", of("ReleaseAutologousBag", STOCKED, patient="P-1"), "BagNotAutologous", STOCKED
    lifted = command("new", "LiftHold", cause="flood", scope={"kind": "bag", "id": HELD}, reason="dry")
    yield "lift a hold that is not", but(lifted), "HoldNotOpen", HELD
    lifted = command("new", "LiftHold", cause="flood", scope={"kind": "device", "id": "F-1"}, reason="dry")
    yield "lift a hold on an unknown scope", but(lifted), "HoldNotOpen", "hold:device:F-1"
    yield "annul what is not there", but(ANNUL, version=999), "FactUnknown", RED
    yield "annul of an empty stream", but(ANNUL, stream=unknown, version=1), "FactUnknown", unknown
    yield "annul a consequence", but(ANNUL, stream=HELD, version=HELD_CONSEQUENCE), "FactIsConsequence", HELD
    yield "amend what is not there", but(AMEND, version=999), "FactUnknown", RED
    yield (
        "amend no field",
        but(AMEND, stream=STOCKED, version=1, changes={"mood": "good"}),
        "FieldNotAmendable",
        STOCKED,
    )
    changes = {"quantity": "much"}
    yield "amend to nonsense", but(AMEND, stream=STOCKED, version=1, changes=changes), "FieldNotAmendable", STOCKED
    process = {"process": "split", "inputs": [STOCKED]}
    more = [{"bag": f"{STOCKED[:20]}A0", "component": "whole_blood", "quantity": amount("9")}]
    yield "more out than in", but(PREPARE, **process, outputs=more), "OutputsAboveInputs", "outputs"
    taken = [{"bag": HELD, "component": "whole_blood", "quantity": amount("1")}]
    yield "a label taken", but(PREPARE, **process, outputs=taken), "BagIdentityTaken", HELD
    pool = {"process": "pool", "inputs": [STOCKED], "outputs": more}
    yield "a pool of one", but(PREPARE, **pool), "PoolNeedsMembers", "inputs"
    used = [{"bag": f"{NEW}=E0336VB0", "component": "whole_blood", "quantity": amount("1")}]
    yield "made from a bag used up", but(PREPARE, inputs=[WHOLE], outputs=used), "BagConsumed", WHOLE
    yield "a request used before", but(STORE, request="c1"), "RequestIdReused", "c1"


STOCKED, HELD, HELD_CONSEQUENCE = "A999926555555=E0336V00", "A999926666666=E0336V00", 3

CASES: list[Case] = [
    case
    for part in (
        not_json, envelope, times, bags, dins, quantities, codes, names, processes, corrections, refusals
    )
    for case in part()
]  # fmt: skip


def world() -> list[Command]:
    """A life, a bag in stock, and one that is held because of its donation."""

    def collect(number: int, bag: str) -> Command:
        fields = {"donor": f"D-{number}", "facility": "C1", "kind": "whole_blood", "quantity": amount("2")}
        return command(f"w{number}", "CollectBag", bag=bag, **fields)

    reactive = command("w9", "RecordTest", din=HELD[:13], marker="hbsag", result="reactive")
    return [*life(), collect(7, STOCKED), collect(8, HELD), reactive]


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Terminal, str]]:
    """A ledger with a history, and what it holds; compared once more when all is done."""
    found = Terminal(tmp_path_factory.mktemp("bad"))
    assert found.record(*world()).code == 0
    assert len(MARKERS) == 7
    before, proof = contents(found.path), found.run("verify").out
    yield found, before
    assert contents(found.path) == before
    assert found.run("verify").out == proof


@pytest.mark.parametrize(("line", "code", "where"), [pytest.param(*case[1:], id=case[0]) for case in CASES])
def test_bad_input_is_told_what_where_and_what_to_do(
    terminal: tuple[Terminal, str], line: bytes, code: str, where: str
) -> None:
    ledger, _ = terminal
    before = contents(ledger.path)
    for lang in ("en", "zh"):
        said = ledger.run("record", "-", "--lang", lang, given=line + b"\n")
        assert said.code == 1 and said.err == ""
        (answer,) = said.lines
        assert (answer["code"], answer["where"]) == (code, where), answer
        assert answer["outcome"] == ("refused" if code[0].isupper() else "malformed")
        assert answer["facts"] == [] and answer["line"] == 1
        assert answer["message"] and answer["remedy"]
        assert bool(CHINESE.search(answer["remedy"])) == (lang == "zh")
        assert lang == "en" or CHINESE.search(answer["message"]), answer["message"]
    assert contents(ledger.path) == before


def test_all_of_them_in_one_file_are_answered_in_order(terminal: tuple[Terminal, str], tmp_path: Path) -> None:
    ledger, _ = terminal
    before = contents(ledger.path)
    lines = [case for case in CASES if b"\n" not in case[1]]
    file = tmp_path / "bad.jsonl"
    file.write_bytes(b"".join(case[1] + b"\r\n" for case in lines))
    said = ledger.run("record", str(file), "--window", "50")
    assert said.code == 1
    assert [(each["line"], each["code"]) for each in said.lines] == [(at, case[2]) for at, case in enumerate(lines, 1)]
    assert contents(ledger.path) == before


def test_there_are_more_than_two_hundred_of_them() -> None:
    assert len(CASES) == len({case[0] for case in CASES}) >= 200
