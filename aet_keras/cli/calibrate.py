"""Calibrates the sets or intervals of a published model on new rows."""

import pathlib

import click

from aet_keras.cli import _options, _running


@click.command()
@click.argument("folder", type=click.Path(path_type=pathlib.Path))
@click.argument("what", nargs=-1, required=True, metavar="WHAT...")
@click.option(
    "--coverage",
    type=click.FloatRange(0, 0.999, min_open=True),
    help="How often a set or an interval shall hold the truth, of tags which "
    "share of them. [default: as the version has it]",
)
@_options.encoding
@_options.training
def calibrate(folder, what, coverage, encoding, quiet, debug):
    """Calibrate a published model for other rows, without training.

    FOLDER is saved_models/NAME. WHAT are rows with their classes, numbers or
    tags: images and .txt files in a folder a class, tables with the columns
    that are predicted. The newest version is published again, with the same
    weights and the limits of these rows. Its sets, or intervals, hold the
    truth of rows like these as often as --coverage says; sets of tags are
    expected to miss no more of a row's tags than the rest (conformal risk
    control).

    \b
    Example:
        aet-keras fit reviews.csv --coverage 0.9 --out saved_models/reviews
        aet-keras calibrate saved_models/reviews of_another_shop.csv
    """
    with _running.one_sentence(debug=debug), _running.keeping_on_unread():
        _running.load_layers()
        with _running.quiet_start():
            from aet_keras.cli._calibrated_rows import calibrate_rows
        found = calibrate_rows(folder, what, coverage, encoding)
        if not quiet:
            click.echo(f"{found.to_text()}\n\nSavedModel: {found.path}")
