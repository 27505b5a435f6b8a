"""This file holds the donor, by pseudonym: suitability, deferrals, self-exclusion, and who is the same person."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from ledger.domain.aggregate import Correction, Fact, LedgerAggregate
from ledger.domain.values import FieldValue, Sealed


class Donor(LedgerAggregate):
    """A person who gives blood, known here by a pseudonym only. Stream: `donor:PSEUDONYM`."""

    NOUN = "donor"

    # -- facts ------------------------------------------------------------------------------------

    class Registered(Fact):
        """A donor became known."""

        TOPIC = "donor.registered.v1"
        RANK = 5

        facility: str | None = None
        identity: Sealed | None = None

    class Assessed(Fact):
        """Suitability was assessed."""

        TOPIC = "donor.assessed.v1"

        outcome: str
        facility: str | None = None
        notes: Sealed | None = None

    class Deferred(Fact):
        """The donor may not give."""

        TOPIC = "donor.deferred.v1"

        cause: str
        until_at: datetime | None = None
        reaches_back_to: datetime | None = None
        reason: Sealed | None = None

    class DeferralLifted(Fact):
        """The deferral no longer stands."""

        TOPIC = "donor.deferral_lifted.v1"

        cause: str
        reason: Sealed | None = None

    class Merged(Fact):
        """Two pseudonyms are one person."""

        TOPIC = "donor.merged.v1"

        other: str
        process_id: str

    class Unmerged(Fact):
        """They are not."""

        TOPIC = "donor.unmerged.v1"

        other: str
        process_id: str

    class SelfExcluded(Fact):
        """The donor asked that the blood not be used."""

        TOPIC = "donor.self_excluded.v1"

        donation: str | None = None

    class Amended(Correction):
        """Corrects fields of an earlier fact of this stream; may itself be amended or annulled."""

        TOPIC = "donor.amended.v1"
        DECISION = True

        target_version: int | None = None
        target_fact: str | None = None
        match: tuple[FieldValue, ...] = ()
        changes: tuple[FieldValue, ...] = ()
        reason: Sealed | None = None

    class Annulled(Correction):
        """Takes an earlier fact of this stream back, as entered in error; may itself be annulled."""

        TOPIC = "donor.annulled.v1"
        DECISION = True

        target_version: int | None = None
        target_fact: str | None = None
        match: tuple[FieldValue, ...] = ()
        reason: Sealed | None = None

    # -- decisions: none; what is learned of a donor is observed, and only a release is decided on it ---------

    def deferred_for(self, donated_at: datetime, at: datetime) -> list[str]:
        """Causes of deferrals that reach a donation, in force when it was given or now.

        A deferral reaches all donations unless it says from when on.
        """
        return sorted(
            {
                each.cause
                for each in self.deferrals
                if (each.reaches_back_to is None or each.reaches_back_to <= donated_at)
                and (each.until_at is None or each.until_at > min(donated_at, at))
                and not self._lifted_since(each)
            }
        )

    def _lifted_since(self, deferral: Donor.Deferred) -> bool:
        return any(lifted.cause == deferral.cause and lifted.timestamp >= deferral.timestamp for lifted in self.lifted)

    # -- consequences -----------------------------------------------------------------------------

    def reset(self) -> None:
        self.deferrals: list[Donor.Deferred] = []
        self.lifted: list[Donor.DeferralLifted] = []
        self.merged_with: dict[str, None] = {}
        self.exclusions: list[Donor.SelfExcluded] = []

    def _deferred(self, fact: Donor.Deferred) -> None:
        self.deferrals.append(fact)

    def _deferral_lifted(self, fact: Donor.DeferralLifted) -> None:
        self.lifted.append(fact)

    def _merged(self, fact: Donor.Merged) -> None:
        self.merged_with[fact.other] = None

    def _unmerged(self, fact: Donor.Unmerged) -> None:
        self.merged_with.pop(fact.other, None)

    def _self_excluded(self, fact: Donor.SelfExcluded) -> None:
        self.exclusions.append(fact)

    FOLDED: ClassVar[dict[type[Fact], str]] = {
        Deferred: "_deferred",
        DeferralLifted: "_deferral_lifted",
        Merged: "_merged",
        Unmerged: "_unmerged",
        SelfExcluded: "_self_excluded",
    }
