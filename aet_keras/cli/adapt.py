"""Adapts a published model to new rows, and publishes what is better."""

import pathlib

import click

from aet_keras.cli import _options, _running

PUBLISHED, FAILED, CANDIDATE, NOTHING = 0, 1, 3, 4


@click.command()
@click.argument("folder", type=click.Path(path_type=pathlib.Path))
@click.argument("what", nargs=-1, required=True, metavar="WHAT...")
@click.option(
    "--labels",
    metavar="FILE",
    help="Labels that became known later: a table with the columns id and "
    "label: a class, a number, or tags as in the data of the recipe, also in "
    "columns of their own. The id of a row is the name of its file, its cell "
    "in the column id, that of a recorded request, or its number.",
)
@click.option(
    "--labelled",
    is_flag=True,
    help="Read labels with the rows: of images and .txt files the names of "
    "their folders, of tables the columns that are predicted; numbers and "
    "tags of tables alone.",
)
@click.option(
    "--old",
    metavar="DATA",
    help="What the model knew, to see what it forgets: by their validation "
    "rows, which it should not have been trained on. [default: the data of its "
    "recipe, if they are still the same]",
)
@click.option(
    "--candidate-only",
    is_flag=True,
    help="Publish nothing: write FOLDER/candidates/N, which is not served. "
    "`aet-keras export --accept` publishes it.",
)
@click.option(
    "--forgets-at-most",
    type=click.FloatRange(0, 1),
    help="The accuracy on old rows that may be lost, of tags the F1; of a "
    "number the share by which the mean absolute error may rise. [default: "
    "0.02, of a number 0.05]",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    help="Of random numbers. [default: 0]",
)
@_options.encoding
@_options.training
@click.pass_context
def adapt(context, folder, what, debug, quiet, **settings):
    """Adapt a published model to rows that have changed.

    FOLDER is saved_models/NAME; its newest version is adapted. WHAT are new
    rows, as of `aet-keras watch`. What labels prove to be better on new rows,
    old rows being kept, becomes the next version. What they do not prove is
    written as a candidate; what is worse is not written. If the version
    answers with sets, the new one gets its own: a quarter of the new rows with
    labels is set aside for them, at least 20, or else old test rows calibrate
    them. The same rows are not adapted to twice. A number, which is judged by
    its mean absolute error, and tags, by the F1 of a row, learn from labels
    alone. Of ratings, WHAT are files as `aet-keras fit` took them, of known
    users and items and new ones; a new item must have a feature that is known,
    or five ratings. At least 20 users must have two or more, and each judges
    once. Classes are judged by accuracy, or what they were
    fitted for: by balanced accuracy with --class-weight, or else by costs. Exit
    codes: 0 published, 3 a candidate to look at, 4 nothing was written, 1
    failed, 2 misused.

    \b
    Example:
        aet-keras adapt saved_models/clothes incoming/ --labels late.csv
        aet-keras adapt saved_models/clothes incoming/ --candidate-only
        aet-keras export saved_models/clothes --accept
    """
    with _running.one_sentence(debug=debug), _running.keeping_on_unread():
        if settings["labels"] is not None and settings["labelled"]:
            raise ValueError(
                "adapt: classes must come from one place. Received: `--labels` "
                "and `--labelled`. Leave one out."
            )
        _running.load_layers()
        with _running.quiet_start():
            from aet_keras.cli._adapted_rows import adapt_rows
        say = (lambda sentence: None) if quiet else click.echo
        outcome = adapt_rows(folder, what, say=say, **settings)
    codes = {"published": PUBLISHED, "candidate": CANDIDATE}
    context.exit(codes.get(outcome, NOTHING))
