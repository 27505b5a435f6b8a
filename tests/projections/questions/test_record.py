"""This file holds the tests of question l: what the record said on a day, and who changed what since, and why."""

import pytest

from projections.queries.asking import asking
from projections.queries.life import life_of
from projections.queries.record import record_on
from projections.queries.subjects import NotFound
from tests.projections.history import History, collect, din
from tests.projections.questions.told import CELLS, LATER, Told, asked, picked, text, views_of

WHOLE = f"{din(1)}=E0001V00"
CHANGE = ("position", "version", "name", "by", "target_version", "about_version", "field", "was", "is")


def amended(field: str, value: str) -> list[dict[str, str | None]]:
    return [{"field": field, "value": value, "sealed": None}]


@pytest.fixture
def corrected() -> History:
    """A bag stored in F9, then said to be F1, then F2; its move taken back, and restored."""
    history = History()
    collect(history, 1, 0, by="nurse")  # 1, 2
    history.tell(WHOLE, "bag.stored", 10, facility="A9999", place="F9", by="clerk")  # 3: version 2
    history.tell(WHOLE, "bag.moved", 20, facility="A9999", place="F5", by="clerk")  # 4: version 3
    history.tell(WHOLE, "bag.amended", 30, target_version=2, changes=amended("place", '"F1"'), by="boss")  # 5: v4
    history.tell(WHOLE, "bag.annulled", 40, target_version=3, by="chief")  # 6: v5
    history.tell(WHOLE, "bag.amended", 50, target_version=2, changes=amended("place", '"F2"'), by="clerk")  # 7: v6
    history.tell(WHOLE, "bag.annulled", 60, target_version=5, by="chief")  # 8: v7
    return history


CHANGES = [
    (5, 4, "bag.amended", "boss", 2, 2, "place", "F9", "F1"),
    (6, 5, "bag.annulled", "chief", 3, 3, None, "stands", "annulled"),
    (7, 6, "bag.amended", "clerk", 2, 2, "place", "F1", "F2"),
    (8, 7, "bag.annulled", "chief", 5, 3, None, "annulled", "stands"),
]


def test_every_correction_says_who_changed_what_from_what_to_what(corrected: History) -> None:
    said = asked(corrected, record_on, WHOLE)
    assert picked(said.more["changes"], *CHANGE) == CHANGES
    assert said.more["later"] == []
    assert said.summary == {"facts": 7, "changes": 4, "later": 0, "unread": 0}
    assert said.rows == asked(corrected, life_of, WHOLE).rows


@pytest.mark.parametrize("day", [4, 5, 6, 7, 8])
def test_on_each_day_the_record_reads_as_it_did_and_names_what_came_later(corrected: History, day: int) -> None:
    said = asked(corrected, record_on, WHOLE, known=day)
    made = day - 4
    assert picked(said.more["changes"], *CHANGE) == CHANGES[:made]
    assert picked(said.more["later"], *CHANGE) == CHANGES[made:]
    assert said.summary == {"facts": day - 1, "changes": made, "later": 4 - made, "unread": 0}
    stored, moved = (next(row for row in said.rows if row["version"] == version) for version in (2, 3))
    assert stored["says"]["place"] == {4: "F9", 5: "F1", 6: "F1"}.get(day, "F2")
    assert moved["corrected"] == ("annulled" if day in (6, 7) else None)


def test_a_change_is_dated_and_its_reason_stays_sealed(corrected: History) -> None:
    reason = {"key_id": "text", "bytes": b"x" * 30}
    corrected.tell(WHOLE, "bag.annulled", 70, target_version=3, by="boss", reason=reason)
    change = asked(corrected, record_on, WHOLE).more["changes"][-1]
    assert (change["recorded_at"], change["stream"]) == ("2023-11-14T22:13:20.000009Z", WHOLE)
    assert change["reason"] == {"key_id": "text", "bytes": "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4"}


def test_an_amended_time_and_quantity_are_told_in_words(corrected: History) -> None:
    changes = [*amended("happened_at", f'"{text(5)}"'), *amended("quantity", '{"amount":"1.5","measure":"U"}')]
    corrected.tell(WHOLE, "bag.amended", 70, target_version=1, changes=changes)
    assert picked(asked(corrected, record_on, WHOLE).more["changes"][-2:], "about_version", "field", "was", "is") == [
        (1, "happened_at", text(0), text(5)),
        (1, "quantity", {"amount": "2", "measure": "U"}, {"amount": "1.5", "measure": "U"}),
    ]


def test_a_correction_that_finds_nothing_is_listed_and_changes_nothing(corrected: History) -> None:
    match = [{"field": "hospital", "value": '"H0001"', "sealed": None}]
    corrected.tell(WHOLE, "bag.annulled", 70, target_fact="bag.transfused", match=match, reported=True, by="h-1")  # 9
    corrected.tell(
        WHOLE, "bag.amended", 71, target_version=2, changes=amended("no_such_field", '"x"'), by="clerk"
    )  # 10
    said = asked(corrected, record_on, WHOLE)
    assert picked(said.more["changes"][4:], *CHANGE) == [
        (9, 8, "bag.annulled", "h-1", None, None, None, None, None),
        (10, 9, "bag.amended", "clerk", 2, None, None, None, None),
    ]
    assert said.summary["changes"] == 6


def test_a_correction_reported_before_its_fact_takes_effect_when_the_fact_arrives(corrected: History) -> None:
    match = [{"field": "hospital", "value": '"H0001"', "sealed": None}]
    corrected.tell(WHOLE, "bag.annulled", 70, target_fact="bag.transfused", match=match, reported=True, by="h-1")  # 9
    corrected.tell(WHOLE, "bag.transfused", 65, patient="pat-1", hospital="H0001", presumed=False)  # 10: version 9
    said = asked(corrected, record_on, WHOLE)
    assert picked(said.more["changes"][4:], *CHANGE) == [
        (9, 8, "bag.annulled", "h-1", None, None, None, None, None),
        (9, 8, "bag.annulled", "h-1", None, 9, None, "stands", "annulled"),
    ]
    before = asked(corrected, record_on, WHOLE, known=9)
    assert len(before.more["changes"]) == 5 and picked(before.more["later"], "about_version", "is") == [(9, "annulled")]


def test_a_correction_of_a_correction_names_it_and_tells_what_it_came_to(corrected: History) -> None:
    corrected.tell(WHOLE, "bag.annulled", 70, target_version=6, by="boss")  # 9: F2 was wrong, so it is F1 again
    assert picked(asked(corrected, record_on, WHOLE).more["changes"][-1:], *CHANGE) == [
        (9, 8, "bag.annulled", "boss", 6, 2, "place", "F2", "F1")
    ]


def test_a_late_fact_is_no_correction_and_is_on_record_from_when_it_was_heard(corrected: History) -> None:
    corrected.tell(WHOLE, "bag.inspected", 5, passed=True)  # 9
    assert asked(corrected, record_on, WHOLE, known=8).summary["facts"] == 7
    now = asked(corrected, record_on, WHOLE)
    assert (now.summary["facts"], now.summary["changes"]) == (8, 4)
    assert now.rows[1]["name"] == "bag.inspected"


def test_the_record_of_a_donation_holds_the_corrections_of_its_bags(corrected: History) -> None:
    change = amended("donor", '"d-9"')
    corrected.tell(din(1), "donation.amended", 70, target_version=1, changes=change, by="boss")  # 9
    said = asked(corrected, record_on, din(1))
    assert picked(said.more["changes"], "stream", "position")[-1] == (din(1), 9)
    assert said.summary["changes"] == 5


def test_nothing_was_on_record_before_the_first_fact_of_a_subject(corrected: History) -> None:
    with pytest.raises(NotFound):
        asked(corrected, record_on, WHOLE, known=1)


def test_what_real_commands_corrected_is_told_with_a_reason_nobody_reads_without_the_key() -> None:
    with Told() as told:
        quantity = {"amount": "2", "measure": "U"}
        told.say("CollectBag", 0, bag=CELLS[1], donor="d-1", facility="C1", kind="whole_blood", quantity=quantity)
        stored = told.say("StoreBag", 10, bag=CELLS[1], facility="C1", place="F9")
        version = told.facts("bag.stored")[0].version
        told.say("Amend", 20, stream=CELLS[1], version=version, changes={"place": "F1"}, reason="misread", by="boss")
        then, now = (asked(told, record_on, CELLS[1], known=known) for known in (stored, None))
    assert picked(now.more["changes"], "by", "target_version", "about_version", "field", "was", "is") == [
        ("boss", version, version, "place", "F9", "F1")
    ]
    assert now.more["changes"][0]["reason"]["key_id"]
    assert "misread" not in str(now)
    assert (then.more["changes"], then.more["later"]) == ([], now.more["changes"])


def test_of_a_patient_whose_only_word_was_taken_back_the_taking_back_is_told() -> None:
    history = History()
    collect(history, 1, 0)
    bag = f"{din(1)}=E0001V00"
    history.tell(bag, "bag.transfused", 10, patient="pat-9", hospital="H1", presumed=False, reported=True)
    history.tell(bag, "bag.annulled", 20, target_version=2)
    said = asked(history, record_on, "patient:pat-9")
    assert [(row["name"], row["corrected"]) for row in said.rows if row["version"] == 2] == [
        ("bag.transfused", "annulled")
    ]
    assert [change["about_version"] for change in said.more["changes"]] == [2]
    with pytest.raises(NotFound):
        asked(history, record_on, "patient:pat-8")
    with pytest.raises(NotFound):
        asked(history, record_on, "patient:pat-9", known=2)


def test_of_a_patient_whose_only_word_was_taken_back_before_it_came_it_is_told_too() -> None:
    history = History()
    collect(history, 1, 0)
    bag = f"{din(1)}=E0001V00"
    match = [{"field": "patient", "value": '"pat-9"', "sealed": None}]
    history.tell(bag, "bag.annulled", 20, target_fact="bag.transfused", match=match, reported=True)
    history.tell(bag, "bag.transfused", 10, patient="pat-9", hospital="H1", presumed=False, reported=True)
    for batch in (1, 2000):
        with asking(views_of(history, batch), LATER) as put:
            said = record_on(put, "patient:pat-9")
        assert [row["corrected"] for row in said.rows if row["name"] == "bag.transfused"] == ["annulled"]
