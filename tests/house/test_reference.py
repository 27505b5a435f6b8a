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
from ledger.domain.refusals import REFUSALS

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
