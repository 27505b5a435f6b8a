"""This file holds the donations: who gave where, on which local day, of which group, as each fact tells it."""

from datetime import timedelta
from functools import partial

from projections.decode import EPOCH, Fact
from projections.readmodels import told
from projections.readmodels.database import ReadModel, Row, is_bag, is_donation

DDL = (
    # source: the donation's own stream, or a bag that says it was collected; said: registered or grouped.
    """CREATE TABLE donations (
        source TEXT NOT NULL, version BIGINT NOT NULL, said TEXT NOT NULL, din TEXT NOT NULL,
        happened_at BIGINT NOT NULL, donor TEXT, facility TEXT, kind TEXT, outcome TEXT, day TEXT, abo TEXT, rhd TEXT,
        from_position BIGINT NOT NULL, to_position BIGINT NOT NULL,
        PRIMARY KEY (source, version, said, from_position)) {clustered}""",
    "CREATE INDEX donations_by_din ON donations (din, source)",
)
COLUMNS = (
    "source", "version", "said", "din", "happened_at", "donor", "facility", "kind", "outcome", "day", "abo", "rhd",
)  # fmt: skip
TELLING = frozenset(("donation.registered", "donation.grouped", "bag.collected"))


def local_day(happened_at: int, offset_minutes: int) -> str:
    """The day on the calendar of the place where it happened."""
    return (EPOCH + timedelta(microseconds=happened_at, minutes=offset_minutes)).date().isoformat()


def _sayings(fact: Fact) -> list[Row]:
    """What a fact tells of a donation: that it was given, and of which group."""
    if fact.name == "donation.registered":
        return [_registered(fact)]
    if fact.name == "donation.grouped":
        return [_grouped(fact)]
    if fact.name == "bag.collected":
        return [_registered(fact)] if fact.body["group"] is None else [_registered(fact), _grouped(fact)]
    return []


def donations_of(_: str, facts: list[Fact]) -> set[Row]:
    """What the facts of one stream tell of a donation."""
    return {row for fact in facts for row in _sayings(fact)}


def _din(fact: Fact) -> str:
    din: str = fact.body.get("donation", fact.stream[:13])
    return din


def _registered(fact: Fact) -> Row:
    body = fact.body
    day = local_day(fact.happened_at, body["occasion"]["offset_minutes"])
    who = (body["donor"], body["facility"], body["kind"], body.get("outcome", "completed"), day)
    return (fact.stream, fact.version, "registered", _din(fact), fact.happened_at, *who, None, None)


def _grouped(fact: Fact) -> Row:
    group = (fact.body["group"], fact.body["rhd"])
    return (fact.stream, fact.version, "grouped", _din(fact), fact.happened_at, *[None] * 5, *group)


SAYINGS = told.Told(
    "donations",
    COLUMNS,
    3,
    TELLING,
    _sayings,
    donations_of,
    lambda stream: is_donation(stream) or is_bag(stream),
)
DONATIONS = ReadModel("donations", told.content_of(SAYINGS), DDL, partial(told.apply, SAYINGS))
