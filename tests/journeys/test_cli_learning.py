"""This file holds the tests of the commands that need no ledger, and of help and words in both languages."""

import ast
import json
import re
from pathlib import Path
from string import Formatter

import click
import pytest

import schemas
from ledger.cli import main
from ledger.commands import COMMANDS
from ledger.domain.hold import SCOPES
from ledger.domain.nonconformities import NONCONFORMITIES
from ledger.domain.refusals import REFUSALS
from ledger.screen.codes import MALFORMED, known_codes
from ledger.screen.help_words import EXAMPLES
from ledger.screen.noun_words import PROCESSES
from ledger.screen.noun_words import SCOPES as SCOPE_WORDS
from ledger.screen.words import SAID, WORDS
from tests.journeys.terminal import ROOT, Terminal, life

CHINESE = re.compile(r"[\u3400-\u9fff]")
SAME_IN_BOTH = {"measure.U", "measure.mL", "rhd.positive", "rhd.negative", "fault.store", "fault.outside"}


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


def paths(group: click.Group, before: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for name, each in group.commands.items():
        found += paths(each, (*before, name)) if isinstance(each, click.Group) else [(*before, name)]
    return found


ALL = paths(main)


def details(text: str) -> set[str]:
    return {field for _, field, _, _ in Formatter().parse(text) if field is not None}


@pytest.mark.parametrize("key", sorted(WORDS))
def test_every_word_is_there_in_both_languages(key: str) -> None:
    english, chinese = WORDS[key]
    assert english and chinese and not CHINESE.search(english)
    assert CHINESE.search(chinese) or key in SAME_IN_BOTH
    assert details(english) == details(chinese)


def test_no_word_is_left_that_nobody_says() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "ledger" / "cli").glob("*.py")))
    source += "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "ledger" / "screen").glob("*.py")))
    said = re.findall(r"[a-z_]+\.[a-z_.]+", source)
    by_parts = (
        "outcome.",
        "status.",
        "stock.",
        "scan.",
        "explain.",
        "commands.",
        "trace.corrected.",
        "views.",
        "report.",
    )
    unsaid = [key for key in SAID if said.count(key) < 2 and not key.startswith(by_parts)]
    assert unsaid == []


@pytest.mark.parametrize("code", sorted(MALFORMED))
def test_every_malformed_code_is_explained_in_both_languages(code: str) -> None:
    english, chinese = MALFORMED[code]
    assert not CHINESE.search(english) and CHINESE.search(chinese)


def test_every_code_that_commands_say_is_explained() -> None:
    said = set()
    for path in (ROOT / "ledger" / "commands").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = isinstance(node, ast.Call) and ast.unparse(node.func) in ("Malformed", "BadHistory")
            if called and node.args and isinstance(node.args[0], ast.Constant):
                said.add(node.args[0].value)
    assert said and said <= set(known_codes())


def test_every_fact_process_and_scope_has_its_words() -> None:
    assert {f"fact.{wire.rpartition('.')[0]}" for wire in schemas.wire_names()} <= set(WORDS)
    assert set(SCOPES) == set(SCOPE_WORDS)
    process = COMMANDS["PrepareBags"].__annotations__["process"]
    assert process and len(PROCESSES) == 14


@pytest.mark.parametrize("path", ALL, ids=" ".join)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_help_teaches_with_examples_in_the_language_at_hand(
    terminal: Terminal, path: tuple[str, ...], lang: str
) -> None:
    said = terminal.run("--lang", lang, *path, "--help")
    assert said.code == 0
    assert all(example in said.out for example in EXAMPLES[" ".join(path)])
    assert bool(CHINESE.search(said.out)) == (lang == "zh")


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_takes_json_language_and_ledger(path: tuple[str, ...]) -> None:
    here: click.Command = main
    for name in path:
        assert isinstance(here, click.Group)
        here = here.commands[name]
    assert {"json", "lang", "ledger"} <= {each.name for each in here.params}
    assert all(each.help for each in here.params if isinstance(each, click.Option))


def test_the_list_of_commands_is_spoken_in_both_languages(terminal: Terminal) -> None:
    assert "Begin an empty ledger." in terminal.run("--help").out
    assert "建立空账本。" in terminal.run("--lang", "zh", "--help").out
    assert terminal.run("--version").out.startswith("bloodledger ")


def test_a_label_is_read(terminal: Terminal) -> None:
    said = terminal.run("scan", "=410301602203855=<E5445000", "=%6200", "--json")
    assert said.code == 0 and said.json["bag"] == "4103016022038=E5445000"
    assert [each["structure"] for each in said.json["structures"]] == ["001", "003", "002"]
    assert "bag 4103016022038=E5445000" in terminal.run("scan", "=410301602203855=<E5445000").out
    assert "donation 4103016022038" in terminal.run("scan", "=410301602203855").out


def test_a_bad_scan_says_which_character_and_is_not_repaired(terminal: Terminal) -> None:
    said = terminal.run("scan", "=41O301602203855", "--json")
    assert said.code == 1 and (said.json["code"], said.json["position"]) == ("letter_o", 4)
    drawn = terminal.run("scan", "=41O301602203855").out
    assert "\n  =41O301602203855\n     ^\n" in drawn
    assert "第 4 个字符" in terminal.run("scan", "=41O301602203855", "--lang", "zh").out


def test_scans_of_two_labels_are_not_one_bag(terminal: Terminal) -> None:
    said = terminal.run("scan", "=410301602203855=<E5445000", "=410301602203955", "--json")
    assert said.code == 1 and said.json["code"] == "two_dins"


def test_scans_are_taken_from_a_pipe(terminal: Terminal) -> None:
    said = terminal.run("scan", "-", "--json", given="=410301602203855\r\n\n=%62\n")
    assert said.code == 1 and [each["ok"] for each in said.lines] == [True, False]
    assert terminal.run("scan", "-", given=b"\xff\n").code == 2


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_its_schema(terminal: Terminal, name: str) -> None:
    found = terminal.run("schema", name).json
    assert found["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert {"command", "request", "by", "happened_at"} <= set(found["required"])
    assert set(found["required"]) <= set(found["properties"])
    assert found["properties"]["command"] == {"enum": [name]}
    references = set(re.findall(r'"#/\$defs/([^"]+)"', json.dumps(found)))
    assert references <= set(found["$defs"])


def test_all_schemas_are_one(terminal: Terminal) -> None:
    found = terminal.run("schema").json
    assert len(found["oneOf"]) == len(COMMANDS)
    assert terminal.run("schema", "DrinkBlood").code == 2


def test_what_can_be_recorded_is_listed(terminal: Terminal) -> None:
    found = terminal.run("commands", "--json").json
    assert [each["command"] for each in found] == list(COMMANDS)
    assert "ReleaseBag (decision): " in terminal.run("commands").out
    assert "ReleaseBag (决定)" in terminal.run("commands", "--lang", "zh").out


@pytest.mark.parametrize(
    "code", [*sorted(REFUSALS), *sorted(NONCONFORMITIES), "letter_o", "not_json", "version_not_next"]
)
def test_every_code_is_explained(terminal: Terminal, code: str) -> None:
    assert terminal.run("explain", code).code == 0
    assert CHINESE.search(terminal.run("explain", code, "--lang", "zh").out)


def test_an_unknown_code_brings_near_ones(terminal: Terminal) -> None:
    said = terminal.run("explain", "BagHled")
    assert said.code == 1 and "BagHeld" in said.err
    assert terminal.run("explain", "BagHled", "--json").json["known"] is False


def test_a_catalogue_is_checked_without_being_used(terminal: Terminal, tmp_path: Path) -> None:
    example = ROOT / "ledger" / "catalogue" / "example"
    assert terminal.run("catalogue", "check", str(example)).code == 0
    broken = tmp_path / "broken.yaml"
    broken.write_text("products: 7\n", encoding="utf-8")
    said = terminal.run("catalogue", "check", str(broken), "--json")
    assert said.code == 1 and said.json["file"] and said.json["line"] == 1
    assert CHINESE.search(terminal.run("catalogue", "check", str(broken), "--lang", "zh").out)


def test_no_command_is_slow_to_say_what_it_does() -> None:
    import subprocess
    import sys

    loaded = (
        "import sys, ledger.cli; print(sorted({'rich', 'eventsourcing', 'psycopg', 'fastavro'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", loaded], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n", "loaded where it is used, so that help and scans come at once"


def test_a_life_has_words_for_all_it_tells(terminal: Terminal) -> None:
    terminal.record(*life())
    told = terminal.run("facts", "--no-json", "--lang", "zh").out
    assert len([line for line in told.splitlines() if CHINESE.search(line)]) == len(told.splitlines())
