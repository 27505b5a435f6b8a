"""This file holds the donations behind bags: which they are, who gave them, and what their samples said."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from projections.decode import Fact, instant_text
from projections.queries.custody import told_of
from projections.queries.facts import standing_of
from projections.queries.lineage import with_ancestors
from projections.queries.subjects import bags_of
from projections.readmodels.database import Reading

BAD_RESULTS = ("reactive", "unacceptable", "indeterminate")
"""The worst first: a final one makes the panel unacceptable, whatever else was found."""

PARENTS = """SELECT DISTINCT lineage.child, lineage.parent, lineage.process
    FROM {each} JOIN lineage ON lineage.child = each.value WHERE {known lineage}"""
# Only where a donation and a bag do not share their number is there such a row: they are few.
NAMED_OTHERWISE = """SELECT DISTINCT stream, key FROM belongings
    WHERE kind = 'donation' AND stream IN (SELECT each.value FROM {each}) AND {known belongings}"""
UNREADABLE = "SELECT DISTINCT stream FROM parked WHERE position <= ?"


class Donation(NamedTuple):
    """What the ledger says of a donation.

    Shape: `collected_at` in RFC 3339; `outcome` of its panel: acceptable, unacceptable, open, incomplete (one of its
    facts could not be read), or None when the ledger holds nothing from its samples, as with a bag received from
    outside. `results`: per marker the final result, None while there is none. `reactive`: markers with any reactive or
    unacceptable result that stands, final or not. `told_by`: the fact that says who gave it.
    """

    din: str | None
    donor: str | None = None
    facility: str | None = None
    collected_at: str | None = None
    outcome: str | None = None
    results: dict[str, str | None] = {}
    reactive: list[str] = []
    told_by: Fact | None = None


class Origins(NamedTuple):
    """The way up from bags. Shape: `parents` child -> parent -> process; `own` bag -> donations it was collected in."""

    parents: dict[str, dict[str, str]]
    own: dict[str, set[str]]

    @property
    def donations(self) -> set[str]:
        """All of them."""
        return {din for dins in self.own.values() for din in dins}

    def behind(self, bag: str) -> set[str]:
        """The donations one bag comes from. Ends on cycles."""
        reached, todo = {bag}, [bag]
        found: set[str] = set()
        while todo:
            each = todo.pop()
            found |= self.own.get(each, set())
            todo += (new := self.parents.get(each, {}).keys() - reached)
            reached |= new
        return found


def origins_of(read: Reading, bags: Iterable[str]) -> Origins:
    """Everything that these bags were made from, and the donations that began it.

    A bag is of the donations it was collected or registered in, and of the one whose number it carries if that is
    known, or if nothing says what it was made from. (A pool carries a number that is no donation's.)
    """
    reached = with_ancestors(read, bags)
    parents = parents_of(read, reached)
    own: dict[str, set[str]] = {}
    for bag, din in read.rows(NAMED_OTHERWISE, [read.each(sorted(reached))]):
        own.setdefault(bag, set()).add(din)
    known = _known(read, {bag[:13] for bag in reached})
    for bag in reached:
        if bag[:13] in known or (bag not in parents and bag not in own):
            own.setdefault(bag, set()).add(bag[:13])
    return Origins(parents, own)


def parents_of(read: Reading, bags: Iterable[str]) -> dict[str, dict[str, str]]:
    """What each of these bags was made from directly, and by what process; only bags that were made from others."""
    found: dict[str, dict[str, str]] = {}
    for child, parent, process in sorted(read.rows(PARENTS, [read.each(sorted(bags))])):
        found.setdefault(child, {})[parent] = process
    return found


def _known(read: Reading, dins: set[str]) -> set[str]:
    """Those that are donations: on record themselves, or by the word of a bag collected in them."""
    names = read.each(sorted(dins))
    own = "SELECT DISTINCT stream FROM {each} JOIN life ON stream = each.value WHERE position <= ?"
    told = "SELECT DISTINCT din FROM {each} JOIN donations ON din = each.value WHERE {known donations}"
    return {din for (din,) in (*read.rows(own, [names, read.position]), *read.rows(told, [names]))}


# -- what is known of them ---------------------------------------------------------------------------------


def donations_known(read: Reading, dins: Iterable[str], bags: Iterable[str]) -> dict[str, Donation]:
    """What the ledger says of each of these donations, by DIN; `bags`: those that may have been collected in them."""
    wanted = sorted(set(dins))
    own = standing_of(read, wanted)
    collected: dict[str, list[Fact]] = {}
    for facts in told_of(read, bags, ("bag.collected",)).values():
        for fact in facts:
            collected.setdefault(fact.body["donation"], []).append(fact)
    unreadable = {stream for (stream,) in read.rows(UNREADABLE, [read.position])}
    return {din: _donation(din, own[din], collected.get(din, ()), din in unreadable) for din in wanted}


def donations_of(read: Reading, origins: Origins) -> dict[str, Donation]:
    """What the ledger says of the donations behind some bags."""
    # also bags that nothing here is made from: that a separation was taken back does not change when blood was given
    return donations_known(read, origins.donations, bags_of(read, origins.donations).union(origins.own))


def _donation(din: str, own: list[Fact], collected: Iterable[Fact], unreadable: bool) -> Donation:
    taken = sorted(collected, key=lambda fact: (fact.happened_at, fact.position))
    registered = [fact for fact in own if fact.name == "donation.registered"]
    first = next(iter([*registered, *taken]), None)
    when = next(iter([*taken, *registered]), None)
    results = _results(own)
    return Donation(
        din,
        first.body["donor"] if first else None,
        first.body["facility"] if first else None,
        instant_text(when.happened_at) if when else None,
        "incomplete" if unreadable else _outcome(own),
        {marker: _final(facts) for marker, facts in results.items()},
        [marker for marker, facts in results.items() if any(fact.body["result"] in BAD_RESULTS[:2] for fact in facts)],
        first,
    )


def _outcome(own: list[Fact]) -> str | None:
    """What the panel came to when it was last concluded; the conclusion counts as recorded, not as it happened."""
    concluded = max(
        (fact for fact in own if fact.name == "donation.concluded"), key=lambda fact: fact.version, default=None
    )
    if concluded is None:
        return "open" if own else None
    outcome: str = concluded.body["outcome"]
    return "open" if outcome == "pending" else outcome


def _results(own: list[Fact]) -> Mapping[str, list[Fact]]:
    found: dict[str, list[Fact]] = {}
    for fact in own:
        if fact.name == "donation.tested":
            found.setdefault(fact.body["marker"], []).append(fact)
    return dict(sorted(found.items()))


def _final(results: list[Fact]) -> str | None:
    final = [fact.body["result"] for fact in results if fact.body["final"]]
    bad: list[str] = [result for result in BAD_RESULTS if result in final]
    return bad[0] if bad else final[-1] if final else None
