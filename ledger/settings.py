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
    ("BLOODLEDGER_KAFKA", None, "Kafka: `HOST:PORT`, several with commas between them."),
    (
        "BLOODLEDGER_KAFKA_SECURITY",
        "plaintext",
        "`plaintext`, `tls` (the server is proven by its certificate), or `tls-scram` (and we by user and password, "
        "SCRAM-SHA-512).",
    ),
    ("BLOODLEDGER_KAFKA_CA", "the system's", "A PEM file of the authority that signed the brokers' certificates."),
    ("BLOODLEDGER_KAFKA_USER", None, "The user, with `tls-scram`."),
    ("BLOODLEDGER_KAFKA_PASSWORD_FILE", None, "The file that holds this user's password, with `tls-scram`."),
    (
        "BLOODLEDGER_REGISTRY",
        None,
        "URL of a schema registry: facts then travel in Confluent's framing; as they are stored when not given.",
    ),
    (
        "BLOODLEDGER_HTTP",
        None,
        "`HOST:PORT` at which `relay` and `project` answer GET /health and GET /metrics; they do not when not given.",
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
SECURITIES = ("plaintext", "tls", "tls-scram")
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


class Kafka(NamedTuple):
    """How to reach Kafka. Shape: `servers` is None when there is none; `security` one of SECURITIES."""

    servers: str | None = None
    security: str = "plaintext"
    ca: Path | None = None
    user: str | None = None
    password_file: Path | None = None
    registry: str | None = None


class Settings(NamedTuple):
    """Where everything is, and how to speak."""

    ledger: str
    views: str
    keys: str
    catalogue: Path | None = None
    lang: str = "en"
    busy_seconds: float = 5.0
    crash_at: CrashAt | None = None
    kafka: Kafka = Kafka()
    http: tuple[str, int] | None = None


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
        kafka=_kafka(given),
        http=_http(given),
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


def _kafka(given: Mapping[str, str]) -> Kafka:
    security = given.get("BLOODLEDGER_KAFKA_SECURITY") or "plaintext"
    if security not in SECURITIES:
        raise BadSetting("BLOODLEDGER_KAFKA_SECURITY", security, ", ".join(SECURITIES))
    user, password_file = given.get("BLOODLEDGER_KAFKA_USER"), given.get("BLOODLEDGER_KAFKA_PASSWORD_FILE")
    if security == "tls-scram" and not (user and password_file):
        missing = "BLOODLEDGER_KAFKA_PASSWORD_FILE" if user else "BLOODLEDGER_KAFKA_USER"
        raise BadSetting(missing, "", "one, since BLOODLEDGER_KAFKA_SECURITY is tls-scram,")
    ca = given.get("BLOODLEDGER_KAFKA_CA")
    return Kafka(
        servers=given.get("BLOODLEDGER_KAFKA") or None,
        security=security,
        ca=Path(ca) if ca else None,
        user=user or None,
        password_file=Path(password_file) if password_file else None,
        registry=given.get("BLOODLEDGER_REGISTRY") or None,
    )


def _http(given: Mapping[str, str]) -> tuple[str, int] | None:
    text = given.get("BLOODLEDGER_HTTP")
    if not text:
        return None
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise BadSetting("BLOODLEDGER_HTTP", text, "HOST:PORT")
    return host.strip("[]"), int(port)
