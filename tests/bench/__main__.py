"""This file holds `python -m tests.bench`: measures every row, or those that are named, and shows the table."""

import argparse
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter

from tests.bench import machine, table
from tests.bench.figures import Line
from tests.bench.rows import ROWS, Row
from tests.bench.workbench import DEFAULT, FULL, TINY, Sizes, Workbench


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0, also when a goal is missed; 1 when a row failed; 2 when it was called wrongly."""
    given = _parser().parse_args(arguments)
    try:
        wanted = chosen(given.row)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    sizes = TINY if given.tiny else FULL if given.full else DEFAULT
    return run(wanted, sizes, given.json)


def _parser() -> argparse.ArgumentParser:
    names = ", ".join(row.name for row in ROWS)
    parser = argparse.ArgumentParser("python -m tests.bench", description=f"Rows: {names}.")
    parser.add_argument("--row", action="append", default=[], metavar="NAME", help="only this row; may be repeated")
    parser.add_argument("--full", action="store_true", help="also at 10 million facts (an hour and more)")
    parser.add_argument("--tiny", action="store_true", help="only whether every row runs; the figures mean nothing")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the run to this file, too")
    return parser


def chosen(names: Sequence[str]) -> list[Row]:
    """The rows of these names, all when there are none. Errors: ValueError, which names the rows there are."""
    known = {row.name: row for row in ROWS}
    unknown = [name for name in names if name not in known]
    if unknown:
        rows = "\n".join(f"  {row.name:20} {row.about}" for row in ROWS)
        raise ValueError(f"no row is called {', '.join(unknown)}; the rows are:\n{rows}")
    return [known[name] for name in dict.fromkeys(names)] or list(ROWS)


def run(rows: Sequence[Row], sizes: Sizes, json: Path | None = None) -> int:
    """Measure, show, and write where asked."""
    lines: list[Line] = []
    with Workbench(sizes, lambda text: print(f"  {text}", file=sys.stderr, flush=True)) as bench:
        described = machine.described(bench.folder)
        begin = perf_counter()
        for row in rows:
            lines += _timed(row, bench)
        described = machine.with_server(described, bench.running)
        described["seconds"] = round(perf_counter() - begin, 1)
    table.put(lines, described)
    if json is not None:
        table.write(json, table.as_json(lines, described))
    return int(any(line.failed for line in lines))


def _timed(row: Row, bench: Workbench) -> list[Line]:
    print(f"{row.name}: {row.about} …", file=sys.stderr, flush=True)
    begin = perf_counter()
    lines = list(_safely(row, bench))
    print(f"  {perf_counter() - begin:.1f} s", file=sys.stderr, flush=True)
    return lines


def _safely(row: Row, bench: Workbench) -> Iterator[Line]:
    """The row's lines; what goes wrong becomes a line that says so, and the other rows go on."""
    try:
        yield from row.measure(bench)
    except Exception as error:
        traceback.print_exc()
        yield Line(row.name, row.about, None, failed=f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    # Told to end, it leaves neither gigabytes nor a server behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
