"""This file holds which of two sets of views is live, blue or green; a rebuild fills the other and then moves."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TypeVar

from projections.decode import StoredRow
from projections.readmodels.database import ViewsOutdated, ViewsUnavailable
from projections.readmodels.view_set import VIEW, Transaction, ViewSet

LIVE = "live"
"""The table, in the blue set's database, that says where the live set is. No row: in blue."""
DDL = "CREATE TABLE IF NOT EXISTS live (view TEXT PRIMARY KEY, place TEXT NOT NULL)"
PLACES = ("blue", "green")
Answered = TypeVar("Answered")


class Views:
    """The live set of views, wherever it is; fulfils `projections.consumer.ViewDatabase`.

    Each transaction first asks which set is live. One that begins on a set while it is retired finds no fence to pass,
    and one that reads it no progress: both look again.
    """

    def __init__(self, open_set: Callable[[str], ViewSet]) -> None:
        self._open = open_set
        self._sets: dict[str, ViewSet] = {"blue": open_set("blue")}

    def close(self) -> None:
        for each in self._sets.values():
            each.close()

    # -- which is live ---------------------------------------------------------------------------

    def place(self) -> str:
        """Where the live set is."""
        home = self._sets["blue"].database
        with home.transaction(False, "read which views are live"):
            return self._place()

    def _place(self) -> str:
        home = self._sets["blue"].database
        found = home.rows(f"SELECT place FROM {LIVE} WHERE view = ?", (VIEW,)) if home.holds(LIVE) else []
        return str(found[0][0]) if found else "blue"

    def at(self, place: str) -> ViewSet:
        """The set at a place."""
        if place not in self._sets:
            self._sets[place] = self._open(place)
        return self._sets[place]

    def live(self) -> ViewSet:
        """The live set."""
        return self.at(self.place())

    def beside(self) -> ViewSet:
        """The set that is not live."""
        return self.at(PLACES[1 - PLACES.index(self.place())])

    @contextmanager
    def moving(self) -> Iterator[tuple[ViewSet, ViewSet, Callable[[], None]]]:
        """Hold the live set's fence: live set, the other, and how to move to the other.

        Durable as one when home is the live set's database. When it is not, the pointer is committed first and the old
        set retired after: a crash between the two leaves a set that nobody looks at.
        """
        place = self.place()
        old, new = self.at(place), self.beside()
        home = self._sets["blue"].database

        def move() -> None:
            target = PLACES[1 - PLACES.index(place)]
            if old.database is home:
                self._point_to(target)
            else:
                with home.transaction(True, "move to the views that were rebuilt"):
                    self._point_to(target)
            old.retire()

        with old.database.transaction(True, "switch to the views that were rebuilt"):
            yield old, new, move

    def _point_to(self, place: str) -> None:
        home = self._sets["blue"].database
        home.run(DDL)
        home.run(
            f"INSERT INTO {LIVE} VALUES (?, ?) ON CONFLICT (view) DO UPDATE SET place = excluded.place", (VIEW, place)
        )

    # -- as the live set -------------------------------------------------------------------------

    def on_live(self, ask: Callable[[ViewSet], Answered]) -> Answered:
        """What the live set answers. One that failed because it was replaced meanwhile is not asked again."""
        place = self.place()
        while True:
            try:
                return ask(self.at(place))
            except (ViewsOutdated, ViewsUnavailable):
                before, place = place, self.place()
                if place == before:
                    raise

    def prepare(self, ledger: str) -> tuple[str, ...] | None:
        return self.on_live(lambda views: views.prepare(ledger))

    def rebuild(self, ledger: str) -> None:
        self.on_live(lambda views: views.rebuild(ledger))

    def next_position(self) -> int:
        return self.on_live(ViewSet.next_position)

    def last_applied(self) -> tuple[int, str, int, bytes] | None:
        return self.on_live(ViewSet.last_applied)

    def apply(self, rows: Sequence[StoredRow], expected: int) -> bool:
        return self.on_live(lambda views: views.apply(rows, expected))

    @contextmanager
    def reading(self, known_at: int | None = None) -> Iterator[Transaction]:
        """One read transaction on the live set. Errors: ViewsOutdated, ViewsUnavailable."""
        with ExitStack() as entered:
            yield self.on_live(lambda views: entered.enter_context(views.reading(known_at)))

    def digests(self) -> dict[str, str]:
        return self.on_live(ViewSet.digests)
