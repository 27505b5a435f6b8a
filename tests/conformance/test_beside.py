"""This file holds the tests that an audit in two processes says what an audit in one says."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger import wiring
from ledger.audit.beside import well_up_to
from ledger.settings import read_settings
from tests.committing.ledgers import Opened, ready_to_issue, stored

Edit = Callable[[str], None]


@pytest.fixture(params=["sqlite", "postgres"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_url"))
    return str(tmp_path / "ledger.db")


@pytest.fixture
def filled(where: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(wiring, "WORTH_A_PROCESS", 0)
    opened = Opened(where)
    opened.committer.commit([*ready_to_issue(), stored(1)])
    opened.close()
    return where


@pytest.fixture
def edit(filled: str) -> Edit:
    def run(statement: str) -> None:
        opened = Opened(filled)
        with opened.store.writing() as writing:
            writing._cursor.execute(statement)  # type: ignore[union-attr,arg-type]
            writing.wrote = True  # type: ignore[union-attr]
        opened.close()

    return run


def verified(where: str) -> dict[str, Any]:
    with wiring.open_ledger(read_settings({"BLOODLEDGER_LEDGER": where})) as ledger:
        return ledger.verify()


def test_a_good_ledger_is_good_in_halves(filled: str) -> None:
    opened = Opened(filled)
    size = opened.store.head().size
    opened.close()
    assert well_up_to(filled, 5) == size
    found = verified(filled)
    assert found["ok"] and found["size"] == size


@pytest.mark.parametrize(
    "statement, what",
    [
        ("DELETE FROM links", "links: "),
        ("INSERT INTO links VALUES ('device', 'd', 's', 1)", "no fact gives it"),
        ("UPDATE stream_heads SET count = count + 1", "missing: version"),
        ("DELETE FROM stream_heads", "head is gone"),
        ("UPDATE requests SET count = count + 1", "requests: "),
        ("UPDATE stored_events SET recorded_at = recorded_at + 1 WHERE notification_id = 3", "leaf hash"),
        ("DELETE FROM commits", "commit"),
    ],
)
def test_what_either_half_finds_wrong_is_told_as_by_one(filled: str, edit: Edit, statement: str, what: str) -> None:
    edit(statement)
    found = verified(filled)
    assert not found["ok"] and any(what in problem["what"] for problem in found["problems"]), found


def test_where_the_other_process_fails_the_whole_is_done_here(filled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.audit.beside.PROGRAM", "raise SystemExit(3)")
    assert verified(filled)["ok"]
