"""This file holds the upcasts: how a fact of an older schema reads under the newest one."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import schemas

Body = dict[str, Any]


def _breach_v2(body: Body) -> Body:
    """v1 knew one extreme and whole minutes; v2 has both extremes and a device."""
    celsius = body.pop("celsius")
    return {
        **body,
        "celsius_min": celsius,
        "celsius_max": celsius,
        "minutes": Decimal(body["minutes"]),
        "within_rule": False,
        "device": None,
    }


UPCASTS: dict[str, tuple[str, Callable[[Body], Body]]] = {
    "bag.temperature_breached.v1": ("bag.temperature_breached.v2", _breach_v2),
}
"""From a wire name to the next one, and the step between their bodies."""


def upcast(wire: str, body: Body) -> tuple[str, Body]:
    """The newest wire name of a fact, and its body as that one says it."""
    while wire in UPCASTS:
        wire, step = UPCASTS[wire]
        body = step(dict(body))
    return wire, body


def newest_bytes(data: bytes) -> bytes:
    """A fact of an older schema written again under the newest. Errors: schemas.SchemaError."""
    return schemas.encode(*upcast(*schemas.decode(data)))
