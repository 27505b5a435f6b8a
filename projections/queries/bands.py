"""This file holds the safe bands: whether what is available of a component lies below, within or above its band."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

Line = Mapping[str, Any]
BOUNDS = ("component", "group", "rhd", "measure", "low", "high")


def levels(rows: Sequence[Line], bands: Iterable[Line]) -> list[dict[str, Any]]:
    """How the stock stands against each band, in the order of the bands, then of facilities.

    `rows` are those of a stock answer: {facility, component, group, rhd, status, measure, bags, quantity, expired,
    expired_quantity}. What is available counts, expired bags do not. `bands` are {facility, component, group, rhd,
    measure, low, high}: no facility is every facility of the rows, each on its own; no group, no RhD all of them
    together. Both bounds are still within.
    Shape: {facility, component, group, rhd, measure, low, high, bags, quantity, level: below|within|above}, quantities
    and bounds as exact text. A component without stock is below with 0, unless its band begins at 0.
    """
    return [_level(rows, band, facility) for band in bands for facility in _facilities(rows, band)]


def _facilities(rows: Iterable[Line], band: Line) -> list[str | None]:
    if band["facility"] is not None:
        return [band["facility"]]
    return sorted({row["facility"] for row in rows if row["facility"] is not None}) or [None]


def _level(rows: Iterable[Line], band: Line, facility: str | None) -> dict[str, Any]:
    counted = [row for row in rows if row["facility"] == facility and row["status"] == "available" and _fits(row, band)]
    quantity = sum(map(_usable, counted), Decimal(0))
    low, high = Decimal(band["low"]), Decimal(band["high"])
    return {
        "facility": facility,
        **{name: band[name] for name in BOUNDS},
        "low": _text(low),
        "high": _text(high),
        "bags": sum(row["bags"] - row["expired"] for row in counted),
        "quantity": _text(quantity),
        "level": "below" if quantity < low else "above" if quantity > high else "within",
    }


def _fits(row: Line, band: Line) -> bool:
    return (row["component"], row["measure"]) == (band["component"], band["measure"]) and all(
        band[name] in (None, row[name]) for name in ("group", "rhd")
    )


def _usable(row: Line) -> Decimal:
    if row["quantity"] is None:
        return Decimal(0)
    expired = row["expired_quantity"] if row["expired"] else None
    return Decimal(row["quantity"]) - Decimal(expired or 0)


def _text(amount: Decimal) -> str:
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
