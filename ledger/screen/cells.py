"""This file holds how one value of an answer is shown in a cell, by the name of its column."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from ledger.screen.life import detail
from ledger.screen.numbers import Name, group, moment
from ledger.screen.words import Say

Shown = Callable[[Say, Any, Name], str]
ONLY_SOME = frozenset({"reported", "presumed", "holds"})
"""Columns that tell of exceptions: a no or a 0 is not said."""
SEALED = frozenset({"key_id", "bytes"})
"""The fields of a text that only whoever has its key can read."""


def cell(say: Say, key: str, value: Any, name: Name) -> str:
    """A value as people read it; empty for what is not known."""
    if value is None or (key in ONLY_SOME and not value):
        return ""
    shown = BY_COLUMN.get(key)
    if shown is not None and isinstance(value, (str, list, Mapping)):
        return shown(say, value, name)
    return plain(say, value)


def plain(say: Say, value: Any) -> str:
    """A value of which only its kind is known."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return say("ask.yes") if value else say("ask.no")
    if isinstance(value, Mapping):
        return say("ask.sealed") if value.keys() >= SEALED else _pairs(say, value)
    if isinstance(value, (list, tuple)):
        return ", ".join(text for each in value if (text := plain(say, each)))
    if isinstance(value, str) and _is_instant(value):
        return moment(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _is_instant(text: str) -> bool:
    return len(text) > 18 and text[10] == "T" and text.endswith("Z")


def _pairs(say: Say, value: Mapping[str, Any]) -> str:
    """What a record says, its empty fields left out."""
    filled = {key: text for key, each in value.items() if (text := plain(say, each))}
    return " ".join(f"{key} {text}" for key, text in filled.items())


def _values(say: Say, value: Any, _: Name) -> str:
    """A record of which the fields need no names."""
    if not isinstance(value, Mapping):
        return plain(say, value)
    return " ".join(text for each in value.values() if (text := plain(say, each)))


def _component(_: Say, value: Any, name: Name) -> str:
    return name(str(value))


def _word_of(kind: str) -> Shown:
    """The words of a code or of several; the code itself where a site or a later version brings its own."""

    def shown(say: Say, value: Any, _: Name) -> str:
        codes = value if isinstance(value, list) else [value]
        return ", ".join(say.known(f"{kind}.{code}", plain(say, code)) for code in codes)

    return shown


def _how(say: Say, value: Any, _: Name) -> str:
    return say.known(f"scope.{value}", say.known(f"ask.code.{value}", str(value)))


def _typings(say: Say, value: Any, _: Name) -> str:
    """What was said of a group, time after time."""
    told = (f"{group(say, each)} ({each['stream']}, {moment(each.get('happened_at'))})" for each in value)
    return " / ".join(told)


def _recorded(_: Say, value: Any, __: Name) -> str:
    """A time of recording always has its seconds: a table of them is as wide at any time."""
    return value[:19].replace("T", " ") if isinstance(value, str) else str(value)


def _fact(say: Say, value: Any, _: Name) -> str:
    """A fact's name, with its version or without."""
    short = value.rpartition(".")[0] if value.count(".") > 1 else value
    return say.known(f"fact.{short}", short)


def _status(say: Say, value: Any, _: Name) -> str:
    return say.known(f"status.{value}", str(value))


def _says(say: Say, value: Any, _: Name) -> str:
    return detail(say, {"fact": value}, None)


def _custody(say: Say, value: Any, _: Name) -> str:
    """Who had a bag, in order."""
    told = [f"{moment(each['at'])} {each['who']} ({say.known('ask.code.' + each['as'], each['as'])})" for each in value]
    return " → ".join(told)


def _results(say: Say, value: Any, _: Name) -> str:
    """Results by marker, those alike together: `nonreactive: hbsag, syphilis`."""
    if not isinstance(value, Mapping):
        return plain(say, value)
    alike: dict[str, list[str]] = defaultdict(list)
    for marker, result in value.items():
        text = result if isinstance(result, str) else plain(say, result)
        alike[say.known(f"ask.code.{text}", text)].append(marker)
    return "; ".join(f"{result}: {', '.join(markers)}" for result, markers in alike.items())


CODED = ("leg", "kind", "panel", "outcome", "level", "why", "act", "of", "table", "crossmatch", "as")
"""Columns whose values are codes of answers."""
BY_COLUMN: dict[str, Shown] = {
    **dict.fromkeys(CODED, _word_of("ask.code")),
    "component": _component,
    "status": _status,
    "fate": _status,
    "name": _fact,
    "made_by": _word_of("process"),
    "process": _word_of("process"),
    "rhd": _word_of("rhd"),
    "patient_rhd": _word_of("rhd"),
    "corrected": _word_of("trace.corrected"),
    "says": _says,
    "results": _results,
    "caused_by": _values,
    "custody": _custody,
    "cause": _word_of("cause"),
    "hold_cause": _word_of("cause"),
    "how": _how,
    "recorded_at": _recorded,
    "said": _typings,
}
