"""This file holds the opening of a ledger's store: a file is SQLite, a postgresql:// URL is PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from ledger.store.faults import NoLedger
from ledger.store.sqlite import SQLiteFactStore
from ledger.store.sqlite_tables import BUSY_SECONDS, MEMORY

if TYPE_CHECKING:
    from ledger.store.postgres import PostgresFactStore

Store: TypeAlias = "SQLiteFactStore | PostgresFactStore"
"""A FactStore that also takes imports (`import_rows`) and audits (`snapshot`)."""


def is_postgres(url_or_path: str) -> bool:
    return url_or_path.startswith(("postgresql://", "postgres://"))


def open_store(
    url_or_path: str | Path,
    ledger_id: str | None = None,
    busy_seconds: float = BUSY_SECONDS,
    create: bool = True,
) -> Store:
    """Open the ledger there, or begin one; `ledger_id` names a new one and must be an old one's.

    Errors: NoLedger when there is none and `create` is false; StoreFault when it cannot be opened, is no ledger, or is
    of another format.
    """
    place = str(url_or_path)
    if is_postgres(place):
        from ledger.store.postgres import PostgresFactStore  # only who uses PostgreSQL needs its client library

        return PostgresFactStore(place, ledger_id, busy_seconds, create)
    if not create and place != MEMORY and not Path(place).exists():
        raise NoLedger(place)
    return SQLiteFactStore(place, ledger_id, busy_seconds)
