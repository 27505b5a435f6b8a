"""This file holds how a year of blood centres is checked: the ledger's answers against what physically happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from random import Random  # noqa: TID251 - seeded: the same questions every time
from typing import TYPE_CHECKING, Any

from ledger.simulator.truth import Picture, thousandths
from ledger.simulator.world import Answers, Checked, Row, Span

if TYPE_CHECKING:
    from ledger.simulator.centres import CentresWorld

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ON_THE_SHELF = ("quarantine", "available", "held", "reserved", "returned")
"""Statuses of what lies on a shelf; the rest is on its way, at a ward, used or gone."""
SUBJECTS = 30
"""Asked about of each kind: donors, patients, donations, bags."""
THINGS = 8
"""Lots, devices, operators and runs asked about."""
EARLIER = 2
"""Random earlier times."""


def check(world: CentresWorld, answers: Answers, chance: Random) -> Checked:
    """Everything that is on a shelf, every bag's fate and every edge; lineage both ways and questions of some."""
    checked = Checked()
    centres = {each.id for each in world.data.centres}
    Examination(checked, answers, world.truth, _ended(world.span), None, centres, chance).everything()
    for _ in range(EARLIER):
        known_at = _instant(chance.randint(world.span.begin + 86_400_000_000, world.span.end))
        picture = world.truth.known(_micros(known_at))
        Examination(checked, answers, picture, known_at, known_at, centres, chance).everything()
    checked.same("o", "stock equals facts", _summary(answers.ask("o", None, _ended(world.span)), "equal"), True)
    return checked


def _micros(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)


def _instant(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=micros)


def _ended(span: Span) -> datetime:
    return _instant(span.end)


def _summary(answer: Row | None, key: str) -> Any:
    return None if answer is None else answer["summary"][key]


def _rows(answer: Row | None) -> list[Row]:
    return [] if answer is None else answer["rows"]


class Examination:
    """A ledger's answers as known at one time, against the world as the ledger had been told of it by then."""

    def __init__(
        self,
        checked: Checked,
        answers: Answers,
        truth: Picture,
        at: datetime,
        known_at: datetime | None,
        centres: set[str],
        chance: Random,
    ) -> None:
        self._checked, self._answers, self._truth, self._chance = checked, answers, truth, chance
        self._at, self._known_at, self._centres = at, known_at, centres
        self._when = "" if known_at is None else f" as known at {known_at:%Y-%m-%dT%H:%M:%SZ}"

    def everything(self) -> None:
        """Whole tables first, then questions about some."""
        self._stock()
        self._edges()
        self._elsewhere()
        if self._known_at is None:
            self._fates()
        donors, things = self._truth.donors(), self._truth.things()
        bags = sorted(self._truth.bags())
        patients = sorted({patient for bag in bags for patient in self._truth.recipients(bag)})
        for bag in self._some(bags, SUBJECTS):
            self._both_ways(bag)
        for donor in self._some(donors, SUBJECTS):
            self._donor(donor)
        for patient in self._some(patients, SUBJECTS):
            self._patient(patient)
        for thing in self._some(things, THINGS):
            self._thing(thing)

    def _some(self, choices: Sequence[str], count: int) -> list[str]:
        return self._chance.sample(choices, min(count, len(choices)))

    def _ask(self, letter: str, subject: str | None, **options: Any) -> Row | None:
        return self._answers.ask(letter, subject, self._at, self._known_at, **options)

    def _same(self, kind: str, subject: str, said: Any, truth: Any) -> None:
        self._checked.same(kind, subject + self._when, said, truth)

    def _same_set(self, kind: str, subject: str, said: Iterable[Any], truth: Iterable[Any]) -> None:
        self._checked.same_set(kind, subject + self._when, said, truth)

    # -- whole tables -----------------------------------------------------------------------------

    def _stock(self) -> None:
        """Per facility, component, group and measure."""
        bags: Counter[tuple[Any, ...]] = Counter()
        amounts: Counter[tuple[Any, ...]] = Counter()
        for row in self._answers.stock(self._at, self._known_at):
            if row["status"] in ON_THE_SHELF:
                shelf = tuple(row[key] for key in ("facility", "component", "group", "rhd", "measure"))
                bags[shelf] += row["bags"]
                amounts[shelf] += thousandths(row["quantity"])
        said = {(shelf, bags[shelf], amounts[shelf]) for shelf in bags}
        self._same_set(
            "stock", "shelves", said, ((shelf, *held) for shelf, held in self._truth.on_the_shelves().items())
        )

    def _edges(self) -> None:
        self._same_set("lineage", "every edge", self._answers.edges(self._known_at), self._truth.edges())

    def _fates(self) -> None:
        """Of every bag what it holds and what became of it; nothing breaks a rule, so no nonconformity is open."""
        said, flagged, seen = set(), set(), set()
        for row in self._answers.bags():
            amount = None if row["quantity"] is None else thousandths(row["quantity"])
            seen.add((row["bag"], row["component"], amount, row["measure"]))
            if row["fate"] is not None:
                said.add((row["bag"], row["fate"]))
            if row["nonconformities"]:
                flagged.add((row["bag"], *(each["code"] for each in row["nonconformities"])))
        truth = {(bag, "transfused") for bag in self._truth.bags() if self._truth.recipients(bag)}
        truth |= {(bag, end) for bag in self._truth.bags() if (end := self._truth.end(bag)) is not None}
        self._same_set("fates", "every bag", said, truth)
        self._same_set("bags", "every bag", seen, ((bag, *self._truth.held(bag)) for bag in self._truth.bags()))
        self._same_set("nonconformities", "every bag", flagged, ())

    def _elsewhere(self) -> None:
        """Which bags are out without a fate, and which came from outside."""
        # One that lies at another centre is out for the centre it left and in for the one it came to: not asked.
        elsewhere = {
            bag for bag in self._truth.bags() if self._truth.over(bag) or self._truth.where(bag) not in self._centres
        }
        out = {row["bag"] for row in _rows(self._ask("g", None, days=0))} & elsewhere
        self._same_set("g", "every bag", out, (bag for bag in elsewhere if not self._truth.over(bag)))
        received = {row["bag"] for row in _rows(self._ask("p", None))}
        self._same_set("p", "every bag", received, (bag for bag in self._truth.bags() if self._came_in(bag)))

    def _came_in(self, bag: str) -> bool:
        """Filled elsewhere: of no donation here, and made of nothing."""
        return bag[:13] not in self._truth.dins() and self._truth.ancestors(bag) == {bag}

    # -- some -------------------------------------------------------------------------------------

    def _both_ways(self, bag: str) -> None:
        traced = self._answers.trace(bag, self._at, self._known_at)
        truth, near = self._truth, {bag}
        self._same_set(
            "trace", f"{bag} up", near if traced is None else traced["ancestors"], truth.ancestors(bag) - near
        )
        down = near if traced is None else traced["descendants"]
        self._same_set("trace", f"{bag} down", down, truth.descendants([bag]) - near)
        pool = self._ask("d", bag) or {"rows": [], "recipients": []}
        behind = {each[:13] for each in truth.ancestors(bag) if each[:13] in truth.dins()}
        self._same_set("d", f"{bag} donations", (row["donation"] for row in pool["rows"] if row["donor"]), behind)
        given = {(patient, each) for each in truth.descendants([bag]) for patient in truth.recipients(each)}
        self._same_set("d", f"{bag} recipients", ((row["patient"], row["bag"]) for row in pool["recipients"]), given)
        self._where(bag)
        self._flags(bag)
        self._life(bag)

    def _where(self, bag: str) -> None:
        (row,) = _rows(self._ask("b", bag)) or [{"bag": None}]
        on_shelf = row["facility"] if row.get("status") in ON_THE_SHELF else None
        self._same("b", bag, (row["bag"], on_shelf), (bag, self._truth.where(bag)))

    def _life(self, bag: str) -> None:
        """That its life, under this name, tells of every giving, and of its end, once."""
        told = Counter(row["name"] for row in _rows(self._ask("a", bag)) if row["stream"] == bag)
        given, ended = len(self._truth.recipients(bag)), int(self._truth.end(bag) is not None)
        self._same("a", bag, (told["bag.transfused"], told["bag.discarded"]), (given, ended))

    def _flags(self, bag: str) -> None:
        """Nothing here was released early, warm, expired or of the wrong group."""
        for letter, key, bad in (("h", "early", True), ("j", "in_date", False), ("k", "compatible", False)):
            for row in _rows(self._ask(letter, bag)):
                self._same(letter, bag, row[key] is bad, False)
        self._same("i", bag, _summary(self._ask("i", bag), "breached"), 0)
        facts = self._ask("l", bag)
        self._same("l", bag, None if facts is None else facts["changes"], [])

    def _donor(self, donor: str) -> None:
        truth, subject = self._truth, f"donor:{donor}"
        self._recall(subject)
        given = {(patient, bag) for patient, bag in truth.recipients_of_donor(donor)}
        self._same_set("e", donor, ((row["patient"], row["bag"]) for row in _rows(self._ask("e", subject))), given)
        for din in sorted(truth.donations_of(donor)):
            bags = truth.descendants(truth.bags_of_donation(din))
            self._same_set("c", din, (row["bag"] for row in _rows(self._ask("c", din))), bags)

    def _patient(self, patient: str) -> None:
        rows = _rows(self._ask("f", f"patient:{patient}"))
        donors = {row["donor"] for row in rows if row["donor"] is not None}
        self._same_set("f", patient, donors, self._truth.donors_of_patient(patient))

    def _thing(self, thing: str) -> None:
        self._recall(thing)
        said = (row["bag"] for row in _rows(self._ask("m", thing)))
        self._same_set("m", thing, said, self._truth.bags_touched_by(thing))

    def _recall(self, subject: str) -> None:
        said = _rows(self._answers.recall(subject, self._at, self._known_at))
        self._same_set("recall", subject, (row["bag"] for row in said), self._truth.reached(subject))
        mock = _rows(self._ask("q", subject))
        self._same_set("q", subject, (row["bag"] for row in mock), self._truth.reached(subject))
