"""This file holds what is parked: records nobody could read, and what of it waits or stands still."""

from typing import Any

from projections.decode import Place, key_of
from projections.readmodels.database import Reading
from projections.readmodels.delivering import STRAY
from projections.readmodels.partitions import reached

PARKED = """SELECT parked.stream, parked.version, parked.position, parked.name, parked.reason,
    (SELECT COUNT(*) FROM life WHERE life.stream = parked.stream AND life.version = parked.version
        AND happened_at IS NULL) FROM parked ORDER BY parked.position, parked.stream, parked.version"""
WAITING = """SELECT COUNT(*) FROM {each} JOIN life ON stream >= each.value AND stream < each.value || '~'
    WHERE position > ? AND happened_at IS NOT NULL"""
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
        waiting = read.rows(WAITING, [read.each([key_of(stream)]), position])[0][0] if unread else 0
        said = {"stream": stream, "version": version, "position": position, "name": name, "reason": reason}
        facts.append({**said, "waiting": waiting})
    strays = [
        {"place": str(Place(topic, part)), "offset": offset, "key": key, "reason": reason}
        for topic, part, offset, key, reason in read.rows(STRAYS)
    ]
    return {"facts": facts, "strays": strays, "standing": standing_still(read)}


def standing_still(read: Reading) -> list[dict[str, Any]]:
    """Partitions that stand still, why, and the numbers they wait for."""
    return [
        {"place": str(place), **each.standstill._asdict()}
        for place, each in sorted(reached(read).items())
        if each.standstill is not None
    ]
