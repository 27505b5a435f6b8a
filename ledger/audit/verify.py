"""This file holds `verify`: everything the store holds, rebuilt from the facts' own columns and compared."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from itertools import islice
from typing import Any, Protocol

from ledger.audit.beside import Beside
from ledger.audit.chains import chain_findings
from ledger.audit.findings import Finding, by_position
from ledger.audit.leaves import Fact, Log, Since
from ledger.audit.links import Links, row_of
from ledger.audit.requests import Requests
from ledger.store.cycles import without_cycle_search
from ledger.store.faults import StoreFault
from ledger.store.port import FactRow, Head, Link
from ledger.store.reading import Snapshot
from ledger.store.tables import check_of

Progress = Callable[[int, int], None]
"""Called now and then with the facts checked and the facts there are."""
LinksOf = Callable[[FactRow], Iterable[Link]]
"""The links a fact gives. Called for good rows only, in the order of positions."""

EVERY = 4096
SHOWN = 20


class Auditable(Protocol):
    """A store that can be audited."""

    def snapshot(self, lenient: bool = False) -> AbstractContextManager[Snapshot]: ...

    def ledger_id(self) -> str: ...

    def head(self) -> Head: ...


def verify(
    store: Auditable,
    since: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    links_of: LinksOf | None = None,
    beside: Beside | None = None,
) -> dict[str, Any]:
    """Check the whole ledger, in one pass over the log and one over the streams, whatever its size.

    Shape: `{ok, ledger, size, root, position, first_bad, problems, since}`; `first_bad` is the first bad fact as
    `{position, leaf, stream, version, what}`, `problems` at most twenty of all that was found. With `since`, an
    earlier output, also that nothing up to it was cut or changed. Without an outside copy of a root nobody can see
    a tail that was cut cleanly. `beside`: another process at half of it; what it finds wrong is asked again, here.
    Errors: ValueError when `since` is no output of verify; StoreFault when the database cannot be read at all.
    """
    if beside is not None and (found := _in_halves(store, since, progress, beside)) is not None:
        return found
    for lenient in (False, True):  # reading damaged text costs every row, so only when there is some
        audit = _Audit(progress, links_of, _since(since))
        try:
            with store.snapshot(lenient) as snapshot, without_cycle_search():
                audit.run(snapshot)
            break
        except StoreFault as fault:
            audit.unreadable(fault)
    return {"ledger": store.ledger_id(), **audit.result()}


def _in_halves(
    store: Auditable, since: Mapping[str, Any] | None, progress: Progress | None, beside: Beside
) -> dict[str, Any] | None:
    """The result when all is well, here with the log and there with streams and links; None when anything is not."""
    audit = _Audit(progress, None, _since(since), streams=False)
    try:
        with store.snapshot() as snapshot, without_cycle_search():
            audit.run(snapshot)
    except StoreFault:
        return None
    found = {"ledger": store.ledger_id(), **audit.result()}
    # It may have begun later and seen more; never fewer facts than were seen here.
    return found if found["ok"] and beside.well_up_to() >= found["size"] else None


def _since(output: Mapping[str, Any] | None) -> Since | None:
    if output is None:
        return None
    size, root = output.get("size"), output.get("root")
    if type(size) is not int or size < 0 or not isinstance(root, str) or len(root) != 64:
        raise ValueError("the earlier output has no size and root of a tree; it must be what verify printed")
    return Since(size, bytes.fromhex(root))


class _Audit:
    """One run: what was found, and what was rebuilt."""

    def __init__(
        self, progress: Progress | None, links_of: LinksOf | None, since: Since | None, streams: bool = True
    ) -> None:
        self._progress, self._links_of, self._since, self._streams = progress, links_of, since, streams
        self._log: Log | None = None
        self._findings: list[Finding] = []
        self._readable = True

    def run(self, snapshot: Snapshot) -> None:
        self._meta(snapshot)
        log = self._log = Log(snapshot, self._since)
        requests, links = Requests(snapshot), Links()
        try:
            self._follow(snapshot, log, requests, links)
            self._findings += sorted(requests.findings, key=by_position)
            streams = list(islice(chain_findings(snapshot), 1000)) if self._streams else []
            self._name(log, streams, snapshot)
            self._findings += sorted(streams, key=by_position)
            if self._links_of is not None and log.finding is None and self._readable:
                self._findings += islice(links.findings(snapshot), SHOWN)
            self._findings += [Finding(f"commits: {what}") for what in snapshot.damage()]
        finally:
            links.close()

    def _follow(self, snapshot: Snapshot, log: Log, requests: Requests, links: Links) -> None:
        total = next(iter(snapshot.select("SELECT count(*) FROM stored_events")))[0]
        count, readable = 0, True
        for fact in log.facts():
            readable = readable and requests.follow(fact)
            readable = readable and (self._links_of is None or self._link(self._links_of, fact, links))
            count += 1
            if self._progress is not None and count % EVERY == 0:
                self._progress(count, total)
        if self._progress is not None:
            self._progress(count, total)
        self._readable = readable
        if log.finding is None and readable:
            requests.end()

    def _link(self, links_of: LinksOf, fact: Fact, links: Links) -> bool:
        """Take the links of a fact; False when its bytes, good or not, are no fact that this program can read."""
        row = row_of(fact)
        try:
            if given := links_of(row):
                links.take(fact, given)
        except ValueError as error:  # SchemaError, and the mapper's own error
            self._findings.append(Finding(f"stored bytes: {error}", row.position, row.leaf, row.stream, row.version))
            return False
        return True

    def _name(self, log: Log, streams: list[Finding], snapshot: Snapshot) -> None:
        """The first bad fact of the log, named by its stream where the log alone cannot."""
        finding = log.finding
        if finding is None:
            return
        if log.suspects is not None:
            finding = _suspect(finding, log.suspects, {each.stream for each in streams}, snapshot)
        elif finding.stream is None and finding.what.startswith("missing"):
            gaps = [each for each in sorted(streams, key=by_position) if each.what.startswith("missing")]
            if gaps:
                finding = finding._replace(stream=gaps[0].stream, version=gaps[0].version)
        # What the log itself shows is the fact; what its streams and requests show then follows from it.
        self._findings.insert(0, finding)

    def _meta(self, snapshot: Snapshot) -> None:
        meta = dict(snapshot.select("SELECT name, value FROM meta"))
        wanted = check_of(str(meta.get("ledger_id")), str(meta.get("format")))
        if set(meta) != {"ledger_id", "format", "check"} or meta["check"] != wanted:
            self._findings.append(Finding("meta: the ledger's id or format was changed"))

    def unreadable(self, fault: StoreFault) -> None:
        """The database gave up in the middle: the fact after the last good one cannot be read."""
        log = self._log
        position, leaf = (log.position + 1, log.good) if log and log.finding is None else (None, None)
        found = Finding(f"cannot be read: {fault.cause}", position, leaf)
        self._findings.insert(0, log.finding if log and log.finding else found)

    def result(self) -> dict[str, Any]:
        log = self._log
        facts = [each for each in self._findings if each.position is not None]
        first = (
            self._findings[0] if self._log_finding() else min(facts or self._findings, key=by_position, default=None)
        )
        return {
            "ok": not self._findings,
            "size": log.tree.size if log else 0,
            "root": log.tree.root().hex() if log else None,
            "position": log.position if log else 0,
            "first_bad": first.printed() if first else None,
            "problems": [each.printed() for each in self._findings[:SHOWN]],
            **({"since": {"size": self._since.size, "ok": bool(log and log.since_ok)}} if self._since else {}),
        }

    def _log_finding(self) -> bool:
        return self._log is not None and self._log.finding is not None


def _suspect(finding: Finding, leaves: range, streams: set[str | None], snapshot: Snapshot) -> Finding:
    """A leaf that was changed together with its row is one of its commit; its stream's chain says which."""
    rows: Iterator[Any] = snapshot.select(
        "SELECT notification_id, leaf, originator_id, originator_version FROM stored_events"
        f" WHERE leaf >= {leaves.start} AND leaf < {leaves.stop} ORDER BY leaf"
    )
    found = list(rows)
    named = [row for row in found if row[2] in streams]
    row = (named or found)[0]
    what = "the row was changed together with its leaf hash: its commit's root does not fit"
    if not named and len(found) > 1:
        what = f"one of leaves {leaves.start} to {leaves.stop - 1}: their commit's root does not fit"
    return finding._replace(what=what, position=row[0], leaf=row[1], stream=row[2], version=row[3])
