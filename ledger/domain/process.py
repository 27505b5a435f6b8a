"""This file holds the conservation of what bags hold: nothing is made from nothing.

Within one component, what comes out of a process and what is lost add up to what went in. In a separation U is
an equivalence to what was collected: 2 U of whole blood give 2 U of red cells and platelets and 200 mL of plasma.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from ledger.domain.values import Quantity

Held = tuple[str | None, Quantity, Decimal | None]
"""Component, quantity and net volume (mL) of one bag."""

SEPARATING = frozenset({"separate", "cryo"})
"""Processes whose outputs are different components of one input."""


class Unaccounted(NamedTuple):
    """Outputs above inputs: how much came out, how much went in, as text with the measure."""

    out: str
    into: str


def unaccounted(
    process: str,
    inputs: Sequence[Held],
    outputs: Sequence[Held],
    ml_per_unit: Decimal,
    additive_ml: Decimal | None,
) -> Unaccounted | None:
    """What came out beyond what went in, or None.

    `ml_per_unit`: most that one U of input may yield in mL; zero when the site sets no bound. `additive_ml`:
    volume of additive solution put in; None when it is not known, and net volumes are not compared then.
    """
    if additive_ml is not None and (problem := _net_volumes(inputs, outputs, additive_ml)) is not None:
        return problem
    if process in SEPARATING:
        return _separated(inputs, outputs, ml_per_unit)
    for measure in sorted({quantity.measure for _, quantity, _ in outputs}):
        into, out = _sum(inputs, measure), _sum(outputs, measure)
        if into and out > into:
            return _above(out, into, measure)
    return None


def _separated(inputs: Sequence[Held], outputs: Sequence[Held], ml_per_unit: Decimal) -> Unaccounted | None:
    units = _sum(inputs, "U")
    for component in sorted({str(component) for component, _, _ in outputs}):
        out = _sum([each for each in outputs if str(each[0]) == component], "U")
        if units and out > units:
            return _above(out, units, "U")
    volume, bound = _sum(outputs, "mL"), units * ml_per_unit + _sum(inputs, "mL")
    if bound and volume > bound:
        return _above(volume, bound, "mL")
    return None


def _net_volumes(inputs: Sequence[Held], outputs: Sequence[Held], additive_ml: Decimal) -> Unaccounted | None:
    """Net volumes of the outputs above those of the inputs and the additive, where all inputs' are known."""
    known = [volume for _, _, volume in inputs if volume is not None]
    out = sum((volume for _, _, volume in outputs if volume is not None), Decimal(0))
    into = sum(known, Decimal(0)) + additive_ml
    return _above(out, into, "mL") if len(known) == len(inputs) and out > into else None


def _sum(bags: Sequence[Held], measure: str) -> Decimal:
    return sum((quantity.amount for _, quantity, _ in bags if quantity.measure == measure), Decimal(0))


def _above(out: Decimal, into: Decimal, measure: str) -> Unaccounted:
    return Unaccounted(f"{out:f} {measure}", f"{into:f} {measure}")


def lost(process: str, inputs: Sequence[Held], outputs: Sequence[Held]) -> Quantity | None:
    """What a process lost, as in less out, where in and out are of one measure; None in a separation."""
    measures = {quantity.measure for _, quantity, _ in (*inputs, *outputs)}
    if process in SEPARATING or len(measures) != 1:
        return None
    measure = measures.pop()
    left = _sum(inputs, measure) - _sum(outputs, measure)
    return Quantity(left, measure) if left > 0 else None
