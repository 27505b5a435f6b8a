"""This file holds random stories of blood, told as commands: some late, some reported, some wrong and corrected."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from typing import Any

from tests.properties.sayings import MARKERS, Command, amount, din, made

LOCAL = timezone(timedelta(hours=8))
FIRST = datetime(2026, 3, 1, 8, tzinfo=LOCAL)
DAY = 1440
"""Unit: minutes."""
SPAN = 24 * DAY
DONORS = [f"d{n}" for n in range(5)]
PATIENTS = [f"p{n}" for n in range(4)]
CENTRES, HOSPITALS = ["C1", "C2"], ["H1", "H2"]
LOTS = [("container", "CL1"), ("container", "CL2"), ("filter", "FL1"), ("additive", "AL1")]
REAGENTS, DEVICES, OPERATORS, RUNS = ["RL1", "RL2"], ["dev1", "dev2"], ["op1", "op2"], ["run1", "run2", "run3"]
TEST_RUNS = ["nat1", "nat2"]
RED, PLASMA = "leukoreduced_suspended_red_cells", "fresh_frozen_plasma"
DECIDED = {
    "PrepareBags", "ReleaseBag", "EmergencyReleaseBag", "RevokeRelease", "LiftHold", "ReserveBag",
    "CancelReservation", "DistributeBag", "IssueBag", "DiscardBag", "ModifyBag",
}  # fmt: skip


def instant(minute: float) -> datetime:
    """A minute of a story."""
    return FIRST + timedelta(minutes=minute)


@dataclass(eq=False)
class Step:
    """One command of a story. `arrives`: when it is said, in minutes, as `minute` is when it happened.

    `corrects`: of a correction, the step and stream it means, and the fact as facts are named there. `lifts`: of a
    lifting, the step that placed the hold. `frozen`: nothing may correct it.
    """

    minute: int
    command: Command
    arrives: float
    corrects: tuple["Step", str, str] | None = None
    lifts: "Step | None" = None
    frozen: bool = False
    tags: dict[str, Any] = field(default_factory=dict)


class Story:
    """A random story; the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.steps: list[Step] = []
        self._minutes: set[int] = set()
        self._platelets: list[tuple[str, int, str]] = []
        self._known: dict[str, Step] = {}
        """The step that makes a bag."""
        # A withdrawn collection goes on counting as its donor's history on the write side: not both in one story.
        self.peaceful = self.chance(0.5)
        groups = [("A", "positive")] if self.peaceful else [("A", "positive"), ("O", "positive"), ("B", "negative")]
        self._groups = {donor: self.pick(groups) for donor in DONORS}
        self.tell()

    # -- chance -----------------------------------------------------------------------------------

    def pick(self, choices: Sequence[Any]) -> Any:
        return self.random.choice(choices)

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def some(self, share: float, **fields: Any) -> dict[str, Any]:
        """These fields, sometimes."""
        return fields if self.chance(share) else {}

    def later(self, minute: int, low: int, high: int) -> int:
        return minute + self.random.randint(low, high)

    # -- saying -----------------------------------------------------------------------------------

    def say(self, minute: int, name: str, late: float = 0.12, **said: Any) -> Step:
        """Tell of something at a minute of its own; late things come days after, decisions then as reports."""
        while minute in self._minutes:
            minute += 1
        self._minutes.add(minute)
        command = {"command": name, "happened_at": instant(minute).isoformat(), "by": self.pick(OPERATORS), **said}
        arrives = float(minute)
        if self.chance(late):
            arrives += self.random.choice([30, 600, 3 * DAY, 9 * DAY]) * self.random.random() + 1
        if name in DECIDED and "reported" not in said and (arrives > minute or self.chance(0.12)):
            command["reported"] = True
        step = Step(minute, command, arrives)
        self.steps.append(step)
        return step

    def tell(self) -> None:
        for number in range(1, self.random.randint(4, 7)):
            self.donation(number, self.random.randint(0, SPAN // 2))
        self.pools()
        for number in range(self.random.randint(0, 2)):
            self.received(din(700 + number) + "=E5445V00", self.random.randint(0, SPAN // 2))
        self.strangers()
        self.persons()
        self.holds()
        self.steps.sort(key=lambda step: step.arrives)
        self.corrections()
        self.repetitions()
        self.steps.sort(key=lambda step: step.arrives)

    # -- how bags come to be ----------------------------------------------------------------------

    def donation(self, number: int, minute: int) -> None:
        donor, facility, name = self.pick(DONORS), self.pick(CENTRES), din(number)
        whole = f"{name}=E0336V00"
        if self.chance(0.2):
            self.say(self.later(minute, -60, 60), "RegisterDonation", din=name, donor=donor, facility=facility,
                     kind="whole_blood").frozen = True  # fmt: skip
        said = {"donor": donor, "facility": facility, "kind": "whole_blood", "quantity": amount("2")}
        said |= self.some(0.6, lots=self.lots("container")) | self.some(0.3, collector=self.pick(OPERATORS))
        said |= self.some(0.15, anticoagulant="CPDA-1") | self.some(0.3, devices=[self.pick(DEVICES)])
        said |= self.some(0.12, group="A" if self.peaceful else self.pick("ABO"), rhd="positive")
        said |= self.some(0.15, expires_at=instant(self.later(minute, 2 * DAY, 30 * DAY)).isoformat())
        if self.chance(0.12):
            container = f"{name}#1"
            said = {key: value for key, value in said.items() if key not in ("expires_at", "group", "rhd")}
            step = self.say(minute, "CollectBag", bag=container, **said)
            self.say(self.later(minute, 5, 50), "LabelBag", bag=whole, container=container, component="whole_blood",
                     quantity=amount("2"), facility=facility)  # fmt: skip
        else:
            step = self.say(minute, "CollectBag", bag=whole, **said)
        step.frozen = any(each.command.get("din") == name for each in self.steps)
        self.samples(name, self._groups[donor], self.later(minute, 300, 900))
        if self.chance(0.1):
            self.say(self.later(minute, 900, 9000), "RecordPostDonationInformation", din=name, kind="fever")
        self.separated(number, whole, facility, self.later(minute, 60, 400))

    def lots(self, *kinds: str) -> list[dict[str, str]]:
        return [{"kind": kind, "id": self.pick([name for each, name in LOTS if each == kind])} for kind in kinds]

    def samples(self, name: str, group: tuple[str, str], minute: int) -> None:
        markers = MARKERS if self.chance(0.65) else self.random.sample(MARKERS, self.random.randint(0, 7))
        using = self.some(0.5, reagent_lot=self.pick(REAGENTS)) | self.some(0.5, test_run=self.pick(TEST_RUNS))
        for marker in markers:
            result = "nonreactive" if self.chance(0.95) else self.pick(["reactive", "indeterminate", "reactive"])
            self.say(self.later(minute, 0, 200), "RecordTest", 0.08, din=name, marker=marker, result=result,
                     final=self.chance(0.95), **using)  # fmt: skip
        if self.chance(0.85):
            self.say(self.later(minute, 0, 200), "RecordGroup", din=name, group=group[0], rhd=group[1],
                     **self.some(0.4, device=self.pick(DEVICES)))  # fmt: skip
        if self.chance(0.12):
            again = "A" if self.peaceful else self.pick("AB")
            self.say(self.later(minute, 200, 900), "RecordGroup", din=name, group=again, rhd="positive")

    def made_with(self) -> dict[str, Any]:
        return (
            self.some(0.4, process_run=self.pick(RUNS))
            | self.some(0.4, operator=self.pick(OPERATORS))
            | self.some(0.4, devices=[self.pick(DEVICES)])
            | self.some(0.4, lots=self.lots(self.pick(["filter", "additive"])))
        )

    def prepare(
        self, minute: int, process: str, inputs: list[str], outputs: list[dict[str, Any]], facility: str
    ) -> None:
        for each in outputs:
            if self.chance(0.08):
                each["expires_at"] = instant(self.later(minute, DAY, 20 * DAY)).isoformat()
        self.say(minute, "PrepareBags", process=process, inputs=inputs, outputs=outputs, facility=facility,
                 **self.made_with())  # fmt: skip

    def separated(self, number: int, whole: str, facility: str, minute: int) -> None:
        red, plasma, platelets = (f"{din(number)}={code}V00" for code in ("E5445", "E0701", "E2807"))
        if self.chance(0.1):
            self.career(whole, facility, self.later(minute, 900, 3000), "whole_blood")
            return
        outputs = [
            made(red, RED, "2"),
            made(plasma, PLASMA, "200", "mL"),
            made(platelets, "concentrated_platelets", "2"),
        ]
        self.prepare(minute, "separate", [whole], outputs, facility)
        self._platelets.append((platelets, minute, facility))
        self.career(plasma, facility, self.later(minute, 900, 3000), PLASMA)
        for bag, ready in self.shared(number, red, facility, minute):
            self.career(bag, facility, self.later(ready, 900, 3000), RED)
        if self.chance(0.05):
            self.career(red, facility, self.later(minute, 900, 3000), RED)  # also when it was split: used up, and used

    def shared(self, number: int, red: str, facility: str, minute: int) -> list[tuple[str, int]]:
        """The red cells as they are at last: whole, split, split again, washed or under a new number."""
        chosen, done = self.random.random(), self.later(minute, 200, 3000)
        if chosen < 0.25:
            halves = [f"{din(number)}=E5445VA0", f"{din(number)}=E5445VB0"]
            self.prepare(done, "split", [red], [made(bag, RED, "1") for bag in halves], facility)
            if self.chance(0.4):
                quarters = [f"{din(number)}=E5445VAa", f"{din(number)}=E5445VAb"]
                again = self.later(done, 10, 900)
                self.prepare(again, "split", [halves[0]], [made(bag, RED, "0.5") for bag in quarters], facility)
                return [(halves[1], done), *((bag, again) for bag in quarters)]
            return [(bag, done) for bag in halves]
        if chosen < 0.37:
            washed = f"{din(number)}=E4532V00"
            self.prepare(done, "wash", [red], [made(washed, "washed_red_cells", "1.5")], facility)
            return [(washed, done)]
        if chosen < 0.5:
            renamed = f"{din(100 + number)}=E5445V00"
            self.prepare(done, "relabel", [red], [made(renamed, RED, "2")], facility)
            return [(renamed, done)]
        return [(red, minute)]

    def pools(self) -> None:
        self.random.shuffle(self._platelets)
        for number in (900, 901):
            members = self._platelets[: self.random.randint(2, 6)]
            if len(members) < 2:
                return
            self._platelets = self._platelets[len(members) :]
            facility, minute = members[0][2], self.later(max(ready for _, ready, _ in members), 100, 3000)
            pool = f"{din(number)}=E3088V00"
            outputs = [made(pool, "pooled_platelets", str(2 * len(members)))]
            self.prepare(minute, "pool", [bag for bag, _, _ in members], outputs, facility)
            if self.chance(0.2):
                self.say(self.later(minute, 1, 900), "RecordTest", din=din(number), marker="hbsag",
                         result=self.pick(["nonreactive", "reactive"]))  # fmt: skip
            if self.chance(0.5):
                halves = [f"{din(number)}=E3088VA0", f"{din(number)}=E3088VB0"]
                minute = self.later(minute, 10, 600)
                parts = [made(bag, "pooled_platelets", str(len(members))) for bag in halves]
                self.prepare(minute, "split", [pool], parts, facility)
                for bag in halves:
                    self.career(bag, facility, self.later(minute, 10, 1500), "pooled_platelets")
            else:
                self.career(pool, facility, self.later(minute, 10, 1500), "pooled_platelets")

    def received(self, bag: str, minute: int) -> None:
        said = {"bag": bag, "from": self.pick(["F8", "F9"]), "component": RED, "quantity": amount("2")}
        said |= self.some(0.7, released_by="qa9") | self.some(0.5, sender_bag=f"X-{bag[5:13]}")
        said |= {"group": "O", "rhd": "positive"} | self.some(
            0.7, collected_at=instant(minute - self.random.randint(0, 9 * DAY)).isoformat()
        )
        facility = self.pick(CENTRES)
        self.say(minute, "ReceiveBag", facility=facility, **said)
        self.career(bag, facility, self.later(minute, 10, 3000), RED)

    # -- what becomes of them ---------------------------------------------------------------------

    def career(self, bag: str, facility: str, minute: int, component: str) -> None:
        for name in ("InspectBag", "VerifyLabel"):
            if self.chance(0.95):
                minute = self.later(minute, 1, 60)
                self.say(minute, name, 0.05, bag=bag, **self.some(0.03, passed=False))
        self.incidents(bag, facility, minute, component)
        minute = self.later(minute, 1, 90)
        if self.chance(0.75):
            self.say(minute, "ReleaseBag", bag=bag)
        elif self.chance(0.7):
            self.say(minute, "EmergencyReleaseBag", bag=bag, authoriser="boss", reason="x")
        if self.chance(0.5):
            minute = self.later(minute, 1, 90)
            self.say(minute, self.pick(["StoreBag", "CountBag"]), bags=[bag], facility=facility, place="fridge")
        chosen = self.random.random()
        if chosen < 0.1:
            self.ended(bag, self.later(minute, 10, 3000))
        elif chosen < 0.95:
            self.sent(bag, facility, self.later(minute, 10, 3000))

    def incidents(self, bag: str, facility: str, minute: int, component: str) -> None:
        for _ in range(3):
            if self.chance(0.12):
                minutes, celsius = self.pick(["20", "7.5", "0.125"]), self.pick(["4", "22", "-30", "7.5"])
                self.say(self.later(minute, 1, 6000), "RecordBreach", 0.3, bag=bag, celsius=celsius, minutes=minutes,
                         **self.some(0.5, device=self.pick(DEVICES)))  # fmt: skip
        if self.chance(0.06):
            self.say(self.later(minute, 1, 3000), "ReportMissing", bag=bag, facility=facility)
            if self.chance(0.5):
                self.say(self.later(minute, 3000, 6000), "ReportFound", bag=bag, facility=facility, place="floor")
        if self.chance(0.1):
            self.say(self.later(minute, 1, 3000), "ReserveBag", bag=bag, patient=self.pick(PATIENTS))
        if component == PLASMA and self.chance(0.2):
            self.say(self.later(minute, 1, 3000), "ModifyBag", bag=bag, method="thaw")

    def ended(self, bag: str, minute: int) -> None:
        name, said = self.pick(
            [
                ("DiscardBag", {"reason": "x", "approved_by": "boss"}),
                ("DestroyBag", {}),
                ("SendForFractionation", {"to": "plant"}),
                ("UseForQualityControl", {}),
            ]
        )
        self.say(minute, name, bag=bag, **said)
        if name == "DiscardBag" and self.chance(0.4):
            self.say(self.later(minute, 1, 3000), "DestroyBag", bag=bag)

    def sent(self, bag: str, facility: str, minute: int) -> None:
        hospital = self.pick(HOSPITALS)
        if self.chance(0.8):
            self.say(minute, "DistributeBag", bag=bag, to=hospital, sent_from=facility)
            minute = self.later(minute, 30, 600)
            if self.chance(0.85):
                self.say(minute, "RecordArrival", bag=bag, at=hospital, place="bank")
            if self.chance(0.05):
                self.say(self.later(minute, 1, 60), "RecordArrival", bag=bag, at=facility)
        else:
            hospital = facility
        minute = self.later(minute, 10, 5000)
        if self.chance(0.85):
            self.issued(bag, hospital, facility, minute)
        elif self.chance(0.3):
            self.back(bag, hospital, facility, minute)

    def issued(self, bag: str, hospital: str, centre: str, minute: int) -> None:
        patient = self.pick(PATIENTS)
        if self.chance(0.9):
            result = "compatible" if self.chance(0.95) else "incompatible"
            self.say(minute, "CrossmatchBag", bag=bag, patient=patient, result=result)
        minute = self.later(minute, 5, 90)
        if self.chance(0.9):
            self.say(minute, "IssueBag", bag=bag, to="ward", facility=hospital,
                     **(self.some(0.92, patient=patient)),
                     **self.some(0.3, authoriser="boss", reason="x"))  # fmt: skip
        minute = self.later(minute, 10, 300)
        chosen = self.random.random()
        if chosen < 0.62:
            self.transfused(bag, patient if self.chance(0.93) else self.pick(PATIENTS), hospital, minute)
        elif chosen < 0.72:
            self.say(minute, "RecordTransfusion", bag=bag, patient=patient, hospital=hospital, presumed=True)
            if self.chance(0.3):
                self.transfused(bag, patient, hospital, self.later(minute, 10, 900))
        elif chosen < 0.88:
            self.back(bag, hospital, centre, minute)

    def transfused(self, bag: str, patient: str, hospital: str, minute: int) -> None:
        said = {"bag": bag, "patient": patient, "hospital": hospital}
        if self.chance(0.15):
            minute = self.later(minute, DAY, 40 * DAY)
        self.say(minute, "RecordTransfusion", 0.25, **said, **self.some(0.3, quantity=amount("0.5")))
        if self.chance(0.12):
            self.say(self.later(minute, 10, 300), "RecordTransfusion", **said, quantity=amount("0.25"))

    def back(self, bag: str, hospital: str, centre: str, minute: int) -> None:
        if self.chance(0.6):
            self.say(minute, "ReturnBag", bag=bag, **{"from": "ward"}, leg="ward_to_bank", facility=hospital)
        else:
            self.say(minute, "ReturnBag", bag=bag, **{"from": hospital}, leg="hospital_to_centre",
                     **self.some(0.5, facility=centre))  # fmt: skip

    def strangers(self) -> None:
        """Bags of which nobody ever tells where they came from."""
        for number in range(self.random.randint(0, 2)):
            bag, minute = f"{din(800 + number)}=E5445V00", self.random.randint(0, SPAN)
            self.pick(
                [
                    lambda bag=bag, minute=minute: self.transfused(bag, self.pick(PATIENTS), "H1", minute),
                    lambda bag=bag, minute=minute: self.back(bag, "H1", "C1", minute),
                    lambda bag=bag, minute=minute: self.sent(bag, "C1", minute),
                ]
            )()

    # -- who is whom, and what is held -------------------------------------------------------------

    def persons(self) -> None:
        for people, noun, command in ((DONORS, "donor", "Donors"), (PATIENTS, "patient", "Recipients")):
            for _ in range(self.random.randint(0, 2)):
                one, other = self.random.sample(people, 2)
                minute = self.random.randint(0, SPAN)
                self.say(minute, f"Merge{command}", **{noun: one, "other": other})
                if self.chance(0.4):
                    self.say(self.later(minute, 100, 9000), f"Unmerge{command}", **{noun: other, "other": one})
        for patient in PATIENTS:
            for _ in range(self.random.randint(0, 2)):
                group, rhd = self.pick([("A", "positive"), ("A", "positive"), ("O", "negative"), ("AB", "positive")])
                self.say(self.random.randint(0, SPAN), "RecordRecipientGroup", patient=patient, group=group, rhd=rhd)
        if self.chance(0.2):
            self.say(self.random.randint(0, SPAN), "RecordSelfExclusion", donor=self.pick(DONORS))

    def holds(self) -> None:
        for number in range(self.random.randint(0, 3)):
            minute = self.random.randint(0, SPAN)
            kind, name = self.pick(
                [
                    ("bag", f"{din(1)}=E5445V00"),
                    ("donation", din(2)),
                    ("donor", self.pick(DONORS)),
                    ("container_lot", "CL1"),
                    ("filter_lot", "FL1"),
                    ("reagent_lot", "RL1"),
                ]
            )
            said = {"cause": f"doubt{number}", "scope": {"kind": kind, "id": name}, "reason": "x"}
            placed = self.say(minute, "PlaceHold", **said)
            if self.chance(0.5):
                lifted = self.say(self.later(minute, 100, 6000), "LiftHold", **said, reported=False)
                lifted.arrives = max(lifted.arrives, placed.arrives + 1)
                lifted.lifts = placed
                lifted.frozen = placed.frozen = True

    # -- second thoughts --------------------------------------------------------------------------

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

    def wrong(self, step: Step) -> tuple[str, str, dict[str, Any] | None] | None:
        """What of a command is corrected: the stream, the fact as it is named there, the changes; None: all of it."""
        command = step.command
        bag = command.get("bag") or next(iter(command.get("bags", [])), "")
        hour = instant(self.free_minute(step.minute)).astimezone(UTC).isoformat()
        changes = {
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

    def free_minute(self, minute: int) -> int:
        """Another time for it, at which nothing else happens."""
        minute = max(0, minute + self.random.choice([-1, 1]) * self.random.randint(30, 4000))
        while minute in self._minutes:
            minute += 1
        self._minutes.add(minute)
        return minute

    def correct(self, step: Step, stream: str, fact: str, changes: dict[str, Any] | None) -> Step | None:
        name = "Annul" if changes is None else "Amend"
        said: dict[str, Any] = {"stream": stream, "reason": "x"} | ({} if changes is None else {"changes": changes})
        # by content a correction may mean several facts: they must not all become one instant's, which has no order
        by_content = fact == "bag.transfused" and "happened_at" not in (changes or {}) and self.chance(0.4)
        if by_content:
            said |= {"fact": fact, "match": {"patient": step.command["patient"]}, "reported": True}
        arrives = step.arrives + self.random.randint(1, 6 * DAY)
        new = self.say(int(arrives), name, 0.0, **said)
        new.arrives = arrives
        if by_content:
            new.frozen = True
            if self.chance(0.3):
                new.arrives = step.arrives - 1  # before what it means is heard of
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
        made = fact in ("bag.prepared", "bag.consumed")  # told again meanwhile, a making may stand in its retelling
        if second is not None and changes is None and not made and self.chance(0.3):
            self.correct(second, stream, fact.partition(".")[0] + ".annulled", None)

    def repetitions(self) -> None:
        """Some things are said twice."""
        for step in self.random.sample(self.steps, 3):
            if step.corrects is None and not step.frozen and step.command["command"] not in DECIDED:
                self.steps.append(Step(step.minute, dict(step.command), step.arrives + 500))
