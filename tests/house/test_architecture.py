"""This file holds the tests of the house itself: what lies where, what it is called, what it may say."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = {"ledger", "schemas", "projections", "tests", "docs"}
FILES = {"README.md", "CHANGELOG.md", "LICENSE", "Makefile", "pyproject.toml", "docker-compose.yml"}
LEFT_BY_TOOLS = re.compile(
    r"\..+|__pycache__|build|dist|demo|.+\.egg-info|.+\.(ledger|db|views|keys)(-\w+)?|bench(-full)?\.json"
)
SAYS_NOTHING = {
    "utils",
    "util",
    "manager",
    "helper",
    "helpers",
    "service",
    "services",
    "data",
    "common",
    "misc",
}
# Written with a bracket so that this file does not match itself.
ELSEWHERE = re.compile(r"\.\./share[d]|(?<![\w.-])/wor[k]/|/roo[t]/|(?<![\w.-])/tm[p]/")

CODE = sorted(file for room in ("ledger", "schemas", "projections") for file in (ROOT / room).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def text_files() -> Iterator[Path]:
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        hidden = any(LEFT_BY_TOOLS.fullmatch(part) for part in parts) and parts[0] != ".ci"
        if path.is_file() and not hidden and path.suffix not in {".bin", ".sqlite", ".pyc"}:
            yield path


def test_the_top_level_holds_the_rooms_and_nothing_else() -> None:
    found = {each.name for each in ROOT.iterdir() if not LEFT_BY_TOOLS.fullmatch(each.name)}
    assert found == ROOMS | FILES


@pytest.mark.parametrize("path", CODE + TESTS, ids=name)
def test_every_module_says_what_it_holds(path: Path) -> None:
    first_line = (ast.get_docstring(parsed(path)) or "").partition("\n")[0]
    assert first_line.startswith("This file holds "), f"{name(path)} begins with {first_line!r}"
    assert first_line.endswith("."), f"{name(path)}: its first line is not one whole sentence"


def test_no_name_that_says_nothing() -> None:
    assert [name(path) for path in CODE if SAYS_NOTHING & set(path.stem.split("_"))] == []


@pytest.mark.parametrize("path", list(text_files()), ids=name)
def test_nothing_points_outside_the_repository(path: Path) -> None:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    found = [f"{name(path)}:{at}" for at, line in enumerate(lines, 1) if ELSEWHERE.search(line)]
    assert found == []


def calls(path: Path) -> Iterator[str]:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


@pytest.mark.parametrize("path", CODE + TESTS, ids=name)
def test_nobody_waits_on_the_clock(path: Path) -> None:
    assert not {"time.sleep", "sleep"} & set(calls(path)), f"{name(path)}: wait on a named signal"


@pytest.mark.parametrize("path", CODE, ids=name)
def test_no_error_is_swallowed(path: Path) -> None:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ExceptHandler):
            silent = all(isinstance(each, ast.Pass) for each in node.body)
            wide = node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"}
            assert not (silent and wide), f"{name(path)}:{node.lineno} catches everything and says nothing"


def test_a_ledger_in_a_file_does_not_load_the_server_driver() -> None:
    ask = "import sys, ledger.cli; print(sorted({'psycopg', 'psycopg_pool'} & set(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", ask], cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
