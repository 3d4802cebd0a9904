"""What stands in TensorBoard's event files beside what Keras writes?"""

import contextlib
import os
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from aet_keras._keras import summary_writers
from aet_keras._optional import optional
from aet_keras.evaluation import Classification, Report
from aet_keras.tracking import _groups, _pictures

# A folder each, which is a run to TensorBoard: all groups share one chart.
_GROUPS, _REPORT = "groups", "report"


class GroupEvents(keras.callbacks.Callback):
    """Writes what is known of each group when an epoch ends.

    Args:
        log_dir: str. The folder of the run.
    """

    def __init__(self, log_dir: str):
        super().__init__()
        self._log_dir = log_dir
        self._writers: dict[str, tf.summary.SummaryWriter] = {}

    def on_epoch_begin(self, epoch, logs=None):
        _groups.watch(self.model, self.params.get("steps"))

    def on_epoch_end(self, epoch, logs=None):
        for key, value in _groups.read_groups(self.model).items():
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


def write_report(log_dir: str, report: Report, picture=None) -> None:
    """Writes a report's picture and text, and a confusion matrix of classes."""
    drawn = _pictures.report_png(report, picture)
    writer = tf.summary.create_file_writer(os.path.join(log_dir, _REPORT))
    with _default(writer, report.best_epoch):
        tf.summary.image("report", tf.io.decode_png(drawn)[None])
        tf.summary.text("report_text", _pictures.code_block(report.to_text()))
        if isinstance(report.test, Classification):
            matrix = _pictures.matrix_png(report.test)
            table = _pictures.matrix_table(report.test)
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
    """Returns what the table can hold: a bool, a number or words."""
    value = value.item() if isinstance(value, np.generic) else value
    return value if isinstance(value, bool | int | float) else str(value)
