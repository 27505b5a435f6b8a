"""This file holds the test that what a recall reaches is read in a few queries, however many bags there are."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ledger.commands.command import Command
from ledger.store.sqlite_writing import SQLiteWriting
from tests.committing.ledgers import Opened, command

LOT = "L-1"


def bag_of(number: int) -> str:
    return f"A999926{number:06d}=E0336V00"


def given(number: int) -> list[Command]:
    """A bag of the lot, of a donor of whom something else is known."""
    return [
        command(
            "CollectBag", f"collect-{number}", bag=bag_of(number), donor=f"d{number}", facility="C1",
            kind="whole_blood", quantity={"amount": "2", "measure": "U"}, lots=[{"kind": "container", "id": LOT}],
        ),
        command("AssessDonor", f"assess-{number}", donor=f"d{number}", outcome="eligible"),
    ]  # fmt: skip


def queries_of_a_recall(bags: int, file: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """How often streams are read for a hold on the lot of so many bags, none of which is in memory."""
    before = Opened(str(file))
    before.committer.commit([each for number in range(bags) for each in given(number)])
    before.close()
    asked: list[int] = []
    streams = SQLiteWriting.streams

    def counted(writing: SQLiteWriting, names: Sequence[str]) -> Any:
        asked.append(len(names))
        return streams(writing, names)

    now, scope = Opened(str(file)), {"kind": "container_lot", "id": LOT}
    with closing(now), monkeypatch.context() as patched:
        patched.setattr(SQLiteWriting, "streams", counted)
        (answer,) = now.committer.commit([command("PlaceHold", "hold", cause="recall", reason="r", scope=scope)])
    assert [fact.name for fact in answer.facts].count("bag.held.v1") == bags
    return len(asked)


def test_a_recall_reads_streams_as_often_for_many_bags_as_for_few(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few, many = (queries_of_a_recall(bags, tmp_path / f"{bags}.db", monkeypatch) for bags in (3, 30))
    assert many == few
