"""Searches for the best recipe for a set of images."""

import contextlib
import functools
import os
import pathlib
import shutil
from collections.abc import Callable, Iterator
from typing import Literal

from aet_keras import _check as check
from aet_keras import _choices, _cluster, _processes, recipes, tracking
from aet_keras._progress import Step, listening, report
from aet_keras.errors import TrainingError
from aet_keras.tuning import processes
from aet_keras.tuning._settings import Settings
from aet_keras.tuning.hypermodel import RecipeHyperModel
from aet_keras.tuning.search import (
    alone,
    check_any_ended_well,
    interrupted,
    join,
    run,
)
from aet_keras.tuning.space import ElasticSpace
from aet_keras.tuning.trials import Search, Trial

_OWNER = "search_recipes"
_TRACKS = ("none", "tensorboard")


def search_recipes(
    recipe: recipes.Recipe,
    out: str | os.PathLike,
    *,
    space: ElasticSpace | None = None,
    tuner: Literal["random", "hyperband", "bayesian"] = "random",
    max_trials: int = 20,
    objective: Literal["val_accuracy", "val_loss"] = "val_accuracy",
    workers: int = 0,
    features: Literal["share", "keep", "apart"] = "share",
    track: Literal["none", "tensorboard"] = "none",
    seed: int = 0,
    resume: bool = False,
    chief_timeout_seconds: float = 120.0,
    watch: Callable[[Trial], None] = lambda trial: None,
    progress: Callable[[Step], None] | None = None,
) -> Search:
    """Tries recipes, and writes the best one down.

    Leaves `recipe.json` (`aet-keras fit --recipe` runs it), `trials.csv` and
    `trials.png` in the folder, and an `outcome.json` a trial below `search/`.

    Args:
        recipe: `Recipe` with all that is not tuned; its epochs are the most
            that a trial takes.
        out: path of a folder for the search.
        space: optional `ElasticSpace`. Defaults to all of it.
        tuner: as of `search`.
        max_trials: as of `search`.
        objective: `"val_accuracy"` or `"val_loss"`, of the epoch that is kept.
        workers: int >= 0. Processes that run trials, next to a chief that
            hands them out; one that is killed is started again. Their ids
            and what they say are in `workers/`. 0, the default, runs the
            trials in this process.
        features: `"share"`: what frozen groups put out is kept in `features/`
            for the trials that follow, where images are not augmented, and
            removed at the end; `"keep"` leaves it; `"apart"` shares nothing.
        track: `"tensorboard"` writes a run a trial into `logs/`, with its
            values and the objective for the table of hyperparameters.
        seed: as of `search`. Each trial starts from the recipe's own seed.
        resume: as of `search`.
        chief_timeout_seconds: as of `search`.
        watch: function of a `Trial`, called after each.
        progress: optional function of a `Step`, called while trials run:
            `what` is the trial, `done` its epochs, `total` the most of them.

    Returns:
        `Search`.

    Raises:
        DataError: if the images cannot be learned from.
        ImportError: if the package `tensorboard` is to track, and missing.
        TrainingError: as of `search`; also if a process cannot go on.
        ValueError: as of `search`.

    Example:

    >>> import tempfile
    >>> recipe = aet_keras.recipes.Recipe("digits", image_size=32, epochs=1)
    >>> space = aet_keras.tuning.ElasticSpace(
    ...     {"augment": "none", "dropout": [0.0, 0.4]}, others="fixed"
    ... )
    >>> with tempfile.TemporaryDirectory() as out:
    ...     search = aet_keras.tuning.search_recipes(
    ...         recipe, out, space=space, max_trials=1
    ...     )
    ...     best = aet_keras.recipes.Recipe.load(f"{out}/recipe.json")
    >>> len(search.trials), best.dropout in (0.0, 0.4), best.augment
    (1, True, 'none')
    """
    check.whole(_OWNER, workers=workers)
    check.one_of(_OWNER, among=_choices.FEATURES, features=features)
    model = RecipeHyperModel(recipe, space)
    settings = Settings(
        tuner=check.one_of(_OWNER, among=_choices.TUNERS, tuner=tuner),
        objective=check.one_of(
            _OWNER, among=_choices.OBJECTIVES, objective=objective
        ),
        max_trials=check.positive_int(_OWNER, max_trials=max_trials),
        seed=check.whole(_OWNER, seed=seed),
        epochs=recipe.epochs,
        recipe=recipe.to_json(),
        space=model.space.to_json(),
        features=features,
        track=check.one_of(_OWNER, among=_TRACKS, track=track),
    )
    out, role = pathlib.Path(out), processes.here()
    if workers and role.address:
        raise ValueError(
            f"{_OWNER}: `workers` must be 0 where {processes.ADDRESS} is set, "
            "because this process is one of several already. Received: "
            f"workers={workers}. Unset the variable, or leave them out."
        )
    if _cluster.here().is_several:
        raise ValueError(
            f"{_OWNER}: {_cluster.NAME} must name one process, because each "
            "trial trains in one: processes share a search by its trials. "
            f"Received: {_cluster.here().count} processes. Unset "
            f"{_cluster.NAME}; several machines use {processes.ADDRESS}."
        )
    if track != "none":
        tracking.TensorBoard(out / "logs")  # else each trial would fail
    join(settings, out, role, resume=resume, seconds=chief_timeout_seconds)
    with (
        alone(out, role),
        _results_kept(model, settings, out, role),
        listening(progress),
    ):
        if workers:
            _supervise(settings, out, workers, watch)
        else:
            take_part(settings, out, role, watch)
    result = Search.read(out / "search", settings.objective)
    check_any_ended_well(result, out)
    return result


def take_part(settings: Settings, out: pathlib.Path, role, watch) -> None:
    """Runs the part of this process in a search of recipes."""
    space = ElasticSpace.from_json(settings.space or {})
    is_apart = settings.features == "apart"
    hypermodel = RecipeHyperModel(
        recipes.Recipe(**(settings.recipe or {})),
        space,
        cache="auto" if is_apart else out.resolve() / "features",
        data_file=out / "search" / "data.json",
    )
    run(
        hypermodel,
        settings,
        out,
        role,
        watch=watch,
        fit_arguments={},
        explores=False,
        make_trackers=functools.partial(_make_trackers, settings, out),
    )


def _make_trackers(settings, out, number):
    """Returns the trackers of a trial; logs of a killed attempt go."""
    if settings.track == "none":
        return ()
    folder = out / "logs" / f"trial_{number:04}"
    shutil.rmtree(folder, ignore_errors=True)
    return (tracking.TensorBoard(folder),)


def _supervise(settings, out, workers, watch):
    seen = {t.number for t in Search.read(out / "search", "").trials}

    def look():
        ended = len(seen)
        most = settings.max_trials
        report("trials", ended, total=most, ratio=min(1.0, ended / most))
        for trial in Search.read(out / "search", "").trials:
            if trial.number not in seen:
                seen.add(trial.number)
                watch(trial)

    command = _processes.python("aet_keras.tuning", str(out))
    try:
        processes.supervise(
            command, out / "workers", workers=workers, look=look
        )
    except KeyboardInterrupt:
        sentence = interrupted(out / "search", settings.objective)
        raise TrainingError(sentence) from None


@contextlib.contextmanager
def _results_kept(hypermodel, settings, out, role) -> Iterator[None]:
    """Writes the results, also of a search that ends early."""
    is_over = False
    try:
        yield
        is_over = True
    finally:
        if not role.is_worker:
            result = Search.read(out / "search", settings.objective)
            _write(result, hypermodel, out)
            if is_over and settings.features == "share":
                shutil.rmtree(out / "features", ignore_errors=True)


def _write(result, hypermodel, out):
    if not result.trials:
        return
    result.save_csv(out / "trials.csv")
    result.draw(out / "trials.png")
    if result.best is not None:
        hypermodel.to_recipe(result.best.values).save(out / "recipe.json")
