"""This file holds docker-compose.yml as Compose understands it, and its services as processes of this machine.

A container differs from a process in where its files lie: each service gets folders of its own, holding what the file
mounts into it and nothing else, and the paths in its commands and files are changed accordingly.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.kafka.running import Running
from tests.kafka_broker import kafka_command

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
KAFKA_SCRIPTS = {
    "kafka-storage.sh": "kafka.tools.StorageTool",
    "kafka-server-start.sh": "kafka.Kafka",
    "kafka-acls.sh": "org.apache.kafka.tools.AclCommand",
    "kafka-broker-api-versions.sh": "org.apache.kafka.tools.BrokerApiVersionsCommand",
}
VARIABLE = re.compile(r"\$(?:(?P<dollar>\$)|(?P<bare>\w+)|\{(?P<name>\w+)(?:(?P<how>:?[-?+])(?P<word>[^}]*))?\})")


class MissingValue(ValueError):
    """The file asks for a value (${NAME:?why}) and there is none."""


def as_written() -> dict[str, Any]:
    """The file, its anchors and merges resolved."""
    found: dict[str, Any] = YAML(typ="safe", pure=True).load(FILE.read_text(encoding="utf-8"))
    return found


def interpolated(text: str, values: Mapping[str, str]) -> str:
    """As Compose does it: with a colon, an empty value counts as none.

    Example:
        >>> interpolated("$A ${A} ${B:-b} ${C-c} ${C:-d} ${A:+e} $$A", {"A": "a", "C": ""})
        'a a b  d e $A'
    """

    def value(found: re.Match[str]) -> str:
        if found["dollar"]:
            return "$"
        given, how, word = values.get(found["bare"] or found["name"]), found["how"] or "", found["word"]
        there = bool(given) if how.startswith(":") else given is not None
        if how.endswith("+"):
            return word if there else ""
        if not there and how.endswith("?"):
            raise MissingValue(f"{found['name']}: {word}")
        return given or "" if there or not how else word

    return VARIABLE.sub(value, text)


class Composed:
    """The services of the file with some values, as processes under one folder."""

    def __init__(self, folder: Path, values: Mapping[str, str], secrets: Path | None = None) -> None:
        self.folder, self.values, self.secrets = folder, dict(values), secrets
        self.homes: dict[str, Path] = {}
        self._file = as_written()

    # ── what the file says ───────────────────────────────────────────────────────────────────────────────

    def service(self, name: str, **more: str) -> dict[str, Any]:
        """A service with its values, `more` of them its own, and paths of this machine."""
        found: dict[str, Any] = self._mapped(self._file["services"][name], name, self.values | more)
        return found

    def profile(self, name: str) -> list[str]:
        return [each for each, service in self._file["services"].items() if name in service["profiles"]]

    def home(self, name: str) -> Path:
        """The folder under which everything of a service lies."""
        return self.homes.get(name, self.folder / name)

    def _mapped(self, found: Any, name: str, values: Mapping[str, str]) -> Any:
        if isinstance(found, dict):
            return {key: self._mapped(value, name, values) for key, value in found.items()}
        if isinstance(found, list):
            return [self._mapped(each, name, values) for each in found]
        if not isinstance(found, str):
            return found
        text = interpolated(found, values)
        for inside, here in self._mounts(name).items():
            text = re.sub(rf"(?<![\w./-]){re.escape(inside)}(?![\w-])", str(here), text)
        return text

    def _mounts(self, name: str) -> dict[str, Path]:
        own, all_of_them = self.home(name), self.folder
        return {
            "/etc/bloodledger": own / "etc",
            "/docker-entrypoint-initdb.d": own / "initdb",
            "/run/broker": own / "run",
            "/run/secrets": own / "secrets",
            "/var/lib/kafka/data": own / "data",
            "/var/lib/postgresql": own / "postgresql",
            "/var/lib/bloodledger": all_of_them / "keys",
            "/opt/kafka/bin": all_of_them / "bin",
        }

    # ── what it runs ─────────────────────────────────────────────────────────────────────────────────────

    def mount(self, name: str) -> dict[str, Any]:
        """Lays out the files the service is given; the service."""
        for each in self._mounts(name).values():
            each.mkdir(parents=True, exist_ok=True)
        service = self.service(name)
        for each in service.get("configs", []):
            content = self._file["configs"][each["source"]]["content"]
            Path(each["target"]).write_text(self._mapped(content, name, self.values), encoding="utf-8")
        for each in service.get("secrets", []):
            assert self.secrets is not None, f"{name} has secrets"
            source = Path(interpolated(self._file["secrets"][each]["file"], {"SECRETS": str(self.secrets)}))
            shutil.copy(source, self.home(name) / "secrets" / each)
        for script, java_class in KAFKA_SCRIPTS.items():
            program = self.folder / "bin" / script
            if not program.exists():
                program.write_text(f'#!/bin/sh\nexec {shlex.join(kafka_command(java_class, heap="512m"))} "$@"\n')
                program.chmod(0o755)
        return service

    def once(self, name: str, *command: str, given: bytes | None = None) -> "subprocess.CompletedProcess[bytes]":
        """Runs a service to its end, with its own command or another, as `docker compose run` does."""
        service = self.mount(name)
        return subprocess.run(
            self._program(service, command), env=self.environment(service, name), cwd=self.home(name),
            input=given or b"", capture_output=True, timeout=120, check=False,
        )  # fmt: skip

    def start(self, name: str, as_name: str = "", **more: str) -> Running:
        """Starts a service; `as_name` tells its replicas apart, `more` are values of its own."""
        self.mount(name)
        service = self.service(name, **more)
        log_file = self.folder / f"{as_name or name}.log"
        return Running(self._program(service, ()), log_file, self.environment(service, name), self.home(name))

    def healthy(self, name: str, **more: str) -> bool:
        """Whether the service's own health check finds it well."""
        service = self.service(name, **more)
        kind, *test = service["healthcheck"]["test"]
        assert kind == "CMD"
        if test[0] == "python":
            test[0] = sys.executable
        environment = self.environment(service, name)
        return subprocess.run(test, env=environment, capture_output=True, timeout=60, check=False).returncode == 0

    def _program(self, service: Mapping[str, Any], command: tuple[str, ...]) -> list[str]:
        ours = [sys.executable, "-c", "from ledger.cli import main; main()"] if "build" in service else []
        return [*ours, *(command or service["command"])]

    def environment(self, service: Mapping[str, Any], name: str) -> dict[str, str]:
        """The service's own, and what every process of this machine needs."""
        path = os.pathsep.join([str(self.folder / "bin"), os.environ["PATH"]])
        here = {"PATH": path, "HOME": str(self.home(name)), "PYTHONPATH": str(ROOT), "COLUMNS": "120"}
        return here | {key: str(value) for key, value in service.get("environment", {}).items()}
