"""This file holds a complete consumer of a blood ledger's facts and stock, of kafka-python and fastavro alone.

It reads the facts and checks that none was lost, altered, put elsewhere or slipped in; and it reads the stock, which is
then counted as the ledger counts it. Nothing of bloodledger is imported: what is done here, any program can do. The
rules it follows: docs/reference/kafka.md.

    pip install kafka-python==3.0.12 fastavro==1.13.1
    python stock_consumer.py --kafka localhost:9092 --schemas schemas --until-caught-up

Exit codes: 0 done; 1 a chain is broken, one line says where; 2 usage; 3 Kafka or the registry is away.
"""

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from fastavro import parse_schema, schemaless_reader
from fastavro.schema import fingerprint, to_parsing_canonical_form
from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord
from kafka.errors import KafkaError, KafkaTimeoutError

FACTS, STOCK = "blood.facts.v1", "blood.stock.v1"
PATIENCE = 10
"""How long Kafka may say nothing at all. Unit: seconds."""
GRACE = 10
"""How long a number may be missing at the end of a partition: whoever sends may be about to. Unit: seconds."""
MARKER = b"\xc3\x01"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Record = dict[str, Any]


class Broken(Exception):
    """What is on Kafka is not what the ledger sent."""


# ── values: Avro, with the schema's fingerprint or with its number in a registry ────────────────────────────


class Schemas:
    """Every schema of a folder by its fingerprint, and those of a registry by their number."""

    def __init__(self, folder: Path, registry: str | None) -> None:
        found = [json.loads(path.read_bytes()) for path in sorted(folder.rglob("*.avsc"))]
        self.by_header = {header(schema): parse_schema(schema) for schema in found}
        self.registry = registry
        self.by_number: dict[int, bytes] = {}

    def stored(self, value: bytes, where: str) -> bytes:
        """The single-object encoding, which is what the ledger stored, whatever the framing."""
        if value[:2] == MARKER:
            return value
        if value[:1] == b"\0" and self.registry:
            return self.registered(int.from_bytes(value[1:5], "big")) + value[5:]
        raise Broken(f"{where}: a value that is no Avro of the ledger (is there a registry?)")

    def registered(self, number: int) -> bytes:
        if number not in self.by_number:
            with urlopen(f"{self.registry}/schemas/ids/{number}", timeout=PATIENCE) as answer:
                schema = json.loads(json.load(answer)["schema"])
            self.by_number[number] = header(schema)
            self.by_header.setdefault(header(schema), parse_schema(schema))
        return self.by_number[number]

    def read(self, stored: bytes, where: str) -> tuple[str, Record]:
        """The record's name, without its namespace, and its fields."""
        schema: Any = self.by_header.get(stored[:10])
        if schema is None:
            raise Broken(f"{where}: no .avsc file has this fingerprint; get those of the newest release")
        body = BytesIO(stored[10:])
        try:
            record: Any = schemaless_reader(body, schema, None)
        except (EOFError, IndexError, ValueError, OverflowError) as wrong:
            raise Broken(f"{where}: the bytes of a {schema['name']} are damaged") from wrong
        return schema["name"].rpartition(".")[2], record


def header(schema: Any) -> bytes:
    """What a single-object encoding begins with: a marker and the schema's fingerprint, little-endian."""
    return MARKER + bytes.fromhex(fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))


# ── facts: one chain per ledger and partition ───────────────────────────────────────────────────────────────


def sized(*parts: bytes) -> bytes:
    """Each part after its length in four bytes, big-endian."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def leaf_hash(envelope: Record, stored: bytes) -> bytes:
    """The hash that stands for a fact in its ledger's Merkle tree: it covers all of it."""
    recorded_at = (envelope["recorded_at"] - EPOCH) // timedelta(microseconds=1)
    fields = sized(
        envelope["position"].to_bytes(8, "big"),
        envelope["stream"].encode(),
        envelope["version"].to_bytes(8, "big"),
        envelope["name"].encode(),
        recorded_at.to_bytes(8, "big", signed=True),
        stored,
    )
    return sha256(b"\0bloodledger/leaf/v1" + fields).digest()


def key_of(stream: str) -> str:
    """The DIN of a bag's or a donation's stream, else the stream's own name."""
    has_din = ":" not in stream[:13] and stream[13:14] in ("", "=", "#") and len(stream) >= 13
    return stream[:13] if has_din else stream


class Chain:
    """The facts of one ledger in one partition, in the order of their numbers.

    All hashes are kept, 32 bytes a fact, so that a second copy of any fact is checked like the first.
    """

    def __init__(self, ledger: str, topic: str, partition: int) -> None:
        self.ledger, self.topic, self.partition = ledger, topic, partition
        start = sized(b"bloodledger/chain/v1", ledger.encode(), topic.encode(), partition.to_bytes(4, "big"))
        self.hashes = bytearray(sha256(start).digest())
        self.position = 0
        self.altered = False  # whether the one that is due was met with another content
        self.ahead: int | None = None  # the lowest number met beyond the one that is due
        self.highest = 0

    @property
    def number(self) -> int:
        """How many facts fit."""
        return len(self.hashes) // 32 - 1

    def hash(self, number: int) -> bytes:
        return bytes(self.hashes[32 * number : 32 * number + 32])

    def take(self, number: int, claimed: bytes, leaf: bytes, position: int) -> None:
        """One more record: the next fact, one that was sent before, or one that comes too early."""
        due = self.number + 1
        self.highest = max(self.highest, number)
        if number > due:
            self.ahead = min(number, self.ahead or number)
            return  # whoever sends will send again, from the one that is due
        if number == 0:
            raise Broken(f"{self}: a record has number 0, and the first is 1")
        computed = sha256(sized(self.hash(number - 1), leaf)).digest()
        if number < due:
            if computed != self.hash(number) or claimed != computed:
                raise Broken(f"{self}: number {number} came again with another content: forked")
            return  # the same as before
        if claimed != computed:
            self.altered = True
            return  # not what the ledger sent: that is still to come
        self.hashes += computed
        self.position = position
        self.altered, self.ahead = False, None

    def standstill(self) -> str | None:
        """Why nothing can be taken any more, should nothing more come."""
        if self.highest <= self.number:
            return None
        first, last = self.number + 1, (self.ahead or self.highest + 1) - 1
        if self.altered:
            return f"{self}: number {first} does not follow from number {first - 1}: altered, or another's"
        missing = f"number {first} is" if first == last else f"numbers {first} to {last} are"
        return f"{self}: {missing} missing"

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}, ledger {self.ledger}"


class Facts:
    """The chains of every ledger on the topic."""

    def __init__(self, topic: str, schemas: Schemas, ledger: str | None) -> None:
        self.topic, self.schemas, self.ledger = topic, schemas, ledger
        self.chains: dict[tuple[str, int], Chain] = {}

    def take(self, record: ConsumerRecord) -> None:
        where = f"{record.topic}/{record.partition}, offset {record.offset}"
        headers = {name: value for name, value in record.headers if value is not None}
        if not headers.keys() >= {"envelope", "number", "hash"} or record.value is None:
            raise Broken(f"{where}: no fact, it lacks its value or a header")
        _, envelope = self.schemas.read(headers["envelope"], where)
        ledger, stream = envelope["ledger"], envelope["stream"]
        if self.ledger not in (None, ledger):
            return
        number = int.from_bytes(headers["number"], "big")
        if record.key != key_of(stream).encode():
            raise Broken(f"{where}: number {number} is a fact of {stream} under another key")
        chain = self.chains.get((ledger, record.partition))
        if chain is None:
            chain = self.chains[ledger, record.partition] = Chain(ledger, self.topic, record.partition)
        leaf = leaf_hash(envelope, self.schemas.stored(record.value, where))
        chain.take(number, headers["hash"], leaf, envelope["position"])

    def standstill(self) -> str | None:
        return next((said for chain in self.chains.values() if (said := chain.standstill())), None)

    def verified(self) -> list[Record]:
        return [
            {"topic": each.topic, "partition": each.partition, "ledger": ledger, "number": each.number,
             "position": each.position}
            for (ledger, _), each in sorted(self.chains.items())
        ]  # fmt: skip


# ── stock: the newest record of each key ────────────────────────────────────────────────────────────────────


class Stock:
    """What the stock topic says now."""

    def __init__(self, schemas: Schemas, ledger: str | None) -> None:
        self.schemas, self.ledger = schemas, ledger
        self.kept: dict[str, dict[bytes, Record]] = {"StockRow": {}, "Incomplete": {}, "Stale": {}}

    def take(self, record: ConsumerRecord) -> None:
        if record.value is None:  # a tombstone: whatever the key stood for is no more
            for each in self.kept.values():
                each.pop(record.key, None)
            return
        where = f"{record.topic}/{record.partition}, offset {record.offset}"
        kind, said = self.schemas.read(self.schemas.stored(record.value, where), where)
        if kind not in self.kept:
            raise Broken(f"{where}: a {kind} is not known here; what else is said of the stock cannot be trusted")
        if self.ledger not in (None, said["ledger"]):
            return
        before = self.kept[kind].get(record.key)
        if kind == "StockRow" and before and before["version"] > said["version"]:
            return  # an old row of somebody who came late
        self.kept[kind][record.key] = said

    def rows(self) -> list[Record]:
        """The stock as `bloodledger stock` groups it; a bag with an unread fact behind it is apart."""
        apart = {(each["ledger"], each["bag"]) for each in self.kept["Incomplete"].values()}
        shelves: dict[tuple[str | None, ...], list[Decimal | None]] = defaultdict(list)
        for row in self.kept["StockRow"].values():
            status = "incomplete" if (row["ledger"], row["bag"]) in apart else row["status"]
            shelf = (row["facility"], row["component"], row["group"], row["rhd"], status, row["measure"])
            shelves[shelf].append(row["amount"])
        names = ("facility", "component", "group", "rhd", "status", "measure", "bags", "quantity")
        in_order = sorted(shelves.items(), key=lambda item: tuple(each or "" for each in item[0]))
        return [dict(zip(names, (*shelf, len(all), exact_sum(all)), strict=True)) for shelf, all in in_order]

    def incomplete(self) -> int:
        return len({(each["ledger"], each["bag"]) for each in self.kept["Incomplete"].values()})

    def stale(self) -> list[Record]:
        return sorted(self.kept["Stale"].values(), key=lambda each: (each["ledger"], each["topic"], each["partition"]))


def exact_sum(amounts: list[Decimal | None]) -> str | None:
    """The sum without idle zeros; None when no amount is known."""
    known = [each for each in amounts if each is not None]
    return f"{sum(known, Decimal(0)).normalize():f}" if known else None


# ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────


class Topics:
    """All partitions asked for, from their beginning. A program that keeps its rows in a database keeps the next
    offset, the number and the hash of each partition with them, in one transaction, and begins there."""

    def __init__(self, address: str, wanted: dict[str, list[int] | None]) -> None:
        # `read_committed` or not: both are right. A row of the stock is in the view's database before it is sent,
        # so a row of a transaction that was given up is true as well, and is sent again.
        self.consumer = KafkaConsumer(
            bootstrap_servers=address, bootstrap_timeout_ms=PATIENCE * 1000, group_id=None, enable_auto_commit=False,
            isolation_level="read_committed",
        )  # fmt: skip
        found = [TopicPartition(topic, each) for topic in wanted for each in self.partitions(topic, wanted[topic])]
        self.consumer.assign(found)
        self.consumer.seek_to_beginning()

    def partitions(self, topic: str, wanted: list[int] | None) -> list[int]:
        found = self.consumer.partitions_for_topic(topic)
        if not found or not found.issuperset(wanted or ()):
            raise KafkaError(f"there is no topic {topic} with these partitions")
        return wanted if wanted is not None else sorted(found)

    def to_the_end(self) -> Iterator[ConsumerRecord]:
        """What is there until each partition's end of this moment is reached."""
        ends = self.consumer.end_offsets(self.consumer.assignment(), timeout_ms=PATIENCE * 1000)
        heard = time.monotonic()
        while any(self.consumer.position(each, timeout_ms=PATIENCE * 1000) < end for each, end in ends.items()):
            for records in self.consumer.poll(timeout_ms=500, max_records=5000).values():
                yield from records
                heard = time.monotonic()
            if time.monotonic() > heard + PATIENCE:
                raise KafkaTimeoutError(f"nothing was heard for {PATIENCE} seconds")

    def more(self) -> Iterator[ConsumerRecord]:
        """What comes within a second."""
        for records in self.consumer.poll(timeout_ms=1000).values():
            yield from records


class Following:
    """Facts and stock, as they come."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        schemas = Schemas(arguments.schemas, arguments.registry)
        self.facts = Facts(arguments.facts_topic, schemas, arguments.ledger)
        self.stock = Stock(schemas, arguments.ledger)
        self.stock_topic = arguments.prefix + STOCK
        wanted = {arguments.prefix + arguments.facts_topic: arguments.partitions, self.stock_topic: None}
        self.topics = Topics(arguments.kafka, wanted)
        self.until_caught_up, self.json = arguments.until_caught_up, arguments.json

    def run(self) -> None:
        still_since, changed = None, True
        while True:
            changed |= self.take(self.topics.to_the_end())
            if why := self.facts.standstill():
                still_since = still_since or time.monotonic()
                if self.until_caught_up or time.monotonic() > still_since + GRACE:
                    raise Broken(why)
            else:
                still_since = None
                if changed:
                    self.show()
                changed = False
            if self.until_caught_up:
                return
            changed |= self.take(self.topics.more())

    def take(self, records: Iterator[ConsumerRecord]) -> bool:
        any_came = False
        for record in records:
            (self.stock if record.topic == self.stock_topic else self.facts).take(record)
            any_came = True
        return any_came

    def show(self) -> None:
        answer = {
            "verified": self.facts.verified(),
            "stock": self.stock.rows(),
            "incomplete": self.stock.incomplete(),
            "stale": self.stock.stale(),
        }
        print(json.dumps(answer, ensure_ascii=False) if self.json else in_words(answer), flush=True)


def in_words(answer: Record) -> str:
    lines = [
        "{topic}/{partition}, ledger {ledger}: {number} facts, whole up to position {position}".format(**each)
        for each in answer["verified"]
    ]
    for row in answer["stock"]:
        what = [row[name] or "?" for name in ("facility", "component", "group", "rhd", "status")]
        lines.append(f"{' '.join(what)}: {row['bags']} bags, {row['quantity'] or '?'} {row['measure'] or ''}".rstrip())
    lines += ["may be old: {topic}/{partition}, number {number} is {reason}".format(**each) for each in answer["stale"]]
    return "\n".join(lines)


def asked(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Verify the facts on Kafka and count the stock.")
    parser.add_argument("--kafka", required=True, metavar="HOST:PORT", help="Where Kafka is.")
    parser.add_argument("--schemas", required=True, type=Path, metavar="FOLDER", help="Where the .avsc files are.")
    parser.add_argument("--registry", type=lambda url: url.rstrip("/"), metavar="URL", help="A schema registry.")
    parser.add_argument("--ledger", metavar="ID", help="Only this ledger.")
    parser.add_argument("--partitions", type=lambda text: [int(each) for each in text.split(",")], metavar="0,2",
                        help="Only these partitions of the facts; the stock is always read whole.")  # fmt: skip
    parser.add_argument("--facts-topic", default=FACTS, metavar="TOPIC", help=f"The topic to verify, {FACTS}.")
    parser.add_argument("--prefix", default="", help="What a mirror put before the topics' names, such as `west.`.")
    parser.add_argument("--until-caught-up", action="store_true", help="Stop at the end instead of going on.")
    parser.add_argument("--json", action="store_true", help="Answer in JSON, an object a line.")
    given = parser.parse_args(arguments)
    if next(given.schemas.rglob("*.avsc"), None) is None:
        parser.error(f"there are no .avsc files in {given.schemas}")
    return given


def main(arguments: list[str]) -> int:
    try:
        Following(asked(arguments)).run()
    except Broken as broken:
        print(broken, file=sys.stderr)
        return 1
    except (KafkaError, OSError) as away:
        print(f"Kafka or the registry is away: {away or type(away).__name__}", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
