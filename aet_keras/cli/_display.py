"""What does a person see while a model trains?"""

import contextlib
import sys
import time
from collections.abc import Iterator

import keras
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from aet_keras.cli._steps import Steps

_ACCURACY = "accuracy"


@contextlib.contextmanager
def display(
    *, epochs: int, quiet: bool, steps: Steps | None = None
) -> Iterator[list[keras.callbacks.Callback]]:
    """Lends the observers that suit where the output goes.

    Keras does not end a run that was interrupted: whatever happens, the bar
    goes and the terminal gets its cursor back here.
    """
    if quiet:
        yield []
        return
    lines = EpochLines(epochs, is_terminal=sys.stdout.isatty(), steps=steps)
    try:
        yield [lines]
    finally:
        lines.close()


class EpochLines(keras.callbacks.Callback):
    """Prints one line an epoch; in a terminal, a bar while it runs.

    Args:
        epochs: int >= 1. Epochs planned.
        is_terminal: bool. Whether a bar can be drawn.
        steps: optional `Steps`, which leave the terminal to an epoch's bar.
    """

    def __init__(
        self, epochs: int, *, is_terminal: bool, steps: Steps | None = None
    ):
        super().__init__()
        self._steps = steps
        self.epochs = epochs
        self.is_terminal = is_terminal
        self._console = Console(highlight=False, soft_wrap=True)
        self._bar = None
        self._metric = None
        self._note = ""  # what the epoch does beside training

    def on_epoch_begin(self, epoch, logs=None):
        self._begun = time.perf_counter()
        self._note = ""
        if self._steps is not None:
            self._steps.give_way(self._show)
        if not self.is_terminal:
            return
        self._bar = Progress(
            TextColumn(f"epoch {epoch + 1:>{len(str(self.epochs))}}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[loss]}"),
            console=self._console,
            transient=True,
        )
        self._task = self._bar.add_task(
            "batches", total=self.params.get("steps"), loss=""
        )
        self._bar.start()

    def _show(self, text):
        self._note = text
        if self._bar is not None:
            self._bar.update(self._task, loss=text)

    def on_train_batch_end(self, batch, logs=None):
        if self._bar is not None:
            loss = f"loss {(logs or {}).get('loss', 0.0):.4f}"
            text = f"{loss}, {self._note}" if self._note else loss
            self._bar.update(self._task, completed=batch + 1, loss=text)

    def on_epoch_end(self, epoch, logs=None):
        self.close()
        logs = logs or {}
        if self._metric is None:  # the first epoch says what is measured
            self._metric = _metric(logs)
            self._console.print(self._header())
        self._console.print(self._line(epoch, logs))
        if self._steps is not None:
            self._steps.come_back()

    def close(self):
        """Takes the bar away, if there is one."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        if self._steps is not None:
            self._steps.close()

    def _header(self):
        metric, width = self._metric, len(self._metric)
        return (
            f"{'epoch':>9} {'loss':>10}{metric:>{width + 2}}{'val_loss':>10}"
            f"{f'val_{metric}':>{width + 6}}{'rate':>9}{'moving':>8}"
            f"{'seconds':>9}"
        )

    def _line(self, epoch, logs):
        seconds = time.perf_counter() - self._begun
        width = len(self._metric)
        groups = int(logs.get("elastic_freezing/trained_groups", 0))
        return (
            f"{epoch + 1:>5}/{self.epochs:<4}"
            f"{_number(logs, 'loss')}{_number(logs, self._metric):>{width + 2}}"
            f"{_number(logs, 'val_loss')}"
            f"{_number(logs, f'val_{self._metric}'):>{width + 6}}"
            f"{logs.get('adaptive_learning_rate/rate', 0.0):>9.1e}"
            f"{f'head+{groups}' if groups else 'head':>8}{seconds:>9.1f}"
        )


def _metric(logs):
    """Returns what is measured beside the loss."""
    others = [key for key in logs if f"val_{key}" in logs and key != "loss"]
    return _ACCURACY if _ACCURACY in logs or not others else others[0]


def _number(logs, key):
    value = logs.get(key, float("nan"))
    return f"{value:>10.4f}" if value < 1e4 else f"{value:>10.2e}"
