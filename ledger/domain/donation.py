"""This file holds the donation: one collection event, named by its DIN, whose samples carry the results."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, NamedTuple

from ledger.domain import refusals as no
from ledger.domain.aggregate import Correction, Fact, LedgerAggregate
from ledger.domain.bag import Attribute, Break
from ledger.domain.catalogue import Panel
from ledger.domain.values import FieldValue, Sealed

BAD_RESULTS = {
    "reactive": "reactive_result",
    "unacceptable": "reactive_result",
    "indeterminate": "disputed_result",
}
"""Which result places which hold."""


class Conclusion(NamedTuple):
    """What a panel comes to: pending, acceptable or unacceptable, and since when (business time)."""

    outcome: str
    panel: str
    concluded_at: datetime | None
    group: str | None
    rhd: str | None
    open: tuple[str, ...] = ()


class Donation(LedgerAggregate):
    """One collection event. Stream: the DIN (ISBT 128 ST-001, data structure 001)."""

    NOUN = "donation"

    # -- facts ------------------------------------------------------------------------------------

    class Registered(Fact):
        """A donation took place, under this DIN."""

        TOPIC = "donation.registered.v1"
        RANK = 5

        donor: str
        facility: str
        kind: str
        outcome: str
        purpose: str
        bags: tuple[str, ...] = ()
        session: str | None = None
        intended_for: str | None = None

    class SampleTaken(Fact):
        """A sample of the donation."""

        TOPIC = "donation.sample_taken.v1"

        sample: str

    class Tested(Fact):
        """A result on a sample of the donation."""

        TOPIC = "donation.tested.v1"
        UNORDERED = True

        marker: str
        result: str
        stage: str
        final: bool
        assay: str | None = None
        sample: str | None = None
        reagent_lot: str | None = None
        test_run: str | None = None
        device: str | None = None

    class Grouped(Fact):
        """Blood group found on a sample of the donation."""

        TOPIC = "donation.grouped.v1"

        group: str
        rhd: str
        sample: str | None = None
        reagent_lot: str | None = None
        test_run: str | None = None
        device: str | None = None

    class Concluded(Fact):
        """The panel is complete, or no longer is."""

        TOPIC = "donation.concluded.v1"

        outcome: str
        panel: str
        concluded_at: datetime | None = None
        group: str | None = None
        rhd: str | None = None

    class PostDonationInformation(Fact):
        """Something learned after the donation."""

        TOPIC = "donation.post_donation_information.v1"

        kind: str
        details: Sealed | None = None

    class NonconformityRaised(Fact):
        """Something broke a rule. Raised beside what was observed, never instead of it."""

        TOPIC = "donation.nonconformity_raised.v1"

        nonconformity: str
        code: str
        about_version: int | None = None
        detail: str | None = None

    class NonconformityWithdrawn(Fact):
        """A later fact explained what had looked like a broken rule, or a person settled it."""

        TOPIC = "donation.nonconformity_withdrawn.v1"

        nonconformity: str
        why: str
        reason: Sealed | None = None

    class Amended(Correction):
        """Corrects fields of an earlier fact of this stream; may itself be amended or annulled."""

        TOPIC = "donation.amended.v1"
        DECISION = True

        target_version: int | None = None
        target_fact: str | None = None
        match: tuple[FieldValue, ...] = ()
        changes: tuple[FieldValue, ...] = ()
        reason: Sealed | None = None

    class Annulled(Correction):
        """Takes an earlier fact of this stream back, as entered in error; may itself be annulled."""

        TOPIC = "donation.annulled.v1"
        DECISION = True

        target_version: int | None = None
        target_fact: str | None = None
        match: tuple[FieldValue, ...] = ()
        reason: Sealed | None = None

    # -- decisions --------------------------------------------------------------------------------

    def must_be_registered(self) -> None:
        if self.registered is None:
            raise no.DonationUnknown(self.id)

    def must_be_acceptable(self, panel: Panel) -> None:
        """Concluded, acceptable, with an undisputed group."""
        self.must_be_registered()
        if self.group_disputed:
            raise no.GroupDisputed(self.id)
        conclusion = self.conclusion(panel)
        if conclusion.outcome == "unacceptable":
            raise no.DonationNotAcceptable(self.id, markers=", ".join(self.bad_markers()))
        if conclusion.outcome == "pending":
            raise no.ResultsOpen(self.id, open=", ".join(conclusion.open))

    # -- consequences -----------------------------------------------------------------------------

    def reset(self) -> None:
        self.registrations: list[Donation.Registered] = []
        self.results: dict[str, list[Donation.Tested]] = {}
        self.groupings: list[Donation.Grouped] = []
        self.information: list[Donation.PostDonationInformation] = []
        self.attributes: list[Attribute] = []
        self.concluded: Donation.Concluded | None = None
        self._conclusions: dict[tuple[str, datetime | None], Conclusion] = {}
        self._conclusions_of = 0
        self.open_nonconformities: dict[str, Any] = {}
        self.settled: set[str] = set()

    def _registered(self, fact: Donation.Registered) -> None:
        self.registrations.append(fact)

    def _uses(self, fact: Donation.Tested | Donation.Grouped) -> None:
        used = (("reagent_lot", fact.reagent_lot), ("test_run", fact.test_run), ("device", fact.device))
        self.attributes += [Attribute(kind, name, fact.timestamp) for kind, name in used if name]

    def _tested(self, fact: Donation.Tested) -> None:
        self.results.setdefault(fact.marker, []).append(fact)
        self._uses(fact)

    def _grouped(self, fact: Donation.Grouped) -> None:
        self.groupings.append(fact)
        self._uses(fact)

    def _post_donation_information(self, fact: Donation.PostDonationInformation) -> None:
        self.information.append(fact)

    def _concluded(self, fact: Donation.Concluded) -> None:
        self.concluded = fact

    def _nonconformity_raised(self, fact: Donation.NonconformityRaised) -> None:
        self.open_nonconformities[fact.nonconformity] = fact

    def _nonconformity_withdrawn(self, fact: Donation.NonconformityWithdrawn) -> None:
        self.open_nonconformities.pop(fact.nonconformity, None)
        if fact.why == "settled":
            self.settled.add(fact.nonconformity)

    FOLDED: ClassVar[dict[type[Fact], str]] = {
        Registered: "_registered",
        Tested: "_tested",
        Grouped: "_grouped",
        PostDonationInformation: "_post_donation_information",
    }
    COUNTED: ClassVar[dict[type[Fact], str]] = {
        Concluded: "_concluded",
        NonconformityRaised: "_nonconformity_raised",
        NonconformityWithdrawn: "_nonconformity_withdrawn",
    }

    # -- what it comes to -------------------------------------------------------------------------

    @property
    def registered(self) -> Donation.Registered | None:
        """The registration that stands; the first in business time when several claim the number."""
        return self.registrations[0] if self.registrations else None

    @property
    def donors(self) -> list[str]:
        """Every donor the number was claimed for; more than one is a conflict."""
        return list(dict.fromkeys(each.donor for each in self.registrations))

    @property
    def groups(self) -> set[tuple[str, str]]:
        return {(each.group, each.rhd) for each in self.groupings}

    @property
    def group_disputed(self) -> bool:
        return len(self.groups) > 1

    @property
    def group(self) -> tuple[str | None, str | None]:
        """ABO and RhD when all typings agree."""
        return next(iter(self.groups)) if len(self.groups) == 1 else (None, None)

    def bad_markers(self, until: datetime | None = None) -> list[str]:
        """Markers with a final result that is not acceptable."""
        bad = {
            marker
            for marker, results in self.results.items()
            for each in results
            if each.result in BAD_RESULTS and each.final and (until is None or each.timestamp <= until)
        }
        return sorted(bad)

    def hold_causes(self) -> list[tuple[str, Fact]]:
        """What on this stream places a hold on every bag of the donation: (cause, fact)."""
        causes: list[tuple[str, Fact]] = [
            (BAD_RESULTS[each.result], each)
            for results in self.results.values()
            for each in results
            if each.result in BAD_RESULTS
        ]
        causes += [("post_donation_information", each) for each in self.information]
        if self.group_disputed:
            causes.append(("disputed_group", self.first_dispute))
        if self.number_conflict:
            first = _claim(self.registrations[0])
            causes.append(("identity_conflict", next(each for each in self.registrations if _claim(each) != first)))
        return causes

    @property
    def first_dispute(self) -> Donation.Grouped:
        """The typing with which the dispute began: the first, in business time, that disagrees with the one before."""
        first = self.groupings[0]
        return next((each for each in self.groupings if (each.group, each.rhd) != (first.group, first.rhd)), first)

    @property
    def number_conflict(self) -> bool:
        """Whether one number was given to two donations (two donors, kinds or facilities)."""
        return len({_claim(each) for each in self.registrations}) > 1

    def conclusion(self, panel: Panel, until: datetime | None = None) -> Conclusion:
        """What the panel comes to, or came to by an instant; the same in whatever order the results came."""
        if self._conclusions_of != self.version:
            self._conclusions, self._conclusions_of = {}, self.version
        key = (panel.id, until)
        if key not in self._conclusions:
            self._conclusions[key] = self._concluded_by(panel, until)
        return self._conclusions[key]

    def _concluded_by(self, panel: Panel, until: datetime | None) -> Conclusion:
        times: list[datetime] = []
        open_items: list[str] = []
        for marker in panel.markers:
            final = [
                each.timestamp
                for each in self.results.get(marker, ())
                if each.final and (until is None or each.timestamp <= until)
            ]
            if final:
                times.append(min(final))
            else:
                open_items.append(marker)
        groupings = _by(self.groupings, until)
        groups = {(each.group, each.rhd) for each in groupings}
        group, rhd = next(iter(groups)) if len(groups) == 1 else (None, None)
        if panel.group and groupings:
            times.append(min(each.timestamp for each in groupings))
        if panel.group and group is None:
            open_items.append("group")
        if self.bad_markers(until):
            return Conclusion("unacceptable", panel.id, max(times, default=None), group, rhd)
        if open_items:
            return Conclusion("pending", panel.id, None, group, rhd, tuple(open_items))
        return Conclusion("acceptable", panel.id, max(times, default=None), group, rhd)

    def own_breaks(self) -> list[Break]:
        """Every rule broken as this stream tells, now."""
        found = [Break("correction_of_unknown", each.originator_version) for each in self.unmatched()]
        if not self.registrations and (self.results or self.groupings or self.information):
            found.append(Break("donation_unknown", None))
        if self.number_conflict:
            found.append(Break("identity_conflict", None))
        if self.group_disputed:
            found.append(Break("group_disputed", None))
        return found


def _claim(registered: Donation.Registered) -> tuple[str, str, str]:
    """What a registration claims the number for."""
    return (registered.donor, registered.facility, registered.kind)


def _by(facts: list[Any], until: datetime | None) -> list[Any]:
    """Those that had happened by an instant; all of them when none is given."""
    return facts if until is None else [fact for fact in facts if fact.timestamp <= until]
