"""This file holds the settings: the only reader of the environment."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

SETTINGS: list[tuple[str, str | None, str]] = [
    ("BLOODLEDGER_LEDGER", "./bloodledger.db", "The ledger: a file, or a `postgresql://` URL."),
    (
        "BLOODLEDGER_VIEWS",
        "LEDGER.views",
        "The views of BLOODLEDGER_LEDGER: a file, or a `postgresql://` URL. A ledger that `--ledger` names has its own "
        "beside it. They may be deleted, they are made again.",
    ),
    (
        "BLOODLEDGER_KEYS",
        "LEDGER.keys",
        "The file of the keys to sealed text; keep it apart from backups.",
    ),
    ("BLOODLEDGER_CATALOGUE", None, "The site's catalogue, a folder or a file; the example when not given."),
    (
        "BLOODLEDGER_LANG",
        "the locale's",
        "Language of what people read: `en` or `zh`.",
    ),
    ("BLOODLEDGER_BUSY_SECONDS", "5", "How long to wait for another process's write lock."),
    ("BLOODLEDGER_TESTING", None, "`1` in tests only: honours BLOODLEDGER_CRASH_AT."),
    (
        "BLOODLEDGER_CRASH_AT",
        None,
        "In tests only: `POINT` or `POINT:AFTER`, a commit point at which to die as by kill -9.",
    ),
]
"""Every setting: name, default, meaning."""

LANGUAGES = ("en", "zh")
DEFAULT_LEDGER = "./bloodledger.db"


class BadSetting(ValueError):
    """A setting says what it cannot mean."""

    def __init__(self, name: str, found: str, expected: str) -> None:
        super().__init__(f"{name}: {expected} is expected, found {found!r}")
        self.name, self.found, self.expected = name, found, expected


class CrashAt(NamedTuple):
    """A commit point at which a test wants the process to die, once it was passed `after` times."""

    point: str
    after: int


class Settings(NamedTuple):
    """Where everything is, and how to speak."""

    ledger: str
    views: str
    keys: str
    catalogue: Path | None = None
    lang: str = "en"
    busy_seconds: float = 5.0
    crash_at: CrashAt | None = None


def read_settings(
    environ: Mapping[str, str] | None = None, ledger: str | None = None, lang: str | None = None
) -> Settings:
    """The settings of this process; `ledger` and `lang`, given on the command line, go before the environment.

    Errors: BadSetting.
    """
    given = os.environ if environ is None else environ
    chosen = ledger or given.get("BLOODLEDGER_LEDGER") or DEFAULT_LEDGER
    beside = _beside(chosen)
    # Views and keys set for the environment's ledger stay with that one when another is named.
    own = ledger is None or ledger == given.get("BLOODLEDGER_LEDGER")
    catalogue = given.get("BLOODLEDGER_CATALOGUE")
    return Settings(
        ledger=chosen,
        views=(given.get("BLOODLEDGER_VIEWS") if own else None) or _with(beside, ".views"),
        keys=given.get("BLOODLEDGER_KEYS") or _with(beside, ".keys"),
        catalogue=Path(catalogue) if catalogue else None,
        lang=lang or read_language(given),
        busy_seconds=_seconds(given),
        crash_at=_crash_at(given),
    )


def read_language(environ: Mapping[str, str] | None = None) -> str:
    """`en` or `zh`: as set, else by the locale. Errors: BadSetting."""
    given = os.environ if environ is None else environ
    said = given.get("BLOODLEDGER_LANG")
    if said:
        found = said.lower()[:2]
        if found not in LANGUAGES:
            raise BadSetting("BLOODLEDGER_LANG", said, "en or zh")
        return found
    locale = given.get("LC_ALL") or given.get("LC_MESSAGES") or given.get("LANG") or ""
    return "zh" if locale.lower().startswith("zh") else "en"


def _beside(ledger: str) -> str:
    """The path that views and keys are named after; a server's ledger has them in this folder."""
    if "://" in ledger:
        name = ledger.partition("?")[0].rpartition("/")[2] or "bloodledger"
        return f"./{name}"
    return ledger


def _with(beside: str, ending: str) -> str:
    return beside if beside == ":memory:" else beside + ending


def _seconds(given: Mapping[str, str]) -> float:
    text = given.get("BLOODLEDGER_BUSY_SECONDS") or "5"
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 3600:
        raise BadSetting("BLOODLEDGER_BUSY_SECONDS", text, "a number of seconds from 0 to 3600")
    return seconds


def _crash_at(given: Mapping[str, str]) -> CrashAt | None:
    text = given.get("BLOODLEDGER_CRASH_AT")
    if not text or given.get("BLOODLEDGER_TESTING") != "1":
        return None
    point, _, after = text.partition(":")
    if after and not after.isdecimal():
        raise BadSetting("BLOODLEDGER_CRASH_AT", text, "POINT or POINT:AFTER")
    return CrashAt(point, int(after or 0))
