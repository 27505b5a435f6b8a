"""This file holds question l: what the record said on a day, and who changed what since, and why."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from projections.decode import Body, Fact, instant_text, plain, plain_body
from projections.queries.asking import Asking, Said
from projections.queries.facts import unread
from projections.queries.life import told
from projections.queries.subjects import start_of
from projections.readmodels import life
from projections.readmodels.database import OPEN, Reading
from projections.readmodels.standing import is_correction, standing

CORRECTED = "SELECT stream FROM {each} JOIN corrected ON stream = each.value"


def record_on(asking: Asking, subject: str) -> Said:
    """The record of a subject as it read at the position asked about, and every correction of it.

    Shape: rows as question a's. more: `changes` made by then, `later` those made since, up to the last position of the
    views, both in order of position {position, recorded_at, stream, version, name, by, reason, target_version,
    about_version, field, was, is}: `position` and `version` of the correction; `reason` sealed, as stored;
    `target_version` that of the fact it names, null when it names one by content; `about_version` the fact whose
    reading changed; one row per `field`, with its value before and after, or field null and `stands` / `annulled`; all
    four null when nothing changed, as the fact meant is not there or the value does not fit. `unread` as question a's.
    summary: facts, changes, later (corrections), unread.
    Errors: BadScan, NotFound.
    """
    read = asking.read
    start = start_of(read, subject)
    streams = start.bags | start.streams
    rows, missing = told(read, streams), unread(read, streams)
    changes = list(_all_changes(read, streams))
    known = [change for change in changes if change.known_from <= read.position]
    later = [change for change in changes if change.known_from > read.position]
    summary = {
        "facts": len(rows),
        "changes": _corrections(known),
        "later": _corrections(later),
        "unread": len(missing),
    }
    return Said(summary, rows, {"changes": _shown(known), "later": _shown(later), "unread": missing})


class _Change(NamedTuple):
    """One effect of a correction, known from the position of the last fact it takes."""

    known_from: int
    correction: Fact
    about_version: int | None = None
    field: str | None = None
    was: Any = None
    now: Any = None


def _corrections(changes: list[_Change]) -> int:
    return len({change.correction.position for change in changes})


def _shown(changes: list[_Change]) -> list[dict[str, Any]]:
    in_order = sorted(changes, key=lambda each: (each.correction.position, each.about_version or 0, each.field or ""))
    return [_row(change) for change in in_order]


def _row(change: _Change) -> dict[str, Any]:
    fact = change.correction
    return {
        "position": fact.position,
        "recorded_at": instant_text(fact.recorded_at),
        "stream": fact.stream,
        "version": fact.version,
        "name": fact.name,
        "by": fact.body["occasion"]["by"] or None,
        "reason": plain("bloodledger.Sealed", fact.body["reason"]),
        "target_version": fact.body["target_version"],
        "about_version": change.about_version,
        "field": change.field,
        "was": change.was,
        "is": change.now,
    }


def _all_changes(read: Reading, streams: Iterable[str]) -> Iterator[_Change]:
    """Every change of these streams up to the last position: the one question that looks past the one asked about."""
    corrected = sorted(stream for (stream,) in read.rows(CORRECTED, [read.each(sorted(streams))]))
    for facts in life.facts_of(read, corrected, OPEN).values():
        yield from _changes_of(facts)


def _changes_of(facts: list[Fact]) -> Iterator[_Change]:
    """What each correction changed as it was heard; one by content also changes what comes after it."""
    by_content: list[Fact] = []
    for count, fact in enumerate(facts):
        if is_correction(fact.name):
            before, after = _reading(facts[:count]), _reading(facts[: count + 1])
            effects = list(_differences(fact.position, fact, before, after))
            yield from effects or [_Change(fact.position, fact)]
            by_content += [fact] if fact.body["target_version"] is None else []
            continue
        for correction in by_content:
            heard = facts[: count + 1]
            without = _reading([each for each in heard if each is not correction])
            only = {fact.version: without.get(fact.version)}
            with_it = {fact.version: _reading(heard).get(fact.version)}
            yield from _differences(fact.position, correction, only, with_it)


Read = dict[int, Fact | None]


def _reading(facts: list[Fact]) -> Read:
    """How each fact reads once these are heard; None when it is annulled."""
    stands = standing(facts)
    taken_back = (fact for fact in facts if fact.version in stands.annulled and not is_correction(fact.name))
    annulled: Read = {fact.version: None for fact in taken_back}
    return annulled | {fact.version: fact for fact in stands.facts}


def _differences(known_from: int, correction: Fact, before: Read, after: Read) -> Iterator[_Change]:
    for version, was in before.items():
        now = after.get(version)
        if was is now:
            continue
        if was is None or now is None:
            yield _Change(known_from, correction, version, None, _word(was), _word(now))
            continue
        old, new = _fields(was), _fields(now)
        for field in old:
            if old[field] != new[field]:
                yield _Change(known_from, correction, version, field, old[field], new[field])


def _word(fact: Fact | None) -> str:
    return "annulled" if fact is None else "stands"


def _fields(fact: Fact) -> Body:
    return {"happened_at": instant_text(fact.happened_at), **plain_body(fact)}
