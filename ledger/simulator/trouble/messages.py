"""This file holds what goes wrong with messages in a story: sent twice, under a used number, unreadable at first."""

from typing import Any

from ledger.simulator.trouble.telling import DAY, MAY_BE_REFUSED, Step, Telling


class Messages(Telling):
    """What goes wrong on the way, not in the world."""

    def repetitions(self) -> None:
        """Some things are said twice: seen by two, sent again, or something else under a number already used."""
        plain = [step for step in self.steps if step.corrects is None and not step.frozen and not step.outcome]
        for step in self.random.sample(plain, min(3, len(plain))):
            if step.command["command"] not in MAY_BE_REFUSED:
                twice = Step(step.minute, dict(step.command), step.arrives + 500)
                self.steps.append(twice.is_at_fault("duplicate_observation"))
        for step in self.random.sample(plain, min(2, len(plain))):
            again = Step(step.minute, step.command, step.arrives + self.random.randint(1, DAY), repeats=step)
            self.steps.append(again.is_at_fault("duplicate_request"))
        if plain and self.chance(0.5):
            step = self.pick(plain)
            other = {**step.command, "by": "somebody else"}
            reused = Step(step.minute, other, step.arrives + self.random.randint(1, DAY), repeats=step)
            self.steps.append(reused.is_at_fault("request_reused"))

    def unreadable(self) -> None:
        """Some are sent in a form nobody can take, and then as they should be."""
        for step in self.random.sample(self.steps, min(3, len(self.steps))):
            wrong = self._unreadably(step)
            if wrong is not None and step.repeats is None and step.along_with is None:
                kind, command = wrong
                first = Step(step.minute, command, step.arrives - 0.5, frozen=True, outcome="malformed")
                self.steps.append(first.is_at_fault(kind))

    def _unreadably(self, step: Step) -> tuple[str, dict[str, Any]] | None:
        command = dict(step.command)
        bag = command.get("bag")
        if bag is None or self.chance(0.4):
            return "zoneless", command | {"happened_at": command["happened_at"][:19]}
        scans = {
            "malformed_scan": [bag.lower(), f"{bag[:13]}K{bag[13:]}", f"{bag}*", bag.replace("0", "O")],
            "sample_tube_scan": [f"={bag[:13]}06"],
        }
        kind = self.pick(list(scans))
        return kind, command | {"bag": self.pick(scans[kind])}
