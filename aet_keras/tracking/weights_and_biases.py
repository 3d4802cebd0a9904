"""Logs a run to Weights & Biases."""

import html
import io
import os
import shlex
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from aet_keras import _check as check
from aet_keras._optional import optional
from aet_keras._renamed import renamed_arguments
from aet_keras.engine import Engine
from aet_keras.evaluation import Report
from aet_keras.evaluation.classification import Classification
from aet_keras.tracking import _records, _writing

_MODES = ("offline", "online", "shared", "disabled")


class WeightsAndBiases(keras.callbacks.Callback):
    """Logs a run to Weights & Biases: what callbacks log, and its groups.

    For each epoch it logs what all callbacks log, whatever its place
    among them, `learning_rate`, and if `ElasticFreezing` steers groups
    `group_trainable/GROUP`, `group_multiplier/GROUP` and
    `group_gradient_share/GROUP`, as in `TensorBoard`.

    Each `fit` begins a run, which stays open for a report: call `finish()`,
    or let the end of the process do it. A run that is active already
    (`wandb.init`) is used instead, and left open. Nothing leaves the machine
    unless the mode says so.

    If a write fails during training, there is one warning and the training
    continues without it: see `failure`.

    Args:
        project: str. What the run belongs to.
        directory: path. The run is in `directory/wandb/`. Defaults to the
            working directory.
        mode: optional `"offline"`, `"online"`, `"shared"` or `"disabled"`.
            Defaults to what the variable `WANDB_MODE` says, else to
            `"offline"`. Disabled, it does nothing.
        histogram_freq: int >= 0. Log histograms of the weights after this many
            epochs; 0 logs none. Defaults to `0`.

    Attributes:
        failure: str or None. Why logging has stopped.
        where: str. The command or the address that shows the run; empty
            where there is none.

    Raises:
        ImportError: if the package `wandb` is missing.
        ValueError: if an argument is out of its range; at the start of `fit`,
            if the folder cannot be written or no run can begin.

    Cost: one pass over gradients and weights of the groups, on one update in
        ten. It changes no result.

    Example:

    >>> import tempfile
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> tracker = aet_keras.tracking.WeightsAndBiases(
    ...     "clothes", directory=tempfile.mkdtemp(), mode="offline"
    ... )
    >>> x = np.ones((4, 2)), np.ones((4, 1))
    >>> _ = model.fit(*x, epochs=2, verbose=0, callbacks=[tracker])
    >>> tracker.finish()
    >>> tracker.where
    'wandb sync .../wandb/offline-run-...'
    """

    def __init__(
        self,
        project: str,
        *,
        directory: str | os.PathLike = ".",
        mode: str | None = None,
        histogram_freq: int = 0,
    ):
        super().__init__()
        optional("wandb", extra="tracking")
        self.project = check.instance(self, of=str, project=project)
        self.directory = _writing.path(self, directory=directory)
        mode = mode or os.environ.get("WANDB_MODE") or _MODES[0]
        self.mode = check.one_of(self, mode=mode, among=_MODES)
        self.histogram_freq = check.whole(self, histogram_freq=histogram_freq)
        self.where = ""
        self._guard = _writing.Guard("WeightsAndBiases", "the run")
        self._writing: list[_writing.GuardedCallback] = []
        self._run: Any = None
        self._is_ours = False

    @property
    def failure(self) -> str | None:
        """Why logging has stopped, or None."""
        return self._guard.failure

    def on_train_begin(self, logs=None):
        self.finish()
        if self.mode == "disabled":
            return  # no run at all: W&B's own would look like the user's
        self._begin()
        self._guard = _writing.Guard(
            "WeightsAndBiases", f"the run {self._run.id}"
        )
        ours = RunEvents(self._run, self.histogram_freq)
        self._writing = _writing.write_last(self, [ours], self._guard)

    get_state, set_state = check.NO_STATE  # a resumed `fit` logs a run again

    @renamed_arguments(picture="chart")
    def record_report(
        self, report: Report, *, chart: str | os.PathLike | None = None
    ) -> None:
        """Logs a finished report: chart, text, confusion matrix of classes.

        Args:
            report: `aet_keras.evaluation.Report`.
            chart: optional path of its PNG. Drawn if not given.

        Raises:
            ValueError: if no `fit` has begun a run.
        """
        if self.mode == "disabled":
            return
        self._check_begun()
        self._guard.call(write_report, self._run, report, chart)

    def record_hparams(
        self, values: Mapping[str, Any], metrics: Mapping[str, float]
    ) -> None:
        """Writes the settings and results of a run.

        Args:
            values: dict from names to what JSON can hold; the configuration.
            metrics: dict from names to floats; the summary.

        Raises:
            ValueError: if no `fit` has begun a run.
        """
        if self.mode == "disabled":
            return
        self._check_begun()
        self._guard.call(self._run.config.update, dict(values))
        self._guard.call(self._run.summary.update, dict(metrics))

    def finish(self) -> None:
        """Ends the run that `fit` began; an interrupted one as failed."""
        run, self._run = self._run, None
        if run is None or not self._is_ours:
            return
        is_whole = all(each.has_ended for each in self._writing)
        self._guard.end(run.finish, exit_code=0 if is_whole else 1)

    def _begin(self):
        wandb = optional("wandb", extra="tracking")
        self._is_ours = wandb.run is None
        self._run = self._init(wandb) if self._is_ours else wandb.run
        self.where = _where(self._run)

    def _init(self, wandb):
        _writing.make_folder(self, self.directory, argument="directory")
        settings = wandb.Settings(
            console="off",  # it would take the place of the terminal
            silent=self.mode == "offline",
        )
        try:
            run = wandb.init(
                project=self.project,
                dir=self.directory,
                mode=self.mode,
                reinit="create_new",  # leaves `wandb.run` to the user
                settings=settings,
            )
            run.define_metric("*", step_metric="epoch")
            return run
        except wandb.Error as error:
            reason = check.first_line(error).rstrip(".")
            raise ValueError(
                "WeightsAndBiases: a run must be able to begin, because the "
                f"training is logged to it. Received: mode={self.mode!r}: "
                f'{reason}. Log in by `wandb login`, or pass mode="offline" '
                "(`WANDB_MODE=offline`)."
            ) from error

    def _check_begun(self):
        if self._run is None:
            raise ValueError(
                "WeightsAndBiases: there must be a run to write to, because a "
                "report is part of one. Received: none that `fit` has begun, "
                "or one that was finished. Call `finish()` last."
            )


def _where(run):
    if run.settings.mode == "offline":
        return f"wandb sync {shlex.quote(run.settings.sync_dir)}"
    return run.url or ""


class RunEvents(keras.callbacks.Callback):
    """Logs an epoch: what callbacks log, the groups, and histograms.

    Args:
        run: a run of `wandb`.
        histogram_freq: int >= 0. Every how many epochs; 0 for never.
    """

    def __init__(self, run, histogram_freq: int):
        super().__init__()
        self._run = run
        self._histogram_freq = histogram_freq

    def on_epoch_begin(self, epoch, logs=None):
        _records.watch(self.model, self.params.get("steps"))

    def on_epoch_end(self, epoch, logs=None):
        rate = Engine.of(self.model).rate
        found = {"learning_rate": rate, **_records.read_groups(self.model)}
        if self._histogram_freq and epoch % self._histogram_freq == 0:
            found |= _histograms(self.model)
        self._run.log({**(logs or {}), **found, "epoch": epoch})


def write_report(run, report: Report, chart=None) -> None:
    """Logs a report's chart and text, and a confusion matrix of classes."""
    wandb = optional("wandb", extra="tracking")
    text = f"<pre>{html.escape(report.to_text())}</pre>"
    found = {
        "report": _image(_records.report_png(report, chart)),
        "report_text": wandb.Html(text, inject=False),
    }
    if isinstance(report.test, Classification):
        found |= _matrix(report.test)
    run.log(found)


def _matrix(scores):
    wandb = optional("wandb", extra="tracking")
    names = [score.name for score in scores.per_class]
    counts = scores.confusion_matrix
    rows = [[name, *row] for name, row in zip(names, counts, strict=True)]
    columns = ["true \\ predicted", *names]
    return {
        "confusion_matrix": _image(_records.matrix_png(scores)),
        "confusion_matrix_table": wandb.Table(columns=columns, data=rows),
    }


def _histograms(model):
    wandb = optional("wandb", extra="tracking")
    found = {}
    for weight in model.weights:
        counted = np.histogram(weight.numpy(), bins=30)
        histogram = wandb.Histogram(np_histogram=counted)
        found[f"{weight.path}/histogram"] = histogram
    return found


def _image(png):
    Image = optional("PIL.Image", extra="training")

    wandb = optional("wandb", extra="tracking")
    return wandb.Image(Image.open(io.BytesIO(png)))
