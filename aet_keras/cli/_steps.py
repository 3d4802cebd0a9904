"""How is slow work shown that has no lines of its own?

In a terminal, a bar on the error stream that goes when the work is done.
Elsewhere a line now and then, without control characters.
"""

import sys
import time
from collections.abc import Callable
from typing import Any

_PATIENCE_SECONDS = 5.0  # what is done sooner needs no line


def duration(seconds: float) -> str:
    """Returns seconds as a person says them: `1 h 05 min`, `40 s`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


class Steps:
    """Shows the steps that slow work reports.

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
        self._elsewhere = None

    def __call__(self, step: Any) -> None:
        """Shows one step."""
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

    def give_way(self, show: Callable[[str], None]) -> None:
        """Leaves the terminal to another bar, which shows a line meanwhile."""
        self.close()
        self._elsewhere = show

    def come_back(self) -> None:
        """Takes the terminal again; a line has been printed meanwhile."""
        self._elsewhere = None
        self._printed = self._clock()

    def close(self) -> None:
        """Takes the bar away, if there is one."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _left(self, step, now):
        """Returns how long it still takes, going by what it took."""
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
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn
    from rich.table import Column

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
