"""This file holds the tests that a broken catalogue is refused with file, line and field."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.catalogue import EXAMPLE, load_catalogue
from ledger.catalogue.sense import BEGINNINGS, PROCESSES
from ledger.data_files import BrokenFile
from ledger.data_files.broken import REASONS
from ledger.data_files.strict_yaml import LARGEST_BYTES

PROCESS_LINES = "".join(
    f"  - {{process: {process}, names: {{en: A, zh: 甲}}, effective_from: 2020-01-01, clock: process}}\n"
    for process in PROCESSES + BEGINNINGS
    if process != "separate"
)
SMALL = f"""\
id: small
products:
  - component: whole_blood
    names:
      en: Whole blood
      zh: 全血
    measure: U
    crossmatch: true
    storage:
      - effective_from: 2020-01-01
        effective_until: 2025-12-31
        celsius_min: 2
        celsius_max: 6
    shelf_lives:
      - rule: wb-21d
        effective_from: 2020-01-01
        days: 21
      - rule: wb-35d
        effective_from: 2020-01-01
        days: 35
        processes: [collect]
        solutions: [CPDA-1]
  - component: plasma
    names: {{en: Plasma, zh: 血浆}}
    measure: mL
processes:
  - process: separate
    names: {{en: Separation, zh: 分离}}
    effective_from: 2020-01-01
    clock: collection
    capped: false
    ml_per_unit: 250
{PROCESS_LINES}panels:
  - id: all
    kinds: [whole_blood, apheresis_platelets, apheresis_plasma, apheresis_granulocytes]
    markers: [hbsag, alt]
    group: true
    effective_from: 2020-01-01
returns:
  - leg: ward_to_bank
    effective_from: 2020-01-01
    may_come_back: true
    within_minutes: 30
crossmatch:
  - effective_from: 2020-01-01
    valid_hours: 72
product_codes:
  - code: E5445
    component: whole_blood
bands:
  - component: plasma
    measure: mL
    low: 1200
    high: 2000.5
    facility: C1
    group: O
    rhd: negative
"""
CHINESE = re.compile(r"[\u4e00-\u9fff]")


class Case(NamedTuple):
    """A change of the small catalogue; `# HERE` marks the line that the error must name."""

    old: str
    new: str
    code: str
    field: str


CASES = [
    # shape
    Case("measure: U\n", "measure: U\n    colour: red # HERE\n", "unknown_field", "products[0].colour"),
    Case("      zh: 全血\n", "      zh: 全血\n      fr: Sang # HERE\n", "unknown_field", "products[0].names.fr"),
    Case("returns:\n", "retruns: # HERE\n", "unknown_field", "retruns"),
    Case("        days: 21\n", "        weeks: 3 # HERE\n", "unknown_field", "products[0].shelf_lives[0].weeks"),
    Case("    measure: U\n", "    measure: U\n    measure: U # HERE\n", "duplicate_key", "products[0].measure"),
    Case("id: small\n", "id: small\nid: small # HERE\n", "duplicate_key", "id"),
    Case(
        "  - component: whole_blood\n    names:",
        "  - names: # HERE",
        "missing_field",
        "products[0].component",
    ),
    Case("    names:\n      en: Whole blood", "    names: # HERE", "missing_field", "products[0].names.en"),
    Case("      - rule: wb-21d\n        eff", "      - eff", "missing_field", "products[0].shelf_lives[0].rule"),
    Case("    valid_hours: 72\n", "", "missing_field", "crossmatch[0].valid_hours"),
    Case("measure: U\n", "measure: 1 # HERE\n", "wrong_kind", "products[0].measure"),
    Case("measure: U\n", "measure: # HERE\n", "wrong_kind", "products[0].measure"),
    Case("measure: U\n", "measure: [U] # HERE\n", "wrong_kind", "products[0].measure"),
    Case("zh: 全血\n", "zh: {a: 1} # HERE\n", "wrong_kind", "products[0].names.zh"),
    Case("crossmatch: true\n", "crossmatch: yes # HERE\n", "wrong_kind", "products[0].crossmatch"),
    Case("days: 21\n", "days: 21.5 # HERE\n", "wrong_kind", "products[0].shelf_lives[0].days"),
    Case("days: 21\n", "days: true # HERE\n", "wrong_kind", "products[0].shelf_lives[0].days"),
    Case("days: 21\n", "days: 0x15 # HERE\n", "wrong_kind", "products[0].shelf_lives[0].days"),
    Case("days: 21\n", f"days: {'9' * 5000} # HERE\n", "wrong_kind", "products[0].shelf_lives[0].days"),
    Case("days: 21\n", f"days: {'9' * 30} # HERE\n", "out_of_range", "products[0].shelf_lives[0].days"),
    Case("celsius_min: 2\n", "celsius_min: cold # HERE\n", "wrong_kind", "products[0].storage[0].celsius_min"),
    Case("celsius_min: 2\n", "celsius_min: .nan # HERE\n", "wrong_kind", "products[0].storage[0].celsius_min"),
    Case("2025-12-31\n", "2025-02-30 # HERE\n", "wrong_kind", "products[0].storage[0].effective_until"),
    Case("2025-12-31\n", "31.12.2025 # HERE\n", "wrong_kind", "products[0].storage[0].effective_until"),
    Case("[CPDA-1]\n", "CPDA-1 # HERE\n", "wrong_kind", "products[0].shelf_lives[1].solutions"),
    Case("[CPDA-1]\n", "[06] # HERE\n", "wrong_kind", "products[0].shelf_lives[1].solutions[0]"),
    Case("panels:\n  - id: all", "panels:\n  - 5 # HERE\n  - id: all", "wrong_kind", "panels[0]"),
    Case("product_codes:\n", "product_codes:\n  - []\nother: # HERE\n", "unknown_field", "other"),
    # nothing clever
    Case("measure: U\n", "measure: &u U # HERE\n", "anchor", "products[0].measure"),
    Case(
        "names: {en: Plasma, zh: 血浆}",
        "names: &n {en: Plasma, zh: 血浆} # HERE",
        "anchor",
        "products[1].names",
    ),
    Case("measure: U\n", "measure: !unit U # HERE\n", "tag", "products[0].measure"),
    Case("measure: U\n", "measure: !!python/name:os U # HERE\n", "tag", "products[0].measure"),
    Case("id: small\n", "%YAML 1.1 # HERE\n---\nid: small\n", "directive", ""),
    Case("id: small\n", "id: small\n...\n%YAML 9.9 # HERE\n---\n", "directive", ""),
    Case("measure: U\n", "measure: *u # HERE\n", "not_yaml", ""),
    Case("measure: U\n", "measure: U: V # HERE\n", "not_yaml", ""),
    Case("measure: U\n", "measure: U\n\tcrossmatch: true # HERE\n", "not_yaml", ""),
    Case("measure: U\n", "measure: \x07 # HERE\n", "not_yaml", ""),
    Case("panels:\n", "--- # HERE\npanels:\n", "not_yaml", ""),
    Case("measure: U\n", f"measure: {'[' * 40}{']' * 40} # HERE\n", "too_deep", ""),
    # products
    Case("id: small\n", 'id: "" # HERE\n', "empty", "id"),
    Case("id: small\n", "id: my catalogue # HERE\n", "malformed", "id"),
    Case(
        "component: whole_blood\n    names",
        "component: Whole-Blood # HERE\n    names",
        "malformed",
        "products[0].component",
    ),
    Case("component: plasma\n", "component: whole_blood # HERE\n", "duplicate", "products[1].component"),
    Case("zh: 全血\n", "zh: ' ' # HERE\n", "empty", "products[0].names.zh"),
    Case("en: Plasma", 'en: ""', "empty", "products[1].names.en"),
    Case("measure: U\n", "measure: L # HERE\n", "unknown_value", "products[0].measure"),
    Case("measure: U\n", "measure: ml # HERE\n", "unknown_value", "products[0].measure"),
    Case("celsius_min: 2\n", "celsius_min: 6.5 # HERE\n", "min_above_max", "products[0].storage[0].celsius_min"),
    Case("celsius_min: 2\n", "celsius_min: -300 # HERE\n", "out_of_range", "products[0].storage[0].celsius_min"),
    Case(
        "celsius_min: 2\n",
        "celsius_min: 'NaN' # HERE\n",
        "out_of_range",
        "products[0].storage[0].celsius_min",
    ),
    Case(
        "effective_until: 2025-12-31\n",
        "effective_until: 2019-12-31 # HERE\n",
        "until_before_from",
        "products[0].storage[0].effective_until",
    ),
    Case(
        "        celsius_max: 6\n",
        "        celsius_max: 6\n      - effective_from: 2020-01-01 # HERE\n        celsius_min: 0\n",
        "same_day",
        "products[0].storage[1].effective_from",
    ),
    Case("rule: wb-35d\n", "rule: wb-21d # HERE\n", "duplicate", "products[0].shelf_lives[1].rule"),
    Case("rule: wb-35d\n", "rule: 35 days # HERE\n", "malformed", "products[0].shelf_lives[1].rule"),
    Case("days: 21\n", "days: 0 # HERE\n", "no_length", "products[0].shelf_lives[0].days"),
    Case(
        "rule: wb-21d\n        effective_from: 2020-01-01\n        days: 21\n",
        "rule: wb-21d # HERE\n        effective_from: 2020-01-01\n",
        "no_length",
        "products[0].shelf_lives[0].days",
    ),
    Case("days: 21\n", "days: -21 # HERE\n", "out_of_range", "products[0].shelf_lives[0].days"),
    Case("days: 21\n", "years: 9999 # HERE\n", "out_of_range", "products[0].shelf_lives[0].years"),
    Case("days: 21\n", "hours: -1 # HERE\n", "out_of_range", "products[0].shelf_lives[0].hours"),
    Case(
        "processes: [collect]\n",
        "processes: [colect] # HERE\n",
        "unknown_value",
        "products[0].shelf_lives[1].processes[0]",
    ),
    Case(
        "processes: [collect]\n",
        "processes: [collect, collect] # HERE\n",
        "duplicate",
        "products[0].shelf_lives[1].processes[1]",
    ),
    Case("[CPDA-1]\n", "['']  # HERE\n", "empty", "products[0].shelf_lives[1].solutions[0]"),
    # processes and panels
    Case("process: separate\n", "process: seperate # HERE\n", "unknown_value", "processes[0].process"),
    Case("    clock: collection\n", "    clock: birth # HERE\n", "unknown_value", "processes[0].clock"),
    Case("    ml_per_unit: 250\n", "    ml_per_unit: 0 # HERE\n", "out_of_range", "processes[0].ml_per_unit"),
    Case("  - process: separate\n", "  - process: pool\n", "same_day", "processes[2].process"),
    Case(
        "    capped: false\n",
        "    effective_until: 2019-01-01 # HERE\n",
        "until_before_from",
        "processes[0].effective_until",
    ),
    Case("kinds: [whole_blood,", "kinds: [whole_bloods,", "unknown_value", "panels[0].kinds[0]"),
    Case("kinds: [whole_blood,", "kinds: [apheresis_plasma,", "duplicate", "panels[0].kinds[2]"),
    Case("markers: [hbsag, alt]\n", "markers: [] # HERE\n", "empty", "panels[0].markers"),
    Case("markers: [hbsag, alt]\n", "markers: [hbsag, hbsag] # HERE\n", "duplicate", "panels[0].markers[1]"),
    Case("markers: [hbsag, alt]\n", "markers: [HBsAg] # HERE\n", "malformed", "panels[0].markers[0]"),
    Case("panels:\n", "panels: # HERE\n", "not_covered", "panels"),
    # policies and product codes
    Case("leg: ward_to_bank\n", "leg: home # HERE\n", "unknown_value", "returns[0].leg"),
    Case("within_minutes: 30\n", "within_minutes: 0 # HERE\n", "out_of_range", "returns[0].within_minutes"),
    Case("valid_hours: 72\n", "valid_hours: 0 # HERE\n", "out_of_range", "crossmatch[0].valid_hours"),
    Case("valid_hours: 72\n", "valid_hours: -72 # HERE\n", "out_of_range", "crossmatch[0].valid_hours"),
    Case("code: E5445\n", "code: e5445 # HERE\n", "malformed", "product_codes[0].code"),
    Case("code: E5445\n", "code: E5445V0 # HERE\n", "malformed", "product_codes[0].code"),
    Case("code: E5445\n", "code: E5445V0A # HERE\n", "malformed", "product_codes[0].code"),
    Case("code: E5445\n", 'code: "" # HERE\n', "malformed", "product_codes[0].code"),
    Case(
        "  - code: E5445\n",
        "  - {code: E5445, component: plasma}\n  - code: E5445 # HERE\n",
        "duplicate",
        "product_codes[1].code",
    ),
    Case(
        "    component: whole_blood\n",
        "    component: honey # HERE\n",
        "unknown_component",
        "product_codes[0].component",
    ),
    # bands
    Case(
        "bands:\n",
        "bands:\n  - {component: honey, measure: mL, low: 1, high: 2} # HERE\n",
        "unknown_component",
        "bands[0].component",
    ),
    Case("measure: mL\n    low", "measure: U # HERE\n    low", "other_measure", "bands[0].measure"),
    Case("low: 1200\n", "low: 2001 # HERE\n", "low_above_high", "bands[0].low"),
    Case("low: 1200\n", "low: -1 # HERE\n", "out_of_range", "bands[0].low"),
    Case("low: 1200\n", "low: 'NaN' # HERE\n", "out_of_range", "bands[0].low"),
    Case("low: 1200\n", "low: plenty # HERE\n", "wrong_kind", "bands[0].low"),
    Case("high: 2000.5\n", "high: 1e12 # HERE\n", "out_of_range", "bands[0].high"),
    Case("    low: 1200\n    high: 2000.5\n", "    low: 1200\n", "missing_field", "bands[0].high"),
    Case("facility: C1\n", "facility: ' ' # HERE\n", "empty", "bands[0].facility"),
    Case("group: O\n", "group: Zero # HERE\n", "unknown_value", "bands[0].group"),
    Case("rhd: negative\n", "rhd: minus # HERE\n", "unknown_value", "bands[0].rhd"),
    Case(
        "bands:\n",
        "bands:\n  - {component: plasma, measure: mL, low: 1, high: 1, facility: C1, group: O, rhd: negative}\n",
        "duplicate",
        "bands[1].component",
    ),
]
# Cases whose own line cannot carry the mark: the text that stands in the line which the error must name.
LINE_OF = {
    "products[0].shelf_lives[0].rule": "effective_from: 2020-01-01\n        days: 21",
    "crossmatch[0].valid_hours": "effective_from: 2020-01-01\nproduct_codes",
    "products[1].names.en": 'en: ""',
    "processes[2].process": "{process: pool",
    "panels[0].kinds[0]": "kinds: [",
    "bands[0].high": "component: plasma\n    measure",
    "bands[1].component": "component: plasma\n    measure",
    "panels[0].kinds[2]": "kinds: [",
}


def refused(path: Path) -> BrokenFile:
    with pytest.raises(BrokenFile) as caught:
        load_catalogue(path)
    return caught.value


def line_of(text: str, mark: str) -> int:
    return text[: text.index(mark)].count("\n") + 1


def changed(case: Case) -> str:
    assert SMALL.count(case.old) >= 1, case.old
    text = SMALL.replace(case.old, case.new, 1)
    if case.code == "not_covered":
        text = text.replace(", apheresis_granulocytes", "")
    return text


def test_the_small_catalogue_itself_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(SMALL, encoding="utf-8")
    assert load_catalogue(path).id == "small"


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code} {case.field} {case.new[:30]!r}")
def test_a_broken_file_is_refused_with_line_and_field(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    text = changed(case)
    path.write_text(text, encoding="utf-8")
    broken = refused(path)
    line = line_of(text, "# HERE" if "# HERE" in text else LINE_OF[case.field])
    assert (broken.code, broken.file, broken.line, broken.field) == (case.code, str(path), line, case.field)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code} {case.field} {case.new[:30]!r}")
def test_a_broken_file_is_refused_in_both_languages(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(changed(case), encoding="utf-8")
    broken = refused(path)
    en, zh = broken.message("en"), broken.message("zh")
    assert str(broken) == en
    for said in (en, zh):
        assert str(path) in said and str(broken.line) in said and broken.field in said
        assert "\x07" not in said and len(said) < 600
    assert REASONS[broken.code].en in en and "expected" in en and not CHINESE.search(REASONS[broken.code].en)
    assert REASONS[broken.code].zh in zh and "应为" in zh
    assert broken.as_dict()["line"] == broken.line and broken.as_dict()["message_zh"] == zh


@pytest.mark.parametrize("process", PROCESSES + BEGINNINGS)
def test_a_process_without_a_rule_is_refused(process: str, tmp_path: Path) -> None:
    rows = (EXAMPLE / "processes.yaml").read_text(encoding="utf-8").splitlines()
    if process == "separate":
        at = rows.index("  - process: separate")
        del rows[at : at + 7]
    else:
        rows = [row for row in rows if f"process: {process}," not in row]
    folder = copied_example(tmp_path)
    (folder / "processes.yaml").write_text("\n".join(rows), encoding="utf-8")
    broken = refused(folder)
    assert (broken.code, broken.field) == ("not_covered", "processes")
    assert process in broken.expected
    assert broken.line == rows.index("processes:") + 1


@pytest.mark.parametrize("section", ["id", "products", "processes", "panels"])
def test_a_section_that_is_needed_is_missed(section: str, tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(re.sub(rf"(?m)^{section}:.*\n((?:  .*\n)*)", "", SMALL), encoding="utf-8")
    broken = refused(path)
    assert (broken.code, broken.field, broken.line) == ("missing_field", section, 1)


# ── files and folders ─────────────────────────────────────────────────────────────────────────────────────


def copied_example(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    for file in EXAMPLE.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


def test_an_error_names_the_file_of_the_folder(tmp_path: Path) -> None:
    folder = copied_example(tmp_path)
    panels = folder / "panels.yaml"
    text = panels.read_text(encoding="utf-8").replace("group: true", "group: maybe")
    panels.write_text(text, encoding="utf-8")
    broken = refused(folder)
    assert (broken.file, broken.line) == (str(panels), line_of(text, "group: maybe"))


def test_a_section_in_two_files_is_refused(tmp_path: Path) -> None:
    folder = copied_example(tmp_path)
    (folder / "zz.yaml").write_text("# mine\n\npanels: []\n", encoding="utf-8")
    broken = refused(folder)
    assert (broken.code, broken.file, broken.line) == ("duplicate_key", str(folder / "zz.yaml"), 3)
    assert "panels.yaml:" in broken.expected


def test_a_missing_file_of_a_folder_is_a_missing_section(tmp_path: Path) -> None:
    folder = copied_example(tmp_path)
    (folder / "panels.yaml").unlink()
    broken = refused(folder)
    assert (broken.code, broken.file, broken.line, broken.field) == (
        "missing_field",
        str(folder),
        None,
        "panels",
    )
    assert "line" not in broken.message("en") and "行" not in broken.message("zh")


def test_optional_sections_may_be_left_out(tmp_path: Path) -> None:
    folder = copied_example(tmp_path)
    (folder / "policies.yaml").unlink()
    (folder / "product_codes.yaml").unlink()
    (folder / "bands.yaml").unlink()
    catalogue = load_catalogue(folder)
    assert (
        catalogue.returns == ()
        and catalogue.crossmatch == ()
        and catalogue.product_codes == ()
        and catalogue.bands == ()
    )


def test_files_that_would_be_left_out_by_their_ending_are_refused(tmp_path: Path) -> None:
    folder = copied_example(tmp_path)
    (folder / "panels.yaml").rename(folder / "panels.yml")
    assert (refused(folder).code, refused(folder).file) == ("wrong_ending", str(folder / "panels.yml"))


def test_other_files_of_the_folder_are_left_alone(tmp_path: Path) -> None:
    folder = copied_example(tmp_path)
    for name in ("README.md", ".panels.yaml.swp", "._panels.yaml", "panels.yaml~"):
        (folder / name).write_bytes(b"\xff not ours")
    assert load_catalogue(folder) == load_catalogue()


def test_a_folder_without_yaml_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path).code == "no_files"


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path / "nowhere").code == "unreadable"


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    folder = copied_example(tmp_path)
    (folder / "panels.yaml").unlink()
    (folder / "panels.yaml").symlink_to(folder / "panels.yaml")
    broken = refused(folder / "panels.yaml")
    assert (broken.code, broken.file) == ("unreadable", str(folder / "panels.yaml"))


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n"])
def test_an_empty_file_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(text, encoding="utf-8")
    assert (refused(path).code, refused(path).line) == ("empty", 1)


@pytest.mark.parametrize("text", ["[]", "5", "products", "- a\n- b\n"])
def test_a_file_that_is_no_mapping_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(text, encoding="utf-8")
    assert (refused(path).code, refused(path).line) == ("wrong_kind", 1)


def test_a_large_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(SMALL + "#" * LARGEST_BYTES, encoding="utf-8")
    assert refused(path).code == "too_large"


def test_another_encoding_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_bytes(SMALL.encode().replace("全血".encode(), "汉字".encode("gb18030")))
    assert (refused(path).code, refused(path).line) == ("not_utf8", line_of(SMALL, "全血"))


@pytest.mark.parametrize("ending", ["\r\n", "\n"])
def test_line_endings_and_a_byte_order_mark_change_nothing(ending: str, tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + SMALL.replace("\n", ending).encode())
    assert load_catalogue(path).id == "small"
    path.write_bytes(b"\xef\xbb\xbf" + SMALL.replace("72", "0").replace("\n", ending).encode())
    assert refused(path).line == line_of(SMALL, "valid_hours")


def test_a_bomb_of_aliases_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    bomb = "a: &a [x, x]\n" + "".join(
        f"{new}: &{new} [*{old}, *{old}]\n" for old, new in zip("abcdefghij", "bcdefghijk", strict=True)
    )
    path.write_text(f"id: [{{}}]\n{bomb}", encoding="utf-8")
    assert refused(path).code in ("anchor", "unknown_field")


@given(at=st.integers(0, len(SMALL)), cut=st.integers(0, 12), put=st.text(max_size=6))
def test_whatever_is_done_to_a_file_it_is_taken_or_refused(
    at: int, cut: int, put: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzzed.yaml"
    path.write_text(SMALL[:at] + put + SMALL[at + cut :], encoding="utf-8", errors="surrogatepass")
    broken = None
    try:
        load_catalogue(path)
    except BrokenFile as error:
        broken = error
    assert broken is None or (broken.line is not None and broken.message("zh"))


def test_every_reason_is_met_by_a_test() -> None:
    elsewhere = {"unreadable", "too_large", "not_utf8", "no_files", "wrong_ending"}
    of_scenarios = {"unbalanced", "not_met"}  # tests/simulator/test_scenarios.py
    assert {case.code for case in CASES} | elsewhere | of_scenarios == set(REASONS)
