"""This file holds the tests that the locks, the Makefile and pyproject.toml agree."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
RUNTIME = PROJECT["project"]["dependencies"]
GROUPS = PROJECT["dependency-groups"]


def locked(lock: str) -> dict[str, str]:
    """Name and version of everything in a lock."""
    text = (ROOT / ".requirements" / lock).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9-]+)==([^\s;]+)", text, re.MULTILINE))


def pin(requirement: str) -> tuple[str, str]:
    """Name, as locks write it, and version of an exact requirement."""
    found = re.fullmatch(r"([A-Za-z0-9._-]+)(?:\[\w+\])?==([\w.]+)", requirement)
    assert found, f"{requirement} is not pinned exactly"
    return re.sub(r"[._]", "-", found[1]).lower(), found[2]


@pytest.mark.parametrize(
    "lock, wanted",
    [("runtime.txt", RUNTIME + GROUPS["build"]), ("dev.txt", RUNTIME + GROUPS["build"] + GROUPS["dev"])],
)
def test_a_lock_holds_every_pin(lock: str, wanted: list[str]) -> None:
    versions = locked(lock)
    stale = [each for each in wanted if versions.get(pin(each)[0]) != pin(each)[1]]
    assert stale == [], "run `make locks`"


def test_developing_runs_on_what_users_run_on() -> None:
    assert locked("runtime.txt").items() <= locked("dev.txt").items()


@pytest.mark.parametrize("lock", ["runtime.txt", "dev.txt"])
def test_everything_locked_has_hashes(lock: str) -> None:
    text = (ROOT / ".requirements" / lock).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if "==" in line]
    assert lines
    assert [line for line in lines if "--hash=sha256:" not in line] == []


def test_the_build_is_pinned_where_pip_reads_it() -> None:
    assert PROJECT["build-system"]["requires"] == GROUPS["build"]


def test_make_help_names_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony
    said = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.findall(r"^\s+make (\S+)", said, re.MULTILINE) == [*phony[1].split()]


def test_missing_python_is_named_with_its_package(tmp_path: Path) -> None:
    shell = "/bin/sh"
    bare = {"PATH": str(tmp_path)}
    (tmp_path / "make").write_text("#!/bin/sh\n", encoding="utf-8")
    (tmp_path / "make").chmod(0o755)
    cat = subprocess.run([shell, ".ci/check-tools"], cwd=ROOT, env=bare, capture_output=True, text=True, check=False)
    assert cat.returncode == 1
    assert "Python 3.11 or newer is missing" in cat.stderr
    assert "apt-get install python3 python3-venv" in cat.stderr
    assert "dnf install" in cat.stderr
    assert "brew install" in cat.stderr
    assert cat.stdout == ""
