"""This file holds the count of donations: by facility, local day, group and kind."""

from typing import Any

from projections.readmodels.database import Reading, Views

# A donation is told of by its own stream; where that never came, by the bags that were collected from it. Of several
# tellings the first in business time stands: a differing one is a conflict on the write side.
DONATIONS = """WITH told AS (
        SELECT din, facility, day, kind, outcome, ROW_NUMBER() OVER (
            PARTITION BY din
            ORDER BY CASE WHEN source = din THEN 0 ELSE 1 END, source, happened_at, from_position) AS place
        FROM donations WHERE said = 'registered' AND {known donations}),
    typed AS (
        SELECT din, source, CASE
            WHEN COUNT(DISTINCT COALESCE(abo, '') || ' ' || COALESCE(rhd, '')) = 1 THEN MIN(abo) END AS abo
        FROM donations WHERE said = 'grouped' AND {known donations} GROUP BY din, source),
    grouped AS (
        SELECT din, MAX(CASE WHEN source = din THEN 1 ELSE 0 END) AS own,
            MAX(CASE WHEN source = din THEN abo END) AS tested,
            CASE WHEN MIN(CASE WHEN source <> din THEN abo END) = MAX(CASE WHEN source <> din THEN abo END)
                THEN MIN(CASE WHEN source <> din THEN abo END) END AS declared
        FROM typed GROUP BY din),
    said AS (
        SELECT din, facility, day, kind, outcome, 0 AS own, NULL AS tested, NULL AS declared FROM told WHERE place = 1
        UNION ALL SELECT din, NULL, NULL, NULL, NULL, own, tested, declared FROM grouped),
    donated (facility, day, abo, kind) AS (
        SELECT MAX(facility), MAX(day), CASE WHEN MAX(own) = 1 THEN MAX(tested) ELSE MAX(declared) END, MAX(kind)
        FROM said GROUP BY din HAVING MAX(outcome) IN (SELECT each.value FROM {each}))
    SELECT facility, day, abo, kind, COUNT(*) FROM donated
    GROUP BY facility, day, abo, kind ORDER BY day, facility, abo NULLS FIRST, kind"""


def donations(views: Views, outcomes: tuple[str, ...] = ("completed", "partial")) -> list[dict[str, Any]]:
    """How many donations were taken: rows {facility, day, group, kind, donations}.

    Shape: `day` on the calendar of the place; `group` as tested, else as declared; null when disputed.
    """
    with views.reading() as read:
        return _counted(read, outcomes)


def _counted(read: Reading, outcomes: tuple[str, ...]) -> list[dict[str, Any]]:
    keys = ("facility", "day", "group", "kind", "donations")
    return [dict(zip(keys, row, strict=True)) for row in read.rows(DONATIONS, [read.each(outcomes)])]
