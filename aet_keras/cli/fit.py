"""How is a model adapted to new data with one command?"""

import click

from aet_keras.cli import _options
from aet_keras.cli._outcome import one_sentence, quiet_start
from aet_keras.cli._sections import SectionedCommand


@click.command(cls=SectionedCommand)
@click.argument("data", required=False)
@click.option(
    "--recipe",
    "recipe_file",
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE",
    help="Run a written recipe, such as the recipe.json of an earlier run or "
    "of `aet-keras tune`; what else is given here wins over it.",
)
@click.option(
    "--out",
    required=True,
    help="Folder to publish in: saved_models/NAME.",
)
@_options.backbone
@click.option(
    "--epochs",
    type=click.IntRange(1),
    help="The most there will be. [default: 20 for pictures, 8 for texts, 40 "
    "for tables, 16 for ratings]",
)
@click.option(
    "--batch-size",
    type=click.IntRange(1),
    help="Rows in a step. [default: 32 for pictures, 16 for texts, 64 for "
    "tables, 1024 for ratings, 256 with --from]",
)
@click.option(
    "--learning-rate",
    type=click.FloatRange(min=0, min_open=True),
    help="The head's. [default: 1e-3; 3e-3 for the embedded backbone, 2e-2 "
    "for ratings]",
)
@click.option(
    "--encoding",
    help="How a file, or texts, are written down, such as utf-8 or cp1252. "
    "[default: what the bytes show]",
)
@_options.pictures
@_options.columns
@click.option(
    "--track",
    multiple=True,
    type=click.Choice(["tensorboard", "wandb"]),
    help="Log the run in OUT/logs or OUT/wandb (offline, unless WANDB_MODE "
    "says otherwise); may be given twice.",
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0))
@_options.training
@click.pass_context
def fit(context, data, recipe_file, out, track, quiet, debug, **settings):
    """Adapt a model to DATA and publish a SavedModel.

    \b
    Pictures: `digits`, a folder with one folder a class (or train/,
      validation/ and test/ with those inside), an .npz file with uint8
      images and integer labels, or tfds:NAME.
    Texts: a file with --text-column and --label-column, a folder of
      .txt files, a folder a class, or tfds:imdb_reviews.
    Tables: a file with --target.
    Ratings: a file with --user, --item and --rating.
    A file is .csv or .tsv, .json or .jsonl of one object a row (each
      may have .gz behind it), or .parquet.

    With --recipe DATA may be left out.
    """
    with one_sentence(debug=debug):
        with quiet_start():
            from aet_keras import training
            from aet_keras.cli import _display, _tracks
        say = (lambda sentence: None) if quiet else click.echo
        given = _given(context, {"data": data, **settings})
        if recipe_file is None:
            recipe = training.make_recipe({"data": _named(data), **given})
        else:
            recipe = training.load_recipe(recipe_file, given)
        trackers = _tracks.trackers(track, out)
        display = _display.display(epochs=recipe.epochs, quiet=quiet)
        with display as observers:
            run = training.run_recipe(
                recipe, out, observers=observers, trackers=trackers, say=say
            )
        say(f"\n{run.report.to_text()}")
        say("\n".join([_ending(run), *_tracks.endings(trackers, out)]))


def _named(data):
    if data is None:
        raise ValueError(
            "fit: DATA must be given, because there is nothing to learn from "
            "otherwise. Received: neither DATA nor `--recipe FILE`. "
            "`aet-keras fit digits --out saved_models/digits` is a start."
        )
    return data


def _given(context, settings):
    """Returns what was said on the command line, defaults left out."""
    default = click.core.ParameterSource.DEFAULT
    return {
        name: value
        for name, value in settings.items()
        if context.get_parameter_source(name) is not default
    }


def _ending(run):
    compared = run.comparison
    return (
        f"\nSavedModel: {run.version}  (loaded again and compared on "
        f"{compared.count} rows: difference {compared.difference:.1e})\n"
        f"Report:     {run.version.parent / 'report.json'}, report.png"
    )
