"""This file holds a program of a fault run: started, paused, limited, killed, and ended when the run is gone."""

import json
import os
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

ROOT = Path(__file__).parents[2]
KILLED = -signal.SIGKILL
DIED_AT_POINT = 137
"""Exit code of a process that died at the commit point it was told to."""
STOP_SECONDS = 20.0
LOOK_SECONDS = 0.02


def come_true(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until a condition holds; whether it came to that."""
    until, tick = time.monotonic() + seconds, threading.Event()
    while not condition():
        if time.monotonic() >= until:
            return False
        tick.wait(LOOK_SECONDS)
    return True


def let_pass(seconds: float) -> None:
    """Let some time pass in which things happen: a seeded moment of a fault, never something to rest on."""
    threading.Event().wait(seconds)


class Program:
    """One process with its own log. `asked` is its standard input, `answers` its standard output, where wanted."""

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
        talking: bool = False,
        user: str | None = None,
    ) -> None:
        self.log = log
        with log.open("ab") as to:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stderr=to, start_new_session=True, text=True, user=user,
                stdin=subprocess.PIPE if talking else subprocess.DEVNULL, stdout=subprocess.PIPE if talking else to,
            )  # fmt: skip
        # Kills the program when this process is gone, however it went: the pipe between them closes then.
        watch = ["sh", "-c", 'read -r nothing; kill -9 "$1" 2>/dev/null', "guard", str(self.pid)]
        self._guard = subprocess.Popen(watch, stdin=subprocess.PIPE, start_new_session=True)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def asked(self) -> Any:
        return self._process.stdin

    @property
    def answers(self) -> Any:
        return self._process.stdout

    def runs(self) -> bool:
        return self._process.poll() is None

    @property
    def code(self) -> int | None:
        """How it ended: its exit code, or the signal below 0; None while it runs."""
        return self._process.poll()

    def pause(self) -> None:
        if self.runs():
            os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        if self.runs():
            os.kill(self.pid, signal.SIGCONT)

    def limit_files(self, size: int | None) -> None:
        """Let no file grow beyond this size, as on a disk that is full; None: lift it again."""
        unlimited = resource.RLIM_INFINITY
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (unlimited if size is None else size, unlimited))

    def kill(self) -> bool:
        """SIGKILL; whether it was running until then."""
        self._process.kill()
        return self.ended() == KILLED

    def stop(self) -> int:
        """SIGTERM, and its exit code."""
        self.go_on()
        self._process.terminate()
        return self.ended()

    def ended(self, seconds: float = STOP_SECONDS) -> int:
        """Wait for the end; the exit code. One that goes on in spite of all is killed. Errors: TimeoutExpired."""
        try:
            return self._process.wait(seconds)
        finally:
            self._process.kill()
            self._process.wait()
            if self._guard.returncode is None:
                self._guard.kill()
                self._guard.communicate()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    with suppress(BrokenPipeError):  # what was said to it and never read
                        pipe.close()

    def said(self) -> str:
        """All of its log."""
        return self.log.read_text(encoding="utf-8", errors="replace")


def health_of(port: int) -> dict[str, Any] | None:
    """What a relay or a projecting process says of itself; None when it does not answer, or not yet."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/health", timeout=1) as answer:
            return dict(json.load(answer))
    except HTTPError as unwell:  # an answer too: it does not do its work now, and says why
        with unwell:
            return dict(json.load(unwell))
    except (OSError, ValueError):
        return None
