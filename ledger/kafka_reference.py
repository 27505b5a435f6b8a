"""This file holds the page docs/reference/kafka.md: what travels on Kafka, promised to programs that are not ours.

Tables and the test vector come from the code that sends; what is promised in words stands here.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from ledger.merkle import leaf_data, leaf_hash
from ledger.reference import WRITTEN, avro_type, table
from ledger.relay.topics import PARTITIONS, PROMISED
from ledger.watching.health import METRICS
from schemas import encode
from schemas.on_kafka import (
    ENVELOPE,
    FACTS,
    HASH,
    NUMBER,
    STOCK,
    SUBJECTS,
    Envelope,
    Place,
    chain_next,
    chain_start,
    incomplete_key,
    key_of,
    number_bytes,
    partition_of,
    record_header,
    record_schema,
    row_key,
    stale_key,
    topic_of,
    write_envelope,
)

KINDS = {
    FACTS: "Every fact of bags, donations and holds.",
    SUBJECTS: "Every fact of donors and recipients, by pseudonym.",
    STOCK: "The stock now: one record for each bag that is stock, and marks where it may not be trusted.",
}
STREAMS = (
    ("a donation", "G165725000001"),
    ("a bag", "G165725000001=E0336V00"),
    ("a container without a label yet", "G165725000001#1"),
    ("a hold", "hold:donor:D-1"),
    ("a donor", "donor:D-1"),
    ("a recipient", "patient:P-7"),
)


class Vector(NamedTuple):
    """One fact as it travels, with all that is computed on the way."""

    envelope: Envelope
    value: bytes
    place: Place
    key: str
    envelope_bytes: bytes
    leaf: bytes
    start: bytes
    first: bytes


def vector() -> Vector:
    """The first fact of a ledger whose id is easy to see."""
    occasion = {
        "sender": "local",
        "request": "r-1",
        "request_sha256": bytes(range(32)),
        "by": "n-1",
        "reported": False,
        "offset_minutes": 480,
        "zone_from": "given",
    }
    stored = {"happened_at": 1_714_959_000_000_000, "occasion": occasion, "facility": "A9999", "place": "fridge 1"}
    value = encode("bag.stored.v1", stored)
    said = Envelope(
        "00112233445566778899aabbccddeeff", 1, "G165725000001=E0336V00", 1, "bag.stored.v1", 1_714_959_060_000_000
    )
    key = key_of(said.stream)
    place = Place(topic_of(said.stream), partition_of(key, PARTITIONS))
    leaf = leaf_hash(leaf_data(said.position, said.stream, said.version, said.name, said.recorded_at, value))
    start = chain_start(said.ledger, place)
    return Vector(said, value, place, key, write_envelope(said), leaf, start, chain_next(start, leaf))


def kafka_page() -> str:
    return "\n".join(["# Kafka\n", WRITTEN, *_parts()])


def _parts() -> Iterator[str]:
    yield INTRO
    yield "## Topics\n"
    yield _topics()
    yield TOPICS
    yield "## A fact\n"
    yield _layout()
    yield "### Key and partition\n"
    yield _keys()
    yield KEY
    yield "### Value\n"
    yield VALUE
    yield "### Envelope\n"
    yield _record("envelope.v1")
    yield "## The chain\n"
    yield CHAIN
    yield "### Test vector\n"
    yield VECTOR
    yield _vector()
    yield "### What a chain proves\n"
    yield PROVES
    yield "## What who sends promises\n"
    yield SENDER
    yield "## What who reads must do\n"
    yield READER
    yield "## The stock\n"
    yield _stock_keys()
    yield STOCK_RULES
    for wire in ("stock_row.v1", "incomplete.v1", "stale.v1"):
        yield f"### {_name(record_schema(wire))}\n"
        yield _record(wire)
    yield "## Kept how long\n"
    yield KEPT
    yield "## Who may read\n"
    yield ACCESS
    yield "## How it may change\n"
    yield CHANGE
    yield "## What the processes tell\n"
    yield TELL
    yield _metrics()


# ── tables ────────────────────────────────────────────────────────────────────────────────────────────────


def _metrics() -> str:
    rows = [
        [f"`{name}`", ", ".join(f"`{label}`" for label in labels) or "—", meaning]
        for name, (meaning, labels) in METRICS.items()
    ]
    return table(["metric", "labels", "meaning"], rows)


def _topics() -> str:
    rows = [
        [f"`{topic}`", KINDS[topic], ", ".join(f"`{name}={value}`" for name, value in settings.items())]
        for topic, settings in PROMISED.items()
    ]
    return table(["topic", "what", "settings"], rows)


def _layout() -> str:
    rows = [
        ["key", "UTF-8", "the DIN, or the stream's name: see below"],
        ["value", "Avro", "the fact, byte for byte as the ledger stored it"],
        [f"header `{ENVELOPE}`", "Avro", "what stands beside the fact in its ledger: see below"],
        [f"header `{NUMBER}`", "8 bytes, big-endian", "n: dense from 1 in each (ledger, topic, partition)"],
        [f"header `{HASH}`", "32 bytes", "h(n) of the chain of that (ledger, topic, partition)"],
    ]
    return table(["part", "form", "what"], rows)


def _keys() -> str:
    rows = []
    for what, stream in STREAMS:
        key = key_of(stream)
        rows.append([what, f"`{stream}`", f"`{topic_of(stream)}`", f"`{key}`", str(partition_of(key, PARTITIONS))])
    return table(["stream of", "for example", "topic", "key", f"partition of {PARTITIONS}"], rows)


def _record(wire: str) -> str:
    """What a record beside the facts is, and its fields."""
    schema: dict[str, Any] = record_schema(wire)
    fields = [[f"`{each['name']}`", avro_type(each["type"]), each["doc"]] for each in schema["fields"]]
    about = f"{schema['doc']} `schemas/kafka/{wire}.avsc`; its bytes begin with `{record_header(wire).hex()}`.\n"
    return f"{about}\n{table(['field', 'type', 'meaning'], fields)}"


def _name(schema: dict[str, Any]) -> str:
    return str(schema["name"]).rpartition(".")[2]


def _vector() -> str:
    shown = vector()
    said, hexes = shown.envelope._asdict(), "in hex"
    rows = [[f"{name} of the envelope", f"`{value}`"] for name, value in said.items()]
    rows += [
        [f"value, {hexes}", f"`{shown.value.hex()}`"],
        ["topic", f"`{shown.place.topic}`"],
        ["key", f"`{shown.key}`"],
        [f"partition of {PARTITIONS}", f"`{shown.place.partition}`"],
        [f"header `{ENVELOPE}`, {hexes}", f"`{shown.envelope_bytes.hex()}`"],
        [f"header `{NUMBER}`, {hexes}", f"`{number_bytes(1).hex()}`"],
        [f"leaf, {hexes}", f"`{shown.leaf.hex()}`"],
        [f"h(0), {hexes}", f"`{shown.start.hex()}`"],
        [f"header `{HASH}`: h(1), {hexes}", f"`{shown.first.hex()}`"],
    ]
    return table(["what", "is"], rows)


def _stock_keys() -> str:
    ledger, bag = "LEDGER", "BAG"
    rows = [
        [f"`{row_key(ledger, bag)}`", "[StockRow](#stockrow)", "the bag is stock no more"],
        [f"`{incomplete_key(ledger, bag, 'STREAM')}`", "[Incomplete](#incomplete)", "that stream was read after all"],
        [f"`{stale_key(ledger, Place('TOPIC', 0))[:-1]}PARTITION`", "[Stale](#stale)", "that partition moves again"],
    ]
    return table(["key", "value", "a tombstone (no value) says"], rows)


# ── prose ─────────────────────────────────────────────────────────────────────────────────────────────────

INTRO = f"""\
What `bloodledger relay` and `bloodledger project` put on Kafka, for programs that are not ours. How to begin:
[Consume the facts](../how-to/consume-the-facts.md). MUST, MUST NOT, SHOULD and MAY are meant as in RFC 2119.

The ledger is the record; Kafka carries it. A topic that was lost is filled again from the ledger, record for record the
same: topic, key, partition, number, hash and bytes of a fact are computed from the fact, what came before it, and the
count of partitions ({PARTITIONS} unless another was chosen when the topics were made), and from nothing else.
"""

TOPICS = """\
`bloodledger topics` makes them, and refuses those that break what stands here. All three have the same count of
partitions, and it is **fixed for ever**: with another count, the same key is in another partition, its facts stand in
two, and every chain breaks. Where more will be needed, begin with more. One set of topics MAY carry several ledgers:
everything below is told apart by the ledger's id.
"""

KEY = f"""\
So all facts of a donation and of its bags are in one partition, in the order of their positions. The partition is
`(murmur2(key) & 0x7fffffff) % count`, with murmur2 as in Java's `org.apache.kafka.common.utils.Utils`. That is the
default of Java's and Python's clients; with librdkafka (confluent-kafka, and clients in C, Go, C# on top of it) it is
`partitioner=murmur2_random`, since its own default is CRC-32.

The sort of a stream is read from its name: with no colon in its first {len("G165725000001")} characters, and nothing,
`=` or `#` after them, it belongs to the donation these characters are the DIN of.
"""

VALUE = """\
Without a schema registry, Avro's single-object encoding: `c3 01`, the CRC-64-AVRO fingerprint of the schema in eight
bytes, little-endian, and the body. With one (BLOODLEDGER_REGISTRY), Confluent's framing: `00`, the schema's id in four
bytes, big-endian, and the same body; subjects are `<topic>-<full name of the record>` (TopicRecordNameStrategy). Both
may stand in one topic, when a registry came later. The header `envelope` and the records of the stock are single-object
always: whoever counts stock needs no registry.

Schemas: `schemas/avro/<wire name>.avsc` ([Facts](facts.md) explains every field) and `schemas/kafka/`. A body is read
under the schema it was written with, which its fingerprint or id names. Fields may be `bloodledger.Sealed`: free text
about a person, encrypted; its key does not travel on Kafka.

**Stored bytes**, which hashes are of, are the single-object encoding, whatever the framing. From a framed value they
are made again: `c3 01`, the fingerprint of the registered schema, the body.
"""

CHAIN = """\
Numbers are big-endian; `len4(x)` is the length of x in four bytes; ‖ puts one after the other.

```text
h(0)  = SHA-256( len4(label) ‖ label ‖ len4(ledger) ‖ ledger ‖ len4(topic) ‖ topic ‖ len4(4) ‖ partition )
h(n)  = SHA-256( len4(h(n-1)) ‖ h(n-1) ‖ len4(leaf) ‖ leaf )
leaf  = SHA-256( 00 ‖ "bloodledger/leaf/v1" ‖ len4(8) ‖ position ‖ len4(stream) ‖ stream ‖ len4(8) ‖ version
               ‖ len4(name) ‖ name ‖ len4(8) ‖ recorded_at ‖ len4(stored bytes) ‖ stored bytes )
label = "bloodledger/chain/v1"; ledger, topic, stream, name in UTF-8; partition in 4 bytes;
        position, version, recorded_at (microseconds since 1970-01-01 UTC, signed) in 8 bytes
```

`leaf` is the fact's leaf in the ledger's own Merkle tree (RFC 6962): what a proof of the ledger speaks of is what came
over Kafka. A mirror that puts a prefix before the topics' names changes no chain: `topic` is the name without it.
"""

VECTOR = """\
The first fact of a ledger. Whoever computes all of these from the first seven rows reads this page as we do.
"""

PROVES = """\
| with the chain a reader sees | because |
| --- | --- |
| a record that was lost | its number is missing |
| a record that was changed: value, stream, position, version, name, time | its leaf is another, so h(n) does not fit |
| a record that was slipped in, or put elsewhere | its number is taken, or h(n) does not fit |
| records in another order | numbers say the order; a chain has one |
| another key on a record | the key follows from the stream, and the stream is in the leaf |
| a ledger set back to an older copy that went on differently | the same number comes again with another hash |

| it cannot see | what can |
| --- | --- |
| a tail that was cut off, or is not sent yet | the relay's numbers; the ledger's position, `bloodledger status` |
| a whole chain made up by whoever may write | a leaf in the ledger: `bloodledger facts`; [access](#who-may-read) |
| that the fact is true | who said so stands in `occasion`, in every fact |
"""

SENDER = f"""\
1. Every fact MUST be sent at least once, on the topic and partition above, after it is durable in its ledger.
2. It MUST be sent with the same key, value, envelope, number and hash each time.
3. In the end every number from 1 on MUST stand in the partition. Where sending was interrupted, it MUST go on after
   the highest number up to which none is missing. So a reader may meet n + 2 before n + 1, and after it n + 1, n + 2, …
   once more.
4. A number that stands on the topic MUST NOT be given to another fact. A relay that finds another hash under a number
   of its ledger stops and says so (`TopicForked`); it never writes over it.
5. A fact MUST have exactly the headers `{ENVELOPE}`, `{NUMBER}`, `{HASH}`.
6. Nothing is promised of timestamps of records, offsets, batches, compression, or how many times a fact comes.
"""

READER = """\
A reader that expects number e of a (ledger, topic, partition) and meets number n:

| | do |
| --- | --- |
| n = e and h(n) fits | apply it; expect e + 1 |
| n = e and h(n) does not fit | MUST NOT apply: not what the ledger sent. Read on, e is still to come |
| n < e | MUST NOT apply again. It SHOULD compare hashes: another one than it had is a *fork*, stop |
| n > e | MUST NOT apply. Read on, e comes again |
| the partition's end is reached, and e or more was met | wait for a while; if e does not come: stop, as below |
| a record without these headers, or with a key not the stream's | MUST NOT apply; a person must see it |

It stops with *altered* where e was met and did not fit, else with a *gap*: the numbers from e to below the next one
met. What `bloodledger project` then says on the stock topic is a [Stale](#stale).

1. It MUST keep e, h(e − 1) and the offset in the same transaction as what it made of the facts, and begin there:
   Kafka's own committed offsets are of another transaction. One that keeps nothing begins at the start.
2. It MUST NOT go round a gap. What rests on a partition that stopped MUST be shown as possibly old.
3. It MUST NOT skip a fact it cannot read or whose wire name it does not know: the number is counted and the hash
   checked (neither needs the schema), the fact is **parked** with its reason where a person sees it, later facts of the
   same key wait, and no bag that rests on it counts as available. Other keys go on. After an update it is read again.
4. It SHOULD tell facts apart by (ledger, stream, version) where they reach it on several ways.
5. It MUST take facts of several ledgers apart, each with its own e and hash.
"""

STOCK_RULES = """\
The newest record of each key is what counts; the stock is its StockRows, but for these:

1. A bag with at least one Incomplete MUST NOT count as available, whatever its row says: it rests on a fact that nobody
   could read yet.
2. While there is a Stale of a partition, what is said of the bags in it may be old, and MUST be shown so.
3. `expires_at` is compared by whoever asks: no record says that a bag expired.
4. `issued` and `distributed` are not final: the bag may come back. A bag that is transfused, discarded, destroyed,
   consumed, or out of the ledger has a tombstone; when the fact that ended it is annulled, a row comes again.
5. A row with a lower `version` than the one at hand SHOULD be ignored. Rows may come several times.
6. A record of a kind that is not known MUST NOT be skipped: it may take availability away.

Rows come from a transactional producer, one of a ledger, which keeps a former publisher out. Readers MAY use
`read_committed` or `read_uncommitted`; both are right, because a row is committed in the database of the views before
it is sent: one in a transaction that was given up was true as well, and is sent again. A key is always in the same
partition. The stock carries no chain: it can be computed from the facts, which do.
"""

KEPT = f"""\
Facts are kept for ever: `{FACTS}` and `{SUBJECTS}` MUST NOT be compacted or expire, or nobody could begin at number 1.
`{STOCK}` is compacted; tombstones stay 30 days at least (`delete.retention.ms`). So a reader of the stock that was away
longer MUST begin at the start, with nothing: a bag whose tombstone it missed would stay in its stock for ever.
"""

ACCESS = f"""\
Facts about donors and recipients have a topic of their own so that it can have readers of its own. For a cluster with
an authorizer, and with users `relay`, `project` and `stock-reader`:

```sh
# Facts go out through one user, which also reads back where it was, and checks the topics.
kafka-acls.sh --add --allow-principal User:relay --operation Write --operation Read --operation DescribeConfigs \\
  --topic {FACTS} --topic {SUBJECTS}
kafka-acls.sh --add --allow-principal User:relay --operation Describe --operation DescribeConfigs --topic {STOCK}
# The views read all facts and write the stock, in transactions.
kafka-acls.sh --add --allow-principal User:project --operation Read --topic {FACTS} --topic {SUBJECTS}
kafka-acls.sh --add --allow-principal User:project --operation Write --topic {STOCK}
kafka-acls.sh --add --allow-principal User:project --operation Read --group bloodledger \\
  --resource-pattern-type prefixed
kafka-acls.sh --add --allow-principal User:project --operation Write --operation Describe \\
  --transactional-id bloodledger/stock/ --resource-pattern-type prefixed
# Who counts stock sees blood and no persons.
kafka-acls.sh --add --allow-principal User:stock-reader --operation Read --topic {FACTS} --topic {STOCK}
```

Each with `--bootstrap-server` and `--command-config`. Making the topics needs `Create` besides; a consumer group of
one's own, `Read` on it. Nobody else MUST be able to write.
"""

TELL = """\
`relay` and `project` answer on the address in BLOODLEDGER_HTTP. `GET /health`: 200 while the process does its work, 503
when Kafka or a database is away or a partition stands still; in JSON `state` (`standby`, `resuming`, `active`, `away`;
`starting`, `waiting` for a partition, `projecting`, `away`) and the numbers below. `GET /metrics`: Prometheus. The log
is a JSON object a line on standard error.
"""

CHANGE = """\
1. A released `.avsc` is frozen, byte for byte.
2. A fact that gets a field gets a new version, `.vN+1`, with a default for it; a fact whose meaning changes gets a
   new wire name `.vN+1` too. Old facts keep the schema they were written with, for ever. So a reader meets all versions
   side by side, and wire names it has not heard of: rule 3 of
   [who reads](#what-who-reads-must-do).
3. The records of the stock and the envelope get new fields with defaults only; read them under the schema their first
   ten bytes name.
4. Topics carry their major version in the name. What cannot be told by the rules above is told on new topics, `.v2`,
   beside the old ones.
5. The count of partitions, the keys, the chain and the three headers of a `.v1` topic never change.
"""
