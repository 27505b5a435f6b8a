"""This file holds the question whether a bag was released before all mandatory results of its donations were final."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from projections.decode import EPOCH, Fact, instant_text
from projections.queries.about import about, incomplete
from projections.queries.asking import Asking, Said
from projections.queries.custody import told_of
from projections.queries.facts import facts_of
from projections.queries.origins import Origins, origins_of
from projections.readmodels.standing import standing

BY_SENDER = "by_sender"
Mandatory = Callable[[str, datetime], Iterable[str] | None]
"""What the site's panel for a kind of donation asks for on a day: markers, and `group`; None where it has no panel."""


class Panel(NamedTuple):
    """What the results of a donation came to.

    Shape: `panel` and `outcome` as concluded last; `final_at` when the last mandatory result was final; `heard_until`
    the same as far as the facts tell, when they do not tell whether others are open; `first_final` when each item
    (marker, or group) first had a final result, None when it has none.
    """

    panel: str | None
    outcome: str
    final_at: int | None
    heard_until: int | None
    first_final: dict[str, int | None]

    def early(self, released_at: int) -> bool | None:
        """Whether a release came before all mandatory results were final; None when the facts do not tell."""
        if self.outcome == "acceptable" or self.final_at is not None:
            return self.final_at is not None and released_at < self.final_at  # a panel may ask for nothing
        if self.heard_until is None or released_at < self.heard_until:
            return True
        return None

    def missing(self, released_at: int) -> list[str]:
        """What had no final result at the release, of what the facts tell of."""
        if self.early(released_at) is False:
            return []
        until = self.final_at
        return sorted(
            item
            for item, at in self.first_final.items()
            if (at is None and until is None)
            or (at is not None and released_at < at and (until is None or at <= until))
        )


NOTHING = Panel(None, "pending", None, None, {})


def released_before_final(asking: Asking, subject: str, *, mandatory: Mandatory | None = None) -> Said:
    """Every release of the subject's bags, against the results of each donation the bag comes from.

    Shape: summary {bags, released, early, unknown, incomplete}: bags asked about, with a release, released early,
    neither early nor known not to be, and with a fact that could not be read. A row for each release and donation, by
    time: {bag, released_at, by, kind, basis, donation, panel, outcome, final_at, missing, early, position, version}.
    `kind`: released, emergency_released, reported (decided elsewhere) or by_sender (a bag received with the sender's
    release). `outcome`: acceptable, unacceptable, pending, or by_sender: the bags of this donation came with the
    sender's release, which is relied on, not judged.

    What is mandatory stands in the site's catalogue (`mandatory`): `final_at` is when the last of it first had a final
    result, null while one has none, and `missing` names what was not final at the release. Without a catalogue, or of a
    donation whose kind nobody told, the facts alone must do: they name the panel and when it concluded, not what it
    asks for. Then `final_at` is null, and the release early, while nothing or `pending` is concluded; of an
    unacceptable panel, unless it was acceptable before, `early` is null when the release came after all that is known;
    and `missing` never names a marker that nobody tested.
    Errors: BadScan, NotFound.
    """
    bags = about(asking.read, subject).bags
    releases = _releases(asking, bags)
    origins = origins_of(asking.read, releases)
    panels = _panels(asking, origins, mandatory)
    rows = [
        _row(fact, donation, panels.get(donation, NOTHING))
        for bag, facts in releases.items()
        for fact in facts
        for donation in sorted(origins.behind(bag)) or [""]
    ]
    rows.sort(key=lambda row: (row["released_at"], row["bag"], row["position"], row["donation"] or ""))
    early = {row["bag"] for row in rows if row["early"]}
    unknown = {row["bag"] for row in rows if row["early"] is None and row["outcome"] != BY_SENDER} - early
    return Said(
        {
            "bags": len(bags),
            "released": len(releases),
            "early": len(early),
            "unknown": len(unknown),
            "incomplete": incomplete(asking.read, bags),
        },
        rows,
    )


def _releases(asking: Asking, bags: Iterable[str]) -> dict[str, list[Fact]]:
    told = told_of(asking.read, bags, ("bag.released", "bag.received"))
    released = {bag: [fact for fact in facts if _is_release(fact)] for bag, facts in told.items()}
    return {bag: facts for bag, facts in released.items() if facts}


def _is_release(fact: Fact) -> bool:
    return fact.name == "bag.released" or bool(fact.body["released_by"])


def _row(fact: Fact, donation: str, panel: Panel) -> dict[str, Any]:
    row = _release(fact)
    released_at = row.pop("released_at")
    relied = BY_SENDER in (row["kind"], panel.outcome) or row["basis"] == "sender"
    return {
        "bag": fact.stream,
        "released_at": instant_text(released_at),
        **row,
        "donation": donation or None,  # nothing says where the bag came from
        "panel": panel.panel,
        "outcome": BY_SENDER if relied else panel.outcome,
        "final_at": None if panel.final_at is None else instant_text(panel.final_at),
        "missing": [] if relied else panel.missing(released_at),
        "early": None if relied else panel.early(released_at),
        "position": fact.position,
        "version": fact.version,
    }


def _release(fact: Fact) -> dict[str, Any]:
    body, occasion = fact.body, fact.body["occasion"]
    if fact.name == "bag.received":
        at, by, kind, basis = body["released_at"] or fact.happened_at, body["released_by"], BY_SENDER, "sender"
    else:
        at, by, basis = fact.happened_at, occasion["by"], body["basis"]
        kind = "reported" if occasion["reported"] else "emergency_released" if basis == "emergency" else "released"
    return {"released_at": at, "by": by, "kind": kind, "basis": basis}


# -- what the results came to ------------------------------------------------------------------------------


def _panels(asking: Asking, origins: Origins, mandatory: Mandatory | None) -> dict[str, Panel]:
    first = {bag: dins for bag, dins in origins.own.items() if bag not in origins.parents}
    received = _releases(asking, first)
    with_release = {bag for bag, facts in received.items() if any(fact.name == "bag.received" for fact in facts)}
    ours = {din for bag, dins in first.items() if bag not in with_release for din in dins}
    return {
        din: _panel(facts, mandatory) if din in ours or facts else NOTHING._replace(outcome=BY_SENDER)
        for din, facts in facts_of(asking.read, origins.donations).items()
    }


def _panel(facts: list[Fact], mandatory: Mandatory | None) -> Panel:
    """What the donation's facts, as stored, come to."""
    stands = standing(facts).facts
    first_final = _first_final(stands)
    concluded = [fact for fact in stands if fact.name == "donation.concluded"]
    items = _asked_for(stands, mandatory)
    if items is not None:
        return _judged(items, first_final, concluded)
    if not concluded:
        return Panel(None, "pending", None, None, first_final)
    last = concluded[-1].body
    panel, outcome, at = last["panel"], last["outcome"], last["concluded_at"]
    complete = outcome == "acceptable" or (outcome == "unacceptable" and _was_complete(facts, panel, first_final))
    return Panel(panel, outcome, at if complete else None, None if complete else at, first_final)


def _asked_for(stands: list[Fact], mandatory: Mandatory | None) -> list[str] | None:
    """What the panel in force on the donation's day asks for; None when that cannot be known."""
    given = [fact for fact in stands if fact.name == "donation.registered"]
    if mandatory is None or not given:
        return None
    first = min(given, key=lambda fact: (fact.happened_at, fact.position))
    items = mandatory(first.body["kind"], EPOCH + timedelta(microseconds=first.happened_at))
    return None if items is None else list(items)


def _judged(items: list[str], first_final: dict[str, int | None], concluded: list[Fact]) -> Panel:
    """Against what is asked for: final when the last of it is."""
    finals = {item: first_final.get(item) for item in items}
    times = [at for at in finals.values() if at is not None]
    final_at = max(times, default=None) if len(times) == len(items) else None
    panel, outcome = None, "pending"
    if concluded:
        panel, outcome = concluded[-1].body["panel"], concluded[-1].body["outcome"]
    return Panel(panel, outcome, final_at, final_at, finals)


def _first_final(stands: list[Fact]) -> dict[str, int | None]:
    found: dict[str, int | None] = {}
    for fact in stands:
        if fact.name == "donation.tested":
            marker, final = fact.body["marker"], fact.body["final"]
        elif fact.name == "donation.grouped":
            marker, final = "group", True
        else:
            continue
        before = found.get(marker)
        now = fact.happened_at if final else None
        found[marker] = now if before is None else before if now is None else min(before, now)
    return found


def _was_complete(facts: list[Fact], panel: str, now: dict[str, int | None]) -> bool:
    """Whether all that was final when this panel was concluded acceptable still is: then nothing mandatory is open."""
    for fact in facts:
        if fact.name == "donation.concluded" and (fact.body["outcome"], fact.body["panel"]) == ("acceptable", panel):
            until = fact.body["concluded_at"]
            then = _first_final(standing(facts[: facts.index(fact)]).facts)
            made = {item for item, at in then.items() if at is not None and (until is None or at <= until)}
            if all(now.get(item) is not None for item in made):
                return True
    return False
