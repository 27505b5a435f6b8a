"""This file holds the library's own recorder test cases, run over our recorders."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from eventsourcing.persistence import AggregateRecorder, ApplicationRecorder, StoredEvent
from eventsourcing.tests.persistence import (
    AggregateRecorderTestCase,
    ApplicationRecorderTestCase,
    NonInterleavingNotificationIDsBaseCase,
)

from ledger.store.opening import open_store


class _OverFile:
    """Names are text, recorders stand on a new file each."""

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.place = str(tmp_path / "ledger.db")

    def new_originator_id(self) -> str:
        return str(uuid4())

    def create_recorder(self) -> ApplicationRecorder:
        store = open_store(self.place, busy_seconds=30)
        self.addCleanup(store.close)  # type: ignore[attr-defined]
        assert isinstance(store, ApplicationRecorder)
        return store

    def test_performance(self) -> None:
        pytest.skip("prints a time; promises nothing")

    def test_concurrent_throughput(self) -> None:
        pytest.skip("prints a time; promises nothing")


class _OverPostgres(_OverFile):
    @pytest.fixture(autouse=True)
    def _folder(self, postgres_url: str) -> None:  # type: ignore[override]
        self.place = postgres_url


class _AsAggregateRecorder(AggregateRecorder):
    """The recorder as the library's aggregate cases see it: they want no positions back."""

    def __init__(self, recorder: ApplicationRecorder) -> None:
        self._recorder = recorder

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> None:
        self._recorder.insert_events(stored_events, **kwargs)

    def select_events(self, originator_id: Any, **kwargs: Any) -> Sequence[StoredEvent]:
        return self._recorder.select_events(originator_id, **kwargs)


class _Aggregates(_OverFile):
    def create_recorder(self) -> Any:
        return _AsAggregateRecorder(super().create_recorder())


class TestSQLiteAggregates(_Aggregates, AggregateRecorderTestCase):
    pass


class TestSQLiteApplication(_OverFile, ApplicationRecorderTestCase[Any]):
    pass


class TestSQLiteNonInterleaving(_OverFile, NonInterleavingNotificationIDsBaseCase):
    pass


@pytest.mark.postgres
class TestPostgresAggregates(_OverPostgres, _Aggregates, AggregateRecorderTestCase):
    pass


@pytest.mark.postgres
class TestPostgresApplication(_OverPostgres, ApplicationRecorderTestCase[Any]):
    pass


@pytest.mark.postgres
class TestPostgresNonInterleaving(_OverPostgres, NonInterleavingNotificationIDsBaseCase):
    pass


del AggregateRecorderTestCase, ApplicationRecorderTestCase, NonInterleavingNotificationIDsBaseCase
