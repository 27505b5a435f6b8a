"""This file holds what views fed by partitions promise, on both databases: the same as from the store, and fenced."""

import random
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import schemas
from projections import decode
from projections.consumer import catch_up
from projections.queries.parked import parked
from projections.queries.stock import stock
from projections.readmodels.bag_consequences import FOLDED
from projections.readmodels.database import ViewsOutdated
from projections.readmodels.delivering import Letter, Parts, ViewsFedOtherwise, take_over
from projections.readmodels.incomplete import incomplete_bags
from projections.readmodels.life import all_kept
from projections.readmodels.live import Views
from projections.readmodels.outbox import INCOMPLETE, ROW, STALE, Waiting, incomplete, sent, stock_rows, waiting
from projections.readmodels.partitions import Standstill
from projections.readmodels.postgres import postgres_views
from projections.readmodels.sqlite import sqlite_views
from projections.readmodels.view_set import ViewSet
from tests.letterbox.deliveries import PLACES, Feeder, Letters, letters_of, place_of, stray
from tests.projections.history import BEGIN, History, collect, din, random_history, units


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "views") if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


def views_at(where: str) -> Views:
    return postgres_views(where) if where.startswith("postgresql://") else sqlite_views(where)


@pytest.fixture
def views(where: str) -> Iterator[Views]:
    with closing(views_at(where)) as opened:
        yield opened


def parts_of(views: Views) -> Parts:
    return Parts(views.live(), publishing=True)


def fed(views: Views, history: History, letters: Letters | None = None, at_once: int = 50) -> Feeder:
    feeder = Feeder(parts_of(views), history.ledger)
    feeder.all(letters or letters_of(history), at_once)
    return feeder


def from_store(history: History) -> Views:
    views = sqlite_views(":memory:")
    catch_up(history, views)
    return views


def entries(views: Views, kind: str) -> list[Waiting]:
    with views.reading() as read:
        return [each for each in waiting(read, 1_000_000) if each.kind == kind]


def position(views: Views) -> int:
    with views.reading() as read:
        return read.complete_to


# -- the same as from the store ----------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_views_fed_by_partitions_are_those_of_the_store(views: Views, seed: int) -> None:
    history = random_history(seed, facts=250)
    letters = letters_of(history)
    order = random.Random(seed).sample(PLACES, len(PLACES))
    fed(views, history, {place: letters[place] for place in order}, at_once=7)
    store = from_store(history)
    assert views.digests() == store.digests()
    assert stock(views, BEGIN) == stock(store, BEGIN)
    assert position(views) == len(history.told)


def test_a_view_is_complete_up_to_the_first_fact_it_does_not_have(views: Views) -> None:
    history = History()
    for number in range(12):
        collect(history, number, number)
    letters = letters_of(history)
    missing = place_of(din(5))
    feeder = Feeder(parts_of(views), history.ledger)
    for place in PLACES:
        feeder.hear(place, letters[place][:1] if place == missing else letters[place])
    feeder.deliver()
    second = letters[missing][1]
    assert isinstance(second, Letter)
    assert position(views) == second.position - 1
    with views.reading() as read:
        assert read.position > read.complete_to, "what came further counts already"
        assert sum(map(len, all_kept(read))) > read.complete_to
    feeder.hear(missing, letters[missing][1:])
    feeder.deliver()
    assert position(views) == len(history.told)


def test_known_at_counts_only_what_was_recorded_by_then(views: Views) -> None:
    history = random_history(3, facts=120)
    fed(views, history)
    at = history.told[70].recorded_at
    known = decode.EPOCH + timedelta(microseconds=at)
    store = from_store(history)
    assert stock(views, BEGIN, known)["rows"] == stock(store, BEGIN, known)["rows"]


# -- the fence -----------------------------------------------------------------------------------------------


def test_a_batch_that_another_process_applied_is_dropped_and_the_rest_of_it_counts(views: Views, where: str) -> None:
    history = random_history(4, facts=200)
    letters = letters_of(history)
    with closing(views_at(where)) as others:
        one, other = Feeder(parts_of(views), history.ledger), Feeder(parts_of(others), history.ledger)
        for place in PLACES:
            one.hear(place, letters[place])
        other.hear(PLACES[0], letters[PLACES[0]][:9])
        assert other.deliver() == {PLACES[0]}
        assert one.deliver() == {place for place in PLACES if letters[place]} - {PLACES[0]}
        one.hear(PLACES[0], letters[PLACES[0]][9:])
        assert one.deliver() == {PLACES[0]}
    assert views.digests() == from_store(history).digests()


def test_several_processes_that_share_and_swap_partitions_apply_each_fact_once(views: Views, where: str) -> None:
    history = random_history(5, facts=300)
    letters = letters_of(history)
    chance = random.Random(5)
    with closing(views_at(where)) as others:
        feeders = [Feeder(parts_of(views), history.ledger), Feeder(parts_of(others), history.ledger)]
        for _ in range(60):
            feeder = chance.choice(feeders)
            for place in chance.sample(PLACES, 2):  # as after a rebalance: from where the view is, or where it was
                feeder.chains[place].begin(feeder.parts.reached()[place])
                begin = feeder.chains[place].reached.offset
                feeder.hear(place, letters[place][begin : begin + chance.randrange(40)])
            feeder.deliver()
        feeders[0] = Feeder(parts_of(views), history.ledger)
        feeders[0].all(letters)
    assert views.digests() == from_store(history).digests()


def test_views_fed_from_the_ledger_are_not_fed_by_kafka_too(views: Views) -> None:
    history = random_history(6, facts=40)
    catch_up(history, views)
    with pytest.raises(ViewsFedOtherwise):
        Feeder(parts_of(views), history.ledger)
    assert not views.live().fed_by_kafka()


def test_a_set_that_was_retired_takes_nothing(views: Views) -> None:
    history = random_history(6, facts=40)
    feeder = fed(views, history)
    live = views.live()
    with live.database.transaction(True, "retire"):
        live.retire()
    more = random_history(6, facts=60)
    for place in PLACES:
        feeder.hear(place, letters_of(more)[place][feeder.chains[place].reached.offset :])
    with pytest.raises(ViewsOutdated):
        feeder.deliver()


# -- what stands still -----------------------------------------------------------------------------------------


def test_a_partition_that_stands_still_is_said_on_the_stock_topic_until_it_goes_on(views: Views) -> None:
    history = random_history(7, facts=200)
    letters = letters_of(history)
    feeder = fed(views, history, {place: each[:10] for place, each in letters.items()})
    place = PLACES[0]
    chain = feeder.chains[place]
    feeder.hear(place, letters[place][12:])
    why = chain.why_not()
    assert why is not None and (why.why, why.missing, why.missing_to) == ("gap", 11, 12)
    assert feeder.parts.stand_still(place, chain.expected, why)
    assert not feeder.parts.stand_still(place, chain.expected, why), "once is enough"
    assert [(each.name, each.about) for each in entries(views, STALE)] == [(place.topic, str(place.partition))]
    with views.reading() as read:
        assert parked(read)["standing"] == [{"place": str(place), "why": "gap", "missing": 11, "missing_to": 12}]
    again = Feeder(parts_of(views), history.ledger)
    assert again.chains[place].standstill == Standstill("gap", 11, 12)
    again.all(letters)
    with views.reading() as read:
        assert parked(read)["standing"] == []
    assert len(entries(views, STALE)) == 1, "it is to be said that it goes on"
    assert views.digests() == from_store(history).digests()


# -- what nobody can read --------------------------------------------------------------------------------------


def poisoned(number: int) -> tuple[History, str]:
    """A donation with a fact that cannot be read in the middle, others beside it, and a pool of both."""
    history = History()
    bags = [collect(history, each, float(each)) for each in range(6)]
    history.tell(bags[number], "bag.stored", 20.0, facility="A9999", place="fridge-1")
    history.add(bags[number], "bag.stored.v1", schemas.header_of("bag.stored.v1") + b"\xff\xff")
    history.tell(bags[number], "bag.moved", 22.0, facility="A9999", place="fridge-2")
    history.tell(bags[number], "bag.missing", 23.0)
    other = bags[(number + 1) % 6]
    history.tell(other, "bag.stored", 24.0, facility="A9999", place="fridge-1")
    return history, bags[number]


def place_told(views: Views, bag: str) -> str | None:
    with views.reading() as read:
        found = read.rows("SELECT place FROM bags WHERE bag = ? AND {known bags}", (bag,))
    place: str | None = found[0][0]
    return place


@pytest.mark.parametrize("at_once", [1, 50])
def test_the_rest_of_a_donation_waits_behind_what_cannot_be_read_and_others_go_on(views: Views, at_once: int) -> None:
    history, bag = poisoned(2)
    fed(views, history, at_once=at_once)
    assert place_told(views, bag) == "fridge-1"
    assert place_told(views, history.told[-1].stream) == "fridge-1"
    told = [(each.name, each.about) for each in entries(views, INCOMPLETE)]
    with views.reading() as read:
        (said,) = parked(read)["facts"]
        assert incomplete_bags(read) == {bag}
        assert incomplete(read, told) == {(bag, bag)}
    assert (said["stream"], said["version"], said["waiting"]) == (bag, 3, 2)
    assert "bag.stored.v1" in said["reason"]
    rows = stock(views, BEGIN)["rows"]
    assert sum(row["bags"] for row in rows if row["status"] == "incomplete") == 1
    assert position(views) == len(history.told)
    assert views.digests() == from_store(history).digests(), "as from the store"


def test_what_can_be_read_after_all_is_told_and_what_waited_too(views: Views, monkeypatch: pytest.MonkeyPatch) -> None:
    history = History()
    bags = [collect(history, each, float(each)) for each in range(4)]
    history.tell(bags[1], "bag.stored", 20.0, facility="A9999", place="fridge-1")
    history.tell(bags[1], "bag.moved", 22.0, facility="A9999", place="fridge-2")
    real: Any = decode.decode_raw

    def unknown(data: bytes) -> Any:
        if data[:10] == schemas.header_of("bag.stored.v1"):
            raise schemas.SchemaError("unknown schema fingerprint")
        return real(data)

    monkeypatch.setattr(decode, "decode_raw", unknown)
    fed(views, history)
    assert place_told(views, bags[1]) is None
    assert parts_of(views).retry() == 0
    monkeypatch.undo()
    assert parts_of(views).retry() == 1
    assert place_told(views, bags[1]) == "fridge-2"
    pairs = [(each.name, each.about) for each in entries(views, INCOMPLETE)]
    with views.reading() as read:
        assert parked(read)["facts"] == [] and incomplete_bags(read) == set()
        assert pairs == [(bags[1], bags[1])] and incomplete(read, pairs) == set(), "to be taken back on the topic"
    assert views.digests() == from_store(history).digests()


def test_a_record_that_is_no_fact_makes_its_donation_wait_until_somebody_dismisses_it(views: Views) -> None:
    history = History()
    bags = [collect(history, each, float(each)) for each in range(4)]
    letters = letters_of(history)
    place = place_of(bags[2])
    letters[place].append(stray(place, len(letters[place]), din(2)))
    history.tell(bags[2], "bag.stored", 30.0, facility="A9999", place="fridge-1")
    history.tell(bags[3], "bag.stored", 31.0, facility="A9999", place="fridge-1")
    for at, more in letters_of(history).items():
        there = sum(isinstance(each, Letter) for each in letters[at])
        for each in more[there:]:
            assert isinstance(each, Letter)
            letters[at].append(each._replace(offset=len(letters[at])))
    fed(views, history, letters)
    assert (place_told(views, bags[2]), place_told(views, bags[3])) == (None, "fridge-1")
    with views.reading() as read:
        (said,) = parked(read)["strays"]
        assert incomplete_bags(read) >= {bags[2]}
    assert (said["place"], said["key"]) == (str(place), din(2)) and "headers" in said["reason"]
    assert not parts_of(views).dismiss(place, said["offset"] + 1, "another one")
    assert parts_of(views).dismiss(place, said["offset"], "sent by hand")
    assert not parts_of(views).dismiss(place, said["offset"], "again")
    assert place_told(views, bags[2]) == "fridge-1"
    with views.reading() as read:
        assert parked(read) == {"facts": [], "strays": [], "standing": []}
    assert views.digests() == from_store(history).digests()


def test_a_fact_that_can_be_read_and_not_be_told_is_parked_and_the_others_go_on(
    views: Views, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = random_history(9, facts=120)
    bags = [collect(history, 900 + each, float(each)) for each in range(3)]
    for bag in bags:
        history.tell(bag, "bag.stored", 50.0, facility="A9999", place="fridge-1")
        history.tell(bag, "bag.moved", 52.0, facility="A9999", place="fridge-2")
    real = FOLDED["bag.stored"]

    def stumbles(state: Any, fact: Any) -> None:
        if fact.stream == bags[1]:
            raise ZeroDivisionError("a defect of ours")
        real(state, fact)

    monkeypatch.setitem(FOLDED, "bag.stored", stumbles)
    fed(views, history)
    assert [place_told(views, bag) for bag in bags] == ["fridge-2", None, "fridge-2"]
    with views.reading() as read:
        (said,) = parked(read)["facts"]
        assert incomplete_bags(read) >= {bags[1]}
    assert (said["stream"], said["waiting"]) == (bags[1], 1) and "ZeroDivisionError" in said["reason"]
    assert position(views) == len(history.told)
    assert parts_of(views).retry() == 0
    assert views.prepare(history.ledger) is None, "who begins to feed the views tries again, and is not stopped by it"
    monkeypatch.undo()
    assert parts_of(views).retry() == 1
    assert place_told(views, bags[1]) == "fridge-2"
    assert views.digests() == from_store(history).digests()


# -- the outbox ------------------------------------------------------------------------------------------------


def published(views: Views) -> dict[str, dict[str, Any]]:
    """What a reader of the stock topic would have: rows by bag, sent and struck off."""
    live: ViewSet = views.live()
    rows: dict[str, dict[str, Any]] = {}
    while True:
        with views.reading() as read:
            there = waiting(read, 3)
            now = stock_rows(read, [each.name for each in there if each.kind == ROW])
        if not there:
            return rows
        for each in there:
            rows.pop(each.name, None)
            rows.update({each.name: now[each.name]} if each.name in now else {})
        with live.database.transaction(True, "strike off"):
            sent(live.writing_now(True), there)


def in_stock(views: Views) -> set[str]:
    with views.reading() as read:
        return {bag for (bag,) in read.rows("SELECT bag FROM bags WHERE final = 0 AND {known bags}")}


@pytest.mark.parametrize("at_once", [3, 80])
def test_the_outbox_names_what_changed_and_nothing_else(views: Views, at_once: int) -> None:
    history = random_history(8, facts=250)
    fed(views, history, at_once=at_once)
    rows = published(views)
    assert set(rows) == in_stock(views)
    for bag, row in rows.items():
        assert row["version"] == max(each.version for each in history.told if each.stream == bag)
    assert published(views) == {}


def test_what_changed_while_it_was_sent_is_sent_again(views: Views) -> None:
    history = History()
    bag = collect(history, 1, 1.0)
    fed(views, history)
    before = entries(views, ROW)
    history.tell(bag, "bag.stored", 9.0, facility="A9999", place="fridge-1")
    fed(views, history)
    live = views.live()
    with live.database.transaction(True, "strike off"):
        sent(live.writing_now(True), before)
    assert [each.name for each in entries(views, ROW)] == [bag]


def test_a_bag_that_ended_between_two_batches_was_never_on_the_topic(views: Views) -> None:
    history = History()
    collect(history, 1, 1.0, quantity=units("1"))
    bag = collect(history, 2, 2.0)
    history.tell(bag, "bag.discarded", 3.0, approved_by="staff-2")
    fed(views, history)
    assert {each.name for each in entries(views, ROW)} == {f"{din(1)}=E0001V00"}


def test_new_views_take_over_what_the_old_ones_had_still_to_send(views: Views) -> None:
    history, bag = poisoned(1)
    fed(views, history)
    green = views.beside()
    Feeder(Parts(green, False), history.ledger).all(letters_of(history))
    with green.reading() as read:
        assert waiting(read, 10) == []
    live = views.live()
    with live.database.transaction(True, "switch"):
        take_over(live, green, differing=False)
    with green.reading() as read:
        there = {(each.kind, each.name, each.about) for each in waiting(read, 100)}
    assert there == {(each.kind, each.name, each.about) for kind in (ROW, INCOMPLETE) for each in entries(views, kind)}
    assert (INCOMPLETE, bag, bag) in there
