"""This file holds the auditor's questions as answered from commands alone, in the shapes of the ledger's own answers.

A value may be `OneOf` several where the rules leave room. Positions and versions are the ledger's own and are left out.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import product as pairs_of
from typing import Any

from ledger.simulator.trouble.sayings import FINAL, ORIGINS, Heard, Saying, exact, instant_of, lots_of, shown
from ledger.simulator.trouble.site import MINUTE, lasting, rule_of
from ledger.simulator.trouble.standing import Standing
from ledger.simulator.trouble.way import Way

Row = dict[str, Any]
LOT_KINDS = ("container_lot", "filter_lot", "additive_lot", "reagent_lot")


class OneOf(frozenset[Any]):
    """Any of these values is right."""


Expiry = tuple[datetime | None, datetime | None]
"""When a bag expires by its rule, and when what it was collected for was collected."""


class Opinion:
    """Answers of what was known once these commands were recorded."""

    def __init__(self, heard: list[Heard], at: datetime, earlier: dict[int, "Opinion"] | None = None) -> None:
        self.heard, self.at = heard, at
        self.known = Standing(heard)
        self._earlier = {} if earlier is None else earlier
        self._ways: dict[str, Way] = {}
        self._expiries: dict[str, frozenset[Expiry]] = {}
        self._holds: dict[str, bool] = {}

    # -- one bag ----------------------------------------------------------------------------------

    def way(self, bag: str) -> Way:
        if bag not in self._ways:
            self._ways[bag] = Way(self.known.on(bag))
        return self._ways[bag]

    def held(self, bag: str) -> bool:
        if bag not in self._holds:
            self._holds[bag] = self.known.held(bag)
        return self._holds[bag]

    def status(self, bag: str) -> str:
        return self.way(bag).status(self.held(bag))

    def patient(self, bag: str) -> str | None:
        return ", ".join(self.way(bag).patients) or None

    def where(self, bag: str) -> str | None:
        way, status = self.way(bag), self.status(bag)
        if way.given:
            return self.patient(bag)
        if status == "consumed":
            return None
        if way.patients and (status in ("transfused", "issued") or way.fate is None):
            return self.patient(bag)
        if status == "distributed":
            return way.consignee
        return " ".join(part for part in (way.facility, way.place) if part) or None

    def located(self, bag: str) -> bool:
        status = self.status(bag)
        if status == "missing":
            return False
        return self.way(bag).fate is not None or status == "consumed" or self.where(bag) is not None

    # -- how long a bag lasts ---------------------------------------------------------------------

    def before(self, number: int) -> "Opinion":
        """What was known when that command had just been recorded."""
        if number not in self._earlier:
            heard = [each for each in self.heard if each.number <= number]
            self._earlier[number] = Opinion(heard, self.at, self._earlier)
        return self._earlier[number]

    def made(self, bag: str) -> frozenset[Expiry]:
        """By rule, until when it lasts, and when it was collected: what its making may have come to."""
        if bag not in self._expiries:
            self._expiries[bag] = frozenset()  # a bag that is its own ancestor takes nothing over from itself
            self._expiries[bag] = self._made(bag)
        return self._expiries[bag]

    def _made(self, bag: str) -> frozenset[Expiry]:
        origin = self.known.origin(bag)
        if origin is None:
            return frozenset({(None, None)})
        body = origin.body
        if origin.fact == "bag.collected":
            end = lasting(body["component"], "collect", body.get("anticoagulant"), origin.at)
            return frozenset({(end, origin.at)})
        if origin.fact == "bag.received":
            collected = instant_of(body.get("collected_at"))
            end = None if collected is None else lasting(body["component"], "receive", None, collected)
            return frozenset({(end, collected)})
        if origin.fact == "bag.labelled":
            return self.made(body["container"])
        return self._prepared(bag, origin)

    def _prepared(self, bag: str, origin: Saying) -> frozenset[Expiry]:
        """A report is completed as more becomes known; our own decision stays, unless a correction makes it anew."""
        found = set(self._by_parents(origin))
        if not origin.body["reported"]:
            later = [each.number for each in self.heard if each.number >= origin.number]
            corrections = {each.number for each in self.heard if each.command["command"] in ("Amend", "Annul")}
            for number in [later[0], *(each for each in later if each in corrections)]:
                then = self.before(number)
                made = then.known.origin(bag)
                if made is not None and made.number == origin.number:
                    found |= then._by_parents(made)
        return frozenset(found)

    def _by_parents(self, origin: Saying) -> set[Expiry]:
        process, component = origin.body["process"], origin.body["component"]
        rule = rule_of(process)
        choices = [self._handed_down(parent, origin.at) for parent in origin.body["parents"]]
        found: set[Expiry] = set()
        for parents in pairs_of(*(sorted(choice, key=str) for choice in choices)):
            collected = min((each for _, each in parents if each is not None), default=None)
            earliest = min((each for each, _ in parents if each is not None), default=None)
            if rule["clock"] == "unchanged":
                found.add((earliest, collected))
                continue
            start = collected if rule["clock"] == "collection" else origin.at
            own = None if start is None else lasting(component, process, origin.body.get("solution"), start)
            if rule.get("capped") and earliest is not None and (own is None or earliest <= own):
                own = earliest
            found.add((own, collected))
        return found

    def _handed_down(self, parent: str, at: datetime) -> set[Expiry]:
        """What governs a parent at an instant: rule, label and modifications until then."""
        label = self.label(parent)
        shorter = self.modified(parent, at)
        found = set()
        for end, collected in self.made(parent):
            known = [each for each in (end, label, shorter) if each is not None]
            found.add((min(known, default=None), collected))
        return found

    def label(self, bag: str) -> datetime | None:
        """What its labels say, of several the earliest."""
        origin = self.known.origin(bag)
        said = [instant_of(origin.body.get("expires_at"))] if origin is not None else []
        if origin is not None and origin.fact == "bag.labelled" and said == [None]:
            said = [self.label(origin.body["container"])]
        return min((each for each in said if each is not None), default=None)

    def modified(self, bag: str, at: datetime | None = None) -> datetime | None:
        found = [
            lasting(self.known.judged_as(each), "thaw", None, each.at)
            for each in self.known.on(bag, "bag.modified")
            if at is None or each.at <= at
        ]
        return min((each for each in found if each is not None), default=None)

    def expires_at(self, bag: str, at: datetime | None = None) -> frozenset[datetime | None]:
        """When it expires; several where what a decision was based on may have been more or less."""
        others = [each for each in (self.label(bag), self.modified(bag, at)) if each is not None]
        return frozenset(min([*others, *([end] if end else [])], default=None) for end, _ in self.made(bag))

    def _expired(self, bag: str) -> OneOf:
        return OneOf(end is not None and end + MINUTE <= self.at for end in self.expires_at(bag))

    # -- subjects ---------------------------------------------------------------------------------

    def direct(self, subject: str, since: datetime | None = None, until: datetime | None = None) -> set[str]:
        """The bags a subject names itself."""
        noun, colon, name = subject.partition(":")
        if not colon:
            return self.known.carries(subject) if len(subject) == 13 else {subject} & self.known.bags
        if noun == "donor":
            return self._carrying(self._donated(name, since))
        if noun == "patient":
            return {each.stream for each in self._for(self.known.same("patient", name))}
        streams = {stream for stream, _, at, _ in self.links(noun, name) if _within(at, since, until)}
        return self._carrying(each for each in streams if len(each) == 13) | {each for each in streams if "=" in each
                                                                              or "#" in each}  # fmt: skip

    def _carrying(self, dins: Iterable[str]) -> set[str]:
        return set().union(*(self.known.carries(din) for din in dins))

    def _donated(self, name: str, since: datetime | None) -> set[str]:
        people = self.known.same("donor", name)
        return {
            each.stream[:13]
            for each in self.known.all("bag.collected", "donation.registered")
            if each.body["donor"] in people and _within(each.at, since, None)
        }

    def _for(self, people: frozenset[str]) -> list[Saying]:
        facts = ("bag.crossmatched", "bag.issued", "bag.transfused", "bag.reaction_reported")
        return [each for each in self.known.all(*facts) if each.body.get("patient") in people]

    def links(self, noun: str, name: str) -> set[tuple[str, str, datetime, int]]:
        """What touched what: stream, how, when, by which command."""
        return {
            (each.stream, kind, each.at, each.number)
            for each in self.known.stands
            for kind, key in _uses(each)
            if key == name and kind in _KINDS[noun]
        }

    def reached(self, subject: str, since: datetime | None = None, until: datetime | None = None) -> set[str]:
        direct = self.direct(subject, since, until)
        return direct if ":" not in subject and len(subject) != 13 else self.known.descendants(direct)

    def asked_about(self, subject: str) -> set[str]:
        """One bag alone; of anything else also what was made of its bags; of a patient, their bags."""
        return self.direct(subject) if subject.startswith("patient:") else self.reached(subject)

    # -- b, c, d, e, f ----------------------------------------------------------------------------

    def where_is(self, subject: str) -> list[Row]:
        return [self._whereabouts(bag) for bag in sorted(self.direct(subject))]

    def _whereabouts(self, bag: str) -> Row:
        way = self.way(bag)
        return {
            "bag": bag,
            "component": self.known.component(bag),
            "status": self.status(bag),
            "fate": way.fate,
            "facility": way.facility,
            "place": way.place,
            "consignee": way.consignee,
            "patient": self.patient(bag),
            "since": shown(way.since.at) if way.since else None,
            "expires_at": self._shown_expiry(bag),
            "expired": self._expired(bag),
        }

    def _shown_expiry(self, bag: str) -> OneOf:
        return OneOf(shown(each) for each in self.expires_at(bag))

    def bags_of_donation(self, din: str) -> list[Row]:
        return [
            {
                "bag": bag,
                "component": self.known.component(bag),
                "quantity": exact(self.known.quantity(bag)[0]),
                "measure": self.known.quantity(bag)[1],
                "made_by": ", ".join(sorted(set(self.known.parents.get(bag, {}).values()))) or None,
                "parents": sorted(self.known.parents.get(bag, {})),
                "status": self.status(bag),
                "fate": self.way(bag).fate,
                "patient": self.patient(bag),
            }
            for bag in sorted(self.reached(din))
        ]

    def by_fate(self, din: str) -> dict[str, int]:
        ends = [self.way(bag).fate or self.status(bag) for bag in self.reached(din)]
        return dict(sorted(Counter(end if end == "consumed" or end in _FATES else "none" for end in ends).items()))

    def donation(self, din: str) -> Row:
        registered = self.known.registrations(din)
        collected = [each for each in self.known.all("bag.collected") if each.body["donation"] == din]
        collected.sort(key=lambda each: each.at)
        first, when = [*registered, *collected], [*collected, *registered]
        on_record = any(stream == din for stream in self.known.streams)
        outcome: Any = self.known.outcome(din) if on_record else None
        if not registered and on_record:
            outcome = OneOf({None, "open", "acceptable", "unacceptable"})  # what was concluded once is not taken back
        return {
            "donation": din,
            "donor": first[0].body["donor"] if first else None,
            "facility": first[0].body["facility"] if first else None,
            "collected_at": shown(when[0].at) if when else None,
            "outcome": outcome,
            "reactive": sorted(
                marker
                for marker, found in self.known.results(din).items()
                if any(each.body["result"] in ("reactive", "unacceptable") for each in found)
            ),
        }

    def donations_in(self, bag: str) -> list[Row]:
        rows = []
        members = self.known.parents.get(bag, {})
        for din in sorted(self.known.donations_behind(bag)):
            via = {member for member in members if din in self.known.donations_behind(member)}
            rows.append({**self.donation(din), "via": sorted(via or {bag})})
        return rows

    def _givings(self, bags: set[str]) -> list[Saying]:
        given = [each for each in self.known.all("bag.transfused") if each.stream in bags]
        return sorted(given, key=lambda each: each.at)

    def _given(self, giving: Saying, when: str) -> Row:
        amount, measure = self.known.quantity(giving.stream)
        if giving.body.get("quantity"):
            amount, measure = Decimal(giving.body["quantity"]["amount"]), giving.body["quantity"]["measure"]
        return {
            "patient": giving.body["patient"],
            "bag": giving.stream,
            when: shown(giving.at),
            "quantity": exact(amount),
            "measure": measure,
            "hospital": giving.body["hospital"],
            "presumed": bool(giving.body.get("presumed")),
        }

    def recipients_in(self, bag: str) -> list[Row]:
        return [self._given(each, "happened_at") for each in self._givings(self.known.descendants([bag]))]

    def recipients_of_donor(self, donor: str, since: datetime | None = None) -> list[Row]:
        bags, dins = self.reached(f"donor:{donor}", since), self._donated(donor, since)
        return [
            {
                **self._given(each, "transfused_at"),
                "component": self.known.component(each.stream),
                "donations": sorted(self.known.donations_behind(each.stream) & dins),
            }
            for each in self._givings(bags)
        ]

    def unconfirmed_of_donor(self, donor: str, since: datetime | None = None) -> list[Row]:
        bags = self.reached(f"donor:{donor}", since)
        given = self._givings(bags)
        confirmed = {each.stream for each in given if not each.body.get("presumed")}
        presumed = {each.stream for each in given} - confirmed
        issued = {
            bag
            for bag in bags
            if self.status(bag) == "issued" and (put := self.way(bag).since) and put.fact == "bag.issued"
        }
        return [
            {"bag": bag, "patient": self.patient(bag), "status": self.status(bag), "presumed": bag in presumed}
            for bag in sorted(presumed | issued)
        ]

    def alerts_of_donor(self, donor: str, since: datetime | None = None) -> set[tuple[str, str, str]]:
        """Patient, bag and cause of each open alert that what is known of donations calls for."""
        return {
            (patient, bag, cause)
            for bag in self.reached(f"donor:{donor}", since)
            for each in self.known.ancestors(bag)
            for cause in self.known.causes(each[:13]) - {"identity_conflict"}
            for patient in self.way(bag).given
        }

    def received_by_patient(self, patient: str) -> list[Row]:
        people = self.known.same("patient", patient)
        rows = []
        for giving in self._givings(self.known.bags):
            if giving.body["patient"] not in people:
                continue
            for din in sorted(self.known.donations_behind(giving.stream)):
                donation = self.donation(din)
                rows.append(
                    {
                        **self._given(giving, "transfused_at"),
                        "donation": din,
                        "donor": donation["donor"],
                        "panel": donation["outcome"],
                        "reactive": donation["reactive"],
                        "results": self._final_results(din),
                        "group": OneOf(group for group, _ in self.known.group(giving.stream)),
                    }
                )
        return rows

    def _final_results(self, din: str) -> dict[str, str | None]:
        found: dict[str, str | None] = {}
        for marker, results in sorted(self.known.results(din).items()):
            final = [each.body["result"] for each in results if each.body["final"]]
            bad = [each for each in ("reactive", "unacceptable", "indeterminate") if each in final]
            found[marker] = bad[0] if bad else final[-1] if final else None
        return found

    # -- g, h, i, j -------------------------------------------------------------------------------

    def without_confirmed_fate(self, days: float) -> list[Row]:
        rows = []
        for bag in sorted(self.known.bags):
            if self.status(bag) in FINAL:
                continue
            leg = _Leg(self.known.on(bag)).told()
            if leg is not None and leg[1].at < self.at - timedelta(days=days):
                name, since, presumed = leg
                gone = (self.at - since.at) // timedelta(days=1)
                rows.append({"bag": bag, "leg": name, "since": shown(since.at), "days": gone, "presumed": presumed})
        return rows

    def released_before_final(self, subject: str) -> list[Row]:
        rows = []
        for bag in sorted(self.asked_about(subject)):
            for each in self.known.on(bag, "bag.released", "bag.received"):
                if each.fact == "bag.released" or each.body.get("released_by"):
                    behind: list[str | None] = [*sorted(self.known.donations_behind(bag))]
                    rows += [self._release(each, din) for din in behind or [None]]
        return rows

    def _release(self, each: Saying, din: str | None) -> Row:
        row: Row = {"bag": each.stream, "released_at": shown(each.at), "donation": din}
        if each.fact == "bag.received":
            return row | {"kind": "by_sender", "early": None}
        emergency = "authoriser" in each.body
        row["kind"] = "reported" if each.body["reported"] else "emergency_released" if emergency else "released"
        if din is None or not self.known.registrations(din):
            return row  # of a donation that nobody registered, no panel is in force
        final = self.known.final_at(din)
        return row | {"early": final is None or each.at < final, "final_at": shown(final)}

    def outside_range(self, subject: str) -> list[Row]:
        rows = []
        for bag in sorted(self.asked_about(subject)):
            found = self.known.on(bag, "bag.temperature_breached")
            if found:
                celsius = [Decimal(each.body["celsius"]) for each in found]
                rows.append(
                    {
                        "bag": bag,
                        "breaches": len(found),
                        "minutes": _sum(found),
                        "outside_rule": _sum(each for each in found if not self.known.allowed(each)),
                        "celsius_min": exact(min(celsius)),
                        "celsius_max": exact(max(celsius)),
                        "first_at": shown(found[0].at),
                        "last_at": shown(found[-1].at),
                    }
                )
        return rows

    def in_date(self, subject: str) -> list[Row]:
        rows = []
        for each in self._givings(self.asked_about(subject)):
            if self._of_another(subject, each):
                continue
            ends = self.expires_at(each.stream, each.at)
            rows.append(
                {
                    "bag": each.stream,
                    "patient": each.body["patient"],
                    "transfused_at": shown(each.at),
                    "expires_at": OneOf(shown(end) for end in ends),
                    "rule_expires_at": OneOf(shown(end) for end, _ in self.made(each.stream)),
                    "label_expires_at": shown(self.label(each.stream)),
                    "in_date": OneOf(None if end is None else each.at < end + MINUTE for end in ends),
                    "late_by_minutes": OneOf(
                        None if end is None or each.at < end + MINUTE else (each.at - end) // MINUTE for end in ends
                    ),
                }
            )
        return rows

    def _of_another(self, subject: str, each: Saying) -> bool:
        noun, _, name = subject.partition(":")
        return noun == "patient" and each.body["patient"] not in self.known.same("patient", name)

    # -- k ----------------------------------------------------------------------------------------

    def compatible(self, subject: str) -> list[Row]:
        rows = []
        for bag in sorted(self.asked_about(subject)):
            acts = [each for each in self.known.on(bag, "bag.issued", "bag.transfused") if each.body.get("patient")]
            given = {self.known.same("patient", each.body["patient"]) for each in acts if each.fact != "bag.issued"}
            for each in acts:
                person = self.known.same("patient", each.body["patient"])
                if not self._of_another(subject, each) and (each.fact != "bag.issued" or person not in given):
                    rows.append(self._act(each, person))
        return rows

    def _act(self, act: Saying, person: frozenset[str]) -> Row:
        matches = [
            each.body["result"]
            for each in self.known.on(act.stream, "bag.crossmatched")
            if each.at < act.at and each.body["patient"] in person
        ]
        match = matches[-1] if matches else None
        verdict = _judged(self.known.component(act.stream), self._may_be(act.stream), self._groups_of(person))
        if match == "incompatible":
            verdict = False
        # of bags from several donations, and of those that took a group over from what they do not come from after all
        sure = len(self.known.donations_behind(act.stream)) == 1 and self.known.always_from_the_same(act.stream)
        return {
            "bag": act.stream,
            "act": act.fact.removeprefix("bag."),
            "happened_at": shown(act.at),
            "patient": act.body["patient"],
            "crossmatch": match,
            "compatible": verdict if sure or match == "incompatible" else OneOf({True, False, None}),
        }

    def _may_be(self, bag: str) -> set[tuple[str | None, str | None]]:
        groups = {each for din in self.known.donations_behind(bag) for each in self.known.groups(din)}
        labels = {self.declared_by(each) for each in self.known.on(bag, *ORIGINS)} - {(None, None)}
        return groups | labels or {(None, None)}

    def declared_by(self, each: Saying) -> tuple[str | None, str | None]:
        if each.fact in ("bag.prepared", "bag.labelled"):
            return self.known.declared(each.stream)
        return (each.body.get("group"), each.body.get("rhd"))

    def _groups_of(self, person: frozenset[str]) -> set[tuple[str | None, str | None]]:
        found = {
            (each.body["group"], each.body["rhd"])
            for name in person
            for each in self.known.on(f"patient:{name}", "recipient.grouped")
        }
        return found or {(None, None)}

    def disagreements(self, subject: str) -> set[tuple[str, str, bool]]:
        """Where typing ever disagreed: on a donation behind these bags, or on a patient given any of them."""
        bags = self.asked_about(subject)
        dins = set().union(*(self.known.donations_behind(bag) for bag in bags)) if bags else set()
        noun, _, name = subject.partition(":")
        patients = {patient for bag in bags for patient in self._typed_for(subject, bag)} | (
            {name} if noun == "patient" else set()
        )
        people = {self.known.same("patient", each) for each in patients}
        found = {("donation", din, self._typed([din], "donation.grouped")) for din in dins}
        found |= {
            ("patient", f"patient:{min(person)}", self._typed([f"patient:{each}" for each in person], _RECIPIENT))
            for person in people
        }
        return {(of, stream, bool(stands)) for of, stream, stands in found if stands is not None}

    def _typed_for(self, subject: str, bag: str) -> set[str]:
        """Whom a bag went to, and those it had been crossmatched with by then."""
        acts = [each for each in self.known.on(bag, "bag.issued", "bag.transfused") if each.body.get("patient")]
        acts = [each for each in acts if not self._of_another(subject, each)]
        last = max((each.at for each in acts), default=None)
        matches = [each for each in self.known.on(bag, "bag.crossmatched") if last is not None and each.at < last]
        return {each.body["patient"] for each in (*acts, *matches)}

    def _typed(self, streams: list[str], fact: str) -> bool | None:
        """None when typing never disagreed; else whether it still does."""
        ever, now = set(), set()
        for each in self.known.every:
            if each.stream in streams and each.fact == fact:
                ever |= {(each.first["group"], each.first["rhd"])}
                if each.corrected != "annulled":
                    ever |= {(each.body["group"], each.body["rhd"])}
                    now |= {(each.body["group"], each.body["rhd"])}
        return None if len(ever) < 2 else len(now) > 1

    # -- l, m, p, recall --------------------------------------------------------------------------

    def record(self, bag: str) -> Counter[tuple[str, str, str | None]]:
        """What was said of a bag, as it reads, and whether it was corrected; what was annulled as it was said."""
        told: Counter[tuple[str, str, str | None]] = Counter()
        for each in self.known.every:
            if each.stream == bag:
                at = each.first_at if each.corrected == "annulled" else each.at
                told[each.fact, shown(at) or "", each.corrected] += 1
        return told

    def touched(self, subject: str, since: datetime | None, until: datetime | None) -> list[Row]:
        noun, _, name = subject.partition(":")
        direct = self.direct(subject, since, until)
        touches = [(at, stream) for stream, _, at, _ in self.links(noun, name) if _within(at, since, until)]
        rows = []
        for bag in sorted(self.reached(subject, since, until)):
            mine = [at for at, stream in touches if stream in (bag, bag[:13])]
            rows.append(
                {
                    "bag": bag,
                    "component": self.known.component(bag),
                    "directly": bag in direct,
                    "happened_at": shown(min(mine)) if bag in direct else None,
                    "status": self.status(bag),
                    "fate": self.way(bag).fate,
                    "facility": self.way(bag).facility,
                    "patient": self.patient(bag),
                }
            )
        return rows

    def received(self) -> list[Row]:
        return [
            {
                "bag": each.stream,
                "sender": each.body["sent_from"],
                "sender_bag": each.body.get("sender_bag"),
                "sender_release": each.body.get("released_by"),
                "received_at": shown(each.at),
                "facility": each.body.get("facility"),
                "status": self.status(each.stream),
                "fate": self.way(each.stream).fate,
            }
            for each in self.known.all("bag.received")
        ]

    def recall(self, subject: str, since: datetime | None = None, until: datetime | None = None) -> list[Row]:
        direct = self.direct(subject, since, until)
        return [
            {
                "bag": bag,
                "component": self.known.component(bag),
                "directly": bag in direct,
                "status": self.status(bag),
                "fate": self.way(bag).fate,
                "where": self.where(bag),
                "located": self.located(bag),
                "facility": self.way(bag).facility,
                "place": self.way(bag).place,
                "consignee": self.way(bag).consignee,
                "patient": self.patient(bag),
                "custody": [hand for each in self.known.on(bag) for hand in _hands(each)],
            }
            for bag in sorted(self.known.descendants(direct))
        ]

    # -- stock ------------------------------------------------------------------------------------

    def stock(self, *, by_group: bool) -> list[Row]:
        """Bags and quantities; pools apart from groups, as theirs may be unknown in part."""
        bags: Counter[tuple[Any, ...]] = Counter()
        amounts: dict[tuple[Any, ...], Decimal] = {}
        expired: dict[tuple[Any, ...], list[OneOf]] = {}
        for bag in self.known.bags:
            if self.status(bag) in FINAL or (by_group and not self._of_one(bag)):
                continue
            amount, measure = self.known.quantity(bag)
            group: tuple[Any, ...] = next(iter(self.known.group(bag))) if by_group else ()
            shelf = (self.way(bag).facility, self.known.component(bag), *group, self.status(bag), measure)
            bags[shelf] += 1
            expired.setdefault(shelf, []).append(self._expired(bag))
            amounts[shelf] = amounts.get(shelf, Decimal(0)) + (amount or 0)
        return [
            {"shelf": shelf, "bags": count, "quantity": amounts[shelf], "expired": _between(expired[shelf])}
            for shelf, count in bags.items()
        ]

    def _of_one(self, bag: str) -> bool:
        return self.known.component(bag) != "pooled_platelets" and len(self.known.group(bag)) == 1

    @cached_property
    def pooled(self) -> set[str]:
        """Bags whose group may be shown as one of several."""
        return {bag for bag in self.known.bags if not self._of_one(bag)}


# -- parts of answers -------------------------------------------------------------------------------------

_RECIPIENT = "recipient.grouped"
_FATES = {"transfused", "discarded", "destroyed", "sent_for_fractionation", "used_for_quality_control"}
_PLACED = {
    **dict.fromkeys(("bag.collected", "bag.prepared", "bag.received", "donation.registered"), "facility"),
    **dict.fromkeys(("bag.stored", "bag.moved", "bag.found", "bag.issued"), "facility"),
    "bag.arrived": "at",
    "bag.transfused": "hospital",
}
"""What says that a bag was at a facility, and where it says so."""
_KINDS: dict[str, tuple[str, ...]] = {
    "lot": LOT_KINDS,
    "device": ("device",),
    "operator": ("operator",),
    "run": ("process_run", "test_run"),
    "facility": ("facility",),
}


def _within(at: datetime, since: datetime | None, until: datetime | None) -> bool:
    return (since is None or since <= at) and (until is None or at <= until)


def _sum(breaches: Iterable[Saying]) -> str:
    return exact(sum((Decimal(each.body["minutes"]) for each in breaches), Decimal(0))) or "0"


def _between(choices: list[OneOf]) -> OneOf:
    """How many of some bags may be expired."""
    sure, perhaps = sum(False not in each for each in choices), sum(len(each) > 1 for each in choices)
    return OneOf(range(sure, sure + perhaps + 1))


def _uses(each: Saying) -> Iterable[tuple[str, str]]:
    """What was used when it happened, by kind."""
    body, fact = each.body, each.fact
    if fact in ("bag.collected", "bag.prepared"):
        yield from lots_of(each)
        yield from (("device", name) for name in body.get("devices", []))
        yield "operator", body.get("operator") or body.get("collector") or body["by"]
    if fact in ("bag.prepared", "bag.consumed") and body.get("process_run"):
        yield "process_run", body["process_run"]
    if fact in ("donation.tested", "donation.grouped"):
        yield from ((kind, body[kind]) for kind in ("reagent_lot", "test_run", "device") if body.get(kind))
    there = body.get(_PLACED.get(fact, ""))
    if there:
        yield "facility", there


def _hands(each: Saying) -> Iterable[Row]:
    """Whose hands a saying tells of, from whom first."""
    body, part = each.body, {
        "bag.received": (("sent_from", "facility"), ("facility", "facility")),
        "bag.distributed": (("sent_from", "facility"), ("to", "consignee")),
        "bag.arrived": (("at", "facility"),),
        "bag.issued": (("facility", "facility"), ("to", "ward"), ("patient", "patient")),
        "bag.returned": (("sent_from", "from"), ("facility", "facility")),
        "bag.transfused": (("hospital", "facility"), ("patient", "given")),
    }.get(each.fact, ())  # fmt: skip
    for name, role in part:
        if body.get(name):
            if role == "from":
                role = "ward" if body["leg"] == "ward_to_bank" else "facility"
            if role == "given":
                role = "presumed" if body.get("presumed") else "patient"
            yield {"at": shown(each.at), "who": body[name], "as": role}


class _Leg:
    """On which leg a bag is out: to a facility, or to a patient; None when it is at home."""

    def __init__(self, sayings: list[Saying]) -> None:
        self.home: str | None = None
        self.out: Saying | None = None
        self.issue: Saying | None = None
        self.guess: Saying | None = None
        self.arrived = False
        for each in sayings:
            self._hear(each)

    def _hear(self, each: Saying) -> None:
        fact, body = each.fact, each.body
        if fact in ("bag.collected", "bag.prepared", "bag.stored", "bag.moved", "bag.counted", "bag.found"):
            self.home = self.home or body.get("facility")
        elif fact == "bag.received":
            self.home = self.home or body.get("facility")
            self._back()
        elif fact == "bag.distributed":
            self.home = self.home or body.get("sent_from")
            self.out, self.arrived, self.issue = self.out or each, False, None
        elif fact == "bag.arrived":
            if body["at"] == self.home:
                self._back()
            else:
                self.out, self.arrived = self.out or each, True
        elif fact == "bag.issued":
            self.issue = each
        elif fact == "bag.returned":
            self.issue = self.guess = None
            if body["leg"] == "hospital_to_centre":
                self._back()
        elif fact == "bag.transfused" and body.get("presumed"):
            self.guess = each

    def _back(self) -> None:
        self.out = self.issue = self.guess = None
        self.arrived = False

    def told(self) -> tuple[str, Saying, bool] | None:
        given = self.issue or self.guess
        if given is not None:
            return "issued", given, self.guess is not None
        if self.out is not None:
            return ("arrived" if self.arrived else "distributed"), self.out, False
        return None


# -- which blood suits whom (the tables of any textbook; nothing here decides medicine) ---------------------

CELLS_SUIT = {"O": "O A B AB", "A": "A AB", "B": "B AB", "AB": "AB"}
PLASMA_SUITS = {"AB": "O A B AB", "A": "A O", "B": "B O", "O": "O"}
_CLASS = {"fresh_frozen_plasma": "plasma", "concentrated_platelets": "any", "pooled_platelets": "any",
          "whole_blood": "both"}  # fmt: skip


def _judged(component: str | None, bag: set[Any], patient: set[Any]) -> bool | None:
    """Whether it suits by every typing that may be true; None when that depends."""
    if component is None:
        return None
    kind = _CLASS.get(component, "cells")
    abo = {_suits(kind, *each) for each in pairs_of(_all("O A B AB", bag, 0), _all("O A B AB", patient, 0))}
    rhd = {
        kind in ("plasma", "any") or one == "negative" or other == "positive"
        for one, other in pairs_of(_all("positive negative", bag, 1), _all("positive negative", patient, 1))
    }
    if abo == {False} or rhd == {False}:
        return False
    return True if abo == {True} and rhd == {True} else None


def _all(every: str, typings: set[Any], part: int) -> list[str]:
    said = {each[part] for each in typings}
    return every.split() if None in said else sorted(said)


def _suits(kind: str, bag: str, patient: str) -> bool:
    cells, plasma = patient in CELLS_SUIT[bag].split(), patient in PLASMA_SUITS[bag].split()
    return {"cells": cells, "plasma": plasma, "both": cells and plasma, "any": True}[kind]
