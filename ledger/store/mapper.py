"""This file holds the mapper between facts and their stored Avro bytes, by the library's own interface."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple, cast

from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import JSONTranscoder, Mapper, MapperDeserialisationError, StoredEvent

import schemas
from ledger.domain.values import FieldValue, Lot, Occasion, Quantity, Ref, Sealed
from ledger.store.keys import KeyStore
from ledger.store.port import FactRow
from ledger.store.sealing import Sealer
from ledger.store.upcasting import newest_bytes
from schemas.codec import read_whole
from schemas.compiled import SEALED, Read, Write, compile_reader, compile_writer

VALUES: dict[str, type[tuple[Any, ...]]] = {
    "bloodledger.Occasion": Occasion,
    "bloodledger.Ref": Ref,
    "bloodledger.Quantity": Quantity,
    "bloodledger.Lot": Lot,
    "bloodledger.FieldValue": FieldValue,
    SEALED: Sealed,
}
RENAMED = {"happened_at": "timestamp"}
"""Fields whose attribute the library names otherwise."""


class _Codec(NamedTuple):
    """How facts of one class are written and read."""

    wire: str
    header: bytes
    write: Write
    read: Read


class AvroMapper(Mapper[str]):
    """Maps fact classes to Avro single-object encoding and back; an older version is read as the newest.

    Shape: `facts` gives the class of each newest wire name. Sealed texts go in plain and come out as bytes;
    `open_sealed` reads them.
    """

    def __init__(self, facts: Mapping[str, type[Any]], keys: KeyStore, ledger_id: str) -> None:
        super().__init__(JSONTranscoder())  # the library asks for one; ours are the compiled schemas
        self._facts, self._sealer = facts, Sealer(keys, ledger_id)
        self._by_wire: dict[str, tuple[type[Any], _Codec]] = {}

    def to_stored_event(self, domain_event: DomainEventProtocol[str]) -> StoredEvent:
        """The fact as it is stored. Errors: SchemaError when a value does not fit its field; KeyDestroyed."""
        topic = cast(Any, domain_event).TOPIC
        codec = self._codec(topic)[1]
        try:
            state = codec.write(domain_event, self._seal)
        except (AttributeError, TypeError, ValueError, ArithmeticError) as error:
            raise schemas.SchemaError(f"writing {topic} of {domain_event.originator_id}: {error}") from error
        return StoredEvent(domain_event.originator_id, domain_event.originator_version, topic, state)

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[str]:
        """The fact that was stored. Errors: MapperDeserialisationError when the bytes are damaged."""
        try:
            return cast(DomainEventProtocol[str], self._fact(stored_event))
        except (schemas.SchemaError, KeyError) as error:
            raise MapperDeserialisationError(
                f"reading {stored_event.topic} of {stored_event.originator_id}"
                f" version {stored_event.originator_version}: {error}"
            ) from error

    def fact(self, row: FactRow) -> Any:
        """The fact of a row, for views and audits. Errors: as `to_domain_event`."""
        return self.to_domain_event(StoredEvent(row.stream, row.version, row.name, row.state))

    def open_sealed(self, text: Sealed) -> str | None:
        """A sealed text, or None when its key is destroyed or not here. Errors: StoreFault when it was changed."""
        return self._sealer.opened(text)

    def _fact(self, stored: StoredEvent) -> Any:
        topic, state = stored.topic, stored.state
        if topic not in self._facts:
            topic, state = self._newest(topic, state)
        fact_class, codec = self._codec(topic)
        if state[:10] != codec.header:
            raise schemas.SchemaError(f"the row says {topic}, the bytes say {schemas.wire_of(state)}")
        attributes = read_whole(codec.wire, codec.read, state)
        attributes["originator_id"] = stored.originator_id
        attributes["originator_version"] = stored.originator_version
        fact = object.__new__(fact_class)
        object.__setattr__(fact, "__dict__", attributes)  # past the frozen dataclass, as the library's mapper does
        return fact

    def _newest(self, topic: str, state: bytes) -> tuple[str, bytes]:
        if schemas.wire_of(state) != topic:
            raise schemas.SchemaError(f"the row says {topic}, the bytes say {schemas.wire_of(state)}")
        return schemas.newest_version(topic), newest_bytes(state)

    def _codec(self, topic: str) -> tuple[type[Any], _Codec]:
        found = self._by_wire.get(topic)
        if found is None:
            found = self._by_wire[topic] = self._facts[topic], _codec_of(topic)
        return found

    def _seal(self, fact: Any, field: str, text: Sealed) -> Sealed:
        return self._sealer.sealed(text, fact.originator_id, fact.originator_version, field)


@lru_cache(maxsize=512)
def _codec_of(wire: str) -> _Codec:
    """Compiled once per process; 2 ms each, so only those that are met."""
    schema, header = schemas.schema_of(wire), schemas.header_of(wire)
    names: dict[str, Any] = {value.__name__: value for value in VALUES.values()} | {"new": tuple.__new__}
    return _Codec(
        wire, header, compile_writer(schema, header, RENAMED), compile_reader(schema, _made, names, logical=True)
    )


def _made(record: str, variables: Mapping[str, str]) -> str:
    """A value type from its fields by their order there; the fact itself as its attributes."""
    if (value := VALUES.get(record)) is None:
        return "{" + ", ".join(f"{RENAMED.get(name, name)!r}: {each}" for name, each in variables.items()) + "}"
    ordered = ", ".join(variables.get(name, "None") for name in cast(Any, value)._fields)
    return f"new({value.__name__}, ({ordered},))"
