"""Writes a run for TensorBoard."""

import contextlib
import functools
import inspect
import os
import shlex
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from aet_keras import _check as check
from aet_keras._keras import summary_writers
from aet_keras._optional import optional
from aet_keras._renamed import renamed_arguments
from aet_keras.evaluation import Report
from aet_keras.evaluation.classification import Classification
from aet_keras.tracking import _records, _writing


class TensorBoard(keras.callbacks.Callback):
    """Writes a run for TensorBoard: what Keras writes, and its groups.

    `keras.callbacks.TensorBoard` writes as usual, and sees what all callbacks
    log, whatever its place among them. Besides its runs `train` and
    `validation` there is a run for each group that `ElasticFreezing` steers,
    `groups/GROUP`, so that all groups share three charts:
    `group_trainable` (1 moved, 0 frozen), `group_multiplier` (the rate as a
    share of the head's, 0 if frozen) and `group_gradient_share` (the norm of
    the gradient divided by that of the weights, as a share of the sum over
    the groups that moved). Steps are epochs, counted from 0 as Keras does.

    If a write fails during training, there is one warning and the training
    continues without it: see `failure`.

    Args:
        log_dir: path. The folder of this run; runs to be compared lie beside
            each other.
        histogram_freq: int >= 0. Write histograms of the weights every so
            many epochs; 0 writes none. Defaults to `0`.
        **keras_arguments: what else `keras.callbacks.TensorBoard` takes.
            `write_graph` is False if not given: the graph changes with what
            is frozen.

    Attributes:
        failure: str or None. Why writing has stopped.
        where: str. The command that shows the run.

    Raises:
        ImportError: if the package `tensorboard` is missing.
        ValueError: if an argument is not known; at the start of `fit`, if the
            folder cannot be written.

    Cost: one pass over gradients and weights of the groups, on one update in
        ten; it changes no result. A histogram takes Keras some 8 ms a weight:
        2 s for all of MobileNetV2.

    Example:

    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> board = aet_keras.tracking.TensorBoard(folder)
    >>> x = np.ones((4, 2)), np.ones((4, 1))
    >>> _ = model.fit(*x, epochs=2, verbose=0, callbacks=[board])
    >>> import os
    >>> os.listdir(folder), board.failure
    (['train'], None)
    """

    def __init__(
        self,
        log_dir: str | os.PathLike,
        *,
        histogram_freq: int = 0,
        **keras_arguments: Any,
    ):
        super().__init__()
        optional("tensorboard", extra="tracking")
        # Read when `fit` starts: KerasTuner gives each trial a folder so.
        self.log_dir = _writing.path(self, log_dir=log_dir)
        self.histogram_freq = check.whole(self, histogram_freq=histogram_freq)
        for name in keras_arguments:
            check.known(self, among=_known(), kind="argument", name=name)
        self.keras_arguments = {"write_graph": False, **keras_arguments}
        self._guard = _writing.Guard("TensorBoard", self.log_dir)
        self._writing: list[_writing.GuardedCallback] = []

    @property
    def failure(self) -> str | None:
        """Why writing has stopped, or None."""
        return self._guard.failure

    @property
    def where(self) -> str:
        """The command that shows the run."""
        return f"tensorboard --logdir {shlex.quote(self.log_dir)}"

    def on_train_begin(self, logs=None):
        _writing.make_folder(self, self.log_dir, argument="log_dir")
        known = summary_writers.remember()
        self._guard = _writing.Guard(
            "TensorBoard",
            self.log_dir,
            functools.partial(summary_writers.bring_back, known),
        )
        theirs = keras.callbacks.TensorBoard(
            self.log_dir,
            histogram_freq=self.histogram_freq,
            **self.keras_arguments,
        )
        ours = GroupEvents(self.log_dir)
        self._writing = _writing.write_last(self, [theirs, ours], self._guard)

    def on_train_batch_end(self, batch, logs=None):
        pass  # without this hook Keras calls the others in a thread

    get_state, set_state = check.NO_STATE  # a resumed run writes on

    @renamed_arguments(picture="chart")
    def record_report(
        self, report: Report, *, chart: str | os.PathLike | None = None
    ) -> None:
        """Writes a finished report: chart, text, confusion matrix of classes.

        Args:
            report: `aet_keras.evaluation.Report`.
            chart: optional path of its PNG. Drawn if not given.
        """
        write = write_report
        self._guard.call(write, self.log_dir, report, chart)

    def record_hparams(
        self, values: Mapping[str, Any], metrics: Mapping[str, float]
    ) -> None:
        """Writes the settings and results of a run, once a run.

        TensorBoard shows it as a row of its table of hyperparameters.

        Args:
            values: dict from names to bools, numbers or strings; anything
                else is written as a string.
            metrics: dict from names to floats.
        """
        write = write_hparams
        self._guard.call(write, self.log_dir, values, metrics)

    def finish(self) -> None:
        """Closes the files of a `fit` that was interrupted."""
        for each in self._writing:
            each.end()
        self._writing = []


def _known():
    parameters = inspect.signature(keras.callbacks.TensorBoard).parameters
    return [name for name in parameters if name != "log_dir"]


# A folder each, which is a run to TensorBoard: all groups share one chart.
_GROUPS, _REPORT = "groups", "report"


class GroupEvents(keras.callbacks.Callback):
    """Writes the figures of each group when an epoch ends.

    Args:
        log_dir: str. The folder of the run.
    """

    def __init__(self, log_dir: str):
        super().__init__()
        self._log_dir = log_dir
        self._writers: dict[str, tf.summary.SummaryWriter] = {}

    def on_epoch_begin(self, epoch, logs=None):
        _records.watch(self.model, self.params.get("steps"))

    def on_epoch_end(self, epoch, logs=None):
        for key, value in _records.read_groups(self.model).items():
            kind, _, name = key.partition("/")
            with _default(self._writer(name), epoch):
                tf.summary.scalar(kind, value)
        for writer in self._writers.values():
            writer.flush()

    def on_train_end(self, logs=None):
        for writer in self._writers.values():
            writer.close()

    def _writer(self, name):
        if name not in self._writers:
            folder = os.path.join(self._log_dir, _GROUPS, name)
            self._writers[name] = tf.summary.create_file_writer(folder)
        return self._writers[name]


def write_report(log_dir: str, report: Report, chart=None) -> None:
    """Writes a report's chart and text, and a confusion matrix of classes."""
    drawn = _records.report_png(report, chart)
    writer = tf.summary.create_file_writer(os.path.join(log_dir, _REPORT))
    with _default(writer, report.best_epoch):
        tf.summary.image("report", tf.io.decode_png(drawn)[None])
        tf.summary.text("report_text", _records.code_block(report.to_text()))
        if isinstance(report.test, Classification):
            matrix = _records.matrix_png(report.test)
            table = _records.matrix_table(report.test)
            tf.summary.image("confusion_matrix", tf.io.decode_png(matrix)[None])
            tf.summary.text("confusion_matrix_table", table)
    writer.close()


def write_hparams(
    log_dir: str, values: Mapping[str, Any], metrics: Mapping[str, float]
) -> None:
    """Writes one row of TensorBoard's table of hyperparameters."""
    summary = optional("tensorboard.plugins.hparams.summary", extra="tracking")
    hparams = optional("tensorboard.plugins.hparams.api", extra="tracking")
    status = optional("tensorboard.plugins.hparams.api_pb2", extra="tracking")
    end = summary.session_end_pb(status.STATUS_SUCCESS)
    writer = tf.summary.create_file_writer(log_dir)
    with _default(writer, 0):
        hparams.hparams({name: _plain(each) for name, each in values.items()})
        for name, value in metrics.items():
            tf.summary.scalar(name, value)
        tf.summary.experimental.write_raw_pb(end.SerializeToString())
    writer.close()


@contextlib.contextmanager
def _default(writer, step):
    known = summary_writers.remember()
    try:
        with writer.as_default(step=step):
            yield
    finally:
        summary_writers.bring_back(known)


def _plain(value):
    """Returns a value that the table can hold: bool, number or text."""
    value = value.item() if isinstance(value, np.generic) else value
    return value if isinstance(value, bool | int | float) else str(value)
