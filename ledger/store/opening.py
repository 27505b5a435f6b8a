"""This file holds the opening of a ledger's store: a file is SQLite, a postgresql:// URL is PostgreSQL."""

from pathlib import Path

from ledger.store.port import FactStore
from ledger.store.sqlite import SQLiteFactStore
from ledger.store.sqlite_tables import BUSY_SECONDS


def is_postgres(url_or_path: str) -> bool:
    return url_or_path.startswith(("postgresql://", "postgres://"))


def open_store(url_or_path: str | Path, ledger_id: str | None = None, busy_seconds: float = BUSY_SECONDS) -> FactStore:
    """Open the ledger there, or begin one; `ledger_id` names a new one and must be an old one's.

    Errors: StoreFault when it cannot be opened, is no ledger, or is of another format.
    """
    if is_postgres(str(url_or_path)):
        from ledger.store.postgres import PostgresFactStore  # only who uses PostgreSQL needs its client library

        return PostgresFactStore(str(url_or_path), ledger_id, busy_seconds)
    return SQLiteFactStore(str(url_or_path), ledger_id, busy_seconds)
