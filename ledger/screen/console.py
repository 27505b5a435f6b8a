"""This file holds the terminal: where text goes, how JSON is written, and progress on what takes long."""

import json
import shutil
import sys
import threading
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


def columns() -> int:
    """How many columns a line has."""
    return shutil.get_terminal_size((WIDTH, 40)).columns


def put_json(value: Any) -> None:
    """One JSON value: a line in a pipe, indented on a terminal."""
    indent = 2 if is_terminal(sys.stdout) else None
    click.echo(json.dumps(value, ensure_ascii=False, indent=indent))


def put_line(value: Any) -> None:
    """One JSON value on one line, whoever reads it; not flushed, as there may be a million."""
    sys.stdout.write(_ENCODER.encode(value).decode() + "\n")


@contextmanager
def progress(title: str, wanted: bool = True) -> Iterator[Progress]:
    """A bar on standard error, from SLOW_SECONDS on and on a terminal only; it moves also while nobody tells."""
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
    """Draws itself once something has taken long enough."""

    def __init__(self, title: str) -> None:
        self._title, self._done, self._total = title, 0, 0
        self._drawn: Any = None
        self._task: Any = None
        self._closed = False
        self._lock = threading.Lock()
        self._begin = threading.Timer(SLOW_SECONDS, self._draw)
        self._begin.daemon = True
        self._begin.start()

    def __call__(self, done: int, total: int) -> None:
        with self._lock:
            self._done, self._total = done, total
            if self._drawn is not None:
                self._drawn.update(self._task, completed=done, total=total or None)

    def _draw(self) -> None:
        from rich.progress import Progress as Drawn

        with self._lock:
            if self._closed:
                return
            self._drawn = Drawn(console=console(sys.stderr), transient=True)
            self._task = self._drawn.add_task(self._title, completed=self._done, total=self._total or None)
            self._drawn.start()

    def close(self) -> None:
        self._begin.cancel()
        with self._lock:
            self._closed = True
            if self._drawn is not None:
                self._drawn.stop()
