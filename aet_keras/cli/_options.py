"""Which options do several commands take, word for word?"""

import codecs
from collections.abc import Callable

import click


def encoding(command: Callable) -> Callable:
    """Adds how the files that a published model is asked about are written."""
    return click.option(
        "--encoding",
        callback=_known_encoding,
        help="How files of rows or texts are written down. [default: as the "
        "data that the model has learned from]",
    )(command)


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
    """Adds what a command that trains prints."""
    return _with(
        command,
        click.option("--quiet", is_flag=True, help="Print nothing but errors."),
        click.option("--debug", is_flag=True, help="Show tracebacks."),
    )


def _with(command, *options):
    for option in reversed(options):  # the last to be added is shown first
        command = option(command)
    return command
