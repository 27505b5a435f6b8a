"""This file holds the rows `verify` and `proof`: the whole ledger checked, and one bag's fact proved to be in it."""

import hashlib
import random
from collections.abc import Iterator
from time import perf_counter

from ledger.merkle import inclusion_proof, leaf_data, root_from_inclusion, subtree_of
from ledger.wiring import Ledger, open_ledger
from tests.bench.figures import Figures, Line, alternating, at_least, below
from tests.bench.histories import Told
from tests.bench.workbench import Workbench

PAGE = 20_000


def verified(bench: Workbench) -> Iterator[Line]:
    for facts in bench.sizes.facts:
        yield _verified_at(bench, facts, bench.ledger(facts))


def _verified_at(bench: Workbench, facts: int, told: Told) -> Line:
    with open_ledger(told.settings, reading=True) as ledger:
        ours, hashed = bench.compared(
            facts,
            "facts/s",
            ("verify", lambda: _verify(ledger)),
            ("hashlib on the same bytes", lambda: _hashed(ledger)),
        )
    return Line(
        "verify", f"verify the whole ledger, SQLite, {facts:,} facts", ours, hashed, at_least(400_000, "facts/s"),
        {"facts": told.facts},
    )  # fmt: skip


def _verify(ledger: Ledger) -> float:
    begin = perf_counter()
    found = ledger.verify()
    spent = perf_counter() - begin
    assert found["ok"], found
    return float(found["size"] / spent)


def _hashed(ledger: Ledger) -> float:
    """SHA-256 of what each leaf covers; reading and joining the columns is not counted."""
    done, position, spent = 0, 0, 0.0
    while rows := ledger.store.rows(position, PAGE):
        leaves = [leaf_data(*row[:1], *row[2:7]) for row in rows]
        begin = perf_counter()
        for leaf in leaves:
            hashlib.sha256(leaf).digest()
        spent += perf_counter() - begin
        done, position = done + len(rows), rows[-1].position
    return done / spent


def proved(bench: Workbench) -> Iterator[Line]:
    """An inclusion proof. The store keeps leaf hashes and no inner nodes, and no command prints proofs yet."""
    facts = bench.sizes.facts[-1] if len(bench.sizes.facts) < 3 else bench.sizes.facts[1]
    told = bench.ledger(facts)
    with open_ledger(told.settings, reading=True) as ledger:
        (found,) = alternating(bench.sizes.proofs, lambda: _proof_ms(ledger))
    yield Line(
        "proof", f"proof for one fact of a bag, {facts:,} facts", Figures("from stored leaf hashes", "ms", found), None,
        below(5, "ms"), {"facts": told.facts},
        "no proof command is built yet; this is ledger.merkle over all leaf hashes, read anew for each proof: its cost"
        " grows with the ledger until inner nodes are kept",
        "the promise names none",
    )  # fmt: skip


def _proof_ms(ledger: Ledger) -> float:
    head = ledger.store.head()
    index = random.Random(head.size).randrange(head.size)
    begin = perf_counter()
    leaves = [row.leaf_hash for page in range(0, head.size, PAGE) for row in ledger.store.rows(page, PAGE)]
    path = inclusion_proof(index, head.size, subtree_of(leaves))
    spent = perf_counter() - begin
    assert root_from_inclusion(index, head.size, leaves[index], path) == head.root
    return spent * 1000
