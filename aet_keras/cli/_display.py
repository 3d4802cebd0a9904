"""Shows a person how training and other slow work goes on.

Training prints one line an epoch, in a terminal with a bar while it runs.
Other slow work has a bar on the error stream, which goes when the work is
done; where that is no terminal, a line now and then without control characters.
"""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import keras
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Column

from aet_keras import _check as check
from aet_keras import _log_keys as log_keys

_ACCURACY = "accuracy"
_PATIENCE_SECONDS = 5.0  # what is done sooner needs no line


def duration(seconds: float) -> str:
    """Returns seconds as a person says them: `1 h 05 min`, `40 s`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


class ProgressBar:
    """Shows how far slow work is, as `_progress.report` says.

    Args:
        is_terminal: bool. Whether a bar can be drawn on the error stream.
        clock: function that returns seconds.
    """

    def __init__(
        self,
        *,
        is_terminal: bool | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        asked = sys.stderr.isatty() if is_terminal is None else is_terminal
        self.is_terminal = asked
        self._clock = clock
        self._whole_begun = self._printed = clock()
        self._what, self._begun = None, self._printed
        self._bar = None
        self._elsewhere: Callable[[str], None] | None = None

    def __call__(self, step: Any) -> None:
        """Shows one report."""
        now = self._clock()
        if step.what != self._what:
            self._what, self._begun = step.what, now
        if self._elsewhere is not None:
            self._elsewhere(self._line(step, now))
        elif self.is_terminal:
            self._draw(step, now)
        if not self.is_terminal and now - self._printed >= _PATIENCE_SECONDS:
            self._printed = now
            print(self._line(step, now), file=sys.stderr, flush=True)

    def hand_over(self, show: Callable[[str], None]) -> None:
        """Lets another bar show the reports, until `take_back`."""
        self.close()
        self._elsewhere = show

    def take_back(self) -> None:
        """Shows reports itself again; a line has just been printed."""
        self._elsewhere = None
        self._printed = self._clock()

    def close(self) -> None:
        """Removes the bar, if there is one."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _left(self, step, now):
        """Returns the time left, in words, estimated from the time it took."""
        if step.ratio is not None:
            ratio, begun = step.ratio, self._whole_begun
        elif step.total:
            ratio, begun = (step.done or 0) / step.total, self._begun
        else:
            return ""
        if not 0 < ratio < 1:
            return ""
        left = (now - begun) * (1 - ratio) / ratio
        most = "at most " if step.ratio is not None else ""
        return f"{most}{duration(left)} left"

    def _line(self, step, now):
        count = ""
        if step.total is not None:
            count = f"{step.unit} {step.done} of {step.total}".strip()
        parts = [step.what, count, step.note, self._left(step, now)]
        return ", ".join(part for part in parts if part)

    def _draw(self, step, now):
        if self._bar is None:
            self._bar = _bar()
            self._task = self._bar.add_task("", total=None, text="")
            self._bar.start()
        self._bar.update(
            self._task,
            completed=step.done or 0,
            total=step.total,
            text=self._line(step, now),
        )


def _bar():
    text = TextColumn(  # it wraps where the terminal is narrow
        "{task.fields[text]}",
        markup=False,
        table_column=Column(ratio=1, no_wrap=False),
    )
    return Progress(
        BarColumn(bar_width=12),
        text,
        console=Console(stderr=True, highlight=False),
        expand=True,
        transient=True,
        redirect_stdout=False,  # the tuner sends it elsewhere, and back
    )


@contextlib.contextmanager
def display(
    *, epochs: int | None, quiet: bool, bar: ProgressBar | None = None
) -> Iterator[list[keras.callbacks.Callback]]:
    """Provides the callbacks that show a run; `quiet` needs none.

    Keras does not end a run that was interrupted, so the bar is removed here
    and the terminal gets its cursor back.
    """
    if quiet:
        yield []
        return
    lines = EpochLines(epochs, is_terminal=sys.stdout.isatty(), bar=bar)
    try:
        yield [lines]
    finally:
        lines.close()


class EpochLines(keras.callbacks.Callback):
    """Prints one line an epoch, and in a terminal shows a bar meanwhile.

    Args:
        epochs: optional int >= 1. Epochs planned. None if the run decides.
        is_terminal: bool. Whether a bar can be drawn.
        bar: optional `ProgressBar`. Within an epoch, the epoch's bar shows
            its reports.
    """

    def __init__(
        self,
        epochs: int | None,
        *,
        is_terminal: bool,
        bar: ProgressBar | None = None,
    ):
        super().__init__()
        self._reports = bar
        self._epochs = epochs
        self.is_terminal = is_terminal
        self._console = Console(highlight=False, soft_wrap=True)
        self._bar = None
        self._metric = None
        self._note = ""  # what the epoch does besides training

    get_state, set_state = check.NO_STATE

    @property
    def epochs(self) -> int:
        """Returns how many epochs are planned."""
        return self._epochs or self.params["epochs"]

    def on_epoch_begin(self, epoch, logs=None):
        self._begun = time.perf_counter()
        self._note = ""
        if self._reports is not None:
            self._reports.hand_over(self._show)
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
        if self._reports is not None:
            self._reports.take_back()

    def close(self):
        """Removes the bar, if there is one."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        if self._reports is not None:
            self._reports.close()

    def _header(self):
        metric, width = self._metric, len(self._metric)
        return (
            f"{'epoch':>9} {'loss':>10}{metric:>{width + 2}}{'val_loss':>10}"
            f"{f'val_{metric}':>{width + 6}}{'rate':>9}{'trained':>8}"
            f"{'seconds':>9}"
        )

    def _line(self, epoch, logs):
        seconds = time.perf_counter() - self._begun
        width = len(self._metric)
        groups = int(logs.get(log_keys.TRAINED_GROUPS, 0))
        return (
            f"{epoch + 1:>5}/{self.epochs:<4}"
            f"{_number(logs, 'loss')}{_number(logs, self._metric):>{width + 2}}"
            f"{_number(logs, 'val_loss')}"
            f"{_number(logs, f'val_{self._metric}'):>{width + 6}}"
            f"{logs.get(log_keys.RATE, 0.0):>9.1e}"
            f"{f'head+{groups}' if groups else 'head':>8}{seconds:>9.1f}"
        )


def _metric(logs):
    """Returns the name of the metric beside the loss."""
    others = [key for key in logs if f"val_{key}" in logs and key != "loss"]
    return _ACCURACY if _ACCURACY in logs or not others else others[0]


def _number(logs, key):
    value = logs.get(key, float("nan"))
    return f"{value:>10.4f}" if value < 1e4 else f"{value:>10.2e}"
