"""This file holds how lines become answers: through the committer in windows, in order, each answered."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

from ledger.commands.answer import Answer
from ledger.commands.command import Command
from ledger.commands.lines import Line
from ledger.commands.malformed import Malformed
from ledger.commands.reading import read_command, request_of

WINDOW = 256
"""How many lines share a commit, unless told otherwise."""


class Commits(Protocol):
    """Whatever commits commands; the committer."""

    def commit(self, commands: list[Command]) -> list[Answer]: ...


class Answered(NamedTuple):
    """A line and what became of it."""

    line: int
    request: str | None
    command: Command | None
    answer: Answer


class _Read(NamedTuple):
    """A line as it was read: a command, or what is wrong with it."""

    line: int
    request: str | None
    command: Command | None
    problem: Malformed | None


def record_lines(committer: Commits, lines: Iterable[Line | None], window: int = WINDOW) -> Iterator[list[Answered]]:
    """Decide and record line by line, a window in one commit; a later line is decided on top of an earlier one.

    Every line is answered in its place. After a fault of the store it stops at the end of that window: whoever
    sends the same lines again gets `repeated` for what was recorded.
    """
    waiting: list[_Read] = []
    for line in lines:
        if line is not None:
            waiting.append(_read(line))
        if waiting and (line is None or len(waiting) >= window):
            answered = _answered(committer, waiting)
            waiting = []
            yield answered
            if any(each.answer.outcome == "fault" and not each.answer.defect for each in answered):
                return
    if waiting:
        yield _answered(committer, waiting)


def _read(line: Line) -> _Read:
    try:
        command = read_command(line.text)
    except Malformed as problem:
        return _Read(line.number, request_of(line.text), None, problem)
    return _Read(line.number, command.request, command, None)


def _answered(committer: Commits, window: list[_Read]) -> list[Answered]:
    answers = iter(committer.commit([each.command for each in window if each.command is not None]))
    return [
        Answered(
            each.line,
            each.request,
            each.command,
            Answer("malformed", problem=each.problem) if each.command is None else next(answers),
        )
        for each in window
    ]
