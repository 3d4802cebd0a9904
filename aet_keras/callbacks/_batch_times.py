"""Counts the steps of a `fit`, and takes the time of those of an epoch."""

import math
import statistics
import time


class StepClock:
    """Counts the steps of a `fit` for a callback that asks a policy.

    A part of the callback, which lists `learned` among what it learns: a
    resumed `fit` goes on counting.
    """

    learned = ("_begun_at", "_epoch", "_epoch_steps", "_step")

    def _start_clock(self, epoch_steps: int | None) -> None:
        """Begins a `fit` whose epochs have so many steps, or unknown ones."""
        self._epoch = self._step = self._begun_at = 0
        self._epoch_steps = epoch_steps

    def _begin_epoch(self, epoch: int) -> None:
        self._epoch = epoch
        self._step = self._begun_at = epoch * (self._epoch_steps or 0)

    def _end_step(self, batch: int, *, every: int) -> bool:
        """Counts a step; says whether one of every so many was passed."""
        before, self._step = self._step, self._begun_at + batch + 1
        return bool(every) and self._step // every > before // every

    def _end_epoch(self) -> None:
        """Notes how many steps an epoch has, if nobody said so before."""
        self._epoch_steps = self._epoch_steps or self._step - self._begun_at

    def _times_of(self, epoch_count: int) -> dict[str, int | None]:
        """Returns the arguments of `Progress` about time."""
        return {
            "epoch": self._epoch,
            "epoch_count": epoch_count,
            "step": self._step,
            "step_count": self._epoch_steps and self._epoch_steps * epoch_count,
        }


class BatchTimes:
    """Takes the time of the steps of one epoch."""

    def __init__(self):
        self._seconds: list[float] = []
        self._begun = 0.0

    def begin(self) -> None:
        """Notes that a step begins."""
        self._begun = time.perf_counter()

    def end(self) -> None:
        """Notes that it has ended."""
        self._seconds.append(time.perf_counter() - self._begun)

    @property
    def median(self) -> float:
        """Seconds of a step that is not the first; NaN before there is one."""
        rest = self._seconds[1:]
        return statistics.median(rest) if rest else math.nan

    @property
    def first_extra(self) -> float:
        """Seconds of the first step less the median of the others.

        That is what making and tracing new functions cost.
        """
        if len(self._seconds) < 2:
            return 0.0
        return max(0.0, self._seconds[0] - self.median)
