"""This file holds requests and business keys: repeated, reused, the same observation under another id, freed keys."""

import pytest

from tests.domain.world import (
    D1,
    RC1,
    WB1,
    World,
    annul,
    at,
    collect,
    group,
    hold,
    in_stock,
    issue,
    issued,
    on,
    reactive,
    separate,
    transfuse,
)


def named(request: str, said: dict[str, object], **more: object) -> dict[str, object]:
    return said | {"request": request} | more


COLLECT = on(at(0), collect())
SEPARATE = on(at(1), separate())


def test_the_same_request_again_gets_the_same_answer(world: World) -> None:
    (first,) = world.given(named("one", COLLECT))
    again = world.when(named("one", COLLECT))
    assert again.outcome == "repeated" and again.facts == first.facts
    assert world.store.head().size == len(first.facts)


def test_the_same_decision_again_gets_the_same_answer_though_it_would_be_refused_now(world: World) -> None:
    world.given(in_stock())
    decision = on(at(1), issue(authoriser="chief", reason="urgent"))
    (first,) = world.given(named("one", decision))
    again = world.when(named("one", decision))
    assert (again.outcome, again.facts) == ("repeated", first.facts)


def test_the_same_request_twice_in_one_batch_is_recorded_once(world: World) -> None:
    first, second = world.commit(named("one", COLLECT), named("one", COLLECT))
    assert (first.outcome, second.outcome) == ("recorded", "repeated")
    assert first.facts == second.facts


def test_a_request_id_used_for_another_command_is_refused(world: World) -> None:
    world.given(named("one", COLLECT))
    world.when(named("one", SEPARATE))
    world.then_refused("RequestIdReused")


def test_a_request_id_used_for_another_command_in_one_batch_is_refused(world: World) -> None:
    first, second = world.commit(named("one", COLLECT), named("one", SEPARATE))
    assert (first.outcome, second.outcome) == ("recorded", "refused")


@pytest.mark.parametrize("change", [{"by": "other"}, {"happened_at": at(0, 9)}, {"facility": "C2"}], ids=str)
def test_any_difference_makes_it_another_command(world: World, change: dict[str, object]) -> None:
    world.given(named("one", COLLECT))
    world.when(named("one", COLLECT, **change))
    world.then_refused("RequestIdReused")


def test_another_sender_may_use_the_same_id(world: World) -> None:
    world.given(named("one", COLLECT))
    world.when(named("one", SEPARATE, sender="van-7"))
    world.then_recorded()


def test_a_default_said_out_loud_is_the_same_command(world: World) -> None:
    world.given(named("one", COLLECT))
    again = world.when(named("one", COLLECT, purpose="allogeneic", sender="local", reported=False, lots=[]))
    assert again.outcome == "repeated"


def test_the_same_amount_written_otherwise_is_the_same_command(world: World) -> None:
    world.given(named("one", COLLECT))
    again = world.when(named("one", COLLECT, quantity={"amount": "2.000", "measure": "U"}))
    assert again.outcome == "repeated"


def test_a_refused_request_leaves_no_record(world: World) -> None:
    world.given(in_stock())
    world.when(named("one", issue()))
    world.then_refused("CrossmatchMissing")
    world.when(named("one", issue(authoriser="chief", reason="urgent")))
    world.then_recorded()


def test_a_malformed_request_leaves_no_record(world: World) -> None:
    world.when(named("one", COLLECT, facility=""))
    assert world.answer.outcome == "malformed"
    world.when(named("one", COLLECT))
    world.then_recorded()


class TestTheSameObservation:
    @pytest.mark.parametrize(
        "change",
        [{}, {"by": "somebody else"}, {"sender": "van-7"}, {"happened_at": "2026-03-01T00:00:00Z"}],
        ids=str,
    )
    def test_under_another_id_is_repeated(self, world: World, change: dict[str, object]) -> None:
        (first,) = world.given(named("one", COLLECT))
        again = world.when(named("two", COLLECT, **change))
        assert (again.outcome, again.facts) == ("repeated", first.facts)
        assert world.facts(WB1) == ["bag.collected"]

    def test_under_another_id_in_one_batch_is_repeated(self, world: World) -> None:
        first, second = world.commit(named("one", COLLECT), named("two", COLLECT))
        assert (first.outcome, second.outcome) == ("recorded", "repeated")

    def test_repeated_it_leaves_its_id_unused(self, world: World) -> None:
        world.given(named("one", COLLECT))
        world.when(named("two", COLLECT))
        world.when(named("two", SEPARATE))
        world.then_recorded()

    def test_with_any_difference_is_a_second_fact(self, world: World) -> None:
        world.given(on(at(1), reactive()))
        world.when(on(at(1), reactive(sample="S2")))
        world.then_recorded()
        assert world.facts(D1).count("donation.tested") == 2

    def test_a_report_has_a_key_too(self, world: World) -> None:
        report = on(at(1), issue() | {"reported": True})
        world.given(named("one", report))
        assert world.when(named("two", report)).outcome == "repeated"

    def test_a_decision_has_none(self, world: World) -> None:
        world.given(issued())
        world.when(on(at(0, 8, 17), issue()))
        world.then_refused("BagAlreadyIssued")

    def test_two_equal_holds_are_one_and_two_that_differ_are_two(self, world: World) -> None:
        world.given(collect(), on(at(1), hold("bag", WB1)))
        assert world.when(on(at(1), hold("bag", WB1))).outcome == "repeated"
        world.given(on(at(2), hold("bag", WB1)))
        assert world.holds(WB1) == ["recall", "recall"]

    def test_annulled_its_key_is_free_again(self, world: World) -> None:
        world.given(issued(), on(at(1), transfuse()))
        world.given(annul(RC1, world.version_of(RC1, "bag.transfused")))
        world.when(on(at(1), transfuse()))
        world.then_recorded("bag.transfused")
        assert world.status() == "transfused"
        assert world.when(on(at(1), transfuse())).outcome == "repeated"

    def test_annulled_and_said_again_in_one_batch(self, world: World) -> None:
        world.given(issued(), on(at(1), transfuse()))
        version = world.version_of(RC1, "bag.transfused")
        first, second, third = world.commit(annul(RC1, version), on(at(1), transfuse()), on(at(1), transfuse()))
        assert [each.outcome for each in (first, second, third)] == ["recorded", "recorded", "repeated"]

    def test_the_annulled_requests_own_id_still_gives_its_first_answer(self, world: World) -> None:
        (first,) = world.given(named("one", on(at(1), group())))
        world.given(annul(D1, 1))
        again = world.when(named("one", on(at(1), group())))
        assert (again.outcome, again.facts) == ("repeated", first.facts)

    def test_restored_by_an_annulled_annulment_its_key_is_taken_again(self, world: World) -> None:
        world.given(on(at(1), group()), annul(D1, 1))
        world.given(annul(D1, world.version_of(D1, "donation.annulled")))
        assert world.when(on(at(1), group())).outcome == "repeated"


def test_answers_come_in_the_order_of_the_commands(world: World) -> None:
    answers = world.commit(COLLECT, issue(), SEPARATE, COLLECT, {"command": "NoSuchThing"}, hold("bag", WB1))
    assert [each.outcome for each in answers] == [
        "recorded", "refused", "recorded", "repeated", "malformed", "recorded"
    ]  # fmt: skip


def test_every_answered_fact_is_where_the_answer_says(world: World) -> None:
    answers = world.commit(COLLECT, SEPARATE, reactive())
    rows = {row.position: row for row in world.store.rows(0, 100)}
    for fact in (fact for answer in answers for fact in answer.facts):
        row = rows[fact.position]
        assert (row.stream, row.version, row.name, row.leaf) == (fact.stream, fact.version, fact.name, fact.leaf)


def test_every_fact_carries_sender_request_and_digest(world: World) -> None:
    world.given(named("one", COLLECT, sender="van-7"))
    for fact in (*world.bag(WB1).facts, *world.donation().facts):
        occasion = fact.occasion
        assert (occasion.sender, occasion.request, len(occasion.request_sha256)) == ("van-7", "one", 32)


def test_only_the_first_fact_of_an_observation_carries_its_key(world: World) -> None:
    world.given(COLLECT)
    assert world.bag(WB1).facts[0].occasion.business_key is not None
    assert world.donation().facts[0].occasion.business_key is None
