"""Measures gradients, weights and updates while a model trains."""

import weakref
from collections.abc import Collection

import keras
import numpy as np

from aet_keras._keras import gradient_noise, statistics
from aet_keras._keras.gradient_noise import GradientNoise
from aet_keras._keras.statistics import Statistics

# What can be measured of each group, and of all weights that move.
MEASURED = statistics.NAMES
NOISE = gradient_noise.NAMES
_WATCHED = ("gradient_norms", "weight_norms")


class Measurements:
    """Measures a model's gradients for policies, and for those who only look.

    The only owner of what stands around the optimizer's update. Nothing is
    measured before it is asked for, and all ends with `fit`.

    Args:
        model: a compiled `keras.Model`; it is not kept alive.

    Attributes:
        is_on: bool. Whether anything is measured.
    """

    def __init__(self, model: keras.Model):
        self._model = weakref.ref(model)
        self._rows: dict[int, int] | None = None
        self._row_count = 0
        self._statistics: Statistics | None = None
        self._noise: GradientNoise | None = None
        self._watched: Statistics | None = None
        # What stands around the update, the outermost last.
        self._installed: list[Statistics | GradientNoise] = []

    @property
    def is_on(self) -> bool:
        """Whether anything is measured."""
        return bool(self._installed)

    @property
    def variables(self) -> list[keras.Variable]:
        """What a checkpoint in the middle of an interval has to keep."""
        return [] if self._statistics is None else self._statistics.variables

    def begin(
        self,
        rows: dict[int, int],
        row_count: int,
        *,
        needs: Collection[str],
        every_steps: int,
    ) -> None:
        """Notes the groups that can be measured, and measures for a policy.

        Args:
            rows: dict from the `id` of a `keras.Variable` to its group's
                number.
            row_count: int >= 0. Groups.
            needs: names of statistics to gather; none if empty.
            every_steps: int >= 1. One update in so many is measured.
        """
        self._rows, self._row_count = rows, row_count
        if needs:
            self._statistics = self._measure(needs, every_steps)

    def take_statistics(self) -> dict[str, np.ndarray]:
        """Returns what was measured of each group, and starts anew."""
        return _take(self._statistics)

    def measure_noise(self) -> None:
        """Measures the gradients' noise until `fit` ends.

        Called when an epoch begins: all callbacks have begun by then, and
        the optimizer knows every weight that may move.
        """
        if self._noise is None:
            self._noise = GradientNoise(self._model())
            self._install(self._noise)

    def take_noise(self) -> dict[str, np.ndarray]:
        """Returns what was measured of all weights, and starts anew."""
        return _take(self._noise)

    def watch_gradients(self, *, every_steps: int = 10) -> None:
        """Measures gradients of groups for a reader who only looks.

        Until `fit` ends, and apart from what policies need: neither reader
        takes anything from the other. Without groups it does nothing. Called
        when an epoch begins, as `measure_noise`.

        Args:
            every_steps: int >= 1. One update in so many is measured.
        """
        if self._watched is None and self._rows is not None:
            self._watched = self._measure(_WATCHED, every_steps)

    def take_watched(self) -> dict[str, np.ndarray]:
        """Returns what was measured to be looked at, and starts anew.

        `gradient_norms` and `weight_norms`, as `take_statistics` has them.
        """
        return _take(self._watched)

    def release(self) -> None:
        """Ends all measuring, and gives the optimizer its own methods back."""
        while self._installed:
            self._installed.pop().uninstall()
        self._noise = self._statistics = self._watched = self._rows = None

    def _measure(self, needs, every_steps):
        measured = Statistics(
            self._model(),
            self._rows,
            self._row_count,
            needs=needs,
            every_steps=every_steps,
        )
        self._install(measured)
        return measured

    def _install(self, measurement):
        measurement.install()
        self._installed.append(measurement)


def _take(measurement):
    if measurement is None:
        return {}
    found = measurement.read()
    measurement.reset()
    return found
