"""This file holds the rows `trace`, `pool`, `lot` and `stock`: questions to the views, beside other databases."""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Any

from ledger.wiring import open_ledger
from projections.consumer import FactSource, catch_up
from projections.decode import EPOCH
from projections.queries.asking import asking
from projections.queries.pool import donations_and_recipients
from projections.queries.recall import recalled
from projections.queries.stock import stock
from projections.queries.trace import trace
from projections.readmodels.live import Views
from projections.readmodels.sqlite import sqlite_views
from tests.bench import many_bags
from tests.bench.figures import Figures, Line, alternating, below, grows_at_most, percentile
from tests.bench.many_bags import Streamed
from tests.bench.other_databases import Graph, UnindexedFacts
from tests.bench.workbench import Workbench
from tests.projections.history import din

NOW = datetime(2040, 1, 1, tzinfo=UTC)
UNINDEXED = "recursive query over unindexed facts"
GRAPH = "embedded graph database (LadybugDB)"
Trace = Callable[[str], object]


def _ms(ask: Callable[[], object]) -> float:
    begin = perf_counter()
    ask()
    return (perf_counter() - begin) * 1000


def _latencies(ask: Trace, bags: Sequence[str]) -> list[float]:
    return [_ms(lambda bag=bag: ask(bag)) for bag in bags]  # type: ignore[misc]


# -- trace -----------------------------------------------------------------------------------------------


def traced(bench: Workbench) -> Iterator[Line]:
    found: list[Figures] = []
    for facts in bench.sizes.facts:
        lines = list(_traced_at(bench, facts))
        found.append(lines[0].ours)  # type: ignore[arg-type]
        yield from lines
    sizes = f"{bench.sizes.facts[-1]:,} against {bench.sizes.facts[0]:,} facts"
    smallest = found[0]._replace(what="p99 at the smallest size")
    yield Line("trace", f"trace both ways, p99, growth: {sizes}", found[-1], smallest, grows_at_most(2.5))


def _traced_at(bench: Workbench, facts: int) -> Iterator[Line]:
    made = bench.ledger(facts)
    bags = _some_bags(made.donations, bench.sizes.traces)
    at = {"facts": made.facts, "bags": made.donations * 3, "traces": len(bags), "views": "SQLite file"}
    with open_ledger(made.settings, reading=True) as ledger, ExitStack() as entered:
        ledger.catch_up()
        folder = entered.enter_context(bench.fresh())
        bench.say("loading the other databases")
        scan = entered.enter_context(UnindexedFacts(folder / "facts.db", ledger.store))
        graph = entered.enter_context(Graph(folder, ledger.views))
        ours, scanned, walked = _asked(bench, ledger.views, scan, graph, bags)
    what = f"trace both ways with edges, states, fates, {facts:,} facts"
    p99, p50 = _at("p99", ours, 0.99), _at("p50", ours, 0.5)
    slow = _at(f"{UNINDEXED}, median of {bench.sizes.scanned_traces}", scanned, 0.5)
    other, middle = _at(f"{GRAPH}, p99", walked, 0.99), _at(f"{GRAPH}, p50", walked, 0.5)
    yield Line("trace", f"{what}: p99", p99, slow, below(1, "ms"), at)
    yield Line("trace", f"{what}: p99", p99, other, below(1, "ms"), at)
    yield Line("trace", f"{what}: p50", p50, middle, None, at)


def _at(what: str, rounds: list[list[float]], part: float) -> Figures:
    return Figures(what, "ms", tuple(percentile(each, part) for each in rounds))


def _asked(
    bench: Workbench, views: Views, scan: UnindexedFacts, graph: Graph, bags: list[str]
) -> list[list[list[float]]]:
    """Latencies of each in alternating rounds; all must reach the same bags."""
    for bag in bags[:2]:
        reached = {len(_trace(views, bag)["bags"]), scan.trace(bag), graph.trace(bag)}
        assert len(reached) == 1, f"{bag}: the three databases reach {reached} bags"
    found: list[list[list[float]]] = [[], [], []]
    for _ in range(bench.sizes.rounds):
        found[0].append(_latencies(lambda bag: _trace(views, bag), bags))
        found[1].append(_latencies(scan.trace, bags[: bench.sizes.scanned_traces]))
        found[2].append(_latencies(graph.trace, bags))
    return found


def _trace(views: Views, bag: str) -> dict[str, Any]:
    return trace(views, bag, NOW, facts=False)


def _some_bags(donations: int, wanted: int) -> list[str]:
    """Bags of all three kinds: what was collected, and both that were made from it."""
    draw = random.Random(17)
    return [f"{din(draw.randrange(donations))}=E{draw.choice(('0001', '0336', '0701'))}V00" for _ in range(wanted)]


# -- many bags in one question ---------------------------------------------------------------------------


@contextmanager
def _fed(bench: Workbench, source: FactSource) -> Iterator[Views]:
    with bench.fresh() as folder:
        views = sqlite_views(folder / "views")
        catch_up(source, views)
        yield views
        views.close()


def pooled(bench: Workbench) -> Iterator[Line]:
    """What a pool was made of, both as a trace and as question d."""
    members = bench.sizes.pool

    def facts() -> Streamed:
        return Streamed(lambda: many_bags.pool(members), members * many_bags.POOL_FACTS + 1)

    with ExitStack() as entered:
        views, folder = entered.enter_context(_fed(bench, facts())), entered.enter_context(bench.fresh())
        scan = entered.enter_context(UnindexedFacts(folder / "facts.db", facts()))
        graph = entered.enter_context(Graph(folder, views))
        assert len(_trace(views, many_bags.POOL)["bags"]) == members + 1 == graph.trace(many_bags.POOL)
        found = alternating(
            bench.sizes.rounds,
            lambda: _ms(lambda: _trace(views, many_bags.POOL)),
            lambda: _ms(lambda: scan.trace(many_bags.POOL)),
            lambda: _ms(lambda: graph.trace(many_bags.POOL)),
            lambda: _ms(lambda: _question_d(views)),
        )
    ours, scanned, walked, asked = (Figures("", "ms", each) for each in found)
    what, at = f"pool of {members:,} donations traced back", {"members": members, "views": "SQLite file"}
    ours = ours._replace(what="trace")
    yield Line("pool", what, ours, scanned._replace(what=UNINDEXED), below(50, "ms"), at)
    yield Line("pool", what, ours, walked._replace(what=GRAPH), below(50, "ms"), at)
    yield Line(
        "pool",
        f"question d of a pool of {members:,}: donations, donors, recipients",
        asked._replace(what="ask d"),
        at=at,
        why_no_yardstick="it answers more than the other databases hold",
    )


def _question_d(views: Views) -> None:
    with asking(views, NOW) as put:
        donations_and_recipients(put, many_bags.POOL)


def lot_recalled(bench: Workbench) -> Iterator[Line]:
    """Every bag of a lot, where it is and who had it."""
    donations = bench.sizes.lot_bags // many_bags.BAGS_OF_A_DONATION
    bags = donations * many_bags.BAGS_OF_A_DONATION
    source = Streamed(lambda: many_bags.lot(bags), donations * many_bags.LOT_FACTS)
    with _fed(bench, source) as views:
        assert len(_recall(views)["rows"]) == bags
        (found,) = alternating(bench.sizes.rounds, lambda: _ms(lambda: _recall(views)) / 1000)
    yield Line(
        "lot", f"lot recall, {bags:,} bags over 3 centres, listed", Figures("recall", "s", found), None, below(1, "s"),
        {"bags": bags, "views": "SQLite file"}, why_no_yardstick="the promise names none",
    )  # fmt: skip


def _recall(views: Views) -> dict[str, Any]:
    return recalled(views, f"lot:container:{many_bags.LOT}", NOW)


def stock_then(bench: Workbench) -> Iterator[Line]:
    """What was in stock as known when half of all bags had come, and what is now."""
    bags = bench.sizes.stock_bags
    facts = sum(1 for number in range(bags) if number * 3 >= bags * 2 and number % 4 == 0) + bags
    bench.say(f"feeding {facts:,} facts of {bags:,} bags to views")
    with _fed(bench, Streamed(lambda: many_bags.stock(bags), facts)) as views:
        known_at = EPOCH + timedelta(microseconds=many_bags.recorded_at(facts * 3 // 4))
        found = alternating(
            bench.sizes.rounds,
            lambda: _ms(lambda: _stock(views, known_at)) / 1000,
            lambda: _ms(lambda: _stock(views, None)) / 1000,
        )
    for when, seconds in zip(("at T", "now"), found, strict=True):
        yield Line(
            "stock",
            f"stock as known {when}, {bags:,} bags",
            Figures("stock", "s", seconds),
            goal=below(1, "s"),
            at={"bags": bags, "facts": facts, "views": "SQLite file"},
            why_no_yardstick="the promise names none",
        )


def _stock(views: Views, known_at: datetime | None) -> None:
    assert stock(views, datetime(2025, 4, 1, tzinfo=UTC), known_at)["rows"]
