"""Joins small calls into one batch, and splits large ones."""

import collections
import threading
from collections.abc import Callable, Mapping

import numpy as np

Arrays = Mapping[str, np.ndarray]


class Batching:
    """Runs waiting calls as one batch, and splits a large call.

    A call runs at once if nothing else runs; it never waits for others to
    join it. Calls that arrive meanwhile wait, and run together next. If a
    batch fails, each of its calls runs again alone, so that only the one at
    fault raises.

    Args:
        function: takes arrays by name and returns arrays by name, row by row.
        most_rows: int >= 1. The largest batch.
    """

    def __init__(
        self, function: Callable[[Arrays], Arrays], *, most_rows: int = 32
    ):
        self.function = function
        self.most_rows = most_rows
        self._waiting: collections.deque[_Job] = collections.deque()
        self._is_busy = False
        self._lock = threading.Lock()

    def __call__(self, arrays: Arrays) -> dict[str, np.ndarray]:
        count = len(next(iter(arrays.values())))
        starts = range(0, count, self.most_rows)
        parts = [
            self._join(
                {k: v[at : at + self.most_rows] for k, v in arrays.items()}
            )
            for at in starts
        ]
        return _stack(parts)

    def _join(self, arrays):
        job = _Job(arrays)
        with self._lock:
            self._waiting.append(job)
            is_first, self._is_busy = not self._is_busy, True
        if not is_first:
            job.wakes.wait()
        if not job.is_done:
            self._lead()
        return job.result()

    def _lead(self):
        """Runs the batch of the job that has waited longest, which is its own.

        One thread is woken for the next batch before the others go on: else
        who has an answer already would have to wait for a lock behind it.
        """
        with self._lock:
            jobs = self._take()
        self._run(jobs)
        with self._lock:
            self._is_busy = bool(self._waiting)
            if self._is_busy:
                self._waiting[0].wakes.set()
        for job in jobs:
            job.wakes.set()

    def _take(self):
        """Returns the first waiting job, and those that fit in its batch."""
        jobs = [self._waiting.popleft()]
        rows_left = self.most_rows - jobs[0].count
        while self._waiting:
            following = self._waiting[0]
            if (
                following.count > rows_left
                or following.shapes != jobs[0].shapes
            ):
                break
            rows_left -= following.count
            jobs.append(self._waiting.popleft())
        return jobs

    def _run(self, jobs):
        if len(jobs) == 1:
            return jobs[0].run(self.function)
        try:
            outputs = self.function(_stack([job.arrays for job in jobs]))
        except BaseException:  # or those that wait would wait for ever
            for job in jobs:
                job.run(self.function)
            return None
        start = 0
        for job in jobs:
            stop = start + job.count
            job.finish({k: v[start:stop] for k, v in outputs.items()})
            start = stop
        return None


class _Job:
    """Holds the arrays of a call, and later its outputs or its error."""

    def __init__(self, arrays):
        self.arrays = arrays
        self.count = len(next(iter(arrays.values())))
        self.shapes = {k: v.shape[1:] for k, v in arrays.items()}
        self.is_done = False
        self.wakes = threading.Event()  # it is done, or its turn has come
        self._outputs = self._error = None

    def run(self, function):
        try:
            self.finish(function(self.arrays))
        except BaseException as error:
            self._error, self.is_done = error, True

    def finish(self, outputs):
        self._outputs, self.is_done = outputs, True

    def result(self):
        if self._error is not None:
            raise self._error
        return self._outputs


def _stack(parts):
    if len(parts) == 1:
        return dict(parts[0])
    return {k: np.concatenate([part[k] for part in parts]) for k in parts[0]}
