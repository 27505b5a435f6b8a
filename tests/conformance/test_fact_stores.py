"""This file holds the fact store's promises, run over SQLite in a file, SQLite in memory, and PostgreSQL."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from eventsourcing.persistence import IntegrityError

from ledger.audit.verify import verify
from ledger.merkle import EMPTY, leaf_data, leaf_hash, tree_root
from ledger.store.faults import StoreFault
from ledger.store.opening import Store, open_store
from ledger.store.port import Head, KeyRecord, Link, RequestRecord, Unlink
from ledger.store.tables import Chunk
from tests.store.samples import digest, fact, history, key_of, state, write


class StorePromises:
    """Every promise of ledger/store/port.py; a subclass says where the store is."""

    @pytest.fixture
    def place(self) -> str:
        raise NotImplementedError

    @pytest.fixture
    def store(self, place: str) -> Iterator[Store]:
        opened = open_store(place, busy_seconds=0.3)
        yield opened
        opened.close()

    def test_a_new_ledger_is_empty_and_has_a_random_id(self, store: Store) -> None:
        assert store.head() == Head(0, EMPTY, 0, 0)
        assert len(store.ledger_id()) == 32
        assert store.rows(0, 10) == [] and store.stream("bag-a") == []
        assert store.size_at(10**17) == Head(0, EMPTY, 0, 0)

    def test_what_was_appended_is_read_in_order_with_its_leaf(self, store: Store) -> None:
        head = history(store)
        rows = store.rows(0, 100)
        assert head == store.head()
        assert [row.position for row in rows] == list(range(1, 10))
        assert [row.leaf for row in rows] == list(range(9))
        for row in rows:
            data = leaf_data(row.position, row.stream, row.version, row.name, row.recorded_at, row.state)
            assert row.leaf_hash == leaf_hash(data)
        assert head == Head(9, tree_root(row.leaf_hash for row in rows), 9, 300)

    def test_rows_come_in_pages(self, store: Store) -> None:
        history(store)
        assert [row.position for row in store.rows(3, 2)] == [4, 5]
        assert store.rows(9, 5) == []

    def test_a_stream_is_read_in_version_order(self, store: Store) -> None:
        history(store)
        assert [(row.version, row.position) for row in store.stream("bag-a")] == [(1, 1), (2, 3), (3, 6), (4, 9)]

    def test_known_at_is_the_head_of_the_last_commit_not_later(self, store: Store) -> None:
        head = history(store)
        assert store.size_at(99).size == 0
        assert (store.size_at(100).size, store.size_at(100).position) == (3, 3)
        assert store.size_at(299).size == 6
        assert store.size_at(300) == head

    def test_a_transaction_reads_what_is_committed(self, store: Store) -> None:
        head = history(store)
        with store.writing() as writing:
            assert writing.head == head
            found = writing.requests([("site", "r4"), ("site", "none"), ("other", "r4")])
            assert found == {("site", "r4"): RequestRecord("site", "r4", digest("r4"), 5, 2)}
            assert writing.keys([key_of("r2"), b"none"]) == {key_of("r2"): KeyRecord(key_of("r2"), 3, 1)}
            streams = writing.streams(["bag-b", "bag-none"])
            assert [each.originator_version for each in streams["bag-b"]] == [1, 2] and len(streams) == 1
            assert writing.links("donation", ["bag-x"]) == [] == writing.links("other", ["bag-c"])
            assert writing.links("donation", ["bag-a", "bag-x"]) == [Link("donation", "bag-a", "bag-a", 7)]
            assert list(writing.link_keys("donation")) == ["bag-a", "bag-b", "bag-c"]
            assert [row.position for row in writing.rows([2, 7])] == [2, 7]
            assert [row.position for row in writing.rows_after(6)] == [7, 8, 9]
            assert writing.requests([]) == {} and writing.keys([]) == {} and writing.streams([]) == {}

    def test_what_a_batch_knows_is_what_it_would_be_told_one_by_one(self, store: Store) -> None:
        history(store)
        requests, keys, streams = [("site", "r4"), ("site", "none")], [key_of("r2"), b"none"], ["bag-b", "bag-none"]
        with store.writing() as writing:
            known = writing.known(requests, keys, streams, ["bag-a", "bag-none"])
            assert known.requests == writing.requests(requests) and len(known.requests) == 1
            assert known.keys == writing.keys(keys) and len(known.keys) == 1
            assert known.streams == writing.streams(streams) and len(known.streams) == 1
            assert writing.known([], [], [], []) == ({}, {}, {})

    @pytest.mark.parametrize("many", [1, 300])  # PostgreSQL takes few another way than many
    @pytest.mark.parametrize("touched", [[], ["bag-a", "bag-new"], ["bag-none"]])
    def test_chains_go_on_whatever_a_batch_said_it_would_touch(
        self, store: Store, touched: list[str], many: int
    ) -> None:
        history(store)
        with store.writing() as writing:
            writing.known([], [], [], touched)
            facts = [fact("bag-new", version, f"n{version}") for version in range(1, many + 1)]
            facts += [fact("bag-a", 5, "r8"), fact("bag-b", 3, "r9")]
            requests = [("site", each, digest(each), many + index, 1) for index, each in enumerate(("r8", "r9"))]
            requests += [("site", f"n{n + 1}", digest(f"n{n + 1}"), n, 1) for n in range(many)]
            keys = [(key_of(each[1]), each[3], 1) for each in requests]
            writing.append(facts, 400, requests, keys, [Link("donation", "bag-new", "bag-new", 7)], [])
        found = verify(store)
        assert found["ok"], found

    def test_nothing_is_kept_of_a_transaction_that_fails(self, store: Store) -> None:
        head = history(store)
        with pytest.raises(ZeroDivisionError), store.writing() as writing:
            print(writing.append([fact("bag-d", 1, "r8")], 400, [], [], [], []).size // 0)
        assert store.head() == head and store.stream("bag-d") == []

    @pytest.mark.parametrize("again", ["fact", "request", "key"])
    def test_what_exists_is_a_conflict_and_leaves_nothing(self, store: Store, again: str) -> None:
        head = history(store)
        facts = [fact("bag-d", 1, "r8"), fact("bag-a" if again == "fact" else "bag-d", 2, "r8", False)]
        requests = [("site", "r1" if again == "request" else "r8", digest("r8"), 0, 2)]
        keys = [(key_of("r1" if again == "key" else "r8"), 0, 2)]
        with pytest.raises(IntegrityError), store.writing() as writing:
            writing.append(facts, 400, requests, keys, [], [])
        assert store.head() == head and store.stream("bag-d") == []
        write(store, [fact("bag-d", 1, "r8")], 400, [("r8", 1)])
        assert verify(store)["ok"]

    def test_a_freed_key_may_be_taken_again(self, store: Store) -> None:
        history(store)
        with store.writing() as writing:
            keys = [(key_of("r1"), 0, 1)]
            writing.append([fact("bag-d", 1, "r8")], 400, [], keys, [], [Unlink(key_of("r1")), Unlink(key_of("r2"))])
        with store.writing() as writing:
            found = writing.keys([key_of("r1"), key_of("r2")])
        assert found == {key_of("r1"): KeyRecord(key_of("r1"), 10, 1)}

    def test_a_link_is_there_once(self, store: Store) -> None:
        link = Link("device", "centrifuge 7", "bag-a", 5)
        for version in (1, 2):
            with store.writing() as writing:
                writing.append([fact("bag-a", version, f"r{version}")], 100, [], [], [link, link], [])
        with store.writing() as writing:
            assert writing.links("device", ["centrifuge 7"]) == [link]

    def test_time_never_runs_backwards(self, store: Store) -> None:
        history(store)
        with pytest.raises(ValueError, match="recorded_at"), store.writing() as writing:
            writing.append([fact("bag-d", 1, "r8")], 299, [], [], [], [])
        assert store.head().size == 9

    def test_a_name_that_no_database_keeps_is_refused(self, store: Store) -> None:
        with pytest.raises(ValueError, match="NUL"), store.writing() as writing:
            writing.append([fact("bag-\0", 1, "r8")], 299, [], [], [], [])
        assert store.head().size == 0

    def test_an_empty_transaction_changes_nothing(self, store: Store) -> None:
        head = history(store)
        with store.writing():
            pass
        assert store.head() == head and store.size_at(10**17) == head

    def test_one_writer_at_a_time_another_gets_a_fault(self, store: Store) -> None:
        faults: list[Exception] = []

        def write_too() -> None:
            try:
                with store.writing():
                    pass
            except StoreFault as fault:
                faults.append(fault)

        with store.writing():
            thread = threading.Thread(target=write_too)
            thread.start()
            thread.join()
        assert len(faults) == 1 and "try again" in str(faults[0])
        with store.writing():
            pass  # and afterwards the lock is free

    def test_writers_in_many_threads_leave_no_gap(self, place: str) -> None:
        store = open_store(place, busy_seconds=30)

        def work(number: int) -> None:
            for version in range(1, 6):
                request = f"{number}-{version}"
                write(store, [fact(f"bag-{number}", version, request)], 100, [(request, 1)])

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert verify(store)["ok"] and store.head().size == 40
        store.close()

    def test_an_import_is_all_or_nothing_and_reads_like_commits(self, store: Store) -> None:
        def chunks(broken: bool) -> Iterator[Chunk]:
            for number in range(10):
                at = 100 + number // 3 * 100
                request = f"i{number}"
                facts = [
                    (f"bag-{number}", v, "bag.stored.v1", state(request, key_of(request) if v == 1 else None), at)
                    for v in (1, 2)
                ]
                records = [("site", request, digest(request), 0, 2)]
                yield Chunk(facts, records, [(key_of(request), 0, 2)], [Link("donation", "D", f"bag-{number}", 1)])
            if broken:
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            store.import_rows(chunks(True))
        assert store.head().size == 0
        head = store.import_rows(chunks(False))
        assert head == store.head() and head.size == 20
        assert store.size_at(150).size == 6 and store.size_at(200).size == 12 and store.size_at(999).size == 20
        assert verify(store)["ok"]

    def test_names_of_any_script_sort_and_come_back_as_they_were(self, store: Store) -> None:
        names = ["bag-é", "bag-Z", "bag-a", "血袋", "bag-B", "𠀀", "\ufffd"]
        write(store, [fact(name, 1, f"r{name}") for name in names], 1, [(f"r{name}", 1) for name in names])
        assert [row.stream for row in store.rows(0, 10)] == names
        assert verify(store)["ok"]

    def test_reads_go_on_beside_a_writer(self, store: Store) -> None:
        history(store)
        if getattr(store, "path", "") == ":memory:":
            pytest.skip("memory has one connection's view: readers wait")
        with store.writing() as writing:
            writing.append([fact("bag-d", 1, "r8")], 400, [], [], [], [])
            assert store.head().size == 9 and len(store.rows(0, 100)) == 9


class DurablePromises(StorePromises):
    """What a store that outlives its process promises besides."""

    def test_another_opening_sees_the_same_ledger(self, place: str) -> None:
        first = open_store(place, ledger_id="the-ledger")
        head = history(first)
        first.close()
        second = open_store(place)
        assert second.ledger_id() == "the-ledger" and second.head() == head
        second.close()

    def test_another_ledger_is_not_taken_for_ours(self, place: str) -> None:
        open_store(place, ledger_id="ours").close()
        with pytest.raises(StoreFault, match="not 'theirs'"):
            open_store(place, ledger_id="theirs")

    def test_another_openings_lock_is_respected(self, store: Store, place: str) -> None:
        other = open_store(place, busy_seconds=0.2)
        with store.writing(), pytest.raises(StoreFault, match="write lock"), other.writing():
            pass
        history(other)
        assert store.head().size == 9
        other.close()

    def test_openings_at_once_make_one_ledger(self, place: str) -> None:
        ids: list[str] = []

        def work() -> None:
            with suppress(StoreFault):
                opened = open_store(place)
                ids.append(opened.ledger_id())
                opened.close()

        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(ids) == 6 and len(set(ids)) == 1


class TestSQLiteInMemory(StorePromises):
    @pytest.fixture
    def place(self) -> str:
        return ":memory:"


class TestSQLite(DurablePromises):
    @pytest.fixture
    def place(self, tmp_path: Path) -> str:
        return str(tmp_path / "a ledger?%.db")


@pytest.mark.postgres
class TestPostgres(DurablePromises):
    @pytest.fixture
    def place(self, postgres_url: str) -> str:
        return postgres_url
