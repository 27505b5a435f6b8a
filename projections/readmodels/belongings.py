"""This file holds what belongs to whom: links by which a trace starts from a donor, a patient, a lot."""

from collections.abc import Callable, Iterable, Iterator

from projections.decode import Body, Fact
from projections.readmodels.database import Batch, ReadModel, Writing, is_bag, row_digest
from projections.readmodels.standing import in_business_order

DDL = (
    # source: the stream whose facts tell of the link, so that a correction there can take it back.
    """CREATE TABLE belongings (
        source TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, stream TEXT NOT NULL,
        PRIMARY KEY (source, kind, key, stream)) {clustered}""",
    "CREATE INDEX belongings_by_key ON belongings (kind, key, stream)",
)
COLUMNS = "belongings.source, belongings.kind, belongings.key, belongings.stream"

Link = tuple[str, str, str, str]
"""source, kind, key, stream: by the word of `source`, `stream` belongs to `key`.

Kinds: donor -> DIN, donation -> bag, patient -> bag; container_lot, filter_lot, additive_lot, reagent_lot,
device, operator, process_run, test_run -> bag or DIN; same_donor, same_patient -> pseudonym.
"""

Found = Iterator[tuple[str, str, str]]


def _used(fact: Fact, operator: str | None) -> Found:
    """What an origin of a bag used."""
    body, bag = fact.body, fact.stream
    for lot in body["lots"]:
        if lot["id"]:
            yield f"{lot['kind']}_lot", lot["id"], bag
    for device in body["devices"]:
        yield "device", device, bag
    who = operator or body["occasion"]["by"]
    if who:
        yield "operator", who, bag


def _collected(fact: Fact) -> Found:
    yield "donor", fact.body["donor"], fact.body["donation"]
    if fact.stream[:13] != fact.body["donation"]:  # else the bag's name says it
        yield "donation", fact.body["donation"], fact.stream
    yield from _used(fact, fact.body["collector"])


def _prepared(fact: Fact) -> Found:
    yield from _run(fact)
    yield from _used(fact, fact.body["operator"])


def _run(fact: Fact) -> Found:
    if fact.body["process_run"]:
        yield "process_run", fact.body["process_run"], fact.stream


def _of_patient(fact: Fact) -> Found:
    if fact.body["patient"]:
        yield "patient", fact.body["patient"], fact.stream


def _registered(fact: Fact) -> Found:
    yield "donor", fact.body["donor"], fact.stream
    for bag in fact.body["bags"]:
        if bag[:13] != fact.stream:
            yield "donation", fact.stream, bag


def _on_sample(fact: Fact) -> Found:
    for kind in ("reagent_lot", "test_run", "device"):
        if fact.body[kind]:
            yield kind, fact.body[kind], fact.stream


RULES: dict[str, Callable[[Fact], Found]] = {
    "bag.collected": _collected,
    "bag.prepared": _prepared,
    "bag.consumed": _run,
    "bag.crossmatched": _of_patient,
    "bag.issued": _of_patient,
    "bag.transfused": _of_patient,
    "bag.reaction_reported": _of_patient,
    "donation.registered": _registered,
    "donation.tested": _on_sample,
    "donation.grouped": _on_sample,
}


def links_of(facts: Iterable[Fact]) -> set[Link]:
    """The links that facts tell of, each on its own."""
    found: set[Link] = set()
    for fact in facts:
        rule = RULES.get(fact.name)
        if rule is not None:
            found.update((fact.stream, kind, key, stream) for kind, key, stream in rule(fact))
    return found


def _merges(stream: str, facts: list[Fact]) -> set[Link]:
    """Who a donor or patient is the same person as; a merge undone counts from when it was undone."""
    noun, _, name = stream.partition(":")
    others: dict[str, Body] = {}
    for _, fact in in_business_order(facts):
        if fact.name.endswith(".merged"):
            others[fact.body["other"]] = fact.body
        elif fact.name.endswith(".unmerged"):
            others.pop(fact.body["other"], None)
    pairs = [pair for other in others for pair in ((name, other), (other, name))]
    return {(stream, f"same_{noun}", one, another) for one, another in pairs}


def apply(writing: Writing, batch: Batch) -> None:
    """Add the links of new facts; those of streams made anew replace what these streams said before."""
    told = links_of(batch.added(RULES))
    for stream, facts in batch.anew.items():
        told |= _merges(stream, facts) if _is_person(stream) else links_of(facts)
    sources = sorted({link[0] for link in told} | batch.anew.keys())
    if not sources:
        return
    sql = f"SELECT {COLUMNS} FROM {{each}} JOIN belongings ON source = each.value"
    before = {tuple(row) for row in writing.rows(sql, [writing.each(sources)])}
    gone = sorted(link for link in before - told if link[0] in batch.anew)
    new = sorted(told - before)
    writing.run_many("DELETE FROM belongings WHERE source = ? AND kind = ? AND key = ? AND stream = ?", gone)
    writing.run_many("INSERT INTO belongings VALUES (?, ?, ?, ?)", new)
    writing.count("belongings", sum(map(row_digest, new)) - sum(map(row_digest, gone)))


def _is_person(stream: str) -> bool:
    return not is_bag(stream) and stream.startswith(("donor:", "patient:"))


BELONGINGS = ReadModel("belongings", ("belongings",), DDL, apply)
