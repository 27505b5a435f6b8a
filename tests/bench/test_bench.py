"""This file holds the tests of the measuring itself: no row rots, nothing is left out, ratios point the right way."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bench import __main__ as bench
from tests.bench import page, profile, rows, table
from tests.bench.figures import (
    Figures,
    Goal,
    Line,
    alternating,
    at_least,
    at_most,
    below,
    grows_at_most,
    percentile,
    times,
)
from tests.bench.histories import by_donation, plain_year, week_lines
from tests.bench.rows import ROWS, Row
from tests.bench.workbench import DEFAULT, FULL, TINY, Workbench
from tests.kafka.jars import missing_here
from tests.projections.history import large_history

KEYS = {
    "row", "what", "ours", "yardstick", "why_no_yardstick", "ratio", "goal", "met", "verdict", "at", "note",
    "not_built", "failed", "skipped",
}  # fmt: skip
DESCRIBED: dict[str, set[str] | None] = {
    "date": None,
    "commit": None,
    "machine": {"cpu", "cores", "ram_gib", "disk", "fsync_ms", "system", "load_before"},
    "versions": {
        "python",
        "sqlite",
        "apsw",
        "eventsourcing",
        "fastavro",
        "msgspec",
        "psycopg",
        "ladybug",
        "kafka-python",
    },
    "sync": {"sqlite ledger", "sqlite views"},
    "seconds": None,
}


ON_KAFKA = {row.name: pytest.mark.kafka for row in ROWS if row.name.startswith("kafka-")}


@pytest.fixture(scope="module")
def workbench(postgres_server: str) -> Iterator[Workbench]:
    with Workbench(TINY, server=postgres_server) as made:
        yield made


# kafka-python 3.0.12 leaves sockets of connections that were refused: a row kills its broker, and starts it again.
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.parametrize("row", [pytest.param(row, marks=ON_KAFKA.get(row.name, ()), id=row.name) for row in ROWS])
def test_every_row_runs_and_has_goal_and_yardstick_or_says_why_not(row: Row, workbench: Workbench) -> None:
    lines = list(row.measure(workbench))
    assert lines
    if why := lines[0].skipped:
        missing_here(why)
    assert any(line.goal for line in lines)
    for line in lines:
        assert line.row == row.name
        assert bool(line.yardstick) != bool(line.why_no_yardstick), f"{line.what}: a yardstick, or why there is none"
        assert line.not_built or (line.ours and line.ours.median > 0)
        assert line.as_dict().keys() == KEYS
        assert json.loads(json.dumps(line.as_dict())) == line.as_dict()


@pytest.mark.parametrize("name", sorted(ON_KAFKA))
def test_without_a_kafka_each_promise_about_it_is_a_line_that_says_why(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    with Workbench(TINY) as bare:
        lines = list(bench.chosen([name])[0].measure(bare))
    assert lines
    for line in lines:
        assert (line.row, line.verdict, line.met) == (name, "skipped", None)
        assert line.goal and "Java 17 or newer is missing" in line.skipped
        assert json.loads(json.dumps(line.as_dict()))["skipped"] == line.skipped
    machine = dict.fromkeys(DESCRIBED["machine"] or (), 1)
    described = {"date": "today", "commit": "abc", "sync": {}, "versions": {}, "machine": machine}
    table.put(lines, described)
    assert "Java 17 or newer is missing" in " ".join(capsys.readouterr().out.split())
    assert "| **skipped** |" in table.markdown(table.as_json(lines, described))


def _line(row: str, ours: float, goal: Goal) -> Line:
    return Line(row, row, Figures("a", "x/s", (ours,)), None, goal, why_no_yardstick="none")


ALL_WELL = Row("well", "goes well", lambda _: iter([_line("well", 2, at_least(1, "x/s"))]))
MISSES = Row("misses", "misses its goal", lambda _: iter([_line("misses", 1, at_least(2, "x/s"))]))


def _broken(_: Workbench) -> Iterator[Line]:
    yield _line("breaks", 3, at_least(1, "x/s"))
    raise OSError("the disk is gone")


def test_a_missed_goal_is_shown_and_no_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.run([ALL_WELL, MISSES], TINY, tmp_path / "bench.json") == 0
    assert re.search(r"misses.*missed", capsys.readouterr().out)
    run = json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))
    assert [(row["row"], row["verdict"], row["met"]) for row in run["rows"]] == [
        ("well", "met", True),
        ("misses", "missed", False),
    ]
    for name, inside in DESCRIBED.items():
        assert inside is None or run[name].keys() == inside, name


def test_a_row_that_fails_is_shown_and_the_others_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.run([Row("breaks", "breaks", _broken), ALL_WELL], TINY) == 1
    out = capsys.readouterr().out
    assert re.search(r"breaks.*failed", out)
    assert "OSError: the disk is gone" in out
    assert re.search(r"well.*met", out)


def test_an_unknown_row_is_answered_with_the_names_of_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["--row", "verify", "--row", "speed"]) == 2
    said = capsys.readouterr().err
    assert "no row is called speed" in said
    assert [row.name for row in ROWS if row.name not in said] == []


def test_rows_are_chosen_by_name_each_once() -> None:
    assert [row.name for row in bench.chosen(["verify", "trace", "verify"])] == ["verify", "trace"]
    assert bench.chosen([]) == list(ROWS)
    assert len({row.name for row in rows.ROWS}) == len(ROWS)


def test_a_full_run_measures_everything_that_a_default_run_does() -> None:
    assert set(DEFAULT.facts) < set(FULL.facts)
    assert FULL._replace(facts=DEFAULT.facts, runner_facts=DEFAULT.runner_facts) == DEFAULT


# -- arithmetic ------------------------------------------------------------------------------------------

RATE, SLOWER = Figures("ours", "facts/s", (30, 10, 20)), Figures("other", "facts/s", (4,))
SHORT, LONGER = Figures("ours", "ms", (2,)), Figures("other", "ms", (8,))


@pytest.mark.parametrize(
    "ours, other, goal, ratio, met",
    [
        (RATE, SLOWER, times(5), 5, True),
        (RATE, SLOWER, times(6), 5, False),
        (RATE, SLOWER, at_least(21, "facts/s"), 5, False),
        (SHORT, LONGER, below(2, "ms"), 4, False),
        (SHORT, LONGER, at_most(2, "ms"), 4, True),
        (LONGER, SHORT, grows_at_most(4), 4, True),
        (LONGER, SHORT, grows_at_most(3.9), 4, False),
        (RATE, None, times(5), None, None),
        (RATE, SLOWER, None, 5, None),
    ],
)
def test_more_is_better_for_rates_and_less_for_times(
    ours: Figures, other: Figures | None, goal: Goal | None, ratio: float | None, met: bool | None
) -> None:
    line = Line("row", "what", ours, other, goal)
    assert (line.ratio, line.met) == (ratio, met)


def test_measures_take_turns() -> None:
    heard: list[str] = []
    found = alternating(2, lambda: heard.append("a") or 1.0, lambda: heard.append("b") or 2.0)
    assert (heard, found) == (["a", "b", "a", "b"], [(1.0, 1.0), (2.0, 2.0)])


@pytest.mark.parametrize("part, value", [(0.5, 51), (0.99, 100), (1.0, 100)])
def test_a_percentile_is_one_of_the_values(part: float, value: int) -> None:
    assert percentile(range(1, 101), part) == value


# -- histories -------------------------------------------------------------------------------------------


def test_a_plain_year_told_as_it_goes_is_the_one_told_at_once() -> None:
    assert list(plain_year(30)) == list(large_history(30))


def test_a_caller_gets_whole_donations_in_their_order() -> None:
    lines = list(week_lines(200))
    assert [line for donation in by_donation(lines) for line in donation] == lines
    assert {len({_din(line) for line in donation}) for donation in by_donation(lines)} == {1}


def _din(line: bytes) -> str:
    said: dict[str, Any] = json.loads(line)
    return (said.get("din") or said.get("bag") or said["inputs"][0])[:13]


# -- pages -----------------------------------------------------------------------------------------------


def test_a_kept_run_fills_the_page_and_filling_again_changes_nothing() -> None:
    run = table.as_json(
        [_line("well", 2, at_least(1, "x/s"))],
        {
            "date": "2026-01-01T00:00:00Z", "commit": "abc", "seconds": 61.0, "sync": {}, "versions": {"python": "3"},
            "machine": dict.fromkeys(DESCRIBED["machine"] or (), 1),
        },
    )  # fmt: skip
    before = "# Page\n\n<!-- bench: begin -->\nold\n<!-- bench: end -->\n\nrest\n"
    after = page.filled(before, page.RUN, page.of_run(run))
    assert "| well | 2 x/s | none |" in after
    assert "old" not in after
    assert after.startswith("# Page\n") and after.endswith("\nrest\n")
    assert page.filled(after, page.RUN, page.of_run(run)) == after


def test_the_page_has_a_place_for_a_run_and_for_profiles() -> None:
    text = page.PAGE.read_text(encoding="utf-8")
    for mark in (page.RUN, page.FULL, page.PROFILES):
        assert "said" in page.filled(text, mark, "said")
    with pytest.raises(ValueError, match="has no"):
        page.filled("another page", page.RUN, "said")


# -- profile ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", sorted(profile.WORK))
def test_a_profile_accounts_for_all_of_the_time(what: str, tmp_path: Path) -> None:
    # The processor's timer looks every few milliseconds at best, and 600 facts fill views in 7.
    found = profile.WORK[what](tmp_path, 6_000 if what == "rebuild" else 600)
    assert found.facts > 0
    assert found.samples
    assert sum(spent for _, spent in found.by(lambda where: where[0])) == pytest.approx(found.us_per_fact)
    assert f"**{found.what}**" in page.of_profiles([found], "today", "abc")
