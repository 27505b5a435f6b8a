"""This file holds a world in a process of its own: it shares nothing with the ledger but commands and answers.

It makes the next window while the last one is committed, and its million objects are in nobody else's way.
"""

from __future__ import annotations

import gc
import multiprocessing
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random  # noqa: TID251 - seeded: the same questions every time
from types import TracebackType
from typing import Any, NamedTuple, Self, cast

from ledger.simulator.scenario import ScenarioFile
from ledger.simulator.world import Answers, Checked, Span, Window, World
from ledger.simulator.worlds import world_of

GONE = (EOFError, BrokenPipeError, ConnectionResetError)


class WorldGone(RuntimeError):
    """The world's process ended, and nobody asked it to."""


class _Question(NamedTuple):
    """What a world asks a ledger: a method of Answers."""

    method: str
    about: tuple[Any, ...]
    more: dict[str, Any]


@contextmanager
def living(file: ScenarioFile, seed: int, days: int | None = None) -> Iterator[World]:
    """The world of a scenario, while inside; see `world_of`. One that must hear its answers lives in this process."""
    if file.scenario.world == "trouble":
        yield world_of(file, seed, days)
    else:
        with WorldApart(file, seed, days) as world:
            yield world


class WorldApart:
    """Fulfils World. Errors: whatever its process fails with, raised here; WorldGone."""

    def __init__(self, file: ScenarioFile, seed: int, days: int | None) -> None:
        self.scenario, self.seed = file.scenario.scenario, seed
        context = multiprocessing.get_context("spawn")
        self._pipe, there = context.Pipe()
        self._process = context.Process(target=_live, args=(there, file.path, seed, days), daemon=True)
        self._process.start()
        there.close()

    def __enter__(self) -> Self:
        self.span = cast(Span, self._heard())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._pipe.close()  # by that it knows that nobody listens any more
        self._process.join()

    def windows(self) -> Iterator[Window]:
        while (window := self._heard()) is not None:
            yield cast(Window, window)

    def check(self, answers: Answers, chance: Random) -> Checked:
        """Once every window was taken: the world asks, and compares, where it is."""
        self._pipe.send(chance)
        while isinstance(heard := self._heard(), _Question):
            answer = getattr(answers, heard.method)(*heard.about, **heard.more)
            self._pipe.send(list(answer) if isinstance(answer, Iterator) else answer)
        return cast(Checked, heard)

    def _heard(self) -> object:
        try:
            heard = self._pipe.recv()
        except GONE as gone:
            self._process.join()
            raise WorldGone(f"the world's process ended with {self._process.exitcode}") from gone
        if isinstance(heard, Exception):
            self._process.join()
            raise heard
        return heard


class _Asked:
    """Fulfils Answers in the world's process: asks over the pipe."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def __getattr__(self, method: str) -> Callable[..., Any]:
        return partial(self._ask, method)

    def _ask(self, method: str, *about: Any, **more: Any) -> Any:
        self._pipe.send(_Question(method, about, more))
        return self._pipe.recv()


def _live(pipe: Connection, path: Path, seed: int, days: int | None) -> None:
    """What the process does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever began it closes the pipe
    gc.disable()  # a world is a million objects, and none of them goes round in a circle
    with suppress(*GONE):
        try:
            world = world_of(ScenarioFile(path), seed, days)
            pipe.send(world.span)
            for window in world.windows():
                pipe.send(window)
            pipe.send(None)
            pipe.send(world.check(cast(Answers, _Asked(pipe)), pipe.recv()))
        except GONE:
            raise
        except Exception as error:
            error.add_note(traceback.format_exc())
            pipe.send(error)
