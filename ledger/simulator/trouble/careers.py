"""This file holds what becomes of bags in a story: checked, released, sent, given, returned, ended."""

from ledger.simulator.trouble.speech import MARKERS, amount
from ledger.simulator.trouble.telling import DAY, DEVICES, HOSPITALS, PATIENTS, PLASMA, Step, Telling


class Careers(Telling):
    """What becomes of bags."""

    def career(self, bag: str, facility: str, minute: int, component: str) -> None:
        """From its checks to its end; every step may be left out, late, or wrong."""
        for name in ("InspectBag", "VerifyLabel"):
            if self.chance(0.95):
                minute = self.later(minute, 1, 60)
                self.say(minute, name, 0.05, bag=bag, **self.some(0.03, passed=False))
        self.incidents(bag, facility, minute, component)
        minute = self.later(minute, 1, 90)
        self.released(bag, minute)
        if self.chance(0.5):
            minute = self.later(minute, 1, 90)
            self.say(minute, self.pick(["StoreBag", "CountBag"]), bags=[bag], facility=facility, place="fridge")
        chosen = self.random.random()
        if chosen < 0.12:
            self.ended(bag, self.later(minute, 10, 3000))
        elif chosen < 0.95:
            self.sent(bag, facility, self.later(minute, 10, 3000))

    def released(self, bag: str, minute: int) -> None:
        """Released, or released in an emergency, or for the one it is bound to, or not at all."""
        patient = self.bound_to.get(bag[:13])
        if patient is not None and self.chance(0.7):
            self.say(minute, "ReleaseAutologousBag", bag=bag, patient=patient)
        elif self.chance(0.75):
            self.say(minute, "ReleaseBag", bag=bag)
        elif self.chance(0.7):
            self.say(minute, "EmergencyReleaseBag", bag=bag, authoriser="boss", reason="x")
            if self.chance(0.25):
                self.reactive(bag[:13], self.later(minute, 300, 5000)).is_at_fault("emergency_then_positive")

    def reactive(self, name: str, minute: int) -> Step:
        """A result that holds everything of a donation."""
        return self.say(minute, "RecordTest", 0.3, din=name, marker=self.pick(MARKERS), result="reactive",
                        stage="repeat")  # fmt: skip

    def incidents(self, bag: str, facility: str, minute: int, component: str) -> None:
        """What may happen to a bag on its way."""
        for _ in range(3):
            if self.chance(0.12):
                minutes, celsius = self.pick(["20", "7.5", "0.125"]), self.pick(["4", "22", "-30", "7.5"])
                self.say(self.later(minute, 1, 6000), "RecordBreach", 0.3, bag=bag, celsius=celsius, minutes=minutes,
                         **self.some(0.5, device=self.pick(DEVICES))).is_at_fault("cold_chain")  # fmt: skip
        if self.chance(0.06):
            self.say(self.later(minute, 1, 3000), "ReportMissing", bag=bag, facility=facility)
            if self.chance(0.5):
                self.say(self.later(minute, 3000, 6000), "ReportFound", bag=bag, facility=facility, place="floor")
        if self.chance(0.1):
            self.say(self.later(minute, 1, 3000), "ReserveBag", bag=bag, patient=self.pick(PATIENTS))
        if component == PLASMA and self.chance(0.2):
            self.say(self.later(minute, 1, 3000), "ModifyBag", bag=bag, method="thaw")
        if self.chance(0.04):
            ahead = self.say(self.later(minute, 1, 3000), "CountBag", 0, bags=[bag], facility=facility)
            ahead.arrives -= 3 * DAY  # whoever counted has a clock that is ahead
            ahead.frozen = True
            ahead.is_at_fault("future_clock")

    def ended(self, bag: str, minute: int) -> None:
        """Ended in nobody; some are given all the same."""
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
        if self.chance(0.2):
            given = self.given(bag, self.pick(PATIENTS), self.pick(HOSPITALS), self.later(minute, 100, 3000))
            given.is_at_fault("discarded_given")

    def sent(self, bag: str, facility: str, minute: int) -> None:
        """To a hospital, or used where it is."""
        hospital = self.pick(HOSPITALS)
        if self.chance(0.8):
            first = self.say(minute, "DistributeBag", bag=bag, to=hospital, sent_from=facility)
            if self.chance(0.12):
                self.wanted_by_two(first)
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

    def wanted_by_two(self, first: Step) -> None:
        """Two hospitals at once: both are decided in one commit."""
        first.command.pop("reported", None)
        first.arrives = float(first.minute)
        other = next(each for each in HOSPITALS if each != first.command["to"])
        second = self.say(first.minute + 1, "DistributeBag", 0, reported=False, **_without(first, to=other))
        second.arrives = first.arrives
        second.along_with = first
        second.is_at_fault("two_hospitals")

    def issued(self, bag: str, hospital: str, centre: str, minute: int) -> None:
        """Crossmatched, issued, given; each may be missing."""
        bound = self.bound_to.get(bag[:13])
        patient = bound if bound is not None and self.chance(0.5) else self.pick(PATIENTS)
        if self.chance(0.9):
            result = "compatible" if self.chance(0.95) else "incompatible"
            self.say(minute, "CrossmatchBag", bag=bag, patient=patient, result=result)
        minute = self.later(minute, 5, 90)
        was_issued = self.chance(0.9)
        if was_issued:
            self.say(minute, "IssueBag", bag=bag, to="ward", facility=hospital,
                     **(self.some(0.92, patient=patient)),
                     **self.some(0.3, authoriser="boss", reason="x"))  # fmt: skip
        minute = self.later(minute, 10, 300)
        chosen = self.random.random()
        if chosen < 0.62:
            given = self.transfused(bag, patient if self.chance(0.88) else self.pick(PATIENTS), hospital, minute)
            if given.command["patient"] != patient:
                given.is_at_fault("wrong_patient")
            if bound is not None and given.command["patient"] != bound:
                given.is_at_fault("autologous_to_another")
            if not was_issued:
                given.is_at_fault("never_issued_given")
        elif chosen < 0.72:
            self.say(minute, "RecordTransfusion", bag=bag, patient=patient, hospital=hospital,
                     presumed=True).is_at_fault("presumed")  # fmt: skip
            if self.chance(0.3):
                self.transfused(bag, patient, hospital, self.later(minute, 10, 900))
        elif chosen < 0.88:
            self.back(bag, hospital, centre, minute)

    def given(self, bag: str, patient: str, hospital: str, minute: int) -> Step:
        """In a patient."""
        return self.say(minute, "RecordTransfusion", 0.25, bag=bag, patient=patient, hospital=hospital,
                        **self.some(0.3, quantity=amount("0.5")))  # fmt: skip

    def transfused(self, bag: str, patient: str, hospital: str, minute: int) -> Step:
        """In a patient; late, held back, too warm before, in two sittings, or partly in another."""
        if self.chance(0.06):
            hold = self.say(minute, "PlaceHold", cause="doubt9", scope={"kind": "bag", "id": bag}, reason="x")
            hold.frozen = True
            hold.is_at_fault("held_given")
            minute = self.later(minute, 10, 300)
        expired = self.chance(0.12)
        if expired:
            minute = self.later(minute, 43 * DAY, 60 * DAY)
        if self.chance(0.1):
            warm = self.say(minute - 5, "RecordBreach", 0, bag=bag, celsius="22", minutes="20")
            warm.arrives += self.random.randint(DAY, 9 * DAY)
            warm.is_at_fault("temperature_late")
        first = self.given(bag, patient, hospital, minute)
        if expired and "=E0701" not in bag:
            first.is_at_fault("expired_given")
        if self.chance(0.12):
            self.say(self.later(minute, 10, 300), "RecordTransfusion", bag=bag, patient=patient, hospital=hospital,
                     quantity=amount("0.25"))  # fmt: skip
        if self.chance(0.05):
            another = next(each for each in PATIENTS if each != patient)
            self.given(bag, another, hospital, self.later(minute, 10, 900)).is_at_fault("two_patients")
        return first

    def back(self, bag: str, hospital: str, centre: str, minute: int) -> None:
        """From the ward, or from the hospital."""
        if self.chance(0.6):
            said = {"from": "ward", "leg": "ward_to_bank", "facility": hospital}
        else:
            said = {"from": hospital, "leg": "hospital_to_centre", **self.some(0.5, facility=centre)}
        self.say(minute, "ReturnBag", bag=bag, **said).is_at_fault("returned")


def _without(step: Step, **changed: str) -> dict[str, object]:
    """What a command says besides its name and time, with something else in a field."""
    return {key: value for key, value in step.command.items() if key not in ("command", "happened_at")} | changed
