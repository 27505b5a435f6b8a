"""This file holds rule 7 under load: many threads on one bag, and two processes on one ledger."""

import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ledger.audit.verify import verify
from tests.properties import sayings
from tests.properties.test_idempotence import FAMILIES
from tests.properties.world import Ledger, differences, state_of

ROOT = Path(__file__).parents[2]
BAG = f"{sayings.din(1)}=E5445V00"
CALLERS = 32


def available(ledger: Ledger) -> None:
    """One bag that may be issued, distributed or reserved."""
    ledger.send(
        [
            {"command": "ReceiveBag", "bag": BAG, "from": "C9", "facility": "H1", "released_by": "qa9",
             "component": sayings.RED_CELLS, "quantity": sayings.amount("2"), "happened_at": sayings.at(0),
             "collected_at": sayings.at(0)},
            {"command": "CrossmatchBag", "bag": BAG, "patient": "p1", "result": "compatible",
             "happened_at": sayings.at(1)},
        ]
    )  # fmt: skip


ONE_WINNER: dict[str, dict[str, Any]] = {
    "issue": {"command": "IssueBag", "patient": "p1"},
    "distribute": {"command": "DistributeBag"},
}


@pytest.mark.parametrize("act", ONE_WINNER)
def test_of_32_callers_on_one_bag_exactly_one_wins(act: str) -> None:
    with Ledger() as ledger:
        available(ledger)
        start = threading.Barrier(CALLERS)

        def call(number: int) -> Any:
            command = {**ONE_WINNER[act], "to": f"ward{number}", "bag": BAG, "happened_at": sayings.at(2)}
            start.wait()
            return ledger.do({**command, "request": f"{act}{number}"})

        with ThreadPoolExecutor(CALLERS) as pool:
            answers = list(pool.map(call, range(CALLERS)))
        outcomes = [answer.outcome for answer in answers]
        assert outcomes.count("recorded") == 1
        assert outcomes.count("refused") == CALLERS - 1
        assert all(answer.problem.code for answer in answers if answer.outcome == "refused")
        stored = [row.name for row in ledger.store.stream(BAG)]
        assert len([name for name in stored if name in ("bag.issued.v1", "bag.distributed.v1")]) == 1


def test_issue_and_distribute_at_once_have_one_winner() -> None:
    with Ledger() as ledger:
        available(ledger)
        start = threading.Barrier(CALLERS)

        def call(number: int) -> Any:
            command = [*ONE_WINNER.values()][number % 2]
            start.wait()
            return ledger.do({**command, "to": "w", "bag": BAG, "happened_at": sayings.at(2), "request": f"x{number}"})

        with ThreadPoolExecutor(CALLERS) as pool:
            outcomes = [answer.outcome for answer in pool.map(call, range(CALLERS))]
        assert outcomes.count("recorded") == 1


WORKER = """
import sys
from random import Random
from tests.properties.test_concurrency import told
from tests.properties.world import Ledger
path, seed = sys.argv[1], int(sys.argv[2])
ledger = Ledger(path)
print("ready", flush=True)
sys.stdin.readline()
outcomes = [ledger.do(each).outcome for each in told(seed)]
print(" ".join(outcomes))
ledger.store.close()
"""


def told(seed: int, size: int = 60) -> list[dict[str, Any]]:
    random = Random(seed)
    commands = [random.choice(FAMILIES)(random.choice) for _ in range(size)]
    mixed = [sayings.reported(each) if random.random() < 0.4 else each for each in commands]
    race = {**ONE_WINNER["issue"], "bag": BAG, "to": f"ward{seed}"}
    return [
        {**each, "request": f"s{seed}-{number}", "happened_at": sayings.at(3 + number)}
        for number, each in enumerate([race, *mixed])
    ]


@pytest.mark.slow
def test_two_processes_on_one_ledger_leave_it_whole(tmp_path: Path) -> None:
    path = str(tmp_path / "ledger.db")
    with Ledger(path) as ledger:
        available(ledger)
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, path, str(seed)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for seed in (1, 2)
    ]  # fmt: skip
    for each in workers:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    said = []
    for each in workers:  # both wait for this line
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    for each in workers:
        out, error = each.communicate(timeout=60)
        assert each.returncode == 0, error
        said.append(out.split())
    assert sorted(outcomes[0] for outcomes in said) == ["recorded", "refused"]
    assert "fault" not in said[0] + said[1]
    with Ledger(path) as ledger:
        assert gapless(ledger)
        report = verify(ledger.store)  # type: ignore[arg-type]
        assert report["ok"], json.dumps(report)
        ledger.do({"command": "StoreBag", "bag": BAG, "facility": "H1", "happened_at": sayings.at(100)})
        live = {name: state_of(name, each) for name, each in ledger.remembered().items() if each.version}
        stored = {name: state_of(name, each) for name, each in ledger.aggregates().items() if name in live}
        assert differences(live, stored) == []


def test_two_committers_on_one_ledger_see_each_other() -> None:
    """What another process wrote is known before the next decision, whoever wrote last."""
    with Ledger() as ledger, Ledger() as alone:
        one, other = ledger.fresh_committer(), ledger.fresh_committer()
        for number, each in enumerate([*told(3), *told(4)]):
            ledger.committer = (one, other)[number % 2]
            ledger.send([each])
            alone.send([each])
        assert [(row.stream, row.version, row.name, row.state) for row in ledger.rows()] == [
            (row.stream, row.version, row.name, row.state) for row in alone.rows()
        ]


def gapless(ledger: Ledger) -> bool:
    versions: dict[str, list[int]] = {}
    for row in ledger.rows():
        versions.setdefault(row.stream, []).append(row.version)
    return all(found == list(range(1, len(found) + 1)) for found in versions.values())
