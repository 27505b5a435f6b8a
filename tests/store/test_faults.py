"""This file holds the faults of the world: a full disk, a wrong file, a cut connection, and what they say."""

import contextlib
import socket
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import psycopg
import pytest

from ledger.audit.verify import verify
from ledger.store import crashpoints
from ledger.store.faults import NoLedger, StoreFault
from ledger.store.opening import open_store
from ledger.store.port import CommitUnknown
from ledger.store.postgres_tables import shown
from tests.conftest import postgres_address
from tests.store.samples import fact, history, write

FULL = """
import resource, signal, sys
from ledger.store.faults import NoLedger, StoreFault
from ledger.store.opening import open_store
from tests.conftest import postgres_address
from tests.store.samples import fact, write
store = open_store(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    for number in range(1, 1000):
        write(store, [fact("bag-a", number, f"r{number}", place="x" * 20000)], number, [(f"r{number}", 1)])
except StoreFault as fault:
    print(fault)
    sys.exit(3)
"""


def test_a_full_disk_is_a_fault_and_leaves_whole_commits(tmp_path: Path) -> None:
    """A limit on the file's size stands for the disk: SQLite's write fails in the middle, as on a full one."""
    place, root = str(tmp_path / "ledger.db"), Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", FULL, place, "400000"], cwd=root, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 3, done.stderr
    assert "writing facts to" in done.stdout and "disk" in done.stdout
    store = open_store(place)
    size = store.head().size
    assert size > 0 and verify(store)["ok"]
    write(store, [fact("bag-a", size + 1, "again")], 10**6, [("again", 1)])
    store.close()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreFault, match=r"the folder .*nowhere does not exist"):
        open_store(tmp_path / "nowhere" / "ledger.db")


def test_who_only_reads_makes_no_ledger(tmp_path: Path) -> None:
    place = tmp_path / "ledger.db"
    with pytest.raises(NoLedger, match="there is none"):
        open_store(place, create=False)
    assert not place.exists()
    open_store(place).close()
    open_store(place, create=False).close()


@pytest.mark.postgres
def test_who_only_reads_makes_no_ledger_on_a_server(postgres_url: str) -> None:
    with pytest.raises(NoLedger, match="there is none"):
        open_store(postgres_url, create=False)
    with psycopg.connect(postgres_url) as asking:
        assert asking.execute("SELECT to_regclass('stored_events'), to_regclass('meta')").fetchone() == (None, None)
    open_store(postgres_url).close()
    open_store(postgres_url, create=False).close()


@pytest.mark.postgres
@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize("table", ["stored_events", "meta"])
def test_half_a_ledger_on_a_server_is_none_and_is_left_alone(postgres_url: str, table: str, create: bool) -> None:
    with psycopg.connect(postgres_url) as other:
        other.execute(f"CREATE TABLE {table} (song text)".encode())
    with pytest.raises(StoreFault, match="it is not a ledger") as refused:
        open_store(postgres_url, create=create)
    assert not isinstance(refused.value, NoLedger)
    with psycopg.connect(postgres_url) as asking:
        found = asking.execute("SELECT to_regclass('stored_events') IS NULL, to_regclass('meta') IS NULL").fetchone()
    assert found == (table == "meta", table == "stored_events")


def test_a_file_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    text, other = tmp_path / "text", tmp_path / "other.db"
    text.write_text("no database at all, only text " * 100)
    database = sqlite3.connect(other)
    database.execute("CREATE TABLE songs (name)")
    database.commit()
    database.close()
    before = text.read_bytes()
    with pytest.raises(StoreFault, match="not a ledger"):
        open_store(text)
    with pytest.raises(StoreFault, match="not a ledger"):
        open_store(other)
    assert text.read_bytes() == before


@pytest.mark.parametrize("version, word", [("2", "newer"), ("0", "other"), ("x", "other")])
def test_another_format_is_refused(tmp_path: Path, version: str, word: str) -> None:
    place = tmp_path / "ledger.db"
    open_store(place).close()
    _sql(place, f"UPDATE meta SET value = '{version}' WHERE name = 'format'")
    with pytest.raises(StoreFault, match=f"{word} format '{version}'.*format 1"):
        open_store(place)


def test_a_database_that_is_read_only_takes_no_facts(tmp_path: Path) -> None:
    """SQLite's own switch stands for permissions, which do not bind root."""
    store = open_store(tmp_path / "ledger.db")
    head = history(store)
    with store.datastore.get_connection(commit=True) as connection:
        connection.cursor().execute("PRAGMA query_only = ON")
    with pytest.raises(StoreFault, match="cannot be written"):
        write(store, [fact("bag-d", 1, "r8")], 400, [("r8", 1)])
    assert store.head() == head
    store.close()


def _sql(place: Path, *statements: str) -> None:
    database = sqlite3.connect(place)
    for statement in statements:
        database.execute(statement)
    database.commit()
    database.close()


@pytest.mark.parametrize("url", ["postgresql://u:hush hush@h/db", "postgresql://u:hush%zz@h/db"])
def test_a_url_that_cannot_be_read_is_a_fault_that_does_not_repeat_it(url: str) -> None:
    with pytest.raises(StoreFault) as caught:
        open_store(url)
    assert "hush" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert "hush" not in shown("postgresql://u@h/db?sslpassword=hush")


def test_a_server_that_is_away_is_a_fault_without_the_password() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(StoreFault, match="opening the ledger at PostgreSQL") as caught:
            open_store(f"postgresql://me:secret@127.0.0.1:{port}/ledger")
    assert "secret" not in str(caught.value)
    assert "secret" not in shown("postgresql://me:secret@host/ledger") and shown("postgresql://%%%") == "PostgreSQL"


@pytest.mark.postgres
def test_a_database_that_does_not_exist_is_named(postgres_server: str) -> None:
    url = postgres_address(postgres_server, dbname="nowhere")
    with pytest.raises(StoreFault, match='"nowhere" does not exist'):
        open_store(url)


@pytest.mark.postgres
@pytest.mark.parametrize("point", ["after-lock", "after-facts", "after-index", "before-commit"])
def test_a_backend_killed_before_commit_leaves_nothing(postgres_url: str, point: str) -> None:
    """The backend is ended while the writer waits at the point. At COMMIT itself nobody can tell the outcome."""
    store = open_store(postgres_url)
    head = history(store)
    crashpoints.on_reaching(point, lambda: _end_writers(postgres_url))
    with pytest.raises((StoreFault, CommitUnknown)):
        write(store, [fact("bag-d", 1, "r8")], 400, [("r8", 1)])
    crashpoints.disarm()
    with store.writing() as writing:  # under the lock on a new connection: nothing is under way any more
        assert writing.requests([("site", "r8")]) == {} and writing.head == head
    write(store, [fact("bag-d", 1, "r8")], 400, [("r8", 1)])
    assert verify(store)["ok"]
    store.close()


@pytest.mark.postgres
def test_a_session_never_plans_to_read_a_whole_table(postgres_url: str) -> None:
    """Plans made on a new, small ledger are kept while it grows, so they must go by a key from the first."""
    store = open_store(postgres_url)
    history(store)
    with store._connections.taken("planning on") as connection:
        for condition in ("request = 'r1' AND sender = 'site'", "(sender, request) IN (VALUES ('site', 'r1'))"):
            plan = connection.execute(f"EXPLAIN SELECT * FROM requests WHERE {condition}".encode()).fetchall()
            assert "Seq Scan" not in str(plan) and "Hash" not in str(plan)
    with store.snapshot() as snapshot:
        assert next(iter(snapshot.select("SELECT current_setting('enable_seqscan')"))) == ("on",)
    with store._connections.taken("planning on") as connection:
        assert connection.execute("SHOW enable_seqscan").fetchone() == ("off",)
    store.close()


def _end_writers(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE application_name = current_setting('application_name') AND pid <> pg_backend_pid()"
        )


@pytest.mark.postgres
@pytest.mark.parametrize("delivered", [True, False])
def test_a_connection_cut_during_commit_is_unknown_until_the_lock_is_ours(postgres_url: str, delivered: bool) -> None:
    """A relay on the way to the server cuts the line at COMMIT: with it delivered, the facts are there."""
    relay = Relay(postgres_url)
    store = open_store(relay.url)
    head = history(store)
    crashpoints.on_reaching("before-commit", lambda: relay.cut_at_commit(delivered))
    with pytest.raises(CommitUnknown):
        write(store, [fact("bag-d", 1, "r8")], 400, [("r8", 1)])
    crashpoints.disarm()
    fresh = open_store(postgres_url)
    with fresh.writing() as writing:
        known = writing.requests([("site", "r8")])
        assert len(known) == (1 if delivered else 0)
        assert writing.head.size == head.size + len(known)
    assert verify(fresh)["ok"]
    fresh.close(), store.close(), relay.close()


class Relay:
    """A line to the server's socket that can be cut with COMMIT on its way, or just before it."""

    def __init__(self, url: str) -> None:
        parts = psycopg.conninfo.conninfo_to_dict(url)
        self._target = str(parts["host"])
        self._port = int(parts.get("port") or 5432)
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        plain = {"sslmode": "disable", "gssencmode": "disable"}
        self.url = postgres_address(url, host="127.0.0.1", port=str(port), **plain)
        self._cut: bool | None = None
        self._sockets: list[socket.socket] = [self._listener]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def cut_at_commit(self, delivered: bool) -> None:
        self._cut = delivered

    def close(self) -> None:
        for each in self._sockets:
            _shut(each)
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                client = self._listener.accept()[0]
            except OSError:
                return
            server = self._server()
            self._sockets += [client, server]
            for work in (self._forth, self._back):
                self._threads.append(threading.Thread(target=work, args=(client, server), daemon=True))
                self._threads[-1].start()

    def _server(self) -> socket.socket:
        if self._target.startswith("/"):
            server = socket.socket(socket.AF_UNIX)
            server.connect(f"{self._target}/.s.PGSQL.{self._port}")
            return server
        return socket.create_connection((self._target, self._port))

    def _forth(self, client: socket.socket, server: socket.socket) -> None:
        while data := _received(client):
            if self._cut is not None and b"COMMIT" in data:
                if self._cut:
                    server.sendall(data)  # delivered, but the answer never comes back
                break
            server.sendall(data)
        _shut(client)
        if self._cut is None:
            _shut(server)
        else:
            server.shutdown(socket.SHUT_WR)

    def _back(self, client: socket.socket, server: socket.socket) -> None:
        while data := _received(server):
            if self._cut is None:
                client.sendall(data)
        _shut(client), _shut(server)


def _received(line: socket.socket) -> bytes:
    try:
        return line.recv(65536)
    except OSError:
        return b""


def _shut(line: socket.socket) -> None:
    with contextlib.suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)
    line.close()
