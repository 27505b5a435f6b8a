"""This file holds the commands about Kafka: `topics`, `relay`, `project` and `parked`."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from ledger.cli.door import Session, command, leave, option, wrong_usage
from ledger.cli.faults import NO
from ledger.screen.console import put_json
from ledger.screen.streamed import put_parked, put_projected, put_relayed, put_topics

if TYPE_CHECKING:
    from ledger.relay.sending import Progress


@command(
    "topics",
    option("--partitions", type=click.IntRange(1, 1000)),
    option("--replication", type=click.IntRange(1, 15)),
)
def topics(session: Session, partitions: int | None, replication: int | None) -> None:
    from ledger.relay.topics import make_topics
    from ledger.streaming import admin_options

    found = [each._asdict() for each in make_topics(admin_options(session.settings), partitions, replication)]
    if session.as_json():
        put_json(found)
    else:
        put_topics(session.say, found)


@command(
    "relay",
    option("--until-caught-up", is_flag=True),
    option("--recheck", is_flag=True),
)
def relay(session: Session, until_caught_up: bool, recheck: bool) -> None:
    from ledger.streaming import relayed
    from ledger.watching.health import answering
    from ledger.watching.relaying import RelayWatch

    with session.open() as ledger, stopped_by_signal() as stop:
        watch = RelayWatch(quiet=until_caught_up)
        with answering(session.settings.http, watch.health, watch.metrics):
            relayed(ledger, watch.tell, stop, until_caught_up, recheck)
        _put_relayed(session, watch.last)


def _put_relayed(session: Session, last: "Progress | None") -> None:
    said: dict[str, Any] = {"position": 0, "sent": 0, "behind": 0}
    if last is not None:
        said = {"position": last.position, "sent": last.sent, "behind": last.behind}
    if session.as_json(in_pipes=True):
        put_json(said)
    else:
        put_relayed(session.say, said)


@command(
    "project",
    option("--until-caught-up", is_flag=True),
    option("--of", "of_ledger", metavar="LEDGER_ID"),
    option("--group", metavar="NAME", words="consumer_group"),
    option("--stock/--no-stock", default=True, words="stock_topic"),
)
def project(session: Session, until_caught_up: bool, of_ledger: str | None, group: str | None, stock: bool) -> None:
    from ledger.streaming import Wanted, own_ledger, projected, watch_of
    from ledger.watching.health import answering

    settings = session.settings
    with stopped_by_signal() as stop, watch_of(settings, quiet=until_caught_up) as watch:
        with answering(settings.http, watch.health, watch.metrics):
            wanted = Wanted(of_ledger or own_ledger(settings), group, stock, until_caught_up)
            standing = projected(settings, wanted, watch, stop)
        said = {
            "position": watch.position(),
            "applied": 0 if watch.last is None else watch.last.applied,
            "duplicates": 0 if watch.last is None else watch.last.duplicates,
            "standing": [{"place": str(place), **why._asdict()} for place, why in sorted(standing.items())],
        }
    if session.as_json(in_pipes=True):
        put_json(said)
    else:
        put_projected(session.say, said)
    leave(NO if standing else 0)


@command(
    "parked",
    option("--retry", is_flag=True),
    option("--dismiss", metavar="TOPIC/PARTITION:OFFSET"),
    option("--reason", metavar="TEXT", words="dismiss_reason"),
)
def parked(session: Session, retry: bool, dismiss: str | None, reason: str | None) -> None:
    from ledger.streaming import dismissed, parked_of, retried

    settings = session.settings
    if dismiss is not None:
        if not reason:
            raise wrong_usage(session, session.say("parked.reason_missing"))
        place, _, offset = dismiss.rpartition(":")
        topic, _, partition = place.rpartition("/")
        if not (topic and partition.isdecimal() and offset.isdecimal()):
            raise wrong_usage(session, session.say("parked.no_place", found=dismiss))
        if not dismissed(settings, topic, int(partition), int(offset), reason):
            raise wrong_usage(session, session.say("parked.no_such", found=dismiss))
    if retry:
        retried(settings)
    said = parked_of(settings)
    if session.as_json(in_pipes=True):
        put_json(said)
    else:
        put_parked(session.say, said)
    leave(NO if any(said.values()) else 0)


@contextmanager
def stopped_by_signal() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set: what is under way is finished, and the process ends by itself."""
    stop = threading.Event()
    before = {each: signal.signal(each, lambda *_: stop.set()) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
