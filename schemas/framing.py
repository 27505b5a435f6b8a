"""This file holds the framing of a fact's bytes on Kafka: as they are stored, or in Confluent's with a schema registry.

Confluent framing is a zero byte, the schema's id in the registry in four, and the Avro body; schemas stand there under
`<topic>-<full name of the record>` (TopicRecordNameStrategy).
"""

import json
import urllib.error
import urllib.request
from typing import Any, Protocol

from schemas.errors import RegistryAway, SchemaError
from schemas.files import HEADER_SIZE, header_of, schema_of, wire_of

CONFLUENT_SIZE = 5
TIMEOUT_SECONDS = 10
CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"


NOT_FOUND, CONFLICT = 404, 409


class RegistryRefuses(RegistryAway):
    """The registry answered, and not with what was asked for."""

    def __init__(self, status: int, asked: str) -> None:
        super().__init__(f"the schema registry answered {status} to {asked}", lasting=status < 500)
        self.status = status


class Framing(Protocol):
    """How a value is written and read. `unframed` must also read what the other framing wrote, if it can."""

    def framed(self, topic: str, state: bytes) -> bytes: ...

    def unframed(self, value: bytes) -> bytes:
        """Errors: SchemaError."""
        ...


class Plain:
    """As stored: Avro's single-object encoding needs no registry."""

    def framed(self, topic: str, state: bytes) -> bytes:
        return state

    def unframed(self, value: bytes) -> bytes:
        return value


class Registered:
    """Confluent framing, with the registry at a URL."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._prefixes: dict[tuple[str, bytes], bytes] = {}
        self._headers: dict[bytes, bytes] = {}

    def framed(self, topic: str, state: bytes) -> bytes:
        header = state[:HEADER_SIZE]
        prefix = self._prefixes.get((topic, header))
        if prefix is None:
            prefix = self._prefixes[topic, header] = self._registered(topic, wire_of(header))
        return prefix + state[HEADER_SIZE:]

    def unframed(self, value: bytes) -> bytes:
        if value[:1] != b"\0":
            return value
        prefix = value[:CONFLUENT_SIZE]
        header = self._headers.get(prefix)
        if header is None:
            header = self._headers[prefix] = self._looked_up(int.from_bytes(prefix[1:], "big"))
        return header + value[CONFLUENT_SIZE:]

    def _registered(self, topic: str, wire: str) -> bytes:
        schema = schema_of(wire)
        subject = f"{topic}-{schema['name']}"
        try:
            answer = self._new_version(subject, schema)
        except RegistryRefuses as refused:
            if refused.status != CONFLICT:
                raise
            # Versions of a fact need not fit one another: each is read under the schema it was written with.
            self._ask("PUT", f"/config/{subject}", {"compatibility": "NONE"})
            answer = self._new_version(subject, schema)
        return b"\0" + int(answer["id"]).to_bytes(4, "big")

    def _new_version(self, subject: str, schema: Any) -> Any:
        return self._ask("POST", f"/subjects/{subject}/versions", {"schema": json.dumps(schema)})

    def _looked_up(self, number: int) -> bytes:
        try:
            schema = json.loads(self._ask("GET", f"/schemas/ids/{number}")["schema"])
        except RegistryRefuses as refused:
            if refused.status != NOT_FOUND:
                raise
            raise SchemaError(f"the schema registry has no schema {number}") from refused
        wire = schema.get("wire")
        if not isinstance(wire, str):
            raise SchemaError(f"schema {number} of the registry is none of a fact")
        return header_of(wire)

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self._url + path, data, {"Content-Type": CONTENT_TYPE, "Accept": CONTENT_TYPE}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise RegistryRefuses(error.code, f"{method} {path}") from error
        except (OSError, ValueError) as error:
            raise RegistryAway(f"the schema registry cannot be reached at {self._url} ({error})") from error
