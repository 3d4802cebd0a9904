"""Searches for the best values, with an oracle of KerasTuner."""

import contextlib
import functools
import json
import logging
import os
import pathlib
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Literal

import keras_tuner

from aet_keras import _check as check
from aet_keras import _choices, _lock, publishing
from aet_keras.errors import TrainingError
from aet_keras.policies.stall import is_direction_known
from aet_keras.tuning import processes
from aet_keras.tuning._settings import Settings, make_oracle
from aet_keras.tuning._tuner import TrialRunner
from aet_keras.tuning.trials import Search, Trial, damaged


def search(
    hypermodel: keras_tuner.HyperModel,
    out: str | os.PathLike,
    *,
    tuner: Literal["random", "hyperband", "bayesian"] = "random",
    max_trials: int = 20,
    objective: str = "val_accuracy",
    seed: int = 0,
    resume: bool = False,
    chief_timeout_seconds: float = 120.0,
    watch: Callable[[Trial], None] = lambda trial: None,
    **fit_arguments,
) -> Search:
    """Tries values of a hypermodel that an oracle of KerasTuner chooses.

    Differs from KerasTuner's own `search`: a trial that fails leaves its
    exception in the record of trials, nothing is printed, an old search is
    never picked up unasked, and Hyperband trains each trial from the start.

    With `KERASTUNER_TUNER_ID`, `KERASTUNER_ORACLE_IP` and
    `KERASTUNER_ORACLE_PORT` set, this process is the chief (if `chief` is in
    its id) or one of the workers of a search, as KerasTuner has it; all name
    the same folder.

    Args:
        hypermodel: `keras_tuner.HyperModel`, such as `ElasticHyperModel`.
        out: path of a folder for the search. Each trial leaves an
            `outcome.json` in it.
        tuner: `"random"`, `"hyperband"` or `"bayesian"`.
        max_trials: int >= 1. Defaults to `20`; a small space may have fewer.
        objective: str. A key of the logs; its name says whether higher is
            better, as of `aet_keras.policies.is_higher_better`. Defaults to
            `"val_accuracy"`.
        seed: int >= 0. Of what is tried.
        resume: bool. Go on with the search in the folder. It began with the
            same settings; there may be more trials.
        chief_timeout_seconds: float > 0. How long a worker waits for its
            chief.
        watch: function of a `Trial`, called after each that ran here.
        **fit_arguments: what the hypermodel's `fit` is given, such as `x`,
            `validation_data` and `epochs`.

    Returns:
        `Search`. Its `best.values` build the best model again.

    Raises:
        TrainingError: if the search was interrupted, no trial ended well, or
            the chief cannot be reached.
        ValueError: if an argument is out of its range, the folder holds a
            search and `resume` is `False`, or the objective is not logged.

    Example:

    >>> import tempfile
    >>> def build_model(hp):
    ...     old = keras.Sequential([keras.layers.Dense(4)], name="old")
    ...     model = keras.Sequential(
    ...         [keras.Input((3,)), old, keras.layers.Dense(1)]
    ...     )
    ...     model.compile("adam", "mse")
    ...     return model
    >>> space = aet_keras.tuning.ElasticSpace(
    ...     {"rate": ["WarmupCosine", "DecayOnStall"]}, others="fixed"
    ... )
    >>> x, y = np.ones((8, 3)), np.ones((8, 1))
    >>> with tempfile.TemporaryDirectory() as out:
    ...     found = aet_keras.tuning.search(
    ...         aet_keras.tuning.ElasticHyperModel(build_model, space),
    ...         out,
    ...         max_trials=2,
    ...         objective="val_loss",
    ...         x=x, y=y, validation_data=(x, y), epochs=1, verbose=0,
    ...     )
    >>> sorted(trial.to_text() for trial in found.trials)
    ['rate DecayOnStall', 'rate WarmupCosine']
    """
    owner = "search"
    of = keras_tuner.HyperModel
    check.instance(owner, of=of, hypermodel=hypermodel)
    space = getattr(hypermodel, "space", None)
    _check_direction(check.instance(owner, of=str, objective=objective))
    settings = Settings(
        tuner=check.one_of(owner, among=_choices.TUNERS, tuner=tuner),
        objective=objective,
        max_trials=check.positive_int(owner, max_trials=max_trials),
        seed=check.whole(owner, seed=seed),
        epochs=fit_arguments.get("epochs"),
        space=space and space.to_json(),
    )
    out = pathlib.Path(out)
    role = processes.here()
    join(settings, out, role, resume=resume, seconds=chief_timeout_seconds)
    with alone(out, role):
        return run(
            hypermodel,
            settings,
            out,
            role,
            watch=watch,
            fit_arguments=fit_arguments,
            explores=not role.is_worker,  # its chief did
        )


def _check_direction(objective):
    if not is_direction_known(objective):
        raise ValueError(
            "search: the name of `objective` must say whether higher or lower "
            "is better, because the worst trial would be taken for the best. "
            f"Received: objective={objective!r}. Name the metric so, such as "
            "`val_dice` or `val_wear_error`."
        )


def join(
    settings: Settings, out: pathlib.Path, role, *, resume: bool, seconds: float
) -> None:
    """Begins a search in a folder; a worker waits until its chief has."""
    if settings.tuner == "hyperband":
        check.positive_int("search", epochs=settings.epochs)
    if role.is_worker:
        check.positive("search", chief_timeout_seconds=seconds)
        role.wait_for_chief(seconds)
        settings.check_same(out)
        return
    publishing.publication.check_writable(out)
    settings.begin(out, resume=check.boolean("search", resume=resume))


@contextlib.contextmanager
def alone(out: pathlib.Path, role) -> Iterator[None]:
    """Lets one search at a time go on in a folder; its workers share it.

    Raises:
        TrainingError: if another one does.
    """
    if role.is_worker:
        yield
        return

    def refusal(error):
        return TrainingError(
            "search: one search at a time must have the folder, because two "
            f"would run the same trials. Received: {out}; {error}. Wait until "
            "it is over, or name another folder."
        )

    with _lock.alone(out, refusal, who="another search"):
        yield


def run(hypermodel, settings, out, role, **how) -> Search:
    """Runs the part of this process in a search that has begun.

    `how` are the arguments of `TrialRunner` that have no other source.
    """
    folder = out / "search"
    make = functools.partial(
        TrialRunner,
        make_oracle(settings, hypermodel),
        hypermodel,
        role=role,
        directory=folder,
        **how,
    )
    with _answered(folder, settings.objective, role):
        _go(make)
    result = Search.read(folder, settings.objective)
    check_any_ended_well(result, out)
    return result


def _go(make) -> None:
    """Makes a tuner and searches, without KerasTuner's prints and warnings."""
    stdout = sys.stdout
    logger = logging.getLogger("tensorflow")
    logger.addFilter(_is_no_retracing)
    with open(os.devnull, "w") as nowhere, warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="keras_tuner")
        warnings.filterwarnings("ignore", module="sklearn.gaussian_process")
        try:
            with contextlib.redirect_stdout(nowhere):
                tuner = _made(make, stdout)
                tuner.search()
        finally:
            logger.removeFilter(_is_no_retracing)


def _made(make, stdout):
    """Makes a tuner, which reads the files of an earlier run."""
    try:
        return make(stdout=stdout)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        folder = make.keywords["directory"]
        raise ValueError(damaged(folder, error)) from error


def _is_no_retracing(record):
    """Returns whether a log line is no warning about retracing."""
    return "triggered tf.function retracing" not in record.getMessage()


@contextlib.contextmanager
def _answered(folder, objective, role) -> Iterator[None]:
    """Turns an exception that ends a search into a `TrainingError`."""
    import grpc

    try:
        yield
    except KeyboardInterrupt:
        raise TrainingError(interrupted(folder, objective)) from None
    except grpc.RpcError as error:
        raise TrainingError(
            f"search: worker `{role.name}` must reach its chief at "
            f"{role.address}, because the chief hands out the trials. "
            f"Received: {error.code().name}. Look at what the chief says; "
            "`--resume` goes on with its search."
        ) from error
    except RuntimeError as error:
        if not role.is_chief or "bind" not in str(error).lower():
            raise
        raise TrainingError(
            f"search: the chief must have {role.address} to itself, because "
            f"its workers ask there. Received: {error}. Set "
            f"{processes.PORT} to a port that is free."
        ) from error


def interrupted(folder: pathlib.Path, objective: str) -> str:
    """Returns the sentence on a search that was interrupted."""
    ended = len(Search.read(folder, objective).trials)
    return (
        f"Stopped: the search was interrupted; {ended} "
        f"trial{'s' * (ended != 1)} had ended. `--resume` goes on with it."
    )


def check_any_ended_well(result: Search, out: pathlib.Path) -> None:
    """Raises a `TrainingError` if every trial has failed."""
    if result.best is not None:
        return
    first = result.trials[0].error if result.trials else "no trial was run"
    raise TrainingError(
        f"search: at least one trial must end well. Received: "
        f"{len(result.trials)} that failed, the first with {first} Each has "
        f"its traceback in {out / 'search'}/trial_*/outcome.json."
    )
