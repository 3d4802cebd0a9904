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
        self._names = [getattr(group, "name", "") for group in groups]
        # Each part of a model has a boundary of its own, on its own path.
        parts: dict[str, list[int]] = {}
        for place, group in enumerate(groups):
            parts.setdefault(getattr(group, "part", ""), []).append(place)
        self._parts = tuple(parts.values())
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

    def below(self, boundary: Boundary) -> list[int]:
        """Returns which groups, from the stem of each part on, are below."""
        above = self._above(boundary)
        found = []
        for places in self._parts:
            for place in places:
                if self._members[place] & above:
                    break
                found.append(place)
        return sorted(found)

    def names(self, below: Sequence[int]) -> str:
        """Returns groups that are below a boundary in words, part by part."""
        runs = [[p for p in places if p in below] for places in self._parts]
        return ", and ".join(
            self._names[run[0]]
            if len(run) == 1
            else f"{self._names[run[0]]} to {self._names[run[-1]]}"
            for run in runs
            if run
        )

    def obstacle(self, boundary: Boundary) -> str | None:
        """Says what keeps a frozen group above a boundary, or None."""
        below = set(self.below(boundary))
        for places in self._parts:
            left = [place for place in places if place not in below]
            if left and not boundary.trainable[left[0]]:
                return self._obstacle_above(boundary)
        return None

    def _obstacle_above(self, boundary):
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
        held = self.below(boundary)
        while len(held) > 1:
            held = held[:-1]
            below = self._boundary_below(held)
            if self.below(below) == held:
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

    def _boundary_below(self, held):
        """Returns the boundary if all but some groups moved."""
        moving = set().union(
            *(m for place, m in enumerate(self._members) if place not in held)
        )
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
