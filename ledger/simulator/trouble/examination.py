"""This file holds the examination: every question put to a ledger, its answers held against those from commands."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random  # noqa: TID251 - given, and seeded by whoever gives it
from typing import Any

from ledger.simulator.trouble.opinion import OneOf, Opinion, Row
from ledger.simulator.trouble.physical import labels
from ledger.simulator.trouble.rules import Rules
from ledger.simulator.trouble.sayings import EPOCH, FINAL, Heard, business_time, exact
from ledger.simulator.trouble.telling import (
    CENTRES,
    DEVICES,
    DONORS,
    HOSPITALS,
    LOTS,
    OPERATORS,
    PATIENTS,
    REAGENTS,
    RUNS,
    TEST_RUNS,
)
from ledger.simulator.truth import Picture, Truth
from ledger.simulator.world import Answers, Checked

MICROSECOND = timedelta(microseconds=1)
BY_HAND = ("doubt", "recall")
"""How causes begin for which people place holds in this world."""
NOTHING: Row = {"summary": {}, "rows": [], "recipients": [], "unconfirmed": [], "disagreements": [], "alerts": []}
"""What is answered of something nobody knows."""


def examined(
    heard: list[Heard], truth: Truth, answers: Answers, chance: Random, at: datetime, times: int = 2
) -> Checked:
    """Ask everything now, and as known at other times."""
    checked = Checked()
    Examination(checked, heard, truth, answers, None, at, chance).everything()
    for number in range(times):
        known_at = chance.choice(heard).recorded_at + timedelta(seconds=0.5 * (number % 2))
        Examination(checked, heard, truth, answers, known_at, at, chance).everything()
    return checked


class Examination:
    """One ledger, asked as known at one time; the oracle has heard what was recorded by then."""

    def __init__(
        self,
        checked: Checked,
        heard: list[Heard],
        truth: Truth,
        answers: Answers,
        known_at: datetime | None,
        at: datetime,
        chance: Random,
    ) -> None:
        self.checked, self.answers, self.known_at, self.at, self.chance = checked, answers, known_at, at, chance
        self.oracle = Opinion([each for each in heard if known_at is None or each.recorded_at <= known_at], at)
        self.truth: Picture = truth if known_at is None else truth.known((known_at - EPOCH) // MICROSECOND)
        self.bags = sorted({bag for each in heard for bag in labels(each.command)})
        self.dins = sorted({bag[:13] for bag in self.bags})
        self.first, self.last = (business_time(heard[place].command) for place in (0, -1))

    def ask(self, letter: str, subject: str | None = None, **options: Any) -> Row:
        """The ledger's answer; of what it does not know, nothing."""
        return self.answers.ask(letter, subject, self.at, self.known_at, **options) or NOTHING

    def agree(self, kind: str, what: str, said: Iterable[Row], wanted: Iterable[Row], *key: str) -> None:
        """Rows with equal keys must say, in the columns the oracle knows, what the oracle says."""
        mine, theirs = keyed(said, key), keyed(wanted, key)
        self.checked.same_set(kind, what, mine, theirs)
        for name in mine.keys() & theirs.keys():
            for column, value in theirs[name].items():
                self.same(kind, f"{what} {name} {column}", mine[name][column], value)

    def same(self, kind: str, what: str, said: Any, wanted: Any) -> None:
        """One value; where the rules leave room, one of several."""
        if isinstance(wanted, OneOf) and said in wanted:
            wanted = said
        self.checked.same(kind, f"{what} known at {self.known_at}", said, wanted)

    def some(self, choices: list[str], count: int) -> list[str]:
        return self.chance.sample(choices, min(count, len(choices)))

    def moment(self) -> datetime:
        """Any business time of the story."""
        return self.first + self.chance.random() * (self.last - self.first)

    def everything(self) -> None:
        """Every question, of some or all of what there is."""
        for subject in self._subjects():
            self._where(subject)
            self._recall(subject)
            self._flags(subject)
        self._donations()
        self._persons()
        self._touched()
        self._ledger()
        self._stock()
        self._lineage()
        self._nonconformities()

    def _subjects(self) -> list[str]:
        things = [f"lot:{name}" for _, name in LOTS] + [f"operator:{name}" for name in OPERATORS]
        return [
            *self.some(self.bags, 8),
            *self.some(self.dins, 5),
            *(f"donor:{name}" for name in DONORS),
            *(f"patient:{name}" for name in PATIENTS),
            *self.some(things, 3),
            self.chance.choice([f"facility:{name}" for name in (*CENTRES, *HOSPITALS)]),
        ]

    # -- questions --------------------------------------------------------------------------------

    def _where(self, subject: str) -> None:
        self.agree("b", subject, self.ask("b", subject)["rows"], self.oracle.where_is(subject), "bag")

    def _recall(self, subject: str, since: datetime | None = None, until: datetime | None = None) -> None:
        if subject.startswith("patient:"):
            return
        wanted = self.oracle.recall(subject, since, until)
        said = self.answers.recall(subject, self.at, self.known_at, since=since, until=until) or NOTHING
        rows = [{**row, "custody": [_without_position(each) for each in row["custody"]]} for row in said["rows"]]
        self.agree("recall", f"{subject} {since} {until}", rows, wanted, "bag")
        mock = self.ask("q", subject, since=since, until=until)
        located = {row["bag"]: row["located"] for row in wanted}
        self.same("q", subject, {row["bag"]: row["located"] for row in mock["rows"]}, located)
        if mock["summary"]:
            share = exact(Decimal(sum(located.values()) * 10_000 // len(located)) / 100) if located else None
            self.same("q", f"{subject} effectiveness", mock["summary"]["effectiveness"], share)

    def _flags(self, subject: str) -> None:
        oracle = self.oracle
        self.agree("h", subject, self.ask("h", subject)["rows"], oracle.released_before_final(subject),
              "bag", "released_at", "donation")  # fmt: skip
        self.agree("i", subject, self.ask("i", subject)["rows"], oracle.outside_range(subject), "bag")
        self.agree("j", subject, self.ask("j", subject)["rows"], oracle.in_date(subject),
              "bag", "transfused_at", "patient")  # fmt: skip
        said = self.ask("k", subject)
        self.agree("k", subject, said["rows"], oracle.compatible(subject), "bag", "act", "happened_at")
        disagreements = {(each["of"], each["stream"], each["stands"]) for each in said["disagreements"]}
        told = {each for each in disagreements if each[0] in ("donation", "patient")}
        self.same("k", f"{subject} disagreements", {(of, _plain(of, name), now) for of, name, now in told},
             oracle.disagreements(subject) if said["summary"] else set())  # fmt: skip

    def _donations(self) -> None:
        oracle = self.oracle
        for din in self.dins:
            said = self.ask("c", din)
            self.agree("c", din, said["rows"], oracle.bags_of_donation(din), "bag")
            if said["summary"]:
                donation = oracle.donation(din)
                for field in ("donor", "facility", "collected_at"):
                    self.same("c", f"{din} {field}", said["summary"][field], donation[field])
                self.same("c", f"{din} by_fate", said["summary"]["by_fate"], oracle.by_fate(din))
        pools = [bag for bag in self.bags if "=E3088" in bag]
        for bag in [*pools, *self.some(self.bags, 5)]:
            said = self.ask("d", bag)
            known = bool(said["summary"])
            self.agree("d", bag, said["rows"], oracle.donations_in(bag) if known else [], "donation")
            self.agree("d", f"{bag} recipients", said["recipients"], oracle.recipients_in(bag) if known else [],
                  "bag", "patient", "happened_at")  # fmt: skip
        for bag in self.some(self.bags, 12):
            self._record(bag)

    def _record(self, bag: str) -> None:
        told: dict[tuple[str, str, str | None], int] = {}
        for row in self.ask("l", bag)["rows"]:
            plain = row["caused_by"] is None and not row["name"].endswith((".amended", ".annulled", ".held", "_lifted"))
            if plain and row["name"] != "bag.reported":
                key = (row["name"], row["happened_at"], row["corrected"])
                told[key] = told.get(key, 0) + 1
        self.same("l", bag, told, dict(self.oracle.record(bag)))

    def _persons(self) -> None:
        oracle = self.oracle
        for donor in DONORS:
            for since in (None, self.moment()):
                said = self.ask("e", donor, since=since)
                self.agree("e", f"{donor} {since}", said["rows"], oracle.recipients_of_donor(donor, since),
                      "bag", "patient", "transfused_at")  # fmt: skip
                self.agree("e", f"{donor} {since} unconfirmed", said["unconfirmed"],
                      oracle.unconfirmed_of_donor(donor, since), "bag")  # fmt: skip
                alerts = {
                    (each["patient"], each["bag"], each["hold_cause"])
                    for each in said["alerts"]
                    if each["outcome"] is None and not each["hold_cause"].startswith(BY_HAND)
                }
                self.same("e", f"{donor} {since} alerts", alerts, oracle.alerts_of_donor(donor, since))
        for patient in PATIENTS:
            self.agree("f", patient, self.ask("f", patient)["rows"], oracle.received_by_patient(patient),
                  "bag", "transfused_at", "donation")  # fmt: skip

    def _touched(self) -> None:
        subjects = [*(f"lot:{name}" for _, name in LOTS), *(f"lot:{name}" for name in REAGENTS),
                    *(f"device:{name}" for name in DEVICES), *(f"operator:{name}" for name in OPERATORS),
                    *(f"run:{name}" for name in (*RUNS, *TEST_RUNS))]  # fmt: skip
        for subject in self.some(subjects, 7):
            for since, until in ((None, None), (self.moment(), self.moment())):
                said = self.ask("m", subject, since=since, until=until)
                self.agree(
                    "m", f"{subject} {since} {until}", said["rows"], self.oracle.touched(subject, since, until), "bag"
                )
                self._recall(subject, since, until)

    def _ledger(self) -> None:
        days = self.chance.choice([0, 3, 14])
        self.agree("g", f"{days} days", self.ask("g", days=days)["rows"],
              self.oracle.without_confirmed_fate(days), "bag")  # fmt: skip
        self.agree("p", "", self.ask("p")["rows"], self.oracle.received(), "bag", "received_at")
        self.same("o", "", self.ask("o")["rows"], [])

    def _stock(self) -> None:
        rows = [row for row in self.answers.stock(self.at, self.known_at) if row["status"] not in FINAL]
        for by_group in (True, False):
            names = ("facility", "component", *(("group", "rhd") if by_group else ()), "status", "measure")
            said = _summed(rows, names)
            if by_group:  # shelves on which any bag's group may be one of several are compared without it
                apart = {self.oracle.known.component(bag) for bag in self.oracle.pooled}
                said = [row for row in said if row["shelf"][1] not in apart]
                wanted = [row for row in self.oracle.stock(by_group=True) if row["shelf"][1] not in apart]
            else:
                wanted = self.oracle.stock(by_group=False)
            self.agree("stock", "", said, wanted, "shelf")

    # -- against what physically happened ---------------------------------------------------------

    def _lineage(self) -> None:
        edges = set(self.answers.edges(self.known_at))
        self.checked.same_set("lineage", f"all known at {self.known_at}", edges, self.truth.edges())
        for bag in self.some(self.bags, 20):
            said = self.answers.trace(bag, self.at, self.known_at) or {"ancestors": [], "descendants": []}
            up, down = self.truth.ancestors(bag) - {bag}, self.truth.descendants([bag]) - {bag}
            self.checked.same_set("ancestors", f"{bag} known at {self.known_at}", said["ancestors"], up)
            self.checked.same_set("descendants", f"{bag} known at {self.known_at}", said["descendants"], down)

    # -- against the rules ------------------------------------------------------------------------

    def _nonconformities(self) -> None:
        rules = Rules(self.oracle)
        found = {
            row["bag"]: {each["code"] for each in row["nonconformities"]} for row in self.answers.bags(self.known_at)
        }
        for bag in sorted(found.keys() | self.oracle.known.bags):
            broken = rules.broken_by(bag)
            said = found.get(bag, set()) - (broken.perhaps - broken.surely)
            self.checked.same_set("nonconformities", f"{bag} known at {self.known_at}", said, broken.surely)


def keyed(rows: Iterable[Row], key: tuple[str, ...]) -> dict[tuple[Any, ...], Row]:
    """Rows by key; of several with one key, each with its number among them."""
    found: dict[tuple[Any, ...], Row] = {}
    count: Counter[tuple[Any, ...]] = Counter()
    for row in rows:
        name = tuple(row[each] for each in key)
        found[(*name, count[name])] = row
        count[name] += 1
    return found


def _summed(rows: list[Row], names: tuple[str, ...]) -> list[Row]:
    found: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        shelf = tuple(row[name] for name in names)
        total = found.setdefault(shelf, {"shelf": shelf, "bags": 0, "quantity": Decimal(0), "expired": 0})
        total["bags"] += row["bags"]
        total["quantity"] += Decimal(row["quantity"] or 0)
        total["expired"] += row["expired"]
    return list(found.values())


def _without_position(row: Row) -> Row:
    return {key: value for key, value in row.items() if key != "position"}


def _plain(of: str, stream: str) -> str:
    return stream if of != "patient" or stream.startswith("patient:") else f"patient:{stream}"
