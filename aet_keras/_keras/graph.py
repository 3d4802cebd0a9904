"""Finds the order in which a functional model computes."""

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any

import keras
from keras.src.models.functional import Functional


@dataclasses.dataclass(frozen=True)
class Call:
    """One call of one layer, in the order of computation.

    Args:
        layer: the layer that was called; an operation of `keras.ops` that
            stands in the graph by itself is one too, without weights.
        inputs: tuple of tuples of ints: the shapes of what it was given.
        outputs: tuple of tuples of ints: the shapes of what it gave.
        live: int. How many tensors computed so far a later call (or the
            model's output) still reads, once this call is done. 1 means that
            a single tensor holds all that the rest needs.
        readers: tuple of layers that are given what the layer gives, in any
            of its calls.
    """

    layer: keras.layers.Layer
    inputs: tuple
    outputs: tuple
    live: int
    readers: tuple = ()

    @property
    def weights(self) -> list:
        """The weights of the layer."""
        return getattr(self.layer, "weights", [])

    @property
    def weight_count(self) -> int:
        """How many numbers its weights hold."""
        return sum(math.prod(weight.shape) for weight in self.weights)


def is_graph(model) -> bool:
    """Says whether the calls inside a layer can be listed."""
    return functional_of(model) is not None


def calls(model) -> list[Call]:
    """Lists the calls of a functional or built Sequential model.

    Branches are listed one after the other, not level by level, and inputs
    are left out: they hold nothing that could move.
    """
    functional = functional_of(model)
    nodes = in_order(functional)
    last_use: dict[int, int] = {}
    readers: dict[int, Any] = {}
    for position, node in enumerate(nodes):
        for tensor in node.input_tensors:
            last_use[id(tensor)] = position
            source = tensor._keras_history.operation
            readers.setdefault(id(source), []).append(node.operation)
    for tensor in keras.tree.flatten(functional._outputs):
        last_use[id(tensor)] = len(nodes)
    made, found = [], []
    for position, node in enumerate(nodes):
        made += [id(tensor) for tensor in node.outputs]
        live = sum(last_use.get(tensor, -1) > position for tensor in made)
        found.append(
            Call(
                node.operation,
                tuple(tuple(t.shape) for t in node.input_tensors),
                tuple(tuple(t.shape) for t in node.outputs),
                live,
                tuple(readers.get(id(node.operation), ())),
            )
        )
    return found


def above(calls) -> Callable[[int], set[int]]:
    """Returns a function of a position: those of all that it leads to."""
    places = {id(call.layer): place for place, call in enumerate(calls)}

    @functools.cache
    def reached(place):
        found, waiting = set(), [place]
        while waiting:
            readers = calls[waiting.pop()].readers
            new = {places[id(layer)] for layer in readers} - found
            found |= new
            waiting += new
        return found

    return reached


def model_below(model, layer, first) -> keras.Model:
    """Returns what leads to a layer, and it, as a model of the same layers.

    It is named after the input that the layer `first` is given. Both layers
    are called once.
    """
    (output,) = keras.tree.flatten(layer.output)
    seen, waiting, needed = set(), [output], set()
    while waiting:
        operation, number, _ = waiting.pop()._keras_history
        node = operation._inbound_nodes[number]
        if id(node) in seen:
            continue
        seen.add(id(node))
        waiting += node.input_tensors
        if node.is_input:
            needed.add(id(operation))
    inputs = [x for x in model.inputs if id(x._keras_history[0]) in needed]
    return keras.Model(inputs, output, name=_input_of(first).name)


def _input_of(layer):
    """Returns the input layer that the first argument of a call is made of."""
    node = layer._inbound_nodes[0]
    while not node.is_input:
        history = node.input_tensors[0]._keras_history
        node = history.operation._inbound_nodes[history.node_index]
    return node.operation


def overridden(model: keras.Model, *names: str) -> list[str]:
    """Returns which of these methods a model does not have from Keras."""
    is_sequential = isinstance(model, keras.Sequential)
    own = keras.Sequential if is_sequential else Functional
    return [
        name
        for name in names
        if name in vars(model)
        or getattr(type(model), name) is not getattr(own, name)
    ]


def runs_only_its_graph(layer) -> bool:
    """Says whether a layer is a model that does no more than run its graph."""
    if not (isinstance(layer, keras.Model) and is_graph(layer)):
        return False
    return not overridden(layer, "__call__", "call")


def functional_of(model):
    """Returns the functional model that a model computes, or None."""
    if isinstance(model, keras.Sequential):
        return model._functional
    return model if hasattr(model, "_nodes_by_depth") else None


def in_order(functional):
    """Sorts nodes depth-first from the outputs, parents before children.

    Of several parents the one with the longest path below it comes first:
    a short branch (a table beside images) is then computed last, and
    is not alive all through the long one.
    """
    own = {
        id(n) for level in functional._nodes_by_depth.values() for n in level
    }
    stack = []
    for tensor in reversed(keras.tree.flatten(functional._outputs)):
        history = tensor._keras_history
        stack.append((history.operation._inbound_nodes[history.node_index], 0))
    heights = _heights(functional)
    ordered, seen = [], set()
    while stack:
        node, done = stack.pop()
        if id(node) in seen or id(node) not in own:
            continue
        if done:
            seen.add(id(node))
            if not isinstance(node.operation, keras.layers.InputLayer):
                ordered.append(node)
            continue
        stack.append((node, 1))
        parents = sorted(
            reversed(node.parent_nodes), key=lambda n: heights[id(n)]
        )
        stack += [(parent, 0) for parent in parents]  # the last is next
    return ordered


def _heights(functional):
    """Returns the length of the longest path below each node, by id."""
    heights = {}
    for _, nodes in sorted(functional._nodes_by_depth.items(), reverse=True):
        for node in nodes:
            below = [heights.get(id(n), 0) for n in node.parent_nodes]
            heights[id(node)] = 1 + max(below, default=0)
    return heights
