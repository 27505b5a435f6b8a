"""This file holds the audit of request records and business keys, rebuilt from the occasions in the stored bytes."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import schemas
from ledger.audit.findings import Finding
from ledger.store.reading import Snapshot
from schemas.compiled import PASSED_OVER, Read, compile_reader
from schemas.files import HEADER_SIZE

REQUESTS = (
    "SELECT first_position, count, sender, request, digest FROM requests ORDER BY first_position, sender, request"
)
KEYS = "SELECT first_position, count, key FROM business_keys ORDER BY first_position, key"

Fact = tuple[Any, ...]


class Said(NamedTuple):
    """What a fact's occasion says about its request: (sender, request, digest), and the business key or None."""

    request: tuple[str, str, bytes]
    key: bytes | None


class Span:
    """Facts in a row that stand on one request, or on one observation of it: the first, and how many."""

    __slots__ = ("count", "fact", "said")

    def __init__(self, fact: Fact, said: Said) -> None:
        self.fact, self.said, self.count = fact, said, 1

    def finding(self, what: str) -> Finding:
        position, stream, version, leaf = self.fact[0], self.fact[1], self.fact[2], self.fact[6]
        return Finding(what, position, leaf, stream, version)


@lru_cache(maxsize=1)
def _reader() -> Read:
    """Reads only as far as the request: every fact's schema begins alike (a test holds them to it)."""
    whole = schemas.schema_of(schemas.wire_names()[0])
    occasion = whole["fields"][1]["type"]
    beginning = {**occasion, "fields": occasion["fields"][:4]}
    when = {**whole["fields"][0], "type": {"type": PASSED_OVER, "of": whole["fields"][0]["type"]}}
    schema = {**whole, "fields": [when, {**whole["fields"][1], "type": beginning}]}
    return compile_reader(schema, _made, {"Said": Said, "new": tuple.__new__}, logical=False)


def _made(record: str, variables: Any) -> str:
    ordered: list[str] = list(variables.values())
    if record != "bloodledger.Occasion":
        return ordered[0]
    return f"new(Said, (({ordered[0]}, {ordered[1]}, {ordered[2]}), {ordered[3]}))"


def said(name: str, state: bytes) -> Said:
    """The request a fact of this wire name stands on.

    Errors: SchemaError when the bytes are damaged, or are another fact than the row says.
    """
    if state[:HEADER_SIZE] != _header(name):
        raise schemas.SchemaError(f"the row says {name}, the bytes say {schemas.wire_of(state)}")
    try:
        found: Said = _reader()(state, HEADER_SIZE)[0]
    except (IndexError, ValueError) as error:
        raise schemas.SchemaError(f"{name}: the bytes are damaged: {error}") from error
    return found


_header = lru_cache(maxsize=1024)(schemas.header_of)


class Requests:
    """Follows the facts, and compares each request's run of them with its record.

    Business keys: a key is there for the first fact of each observation, unless a fact of that observation was
    annulled, which frees it. Whether one that stands in spite of an annulment is right depends on corrections of
    corrections, which only the domain can decide: that is not judged here.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.findings: list[Finding] = []
        self._requests = _Recorded("requests", snapshot.select(REQUESTS), self.findings)
        self._keys = _Recorded("business_keys", snapshot.select(KEYS), self.findings)
        self._request: Span | None = None
        self._observation: Span | None = None
        self._freed: dict[tuple[str, int], Span] = {}

    def follow(self, fact: Fact) -> bool:
        """Take the next fact; False when it is none that could stand on a request."""
        try:
            found = said(fact[3], fact[4])
        except schemas.SchemaError as error:
            self.findings.append(Span(fact, Said(("", "", b""), None)).finding(f"stored bytes: {error}"))
            return False
        request = self._request
        if request is not None and request.said.request == found.request:
            request.count += 1
            if found.key is None:
                if self._observation is not None:
                    self._observation.count += 1
            else:
                self._end_observation()
                self._observation = Span(fact, found)
        else:
            self._end_request()
            self._end_observation()
            self._request = Span(fact, found)
            self._observation = None if found.key is None else Span(fact, found)
        if ".annulled." in fact[3]:
            self._annulled(fact[1], fact[4])
        return True

    def end(self) -> None:
        """No more facts: whatever records are left belong to none."""
        self._end_request()
        self._end_observation()
        self._requests.end()
        self._keys.end()
        for span in self._freed.values():
            self.findings.append(span.finding("business_keys: the key of this observation is gone"))

    def _end_request(self) -> None:
        if (span := self._request) is not None:
            row = (span.fact[0], span.count, *span.said.request)
            if not self._requests.has(row):
                self.findings.append(span.finding("requests: no record says what this request caused"))

    def _end_observation(self) -> None:
        if (span := self._observation) is not None and not self._keys.has((span.fact[0], span.count, span.said.key)):
            # An annulment that comes later explains it; damage to many rows must not fill the memory.
            if len(self._freed) < 100_000:
                self._freed[span.fact[1], span.fact[2]] = span
            else:
                self.findings.append(span.finding("business_keys: the key of this observation is gone"))

    def _annulled(self, stream: str, state: bytes) -> None:
        """An annulment explains the missing keys of what it may mean: its target, or any fact of the stream."""
        target = schemas.decode_raw(state)[1].get("target_version")
        for place in [place for place in self._freed if place[0] == stream]:
            span = self._freed[place]
            if target is None or span.fact[2] <= target:
                del self._freed[place]


class _Recorded:
    """A table's rows in the order of first positions, merged with what the facts give."""

    def __init__(self, table: str, rows: Iterator[Fact], findings: list[Finding]) -> None:
        self._table, self._rows, self._findings = table, rows, findings
        self._row = next(rows, None)

    def has(self, row: Fact) -> bool:
        """Whether the table holds this row; rows that sort before it belong to nothing."""
        while (found := self._row) is not None and not (type(found[0]) is int and found[0] >= row[0]):
            self._extra()
        if found is None or found[0] != row[0]:
            return False
        self._row = next(self._rows, None)
        return found == row

    def end(self) -> None:
        while self._row is not None:
            self._extra()

    def _extra(self) -> None:
        assert self._row is not None
        position = self._row[0] if type(self._row[0]) is int else None
        if len(self._findings) < 100:
            self._findings.append(Finding(f"{self._table}: a record that no fact stands on", position))
        self._row = next(self._rows, None)
