"""This file holds the tests that the read side's fold of a bag and the write side's come to the same."""

from decimal import Decimal
from typing import Any, cast

import pytest
from eventsourcing.persistence import StoredEvent

from ledger.domain import FACTS, Bag
from ledger.store.keys import KeyStore
from ledger.store.mapper import AvroMapper
from projections.consumer import catch_up
from projections.decode import instant_text, micros_of
from projections.queries.trace import trace
from projections.readmodels.database import is_bag
from projections.readmodels.sqlite import sqlite_views
from tests.projections.history import BEGIN, History, collect, instant, process, random_history


def domain_bags(history: History) -> dict[str, Any]:
    """Every bag as the write side folds it."""
    mapper = AvroMapper(FACTS, cast(KeyStore, None), history.ledger)
    bags: dict[str, Any] = {}
    for row in history.told:
        if is_bag(row.stream):
            fact: Any = mapper.to_domain_event(StoredEvent(row.stream, row.version, row.name, row.state))
            bags[row.stream] = fact.mutate(bags.get(row.stream))
    return bags


def written(bag: Any) -> dict[str, Any]:
    """What the write side says of a bag, in the words of a trace."""
    expires = bag.expires_at
    group, rhd = bag.group
    return {
        "status": bag.status,
        "fate": bag.fate,
        "facility": bag.facility,
        "place": bag.place,
        "component": bag.component,
        "quantity": None if bag.quantity is None else bag.quantity.amount,
        "measure": None if bag.quantity is None else bag.quantity.measure,
        "group": group,
        "rhd": rhd,
        "consignee": bag.consignee,
        "expires_at": None if expires is None else instant_text(micros_of(expires)),
        "holds": {
            (each.id, each.cause, each.scope_id, instant_text(micros_of(each.placed_at)))
            for each in (bag.holds[hold] for hold in bag.open_holds)
        },
        "nonconformities": {
            (name, each.code, each.about_version, instant_text(micros_of(each.timestamp)))
            for name, each in bag.open_nonconformities.items()
        },
    }


def shown(row: dict[str, Any]) -> dict[str, Any]:
    """What a trace says of it."""
    return row | {
        "quantity": None if row["quantity"] is None else Decimal(row["quantity"]),
        "holds": {(each["hold"], each["cause"], each["scope"]["id"], each["placed_at"]) for each in row["holds"]},
        "nonconformities": {
            (each["nonconformity"], each["code"], each["about_version"], each["raised_at"])
            for each in row["nonconformities"]
        },
    }


def compare(history: History, batch: int) -> None:
    views = sqlite_views(":memory:")
    catch_up(history, views, batch=batch)
    bags = domain_bags(history)
    assert bags
    edges: set[tuple[str, str, str]] = set()
    for name, bag in bags.items():
        answer = trace(views, name, BEGIN, facts=False)
        row = shown(next(each for each in answer["bags"] if each["bag"] == name))
        wanted = written(bag)
        assert {key: row[key] for key in wanted} == wanted, name
        edges |= {(each["parent"], each["child"], each["process"]) for each in answer["edges"]}
    told = {(name, child) for name, bag in bags.items() for child in bag.children}
    told |= {(parent, name) for name, bag in bags.items() for parent in bag.parents}
    assert {(parent, child) for parent, child, _ in edges} == told
    views.close()


@pytest.mark.parametrize("seed", range(40))
def test_both_sides_agree_on_every_bag_of_a_random_history(seed: int) -> None:
    compare(random_history(seed), batch=(1, 7, 50, 2000)[seed % 4])


@pytest.mark.parametrize("seed", range(40, 60))
def test_both_sides_agree_when_almost_everything_is_corrected(seed: int) -> None:
    compare(random_history(seed, facts=60, bags=2, corrections=0.6), batch=(1, 13)[seed % 2])


@pytest.mark.parametrize("seed", range(60, 80))
def test_both_sides_agree_on_reported_corrections_that_name_their_target_by_content(seed: int) -> None:
    seen = ("bag.stored", "bag.found", "bag.collected")
    compare(random_history(seed, facts=80, bags=4, corrections=0.3, only=seen), batch=(1, 13)[seed % 2])


@pytest.mark.parametrize("seed", range(80, 100))
def test_both_sides_agree_on_what_happened_at_one_instant(seed: int) -> None:
    ends = ("bag.consumed", "bag.issued", "bag.dis", "bag.returned", "bag.arrived", "bag.stored", "bag.re")
    history = random_history(seed, facts=200, bags=40, corrections=0.02, only=ends, minutes=2)
    compare(history, batch=(1, 13)[seed % 2])


@pytest.mark.parametrize("seed", range(100, 140))
def test_both_sides_agree_on_holds_lifted_before_they_were_heard_of(seed: int) -> None:
    about = ("bag.held", "bag.hold_lifted", "bag.stored", "bag.collected")
    history = random_history(seed, facts=80, bags=3, corrections=0.05, only=about, minutes=60)
    compare(history, batch=(1, 9)[seed % 2])


def test_both_sides_agree_on_a_plain_life() -> None:
    history = History()
    whole = collect(history, 1, 0, group="A")
    process(history, "separate", [whole], [whole[:13] + "=E0336V00", whole[:13] + "=E0701V00"], 60)
    compare(history, batch=2)


def test_a_hold_reported_lifted_before_it_was_heard_of_does_not_stand() -> None:
    history = History()
    bag = collect(history, 1, 0)
    hold = {"cause": "recall", "scope_kind": "bag", "scope_id": bag}
    history.tell(bag, "bag.hold_lifted", 20, hold="recall@0", why="lifted", **hold)
    history.tell(bag, "bag.held", 10, hold="recall@1", placed_at=instant(10), **hold)
    compare(history, batch=1)
    assert domain_bags(history)[bag].open_holds == set()


def test_the_read_side_knows_every_fact_of_a_bag() -> None:
    """A new fact of a bag must be given a consequence here, or be listed as having none."""
    from projections.readmodels.bag_consequences import COUNTED, FOLDED
    from projections.readmodels.standing import DECISIONS, RANKS, is_correction

    silent = {
        "bag.inspected", "bag.label_verified", "bag.quality_sampled", "bag.quality_tested",
        "bag.temperature_breached", "bag.crossmatched", "bag.reaction_reported", "bag.discard_requested",
    }  # fmt: skip
    facts = {wire.rpartition(".")[0]: fact for wire, fact in FACTS.items()}
    bag_facts = {name for name in facts if name.startswith("bag.")}
    known = COUNTED.keys() | FOLDED.keys() | silent | {name for name in bag_facts if is_correction(name)}
    assert known == bag_facts
    timed = {name: fact for name, fact in facts.items() if not is_correction(name)}
    assert {name: RANKS.get(name, 50) for name in timed} == {name: fact.RANK for name, fact in timed.items()} | {
        name: RANKS.get(name, 50) for name in COUNTED
    }
    bag_decisions = {name for name, fact in timed.items() if fact.DECISION and name.startswith("bag.")}
    assert bag_decisions == DECISIONS
    assert Bag.NOUN == "bag"
