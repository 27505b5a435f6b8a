"""This file holds the auditor's questions: their letters, names, and what each must be told."""

from projections.queries.asking import Question
from projections.queries.balance import stock_equals_facts
from projections.queries.compatibility import compatible_groups
from projections.queries.donation import bags_of_donation
from projections.queries.donor import recipients_of_donor
from projections.queries.imported import received_from_outside
from projections.queries.in_date import in_date_when_transfused
from projections.queries.life import life_of
from projections.queries.mock_recall import mock_recall
from projections.queries.patient import received_by_patient
from projections.queries.pool import donations_and_recipients
from projections.queries.record import record_on
from projections.queries.release import released_before_final
from projections.queries.temperature import outside_range
from projections.queries.touched import touched_by
from projections.queries.unconfirmed import without_confirmed_fate
from projections.queries.whereabouts import where_is

ANY = ("bag", "DIN", "donor:P", "patient:P", "lot:ID", "device:D", "operator:O", "run:R", "facility:F")
USED = ("lot:ID", "device:D", "operator:O", "run:R")
PERIOD = ("since", "until")

QUESTIONS: tuple[Question, ...] = (
    Question("a", "life_of", life_of, ANY),
    Question("b", "where_is", where_is, ANY),
    Question("c", "bags_of_donation", bags_of_donation, ("DIN",)),
    Question("d", "donations_and_recipients", donations_and_recipients, ("bag",)),
    Question("e", "recipients_of_donor", recipients_of_donor, ("donor:P",), ("since",)),
    Question("f", "received_by_patient", received_by_patient, ("patient:P",)),
    Question("g", "without_confirmed_fate", without_confirmed_fate, (), ("facility", "days", "leg")),
    Question("h", "released_before_final", released_before_final, ANY, ("mandatory",)),
    Question("i", "outside_range", outside_range, ANY),
    Question("j", "in_date_when_transfused", in_date_when_transfused, ANY),
    Question("k", "compatible_groups", compatible_groups, ANY),
    Question("l", "record_on", record_on, ANY),
    Question("m", "touched_by", touched_by, USED, PERIOD),
    Question("o", "stock_equals_facts", stock_equals_facts, (), ("progress",)),
    Question("p", "received_from_outside", received_from_outside, ("ledger", "bag", "facility:F")),
    Question("q", "mock_recall", mock_recall, ANY, PERIOD),
)
"""Questions a to q of an auditor. Not here: n (nothing was removed), which `verify` answers from the ledger itself, and
r (messages of hospitals), of which no facts exist yet."""
