"""This file holds how one fact is told, in short."""

from collections.abc import Mapping
from typing import Any

import click

from ledger.screen.numbers import moment, nonconformity
from ledger.screen.words import Say

MOST_LISTED = 3
LONGEST_DETAIL = 60
LEFT_OUT = frozenset({"by", "reported", "donations", "rule_expires_at", "expiry_rule", "process_id", "hold", "notice",
                      "donation_version", "placed_at", "may_come_back", "about_version", "nonconformity"})  # fmt: skip


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
