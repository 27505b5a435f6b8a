"""This file holds tables of what streams tell: a row holds from the fact that tells it until one takes it back."""

from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import NamedTuple

from projections.decode import Fact
from projections.readmodels.database import (
    OPEN,
    Batch,
    Content,
    Row,
    Writing,
    closing_digest,
    spell_digest,
    spell_digests,
)
from projections.readmodels.standing import Retold

Held = dict[Row, int]
"""Rows a stream tells now, each with the position it holds from."""


class Told(NamedTuple):
    """One such table.

    Shape: `columns` are what a fact tells; from_position and to_position follow them in the table. The first `key` of
    them and from_position name a row. `telling`: names of the facts that tell. `rows_told_by` one fact: of an
    uncorrected stream each tells for itself. `rows_of` a stream's standing facts, when it is retold. `concerns` says
    whether a stream may tell at all. `by_source`: conditions, one per end that may tell, that find a stream's own
    rows; `source_of` says whose a row is. Not given, both fit a table whose first column, `source`, names the stream.
    """

    table: str
    columns: tuple[str, ...]
    key: int
    telling: frozenset[str]
    rows_told_by: Callable[[Fact], Iterable[Row]]
    rows_of: Callable[[str, list[Fact]], set[Row]]
    concerns: Callable[[str], bool]
    by_source: tuple[str, ...] = ("source = each.value",)
    source_of: Callable[[Row], str] = itemgetter(0)


def content_of(told: Told) -> Content:
    """What of the table the digest covers: all of it."""
    positions = ("from_position", "to_position")
    key = (*told.columns[: told.key], "from_position")
    return Content(told.table, (*told.columns, *positions), key, spell_digest)


class _Changes(NamedTuple):
    """Rows of the table, which end in from_position and to_position."""

    opened: list[Row]
    closed: list[Row]
    gone: list[Row]


def apply(told: Told, writing: Writing, batch: Batch) -> None:
    """Open a row where a fact tells something new, close it where a correction takes it back."""
    fresh = [fact for fact in batch.facts if fact.name in told.telling and fact.stream not in batch.retold]
    retold = {stream: each for stream, each in batch.retold.items() if told.concerns(stream)}
    if not fresh and not retold:
        return
    changes = _Changes([], [], [])
    older = [stream for stream, each in retold.items() if each.first > 1 and not each.afresh]
    before = _held(told, writing, _begun_before(fresh) + older)
    _add(changes, {row for held in before.values() for row in held}, told, fresh)
    afresh = [stream for stream, each in retold.items() if each.afresh]
    if afresh:
        changes.gone.extend(_ever_held(told, writing, afresh))
    for stream, each in retold.items():
        _tell_again(changes, before.get(stream, {}), told, stream, each)
    _write(told, writing, changes)


def _begun_before(fresh: Iterable[Fact]) -> list[str]:
    """Streams that may have told something before: the first fact of a stream finds nothing."""
    firsts: dict[str, int] = {}
    for fact in fresh:
        firsts.setdefault(fact.stream, fact.version)
    return [stream for stream, version in firsts.items() if version > 1]


def _add(changes: _Changes, held: set[Row], told: Told, facts: Iterable[Fact]) -> None:
    rows_told_by, opened = told.rows_told_by, changes.opened
    for fact in facts:
        for row in rows_told_by(fact):
            if row not in held:
                held.add(row)
                opened.append((*row, fact.position, OPEN))


def _tell_again(changes: _Changes, held: Held, told: Told, stream: str, retold: Retold) -> None:
    stored = set(held.items())
    for fact, stands in retold.steps():
        rows = told.rows_of(stream, stands)
        for row in held.keys() - rows:
            since = held.pop(row)
            closing = changes.closed if (row, since) in stored else changes.opened
            closing.append((*row, since, fact.position))
        for row in rows - held.keys():
            held[row] = fact.position
        if fact.name in told.telling:  # what a fact said that was taken back before it came: it held at no position
            never = told.rows_of(stream, [fact]) - held.keys()
            changes.opened.extend((*row, fact.position, fact.position) for row in never)
    changes.opened.extend((*row, since, OPEN) for row, since in held.items() if (row, since) not in stored)


def _select(told: Told, ends: str, where: str) -> str:
    columns = ", ".join(f"{told.table}.{name}" for name in (*told.columns, "from_position", "to_position"))
    return f"SELECT {columns} FROM {{each}} JOIN {told.table} ON {ends} {where}"


def _held(told: Told, writing: Writing, streams: list[str]) -> dict[str, Held]:
    found: dict[str, Held] = {}
    for ends in told.by_source if streams else ():
        for spell in writing.rows(_select(told, ends, f"AND to_position = {OPEN}"), [writing.each(streams)]):
            row = spell[:-2]
            found.setdefault(told.source_of(row), {})[row] = spell[-2]
    return found


def _ever_held(told: Told, writing: Writing, streams: list[str]) -> Iterable[Row]:
    for ends in told.by_source:
        yield from writing.rows(_select(told, ends, ""), [writing.each(streams)])


def _write(told: Told, writing: Writing, changes: _Changes) -> None:
    size = told.key
    key = " AND ".join(f"{name} = ?" for name in (*told.columns[:size], "from_position"))
    if changes.gone:
        rows = [(*row[:size], row[-2]) for row in changes.gone]
        writing.run_many(f"DELETE FROM {told.table} WHERE {key}", rows)
    if changes.closed:
        rows = [(row[-1], *row[:size], row[-2]) for row in changes.closed]
        writing.run_many(f"UPDATE {told.table} SET to_position = ? WHERE {key}", rows)
    writing.insert(told.table, changes.opened)
    difference = spell_digests(changes.opened) - spell_digests(changes.gone)
    writing.count(told.table, difference + sum(map(closing_digest, changes.closed)))
