"""This file holds the tests of `ask`: every question is answered in both languages, and every bad one is told why."""

import os
import pty
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ledger.screen.ask import counted
from ledger.screen.ask_words import COLUMNS, HEADINGS, NONE, NOTHING_OF, QUESTIONS, QUIET, SAYINGS, SENTENCES
from ledger.screen.rows import MOST_ROWS, put_rows
from ledger.screen.words import WORDS, Say
from projections.queries.questions import QUESTIONS as ASKED
from tests.house.pages import terminals
from tests.journeys.audited import DINS, POOL, RED, SUBJECTS, after, before
from tests.journeys.terminal import ROOT, Said, Terminal, command

CHINESE = re.compile(r"[\u3400-\u9fff]")
LETTERS = sorted(each.letter for each in ASKED)
HEAD = {"question", "name", "subject", "ledger", "position", "known_at", "at", "complete_to", "digest"}
LONG_AFTER = "2026-06-01T00:00:00+08:00"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    """A ledger with both parts of the history, made once: questions change nothing."""
    terminal = Terminal(tmp_path_factory.mktemp("told"))
    assert terminal.record(*before()).code == 0
    assert terminal.record(*after()).code == 0
    return terminal


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


def ask(terminal: Terminal, letter: str, *options: str) -> Said:
    subject = SUBJECTS[letter]
    return terminal.run("ask", letter, *([subject] if subject else []), "--at", LONG_AFTER, *options)


def first_part_recorded_at(terminal: Terminal) -> str:
    """The recorded time at which only the first part of the history was known."""
    facts = terminal.run("facts").lines
    times = sorted({str(fact["recorded_at"]) for fact in facts})
    assert len(times) == 2, "each part is one commit"
    return times[0]


def test_there_is_a_word_for_every_question_and_a_question_for_every_letter() -> None:
    assert sorted(QUESTIONS) == sorted("abcdefghijklmnopqr")
    assert [*LETTERS, "n", "r"] and {*LETTERS, "n", "r"} == set(QUESTIONS)
    assert set(SENTENCES) == {*LETTERS, "recall"}
    assert set(NONE) == set(NOTHING_OF)
    assert set(WORDS) >= QUIET


@pytest.mark.parametrize("letter", LETTERS)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_question_is_answered_in_whole_sentences(told: Terminal, letter: str, lang: str) -> None:
    said = ask(told, letter, "--lang", lang)
    assert said.code == 0
    first = said.out.splitlines()[0]
    assert first.endswith("。" if lang == "zh" else ".") and bool(CHINESE.search(first)) == (lang == "zh")
    assert "{" not in first and "None" not in first
    ledger, position = told.run("status", "--json").json["ledger"], len(told.run("facts").lines)
    assert (
        f"账本 {ledger}，截至第 {position} 位"
        if lang == "zh"
        else f"ledger {ledger}, complete up to position {position}"
    ) in said.out
    digest = ask(told, letter, "--json").json["digest"]
    assert said.out.splitlines()[-1] == (f"视图摘要 {digest}" if lang == "zh" else f"view digest {digest}")


@pytest.mark.parametrize("letter", LETTERS)
def test_every_answer_states_its_head_in_json(told: Terminal, letter: str) -> None:
    answer = ask(told, letter, "--json").json
    assert set(answer) >= HEAD | {"summary", "rows"}
    assert (answer["question"], answer["subject"]) == (letter, SUBJECTS[letter])
    assert answer["position"] == answer["complete_to"] == len(told.run("facts").lines)
    assert answer["at"] == "2026-05-31T16:00:00Z" and answer["known_at"] is None
    assert re.fullmatch(r"[0-9a-f]{64}", answer["digest"])


@pytest.mark.parametrize("letter", LETTERS)
def test_a_question_may_be_asked_by_its_name(told: Terminal, letter: str) -> None:
    by_letter = ask(told, letter, "--json").json
    subject = SUBJECTS[letter]
    by_name = told.run("ask", by_letter["name"], *([subject] if subject else []), "--at", LONG_AFTER, "--json").json
    assert by_name | {"seconds": 0} == by_letter | {"seconds": 0}


def lists(answer: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The rows of an answer and its further lists."""
    return {key: value for key, value in answer.items() if isinstance(value, list)}


@pytest.mark.parametrize("letter", LETTERS)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_column_and_every_list_has_its_words(told: Terminal, letter: str, lang: str) -> None:
    answer = ask(told, letter, "--json").json
    shown = ask(told, letter, "--lang", lang).out
    for key, rows in lists(answer).items():
        assert key == "rows" or key in HEADINGS, key
        if rows and key != "rows":
            assert HEADINGS[key][lang == "zh"] in shown
        assert {column for row in rows for column in row} - set(COLUMNS) == set()


def test_no_column_has_words_that_no_answer_has() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "projections" / "queries").glob("*.py"))
    named = set(re.findall(r"[\"'](\w+)[\"']", source))
    assert set(COLUMNS) - named == set()
    assert set(HEADINGS) - named == set()


def test_every_row_about_a_bag_is_on_the_screen(told: Terminal) -> None:
    for letter in LETTERS:
        bags = {row["bag"] for row in ask(told, letter, "--json").json["rows"] if "bag" in row}
        shown = ask(told, letter).out
        assert all(bag in shown for bag in bags), letter


def test_nothing_of_a_row_is_left_out_on_a_narrow_screen(told: Terminal) -> None:
    row = ask(told, "f", "--json").json["rows"][0]
    for columns in ("60", "200"):
        with told.start("ask", "f", "patient:P-1", COLUMNS=columns) as process:
            out, _ = process.communicate()
        text = " ".join(out.decode().split())
        assert all(str(row[key]) in text for key in ("bag", "donor", "hospital", "donation", "position"))
        assert "nonreactive: anti_hcv" in text
        widest = max(len(line) for line in out.decode().splitlines()[1:-3])
        assert widest <= int(columns)


def test_a_question_may_be_put_as_known_before_a_correction(told: Terminal) -> None:
    then = first_part_recorded_at(told)
    hospital = {
        row["position"]: row["where"]
        for row in ask(told, "a", "--json").json["rows"]
        if row["name"] == "bag.transfused"
    }
    before_it = ask(told, "a", "--known-at", then, "--json").json
    assert set(hospital.values()) == {"H2"}
    assert {row["where"] for row in before_it["rows"] if row["name"] == "bag.transfused"} == {"H1"}
    assert before_it["known_at"] is not None and before_it["position"] < before_it["complete_to"]
    shown = ask(told, "a", "--known-at", then).out
    assert "as known at " in shown and f"the view itself goes on to position {before_it['complete_to']}" in shown


def test_what_was_changed_later_is_told_under_its_heading(told: Terminal) -> None:
    shown = ask(told, "l", "--known-at", first_part_recorded_at(told)).out
    assert "What was changed after" in shown and "1 correction came after." in shown and "sealed" in shown
    shown = ask(told, "l").out
    assert "What had been changed by then" in shown and "1 correction had changed it by then." in shown


def test_business_now_decides_what_is_out_for_long(told: Terminal) -> None:
    early = told.run("ask", "g", "--at", "2026-03-02T00:00:00+08:00")
    assert "No bag went out more than 14 days ago without a confirmed fate." in early.out
    late = told.run("ask", "g", "--at", LONG_AFTER)
    assert "1 bag went out more than 14 days ago and had no confirmed fate." in late.out and RED[1] in late.out
    assert "The fate of 1 bag is only presumed." in late.out
    assert RED[1] in told.run("ask", "g", "--days", "0.1", "--at", "2026-03-02T00:00:00+08:00").out
    assert told.run("ask", "g", "--leg", "to_facility", "--at", LONG_AFTER, "--json").json["rows"] == []


def test_donations_before_a_day_are_not_counted(told: Terminal) -> None:
    counted = told.run("ask", "e", "donor:D-1", "--since", "2026-03-01T00:00:00+08:00")
    assert POOL in counted.out and "Donations from 2026-02-28 16:00 UTC on are counted." in counted.out
    none = told.run("ask", "e", "donor:D-1", "--since", "2026-03-02T00:00:00+08:00")
    assert none.code == 0 and "Nobody on record received blood of donor:D-1." in none.out


def test_the_questions_are_listed_in_both_languages(terminal: Terminal) -> None:
    for lang in ("en", "zh"):
        said = terminal.run("ask", "--lang", lang)
        assert said.code == 0
        assert all(english in said.out and chinese in said.out for english, chinese in QUESTIONS.values())
    found = terminal.run("ask", "--json").json
    assert [each["question"] for each in found] == sorted(QUESTIONS)
    assert {each["question"]: (each["en"], each["zh"]) for each in found} == QUESTIONS
    by_letter = {each["question"]: each for each in found}
    assert by_letter["g"]["subjects"] == [] and set(by_letter["g"]["options"]) == {
        "days", "leg", "facility", "known_at", "at",
    }  # fmt: skip
    assert by_letter["o"]["options"] == ["known_at", "at"]


def test_asking_whether_nothing_was_removed_is_verifying(terminal: Terminal, tmp_path: Path) -> None:
    terminal.record(*before()[:3])
    earlier = tmp_path / "earlier.json"
    said = terminal.run("ask", "n", "--json")
    assert said.code == 0 and said.json == terminal.run("verify", "--json").json
    earlier.write_text(said.out, encoding="utf-8")
    terminal.record(command("more", "StoreBag", bag=RED[0], facility="C2"))
    assert terminal.run("ask", "n", "--since", str(earlier), "--json").json["since"]["ok"]
    assert terminal.run("ask", "nothing_removed", "--since", str(tmp_path / "nowhere.json")).code == 2
    other = Terminal(tmp_path, "other.db")
    other.record(*before()[3:5], command("w", "StoreBag", bag=RED[1], facility="C3"))
    assert other.run("ask", "n", "--since", str(earlier), "--json").code == 1


def test_of_messages_nothing_is_kept_yet(terminal: Terminal) -> None:
    said = terminal.run("ask", "r", "--json")
    assert said.code == 1 and said.json["code"] == "not_yet" and said.json["rows"] == []
    assert "no hospital messages yet" in terminal.run("ask", "open_messages").err
    assert CHINESE.search(terminal.run("ask", "r", "--lang", "zh").err)


def test_stock_that_differs_from_the_facts_is_a_no(terminal: Terminal) -> None:
    import sqlite3

    terminal.record(*before())
    assert terminal.run("ask", "o").code == 0
    (views,) = [path for path in terminal.folder.iterdir() if path.name.endswith(".views")]
    with sqlite3.connect(views) as changed:
        tables = {name for (name,) in changed.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        (table,) = [name for name in tables if name.endswith("spells")]
        changed.execute(f'UPDATE "{table}" SET thousandths = thousandths + 1 WHERE final = 0 AND bag = ?', (RED[1],))
        assert changed.total_changes > 0
    changed.close()
    said = terminal.run("ask", "o", "--json")
    assert said.code == 1 and said.json["summary"]["differing"] > 0 and said.json["rows"]
    assert terminal.run("ask", "o").code == 1


# -- bad questions -----------------------------------------------------------------------------------------

FUTURE, PAST = "8999-01-01T00:00:00Z", "1999-01-01T00:00:00Z"
BAD = [
    (("zz",), "there is no question zz", "没有问题 zz"),
    (("a",), "name it, as in `bloodledger ask a A999926123456=E0336V00`", "bloodledger ask a A999926123456=E0336V00"),
    (("e",), "donor:P", "donor:P"),
    (("m",), "lot:filter:F-2026-17", "lot:filter:F-2026-17"),
    (("g", DINS[0]), f"leave {DINS[0]} out", f"请去掉 {DINS[0]}"),
    (("o", DINS[0]), f"leave {DINS[0]} out", f"请去掉 {DINS[0]}"),
    (("a", DINS[0], "--days", "3"), "takes no --days; it takes: --known-at, --at", "不接受 --days"),
    (("n", "--known-at", PAST), "takes no --known-at; it takes: --since", "不接受 --known-at"),
    (("c", "A99992600O001"), "A99992600O001 is no bag", "A99992600O001 不是血袋"),
    (("a", "nonsense"), "nonsense is no bag", "nonsense 不是血袋"),
    (("a", DINS[0], "--known-at", FUTURE), "nothing can be known at 8999-01-01T00:00:00+00:00 yet: now is", "尚未到来"),
]  # fmt: skip


@pytest.mark.parametrize(
    "arguments, english, chinese", BAD, ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_a_question_put_wrongly_is_told_how_to_put_it(
    told: Terminal, arguments: tuple[str, ...], english: str, chinese: str
) -> None:
    said = told.run("ask", *arguments)
    assert said.code == 2 and english in said.err and not CHINESE.search(said.err)
    said = told.run("ask", *arguments, "--lang", "zh")
    assert said.code == 2 and chinese in said.err and CHINESE.search(said.err)


def test_all_questions_are_named_when_one_does_not_exist(told: Terminal) -> None:
    said = told.run("ask", "life")
    assert all(f"{each.letter} {each.name}" in said.err for each in ASKED)


@pytest.mark.parametrize("option", ["--known-at", "--at", "--until", "--since"])
def test_a_time_without_offset_is_wrong_usage(told: Terminal, option: str) -> None:
    assert told.run("ask", "m", "lot:F-1", option, "2026-03-01").code == 2
    assert told.run("ask", "m", "lot:F-1", option, "yesterday").code == 2


@pytest.mark.parametrize(
    "arguments", [("a", "A999926777777"), ("e", "donor:nobody"), ("m", "lot:none"), ("f", "patient:X")]
)
def test_of_the_unknown_the_answer_is_no(told: Terminal, arguments: tuple[str, ...]) -> None:
    said = told.run("ask", *arguments, "--json")
    assert said.code == 1 and said.json["code"] == "not_found" and said.json["rows"] == []
    assert said.json["position"] == len(told.run("facts").lines) and arguments[1] in said.json["message"]
    assert arguments[1] in told.run("ask", *arguments).err
    assert CHINESE.search(told.run("ask", *arguments, "--lang", "zh").err)


@pytest.mark.parametrize("letter", LETTERS)
def test_before_the_first_fact_nothing_was_known(told: Terminal, letter: str) -> None:
    first = told.run("facts", "--limit", "1").lines[0]["recorded_at"]
    said = ask(told, letter, "--known-at", PAST, "--json")
    assert said.code == 1 and said.json["code"] == "nothing_known_yet" and said.json["rows"] == []
    words = ask(told, letter, "--known-at", PAST)
    assert words.code == 1 and first.removesuffix("Z") in words.err
    assert CHINESE.search(ask(told, letter, "--known-at", PAST, "--lang", "zh").err)
    assert ask(told, letter, "--known-at", first, "--json").code == 0


def test_a_ledger_without_facts_knows_nothing_at_any_time(terminal: Terminal) -> None:
    assert terminal.run("init").code == 0
    said = terminal.run("ask", "g", "--known-at", PAST)
    assert said.code == 1 and "the ledger holds no fact" in said.err
    assert terminal.run("ask", "o").code == 0
    assert terminal.run("ask", "a", DINS[0]).code == 1


def test_without_a_ledger_the_fault_is_named(terminal: Terminal) -> None:
    said = terminal.run("ask", "g")
    assert said.code == 3 and "there is no ledger" in said.err


# -- how rows are laid out ---------------------------------------------------------------------------------


def laid_out(capsys: pytest.CaptureFixture[str], rows: list[dict[str, Any]], width: int = 60) -> list[str]:
    put_rows(Say("en"), rows, str, width)
    return capsys.readouterr().out.splitlines()


def test_what_has_no_room_in_the_table_stands_below_its_row(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"bag": "A#1", "why": "abo", "patient": "P-1", "note_of_the_site": "word " * 30, "position": 7}]
    lines = laid_out(capsys, rows)
    assert lines[0].split() == ["bag", "why", "patient", "position"]
    assert lines[1].split() == ["A#1", "ABO", "does", "not", "fit", "P-1", "7"]
    text = " ".join(" ".join(lines).split())
    assert text.count("word") == 30 and "P-1" in text and max(map(len, lines)) <= 60


def test_chinese_takes_two_columns_of_the_screen(capsys: pytest.CaptureFixture[str]) -> None:
    lines = laid_out(capsys, [{"bag": "血袋一", "position": 1}, {"bag": "B", "position": 22}])
    assert lines == ["bag     position", "血袋一  1", "B       22"]


def test_one_wide_cell_does_not_push_its_column_out_of_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"bag": "A#1", "place": "fridge 1"}, {"bag": "A#2", "place": "x" * 50}]
    lines = laid_out(capsys, rows)
    assert lines == ["bag  place", "A#1  fridge 1", "A#2", "    place " + "x" * 50]


def test_sealed_text_is_said_to_be_sealed(capsys: pytest.CaptureFixture[str]) -> None:
    lines = laid_out(capsys, [{"bag": "A#1", "reason": {"key_id": "text", "bytes": "c2VjcmV0"}}])
    assert lines[1].split() == ["A#1", "sealed"]


def test_an_annulled_fact_is_called_so(capsys: pytest.CaptureFixture[str]) -> None:
    (_, line) = laid_out(capsys, [{"name": "bag.transfused", "corrected": "annulled"}])
    assert line == "transfused (annulled)"


def test_rows_beyond_what_helps_anyone_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    lines = laid_out(capsys, [{"bag": f"A#{number}"} for number in range(MOST_ROWS + 3)])
    assert len(lines) == MOST_ROWS + 2 and lines[-1] == "… more rows: 3 (all with --json)"


@pytest.mark.parametrize(
    "count, english, chinese", [(0, "no bag", "0 袋"), (1, "1 bag", "1 袋"), (12, "12 bags", "12 袋")]
)
def test_counts_are_said_in_words_that_fit(count: int, english: str, chinese: str) -> None:
    assert counted(Say("en"), "bags", count) == english
    assert counted(Say("zh"), "bags", count) == chinese


def test_a_bar_is_drawn_on_a_terminal_and_gone_when_the_answer_comes() -> None:
    if not terminals():
        pytest.skip("this machine gives no pseudo-terminals (is /dev/pts mounted?)")
    slow = (
        "import ledger.screen.console as console\n"
        "console.SLOW_SECONDS = 0\n"
        "with console.progress('looking') as tell:\n"
        "    tell._begin.join()\n"  # it is drawn from a timer, without being told anything
        "    tell(1, 2)\n"
        "print('answered')"
    )
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm"}
    with subprocess.Popen(
        [sys.executable, "-c", slow], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=theirs
    ) as process:
        os.close(theirs)
        drawn = b""
        with suppress(OSError):  # Linux says that nobody writes any more by an error
            while part := os.read(ours, 65_536):
                drawn += part
        os.close(ours)
        assert process.stdout is not None and process.stdout.read() == b"answered\n"
    assert process.returncode == 0
    assert b"looking" in drawn and b"\x1b[2K" in drawn and b"Traceback" not in drawn


# -- wrong usage of the command line itself ----------------------------------------------------------------

USAGE = [
    (("trace",), "SUBJECT is missing, as in `bloodledger trace A999926123456=E0336V00`", "缺少 SUBJECT"),
    (("recall",), "SUBJECT is missing, as in `bloodledger recall lot:filter:F-2026-17`", "缺少 SUBJECT"),
    (("stock", "--group", "Z"), "--group cannot be that: it is one of A, B, O, AB", "应为 A, B, O, AB 之一"),
    (("ask", "g", "--days", "soon"), "--days cannot be that: it is a number from 0 to 36500", "应为 0 至 36500 的数字"),
    (("trace", "donor:D-1", "--depth", "-1"), "--depth cannot be that: it is a whole number from 0 to any", "整数"),
    (("stock", "--colour"), "there is no option --colour", "没有选项 --colour"),
    (("asks",), "there is no command asks", "没有命令 asks"),
    (("stock", "--at", "noon"), "'noon' is not a time such as 2026-03-01T08:00:00+08:00", "'noon' 不是时间"),
    (("stock", "--at", "2026-03-01T08:00"), "has no offset", "缺少时区偏移"),
    (("ask", "e", "donor:D-1", "--since", "noon"), "'noon' is not a time", "'noon' 不是时间"),
    (("stock", "now"), "unexpected extra argument", "用法有误"),
]  # fmt: skip


@pytest.mark.parametrize(
    "arguments, english, chinese", USAGE, ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_wrong_usage_is_told_in_the_language_at_hand(
    terminal: Terminal, arguments: tuple[str, ...], english: str, chinese: str
) -> None:
    said = terminal.run(*arguments)
    assert said.code == 2 and said.out == "" and english in said.err and "--help" in said.err
    assert not CHINESE.search(said.err)
    said = terminal.run("--lang", "zh", *arguments)
    assert said.code == 2 and chinese in said.err


def test_no_words_of_answers_are_left_that_nobody_says() -> None:
    rooms = ("ledger/cli", "ledger/screen")
    source = "".join(path.read_text(encoding="utf-8") for room in rooms for path in (ROOT / room).glob("*.py"))
    said = re.findall(r"[\"']([a-z_.]+)[\"']", source)
    assert [key for key in SAYINGS if said.count(key) < 2] == []


@pytest.mark.parametrize(
    "letter, subject", [("e", "patient:P-1"), ("f", "donor:D-1"), ("m", "donor:D-1"), ("c", "run:R")]
)
def test_a_question_asked_about_another_kind_of_subject_says_what_it_is_about(
    told: Terminal, letter: str, subject: str
) -> None:
    asked = told.run("ask", letter, subject)
    assert asked.code == 2 and f"question {letter} is about" in asked.err
    assert CHINESE.search(told.run("ask", letter, subject, "--lang", "zh").err)


def test_what_reads_as_no_subject_is_told_what_would(told: Terminal) -> None:
    for words in (("ask", "b", "nobody"), ("recall", "xyz:1"), ("trace", "nobody")):
        asked = told.run(*words)
        assert asked.code == 2 and "is no bag, DIN, donor:…" in asked.err
    upside_down = ("--since", "2026-03-02T00:00:00Z", "--until", "2026-03-01T00:00:00Z")
    assert told.run("recall", "device:X", *upside_down).code == 2
    assert told.run("stock", "--status", "banana").code == 2
