"""This file holds a Kafka of these tests' own, with a ledger's facts and stock on it as our own programs put them."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kafka.jars import java, why_no_jars
from tests.kafka_broker import Kafka, kafka_for_tests
from tests.kafka_consumers.relayed import JAVA_CONSUMER, Relayed, consumer_jars, relayed_world
from tests.kafka_registry import registry_for_tests


@pytest.fixture(scope="package")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """Not the one that other tests share: who reads a whole topic stumbles over what others left on it on purpose."""
    yield from kafka_for_tests(tmp_path_factory)


@pytest.fixture(scope="package")
def relayed(kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Relayed:
    """Ten days of a world full of trouble, on Kafka."""
    return relayed_world(kafka, tmp_path_factory.mktemp("relayed"))


@pytest.fixture(scope="package")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a schema registry."""
    yield from registry_for_tests(tmp_path_factory)


@pytest.fixture(scope="package")
def framed(kafka: Kafka, registry: str, tmp_path_factory: pytest.TempPathFactory) -> Relayed:
    """Another ledger on the same topics, in the framing of a registry."""
    return relayed_world(kafka, tmp_path_factory.mktemp("framed"), seed=4, registry=registry)


@pytest.fixture(scope="package")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Java consumer's classes: compiled once, since it is run often."""
    folder, javac = tmp_path_factory.mktemp("java"), Path(java() or "java").with_name("javac")
    if missing := why_no_jars() or (None if javac.is_file() else "a JDK is missing: there is no javac beside java"):
        (pytest.fail if os.environ.get("BLOODLEDGER_TEST_KAFKA_REQUIRED") == "1" else pytest.skip)(missing)
    done = subprocess.run(
        [str(javac), "-Xlint:all,-processing,-serial,-classfile", "-Werror",
         "-cp", f"{consumer_jars()}/*", "-d", str(folder), str(JAVA_CONSUMER)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder
