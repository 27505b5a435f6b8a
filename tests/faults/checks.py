"""This file holds what must be true after every round, whatever was done: nothing lost, doubled or in another order."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from random import Random
from typing import Any

from ledger.simulation import LedgerAnswers
from ledger.simulator.trouble.examination import Examination
from ledger.simulator.trouble.physical import truth_of
from ledger.simulator.trouble.telling import instant
from ledger.simulator.world import Checked
from ledger.wiring import open_ledger
from projections.consumer import catch_up
from projections.readmodels import READ_MODELS
from projections.readmodels.life import all_kept
from projections.readmodels.live import Views
from projections.readmodels.sqlite import sqlite_views
from tests.faults.scene import Scene
from tests.faults.topic import Chain, Fact, Place, Topics, micros, place_of

IN_STOCK = """SELECT bag, facility, component, abo, rhd, status, thousandths, measure, place, expires_at FROM bags
    WHERE final = 0 AND {known bags}"""
SHELF = ("bag", "facility", "component", "group", "rhd", "status", "amount", "measure", "place", "expires_at")
REFUSED_TWICE = re.compile(r"is in the views already|UNIQUE constraint|duplicate key")
"""What a database says that is given a fact it has: the fence was to keep it out before."""
NAMED = 5
"""Differences that are named, of each sort."""


@dataclass
class Found:
    """What was found wrong. `failed`: one line each, of what is not counted as lost, doubled or reordered."""

    lost: int = 0
    doubled: int = 0
    reordered: int = 0
    failed: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.lost or self.doubled or self.reordered or self.failed)

    def add(self, other: "Found") -> None:
        """What was found elsewhere, too."""
        self.lost += other.lost
        self.doubled += other.doubled
        self.reordered += other.reordered
        self.failed += other.failed

    def same(self, what: str, said: Any, truth: Any) -> None:
        """Hold one thing against what it must be."""
        if said != truth:
            self.failed.append(f"{what}: {_short(said)}, and not {_short(truth)}")

    def same_facts(self, what: str, found: Sequence[Fact], stored: Sequence[Fact]) -> None:
        """Hold facts against those that are stored: each once, as it is, in that order."""
        here, there = Counter(found), Counter(stored)
        lost, more = there - here, here - there
        self.lost += lost.total()
        self.doubled += more.total()
        if lost or more:
            self.failed.append(f"{what}: lacks {_named(lost)}; has besides {_named(more)}")
        elif list(found) != list(stored):
            moved = sum(one != other for one, other in zip(found, stored, strict=True))
            self.reordered += moved
            self.failed.append(f"{what}: {moved} facts in another order")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 300 else f"{text[:300]}…"


def _named(facts: "Counter[Fact]") -> str:
    names = [f"{fact.stream}/{fact.version}" for fact in list(facts)[:NAMED]]
    return f"{facts.total()} ({', '.join(names)})" if names else "nothing"


def checked(scene: Scene, topics: Topics, windows: int, altered: Iterable[tuple[Place, int]], whole: bool) -> Found:
    """Everything, of a scene that is level and holds so many windows of its story. `whole`: ask every question, too."""
    found = Found()
    store, views = scene.watch.store, scene.watch.views
    facts = [_fact(row) for row in store.rows(0, 1_000_000)]
    _check_ledger(found, scene, windows, facts)
    topics.read_on()
    _check_topics(found, topics, scene.story.ledger, facts, set(altered))
    _check_life(found, views, facts)
    _check_rebuild(found, scene)
    _check_stock_topic(found, topics, scene)
    _check_answers(found, scene, windows, whole)
    check_processes(found, scene)
    return found


def _fact(row: Any) -> Fact:
    return Fact(row.position, row.stream, row.version, row.name, row.recorded_at, bytes(row.state))


# -- the ledger --------------------------------------------------------------------------------------------------


def _check_ledger(found: Found, scene: Scene, windows: int, facts: Sequence[Fact]) -> None:
    """It holds what it would hold had nothing been in the way, and says itself that it is whole."""
    with open_ledger(scene.settings, reading=True) as ledger:
        verified = ledger.verify()
        found.same("verify", verified["ok"], True)
        found.same("the ledger's root", ledger.store.head().root.hex(), scene.story.roots[windows - 1].hex())
    found.same("positions", [fact.position for fact in facts], list(range(1, len(facts) + 1)))
    streams: dict[str, list[int]] = {}
    for fact in facts:
        streams.setdefault(fact.stream, []).append(fact.version)
    for stream, versions in streams.items():
        found.same(f"versions of {stream}", versions, list(range(1, len(versions) + 1)))
    found.failed += scene.surprises


# -- the topics --------------------------------------------------------------------------------------------------


def _check_topics(
    found: Found, topics: Topics, ledger: str, facts: Sequence[Fact], altered: set[tuple[Place, int]]
) -> None:
    """Every fact is there at least once, in a chain that is whole, in the order of the ledger."""
    belong: dict[Place, list[Fact]] = {place: [] for place in topics.chains(ledger)}
    for fact in facts:
        belong[place_of(fact.stream, topics.partitions)].append(fact)
    for place, chain in topics.chains(ledger).items():
        found.same_facts(f"on {place[0]}/{place[1]}", chain.facts, belong[place])
        found.same(f"wrong records on {place}", _not_ours(chain, place, altered), [])
        ordered = all(one.position < other.position for one, other in pairwise(chain.facts))
        found.same(f"positions on {place[0]}/{place[1]} grow", ordered, True)
    found.same("records that are no facts", topics.strange, [])


def _not_ours(chain: Chain, place: Place, altered: set[tuple[Place, int]]) -> list[int]:
    return [number for number in chain.wrong if (place, number) not in altered]


def _check_stock_topic(found: Found, topics: Topics, scene: Scene) -> None:
    """The newest record of each key is what the views have in stock."""
    rows, marks = topics.stock(scene.story.ledger)
    said = {bag: tuple(_on_shelf(row)) for bag, row in rows.items()}
    with scene.watch.views.reading() as read:
        there = {row[0]: row for row in read.rows(IN_STOCK)}
        versions = {each.stream: each.version for some in all_kept(read) for each in some}
    found.same("bags on the stock topic", sorted(said.keys() ^ there.keys()), [])
    for bag in said.keys() & there.keys():
        found.same(f"the stock topic's row of {bag}", said[bag], tuple(there[bag]))
        found.same(
            f"{bag} on the stock topic rests on a fact there is", 1 <= rows[bag]["version"] <= versions[bag], True
        )
    found.same("marks on the stock topic", marks, [])


def _on_shelf(row: dict[str, Any]) -> Iterator[Any]:
    for name in SHELF:
        value = row[name]
        if name == "amount" and value is not None:
            value = int(Decimal(value) * 1000)
        yield micros(value) if name == "expires_at" and value is not None else value


# -- the views ---------------------------------------------------------------------------------------------------


def _check_life(found: Found, views: Views, facts: Sequence[Fact]) -> None:
    """Each fact was applied exactly once."""
    with views.reading() as read:
        applied = sorted(Fact(*each[:4], *each[5:]) for some in all_kept(read) for each in some)
        parked = read.rows("SELECT stream, version, reason FROM parked WHERE position = 0 OR name = ''")
        standing = read.rows("SELECT topic, part, why FROM partitions WHERE why IS NOT NULL")
        strays = read.rows("SELECT topic, part, at_offset, reason FROM strays")
    found.same_facts("in the views", applied, facts)
    found.same("parked for want of a fact", parked, [])
    found.same("partitions that stand still", standing, [])
    found.same("strays", strays, [])


def _check_rebuild(found: Found, scene: Scene) -> None:
    """The views that Kafka fed are those that the ledger gives, by their digests and row by row."""
    with closing(sqlite_views(":memory:")) as afresh:
        catch_up(scene.watch.store, afresh)
        found.same("digests of the views", scene.watch.views.digests(), afresh.digests())
        with scene.watch.views.reading() as ours, afresh.reading() as theirs:
            for model in READ_MODELS:
                for content in (model.content, *model.beside):
                    _same_rows(found, content.table, content.rows(ours.rows), content.rows(theirs.rows))


def _same_rows(found: Found, table: str, ours: Iterable[Any], theirs: Iterable[Any]) -> None:
    mine, rebuilt = Counter(map(_plain, ours)), Counter(map(_plain, theirs))
    if mine != rebuilt:
        more, fewer = list((mine - rebuilt).elements()), list((rebuilt - mine).elements())
        found.failed.append(f"table {table}: {_short(more[:NAMED])} where a rebuild has {_short(fewer[:NAMED])}")


def _plain(row: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(bytes(each) if isinstance(each, memoryview) else each for each in row)


def _check_answers(found: Found, scene: Scene, windows: int, whole: bool) -> None:
    """What the views answer is what was told, by a truth that never saw a fact."""
    heard = scene.story.world.was_told[: scene.story.told[windows - 1]]
    compared, chance = Checked(), Random(windows)
    with open_ledger(scene.settings, reading=True) as ledger:
        at = instant(chance.randint(0, 3 * scene.story.days * 1440))
        asked = Examination(compared, heard, truth_of(heard), LedgerAnswers(ledger), None, at, chance)
        asked.everything() if whole else asked._stock()
    found.same("answers that were compared", bool(compared.compared), True)
    found.failed += [f"{compared.failures} wrong answers: {'; '.join(compared.wrong[:NAMED])}"] * (not compared.good)


# -- the processes -----------------------------------------------------------------------------------------------


def check_processes(found: Found, scene: Scene) -> None:
    """Nobody ended by itself, and no database had to say that it has a fact already."""
    found.failed += scene.died
    scene.died = []
    for name, said in scene.logs():
        if twice := REFUSED_TWICE.findall(said):
            found.doubled += len(twice)
            found.failed.append(f"{name}: the database was given a fact twice: {_lines_with(said)}")
        if "defect" in said or "Traceback" in said:
            found.failed.append(f"{name}: {said[-500:]}")


def _lines_with(said: str) -> str:
    return next((line for line in said.splitlines() if REFUSED_TWICE.search(line)), "")[:300]
