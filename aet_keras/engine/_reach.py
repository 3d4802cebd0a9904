"""Where can a model be cut below the groups that move?"""

import keras

from aet_keras._keras import fixed
from aet_keras._keras import trainable as flags
from aet_keras._keras.halves import Cut, Halves, Key


class Reach:
    """Knows the cut of this moment, and those that may follow.

    Args:
        halves: `Halves` of the model.
        groups: the groups under control, stem to head.
        may_draw: bool. Whether random layers in and below the groups may be
            below a cut; those of the head never are.
    """

    def __init__(self, halves: Halves, groups, *, may_draw: bool = False):
        self._halves = halves
        self._members = [
            {id(each) for layer in group.layers for each in _inside(layer)}
            for group in groups
        ]
        self._drawing = self._up_to_groups() if may_draw else frozenset()

    def cut(self) -> Cut:
        """Returns the cut below all that moves or is random now."""
        return self._halves.cut(self._is_fixed)

    def layers(self, cut: Cut) -> list[keras.layers.Layer]:
        """Returns the layers below a cut."""
        return self._halves.lower_layers(cut)

    def leading(self, cut: Cut) -> int:
        """Counts the groups, from the stem on, that are wholly below a cut."""
        above = self._above(cut)
        for count, members in enumerate(self._members):
            if members & above:
                return count
        return len(self._members)

    def obstacle(self, cut: Cut, trainable) -> str | None:
        """Says what keeps a frozen group above a cut, or None."""
        count = self.leading(cut)
        if count == len(self._members) or trainable[count]:
            return None
        for layer in self.layers(cut):
            if id(layer) in self._members[count] & self._above(cut):
                return f"`{layer.name}` is used again above"
        steps = enumerate(self._halves.steps)
        above = [s.layer for i, s in steps if i not in cut.lower and s.layer]
        first = next(layer for layer in above if not self._is_fixed(layer))
        return (
            f"`{first.name}` is random, trains, or adds to the loss or the logs"
        )

    def keys(self, cut: Cut, count: int) -> tuple[Key, ...]:
        """Lists what crosses a cut, and then each one that may follow it.

        Args:
            cut: `Cut` above the first `count` groups.
            count: int >= 0.
        """
        keys = dict.fromkeys(cut.keys)
        for fewer in range(count - 1, 0, -1):
            below = self._cut_below(fewer)
            if self.leading(below) == fewer:
                keys.update(dict.fromkeys(below.keys))
        return tuple(keys)

    def _above(self, cut):
        """Returns the ids of the layers that are called above a cut."""
        return {
            id(each)
            for position, step in enumerate(self._halves.steps)
            if position not in cut.lower
            for each in _inside(step.layer)
        }

    def _cut_below(self, count):
        """Returns the cut there would be with all but `count` groups moving."""
        moving = set().union(*self._members[count:])
        return self._halves.cut(
            lambda layer: id(layer) not in moving and self._is_fixed(layer)
        )

    def _is_fixed(self, layer):
        return fixed.is_fixed(layer, may_draw=id(layer) in self._drawing)

    def _up_to_groups(self):
        """Returns the ids of the layers up to the last one of a group."""
        grouped = set().union(*self._members)
        called = [each.layer for each in self._halves.steps]
        places = [i for i, layer in enumerate(called) if id(layer) in grouped]
        return {id(layer) for layer in called[: max(places, default=-1) + 1]}


def _inside(layer):
    if not isinstance(layer, keras.layers.Layer):
        return [] if layer is None else [layer]
    return flags.sublayers(layer)
