"""This file holds the journey of a real week: its counts by facility and day come out as published, row by row."""

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.settings import read_settings
from ledger.simulator.published_week import GROUPS, KINDS, WEEK, published_rows, week_of_donations
from ledger.wiring import Ledger, open_ledger
from projections.queries.donations import donations
from projections.queries.stock import stock
from tests.journeys.sending import send

pytestmark = pytest.mark.slow

PUBLISHED = Path(__file__).parents[1] / "golden" / "week-2006-01.csv"


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    path = tmp_path_factory.mktemp("week") / "week.db"
    with open_ledger(read_settings({}, str(path))) as opened:
        outcomes = Counter(answer.outcome for answer in send(opened, week_of_donations()))
        assert set(outcomes) == {"recorded"}
        opened.catch_up()
        yield opened


def test_the_week_of_the_simulator_is_the_published_one() -> None:
    assert WEEK.read_bytes() == PUBLISHED.read_bytes()


def test_all_60_rows_come_out_as_published_for_group_and_for_kind(ledger: Ledger) -> None:
    by_group: Counter[tuple[str, str, str]] = Counter()
    by_kind: Counter[tuple[str, str, str]] = Counter()
    for row in donations(ledger.views):
        by_group[row["facility"], row["day"], row["group"]] += row["donations"]
        by_kind[row["facility"], row["day"], row["kind"]] += row["donations"]
    facilities = {row.hospital: row.facility for row in published_rows()}
    with PUBLISHED.open(encoding="utf-8", newline="") as lines:
        published = list(csv.DictReader(lines))
    assert len(published) == 60
    for record in published:
        place = (facilities[record["hospital"]], record["date"])
        assert {group: by_group[*place, group] for group in GROUPS} == {
            group: int(record[column]) for group, column in GROUPS.items()
        }
        assert {kind: by_kind[*place, kind] for kind in KINDS} == {
            kind: int(record[column]) for kind, column in KINDS.items()
        }
    assert by_group.total() == by_kind.total() == 3074


def test_every_bag_of_the_week_is_in_stock_or_with_a_patient(ledger: Ledger) -> None:
    kinds = Counter(kind for row in published_rows() for kind, n in row.kinds.items() for _ in range(n))
    rows = stock(ledger.views, ledger.now(), all=True)["rows"]
    bags = Counter[tuple[str, str]]()
    for row in rows:
        bags[row["component"], row["status"]] += row["bags"]
    given = bags["suspended_red_cells", "transfused"]
    assert given > 0
    assert given + bags["suspended_red_cells", "available"] == kinds["whole_blood"]
    assert bags["fresh_frozen_plasma", "available"] == kinds["whole_blood"]
    assert bags["apheresis_platelets", "available"] == kinds["apheresis_platelets"]
    assert bags["apheresis_plasma", "available"] == kinds["apheresis_plasma"]
