"""This file holds the tests that docs/reference says what the code says, and that its examples run."""

import doctest
import importlib
import pkgutil
import re
from pathlib import Path
from string import Formatter

import pytest

import ledger
import projections
import schemas
from ledger import reference
from ledger.commands import reading
from ledger.domain.nonconformities import NONCONFORMITIES
from ledger.domain.refusals import REFUSALS
from ledger.screen.codes import MALFORMED

ROOT = Path(__file__).parents[2]
MODULES = sorted(
    module.name
    for package in (ledger, projections, schemas)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    if not module.name.endswith("__main__")
)
CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.mark.parametrize("page", sorted(reference.PAGES))
def test_a_reference_page_is_fresh(page: str) -> None:
    path = ROOT / reference.FOLDER / page
    assert path.is_file(), "run `make docs`"
    assert path.read_text(encoding="utf-8") == reference.PAGES[page](), "run `make docs`"


def test_a_page_that_says_something_else_is_stale(tmp_path: Path) -> None:
    for name, page in reference.PAGES.items():
        (tmp_path / name).write_text(page(), encoding="utf-8")
    assert reference.stale(tmp_path) == []
    changed = tmp_path / "nonconformities.md"
    changed.write_text(changed.read_text(encoding="utf-8").replace("`bag_unknown`", "`bag_known`"), encoding="utf-8")
    (tmp_path / "settings.md").unlink()
    assert reference.stale(tmp_path) == ["nonconformities.md", "settings.md"]


@pytest.mark.parametrize("module", MODULES)
def test_every_example_in_a_docstring_runs(module: str) -> None:
    failed, _ = doctest.testmod(importlib.import_module(module), optionflags=doctest.ELLIPSIS)
    assert failed == 0


def details(template: str) -> set[str]:
    return {field for _, field, _, _ in Formatter().parse(template) if field is not None}


@pytest.mark.parametrize("code", sorted(REFUSALS))
def test_every_refusal_speaks_both_languages_and_says_what_helps(code: str) -> None:
    said = {lang: reference.refusal_words(REFUSALS[code], lang) for lang in ("en", "zh")}
    for english, chinese in zip(said["en"], said["zh"], strict=True):
        assert english and not CHINESE.search(english)
        assert CHINESE.search(chinese)
        assert details(english) == details(chinese), "both languages name the same details"


@pytest.mark.parametrize("code", sorted(NONCONFORMITIES))
def test_every_nonconformity_speaks_both_languages(code: str) -> None:
    assert not CHINESE.search(NONCONFORMITIES[code].en)
    assert CHINESE.search(NONCONFORMITIES[code].zh)


def raised_codes() -> set[str]:
    """The codes with which the commands say that input is malformed, as their source names them."""
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "ledger" / "commands").rglob("*.py")]
    plain = {code for text in sources for code in re.findall(r"\bMalformed\(\s*\"(\w+)\"", text)}
    return plain | {code for _, code, _, _ in reading._EXPLANATIONS}


def test_every_code_of_malformed_input_is_explained() -> None:
    assert len(raised_codes()) > 20
    assert raised_codes() - set(MALFORMED) == set()
