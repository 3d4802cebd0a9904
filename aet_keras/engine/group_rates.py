"""Gives groups rates of their own, each with its own count of steps."""

import copy
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import keras

from aet_keras._keras.multipliers import Multipliers
from aet_keras._keras.optimizer import innermost
from aet_keras._keras.trainable import sublayers


class SkippedSteps:
    """Counts for each group the steps in which it was frozen.

    Args:
        count: int >= 0. Rows.
    """

    def __init__(self, count: int):
        self._missed = [0] * count
        self._frozen_at: list[int | None] = [None] * count

    def get_state(self) -> list:
        """Returns what was counted, as JSON takes it."""
        return [self._missed, self._frozen_at]

    def set_state(self, state: list) -> None:
        """Brings back what `get_state` returned."""
        self._missed, self._frozen_at = map(list, state)

    def join(self, row: int, steps: int) -> None:
        """Notes that a row's weights are new to the optimizer."""
        self._missed[row] = steps
        self._frozen_at[row] = None

    def freeze(self, row: int, steps: int) -> None:
        """Notes that a row stands from here on."""
        self._frozen_at[row] = steps

    def thaw(self, row: int, steps: int) -> int:
        """Returns how many steps a row that now moves has missed in all."""
        since, self._frozen_at[row] = self._frozen_at[row], None
        if since is not None:
            self._missed[row] += steps - since
        return self._missed[row]


class GroupRates:
    """Scales the rates of groups, and knows which steps each has missed.

    The counts go on from one `fit` to the next, as the optimizer's state does.
    """

    def __init__(self):
        self._multipliers: Multipliers | None = None
        self._optimizer: Any = None
        self._missed = SkippedSteps(0)
        self._counted: tuple | None = None

    @property
    def is_on(self) -> bool:
        """Whether the optimizer's updates are scaled."""
        return self._multipliers is not None

    @property
    def values(self) -> tuple[float, ...]:
        """Each group's rate as a share of the head's, warm-up left out."""
        return self._multipliers.values if self._multipliers else ()

    @property
    def variables(self) -> list[keras.Variable]:
        """What a checkpoint has to keep."""
        return self._multipliers.variables if self._multipliers else []

    def begin(
        self,
        model: keras.Model,
        rows: Mapping[int, int],
        layers: Sequence,
        row_count: int,
        *,
        joined: Collection[int],
        warmup_steps: int,
    ) -> None:
        """Starts to scale, all groups with the whole rate.

        A new optimizer, or other groups, count their steps anew.

        Args:
            model: a compiled model whose optimizer knows every weight that
                may ever move.
            rows: dict from the `id` of a weight to its group's number.
            layers: sequence of the layers of all groups.
            row_count: int >= 0. Groups.
            joined: the numbers of groups with weights that are new to the
                optimizer.
            warmup_steps: int >= 0. Steps over which the rate of a thawed
                group grows to its full size.
        """
        self._optimizer = innermost(model.optimizer)
        self._multipliers = Multipliers(model, rows, row_count, warmup_steps)
        self._multipliers.install()
        counted = id(self._optimizer), [id(each) for each in layers]
        if counted != self._counted:
            self._counted = counted
            self._missed = SkippedSteps(row_count)
        for row in range(row_count):
            if row in joined:
                self._missed.join(row, self._steps())
            self.thaw(row)

    def follow(
        self, other: "GroupRates", model: keras.Model, made: keras.Model
    ) -> None:
        """Goes on with what was counted for another model.

        Args:
            other: `GroupRates` of it.
            model: that model.
            made: a copy of it, with its optimizer's state.
        """
        if other._counted is None:
            return
        pairs = zip(sublayers(model), sublayers(made), strict=True)
        copies = {id(old): id(new) for old, new in pairs}
        _, layers = other._counted
        known = [copies[each] for each in layers]
        self._counted = id(innermost(made.optimizer)), known
        self._missed.set_state(copy.deepcopy(other.get_state()))

    def freeze(self, row: int) -> None:
        """Notes that a group stands from here on."""
        self._missed.freeze(row, self._steps())

    def thaw(self, row: int) -> None:
        """Notes that a group moves from here on."""
        steps = self._steps()
        missed = self._missed.thaw(row, steps)
        if self._multipliers is not None:
            self._multipliers.start(row, steps=steps, skipped=missed)

    def write(self, values: Sequence[float]) -> None:
        """Gives each group its multiplier, from the next step on."""
        is_new = not _are_close(values, self.values)
        if is_new and self._multipliers is not None:
            self._multipliers.write(values)

    def release(self) -> None:
        """Gives the optimizer its own methods back."""
        if self._multipliers is not None:
            self._multipliers.uninstall()
            self._multipliers = None

    def get_state(self) -> list:
        """Returns what was counted; `variables` are kept apart."""
        return self._missed.get_state()

    def set_state(self, state: list) -> None:
        """Brings back what `get_state` returned, `variables` before it."""
        self._missed.set_state(state)
        if self._multipliers is not None:
            self._multipliers.reread()

    def _steps(self):
        return int(self._optimizer.iterations.numpy())


def _are_close(a, b):
    return all(abs(x - y) <= 1e-6 * abs(x) for x, y in zip(a, b, strict=True))
