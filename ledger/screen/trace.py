"""This file holds how a trace is told: the lineage as a tree, then what happened, row by row."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ledger.screen.console import console
from ledger.screen.lineage import Lineage
from ledger.screen.numbers import Name
from ledger.screen.rows import put_rows
from ledger.screen.words import Say

MOST_FACTS = 500
MOST_NAMED = 5


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
        out.print(say("trace.life"), style="italic")
        put_rows(say, [_row(fact) for fact in facts[:MOST_FACTS]], name, out.width)
    if len(facts) > MOST_FACTS:
        out.print(say("trace.more_facts", count=len(facts) - MOST_FACTS), style="dim")


def _some(bags: list[str]) -> str:
    """The first of many, and that there are more."""
    return ", ".join(bags[:MOST_NAMED]) + (" …" if len(bags) > MOST_NAMED else "")


def _when(fact: Mapping[str, Any]) -> tuple[datetime, int]:
    """Business time, then the order in which we heard; what cannot be read comes first."""
    at = fact["happened_at"]
    return datetime.fromisoformat(at) if at else datetime.min.replace(tzinfo=UTC), fact["position"]


def _row(fact: Mapping[str, Any]) -> dict[str, Any]:
    """A fact as a row: when, what, on which stream, by whom; what it says stands below where there is no room."""
    return {
        "happened_at": fact["happened_at"],
        "name": fact["name"].rpartition(".")[0],
        "stream": fact["stream"],
        "by": fact["by"],
        "corrected": fact.get("corrected"),
        "says": fact["fact"],
    }
