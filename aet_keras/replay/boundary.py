"""Finds where a model can be split below the groups that move."""

import dataclasses
from collections.abc import Sequence

import keras

from aet_keras._keras import fixed
from aet_keras._keras import trainable as flags
from aet_keras._keras.split_graph import Boundary, SplitGraph


class BoundaryFinder:
    """Knows the boundary of this moment, and those that may follow.

    Args:
        graph: `SplitGraph` of the model.
        groups: the groups under control, stem to head.
        may_draw: bool. Whether random layers in and below the groups may be
            below a boundary; those of the head never are.
    """

    def __init__(self, graph: SplitGraph, groups, *, may_draw: bool = False):
        self._graph = graph
        self._members = [
            {id(each) for layer in group.layers for each in _inside(layer)}
            for group in groups
        ]
        self._drawing = self._up_to_groups() if may_draw else frozenset()

    def find(self, trainable: Sequence[bool]) -> Boundary:
        """Returns the boundary below all that moves or is random now.

        Args:
            trainable: sequence of bools. Which groups move.
        """
        found = self._graph.split_below(self._is_fixed)
        return dataclasses.replace(
            found, trainable=tuple(trainable), recorded=self._recorded(found)
        )

    def layers(self, boundary: Boundary) -> list[keras.layers.Layer]:
        """Returns the layers below a boundary."""
        return self._graph.lower_layers(boundary)

    def leading(self, boundary: Boundary) -> int:
        """Counts the groups, from the stem on, that are below a boundary."""
        above = self._above(boundary)
        for count, members in enumerate(self._members):
            if members & above:
                return count
        return len(self._members)

    def obstacle(self, boundary: Boundary) -> str | None:
        """Says what keeps a frozen group above a boundary, or None."""
        count = self.leading(boundary)
        if count == len(self._members) or boundary.trainable[count]:
            return None
        for layer in self.layers(boundary):
            if id(layer) in self._members[count] & self._above(boundary):
                return f"`{layer.name}` is used again above"
        steps = enumerate(self._graph.steps)
        above = [
            s.layer for i, s in steps if i not in boundary.lower and s.layer
        ]
        first = next(layer for layer in above if not self._is_fixed(layer))
        return (
            f"`{first.name}` is random, trains, or adds to the loss or the logs"
        )

    def _recorded(self, boundary):
        """Lists what crosses a boundary, and then each one that may follow."""
        keys = dict.fromkeys(boundary.keys)
        for fewer in range(self.leading(boundary) - 1, 0, -1):
            below = self._boundary_below(fewer)
            if self.leading(below) == fewer:
                keys.update(dict.fromkeys(below.keys))
        return tuple(keys)

    def _above(self, boundary):
        """Returns the ids of the layers that are called only above a boundary.

        What is called below is fixed, and so is another call of it above: an
        embedding that is also the head gives there what it gave.
        """
        below, above = set(), set()
        for position, step in enumerate(self._graph.steps):
            found = below if position in boundary.lower else above
            found.update(id(each) for each in _inside(step.layer))
        return above - below

    def _boundary_below(self, count):
        """Returns the boundary if all but `count` groups moved."""
        moving = set().union(*self._members[count:])
        return self._graph.split_below(
            lambda layer: id(layer) not in moving and self._is_fixed(layer)
        )

    def _is_fixed(self, layer):
        return fixed.is_fixed(layer, may_draw=id(layer) in self._drawing)

    def _up_to_groups(self):
        """Returns the ids of the layers up to the last one of a group."""
        grouped = set().union(*self._members)
        called = [each.layer for each in self._graph.steps]
        places = [i for i, layer in enumerate(called) if id(layer) in grouped]
        return {id(layer) for layer in called[: max(places, default=-1) + 1]}


def _inside(layer):
    if not isinstance(layer, keras.layers.Layer):
        return [] if layer is None else [layer]
    return flags.sublayers(layer)
