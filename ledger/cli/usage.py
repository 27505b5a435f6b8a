"""This file holds how wrong usage is told, in the language at hand: what is missing or wrong, and an example."""

import click

from ledger.cli.faults import USAGE, Told
from ledger.screen.help_words import EXAMPLES
from ledger.screen.words import Say


def spoken(say: Say, wrong: click.UsageError) -> Told:
    """The words for an error of the command line itself."""
    context = wrong.ctx
    path = context.command_path if context is not None else "bloodledger"
    return Told(say, f"{_what(say, wrong, path)}; {say('usage.help', path=path)}", USAGE)


def _what(say: Say, wrong: click.UsageError, path: str) -> str:
    if isinstance(wrong, click.MissingParameter):
        examples = EXAMPLES.get(path.partition(" ")[2], (path,))
        return say("usage.missing", what=_named(wrong), example=examples[0])
    if isinstance(wrong, click.BadParameter):
        return say("usage.bad", what=_named(wrong), why=_why(say, wrong))
    if isinstance(wrong, click.NoSuchOption):
        return say("usage.no_option", option=wrong.option_name)
    if isinstance(wrong, click.exceptions.NoSuchCommand):
        return say("usage.no_command", command=wrong.command_name)
    return say("usage.other", why=wrong.format_message())


def _named(wrong: click.BadParameter) -> str:
    """The option or argument, as it is written."""
    param = wrong.param
    if param is None:
        return ""
    return param.make_metavar(wrong.ctx) if isinstance(param, click.Argument) and wrong.ctx else param.opts[0]


def _why(say: Say, wrong: click.BadParameter) -> str:
    kind = wrong.param.type if wrong.param is not None else None
    if isinstance(kind, click.Choice):
        return say("usage.one_of", known=", ".join(str(each) for each in kind.choices))
    if isinstance(kind, (click.IntRange, click.FloatRange)):
        low, high = (say("usage.open") if bound is None else f"{bound:g}" for bound in (kind.min, kind.max))
        whole = say("usage.whole" if isinstance(kind, click.IntRange) else "usage.number")
        return say("usage.range", whole=whole, low=low, high=high)
    return wrong.message
