"""This file holds what physically happened in a story: from what was said of it, as it came to be corrected.

Whoever corrects what was said knows better: what is said last is what happened, and what was said before was only
believed. The truth is told both, each with when the ledger heard of it and when it heard that it was not so.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from ledger.simulator.trouble.sayings import EPOCH, Heard, bags_of, business_time
from ledger.simulator.trouble.speech import ENDS, Command
from ledger.simulator.truth import NEVER, Output, Truth, thousandths


class Belief(NamedTuple):
    """A command as it was believed from one recorded time until another. Unit: microseconds."""

    at: datetime
    order: int
    told: int
    until: int
    command: Command


def truth_of(heard: list[Heard]) -> Truth:
    """The physical truth behind these commands, each believed as it was, in the order in which it happened."""
    truth, words = Truth(), _Words(heard)
    beliefs = [belief for each in heard for belief in words.beliefs(each)]
    for belief in sorted(beliefs, key=lambda each: (each.at, each.order)):
        tell = _TELL.get(belief.command["command"])
        if tell is not None:
            tell(truth, belief.command, {"told": belief.told, "until": belief.until})
    for each in heard:
        for bag in labels(each.command):
            truth.labelled(bag, told=_micros(each.recorded_at))
    return truth


def _micros(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)


# -- what is believed when ---------------------------------------------------------------------------------


class _Words:
    """Every command with its corrections, and theirs."""

    def __init__(self, heard: list[Heard]) -> None:
        self._heard = heard
        self._corrections: dict[int, list[Heard]] = {}
        for each in heard:
            for number in self._meant(each):
                self._corrections.setdefault(number, []).append(each)

    def _meant(self, each: Heard) -> Iterator[int]:
        if each.command["command"] not in ("Amend", "Annul"):
            return
        if each.target is not None:
            yield each.target[0]
            return
        for other in self._heard:  # by what was said
            said = other.command
            if (
                (said["command"], each.command["fact"]) == ("RecordTransfusion", "bag.transfused")
                and said["bag"] == each.command["stream"]
                and said["patient"] == each.command["match"]["patient"]
                and business_time(said) <= business_time(each.command)
            ):
                yield other.number

    def beliefs(self, each: Heard) -> Iterator[Belief]:
        """A command as it was believed, one after the other."""
        times = sorted({_micros(each.recorded_at), *self._times(each)})
        for told, until in zip(times, [*times[1:], NEVER], strict=True):
            command = self._read(each, told)
            if command is not None:
                yield Belief(business_time(command), each.number, told, until, command)

    def _times(self, each: Heard) -> Iterator[int]:
        """When what is believed of it may change."""
        for correction in self._corrections.get(each.number, ()):
            for at in (_micros(correction.recorded_at), *self._times(correction)):
                if at > _micros(each.recorded_at):
                    yield at

    def _read(self, each: Heard, told: int) -> Command | None:
        """A command as it read at a recorded time; None when it was taken back."""
        if _micros(each.recorded_at) > told:
            return None
        found = each.command
        for correction in self._corrections.get(each.number, ()):
            said = self._read(correction, told)
            if said is None:
                continue
            if said["command"] == "Annul":
                return None
            found = _amended(found, said["changes"])
        return found


def _amended(command: Command, changes: dict[str, Any]) -> Command:
    if command["command"] == "Amend":
        return {**command, "changes": {**command["changes"], **changes}}
    return {**command, **changes}


# -- what it comes to --------------------------------------------------------------------------------------


def labels(command: Command) -> set[str]:
    """Bags a command names: of each there is a label, whatever else of it is taken back."""
    named = {*bags_of(command), *command.get("inputs", ()), *(each["bag"] for each in command.get("outputs", ()))}
    scope = command.get("scope", {})
    if scope.get("kind") == "bag":
        named.add(scope["id"])
    stream = command.get("stream", "")
    if "=" in stream or "#" in stream:
        named.add(stream)
    return named | ({command["container"]} if "container" in command else set())


def _things(command: Command, person: str | None = None) -> list[str]:
    """What was used, by the names of questions."""
    return [
        *(f"lot:{each['id']}" for each in command.get("lots", ())),
        *(f"device:{each}" for each in command.get("devices", ())),
        *([f"operator:{person}"] if person else []),
    ]


def _quantity(said: dict[str, Any]) -> tuple[int, str]:
    quantity = said.get("quantity")
    return (thousandths(quantity["amount"]), quantity["measure"]) if quantity else (0, "")


def _donation(truth: Truth, said: Command, when: Any) -> None:
    truth.donated(said["din"], said["donor"], **when)


def _collection(truth: Truth, said: Command, when: Any) -> None:
    truth.donated(said["bag"][:13], said["donor"], **when)
    out = Output(said["bag"], said["kind"], *_quantity(said))
    touched = _things(said, said.get("collector") or said["by"])
    truth.filled(out, said["facility"], group=said.get("group"), rhd=said.get("rhd"), touched=touched, **when)


def _reception(truth: Truth, said: Command, when: Any) -> None:
    out = Output(said["bag"], said["component"], *_quantity(said))
    truth.filled(out, said.get("facility"), group=said.get("group"), rhd=said.get("rhd"), **when)


def _process(truth: Truth, said: Command, when: Any) -> None:
    outputs = [Output(each["bag"], each["component"], *_quantity(each)) for each in said["outputs"]]
    touched = _things(said, said.get("operator") or said["by"])
    run = [f"run:{said['process_run']}"] if "process_run" in said else []
    truth.made(said["process"], said["inputs"], outputs, where=said.get("facility"), touched=touched + run, **when)
    for bag in said["inputs"]:
        truth.touched(bag, run, **when)


def _labelling(truth: Truth, said: Command, when: Any) -> None:
    if "container" in said:
        out = Output(said["bag"], said["component"], *_quantity(said))
        truth.made("label", [said["container"]], [out], where=said.get("facility"), **when)


def _testing(truth: Truth, said: Command, when: Any) -> None:
    nouns = (("lot", "reagent_lot"), ("run", "test_run"), ("device", "device"))
    truth.touched(said["din"], [f"{noun}:{said[name]}" for noun, name in nouns if said.get(name)], **when)


def _giving(truth: Truth, said: Command, when: Any) -> None:
    if not said.get("presumed"):
        truth.given(said["bag"], said["patient"], **when)


def _ending(truth: Truth, said: Command, when: Any) -> None:
    for bag in bags_of(said):
        truth.ended(bag, ENDS[said["command"]], **when)


def _joining(truth: Truth, said: Command, when: Any) -> None:
    noun = "donor" if "donor" in said else "patient"
    tell = truth.joined if said["command"].startswith("Merge") else truth.parted
    tell(noun, said[noun], said["other"], **when)


def _sending(truth: Truth, said: Command, when: Any) -> None:
    for bag in bags_of(said):
        truth.moved(bag, None, **when)


def _coming(truth: Truth, said: Command, when: Any) -> None:
    for bag in bags_of(said):
        truth.moved(bag, said["at"], **when)


_TELL: dict[str, Any] = {
    "RegisterDonation": _donation,
    "CollectBag": _collection,
    "ReceiveBag": _reception,
    "PrepareBags": _process,
    "LabelBag": _labelling,
    "RecordTest": _testing,
    "RecordGroup": _testing,
    "RecordTransfusion": _giving,
    "MergeDonors": _joining,
    "UnmergeDonors": _joining,
    "MergeRecipients": _joining,
    "UnmergeRecipients": _joining,
    "DistributeBag": _sending,
    "IssueBag": _sending,
    "RecordArrival": _coming,
    **dict.fromkeys(set(ENDS) - {"RecordTransfusion"}, _ending),
}
"""How each kind of command is told to the truth; what is not here changes nothing physical."""
