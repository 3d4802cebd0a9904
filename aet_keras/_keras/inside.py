"""Reads what a model computes inside."""

import dataclasses
from collections.abc import Callable

import keras
import tensorflow as tf
from keras.src import backend

from aet_keras._keras import graph
from aet_keras._keras.split_graph import Key, SplitGraph, standardized


@dataclasses.dataclass(frozen=True)
class Inner:
    """One tensor that a call inside a model gives.

    Args:
        layer: what was called; a nested model is one too.
        shape: tuple of ints, the batch `None`.
        key: `Key`.
        depth: int. How many calls lie on the longest path from the inputs.
        is_raw: bool. Whether no weights had a part in it.
    """

    layer: keras.layers.Layer
    shape: tuple
    key: Key
    depth: int
    is_raw: bool


class Inside:
    """Runs a functional or built Sequential model with its inside in view.

    The model's own layers are called on tensors, those of nested models too:
    no layer gets a new node, and nothing of the model changes.

    Args:
        model: functional or built Sequential `keras.Model`, one output.

    Attributes:
        tensors: tuple of `Inner`, in the order of computation. A layer that
            is called twice stands in it twice.
    """

    def __init__(self, model: keras.Model):
        self.model = model
        self._graph = SplitGraph(model)
        self._steps = self._graph.steps
        self._functional = graph.functional_of(model)
        (output,) = keras.tree.flatten(self._functional._outputs)
        self._output = ((), id(output))
        self._end = self._find_end()
        self._spent = self._find_spent()
        self.tensors = tuple(self._find_tensors())

    def names(self, is_meant: Callable) -> list[str]:
        """Returns the name of each layer that `beside` would look at."""
        return [self._steps[p].layer.name for p in self._meant(is_meant)]

    def follow(self, inputs, key: Key, score: Callable) -> tuple:
        """Returns a tensor, and how a score would change with it.

        What is below the tensor is computed without a tape.

        Args:
            inputs: what the model takes.
            key: `Key` of the tensor.
            score: function of the last layer, the tensors that it read, and
                the output, that returns what to differentiate.

        Returns:
            The tensor, and the gradient of the score, of the same shape.
        """
        split = 1 + max(
            (p for p, s in enumerate(self._steps) if key in s.writes)
        )

        def run(inputs, training):
            values = self._enter(inputs)
            self._run(values, range(split))
            tensor = values[key]
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(tensor)
                self._run(values, range(split, len(self._steps)))
                reads = [values[each] for each in self._end.reads]
                scores = score(self._end.layer, reads, values[self._output])
            zero = tf.UnconnectedGradients.ZERO
            return tensor, tape.gradient(
                scores, tensor, unconnected_gradients=zero
            )

        return self._in_context(inputs, run)

    def beside(self, inputs, is_meant: Callable, look: Callable) -> list:
        """Calls a function beside some layers, on what they are given.

        Args:
            inputs: what the model takes.
            is_meant: function of a layer. Whether to look there.
            look: function of a layer, its first argument and its mask. It
                computes in the layer's dtype, as the layer itself does.

        Returns:
            List of what `look` returned, in the order of computation.
        """

        def run(inputs, training):
            values, seen = self._enter(inputs), []
            meant = self._meant(is_meant)
            for position, step in enumerate(self._steps):
                if position in meant:
                    seen.append(_look(step, values, look))
                self._run(values, [position])
            return seen

        return self._in_context(inputs, run)

    def _meant(self, is_meant):
        """Returns the positions of the calls of some layers."""
        return [
            position
            for position, step in enumerate(self._steps)
            if step.layer is not None and is_meant(step.layer)
        ]

    def _in_context(self, inputs, run):
        try:
            return self._graph.in_context(inputs, run=run, training=False)
        finally:
            self.model._clear_losses()  # those of this run belong to no step

    def _enter(self, inputs):
        flat = standardized(self.model, self._functional, inputs)
        return dict(zip(self._graph.inputs, flat, strict=True))

    def _run(self, values, positions):
        for position in positions:
            self._steps[position].run(values, False)
            for key in self._spent[position]:
                values.pop(key, None)

    def _find_end(self):
        """Returns the step that makes the output, in nested models too."""
        key = self._output
        for step in reversed(self._steps):
            if key in step.writes and step.layer is None:
                key = step.reads[step.writes.index(key)]
            elif key in step.writes:
                return step
        raise ValueError("The model must compute something.")

    def _find_spent(self):
        """Returns for each step the tensors that no later step reads."""
        last = {}
        for position, step in enumerate(self._steps):
            last.update(dict.fromkeys(step.reads, position))
        kept = {self._output, *self._end.reads}
        spent = [[] for _ in self._steps]
        for key, position in last.items():
            spent[position] += [key] if key not in kept else []
        return spent

    def _find_tensors(self):
        depths = dict.fromkeys(self._graph.inputs, 0)
        for step in self._steps:
            depth = max((depths[key] for key in step.reads), default=0)
            depth += step.layer is not None  # to enter a model is no call
            depths.update(dict.fromkeys(step.writes, depth))
        paths = {path for path, _ in depths}
        for path, node in _walk(self._functional, (), paths):
            for tensor in node.outputs:
                key = (path, id(tensor))
                yield Inner(
                    node.operation,
                    tuple(tensor.shape),
                    key,
                    depths[key],
                    key in self._graph.raw,
                )


def _walk(functional, path, paths):
    """Yields each node and the path to it; a nested model after its own."""
    for node in graph.in_order(functional):
        inside = (*path, id(node))
        if inside in paths:
            nested = graph.functional_of(node.operation)
            yield from _walk(nested, inside, paths)
        yield path, node


def _look(step, values, look):
    layer = step.layer
    path = step.reads[0][0]
    args, kwargs = keras.tree.map_structure(
        lambda leaf: values.get((path, id(leaf)), leaf), step.arguments
    )
    named = dict(zip(("inputs", "mask"), args, strict=False)) | kwargs
    given = named.get("inputs", args[0] if args else None)
    mask = named.get("mask")
    mask = backend.get_keras_mask(given) if mask is None else mask
    given = layer.dtype_policy.convert_input(
        given, layer.autocast, layer.compute_dtype
    )
    # Outside its own call, a layer would read its variables in float32.
    dtype = layer.compute_dtype if layer.autocast else None
    with backend.AutocastScope(dtype):
        return look(layer, given, mask)
