"""This file holds what the commands heard by some time come to: a second opinion that never reads a stored fact.

It shares no code with the ledger and none with its views: from a list of commands it works out, again at every
time asked about, what stands, what was made from what, where each bag is and what holds it.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from ledger.simulator.trouble.sayings import ORIGINS, PROCESSES, Heard, Saying, business_time, lots_of, says
from ledger.simulator.trouble.site import within_range
from ledger.simulator.trouble.speech import GOOD, MARKERS, Command
from ledger.simulator.truth import closure

BAD = {"reactive": "reactive_result", "unacceptable": "reactive_result", "indeterminate": "disputed_result"}
"""Which result holds for which cause."""


class Standing:
    """What stands of the commands heard.

    Shape: `every` saying, as it reads now, `corrected` null, amended or annulled; `stands` those that are not annulled,
    in business order; `by_stream` and `by_fact` the same.
    """

    def __init__(self, heard: list[Heard]) -> None:
        self.heard = heard
        self.every = [saying for each in heard for saying in says(each)]
        self._drop_repeated_registrations()
        self._correct()
        self.stands = sorted((each for each in self.every if each.corrected != "annulled"), key=lambda each: each.at)
        self.by_stream: dict[str, list[Saying]] = {}
        self.by_fact: dict[str, list[Saying]] = {}
        for saying in self.stands:
            self.by_stream.setdefault(saying.stream, []).append(saying)
            self.by_fact.setdefault(saying.fact, []).append(saying)
        self.streams = {each.stream for each in self.every}
        self.streams |= {each.command["stream"] for each in heard if each.command["command"] in ("Amend", "Annul")}
        self.streams |= {each.body["scope"]["id"] for each in self.every if each.stream.startswith("hold:bag:")}

    def _drop_repeated_registrations(self) -> None:
        """A collection registers its donation unless somebody did before, for the same donor at the same place."""
        known: set[tuple[str, str, str]] = set()
        kept = []
        for saying in self.every:
            if saying.fact == "donation.registered":
                claim = (saying.stream, saying.body["donor"], saying.body["facility"])
                if claim in known and "bag" in saying.body:
                    continue
                known.add(claim)
            kept.append(saying)
        self.every = kept

    # -- corrections ------------------------------------------------------------------------------

    def _correct(self) -> None:
        by_number: dict[int, list[Saying]] = {}
        for saying in self.every:
            by_number.setdefault(saying.number, []).append(saying)
        meant = {each.number: self._meant(each, by_number) for each in self.heard if _corrects(each)}
        commands = {each.number: each.command for each in self.heard}
        gone: set[int] = set()
        self.unmatched: list[Heard] = []
        """Corrections of something that nobody said."""
        changes: dict[tuple[int, str, str], list[tuple[int, dict[str, Any]]]] = {}
        of_amendment: dict[int, list[dict[str, Any]]] = {}
        for each in reversed([each for each in self.heard if _corrects(each)]):
            if each.number in gone:
                continue
            self._apply(each, meant[each.number], commands, gone, changes, of_amendment)
            if each.target is None and not meant[each.number]:
                self.unmatched.append(each)
        for saying in self.every:
            for _, change in changes.get(saying.key, []):
                _change(saying, change)

    def _apply(self, each: Heard, sayings: list[Saying], commands: Any, gone: Any, changes: Any, of: Any) -> None:
        target = each.target
        said = each.command.get("changes", {})
        if target is not None and commands[target[0]]["command"] in ("Amend", "Annul"):
            if each.command["command"] == "Annul":
                gone.add(target[0])
            else:
                of.setdefault(target[0], []).insert(0, said)
            return
        for saying in sayings:
            if each.command["command"] == "Annul":
                saying.corrected = "annulled"
            else:
                saying.corrected = saying.corrected or "amended"
                own = [said, *of.get(each.number, [])]
                changes[saying.key] = [(each.number, change) for change in own] + changes.get(saying.key, [])

    def _meant(self, each: Heard, by_number: dict[int, list[Saying]]) -> list[Saying]:
        """The sayings a correction is about."""
        command = each.command
        if each.target is None:
            at, match = business_time(command), command.get("match", {})
            return [
                saying
                for saying in self.every
                if (saying.stream, saying.fact) == (command["stream"], command["fact"])
                and saying.at <= at
                and all(saying.body.get(name) == value for name, value in match.items())
            ]
        number, stream = each.target
        sayings = by_number.get(number, [])
        own = [saying for saying in sayings if saying.stream == stream]
        if not own:
            return []
        together = self.command_of(number)["command"] in (*PROCESSES, "CollectBag")
        if command["command"] == "Annul":
            return sayings if together else own
        shares = self.command_of(number)["command"] == "CollectBag" and command["changes"].keys() & {"donor"}
        return sayings if shares else own

    def command_of(self, number: int) -> Command:
        return next(each.command for each in self.heard if each.number == number)

    # -- lookups ----------------------------------------------------------------------------------

    def on(self, stream: str, *facts: str) -> list[Saying]:
        """What stands on a stream, of these facts."""
        return [each for each in self.by_stream.get(stream, []) if not facts or each.fact in facts]

    def all(self, *facts: str) -> list[Saying]:
        return [each for fact in facts for each in self.by_fact.get(fact, [])]

    @cached_property
    def bags(self) -> set[str]:
        """Every bag on which anything was ever said, also what was taken back since."""
        return {name for name in self.streams if len(name) != 13 and (":" not in name)}

    # -- who is made from whom --------------------------------------------------------------------

    @cached_property
    def parents(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for each in self.all("bag.prepared"):
            for parent in each.body["parents"]:
                found.setdefault(each.stream, {})[parent] = each.body["process"]
        for each in self.all("bag.labelled"):
            if "container" in each.body:
                found.setdefault(each.stream, {})[each.body["container"]] = "label"
        return found

    @cached_property
    def children(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for child, parents in self.parents.items():
            for parent in parents:
                found.setdefault(parent, set()).add(child)
        return found

    def descendants(self, bags: Iterable[str]) -> set[str]:
        return closure(bags, lambda bag: self.children.get(bag, ()))

    def ancestors(self, bag: str) -> set[str]:
        return closure([bag], lambda each: self.parents.get(each, ()))

    # -- who is whom ------------------------------------------------------------------------------

    def same(self, noun: str, name: str) -> frozenset[str]:
        """All pseudonyms of a person, by the merges that stand."""
        fact = "donor" if noun == "donor" else "recipient"
        joined: dict[frozenset[str], bool] = {}
        for each in sorted(self.all(f"{fact}.merged", f"{fact}.unmerged"), key=lambda each: each.at):
            joined[frozenset((each.stream.partition(":")[2], each.body["other"]))] = each.fact.endswith(".merged")
        pairs = [pair for pair, now in joined.items() if now]
        return frozenset(closure([name], lambda one: {other for pair in pairs if one in pair for other in pair}))

    # -- donations --------------------------------------------------------------------------------

    def carries(self, din: str) -> set[str]:
        """Bags that have the number of a donation."""
        return {bag for bag in self.bags if bag[:13] == din}

    def donations_behind(self, bag: str) -> set[str]:
        """Numbers of all it comes from that are donations, by what is on record or for want of any other origin."""
        known = {each for each in self.streams if len(each) == 13}
        return {each[:13] for each in self.ancestors(bag) if each[:13] in known or each not in self.parents}

    def registrations(self, din: str) -> list[Saying]:
        return self.on(din, "donation.registered")

    def donors_of(self, din: str) -> set[str]:
        collected = [each for each in self.all("bag.collected") if each.body["donation"] == din]
        return {each.body["donor"] for each in (*self.registrations(din), *collected)}

    def donations_by(self, people: Iterable[str]) -> set[str]:
        wanted = set(people)
        sayings = self.all("bag.collected", "donation.registered")
        return {each.stream[:13] for each in sayings if each.body["donor"] in wanted}

    def groups(self, din: str) -> set[tuple[str, str]]:
        return {(each.body["group"], each.body["rhd"]) for each in self.on(din, "donation.grouped")}

    def results(self, din: str) -> dict[str, list[Saying]]:
        found: dict[str, list[Saying]] = {}
        for each in self.on(din, "donation.tested"):
            found.setdefault(each.body["marker"], []).append(each)
        return found

    def outcome(self, din: str) -> str:
        """What the panel comes to: acceptable, unacceptable or open; open also while the donation is not registered."""
        results = self.results(din)
        final = {marker: [each for each in found if each.body["final"]] for marker, found in results.items()}
        if not self.registrations(din):
            return "open"
        if any(each.body["result"] not in GOOD for found in final.values() for each in found):
            return "unacceptable"
        complete = all(final.get(marker) for marker in MARKERS) and len(self.groups(din)) == 1
        return "acceptable" if complete else "open"

    def final_at(self, din: str) -> datetime | None:
        """When the last mandatory result was final; None while one is not."""
        times: list[datetime] = []
        for marker in MARKERS:
            final = [each.at for each in self.results(din).get(marker, []) if each.body["final"]]
            if not final:
                return None
            times.append(min(final))
        groups = [each.at for each in self.on(din, "donation.grouped")]
        return max([*times, min(groups)]) if groups else None

    # -- typing -----------------------------------------------------------------------------------

    def declared(self, bag: str) -> tuple[str | None, str | None]:
        """The group a bag was said to have when it was made, or that all it was made from were said to have."""
        origin = self.origin(bag)
        if origin is None:
            return (None, None)
        if origin.fact == "bag.prepared" or (origin.fact == "bag.labelled" and origin.body.get("group") is None):
            said = {self.declared(parent) for parent in self.parents[bag]}
            return said.pop() if len(said) == 1 else (None, None)
        return (origin.body.get("group"), origin.body.get("rhd"))

    def group(self, bag: str) -> set[tuple[str | None, str | None]]:
        """What the bag's group may be shown as: as tested, else as declared; several where the rule leaves room."""
        behind = self.donations_behind(bag)
        ever = {each[:13] for each in self.ever_before(bag)}
        tested: set[tuple[str | None, str | None]] = set()
        tested.update(next(iter(found)) for din in behind if len(found := self.groups(din)) == 1)
        # What is not registered tells its bags nothing; what was told over an edge taken back since may stay.
        sure = all(self.registrations(din) for din in behind) and self.always_from_the_same(bag)
        if len(behind) == 1 and sure:
            return tested or {self.declared(bag)}
        if len(tested) == 1 and sure and all(len(self.groups(din)) == 1 for din in behind):
            return tested
        told = {
            (body["group"], body["rhd"])
            for each in self.every
            if each.fact == "donation.grouped" and each.stream in ever
            for body in (each.first, each.body)
        }
        return tested | told | {self.declared(bag)}

    @cached_property
    def _parents_ever(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for each in self.every:
            if each.fact == "bag.prepared":
                found.setdefault(each.stream, set()).update(each.body["parents"])
            if each.fact == "bag.labelled" and "container" in each.body:
                found.setdefault(each.stream, set()).add(each.body["container"])
        return found

    def always_from_the_same(self, bag: str) -> bool:
        """Whether nothing was ever said about where it comes from and taken back since."""
        return self.ever_before(bag) == self.ancestors(bag)

    def ever_before(self, bag: str) -> set[str]:
        """The bag and all it was ever said to come from."""
        return closure([bag], lambda each: self._parents_ever.get(each, ()))

    # -- one bag ----------------------------------------------------------------------------------

    def origin(self, bag: str) -> Saying | None:
        """What says how the bag came to be; the first when several do."""
        found = self.on(bag, "bag.collected", "bag.prepared", "bag.received", "bag.labelled")
        return next((each for each in found if each.fact != "bag.labelled" or "container" in each.body), None)

    def component(self, bag: str) -> str | None:
        origin = self.origin(bag)
        return origin.body["component"] if origin is not None else None

    def quantity(self, bag: str) -> tuple[Decimal | None, str | None]:
        origin = self.origin(bag)
        said = origin.body.get("quantity") if origin is not None else None
        return (Decimal(said["amount"]), said["measure"]) if said else (None, None)

    def held(self, bag: str) -> bool:
        """Whether any hold reaches the bag: its own, its donation's, or those of what it was made from."""
        return any(self._own_hold(each) for each in self.ancestors(bag))

    def _own_hold(self, bag: str) -> bool:
        for each in self.by_stream.get(bag, []):
            if each.fact == "bag.returned" or (
                each.fact in ("bag.inspected", "bag.label_verified") and not each.body.get("passed", True)
            ):
                return True
            if each.fact == "bag.temperature_breached" and not self.allowed(each):
                return True
        return self._held_by_scope(bag) or bool(self.causes(bag[:13])) or len(self.makings(bag)) > 1

    def makings(self, bag: str) -> set[int]:
        """Which commands say that a container of this name was filled; of several each means another container."""
        return {each.number for each in self.on(bag, "bag.collected", "bag.prepared")}

    def allowed(self, breach: Saying) -> bool:
        """Whether the storage rule allows it, of what the bag is known, or was last known, to hold."""
        return within_range(self.judged_as(breach), Decimal(breach.body["celsius"]))

    def judged_as(self, seen: Saying) -> str | None:
        """What the bag was known to hold when something seen on it was judged last; annulling its origin does not."""
        known = self.component(seen.stream)
        if known is not None or all(each.stream != seen.stream or each.fact not in ORIGINS for each in self.every):
            return known
        corrections = [each.number for each in self.heard if each.command["command"] == "Annul"]
        for number in [*(each - 1 for each in reversed(corrections) if each > seen.number), seen.number]:
            then = Standing([each for each in self.heard if each.number <= number]).component(seen.stream)
            if then is not None:
                return then
        return None

    def _held_by_scope(self, bag: str) -> bool:
        return any(self.in_scope(bag, each.body["scope"]) for each in self.open_placings)

    @cached_property
    def open_placings(self) -> list[Saying]:
        lifting = {each.number: each.lifts for each in self.heard}
        lifted = {lifting[each.number] for each in self.all("hold.lifted")}
        return [each for each in self.all("hold.placed") if each.number not in lifted]

    def in_scope(self, bag: str, scope: dict[str, str]) -> bool:
        kind, name, din = scope["kind"], scope["id"], bag[:13]
        if kind == "bag":
            return bag == name
        if kind == "donation":
            return din == name
        if kind == "donor":
            return bool(self.same("donor", name) & self.donors_of(din))
        if kind == "reagent_lot":
            return any(each.body.get("reagent_lot") == name for each in self.on(din))
        origins = self.on(bag, "bag.collected", "bag.prepared")
        return any((kind, name) in lots_of(each) for each in origins)

    @cached_property
    def _causes(self) -> dict[str, set[str]]:
        return {}

    def causes(self, din: str) -> set[str]:
        """Why what is known of a donation holds its bags."""
        if din not in self._causes:
            self._causes[din] = set(self._donation_causes(din))
        return self._causes[din]

    def _donation_causes(self, din: str) -> Iterator[str]:
        for found in self.results(din).values():
            yield from (BAD[each.body["result"]] for each in found if each.body["result"] not in GOOD)
        if self.on(din, "donation.post_donation_information"):
            yield "post_donation_information"
        if len({(each.body["donor"], each.body["facility"]) for each in self.registrations(din)}) > 1:
            yield "identity_conflict"
        if self._group_disputed(din):
            yield "disputed_group"
        excluded = {each.body["donor"] for each in self.all("donor.self_excluded")}
        if any(self.same("donor", donor) & excluded for donor in self.donors_of(din)):
            yield "self_exclusion"

    def _group_disputed(self, din: str) -> bool:
        """Whether its typings differ from each other, from the donor's history, or from what a label declared."""
        own = self.groups(din)
        if not own:
            return False
        people = {each for donor in self.donors_of(din) for each in self.same("donor", donor)}
        history = own.union(*(self.groups(each) for each in self.donations_by(people)))
        declared = [self.declared(bag) for bag in self.carries(din) if bag not in self.parents]
        return len(history) > 1 or any(_differ(next(iter(own)), each) for each in declared)


def _corrects(heard: Heard) -> bool:
    return heard.command["command"] in ("Amend", "Annul")


def _change(saying: Saying, changes: dict[str, Any]) -> None:
    for name, value in changes.items():
        if name == "happened_at":
            saying.at = datetime.fromisoformat(value).astimezone(UTC)
        else:
            saying.body = {**saying.body, name: value}


def _differ(one: tuple[str | None, ...], other: tuple[str | None, ...]) -> bool:
    return any(a is not None and b is not None and a != b for a, b in zip(one, other, strict=True))
