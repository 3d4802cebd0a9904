"""What does a person see while a model trains?"""

import sys
import time

import keras
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn


def display_for(*, epochs: int, quiet: bool) -> list[keras.callbacks.Callback]:
    """Returns the observers that suit where the output goes."""
    if quiet:
        return []
    return [EpochLines(epochs, is_terminal=sys.stdout.isatty())]


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
        self._console = Console(highlight=False)
        self._bar = None

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
        self._close()
        self._console.print(self._line(epoch, logs or {}))

    def on_train_end(self, logs=None):
        self._close()

    def _close(self):
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _line(self, epoch, logs):
        seconds = time.perf_counter() - self._begun
        width = len(str(self.epochs))
        groups = logs.get("elastic_freezing/trained_groups", 0)
        parts = [
            f"epoch {epoch + 1:>{width}}/{self.epochs}",
            f"loss {logs.get('loss', float('nan')):.4f}",
            f"accuracy {logs.get('accuracy', float('nan')):.4f}",
            f"val_loss {logs.get('val_loss', float('nan')):.4f}",
            f"val_accuracy {logs.get('val_accuracy', float('nan')):.4f}",
            f"rate {logs.get('adaptive_learning_rate/rate', 0.0):.1e}",
            f"head + {groups:g}" if groups else "head",
            f"{seconds:.1f} s",
        ]
        return "  ".join(parts)
