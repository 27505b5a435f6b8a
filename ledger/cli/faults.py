"""This file holds how errors reach people: one line with what, where and what to do, and the exit code."""

import errno
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from ledger.screen.words import Say

if TYPE_CHECKING:
    from ledger.relay.port import PromiseBroken

NO, USAGE, FAULT = 1, 2, 3
"""Exit codes: the answer is no; the question was put wrongly; a fault outside, or a defect."""


class Told(click.ClickException):
    """An error that has its words and its exit code."""

    def __init__(self, say: Say, text: str, code: int) -> None:
        super().__init__(text)
        self._say = say
        vars(self)["exit_code"] = code  # click reads it from the instance, and types it as the class's

    def show(self, file: object = None) -> None:
        head = click.style(self._say("fault.error"), fg="red", bold=True)
        click.echo(f"{head}: {self.message}", err=True)


def told(say: Say, error: Exception) -> NoReturn:
    """Raise what people are told in place of an error. Errors: Told, always; a closed pipe stays what it is."""
    if isinstance(error, OSError) and error.errno == errno.EPIPE:
        raise error
    try:
        found = _about_kafka(say, error) or _outside(say, error)
    except (ImportError, SyntaxError):  # a broken installation: the errors we know cannot even be loaded
        found = None
    text, code = found or (_defect(say, error), FAULT)
    raise Told(say, text, code) from error


def _outside(say: Say, error: Exception) -> tuple[str, int] | None:
    """The words of an error that this program expects; None of one that it does not."""
    from eventsourcing.persistence import PersistenceError

    from ledger.data_files import BrokenFile
    from ledger.settings import BadSetting
    from ledger.store.faults import NoLedger
    from ledger.store.keys import KeyDestroyed
    from ledger.store.port import CommitUnknown
    from projections.readmodels.database import ViewsOutdated, ViewsUnavailable

    if isinstance(error, NoLedger):
        return say("fault.no_ledger", where=error.where), FAULT
    if isinstance(error, BadSetting):
        return say("fault.setting", name=error.name, found=error.found, expected=error.expected), USAGE
    if isinstance(error, BrokenFile):
        return say("fault.data_file", what=error.message(say.lang)), USAGE
    if isinstance(error, ViewsOutdated):
        was = "".join(error.details[:1])
        return say("fault.views_outdated", what=say(f"views.outdated.{error.why}", was=was)), FAULT
    if isinstance(error, ViewsUnavailable):
        return say("fault.views", what=error), FAULT
    if isinstance(error, KeyDestroyed):
        return say("fault.key_destroyed", subject=error.key_id), FAULT
    if isinstance(error, (PersistenceError, CommitUnknown)):
        return f"{say('fault.store', what=error)}; {say('fault.store_remedy')}", FAULT
    if isinstance(error, (OSError, MemoryError)):
        return say("fault.outside", what=str(error) or type(error).__name__), FAULT
    return None


def _about_kafka(say: Say, error: Exception) -> tuple[str, int] | None:
    """The words of an error about Kafka. Its client is loaded already, if there is such an error."""
    if "kafka" not in sys.modules:
        return None
    from ledger.relay.port import PromiseBroken, TopicForked, TransportAway
    from projections.letterbox.consuming import KafkaAway, SeveralLedgers
    from projections.letterbox.publishing import PublishingFailed
    from projections.letterbox.replaying import ChainBroken
    from projections.readmodels.delivering import ViewsFedOtherwise

    if isinstance(error, TransportAway | KafkaAway):
        return say("fault.transport", what=error), FAULT
    if isinstance(error, PublishingFailed):
        return say("fault.publishing", what=error), FAULT
    if isinstance(error, TopicForked):
        return say("fault.forked", place=error.place, number=error.number), NO
    if isinstance(error, PromiseBroken):
        return say("fault.promise", topic=error.topic, why=_promise(say, error)), NO
    if isinstance(error, ChainBroken):
        still = error.standstill
        numbers = f"{still.missing}–{still.missing_to}"
        return say(f"standing.{still.why}", place=error.place, numbers=numbers), NO
    if isinstance(error, SeveralLedgers):
        return say("fault.several_ledgers", ledgers=", ".join(error.ledgers)), USAGE
    if isinstance(error, ViewsFedOtherwise):
        return say("fault.fed_otherwise", where=error.where), USAGE
    return None


def _promise(say: Say, error: "PromiseBroken") -> str:
    key = f"promise.{error.why}" if error.why in ("missing", "partitions") else "promise.setting"
    return say(key, why=error.why, found=error.found, expected=error.expected)


def _defect(say: Say, error: Exception) -> str:
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    place = "?" if last is None else f"{Path(last.tb_frame.f_code.co_filename).name}:{last.tb_lineno}"
    return say("fault.defect", what=f"{type(error).__name__}: {error}", place=place)
