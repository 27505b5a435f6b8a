"""This file holds the journey of one real bag: from the scans of its label to a transfusion a month after expiry."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.isbt128 import as_bag, parse_label_expiry, scan
from ledger.settings import read_settings
from ledger.simulator.real_label import BAG, DIN, LABEL_EXPIRY, RED_CELLS, SCANS, WHOLE_BLOOD, life_of_the_label
from ledger.wiring import Ledger, open_ledger
from projections.queries.trace import trace
from tests.journeys.sending import send

VECTORS = Path(__file__).parents[1] / "golden" / "isbt128_vectors.json"


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    path = tmp_path_factory.mktemp("label") / "label.db"
    with open_ledger(read_settings({}, str(path))) as opened:
        answers = send(opened, life_of_the_label())
        assert {answer.outcome for answer in answers} == {"recorded"}
        opened.catch_up()
        yield opened


@pytest.fixture
def told(ledger: Ledger) -> dict[str, Any]:
    return trace(ledger.views, BAG, ledger.now())


def bag(told: dict[str, Any], name: str = BAG) -> dict[str, Any]:
    [found] = [each for each in told["bags"] if each["bag"] == name]
    return dict(found)


def test_the_scans_of_the_label_name_the_bag() -> None:
    label = json.loads(VECTORS.read_text(encoding="utf-8"))["real_chinese_label"]
    assert (label["donation"], label["product"], label["group"]) == SCANS
    assert label["expiry_printed"] == LABEL_EXPIRY
    assert str(as_bag(scan(SCANS[0]), scan(SCANS[1]))) == BAG
    assert parse_label_expiry(LABEL_EXPIRY) == ("2016-04-22", "09:50")


def test_the_trace_shows_the_expiry_of_the_label(told: dict[str, Any]) -> None:
    assert bag(told)["expires_at"] == "2016-04-22T01:50:00Z"


def test_the_transfusion_after_expiry_is_recorded_with_its_nonconformity(told: dict[str, Any]) -> None:
    assert bag(told)["status"] == bag(told)["fate"] == "transfused"
    assert [each["code"] for each in bag(told)["nonconformities"]] == ["transfused_expired"]
    [transfusion] = [fact for fact in told["facts"] if fact["name"] == "bag.transfused.v1"]
    assert transfusion["happened_at"] == "2016-05-22T01:00:00Z"


def test_the_trace_goes_back_to_the_donation(told: dict[str, Any]) -> None:
    assert told["ancestors"] == [WHOLE_BLOOD, RED_CELLS] or set(told["ancestors"]) == {WHOLE_BLOOD, RED_CELLS}
    edges = {(edge["parent"], edge["child"], edge["process"]) for edge in told["edges"]}
    assert edges == {(WHOLE_BLOOD, RED_CELLS, "leukoreduce"), (RED_CELLS, BAG, "label")}


def test_the_patient_leads_to_the_donation_and_back(ledger: Ledger) -> None:
    from_patient = trace(ledger.views, "patient:p-label-1", ledger.now())
    assert {BAG, WHOLE_BLOOD} <= {each["bag"] for each in from_patient["bags"]}
    from_donor = trace(ledger.views, "donor:d-label-1", ledger.now())
    assert bag(from_donor)["fate"] == "transfused"
    assert DIN in {fact["stream"] for fact in from_donor["facts"]}


def test_nothing_but_the_late_transfusion_broke_a_rule(told: dict[str, Any]) -> None:
    assert [each["bag"] for each in told["bags"] if each["nonconformities"]] == [BAG]
    assert all(not each["holds"] for each in told["bags"])
