"""This file holds the tests of the fault run: that it finds nothing, and that it would."""

import os
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.faults.injections import FAULTS
from tests.faults.plan import CLASSES, FILE, KINDS, Round, Setup, planned
from tests.faults.rounds import Ran, Run
from tests.faults.servers import Servers, running_servers
from tests.faults.topic import FACT_TOPICS, Fact, first_hash, leaf_of, next_hash, place_of
from tests.kafka.jars import why_no_jars

SEED = 1
ROUNDS, MORE = 20, 8


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """A broker and a PostgreSQL that may be killed; nobody else uses them."""
    if (missing := why_no_broker()) is not None:
        if os.environ.get("BLOODLEDGER_TEST_KAFKA_REQUIRED") == "1":
            pytest.fail(missing, pytrace=False)
        pytest.skip(missing)
    with running_servers(tmp_path_factory.mktemp("faults")) as running:
        yield running


def why_no_broker() -> str | None:
    """Why this machine has no broker that may be killed; one that is merely named may not."""
    missing = why_no_jars()
    return f"no Kafka of our own to kill: {missing}" if missing else None


@pytest.mark.slow
@pytest.mark.kafka
@pytest.mark.postgres
def test_nothing_is_lost_doubled_or_reordered_whatever_is_killed_cut_or_filled(servers: Servers) -> None:
    ran = Run(servers, SEED, print).through(planned(ROUNDS, SEED), more=MORE)
    assert not ran.found, ran.found
    assert ran.rounds >= ROUNDS and ran.never() == []


def without(safeguard: str, fault: str, servers: Servers, world: int = 0) -> Ran:
    """One round with one fault, where the projecting processes lack one safeguard."""
    plan = [Round(world, world, 0, False, Setup(FILE, FILE), (fault,))]
    ran = Run(servers, SEED, print, safeguard, level_seconds=8.0, days=24).through(plan)
    assert ran.injected[fault] == 1
    return ran


@pytest.mark.slow
@pytest.mark.kafka
def test_it_notices_when_a_view_has_no_fence(servers: Servers) -> None:
    # Two processes must have one batch in hand at one moment, which takes some luck.
    assert any(without("fence", "two projecting at once", servers, world).found.doubled for world in range(8))


@pytest.mark.slow
@pytest.mark.kafka
def test_it_notices_when_what_comes_twice_is_taken_twice(servers: Servers) -> None:
    assert without("deduplication", "duplicate delivery", servers).found.doubled


@pytest.mark.slow
@pytest.mark.kafka
def test_it_notices_when_nobody_looks_at_the_chain(servers: Servers) -> None:
    assert without("chain", "altered record", servers).found.lost


def test_one_seed_plans_the_same_faults_and_another_seed_others() -> None:
    assert planned(100, 7) == planned(100, 7)
    assert planned(100, 7) != planned(100, 8)


@pytest.mark.parametrize("seed", range(20))
def test_twenty_rounds_have_every_kind_of_fault_where_it_can_happen(seed: int) -> None:
    plan = planned(20, seed)
    counts = Counter(name for each in plan for name in each.faults)
    assert [kind.name for kind in KINDS if not counts[kind.name]] == []
    by_name = {kind.name: kind for kind in KINDS}
    assert all(by_name[name].fits(each.setup, each.of_world == 0) for each in plan for name in each.faults)


def test_every_kind_of_fault_can_be_done() -> None:
    assert {kind.name for kind in KINDS} == FAULTS.keys()
    assert len(KINDS) == sum(map(len, CLASSES.values()))


# Where the reader computes for itself, it agrees with the page that tells others how: docs/reference/kafka.md.
@pytest.mark.parametrize(
    "stream, topic, partition",
    [
        ("G165725000001", 0, 1),
        ("G165725000001=E0336V00", 0, 1),
        ("G165725000001#1", 0, 1),
        ("hold:donor:D-1", 0, 4),
        ("donor:D-1", 1, 0),
        ("patient:P-7", 1, 1),
    ],
)
def test_the_reader_knows_where_facts_belong(stream: str, topic: int, partition: int) -> None:
    assert place_of(stream, 6) == (FACT_TOPICS[topic], partition)


def test_the_reader_knows_the_chain_of_the_documented_vector() -> None:
    fact = Fact(
        1, "G165725000001=E0336V00", 1, "bag.stored.v1", 1714959060000000,
        bytes.fromhex(
            "c30107e7c5db0756e98f80d8fe9fe0ef8b060a6c6f63616c06722d31000102030405060708090a0b0c0d0e0f10111213141516171819"
            "1a1b1c1d1e1f00066e2d3100c0070a676976656e0000020a413939393902106672696467652031"
        ),
    )  # fmt: skip
    before = first_hash("00112233445566778899aabbccddeeff", ("blood.facts.v1", 1))
    assert next_hash(before, leaf_of(fact)).hex() == "83bbd785fd395d4b5d6d652fb11e281752ead6189e36f63ccdfbb4c0e8aced6f"
