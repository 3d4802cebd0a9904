"""Adapts a model to new data, and publishes it."""

import datetime
import functools
import os
import pathlib
import shlex
from collections.abc import Sequence
from typing import Any

import click

from aet_keras import _regular_file, recipes
from aet_keras.cli import _options, _running, _workers
from aet_keras.cli._options import SectionedCommand
from aet_keras.cli._recipe_options import given, recipe_options
from aet_keras.publishing.publication import find_version
from aet_keras.recipes.shared_settings import check_as_earlier

# Keras takes 2 s for the histograms of MobileNetV2: an epoch that is replayed
# from a cache takes less.
_HISTOGRAM_EPOCHS = 5


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
    callback=_options.named,
    help="Folder to publish in: saved_models/NAME.",
)
@click.option(
    "--track",
    multiple=True,
    type=click.Choice(["tensorboard", "wandb"]),
    help="Log the run in OUT/logs or OUT/wandb (offline, unless WANDB_MODE "
    "says otherwise); may be given twice.",
)
@click.option(
    "--workers",
    default=0,
    show_default=False,
    type=click.IntRange(0),
    help="Train in so many processes of this machine, all on each batch, and "
    "start them again if one is killed. The result is that of one process, "
    "but for chance: dropout draws otherwise, and recorded rows are replayed "
    "in another order. "
    "Over several machines: the same command on each, with TF_CONFIG set and "
    "OUT on a disk they share.",
)
@_options.training
@recipe_options()
@click.pass_context
def fit(
    context, data, recipe_file, out, track, workers, quiet, debug, **settings
):
    """Adapt a model to DATA and publish a SavedModel.

    \b
    Images: `digits`, a folder with one folder a class (or train/,
      validation/ and test/ with those inside), an .npz file with uint8
      images and integer labels, tfds:NAME, or shards: .tar of WebDataset
      or TFRecords, a folder of them or a quoted pattern ('shards/*.tar');
      or a file with --image-column and --target or --label-columns.
    Texts: a file with --text-column and --label-column, a folder of
      .txt files, a folder a class, or tfds:imdb_reviews.
    Tables: a file with --target, or --label-columns.
    Ratings: a file with --user, --item and --rating; without ratings
      each row says that a user met an item.
    Items: a file with --image-column, --text-column and --target; all
      other columns are looked at, too.
    A file is .csv or .tsv, .json or .jsonl of one object a row (each
      may have .gz behind it), or .parquet.

    With --recipe DATA may be left out. A run that was killed goes on where the
    same command is given again, except with --teacher or --unlabelled.
    """
    with _running.one_sentence(debug=debug), _running.keeping_on_unread():
        if recipe_file is None:
            _check_named(data)
        _workers.check(workers)
        is_chief = _workers.join()
        _running.load_layers()
        quiet = quiet or not is_chief
        say = (lambda sentence: None) if quiet else click.echo
        asked = given(context, {"data": data, **settings})
        if recipe_file is None:
            recipe = recipes.kinds.make_recipe(asked)
        else:
            recipe = recipes.load_recipe(recipe_file, asked)
        _check_asked(recipe, asked)
        if workers > 1:
            options = [f"--track={each}" for each in track]
            options += ["--quiet"] * quiet + ["--debug"] * debug
            _workers.supervise(recipe, out, options, count=workers, say=say)
            return
        with _running.quiet_start():
            from aet_keras import training
            from aet_keras.cli import _display
        _workers.meet()
        trackers = make_trackers(track, out) if is_chief else []
        bar = None if quiet else _display.ProgressBar()
        display = _display.display(epochs=recipe.epochs, quiet=quiet, bar=bar)
        with display as observers:
            run = training.run_recipe(
                recipe,
                out,
                observers=observers,
                trackers=trackers,
                say=_after(bar, say),
                progress=bar,
            )
        if run is None:  # the chief says what came of it
            return
        say(f"\n{run.report.to_text()}")
        say(
            "\n".join([_ending(run), *(_where(each, out) for each in trackers)])
        )


def _check_named(data):
    if data is None:
        raise ValueError(
            "fit: DATA must be given, because there is nothing to learn from "
            "otherwise. Received: neither DATA nor `--recipe FILE`. "
            "`aet-keras fit digits --out saved_models/digits` is a start."
        )


def _check_asked(recipe, asked):
    """Refuses what is asked for and is not so in the model of `--from`.

    In a recipe a setting that is its default may not be asked for at all.
    """
    names = [name for name in recipe.built if name in asked]
    if not names or recipe.from_ is None:
        return
    path = find_version(recipe.from_) / "recipe.json"
    if _regular_file.why_not(path):  # the run says so
        return
    earlier = recipes.load_recipe(path)
    if earlier.kind == recipe.kind:
        check_as_earlier(recipe, **{n: getattr(earlier, n) for n in names})


def _after(bar, say):
    """Returns `say`, which takes a bar away before it prints."""

    def say_alone(sentence):
        if bar is not None:
            bar.close()
        say(sentence)

    return say_alone


def _ending(run):
    compared = run.comparison
    files = [run.version.parent / "report.json", "report.png"]
    if (run.version / "top_losses.png").exists():
        files.append("top_losses.png, the images that are most wrong")
    return (
        f"\nSavedModel: {run.version}  (loaded again and compared on "
        f"{compared.count} rows: difference {compared.difference:.1e})\n"
        f"Report:     {', '.join(map(str, files))}"
    )


def make_trackers(tools: Sequence[str], out: str | os.PathLike) -> list[Any]:
    """Returns the tracker of each tool, with its folder below `out`.

    `out/logs/TIME` and `out/wandb` are no integers: TensorFlow Serving takes
    them for no version.

    Args:
        tools: `"tensorboard"` and `"wandb"`; one named twice counts once.
        out: path of the folder that the command publishes in.
    """
    from aet_keras import tracking

    out, made = pathlib.Path(out), []
    for tool in dict.fromkeys(tools):
        if tool == "tensorboard":
            # The process too: two runs may begin in the same second.
            begun = datetime.datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
            folder = out / "logs" / f"{begun}_{os.getpid()}"
            make = functools.partial(tracking.TensorBoard, folder)
        else:
            name = out.resolve().name
            make = functools.partial(
                tracking.WeightsAndBiases, name, directory=out
            )
        made.append(make(histogram_freq=_HISTOGRAM_EPOCHS))
    return made


def _where(tracker, out):
    """Returns the line on where to look at what a tracker wrote."""
    from aet_keras import tracking

    where = tracker.where
    if tracker.failure is not None:
        where = f"{type(tracker).__name__} stopped early: {tracker.failure}"
    elif isinstance(tracker, tracking.TensorBoard):
        logs = shlex.quote(os.path.join(out, "logs"))
        where = f"tensorboard --logdir {logs}"  # all runs, to be compared
    return f"Tracking:   {where}"
