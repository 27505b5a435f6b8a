"""This file holds the oracle: what must be true of bags, recomputed naively from the commands that were accepted.

It knows nothing of the ledger. It keeps the list of what was said and answers every question by walking it again.
"""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from ledger.simulator.trouble.speech import ENDS, GOOD, MARKERS, Command

Holds = set[tuple[str, str]]

STOPPED_BY_HOLD = {"pool", "split", "wash", "irradiate", "thaw", "deglycerolise", "redesignate"}
RANGES = {
    "whole_blood": (2, 6),
    "leukoreduced_suspended_red_cells": (2, 6),
    "washed_red_cells": (2, 6),
    "concentrated_platelets": (20, 24),
    "pooled_platelets": (20, 24),
    "fresh_frozen_plasma": (-999, -18),
}
CHECKS = {"InspectBag", "VerifyLabel", "RecordQualityTest", "ReturnBag", "RecordBreach"}


class Oracle:
    """What was said, in order, and what follows from it."""

    def __init__(self) -> None:
        self.said: list[Command] = []
        self.where: list[tuple[str, int]] = []
        """Stream and version of the first fact of each; a correction names its target by it."""
        self.lifts: dict[int, int] = {}
        """Which placing each lifting took: the oldest that was open with its cause and scope."""
        self._remembered: dict[str, Any] = {}
        """Answers that hold until something more is said: the same walk, done once."""

    def once(self, question: str, answer: Callable[[], Any]) -> Any:
        if question not in self._remembered:
            self._remembered[question] = answer()
        return self._remembered[question]

    def accept(self, command: Command, stream: str, version: int) -> None:
        if command["command"] == "LiftHold":
            self.lifts[len(self.said)] = self.liftable(command)[0]
        self.said.append(command)
        self._remembered = {}
        self.where.append((stream, version))

    # -- what still stands ------------------------------------------------------------------------

    def index_of(self, stream: str, version: int) -> int | None:
        return self.where.index((stream, version)) if (stream, version) in self.where else None

    def annulled(self) -> set[int]:
        """Numbers of what was said and no longer stands; an annulled annulment restores its target."""
        return set(self.once("annulled", self._annulled))

    def _annulled(self) -> set[int]:
        gone: set[int] = set()
        for number in reversed(range(len(self.said))):
            each = self.said[number]
            if each["command"] == "Annul" and number not in gone:
                target = self.index_of(each["stream"], each["version"])
                if target is not None:
                    gone.add(target)
        return gone

    def standing(self) -> list[Command]:
        """Everything that stands, amended where it was amended."""
        return [each for _, each in self.numbered()]

    def numbered(self) -> list[tuple[int, Command]]:
        """What stands, with the number under which it was said."""
        return list(self.once("numbered", self._numbered))

    def _numbered(self) -> list[tuple[int, Command]]:
        gone = self.annulled()
        now = [dict(each) for each in self.said]
        for number, each in enumerate(self.said):
            if each["command"] == "Amend" and number not in gone:
                target = self.index_of(each["stream"], each["version"])
                if target is not None:
                    now[target].update(each["changes"])
        return [(number, each) for number, each in enumerate(now) if number not in gone]

    def all_of(self, *names: str) -> list[Command]:
        return [each for each in self.standing() if each["command"] in names]

    def about(self, bag: str, *names: str) -> list[Command]:
        """What was said of one bag, last last."""
        return [each for each in self.standing() if each["command"] in names and bag in bags_in(each)]

    def last(self, bag: str, *names: str) -> Command | None:
        found = self.about(bag, *names)
        return found[-1] if found else None

    # -- who is made from whom --------------------------------------------------------------------

    def edges(self) -> set[tuple[str, str]]:
        return set(self.once("edges", self._edges))

    def _edges(self) -> set[tuple[str, str]]:
        found = set()
        for each in self.all_of("PrepareBags"):
            found |= {(parent, out["bag"]) for parent in each["inputs"] for out in each["outputs"]}
        for each in self.all_of("LabelBag"):
            if "container" in each:
                found.add((each["container"], each["bag"]))
        return found

    def ancestors(self, bag: str) -> set[str]:
        """The bag and everything it comes from."""
        edges, found, todo = self.edges(), {bag}, [bag]
        while todo:
            child = todo.pop()
            for parent, other in edges:
                if other == child and parent not in found:
                    found.add(parent)
                    todo.append(parent)
        return found

    def mentioned(self) -> set[str]:
        """Every bag ever named, also by what was annulled since."""
        found: set[str] = set()
        for each in self.said:
            found |= set(bags_in(each))
        return found

    def made(self, bag: str) -> bool:
        """Whether it is said where the bag comes from."""
        collected = [each for each in self.all_of("CollectBag", "ReceiveBag") if each["bag"] == bag]
        return bool(collected) or any(child == bag for _, child in self.edges())

    def consumed(self, bag: str) -> bool:
        return any(parent == bag for parent, _ in self.edges())

    def component(self, bag: str) -> str | None:
        found = None
        for each in self.standing():
            if each["command"] in ("CollectBag", "ReceiveBag") and each["bag"] == bag:
                found = each.get("kind") or each["component"]
            for out in each.get("outputs", []):
                found = out["component"] if out["bag"] == bag else found
        return found

    def quantity(self, bag: str) -> tuple[Decimal, str] | None:
        found = None
        for each in self.standing():
            if each["command"] in ("CollectBag", "ReceiveBag") and each["bag"] == bag:
                found = each["quantity"]
            for out in each.get("outputs", []):
                found = out["quantity"] if out["bag"] == bag else found
        return (Decimal(found["amount"]), found["measure"]) if found else None

    # -- donations --------------------------------------------------------------------------------

    def donations(self, bag: str) -> set[str]:
        """Every donation whose blood may be in the bag: the number of each bag it comes from."""
        return {each[:13] for each in self.ancestors(bag)}

    def donors(self, din: str) -> set[str]:
        named = self.all_of("CollectBag")
        own = {each["donor"] for each in named if each["bag"][:13] == din}
        merged = [{each["donor"], each["other"]} for each in self.all_of("MergeDonors")]
        for _ in merged:
            for pair in merged:
                own |= pair if own & pair else set()
        return own

    def results(self, din: str) -> dict[str, list[Command]]:
        found: dict[str, list[Command]] = {}
        for each in self.all_of("RecordTest"):
            if each["din"] == din:
                found.setdefault(each["marker"], []).append(each)
        return found

    def groups(self, din: str) -> set[tuple[str, str]]:
        return {(each["group"], each["rhd"]) for each in self.all_of("RecordGroup") if each["din"] == din}

    def groups_with_history(self, din: str) -> set[tuple[str, str]]:
        """The groups found on it, and on all other donations of the same person."""
        own = self.donors(din)
        dins = {each["bag"][:13] for each in self.all_of("CollectBag")}
        same = {each for each in dins if self.donors(each) & own}
        return set().union(*(self.groups(each) for each in same | {din})) if self.groups(din) else set()

    def acceptable(self, din: str) -> bool:
        """All markers final and good, one undisputed group, and the donation known."""
        results = self.results(din)
        final = all(any(each.get("final", True) for each in results.get(marker, [])) for marker in MARKERS)
        good = all(each["result"] in GOOD for marker in results for each in results[marker])
        registered = any(each["bag"][:13] == din for each in self.all_of("CollectBag"))
        return registered and final and good and bool(self.groups(din)) and len(self.groups_with_history(din)) == 1

    def dins_of_pool(self, bag: str) -> set[str]:
        """Donations that must be acceptable before release: those collected into what it comes from."""
        collected = {each["bag"] for each in self.all_of("CollectBag")}
        return {each[:13] for each in self.ancestors(bag) & collected}

    # -- holds ------------------------------------------------------------------------------------

    def holds(self, bag: str) -> Holds:
        """Every open hold that reaches the bag, by cause and scope: its own and those of all it comes from."""
        found: Holds = set()
        for each in self.ancestors(bag):
            found |= self.scope_holds(each)
            if each in self.conflicted():
                found.add(("identity_conflict", f"bag:{each}"))
        return found

    def scope_holds(self, bag: str) -> Holds:
        found: Holds = set()
        for _, cause, kind, name in self.open_placings():
            if self.in_scope(bag, kind, name):
                found.add((cause, f"{kind}:{name}"))
        return found | self.donation_holds(bag[:13])

    def placings(self) -> list[tuple[int, str, str, str]]:
        """What stands and places a hold by itself: its number, the cause, and the scope."""
        found = []
        for number, each in self.numbered():
            if each["command"] == "PlaceHold":
                found.append((number, each["cause"], each["scope"]["kind"], each["scope"]["id"]))
            elif each["command"] in CHECKS and (cause := self.cause_of(each["bag"], each)) is not None:
                found.append((number, cause, "bag", each["bag"]))
        return found

    def open_placings(self) -> list[tuple[int, str, str, str]]:
        return list(self.once("open_placings", self._open_placings))

    def _open_placings(self) -> list[tuple[int, str, str, str]]:
        gone = self.annulled()
        lifted = {target for number, target in self.lifts.items() if number not in gone}
        return [each for each in self.placings() if each[0] not in lifted]

    def in_scope(self, bag: str, kind: str, name: str) -> bool:
        din = bag[:13]
        if kind == "bag":
            return bag == name
        if kind == "donation":
            return din == name
        if kind == "donor":
            return name in self.donors(din)
        if kind in ("test_run", "reagent_lot"):
            tested = self.all_of("RecordTest", "RecordGroup")
            return any(each["din"] == din and each.get(kind) == name for each in tested)
        return any(uses(each, bag, kind, name) for each in self.all_of("CollectBag", "PrepareBags"))

    def donation_holds(self, din: str) -> Holds:
        found: Holds = set()
        scope = f"donation:{din}"
        for results in self.results(din).values():
            if any(each["result"] not in GOOD for each in results):
                found.add(("result", scope))
        if len(self.groups_with_history(din)) > 1:
            found.add(("disputed_group", scope))
        if any(each["din"] == din for each in self.all_of("RecordPostDonationInformation")):
            found.add(("post_donation_information", scope))
        for each in self.all_of("RecordSelfExclusion"):
            if each.get("din") == din:
                found.add(("self_exclusion", scope))
            elif "din" not in each and each["donor"] in self.donors(din):
                found.add(("self_exclusion", f"donor:{each['donor']}"))
        return found

    def cause_of(self, bag: str, said: Command) -> str | None:
        name = said["command"]
        if name in ("InspectBag", "VerifyLabel"):
            failed = "inspection_failed" if name == "InspectBag" else "label_check_failed"
            return None if said.get("passed", True) else failed
        if name == "ReturnBag":
            return "returned"
        if name == "RecordQualityTest":
            return "positive_culture" if said["result"] == "positive" else None
        # of a bag whose component nobody told, any excursion may be one too many
        low, high = RANGES.get(self.component(bag) or "", (0, 0))
        return None if low <= Decimal(said["celsius"]) <= high else "storage_breach"

    # -- where it is, what became of it ------------------------------------------------------------

    def fates(self, bag: str) -> set[str]:
        return {ENDS[each["command"]] for each in self.about(bag, *ENDS)}

    def released(self, bag: str) -> bool:
        said = self.about(bag, "ReleaseBag", "EmergencyReleaseBag", "RevokeRelease", "ReceiveBag")
        told = [each for each in said if each["command"] != "ReceiveBag" or "released_by" in each]
        return bool(told) and told[-1]["command"] != "RevokeRelease"

    def passed(self, bag: str, check: str) -> bool:
        last = self.last(bag, check)
        return last is not None and last.get("passed", True)

    def custody(self, bag: str) -> str | None:
        """Whose hands it is in when not in a stock: distributed, issued, returned."""
        last = self.last(bag, "DistributeBag", "RecordArrival", "IssueBag", "ReturnBag")
        name = last["command"] if last else None
        return {"DistributeBag": "distributed", "IssueBag": "issued", "ReturnBag": "returned"}.get(name or "")

    def missing(self, bag: str) -> bool:
        last = self.last(bag, "ReportMissing", "ReportFound", "StoreBag", "RecordArrival", "MoveBag")
        return last is not None and last["command"] == "ReportMissing"

    def reserved_for(self, bag: str) -> str | None:
        last = self.last(bag, "ReserveBag", "CancelReservation", "IssueBag")
        return last["patient"] if last is not None and last["command"] == "ReserveBag" else None

    def crossmatched(self, bag: str, patient: str | None) -> bool:
        matches = [each for each in self.about(bag, "CrossmatchBag") if each["patient"] == patient]
        return bool(matches) and matches[-1]["result"] == "compatible"

    # -- decisions --------------------------------------------------------------------------------

    def must_refuse(self, command: Command) -> str | None:
        """Why a decision must be refused; None when no rule known here speaks against it."""
        name = command["command"]
        if command.get("reported"):
            return None
        if name == "PrepareBags":
            return self.why_not_prepare(command)
        if name == "LiftHold":
            return None if self.liftable(command) else "no such hold is open"
        if name not in ("ReleaseBag", "EmergencyReleaseBag", "RevokeRelease", "ReserveBag", "CancelReservation",
                        "DistributeBag", "IssueBag", "DiscardBag", "ModifyBag"):  # fmt: skip
            return None
        for bag in bags_in(command):
            reason = self.why_not(name, bag, command)
            if reason is not None:
                return reason
        return None

    def liftable(self, command: Command) -> list[int]:
        wanted = (command["cause"], command["scope"]["kind"], command["scope"]["id"])
        return [each[0] for each in self.open_placings() if each[1:] == wanted]

    def why_not(self, name: str, bag: str, command: Command) -> str | None:
        if name == "RevokeRelease":
            return None if self.released(bag) else "not released"
        if name == "CancelReservation":
            return None if self.reserved_for(bag) else "not reserved"
        if self.consumed(bag):
            return "consumed"
        if self.fates(bag):
            return "used or ended"
        if name == "DiscardBag":
            return "approved by the same person" if command["approved_by"] == command.get("by", "nurse") else None
        if self.holds(bag):
            return "held"
        if name == "ModifyBag":
            return None
        if name in ("ReleaseBag", "EmergencyReleaseBag"):
            return self.why_not_release(name, bag)
        return self.why_not_hand_out(name, bag, command)

    def why_not_release(self, name: str, bag: str) -> str | None:
        if self.released(bag):
            return "released already"
        if name == "EmergencyReleaseBag":
            return None
        if not self.passed(bag, "InspectBag"):
            return "not inspected"
        if not self.passed(bag, "VerifyLabel"):
            return "label not verified"
        if not all(self.made(each) for each in self.ancestors(bag)):
            return "records incomplete"
        if not all(self.acceptable(din) for din in self.dins_of_pool(bag)):
            return "results not acceptable"
        return None

    def why_not_hand_out(self, name: str, bag: str, command: Command) -> str | None:
        if not self.released(bag):
            return "not released"
        if self.custody(bag) in ("issued", "distributed"):
            return "out already"
        if self.missing(bag):
            return "missing"
        reserved = self.reserved_for(bag)
        if reserved and name != "DistributeBag" and reserved != command.get("patient"):
            return "reserved for another"
        red = (self.component(bag) or "").endswith("red_cells") or self.component(bag) == "whole_blood"
        authorised = "authoriser" in command and "reason" in command
        if name == "IssueBag" and red and not authorised and not self.crossmatched(bag, command.get("patient")):
            return "no crossmatch"
        return None

    def must_accept(self, command: Command) -> bool:
        """Whether a decision that nothing known here speaks against must also be taken.

        Not when a bag is out, returned, missing or of unknown origin: what then applies is the site's.
        """
        bags = [*bags_in(command)]
        if command["command"] == "LiftHold":
            return True
        if command["command"] == "PrepareBags":
            bags = command["inputs"]
        plain = (self.made(bag) and self.custody(bag) is None and not self.missing(bag) for bag in bags)
        ours = not any(bag in self.conflicted() or self.fates(bag) or self.consumed(bag) for bag in bags)
        return ours and all(plain) and not any(self.reserved_for(bag) for bag in bags)

    def conflicted(self) -> set[str]:
        """Bags that two containers claim to be."""
        return set(self.once("conflicted", self._conflicted))

    def _conflicted(self) -> set[str]:
        made = Counter(each["bag"] for each in self.all_of("CollectBag", "ReceiveBag"))
        for each in self.all_of("PrepareBags"):
            made.update(out["bag"] for out in each["outputs"])
        return {bag for bag, count in made.items() if count > 1}

    def why_not_prepare(self, command: Command) -> str | None:
        for bag in command["inputs"]:
            if self.consumed(bag):
                return "consumed"
            if self.fates(bag):
                return "used or ended"
            if command["process"] in STOPPED_BY_HOLD and self.holds(bag):
                return "held"
        if any(self.made(out["bag"]) for out in command["outputs"]):
            return "identity taken"
        if command["process"] == "pool" and len(command["inputs"]) < 2:
            return "a pool has members"
        return self.why_not_conserved(command)

    def why_not_conserved(self, command: Command) -> str | None:
        held = [self.quantity(bag) for bag in command["inputs"]]
        if None in held:
            return None
        into: Counter[str] = Counter()
        for quantity in held:
            assert quantity is not None
            into[quantity[1]] += quantity[0]  # type: ignore[assignment]
        outputs = [(each["component"], each["quantity"]) for each in command["outputs"]]
        if command["process"] in ("split", "pool"):
            out = sum(Decimal(quantity["amount"]) for _, quantity in outputs)
            return "more out than in" if out > sum(into.values()) else None
        units: Counter[str] = Counter()
        for component, quantity in outputs:
            if quantity["measure"] == "U":
                units[component] += Decimal(quantity["amount"])  # type: ignore[assignment]
        return "more out than in" if any(each > into["U"] for each in units.values()) else None


def bags_in(command: Command) -> list[str]:
    """The bags a command names."""
    named = [command["bag"]] if "bag" in command else []
    named += command.get("bags", []) + command.get("inputs", []) + [out["bag"] for out in command.get("outputs", [])]
    if command.get("scope", {}).get("kind") == "bag":
        named.append(command["scope"]["id"])
    return named + ([command["container"]] if "container" in command else [])


def uses(command: Command, bag: str, kind: str, name: str) -> bool:
    """Whether this is how the bag came to be, with that lot, device, operator or process run."""
    made = [command["bag"]] if command["command"] == "CollectBag" else [out["bag"] for out in command["outputs"]]
    touched = made + (command.get("inputs", []) if kind == "process_run" else [])
    if kind.endswith("_lot"):
        lots = {(each["kind"], each["id"]) for each in command.get("lots", [])}
        return bag in touched and (kind.removesuffix("_lot"), name) in lots
    if kind == "device":
        return bag in touched and name in command.get("devices", [])
    person = command.get("operator") or command.get("collector") if kind == "operator" else command.get("process_run")
    return bag in touched and person == name
