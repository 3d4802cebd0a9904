"""Says whether new rows still look like those that a model learned."""

import json
import pathlib

import click

from aet_keras.cli import _options
from aet_keras.cli._running import load_layers, one_sentence, quiet_start

SHIFTED = 3


@click.command()
@click.argument("folder", type=click.Path(path_type=pathlib.Path))
@click.argument("what", nargs=-1, metavar="WHAT...")
@click.option(
    "--measure",
    is_flag=True,
    help="Measure what rows are compared with, for a version that has none: "
    "on the data of its recipe. FOLDER/reference-N.npz is written.",
)
@click.option(
    "--labelled",
    is_flag=True,
    help="Read classes too: of images and .txt files the names of their "
    "folders, of tables the column that is predicted. Then it is seen, too, "
    "whether the same inputs have other classes now.",
)
@_options.encoding
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    help="text for a person; json, one object.",
)
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.pass_context
def watch(context, folder, what, measure, labelled, encoding, form, debug):
    """Say whether new rows differ from those a model knows, and how.

    FOLDER is saved_models/NAME, as `aet-keras fit` leaves it, or one of its
    versions. WHAT are files of images or folders of them, or of texts .txt
    files, folders of them and tables with the column of the recipe, or .csv
    files of table rows. Of batches that are not shifted at most one in 20 is
    called so. Exit codes: 0 not shifted, 3 shifted, 1 failed, 2 misused.

    \b
    Example:
        aet-keras watch saved_models/clothes incoming/today
        aet-keras watch saved_models/clothes --measure
    """
    with one_sentence(debug=debug):
        _check_one_thing(what, measure)
        load_layers()
        if measure:
            _measure(folder)
            return
        is_shifted = _watch(folder, what, encoding, labelled, form)
    context.exit(SHIFTED if is_shifted else 0)


def _check_one_thing(what, measure):
    if bool(what) is not measure:
        return
    received = "both" if measure else "neither"
    raise ValueError(
        "watch: either rows must be named or `--measure`, because rows are "
        f"compared with what is measured first. Received: {received}. Name "
        "files or folders of new rows."
    )


def _measure(folder):
    with quiet_start():
        from aet_keras.training.version_reference import measure_version
    click.echo(measure_version(folder))


def _watch(folder, what, encoding, labelled, form):
    with quiet_start():
        from aet_keras.cli._watched_rows import compare_with_version
    shift, names = compare_with_version(
        folder, what, encoding=encoding, is_labelled=labelled
    )
    if form == "json":
        novel = [names[row] for row in shift.novel_rows]
        click.echo(json.dumps(shift.to_json() | {"novel_names": novel}))
    else:
        click.echo(shift.to_text(names))
    return shift.is_shifted
