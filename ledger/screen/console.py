"""This file holds the terminal: where text goes, how JSON is written, and progress on what takes long."""

import json
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, Protocol

import click
import msgspec

if TYPE_CHECKING:
    from rich.console import Console

_ENCODER = msgspec.json.Encoder()

WIDTH = 120
"""Columns where there is no terminal, unless COLUMNS says otherwise."""

SLOW_SECONDS = 2.0
"""Whatever takes longer shows how far it is."""


class Progress(Protocol):
    """Told now and then how far something is, and of how much."""

    def __call__(self, done: int, total: int) -> None: ...


def is_terminal(stream: IO[Any]) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False


def console(stream: IO[str] | None = None) -> "Console":
    """Draws on standard output; without colours in a pipe. Its parts are loaded only where something is drawn."""
    from rich.console import Console

    out = stream or sys.stdout
    width = None if is_terminal(out) else shutil.get_terminal_size((WIDTH, 40)).columns
    return Console(file=out, width=width, highlight=False, emoji=False, markup=False)


def put_json(value: Any) -> None:
    """One JSON value: a line in a pipe, indented on a terminal."""
    indent = 2 if is_terminal(sys.stdout) else None
    click.echo(json.dumps(value, ensure_ascii=False, indent=indent))


def put_line(value: Any) -> None:
    """One JSON value on one line, whoever reads it; not flushed, as there may be a million."""
    sys.stdout.write(_ENCODER.encode(value).decode() + "\n")


@contextmanager
def progress(title: str, wanted: bool = True) -> Iterator[Progress]:
    """A bar on standard error, from SLOW_SECONDS on and on a terminal only."""
    if not wanted or not is_terminal(sys.stderr):
        yield _silent
        return
    bar = _Bar(title)
    try:
        yield bar
    finally:
        bar.close()


def _silent(done: int, total: int) -> None:
    """Nobody looks."""


class _Bar:
    """Draws once something has taken long enough."""

    def __init__(self, title: str) -> None:
        self._title, self._begun = title, time.monotonic()
        self._drawn: Any = None
        self._task: Any = None

    def __call__(self, done: int, total: int) -> None:
        if self._drawn is None:
            if time.monotonic() - self._begun < SLOW_SECONDS:
                return
            from rich.progress import Progress as Drawn

            self._drawn = Drawn(console=console(sys.stderr), transient=True)
            self._task = self._drawn.add_task(self._title, total=total or None)
            self._drawn.start()
        self._drawn.update(self._task, completed=done, total=total or None)

    def close(self) -> None:
        if self._drawn is not None:
            self._drawn.stop()
