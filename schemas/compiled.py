"""This file holds the compiler from a schema to a Python reader and a Python writer of its binary encoding.

Why beside fastavro: it walks the schema for every value, which costs several times as much as straight-line
code on our facts. A test proves both equal, byte for byte, for every schema. Only what our schemas use is here:
long, int, boolean, string, bytes, fixed, record, array, and the union of null and one other type.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any

from schemas import binary
from schemas.errors import SchemaError

Read = Callable[[bytes, int], tuple[Any, int]]
"""From bytes and where to begin, to the value and where it ends."""
Write = Callable[[Any, Any], bytes]
"""From a value whose attributes are the fields, and a sealer, to bytes."""
Make = Callable[[str, Mapping[str, str]], str]
"""From a record's full name and its fields' variables, to the expression that makes its value."""

SEALED = "bloodledger.Sealed"
SHARED = "bloodledger.Occasion"
"""The record that all facts of a command share: it is written once, and its bytes are taken again."""
PASSED_OVER = "passed over"
"""The type that `only` gives to a field nobody wants: its bytes are passed over."""


def as_dict(_: str, variables: Mapping[str, str]) -> str:
    """Makes every record a dict."""
    return "{" + ", ".join(f"{name!r}: {variable}" for name, variable in variables.items()) + "}"


def only(schema: Mapping[str, Any], wanted: Collection[str]) -> Mapping[str, Any]:
    """The schema cut down to some fields (`donor`, `occasion.by`): a reader of it stops behind the last one.

    Errors: KeyError when the schema has no such field.
    """
    if missing := set(wanted) - {name for field in schema["fields"] for name in _names(field)}:
        raise KeyError(f"{schema['name']} has no field {', '.join(sorted(missing))}")
    return _cut(schema, wanted, "")


def _names(field: Mapping[str, Any]) -> Iterator[str]:
    yield field["name"]
    inner = field["type"]
    if isinstance(inner, dict) and inner["type"] == "record":
        yield from (f"{field['name']}.{each['name']}" for each in inner["fields"])


def _cut(schema: Mapping[str, Any], wanted: Collection[str], path: str) -> Mapping[str, Any]:
    fields, last = [], 0
    for field in schema["fields"]:
        name, kind = path + field["name"], field["type"]
        if any(each.startswith(f"{name}.") for each in wanted):
            kind = _cut(kind, wanted, f"{name}.")
        elif name not in wanted:
            kind = {"type": PASSED_OVER, "of": kind}
        fields.append({**field, "type": kind})
        if kind is field["type"] or kind["type"] != PASSED_OVER:
            last = len(fields)
    # A record inside is read to its end: what comes behind it may be wanted.
    return {**schema, "fields": fields if path else fields[:last]}


def compile_reader(schema: Mapping[str, Any], make: Make, names: Mapping[str, Any], logical: bool) -> Read:
    """A reader of one schema; `names` are those that the expressions of `make` use."""
    code = _Reading(make, logical)
    code.value(schema, "value", 1)
    source = "\n".join(["def read(data, at):", *code.lines, "    return value, at"])
    return _function(source, "read", schema, names)  # type: ignore[no-any-return]


_LAST_SHARED: list[tuple[object, bytes]] = [(None, b"")]
"""The shared record that was written last, and its bytes; a pair, so that another thread changes both or neither."""


def compile_writer(schema: Mapping[str, Any], header: bytes, renamed: Mapping[str, str]) -> Write:
    """A writer of one schema; `renamed` says which fields are attributes of another name."""
    code = _Writing(renamed)
    code.value(schema, "value", 1, "''")
    source = "\n".join(
        [
            "def write(value, seal):",
            "    fact = value",
            "    out = bytearray(HEADER)",
            *code.lines,
            "    return bytes(out)",
        ]
    )
    return _function(source, "write", schema, {"HEADER": header, "LAST_SHARED": _LAST_SHARED})  # type: ignore[no-any-return]


def _function(source: str, name: str, schema: Mapping[str, Any], names: Mapping[str, Any]) -> Any:
    scope: dict[str, Any] = {**vars(binary), "SchemaError": SchemaError, **names}
    exec(compile(source, f"<{name} {schema['name']}>", "exec"), scope)  # our own schema files, never input
    return scope[name]


class _Lines:
    """Lines of source, the named types met so far, and fresh variable names."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._named: dict[str, Any] = {}
        self._count = 0

    def put(self, depth: int, *lines: str) -> None:
        self.lines += ["    " * depth + line for line in lines]

    def fresh(self, stem: str) -> str:
        self._count += 1
        return f"{stem}{self._count}"

    def resolved(self, part: Any) -> Any:
        """A type with its definition in place of its name."""
        if isinstance(part, str):
            return self._named.get(part, {"type": part})
        if isinstance(part, dict) and "name" in part:
            self._named[part["name"]] = part
        return part


class _Reading(_Lines):
    """Source that leaves a value in a variable and moves `at` behind it.

    What one value costs is a call, so single values are read in place while they are short, and by the functions of
    `binary` otherwise. `n & 129` is zero for a length below 64, which is one byte.
    """

    def __init__(self, make: Make, logical: bool) -> None:
        super().__init__()
        self._make, self._logical = make, logical

    def value(self, part: Any, target: str, depth: int) -> None:
        part = self.resolved(part)
        if isinstance(part, list):
            self._optional(part[1], target, depth)
        elif part["type"] == PASSED_OVER:
            self._over(part["of"], depth)
        elif part.get("logicalType") == "timestamp-micros":
            self._time(target, depth)
        elif part.get("logicalType") == "decimal" and self._logical:
            self._run_of_bytes(target, "decimal_of({})", depth)
        else:
            getattr(self, f"_{part['type']}")(part, target, depth)

    def _optional(self, inner: Any, target: str, depth: int) -> None:
        self.put(depth, "n = data[at]", "at += 1", "if n == 0:", f"    {target} = None", "elif n == 2:")
        self.value(inner, target, depth + 1)
        self.put(depth, "else:", "    raise bad_branch(n)")

    def _time(self, target: str, depth: int) -> None:
        short, long = ("time_of", "read_time") if self._logical else ("micros_of", "read_micros")
        self.put(depth, f"{target} = {short}(data[at : at + 8])", f"if {target} is None:")
        self.put(depth, f"    {target}, at = {long}(data, at)", "else:", "    at += 8")

    def _long(self, _: Any, target: str, depth: int) -> None:
        self.put(depth, "n = data[at]", "if n < 128:", f"    {target} = (n >> 1) ^ -(n & 1)", "    at += 1")
        self.put(depth, "elif data[at + 1] < 128:", "    n = n & 127 | data[at + 1] << 7")
        self.put(depth + 1, f"{target} = (n >> 1) ^ -(n & 1)", "at += 2")
        self.put(depth, "else:", f"    {target}, at = read_long(data, at)")

    _int = _long

    def _boolean(self, _: Any, target: str, depth: int) -> None:
        self.put(depth, f"{target} = BOOLEANS[data[at]]", "at += 1")

    def _fixed(self, part: Any, target: str, depth: int) -> None:
        self.put(depth, f"{target} = data[at : at + {part['size']}]", f"at += {part['size']}")

    def _string(self, _: Any, target: str, depth: int) -> None:
        self._run_of_bytes(target, "{}.decode()", depth)

    def _bytes(self, _: Any, target: str, depth: int) -> None:
        self._run_of_bytes(target, "{}", depth)

    def _run_of_bytes(self, target: str, form: str, depth: int) -> None:
        """Bytes behind their length, which stands there doubled; one of two bytes is read in place, too."""
        self.put(depth, "n = data[at]", "at += 1", "if n & 129:")
        self.put(depth + 1, "if not n & 1 and data[at] < 128:", "    n = n & 127 | data[at] << 7", "    at += 1")
        self.put(depth + 1, "else:", "    n, at = read_size(data, at - 1)", "    n += n")
        self.put(depth, "end = at + (n >> 1)", f"{target} = {form.format('data[at:end]')}", "at = end")

    def _array(self, part: Any, target: str, depth: int) -> None:
        items, count, item = self.fresh("items"), self.fresh("count"), self.fresh("item")
        self.put(depth, f"{target} = ()", "if data[at] == 0:", "    at += 1", "else:")
        self.put(depth + 1, f"{items} = []", f"{count}, at = read_size(data, at)", f"while {count}:")
        self.put(depth + 2, f"for _ in range({count}):")
        self.value(part["items"], item, depth + 3)
        self.put(depth + 3, f"{items}.append({item})")
        self.put(depth + 2, f"{count}, at = read_size(data, at)")
        self.put(depth + 1, f"{target} = tuple({items})")

    def _record(self, part: Any, target: str, depth: int) -> None:
        named = [(field["name"], field["type"], self.fresh("v")) for field in part["fields"]]
        self._fields([(each, variable) for _, each, variable in named], depth)
        variables = {name: variable for name, each, variable in named if not _passed_over(each)}
        self.put(depth, f"{target} = {self._make(part['name'], variables)}")

    def _over(self, part: Any, depth: int) -> None:
        """Move `at` behind a value."""
        part = self.resolved(part)
        if isinstance(part, list):
            self.put(depth, "n = data[at]", "at += 1", "if n == 2:")
            self._over(part[1], depth + 1)
            self.put(depth, "elif n:", "    raise bad_branch(n)")
        elif part["type"] == "record":
            for field in part["fields"]:
                self._over(field["type"], depth)
        elif part["type"] in ("string", "bytes"):
            self.put(depth, "n = data[at]", "at += 1")
            self.put(depth, "if n & 129:", "    n, at = read_size(data, at - 1)", "    n += n", "at += n >> 1")
        elif part["type"] in ("long", "int"):
            self.put(depth, "while data[at] > 127:", "    at += 1", "at += 1")
        elif part["type"] == "fixed":
            self.put(depth, f"at += {part['size']}")
        else:
            self.value(part, "_", depth)

    def _fields(self, fields: Sequence[tuple[Any, str]], depth: int) -> None:
        """Fields in a row. Most that may be left out are: where several are, one comparison with zeros tells."""
        for index, (part, name) in enumerate(fields):
            empty = [*takewhile(bool, (self._empty(each) for each, _ in fields[index:]))]
            if len(empty) > 2:
                run = fields[index : index + len(empty)]
                self.put(depth, f"if data[at : at + {len(run)}] == {bytes(len(run))!r}:", f"    at += {len(run)}")
                self.put(depth + 1, *(f"{name} = {value}" for (_, name), value in zip(run, empty, strict=True)))
                self.put(depth, "else:")
                self.value(part, name, depth + 1)
                self._fields(run[1:], depth + 1)
                self._fields(fields[index + len(run) :], depth)
                return
            self.value(part, name, depth)

    def _empty(self, part: Any) -> str | None:
        """What a single zero byte stands for in a type that may be left out."""
        part = self.resolved(part["of"] if _passed_over(part) else part)
        return "None" if isinstance(part, list) else "()" if part["type"] == "array" else None


def _passed_over(part: Any) -> bool:
    return isinstance(part, dict) and part["type"] == PASSED_OVER


class _Writing(_Lines):
    """Source that appends the encoding of an expression to `out`. `path` is the expression naming a sealed text."""

    def __init__(self, renamed: Mapping[str, str]) -> None:
        super().__init__()
        self._renamed = renamed

    def value(self, part: Any, source: str, depth: int, path: str) -> None:
        part = self.resolved(part)
        if isinstance(part, list):
            self.put(depth, f"if {source} is None:", "    out.append(0)", "else:", "    out.append(2)")
            self.value(part[1], source, depth + 1, path)
        elif part.get("logicalType") == "timestamp-micros":
            self.put(depth, f"out += write_micros(micros({source}))")
        elif part.get("logicalType") == "decimal":
            self.put(depth, f"out += write_decimal({source})")
        else:
            getattr(self, f"_{part['type']}")(part, source, depth, path)

    def _long(self, _: Any, source: str, depth: int, __: str) -> None:
        self.put(depth, f"out += write_long({source})")

    def _int(self, _: Any, source: str, depth: int, __: str) -> None:
        self.put(depth, f"out += SMALL[{source}] if 0 <= {source} < 64 else write_int({source})")

    def _boolean(self, _: Any, source: str, depth: int, __: str) -> None:
        self.put(depth, f"out.append(1 if {source} else 0)")

    def _fixed(self, part: Any, source: str, depth: int, _: str) -> None:
        self.put(depth, f"out += write_fixed({source}, {part['size']})")

    def _string(self, _: Any, source: str, depth: int, __: str) -> None:
        self.put(depth, f"b = {source}.encode()")
        self._sized(depth)

    def _bytes(self, _: Any, source: str, depth: int, __: str) -> None:
        self.put(depth, f"b = {source}")
        self._sized(depth)

    def _sized(self, depth: int) -> None:
        self.put(depth, "n = len(b)", "out += SMALL[n] if n < 64 else write_long(n)", "out += b")

    def _array(self, part: Any, source: str, depth: int, path: str) -> None:
        index, item = self.fresh("index"), self.fresh("item")
        self.put(depth, f"if {source}:", f"    out += write_long(len({source}))")
        self.put(depth + 1, f"for {index}, {item} in enumerate({source}):")
        self.value(part["items"], item, depth + 2, f"{path} + '.' + str({index})")
        self.put(depth, "out.append(0)")

    def _record(self, part: Any, source: str, depth: int, path: str) -> None:
        if part["name"] == SHARED:
            self.put(depth, "known, same = LAST_SHARED[0]", f"if known is {source}:", "    out += same", "else:")
            self.put(depth + 1, "begin = len(out)")
            self._record_fields(part, source, depth + 1, path)
            self.put(depth + 1, f"LAST_SHARED[0] = ({source}, bytes(out[begin:]))")
            return
        if part["name"] == SEALED:
            self.put(depth, f"sealed = seal(fact, {path}, {source})")
            source = "sealed"
        self._record_fields(part, source, depth, path)

    def _record_fields(self, part: Any, source: str, depth: int, path: str) -> None:
        for field in part["fields"]:
            variable, name = self.fresh("v"), field["name"]
            # Only the fact's own fields are renamed, and only they begin a path.
            attribute = self._renamed.get(name, name) if source == "value" else name
            inner = repr(name) if source == "value" else path
            self.put(depth, f"{variable} = {source}.{attribute}")
            self.value(field["type"], variable, depth, inner)
