"""Which options do several commands take, word for word?"""

import codecs
from collections.abc import Callable

import click

from aet_keras.cli._sections import SectionedOption

_PICTURES = "Pictures"


def backbone(command: Callable) -> Callable:
    """Adds which backbone is adapted, with which weights, at which size."""
    return _with(
        command,
        click.option(
            "--backbone",
            default="embedded",
            show_default=True,
            help="An image model of keras.applications by name, or `embedded`; "
            "for texts a preset of KerasHub, the folder of one, or FILE.keras.",
        ),
        _option(
            _PICTURES,
            "--weights",
            help="imagenet, none (random), or FILE.weights.h5. "
            "[default: what the backbone comes with]",
        ),
        _option(
            _PICTURES,
            "--image-size",
            type=click.IntRange(min=1),
            help="Height and width in pixels. "
            "[default: 64 embedded, 160 others]",
        ),
    )


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


def pictures(command: Callable) -> Callable:
    """Adds what is done with pictures alone."""
    return _with(
        command,
        _option(
            _PICTURES,
            "--augment",
            type=click.Choice(["none", "flip", "light", "strong"]),
            help="Change the training pictures at random. "
            "[default: light embedded, none others]",
        ),
        _option(
            _PICTURES,
            "--attention",
            type=click.Choice(["none", "se", "eca", "cbam", "soft", "pooling"]),
            default="none",
            show_default=True,
            help="Graft attention into the upper groups; nothing changes "
            "before it learns.",
        ),
    )


def columns(command: Callable) -> Callable:
    """Adds what the columns of a file are, and what is special to a kind."""
    return _with(command, *_texts(), *_tables(), *_ratings())


def _texts():
    section = "Texts"
    return (
        _option(
            section,
            "--text-column",
            help="Column of the texts. [default: text]",
        ),
        _option(
            section,
            "--label-column",
            help="Column of their classes. [default: label]",
        ),
        _option(
            section,
            "--vocabulary",
            metavar="FILE",
            help="Of a backbone in a .keras file: its WordPieces or "
            "SentencePiece model.",
        ),
        _option(
            section,
            "--sequence-length",
            type=click.IntRange(min=3),
            help="Tokens of a text that are read. [default: those of 95 % of "
            "the texts, at most 256]",
        ),
        _option(
            section,
            "--pooling",
            type=click.Choice(["mean", "attention"]),
            help="Over the tokens. [default: mean]",
        ),
    )


def _tables():
    section = "Tables"
    return (
        _option(
            section,
            "--target",
            help="Column to tell from the others: a class, at most 1000 of "
            "them, 50 if they are numbers.",
        ),
        _option(
            section,
            "--positive",
            help="The class whose probability is the risk. [default: 1, yes or "
            "true, else the rarer one]",
        ),
        _option(
            section,
            "--kind",
            "kinds",
            multiple=True,
            metavar="COLUMN=KIND",
            callback=_read_kinds,
            help="number, category, date or ignore, where the guess is wrong; "
            "may be given several times.",
        ),
        _option(
            section,
            "--split-column",
            help="Column that says train, validation or test.",
        ),
        _option(
            section,
            "--from",
            "from_",
            metavar="FOLDER",
            help="saved_models/OLD, an earlier model of the same columns, "
            "which is adapted to these rows; of ratings, one that learns the "
            "users it does not know, and nothing else.",
        ),
        _option(
            section,
            "--pretrain-epochs",
            type=click.IntRange(0),
            help="First let the network guess masked cells. [default: 0]",
        ),
        _option(
            section,
            "--cost-false-negative",
            type=click.FloatRange(min=0, min_open=True),
            help="What it costs to miss a positive. [default: 1]",
        ),
        _option(
            section,
            "--cost-false-positive",
            type=click.FloatRange(min=0, min_open=True),
            help="What a false alarm costs. [default: 1]",
        ),
    )


def _ratings():
    section = "Ratings"
    return (
        _option(section, "--user", help="Column of who rates. [default: user]"),
        _option(
            section, "--item", help="Column of what is rated. [default: item]"
        ),
        _option(
            section, "--rating", help="Column of the ratings. [default: rating]"
        ),
        _option(
            section,
            "--user-feature",
            "user_features",
            multiple=True,
            metavar="COLUMN",
            help="A column about users; may be given several times.",
        ),
        _option(
            section,
            "--item-feature",
            "item_features",
            multiple=True,
            metavar="COLUMN",
            help="A column about items; may be given several times.",
        ),
        _option(
            section,
            "--split",
            type=click.Choice(["random", "leave_last_out"]),
            help="Which ratings are tested: any, or the last of each user. "
            "[default: random]",
        ),
        _option(
            section, "--time", help="Column that says which rating is the last."
        ),
    )


def _read_kinds(context, option, values):
    """Returns COLUMN=KIND words as a dict; a name may have a = in it."""
    pairs = [value.rpartition("=") for value in values]
    if all(column and kind for column, _, kind in pairs):
        return {column: kind for column, _, kind in pairs}
    raise click.BadParameter("it must be COLUMN=KIND, such as `age=number`.")


def _option(section, *names, **settings):
    return click.option(
        *names, cls=SectionedOption, section=section, **settings
    )


def training(command: Callable) -> Callable:
    """Adds what a command that trains leaves out, and what it prints."""
    return _with(
        command,
        _option(
            _PICTURES,
            "--skip-bad",
            is_flag=True,
            help="Go on without those that cannot be read.",
        ),
        click.option("--quiet", is_flag=True, help="Print nothing but errors."),
        click.option("--debug", is_flag=True, help="Show tracebacks."),
    )


def _with(command, *options):
    for option in reversed(options):  # the last to be added is shown first
        command = option(command)
    return command
