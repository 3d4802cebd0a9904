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
    "folders, of tables the columns that are predicted. Then it is seen, too, "
    "whether the same inputs have other classes, numbers or tags now.",
)
@_options.encoding
@click.option(
    "--days",
    type=click.IntRange(1),
    help="Of recorded rows, look at so many of the newest days. [default: 60]",
)
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=pathlib.Path),
    help="Draw a PNG file: confidence by day, the shift, the classes, tags or "
    "numbers, and the most novel rows.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    help="text for a person; json, one object.",
)
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.pass_context
def watch(
    context,
    folder,
    what,
    measure,
    labelled,
    encoding,
    days,
    report,
    form,
    debug,
):
    """Say whether new rows differ from those a model knows, and how.

    FOLDER is saved_models/NAME, as `aet-keras fit` leaves it, or one of its
    versions. WHAT are files of images or folders of them, or of texts .txt
    files, folders of them and tables with the column of the recipe, or .csv
    files of table rows or items. Of batches that are not shifted at most one
    in 20 is called so.

    WHAT may be what a server was asked, too: the folder of `aet-keras serve
    --record`, or TensorFlow Serving's request logs. Its rows have times: then
    it is said since when they differ, and quiet days raise no alarm because
    one looks each day. Each run reads the newest days anew, up to 200 rows of
    each, and keeps nothing: it may run from cron at any time. It costs one
    pass of the model over these rows. Where inputs were not kept, what is
    answered is compared, and embeddings if there are some.

    Exit codes: 0 not shifted, 3 shifted, 1 failed, 2 misused.

    \b
    Example:
        aet-keras watch saved_models/clothes incoming/today
        aet-keras watch saved_models/clothes recorded --report today.png
        aet-keras watch saved_models/clothes --measure
    """
    with one_sentence(debug=debug):
        _check_one_thing(what, measure)
        is_json = form == "json"
        _check_measured_alone(
            measure,
            labelled=labelled,
            encoding=encoding,
            days=days,
            report=report,
            format=is_json,
        )
        load_layers()
        if measure:
            _measure(folder)
            return
        with quiet_start():
            from aet_keras.cli._watched_rows import watch_version
        watched = watch_version(
            folder,
            what,
            encoding=encoding,
            is_labelled=labelled,
            most_days=days,
        )
        if report is not None:
            _draw(watched, report)
        told = json.dumps(watched.to_json()) if is_json else watched.to_text()
        click.echo(told)
        is_shifted = watched.shift.is_shifted
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


def _check_measured_alone(measure, **options):
    """Refuses what `--measure` would not look at."""
    given = [name for name, value in options.items() if value]
    if measure and given:
        raise ValueError(
            f"watch: `--{given[0]}` must not go with `--measure`, because the "
            "rows of the recipe are measured as they were read. Received: "
            "both. Leave it out."
        )


def _measure(folder):
    with quiet_start():
        from aet_keras.training.version_reference import measure_version
    click.echo(measure_version(folder))


def _draw(watched, path):
    from aet_keras.drift.watch_chart import draw_watched

    draw_watched(
        watched.name,
        watched.reference,
        watched.outputs,
        watched.shift,
        path,
        names=watched.names,
        novel=watched.novel,
        days=watched.days,
        alarm=watched.alarm,
        dates=watched.dates,
    )
