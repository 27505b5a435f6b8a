"""This file holds the tests of the bulk door: what `facts` prints is taken back whole, and nothing else is taken."""

import base64
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import schemas
from tests.journeys.terminal import DIN, MARKERS, PLASMA, RED, WHOLE, Terminal, as_lines, command, contents, life

Line = dict[str, Any]

CORRECTED = [
    command("a1", "Annul", stream=PLASMA, version=3, reason="wrong bag", at="2026-03-01T10:00:00+08:00"),
    command("k1", "PlaceHold", cause="recall", scope={"kind": "donation", "id": DIN}, reason="recall"),
    command("n1", "Amend", stream=DIN, version=2, changes={"sample": "S-1"}, reason="forgotten"),
    # The observation that was annulled, said again: its key is free.
    command("s2", "StoreBag", bags=[RED, PLASMA], facility="C1", place="fridge 1", at="2026-03-01T08:15:00+08:00"),
]


@pytest.fixture
def lived(tmp_path: Path) -> Terminal:
    terminal = Terminal(tmp_path)
    assert terminal.record(*life(), *CORRECTED).code in (0, 1)
    return terminal


@pytest.fixture
def printed(lived: Terminal) -> list[Line]:
    return lived.run("facts").lines


@pytest.fixture
def other(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path, "other.db")


def test_an_imported_history_has_the_same_tree(lived: Terminal, printed: list[Line], other: Terminal) -> None:
    said = other.run("import", "-", given=as_lines(printed))
    assert said.code == 0 and said.json["imported"] == len(printed) and said.json["first_position"] == 1
    mine, theirs = lived.run("verify").json, other.run("verify").json
    assert theirs["ok"], theirs
    assert (mine["root"], mine["size"]) == (theirs["root"], theirs["size"])
    assert [each["bytes"] for each in other.run("facts").lines] == [each["bytes"] for each in printed]


def test_an_imported_history_answers_and_goes_on_like_the_first(
    lived: Terminal, printed: list[Line], other: Terminal
) -> None:
    other.run("import", "-", given=as_lines(printed))
    assert {each["outcome"] for each in other.record(*life()).lines} == {"repeated"}
    again = [{**each, "request": f"again-{each['request']}"} for each in life()]
    for mine, theirs in zip(lived.record(*again).lines, other.record(*again).lines, strict=True):
        assert (mine["outcome"], mine["facts"], mine["code"]) == (theirs["outcome"], theirs["facts"], theirs["code"])
    mine, theirs = (each.run("trace", DIN, "--json").json for each in (lived, other))
    assert (mine["bags"], mine["edges"]) == (theirs["bags"], theirs["edges"])


def test_a_history_is_taken_in_parts_and_goes_on_in_its_streams(printed: list[Line], other: Terminal) -> None:
    first, rest = split_at_a_request(printed)
    assert other.run("import", "-", given=as_lines(first)).code == 0
    assert other.run("import", "-", given=as_lines(rest)).json["first_position"] == len(first) + 1
    assert other.run("verify").json["ok"]


def split_at_a_request(printed: list[Line]) -> tuple[list[Line], list[Line]]:
    half = next(at for at in range(9, len(printed)) if printed[at]["request"] != printed[at - 1]["request"])
    return printed[:half], printed[half:]


def test_a_history_older_than_the_ledger_is_recorded_now(lived: Terminal, printed: list[Line], other: Terminal) -> None:
    other.record(command("first", "CollectBag", bag="A999926000001=E0336V00", donor="D-9", facility="C1",
                         kind="whole_blood", quantity={"amount": "1", "measure": "U"}))  # fmt: skip
    head = other.run("facts").lines[-1]["recorded_at"]
    assert other.run("import", "-", given=as_lines(printed)).code == 0
    assert all(each["recorded_at"] >= head for each in other.run("facts", "--from", "3").lines)
    assert other.run("verify").json["ok"]


def test_without_a_recorded_time_it_is_now(printed: list[Line], other: Terminal) -> None:
    bare = [{key: each[key] for key in ("stream", "version", "name", "bytes")} for each in printed]
    assert other.run("import", "-", given=as_lines(bare)).code == 0
    assert other.run("verify").json["ok"]


def test_a_history_taken_twice_is_refused_the_second_time(lived: Terminal, printed: list[Line]) -> None:
    before = contents(lived.path)
    said = lived.run("import", "-", given=as_lines(printed))
    assert said.code == 1 and said.json["code"] == "version_not_next" and said.json["line"] == 1
    assert contents(lived.path) == before


def test_nothing_to_import_is_done(other: Terminal) -> None:
    assert other.run("import", "-", given=b"\n").json["imported"] == 0
    assert "nothing" in other.run("import", "-", "--no-json", given=b"").out


def test_what_was_imported_is_told_to_people(printed: list[Line], other: Terminal) -> None:
    said = other.run("import", "-", "--no-json", "--lang", "zh", given=as_lines(printed))
    assert f"已导入 {len(printed)} 条记录" in said.out


# -- what is not taken -------------------------------------------------------------------------------


def with_body(line: Line, **changes: Any) -> Line:
    """The same line with other fields in its bytes."""
    wire, body = schemas.decode(base64.b64decode(line["bytes"]))
    for key, value in changes.items():
        if key in body["occasion"]:
            body["occasion"][key] = value
        else:
            body[key] = value
    return {**line, "bytes": b64(schemas.encode(wire, body))}


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def of_name(printed: list[Line], name: str) -> int:
    return next(at for at, each in enumerate(printed) if each["name"] == name)


def changed(name: str, change: Callable[[Line], Line]) -> Callable[[list[Line]], tuple[list[Line], int]]:
    """A history with its first fact of one name changed, and the number of its line."""

    def spoil(printed: list[Line]) -> tuple[list[Line], int]:
        at = of_name(printed, name)
        return [*printed[:at], change(printed[at]), *printed[at + 1 :]], at + 1

    return spoil


def without(*keys: str) -> Callable[[Line], Line]:
    return lambda line: {key: value for key, value in line.items() if key not in keys}


def with_(**fields: Any) -> Callable[[Line], Line]:
    return lambda line: {**line, **fields}


COLLECTED, TESTED, ISSUED = "bag.collected.v1", "donation.tested.v1", "bag.issued.v1"
OTHER_BYTES = b64(b"\xc3\x01" + b"\0" * 8 + b"what")

NOT_TAKEN: dict[str, tuple[Callable[[list[Line]], tuple[list[Line], int]], str, str]] = {
    "unknown field": (changed(COLLECTED, with_(colour="red")), "not_json", "line"),
    "no stream": (changed(COLLECTED, without("stream")), "not_json", "line"),
    "no bytes": (changed(TESTED, without("bytes")), "not_json", "line"),
    "bytes not base64": (changed(TESTED, with_(bytes="***")), "not_json", "bytes"),
    "bytes of nothing": (changed(TESTED, with_(bytes="")), "bytes_unreadable", "bytes"),
    "bytes of another schema": (changed(TESTED, with_(bytes=OTHER_BYTES)), "bytes_unreadable", "bytes"),
    "bytes too short": (
        changed(TESTED, lambda line: {**line, "bytes": b64(base64.b64decode(line["bytes"])[:-1])}),
        "bytes_unreadable", "bytes"),
    "bytes too long": (
        changed(TESTED, lambda line: {**line, "bytes": b64(base64.b64decode(line["bytes"]) + b"\0")}),
        "bytes_unreadable", "bytes"),
    "version as text": (changed(TESTED, with_(version="2")), "not_json", "version"),
    "version 0": (changed(COLLECTED, with_(version=0)), "version_not_next", "version"),
    "version after a gap": (
        changed(TESTED, lambda line: {**line, "version": line["version"] + 1}), "version_not_next", "version"),
    "version again": (changed(TESTED, lambda line: {**line, "version": 1}), "version_not_next", "version"),
    "unknown name": (changed(TESTED, with_(name="donation.guessed.v1")), "unknown_name", "name"),
    "name without version": (changed(TESTED, with_(name="donation.tested")), "unknown_name", "name"),
    "name of another fact": (changed(ISSUED, with_(name="bag.transfused.v1")), "bytes_unreadable", "bytes"),
    "stream of another kind": (changed(COLLECTED, with_(stream=DIN)), "wrong_stream", "name"),
    "stream that is none": (changed(COLLECTED, with_(stream="bag 1")), "stream_malformed", "stream"),
    "stream of a bad DIN": (changed(COLLECTED, with_(stream="A9999261234O6=E0336V00")), "stream_malformed", "stream"),
    "stream of a hold without scope": (changed(COLLECTED, with_(stream="hold:lot")), "stream_malformed", "stream"),
    "stream of nobody": (changed(COLLECTED, with_(stream="donor:")), "stream_malformed", "stream"),
    "stream of an unknown noun": (changed(COLLECTED, with_(stream="truck:7")), "stream_malformed", "stream"),
    "happened_at not as in the bytes": (
        changed(TESTED, with_(happened_at="2026-03-01T00:00:00Z")), "differs_from_bytes", "happened_at"),
    "happened_at without offset": (
        changed(TESTED, with_(happened_at="2026-03-01T00:00:00")), "not_json", "happened_at"),
    "sender not as in the bytes": (changed(TESTED, with_(sender="else")), "differs_from_bytes", "sender"),
    "request not as in the bytes": (changed(TESTED, with_(request="else")), "differs_from_bytes", "request"),
    "recorded_at backwards": (
        changed(TESTED, with_(recorded_at="2020-01-01T00:00:00Z")), "recorded_at_backwards", "recorded_at"),
    "recorded_at in the future": (
        changed(TESTED, with_(recorded_at="2199-01-01T00:00:00Z")), "recorded_at_in_future", "recorded_at"),
    "recorded_at no time": (changed(TESTED, with_(recorded_at="noon")), "not_json", "recorded_at"),
    "recorded_at left out once": (changed(TESTED, without("recorded_at")), "field_missing", "recorded_at"),
    "quantity of nothing": (
        changed(COLLECTED, lambda line: with_body(line, quantity={"amount": Decimal(0), "measure": "U"})),
        "quantity_not_sane", "fact.quantity"),
    "quantity below zero": (
        changed(COLLECTED, lambda line: with_body(line, quantity={"amount": Decimal(-2), "measure": "U"})),
        "quantity_not_sane", "fact.quantity"),
    "quantity in gallons": (
        changed(COLLECTED, lambda line: with_body(line, quantity={"amount": Decimal(2), "measure": "gal"})),
        "quantity_not_sane", "fact.quantity"),
    "code that is none": (changed(COLLECTED, lambda line: with_body(line, kind="beer")), "code_unknown", "fact.kind"),
    "no request": (
        changed(TESTED, lambda line: with_body({**line, "request": None}, request="")), "request_missing", "bytes"),
    "request of two commands": (
        changed("donation.registered.v1", lambda line: with_body(line, request_sha256=b"\1" * 32)),
        "request_reused", "request"),
    "request that comes back": (
        lambda printed: ([*printed, next_test(printed, "c1", None)], len(printed) + 1), "request_used", "request"),
    "parent that is no bag": (
        changed("bag.prepared.v1", lambda line: with_body(line, parents=["a jar"])), "bag_malformed", "fact.parents"),
    "child that is no bag": (
        changed("bag.consumed.v1", lambda line: with_body(line, children=["A999926123456=E"])),
        "bag_malformed", "fact.children"),
    "observation that stands already": (
        lambda printed: ([*printed, next_test(printed, "new")], len(printed) + 1), "observation_repeated", "bytes"),
    "amendment that cannot be read": (
        changed("donation.amended.v1", lambda line: with_body(
            line, changes=[{"field": "final", "value": "{", "sealed": None}])), "correction_unreadable", "bytes"),
    "amendment of no field": (
        changed("donation.amended.v1", lambda line: with_body(
            line, changes=[{"field": "mood", "value": "1", "sealed": None}])), "correction_unreadable", "bytes"),
}  # fmt: skip


def next_test(printed: list[Line], request: str, *key: None) -> Line:
    """One more test on the donation, with the business key of the first or another."""
    first = printed[of_name(printed, TESTED)]
    last = max(each["version"] for each in printed if each["stream"] == DIN)
    line = {**first, "version": last + 1, "request": request, "recorded_at": printed[-1]["recorded_at"]}
    return with_body(line, request=request, **dict.fromkeys(["business_key"] * len(key)))


@pytest.mark.parametrize("case", NOT_TAKEN)
def test_a_history_with_one_bad_line_is_not_taken(printed: list[Line], other: Terminal, case: str) -> None:
    spoil, code, where = NOT_TAKEN[case]
    spoilt, line = spoil([dict(each) for each in printed])
    other.run("init")
    before = contents(other.path)
    said = other.run("import", "-", given=as_lines(spoilt))
    assert said.code == 1, said
    assert (said.json["code"], said.json["where"], said.json["line"]) == (code, where, line), said.json["message"]
    assert said.json["message"] and said.json["remedy"] and said.json["imported"] == 0
    told = other.run("import", "-", "--no-json", "--lang", "zh", given=as_lines(spoilt))
    assert told.code == 1 and f"第 {line} 行，{where}：{code}" in told.out
    assert contents(other.path) == before


@pytest.mark.parametrize("garbage", [b"{", b"[]", b"\xff\xfe", b'"facts"', b"null", b"[" * 100_000, b"x" * 4_100_000])
def test_garbage_is_not_taken(other: Terminal, garbage: bytes) -> None:
    said = other.run("import", "-", given=garbage)
    assert said.code == 1 and said.json["line"] == 1
    assert other.run("status", "--json").json["size"] == 0


def test_a_history_lives_through_many_chunks(
    printed: list[Line], other: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.commands.importing.CHUNK", 3)
    assert other.run("import", "-", given=as_lines(printed)).code == 0
    assert other.run("verify").json["ok"]


def test_a_late_bad_line_takes_the_written_chunks_back(
    printed: list[Line], other: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.commands.importing.CHUNK", 3)
    other.run("init")
    before = contents(other.path)
    assert other.run("import", "-", given=as_lines(printed) + b"oops\n").code == 1
    assert contents(other.path) == before


def test_the_world_has_what_the_cases_need(printed: list[Line]) -> None:
    names = {each["name"] for each in printed}
    assert {COLLECTED, TESTED, ISSUED, "donation.amended.v1", "bag.annulled.v1", "hold.placed.v1"} <= names
    assert len(MARKERS) == 7 and WHOLE in {each["stream"] for each in printed}
    assert json.dumps(printed, ensure_ascii=False).count("清澈") == 0, "sealed text stays sealed"
