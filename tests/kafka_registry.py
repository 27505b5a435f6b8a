"""This file holds a real schema registry for tests: one that is there, or Apicurio Registry from Maven's jar.

It speaks Confluent's REST API, keeps everything in memory and checks compatibility as set. About 3 s to start, 190 MB.
"""

import os
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.kafka.jars import java_command, missing_here, registry_jar, why_no_jars
from tests.kafka.running import Running, free_port

CONFLUENT = "/apis/ccompat/v7"


def registry_for_tests(folders: pytest.TempPathFactory) -> Iterator[str]:
    """The body of the fixture `registry`: its URL, for all tests of a process; without one they are skipped, or fail
    where BLOODLEDGER_TEST_KAFKA_REQUIRED=1."""
    if named := os.environ.get("BLOODLEDGER_TEST_REGISTRY"):
        yield named
        return
    if missing := why_no_jars():
        missing_here(f"no schema registry for tests: {missing}, BLOODLEDGER_TEST_REGISTRY=http://… names none")
    with running_registry(folders.mktemp("registry")) as url:
        yield url


@contextmanager
def running_registry(folder: Path, **properties: str) -> Iterator[str]:
    """URL of an empty registry of the caller's own; its log is in the folder."""
    port = free_port()
    given = {"quarkus.http.host": "127.0.0.1", "quarkus.http.port": str(port)} | properties
    command = java_command(*(f"-D{name}={value}" for name, value in given.items()), "-jar", str(registry_jar()))
    url = f"http://127.0.0.1:{port}{CONFLUENT}"
    running = Running(command, folder / "registry.log")
    running.wait_until(lambda: _answers(url))
    try:
        yield url
    finally:
        running.end(signal.SIGKILL)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/subjects", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
