"""This file holds the half of an audit that another process does meanwhile: whether streams and links are all well."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import schemas
from ledger.audit.chains import all_well
from ledger.audit.leaves import FACTS
from ledger.audit.links import Links, gives_links, links_in, row_of
from ledger.store.cycles import without_cycle_search
from ledger.store.opening import open_store
from ledger.store.reading import Snapshot

PROGRAM = (
    "import json, sys; said = json.load(sys.stdin); sys.path[:] = said['path'];"
    " from ledger.audit.beside import well_up_to; json.dump(well_up_to(said['where'], said['busy']), sys.stdout)"
)
"""What the other process runs: a fresh Python, so that neither threads nor a caller's own script get into it."""


class Beside:
    """The other half at work."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def well_up_to(self) -> int:
        """Wait for the end; as the function below. Where the process failed, nothing is known to be well."""
        said, _ = self._process.communicate()
        return int(said) if self._process.returncode == 0 else -1


@contextmanager
def other_half(where: str, busy_seconds: float) -> Iterator[Beside]:
    """Another process at the half of the audit that needs no leaves; it ends with the block."""
    order = json.dumps({"where": where, "busy": busy_seconds, "path": sys.path})
    command = [sys.executable, "-c", PROGRAM]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdin is not None
        try:
            process.stdin.write(order)  # not in the command line: a URL may hold a password
            process.stdin.flush()
            process.stdin.close()
            process.stdin = None
            yield Beside(process)
        finally:
            process.kill()


def well_up_to(where: str, busy_seconds: float) -> int:
    """How many facts there are, when all streams are as their heads say and all links as the facts give them; else -1.

    What is wrong, also that something cannot be read, is told by the whole audit, which then follows.
    """
    store = open_store(where, None, busy_seconds, create=False)
    try:
        with store.snapshot() as snapshot, without_cycle_search():
            size = next(iter(snapshot.select("SELECT size FROM log_head")))[0]
            return int(size) if all_well(snapshot) and _links_well(snapshot) else -1
    finally:
        store.close()


def _links_well(snapshot: Snapshot) -> bool:
    giving = ", ".join(f"'{wire}'" for wire in schemas.wire_names() if gives_links(wire))
    select, order = FACTS.split(" ORDER BY ")
    links = Links()
    try:
        for fact in snapshot.select(f"{select} WHERE originator_version = 1 OR topic IN ({giving}) ORDER BY {order}"):
            links.take(fact, links_in(row_of(fact)))
        return next(links.findings(snapshot), None) is None
    finally:
        links.close()
