"""This file holds a terminal for tests: the real command line on a ledger of its own, and commands to send."""

import hashlib
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from click.testing import CliRunner

from ledger.cli import main

ROOT = Path(__file__).parents[2]
DIN = "A999926123456"
WHOLE, RED, PLASMA = f"{DIN}=E0336V00", f"{DIN}=E5445V00", f"{DIN}=E0701V00"
MARKERS = ("hbsag", "anti_hcv", "hiv_ag_ab", "syphilis", "nat_hbv", "nat_hcv", "nat_hiv")

Command = dict[str, Any]


class Said(NamedTuple):
    """What the program printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Standard output as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Terminal:
    """Runs `bloodledger` on one ledger in a folder."""

    def __init__(self, folder: Path, name: str = "a.db", lang: str = "en") -> None:
        self.folder, self.path, self.lang = folder, folder / name, lang

    @property
    def environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("BLOODLEDGER_")}
        ours = {"BLOODLEDGER_LEDGER": str(self.path), "BLOODLEDGER_LANG": self.lang, "COLUMNS": "120"}
        return kept | ours | {"PYTHONPATH": str(ROOT)}

    def run(self, *arguments: str, given: bytes | str | None = None) -> Said:
        """In this process."""
        unset = {key: None for key in os.environ if key.startswith("BLOODLEDGER_")}
        done = CliRunner().invoke(main, list(arguments), input=given, env={**unset, **self.environment})
        assert "Traceback" not in done.output
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return Said(done.exit_code, done.stdout, done.stderr)

    def record(self, *commands: Command) -> Said:
        return self.run("record", "-", given=as_lines(commands))

    def start(self, *arguments: str, **more: str) -> "subprocess.Popen[bytes]":
        """As a process of its own, to be ended by `with`; `more` goes into its environment."""
        start = [sys.executable, "-c", "from ledger.cli import main; main()", *arguments]
        pipes: Any = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        return subprocess.Popen(start, cwd=self.folder, env=self.environment | more, **pipes)


def as_lines(commands: Any) -> bytes:
    return b"".join(json.dumps(each, ensure_ascii=False).encode() + b"\n" for each in commands)


def command(request: str, name: str, at: str = "2026-03-01T08:00:00+08:00", **fields: Any) -> Command:
    return {"request": request, "by": "nurse-1", "command": name, "happened_at": at, **fields}


def amount(text: str, measure: str = "U") -> dict[str, str]:
    return {"amount": text, "measure": measure}


def life() -> list[Command]:
    """One donation from the vein to two patients, the second in spite of rules."""
    return [
        command("c1", "CollectBag", bag=WHOLE, donor="D-1", facility="C1", kind="whole_blood", quantity=amount("2")),
        *(
            command(f"t-{marker}", "RecordTest", din=DIN, marker=marker, result="nonreactive", at=_minute(1 + number))
            for number, marker in enumerate(MARKERS)
        ),
        command("t-alt", "RecordTest", din=DIN, marker="alt", result="acceptable", at=_minute(9)),
        command("g1", "RecordGroup", din=DIN, group="A", rhd="positive", at=_minute(10)),
        command(
            "p1", "PrepareBags", at=_minute(11), process="separate", inputs=[WHOLE],
            outputs=[
                {"bag": RED, "component": "leukoreduced_suspended_red_cells", "quantity": amount("2")},
                {"bag": PLASMA, "component": "fresh_frozen_plasma", "quantity": amount("200", "mL")},
            ],
        ),
        command("i1", "InspectBag", bag=RED, findings="clear 清澈", at=_minute(12)),
        command("v1", "VerifyLabel", bag=RED, at=_minute(13)),
        command("r1", "ReleaseBag", bag=RED, at=_minute(14)),
        command("s1", "StoreBag", bags=[RED, PLASMA], facility="C1", place="fridge 1", at=_minute(15)),
        command("x1", "CrossmatchBag", bag=RED, patient="P-1", result="compatible", at=_minute(16)),
        command("o1", "IssueBag", bag=RED, to="ward 3", patient="P-1", at=_minute(17)),
        command("u1", "RecordTransfusion", bag=RED, patient="P-1", hospital="H1", at=_minute(18)),
        command("u2", "RecordTransfusion", bag=PLASMA, patient="P-2", hospital="H1", at=_minute(19)),
    ]  # fmt: skip


def _minute(number: int) -> str:
    return f"2026-03-01T08:{number:02d}:00+08:00"


def contents(path: Path) -> str:
    """A digest of every row of every table: what is stored, not how the file lays it out."""
    digest = hashlib.sha256()
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as ledger:
        tables = [row[0] for row in ledger.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        for table in tables:
            for row in ledger.execute(f"SELECT * FROM {table} ORDER BY 1, 2"):
                digest.update(repr((table, row)).encode())
    ledger.close()
    return digest.hexdigest()
