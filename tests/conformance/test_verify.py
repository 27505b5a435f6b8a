"""This file holds what verify must find: any byte or row flipped, removed, added or reordered, in any table."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from eventsourcing.persistence import StoredEvent

import schemas
from ledger.audit.verify import verify
from ledger.merkle import EMPTY, GENESIS, chained, leaf_data, leaf_hash, tree_root
from ledger.store.opening import Store, open_store
from ledger.store.port import FactRow, Link, Unlink
from tests.store.samples import digest, fact, history, key_of, state, write

Edit = Callable[..., None]

ANYWHERE = [
    # one column of one fact: the fact itself is named
    ("UPDATE stored_events SET originator_id = 'bag-x' WHERE notification_id = 5", 5),
    ("UPDATE stored_events SET originator_version = 9 WHERE notification_id = 5", 5),
    ("UPDATE stored_events SET topic = 'bag.moved.v1' WHERE notification_id = 5", 5),
    ("UPDATE stored_events SET recorded_at = recorded_at + 1 WHERE notification_id = 5", 5),
    ("UPDATE stored_events SET recorded_at = 1 WHERE notification_id = 5", 5),
    ("UPDATE stored_events SET leaf = 77 WHERE notification_id = 5", 5),
    ("UPDATE stored_events SET leaf_hash = {blob} WHERE notification_id = 5", 5),
    ("UPDATE stored_events SET state = {blob} WHERE notification_id = 1", 1),
    ("UPDATE stored_events SET notification_id = 70 WHERE notification_id = 9", 70),
    *[
        (f"UPDATE stored_events SET {column} = NULL WHERE notification_id = 5", 5)
        for column in ("originator_id", "originator_version", "topic", "state", "recorded_at", "leaf", "leaf_hash")
    ],
    # rows gone, in the middle, at the beginning, at the end
    ("DELETE FROM stored_events WHERE notification_id = 1", 1),
    ("DELETE FROM stored_events WHERE notification_id = 5", 5),
    ("DELETE FROM stored_events WHERE notification_id = 9", 9),
    ("DELETE FROM stored_events WHERE notification_id > 5", 6),
    ("DELETE FROM stored_events", 1),
    # rows added or swapped
    (
        "INSERT INTO stored_events SELECT 10, 'bag-z', 1, topic, state, recorded_at, 9, leaf_hash"
        " FROM stored_events WHERE notification_id = 9",
        10,
    ),
    (
        "UPDATE stored_events SET notification_id = 50 WHERE notification_id = 5;"
        "UPDATE stored_events SET notification_id = 5 WHERE notification_id = 6;"
        "UPDATE stored_events SET notification_id = 6 WHERE notification_id = 50",
        5,
    ),
    # stream heads
    ("DELETE FROM stream_heads WHERE stream = 'bag-b'", 2),
    ("UPDATE stream_heads SET count = 1 WHERE stream = 'bag-b'", 2),
    ("UPDATE stream_heads SET hash = {blob} WHERE stream = 'bag-b'", 2),
    ("UPDATE stream_heads SET hash = NULL WHERE stream = 'bag-b'", 2),
    ("UPDATE stream_heads SET count = NULL WHERE stream = 'bag-b'", 2),
    ("INSERT INTO stream_heads VALUES ('bag-bb', 1, {blob})", None),
    ("INSERT INTO stream_heads VALUES ('zzz', 1, {blob})", None),
    ("UPDATE stream_heads SET stream = 'bag-bb' WHERE stream = 'bag-b'", 2),
    # the head of the log and its commits
    *[(f"UPDATE log_head SET {column} = {column} + 1", None) for column in ("position", "recorded_at", "commits")],
    ("UPDATE log_head SET size = size + 1", 10),
    ("UPDATE log_head SET size = size - 1", None),
    ("UPDATE log_head SET root = {blob}", None),
    ("UPDATE log_head SET frontier = {blob}", None),
    ("UPDATE log_head SET root = NULL", None),
    ("DELETE FROM log_head", None),
    ("DELETE FROM commits WHERE size = 2", None),
    ("DELETE FROM commits WHERE size = 6", None),
    ("DELETE FROM commits WHERE size = 9", None),
    ("DELETE FROM commits", None),
    ("INSERT INTO commits SELECT 1, root, 1, recorded_at FROM commits WHERE size = 2", 1),
    ("INSERT INTO commits SELECT 12, root, 12, recorded_at FROM commits WHERE size = 9", None),
    ("UPDATE commits SET root = {blob} WHERE size = 6", None),
    ("UPDATE commits SET root = NULL WHERE size = 6", None),
    ("UPDATE commits SET position = 7 WHERE size = 6", None),
    ("UPDATE commits SET recorded_at = 199 WHERE size = 6", None),
    ("UPDATE commits SET size = 7 WHERE size = 6", None),
    # request records
    ("DELETE FROM requests WHERE request = 'r3'", 4),
    ("DELETE FROM requests", 1),
    ("UPDATE requests SET sender = 'other' WHERE request = 'r3'", 4),
    ("UPDATE requests SET request = 'other' WHERE request = 'r3'", 4),
    ("UPDATE requests SET digest = {blob} WHERE request = 'r3'", 4),
    ("UPDATE requests SET digest = NULL WHERE request = 'r3'", 4),
    ("UPDATE requests SET first_position = 5 WHERE request = 'r3'", 4),
    ("UPDATE requests SET first_position = NULL WHERE request = 'r3'", 4),
    ("UPDATE requests SET count = 2 WHERE request = 'r3'", 4),
    ("INSERT INTO requests SELECT 'site', 'r99', digest, 4, 1 FROM requests WHERE request = 'r3'", None),
    ("INSERT INTO requests SELECT 'site', 'r99', digest, 99, 1 FROM requests WHERE request = 'r3'", None),
    # business keys
    ("DELETE FROM business_keys WHERE first_position = 4", 4),
    ("UPDATE business_keys SET key = {blob} WHERE first_position = 4", 4),
    ("UPDATE business_keys SET count = 3 WHERE first_position = 4", 4),
    ("UPDATE business_keys SET count = NULL WHERE first_position = 4", 4),
    ("UPDATE business_keys SET first_position = 3 WHERE first_position = 4", None),
    ("INSERT INTO business_keys VALUES ({blob}, 4, 1)", None),
    ("INSERT INTO business_keys VALUES ({blob}, 99, 1)", None),
    # the write-side index
    ("DELETE FROM links WHERE stream = 'bag-b'", 2),
    ("DELETE FROM links", 1),
    ("INSERT INTO links VALUES ('donation', 'bag-b', 'bag-q', 7)", None),
    ("INSERT INTO links VALUES ('a', 'a', 'a', 7)", None),
    ("INSERT INTO links VALUES ('z', 'z', 'z', 7)", None),
    *[(f"UPDATE links SET {column} = 'x' WHERE stream = 'bag-b'", None) for column in ("kind", "key", "stream")],
    ("UPDATE links SET at = 8 WHERE stream = 'bag-b'", None),
    # who the ledger is
    ("UPDATE meta SET value = 'ffff' WHERE name = 'ledger_id'", None),
    ("DELETE FROM meta WHERE name = 'check'", None),
    ("INSERT INTO meta VALUES ('more', 'x')", None),
]
ONLY_SQLITE = [
    ("UPDATE stored_events SET state = 'text' WHERE notification_id = 5", 5),
    ("UPDATE stored_events SET state = CAST(state AS TEXT) WHERE notification_id = 5", 5),
    ("UPDATE stored_events SET originator_id = CAST('bag-a' AS BLOB) WHERE notification_id = 6", 6),
    ("UPDATE stored_events SET originator_id = CAST(x'ff41' AS TEXT) WHERE notification_id = 6", 6),
    ("UPDATE stored_events SET topic = CAST(x'ff41' AS TEXT) WHERE notification_id = 6", 6),
    ("UPDATE stored_events SET originator_version = 'three' WHERE notification_id = 6", 6),
    ("UPDATE stored_events SET recorded_at = 200.5 WHERE notification_id = 6", 6),
    ("UPDATE stored_events SET leaf = -1 WHERE notification_id = 6", 6),
    ("UPDATE stored_events SET notification_id = -6 WHERE notification_id = 6", -6),
    ("UPDATE stored_events SET originator_version = -1 WHERE notification_id = 6", 6),
    ("UPDATE stream_heads SET stream = CAST(x'ff41' AS TEXT) WHERE stream = 'bag-b'", 2),
    ("UPDATE stream_heads SET stream = x'00' WHERE stream = 'bag-b'", 2),
    ("UPDATE requests SET sender = x'00' WHERE request = 'r3'", 4),
    ("UPDATE requests SET first_position = 'x' WHERE request = 'r3'", 4),
    ("UPDATE business_keys SET first_position = 'x' WHERE first_position = 4", 4),
    ("UPDATE links SET stream = x'00' WHERE stream = 'bag-b'", None),
    ("UPDATE links SET stream = CAST(x'ff41' AS TEXT) WHERE stream = 'bag-b'", None),
    ("UPDATE links SET at = 'x' WHERE stream = 'bag-b'", None),
    ("UPDATE meta SET value = x'00' WHERE name = 'ledger_id'", None),
    ("UPDATE log_head SET size = 'x'", None),
    ("UPDATE commits SET root = 'x' WHERE size = 6", None),
    ("UPDATE commits SET recorded_at = 'x' WHERE size = 6", None),
]


def links_of(row: FactRow) -> list[Link]:
    return [Link("donation", row.stream[:5], row.stream, 7)]


class VerifyPromises:
    """On a store of four commits, nine facts and three streams."""

    @pytest.fixture
    def place(self) -> str:
        raise NotImplementedError

    @pytest.fixture
    def edit(self, place: str) -> Edit:
        raise NotImplementedError

    @pytest.fixture
    def store(self, place: str) -> Iterator[Store]:
        opened = open_store(place)
        history(opened)
        yield opened
        opened.close()

    def test_an_untouched_ledger_is_good(self, store: Store) -> None:
        seen: list[tuple[int, int]] = []
        found = verify(store, progress=lambda done, total: seen.append((done, total)), links_of=links_of)
        head = store.head()
        assert found["ok"] and found["first_bad"] is None and found["problems"] == []
        assert (found["size"], found["root"], found["position"]) == (9, head.root.hex(), 9)
        assert found["ledger"] == store.ledger_id() and seen[-1] == (9, 9)

    def test_an_empty_ledger_is_good(self, place: str) -> None:
        store = open_store(place)
        assert verify(store)["ok"]
        store.close()

    @pytest.mark.parametrize("statements, position", ANYWHERE)
    def test_any_edit_is_found(self, store: Store, edit: Edit, statements: str, position: int | None) -> None:
        edit(statements)
        _found(verify(store, links_of=links_of), position)

    def test_bytes_that_this_program_cannot_read_are_a_finding(self, store: Store) -> None:
        def refuse(row: FactRow) -> list[Link]:
            if row.position == 4:
                raise schemas.SchemaError("no such fact")
            return links_of(row)

        bad = _found(verify(store, links_of=refuse), 4)
        assert "no such fact" in bad["what"] and bad["stream"] == "bag-b"

    def test_a_missing_fact_is_named_by_its_stream(self, store: Store, edit: Edit) -> None:
        edit("DELETE FROM stored_events WHERE notification_id = 6")
        bad = verify(store)["first_bad"]
        assert (bad["position"], bad["leaf"], bad["stream"], bad["version"]) == (6, 5, "bag-a", 3)
        assert bad["what"].startswith("missing")

    def test_a_fact_edited_with_its_leaf_is_named_by_its_streams_chain(self, store: Store, edit: Edit) -> None:
        self._edit_with_leaf(store, edit)
        bad = verify(store)["first_bad"]
        assert (bad["position"], bad["stream"], bad["version"]) == (6, "bag-a", 3)

    def test_a_fact_edited_with_leaf_and_chain_is_narrowed_to_its_commit(self, store: Store, edit: Edit) -> None:
        self._edit_with_leaf(store, edit)
        hashes = [row.leaf_hash for row in store.stream("bag-a")]
        chain = GENESIS
        for each in hashes:
            chain = chained(chain, each)
        edit("UPDATE stream_heads SET hash = {0} WHERE stream = 'bag-a'", chain)
        found = verify(store)
        assert not found["ok"] and "one of leaves 3 to 5" in found["first_bad"]["what"]

    def _edit_with_leaf(self, store: Store, edit: Edit) -> None:
        row = store.rows(5, 1)[0]
        new = state("r4", place="elsewhere")
        leaf = leaf_hash(leaf_data(row.position, row.stream, row.version, row.name, row.recorded_at, new))
        edit("UPDATE stored_events SET state = {0} WHERE notification_id = 6", new)
        edit("UPDATE stored_events SET leaf_hash = {0} WHERE notification_id = 6", leaf)

    @pytest.mark.parametrize("position", range(1, 10))
    def test_a_flipped_byte_of_stored_bytes_names_the_fact(self, store: Store, edit: Edit, position: int) -> None:
        row = store.rows(position - 1, 1)[0]
        for index in (0, 5, len(row.state) // 2, len(row.state) - 1):
            changed = bytearray(row.state)
            changed[index] ^= 1
            edit(f"UPDATE stored_events SET state = {{0}} WHERE notification_id = {position}", bytes(changed))
            bad = _found(verify(store), position)
            assert (bad["stream"], bad["version"], bad["leaf"]) == (row.stream, row.version, row.leaf)
        edit(f"UPDATE stored_events SET state = {{0}} WHERE notification_id = {position}", row.state)
        assert verify(store)["ok"]

    def test_since_an_earlier_output_nothing_may_be_changed_or_cut(self, store: Store, edit: Edit) -> None:
        earlier = verify(store)
        at_six = store.size_at(200)
        write(store, [fact("bag-d", 1, "r8")], 400, [("r8", 1)])
        for since in (earlier, {"size": 6, "root": at_six.root.hex()}, {"size": 0, "root": verify_empty_root()}):
            found = verify(store, since=since)
            assert found["ok"] and found["since"] == {"size": since["size"], "ok": True}
        within_commit = {"size": 4, "root": root_of_first(store, 4)}
        assert verify(store, since=within_commit)["ok"]
        assert not verify(store, since={**earlier, "root": "00" * 32})["ok"]
        assert not verify(store, since={"size": 0, "root": "00" * 32})["ok"]
        assert not verify(store, since={**earlier, "size": 99})["ok"]

    @pytest.mark.parametrize(
        "since", [{}, {"size": "9", "root": "00" * 32}, {"size": 9, "root": "00"}, {"size": 1, "root": "g" * 64}]
    )
    def test_since_must_be_what_verify_printed(self, store: Store, since: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=r"non-hexadecimal|earlier output"):
            verify(store, since=since)

    def test_a_key_freed_by_an_annulment_is_not_missed(self, store: Store) -> None:
        annul = state("r8", None, "bag.annulled.v1", target_version=2, match=[])
        with store.writing() as writing:
            facts = [StoredEvent("bag-a", 5, "bag.annulled.v1", annul)]
            writing.append(facts, 400, [("site", "r8", digest("r8"), 0, 1)], [], [], [Unlink(key_of("r2"))])
        assert verify(store)["ok"]


def verify_empty_root() -> str:
    return EMPTY.hex()


def root_of_first(store: Store, count: int) -> str:
    return tree_root(row.leaf_hash for row in store.rows(0, count)).hex()


def _found(found: dict[str, Any], position: int | None) -> dict[str, Any]:
    assert not found["ok"] and found["first_bad"] is not None and found["problems"]
    bad: dict[str, Any] = found["first_bad"]
    if position is not None:
        assert bad["position"] == position, found["problems"]
    return bad


class TestSQLite(VerifyPromises):
    @pytest.fixture
    def place(self, tmp_path: Path) -> str:
        return str(tmp_path / "ledger.db")

    @pytest.fixture
    def edit(self, place: str) -> Edit:
        def run(statements: str, *values: bytes) -> None:
            database = sqlite3.connect(place)
            blob = "x'" + "ab" * 32 + "'"
            for statement in statements.split(";"):
                database.execute(statement.format(*["?"] * len(values), blob=blob), values)
            database.commit()
            database.close()

        return run

    @pytest.mark.parametrize("statements, position", ONLY_SQLITE)
    def test_values_of_a_wrong_kind_are_found(
        self, store: Store, edit: Edit, statements: str, position: int | None
    ) -> None:
        edit(statements)
        _found(verify(store, links_of=links_of), position)

    def test_a_damaged_page_is_a_finding_not_a_traceback(self, tmp_path: Path) -> None:
        place = tmp_path / "ledger.db"
        store = open_store(place)
        for number in range(1, 200):
            write(store, [fact("bag-a", number, f"r{number}", place="x" * 500)], number, [(f"r{number}", 1)])
        store.close()
        whole = place.read_bytes()
        found_bad = 0
        for page in range(2, len(whole) // 4096, 5):
            damaged = bytearray(whole)
            damaged[page * 4096 : page * 4096 + 64] = b"\xff" * 64
            place.write_bytes(damaged)
            store = open_store(place)
            found = verify(store)
            found_bad += not found["ok"]
            assert found["ok"] or found["first_bad"]["what"]
            store.close()
        assert found_bad > 10


@pytest.mark.postgres
class TestPostgres(VerifyPromises):
    @pytest.fixture
    def place(self, postgres_url: str) -> str:
        return postgres_url

    @pytest.fixture
    def edit(self, place: str) -> Edit:
        def run(statements: str, *values: bytes) -> None:
            blob = f"'\\x{'ab' * 32}'::bytea"
            with psycopg.connect(place, autocommit=True) as database:
                for statement in statements.split(";"):
                    database.execute(statement.format(*["%s"] * len(values), blob=blob).encode(), values)

        return run


def test_every_fact_begins_as_the_audit_reads_it() -> None:
    beginnings = []
    for wire in schemas.wire_names():
        fields = schemas.schema_of(wire)["fields"]
        occasion = fields[1]["type"]["fields"][:4]
        beginnings.append((fields[0]["type"], fields[1]["name"], [(each["name"], each["type"]) for each in occasion]))
    assert all(each == beginnings[0] for each in beginnings)
