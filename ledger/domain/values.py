"""This file holds the value types that facts are made of."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple


class Ref(NamedTuple):
    """One stored fact, by stream and version."""

    stream: str
    version: int


class Quantity(NamedTuple):
    """An amount and its measure; quantities of different measures are never added.

    Unit: `measure` is U (1 U = 200 mL of blood collected), mL or dose (treatment dose).
    """

    amount: Decimal
    measure: str


class Lot(NamedTuple):
    """A lot of material used: kind is container, filter, additive or reagent."""

    kind: str
    id: str


class Sealed(NamedTuple):
    """Text about a person, or free text: readable only while the key of `key_id` exists.

    Shape: `plain` before it is stored, `bytes` (nonce and AES-256-GCM ciphertext) once it is.
    """

    key_id: str
    plain: str | None = None
    bytes: bytes | None = None


class FieldValue(NamedTuple):
    """A field of a fact and a value for it, as canonical JSON (RFC 8785) or sealed."""

    field: str
    value: str | None = None
    sealed: Sealed | None = None


class Occasion(NamedTuple):
    """On whose word a fact stands. One for all facts of a command."""

    sender: str
    request: str
    request_sha256: bytes
    by: str
    reported: bool = False
    offset_minutes: int = 0
    zone_from: str = "given"
    business_key: bytes | None = None
    received_at: datetime | None = None


class Expiry(NamedTuple):
    """When a bag expires, by the rule in force when it was made and by its label; the earlier governs."""

    rule_at: datetime | None
    rule: str | None
    label_at: datetime | None

    @property
    def at(self) -> datetime | None:
        """The governing instant, or None when neither a rule nor a label is known."""
        known = [at for at in (self.rule_at, self.label_at) if at is not None]
        return min(known) if known else None
