"""This file holds the tests of the safe bands: below, within or above, by facility, component and group."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from projections.queries.bands import levels
from projections.queries.stock import stock
from tests.projections.history import BEGIN, History, collect
from tests.projections.questions.told import picked, views_of


def row(quantity: str | None, bags: int = 1, **said: Any) -> dict[str, Any]:
    """A line of a stock answer: red cells of A positive, available at A9999."""
    usual = {"facility": "A9999", "component": "red_cells", "group": "A", "rhd": "positive", "status": "available"}
    counted = {"measure": "U", "bags": bags, "quantity": quantity, "expired": 0, "expired_quantity": "0"}
    return {**usual, **counted, **said}


def band(low: object, high: object, **said: Any) -> dict[str, Any]:
    """A band for red cells, of all facilities and groups."""
    usual = {"facility": None, "component": "red_cells", "group": None, "rhd": None, "measure": "U"}
    return {**usual, "low": low, "high": high, **said}


def test_both_bounds_are_still_within() -> None:
    bands = [band("1200", "2000")]
    said = [levels([row(quantity)], bands)[0]["level"] for quantity in ("1199.5", "1200", "1600", "2000", "2000.5")]
    assert said == ["below", "within", "within", "within", "above"]


def test_a_level_says_all_it_rests_on() -> None:
    stocked = [row("1.5", 2), row("0.25", 1, group="O", rhd="negative"), row("7", 3, status="held")]
    assert levels(stocked, [band(Decimal("1.5"), 2, facility="A9999")]) == [
        {
            "facility": "A9999",
            "component": "red_cells",
            "group": None,
            "rhd": None,
            "measure": "U",
            "low": "1.5",
            "high": "2",
            "bags": 3,
            "quantity": "1.75",
            "level": "within",
        }
    ]


def test_a_band_of_no_facility_judges_each_on_its_own() -> None:
    stocked = [row("10"), row("30", facility="B1234"), row("5", facility="H0001", component="plasma")]
    found = levels(stocked, [band("20", "25")])
    assert picked(found, "facility", "quantity", "bags", "level") == [
        ("A9999", "10", 1, "below"),
        ("B1234", "30", 1, "above"),
        ("H0001", "0", 0, "below"),
    ]


def test_a_band_of_a_group_counts_that_group_alone() -> None:
    stocked = [row("10"), row("4", rhd="negative"), row("3", group="O"), row("1", group=None, rhd=None)]
    bands = [band(1, 99), band(1, 99, group="A"), band(1, 99, rhd="positive"), band(1, 99, group="A", rhd="negative")]
    assert picked(levels(stocked, bands), "quantity") == [("18",), ("14",), ("13",), ("4",)]


def test_only_what_is_available_in_date_and_of_the_same_measure_counts() -> None:
    stocked = [
        row("10", 5, expired=2, expired_quantity="3.5"),
        row("100", status="quarantine"),
        row("100", measure="mL"),
        row(None),
    ]
    assert picked(levels(stocked, [band(1, 99)]), "quantity", "bags") == [("6.5", 4)]


def test_a_component_without_stock_is_below_with_nothing() -> None:
    found = levels([], [band("1", "2"), band("1", "2", facility="H0001"), band("0", "2", facility="H0001")])
    assert picked(found, "facility", "quantity", "bags", "level") == [
        (None, "0", 0, "below"),
        ("H0001", "0", 0, "below"),
        ("H0001", "0", 0, "within"),
    ]


def test_large_and_round_amounts_are_written_out() -> None:
    (found,) = levels([row("1000000")], [band(Decimal("1E+6"), "2000000.50", facility="A9999")])
    assert (found["quantity"], found["low"], found["high"]) == ("1000000", "1000000", "2000000.5")


def test_the_stock_answer_is_judged_as_it_comes() -> None:
    history = History()
    for number, at in ((1, 0), (2, 0), (3, 14_400)):
        history.tell(collect(history, number, at), "bag.released", at, basis="full_panel")
    collect(history, 4, 0)
    bands = [band("3", "6", component="whole_blood")]
    views = views_of(history)
    found = [levels(stock(views, BEGIN + timedelta(days=days))["rows"], bands)[0] for days in (11, 40, 50)]
    assert picked(found, "bags", "quantity", "level") == [(3, "6", "within"), (1, "2", "below"), (0, "0", "below")]
