"""This file holds how an answer to a question is shown: a sentence, tables, and what the answer is complete up to."""

from collections.abc import Iterable, Mapping, Sequence
from string import Formatter
from typing import Any

import click

from ledger.screen.ask_words import COUNTED, NOTHING_OF, QUIET, SENTENCES
from ledger.screen.cells import cell
from ledger.screen.console import columns
from ledger.screen.numbers import Name, moment
from ledger.screen.rows import put_rows
from ledger.screen.words import Say

Answer = Mapping[str, Any]
HEAD = frozenset({"question", "name", "subject", "ledger", "position", "known_at", "at", "complete_to", "digest",
                  "summary", "rows", "options", "seconds", "code", "message"})  # fmt: skip
"""What is no further list."""


def put_answer(say: Say, answer: Answer, name: Name) -> None:
    """An answer for people; `question` in it says by which words."""
    click.echo(sentence(say, answer, name))
    put_tables(say, answer, name)
    click.echo("\n" + click.style(complete(say, answer), dim=True))


def put_tables(say: Say, answer: Answer, name: Name) -> None:
    """The rows of an answer, then its further lists, each under its heading."""
    if answer["rows"]:
        click.echo()
        put_rows(say, answer["rows"], name, columns())
    for key, rows in answer.items():
        if key not in HEAD and isinstance(rows, list) and rows:
            heading = say.known(f"ask.heading.{key}", key)
            click.echo("\n" + click.style(heading, bold=True))
            put_rows(say, rows, name, columns())


# -- the sentence ------------------------------------------------------------------------------------------


def sentence(say: Say, answer: Answer, name: Name) -> str:
    """What the answer comes to, in whole sentences; one of which a detail is not known is not said."""
    letter, known = answer["question"], _known(answer)
    keys = [f"ask.{letter}.sentence.{number}" for number in range(len(SENTENCES[letter]))]
    nothing = letter in NOTHING_OF and known.get(NOTHING_OF[letter]) == 0
    if nothing:
        keys[0] = f"ask.{letter}.none"
    details = {key: _detail(say, letter, key, value, name) for key, value in known.items()}
    told = [
        _begun(letter, say(key), say(key, **details))
        for key in keys
        if _fields(say(key)) <= details.keys()
        and (_tells(_fields(say(key)), known) or not (key in QUIET or (nothing and key != keys[0])))
    ]
    return ("" if say.lang == "zh" else " ").join(told)


def _begun(letter: str, template: str, text: str) -> str:
    """A sentence that begins with a count begins with a capital; a name stays as it is."""
    first = next(field for _, field, _, _ in Formatter().parse(template)) if template.startswith("{") else ""
    return text[0].upper() + text[1:] if _noun(letter, str(first)) else text


def _noun(letter: str, key: str) -> str | None:
    """Under which noun something is counted here; None of what is no count."""
    return next((noun for noun in (f"{letter}.{key}", key) if noun in COUNTED), None)


def _tells(fields: set[str], known: Mapping[str, Any]) -> bool:
    """Whether a sentence has more to say than that there is none of anything."""
    return any(known.get(field) not in (0, None) for field in fields - {"subject"})


def _fields(template: str) -> set[str]:
    return {field for _, field, _, _ in Formatter().parse(template) if field is not None}


def _known(answer: Answer) -> dict[str, Any]:
    """What a sentence can name; what is not known is left out."""
    known: dict[str, Any] = {key: answer.get(key) for key in ("subject", "position", "seconds")}
    known |= {key: len(rows) for key, rows in answer.items() if key not in HEAD and isinstance(rows, list) and rows}
    known |= answer.get("options", {})
    for key, value in answer["summary"].items():
        known |= value if isinstance(value, Mapping) and not key.startswith("by_") else {key: value}
    return {key: value for key, value in known.items() if value is not None}


def _detail(say: Say, letter: str, key: str, value: Any, name: Name) -> str:
    noun = _noun(letter, key)
    if noun is not None and isinstance(value, (int, list)):
        return counted(say, noun, value if isinstance(value, int) else len(value))
    if key.startswith("by_"):
        return _shares(say, value)
    return cell(say, key, value, name)


def counted(say: Say, noun: str, count: int) -> str:
    """So many of something, in words that fit none, one and many."""
    form = "none" if count == 0 else "one" if count == 1 else "many"
    return say(f"ask.counted.{noun}.{form}", **({"count": count} if form == "many" else {}))


def _shares(say: Say, counts: Mapping[str | None, int]) -> str:
    """`2 available, 1 held`."""
    named = [
        f"{count} {say('ask.fate_none') if code in (None, '', 'none') else say.known(f'status.{code}', str(code))}"
        for code, count in counts.items()
    ]
    return ("、" if say.lang == "zh" else ", ").join(named)


# -- then and now ------------------------------------------------------------------------------------------


def put_then_and_now(say: Say, answer: Answer, name: Name) -> None:
    """A recall as known then, as known now, and what the two differ in."""
    about = {key: answer[key] for key in ("question", "subject", "seconds")}
    for key in ("then", "now"):
        one = {**about, **answer[key]}
        click.echo(click.style(say(f"ask.heading.{key}"), bold=True))
        click.echo(sentence(say, one, name))
        put_tables(say, one, name)
        click.echo("\n" + click.style(complete(say, one), dim=True) + "\n")
    differing = answer["difference"]
    if not any(differing.values()):
        click.echo(say("ask.no_difference"))
    for key, found in differing.items():
        if found:
            click.echo(click.style(say(f"ask.heading.{key}"), bold=True))
            put_rows(say, [each if isinstance(each, Mapping) else {"bag": each} for each in found], name, columns())


# -- what it is complete up to -----------------------------------------------------------------------------


def complete(say: Say, answer: Answer) -> str:
    """Which ledger, up to which position, and the digest of the view that answered; when known, and as of when."""
    parts = [say("ask.complete", ledger=answer["ledger"], position=answer["position"])]
    if answer.get("known_at"):
        parts.append(say("ask.known_at", known_at=moment(answer["known_at"])))
    parts.append(say("ask.at", at=moment(answer["at"])))
    parts.extend(say("stock.stale", place=still["place"], first=still["missing"]) for still in answer.get("stale", ()))
    if answer["complete_to"] != answer["position"]:
        parts.append(say("ask.view_further", complete_to=answer["complete_to"]))
    return ("；" if say.lang == "zh" else "; ").join(parts) + "\n" + say("ask.digest", digest=answer["digest"])


# -- the list of questions ---------------------------------------------------------------------------------


def put_questions(say: Say, questions: Sequence[Mapping[str, Any]]) -> None:
    """Every question by letter, name and words, the language at hand first, and what each must be told."""
    click.echo(click.style(say("ask.list"), bold=True))
    wide = max(len(each["name"]) for each in questions)
    for each in questions:
        first, second = (each["zh"], each["en"]) if say.lang == "zh" else (each["en"], each["zh"])
        click.echo(f"{click.style(each['question'], bold=True)}  {each['name']:<{wide}}  {first}")
        click.echo(f"   {'':<{wide}}  {click.style(second, dim=True)}")
        told = "; ".join(_told(say, each))
        if told:
            click.echo(f"   {'':<{wide}}  {click.style(told, dim=True)}")


def _told(say: Say, question: Mapping[str, Any]) -> Iterable[str]:
    if question["subjects"]:
        yield say("ask.about", subjects=", ".join(question["subjects"]))
    if question["options"]:
        yield say("ask.options", options=" ".join(f"--{each.replace('_', '-')}" for each in question["options"]))
