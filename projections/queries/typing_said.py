"""This file holds what typing said of bags, donations, donors and patients, and where it ever disagreed."""

from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import Any, NamedTuple

from projections.decode import Fact, instant_text
from projections.queries.about import PATIENT
from projections.queries.custody import CORRECTING
from projections.queries.facts import facts_named
from projections.queries.origins import origins_of
from projections.queries.persons import persons
from projections.queries.subjects import linked
from projections.readmodels.database import Reading
from projections.readmodels.standing import standing

Typing = tuple[str | None, str | None]
"""ABO group and RhD; None where not said."""
Disagreement = dict[str, Any]

DECLARING = ("bag.collected", "bag.prepared", "bag.received", "bag.labelled")
"""Facts that say what a bag's label claims."""
TYPING = ("donation.grouped", "recipient.grouped")
DONORS_OF = """SELECT stream, key FROM {each} JOIN belongings ON source = each.value
    WHERE kind = 'donor' AND {known belongings}"""
DONATIONS_BY = """SELECT key, stream FROM {each} JOIN belongings ON key = each.value
    WHERE kind = 'donor' AND {known belongings}"""


class Saying(NamedTuple):
    """One fact that says a group: `now` as it reads, None when annulled; `before` as it was stored."""

    fact: Fact
    before: Typing
    now: Typing | None

    @property
    def corrected(self) -> str | None:
        if self.now is None:
            return "annulled"
        return "amended" if self.now != self.before else None


class Typed(NamedTuple):
    """What is known of groups: what may be true of each bag and person, and every disagreement.

    Shape: `persons` names each pseudonym's person; `patients` is by person.
    """

    bags: dict[str, set[Typing]]
    patients: dict[str, set[Typing]]
    persons: dict[str, str]
    disagreements: list[Disagreement]

    def person(self, patient: str) -> str:
        """One name for a patient, whatever the pseudonym."""
        return self.persons[patient]

    def of_patient(self, patient: str) -> set[Typing]:
        """Every typing that stands; more than one is a dispute."""
        return self.patients[self.persons[patient]]

    def of_bag(self, bag: str) -> set[Typing] | None:
        """Every typing that stands of a bag from one donation, on its label or of the donation; of others None."""
        return self.bags.get(bag)


def typed(read: Reading, bags: Iterable[str], patients: Iterable[str]) -> Typed:
    """What typing said of these bags, their donations, these donations' donors, and these patients."""
    origins = origins_of(read, bags)
    sources = {bag: sorted(origins.behind(bag)) for bag in bags}
    donors = _donations_of_donors(read, origins.donations, origins.own)
    people = _known_as(read, "patient", patients)
    dins = origins.donations.union(*donors.values())
    recipients = {f"{PATIENT}{name}" for names in people.values() for name in names}
    said = _said(read, {*sources, *dins, *recipients})
    labels = {bag: [*said[bag], *said[dins[0]]] for bag, dins in sources.items() if len(dins) == 1}
    of_donors = {f"donor:{who}": [each for din in sorted(found) for each in said[din]] for who, found in donors.items()}
    of_people = {who: [each for name in names for each in said[PATIENT + name]] for who, names in people.items()}
    differing = {bag: found for bag, found in labels.items() if _label_differs(said[bag], found)}
    return Typed(
        {bag: _standing(found) for bag, found in labels.items()},
        {who: _standing(found) for who, found in of_people.items()},
        {name: who for who, names in people.items() for name in names},
        [
            *_disagreeing("label", differing),
            *_disagreeing("donation", {din: said[din] for din in origins.donations}),
            *_disagreeing("donor", {who: found for who, found in of_donors.items() if _donations_differ(found)}),
            *_disagreeing("patient", {PATIENT + who: found for who, found in of_people.items()}),
        ],
    )


def _donations_of_donors(read: Reading, dins: set[str], bags: Iterable[str]) -> dict[str, set[str]]:
    """Each person who gave these donations, with all donations of theirs."""
    told = read.rows(DONORS_OF, [read.each(sorted({*dins, *bags}))])
    people = _known_as(read, "donor", {donor for din, donor in told if din in dins})
    person = {name: who for who, names in people.items() for name in names}
    found: dict[str, set[str]] = {who: set() for who in people}
    for donor, din in read.rows(DONATIONS_BY, [read.each(sorted(person))]):
        found[person[donor]].add(din)
    return found


def _known_as(read: Reading, noun: str, pseudonyms: Iterable[str]) -> dict[str, list[str]]:
    """Each of these persons with every pseudonym that merges give them."""
    known: set[str] = set()
    found = set(pseudonyms)
    while found > known:
        known, found = found, found | linked(read, [f"same_{noun}"], found)
    people: dict[str, list[str]] = {}
    for name, person in sorted(persons(read, noun, found).items()):
        people.setdefault(person, []).append(name)
    return people


# -- what facts say ----------------------------------------------------------------------------------------


def _said(read: Reading, streams: set[str]) -> dict[str, list[Saying]]:
    """What each stream says of groups. Other facts are not decoded: corrections alone decide which of these stand."""
    told = facts_named(read, streams, {*DECLARING, *TYPING, *CORRECTING})
    return {stream: list(_sayings(told.get(stream, []))) for stream in streams}


def _sayings(facts: list[Fact]) -> Iterator[Saying]:
    """What the facts of one stream, as stored, say of a group."""
    now = {fact.version: fact for fact in standing(facts).facts}
    for fact in facts:
        if fact.name in DECLARING or fact.name in TYPING:
            before, reads = _typing(fact), now.get(fact.version)
            if before != (None, None) or (reads is not None and _typing(reads) != (None, None)):
                yield Saying(reads or fact, before, None if reads is None else _typing(reads))


def _typing(fact: Fact) -> Typing:
    return fact.body["group"], fact.body["rhd"]


def _standing(said: Iterable[Saying]) -> set[Typing]:
    return {each.now for each in said if each.now is not None and each.now != (None, None)}


# -- where they disagree -----------------------------------------------------------------------------------


def _differ(typings: Iterable[Typing]) -> bool:
    """Whether any two contradict each other where both say something."""
    pairs = combinations(set(typings), 2)
    return any(a is not None and b is not None and a != b for one, two in pairs for a, b in zip(one, two, strict=True))


def _ever(said: Iterable[Saying]) -> set[Typing]:
    return {typing for each in said for typing in (each.before, each.now) if typing is not None}


def _label_differs(label: list[Saying], all_said: list[Saying]) -> bool:
    """Whether it is the label that differs: from itself or from the donation's typing, not that typing from itself."""
    return bool(label) and (
        _differ(_ever(label)) or any(_differ((one, two)) for one in _ever(label) for two in _ever(all_said))
    )


def _donations_differ(said: Iterable[Saying]) -> bool:
    """Whether it is one donation that differs from another, not one from itself."""
    by_donation: dict[str, set[Typing]] = {}
    for each in said:
        by_donation.setdefault(each.fact.stream, set()).update(_ever([each]))
    pairs = combinations(by_donation.values(), 2)
    return any(_differ((one, two)) for first, second in pairs for one in first for two in second)


def _disagreeing(of: str, said: dict[str, list[Saying]]) -> Iterator[Disagreement]:
    for stream in sorted(said):
        found = said[stream]
        if _differ(_ever(found)):
            shown = sorted((_shown(each) for each in found), key=lambda each: (each["happened_at"], each["position"]))
            yield {"stream": stream, "of": of, "stands": _differ(_standing(found)), "said": shown}


def _shown(saying: Saying) -> dict[str, Any]:
    fact = saying.fact
    group, rhd = saying.now or saying.before
    amended = saying.corrected == "amended"
    return {
        "stream": fact.stream,
        "group": group,
        "rhd": rhd,
        "group_before": saying.before[0] if amended else None,
        "rhd_before": saying.before[1] if amended else None,
        "happened_at": instant_text(fact.happened_at),
        "corrected": saying.corrected,
        "position": fact.position,
        "version": fact.version,
    }
