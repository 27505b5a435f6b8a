"""This file holds the tests of the trace: both ways, from every kind of subject, through corrections and cycles."""

from typing import Any

import pytest

from ledger.isbt128.bad_scan import BadScan
from projections.consumer import catch_up
from projections.queries.trace import trace
from projections.readmodels.sqlite import SqliteDatabase, sqlite_views
from tests.projections.history import BEGIN, History, collect, din, instant, process, units


def traced(history: History, subject: str, batch: int = 3) -> dict[str, Any]:
    views = sqlite_views(":memory:")
    catch_up(history, views, batch=batch)
    return trace(views, subject, BEGIN)


def names(answer: dict[str, Any]) -> set[str]:
    return {bag["bag"] for bag in answer["bags"]}


def edges(answer: dict[str, Any]) -> set[tuple[str, str, str]]:
    return {(edge["parent"], edge["child"], edge["process"]) for edge in answer["edges"]}


def cells(number: int) -> str:
    return f"{din(number)}=E0336V00"


def plasma(number: int) -> str:
    return f"{din(number)}=E0701V00"


POOL = f"{din(900)}=E6000V00"
ALIQUOT = f"{din(900)}=E6000VA0"


@pytest.fixture
def pooled() -> History:
    """Two donations separated, their cells pooled, the pool split and a part of it given to pat-1."""
    history = History()
    for number in (1, 2):
        whole = collect(history, number, number, lots=[{"kind": "container", "id": f"C{number}"}])
        process(history, "separate", [whole], [cells(number), plasma(number)], 10 + number)
    process(history, "pool", [cells(1), cells(2)], [POOL], 20)
    filtered = [{"kind": "filter", "id": "F:1"}]
    process(history, "split", [POOL], [ALIQUOT], 30, lots=filtered, devices=["X1"], process_run="run-7")
    history.tell(ALIQUOT, "bag.transfused", 40, patient="pat-1", hospital="H0001", presumed=False)
    return history


def test_a_bag_is_traced_to_its_ancestors_and_its_descendants(pooled: History) -> None:
    answer = traced(pooled, cells(1))
    assert answer["ancestors"] == [f"{din(1)}=E0001V00"]
    assert answer["descendants"] == sorted([POOL, ALIQUOT])
    assert names(answer) == {cells(1), f"{din(1)}=E0001V00", POOL, ALIQUOT}
    assert edges(answer) == {
        (f"{din(1)}=E0001V00", cells(1), "separate"),
        (cells(1), POOL, "pool"),
        (POOL, ALIQUOT, "split"),
    }
    assert answer["ledger"] == "test-ledger"
    assert answer["position"] == len(pooled.told)


def test_a_pool_keeps_every_member(pooled: History) -> None:
    answer = traced(pooled, POOL)
    assert set(answer["ancestors"]) == {cells(1), cells(2), f"{din(1)}=E0001V00", f"{din(2)}=E0001V00"}
    assert len(edges(answer)) == 5


def test_a_donation_is_traced_downwards(pooled: History) -> None:
    answer = traced(pooled, din(1))
    assert names(answer) == {f"{din(1)}=E0001V00", cells(1), plasma(1), POOL, ALIQUOT}
    assert "ancestors" not in answer
    assert (cells(2), POOL, "pool") not in edges(answer)


@pytest.mark.parametrize("subject", ["donor:donor-1", "lot:C1", "lot:container:C1", "lot:container_lot:C1"])
def test_a_donor_and_a_lot_reach_the_same_bags_as_the_donation(pooled: History, subject: str) -> None:
    assert names(traced(pooled, subject)) == names(traced(pooled, din(1)))


@pytest.mark.parametrize("subject", ["lot:F:1", "lot:filter:F:1"])
def test_a_lot_used_in_a_process_reaches_what_was_made_with_it(pooled: History, subject: str) -> None:
    assert names(traced(pooled, subject)) == {ALIQUOT}


def test_a_reagent_lot_reaches_the_bags_of_the_donations_tested_with_it(pooled: History) -> None:
    pooled.tell(
        din(2), "donation.tested", 5, marker="hbsag", result="nonreactive", stage="initial", final=True,
        reagent_lot="R9",
    )  # fmt: skip
    assert names(traced(pooled, "lot:reagent:R9")) == names(traced(pooled, din(2)))


def test_a_patient_is_traced_back_to_every_donor(pooled: History) -> None:
    answer = traced(pooled, "patient:pat-1")
    assert names(answer) == names(traced(pooled, POOL))
    assert {fact["stream"] for fact in answer["facts"]} >= {din(1), din(2), ALIQUOT}


def test_merged_donors_are_one_and_unmerged_ones_are_two(pooled: History) -> None:
    pooled.tell("donor:donor-1", "donor.merged", 50, other="donor-2", process_id="m1")
    both = names(traced(pooled, din(1))) | names(traced(pooled, din(2)))
    assert names(traced(pooled, "donor:donor-1")) == both
    assert names(traced(pooled, "donor:donor-2")) == both
    pooled.tell("donor:donor-1", "donor.unmerged", 60, other="donor-2", process_id="m2")
    assert names(traced(pooled, "donor:donor-2")) == names(traced(pooled, din(2)))
    pooled.tell("donor:donor-1", "donor.annulled", 70, target_version=2)
    assert names(traced(pooled, "donor:donor-2")) == both


def test_an_annulled_issue_takes_the_bag_from_the_patient_and_back(pooled: History) -> None:
    bag = plasma(1)
    issued = pooled.tell(bag, "bag.issued", 50, to="ward", patient="pat-9")
    assert bag in names(traced(pooled, "patient:pat-9"))
    annulment = pooled.tell(bag, "bag.annulled", 51, target_version=issued)
    pooled.tell("patient:pat-9", "recipient.sample_taken", 1, sample="s")
    answer = traced(pooled, "patient:pat-9")
    assert names(answer) == set()
    pooled.tell(bag, "bag.annulled", 52, target_version=annulment)
    answer = traced(pooled, "patient:pat-9")
    assert bag in names(answer)
    states = {fact["version"]: fact["corrected"] for fact in answer["facts"] if fact["stream"] == bag}
    assert states[issued] is None
    assert states[annulment] == "annulled"


def test_an_amended_patient_moves_the_bag(pooled: History) -> None:
    given = pooled.tell(plasma(2), "bag.transfused", 50, patient="wrong", hospital="H", presumed=False)
    changes = [{"field": "patient", "value": '"right"', "sealed": None}]
    pooled.tell(plasma(2), "bag.amended", 51, target_version=given, changes=changes)
    answer = traced(pooled, "patient:right")
    assert plasma(2) in names(answer)
    assert [fact["corrected"] for fact in answer["facts"] if fact["version"] == given][-1] == "amended"


def test_an_annulled_process_takes_its_edges_back_from_both_ends(pooled: History) -> None:
    pooled.tell(POOL, "bag.annulled", 50, target_version=2)
    kept = traced(pooled, POOL)
    assert (POOL, ALIQUOT, "split") in edges(kept), "the child still says so"
    annulment = pooled.tell(ALIQUOT, "bag.annulled", 50, target_version=1)
    assert (POOL, ALIQUOT, "split") not in edges(traced(pooled, POOL))
    pooled.tell(ALIQUOT, "bag.annulled", 60, target_version=annulment)
    assert (POOL, ALIQUOT, "split") in edges(traced(pooled, POOL))


@pytest.mark.parametrize("end", ["parent", "child"])
def test_an_edge_may_come_from_either_end(end: str) -> None:
    history = History()
    collect(history, 1, 0)
    whole = f"{din(1)}=E0001V00"
    if end == "parent":
        history.tell(whole, "bag.consumed", 5, process="split", process_id="p", children=[cells(1)])
    else:
        history.tell(
            cells(1), "bag.prepared", 5, process="split", process_id="p", parents=[whole], purpose="allogeneic",
            component="whole_blood", quantity=units("1"),
        )  # fmt: skip
    answer = traced(history, whole)
    assert answer["edges"] == [{"parent": whole, "child": cells(1), "process": "split", "position": 3}]
    assert answer["descendants"] == [cells(1)]
    child = next(bag for bag in answer["bags"] if bag["bag"] == cells(1))
    assert child["status"] == ("incomplete" if end == "parent" else "quarantine")


def test_a_label_is_an_edge_from_the_container() -> None:
    history = History()
    container, bag = f"{din(3)}#1", f"{din(3)}=E0001V00"
    history.tell(container, "bag.consumed", 5, process="label", process_id="l", children=[bag])
    history.tell(bag, "bag.labelled", 5, process_id="l", container=container, purpose="allogeneic")
    answer = traced(history, container)
    assert edges(answer) == {(container, bag, "label")}
    assert traced(history, bag)["ancestors"] == [container]


def test_a_cycle_ends_and_is_shown() -> None:
    history = History()
    one, two = collect(history, 1, 0), collect(history, 2, 0)
    history.tell(one, "bag.consumed", 5, process="pool", process_id="a", children=[two])
    history.tell(two, "bag.consumed", 6, process="pool", process_id="b", children=[one])
    answer = traced(history, one)
    assert answer["ancestors"] == answer["descendants"] == [two]
    assert edges(answer) == {(one, two, "pool"), (two, one, "pool")}


def test_a_failed_donation_without_bags_is_still_known() -> None:
    history = History()
    history.tell(
        din(5), "donation.registered", 0, donor="d5", facility="A9999", kind="whole_blood", outcome="failed",
        purpose="allogeneic",
    )  # fmt: skip
    answer = traced(history, din(5))
    assert (answer["bags"], len(answer["facts"])) == ([], 1)
    assert [fact["stream"] for fact in traced(history, "donor:d5")["facts"]] == [din(5)]


def test_a_bag_shows_open_holds_and_nonconformities_with_exact_quantity() -> None:
    history = History()
    bag = collect(history, 1, 0, quantity=units("1.250"), group="A")
    scope = {"cause": "recall", "scope_kind": "container_lot", "scope_id": "C1"}
    history.tell(bag, "bag.held", 3, hold="hold:lot@1", placed_at=instant(2), **scope)
    history.tell(bag, "bag.held", 4, hold="hold:lot@2", placed_at=instant(1), **scope)
    history.tell(bag, "bag.hold_lifted", 5, hold="hold:lot@2", why="lifted", **scope)
    history.tell(bag, "bag.nonconformity_raised", 6, nonconformity="issued_held@9", code="issued_held", about_version=9)
    (row,) = traced(history, bag)["bags"]
    assert row["quantity"] == "1.25"
    assert (row["measure"], row["group"], row["rhd"], row["status"]) == ("U", "A", "positive", "held")
    assert row["expires_at"] == "2025-04-05T08:00:00Z"
    assert row["holds"] == [
        {
            "hold": "hold:lot@1",
            "cause": "recall",
            "scope": {"kind": "container_lot", "id": "C1"},
            "placed_at": "2025-03-01T08:02:00Z",
        }
    ]
    assert row["nonconformities"] == [
        {
            "code": "issued_held",
            "nonconformity": "issued_held@9",
            "about_version": 9,
            "detail": None,
            "raised_at": "2025-03-01T08:06:00Z",
        }
    ]


def test_facts_come_in_position_order_with_who_and_when() -> None:
    history = History()
    bag = collect(history, 1, 0)
    history.tell(bag, "bag.stored", 7, by="anna", facility="A9999", place="F1")
    facts = traced(history, bag)["facts"]
    assert [fact["position"] for fact in facts] == [1, 2, 3]
    assert facts[-1] == {
        "position": 3,
        "stream": bag,
        "version": 2,
        "name": "bag.stored.v1",
        "happened_at": "2025-03-01T08:07:00Z",
        "recorded_at": "2023-11-14T22:13:20.000003Z",
        "by": "anna",
        "sender": "local",
        "request": "r3",
        "reported": False,
        "caused_by": None,
        "corrected": None,
        "fact": {"facility": "A9999", "place": "F1"},
    }


@pytest.mark.parametrize("subject", ["", "A99992512345", "a999925000001", "A999925000001=", "lot:", "cow:1"])
def test_a_malformed_subject_says_what_is_wrong(pooled: History, subject: str) -> None:
    with pytest.raises(BadScan):
        traced(pooled, subject)


def test_a_pool_of_ten_thousand_is_traced_back() -> None:
    history = History()
    members = [f"{din(number)}=E0701V00" for number in range(10_000)]
    big = f"{din(99_999)}=E6000V00"
    history.tell(
        big, "bag.prepared", 5, process="pool", process_id="p", parents=members, purpose="allogeneic",
        component="frozen_plasma", quantity=units("2000000", "mL"),
    )  # fmt: skip
    answer = traced(history, big)
    assert answer["ancestors"] == members
    assert len(answer["edges"]) == 10_000


def test_a_trace_never_reads_a_whole_table(pooled: History, monkeypatch: pytest.MonkeyPatch) -> None:
    views = sqlite_views(":memory:")
    catch_up(pooled, views)
    asked = SqliteDatabase.rows
    plans: list[str] = []

    def explained(self: Any, sql: str, parameters: Any = ()) -> Any:
        plans.extend(str(row[3]) for row in asked(self, f"EXPLAIN QUERY PLAN {sql}", parameters))
        return asked(self, sql, parameters)

    monkeypatch.setattr(SqliteDatabase, "rows", explained)
    for subject in (POOL, din(1), "donor:donor-1", "patient:pat-1", "lot:C1", "lot:container:C1"):
        trace(views, subject, BEGIN)
    scanned = {plan.split()[1] for plan in plans if plan.startswith("SCAN")}
    assert plans
    assert scanned <= {"json_each", "CONSTANT", "reached", "parked", "partitions", "sqlite_master"}
