"""This file holds the tests of docs/reference/kafka.md: its test vector, computed with hashlib alone, and fields."""

import json
import re
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from fastavro import parse_schema, schemaless_reader
from fastavro.schema import fingerprint, to_parsing_canonical_form

from ledger.kafka_reference import kafka_page

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "kafka.md"
SCHEMAS = ROOT / "schemas" / "kafka"


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def vector(page: str) -> dict[str, str]:
    """The rows of the test vector."""
    part = page.partition("### Test vector")[2].partition("###")[0]
    return dict(re.findall(r"^\| ([^|]+) \| `([^`]*)` \|$", part, re.MULTILINE))


# ── what is written here knows the page and the standards, and nothing of ours ──────────────────────────────


def sized(*parts: bytes) -> bytes:
    return b"".join(len(each).to_bytes(4, "big") + each for each in parts)


def varint(number: int) -> bytes:
    """Source: Avro 1.12, Binary encoding: zig-zag, then seven bits a byte."""
    left, out = (number << 1) ^ (number >> 63), bytearray()
    while left > 0x7F:
        out.append(left & 0x7F | 0x80)
        left >>= 7
    return bytes([*out, left])


def text(said: str) -> bytes:
    return varint(len(said.encode())) + said.encode()


def crc_64_avro(data: bytes) -> int:
    """Source: Avro 1.12, Schema fingerprints."""
    empty = 0xC15D213AA4D7A795
    found = empty
    for byte in data:
        found ^= byte
        for _ in range(8):
            found = (found >> 1) ^ (empty & -(found & 1))
    return found


def canonical(part: Any) -> str:
    """Parsing Canonical Form of the few types that stand in the envelope. Source: Avro 1.12."""
    if isinstance(part, str):
        return json.dumps(part)
    if "fields" not in part:
        return canonical(part["type"])
    fields = ",".join(f'{{"name":"{each["name"]}","type":{canonical(each["type"])}}}' for each in part["fields"])
    return f'{{"name":"{part["name"]}","type":"record","fields":[{fields}]}}'


def murmur2(data: bytes) -> int:
    """Source: Kafka, Utils.murmur2."""
    magic, mask = 0x5BD1E995, 0xFFFFFFFF
    found = 0x9747B28C ^ len(data)
    whole = len(data) // 4 * 4
    for at in range(0, whole, 4):
        word = int.from_bytes(data[at : at + 4], "little") * magic & mask
        word = (word ^ word >> 24) * magic & mask
        found = (found * magic & mask) ^ word
    if rest := data[whole:]:
        found = (found ^ int.from_bytes(rest, "little")) * magic & mask
    found = (found ^ found >> 13) * magic & mask
    return found ^ found >> 15


# ── the vector ──────────────────────────────────────────────────────────────────────────────────────────────


def test_the_key_is_the_din_and_its_partition_javas(vector: dict[str, str]) -> None:
    key = vector["stream of the envelope"][:13]
    assert key == vector["key"]
    assert (murmur2(key.encode()) & 0x7FFFFFFF) % 6 == int(vector["partition of 6"])


def test_every_key_of_the_page_is_in_the_partition_it_says(page: str) -> None:
    rows = re.findall(r"^\| [^|]+ \| `[^`]+` \| `blood[^`]+` \| `([^`]+)` \| (\d) \|$", page, re.MULTILINE)
    assert len(rows) == 6
    assert [(murmur2(key.encode()) & 0x7FFFFFFF) % 6 for key, _ in rows] == [int(partition) for _, partition in rows]


def test_the_envelope_is_avro_under_its_own_schema(vector: dict[str, str]) -> None:
    said = {name.removesuffix(" of the envelope"): value for name, value in vector.items() if "of the env" in name}
    schema = json.loads((SCHEMAS / "envelope.v1.avsc").read_text(encoding="utf-8"))
    assert list(said) == [each["name"] for each in schema["fields"]]
    numbers = {"position", "version", "recorded_at"}
    body = b"".join(varint(int(value)) if name in numbers else text(value) for name, value in said.items())
    header = b"\xc3\x01" + crc_64_avro(canonical(schema).encode()).to_bytes(8, "little")
    assert (header + body).hex() == vector["header `envelope`, in hex"]


def test_leaf_and_chain_follow_from_what_the_page_says(vector: dict[str, str]) -> None:
    said = {name.removesuffix(" of the envelope"): value for name, value in vector.items()}
    position, version = (int(said[name]).to_bytes(8, "big") for name in ("position", "version"))
    recorded_at = int(said["recorded_at"]).to_bytes(8, "big", signed=True)
    stored = bytes.fromhex(said["value, in hex"])
    fields = sized(position, said["stream"].encode(), version, said["name"].encode(), recorded_at, stored)
    leaf = sha256(b"\0" + b"bloodledger/leaf/v1" + fields).digest()
    assert leaf.hex() == said["leaf, in hex"]

    partition = int(said["partition of 6"]).to_bytes(4, "big")
    start = sha256(sized(b"bloodledger/chain/v1", said["ledger"].encode(), said["topic"].encode(), partition)).digest()
    assert start.hex() == said["h(0), in hex"]
    assert sha256(sized(start, leaf)).hexdigest() == said["header `hash`: h(1), in hex"]
    assert said["header `number`, in hex"] == (1).to_bytes(8, "big").hex()


def test_the_value_is_a_fact_anybody_can_read(vector: dict[str, str]) -> None:
    value = bytes.fromhex(vector["value, in hex"])
    schema = json.loads((ROOT / "schemas" / "avro" / f"{vector['name of the envelope']}.avsc").read_bytes())
    assert value[:10] == b"\xc3\x01" + bytes.fromhex(fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))
    fact = schemaless_reader(BytesIO(value[10:]), parse_schema(schema), None)
    assert isinstance(fact, dict)
    assert (fact["facility"], fact["place"]) == ("A9999", "fridge 1")


# ── the rest of the page ────────────────────────────────────────────────────────────────────────────────────


def test_the_page_says_what_the_code_says(page: str) -> None:
    assert page == kafka_page(), "run `make docs`"


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*.avsc")), ids=lambda path: path.stem)
def test_every_field_of_what_stands_beside_the_facts_is_on_the_page(path: Path, page: str) -> None:
    schema = json.loads(path.read_text(encoding="utf-8"))
    name = schema["name"].rpartition(".")[2]
    part = page.partition(f"### {name}\n")[2].partition("\n#")[0]
    assert re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE) == [each["name"] for each in schema["fields"]]
    assert f"schemas/kafka/{path.name}" in part
