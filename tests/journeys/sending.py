"""This file holds how a journey's commands go through the public door."""

import json
from collections.abc import Iterable
from typing import Any

from ledger.commands.answer import Answer
from ledger.commands.reading import read_command
from ledger.wiring import Ledger

WINDOW = 256


def send(ledger: Ledger, commands: Iterable[dict[str, Any]]) -> list[Answer]:
    """Each command as a line of JSON, committed in windows, in order."""
    lines = [json.dumps(command).encode() for command in commands]
    answers: list[Answer] = []
    for first in range(0, len(lines), WINDOW):
        answers += ledger.committer.commit([read_command(line) for line in lines[first : first + WINDOW]])
    return answers
