"""Searches for the best recipe for a set of images."""

import contextlib
import os
import shlex
import shutil
import sys

import click

from aet_keras import _choices
from aet_keras.cli import _options, _running
from aet_keras.cli._recipe_options import given, recipe_options
from aet_keras.recipes import Recipe

_OF_RECIPE = ("backbone", "weights", "image_size", "skip_bad")


@click.command()
@click.argument("data")
@click.option(
    "--out",
    required=True,
    callback=_options.named,
    help="Folder for the search.",
)
@click.option("--max-trials", default=20, type=click.IntRange(1))
@click.option(
    "--epochs",
    default=20,
    type=click.IntRange(1),
    help="The most that a trial takes.",
)
@click.option(
    "--tuner",
    default="random",
    type=click.Choice(_choices.TUNERS),
)
@click.option(
    "--objective",
    default="val_accuracy",
    type=click.Choice(_choices.OBJECTIVES),
)
@click.option(
    "--space",
    type=click.Path(exists=True, dir_okay=False),
    help="JSON file of what to tune: names with a value, a list of choices, "
    'or {"min", "max", "step" or "log"}. With "others": "fixed", nothing '
    "else is tuned.",
)
@click.option("--seed", default=0, type=click.IntRange(0))
@click.option(
    "--workers",
    default=0,
    type=click.IntRange(0),
    help="Run trials in so many processes, and restart those that are killed.",
)
@click.option(
    "--features",
    default="share",
    type=click.Choice(_choices.FEATURES),
    help="Share what frozen layers put out between trials; keep it afterwards "
    "in OUT/features; or let each trial compute its own.",
)
@click.option(
    "--track",
    default="none",
    show_default=False,
    type=click.Choice(["none", "tensorboard"]),
    help="Log each trial in OUT/logs, with its values and the objective.",
)
@click.option(
    "--resume", is_flag=True, help="Go on with the search that is in OUT."
)
@click.option(
    "--chief-timeout",
    metavar="SECONDS",
    type=click.FloatRange(min=0, min_open=True),
    help="How long a worker on another machine waits for its chief. [default: "
    "120]",
)
@_options.training
@recipe_options([Recipe], only=_OF_RECIPE)
@click.pass_context
def tune(context, data, out, space, quiet, debug, **settings):
    """Search for the best recipe for some images.

    DATA is as of `aet-keras fit`. Writes OUT/recipe.json, which `aet-keras
    fit --recipe` runs, OUT/trials.csv and OUT/trials.png.

    Over several machines: the same command on each, OUT on a disk they share,
    with KERASTUNER_TUNER_ID (chief, worker0, ...), KERASTUNER_ORACLE_IP and
    KERASTUNER_ORACLE_PORT (the chief's) set.
    """
    chosen = {name: settings.pop(name) for name in _OF_RECIPE}
    chosen = given(context, chosen) | {"epochs": settings.pop("epochs")}
    seconds = settings.pop("chief_timeout")
    more = {} if seconds is None else {"chief_timeout_seconds": seconds}
    with _running.one_sentence(debug=debug), _running.keeping_on_unread():
        _running.load_layers()
        with _running.quiet_start():
            from aet_keras import tuning
            from aet_keras.cli._display import ProgressBar
            from aet_keras.tuning import processes

        if more and not processes.here().address:
            raise ValueError(
                "tune: `--chief-timeout` must go with a chief on another "
                f"machine, because it says how long to wait for it. Received: "
                f"--chief-timeout {seconds:g}, where {processes.ADDRESS} is "
                "not set. Leave it out."
            )
        bar = None if quiet else ProgressBar()

        def watch(trial):
            if not quiet:
                bar.close()
                print_line(trial, settings["objective"], settings["max_trials"])

        with contextlib.nullcontext() if quiet else contextlib.closing(bar):
            result = tuning.search_recipes(
                Recipe(data, seed=settings["seed"], **chosen),
                out,
                space=tuning.ElasticSpace.load(space) if space else None,
                watch=watch,
                progress=bar,
                **settings,
                **more,
            )
        if quiet or processes.here().is_worker:  # its chief shows the whole
            return
        click.echo()
        print_table(result)
        click.echo(_ending(result, out))
        if settings["track"] != "none":
            logs = shlex.quote(os.path.join(out, "logs"))
            click.echo(f"Tracking: tensorboard --logdir {logs}")


def _ending(result, out):
    best = result.best
    score = best.figures[result.objective]
    return (
        f"\nBest: trial {best.number}, {result.objective} {score:.4f}\n"
        f"Next: aet-keras fit --recipe {out}/recipe.json "
        "--out saved_models/NAME\n"
        f"Also: {out}/trials.csv, trials.png"
    )


_LEAST_WIDTH = 100  # of a table that goes into a file


def print_line(trial, objective: str, max_trials: int) -> None:
    """Prints the result of a trial that has just ended."""
    score = trial.figures.get(objective)
    figure = f"{objective} {score:.4f}" if score is not None else "failed"
    head = f"trial {trial.number:>3}/{max_trials:<3} {figure}"
    text = trial.error or trial.to_text()
    # Of a line of its own, however long: it may go into a file.
    print(f"{head} {trial.seconds:>7.1f} s  {text}", flush=True)


def print_table(search) -> None:
    """Prints all trials of a search, the best first, failed ones last."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("trial", search.objective, "seconds"):
        table.add_column(name, justify="right", no_wrap=True)
    workers = {trial.worker for trial in search.trials}
    if len(workers) > 1:
        table.add_column("worker", no_wrap=True)
    table.add_column("what was tried", overflow="fold")
    for trial in search.ranked:
        score = trial.figures.get(search.objective)
        row = [str(trial.number), "failed" if score is None else f"{score:.4f}"]
        row.append(f"{trial.seconds:.1f}")
        row += [trial.worker] if len(workers) > 1 else []
        text = f"{trial.error} ({trial.to_text()})" if trial.error else None
        table.add_row(*row, text or trial.to_text())
    width = shutil.get_terminal_size((_LEAST_WIDTH, 24)).columns
    width = width if sys.stdout.isatty() else max(width, _LEAST_WIDTH)
    Console(highlight=False, markup=False, width=width).print(table)
