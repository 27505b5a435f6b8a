"""This file holds how instants, groups, quantities and components are shown to people, and what a code says."""

from collections.abc import Callable, Mapping
from typing import Any

from ledger.screen.words import Say

Name = Callable[[str], str]
"""The name of a component in the language at hand."""


def moment(text: str | None) -> str:
    """An instant in RFC 3339 as people read it, in UTC, to the minute unless seconds are said.

    Example:
        >>> moment("2026-03-01T08:00:00Z"), moment("2026-03-01T08:00:07.5Z"), moment(None)
        ('2026-03-01 08:00', '2026-03-01 08:00:07', '')
    """
    if not text:
        return ""
    day, _, clock = text.removesuffix("Z").partition("T")
    clock = clock.partition(".")[0]
    return f"{day} {clock.removesuffix(':00') if clock.count(':') == 2 else clock}"


def group(say: Say, row: Mapping[str, Any]) -> str:
    """ABO and RhD, as labels print them."""
    return f"{row.get('group') or '?'}{say.known('rhd.' + str(row.get('rhd')), '')}" if row.get("group") else ""


def nonconformity(say: Say, code: Any) -> str:
    """What a nonconformity's code says; empty for one that a site brings itself, and for anything else."""
    from ledger.domain.nonconformities import NONCONFORMITIES  # with it comes the whole domain: not for `--help`

    names = NONCONFORMITIES.get(code)
    return "" if names is None else names.zh if say.lang == "zh" else names.en


def quantity(say: Say, amount: object, measure: object) -> str:
    """An amount with its measure."""
    if amount is None:
        return ""
    return f"{amount} {say.known(f'measure.{measure}', str(measure))}"
