"""This file holds the reading and running of the hand-written pages and of the commands they show.

`python -m tests.house.pages README.md` runs a page and puts real output where it says `…` alone.
"""

import os
import pty
import re
import subprocess
import sys
import tempfile
import termios
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
SHOWN_NOT_RUN = re.compile(r"(git clone|cd |make (setup|test))")
LEFT_OUT = "…"
COLUMNS = 120


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


class Shown(NamedTuple):
    """A command of a page and what the page says it prints.

    Unit: `line`, where it begins, and `after`, where its output does, count from 0.
    """

    line: int
    after: int
    command: str
    output: list[str]


def shown(page: Path) -> Iterator[Shown]:
    """The commands of a page's console blocks: `$ ` begins one, `> ` goes on, the rest is output."""
    inside = False
    current: Shown | None = None
    for number, line in enumerate(text(page).splitlines()):
        begins = inside and line.startswith("$ ")
        if line.startswith("```"):
            inside = line == "```console"
        if current and (begins or line.startswith("```")):
            yield current
            current = None
        if begins:
            current = Shown(number, number + 1, line[2:], [])
        elif current and line.startswith("> ") and not current.output:
            current = current._replace(after=number + 1, command=f"{current.command}\n{line[2:]}")
        elif current:
            current.output.append(line)


def save_files(page: Path, folder: Path) -> None:
    """Save each block that begins with ```json NAME (or another language) as the file NAME."""
    blocks = re.compile(r"^```\w+ (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    for file, content in blocks.findall(text(page)):
        (folder / file).write_text(content, encoding="utf-8")


def run(command: str, folder: Path) -> list[str]:
    """What a command prints on a terminal, in `folder`, with `bloodledger` and `make demo` leading to this code."""
    programs = folder / ".programs"
    programs.mkdir(exist_ok=True)
    program = programs / "bloodledger"
    start = "from ledger.cli import main; main()"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{start}" "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    kept = {key: value for key, value in os.environ.items() if not key.startswith("BLOODLEDGER_")}
    ours = {
        "PATH": f"{programs}:{kept['PATH']}",
        "PYTHONPATH": str(ROOT),
        "BLOODLEDGER_LEDGER": str(folder / "first.ledger"),
        "BLOODLEDGER_LANG": "en",
        "COLUMNS": str(COLUMNS),
        "TERM": "xterm",
        "NO_COLOR": "1",
    }
    said, code = _on_a_terminal(re.sub(r"^make demo\b", "bloodledger demo", command), folder, kept | ours)
    assert "Traceback" not in said, said
    assert code in (0, 1), f"exit code {code}: {said}"
    return [line.rstrip() for line in said.rstrip().splitlines()]


def terminals() -> bool:
    """Whether this machine gives pseudo-terminals; a bare chroot may not."""
    try:
        for end in pty.openpty():
            os.close(end)
    except OSError:
        return False
    return True


def _on_a_terminal(command: str, folder: Path, environment: dict[str, str]) -> tuple[str, int]:
    """What a shell prints where people read, without colours, and its exit code."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (50, COLUMNS))
    with tempfile.TemporaryFile() as errors:  # apart, so that no progress is drawn into what is shown
        process = subprocess.Popen(
            ["sh", "-c", command], cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=theirs, stderr=errors
        )
        os.close(theirs)
        said = b""
        with suppress(OSError):  # Linux says that nobody writes any more by an error
            while part := os.read(ours, 65_536):
                said += part
        os.close(ours)
        code = process.wait()
        errors.seek(0)
        said += errors.read()
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said.decode().replace("\r", "")), code


def fill(page: Path) -> None:
    """Put real output where a page shows `…` alone, and take its note to do so away."""
    lines = text(page).splitlines()
    with tempfile.TemporaryDirectory() as folder:
        save_files(page, Path(folder))
        runnable = [each for each in shown(page) if not SHOWN_NOT_RUN.match(each.command)]
        filled = [(each, run(each.command, Path(folder))) for each in runnable]
        for each, printed in reversed(filled):
            if each.output == [LEFT_OUT]:
                lines[each.after : each.after + 1] = [line.replace(folder, "…") for line in printed]
    content = "\n".join(lines) + "\n"
    page.write_text(re.sub(r"<!-- FILL: output of .*? -->\n\n", "", content), encoding="utf-8")


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        fill(Path(argument).resolve())
