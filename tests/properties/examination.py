"""This file holds the examination: a story told to a real ledger, its answers held against those from commands."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from ledger.commands.answer import Answer
from ledger.commands.committer import Committer
from projections.consumer import catch_up
from projections.queries.asking import Said, asking
from projections.queries.balance import stock_equals_facts
from projections.queries.compatibility import compatible_groups
from projections.queries.donation import bags_of_donation
from projections.queries.donor import recipients_of_donor
from projections.queries.imported import received_from_outside
from projections.queries.in_date import in_date_when_transfused
from projections.queries.mock_recall import mock_recall
from projections.queries.patient import received_by_patient
from projections.queries.pool import donations_and_recipients
from projections.queries.recall import recall, recall_then_and_now
from projections.queries.record import record_on
from projections.queries.release import released_before_final
from projections.queries.stock import stock
from projections.queries.subjects import NotFound, Window
from projections.queries.temperature import outside_range
from projections.queries.touched import touched_by
from projections.queries.unconfirmed import without_confirmed_fate
from projections.queries.whereabouts import where_is
from projections.readmodels.live import Views
from projections.readmodels.sqlite import sqlite_views
from tests.properties.oracle_answers import Answers, OneOf
from tests.properties.question_oracle import Heard, exact
from tests.properties.stories import (
    DEVICES,
    DONORS,
    LOTS,
    OPERATORS,
    PATIENTS,
    REAGENTS,
    RUNS,
    SPAN,
    TEST_RUNS,
    Step,
    Story,
    instant,
)
from tests.properties.world import CATALOGUE, MAPPER, Ledger

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Row = dict[str, Any]


class MovingClock:
    """Recorded time: goes on as it is told to, and stands still between."""

    def __init__(self) -> None:
        self.micros = 1_780_272_000_000_000  # 2026-06-01T00:00:00Z: after every business time

    def now(self) -> int:
        return self.micros


class Archive(Ledger):
    """A ledger told a story. Fulfils FactSource. `heard`: what was recorded, and when."""

    def __init__(self, story: Story, window: Random) -> None:
        self.clock = MovingClock()
        super().__init__()
        self.heard: list[Heard] = []
        self._numbers: dict[int, int] = {}
        self._answers: dict[int, Answer] = {}
        self._tell(story.steps, window)

    def fresh_committer(self) -> Committer:
        return Committer(self.store, MAPPER, CATALOGUE, self.clock)

    # as projections.consumer.FactSource

    def ledger_id(self) -> str:
        return self.store.ledger_id()

    def head(self) -> Any:
        return self.store.head()

    def rows(self, after_position: int = 0, limit: int = 1_000_000) -> list[Any]:
        return self.store.rows(after_position, limit)

    # -- telling ----------------------------------------------------------------------------------

    def _tell(self, steps: list[Step], window: Random) -> None:
        waiting: list[Step] = []
        size = 1
        for step in steps:
            if step.corrects is not None and step.corrects[0] in waiting:
                self._commit(waiting, window)
                waiting = []
            waiting.append(step)
            if len(waiting) >= size:
                self._commit(waiting, window)
                waiting, size = [], window.choice([1, 1, 2, 3, 6, 12])
        self._commit(waiting, window)

    def _commit(self, steps: list[Step], window: Random) -> None:
        sent = [(step, command) for step in steps if (command := self._command(step)) is not None]
        if not sent:
            return
        self.clock.micros += window.choice([0, 1, 1_000_000, 3_600_000_000])
        answers = self.send((command for _, command in sent), window=len(sent))
        for (step, command), answer in zip(sent, answers, strict=True):
            assert answer.outcome in ("recorded", "repeated", "refused"), f"{command}: {answer}"
            self._answers[id(step)] = answer
            if answer.outcome == "recorded":
                self._hear(step, command)

    def _hear(self, step: Step, command: Row) -> None:
        number = len(self.heard)
        self._numbers[id(step)] = number
        recorded_at = EPOCH + timedelta(microseconds=self.clock.micros)
        target = step.corrects and (self._numbers[id(step.corrects[0])], step.corrects[1])
        lifts = self._numbers[id(step.lifts)] if step.lifts else None
        self.heard.append(Heard(number, command, recorded_at, target, lifts))

    def _command(self, step: Step) -> Row | None:
        """What is sent; a correction names its target by the version that was answered."""
        if step.corrects is None:
            return step.command if step.lifts is None or id(step.lifts) in self._numbers else None
        target, stream, fact = step.corrects
        if id(target) not in self._numbers:
            return None
        told = (each for each in self._answers[id(target)].facts if each.stream == stream)
        version = next(each.version for each in told if each.name.rpartition(".")[0] == fact)
        return {**step.command, "version": version}

    def views(self) -> Views:
        views = sqlite_views(":memory:")
        catch_up(self, views, batch=500)
        return views


# -- comparing --------------------------------------------------------------------------------------------


class Disagreement(AssertionError):
    """An answer is not the oracle's."""


def agree(what: str, said: Iterable[Row], wanted: Iterable[Row], *key: str) -> None:
    """Rows with equal keys must say, in the columns the oracle knows, what the oracle says."""
    mine, theirs = keyed(said, key), keyed(wanted, key)
    if mine.keys() != theirs.keys():
        more, less = mine.keys() - theirs.keys(), theirs.keys() - mine.keys()
        raise Disagreement(f"{what}: too much {sorted(more, key=str)}, missing {sorted(less, key=str)}")
    for name, row in theirs.items():
        for field, value in row.items():
            same(f"{what} {name} {field}", mine[name][field], value)


def keyed(rows: Iterable[Row], key: tuple[str, ...]) -> dict[tuple[Any, ...], Row]:
    found: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        name = tuple(row[each] for each in key)
        count = sum(1 for each in found if each[:-1] == name)
        found[(*name, count)] = row
    return found


def same(what: str, said: Any, wanted: Any) -> None:
    right = said in wanted if isinstance(wanted, OneOf) else said == wanted
    if not right:
        raise Disagreement(f"{what}: {said!r}, the commands say {wanted!r}")


class Examination:
    """One ledger's views, asked as known at one time; the oracle has heard what was recorded by then."""

    def __init__(self, archive: Archive, views: Views, known_at: datetime | None, at: datetime, chance: Random) -> None:
        self.views, self.known_at, self.at, self.chance = views, known_at, at, chance
        heard = [each for each in archive.heard if known_at is None or each.recorded_at <= known_at]
        self.oracle = Answers(heard, at)
        self.bags = sorted({bag for each in archive.heard for bag in _named(each.command)})
        self.dins = sorted({bag[:13] for bag in self.bags})

    def ask(self, question: Callable[..., Said], *subject: str, **options: Any) -> Said:
        """The ledger's answer; of what it does not know, nothing."""
        with asking(self.views, self.at, self.known_at) as put:
            try:
                return question(put, *subject, **options)
            except NotFound:
                return Said({}, [], {"recipients": [], "unconfirmed": [], "disagreements": [], "alerts": []})

    def some(self, choices: list[str], count: int) -> list[str]:
        return self.chance.sample(choices, min(count, len(choices)))

    def everything(self) -> None:
        for subject in self._subjects():
            self._where(subject)
            self._recall(subject)
            self._flags(subject)
        self._donations()
        self._persons()
        self._touched()
        self._ledger()

    def _subjects(self) -> list[str]:
        things = [f"lot:{name}" for _, name in LOTS] + [f"operator:{name}" for name in OPERATORS]
        return [
            *self.some(self.bags, 8),
            *self.some(self.dins, 5),
            *(f"donor:{name}" for name in DONORS),
            *(f"patient:{name}" for name in PATIENTS),
            *self.some(things, 3),
            self.chance.choice(["facility:C1", "facility:C2", "facility:H1"]),
        ]

    # -- questions --------------------------------------------------------------------------------

    def _where(self, subject: str) -> None:
        agree(f"b {subject}", self.ask(where_is, subject).rows, self.oracle.where_is(subject), "bag")

    def _recall(self, subject: str, since: datetime | None = None, until: datetime | None = None) -> None:
        if subject.startswith("patient:"):
            return
        window = Window(*(None if each is None else (each - EPOCH) // timedelta(microseconds=1)
                          for each in (since, until)))  # fmt: skip
        wanted = self.oracle.recall(subject, since, until)
        said = self.ask(recall, subject, window)
        rows = [{**row, "custody": [_without_position(each) for each in row["custody"]]} for row in said.rows]
        agree(f"recall {subject} {window}", rows, wanted, "bag")
        mock = self.ask(mock_recall, subject, since=since, until=until)
        located = {row["bag"]: row["located"] for row in wanted}
        same(f"q {subject}", {row["bag"]: row["located"] for row in mock.rows}, located)
        if mock.summary:
            share = exact(Decimal(sum(located.values()) * 10_000 // len(located)) / 100) if located else None
            same(f"q {subject} effectiveness", mock.summary["effectiveness"], share)

    def _flags(self, subject: str) -> None:
        oracle = self.oracle
        agree(f"h {subject}", self.ask(released_before_final, subject).rows, oracle.released_before_final(subject),
              "bag", "released_at", "donation")  # fmt: skip
        agree(f"i {subject}", self.ask(outside_range, subject).rows, oracle.outside_range(subject), "bag")
        agree(f"j {subject}", self.ask(in_date_when_transfused, subject).rows, oracle.in_date(subject),
              "bag", "transfused_at", "patient")  # fmt: skip
        said = self.ask(compatible_groups, subject)
        agree(f"k {subject}", said.rows, oracle.compatible(subject), "bag", "act", "happened_at")
        disagreements = {(each["of"], each["stream"], each["stands"]) for each in said.more["disagreements"]}
        told = {each for each in disagreements if each[0] in ("donation", "patient")}
        same(f"k {subject} disagreements", {(of, _plain(of, name), now) for of, name, now in told},
             oracle.disagreements(subject) if said.summary else set())  # fmt: skip

    def _donations(self) -> None:
        oracle = self.oracle
        for din in self.dins:
            said = self.ask(bags_of_donation, din)
            agree(f"c {din}", said.rows, oracle.bags_of_donation(din), "bag")
            if said.summary:
                donation = oracle.donation(din)
                for field in ("donor", "facility", "collected_at"):
                    same(f"c {din} {field}", said.summary[field], donation[field])
                same(f"c {din} by_fate", said.summary["by_fate"], oracle.by_fate(din))
        pools = [bag for bag in self.bags if "=E3088" in bag]
        for bag in [*pools, *self.some(self.bags, 5)]:
            said = self.ask(donations_and_recipients, bag)
            known = bool(said.summary)
            agree(f"d {bag}", said.rows, oracle.donations_in(bag) if known else [], "donation")
            agree(f"d {bag} recipients", said.more["recipients"], oracle.recipients_in(bag) if known else [],
                  "bag", "patient", "happened_at")  # fmt: skip
        for bag in self.some(self.bags, 12):
            self._record(bag)

    def _record(self, bag: str) -> None:
        told: dict[tuple[str, str, str | None], int] = {}
        for row in self.ask(record_on, bag).rows:
            plain = row["caused_by"] is None and not row["name"].endswith((".amended", ".annulled", ".held", "_lifted"))
            if plain and row["name"] != "bag.reported":
                key = (row["name"], row["happened_at"], row["corrected"])
                told[key] = told.get(key, 0) + 1
        same(f"l {bag}", told, dict(self.oracle.record(bag)))

    def _persons(self) -> None:
        oracle = self.oracle
        for donor in DONORS:
            for since in (None, instant(self.chance.randint(0, SPAN // 2))):
                said = self.ask(recipients_of_donor, donor, since=since)
                agree(f"e {donor} {since}", said.rows, oracle.recipients_of_donor(donor, since),
                      "bag", "patient", "transfused_at")  # fmt: skip
                agree(f"e {donor} {since} unconfirmed", said.more["unconfirmed"],
                      oracle.unconfirmed_of_donor(donor, since), "bag")  # fmt: skip
                alerts = {(each["patient"], each["bag"], each["hold_cause"]) for each in said.more["alerts"]
                          if each["outcome"] is None and not each["hold_cause"].startswith("doubt")}  # fmt: skip
                same(f"e {donor} {since} alerts", alerts, oracle.alerts_of_donor(donor, since))
        for patient in PATIENTS:
            agree(f"f {patient}", self.ask(received_by_patient, patient).rows, oracle.received_by_patient(patient),
                  "bag", "transfused_at", "donation")  # fmt: skip

    def _touched(self) -> None:
        subjects = [*(f"lot:{name}" for _, name in LOTS), *(f"lot:{name}" for name in REAGENTS),
                    *(f"device:{name}" for name in DEVICES), *(f"operator:{name}" for name in OPERATORS),
                    *(f"run:{name}" for name in (*RUNS, *TEST_RUNS))]  # fmt: skip
        for subject in self.some(subjects, 7):
            for window in ((None, None), tuple(instant(self.chance.randint(0, SPAN)) for _ in range(2))):
                since, until = window
                said = self.ask(touched_by, subject, since=since, until=until)
                agree(f"m {subject} {window}", said.rows, self.oracle.touched(subject, since, until), "bag")
                self._recall(subject, since, until)

    def _ledger(self) -> None:
        days = self.chance.choice([0, 3, 14])
        agree(f"g {days}", self.ask(without_confirmed_fate, days=days).rows,
              self.oracle.without_confirmed_fate(days), "bag")  # fmt: skip
        with asking(self.views, self.at, self.known_at) as put:
            agree("p", received_from_outside(put).rows, self.oracle.received(), "bag", "received_at")
            same("o", stock_equals_facts(put).rows, [])
        self._stock()

    def _stock(self) -> None:
        rows = stock(self.views, self.at, self.known_at)["rows"]
        for by_group in (True, False):
            names = ("facility", "component", *(("group", "rhd") if by_group else ()), "status", "measure")
            said = _summed(rows, names)
            if by_group:  # shelves on which any bag's group may be one of several are compared without it
                apart = {self.oracle.known.component(bag) for bag in self.oracle.pooled}
                said = [row for row in said if row["shelf"][1] not in apart]
                wanted = [row for row in self.oracle.stock(by_group=True) if row["shelf"][1] not in apart]
            else:
                wanted = self.oracle.stock(by_group=False)
            agree("stock", said, wanted, "shelf")


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


def _named(command: Row) -> set[str]:
    named = {command.get("bag"), command.get("container"), *command.get("bags", []), *command.get("inputs", [])}
    return {each for each in named | {each["bag"] for each in command.get("outputs", [])} if each}


# -- one story ---------------------------------------------------------------------------------------------


def examine(seed: int, times: int = 3) -> None:
    """One story, asked about at its end and at other times, and what a recall would have said then and says now."""
    chance = Random(seed)
    with Archive(Story(seed), Random(seed + 1)) as archive:
        views = archive.views()
        try:
            now = Examination(archive, views, None, instant(chance.randint(0, 3 * SPAN)), chance)
            now.everything()
            for number in range(times - 1):
                moment = chance.choice(archive.heard).recorded_at + timedelta(seconds=0.5 * (number % 2))
                then = Examination(archive, views, moment, now.at, chance)
                then.everything()
                _then_and_now(then, now)
        finally:
            views.close()


def _then_and_now(then: Examination, now: Examination) -> None:
    assert then.known_at is not None
    for donor in DONORS:
        subject = f"donor:{donor}"
        old, new = ({row["bag"]: row for row in each.oracle.recall(subject)} for each in (then, now))
        try:
            told = recall_then_and_now(then.views, subject, then.at, then.known_at)["difference"]
        except NotFound:
            told = {"added": [], "gone": [], "changed": []}
        same(f"recall {subject} added", told["added"], sorted(new.keys() - old.keys()))
        same(f"recall {subject} gone", told["gone"], sorted(old.keys() - new.keys()))
        fields = ("component", "status", "fate", "where", "facility", "place", "consignee", "patient")
        changed = {
            (bag, field) for bag in old.keys() & new.keys() for field in fields if old[bag][field] != new[bag][field]
        }
        same(f"recall {subject} changed", {(each["bag"], each["field"]) for each in told["changed"]
                                           if each["field"] in fields}, changed)  # fmt: skip
