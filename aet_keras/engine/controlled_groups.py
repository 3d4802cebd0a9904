"""Holds which groups of a model move, and sets the flags of their layers."""

from collections.abc import Iterable, Sequence
from typing import Any

import keras

from aet_keras._keras import trainable as flags


class ControlledGroups:
    """Holds some groups of a model, all of which move at first.

    Args:
        groups: sequence of objects with `.name` and `.layers`, stem to head,
            the head left out.
        train_batch_normalization: bool. Whether BatchNormalization in these
            groups moves with them.
        held: optional `_keras.trainable.Held`. What the user holds fixed in
            them; nothing by default.

    Attributes:
        names: tuple of str.
        layers: list of the layers of all groups.
        trainable: tuple of bools. Which groups move.
        held: `Held` as it is now.
    """

    def __init__(
        self,
        groups: Sequence[Any] = (),
        *,
        train_batch_normalization: bool = False,
        held: flags.Held | None = None,
    ):
        self._groups = tuple(groups)
        self._is_fixed = (
            _is_nothing
            if train_batch_normalization
            else _is_batch_normalization
        )
        self.names = tuple(group.name for group in self._groups)
        self.layers = [each for group in self._groups for each in group.layers]
        self.trainable: tuple[bool, ...] = (True,) * len(self._groups)
        self.held = flags.Held() if held is None else held

    def __len__(self):
        return len(self._groups)

    def turn_to(self, wanted: Sequence[bool]) -> None:
        """Freezes and thaws the groups' layers."""
        for group, value in zip(self._groups, wanted, strict=True):
            for layer in group.layers:
                if isinstance(layer, keras.layers.Layer):
                    flags.set_trainable(
                        layer,
                        value,
                        except_for=self._is_fixed,
                        held=self.held,
                    )
        self.held = self.held.leave(self.layers)
        self.trainable = tuple(wanted)

    def weights(self, rows: Iterable[int]) -> list[keras.Variable]:
        """Returns the weights of some groups, by their numbers."""
        return [
            variable
            for row in rows
            for layer in self._groups[row].layers
            for variable in getattr(layer, "weights", ())
        ]

    @property
    def frozen_weights(self) -> list[keras.Variable]:
        """The weights of the groups that stand."""
        moves = enumerate(self.trainable)
        return self.weights(row for row, is_moving in moves if not is_moving)

    @property
    def thaw_changes_features(self) -> bool:
        """Whether frozen groups put out something else as soon as they thaw.

        BatchNormalization that trains takes mean and variance of each batch.
        """
        moves = zip(self._groups, self.trainable, strict=True)
        return any(
            _is_batch_normalization(part) and not self._is_fixed(part)
            for group, is_moving in moves
            if not is_moving
            for layer in group.layers
            if isinstance(layer, keras.layers.Layer)
            for part in flags.sublayers(layer)
        )

    @property
    def rows(self) -> dict[int, int]:
        """From the id of a weight that moves now to its group's number."""
        return {
            id(weight): row
            for row, group in enumerate(self._groups)
            for layer in group.layers
            for weight in getattr(layer, "trainable_weights", ())
        }

    def layers_outside(self, model: keras.Model) -> list[keras.layers.Layer]:
        """Returns the layers that have own weights outside the groups."""
        grouped = {id(v) for v in self.weights(range(len(self)))}
        return [
            each
            for each in flags.sublayers(model)
            if any(id(v) not in grouped for v in flags.own_weights(each))
        ]


def _is_batch_normalization(layer):
    return isinstance(layer, keras.layers.BatchNormalization)


def _is_nothing(layer):
    return False
