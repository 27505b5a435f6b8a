"""This file holds where a bag was, saying by saying, and what became of it."""

from typing import Any

from ledger.simulator.trouble.sayings import FATES, FINAL, Saying


class Way:
    """Where a bag was, saying by saying in business order, and what became of it."""

    def __init__(self, sayings: list[Saying]) -> None:
        self.fate: str | None = None
        self.consumed = self.missing = self.released = False
        self.reserved_for: str | None = None
        self.issues: list[str | None] = []
        self.custody: str | None = None
        self.consignee: str | None = None
        self.facility: str | None = None
        self.place: str | None = None
        self.home: str | None = None
        self.sent_by: str | None = None
        self.issued_to: str | None = None
        self.given: dict[str, None] = {}
        self.presumed: dict[str, None] = {}
        self.since: Saying | None = None
        self.heard = False
        for saying in sayings:
            self.take(saying)

    def take(self, saying: Saying) -> None:
        """One more saying, in business order."""
        before = self.whereabouts()
        self.heard = True
        step = _STEPS.get(saying.fact)
        if step is not None:
            step(self, saying)
        if self.whereabouts() != before:
            self.since = saying

    @property
    def ended(self) -> bool:
        return self.consumed or self.fate is not None

    def whereabouts(self) -> tuple[Any, ...]:
        if self.ended:
            return (self.fate, self.consumed)
        if self.custody is not None:
            return (self.custody, self.consignee, self.facility, self.place, self.issued_to)
        return (self.missing, self.facility, self.place)

    @property
    def patients(self) -> list[str]:
        """Those it was given to; if none, the one it was issued to, and those it is presumed given to."""
        issued = {} if self.issued_to is None else {self.issued_to: None}
        return list(self.given or issued | self.presumed)

    def status(self, held: bool) -> str:
        if self.fate is not None:
            return self.fate if self.fate in FINAL else "out"
        if self.consumed:
            return "consumed"
        if not self.heard:
            return "out"
        if self.custody is not None:
            return self.custody
        if self.missing:
            return "missing"
        if held:
            return "held"
        if self.reserved_for is not None:
            return "reserved"
        return "available" if self.released else "quarantine"

    # -- steps ------------------------------------------------------------------------------------

    def begins(self, said: Saying) -> None:
        self.home = self.home or said.body.get("facility")
        self.facility = self.facility or said.body.get("facility")

    def labelled(self, said: Saying) -> None:
        if "container" in said.body:
            self.begins(said)

    def received(self, said: Saying) -> None:
        self.begins(said)
        self.custody = self.consignee = self.issued_to = None
        self.facility = said.body.get("facility") or self.facility
        self.released = self.released or bool(said.body.get("released_by"))

    def used_up(self, said: Saying) -> None:
        self.consumed, self.reserved_for = True, None

    def seen(self, said: Saying) -> None:
        if not self.ended:
            self.missing = False
            self.facility = said.body.get("facility") or self.facility
            self.home = self.home or said.body.get("facility")
            self.place = said.body.get("place") or self.place

    def lost(self, said: Saying) -> None:
        self.missing = True

    def reserves(self, said: Saying) -> None:
        self.reserved_for = said.body["patient"]

    def distributed(self, said: Saying) -> None:
        self.custody, self.consignee, self.issued_to = "distributed", said.body["to"], None
        self.home = self.home or said.body.get("sent_from")
        self.sent_by = said.body.get("sent_from") or self.facility
        self.facility, self.place = said.body["to"], None

    def arrived(self, said: Saying) -> None:
        self.issued_to = None
        if not self.ended:
            self.custody, self.missing = None, False
            self.consignee = None if said.body["at"] == self.home else said.body["at"]
            self.facility, self.place = said.body["at"], said.body.get("place")

    def issued(self, said: Saying) -> None:
        self.custody, self.reserved_for, self.issued_to = "issued", None, said.body.get("patient")
        self.issues.append(self.issued_to)
        self.facility = said.body.get("facility") or self.facility

    def returned(self, said: Saying) -> None:
        self.issued_to = None
        if not self.ended:
            if said.body["leg"] == "hospital_to_centre":
                self.consignee = None
                self.facility = self.sent_by or self.home or self.facility
            self.facility = said.body.get("facility") or self.facility
            self.custody, self.place = "returned", None

    def releases(self, said: Saying) -> None:
        self.released = True

    def transfused(self, said: Saying) -> None:
        if said.body.get("presumed"):
            self.presumed[said.body["patient"]] = None
        else:
            self.given[said.body["patient"]] = None
            self.ends(said)

    def ends(self, said: Saying) -> None:
        if said.fact == "bag.destroyed" and self.fate == "discarded":
            self.fate = "destroyed"
        elif self.fate is None:
            self.fate = FATES[said.fact]
            self.reserved_for, self.missing = None, False


_STEPS: dict[str, Any] = {
    "bag.collected": Way.begins,
    "bag.prepared": Way.begins,
    "bag.labelled": Way.labelled,
    "bag.received": Way.received,
    "bag.consumed": Way.used_up,
    "bag.stored": Way.seen,
    "bag.moved": Way.seen,
    "bag.counted": Way.seen,
    "bag.found": Way.seen,
    "bag.missing": Way.lost,
    "bag.reserved": Way.reserves,
    "bag.distributed": Way.distributed,
    "bag.arrived": Way.arrived,
    "bag.issued": Way.issued,
    "bag.returned": Way.returned,
    "bag.released": Way.releases,
    "bag.transfused": Way.transfused,
    **dict.fromkeys(set(FATES) - {"bag.transfused"}, Way.ends),
}
