"""This file holds the composition root: the only place where a ledger is put together; tests use it too."""

import contextlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from ledger.audit.beside import other_half
from ledger.audit.links import links_in
from ledger.audit.verify import Auditable
from ledger.audit.verify import verify as audited
from ledger.catalogue import load_catalogue
from ledger.commands.clock import Clock, WallClock
from ledger.commands.committer import Committer
from ledger.commands.importing import Importable
from ledger.domain import FACTS
from ledger.domain.catalogue import Catalogue
from ledger.settings import Settings
from ledger.store import crashpoints
from ledger.store.keys import KeyStore
from ledger.store.mapper import AvroMapper
from ledger.store.opening import is_postgres, open_store
from ledger.store.port import FactStore
from ledger.store.sqlite_tables import MEMORY
from projections.consumer import CaughtUp, StoreFeed, catch_up
from projections.readmodels.database import ViewsOutdated
from projections.readmodels.live import Views
from projections.readmodels.sqlite import no_views, sqlite_views
from projections.rebuilding import Rebuilt, rebuild

Progress = Callable[[int, int], None]
WORTH_A_PROCESS = 200_000
"""From so many facts on, starting another process for half of an audit costs less than it saves."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Ledger:
    """One ledger with everything that works on it; what is not asked for is not opened."""

    def __init__(
        self,
        settings: Settings,
        store: FactStore,
        clock: Clock,
        make_key: Callable[[str], bytes] | None,
        reading: bool,
    ) -> None:
        self.settings, self.store, self.clock = settings, store, clock
        self._make_key, self._reading = make_key, reading

    @cached_property
    def catalogue(self) -> Catalogue:
        """The site's data. Errors: BrokenFile."""
        return load_catalogue(self.settings.catalogue)

    @cached_property
    def keys(self) -> KeyStore:
        """The keys to sealed text; a command that only reads makes no file for them."""
        path = self.settings.keys
        if self._reading and not Path(path).exists():
            path = ":memory:"
        return KeyStore(path, self._make_key)

    @cached_property
    def mapper(self) -> AvroMapper:
        """Facts to bytes and back."""
        return AvroMapper(FACTS, self.keys, self.store.ledger_id())

    @cached_property
    def committer(self) -> Committer:
        """The one door through which commands become facts."""
        return Committer(self.store, self.mapper, self.catalogue, self.clock)

    @cached_property
    def views(self) -> Views:
        """The views beside the ledger, in a file or on a server. Errors: ViewsUnavailable."""
        return open_views(self.settings)

    @property
    def bulk(self) -> Importable:
        """The store as a door for imports."""
        return self.store  # type: ignore[return-value]  # both stores have the port's writing() and more

    def mandatory(self, kind: str, at: datetime) -> list[str] | None:
        """What the site's panel asks for of a kind of donation on a day: markers, and `group`; None without a panel."""
        panel = self.catalogue.panel(kind, at)
        return None if panel is None else [*panel.markers, *(["group"] if panel.group else [])]

    def now(self) -> datetime:
        """Business now, by this ledger's clock."""
        return EPOCH + timedelta(microseconds=self.clock.now())

    def catch_up(self, progress: Progress | None = None) -> CaughtUp:
        """Bring the views to the store's last position; views that Kafka feeds stay as they are."""
        if self.views.live().fed_by_kafka():
            return CaughtUp(self.views_position(), 0, 0, None)
        return catch_up(self.store, self.views, progress)

    def rebuild(self, accept: bool = False, progress: Callable[[str, int, int], None] | None = None) -> Rebuilt:
        """Make the views anew beside the live ones, compare, and switch. See projections.rebuilding."""
        return rebuild(StoreFeed(self.store), self.views, accept, progress)

    def must_have_own_views(self) -> None:
        """The views there are must be of this ledger. Errors: ViewsOutdated."""
        with self.views.reading() as read:
            if read.ledger != self.store.ledger_id():
                raise ViewsOutdated(self.settings.views, "ledger", read.ledger)

    def views_position(self) -> int:
        """Up to where the views are complete now, without bringing them further. Errors: ViewsOutdated."""
        with self.views.reading() as read:
            return read.position

    def verify(self, since: Mapping[str, Any] | None = None, progress: Progress | None = None) -> dict[str, Any]:
        """Check everything the ledger holds. Errors: ValueError when `since` is no earlier output."""
        store: Auditable = self.store  # type: ignore[assignment]  # both stores have a snapshot beside the port
        if self.settings.ledger == MEMORY or self.store.head().size < WORTH_A_PROCESS:
            return audited(store, since, progress, links_in)
        with other_half(self.settings.ledger, self.settings.busy_seconds) as beside:
            return audited(store, since, progress, links_in, beside)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close what was opened."""
        opened = vars(self)
        with contextlib.ExitStack() as closing:  # each, whatever another one says
            closing.callback(self.store.close)
            for name in ("keys", "views"):
                if name in opened:
                    closing.callback(opened[name].close)


def open_views(settings: Settings) -> Views:
    """The views the settings name, without their ledger. Errors: ViewsUnavailable."""
    if is_postgres(settings.views):
        from projections.readmodels.postgres import postgres_views  # only who uses PostgreSQL needs its client

        return postgres_views(settings.views)
    for own in (settings.ledger, settings.keys):
        if _one_file(settings.views, own):
            raise no_views(settings.views)
    return sqlite_views(settings.views)


def _one_file(one: str, other: str) -> bool:
    """Whether both are one file: two libraries of SQLite that have it open let go of each other's locks."""
    with contextlib.suppress(OSError):
        return Path(one).samefile(other)
    return False


def fed_by_kafka(settings: Settings) -> bool:
    """Whether the views there are come from Kafka. Errors: ViewsUnavailable."""
    if not is_postgres(settings.views) and not Path(settings.views).exists():
        return False
    with contextlib.closing(open_views(settings)) as views:
        return views.live().fed_by_kafka()


def open_ledger(
    settings: Settings,
    *,
    reading: bool = False,
    clock: Clock | None = None,
    make_key: Callable[[str], bytes] | None = None,
    ledger_id: str | None = None,
) -> Ledger:
    """The ledger the settings name; `with` closes it. `reading` does not begin one where there is none.

    `clock`, `make_key` and `ledger_id` are the simulator's, which gives the same ledger for the same seed.
    Errors: NoLedger; StoreFault.
    """
    if settings.crash_at is not None:
        crashpoints.arm(*settings.crash_at)
    store = open_store(settings.ledger, ledger_id, settings.busy_seconds, create=not reading)
    return Ledger(settings, store, clock or WallClock(), make_key, reading)
