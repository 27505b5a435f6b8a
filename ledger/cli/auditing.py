"""This file holds the commands of an auditor: `ask` and `recall`."""

import time
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from ledger.cli.asking import CATCH_UP, caught_up, component_names
from ledger.cli.door import Session, command, leave, option, wrong_usage
from ledger.cli.faults import NO
from ledger.cli.instants import Instant, at_option, in_window, known_at_option, must_not_be_ahead, window_options
from ledger.cli.keeping import earlier_output, verified
from ledger.cli.unanswered import answering, put_nothing
from ledger.screen.ask import put_answer, put_questions, put_then_and_now
from ledger.screen.ask_words import QUESTIONS as QUESTION_WORDS
from ledger.screen.console import Progress, progress, put_json

if TYPE_CHECKING:
    from ledger.wiring import Ledger
    from projections.queries.asking import Question
    from projections.queries.subjects import Window

Answer = dict[str, Any]

VERIFY, MESSAGES = ("n", "nothing_removed"), ("r", "open_messages")
"""Letter and name of the questions that views do not answer: one is `verify`, of the other there are no facts yet."""
TIMES = ("known_at", "at")
"""Options of every question that is put to the views."""
HEARD = {"progress", "mandatory"}
"""Options that are no matter of whoever asks."""
EXAMPLES = {
    "a": "A999926123456=E0336V00",
    "b": "A999926123456=E0336V00",
    "c": "A999926123456",
    "d": "A999926123456=E2807V00",
    "e": "donor:D-1 --since 2026-03-01T00:00:00+08:00",
    "f": "patient:P-1",
    "g": "--days 14",
    "l": "A999926123456=E0336V00 --known-at 2026-03-01T08:00:00+08:00",
    "m": "lot:filter:F-2026-17",
    "n": "--since earlier.json",
    "o": "",
    "p": "",
    "q": "lot:filter:F-2026-17",
}
"""What is put behind the letter to ask rightly; any subject does where none stands here."""
ANY_SUBJECT = "A999926123456"


class Known(NamedTuple):
    """A question as the command line knows it."""

    letter: str
    name: str
    subjects: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    optional: bool = False
    """Whether it may do without a subject."""

    def as_dict(self) -> Answer:
        en, zh = QUESTION_WORDS[self.letter]
        told = {"subjects": list(self.subjects), "options": list(self.options)}
        return {"question": self.letter, "name": self.name, **told, "en": en, "zh": zh}


@command(
    "ask",
    click.Argument(["question"], required=False, metavar="QUESTION"),
    click.Argument(["subject"], required=False, metavar="SUBJECT"),
    option("--since", words="since_or_file", metavar="RFC 3339|FILE"),
    option("--until", type=Instant()),
    option("--days", type=click.FloatRange(0, 36_500), metavar="DAYS"),
    option("--leg", type=click.Choice(["to_facility", "to_patient", "distributed", "arrived", "issued"])),
    option("--facility"),
    known_at_option(),
    at_option(),
    option(CATCH_UP, default=True),
)
def ask(session: Session, question: str | None, subject: str | None, catch_up: bool, **given: Any) -> None:
    from projections.queries.questions import QUESTIONS

    every = _every(QUESTIONS)
    if question is None:
        put_json([each.as_dict() for each in every]) if session.as_json() else put_questions(
            session.say, [each.as_dict() for each in every]
        )
        return
    known = _named(session, every, question)
    options = {key: value for key, value in given.items() if value is not None}
    _must_fit(session, known, subject, options)
    if known.letter == VERIFY[0]:
        _verify(session, options.get("since"))
    elif known.letter == MESSAGES[0]:
        nothing: Answer = {"question": known.letter, "name": known.name, "subject": subject, "rows": []}
        put_nothing(session, nothing, "not_yet", session.say("ask.not_yet"))
    else:
        asked = next(each for each in QUESTIONS if each.letter == known.letter)
        _put(session, asked, subject, _timed(session, options), catch_up)


def _every(questions: "Iterable[Question]") -> list[Known]:
    """All questions by letter, also the two that the views do not answer."""
    found = [
        Known(
            each.letter,
            each.name,
            each.subjects,
            (*sorted(set(each.options) - HEARD), *TIMES),
            "ledger" in each.subjects,
        )
        for each in questions
    ]
    return sorted([*found, Known(*VERIFY, options=("since",)), Known(*MESSAGES)])


# -- asked rightly? ----------------------------------------------------------------------------------------


def _named(session: Session, every: list[Known], question: str) -> Known:
    for each in every:
        if question in (each.letter, each.name):
            return each
    known = ", ".join(f"{each.letter} {each.name}" for each in every)
    raise wrong_usage(session, session.say("ask.unknown", question=question, known=known))


def _must_fit(session: Session, known: Known, subject: str | None, options: Answer) -> None:
    say, letter = session.say, known.letter
    example = EXAMPLES.get(letter, ANY_SUBJECT)
    if subject is None and known.subjects and not known.optional:
        subjects = ", ".join(known.subjects)
        raise wrong_usage(session, say("ask.subject_missing", letter=letter, subjects=subjects, example=example))
    if subject is not None and known.subjects and _is_of_another_kind(known, subject):
        subjects = ", ".join(known.subjects)
        raise wrong_usage(session, say("ask.subject_missing", letter=letter, subjects=subjects, example=example))
    if subject is not None and not known.subjects:
        raise wrong_usage(session, say("ask.subject_needless", letter=letter, subject=subject))
    for needless in sorted(options.keys() - set(known.options)):
        taken = ", ".join(map(_switch, known.options)) or "—"
        raise wrong_usage(session, say("ask.option_needless", letter=letter, option=_switch(needless), known=taken))


def _is_of_another_kind(known: Known, subject: str) -> bool:
    """Whether a subject names its kind, and the question is about others."""
    from projections.queries.subjects import STARTS

    noun, colon, _ = subject.partition(":")
    return bool(colon) and noun in STARTS and noun not in {each.partition(":")[0] for each in known.subjects}


def _switch(option: str) -> str:
    return f"--{option.replace('_', '-')}"


def _verify(session: Session, since: str | None) -> None:
    """The question that is `verify`. Errors: Told when there is no such file."""
    try:
        text = None if since is None else Path(since).read_bytes()
    except OSError as error:
        raise wrong_usage(session, session.say("verify.bad_since", why=f"{since}: {error.strerror}")) from None
    verified(session, None if text is None else earlier_output(session, text, str(since)))


def _timed(session: Session, options: Answer) -> Answer:
    """The options, `since` read as the instant it is here."""
    if "since" not in options:
        return options
    return {**options, "since": Instant().convert(options["since"], None, click.get_current_context())}


# -- put to the views --------------------------------------------------------------------------------------


def _put(session: Session, question: "Question", subject: str | None, options: Answer, catch_up: bool) -> None:
    from projections.queries.asking import ask as answered

    say, at, known_at = session.say, options.pop("at", None), options.pop("known_at", None)
    nothing: Answer = {"question": question.letter, "name": question.name, "subject": subject, "rows": []}
    with session.open() as ledger:
        must_not_be_ahead(session, ledger, known_at)
        caught_up(ledger, say, catch_up)
        with answering(session, subject or "", nothing), progress(say("progress.ask")) as tell:
            begun = time.monotonic()
            more = _heard(ledger, question, tell)
            answer = answered(ledger.views, question, subject, at or ledger.now(), known_at, **options, **more)
            seconds = f"{time.monotonic() - begun:.3f}"
        if question.letter == "q":
            answer["seconds"] = seconds
        _put_answer(session, ledger, answer, options)
    leave(NO if answer["summary"].get("differing") else 0)


def _heard(ledger: "Ledger", question: "Question", tell: Progress) -> Answer:
    """What a question takes that nobody types."""
    known: Answer = {"progress": tell, "mandatory": ledger.mandatory}
    return {name: each for name, each in known.items() if name in question.options}


def _put_answer(session: Session, ledger: "Ledger", answer: Answer, options: Answer) -> None:
    if session.as_json():
        put_json(answer)
        return
    from projections.decode import instant_text, micros_of

    said = {**answer, "options": {**options}}
    for key in options.keys() & {"since", "until"}:
        said["options"][key] = instant_text(micros_of(options[key]))
    put_answer(session.say, said, component_names(ledger, session.say))


@command(
    "recall",
    click.Argument(["subject"], metavar="SUBJECT"),
    *window_options(),
    known_at_option(),
    at_option(),
    option(CATCH_UP, default=True),
)
def recall(session: Session, subject: str, catch_up: bool, **how: Any) -> None:
    say, known_at = session.say, how["known_at"]
    nothing: Answer = {"question": "recall", "subject": subject, "rows": []}
    with session.open() as ledger:
        must_not_be_ahead(session, ledger, known_at)
        caught_up(ledger, say, catch_up)
        with answering(session, subject, nothing), progress(say("progress.ask")):
            begun, window = time.monotonic(), in_window(session, how["since"], how["until"])
            answer = _recalled(ledger, subject, how["at"] or ledger.now(), known_at, window)
            answer["seconds"] = f"{time.monotonic() - begun:.3f}"
        if session.as_json():
            put_json(answer)
        elif known_at is None:
            put_answer(say, answer, component_names(ledger, say))
        else:
            put_then_and_now(say, answer, component_names(ledger, say))


def _recalled(ledger: "Ledger", subject: str, at: datetime, known_at: datetime | None, window: "Window") -> Answer:
    """The recall as known now; with a recorded time, as known then and now, and the difference."""
    from projections.queries.recall import recall_then_and_now, recalled

    if known_at is None:
        return recalled(ledger.views, subject, at, window)
    return recall_then_and_now(ledger.views, subject, at, known_at, window)
