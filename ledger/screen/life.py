"""This file holds how a life is told: a table of what happened, when, on which stream, by whom."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click

from ledger.screen.console import console
from ledger.screen.lineage import Lineage
from ledger.screen.numbers import Name, moment, nonconformity
from ledger.screen.words import Say

MOST_FACTS = 500
MOST_NAMED = 5
MOST_LISTED = 3
LONGEST_DETAIL = 60
LEFT_OUT = frozenset({"by", "reported", "donations", "rule_expires_at", "expiry_rule", "process_id", "hold", "notice",
                      "donation_version", "placed_at", "may_come_back", "about_version", "nonconformity"})  # fmt: skip
RED = frozenset(
    {"bag.held", "bag.nonconformity_raised", "donation.nonconformity_raised", "hold.placed", "recipient.alerted"}
)


def put_trace(say: Say, answer: Mapping[str, Any], name: Name, life: bool = True) -> None:
    """A trace for people: the lineage as a tree, then, if asked for, what happened as a table."""
    out = console()
    out.print(say("trace.title", subject=answer["subject"], position=answer["position"]), style="bold")
    out.print(Lineage(say, answer, name).tree())
    for bags in answer.get("cycles", ()):
        out.print(say("trace.cycle", bags=", ".join(bags)), style="red")
    if answer.get("cut"):
        out.print(say("trace.cut", count=len(answer["cut"]), bags=_some(answer["cut"])), style="yellow")
    for each in answer.get("parked", ()):
        out.print(say("trace.parked", **{key: each[key] for key in ("stream", "version", "reason")}), style="red")
    facts = sorted(answer["facts"], key=_when) if life else []
    if facts:
        out.print()
        out.print(_table(say, facts[:MOST_FACTS]))
    if len(facts) > MOST_FACTS:
        out.print(say("trace.more_facts", count=len(facts) - MOST_FACTS), style="dim")


def _some(bags: list[str]) -> str:
    """The first of many, and that there are more."""
    return ", ".join(bags[:MOST_NAMED]) + (" …" if len(bags) > MOST_NAMED else "")


def _when(fact: Mapping[str, Any]) -> tuple[datetime, int]:
    """Business time, then the order in which we heard; what cannot be read comes first."""
    at = fact["happened_at"]
    return datetime.fromisoformat(at) if at else datetime.min.replace(tzinfo=UTC), fact["position"]


def _table(say: Say, facts: list[Mapping[str, Any]]) -> Any:
    from rich.cells import cell_len
    from rich.table import Table

    table = Table(title=say("trace.life"), title_justify="left", box=None, pad_edge=False)
    table.add_column(say("trace.time") + " (UTC)", no_wrap=True, min_width=16)
    widest = max(cell_len(_what(say, fact)) for fact in facts)
    table.add_column(say("trace.what"), no_wrap=True, min_width=widest)
    table.add_column(say("trace.stream"), no_wrap=True)
    table.add_column(say("trace.who"))
    table.add_column(say("trace.detail"), no_wrap=True)
    for fact in facts:
        short, corrected = fact["name"].rpartition(".")[0], fact.get("corrected")
        style = (
            "dim strike"
            if corrected == "annulled"
            else "red"
            if short in RED
            else "dim"
            if fact.get("caused_by")
            else ""
        )
        cells = [moment(fact["happened_at"]), _what(say, fact), fact["stream"], fact["by"] or "", detail(say, fact)]
        table.add_row(*cells, style=style)
    return table


def _what(say: Say, fact: Mapping[str, Any]) -> str:
    """The fact's name, and what became of it."""
    short, corrected = fact["name"].rpartition(".")[0], fact.get("corrected")
    what = say.known(f"fact.{short}", short)
    return f"{what} ({say(f'trace.corrected.{corrected}')})" if corrected else what


def put_fact(say: Say, fact: Mapping[str, Any]) -> None:
    """One stored fact on one line."""
    short = fact["name"].rpartition(".")[0]
    what = say.known(f"fact.{short}", short)
    by = (fact["fact"] or {}).get("by") or ""
    head = f"{fact['position']:>8}  {moment(fact['happened_at']):<19}  {fact['stream']} {fact['version']}"
    click.echo("  ".join(part for part in (head, what, by, detail(say, fact)) if part))


def detail(say: Say, fact: Mapping[str, Any], longest: int | None = LONGEST_DETAIL) -> str:
    """What a fact says beyond its name, in short unless there is room for all."""
    body = fact.get("fact") or {}
    words = []
    broken = nonconformity(say, body.get("code"))
    if broken:
        words.append(broken)
    for key, value in body.items():
        shown = _shown(value)
        if shown and key not in LEFT_OUT and not (key == "code" and words):
            words.append(f"{key} {shown}")
    text = ", ".join(words)
    return text if longest is None or len(text) <= longest else text[: longest - 1] + "…"


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{value['amount']} {value['measure']}" if "amount" in value else ""
    if isinstance(value, list):
        first = " ".join(_shown(each) if not isinstance(each, str) else each for each in value[:MOST_LISTED])
        return first if len(value) <= MOST_LISTED else f"{first} (+{len(value) - MOST_LISTED})"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str) and len(value) > 18 and value[10:11] == "T" and value.endswith("Z"):
        return moment(value)
    return "" if value is None else str(value)
