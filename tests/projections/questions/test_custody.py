"""This file holds the tests that the quick ways to a bag's facts, donations and persons say what the plain ways say."""

import random
from typing import Any

import pytest

from projections.queries.asking import Asking, asking
from projections.queries.bags import BagRow, bags_at
from projections.queries.custody import HANDED_ON, stays_of, told_of
from projections.queries.donation import bags_of_donation
from projections.queries.donor import recipients_of_donor
from projections.queries.facts import standing_of
from projections.queries.life import life_of
from projections.queries.mock_recall import mock_recall
from projections.queries.origins import donations_of, origins_of
from projections.queries.patient import received_by_patient
from projections.queries.persons import names_of, persons
from projections.queries.pool import donations_and_recipients
from projections.queries.recall import recall
from projections.queries.record import record_on
from projections.queries.subjects import same_person
from projections.queries.touched import touched_by
from projections.queries.whereabouts import where_is
from projections.readmodels.database import is_bag
from projections.readmodels.sqlite import SqliteDatabase
from tests.projections.history import History, collect, din, process, random_history, units
from tests.projections.questions.told import LATER, POOL, Question, asked, recorded, views_of

SEEDS = range(12)
HANDS = tuple(name.removeprefix("bag.") for name in HANDED_ON)
ONLY = tuple(f"bag.{each}" for each in (*HANDS, "stored", "released", "collected", "prepared", "consumed", "missing"))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_facts_of_some_names_are_those_that_stand_in_the_same_order(seed: int) -> None:
    history = random_history(seed, facts=150, only=ONLY, minutes=12)
    views, draw = views_of(history), random.Random(seed)
    bags = {row.stream for row in history.told}
    for known in (None, *draw.sample(range(1, 150), 3)):
        with views.reading(None if known is None else history.told[known].recorded_at) as read:
            for names in (HANDED_ON, ("bag.transfused",), ("bag.collected", "bag.issued")):
                plain = {
                    bag: [fact for fact in facts if fact.name in names]
                    for bag, facts in standing_of(read, bags).items()
                }
                assert told_of(read, bags, names) == {bag: facts for bag, facts in plain.items() if facts}
    views.close()


def row_of(put: Asking, bag: str) -> BagRow:
    return bags_at(put.read, [bag])[bag]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_stay_changes_only_when_the_whereabouts_of_the_row_do(seed: int) -> None:
    history = random_history(seed, facts=80, bags=3, only=ONLY, minutes=500, corrections=0)
    views = views_of(history)
    bags = {row.stream for row in history.told}
    with views.reading() as read:
        rows, stays, standing = bags_at(read, bags), stays_of(read, bags), standing_of(read, bags)
        for bag in bags:
            put_by = stays[bag].put_by
            if put_by is None:
                assert (rows[bag].fate, rows[bag].facility, rows[bag].consignee) == (None, None, None)
                continue
            told = History()
            for fact in standing[bag][: standing[bag].index(put_by) + 1]:
                told.add(bag, fact.wire, fact.state)
            then = asked(told, row_of, bag)
            now = rows[bag]
            assert (then.fate, then.status == "consumed") == (now.fate, now.status == "consumed")
            if now.fate is None and now.status != "consumed":
                assert (then.facility, then.place, then.consignee) == (now.facility, now.place, now.consignee)
    views.close()


@pytest.mark.parametrize("seed", SEEDS)
def test_every_pseudonym_of_a_person_is_found_set_by_set_as_one_by_one(seed: int) -> None:
    draw, history = random.Random(seed), History()
    names = [f"d{number}" for number in range(12)]
    for minute in range(14):
        one, other = draw.sample(names, 2)
        verb = "merged" if draw.random() < 0.8 else "unmerged"
        history.tell(f"donor:{one}", f"donor.{verb}", minute, other=other, process_id=f"m{minute}")
    views = views_of(history)
    for known in (7, 14):
        with asking(views, LATER, recorded(history, known)) as put:
            plain = {name: same_person(put.read, "donor", name) for name in names}
            assert persons(put.read, "donor", names) == {name: min(plain[name]) for name in names}
            for name in names:
                assert names_of(put.read, "donor", [name]) == plain[name]
    views.close()


@pytest.mark.parametrize("seed", SEEDS)
def test_every_bag_on_record_has_a_donation_unless_it_is_its_own_ancestor(seed: int) -> None:
    history = random_history(seed, facts=60, only=("bag.collected", "bag.prepared", "bag.consumed", "bag.received"))

    def behind(put: Asking) -> None:
        bags = {row.stream for row in history.told if is_bag(row.stream)}
        origins = origins_of(put.read, bags)
        known = donations_of(put.read, origins)
        assert known.keys() == origins.donations
        for bag in bags:
            beneath = {*origins.parents.get(bag, {}), bag}
            assert origins.behind(bag) >= set().union(*(origins.own.get(each, set()) for each in beneath))
            if bag not in origins.parents:
                assert origins.behind(bag) == origins.own[bag] != set()
        assert all(donation.din == number for number, donation in known.items())

    asked(history, behind)


ASKED: list[tuple[Question, str]] = [
    (life_of, din(1)),
    (where_is, "donor:d-1"),
    (bags_of_donation, din(1)),
    (donations_and_recipients, POOL),
    (recipients_of_donor, "d-1"),
    (received_by_patient, "pat-1"),
    (record_on, din(1)),
    (touched_by, "lot:C1"),
    (mock_recall, "lot:C1"),
    (recall, "lot:C1"),
]


def of_one_donor(members: int) -> History:
    """So many donations of one donor in one lot, each with a result; pooled, and the pool given to pat-1."""
    history = History()
    lots = [{"kind": "container", "id": "C1"}]
    bags = [collect(history, number, number, donor="d-1", lots=lots) for number in range(1, members + 1)]
    for number in range(1, members + 1):
        said = {"marker": "hbsag", "result": "nonreactive", "stage": "initial", "final": True}
        history.tell(din(number), "donation.tested", 50, **said)
    process(history, "pool", bags, [POOL], 60, quantity=units("2"))
    history.tell(POOL, "bag.transfused", 70, patient="pat-1", hospital="H0001", presumed=False)
    history.tell(bags[0], "bag.amended", 80, target_version=1, changes=[])
    return history


@pytest.mark.parametrize("question, subject", ASKED)
def test_a_question_asks_as_often_of_many_bags_as_of_few_and_reads_no_table_whole(
    question: Question, subject: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, plans, counts = SqliteDatabase.rows, [], []

    def explained(self: Any, sql: str, parameters: Any = ()) -> Any:
        plans.extend(str(row[3]) for row in plain(self, f"EXPLAIN QUERY PLAN {sql}", parameters))
        counts.append(sql)
        return plain(self, sql, parameters)

    often = []
    for members in (3, 40):
        views = views_of(of_one_donor(members))
        with asking(views, LATER) as put, monkeypatch.context() as patched:
            patched.setattr(SqliteDatabase, "rows", explained)
            question(put, subject)
        often.append(len(counts))
        counts.clear()
        views.close()
    assert often[0] == often[1] > 0
    scanned = {plan.split()[1] for plan in plans if plan.startswith("SCAN")}
    assert scanned <= {"json_each", "CONSTANT", "reached", "parked", "sqlite_master"}
