"""This file holds the subjects of a trace: how one is read, and from which bags the walk starts."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple

from ledger.isbt128.bag_name import check, check_din
from projections.decode import micros_of
from projections.queries.lineage import BAGS_OF_DONATION
from projections.readmodels.database import Reading, is_donation

LOT_KINDS = ("container_lot", "filter_lot", "additive_lot", "reagent_lot")


class NotFound(LookupError):
    """Nothing in the ledger, up to the position named, tells of this subject."""

    def __init__(self, subject: str, position: int) -> None:
        super().__init__(subject, position)
        self.subject, self.position = subject, position

    def message(self, lang: str = "en") -> str:
        """What happened and what to do, in English or Chinese."""
        if lang == "zh":
            return f"截至第 {self.position} 位，账本中没有关于 {self.subject} 的记录；请核对编号后再查"
        return f"up to position {self.position} nothing is recorded about {self.subject}; check its number"

    def __str__(self) -> str:
        return self.message()


class Start(NamedTuple):
    """Where a trace starts: bags, other streams of the answer, which ways to walk, one bag or many."""

    bags: set[str]
    streams: set[str]
    down: bool
    up: bool
    single: bool = False


class Window(NamedTuple):
    """A period of business time, both ends counted; None is open. Unit: microseconds."""

    since: int | None = None
    until: int | None = None

    @classmethod
    def between(cls, since: datetime | None, until: datetime | None = None) -> "Window":
        """From aware instants."""
        return cls(*(None if each is None else micros_of(each) for each in (since, until)))


ALWAYS = Window()


def start_of(read: Reading, subject: str, window: Window = ALWAYS) -> Start:
    """Where to start for a subject; a window narrows what was collected, made or done to what was so within it.

    Shape: a bag; a DIN; `donor:P`; `patient:P`; `lot:ID` or `lot:KIND:ID`; `device:D`; `operator:O`; `run:R`
    (of a process or a test); `facility:F` (what was collected, made, received, stored, issued or given there, or came).
    A subject of which every word was taken back has no bags, and the streams that spoke of it.
    Errors: BadScan for a malformed number; NotFound.
    """
    noun, colon, name = subject.partition(":")
    if colon and noun in STARTS and name:
        start = STARTS[noun](read, name, window)
    elif "=" in subject or "#" in subject:
        start = Start({check(subject)}, set(), down=True, up=True, single=True)
    else:
        start = _donation(read, check_din(subject))
    if _is_known(read, start):
        return start
    once = _told_once(read, noun, name) if colon and noun in STARTS else set()
    if not once:
        raise NotFound(subject, read.position)
    return start._replace(bags=set(), streams=once if window == ALWAYS else set())


def _is_known(read: Reading, start: Start) -> bool:
    names = read.each(sorted(start.bags | start.streams))
    return any(
        read.rows(f"SELECT 1 FROM {{each}} JOIN {table} = each.value AND {known} LIMIT 1", [names])
        for table, known in (
            ("life ON life.stream", f"life.position <= {read.position}"),
            ("lineage ON lineage.parent", "{known lineage}"),
            ("lineage ON lineage.child", "{known lineage}"),
        )
    )


def _told_once(read: Reading, noun: str, name: str) -> set[str]:
    """Streams of which a fact named this subject, though none does now."""
    kinds = LINKED_BY[noun]
    if noun == "lot" and (lot_kind := _lot_kind(name)) is not None:
        kinds, name = (lot_kind,), name.partition(":")[2]
    sql = f"""SELECT DISTINCT source FROM {{each}} JOIN belongings ON kind = ? AND key = each.value
        AND from_position <= {read.position}"""
    found = [read.rows(sql.replace("kind = ?", f"kind = '{kind}'"), [read.each([name])]) for kind in kinds]
    return {source for rows in found for (source,) in rows}


def _donation(read: Reading, din: str) -> Start:
    return Start(bags_of(read, [din]), {din}, down=True, up=False)


def _donor(read: Reading, pseudonym: str, window: Window) -> Start:
    persons = same_person(read, "donor", pseudonym)
    dins = linked(read, ["donor"], persons, window)
    own = {f"donor:{person}" for person in persons}
    return Start(bags_of(read, dins), dins | own, down=True, up=False)


def _patient(read: Reading, pseudonym: str, window: Window) -> Start:
    persons = same_person(read, "patient", pseudonym)
    own = {f"patient:{person}" for person in persons}
    return Start(linked(read, ["patient"], persons, window), own, down=False, up=True)


def _lot_kind(name: str) -> str | None:
    """The kind of lot that a name begins with, as in `container:C1`."""
    kind, colon, rest = name.partition(":")
    kind = kind.removesuffix("_lot") + "_lot"
    return kind if colon and rest and kind in LOT_KINDS else None


def _lot(read: Reading, name: str, window: Window) -> Start:
    used = linked(read, LOT_KINDS, [name], window)
    kind = _lot_kind(name)
    if kind is not None:
        used |= linked(read, [kind], [name.partition(":")[2]], window)
    return _from_streams(read, used)


def _touched(noun: str) -> Callable[[Reading, str, Window], Start]:
    """What was collected, made or tested with something."""

    def start(read: Reading, name: str, window: Window) -> Start:
        return _from_streams(read, linked(read, LINKED_BY[noun], [name], window))

    return start


def _from_streams(read: Reading, streams: set[str]) -> Start:
    """From bags, and all bags of donations."""
    dins = {stream for stream in streams if is_donation(stream)}
    return Start((streams - dins) | bags_of(read, dins), dins, down=True, up=False)


LINKED_BY = {
    "donor": ("donor",),
    "patient": ("patient",),
    "lot": LOT_KINDS,
    "device": ("device",),
    "operator": ("operator",),
    "run": ("process_run", "test_run"),
    "facility": ("facility",),
}
"""Kinds of belongings by which each noun is found."""

STARTS: dict[str, Callable[[Reading, str, Window], Start]] = {
    "donor": _donor,
    "patient": _patient,
    "lot": _lot,
    "device": _touched("device"),
    "operator": _touched("operator"),
    "run": _touched("run"),
    "facility": _touched("facility"),
}


def linked(read: Reading, kinds: Iterable[str], keys: Iterable[str], window: Window = ALWAYS) -> set[str]:
    """Streams that belong to any of these keys, by what happened within the window."""
    sql = "SELECT stream FROM {each} JOIN belongings ON kind = ? AND key = each.value AND {known belongings}"
    within = [("happened_at >= ?", window.since), ("happened_at <= ?", window.until)]
    chosen = [(condition, bound) for condition, bound in within if bound is not None]
    sql = " AND ".join((sql, *(condition for condition, _ in chosen)))
    names, bounds = read.each(sorted(keys)), [bound for _, bound in chosen]
    return {
        stream
        for kind in kinds
        for (stream,) in read.rows(sql.replace("kind = ?", f"kind = '{kind}'"), [names, *bounds])
    }


def bags_of(read: Reading, dins: Iterable[str]) -> set[str]:
    """Bags that carry one of these donation numbers, or were collected or registered under it."""
    names = sorted(dins)
    return {bag for (bag,) in read.rows(BAGS_OF_DONATION, [read.each(names)])} | linked(read, ["donation"], names)


def same_person(read: Reading, noun: str, pseudonym: str) -> set[str]:
    """All pseudonyms that merges say are the same person."""
    known: set[str] = set()
    found = {pseudonym}
    while found > known:
        known = found
        found = known | linked(read, [f"same_{noun}"], known)
    return known
