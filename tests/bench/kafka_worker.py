"""This file holds a projecting process that is measured: it answers each line on its standard input."""

import json
import sys
import threading
from time import process_time

from ledger.settings import read_settings
from ledger.streaming import Wanted, projected, watch_of
from ledger.watching.projecting import ProjectWatch


def main(ledger_id: str, group: str) -> None:
    """Project until standard input ends."""
    settings, stop = read_settings(), threading.Event()
    with watch_of(settings, quiet=True) as watch:
        threading.Thread(target=_answer, args=(watch, stop), daemon=True).start()
        projected(settings, Wanted(ledger_id, group), watch, stop)


def _answer(watch: ProjectWatch, stop: threading.Event) -> None:
    """How many partitions it has, and what CPU time it took so far. Unit: seconds."""
    for _ in sys.stdin:
        owned = 0 if watch.last is None else watch.last.owned
        print(json.dumps({"owned": owned, "cpu": process_time()}), flush=True)
    stop.set()


if __name__ == "__main__":
    main(*sys.argv[1:])
