"""This file holds the tests of the stock and of the count of donations."""

from datetime import timedelta
from typing import Any

import pytest

from projections.consumer import catch_up
from projections.queries.donations import donations
from projections.queries.stock import stock
from projections.readmodels.live import Views
from projections.readmodels.sqlite import sqlite_views
from tests.projections.history import BEGIN, History, collect, din, instant, process, units

DAY = 1440


def views_of(history: History) -> Views:
    views = sqlite_views(":memory:")
    catch_up(history, views, batch=4)
    return views


def rows(history: History, days: float = 0, **wanted: Any) -> list[dict[str, Any]]:
    answer = stock(views_of(history), BEGIN + timedelta(days=days), **wanted)
    assert answer["position"] == len(history.told)
    found: list[dict[str, Any]] = answer["rows"]
    return found


def test_quantities_are_summed_exactly_and_never_across_measures() -> None:
    history = History()
    for number, amount, measure in ((1, "0.1", "U"), (2, "0.2", "U"), (3, "200", "mL")):
        collect(history, number, 0, quantity=units(amount, measure))
    found = rows(history)
    assert [(row["measure"], row["bags"], row["quantity"]) for row in found] == [("U", 2, "0.3"), ("mL", 1, "200")]
    assert set(found[0]) == {
        "facility", "component", "group", "rhd", "status", "measure", "bags", "quantity", "expiring",
        "earliest_expiry", "expired", "expired_quantity",
    }  # fmt: skip


def test_expiry_is_as_of_the_instant_asked_and_its_last_minute_is_good_to_its_end() -> None:
    history = History()
    collect(history, 1, 0)
    (fresh,) = rows(history, 20)
    assert (fresh["expiring"], fresh["expired"], fresh["earliest_expiry"]) == (0, 0, "2025-04-05T08:00:00Z")
    (soon,) = rows(history, 30)
    assert (soon["expiring"], soon["expired"]) == (1, 0)
    (last,) = rows(history, 35)
    assert (last["expiring"], last["expired"]) == (1, 0)
    (ending,) = rows(history, 35 + 59.9 / 86_400)
    assert (ending["expiring"], ending["expired"]) == (1, 0)
    (gone,) = rows(history, 35 + 60 / 86_400)
    assert (gone["bags"], gone["expiring"], gone["expired"]) == (1, 0, 1)
    assert rows(history, 20, expiring_within_days=15)[0]["expiring"] == 1


def test_what_has_ended_is_no_stock_unless_asked_for() -> None:
    history = History()
    whole = collect(history, 1, 0)
    process(history, "separate", [whole], [f"{din(1)}=E0336V00"], 10)
    assert [row["status"] for row in rows(history)] == ["quarantine"]
    assert sorted(row["status"] for row in rows(history, all=True)) == ["consumed", "quarantine"]


def test_the_stock_follows_a_bag_through_its_life() -> None:
    history = History()
    bag = collect(history, 1, 0)
    said = []
    for name, fields in (
        ("bag.released", {"basis": "full_panel"}),
        ("bag.reserved", {"patient": "p"}),
        ("bag.reservation_cancelled", {}),
        ("bag.distributed", {"to": "H0001"}),
        ("bag.arrived", {"at": "H0001"}),
        ("bag.issued", {"to": "ward", "patient": "p"}),
        ("bag.returned", {"sent_from": "ward", "leg": "ward_to_bank", "may_come_back": True}),
        ("bag.missing", {}),
        ("bag.found", {"facility": "H0001"}),
        ("bag.issued", {"to": "ward", "patient": "p"}),
        ("bag.transfused", {"patient": "p", "hospital": "H0001", "presumed": False}),
    ):
        history.tell(bag, name, len(history.told) * 10, **fields)
        said.append([(row["facility"], row["status"]) for row in rows(history)])
    assert said == [
        [("A9999", "available")],
        [("A9999", "reserved")],
        [("A9999", "available")],
        [("H0001", "distributed")],
        [("H0001", "available")],
        [("H0001", "issued")],
        [("H0001", "available")],
        [("H0001", "missing")],
        [("H0001", "available")],
        [("H0001", "issued")],
        [],
    ]


def test_filters_choose_facility_component_group_and_status() -> None:
    history = History()
    collect(history, 1, 0, group="A")
    collect(history, 2, 0, group="B", facility="B1234")
    assert [row["group"] for row in rows(history, facility="B1234")] == ["B"]
    assert [row["facility"] for row in rows(history, group="A")] == ["A9999"]
    assert rows(history, component="frozen_plasma") == []
    assert len(rows(history, status="quarantine")) == 2
    assert rows(history, status="available") == []


def test_one_bag_in_stock_is_answered_from_the_index_alone() -> None:
    views = views_of(History())
    from projections.queries.stock import NOW, SUMS, THEN

    with views.reading() as read:
        sql = "EXPLAIN QUERY PLAN " + SUMS.replace("{spells}", f"{NOW} AND final = 0")
        now = " ".join(str(row) for row in read.rows(sql, [0, 0, 0, 0]))
        sql = "EXPLAIN QUERY PLAN " + SUMS.replace("{spells}", f"{THEN.format(position=1)} AND final = 0")
        then = " ".join(str(row) for row in read.rows(sql, [0, 0, 0, 0, read.each(["1"])]))
    assert "COVERING INDEX spells_in_stock" in now
    assert "TEMP B-TREE" not in now
    assert "COVERING INDEX spells_over_time (span=? AND from_position>? AND from_position<?)" in then


# -- donations ---------------------------------------------------------------------------------------------


def counted(history: History) -> dict[tuple[str, str, str | None, str], int]:
    return {
        (row["facility"], row["day"], row["group"], row["kind"]): row["donations"]
        for row in donations(views_of(history))
    }


def grouped(history: History, number: int, group: str) -> int:
    return history.tell(din(number), "donation.grouped", 90, group=group, rhd="positive")


def test_donations_are_counted_by_facility_local_day_group_and_kind() -> None:
    history = History()
    for number, group in ((1, "A"), (2, "A"), (3, "B")):
        collect(history, number, number)
        grouped(history, number, group)
    collect(history, 4, DAY, facility="B1234", kind="apheresis_platelets")
    assert counted(history) == {
        ("A9999", "2025-03-01", "A", "whole_blood"): 2,
        ("A9999", "2025-03-01", "B", "whole_blood"): 1,
        ("B1234", "2025-03-02", None, "apheresis_platelets"): 1,
    }


def test_the_day_is_the_day_there() -> None:
    history = History()
    collect(history, 1, 15 * 60 + 59)  # 23:59 UTC, the next morning eight hours further east
    assert [row["day"] for row in donations(views_of(history))] == ["2025-03-02"]


def test_a_disputed_group_is_no_group() -> None:
    history = History()
    collect(history, 1, 0, group="A")
    assert [key[2] for key in counted(history)] == ["A"]
    grouped(history, 1, "A")
    wrong = grouped(history, 1, "B")
    assert [key[2] for key in counted(history)] == [None]
    history.tell(din(1), "donation.annulled", 95, target_version=wrong)
    assert [key[2] for key in counted(history)] == ["A"]


@pytest.mark.parametrize("bags", [1, 2])
def test_a_donation_known_by_its_bags_alone_counts_once(bags: int) -> None:
    history = History()
    for bag in ("E0001V00", "E0002V00")[:bags]:
        history.tell(
            f"{din(1)}={bag}", "bag.collected", 0, donation=din(1), donor="d", facility="A9999", kind="whole_blood",
            component="whole_blood", quantity=units("1"), purpose="allogeneic", group="O", rhd="positive",
        )  # fmt: skip
    assert counted(history) == {("A9999", "2025-03-01", "O", "whole_blood"): 1}
    collect(history, 1, 5)
    assert sum(counted(history).values()) == 1


def test_an_annulled_or_failed_donation_is_not_counted() -> None:
    history = History()
    bag = collect(history, 1, 0)
    history.tell(din(1), "donation.annulled", 5, target_version=1)
    history.tell(bag, "bag.annulled", 5, target_version=1)
    history.tell(
        din(2), "donation.registered", 0, donor="d", facility="A9999", kind="whole_blood", outcome="failed",
        purpose="allogeneic",
    )  # fmt: skip
    assert counted(history) == {}
    assert instant(0) == BEGIN
