"""This file holds what a long-running process tells of itself: GET /health, GET /metrics, and its log.

Metrics are Prometheus'; their names are in docs/reference/kafka.md. The log is one JSON object a line on standard
error, with an event, its level and the instant.
"""

import json
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, disable_created_metrics, make_wsgi_app

disable_created_metrics()  # type: ignore[no-untyped-call]

Health = Callable[[], tuple[bool, Mapping[str, Any]]]
"""Whether the process does its work, and what it says of itself."""
METRICS: dict[str, tuple[str, tuple[str, ...]]] = {
    "bloodledger_position": ("Position of the last fact: stored, relayed, or complete in the view.", ("of",)),
    "bloodledger_lag_facts": ("Facts that are there and not yet dealt with.", ("of",)),
    "bloodledger_lag_seconds": ("Age of the oldest fact that is not yet dealt with; 0 when none is.", ("of",)),
    "bloodledger_state": ("1 for the state the process is in.", ("state",)),
    "bloodledger_parked_records": ("Records nobody could read, put aside for a person.", ()),
    "bloodledger_waiting_facts": ("Facts that wait because one of their donation is parked.", ()),
    "bloodledger_stopped_partitions": ("Partitions that stand still: a gap, or an altered or forked chain.", ()),
    "bloodledger_unsent_rows": ("Rows of the stock that are not yet on its topic.", ()),
    "bloodledger_facts_total": ("Facts dealt with by this process.", ()),
    "bloodledger_duplicates_total": ("Records that came once more and were dropped.", ()),
    "bloodledger_failures_total": ("Times the broker or the database was away.", ()),
}


def logger() -> Any:
    """A log of one JSON object a line."""
    return structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )


class Metrics:
    """The metrics of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._kept: dict[str, Gauge | Counter] = {}
        for name, (meaning, labels) in METRICS.items():
            kind = Counter if name.endswith("_total") else Gauge
            self._kept[name] = kind(name, meaning, labels, registry=self.registry)

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge."""
        gauge = self._kept[f"bloodledger_{name}"]
        assert isinstance(gauge, Gauge)
        (gauge.labels(**labels) if labels else gauge).set(value)

    def count(self, name: str, more: int) -> None:
        """Add to a counter."""
        counter = self._kept[f"bloodledger_{name}_total"]
        assert isinstance(counter, Counter)
        counter.inc(more)


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Who asks how we are is no event."""


@contextmanager
def answering(at: tuple[str, int] | None, health: Health, metrics: Metrics) -> Iterator[int | None]:
    """While inside, answer GET /health (200 or 503) and GET /metrics there; the port, None when nothing is asked for.

    Errors: OSError when the address cannot be had.
    """
    if at is None:
        yield None
        return
    shown = make_wsgi_app(metrics.registry)

    def application(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/metrics":
            answer: Iterable[bytes] = shown(environ, start)
            return answer
        well, said = health()
        found = environ["PATH_INFO"] == "/health"
        status = "404 Not Found" if not found else "200 OK" if well else "503 Service Unavailable"
        body = json.dumps({"ok": well, **said} if found else {"ask": ["/health", "/metrics"]}, ensure_ascii=False)
        start(status, [("Content-Type", "application/json; charset=utf-8")])
        return [body.encode()]

    server: WSGIServer = make_server(*at, application, handler_class=_Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
