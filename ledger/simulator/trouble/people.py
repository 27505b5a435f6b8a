"""This file holds who is whom in a story, and what is held back."""

from ledger.simulator.trouble.speech import din
from ledger.simulator.trouble.telling import DONORS, PATIENTS, Step, Telling


class People(Telling):
    """Donors and patients, and holds by scope."""

    def persons(self) -> None:
        """Merged, unmerged, grouped, excluding themselves."""
        for people, noun, command in ((DONORS, "donor", "Donors"), (PATIENTS, "patient", "Recipients")):
            for _ in range(self.random.randint(0, 2)):
                one, other = self.random.sample(people, 2)
                minute = self.any_minute()
                merged = self.say(minute, f"Merge{command}", **{noun: one, "other": other})
                if noun == "donor":
                    merged.is_at_fault("merged_donors")
                if self.chance(0.4):
                    parted = self.say(self.later(minute, 100, 9000), f"Unmerge{command}", **{noun: other, "other": one})
                    if noun == "donor":
                        parted.is_at_fault("unmerged_donors")
        for patient in PATIENTS:
            for _ in range(self.random.randint(0, 2)):
                group, rhd = self.pick([("A", "positive"), ("A", "positive"), ("O", "negative"), ("AB", "positive")])
                self.say(self.any_minute(), "RecordRecipientGroup", patient=patient, group=group, rhd=rhd)
        if self.chance(0.2):
            self.say(self.any_minute(), "RecordSelfExclusion", donor=self.pick(DONORS))

    def holds(self) -> None:
        """Holds by scope; some overlap, some are lifted."""
        for number in range(self.random.randint(0, 3)):
            minute = self.any_minute()
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
            first = self.hold(minute, f"doubt{number}", kind, name)
            if self.chance(0.3):
                self.hold(self.later(minute, 10, 5000), f"recall{number}", kind, name)
                self.lifted(first).is_at_fault("recall_overlapping")
            elif self.chance(0.5):
                self.lifted(first)

    def hold(self, minute: int, cause: str, kind: str, name: str) -> Step:
        """Place one."""
        return self.say(minute, "PlaceHold", cause=cause, scope={"kind": kind, "id": name}, reason="x")

    def lifted(self, placed: Step) -> Step:
        """Lift one, once it is known to be placed."""
        said = {name: placed.command[name] for name in ("cause", "scope", "reason")}
        lifted = self.say(self.later(placed.minute, 100, 6000), "LiftHold", **said, reported=False)
        lifted.arrives = max(lifted.arrives, placed.arrives + 1)
        lifted.lifts = placed
        lifted.frozen = placed.frozen = True
        return lifted
