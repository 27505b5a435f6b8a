"""This file holds the fixture of the domain's tests: an empty world."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.domain.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    new = World(tmp_path)
    try:
        yield new
        new.check_cache()
    finally:
        new.close()
