"""This file holds the published week as a world: the commands of published_week.py, in windows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random  # noqa: TID251 - seeded: the same world every time

from ledger.simulator.published_week import published_rows, week_of_donations
from ledger.simulator.scenario import ScenarioFile
from ledger.simulator.world import Answers, Checked, Command, Row, Span, Window

COMMANDS = 512
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def _micros(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)


class WeekWorld:
    """A week as it was published. The truth of its donations is the table itself."""

    def __init__(self, file: ScenarioFile, seed: int, days: int | None = None) -> None:
        self.scenario, self.seed = file.scenario.scenario, seed
        self._rows = published_rows()
        first = datetime.fromisoformat(f"{min(row.day for row in self._rows)}T00:00:00{file.scenario.offset}")
        last = datetime.fromisoformat(f"{max(row.day for row in self._rows)}T00:00:00{file.scenario.offset}") + DAY
        self._end = last if days is None else min(first + days * DAY, last)
        self.span = Span(_micros(first), _micros(self._end) + 60_000_000)
        self.commands: list[Command] = []

    def windows(self) -> Iterator[Window]:
        """Day by day and hour by hour, as it happened."""
        told = [(datetime.fromisoformat(each["happened_at"]), each) for each in week_of_donations(self.seed)]
        told = [(at, each) for at, each in told if at < self._end]
        told.sort(key=lambda each: each[0])
        self.commands = [each | {"request": f"{self.scenario}/{self.seed}/{each['request']}"} for _, each in told]
        now = 0
        for start in range(0, len(told), COMMANDS):
            part = self.commands[start : start + COMMANDS]
            now = max(_micros(told[start + len(part) - 1][0]) + 30_000_000, now + 1)
            yield Window.of(now, part)

    def check(self, answers: Answers, chance: Random) -> Checked:
        """Donations by facility and group, each bag's lineage and each patient, against the commands."""
        checked = Checked()
        at = self._end
        bags = {row["bag"]: row for row in answers.bags()}
        made = [each for each in self.commands if each["command"] == "CollectBag"]
        checked.same("donations", "collected", len([bag for bag in bags if bag.endswith("#1")]), len(made))
        given = {each["bag"]: each["patient"] for each in self.commands if each["command"] == "RecordTransfusion"}
        ended = {bag for bag, row in bags.items() if row["fate"] == "transfused"}
        checked.same_set("fates", "transfused", ended, given)
        groups = Counter(each["group"] for each in self.commands if each["command"] == "RecordGroup")
        if self._end >= datetime.fromisoformat(f"{self._rows[-1].day}T00:00:00+08:00") + DAY:
            published = Counter({group: sum(row.groups[group] for row in self._rows) for group in groups})
            checked.same("donations", "groups as published", groups, published)
        for each in chance.sample(made, min(40, len(made))):
            donor, din = each["donor"], each["bag"][:13]
            truly = {bag for bag in bags if bag[:13] == din}
            checked.same_set("recall", donor, _bags(answers.recall(f"donor:{donor}", at)), truly)
        for bag, patient in chance.sample(sorted(given.items()), min(20, len(given))):
            checked.same_set("f", patient, _bags(answers.ask("f", f"patient:{patient}", at)), {bag})
        return checked


def _bags(answer: Row | None) -> list[str]:
    return [] if answer is None else [row["bag"] for row in answer["rows"]]
