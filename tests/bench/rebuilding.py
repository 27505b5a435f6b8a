"""This file holds the row `rebuild`: views from the store, beside bare decoding and the library's ProjectionRunner."""

from collections.abc import Iterator
from pathlib import Path
from time import perf_counter, process_time

from eventsourcing.application import Application
from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import Tracking, TrackingRecorder
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.sql import SQL, Identifier

from ledger.wiring import Ledger, open_ledger
from projections.consumer import LARGE_BATCH, catch_up
from projections.decode import decode_row, without_cycle_search
from projections.readmodels.postgres import postgres_views
from projections.readmodels.sqlite import sqlite_views
from tests.bench.figures import Figures, Line, alternating, at_least, times
from tests.bench.histories import Told
from tests.bench.stock_application import on_postgres
from tests.bench.workbench import Workbench

PAGE = 20_000


def rebuilt(bench: Workbench) -> Iterator[Line]:
    for facts in bench.sizes.facts:
        yield _on_sqlite(bench, facts, bench.ledger(facts))
    for facts in bench.sizes.facts[:2]:
        yield _on_postgresql(bench, facts, bench.ledger(facts))
    yield _beside_the_runner(bench, bench.ledger(bench.sizes.facts[0]))
    yield _compared_and_switched(bench, bench.sizes.facts[0], bench.ledger(bench.sizes.facts[0]))


# -- filling from zero -----------------------------------------------------------------------------------


def _on_sqlite(bench: Workbench, facts: int, told: Told) -> Line:
    """Per CPU second of the one process that does it all: what else runs here does not count."""
    bench.say(f"views of {facts:,} facts on SQLite")
    with open_ledger(told.settings, reading=True) as ledger:
        ours, bare = bench.compared(
            facts,
            "facts/s of CPU",
            ("views from zero", lambda: _filled(bench, ledger, keep=bench.rounds(facts) == 1)),
            ("bare decode", lambda: _decoded(ledger)),
        )
    return Line(
        "rebuild", f"rebuild of all views, SQLite, {facts:,} facts", ours, bare, at_least(80_000, "facts/s a core"),
        {"facts": told.facts, "batch": LARGE_BATCH},
    )  # fmt: skip


def _filled(bench: Workbench, ledger: Ledger, keep: bool) -> float:
    """Large ones are kept where the rows after this one look for them."""
    with bench.fresh() as folder:
        kept = Path(ledger.settings.views)
        views = sqlite_views(kept if keep and not kept.exists() else folder / "views")
        begin = process_time()
        done = catch_up(ledger.store, views)
        spent = process_time() - begin
        views.close()
    return done.applied / spent


def _decoded(ledger: Ledger) -> float:
    """The same bytes, read from the store and decoded, and nothing else."""
    done, position, begin = 0, 0, process_time()
    with without_cycle_search():
        while rows := ledger.store.rows(position, PAGE):
            for row in rows:
                decode_row(row)
            done, position = done + len(rows), rows[-1].position
    return done / (process_time() - begin)


def _on_postgresql(bench: Workbench, facts: int, told: Told) -> Line:
    bench.say(f"views of {facts:,} facts on PostgreSQL")
    with open_ledger(told.settings, reading=True) as ledger:
        ours, bare = bench.compared(
            facts,
            "facts/s",
            ("views from zero", lambda: _filled_on_server(bench, ledger)),
            ("bare decode, per CPU s", lambda: _decoded(ledger)),
        )
    return Line(
        "rebuild", f"rebuild of all views, PostgreSQL, {facts:,} facts", ours, bare, at_least(80_000, "facts/s"),
        {"facts": told.facts, "batch": LARGE_BATCH}, "wall clock: the server works on the other core",
    )  # fmt: skip


def _filled_on_server(bench: Workbench, ledger: Ledger, facts: int | None = None) -> float:
    with bench.schema() as url:
        views = postgres_views(url)
        begin = perf_counter()
        done = catch_up(ledger.store, views, until=facts)
        spent = perf_counter() - begin
        views.close()
    return done.applied / spent


def _compared_and_switched(bench: Workbench, facts: int, told: Told) -> Line:
    """Blue and green: what `rebuild` does beside a live set, comparison and switch included."""
    with open_ledger(told.settings, reading=True) as ledger, bench.fresh() as folder:
        views = sqlite_views(folder / "views")
        catch_up(ledger.store, views)
        again = Ledger(ledger.settings, ledger.store, ledger.clock, None, reading=True)
        again.__dict__["views"] = views
        (found,) = alternating(bench.rounds(facts), lambda: _switched(again, told.facts))
        views.close()
    return Line(
        "rebuild", f"rebuild beside live views, compared, switched, SQLite, {facts:,} facts",
        Figures("rebuild", "facts/s of CPU", found), at={"facts": told.facts},
        why_no_yardstick="none is named: it is the line above and a comparison of every row",
    )  # fmt: skip


def _switched(ledger: Ledger, facts: int) -> float:
    begin = process_time()
    done = ledger.rebuild()
    assert done.switched, done
    return facts / (process_time() - begin)


# -- the library's runner --------------------------------------------------------------------------------


class Counted(Aggregate):
    """Something that happens again and again."""

    @event("Counted")
    def count(self, place: str) -> None:
        self.place = place


class Counting(Application):
    """The stock application whose events are projected."""


class Counts(TrackingRecorder):
    """A view with one number."""

    def increment(self, tracking: Tracking) -> None:
        raise NotImplementedError


class PostgresCounts(PostgresTrackingRecorder, Counts):
    """The number in PostgreSQL, in one transaction with the position."""

    TABLE = "CREATE TABLE IF NOT EXISTS {} (name text PRIMARY KEY, n bigint)"
    ADD = "INSERT INTO {} AS c VALUES ('all', 1) ON CONFLICT (name) DO UPDATE SET n = c.n + 1"

    def __init__(self, datastore: object, **kwargs: object) -> None:
        super().__init__(datastore, **kwargs)  # type: ignore[arg-type]
        table = SQL("{}.{}").format(Identifier(self.datastore.schema), Identifier("counts"))
        self.sql_create_statements.append(SQL(self.TABLE).format(table))
        self._add = SQL(self.ADD).format(table)

    def increment(self, tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(self._add, prepare=True)


class CountsProjection(Projection[Counts]):
    """Counts every event: the least a projection can do."""

    name = "counts"

    @singledispatchmethod
    def process_event(self, domain_event: object, tracking: Tracking) -> None:
        self.view.increment(tracking)


def _beside_the_runner(bench: Workbench, told: Told) -> Line:
    """As many facts into all our views as the library counts one by one."""
    facts = min(bench.sizes.runner_facts, told.facts)
    bench.say(f"the library's runner over {facts:,} facts")
    with open_ledger(told.settings, reading=True) as ledger, bench.schema() as url:
        env = on_postgres(url)
        _write_events(env, facts)
        ours, runner = bench.compared(
            facts,
            "facts/s",
            ("views from zero", lambda: _filled_on_server(bench, ledger, facts)),
            ("ProjectionRunner that counts", lambda: _run(bench, env, facts)),
        )
    return Line(
        "rebuild", f"rebuild beside the library's ProjectionRunner, PostgreSQL, {facts:,} facts", ours, runner,
        times(10), {"facts": facts},
    )  # fmt: skip


def _write_events(env: dict[str, str], facts: int) -> None:
    with Counting(env=env) as application:
        while facts > 0:
            counted = Counted()
            for number in range(min(facts, 500) - 1):
                counted.count(place=f"shelf {number}")
            facts -= 500
            application.save(counted)


def _run(bench: Workbench, env: dict[str, str], facts: int) -> float:
    """The runner over a view of its own; the events are where they are."""
    with bench.schema() as url:
        for_view = {f"COUNTS_{name}": value for name, value in on_postgres(url).items()}
        runner: ProjectionRunner[Counting, Counts]
        begin = perf_counter()
        with ProjectionRunner(
            application_class=Counting, projection_class=CountsProjection, view_class=PostgresCounts,
            env={**env, **for_view},
        ) as runner:  # fmt: skip
            runner.wait(facts, timeout=600)
            return facts / (perf_counter() - begin)
