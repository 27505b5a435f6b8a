"""This file holds the key store: one random key per subject, apart from the ledger, destroyable."""

import os
import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from ledger.store.crashpoints import reached
from ledger.store.faults import StoreFault

KEY_SIZE = 32


class KeyDestroyed(Exception):
    """The subject's key was destroyed: nothing more can be sealed under it, and nothing opened."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"the key of {key_id} was destroyed")
        self.key_id = key_id


class KeyStore:
    """Keys by subject, in an SQLite file of their own.

    A key is durable before it is handed out, so before the commit that seals with it. A destroyed key leaves its
    name behind: no other key ever takes its place. Threads and processes may share one file.
    Shape: `make` makes the key of a new subject; the simulator gives its own, derived from its seed.
    """

    def __init__(self, path: str | Path, make: Callable[[str], bytes] | None = None) -> None:
        self._path, self._make = str(path), make or (lambda _: secrets.token_bytes(KEY_SIZE))
        self._lock, self._cache = threading.Lock(), dict[str, bytes]()
        try:
            self._db = self._opened()
        except (sqlite3.Error, OSError) as error:
            raise StoreFault(f"opening the key store at {self._path}", str(error)) from error

    def _opened(self) -> sqlite3.Connection:
        if self._path != ":memory:":
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))  # before SQLite makes it readable for all
        db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=5)
        try:
            db.execute("PRAGMA synchronous=FULL")
            db.execute("PRAGMA secure_delete=ON")
            db.execute(
                "CREATE TABLE IF NOT EXISTS keys ("
                "key_id TEXT PRIMARY KEY, key BLOB, destroyed_at INTEGER) WITHOUT ROWID"
            )
        except sqlite3.Error:
            db.close()
            raise
        return db

    def key(self, key_id: str) -> bytes:
        """The subject's key, made if there is none yet.

        Errors: KeyDestroyed; StoreFault when it cannot be made durable.
        """
        return self._cache.get(key_id) or self.ensure([key_id])[key_id]

    def ensure(self, key_ids: Iterable[str]) -> dict[str, bytes]:
        """The keys of several subjects, new ones made in one commit. Errors: as for `key`."""
        wanted = list(key_ids)
        with self._lock:
            found = self._read(wanted)
            if missing := [key_id for key_id in wanted if key_id not in found]:
                self._add(missing)
                found = self._read(wanted)
            self._cache.update(found)
        return found

    def known(self, key_id: str) -> bytes | None:
        """The subject's key, or None when there is none or it was destroyed."""
        if (key := self._cache.get(key_id)) is not None:
            return key
        with self._lock:
            try:
                self._cache.update(self._read([key_id]))
            except KeyDestroyed:
                return None
        return self._cache.get(key_id)

    def destroy(self, key_id: str, destroyed_at: int) -> None:
        """Destroy a key for good, also one that was never made; the time is in microseconds. Errors: StoreFault."""
        with self._lock:
            self._cache.pop(key_id, None)
            self._change(
                "INSERT INTO keys VALUES (?, NULL, ?) ON CONFLICT (key_id)"
                " DO UPDATE SET key = NULL, destroyed_at = coalesce(destroyed_at, excluded.destroyed_at)",
                [(key_id, destroyed_at)],
            )

    def close(self) -> None:
        with self._lock:
            self._cache.clear()
            self._db.close()

    def _read(self, key_ids: list[str]) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        try:
            for key_id in key_ids:
                row = self._db.execute("SELECT key FROM keys WHERE key_id = ?", (key_id,)).fetchone()
                if row is not None and row[0] is None:
                    raise KeyDestroyed(key_id)
                if row is not None:
                    found[key_id] = row[0]
        except sqlite3.Error as error:
            raise StoreFault(f"reading a key from {self._path}", str(error)) from error
        return found

    def _add(self, key_ids: list[str]) -> None:
        # Another process may have made one meanwhile: then that one stays.
        rows: list[tuple[object, ...]] = [(key_id, self._make(key_id), None) for key_id in key_ids]
        self._change("INSERT INTO keys VALUES (?, ?, ?) ON CONFLICT (key_id) DO NOTHING", rows)

    def _change(self, statement: str, rows: list[tuple[object, ...]]) -> None:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._db.executemany(statement, rows)
                reached("before-key-commit")
                # Durable from here: a crash now leaves a key nothing was sealed with yet; the next use takes it.
                self._db.execute("COMMIT")
            except BaseException:
                self._db.rollback()
                raise
        except sqlite3.Error as error:
            raise StoreFault(f"writing a key to {self._path}", str(error)) from error
        reached("after-key-commit")
