"""This file holds second thoughts in a story: what was said is corrected, and some of that again."""

from datetime import UTC
from typing import Any

from ledger.simulator.trouble.speech import amount
from ledger.simulator.trouble.telling import CENTRES, DAY, HOSPITALS, PATIENTS, Step, Telling, instant

Wrong = tuple[str, str, dict[str, Any] | None]
"""The stream, the fact as it is named there, the changes; None: all of it."""


class SecondThoughts(Telling):
    """Corrections."""

    def corrections(self) -> None:
        """Some of what was said is amended or taken back, and some of that again."""
        for step in list(self.steps):
            if step.frozen or not self.chance(0.1):
                continue
            wrong = self.wrong(step)
            if wrong is not None:
                first = self.correct(step, *wrong)
                if first is not None and self.chance(0.35):
                    self.reconsider(first)

    def of_nothing(self, bag: str) -> None:
        """A correction of something nobody ever said."""
        self.say(self.any_minute(), "Annul", stream=bag, fact="bag.issued", match={"patient": "p9"}, reason="x",
                 reported=True).is_at_fault("correction_of_unknown").frozen = True  # fmt: skip

    def wrong(self, step: Step) -> Wrong | None:
        """What of a command is corrected; None where nothing may be."""
        command = step.command
        bag = command.get("bag") or next(iter(command.get("bags", [])), "")
        hour = instant(self.another_minute(step.minute)).astimezone(UTC).isoformat()
        changes: dict[str, tuple[str, list[dict[str, Any]]]] = {
            "RecordTest": ("donation.tested", [{"result": self.pick(["reactive", "nonreactive"])}, {"final": True}]),
            "RecordGroup": ("donation.grouped", [{"group": "A" if self.peaceful else self.pick(["A", "O"])}]),
            "RecordRecipientGroup": ("recipient.grouped", [{"group": self.pick(["A", "O"])}]),
            "CollectBag": ("bag.collected", [{"quantity": amount("1.5")}, {"happened_at": hour},
                                             {"donor": "d4"} if self.peaceful else {"quantity": amount("1")}]),
            "ReceiveBag": ("bag.received", [{"sent_from": "F7"}, {"facility": "C2"}]),
            "RecordTransfusion": ("bag.transfused", [{"patient": self.pick(PATIENTS)}, {"happened_at": hour},
                                                     {"quantity": amount("0.125")}, {"presumed": False}]),
            "IssueBag": ("bag.issued", [{"patient": self.pick(PATIENTS)}]),
            "DistributeBag": ("bag.distributed", [{"to": self.pick(HOSPITALS)}]),
            "RecordArrival": ("bag.arrived", [{"at": self.pick(HOSPITALS)}]),
            "RecordBreach": ("bag.temperature_breached", [{"minutes": "33.5"}, {"minutes": "1"}]),
            "StoreBag": ("bag.stored", [{"facility": self.pick(CENTRES)}]),
            "ReturnBag": ("bag.returned", [{"facility": self.pick(CENTRES)}]),
            "ReleaseBag": ("bag.released", [{"happened_at": hour}]),
            "EmergencyReleaseBag": ("bag.released", [{"happened_at": hour}]),
            "CrossmatchBag": ("bag.crossmatched", [{"result": "incompatible"}]),
            "InspectBag": ("bag.inspected", [{"passed": True}]),
        }  # fmt: skip
        name = command["command"]
        if name == "PrepareBags":
            stream, fact = self.pick(
                [(command["inputs"][0], "bag.consumed"), (command["outputs"][0]["bag"], "bag.prepared")]
            )
            return stream, fact, None
        if name == "MergeRecipients" or (name == "MergeDonors" and self.peaceful):  # else disputes would stay, unjudged
            noun = "donor" if name == "MergeDonors" else "patient"
            return f"{noun}:{command[noun]}", f"{'donor' if noun == 'donor' else 'recipient'}.merged", None
        if name not in changes:
            return None
        fact, choices = changes[name]
        stream = bag or command.get("din") or f"patient:{command['patient']}"
        amended = self.chance(0.55) or (name == "CollectBag" and not self.peaceful)
        return stream, fact, self.pick(choices) if amended else None

    def correct(self, step: Step, stream: str, fact: str, changes: dict[str, Any] | None) -> Step | None:
        """Correct it, by its version or by what it says; None where nothing may correct that again."""
        name = "Annul" if changes is None else "Amend"
        said: dict[str, Any] = {"stream": stream, "reason": "x"} | ({} if changes is None else {"changes": changes})
        # by content a correction may mean several facts: they must not all become one instant's, which has no order
        by_content = fact == "bag.transfused" and "happened_at" not in (changes or {}) and self.chance(0.4)
        if by_content:
            said |= {"fact": fact, "match": {"patient": step.command["patient"]}, "reported": True}
        arrives = step.arrives + self.random.randint(1, 6 * DAY)
        new = self.say(int(arrives) + 1, name, 0.0, **said).is_at_fault("annulled" if changes is None else "correction")
        if by_content:
            new.frozen = True
            if self.chance(0.3):  # it comes before what it means
                step.arrives = new.arrives + self.random.randint(1, DAY)
                new.is_at_fault("correction_of_unknown")
            return None
        new.corrects = (step, stream, fact)
        return new

    def reconsider(self, first: Step) -> None:
        """A correction of a correction."""
        assert first.corrects is not None
        _, stream, fact = first.corrects
        name = fact.partition(".")[0] + (".annulled" if first.command["command"] == "Annul" else ".amended")
        changes = None
        if "patient" in first.command.get("changes", {}) and self.chance(0.5):
            changes = {"patient": self.pick(PATIENTS)}
        second = self.correct(first, stream, name, changes)
        if second is None:
            return
        second.is_at_fault("correction_of_correction")
        made = fact in ("bag.prepared", "bag.consumed")  # told again meanwhile, a making may stand in its retelling
        if changes is None and not made and self.chance(0.3):
            third = self.correct(second, stream, fact.partition(".")[0] + ".annulled", None)
            if third is not None:
                third.is_at_fault("correction_of_correction")
