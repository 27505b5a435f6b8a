"""This file holds the JSON Schema of commands, as other programs read it."""

from typing import Any

import msgspec

from ledger.commands import COMMANDS
from ledger.commands.command import Command

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ENVELOPE = ("command", "request", "by", "happened_at")
"""What every command must carry, whatever its type's defaults say."""

Json = dict[str, Any]


def command_schema(name: str) -> Json:
    """The JSON Schema (2020-12) of one command. Errors: KeyError."""
    return _whole([COMMANDS[name]], name)


def all_schemas() -> Json:
    """One schema for any command: `oneOf` all of them."""
    return _whole(list(COMMANDS.values()), "a command of bloodledger record")


def _whole(commands: list[type[Command]], title: str) -> Json:
    found, components = msgspec.json.schema_components(commands, ref_template="#/$defs/{name}")
    for command in commands:
        _complete(components[command.__name__])
    head: Json = {"$schema": DIALECT, "title": title}
    if len(commands) == 1:
        return {**head, **components.pop(commands[0].__name__), "$defs": components}
    return {**head, "oneOf": list(found), "$defs": components}


def _complete(schema: Json) -> None:
    """What the envelope demands, beside the fields whose types already do."""
    required = [*ENVELOPE, *(each for each in schema.get("required", []) if each not in ENVELOPE)]
    schema["required"] = required
    for name in ("request", "by"):
        schema["properties"][name] = {**schema["properties"][name], "minLength": 1}
        schema["properties"][name].pop("default", None)
