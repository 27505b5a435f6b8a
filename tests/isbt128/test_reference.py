"""This file holds the check that the reference page of the labels names every structure and error."""

from pathlib import Path

from ledger.isbt128 import BadScan, scan
from ledger.isbt128.bad_scan import REASONS
from ledger.isbt128.structures import BY_IDENTIFIER

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "isbt128.md").read_text("utf-8")


def test_every_error_code_and_structure_is_on_the_page():
    assert [code for code in REASONS if f"`{code}`" not in PAGE] == []
    assert [identifier for identifier in BY_IDENTIFIER if f"`{identifier}`" not in PAGE] == []


def test_the_example_on_the_page_is_true():
    try:
        scan("=W4836260O001100")
        raise AssertionError("read")
    except BadScan as bad:
        messages = [bad.message("en"), bad.message("zh")]
    assert all(message in PAGE for message in messages)


def test_every_error_code_is_raised_somewhere_in_these_tests():
    here = "".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    assert [code for code in REASONS if f'"{code}"' not in here] == []
