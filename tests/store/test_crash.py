"""This file holds kill -9 at every commit point: what survives is all of a commit or nothing of it."""

import subprocess
import sys
from pathlib import Path

import pytest

from ledger.audit.verify import verify
from ledger.store import crashpoints
from ledger.store.keys import KeyStore
from ledger.store.opening import open_store
from tests.store.samples import fact, write

WRITER = """
import sys
from ledger.store import crashpoints
from ledger.store.opening import open_store
from tests.store.samples import fact, write
place, point, after = sys.argv[1:]
store = open_store(place)
crashpoints.arm(point, int(after))
for number in range(1, 6):
    facts = [fact("bag-a", number, f"r{number}"), fact(f"bag-{number}", 1, f"r{number}", False)]
    write(store, facts, number, [(f"r{number}", 2)])
"""
KEY_MAKER = """
import sys
from ledger.store import crashpoints
from ledger.store.keys import KeyStore
place, point = sys.argv[1:]
keys = KeyStore(place)
keys.key("donor:1")
crashpoints.arm(point)
keys.key("donor:2")
"""
LEDGER_POINTS = [point for point in crashpoints.POINTS if "key" not in point]


class KilledAtEachPoint:
    @pytest.fixture
    def place(self) -> str:
        raise NotImplementedError

    @pytest.mark.parametrize("point", LEDGER_POINTS)
    def test_a_killed_writer_leaves_whole_commits(self, place: str, point: str) -> None:
        open_store(place).close()
        killed = _run(WRITER, place, point, "2")
        assert killed.returncode == 137, killed.stderr
        store = open_store(place)
        commits = 3 if point == "after-commit" else 2
        assert store.head().size == 2 * commits and verify(store)["ok"]
        with store.writing() as writing:
            asked = [("site", f"r{number}") for number in range(1, 6)]
            assert len(writing.requests(asked)) == commits
        # The sender asks again with what has no answer, and the ledger goes on.
        for number in range(commits + 1, 6):
            facts = [fact("bag-a", number, f"r{number}"), fact(f"bag-{number}", 1, f"r{number}", False)]
            write(store, facts, number, [(f"r{number}", 2)])
        assert store.head().size == 10 and verify(store)["ok"]
        store.close()


class TestSQLiteKilled(KilledAtEachPoint):
    @pytest.fixture
    def place(self, tmp_path: Path) -> str:
        return str(tmp_path / "ledger.db")


@pytest.mark.postgres
class TestPostgresKilled(KilledAtEachPoint):
    @pytest.fixture
    def place(self, postgres_url: str) -> str:
        return postgres_url


@pytest.mark.parametrize("point", ["before-key-commit", "after-key-commit"])
def test_a_killed_key_maker_leaves_whole_keys(tmp_path: Path, point: str) -> None:
    place = str(tmp_path / "keys")
    assert _run(KEY_MAKER, place, point).returncode == 137
    keys = KeyStore(place)
    assert keys.known("donor:1") is not None
    assert (keys.known("donor:2") is not None) == (point == "after-key-commit")
    assert len(keys.key("donor:2")) == 32
    keys.close()


def test_only_points_that_exist_can_be_armed() -> None:
    with pytest.raises(ValueError, match="after-commit"):
        crashpoints.arm("somewhere")


def _run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).parents[2]
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=root, capture_output=True, text=True, check=False, timeout=60
    )
