"""This file holds the tests of two strangers' programs, in Python and Java: what they count, and what they notice."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from ledger.relay.numbering import leaf_of
from schemas.on_kafka import (
    FACTS,
    STOCK,
    SUBJECTS,
    Place,
    chain_next,
    chain_start,
    incomplete_key,
    number_bytes,
    read_envelope,
    row_key,
    stale_key,
    write_envelope,
    write_record,
)
from tests.kafka import jars
from tests.kafka_consumers.relayed import (
    JAVA_CONSUMER,
    PYTHON_CONSUMER,
    SCHEMAS,
    Json,
    OnKafka,
    Records,
    Relayed,
    Said,
    Tampering,
    consumer_jars,
    java_consumer,
    put,
    python_consumer,
    run,
    run_both,
)

pytestmark = pytest.mark.slow

Consume = Callable[..., Said]
Program = subprocess.Popen[str]


@pytest.fixture
def consume(relayed: Relayed, compiled: Path, tmp_path: Path) -> Consume:
    """Runs both consumers to the end of what is there, in a folder where nothing of ours lies. They say the same."""

    def consumed(*options: str, kafka: str = relayed.kafka.address, ledger: str = relayed.ledger) -> Said:
        where = ["--kafka", kafka, "--schemas", str(SCHEMAS), "--ledger", ledger]
        asked = [*where, "--until-caught-up", "--json", *options]
        python, java = run_both([*python_consumer(), *asked], [*java_consumer(compiled), *asked], folder=tmp_path)
        assert java.code == python.code, java.err
        if python.code == 0:
            assert java.answer == python.answer
            assert java.err == python.err == ""
        else:
            assert java.out == python.out == ""
            assert java.err.partition(" away: ")[0] == python.err.partition(" away: ")[0]  # each says why in its words
            assert python.err.count("\n") == 1
        return python

    return consumed


# ── what is there ───────────────────────────────────────────────────────────────────────────────────────────


def test_what_a_stranger_counts_is_what_the_ledger_counts(consume: Consume, relayed: Relayed) -> None:
    said = consume()
    assert said.code == 0
    assert len(relayed.stock()) > 5
    assert said.answer["stock"] == relayed.stock()
    assert (said.answer["incomplete"], said.answer["stale"]) == (0, [])


def test_a_stranger_verifies_every_fact_up_to_the_last(consume: Consume, relayed: Relayed) -> None:
    facts = [each for each in relayed.facts() if not each["stream"].startswith(("donor:", "patient:"))]
    verified = consume().answer["verified"]
    assert sum(each["number"] for each in verified) == len(facts) > 300
    assert max(each["position"] for each in verified) == max(each["position"] for each in facts)
    assert {(each["topic"], each["ledger"]) for each in verified} == {(FACTS, relayed.ledger)}


def test_facts_about_persons_are_verified_by_who_may_read_them(consume: Consume, relayed: Relayed) -> None:
    facts = [each for each in relayed.facts() if each["stream"].startswith(("donor:", "patient:"))]
    verified = consume("--facts-topic", SUBJECTS).answer["verified"]
    assert sum(each["number"] for each in verified) == len(facts) > 0


def test_a_stranger_may_read_some_partitions_only(consume: Consume) -> None:
    partitions = [each["partition"] for each in consume().answer["verified"]]
    some = consume("--partitions", f"{partitions[0]},{partitions[-1]}").answer["verified"]
    assert [each["partition"] for each in some] == [partitions[0], partitions[-1]]


def test_ledgers_on_one_topic_are_told_apart(consume: Consume, relayed: Relayed) -> None:
    prefix = relayed.copied()
    second = relayed_facts_of_another_ledger(relayed)
    put(relayed.kafka, prefix + FACTS, second)
    both, of_first = consume("--prefix", prefix, ledger="other"), consume("--prefix", prefix)
    assert [each["number"] for each in both.answer["verified"]] == [len(second)]
    assert both.answer["stock"] == []
    assert of_first.answer["stock"] == relayed.stock()
    assert {each["ledger"] for each in of_first.answer["verified"]} == {relayed.ledger}


def relayed_facts_of_another_ledger(relayed: Relayed) -> Records:
    """The first facts of the busiest partition as if a ledger called `other` had them."""
    facts = relayed.records(FACTS)
    partition = facts[-1].partition
    before, made = chain_start("other", Place(FACTS, partition)), []
    for number, each in enumerate([each for each in facts if each.partition == partition][:20], 1):
        envelope = read_envelope(each.header("envelope"))
        before = chain_next(before, leaf_of(envelope, each.value or b""))
        headers = [("envelope", write_envelope(envelope._replace(ledger="other")))]
        made.append(each._replace(headers=[*headers, ("number", number_bytes(number)), ("hash", before)]))
    return made


# ── what was done to it ─────────────────────────────────────────────────────────────────────────────────────

AT = 20
"""The place in the partition at which something was done: the record of number 21."""


def a_record_lost(records: Records) -> Records:
    return records[:AT] + records[AT + 1 :]


def three_records_lost(records: Records) -> Records:
    return records[:AT] + records[AT + 3 :]


def the_first_record_lost(records: Records) -> Records:
    return records[1:]


def the_last_but_one_lost(records: Records) -> Records:
    return [*records[:-2], records[-1]]


def one_bit_turned(records: Records) -> Records:
    value = records[AT].value or b""
    return replaced(records, records[AT]._replace(value=value[:-1] + bytes([value[-1] ^ 1])))


def another_hash(records: Records) -> Records:
    return replaced(records, records[AT].with_header("hash", bytes(32)))


def another_envelope(records: Records) -> Records:
    return replaced(records, records[AT].with_header("envelope", records[AT - 1].header("envelope")))


def renumbered(records: Records) -> Records:
    """One fact in the place of another, under the other's number."""
    return replaced(records, records[AT + 5].with_header("number", records[AT].header("number")))


def a_header_null(records: Records) -> Records:
    return replaced(records, records[AT].with_header("envelope", None))


def without_headers(records: Records) -> Records:
    return replaced(records, records[AT]._replace(headers=[]))


def under_another_key(records: Records) -> Records:
    return replaced(records, records[AT]._replace(key=b"G999999999999"))


def replaced(records: Records, at_that_place: OnKafka) -> Records:
    return [*records[:AT], at_that_place, *records[AT + 1 :]]


def swapped(records: Records) -> Records:
    return [*records[:AT], records[AT + 1], records[AT], *records[AT + 2 :]]


def swapped_at_the_end(records: Records) -> Records:
    return [*records[:-2], records[-1], records[-2]]


def again_with_another_value(records: Records) -> Records:
    value = records[AT].value or b""
    return [*records, records[AT]._replace(value=value[:-1] + bytes([value[-1] ^ 1]))]


def again_with_another_hash(records: Records) -> Records:
    return [*records, records[AT].with_header("hash", bytes(32))]


TAMPERED: list[tuple[Tampering, str]] = [
    (a_record_lost, "number 21 is missing"),
    (three_records_lost, "numbers 21 to 23 are missing"),
    (the_first_record_lost, "number 1 is missing"),
    (the_last_but_one_lost, "number {last_but_one} is missing"),
    (one_bit_turned, "number 21 does not follow"),
    (another_hash, "number 21 does not follow"),
    (another_envelope, "number 21"),
    (renumbered, "number 21 does not follow"),
    (a_header_null, "offset 20: no fact, it lacks its value or a header"),
    (without_headers, "offset 20: no fact, it lacks its value or a header"),
    (under_another_key, "number 21 is a fact of"),
    (swapped, "number 22 is missing"),
    (swapped_at_the_end, "number {last} is missing"),
    (again_with_another_value, "number 21 came again with another content"),
    (again_with_another_hash, "number 21 came again with another content"),
]


@pytest.mark.parametrize("tampering, says", TAMPERED, ids=[each.__name__ for each, _ in TAMPERED])
def test_a_stranger_stops_and_names_the_number(
    consume: Consume, relayed: Relayed, tampering: Tampering, says: str
) -> None:
    said = consume("--prefix", relayed.copied(tampering))
    facts = relayed.records(FACTS)
    last = max(each.number for each in facts)
    assert said.code == 1
    assert says.format(last=last, last_but_one=last - 1) in said.err
    assert f"{FACTS}/" in said.err


def sent_twice(records: Records) -> Records:
    return [twice for each in records for twice in (each, each)]


def sent_again_from_the_middle(records: Records) -> Records:
    return [*records[: AT + 10], *records[AT:]]


def sent_again_from_the_start(records: Records) -> Records:
    return [*records, *records]


def a_batch_dropped_and_sent_again(records: Records) -> Records:
    """What a producer leaves that gave a batch up and sent later ones: the relay goes on from the first one missing."""
    return [*records[:AT], *records[AT + 5 : AT + 10], *records[AT:]]


def a_forged_one_before_the_true_one(records: Records) -> Records:
    return [*records[:AT], one_bit_turned(records)[AT], *records[AT:]]


SENT_AGAIN: list[Tampering] = [
    sent_twice,
    sent_again_from_the_middle,
    sent_again_from_the_start,
    a_batch_dropped_and_sent_again,
    a_forged_one_before_the_true_one,
]


@pytest.mark.parametrize("tampering", SENT_AGAIN, ids=lambda each: each.__name__)
def test_what_was_sent_again_counts_once(consume: Consume, relayed: Relayed, tampering: Tampering) -> None:
    said = consume("--prefix", relayed.copied(tampering))
    assert said.code == 0
    assert said.answer == consume().answer


def test_a_cut_tail_is_seen_by_the_number_alone(consume: Consume, relayed: Relayed) -> None:
    whole = consume().answer["verified"]
    cut = consume("--prefix", relayed.copied(lambda records: records[:-3]))
    assert cut.code == 0
    numbers = [[each["number"] for each in said] for said in (whole, cut.answer["verified"])]
    assert sum(numbers[0]) - sum(numbers[1]) == 3


def test_a_record_that_no_relay_sent_is_no_fact(consume: Consume, relayed: Relayed) -> None:
    said = consume(
        "--prefix", relayed.copied(lambda records: [*records, OnKafka(records[0].partition, b"k", b"v", [])])
    )
    assert said.code == 1
    assert "no fact, it lacks" in said.err


# ── the stock ───────────────────────────────────────────────────────────────────────────────────────────────

BAG = "G165725000001=E0336V00"


def a_row(ledger: str, version: int, status: str = "available", amount: str | None = "1.500") -> OnKafka:
    fields = {
        "ledger": ledger, "bag": BAG, "version": version, "position": version, "status": status,
        "amount": None if amount is None else Decimal(amount), "measure": "U", "holds": 0, "nonconformities": 0,
    }  # fmt: skip
    return a_record(row_key(ledger, BAG), write_record("stock_row.v1", fields))


def a_record(key: str, value: bytes | None) -> OnKafka:
    return OnKafka(1, key.encode(), value, [])


@pytest.fixture
def count(consume: Consume, relayed: Relayed) -> Callable[..., Json]:
    """What is counted when just these records are on the stock topic."""
    return lambda *records: consume("--prefix", relayed.copied(stock=list(records))).answer


def statuses(answer: Json) -> dict[str, tuple[int, str | None]]:
    return {each["status"]: (each["bags"], each["quantity"]) for each in answer["stock"]}


def test_the_newest_row_counts_whoever_comes_late(count: Callable[..., Json], relayed: Relayed) -> None:
    mine = relayed.ledger
    assert statuses(count(a_row(mine, 1), a_row(mine, 2, "issued"))) == {"issued": (1, "1.5")}
    assert statuses(count(a_row(mine, 2, "issued"), a_row(mine, 1))) == {"issued": (1, "1.5")}
    assert statuses(count(a_row(mine, 2, amount=None))) == {"available": (1, None)}


def test_a_tombstone_takes_a_bag_away_and_a_row_brings_it_back(count: Callable[..., Json], relayed: Relayed) -> None:
    gone = a_record(row_key(relayed.ledger, BAG), None)
    assert count(a_row(relayed.ledger, 1), gone)["stock"] == []
    assert statuses(count(a_row(relayed.ledger, 1), gone, a_row(relayed.ledger, 3))) == {"available": (1, "1.5")}


def test_a_bag_with_an_unread_fact_behind_it_is_not_available(count: Callable[..., Json], relayed: Relayed) -> None:
    mine = relayed.ledger
    keys = [incomplete_key(mine, BAG, stream) for stream in (BAG, BAG[:13])]
    marks = [
        a_record(key, write_record("incomplete.v1", {"ledger": mine, "bag": BAG, "stream": key.rpartition("/")[2]}))
        for key in keys
    ]
    read = [a_record(key, None) for key in keys]
    answer = count(*marks, a_row(mine, 1))
    assert (statuses(answer), answer["incomplete"]) == ({"incomplete": (1, "1.5")}, 1)
    assert statuses(count(*marks, a_row(mine, 1), read[0])) == {"incomplete": (1, "1.5")}
    assert statuses(count(*marks, a_row(mine, 1), *read)) == {"available": (1, "1.5")}


def test_a_partition_that_stands_still_is_named(count: Callable[..., Json], relayed: Relayed) -> None:
    stale = {"ledger": relayed.ledger, "topic": FACTS, "partition": 4, "number": 17, "reason": "gap"}
    mark = a_record(stale_key(relayed.ledger, Place(FACTS, 4)), write_record("stale.v1", stale))
    assert count(mark, a_row(relayed.ledger, 1))["stale"] == [stale]
    assert count(mark, a_record(mark.key.decode(), None))["stale"] == []


def test_a_record_of_a_kind_nobody_knows_is_not_skipped(consume: Consume, relayed: Relayed) -> None:
    fact = next(each for each in relayed.records(FACTS))
    said = consume("--prefix", relayed.copied(stock=[a_row(relayed.ledger, 1), fact._replace(key=b"k")]))
    assert said.code == 1
    assert "is not known here" in said.err


# ── as it comes ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(params=["python", "java"])
def following(request: pytest.FixtureRequest, relayed: Relayed, compiled: Path) -> Iterator[Callable[[str], Program]]:
    """Starts one of the two on topics with a prefix, and lets it go on; ends it with the test."""
    command = python_consumer() if request.param == "python" else java_consumer(compiled)
    where = ["--kafka", relayed.kafka.address, "--schemas", str(SCHEMAS), "--ledger", relayed.ledger, "--json"]
    started: list[Program] = []

    def start(prefix: str) -> Program:
        started.append(
            subprocess.Popen(
                [*command, *where, "--prefix", prefix], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
        )
        return started[-1]

    yield start
    for each in started:
        each.kill()
        each.communicate()


def next_answer(program: Program) -> Json:
    assert program.stdout
    found: Json = json.loads(program.stdout.readline())
    return found


def test_what_comes_later_is_told_when_it_comes(following: Callable[[str], Program], relayed: Relayed) -> None:
    prefix = relayed.copied(lambda records: records[:-2], stock=[])
    program = following(prefix)
    first = next_answer(program)
    assert first["stock"] == []
    put(relayed.kafka, prefix + STOCK, [a_row(relayed.ledger, 1)])
    assert statuses(next_answer(program)) == {"available": (1, "1.5")}
    busiest = max(first["verified"], key=lambda each: int(each["number"]))
    last = [each for each in relayed.records(FACTS) if each.partition == busiest["partition"]][-2:]
    put(relayed.kafka, prefix + FACTS, last[1:])  # before its turn: nothing to tell yet
    put(relayed.kafka, prefix + FACTS, last)
    told = max(next_answer(program)["verified"], key=lambda each: int(each["number"]))
    assert told["number"] == busiest["number"] + 2


def test_a_gap_that_stays_ends_it(following: Callable[[str], Program], relayed: Relayed) -> None:
    out, err = following(relayed.copied(a_record_lost)).communicate(timeout=60)
    assert out == ""
    assert "number 21 is missing" in err


# ── with a registry ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_framing_of_a_registry_changes_nothing_else(consume: Consume, framed: Relayed, registry: str) -> None:
    facts = framed.records(FACTS)
    assert {(each.value or b"")[:1] for each in facts} == {b"\0"}
    said = consume("--registry", registry, ledger=framed.ledger)
    assert said.code == 0
    assert said.answer["stock"] == framed.stock() != []
    assert sum(each["number"] for each in said.answer["verified"]) == len(facts) > 200


def test_a_framed_value_is_checked_too(consume: Consume, framed: Relayed, registry: str) -> None:
    said = consume("--registry", registry, "--prefix", framed.copied(one_bit_turned), ledger=framed.ledger)
    assert said.code == 1
    assert "number 21 does not follow" in said.err


def test_a_framed_value_without_a_registry_is_no_fact_that_was_altered(consume: Consume, framed: Relayed) -> None:
    said = consume("--partitions", str(framed.records(FACTS)[0].partition), ledger=framed.ledger)
    assert said.code == 1
    assert "is there a registry?" in said.err


def test_a_registry_that_is_away_is_no_broken_chain(consume: Consume, framed: Relayed) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        said = consume("--registry", f"http://127.0.0.1:{nobody.getsockname()[1]}", ledger=framed.ledger)
    assert said.code == 3


# ── around it ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_broker_that_is_away_is_no_broken_chain(consume: Consume) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        said = consume(kafka=f"127.0.0.1:{nobody.getsockname()[1]}")
    assert said.code == 3
    assert said.err.startswith("Kafka or the registry is away: ")


def test_topics_that_are_not_there_are_named(consume: Consume) -> None:
    said = consume("--prefix", "nowhere.")
    assert said.code == 3
    assert "there is no topic nowhere.blood." in said.err


@pytest.mark.parametrize("command", ["python", "java"])
def test_they_run_as_their_first_lines_say(command: str, relayed: Relayed, tmp_path: Path) -> None:
    program = jars.java()
    assert program
    lines: dict[str, Sequence[str]] = {
        "python": [sys.executable, str(PYTHON_CONSUMER)],
        "java": [program, "-cp", f"{consumer_jars()}/*", str(JAVA_CONSUMER)],
    }
    options = ["--kafka", relayed.kafka.address, "--schemas", str(SCHEMAS), "--until-caught-up"]
    said = run([*lines[command], *options, "--ledger", relayed.ledger], tmp_path)
    assert said.code == 0, said.err
    assert f"{FACTS}/" in said.out
    assert " bags, " in said.out


def test_both_print_the_same_words(relayed: Relayed, compiled: Path, tmp_path: Path) -> None:
    options = ["--kafka", relayed.kafka.address, "--schemas", str(SCHEMAS), "--until-caught-up"]
    options += ["--ledger", relayed.ledger]
    said = run_both([*python_consumer(), *options], [*java_consumer(compiled), *options], folder=tmp_path)
    assert said[0] == said[1]


LACKING = [["--kafka", "localhost:1"], ["--nonsense"], ["--kafka"], ["--kafka", "localhost:1", "--schemas", "."]]


@pytest.mark.parametrize("options", LACKING, ids=" ".join)
def test_a_command_line_that_lacks_something_is_not_guessed_at(
    options: list[str], compiled: Path, tmp_path: Path
) -> None:
    both = run_both([*python_consumer(), *options], [*java_consumer(compiled), *options], folder=tmp_path)
    assert [each.code for each in both] == [2, 2]
