"""This file holds the question whether a bag's group was compatible with the patient's, by the tables named here."""

from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any

from projections.decode import Fact, instant_text
from projections.queries.about import About, about, incomplete
from projections.queries.asking import Asking, Said
from projections.queries.bags import BagRow, bags_at
from projections.queries.custody import told_of
from projections.queries.typing_said import Typed, Typing, typed

RED_CELLS, WHOLE_BLOOD, PLASMA, PLATELETS = "red_cells", "whole_blood", "plasma", "platelets"
TABLES: Mapping[str, str] = {
    "whole_blood": WHOLE_BLOOD,
    "suspended_red_cells": RED_CELLS,
    "leukoreduced_suspended_red_cells": RED_CELLS,
    "washed_red_cells": RED_CELLS,
    "irradiated_red_cells": RED_CELLS,
    "frozen_red_cells": RED_CELLS,
    "deglycerolised_red_cells": RED_CELLS,
    "granulocytes": RED_CELLS,
    "apheresis_platelets": PLATELETS,
    "concentrated_platelets": PLATELETS,
    "pooled_platelets": PLATELETS,
    "fresh_frozen_plasma": PLASMA,
    "frozen_plasma": PLASMA,
    "virus_inactivated_frozen_plasma": PLASMA,
    "apheresis_plasma": PLASMA,
    "cryo_poor_plasma": PLASMA,
    "thawed_plasma": PLASMA,
    "cryoprecipitate": PLASMA,
    "thawed_cryoprecipitate": PLASMA,
}
"""Which table judges which component of the example catalogue; a site with others hands over its own."""

ANTIGENS = {"O": frozenset[str](), "A": frozenset("A"), "B": frozenset("B"), "AB": frozenset("AB")}
"""The ABO antigens on the red cells of a group; its plasma has the antibodies against the others."""
RHDS = ("positive", "negative")


def compatible_groups(asking: Asking, subject: str, *, tables: Mapping[str, str] = TABLES) -> Said:
    """Whether each of the subject's bags suited who it was for (of a patient: theirs), and where typing disagreed.

    Shape: summary {transfusions, issues, compatible, incompatible, unknown, disagreements, incomplete}. A row for each
    transfusion, and for each issue to a patient who was not given the bag, by time: {bag, component, act, happened_at,
    presumed, group, rhd, patient, patient_group, patient_rhd, crossmatch, crossmatched_at, table, compatible, why,
    position, version}. `act`: transfused or issued. `crossmatch` is the last one with this patient by then.
    `compatible` is null when it depends on what is unknown or disputed. `why` lists codes: abo, rhd, crossmatch (why
    not); abo_unknown, rhd_unknown, component_unknown (why not known); abo_minor, rhd_minor (compatible, yet not the
    patient's own). `disagreements`: [{stream, of, stands, said: [{stream, group, rhd, group_before, rhd_before,
    happened_at, corrected, position, version}]}], where typing ever disagreed on a donation, in a donor's history, in a
    patient's, or between a label and its donation's typing (`of`: donation, donor, patient, label); `stands` tells
    whether it still does.

    Which table judges stands in the row; a site hands over `tables` for components of its own. Red cells suit who has
    all their ABO antigens; plasma who has no antigen its donor lacks; whole blood must do both. RhD counts where there
    are red cells: a weak one as positive in the bag and as negative in the patient, which fails safe. Platelets are
    never judged incompatible by group. A crossmatch found incompatible is, whatever the groups. No table decides
    medicine.
    Errors: BadScan, NotFound.
    """
    subjects = about(asking.read, subject)
    acts = [
        act
        for facts in told_of(asking.read, subjects.bags, (*ACTS, "bag.crossmatched")).values()
        for act in _acts(facts, subjects)
    ]
    patients = {each.body["patient"] for fact, matches in acts for each in (fact, *matches)} | subjects.patients
    known = typed(asking.read, subjects.bags, patients)
    bags = bags_at(asking.read, {fact.stream for fact, _ in acts})
    by_person = [(fact, _last(matches, known.person(fact.body["patient"]), known)) for fact, matches in acts]
    kept = _without_issues_of_given(by_person, known)
    rows = [_row(fact, match, bags[fact.stream], known, tables) for fact, match in kept]
    rows.sort(key=lambda row: (row["happened_at"], row["bag"], row["position"]))
    transfusions = sum(1 for row in rows if row["act"] == "transfused")
    said = [row["compatible"] for row in rows]
    summary = {
        "transfusions": transfusions,
        "issues": len(rows) - transfusions,
        "compatible": said.count(True),
        "incompatible": said.count(False),
        "unknown": said.count(None),
        "disagreements": len(known.disagreements),
        "incomplete": incomplete(asking.read, subjects.bags),
    }
    return Said(summary, rows, {"disagreements": known.disagreements})


# -- what was done for whom --------------------------------------------------------------------------------

ACTS = ("bag.issued", "bag.transfused")
Act = tuple[Fact, list[Fact]]
"""An issue or transfusion, with the crossmatches of its bag until then."""


def _acts(facts: Iterable[Fact], subjects: About) -> list[Act]:
    found: list[Act] = []
    matches: list[Fact] = []
    for fact in facts:
        if fact.name == "bag.crossmatched":
            matches.append(fact)
        elif fact.name in ACTS and fact.body["patient"] and subjects.concerns(fact.body["patient"]):
            found.append((fact, list(matches)))
    return found


def _last(matches: list[Fact], person: str, known: Typed) -> Fact | None:
    """The last crossmatch with this person."""
    return next((match for match in reversed(matches) if known.person(match.body["patient"]) == person), None)


def _without_issues_of_given(acts: list[tuple[Fact, Fact | None]], known: Typed) -> list[tuple[Fact, Fact | None]]:
    """An issue is told of only where it came to no transfusion: one handing over is one row."""
    given = {(fact.stream, known.person(fact.body["patient"])) for fact, _ in acts if fact.name == "bag.transfused"}
    return [
        (fact, match)
        for fact, match in acts
        if fact.name == "bag.transfused" or (fact.stream, known.person(fact.body["patient"])) not in given
    ]


def _row(fact: Fact, match: Fact | None, bag: BagRow, known: Typed, tables: Mapping[str, str]) -> dict[str, Any]:
    patient = fact.body["patient"]
    typings = known.of_patient(patient)
    table = tables.get(bag.component or "")
    of_bag = known.of_bag(fact.stream)
    compatible, why = _judged(table, {(bag.group, bag.rhd)} if of_bag is None else of_bag, typings)
    if match is not None and match.body["result"] == "incompatible":
        compatible, why = False, [*why, "crossmatch"]
    (group, rhd), *others = typings or {(None, None)}
    return {
        "bag": fact.stream,
        "component": bag.component,
        "act": fact.name.removeprefix("bag."),
        "happened_at": instant_text(fact.happened_at),
        "presumed": bool(fact.body.get("presumed")),
        "group": bag.group,
        "rhd": bag.rhd,
        "patient": patient,
        "patient_group": None if others else group,
        "patient_rhd": None if others else rhd,
        "crossmatch": None if match is None else match.body["result"],
        "crossmatched_at": None if match is None else instant_text(match.happened_at),
        "table": table,
        "compatible": compatible,
        "why": why,
        "position": fact.position,
        "version": fact.version,
    }


# -- by which table ----------------------------------------------------------------------------------------


def _judged(table: str | None, bag: set[Typing], patient: set[Typing]) -> tuple[bool | None, list[str]]:
    """Whether every typing that may be true agrees on a verdict, and why it is so."""
    if table is None:
        return None, ["component_unknown"]
    groups = set(product(_all(ANTIGENS, (abo for abo, _ in bag)), _all(ANTIGENS, (abo for abo, _ in patient))))
    rhds = set(product(_all(RHDS, (rhd for _, rhd in bag)), _all(RHDS, (rhd for _, rhd in patient))))
    abo = {_abo_suits(table, one, other) for one, other in groups}
    rhd = {_rhd_suits(table, one, other) for one, other in rhds}
    why = [name for name, found in (("abo", abo), ("rhd", rhd)) if found == {False}]
    open_ = [f"{name}_unknown" for name, found in (("abo", abo), ("rhd", rhd)) if len(found) > 1]
    if why:
        return False, why
    if open_:
        return None, open_
    return True, _minor(groups, rhds) if table == PLATELETS else []


def _all(values: Iterable[str], said: Iterable[str | None]) -> set[str]:
    """What may be true: what is said, or anything where nothing is."""
    found = set(said)
    known = {each for each in found if each is not None}
    return set(values) if not known or None in found else known


def _abo_suits(table: str, bag: str, patient: str) -> bool:
    cells = ANTIGENS[bag] <= ANTIGENS[patient]
    plasma = ANTIGENS[patient] <= ANTIGENS[bag]
    return {RED_CELLS: cells, PLASMA: plasma, WHOLE_BLOOD: cells and plasma, PLATELETS: True}[table]


def _rhd_suits(table: str, bag: str, patient: str) -> bool:
    return table in (PLASMA, PLATELETS) or bag == "negative" or patient == "positive"


def _minor(groups: set[tuple[str, str]], rhds: set[tuple[str, str]]) -> list[str]:
    found = []
    if all(bag != patient for bag, patient in groups):
        found.append("abo_minor")
    if not any(_rhd_suits(RED_CELLS, bag, patient) for bag, patient in rhds):
        found.append("rhd_minor")
    return found
