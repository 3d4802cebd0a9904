"""What does a person see while a model trains?"""

import contextlib
import sys
import time
from collections.abc import Iterator

import keras
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

_HEADER = (
    f"{'epoch':>9} {'loss':>10}{'accuracy':>10}{'val_loss':>10}"
    f"{'val_accuracy':>14}{'rate':>9}{'moving':>8}{'seconds':>9}"
)


@contextlib.contextmanager
def display(
    *, epochs: int, quiet: bool
) -> Iterator[list[keras.callbacks.Callback]]:
    """Lends the observers that suit where the output goes.

    Keras does not end a run that was interrupted: whatever happens, the bar
    goes and the terminal gets its cursor back here.
    """
    if quiet:
        yield []
        return
    lines = EpochLines(epochs, is_terminal=sys.stdout.isatty())
    try:
        yield [lines]
    finally:
        lines.close()


class EpochLines(keras.callbacks.Callback):
    """Prints one line an epoch; in a terminal, a bar while it runs.

    Args:
        epochs: int >= 1. Epochs planned.
        is_terminal: bool. Whether a bar can be drawn.
    """

    def __init__(self, epochs: int, *, is_terminal: bool):
        super().__init__()
        self.epochs = epochs
        self.is_terminal = is_terminal
        self._console = Console(highlight=False, soft_wrap=True)
        self._bar = None

    def on_train_begin(self, logs=None):
        self._console.print(_HEADER)

    def on_epoch_begin(self, epoch, logs=None):
        self._begun = time.perf_counter()
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

    def on_train_batch_end(self, batch, logs=None):
        if self._bar is not None:
            loss = f"loss {(logs or {}).get('loss', 0.0):.4f}"
            self._bar.update(self._task, completed=batch + 1, loss=loss)

    def on_epoch_end(self, epoch, logs=None):
        self.close()
        self._console.print(self._line(epoch, logs or {}))

    def close(self):
        """Takes the bar away, if there is one."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _line(self, epoch, logs):
        seconds = time.perf_counter() - self._begun
        groups = int(logs.get("elastic_freezing/trained_groups", 0))
        return (
            f"{epoch + 1:>5}/{self.epochs:<4}"
            f"{_number(logs, 'loss')}{_number(logs, 'accuracy')}"
            f"{_number(logs, 'val_loss')}{_number(logs, 'val_accuracy'):>14}"
            f"{logs.get('adaptive_learning_rate/rate', 0.0):>9.1e}"
            f"{f'head+{groups}' if groups else 'head':>8}{seconds:>9.1f}"
        )


def _number(logs, key):
    value = logs.get(key, float("nan"))
    return f"{value:>10.4f}" if value < 1e4 else f"{value:>10.2e}"
