"""This file holds what all tests share: a real PostgreSQL, Kafka and schema registry, started when asked for."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from ledger.store import crashpoints
from tests.kafka_broker import Kafka, kafka_for_tests
from tests.kafka_registry import registry_for_tests
from tests.postgres_server import own_schema, postgres_address, running_server

__all__ = ["postgres_address"]

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
    """URL of the server that all tests of one process share."""
    with running_server() as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """URL of a schema of the test's own, which is its sessions' application name too."""
    with own_schema(postgres_server) as url:
        yield url


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """A Kafka that all tests of one process share; a test that stops or kills one starts a Broker of its own."""
    yield from kafka_for_tests(tmp_path_factory)


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a schema registry that all tests of one process share."""
    yield from registry_for_tests(tmp_path_factory)
