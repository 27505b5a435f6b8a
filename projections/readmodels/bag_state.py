"""This file holds the state the read side folds for a bag, and what it comes to: status, group, expiry."""

from typing import Any

from msgspec import Struct
from msgspec.msgpack import Decoder, Encoder

from projections.decode import Body, instant_text
from projections.readmodels.standing import Key

FINAL = frozenset(("transfused", "discarded", "destroyed", "consumed", "out"))
"""Statuses of a bag that is no stock any more."""
ENDS = {"transfused", "discarded", "destroyed"}


class BagFold(Struct, array_like=True):
    """The state of the fold over a bag's standing facts in business time.

    Shape: `version` and `position` of the last fact heard, readable or not. `last` is the place of the last
    folded fact in business order, `decisions` how many decisions were heard of its instant: enough to know
    whether the next fact continues the order. Instants in microseconds, the quantity in thousandths.
    `holds`: id -> (cause, scope kind, scope id, placed_at), open ones; `lifted`: ids of those that no longer are;
    `lifted_early`: (cause, when) of reports that lifted a hold not heard of yet. `nonconformities`: name -> (code,
    about version, detail, raised_at), open ones. `panels`: donation -> (group, rhd).
    """

    version: int = 0
    position: int = 0
    last: Key | None = None
    decisions: int = 0
    origin: str | None = None
    origin_run: str | None = None
    origin_version: int = 0
    component: str | None = None
    thousandths: int | None = None
    measure: str | None = None
    group: str | None = None
    rhd: str | None = None
    kind: str | None = None
    rule_expires_at: int | None = None
    label_expires_at: int | None = None
    modified_expires_at: int | None = None
    consumed: bool = False
    released: bool = False
    missing: bool = False
    reserved: bool = False
    may_come_back: bool = False
    fate: str | None = None
    home: str | None = None
    facility: str | None = None
    place: str | None = None
    custody: str | None = None
    consignee: str | None = None
    sent_by: str | None = None
    holds: dict[str, tuple[str, str, str, int]] = {}
    nonconformities: dict[str, tuple[str, int | None, str | None, int]] = {}
    panels: dict[str, tuple[str | None, str | None]] = {}
    lifted: set[str] = set()
    lifted_early: list[tuple[str, int]] = []

    @property
    def ended(self) -> bool:
        return self.consumed or self.fate is not None

    @property
    def expires_at(self) -> int | None:
        """The earliest of what its rule, its label and its modification say."""
        earliest = self.rule_expires_at
        for at in (self.label_expires_at, self.modified_expires_at):
            if at is not None and (earliest is None or at < earliest):
                earliest = at
        return earliest

    @property
    def shown_group(self) -> tuple[str | None, str | None]:
        """As tested, when all its donations agree; else as declared."""
        panels = set(self.panels.values()) if self.panels else ()
        if len(panels) == 1:
            (panel,) = panels
            if panel[0] is not None:
                return panel
        return self.group, self.rhd

    @property
    def status(self) -> str:
        """Where the bag stands; expired and incomplete are answered at query, no part of the row."""
        if self.fate is not None:
            return self.fate if self.fate in ENDS else "out"
        if self.consumed:
            return "consumed"
        if self.origin is None and self.last is None:
            return "out"
        if self.custody is not None and not self._back_in_stock:
            return self.custody
        if self.missing:
            return "missing"
        if self.holds:
            return "held"
        if self.reserved:
            return "reserved"
        return "available" if self.released else "quarantine"

    @property
    def _back_in_stock(self) -> bool:
        returned = self.custody == "returned" and self.may_come_back
        return returned and all(cause != "returned" for cause, _, _, _ in self.holds.values())

    def open_holds(self) -> list[Body]:
        """Open holds as they are shown."""
        shown = [
            {
                "hold": hold,
                "cause": cause,
                "scope": {"kind": kind, "id": scope},
                "placed_at": instant_text(at),
            }
            for hold, (cause, kind, scope, at) in self.holds.items()
        ]
        return sorted(shown, key=lambda each: (each["placed_at"], each["hold"]))

    def open_nonconformities(self) -> list[Body]:
        """Open nonconformities as they are shown."""
        shown = [
            {
                "code": code,
                "nonconformity": name,
                "about_version": about,
                "detail": detail,
                "raised_at": instant_text(at),
            }
            for name, (code, about, detail, at) in self.nonconformities.items()
        ]
        return sorted(shown, key=lambda each: (each["raised_at"], each["nonconformity"]))


_to_bytes: Any = Encoder(order="deterministic").encode
_from_bytes = Decoder(BagFold).decode


def packed(state: BagFold) -> bytes:
    """The fold's state as it is kept beside the row."""
    kept: bytes = _to_bytes(state)
    return kept


def unpacked(kept: bytes) -> BagFold:
    """The fold's state as it was kept."""
    return _from_bytes(kept)
