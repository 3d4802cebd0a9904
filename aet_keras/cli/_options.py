"""Options that several commands share, and a help with headings."""

import codecs
from collections.abc import Callable
from typing import Any

import click

from aet_keras import _check as check


def encoding(command: Callable) -> Callable:
    """Adds how the files that a published model is asked about are written."""
    return click.option(
        "--encoding",
        callback=_known_encoding,
        help="How files of rows or texts are written down. [default: as the "
        "data that the model has learned from]",
    )(command)


def named(context: Any, option: Any, value: str) -> str:
    """Returns the folder that an option names; refuses one without a name."""
    if value is not None and not value.strip():
        raise click.BadParameter(f"it must name a folder. Received: {value!r}.")
    return value


def check_of_use(owner: str, why: str, **options: Any) -> None:
    """Raises if an option is given that would change nothing.

    Args:
        owner: str. The command.
        why: str. Why, as the end of a sentence.
        **options: their values, `None` where they are not given.
    """
    for name, value in options.items():
        if value is not None:
            called = f"`--{name.replace('_', '-')}`"
            check.left_out(owner, why=why, called=called, **{name: value})


def _known_encoding(context, option, value):
    try:
        is_named = value and value != "auto"
        return codecs.lookup(value).name if is_named else value
    except LookupError as error:
        raise click.BadParameter(
            "it must be one that Python knows, such as utf-8. Received: "
            f"{value}."
        ) from error


def training(command: Callable) -> Callable:
    """Adds the options on what a command that trains prints."""
    debug = click.option("--debug", is_flag=True, help="Show tracebacks.")
    quiet = click.option(
        "--quiet", is_flag=True, help="Print nothing but errors."
    )
    return quiet(debug(command))


class SectionedOption(click.Option):
    """An option that stands under a heading of its own in the help.

    Args:
        section: str. The heading.
    """

    def __init__(self, *declarations: Any, section: str, **settings: Any):
        super().__init__(*declarations, **settings)
        self.section = section


class SectionedCommand(click.Command):
    """Lists its options by their headings; those without one come first."""

    def format_options(self, ctx, formatter):
        rows = {"Options": []}
        for option in self.get_params(ctx):
            if isinstance(option, click.Option):
                section = getattr(option, "section", "Options")
                record = option.get_help_record(ctx)
                rows.setdefault(section, []).append(record)
        for section, records in rows.items():
            with formatter.section(section):
                formatter.write_dl(records)
