"""This file holds on what was measured: the machine, the versions, the commit, and how long the disk takes to sync."""

import os
import platform
import sqlite3
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import psycopg

ROOT = Path(__file__).parents[2]
PACKAGES = ("apsw", "eventsourcing", "fastavro", "msgspec", "psycopg", "ladybug", "kafka-python")
SYNCS = 200
BLOCK = 4096


def described(folder: Path) -> dict[str, Any]:
    """Where and with what a run is made, as it begins."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "commit": _commit(),
        "machine": {
            "cpu": _cpu(),
            "cores": os.cpu_count(),
            "ram_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
            "disk": _disk(folder),
            "fsync_ms": round(fsync_ms(folder), 3),
            "system": platform.platform(),
            "load_before": round(os.getloadavg()[0], 2),
        },
        "versions": {
            "python": platform.python_version(),
            "sqlite": sqlite3.sqlite_version,
            **{name: version(name) for name in PACKAGES},
        },
        "sync": {"sqlite ledger": "WAL, synchronous=FULL", "sqlite views": "WAL, synchronous=NORMAL"},
    }


def with_server(described: dict[str, Any], server: str | None) -> dict[str, Any]:
    """The same with the PostgreSQL that was used."""
    return {**described, "postgresql": _postgresql(server)} if server else described


def fsync_ms(folder: Path) -> float:
    """Median time to write 4 KiB and have them on the disk. Unit: milliseconds."""
    path = folder / "fsync"
    found = []
    with path.open("wb") as file:
        for _ in range(SYNCS):
            begin = perf_counter()
            file.write(os.urandom(BLOCK))
            file.flush()
            os.fsync(file.fileno())
            found.append((perf_counter() - begin) * 1000)
    path.unlink()
    return median(found)


def _cpu() -> str:
    """The processor as the system names it."""
    for line in _read("/proc/cpuinfo").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _disk(folder: Path) -> str:
    """Device and file system of a folder, by the longest mount point above it."""
    mounts = [line.split()[:3] for line in _read("/proc/mounts").splitlines()]
    above = [each for each in mounts if folder.resolve().is_relative_to(each[1])]
    device, _, kind = max(above, key=lambda each: len(each[1]), default=("?", "", "?"))
    return f"{kind} on {device}"


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError:  # no Linux: less is known
        return ""


def _commit() -> str:
    """The commit measured; "+" where the tree is not as committed."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD").strip()
        return head + ("+" if _git("status", "--porcelain", "--untracked-files=no").strip() else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def _postgresql(server: str) -> dict[str, str]:
    names = ("server_version", "fsync", "synchronous_commit", "shared_buffers", "wal_sync_method")
    with psycopg.connect(server) as connection:
        return {name: str((connection.execute(f"SHOW {name}".encode()).fetchone() or ("?",))[0]) for name in names}
