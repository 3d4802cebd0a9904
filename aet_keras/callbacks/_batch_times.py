"""Counts the steps of a `fit`, and takes the seconds of each."""

import dataclasses
import math
import statistics
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from aet_keras.engine import Engine
from aet_keras.policies import Progress


class StepClock:
    """Counts the steps of a `fit` for a callback that asks a policy.

    A part of the callback, whose state holds `_clock_state()`: a resumed
    `fit` goes on counting.
    """

    params: dict[str, Any]  # Keras's, of the callback
    _start_rate: float

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

    def _clock_state(self) -> dict[str, Any]:
        """Returns the counts, for the state of the callback."""
        return {
            "begun_at": self._begun_at,
            "epoch": self._epoch,
            "epoch_steps": self._epoch_steps,
            "start_rate": self._start_rate,
            "step": self._step,
        }

    def _set_clock_state(self, state: Mapping[str, Any]) -> None:
        """Takes the counts out of the state of the callback."""
        self._begun_at = state["begun_at"]
        self._epoch = state["epoch"]
        self._epoch_steps = state["epoch_steps"]
        self._start_rate = state["start_rate"]
        self._step = state["step"]

    def _progress(self, engine: Engine, **known: Any) -> Progress:
        """Returns what a policy is asked by, with what else is known."""
        epoch_count = self.params["epochs"]
        return Progress(
            epoch=self._epoch,
            epoch_count=epoch_count,
            step=self._step,
            step_count=self._epoch_steps and self._epoch_steps * epoch_count,
            rate=engine.rate,
            start_rate=self._start_rate,
            trainable=engine.trainable,
            multipliers=engine.multipliers,
            **known,
        )


@dataclasses.dataclass
class BatchTimes:
    """Takes the time of the steps of one epoch."""

    seconds: list[float] = dataclasses.field(default_factory=list)
    _begun = 0.0

    def begin(self) -> None:
        """Notes that a step begins."""
        self._begun = time.perf_counter()

    def end(self) -> None:
        """Notes that it has ended."""
        self.seconds.append(time.perf_counter() - self._begun)

    @property
    def median(self) -> float:
        """Seconds of a step that is not the first; NaN before there is one."""
        rest = self.seconds[1:]
        return statistics.median(rest) if rest else math.nan

    def backward(self, costs, moving) -> np.ndarray:
        """Returns the seconds of a step that each group's gradients take.

        A step is one forward pass of everything and one of twice that cost
        backward, of what moves.

        Args:
            costs: array. What a forward pass of each group costs.
            moving: sequence of bools, whether each group moves.
        """
        each = 2.0 * costs
        whole = costs.sum() + each[np.asarray(moving)].sum()
        return self.median * each / whole

    @property
    def first_extra(self) -> float:
        """Seconds of the first step less the median of the others.

        That is what making and tracing new functions cost.
        """
        if len(self.seconds) < 2:
            return 0.0
        return max(0.0, self.seconds[0] - self.median)
