"""This file holds how bags come to be in a story: donated, separated, split, pooled, renumbered, received."""

from typing import Any

from ledger.simulator.trouble.careers import Careers
from ledger.simulator.trouble.speech import MARKERS, amount, din, made
from ledger.simulator.trouble.telling import (
    CENTRES,
    DAY,
    DAYS,
    DEVICES,
    DONORS,
    LOTS,
    OPERATORS,
    PATIENTS,
    PLASMA,
    REAGENTS,
    RED,
    RUNS,
    TEST_RUNS,
    Step,
    instant,
)

POOLS, RENAMED, VANS, FAILED = 900_000, 100_000, 400_000, 600_000
"""Where the numbers of pools, renumbered bags and so on begin."""


class Births(Careers):
    """How bags come to be."""

    def __init__(self, seed: int, days: int = DAYS) -> None:
        super().__init__(seed, days)
        self._platelets: list[tuple[str, int, str]] = []
        groups = [("A", "positive")] if self.peaceful else [("A", "positive"), ("O", "positive"), ("B", "negative")]
        self._groups = {donor: self.pick(groups) for donor in DONORS}

    # -- donations --------------------------------------------------------------------------------

    def donation(self, number: int, minute: int) -> None:
        """One donation, from the arm to whatever becomes of its bags."""
        donor, facility, name = self.pick(DONORS), self.pick(CENTRES), din(number)
        whole = f"{name}=E0336V00"
        bound = self.some(0.1, purpose="autologous", intended_for=self.pick(PATIENTS))
        if bound:
            self.bound_to[name] = bound["intended_for"]
        if self.chance(0.2):
            self.say(self.later(minute, -60, 60), "RegisterDonation", din=name, donor=donor, facility=facility,
                     kind="whole_blood", **bound).frozen = True  # fmt: skip
        self.collected(name, whole, minute, {"donor": donor, "facility": facility, **bound})
        self.samples(name, self._groups[donor], self.later(minute, 300, 900))
        if self.chance(0.1):
            self.say(self.later(minute, 900, 9000), "RecordPostDonationInformation", din=name, kind="fever")
        if self.chance(0.1):
            self.reactive(name, self.later(minute, 9000, 30_000)).is_at_fault("late_reactive")
        self.separated(number, whole, facility, self.later(minute, 60, 400))

    def collected(self, name: str, whole: str, minute: int, whose: dict[str, Any]) -> None:
        """Collected under its label, or in a container that is labelled after."""
        said = {**whose, "kind": "whole_blood", "quantity": amount("2")}
        said |= self.some(0.6, lots=self.lots("container")) | self.some(0.3, collector=self.pick(OPERATORS))
        said |= self.some(0.15, anticoagulant="CPDA-1") | self.some(0.3, devices=[self.pick(DEVICES)])
        said |= self.some(0.12, group="A" if self.peaceful else self.pick("ABO"), rhd="positive")
        said |= self.some(0.15, expires_at=instant(self.later(minute, 2 * DAY, 30 * DAY)).isoformat())
        if self.chance(0.12):
            container = f"{name}#1"
            said = {key: value for key, value in said.items() if key not in ("expires_at", "group", "rhd")}
            step = self.say(minute, "CollectBag", bag=container, **said)
            self.say(self.later(minute, 5, 50), "LabelBag", bag=whole, container=container, component="whole_blood",
                     quantity=amount("2"), facility=whose["facility"])  # fmt: skip
        else:
            step = self.say(minute, "CollectBag", bag=whole, **said)
        step.frozen = any(each.command.get("din") == name for each in self.steps)

    def failed(self, number: int) -> None:
        """A donation that gave nothing."""
        self.say(self.any_minute() // 2, "RegisterDonation", din=din(FAILED + number), donor=self.pick(DONORS),
                 facility=self.pick(CENTRES), kind="whole_blood",
                 outcome="failed").is_at_fault("failed_collection")  # fmt: skip

    def two_vans(self, number: int) -> None:
        """Two vans without a connection give out one number: two donors, two bags, one name."""
        bag, minute = f"{din(VANS + number)}=E0336V00", self.any_minute() // 2
        for donor, centre in zip(self.random.sample(DONORS, 2), CENTRES, strict=True):
            minute = self.later(minute, 10, 900)
            van = self.say(minute, "CollectBag", 0, bag=bag, donor=donor, facility=centre, kind="whole_blood",
                           quantity=amount("2"), lots=self.lots("container"))  # fmt: skip
            van.arrives += self.random.randint(0, 2 * DAY)
            van.frozen = True
        van.is_at_fault("offline_vans")
        if self.chance(0.5):
            self.career(bag, CENTRES[0], self.later(minute, 900, 3000), "whole_blood")

    def lots(self, *kinds: str) -> list[dict[str, str]]:
        """One lot of each kind."""
        return [{"kind": kind, "id": self.pick([name for each, name in LOTS if each == kind])} for kind in kinds]

    def samples(self, name: str, group: tuple[str, str], minute: int) -> None:
        """Results on its samples: most, or some; now and then a bad one, or another group."""
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
            step = self.say(self.later(minute, 200, 900), "RecordGroup", din=name, group=again, rhd="positive")
            if again != group[0]:
                step.is_at_fault("group_disagreement")

    # -- processes --------------------------------------------------------------------------------

    def made_with(self) -> dict[str, Any]:
        """What a process is run with."""
        return (
            self.some(0.4, process_run=self.pick(RUNS))
            | self.some(0.4, operator=self.pick(OPERATORS))
            | self.some(0.4, devices=[self.pick(DEVICES)])
            | self.some(0.4, lots=self.lots(self.pick(["filter", "additive"])))
        )

    def prepare(
        self,
        minute: int,
        process: str,
        inputs: list[str],
        outputs: list[dict[str, Any]],
        facility: str,
        **more: Any,
    ) -> Step:
        """One process."""
        for each in outputs:
            if self.chance(0.08):
                each["expires_at"] = instant(self.later(minute, DAY, 20 * DAY)).isoformat()
        return self.say(minute, "PrepareBags", process=process, inputs=inputs, outputs=outputs, facility=facility,
                        **self.made_with(), **more)  # fmt: skip

    def separated(self, number: int, whole: str, facility: str, minute: int) -> None:
        """Into red cells, plasma and platelets, or used whole."""
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
        if self.chance(0.12):
            self.used_up_and_used(red, facility, self.later(minute, 900, 3000))

    def used_up_and_used(self, red: str, facility: str, minute: int) -> None:
        """Whatever was made of it, it is given too."""
        self.career(red, facility, minute, RED)
        self.given(red, self.pick(PATIENTS), facility, self.later(minute, 4000, 9000))
        if any(red in each.command.get("inputs", ()) for each in self.steps):
            self.steps[-1].is_at_fault("used_after_consumed")

    def shared(self, number: int, red: str, facility: str, minute: int) -> list[tuple[str, int]]:
        """The red cells as they are at last: whole, split, split again, washed or under a new number."""
        chosen, done = self.random.random(), self.later(minute, 200, 3000)
        if chosen < 0.25:
            return self.halved(number, red, facility, done)
        if chosen < 0.37:
            washed = f"{din(number)}=E4532V00"
            self.prepare(done, "wash", [red], [made(washed, "washed_red_cells", "1.5")], facility)
            return [(washed, done)]
        if chosen < 0.5:
            renamed = f"{din(RENAMED + number)}=E5445V00"
            self.prepare(done, "relabel", [red], [made(renamed, RED, "2")], facility).is_at_fault("relabelled")
            return [(renamed, done)]
        return [(red, minute)]

    def halved(self, number: int, red: str, facility: str, minute: int) -> list[tuple[str, int]]:
        """Split, perhaps one half again; a report may tell of more out than in."""
        halves = [f"{din(number)}=E5445VA0", f"{din(number)}=E5445VB0"]
        more = self.chance(0.25)
        split = self.prepare(minute, "split", [red], [made(bag, RED, "1.5" if more else "1") for bag in halves],
                             facility, **({"reported": True} if more else {}))  # fmt: skip
        if more:
            split.is_at_fault("outputs_above_inputs")
        if self.chance(0.6):
            return [(bag, minute) for bag in halves]
        quarters = [f"{din(number)}=E5445VAa", f"{din(number)}=E5445VAb"]
        again = self.later(minute, 10, 900)
        outputs = [made(bag, RED, "0.5") for bag in quarters]
        self.prepare(again, "split", [halves[0]], outputs, facility).is_at_fault("split_of_split")
        return [(halves[1], minute), *((bag, again) for bag in quarters)]

    def pools(self, count: int) -> None:
        """Pools of platelets; a member may turn out reactive after."""
        self.random.shuffle(self._platelets)
        for number in range(POOLS, POOLS + count):
            members = self._platelets[: self.random.randint(2, 6)]
            if len(members) < 2:
                return
            self._platelets = self._platelets[len(members) :]
            self.pool(number, members)

    def pool(self, number: int, members: list[tuple[str, int, str]]) -> None:
        """One pool, and what becomes of it."""
        facility, minute = members[0][2], self.later(max(ready for _, ready, _ in members), 100, 3000)
        pool = f"{din(number)}=E3088V00"
        outputs = [made(pool, "pooled_platelets", str(2 * len(members)))]
        self.prepare(minute, "pool", [bag for bag, _, _ in members], outputs, facility)
        if self.chance(0.2):
            self.say(self.later(minute, 1, 900), "RecordTest", din=din(number), marker="hbsag",
                     result=self.pick(["nonreactive", "reactive"]))  # fmt: skip
        if self.chance(0.3):
            late = self.reactive(self.pick(members)[0][:13], self.later(minute, 1000, 9000))
            late.is_at_fault("pool_with_reactive")
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
        """From outside, with the sender's word."""
        said = {"bag": bag, "from": self.pick(["F8", "F9"]), "component": RED, "quantity": amount("2")}
        said |= self.some(0.7, released_by="qa9") | self.some(0.5, sender_bag=f"X-{bag[5:13]}")
        said |= {"group": "O", "rhd": "positive"} | self.some(
            0.7, collected_at=instant(minute - self.random.randint(0, 9 * DAY)).isoformat()
        )
        facility = self.pick(CENTRES)
        self.say(minute, "ReceiveBag", facility=facility, **said).is_at_fault("received_from_outside")
        self.career(bag, facility, self.later(minute, 10, 3000), RED)
