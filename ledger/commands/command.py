"""This file holds what every command shares: its envelope, its field types and its canonical form."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta, Struct

from ledger.commands.malformed import Malformed
from ledger.domain import values
from ledger.isbt128 import BadScan
from ledger.isbt128 import check as check_bag_name
from ledger.isbt128 import check_din as check_din_name
from ledger.store.workspace import Workspace

_UNSEEN = r"\x00-\x1f\x7f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff"
"""Control characters and those that turn or hide text: no id has them."""

# The look-ahead at the end, and not $: in Python $ also matches before a line end, in JSON Schema it does not.
_PRINTED = rf"^[^\s{_UNSEEN}](?:[^\n\r{_UNSEEN}]*[^\s{_UNSEEN}])?(?![\s\S])"
_UNBROKEN = rf"^[^\s{_UNSEEN}]+(?![\s\S])"
_CODE = r"^[A-Za-z0-9][A-Za-z0-9_.+-]*(?![\s\S])"

BagId = Annotated[str, Meta(max_length=32, description="A bag: DIN=PRODUCT, DIN=PRODUCT=NNNNNN or DIN#N.")]
Din = Annotated[str, Meta(max_length=32, description="Donation identification number, 13 characters (ISBT 128).")]
Id = Annotated[str, Meta(min_length=1, max_length=128, pattern=_PRINTED, description="An id, printable.")]
Pseudonym = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=128,
        pattern=_UNBROKEN,
        description="A pseudonym without spaces, never a name.",
    ),
]
Code = Annotated[str, Meta(min_length=1, max_length=64, pattern=_CODE, description="A code.")]
Text = Annotated[str, Meta(min_length=1, max_length=4000, description="Free text; stored sealed.")]
Instant = Annotated[datetime, Meta(tz=True, description="RFC 3339 date and time with offset.")]
Abo = Literal["A", "B", "O", "AB"]
RhD = Literal["positive", "negative", "weak"]
Purpose = Literal["allogeneic", "autologous", "directed"]

LARGEST = Decimal(1_000_000)


def utc(at: Instant | None) -> Instant | None:
    """The same instant in UTC."""
    return at.astimezone(UTC) if at is not None else None


class Quantity(Struct, kw_only=True, forbid_unknown_fields=True):
    """An amount and its measure: {"amount": "1.5", "measure": "U"}.

    Range: above 0, below 1,000,000, at most 3 digits behind the point.
    """

    amount: Decimal
    measure: Literal["U", "mL", "dose"]

    def value(self) -> values.Quantity:
        return values.Quantity(self.amount, self.measure)

    def check(self, where: str) -> None:
        self.amount = checked_decimal(self.amount, f"{where}.amount")
        if self.amount <= 0:
            raise Malformed(
                "amount_not_positive",
                f"{where}.amount",
                f"{self.amount} is not above zero",
                f"{self.amount} 不大于零",
            )


class Lot(Struct, kw_only=True, forbid_unknown_fields=True):
    """A lot of material used: {"kind": "filter", "id": "F-123"}."""

    kind: Literal["container", "filter", "additive", "reagent"]
    id: Id

    def value(self) -> values.Lot:
        return values.Lot(self.kind, self.id)


def checked_decimal(amount: Decimal, where: str) -> Decimal:
    """A finite decimal of at most three places, in its shortest plain form.

    Errors: Malformed.
    """
    if not amount.is_finite() or abs(amount) >= LARGEST:
        raise Malformed("number_out_of_range", where, f"{amount} is out of range", f"{amount} 超出范围")
    shortest = amount.normalize()
    exponent = int(shortest.as_tuple().exponent)
    if exponent < -3:
        raise Malformed("too_many_decimals", where, f"{amount} has more than 3 decimals", f"{amount} 的小数位超过 3 位")
    return shortest.quantize(Decimal(1)) if exponent > 0 else shortest


class Command(Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, tag_field="command"):
    """What somebody asks to be recorded.

    Shape: the envelope below, plus the fields of each command. `happened_at` is business time.
    """

    DECISION: ClassVar[bool] = False
    """Whether a rule may refuse it. Everything else is an observation and always recorded."""

    request: Annotated[str, Meta(max_length=200)] = ""
    """The sender's own id of this request; sending it again is safe for ever."""
    sender: Annotated[str, Meta(min_length=1, max_length=128, pattern=_PRINTED)] = "local"
    """The system that sends."""
    by: Annotated[str, Meta(max_length=128)] = ""
    """Staff id of who did it or saw it."""
    happened_at: Instant
    """When it happened, with offset."""
    reported: bool = False
    """True for a decision made elsewhere that already happened: recorded, never refused."""

    def check(self) -> None:
        """What the field types cannot say.

        Errors: Malformed.
        """

    def streams(self) -> Iterable[str]:
        """Streams this command will read, so that a batch loads them at once."""
        return ()

    def carry_out(self, ws: Workspace) -> None:
        """Decide, then record. Raises a Refusal before anything is recorded, or not at all."""
        raise NotImplementedError

    @property
    def refusable(self) -> bool:
        return self.DECISION and not self.reported


def checked_amount(amount: Decimal, where: str) -> Decimal:
    """As checked_decimal, and not below zero.

    Errors: Malformed.
    """
    checked = checked_decimal(amount, where)
    if checked < 0:
        raise Malformed("amount_negative", where, f"{amount} is below zero", f"{amount} 小于零")
    return checked


def check_order(earlier: datetime | None, later: datetime | None, where: str) -> None:
    """The end of something does not come before its beginning.

    Errors: Malformed.
    """
    if earlier is not None and later is not None and later < earlier:
        raise Malformed("end_before_start", where, "it ends before it begins", "结束早于开始")


def check_bag(text: str, where: str = "bag") -> str:
    """A well-formed bag name.

    Errors: Malformed, with the character position and what was expected (ISBT 128 ST-001).
    """
    try:
        return check_bag_name(text)
    except BadScan as error:
        raise scan_malformed(error, where) from None


def check_din(text: str, where: str = "din") -> str:
    """A well-formed donation number.

    Errors: Malformed.
    """
    try:
        return check_din_name(text)
    except BadScan as error:
        raise scan_malformed(error, where) from None


def check_one_or_several(
    one: str | None,
    several: list[str],
    where: str,
    check: Callable[[str, str], str],
    both: Callable[[], Malformed],
    twice: Callable[[], Malformed],
) -> None:
    """Either the field `where` or its plural, each name well-formed by `check`, and none twice.

    Errors: Malformed.
    """
    if one is not None and several:
        raise both()
    if one is None and not several:
        raise missing(where)
    for index, name in enumerate(several):
        check(name, f"{where}s[{index}]")
    if len(set(several)) < len(several):
        raise twice()
    if one is not None:
        check(one, where)


def scan_malformed(error: BadScan, where: str) -> Malformed:
    """A bad scan as a malformed field."""
    return Malformed(
        error.code,
        where,
        error.message("en"),
        error.message("zh"),
        "Scan the label again; never correct a number by guess.",
        "请重新扫描标签；切勿凭猜测更正编号。",
    )


def missing(where: str) -> Malformed:
    """A field that must be given and was not."""
    return Malformed("field_missing", where, "this field is required", "缺少该必填字段")


_CANONICAL = msgspec.json.Encoder(order="sorted")


def digests(command: Command) -> tuple[bytes, bytes]:
    """SHA-256 of the canonical command, and of the observation it makes.

    The first leaves out the request id; the second also sender and by, with happened_at as an instant.
    Canonical is RFC 8785, with fields that equal their default left out.
    """
    request, sender, by, at = command.request, command.sender, command.by, command.happened_at
    try:
        command.request = ""
        command.sender = "local"
        whole = hashlib.sha256(_CANONICAL.encode(command)).digest()
        command.by = ""
        command.happened_at = at.astimezone(UTC)
        return whole, hashlib.sha256(_CANONICAL.encode(command)).digest()
    finally:
        command.request, command.sender, command.by, command.happened_at = request, sender, by, at
