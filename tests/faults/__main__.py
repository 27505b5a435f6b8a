"""This file holds `python -m tests.faults`: break what can be broken, round after round, and see what is lost."""

import argparse
import secrets
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.faults import table
from tests.faults.plan import planned
from tests.faults.rounds import Run
from tests.faults.servers import running_servers

ROUNDS, MORE = 100, 8


@contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    """Where everything is: the folder that was named, which stays, or one that goes."""
    if kept is not None:
        kept.mkdir(parents=True)
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="bl-faults-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0; 1 when anything was lost, doubled, reordered or wrong, or a kind of fault never happened."""
    given = _parser().parse_args(arguments)
    seed = secrets.randbelow(1_000_000) if given.seed is None else given.seed
    plan = planned(given.rounds, seed)
    print(f"seed {seed}, {len(plan)} rounds", flush=True)
    with _folder(given.keep) as folder, running_servers(folder) as servers:
        ran = Run(servers, seed, lambda line: print(line, flush=True)).through(plan, MORE)
    table.put(ran, seed)
    return int(bool(ran.found) or bool(ran.never()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m tests.faults",
        description="Every kind of fault must happen at least once: that takes 20 rounds or a few more.",
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N", help=f"how many ({ROUNDS})")
    parser.add_argument("--seed", type=int, metavar="S", help="plan the same faults again")
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="ledgers, views and logs in a new folder that stays"
    )
    return parser


if __name__ == "__main__":
    # Told to end, it leaves no server behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
