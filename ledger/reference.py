"""This file holds the writer of docs/reference: commands, facts, codes and settings, from the code.

`python -m ledger.reference` writes the pages, `--check` only says which are stale (exit code 1).
"""

import importlib
import json
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from inspect import getdoc
from pathlib import Path
from typing import Any

import click

from schemas import schema_of, wire_names

FOLDER = Path("docs/reference")
WRITTEN = "<!-- Written by `make docs` from the code; edit that, not this. -->\n"
COMMON = ("happened_at", "occasion", "caused_by")
NOUNS = {
    "bag": "One container, labelled or not yet. Stream: `DIN=PRODUCT`, `DIN=PRODUCT=NNNNNN` or `DIN#N`.",
    "donation": "One collection event and what its samples say. Stream: the DIN.",
    "hold": "One reason why everything in a scope may not be used. Stream: `hold:KIND:ID`.",
    "donor": "Who gives, by pseudonym. Stream: `donor:P`.",
    "recipient": "Who receives, by pseudonym. Stream: `patient:P`.",
}

Json = dict[str, Any]


# ── Markdown ──────────────────────────────────────────────────────────────────────────────────────────────


def table(head: Sequence[str], rows: Iterator[Sequence[str]] | Sequence[Sequence[str]]) -> str:
    """A Markdown table; bars and line ends inside a cell are made harmless.

    Example:
        >>> print(table(["a", "b"], [["1", "x|y"]]), end="")
        | a | b |
        | --- | --- |
        | 1 | x\\|y |
    """
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(_cell(each) for each in line) + " |\n" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def anchor(heading: str) -> str:
    """The link target that GitHub gives a heading."""
    return "".join(c for c in heading.lower().replace(" ", "-") if c.isalnum() or c in "-_")


def _page(title: str, intro: str, *parts: str) -> str:
    return "\n".join([f"# {title}\n", WRITTEN, f"{intro}\n", *parts])


# ── facts ─────────────────────────────────────────────────────────────────────────────────────────────────


def avro_type(shape: Any) -> str:
    """An Avro type in the words of this ledger.

    Example:
        >>> avro_type(["null", {"type": "long", "logicalType": "timestamp-micros"}])
        'time, optional'
        >>> avro_type({"type": "array", "items": {"type": "string", "content": "id"}})
        'list of id'
    """
    if isinstance(shape, list):
        return f"{avro_type(shape[1])}, optional"
    if isinstance(shape, str):
        return shape.removeprefix("bloodledger.")
    kind = shape["type"]
    if kind == "array":
        return f"list of {avro_type(shape['items'])}"
    if shape.get("logicalType") == "timestamp-micros":
        return "time"
    if shape.get("logicalType") == "decimal":
        return f"decimal ({shape['scale']} places)"
    if kind == "string":
        return str(shape.get("content", "string"))
    return str(shape.get("name", kind)).removeprefix("bloodledger.")


def _records(shape: Any) -> Iterator[Json]:
    """Every named record defined inside a type, outer ones first."""
    if isinstance(shape, list):
        for each in shape:
            yield from _records(each)
    elif isinstance(shape, dict):
        if shape["type"] == "record":
            yield shape
        for field in shape.get("fields", ()):
            yield from _records(field["type"])
        yield from _records(shape.get("items"))


def _field_table(fields: list[Json]) -> str:
    return table(
        ["field", "type", "meaning"],
        [[f"`{field['name']}`", avro_type(field["type"]), field["doc"]] for field in fields],
    )


def _fact_section(wire: str, schema: Json, classes: dict[str, Any]) -> str:
    body = [field for field in schema["fields"] if field["name"] not in COMMON]
    fact_class = classes.get(wire)
    if fact_class is None:
        kind = "An older version: read, never written."
    elif fact_class.CONSEQUENCE:
        kind = "Follows from another fact."
    elif fact_class.DECISION:
        kind = "A decision: may be refused, unless it is reported."
    else:
        kind = "Never refused."
    return f"### {wire}\n\n{schema['doc']} {kind}\n\n" + (_field_table(body) if body else "No fields of its own.\n")


def facts_page() -> str:
    classes = importlib.import_module("ledger.domain").FACTS
    all_schemas = {wire: schema_of(wire) for wire in wire_names()}
    shapes = {
        record["name"]: record
        for schema in all_schemas.values()
        for field in schema["fields"]
        for record in _records(field["type"])
    }
    first = next(iter(all_schemas.values()))
    parts = [
        f"{len(all_schemas)} schemas, each in `schemas/avro/<wire name>.avsc`, frozen once released.\n",
        "## In every fact\n",
        _field_table([field for field in first["fields"] if field["name"] in COMMON]),
        "## Shapes\n",
    ]
    for name, record in sorted(shapes.items()):
        parts += [
            f"### {name.removeprefix('bloodledger.')}\n\n{record['doc']}\n",
            _field_table(record["fields"]),
        ]
    for noun, meaning in NOUNS.items():
        parts.append(f"## {noun}\n\n{meaning}\n")
        parts += [_fact_section(w, s, classes) for w, s in all_schemas.items() if w.partition(".")[0] == noun]
    return _page("Facts", "Everything that can be on record, by stream.", *parts)


# ── commands ──────────────────────────────────────────────────────────────────────────────────────────────


def json_type(shape: Json) -> str:
    """A JSON Schema type, short.

    Example:
        >>> json_type({"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]})
        'list of string'
        >>> json_type({"type": "string", "format": "date-time"})
        'time'
        >>> json_type({"enum": ["U", "mL"]})
        '`U`, `mL`'
    """
    if "$ref" in shape:
        name = shape["$ref"].rpartition("/")[2]
        return f"[{name}](#{anchor(name)})"
    if "enum" in shape or "const" in shape:
        return ", ".join(f"`{each}`" for each in shape.get("enum", [shape.get("const")]))
    if "anyOf" in shape:
        return " or ".join(json_type(each) for each in shape["anyOf"] if each.get("type") != "null")
    if shape.get("type") == "array":
        return f"list of {json_type(shape['items'])}" if "items" in shape else "list"
    if "format" in shape:
        return {"date-time": "time"}.get(shape["format"], str(shape["format"]))
    kind = shape.get("type", "any")
    return " or ".join(each for each in kind if each != "null") if isinstance(kind, list) else str(kind)


ENVELOPE = {
    "command": "What is said.",
    "request": "The sender's own id of this request; sending it again is safe for ever.",
    "sender": "The system that sends.",
    "by": "Staff id of who did it or saw it.",
    "happened_at": "When it happened, RFC 3339 with offset.",
    "reported": "True for a decision made elsewhere that already happened: recorded, never refused.",
}


def _property_row(name: str, shape: Json, required: bool, meaning: str | None = None) -> list[str]:
    default = "required" if required else f"`{json.dumps(shape.get('default'), ensure_ascii=False)}`"
    return [f"`{name}`", json_type(shape), default, _described(shape) if meaning is None else meaning]


def _described(shape: Json) -> str:
    """What a type says of itself, also where it may be left out."""
    inner = (each.get("description", "") for each in shape.get("anyOf", ()))
    return str(shape.get("description") or next(filter(None, inner), ""))


def _property_table(schema: Json, left_out: Collection[str] = ()) -> str:
    required = schema.get("required", [])
    rows = [
        _property_row(name, shape, name in required)
        for name, shape in schema.get("properties", {}).items()
        if name not in left_out
    ]
    return table(["field", "type", "when not given", "meaning"], rows)


def _envelope(schema: Json) -> str:
    """The fields of every command."""
    rows = [
        _property_row(name, schema["properties"][name], name in schema["required"], meaning)
        for name, meaning in ENVELOPE.items()
        if name != "command"
    ]
    named = ["`command`", "one of the names below", "required", ENVELOPE["command"]]
    return table(["field", "type", "when not given", "meaning"], [named, *rows])


def _command_section(name: str, schema: Json, kind: Any) -> str:
    said = "A decision: a rule may refuse it." if kind.DECISION else "An observation: never refused."
    return f"### {name}\n\n{getdoc(kind) or ''} *{said}*\n\n" + _property_table(schema, ENVELOPE)


def commands_page() -> str:
    commands: dict[str, Any] = importlib.import_module("ledger.commands").COMMANDS
    schema_of_command = importlib.import_module("ledger.commands.describing").command_schema
    schemas = {name: schema_of_command(name) for name in commands}
    shapes = {name: shape for schema in schemas.values() for name, shape in schema["$defs"].items()}
    parts = ["## In every command\n", _envelope(next(iter(schemas.values()))), "## Commands\n"]
    parts += [_command_section(name, schema, commands[name]) for name, schema in schemas.items()]
    parts.append("## Shapes\n")
    for name, shape in sorted(shapes.items()):
        described = " ".join(shape.get("description", "").split())
        parts.append(f"### {name}\n\n{described}\n\n" + _property_table(shape))
    intro = (
        f"What `bloodledger record` takes: {len(commands)} commands, a JSON object a line. `bloodledger schema` prints "
        "JSON Schema. How a line is posted and answered: [Post commands](../how-to/post-commands.md)."
    )
    return _page("Commands", intro, *parts)


# ── refusals and settings ─────────────────────────────────────────────────────────────────────────────────


def refusals_page() -> str:
    refusals = importlib.import_module("ledger.domain.refusals").REFUSALS
    parts = []
    for code, refusal in sorted(refusals.items()):
        rows = [[lang, *refusal_words(refusal, lang)] for lang in ("en", "zh")]
        parts.append(f"## {code}\n\n" + table(["", "it says", "what helps"], rows))
    intro = (
        "Why the ledger says no to a decision, and what would make it succeed. A refusal stores nothing; "
        "the same request may succeed later. Codes are stable, words are not."
    )
    return _page("Refusals", intro, *parts)


def refusal_words(refusal: Any, lang: str) -> tuple[str, str]:
    """What a refusal says and what would help, with the names of its details in braces."""
    return getattr(refusal, lang), getattr(refusal, f"remedy_{lang}")


def _two_languages(codes: Mapping[str, Any]) -> str:
    """A table of codes and their words; the words are any pair of English and Chinese."""
    return table(["code", "en", "zh"], [[f"`{code}`", words[0], words[1]] for code, words in sorted(codes.items())])


def nonconformities_page() -> str:
    codes = importlib.import_module("ledger.domain.nonconformities").NONCONFORMITIES
    intro = (
        "What the ledger says beside a fact that broke a rule: `bag.nonconformity_raised` or "
        "`donation.nonconformity_raised` with one of these codes. It never takes the place of the fact, and it is "
        "withdrawn when a later fact explains it. Codes are stable, words are not."
    )
    return _page(
        "Nonconformities", intro, _two_languages({code: (names.en, names.zh) for code, names in codes.items()})
    )


def malformed_page() -> str:
    codes = importlib.import_module("ledger.screen.codes")
    intro = (
        "Why input could not be read. Nothing of it was stored; `where` names the field, and the line's own words say "
        "what was found and expected. Codes are stable, words are not."
    )
    return _page(
        "Malformed input",
        intro,
        "## A line of `record`\n\nAlso every code of a bad scan, wherever a bag or a DIN is named.\n",
        _two_languages(codes.MALFORMED),
        "## A bad scan\n\nWhat each structure may hold: [ISBT 128](isbt128.md).\n",
        _two_languages(codes.REASONS),
        "## A history that `import` does not take\n\nWords in braces are filled in with what stands in the line.\n",
        _two_languages(codes.HISTORY),
    )


def settings_page() -> str:
    settings: Sequence[tuple[str, str | None, str]] = importlib.import_module("ledger.settings").SETTINGS
    rows = [[f"`{name}`", f"`{default}`" if default else "", doc] for name, default, doc in settings]
    intro = "Read from the environment by `ledger/settings.py` and nowhere else."
    return _page("Settings", intro, table(["setting", "default", "meaning"], rows))


# ── command line ──────────────────────────────────────────────────────────────────────────────────────────


SHARED_OPTIONS = ("ledger", "lang", "json")


def _command_line(name: str, command: click.Command) -> Iterator[str]:
    """The section of one command, then those of its subcommands."""
    if command.hidden:
        return
    if isinstance(command, click.Group):
        for child_name, child in command.commands.items():
            yield from _command_line(f"{name} {child_name}", child)
        return
    options = [
        each
        for each in command.params
        if isinstance(each, click.Option) and not each.hidden and each.name not in SHARED_OPTIONS
    ]
    arguments = [each for each in command.params if isinstance(each, click.Argument)]
    usage = [name, "[OPTIONS]"]
    usage += [_argument(each) for each in arguments]
    text = f"## {name}\n\n```\n{' '.join(usage)}\n```\n\n{' '.join((command.help or '').split())}\n"
    if options:
        text += "\n" + table(["option", "meaning"], [[_option(each), _option_meaning(each)] for each in options])
    examples = importlib.import_module("ledger.screen.help_words").EXAMPLES.get(name.partition(" ")[2], ())
    if examples:
        text += "\n```sh\n" + "".join(f"{example}\n" for example in examples) + "```\n"
    yield text


def _argument(argument: click.Argument) -> str:
    shown = argument.metavar or str(argument.name).upper()
    return shown if argument.required else f"[{shown}]"


def _option(option: click.Option) -> str:
    value = "" if option.is_flag else f" {option.metavar or _kind_of_value(option.type)}"
    return ", ".join(f"`{switch}{value}`" for switch in (*option.opts, *option.secondary_opts))


def _kind_of_value(kind: Any) -> str:
    if isinstance(kind, click.Choice):
        return "|".join(kind.choices)
    return "N" if isinstance(kind, (click.IntRange, click.FloatRange)) else str(kind.name).upper()


def _option_meaning(option: click.Option) -> str:
    default = f" When not given: {option.default}." if option.show_default else ""
    return f"{option.help or ''}{default}"


def command_line_page() -> str:
    main = importlib.import_module("ledger.cli").main
    shared = table(["option", "meaning"], [[_option(o), _option_meaning(o)] for o in main.params if not o.hidden])
    intro = (
        "`bloodledger COMMAND …`; the options shared by all may stand before or behind the command's name. "
        "Exit codes: 0 done · 1 the answer is no (a line refused or malformed, damage found) · 2 usage · "
        "3 a fault outside (busy, disk full)."
    )
    return _page("Command line", intro, "## All commands\n", shared, *_command_line("bloodledger", main))


# ── writing and checking ──────────────────────────────────────────────────────────────────────────────────


def kafka_page() -> str:
    page: str = importlib.import_module("ledger.kafka_reference").kafka_page()
    return page


PAGES: dict[str, Callable[[], str]] = {
    "command_line.md": command_line_page,
    "commands.md": commands_page,
    "facts.md": facts_page,
    "kafka.md": kafka_page,
    "malformed.md": malformed_page,
    "nonconformities.md": nonconformities_page,
    "refusals.md": refusals_page,
    "settings.md": settings_page,
}


def stale(folder: Path = FOLDER) -> list[str]:
    """The pages that are missing or differ from what the code says now."""
    return [name for name, page in PAGES.items() if _read(folder / name) != page()]


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or with `--check` say which are stale."""
    if list(arguments) == ["--check"]:
        names = stale()
        for name in names:
            print(f"{FOLDER / name} is stale: run `make docs`", file=sys.stderr)
        return 1 if names else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in stale():
        (FOLDER / name).write_text(PAGES[name](), encoding="utf-8")
        print(f"wrote {FOLDER / name}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
