"""Solves the head, and notices when it has trained on."""

from collections.abc import Mapping

import keras

from aet_keras._progress import report
from aet_keras.engine.controlled_groups import ControlledGroups
from aet_keras.replay.dense_head import SolvedHead
from aet_keras.replay.replay import Replay
from aet_keras.replay.sums import sums_of


class HeadSolver:
    """Solves a model's head on what was recorded.

    Attributes:
        is_held: bool. Whether the head knows something, and is not to be
            solved anew.
    """

    def __init__(self):
        self.is_held = False
        self.forget()

    def forget(self) -> None:
        """Forgets which head was solved."""
        self._solved: SolvedHead | None = None
        self._sums: dict[int, bytes] = {}

    def solve(
        self,
        epoch: int,
        logs: Mapping[str, float],
        *,
        model: keras.Model,
        groups: ControlledGroups,
        replay: Replay | None,
    ) -> bool:
        """Solves the head as `Engine.solve_head` does."""
        if self.is_held or replay is None:
            return False
        if groups.thaw_changes_features:
            replay.say(
                "does not solve the head: BatchNormalization is to train, and "
                "then puts out other features than those that are recorded",
                once=True,
            )
            return False
        report("solving the head")
        figures = replay.solve_head(logs, groups.trainable)
        if figures is None:
            return False
        self._solved = SolvedHead(
            epoch, float(logs["val_loss"]), figures["val_loss"], figures
        )
        self._sums = sums_of(groups.layers_outside(model))
        return True

    def solved(
        self, model: keras.Model, groups: ControlledGroups
    ) -> SolvedHead | None:
        """Returns the head as it was solved; `None` once it has trained on."""
        if self._solved is None:
            return None
        if sums_of(groups.layers_outside(model)) != self._sums:
            self._solved = None
        return self._solved
