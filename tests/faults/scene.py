"""This file holds a scene: one ledger with its recording, relaying and projecting processes, and who watches them.

The programs reach broker and server over lines that can be cut; who watches goes round them, and takes no part.
"""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

from ledger.settings import Settings, read_settings
from ledger.simulation import open_for, run
from ledger.simulator.trouble.world import TroubleWorld
from ledger.simulator.world import Window
from ledger.store.opening import Store, open_store
from ledger.store.relay_desk import Lease
from ledger.wiring import open_views
from projections.readmodels.live import Views
from tests.faults.plan import POSTGRES, Setup
from tests.faults.programs import DIED_AT_POINT, KILLED, Program, come_true, health_of
from tests.faults.servers import Servers
from tests.kafka.running import free_port

DAYS = 120
"""Of a world that one ledger lives through."""
UP_SECONDS = 20.0
RECORD_SECONDS = 30.0
Answered = TypeVar("Answered")
IN_MEMORY = Settings(ledger=":memory:", keys=":memory:", views=":memory:")


class Story:
    """A world as it goes where nothing is in the way: after each window the ledger's root, and how much was told."""

    def __init__(self, seed: int, days: int = DAYS) -> None:
        self.seed, self.days = seed, days
        self.world = TroubleWorld(seed, days)
        self.roots: list[bytes] = []
        self.commands: list[int] = []
        self.told: list[int] = []
        with open_for(IN_MEMORY, self.world) as ledger:

            def after(window: Window) -> None:
                self.roots.append(ledger.store.head().root)
                self.commands.append(len(window.lines))
                self.told.append(len(self.world.was_told))

            assert run(ledger, self.world, after).surprises == []
            self.ledger = ledger.store.ledger_id()

    def __len__(self) -> int:
        return len(self.roots)


class Told(NamedTuple):
    """What a scene was told to use. Shape: `safeguard` the one that the projecting processes run without."""

    setup: Setup
    story: Story
    safeguard: str | None = None


class Places(NamedTuple):
    """Where ledger and views are, for one who asks."""

    ledger: str
    views: str


class Watch:
    """Who looks at ledger and views, directly; what is away answers None."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self._store: Store | None = None
        self._views: Views | None = None

    @property
    def store(self) -> Store:
        """The ledger's store. Errors: StoreFault."""
        if self._store is None:
            self._store = open_store(self.places.ledger, create=False)
        return self._store

    @property
    def views(self) -> Views:
        """The views that Kafka feeds. Errors: ViewsUnavailable."""
        if self._views is None:
            self._views = open_views(Settings(ledger=":memory:", views=self.places.views, keys=":memory:"))
        return self._views

    def stored(self) -> int | None:
        """Position of the last fact."""
        return self._asked(lambda: self.store.head().position)

    def relayed(self) -> int | None:
        """Position up to which the relay's checkpoint says that all was acknowledged."""
        return self._asked(lambda: self.store.desk().checkpoint().position)

    def lease(self) -> Lease | None:
        """Whose turn it is to relay."""
        return self._asked(lambda: self.store.desk().lease())

    def projected(self) -> int | None:
        """Position up to which the views are complete."""

        def asked() -> int:
            with self.views.reading() as read:
                return int(read.complete_to)

        return self._asked(asked)

    def level(self) -> bool:
        """Whether the views have all that is stored, and the stock topic all that the views have."""

        def asked() -> bool:
            with self.views.reading() as read:
                waiting = read.rows("SELECT COUNT(*) FROM outbox")[0][0]
                return read.complete_to == self.store.head().position and not waiting

        return bool(self._asked(asked))

    def _asked(self, ask: Callable[[], Answered]) -> Answered | None:
        try:
            return ask()
        except Exception:  # killed, cut, full, not there yet: it is asked again
            return None

    def close(self) -> None:
        for each in (self._store, self._views):
            if each is not None:
                each.close()
        self._store = self._views = None


class Streamed(NamedTuple):
    """A relay or a projecting process. Shape: `port` where it says how it is; `group` of a projecting one."""

    program: Program
    port: int
    group: str = ""

    def health(self) -> dict[str, Any]:
        """What it says of itself; nothing when it does not answer."""
        return health_of(self.port) or {}


class Scene:
    """One ledger's processes. Faults change `relay` and `project`; `mended` brings back what is not there."""

    def __init__(self, servers: Servers, told: Told, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.servers, self.story, self.setup, self._safeguard = servers, told.story, told.setup, told.safeguard
        self.folder = folder
        over, direct = self._places()
        self.watch = Watch(direct)
        self.views_file = Path(direct.views) if self.setup.views != POSTGRES else None
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("BLOODLEDGER_")},
            "BLOODLEDGER_KAFKA": servers.kafka,
            "BLOODLEDGER_LEDGER": over.ledger, "BLOODLEDGER_VIEWS": over.views,
            "BLOODLEDGER_KEYS": str(folder / "keys"), "BLOODLEDGER_LANG": "en",
        }  # fmt: skip
        self.relay: Streamed | None = None
        self.project: Streamed | None = None
        self.recording: Program | None = None
        self._groups = 0
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.sent_to = 0
        self.held = 0
        self.surprises: list[str] = []
        self.died: list[str] = []
        """Processes that ended though nobody ended them."""
        self._began: list[Program] = []
        # Whoever comes first begins a ledger: it must be the story's own.
        open_for(self.settings, TroubleWorld(self.story.seed, self.story.days)).close()

    def _places(self) -> tuple[Places, Places]:
        """Where ledger and views are: for the programs, over the lines; and for who watches."""
        on_server = [
            self.servers.postgres.new_schema() if each == POSTGRES else None for each in self.setup
        ]  # fmt: skip
        files = [str(self.folder / name) for name in ("ledger.db", "views.db")]
        over = [at.over_the_line if at else file for at, file in zip(on_server, files, strict=True)]
        direct = [at.direct if at else file for at, file in zip(on_server, files, strict=True)]
        return Places(*over), Places(*direct)

    @property
    def settings(self) -> Settings:
        """Of the ledger and its views, for who asks it questions."""
        direct = self.watch.places
        return read_settings(
            {
                "BLOODLEDGER_LEDGER": direct.ledger, "BLOODLEDGER_VIEWS": direct.views,
                "BLOODLEDGER_KEYS": str(self.folder / "keys"),
            }
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for program in self._began:
            program.kill()  # also of one that is gone: what is left of it is put away
        self.watch.close()

    # -- recording -------------------------------------------------------------------------------

    def record(self, until: int) -> None:
        """Tell the recording process how many windows the ledger is to hold; it goes on by itself."""
        self.sent_to = max(min(until, len(self.story)), self.sent_to)
        if self.recording is None or not self.recording.runs():
            self.start_recording()
        else:
            self._tell()

    def start_recording(self, dies_at: str | None = None) -> Program:
        """Another recording process, which goes on where the ledger is."""
        self._answers = queue.SimpleQueue()
        command = [sys.executable, "-m", "tests.faults.recorder", str(self.story.seed), str(self.story.days)]
        self.recording = self._begin("recording", command, dies_at=dies_at, talking=True)
        threading.Thread(target=_listen, args=(self.recording.answers, self._answers), daemon=True).start()
        if self.sent_to:
            self._tell()
        return self.recording

    def _tell(self) -> None:
        assert self.recording is not None, "somebody listens"
        with suppress(OSError):  # dead already: the next one is told when it starts
            self.recording.asked.write(f"{self.sent_to}\n")
            self.recording.asked.flush()

    def recorded(self, seconds: float = RECORD_SECONDS) -> bool:
        """Wait until the ledger holds what it was told to; False when the recording process died before."""

        def there() -> bool:
            while not self._answers.empty():
                said = json.loads(self._answers.get())
                self.held = said.get("held", self.held)
                self.surprises += [said["surprise"]] if "surprise" in said else []
            return self.held >= self.sent_to or not (self.recording and self.recording.runs())

        come_true(there, seconds)
        return self.held >= self.sent_to

    # -- relaying and projecting -------------------------------------------------------------------

    def start_relay(self, dies_at: str | None = None) -> Streamed:
        """Another relay of this ledger."""
        port = free_port()
        return Streamed(self._begin("relay", [*_OURS, "relay"], dies_at=dies_at, port=port), port)

    def start_projecting(self, dies_at: str | None = None, group: str | None = None) -> Streamed:
        """Another projecting process; in a group of its own unless one is named: who was killed is still in its own."""
        if group is None:
            self._groups += 1
            group = f"{self.story.ledger[:8]}-{self._groups}"
        ours = [sys.executable, "-m", "tests.faults.mutated", self._safeguard] if self._safeguard else _OURS
        port = free_port()
        command = [*ours, "project", "--of", self.story.ledger, "--group", group]
        return Streamed(self._begin("projecting", command, dies_at=dies_at, port=port), port, group)

    def mended(self) -> None:
        """Start what is not there; say of each that ended by itself how it ended."""
        if self.relay is None or not self.relay.program.runs():
            self.note_the_end(self.relay and self.relay.program, "relay")
            self.relay = self.start_relay()
        if self.project is None or not self.project.program.runs():
            self.note_the_end(self.project and self.project.program, "projecting process")
            self.project = self.start_projecting()
        if self.recording is None or not self.recording.runs():
            self.start_recording()

    def note_the_end(self, program: Program | None, what: str) -> None:
        """Nobody may end but by our hand."""
        if program is not None and program.code not in (None, KILLED, DIED_AT_POINT, 0):
            self.died.append(f"the {what} ended with {program.code}: {program.said()[-500:].strip()}")

    def stop_relay(self) -> None:
        """As by its operator."""
        if self.relay is not None:
            self.stopped(self.relay.program, "relay")
        self.relay = None

    def stop_projecting(self, which: Streamed | None = None) -> None:
        """As by its operator; the one there is unless another is meant."""
        ending = which or self.project
        if ending is not None:
            self.stopped(ending.program, "projecting process")
        if ending is self.project:
            self.project = None

    def stopped(self, program: Program, what: str) -> None:
        """Stop one as its operator does: it ends by itself, and well."""
        with suppress(subprocess.TimeoutExpired):
            if not program.runs() or program.stop() == 0:
                return
        self.died.append(f"the {what} was told to stop and ended with {program.code}: {program.said()[-500:]}")

    def end(self) -> None:
        """Everything ends as by its operator."""
        self.stop_projecting()
        self.stop_relay()
        self.end_recording()

    def end_recording(self) -> None:
        """Nobody sends any more commands."""
        if self.recording is not None and self.recording.runs():
            with suppress(OSError):  # it died just now
                self.recording.asked.close()
            self.recording.ended()

    def ready(self, relaying: bool = True, projecting: bool = True) -> bool:
        """Wait until those who are needed are at work."""

        def at_work() -> bool:
            self.mended()
            return (not relaying or self.relays()) and (not projecting or self.projects())

        return come_true(at_work, UP_SECONDS)

    def relay_runs(self) -> bool:
        return self.relay is not None and self.relay.program.runs()

    def project_runs(self) -> bool:
        return self.project is not None and self.project.program.runs()

    def relays(self) -> bool:
        return self.relay is not None and self.relay.health().get("state") == "active"

    def projects(self) -> bool:
        health = self.project.health() if self.project is not None else {}
        return health.get("state") == "projecting" and health.get("partitions", 0) > 0

    # -- programs ----------------------------------------------------------------------------------

    def _begin(
        self, name: str, command: list[str], dies_at: str | None = None, port: int | None = None, talking: bool = False
    ) -> Program:
        environment = dict(self._environment)
        if port is not None:
            environment["BLOODLEDGER_HTTP"] = f"127.0.0.1:{port}"
        if dies_at is not None:
            environment |= {"BLOODLEDGER_TESTING": "1", "BLOODLEDGER_CRASH_AT": dies_at}
        log = self.folder / f"{len(self._began):03}-{name}.log"
        self._began.append(Program(command, log, environment, talking))
        return self._began[-1]

    def logs(self) -> Iterator[tuple[str, str]]:
        """What each process of this scene wrote, by the log's name."""
        for program in self._began:
            yield program.log.name, program.said()


_OURS = [sys.executable, "-m", "ledger.cli"]


def _listen(lines: Any, to: "queue.SimpleQueue[str]") -> None:
    with suppress(ValueError):  # closed while it was read
        for line in lines:
            to.put(line)
