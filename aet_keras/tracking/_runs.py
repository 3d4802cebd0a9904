"""What is written into a run of Weights & Biases?"""

import html
import io

import keras
import numpy as np

from aet_keras._optional import optional
from aet_keras.engine import Engine
from aet_keras.evaluation import Classification, Report
from aet_keras.tracking import _groups, _pictures


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
        _groups.watch(self.model, self.params.get("steps"))

    def on_epoch_end(self, epoch, logs=None):
        rate = Engine.of(self.model).rate
        found = {"learning_rate": rate, **_groups.read_groups(self.model)}
        if self._histogram_freq and epoch % self._histogram_freq == 0:
            found |= _histograms(self.model)
        self._run.log({**(logs or {}), **found, "epoch": epoch})


def write_report(run, report: Report, picture=None) -> None:
    """Logs a report's picture and text, and a confusion matrix of classes."""
    wandb = optional("wandb", extra="tracking")
    text = f"<pre>{html.escape(report.to_text())}</pre>"
    found = {
        "report": _image(_pictures.report_png(report, picture)),
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
        "confusion_matrix": _image(_pictures.matrix_png(scores)),
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
    from PIL import Image

    wandb = optional("wandb", extra="tracking")
    return wandb.Image(Image.open(io.BytesIO(png)))
