"""This file holds what is parked: records nobody could read, and what of it waits or stands still."""

from typing import Any

from projections.decode import Place, key_of
from projections.readmodels.database import Reading
from projections.readmodels.delivering import STRAY
from projections.readmodels.life import kept_of_key
from projections.readmodels.partitions import reached

PARKED = """SELECT parked.stream, parked.version, parked.position, parked.name, parked.reason,
    parked.unread FROM parked ORDER BY parked.position, parked.stream, parked.version"""
STRAYS = (
    "SELECT topic, part, at_offset, key, reason FROM strays WHERE dismissed IS NULL ORDER BY topic, part, at_offset"
)


def parked(read: Reading) -> dict[str, Any]:
    """What a person must look at.

    Shape: `facts`: {stream, version, position, name, reason, waiting}, `waiting` facts of the same donation that came
    after it and are not told; `strays`: {place, offset, key, reason}, records that are no facts; `standing`: {place,
    why, missing, missing_to}, partitions that stand still and the numbers they wait for.
    """
    facts = []
    for stream, version, position, name, reason, unread in read.rows(PARKED):
        if name == STRAY:
            continue
        waiting = _waiting(read, stream, position) if unread else 0
        said = {"stream": stream, "version": version, "position": position, "name": name, "reason": reason}
        facts.append({**said, "waiting": waiting})
    strays = [
        {"place": str(Place(topic, part)), "offset": offset, "key": key, "reason": reason}
        for topic, part, offset, key, reason in read.rows(STRAYS)
    ]
    return {"facts": facts, "strays": strays, "standing": standing_still(read)}


def _waiting(read: Reading, stream: str, position: int) -> int:
    """How many facts of the same donation came after this position, and could be read."""
    there = kept_of_key(read, key_of(stream))
    return sum(each.position > position and each.happened_at is not None for each in there)


def standing_still(read: Reading) -> list[dict[str, Any]]:
    """Partitions that stand still, why, and the numbers they wait for."""
    return [
        {"place": str(place), **each.standstill._asdict()}
        for place, each in sorted(reached(read).items())
        if each.standstill is not None
    ]
