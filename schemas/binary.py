"""This file holds Avro's binary encoding of single values: the primitives that compiled schemas call.

Source: Avro 1.12 specification, Binary encoding.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from schemas.errors import SchemaError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SCALE = 3
"""Decimal places of every decimal in our schemas; a test holds them to it."""
LIMIT = 10**12
SMALL = tuple(bytes([n * 2]) for n in range(64))
"""The encoding of 0 to 63, which is one byte."""
BOOLEANS = (False, True)


def micros(at: datetime) -> int:
    """Microseconds since 1970-01-01 UTC.

    Errors: TypeError for an instant without offset.
    """
    since = at - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def instant(count: int) -> datetime:
    """The aware instant (UTC) that many microseconds after 1970-01-01."""
    return EPOCH + timedelta(microseconds=count)


def write_long(value: int) -> bytes:
    """Zigzag, then seven bits a byte, lowest first."""
    rest = value << 1 if value >= 0 else (-value << 1) - 1
    if rest >= 1 << 64:
        raise SchemaError(f"{value} does not fit in 64 bits")
    out = bytearray()
    while rest > 127:
        out.append(rest & 127 | 128)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def write_int(value: int) -> bytes:
    if not -(1 << 31) <= value < 1 << 31:
        raise SchemaError(f"{value} does not fit in 32 bits")
    return write_long(value)


def write_fixed(value: bytes, size: int) -> bytes:
    if len(value) != size:
        raise SchemaError(f"{len(value)} bytes where {size} belong")
    return value


@lru_cache(maxsize=4096)
def write_decimal(value: Decimal) -> bytes:
    """Length and unscaled two's complement, as few bytes as hold it.

    Errors: SchemaError for more than three decimal places or twelve digits: nothing is rounded.
    """
    scaled = value.scaleb(SCALE)
    unscaled = int(scaled)
    if unscaled != scaled or abs(unscaled) >= LIMIT:
        raise SchemaError(f"{value} has more than {SCALE} decimal places or more than twelve digits")
    size = ((unscaled if unscaled >= 0 else unscaled + 1).bit_length() + 8) // 8
    return SMALL[size] + unscaled.to_bytes(size, "big", signed=True)


def write_micros(count: int) -> bytes:
    """As `write_long`; the eight bytes that every instant from 1979 to 3111 takes are spread at once."""
    x = count << 1
    if not 1 << 49 <= x < 1 << 56:
        return write_long(count)
    x = (x & 0x0FFFFFFF) | (x & 0xFFFFFFF0000000) << 4
    x = (x & 0x00003FFF00003FFF) | (x & 0x0FFFC0000FFFC000) << 2
    x = (x & 0x007F007F007F007F) | (x & 0x3F803F803F803F80) << 1
    return (x | 0x0080808080808080).to_bytes(8, "little")


TIMES = 1 << 15
"""How many instants are remembered: most facts share theirs with others of the same hour, and a look costs less."""


@lru_cache(maxsize=TIMES)
def micros_of(eight: bytes) -> int | None:
    """The instant in eight bytes, which is what every one from 1979 to 3111 takes; None when they are not one."""
    x = int.from_bytes(eight, "little")
    if x & 0x8080808080808080 != 0x0080808080808080 or x & 1:
        return None
    x = (x & 0x007F007F007F007F) | (x & 0x7F007F007F007F00) >> 1
    x = (x & 0x00003FFF00003FFF) | (x & 0x3FFF00003FFF0000) >> 2
    return (x & 0x0FFFFFFF | (x & 0x0FFFFFFF00000000) >> 4) >> 1


@lru_cache(maxsize=TIMES)
def time_of(eight: bytes) -> datetime | None:
    """As `micros_of`."""
    count = micros_of(eight)
    return None if count is None else EPOCH + timedelta(microseconds=count)


def read_micros(data: bytes, at: int) -> tuple[int, int]:
    """As `read_long`; instants are mostly eight bytes, gathered at once."""
    count = micros_of(data[at : at + 8])
    return read_long(data, at) if count is None else (count, at + 8)


def read_time(data: bytes, at: int) -> tuple[datetime, int]:
    count, at = read_micros(data, at)
    return EPOCH + timedelta(microseconds=count), at


def read_long(data: bytes, at: int) -> tuple[int, int]:
    """A number and where it ends; those of two and three bytes, which most are, without a loop."""
    n = data[at]
    if n > 127 and (second := data[at + 1]) < 128:
        n = n & 127 | second << 7
        return (n >> 1) ^ -(n & 1), at + 2
    if n > 127 and (third := data[at + 2]) < 128:
        n = n & 127 | (second & 127) << 7 | third << 14
        return (n >> 1) ^ -(n & 1), at + 3
    return _read_any_long(data, at)


def _read_any_long(data: bytes, at: int) -> tuple[int, int]:
    result = shift = 0
    while True:
        byte = data[at]
        at += 1
        result |= (byte & 127) << shift
        if byte < 128:
            return (result >> 1) ^ -(result & 1), at
        shift += 7
        if shift > 63:
            raise SchemaError("a number longer than 64 bits")


def read_size(data: bytes, at: int) -> tuple[int, int]:
    """A length or a count.

    Errors: SchemaError when it is negative.
    """
    size, at = read_long(data, at)
    if size < 0:
        raise SchemaError(f"a length of {size}")
    return size, at


def read_bytes(data: bytes, at: int) -> tuple[bytes, int]:
    size, at = read_size(data, at)
    return data[at : at + size], at + size


@lru_cache(maxsize=4096)
def decimal_of(unscaled: bytes) -> Decimal:
    """A decimal without idle zeros: 1.5, not 1.500; 200, not 2E+2."""
    whole = int.from_bytes(unscaled, "big", signed=True)
    quotient, rest = divmod(whole, 10**SCALE)
    return Decimal(whole).scaleb(-SCALE).normalize() if rest else Decimal(quotient)


def read_decimal(data: bytes, at: int) -> tuple[Decimal, int]:
    unscaled, at = read_bytes(data, at)
    return decimal_of(unscaled), at


def bad_branch(found: int) -> SchemaError:
    return SchemaError(f"{found:#04x} where the branch of a union belongs")
