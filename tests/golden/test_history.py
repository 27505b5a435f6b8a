"""This file holds the promise to every history ever stored: what the first release wrote is read for ever.

The files beside it were made once, by `tests/golden/history.py`. When one of these tests fails, the code is wrong.
"""

import base64
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import schemas
from ledger.commands.importing import import_history
from ledger.commands.lines import lines_of
from ledger.commands.printing import printed
from ledger.settings import Settings
from ledger.wiring import Ledger, open_ledger
from projections.queries.trace import trace
from tests.golden.history import OLD_BREACH, states_of, texts_of

FOLDER = Path(__file__).parent / "history-v1"
FACTS = FOLDER / "facts.jsonl"
RELEASED_WITH_IT = 74
"""How many wire names there were when the history was made; later ones are proven by later histories."""

GIVEN, ALIQUOT, RELABELLED = "A999926000001=E5445V00", "B888826000001=E3077VB0", "A999926000030=E5445V00"


@cache
def kept(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


@cache
def lines() -> list[dict[str, Any]]:
    return [json.loads(line) for line in FACTS.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """An empty ledger of today into which the stored history was imported, with the keys of then."""
    path = str(tmp_path_factory.mktemp("golden") / "today")
    settings = Settings(ledger=path, views=f"{path}.views", keys=f"{path}.keys")
    keys = {key_id: bytes.fromhex(key) for key_id, key in kept("keys.json").items()}
    with open_ledger(settings, make_key=keys.__getitem__) as opened:
        opened.keys.ensure(keys)
        with FACTS.open("rb") as source:
            import_history(opened.bulk, opened.mapper, opened.clock, lines_of(source))
        yield opened


def test_it_comes_to_the_same_root(ledger: Ledger) -> None:
    head, then = ledger.store.head(), kept("root.json")
    assert {"size": head.size, "position": head.position, "root": head.root.hex()} == {
        name: then[name] for name in ("size", "position", "root")
    }


def test_it_verifies(ledger: Ledger) -> None:
    found = ledger.verify()
    assert found["ok"], found["problems"]
    assert found["root"] == kept("root.json")["root"]


def test_it_is_printed_as_it_was_stored(ledger: Ledger) -> None:
    same = ("position", "leaf", "stream", "version", "name", "happened_at", "recorded_at", "sender", "request", "bytes")
    rows = ledger.store.rows(0, len(lines()) + 1)
    now = [printed(row, ledger.store.ledger_id(), ledger.mapper) for row in rows]
    assert [[each[name] for name in same] for each in now] == [[each[name] for name in same] for each in lines()]


def test_every_line_decodes_under_the_schema_it_was_written_with() -> None:
    for line in lines():
        data = base64.b64decode(line["bytes"], validate=True)
        wire, body = schemas.decode(data)
        assert wire == line["name"]
        assert schemas.encode(wire, body) == data, f"{wire} at position {line['position']} is written otherwise today"


def test_every_wire_name_of_its_release_is_in_it() -> None:
    names = {line["name"] for line in lines()}
    assert len(names) == RELEASED_WITH_IT
    assert names <= {*schemas.wire_names()}, "a schema was taken away"


def test_its_bags_and_donations_come_to_the_same(ledger: Ledger) -> None:
    now, then = states_of(ledger), kept("states.json")
    for kind in ("bags", "donations"):
        assert now[kind].keys() == then[kind].keys()
        for name, state in then[kind].items():
            assert now[kind][name] == state, name


def test_its_sealed_texts_open_with_the_keys_of_then(ledger: Ledger) -> None:
    assert texts_of(ledger) == kept("texts.json")
    assert kept("texts.json")["donor:D-1@1"] == ["Zhang San 张三, 1980"]


def test_no_sealed_text_can_be_read_without_its_key() -> None:
    stored = b"".join(base64.b64decode(line["bytes"]) for line in lines())
    readable = {text for texts in kept("texts.json").values() for text in texts if text.encode() in stored}
    assert readable == set()


def test_a_fact_of_an_older_schema_is_read_as_the_newest(ledger: Ledger) -> None:
    old = next(line for line in lines() if line["name"] == OLD_BREACH)
    row = next(row for row in ledger.store.stream(old["stream"]) if row.version == old["version"])
    said = printed(row, ledger.store.ledger_id(), ledger.mapper)["fact"]
    assert (said["celsius_min"], said["celsius_max"], said["minutes"], said["device"]) == ("11.5", "11.5", "45", None)
    assert kept("states.json")["bags"][old["stream"]]["holds"] == ["storage_breach"]


@pytest.mark.parametrize(
    "bag, ancestors",
    [
        (GIVEN, {"A999926000001#1", "A999926000001#2"}),
        (ALIQUOT, {"B888826000001=E3077V00"} | {f"A99992600000{n}={code}" for n in range(2, 7)
                                                for code in ("E0336V00", "E3077V00")}),
        (RELABELLED, {"C777726000001=E5445V00"}),
    ],
    ids=["given", "pooled", "relabelled"],
)  # fmt: skip
def test_its_bags_are_traced(ledger: Ledger, bag: str, ancestors: set[str]) -> None:
    ledger.catch_up()
    found = trace(ledger.views, bag, ledger.now())
    then = kept("states.json")["bags"]
    assert set(found["ancestors"]) == ancestors
    assert found["descendants"] == []
    assert found["position"] == kept("root.json")["position"]
    assert {each["bag"]: each["status"] for each in found["bags"]} == {
        name: then[name]["status"] for name in (bag, *ancestors)
    }
