"""This file holds what all tests share: a real PostgreSQL, started once when a test asks for it."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from ledger.store import crashpoints
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
