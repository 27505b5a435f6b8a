"""This file holds the bags: one row each, changed only by facts of that bag's own stream."""

from collections.abc import Sequence

from msgspec.json import Encoder

from projections.decode import Fact, Unreadable
from projections.readmodels.bag_fold import folded, taken_in
from projections.readmodels.bag_state import FINAL, BagFold, packed, unpacked
from projections.readmodels.database import DIGEST_SIZE, Batch, ReadModel, Row, Writing, is_bag, row_digest
from projections.readmodels.life import made_anew, park

COLUMNS = (
    "bag", "component", "thousandths", "measure", "status", "fate", "facility", "place", "abo", "rhd",
    "expires_at", "kind", "consignee", "holds", "nonconformities", "final", "version", "from_position",
)  # fmt: skip
"""What a row says. The quantity is a whole number of thousandths: exact, and summed in the database."""

DDL = (
    """CREATE TABLE bags (
        bag TEXT PRIMARY KEY, component TEXT, thousandths BIGINT, measure TEXT,
        status TEXT NOT NULL, fate TEXT, facility TEXT, place TEXT, abo TEXT, rhd TEXT, expires_at BIGINT,
        kind TEXT, consignee TEXT, holds TEXT NOT NULL, nonconformities TEXT NOT NULL, final INTEGER NOT NULL,
        version BIGINT NOT NULL, from_position BIGINT NOT NULL, digest BLOB NOT NULL, fold BLOB NOT NULL)""",
    # Holds all that a stock answer needs, of bags that are stock: the answer never reads the table.
    """CREATE INDEX bags_in_stock ON bags
        (facility, component, abo, rhd, status, measure, expires_at, thousandths, final) WHERE final = 0""",
)
READ = "SELECT bag, digest, fold FROM {each} JOIN bags ON bag = each.value"
WRITE = (
    f"INSERT INTO bags ({', '.join(COLUMNS)}, digest, fold) VALUES ({', '.join('?' * (len(COLUMNS) + 2))}) "
    f"ON CONFLICT (bag) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in COLUMNS[1:])}, "
    "digest = excluded.digest, fold = excluded.fold"
)
_json = Encoder().encode


def apply(writing: Writing, batch: Batch) -> None:
    """Bring the row of every bag that a batch touches to its last fact."""
    unreadable = _by_bag(batch.unreadable)
    touched = sorted(bag for bag in {*batch.streams, *batch.anew, *unreadable} if is_bag(bag))
    if not touched:
        return
    kept = {bag: (digest, fold) for bag, digest, fold in writing.rows(READ, [writing.each(touched)])}
    states: dict[str, BagFold] = {}
    late: dict[str, tuple[int, int]] = {}
    for bag in touched:
        state = unpacked(kept[bag][1]) if bag in kept else BagFold()
        facts = batch.streams.get(bag, ())
        reached = _reached(writing, bag, state, (*facts, *unreadable[bag]) if bag in unreadable else facts)
        if bag in batch.anew:
            states[bag] = folded(batch.anew[bag], *reached)
        elif all(taken_in(state, fact) for fact in facts):
            state.version, state.position = reached
            states[bag] = state
        else:
            late[bag] = reached
    for bag, facts in made_anew(writing, late).items():
        states[bag] = folded(facts, *late[bag])
    _write(writing, states, {bag: digest for bag, (digest, _) in kept.items()})


def _by_bag(unreadable: list[Unreadable]) -> dict[str, list[Unreadable]]:
    found: dict[str, list[Unreadable]] = {}
    for each in unreadable:
        found.setdefault(each.stream, []).append(each)
    return found


def _reached(writing: Writing, bag: str, state: BagFold, heard: Sequence[Fact | Unreadable]) -> tuple[int, int]:
    """Version and position of the last fact heard; a version that was passed over is parked."""
    version, position = state.version, state.position
    for each in sorted(heard, key=_version) if len(heard) > 1 else heard:
        for missing in range(version + 1, each.version):
            park(writing, bag, missing, each.position, "", f"missing: version {each.version} came instead")
        version, position = each.version, each.position
    return version, position


def _version(each: Fact | Unreadable) -> int:
    return each.version


def _row(bag: str, state: BagFold) -> Row:
    abo, rhd = state.shown_group
    status = state.status
    return (
        bag,
        state.component,
        state.thousandths,
        state.measure,
        status,
        state.fate,
        state.facility,
        state.place,
        abo,
        rhd,
        state.expires_at,
        state.kind,
        state.consignee,
        _json(state.open_holds()).decode() if state.holds else "[]",
        _json(state.open_nonconformities()).decode() if state.nonconformities else "[]",
        int(status in FINAL),
        state.version,
        state.position,
    )


def _write(writing: Writing, states: dict[str, BagFold], before: dict[str, bytes]) -> None:
    rows = []
    difference = 0
    for bag, state in states.items():
        row = _row(bag, state)
        digest = row_digest(row)
        difference += digest - int.from_bytes(before.get(bag, b""), "big")
        rows.append((*row, digest.to_bytes(DIGEST_SIZE, "big"), packed(state)))
    writing.run_many(WRITE, rows)
    writing.count("bags", difference)


BAGS = ReadModel("bags", ("bags",), DDL, apply)
