"""This file holds who is whom: which pseudonyms are one donor, or one patient, by the merges that stand."""

from collections.abc import Iterable

from projections.readmodels.database import Reading

MERGED = """SELECT each.value, stream FROM {each} JOIN belongings
    ON kind = '{kind}' AND key = each.value WHERE {known belongings}"""


def persons(read: Reading, noun: str, pseudonyms: Iterable[str]) -> dict[str, str]:
    """One name per person for each pseudonym: the first, in ASCII, of all that are merged with it.

    Shape: `noun` is donor or patient.
    """
    asked = {name for name in pseudonyms if name}
    person = _merged(read, noun, asked)
    return {name: _first(person, name) for name in sorted(asked)}


def names_of(read: Reading, noun: str, pseudonyms: Iterable[str]) -> set[str]:
    """All pseudonyms of these persons."""
    return set(_merged(read, noun, {name for name in pseudonyms if name}))


def _merged(read: Reading, noun: str, todo: set[str]) -> dict[str, str]:
    """Each pseudonym reached, with itself or one before it in ASCII that is the same person."""
    person = {name: name for name in todo}
    while todo:
        found = read.rows(MERGED.replace("{kind}", f"same_{noun}"), [read.each(sorted(todo))])
        todo = {other for _, other in found} - person.keys()
        person |= {name: name for name in todo}
        for one, other in found:
            first, second = sorted((_first(person, one), _first(person, other)))
            person[second] = first
    return person


def _first(person: dict[str, str], name: str) -> str:
    while person[name] != name:
        name = person[name]
    return name
