"""This file holds the tests of the way from vein to vein through the command line, and of how it speaks."""

import json
import os
import sqlite3
import subprocess
from pathlib import Path

import pytest

from tests.journeys.terminal import DIN, PLASMA, RED, WHOLE, Terminal, amount, as_lines, command, contents, life


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


@pytest.fixture
def lived(terminal: Terminal) -> Terminal:
    assert terminal.record(*life()).code == 0
    return terminal


def test_a_life_is_recorded_and_every_line_is_answered_in_its_place(terminal: Terminal) -> None:
    said = terminal.record(*life())
    assert said.code == 0
    assert [each["line"] for each in said.lines] == list(range(1, len(life()) + 1))
    assert {each["outcome"] for each in said.lines} == {"recorded"}
    assert set(said.lines[0]) == {"line", "request", "outcome", "facts", "code", "message", "remedy", "where"}
    assert set(said.lines[0]["facts"][0]) == {"stream", "version", "name", "position", "leaf"}
    positions = [fact["position"] for each in said.lines for fact in each["facts"]]
    assert positions == list(range(1, len(positions) + 1))


def test_a_bag_is_traced_both_ways(lived: Terminal) -> None:
    answer = lived.run("trace", RED, "--json").json
    assert answer["subject"] == RED and answer["ancestors"] == [WHOLE] and answer["descendants"] == []
    bags = {bag["bag"]: bag for bag in answer["bags"]}
    assert (bags[RED]["status"], bags[RED]["quantity"], bags[RED]["measure"]) == ("transfused", "2", "U")
    assert [(each["parent"], each["child"], each["process"]) for each in answer["edges"]] == [(WHOLE, RED, "separate")]
    assert {"bag.transfused.v1", "donation.tested.v1"} <= {fact["name"] for fact in answer["facts"]}
    assert {bag["bag"] for bag in lived.run("trace", "donor:D-1", "--json").json["bags"]} == {WHOLE, RED, PLASMA}
    assert {bag["bag"] for bag in lived.run("trace", "patient:P-2", "--json").json["bags"]} == {WHOLE, PLASMA}
    assert {bag["bag"] for bag in lived.run("trace", DIN, "--json").json["bags"]} == {WHOLE, RED, PLASMA}


def test_a_trace_is_drawn_with_its_holds_and_nonconformities(lived: Terminal) -> None:
    english = lived.run("trace", PLASMA).out
    assert "separate → " + PLASMA in english and "from donor D-1" in english and "to patient P-2" in english
    assert "nonconformity: Transfused without a release." in english
    chinese = lived.run("trace", PLASMA, "--lang", "zh").out
    assert "分离 → " + PLASMA in chinese and "不符合项：输注时未放行。" in chinese and "新鲜冰冻血浆" in chinese
    assert "\x1b[" not in english


def test_a_pool_is_drawn_once_with_all_it_was_made_from(terminal: Terminal) -> None:
    dins = [f"A99992600000{number}" for number in range(1, 5)]
    pool = "A999926999999=E3103V00"
    bags = [f"{din}=E3078V00" for din in dins]
    collected = [
        command(
            din, "CollectBag", bag=bag, donor=f"D-{din[-1]}", facility="C1", kind="whole_blood", quantity=amount("1")
        )
        for din, bag in zip(dins, bags, strict=True)
    ]
    pooled = command(
        "pool", "PrepareBags", process="pool", inputs=bags, at="2026-03-01T09:00:00+08:00",
        outputs=[{"bag": pool, "component": "whole_blood", "quantity": amount("4")}],
    )  # fmt: skip
    assert terminal.record(*collected, pooled).code == 0
    drawn = terminal.run("trace", pool, "--no-facts").out
    assert drawn.count(f"pool → {pool}") == 4 and drawn.count("shown above") == 3
    assert f"also from {', '.join(bags[1:])}" in drawn


def test_stock_is_summed_exactly_and_drawn_with_bars(terminal: Terminal) -> None:
    terminal.record(*life()[:-3])
    rows = terminal.run("stock", "--json", "--at", "2026-03-02T00:00:00+08:00").json["rows"]
    by_status = {row["status"]: row for row in rows}
    assert by_status["available"]["component"] == "leukoreduced_suspended_red_cells"
    keys = {"facility", "component", "group", "rhd", "status", "measure", "bags", "quantity", "expiring"}
    assert keys | {"earliest_expiry"} <= set(rows[0])
    assert (by_status["quarantine"]["quantity"], by_status["quarantine"]["measure"]) == ("200", "mL")
    drawn = terminal.run("stock").out
    assert "█" in drawn and "Leukoreduced suspended red cells" in drawn and "A+" in drawn
    assert "去白细胞悬浮红细胞" in terminal.run("stock", "--lang", "zh").out
    assert terminal.run("stock", "--facility", "nowhere", "--json").json["rows"] == []


def test_facts_are_printed_as_they_are_stored(lived: Terminal) -> None:
    found = lived.run("facts").lines
    assert [fact["position"] for fact in found] == list(range(1, len(found) + 1))
    first = found[0]
    assert list(first) == ["ledger", "position", "leaf", "stream", "version", "name", "happened_at", "recorded_at",
                           "sender", "request", "fact", "bytes"]  # fmt: skip
    assert (first["name"], first["happened_at"]) == ("bag.collected.v1", "2026-03-01T00:00:00Z")
    assert first["fact"]["quantity"] == {"amount": "2", "measure": "U"} and first["fact"]["by"] == "nurse-1"


def test_facts_can_be_chosen_by_stream_name_and_position(lived: Terminal) -> None:
    assert {fact["stream"] for fact in lived.run("facts", RED).lines} == {RED}
    assert {fact["name"] for fact in lived.run("facts", "--name", "bag.issued").lines} == {"bag.issued.v1"}
    assert lived.run("facts", "--name", "bag.issued.v1").lines == lived.run("facts", "--name", "bag.issued").lines
    assert [fact["position"] for fact in lived.run("facts", "--from", "3", "--limit", "2").lines] == [3, 4]
    assert lived.run("facts", "--name", "bag.vanished").code == 2


def test_sealed_text_is_shown_only_when_asked_for(lived: Terminal) -> None:
    (sealed,) = lived.run("facts", "--name", "bag.inspected").lines
    assert sealed["fact"]["findings"] == {"sealed": True, "key_id": "text"}
    (opened,) = lived.run("facts", "--name", "bag.inspected", "--open-sealed").lines
    assert opened["fact"]["findings"]["text"] == "clear 清澈"


def test_verify_prints_the_contract_and_proves_an_earlier_output(lived: Terminal, tmp_path: Path) -> None:
    said = lived.run("verify")
    assert said.code == 0 and said.json["ok"] and said.json["first_bad"] is None
    assert {"ok", "size", "root", "position", "first_bad"} <= set(said.json)
    earlier = tmp_path / "earlier.json"
    earlier.write_text(said.out, encoding="utf-8")
    lived.record(command("more", "StoreBag", bag=WHOLE, facility="C2"))
    assert lived.run("verify", "--since", str(earlier)).json["since"]["ok"]
    assert "still there" in lived.run("verify", "--since", str(earlier), "--no-json").out


def test_verify_names_the_first_bad_fact(lived: Terminal) -> None:
    with sqlite3.connect(lived.path) as ledger:
        ledger.execute("UPDATE stored_events SET recorded_at = recorded_at + 1 WHERE notification_id = 3")
    ledger.close()
    said = lived.run("verify")
    assert said.code == 1 and not said.json["ok"] and said.json["first_bad"]["position"] == 3
    assert "position 3" in lived.run("verify", "--no-json").out
    assert "已受损" in lived.run("verify", "--no-json", "--lang", "zh").out


def test_a_file_sent_again_is_only_repeated(lived: Terminal) -> None:
    before = contents(lived.path)
    said = lived.record(*life())
    assert said.code == 0 and {each["outcome"] for each in said.lines} == {"repeated"}
    assert said.lines[0]["facts"][0]["position"] == 1
    assert contents(lived.path) == before


def test_a_refusal_and_a_malformed_line_stop_nobody(terminal: Terminal) -> None:
    lines = (
        as_lines(life()[:1]) + b"{oops\n\n" + as_lines([command("x", "ReleaseBag", bag=WHOLE)]) + as_lines(life()[1:2])
    )
    said = terminal.run("record", "-", given=lines)
    assert said.code == 1
    assert [(each["line"], each["outcome"]) for each in said.lines] == [
        (1, "recorded"), (2, "malformed"), (4, "refused"), (5, "recorded")]  # fmt: skip
    assert said.lines[2]["code"] == "BagNotInspected" and said.lines[2]["remedy"]


def test_people_are_told_line_by_line_and_in_sum(terminal: Terminal) -> None:
    said = terminal.run("record", "-", "--no-json", given=as_lines(life()[:2]) + b"{oops\n")
    assert "line 1  recorded  CollectBag  c1  2 facts, positions 1–2" in said.out
    assert "not_json" in said.out and "what to do: " in said.out
    assert "3 lines: 2 recorded, 1 malformed" in said.out
    chinese = terminal.run("record", "-", "--no-json", "--lang", "zh", given=as_lines(life()[:2]))
    assert "共 2 行：2 重复" in chinese.out


@pytest.mark.parametrize(
    "dressed",
    [
        pytest.param(lambda text: b"\xef\xbb\xbf" + text, id="byte order mark"),
        pytest.param(lambda text: text.replace(b"\n", b"\r\n"), id="CRLF"),
        pytest.param(lambda text: b"\n \n\t\n" + text + b"\n\n", id="blank lines"),
        pytest.param(lambda text: text.rstrip(b"\n"), id="no last line end"),
    ],
)
def test_lines_are_taken_however_a_file_is_dressed(terminal: Terminal, dressed, tmp_path: Path) -> None:
    file = tmp_path / "day.jsonl"
    file.write_bytes(dressed(as_lines(life())))
    said = terminal.run("record", str(file))
    assert said.code == 0 and {each["outcome"] for each in said.lines} == {"recorded"}


@pytest.mark.parametrize("garbage", [b"\x00\x01\x02\xff" * 500, b"\xff\xfe{\x00}\x00", b"\x1f\x8b\x08" + b"\n" * 9])
def test_garbage_is_malformed_line_by_line(lived: Terminal, garbage: bytes) -> None:
    before = contents(lived.path)
    said = lived.run("record", "-", given=garbage)
    assert said.code == 1 and {each["code"] for each in said.lines} == {"not_json"}
    assert contents(lived.path) == before


def test_text_that_is_not_utf_8_is_malformed(lived: Terminal) -> None:
    whole = as_lines([command("bad", "StoreBag", bag=RED, place="shelf")]).replace(b"shelf", b"she\xfff")
    said = lived.run("record", "-", given=whole)
    assert said.code == 1 and said.lines[0]["code"] == "not_json"


def test_nothing_to_record_is_done(terminal: Terminal) -> None:
    assert terminal.run("record", "-", given=b"").code == 0


def test_a_wrong_file_is_wrong_usage(terminal: Terminal, tmp_path: Path) -> None:
    assert terminal.run("record", str(tmp_path / "missing.jsonl")).code == 2
    assert terminal.run("record", str(tmp_path)).code == 2
    assert terminal.run("record").code == 2
    assert terminal.run("record", "-", "--window", "0").code == 2


def test_a_sender_that_waits_for_its_answer_gets_it(terminal: Terminal) -> None:
    with terminal.start("record", "-") as process:
        assert process.stdin and process.stdout
        for line in as_lines(life()[:2]).splitlines(keepends=True):
            process.stdin.write(line)
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["outcome"] == "recorded"
        process.stdin.close()
        assert process.wait(30) == 0


def test_a_reader_that_leaves_is_no_error_of_ours(lived: Terminal) -> None:
    with lived.start("facts") as process:
        assert process.stdout and process.stderr
        process.stdout.close()
        assert process.wait(30) in (0, 1) and process.stderr.read() == b""


@pytest.mark.parametrize("window", ["1", "3", "10000"])
def test_the_window_changes_nothing_but_the_commits(tmp_path: Path, window: str) -> None:
    terminal = Terminal(tmp_path)
    said = terminal.run("record", "-", "--window", window, given=as_lines(life()))
    told = [[(fact["stream"], fact["version"], fact["name"]) for fact in each["facts"]] for each in said.lines]
    other = Terminal(tmp_path, "b.db").record(*life())
    assert told == [[(fact["stream"], fact["version"], fact["name"]) for fact in each["facts"]] for each in other.lines]


def test_reading_makes_no_ledger(terminal: Terminal) -> None:
    for asked in (["trace", RED], ["stock"], ["facts"], ["verify"], ["status"]):
        said = terminal.run(*asked)
        assert said.code == 3 and "no ledger" in said.err and said.err.count("\n") == 1
    assert list(terminal.folder.iterdir()) == []


def test_reading_makes_no_keys(terminal: Terminal) -> None:
    terminal.record(*life()[:1])
    Path(f"{terminal.path}.keys").unlink(missing_ok=True)
    for asked in (["trace", WHOLE], ["stock"], ["facts"], ["verify"], ["status"]):
        assert terminal.run(*asked).code == 0
    assert not Path(f"{terminal.path}.keys").exists()


def test_what_is_no_ledger_is_a_fault(terminal: Terminal) -> None:
    terminal.path.write_bytes(b"not a database, " * 100)
    for asked in (["verify"], ["stock"], ["status"], ["record", "-"]):
        said = terminal.run(*asked, given=as_lines(life()[:1]))
        assert said.code == 3 and said.err.startswith("error: ") and said.err.count("\n") == 1


def test_a_busy_ledger_is_a_fault_and_the_retry_is_safe(terminal: Terminal) -> None:
    terminal.record(*life()[:1])
    with sqlite3.connect(terminal.path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        process = terminal.start("record", "-", BLOODLEDGER_BUSY_SECONDS="0.1")
        out, err = process.communicate(as_lines(life()[1:2]), 60)
        other.execute("ROLLBACK")
    other.close()
    assert process.returncode == 3 and json.loads(out)["outcome"] == "fault" and b"run the same again" in err
    assert terminal.record(*life()[1:2]).lines[0]["outcome"] == "recorded"


def test_a_defect_is_named_as_ours_and_shows_no_traceback(lived: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("ledger.wiring.Ledger.verify", broken)
    said = lived.run("verify")
    assert said.code == 3 and "a defect of this program" in said.err and "ZeroDivisionError: oops" in said.err


def test_a_defect_in_one_command_takes_no_other_with_it(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    from ledger.commands.donation import RecordGroup

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(RecordGroup, "carry_out", broken)
    said = terminal.record(*life()[:10])
    assert said.code == 3
    outcomes = [each["outcome"] for each in said.lines]
    assert outcomes[-1] == "fault" and "fault" not in outcomes[:-1]
    assert said.lines[-1]["code"] == "defect"


def test_unknown_subjects_and_malformed_ones_differ(lived: Terminal) -> None:
    said = lived.run("trace", "A999926000000", "--json")
    assert said.code == 1 and said.json["bags"] == [] and said.json["code"] == "not_found"
    assert lived.run("trace", "A9999260000O0").code == 2
    assert "第 12 个字符" in lived.run("trace", "A9999260000O0", "--lang", "zh").err


def test_views_can_be_left_where_they_are(lived: Terminal) -> None:
    first = lived.run("stock", "--json").json["position"]
    lived.record(command("later", "StoreBag", bag=WHOLE, facility="C2"))
    assert lived.run("stock", "--json", "--no-catch-up").json["position"] == first
    assert lived.run("stock", "--json").json["position"] > first


def test_the_language_comes_from_option_setting_or_locale(lived: Terminal, tmp_path: Path) -> None:
    assert "错误" in lived.run("trace", "nothing", "--lang", "zh").err
    assert "错误" in lived.run("--lang", "zh", "trace", "nothing").err
    assert "错误" in Terminal(tmp_path, lang="zh").run("trace", "nothing").err
    environment = {**lived.environment, "BLOODLEDGER_LANG": "", "LC_ALL": "zh_CN.UTF-8"}
    asked = ["python", "-c", "from ledger.settings import read_language; print(read_language())"]
    import sys

    done = subprocess.run([sys.executable, *asked[1:]], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "zh\n"


def test_a_wrong_setting_is_wrong_usage(lived: Terminal) -> None:
    process = lived.start("stock", BLOODLEDGER_BUSY_SECONDS="soon")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2 and b"BLOODLEDGER_BUSY_SECONDS" in err
    process = lived.start("record", "-", BLOODLEDGER_CATALOGUE=os.devnull + "/nowhere")
    _, err = process.communicate(as_lines(life()[:1]), 60)
    assert process.returncode == 2 and err.startswith(b"error: this file cannot be used")


def test_a_ledger_is_begun_and_described(terminal: Terminal) -> None:
    begun = terminal.run("init", "--json")
    assert begun.code == 0 and begun.json["new"]
    assert not terminal.run("init", "--json").json["new"]
    status = terminal.run("status", "--json").json
    assert (status["ledger"], status["size"], status["views_position"]) == (begun.json["ledger"], 0, None)
    assert "facts: 0" in terminal.run("status").out and "记录数" in terminal.run("status", "--lang", "zh").out
