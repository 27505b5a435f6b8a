"""This file holds what all commands share: their options, the language, help by example, and the way out of errors."""

import functools
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import click

from ledger.cli.faults import USAGE, Told, told
from ledger.cli.usage import spoken
from ledger.screen.console import is_terminal
from ledger.screen.help_words import EXAMPLES
from ledger.screen.words import WORDS, Say
from ledger.settings import LANGUAGES, BadSetting, Settings, read_language, read_settings

if TYPE_CHECKING:
    from ledger.wiring import Ledger


class Session:
    """What one call of the program was given: which ledger, which language, JSON or not."""

    def __init__(self) -> None:
        self.ledger: str | None = None
        self.lang: str | None = None
        self.json: bool | None = None

    @property
    def say(self) -> Say:
        return Say(self.lang or read_language())

    @property
    def settings(self) -> Settings:
        """Errors: BadSetting."""
        return read_settings(ledger=self.ledger, lang=self.lang)

    def open(self, reading: bool = True) -> "Ledger":
        """The ledger, to be closed by `with`. Errors: NoLedger, StoreFault."""
        from ledger.wiring import open_ledger  # only who needs a ledger pays for loading what it is made of

        return open_ledger(self.settings, reading=reading)

    def as_json(self, in_pipes: bool = False) -> bool:
        """Whether to print JSON: as asked for, else where nobody reads and the command's output is for programs."""
        if self.json is not None:
            return self.json
        return in_pipes and not is_terminal(sys.stdout)


def session_of(context: click.Context) -> Session:
    """The session of this call, begun when it is first asked for."""
    found: Session = context.find_root().ensure_object(Session)
    return found


def _speaking(context: click.Context) -> Say:
    """The language of help, which must work whatever the settings say."""
    try:
        return session_of(context).say
    except BadSetting:
        return Say("en")


class Taught(click.Command):
    """A command whose help is spoken in the language at hand and ends with examples."""

    def format_help(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        say = _speaking(context)
        plain = [(each, each.help) for each in self.params if isinstance(each, click.Option)]
        help_text, self.help = self.help, say.known(_key(context), self.help or "")
        for option, _ in plain:
            option.help = say.known(f"option.{getattr(option, 'words', option.name)}", option.help or "")
        try:
            super().format_help(context, formatter)
        finally:
            self.help = help_text
            for option, text in plain:
                option.help = text

    def format_epilog(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        examples = EXAMPLES.get(_key(context).removeprefix("help."), ())
        if examples:
            formatter.write_paragraph()
            formatter.write_text(_speaking(context)("option.examples"))
            with formatter.indentation():
                for example in examples:
                    formatter.write(f"{'':{formatter.current_indent}}{example}\n")


class TaughtGroup(Taught, click.Group):
    """A group of such commands."""

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        say = _speaking(context)
        prefix = "" if context.parent is None else f"{self.name} "
        for each in self.commands.values():
            each.short_help = first_sentence(say.known(f"help.{prefix}{each.name}", each.help or ""))
        super().format_commands(context, formatter)

    def list_commands(self, context: click.Context) -> list[str]:
        return list(self.commands)


def first_sentence(text: str) -> str:
    """What stands for a command in a list of them.

    Example:
        >>> first_sentence("Do it. Then rest."), first_sentence("做吧。再休息。")
        ('Do it.', '做吧。')
    """
    english = text.partition(". ")[0]
    return text.partition("。")[0] + "。" if "。" in text else english.removesuffix(".") + "."


def _key(context: click.Context) -> str:
    """The key of a command's words: its path without the program's name."""
    names: list[str] = []
    here: click.Context | None = context
    while here is not None and here.parent is not None:
        names.insert(0, str(here.command.name))
        here = here.parent
    return "help." + (" ".join(names) or "bloodledger")


class Main(TaughtGroup):
    """The program: every error that leaves a command becomes one line and an exit code."""

    def __init__(self, name: str, commands: Sequence[click.Command]) -> None:
        shown = click.Option(
            ["--version"], is_flag=True, is_eager=True, expose_value=False, callback=_version, help=_english("version")
        )
        super().__init__(
            name,
            commands=commands,
            params=[*_common(), shown],
            help=WORDS["help.bloodledger"][0],
            context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
        )

    def main(self, *arguments: Any, **named: Any) -> Any:
        return super().main(*arguments, **{**named, "prog_name": self.name})

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except click.UsageError as wrong:
            raise spoken(_speaking(context), wrong) from None
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except Exception as error:
            told(_speaking(context), error)


def _version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        try:
            number = version("bloodledger")
        except PackageNotFoundError:  # run from the source tree
            number = "0"
        click.echo(f"bloodledger {number}")
        context.exit()


def _english(option: str) -> str:
    return WORDS[f"option.{option}"][0]


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Options shared by all commands may stand before or behind the command's name; the later one counts."""
    if value is not None:
        setattr(session_of(context), str(parameter.name), value)


def _common() -> list[click.Option]:
    kept: dict[str, Any] = {"expose_value": False, "callback": _keep, "default": None}
    return [
        click.Option(["--ledger"], metavar="PATH", help=_english("ledger"), **kept),
        click.Option(["--lang"], type=click.Choice(LANGUAGES), is_eager=True, help=_english("lang"), **kept),
        click.Option(["--json/--no-json"], help=_english("json"), **kept),
    ]


class Worded(click.Option):
    """An option that knows under which key its help stands, where that is not its name."""

    words: str


def option(*names: str, words: str | None = None, **how: Any) -> click.Option:
    """An option whose help stands in the table of words."""
    made = Worded(list(names), **how)
    made.words = words or str(made.name)
    made.help = _english(made.words)
    return made


def command(path: str, *params: click.Parameter) -> Callable[[Callable[..., None]], Taught]:
    """Make a command of a function that takes the session and its parameters."""

    def made(function: Callable[..., None]) -> Taught:
        @functools.wraps(function)
        def called(*arguments: Any, **named: Any) -> None:
            function(session_of(click.get_current_context()), *arguments, **named)

        name = path.rpartition(" ")[2]
        return Taught(name, callback=called, params=[*params, *_common()], help=WORDS[f"help.{path}"][0])

    return made


def wrong_usage(session: Session, text: str) -> Told:
    """The question was put wrongly."""
    return Told(session.say, text, USAGE)


def leave(code: int) -> None:
    """End with an exit code, everything closed on the way out."""
    if code:
        raise click.exceptions.Exit(code)
