"""This file holds the tests of the hand-written pages: links lead somewhere, shown commands run as shown."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.house.pages import LEFT_OUT, PAGES, ROOT, SHOWN_NOT_RUN, name, run, save_files, shown, terminals, text

# Each is run in a folder and on a ledger of its own.
RUN = [page for page in PAGES if "```console" in text(page)]


def loosely(line: str) -> str:
    """A line without what differs from run to run or from terminal to terminal: digests, numbers, widths.

    Example:
        >>> loosely("│ root  9f86d081884c7d65 │ 1,024 facts │")
        'root HASH 0 facts'
    """
    line = re.sub(r"\b[0-9a-f]{12,}…?", "HASH", line)
    line = re.sub(r"\d[\d,.:]*", "0", line)
    return " ".join(re.sub(r"[─━═╌│┃|+]+", " ", line).split())


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN, ids=name)
def test_commands_shown_in_a_page_print_what_it_says(page: Path, tmp_path: Path) -> None:
    if not terminals():
        pytest.skip("this machine gives no pseudo-terminals (is /dev/pts mounted?)")
    save_files(page, tmp_path)
    for each in shown(page):
        if SHOWN_NOT_RUN.match(each.command):
            continue
        printed = [loosely(line) for line in run(each.command, tmp_path)]
        wanted = [loosely(line) for line in each.output if line.strip() not in ("", LEFT_OUT)]
        missing = [line for line in wanted if line not in printed]
        assert missing == [], f"{name(page)}:{each.line + 1} $ {each.command}\n" + "\n".join(printed)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", text(page))
    local = [each.partition("#")[0] for each in links if not re.match(r"https?:|mailto:|#", each)]
    assert [each for each in local if not (page.parent / each).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_nothing_is_left_to_fill_in(page: Path) -> None:
    assert "FILL" + ":" not in text(page)


def test_the_index_names_every_page() -> None:
    index = text(ROOT / "docs" / "README.md")
    pages = [each.relative_to(ROOT / "docs").as_posix() for each in (ROOT / "docs").rglob("*.md")]
    assert sorted(page for page in pages if page != "README.md" and f"({page})" not in index) == []


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = [int(page.name[:4]) for page in sorted((ROOT / "docs" / "decisions").glob("*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))


def test_every_dependency_has_its_decision() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    decisions = "\n".join(text(page) for page in (ROOT / "docs" / "decisions").glob("*.md"))
    names = [re.split(r"[=\[]", each)[0] for each in wanted]
    assert [each for each in names if f"`{each}`" not in decisions and f"`{each} " not in decisions] == []
