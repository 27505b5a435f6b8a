"""This file holds programs that run beside tests: on a free port, ended when asked to or when the tests are gone."""

import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event

SECONDS_TO_COME_UP = 60.0
SECONDS_TO_STOP = 60.0


class Running:
    """A program with its own log file, started, and ended with a signal."""

    def __init__(
        self,
        command: Sequence[str],
        log_file: Path,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        self._log_file = log_file
        with log_file.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env=environment, cwd=folder,
            )  # fmt: skip
        # Kills the program when this process is gone, however it went: the pipe between them closes then.
        watch = ["sh", "-c", 'read -r nothing; kill -9 "$1" 2>/dev/null', "guard", str(self._process.pid)]
        self._guard = subprocess.Popen(watch, stdin=subprocess.PIPE, start_new_session=True)

    def wait_until(self, answers: Callable[[], bool]) -> None:
        """Returns when it answers. Errors: RuntimeError with the end of its log, and it does not run any more."""
        until, tick = time.monotonic() + SECONDS_TO_COME_UP, Event()
        while not answers():
            if self._process.poll() is not None or time.monotonic() > until:
                self.end(signal.SIGKILL)
                said = self._log_file.read_text(encoding="utf-8", errors="replace")[-3000:]
                raise RuntimeError(f"what writes {self._log_file} did not come up; its log ends:\n{said}")
            tick.wait(0.05)

    def end(self, with_signal: signal.Signals) -> int:
        """Its exit code. Errors: TimeoutExpired where it went on in spite of the signal; it is killed then."""
        self._guard.kill()
        self._guard.communicate()
        self._process.send_signal(with_signal)
        try:
            return self._process.wait(SECONDS_TO_STOP)
        finally:
            self._process.kill()
            self._process.wait()


def free_port() -> int:
    """A port nobody listens on, below those that systems give to outgoing connections, so that it stays free."""
    while True:
        port = 10_000 + secrets.randbelow(20_000)
        with socket.socket() as trial, suppress(OSError):
            trial.bind(("127.0.0.1", port))
            return port


def listens(address: str) -> bool:
    """Whether anybody takes connections at host:port."""
    host, _, port = address.rpartition(":")
    with socket.socket() as knock:
        knock.settimeout(0.2)
        return knock.connect_ex((host, int(port))) == 0
