"""This file holds which facts of a stream stand, as they read once some are heard, and their order in business time."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from projections.decode import Body, Fact, raw_of

CORRECTIONS = (".amended", ".annulled")

USUAL_RANK = 50
RANKS = {
    "donation.registered": 5,
    "donor.registered": 5,
    "bag.collected": 10,
    "bag.received": 10,
    "bag.prepared": 12,
    "bag.consumed": 15,
    "bag.labelled": 18,
    "bag.inspected": 20,
    "bag.label_verified": 21,
    "bag.quality_sampled": 22,
    "bag.quality_tested": 23,
    "bag.released": 25,
    "bag.release_revoked": 26,
    "bag.stored": 30,
    "bag.moved": 31,
    "bag.counted": 32,
    "bag.missing": 33,
    "bag.found": 34,
    "bag.temperature_breached": 35,
    "bag.reserved": 37,
    "bag.crossmatched": 38,
    "bag.reservation_cancelled": 39,
    "bag.distributed": 40,
    "bag.arrived": 42,
    "bag.issued": 45,
    "bag.modified": 47,
    "bag.reaction_reported": 55,
    "bag.returned": 60,
    "bag.discard_requested": 65,
    "bag.discarded": 70,
    "bag.sent_for_fractionation": 70,
    "bag.used_for_quality_control": 70,
    "bag.destroyed": 75,
}
"""Order of observations of one instant: what comes first in the life of a bag."""

DECISIONS = frozenset(
    "bag." + verb
    for verb in (
        "prepared", "consumed", "modified", "released", "release_revoked", "reserved",
        "reservation_cancelled", "distributed", "issued", "discarded",
    )
)  # fmt: skip
"""Our own decisions, unless reported: at one instant they part what was heard before from after."""

Key = tuple[int, int, bool, int, bytes, int]
"""Instant, decisions of that instant heard before, whether one itself, rank, request, version."""


def is_correction(name: str) -> bool:
    """Whether a fact of this name corrects another of its stream."""
    return name.endswith(CORRECTIONS)


def place_of(fact: Fact, heard_decisions: int) -> Key:
    """Where a fact belongs in business order, given the decisions heard before it of the same instant."""
    name, body = fact.name, fact.body
    occasion = body["occasion"]
    decided = name in DECISIONS and not occasion["reported"]
    if decided and name == "bag.consumed":  # by its labelling: that is observed, every other process decided
        decided = body["process"] != "label"
    rank = RANKS.get(name, USUAL_RANK)
    return fact.happened_at, heard_decisions, decided, rank, occasion["request_sha256"], fact.version


def in_business_order(facts: Iterable[Fact]) -> list[tuple[Key, Fact]]:
    """Facts, given as heard, in the order in which they happened."""
    decisions: dict[int, int] = {}
    placed = []
    for fact in facts:
        key = place_of(fact, decisions.get(fact.happened_at, 0))
        if key[2]:
            decisions[fact.happened_at] = key[1] + 1
        placed.append((key, fact))
    return sorted(placed, key=lambda each: each[0])


class Stands(NamedTuple):
    """How the facts of a stream read now.

    Shape: `facts` those that stand, in order of arrival, corrections themselves left out; versions of
    `annulled` and `amended` ones; `unread`: amendments (by version) whose value does not fit, with the
    reason: they change nothing.
    """

    facts: list[Fact]
    annulled: set[int]
    amended: set[int]
    unread: dict[int, str]


def standing(facts: list[Fact]) -> Stands:
    """How the facts of one stream (all of them, in version order) read now.

    A later correction may take an earlier one back, so they are read from the last to the first: one that was
    taken back takes nothing back.
    """
    corrections = [fact for fact in facts if is_correction(fact.name)]
    stands = Stands([], set(), set(), {})
    amendments: dict[int, list[Fact]] = {}
    for correction in reversed(corrections):
        if correction.version in stands.annulled:
            continue
        for version in _targets(correction, facts):
            if correction.name.endswith(".annulled"):
                stands.annulled.add(version)
            else:
                amendments.setdefault(version, []).insert(0, correction)
    stands.amended.update(amendments)
    for fact in facts:
        if fact.version not in stands.annulled and not is_correction(fact.name):
            stands.facts.append(_amended(fact, amendments, stands.unread) if amendments else fact)
    return stands


def _targets(correction: Fact, facts: list[Fact]) -> list[int]:
    """Versions of the facts a correction means.

    By version: one heard before it. By content: all such facts that had happened before it, whenever heard.
    """
    version = correction.body["target_version"]
    if version is not None:
        known = version < correction.version and any(fact.version == version for fact in facts)
        return [version] if known else []
    name = correction.body["target_fact"]
    return [
        fact.version
        for fact in facts
        if fact.name == name
        and not is_correction(fact.name)
        and fact.happened_at <= correction.happened_at
        and fact.body["caused_by"] is None
        and _matches(correction, fact)
    ]


def _matches(correction: Fact, fact: Fact) -> bool:
    """Compared as values: the same instant or amount however it is written."""
    return all(_carries(fact, wanted["field"], wanted["value"]) for wanted in correction.body["match"])


def _carries(fact: Fact, field: str, value: str | None) -> bool:
    try:
        return bool(fact.body[field] == raw_of(fact.name, field, value))
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return False


def _amended(fact: Fact, amendments: dict[int, list[Fact]], unread: dict[int, str]) -> Fact:
    changes = list(_changes(fact.version, amendments))
    if not changes:
        return fact
    body = dict(fact.body)
    for by, change in changes:
        field = change["field"]
        try:
            body[field] = change["sealed"] or raw_of(fact.name, field, change["value"])
        except (KeyError, TypeError, ValueError, ArithmeticError) as error:
            unread[by] = f"{fact.name} version {fact.version} cannot have {field} = {change['value']}: {error!r}"
    return fact._replace(body=body, happened_at=body["happened_at"])


def _changes(version: int, amendments: dict[int, list[Fact]]) -> Iterator[tuple[int, Body]]:
    """Changes in the order they take effect: an amendment's own, then what amended the amendment."""
    for amendment in amendments.get(version, ()):
        yield from ((amendment.version, change) for change in amendment.body["changes"])
        yield from _changes(amendment.version, amendments)


class Retold(NamedTuple):
    """A stream whose rows are told once more, fact by fact, since a fact may change what earlier ones say.

    Shape: `facts` all readable ones as stored; the telling begins with version `first`. `afresh`: rows of all times are
    made anew, because a fact that could not be read, or had not come, is there now.
    """

    facts: list[Fact]
    first: int
    afresh: bool = False

    @property
    def corrected(self) -> bool:
        """Whether any of these facts corrects another."""
        return any(is_correction(fact.name) for fact in self.facts)

    def steps(self) -> Iterator[tuple[Fact, list[Fact]]]:
        """Each fact from `first` on, with those that stand once it is heard, as they read then, as heard."""
        corrected = False
        for count, fact in enumerate(self.facts, 1):
            corrected = corrected or is_correction(fact.name)
            if fact.version >= self.first:
                heard = self.facts[:count]
                yield fact, standing(heard).facts if corrected else heard
