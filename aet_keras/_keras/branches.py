"""Finds the residual branches of a graph."""

from typing import Any

import keras
from keras.src.ops.numpy import Add

from aet_keras._keras import graph


def residual_ends(model: keras.Model) -> list[keras.Operation]:
    """Lists what ends the longer branch of each residual sum.

    A sum of two is residual if one branch is the tensor that both begin
    with, or a chain from it with at most one kernel (a projection), and the
    other has more kernels and begins with nothing else but that tensor and
    what is computed without any (a mask).

    Args:
        model: functional or built Sequential. Nested models are searched too.

    Returns:
        List of operations, each once, in the order of computation.
    """
    found: dict[int, Any] = {}
    _collect(model, found)
    return list(found.values())


def _collect(model, found):
    functional = graph.functional_of(model)
    tree = _Ancestors(functional)
    for node in graph.in_order(functional):
        if graph.runs_only_its_graph(node.operation):
            _collect(node.operation, found)
        if not isinstance(node.operation, keras.layers.Add | Add):
            continue
        parents = node.parent_nodes
        if len(parents) != 2:
            continue
        for short, long in (parents, parents[::-1]):
            if tree.is_residual(short, long):
                found.setdefault(id(long.operation), long.operation)


class _Ancestors:
    """Knows for each node all that it is computed from, itself included."""

    def __init__(self, functional):
        self._above = {}
        for node in graph.in_order(functional):
            above = {node}.union(*map(self._of, node.parent_nodes))
            self._above[node] = frozenset(above)

    def is_residual(self, short, long):
        """Says whether `long` ends a branch around the shortcut `short`."""
        chain = []
        while short not in self._of(long):
            parents = set(short.parent_nodes)
            if len(parents) != 1:
                return False
            chain.append(short)
            (short,) = parents
        branch = self._of(long) - self._of(short)
        if _kernel_count(chain) > 1:
            return False
        if _kernel_count(branch) <= _kernel_count(chain):
            return False
        outside = {parent for node in branch for parent in node.parent_nodes}
        outside -= branch | {short}
        return not any(_kernel_count(self._of(node)) for node in outside)

    def _of(self, node):
        return self._above.get(node, frozenset([node]))  # or an input


def _kernel_count(nodes):
    """Counts the matrices; those of a normalisation or a scale are rows."""
    return sum(
        len(weight.shape) > 1
        for node in nodes
        for weight in getattr(node.operation, "weights", ())
    )
