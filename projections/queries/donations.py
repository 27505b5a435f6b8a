"""This file holds the count of donations: by facility, local day, group and kind."""

from typing import Any

from projections.readmodels.database import Reading, Views

# A donation is told of by its own stream; where that never came, by the bags that were collected from it.
DONATIONS = """WITH told AS (
        SELECT din, facility, day, kind, outcome FROM donations WHERE source = din AND facility IS NOT NULL
        UNION ALL
        SELECT one.din, one.facility, one.day, one.kind, one.outcome FROM donations AS one
        WHERE one.source <> one.din
            AND NOT EXISTS (
                SELECT 1 FROM donations AS own WHERE own.source = one.din AND own.facility IS NOT NULL)
            AND one.source = (
                SELECT MIN(other.source) FROM donations AS other
                WHERE other.din = one.din AND other.source <> other.din)),
    grouped AS (
        SELECT told.*, CASE WHEN typed.groups <> '[]' THEN typed.abo ELSE (
            SELECT CASE WHEN MIN(bag.abo) = MAX(bag.abo) THEN MIN(bag.abo) END FROM donations AS bag
            WHERE bag.din = told.din AND bag.source <> bag.din) END AS abo
        FROM told LEFT JOIN donations AS typed ON typed.source = told.din)
    SELECT facility, day, abo, kind, COUNT(*) FROM grouped
    WHERE outcome IN (SELECT each.value FROM {each})
    GROUP BY facility, day, abo, kind ORDER BY day, facility, abo, kind"""


def donations(views: Views, outcomes: tuple[str, ...] = ("completed", "partial")) -> list[dict[str, Any]]:
    """How many donations were taken: rows {facility, day, group, kind, donations}.

    Shape: `day` on the calendar of the place; `group` as tested, else as declared; null when disputed.
    """
    with views.reading() as read:
        return _counted(read, outcomes)


def _counted(read: Reading, outcomes: tuple[str, ...]) -> list[dict[str, Any]]:
    keys = ("facility", "day", "group", "kind", "donations")
    return [dict(zip(keys, row, strict=True)) for row in read.rows(DONATIONS, [read.each(outcomes)])]
