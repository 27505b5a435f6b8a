"""This file holds the nonconformities: raised for every rule that is broken now, withdrawn when none is."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from ledger.domain import Bag, Donation
from ledger.domain.bag import Break
from ledger.domain.process import unaccounted
from ledger.domain.values import Ref
from ledger.policies.closure import donations_of, same_donor
from ledger.store.workspace import Workspace, on_clock

SAID = "said:"
"""Prefix of nonconformities a person raised; no policy withdraws them."""

BY_DONATIONS = frozenset(
    {
        "emergency_release_results_open",
        "released_unacceptable",
        "released_before_results",
        "released_donor_deferred",
    }
)
"""Codes judged by other streams than the bag's own: its donations and their donors."""

BY_RELATIVES = frozenset({"quantity_not_conserved"})
"""Codes judged by the bag's parents and children."""

KEPT = "happened_in_future"
"""Judged once, by the clock of the commit; no later fact explains it."""


def adjust(ws: Workspace, aggregate: Bag | Donation, breaks: list[Break]) -> None:
    """Record the difference between the rules broken and the nonconformities open."""
    wanted = {each.name: each for each in breaks}
    open_now = aggregate.open_nonconformities
    for name in [name for name in open_now if name not in wanted and not name.startswith((SAID, KEPT))]:
        ws.record(
            aggregate,
            aggregate.NonconformityWithdrawn,
            caused_by=Ref(aggregate.id, aggregate.version),
            nonconformity=name,
            why="explained",
        )
    for name, each in wanted.items():
        if name not in open_now and name not in aggregate.settled:
            ws.record(
                aggregate,
                aggregate.NonconformityRaised,
                caused_by=Ref(aggregate.id, each.about or aggregate.version),
                nonconformity=name,
                code=each.code,
                about_version=each.about,
                detail=each.detail,
            )


def settle_bag(ws: Workspace, bag: Bag, *, donations: bool, relatives: bool) -> None:
    """The nonconformities of one bag.

    `donations`, `relatives`: whether what its donations and their donors say of it may have changed, or what its
    parents and children do; of what cannot have changed, what is open stays open.
    """
    breaks = bag.own_breaks()
    kept = (frozenset() if donations else BY_DONATIONS) | (frozenset() if relatives else BY_RELATIVES)
    breaks += [
        Break(fact.code, fact.about_version, fact.detail)
        for fact in bag.open_nonconformities.values()
        if fact.code in kept
    ]
    if donations and isinstance(bag.released, Bag.Released):
        breaks += _release_breaks(ws, bag, bag.released)
    if relatives and bag.consumed is not None:
        breaks += _conservation_breaks(ws, bag, bag.consumed)
    if breaks or bag.open_nonconformities:
        adjust(ws, bag, breaks)


def _release_breaks(ws: Workspace, bag: Bag, release: Bag.Released) -> list[Break]:
    """What the donations say against a release, whenever they came to say it."""
    version = release.originator_version
    if release.basis in ("sender", "autologous"):
        return []
    donations = [ws.donation(din) for din in donations_of(ws, bag)]
    if release.basis == "emergency":
        done = all(_outcome(ws, donation, None) == "acceptable" for donation in donations)
        return [] if done else [Break("emergency_release_results_open", version)]
    found = []
    outcomes = {_outcome(ws, donation, release.timestamp) for donation in donations}
    if "unacceptable" in outcomes:
        found.append(Break("released_unacceptable", version))
    elif "pending" in outcomes:
        found.append(Break("released_before_results", version))
    for donation in donations:
        found += [
            Break("released_donor_deferred", version, pseudonym)
            for pseudonym in donation.donors
            if _deferred(ws, pseudonym, donation, release)
        ]
    return found


def _outcome(ws: Workspace, donation: Donation, until: datetime | None) -> str:
    """What the donation's panel comes to, by an instant or now; pending while it is not registered."""
    panel = ws.panel_of(donation)
    return donation.conclusion(panel, until).outcome if panel is not None else "pending"


def _deferred(ws: Workspace, pseudonym: str, donation: Donation, release: Bag.Released) -> bool:
    registered = donation.registered
    assert registered is not None
    return any(
        deferral.timestamp <= release.timestamp
        and deferral.cause in donor.deferred_for(registered.timestamp, release.timestamp)
        for donor in map(ws.donor, same_donor(ws, pseudonym))
        for deferral in donor.deferrals
    )


def _additive(made: list[Any]) -> Decimal | None:
    """Volume of additive put in by a process; None when a solution is named and its volume is not."""
    volumes = [each.additive_ml for each in made if getattr(each, "additive_ml", None) is not None]
    named = any(getattr(each, "solution", None) is not None for each in made)
    return volumes[0] if volumes else None if named else Decimal(0)


def _conservation_breaks(ws: Workspace, bag: Bag, consumed: Bag.Consumed) -> list[Break]:
    """Outputs above inputs, on each parent of the process; judged once for all of them."""
    run = (consumed.process, consumed.process_id, consumed.children, consumed.timestamp)
    if run not in ws.conserved:
        ws.conserved[run] = _is_conserved(ws, bag, consumed)
    return [] if ws.conserved[run] else [Break("quantity_not_conserved", consumed.originator_version)]


def _is_conserved(ws: Workspace, bag: Bag, consumed: Bag.Consumed) -> bool:
    children = ws.bags(list(consumed.children))
    made = [
        origin
        for child in children
        for origin in child.origins
        if getattr(origin, "process_id", None) == consumed.process_id and origin.quantity is not None
    ]
    parents = ws.bags(list(dict.fromkeys(name for child in children for name in child.parents)) or [bag.id])
    if any(parent.quantity is None for parent in parents) or len(made) < len(children):
        return True
    rule = ws.catalogue.process(consumed.process, on_clock(consumed.timestamp, consumed.occasion))
    per_unit = rule.ml_per_unit if rule is not None else None
    return not unaccounted(
        consumed.process,
        [(parent.component, parent.quantity, parent.volume_ml) for parent in parents if parent.quantity],
        [(each.component, each.quantity, each.volume_ml) for each in made],
        per_unit or Decimal(0),
        _additive(made),
    )
