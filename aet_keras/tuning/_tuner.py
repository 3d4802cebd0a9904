"""Runs one trial, whichever oracle chose it and whatever goes wrong."""

import contextlib
import copy
import dataclasses
import math
import time
import traceback
from collections.abc import Mapping
from pathlib import Path

import keras
import keras_tuner
import numpy as np
from keras_tuner.engine import base_tuner

from aet_keras import _check as check
from aet_keras import _files, _progress
from aet_keras.errors import TrainingError
from aet_keras.tuning.trials import OUTCOME, Search, Trial

_ATTEMPTS = "attempts"
_MOST_ATTEMPTS = 3
_IDLE_SECONDS = 0.5
_LOST_SECONDS = 60.0


class TrialRunner(base_tuner.BaseTuner):
    """Runs the trials that an oracle chooses, and writes their outcomes.

    KerasTuner calls its methods. A trial that fails is over, with its
    exception in its `outcome.json`; the search goes on.

    Args:
        oracle: `keras_tuner.Oracle`.
        hypermodel: `keras_tuner.HyperModel`.
        role: `Role` of this process.
        watch: function of a `Trial`, called after each.
        directory: path of the folder of the search.
        fit_arguments: dict. What the hypermodel's `fit` is given.
        explores: bool. Whether `build` declares more than
            `declare_hyperparameters` did: it is called until all is known.
        stdout: where trials print; the output of KerasTuner is dropped.
        make_trackers: function of a trial's number that returns the trackers
            of its run.
    """

    def __init__(
        self,
        oracle,
        hypermodel,
        *,
        role,
        watch,
        directory,
        fit_arguments,
        explores,
        stdout,
        make_trackers=lambda number: (),
    ):
        self.fit_arguments = fit_arguments
        self.role = role
        self.watch = watch
        self._stdout = stdout
        self._make_trackers = make_trackers
        self._outcome = None
        self._is_idle = False
        path = Path(directory)
        super().__init__(
            oracle,
            hypermodel if explores else None,
            directory=str(path.parent),
            project_name=path.name,
        )
        self.hypermodel = hypermodel

    def pre_create_trial(self):
        if self._is_idle:  # the oracle waits for others; it was just asked
            time.sleep(_IDLE_SECONDS)
        self._is_idle = True
        self._check_chief()

    def on_trial_begin(self, trial):
        self._is_idle = False

    def run_trial(self, trial):
        objective = self.oracle.objective
        folder = Path(self.get_trial_dir(trial.trial_id))
        done = _read(folder)
        if done is None:
            with contextlib.redirect_stdout(self._stdout):
                done = self._run(trial, folder)
        self._outcome = done
        self._check_chief()
        worst = -math.inf if objective.direction == "max" else math.inf
        return {objective.name: worst, **done.figures}

    def on_trial_end(self, trial):
        if self._outcome.error is not None:
            trial.status = "FAILED"  # KerasTuner saw figures, if not numbers
            trial.message = self._outcome.traceback
        self._check_chief()
        super().on_trial_end(trial)
        with contextlib.redirect_stdout(self._stdout):
            self.watch(self._outcome)

    def _run(self, trial, folder):
        """Runs a trial, and writes its outcome before it is reported."""
        blank = Trial(
            number=int(trial.trial_id) + 1,
            values=dict(trial.hyperparameters.values),
            worker=self.role.name,
            begun=time.time(),
        )
        count = _begin_attempt(folder)
        try:
            with self._tracked(blank) as trackers:
                found = {"figures": self._try(trial, count, trackers)}
                self._record(blank, found["figures"], trackers)
        except keras_tuner.errors.FatalError:
            raise
        except Exception as error:  # whatever a model may raise
            found = {
                "error": check.kind_and_line(error),
                "traceback": traceback.format_exc(),
            }
        except KeyboardInterrupt:
            _take_back_attempt(folder)
            raise
        seconds = time.time() - blank.begun
        outcome = dataclasses.replace(blank, seconds=seconds, **found)
        content = _files.json_bytes(dataclasses.asdict(outcome))
        _files.write_whole(folder / OUTCOME, content)
        return outcome

    @contextlib.contextmanager
    def _tracked(self, trial):
        trackers = self._make_trackers(trial.number)
        try:
            yield trackers
        finally:
            for each in trackers:
                each.finish()

    def _record(self, trial, figures, trackers):
        name = self.oracle.objective.name
        for each in trackers:
            each.record_hparams(trial.settings, {name: figures[name]})

    def _try(self, trial, count, trackers):
        if count > _MOST_ATTEMPTS:
            raise TrainingError(
                f"The process that ran it was killed {_MOST_ATTEMPTS} times."
            )
        keras.utils.clear_session()
        hp = trial.hyperparameters
        model = self.hypermodel.build(hp)
        # KerasTuner's rule: no two trials share a callback.
        settings = {**self.fit_arguments}
        callbacks = copy.deepcopy(settings.get("callbacks", []))
        settings["callbacks"] = [*callbacks, *trackers]
        if _progress.is_listened_to():
            settings["callbacks"].append(self._watching(trial.trial_id))
        if "tuner/epochs" in hp.values and "epochs" in settings:
            settings["epochs"] = hp.values["tuner/epochs"]
        return self._figures(self.hypermodel.fit(hp, model, **settings))

    def _watching(self, trial_id):
        objective = self.oracle.objective.name
        found = Search.read(Path(self.project_dir), objective)
        return TrialProgress(
            number=int(trial_id) + 1,
            trials=self.oracle.max_trials,
            objective=objective,
            best=found.best.figures[objective] if found.best else None,
        )

    def _figures(self, result):
        """Returns the logs of the best epoch, the objective among them."""
        name = self.oracle.objective.name
        if isinstance(result, keras.callbacks.History):
            result = self._best_epoch(result.history)
        if not isinstance(result, Mapping):
            result = {name: _number_of(result)}
        if name not in result:
            try:
                check.known("search", kind="figure", among=result, name=name)
            except ValueError as error:  # so would all trials
                raise keras_tuner.errors.FatalValueError(str(error)) from None
        figures = {k: float(value) for k, value in result.items()}
        if not math.isfinite(figures[name]):
            raise TrainingError(f"Stopped: `{name}` is {figures[name]}.")
        return figures

    def _best_epoch(self, history):
        name = self.oracle.objective.name
        rows = history.get(name, [])
        trials = [Trial(i, {}, {name: row}) for i, row in enumerate(rows)]
        finite = [t for t in trials if math.isfinite(t.figures[name])]
        best = Search(tuple(finite), name).best
        epoch = best.number if best else -1
        last = {k: row[epoch] for k, row in history.items()}
        return {**last, "epochs": len(next(iter(history.values()), ()))}

    def _check_chief(self):
        if self.role.is_worker:
            self.role.wait_for_chief(_LOST_SECONDS)


class TrialProgress(keras.callbacks.Callback):
    """Reports how far a trial is.

    Args:
        number: int >= 1. Which trial it is.
        trials: int >= 1. How many there are at most.
        objective: str. The figure that trials are judged by.
        best: optional float. The best of the trials before it.
    """

    def __init__(self, *, number, trials, objective, best):
        super().__init__()
        self.number = number
        self.trials = trials
        self.objective = objective
        self.best = best

    def on_train_begin(self, logs=None):
        self._report(0, {})

    def on_epoch_end(self, epoch, logs=None):
        self._report(epoch + 1, logs or {})

    def _report(self, epoch, logs):
        most = self.params.get("epochs") or 1
        now = logs.get(self.objective)
        notes = [] if now is None else [f"{self.objective} {now:.4f}"]
        notes += [] if self.best is None else [f"best so far {self.best:.4f}"]
        _progress.report(
            f"trial {self.number} of {self.trials}",
            epoch,
            total=most,
            unit="epoch",
            note=", ".join(notes),
            ratio=min(1.0, (self.number - 1 + epoch / most) / self.trials),
        )


def _number_of(result):
    """Returns what `fit` of a hypermodel returned, if it is one number."""
    try:
        (number,) = np.asarray(result, "float64").reshape(-1)
    except (TypeError, ValueError):
        raise TypeError(
            "search: `fit` of the hypermodel must return a History, a dict of "
            "figures or one number, because the trial is judged by it. "
            f"Received: {check.shown(result)}. Return the mean of several."
        ) from None
    return number


def _read(folder):
    """Returns the outcome of a trial that ended well before a kill."""
    path = folder / OUTCOME
    found = Trial.load(path) if path.exists() else None
    return None if found is None or found.error else found


def _begin_attempt(folder):
    """Counts the attempts at a trial; after a kill only this is left."""
    path = folder / _ATTEMPTS
    count = int(path.read_text()) + 1 if path.exists() else 1
    _files.write_whole(path, str(count).encode())
    return count


def _take_back_attempt(folder):
    path = folder / _ATTEMPTS
    count = int(path.read_text()) - 1
    _files.write_whole(path, str(count).encode())
