"""Measures what the first step of an epoch takes beyond the others."""

import math
import statistics
import time


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
