"""This file holds tables of what streams tell: a row holds from the fact that tells it until one takes it back."""

from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import NamedTuple

from projections.decode import Fact
from projections.readmodels.database import OPEN, Batch, Content, Row, Writing, of_spell, row_digest, spell_digest
from projections.readmodels.standing import Retold

Held = dict[Row, int]
"""Rows a stream tells now, each with the position it holds from."""


class Told(NamedTuple):
    """One such table.

    Shape: `columns` are what a fact tells; from_position and to_position follow them in the table. The first `key` of
    them and from_position name a row. `telling`: names of the facts that tell. `rows_of` a stream's standing facts; of
    an uncorrected stream each fact tells for itself. `concerns` says whether a stream may tell at all. `by_source`:
    conditions, one per end that may tell, that find a stream's own rows; `source_of` says whose a row is. Not
    given, both fit a table whose first column, `source`, names the stream.
    """

    table: str
    columns: tuple[str, ...]
    key: int
    telling: tuple[str, ...]
    rows_of: Callable[[str, list[Fact]], set[Row]]
    concerns: Callable[[str], bool]
    by_source: tuple[str, ...] = ("source = each.value",)
    source_of: Callable[[Row], str] = itemgetter(0)


def content_of(told: Told) -> Content:
    """What of the table the digest covers: all of it."""
    positions = ("from_position", "to_position")
    key = (*told.columns[: told.key], "from_position")
    return Content(told.table, (*told.columns, *positions), key, of_spell)


class _Changes(NamedTuple):
    opened: list[tuple[Row, int, int]]
    closed: list[tuple[Row, int, int]]
    gone: list[tuple[Row, int, int]]


def apply(told: Told, writing: Writing, batch: Batch) -> None:
    """Open a row where a fact tells something new, close it where a correction takes it back."""
    fresh: dict[str, list[Fact]] = {}
    for fact in batch.added(told.telling):
        fresh.setdefault(fact.stream, []).append(fact)
    for facts in fresh.values():
        facts.sort(key=_version)  # they come name by name, and a row holds from the first fact that tells it
    retold = {stream: each for stream, each in batch.retold.items() if told.concerns(stream)}
    if not fresh and not retold:
        return
    changes = _Changes([], [], [])
    # The first fact of a stream finds nothing told before.
    older = [stream for stream, facts in fresh.items() if facts[0].version > 1]
    older += [stream for stream, each in retold.items() if each.first > 1 and not each.afresh]
    before = _held(told, writing, older)
    for stream, facts in fresh.items():
        _add(changes, before.get(stream, {}), told, stream, facts)
    afresh = [stream for stream, each in retold.items() if each.afresh]
    if afresh:
        changes.gone.extend(_ever_held(told, writing, afresh))
    for stream, each in retold.items():
        _tell_again(changes, before.get(stream, {}), told, stream, each)
    _write(told, writing, changes)


def _version(fact: Fact) -> int:
    return fact.version


def _add(changes: _Changes, held: Held, told: Told, stream: str, facts: list[Fact]) -> None:
    for fact in facts:
        for row in told.rows_of(stream, [fact]):
            if row not in held:
                held[row] = fact.position
                changes.opened.append((row, fact.position, OPEN))


def _tell_again(changes: _Changes, held: Held, told: Told, stream: str, retold: Retold) -> None:
    stored = set(held.items())
    for fact, stands in retold.steps():
        rows = told.rows_of(stream, stands)
        for row in held.keys() - rows:
            since = held.pop(row)
            closing = changes.closed if (row, since) in stored else changes.opened
            closing.append((row, since, fact.position))
        for row in rows - held.keys():
            held[row] = fact.position
        if fact.name in told.telling:  # what a fact said that was taken back before it came: it held at no position
            never = told.rows_of(stream, [fact]) - held.keys()
            changes.opened.extend((row, fact.position, fact.position) for row in never)
    changes.opened.extend((row, since, OPEN) for row, since in held.items() if (row, since) not in stored)


def _select(told: Told, ends: str, where: str) -> str:
    columns = ", ".join(f"{told.table}.{name}" for name in (*told.columns, "from_position", "to_position"))
    return f"SELECT {columns} FROM {{each}} JOIN {told.table} ON {ends} {where}"


def _held(told: Told, writing: Writing, streams: list[str]) -> dict[str, Held]:
    found: dict[str, Held] = {}
    for ends in told.by_source if streams else ():
        for *row, since, _ in writing.rows(_select(told, ends, f"AND to_position = {OPEN}"), [writing.each(streams)]):
            found.setdefault(told.source_of(tuple(row)), {})[tuple(row)] = since
    return found


def _ever_held(told: Told, writing: Writing, streams: list[str]) -> Iterable[tuple[Row, int, int]]:
    for ends in told.by_source:
        for *row, since, until in writing.rows(_select(told, ends, ""), [writing.each(streams)]):
            yield tuple(row), since, until


def _write(told: Told, writing: Writing, changes: _Changes) -> None:
    size = told.key
    key = " AND ".join(f"{name} = ?" for name in (*told.columns[:size], "from_position"))
    if changes.gone:
        writing.run_many(
            f"DELETE FROM {told.table} WHERE {key}", [(*row[:size], since) for row, since, _ in changes.gone]
        )
    if changes.closed:
        rows = [(until, *row[:size], since) for row, since, until in changes.closed]
        writing.run_many(f"UPDATE {told.table} SET to_position = ? WHERE {key}", rows)
    writing.insert(told.table, [(*row, since, until) for row, since, until in changes.opened])
    difference = sum(spell_digest(*each) for each in changes.opened)
    difference -= sum(spell_digest(*each) for each in changes.gone)
    difference += sum(row_digest((*row, since, until)) for row, since, until in changes.closed)
    writing.count(told.table, difference)
