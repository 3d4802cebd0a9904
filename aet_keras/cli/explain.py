"""Explains what an answer of a published model rests on."""

import pathlib

import click

from aet_keras.cli import _options
from aet_keras.cli._inputs import (
    is_file_named,
    is_table_named,
    named_images,
)
from aet_keras.cli._running import one_sentence
from aet_keras.publishing.data_kind import read_kind

_ROWS = 10  # of a table
_METHODS = ("grad-cam", "occlusion", "attention")


@click.command()
@click.argument("folder", type=click.Path(path_type=pathlib.Path))
@click.argument("what", nargs=-1, required=True, metavar="WHAT...")
@click.option(
    "--method",
    type=click.Choice(_METHODS),
    help="What the last feature map holds, what is missed when covered or "
    "left out, or where the model's own attention layers look. [default: "
    "grad-cam of images, occlusion of others]",
)
@click.option(
    "--class",
    "class_name",
    help="The class to explain. [default: the one that `predict` answers]",
)
@click.option(
    "--out",
    type=click.Path(path_type=pathlib.Path),
    help="Folder to write in. [default: FOLDER/explanations]",
)
@click.option(
    "--rows",
    type=click.IntRange(1),
    help="How many rows of a table, or texts, from the first on. [default: 10 "
    "of tables, all texts]",
)
@_options.encoding
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def explain(folder, what, method, class_name, out, rows, encoding, debug):
    """Draw what an answer rests on, one PNG each.

    FOLDER is saved_models/NAME, as `aet-keras fit` leaves it, or one of its
    versions. WHAT are files of images, or texts in quotes, or .txt files of
    one text each, or .csv files of rows; of ratings the id of a user, and of
    the items that interest. Of an image the map goes to OUT/STEM_METHOD.png;
    of a text, a row or a rating the words, cells or past ratings that were
    missed when left out.
    """
    with one_sentence(debug=debug):
        out = folder / "explanations" if out is None else out
        lines = _lines(folder, what, method, class_name, out, encoding, rows)
        for line in lines:
            click.echo(line)


def _images(folder, what, encoding, rows):
    """Returns the files of images, and the first that tables name."""
    found = []
    if not any(map(is_table_named, what)):
        why = "these are images"
        _options.check_of_use("explain", why, encoding=encoding, rows=rows)
    for each in what:
        named = [each]
        if is_table_named(each):
            named, _ = named_images("explain", each, folder, encoding)
        found += named[: rows or _ROWS]
    return [pathlib.Path(each) for each in found]


def _lines(folder, what, method, class_name, out, encoding, rows):
    settings = {"class_name": class_name, "out": out}
    kind = read_kind(folder, "explain")
    if kind == "image":
        from aet_keras.cli._explain_images import explain_images

        paths = _images(folder, what, encoding, rows)
        method = method or "grad-cam"
        return explain_images(folder, paths, method=method, **settings)
    if method not in (None, "occlusion"):
        raise ValueError(
            "explain: `--method` must be occlusion for texts, table rows and "
            "ratings, because the others are maps of images. Received: "
            f"{method}. Leave it out."
        )
    if kind == "text" and not any(map(is_file_named, what)):
        why = "these are texts in quotes"
        _options.check_of_use("explain", why, encoding=encoding)
    if kind != "rating":
        from aet_keras.cli._explain_rows import explain_rows

        return explain_rows(
            folder, what, encoding=encoding, rows=rows, **settings
        )
    if class_name is not None:
        raise ValueError(
            "explain: `--class` must be left out for ratings, because they "
            f"have no classes. Received: {class_name}."
        )
    from aet_keras.cli._explain_rows import explain_ratings

    _options.check_of_use(
        "explain",
        "of a model of ratings ids are given",
        encoding=encoding,
        rows=rows,
    )
    return explain_ratings(folder, what, out=out)
