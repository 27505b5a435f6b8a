"""This file holds the tests of the write protocol: one winner, retries, failures alone, restarts, both stores."""

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ledger.audit.verify import verify
from ledger.commands import Command
from ledger.commands.group_commit import GroupCommit
from ledger.store import crashpoints
from ledger.store.port import CommitUnknown
from tests.committing.ledgers import BAG, DIN, Opened, collected, command, issue, ready_to_issue, stored


@pytest.fixture(params=["sqlite", "postgres"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_url"))
    return str(tmp_path / "ledger.db")


@pytest.fixture
def ledger(where: str) -> Iterator[Opened]:
    opened = Opened(where)
    yield opened
    result = verify(opened.store, None, None)  # type: ignore[arg-type]
    assert result["ok"], result
    opened.close()


def outcomes(answers: list[Any]) -> list[str]:
    return [answer.outcome for answer in answers]


def test_of_32_threads_that_issue_one_bag_exactly_one_wins(ledger: Opened) -> None:
    ledger.committer.commit(ready_to_issue())
    with GroupCommit(ledger.committer) as door, ThreadPoolExecutor(32) as callers:
        answers = list(callers.map(lambda number: door.submit(issue(number)).result(30), range(32)))
    assert Counter(outcomes(answers)) == {"recorded": 1, "refused": 31}
    assert {answer.problem.code for answer in answers if answer.problem} == {"BagAlreadyIssued"}


def test_of_128_coroutines_that_issue_one_bag_exactly_one_wins(ledger: Opened) -> None:
    ledger.committer.commit(ready_to_issue())

    async def all_at_once(door: GroupCommit) -> list[Any]:
        return await asyncio.gather(*(door.commit(issue(number)) for number in range(128)))

    with GroupCommit(ledger.committer) as door:
        answers = asyncio.run(all_at_once(door))
    assert Counter(outcomes(answers)) == {"recorded": 1, "refused": 127}


def test_concurrent_callers_share_commits(ledger: Opened) -> None:
    ledger.committer.commit([collected()])

    async def all_at_once(door: GroupCommit) -> list[Any]:
        return await asyncio.gather(*(door.commit(stored(number)) for number in range(200)))

    with GroupCommit(ledger.committer) as door:
        answers = asyncio.run(all_at_once(door))
    assert outcomes(answers) == ["recorded"] * 200
    rows = ledger.store.rows(0, 1000)
    assert len({row.recorded_at for row in rows}) < 100  # far fewer commits than commands


def test_a_closed_door_takes_no_command(ledger: Opened) -> None:
    door = GroupCommit(ledger.committer)
    door.close()
    with pytest.raises(RuntimeError):
        door.submit(collected())


def test_one_request_twice_in_one_batch_is_recorded_once(ledger: Opened) -> None:
    first, second = ledger.committer.commit([collected(), collected()])
    assert (first.outcome, second.outcome) == ("recorded", "repeated")
    assert first.facts == second.facts


def test_a_request_repeated_after_a_restart_gets_the_first_answer(where: str) -> None:
    opened = Opened(where)
    [first] = opened.committer.commit([collected()])
    opened.close()
    again = Opened(where)
    [repeated] = again.committer.commit([collected()])
    assert repeated.outcome == "repeated"
    assert repeated.facts == first.facts
    assert again.store.head().size == len(first.facts)
    again.close()


def test_a_request_id_with_another_command_is_refused(ledger: Opened) -> None:
    ledger.committer.commit([collected()])
    other = command("StoreBag", "collect", bag=BAG, facility="C1")
    [in_a_new_batch] = ledger.committer.commit([other])
    a, b = ledger.committer.commit([stored(1), command("MoveBag", "store-1", bag=BAG, place="x")])
    assert in_a_new_batch.problem.code == "RequestIdReused"  # type: ignore[union-attr]
    assert (a.outcome, b.outcome) == ("recorded", "refused")


def test_a_refusal_leaves_its_request_id_free(ledger: Opened) -> None:
    [refused] = ledger.committer.commit([issue(1)])
    ledger.committer.commit(ready_to_issue())
    [recorded] = ledger.committer.commit([issue(1)])
    assert (refused.outcome, recorded.outcome) == ("refused", "recorded")


def test_the_same_observation_under_another_request_is_repeated_and_leaves_no_record(ledger: Opened) -> None:
    one = command("StoreBag", "one", bag=BAG, facility="C1", place="fridge")
    same = command("StoreBag", "two", bag=BAG, facility="C1", place="fridge", sender="another system")
    [first], [second] = ledger.committer.commit([one]), ledger.committer.commit([same])
    assert second.outcome == "repeated"
    assert second.facts == first.facts
    different = command("StoreBag", "two", bag=BAG, facility="C1", place="shelf", sender="another system")
    assert outcomes(ledger.committer.commit([different])) == ["recorded"]  # the id "two" was never used up


def test_one_command_fails_alone(ledger: Opened) -> None:
    answers = ledger.committer.commit([collected(), issue(1), stored(1)])
    assert outcomes(answers) == ["recorded", "refused", "recorded"]


class Broken(Command, kw_only=True):
    """A command with a defect."""

    def carry_out(self, ws: Any) -> None:
        ws.record(ws.bag(BAG), type(ws.bag(BAG)).Stored, facility="half done")
        raise AssertionError("a defect")


def test_a_defect_in_one_command_stores_nothing_of_it_and_does_not_take_others_along(ledger: Opened) -> None:
    broken = Broken(happened_at=collected().happened_at, request="broken", by="n1")
    answers = ledger.committer.commit([collected(), broken])
    assert outcomes(answers) == ["recorded", "fault"]
    assert answers[1].defect
    assert [row.name for row in ledger.store.rows(0, 10)] == ["bag.collected.v1", "donation.registered.v1"]
    assert outcomes(ledger.committer.commit([stored(1)])) == ["recorded"]


def test_a_later_command_of_a_batch_is_decided_on_top_of_an_earlier_one(ledger: Opened) -> None:
    answers = ledger.committer.commit([*ready_to_issue(), issue(1), issue(2)])
    assert outcomes(answers) == ["recorded", "recorded", "recorded", "refused"]


def test_what_another_process_wrote_is_seen_before_the_next_decision(where: str) -> None:
    here, there = Opened(where), Opened(where)
    here.committer.commit(ready_to_issue())
    assert outcomes(there.committer.commit([issue(1)])) == ["recorded"]
    [late] = here.committer.commit([issue(2)])
    assert late.problem.code == "BagAlreadyIssued"  # type: ignore[union-attr]
    here.close()
    there.close()


def test_a_group_that_another_process_corrected_is_what_a_donors_next_donation_is_compared_with(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.store.workspace.CACHED_AGGREGATES", 1)  # of the first donation, only its group is kept
    here, there = Opened(where), Opened(where)
    dins = [f"A99992600000{number}" for number in (1, 2, 3)]

    def typed(number: int, group: str) -> Command:
        said = f"{group} of {number}"
        return command("RecordGroup", said, minute=number, din=dins[number], group=group, rhd="positive")

    def raised(each: Command) -> bool:
        [answer] = here.committer.commit([each])
        return "donation.nonconformity_raised.v1" in [fact.name for fact in answer.facts]

    registered = [command("RegisterDonation", f"register {din}", din=din, donor="d1", facility="C1", kind="whole_blood")
                  for din in dins]  # fmt: skip
    assert outcomes(here.committer.commit([*registered, typed(0, "A")])) == ["recorded"] * 4
    here.committer.commit([stored(1)])
    wrong = command("Annul", "wrong", stream=dins[0], version=2, reason="another tube")
    assert outcomes(there.committer.commit([wrong, typed(0, "B")])) == ["recorded"] * 2
    assert raised(typed(1, "A"))
    assert raised(typed(2, "B"))
    here.close()
    there.close()


def test_a_hold_placed_by_another_process_reaches_a_bag_made_here(where: str) -> None:
    here, there = Opened(where), Opened(where)
    here.committer.commit([stored(1)])
    scope = {"kind": "donation", "id": DIN}
    there.committer.commit([command("PlaceHold", "hold", cause="recall", scope=scope, reason="x")])
    [answer] = here.committer.commit([collected(f"{DIN}=E0336V00")])
    assert "bag.held.v1" in [fact.name for fact in answer.facts]
    here.close()
    there.close()


def test_recorded_time_never_runs_backwards(where: str) -> None:
    class Turned:
        times = iter([2_000_000_000_000_000, 1_000_000_000_000_000, 3_000_000_000_000_000])

        def now(self) -> int:
            return next(self.times)

    opened = Opened(where, Turned())
    for number in range(3):
        opened.committer.commit([stored(number)])
    times = sorted({row.recorded_at for row in opened.store.rows(0, 100)})
    assert times == [2_000_000_000_000_000, 3_000_000_000_000_000]
    opened.close()


@pytest.mark.parametrize("point", ["before-commit", "after-commit"])
def test_an_unknown_outcome_of_commit_is_settled_by_the_request_records(ledger: Opened, point: str) -> None:
    ledger.committer.commit([collected()])

    def cut() -> None:
        crashpoints.disarm()
        raise CommitUnknown("the connection broke")

    crashpoints.on_reaching(point, cut)
    answers = ledger.committer.commit([stored(1), stored(2)])
    expected = "recorded" if point == "before-commit" else "repeated"
    assert outcomes(answers) == [expected, expected]
    assert len([row for row in ledger.store.rows(0, 100) if row.name == "bag.stored.v1"]) == 2


TWO_WRITERS = """
import sys
from tests.committing.ledgers import Opened, issue, stored
where, first = sys.argv[1], int(sys.argv[2])
opened = Opened(where)
won = 0
for number in range(first, first + 60):
    won += opened.committer.commit([issue(number)])[0].outcome == "recorded"
    assert opened.committer.commit([stored(number)])[0].outcome == "recorded"
print(won)
opened.close()
"""


def test_two_processes_on_one_ledger_leave_gapless_streams_and_one_winner(ledger: Opened, where: str) -> None:
    ledger.committer.commit(ready_to_issue())
    processes = [
        subprocess.Popen([sys.executable, "-c", TWO_WRITERS, where, str(first)], stdout=subprocess.PIPE, text=True)
        for first in (1000, 2000)
    ]
    won = [int(process.communicate(timeout=120)[0]) for process in processes]
    assert sum(won) == 1
    versions = [row.version for row in ledger.store.stream(BAG)]
    assert versions == list(range(1, len(versions) + 1))
    assert len([row for row in ledger.store.stream(BAG) if row.name == "bag.stored.v1"]) == 120
