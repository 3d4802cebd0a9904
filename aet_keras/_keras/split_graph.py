"""Computes the lower and the upper part of a model apart.

The graph is run step by step with the model's own layers and operations, on
tensors: no layer gets a new node, so that what a user reads off the model
(`layer.output`, `model.summary()`) stays as it was.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from keras.src.models.functional import operation_fn

from aet_keras._keras import graph, trainable
from aet_keras._keras.context import Context
from aet_keras._keras.folding import find_folds

# A tensor of the graph: through which nested calls it is reached, and its id.
Key = tuple[tuple[int, ...], int]


@dataclasses.dataclass(frozen=True)
class Step:
    """One operation of the graph.

    Args:
        layer: what is called; `None` where a nested model is entered or left.
        reads: tuple of `Key`.
        writes: tuple of `Key`.
        run: function of `(values, training)` that puts what the step writes
            into the dict `values`.
        arguments: what the call was given, its tensors symbolic.
    """

    layer: object
    reads: tuple[Key, ...]
    writes: tuple[Key, ...]
    run: Callable
    arguments: tuple = ()


@dataclasses.dataclass(frozen=True)
class Boundary:
    """A division of the graph in two, and what is done at it.

    Args:
        lower: frozenset of positions of the steps below.
        keys: tuple of `Key`. The tensors that cross, in order: all that the
            part above needs.
        trainable: tuple of bools. Which groups move: the steps above are made
            for these, and made anew for others.
        recorded: tuple of `Key`. What to record of rows that come: what
            crosses, and what may cross later. Boundaries that differ in this
            alone are equal.
    """

    lower: frozenset[int]
    keys: tuple[Key, ...]
    trainable: tuple[bool, ...] = ()
    recorded: tuple[Key, ...] = dataclasses.field(default=(), compare=False)

    def recording(self, keys: tuple[Key, ...]) -> "Boundary":
        """Returns the same, where other tensors are recorded."""
        return dataclasses.replace(self, recorded=keys)


class SplitGraph:
    """Computes a functional or Sequential model in two parts.

    Args:
        model: a built functional or Sequential model.

    Attributes:
        inputs: tuple of `Key`. What the model is given.
        outputs: tuple of `Key`. What it gives, in the order of
            `model.outputs`.
        raw: frozenset of `Key`. The inputs, and what is made of them without
            weights: it may hold numbers of words or of users.
    """

    def __init__(self, model: keras.Model):
        self.model = model
        self._functional = graph.functional_of(model)
        self.steps: list[Any] = []
        self._flatten(self._functional, ())
        self.inputs = _keys((), self._functional._inputs)
        self.outputs = _keys((), self._functional._outputs)
        self.raw = self._find_raw()
        self.in_context = Context(model)

    @functools.cached_property  # asked for each batch of a resumed run
    def keys(self) -> list[Key]:
        """All tensors, in an order that each process has."""
        keys = list(self.inputs)
        for step in self.steps:
            keys += step.writes
        return list(dict.fromkeys(keys))

    def split_below(self, is_fixed: Callable) -> Boundary:
        """Cuts below the first step, on each path, that is not fixed.

        Args:
            is_fixed: function of a layer (or bare operation): whether it
                gives the same for the same rows as long as training goes on.
        """
        fixed, lower = set(self.inputs), set()
        for position, step in enumerate(self.steps):
            holds = step.layer is None or is_fixed(step.layer)
            if holds and all(key in fixed for key in step.reads):
                lower.add(position)
                fixed.update(step.writes)
        needed = dict.fromkeys(
            key
            for position, step in enumerate(self.steps)
            if position not in lower
            for key in step.reads
        )
        needed.update(dict.fromkeys(self.outputs))
        crossing = tuple(key for key in needed if key in fixed)
        return Boundary(frozenset(lower), crossing)

    def lower_layers(self, boundary: Boundary) -> list:
        """Returns the layers below a boundary, each once, in order."""
        return self._layers(sorted(boundary.lower))

    def upper_layers(self, boundary: Boundary) -> list:
        """Returns the layers above a boundary, each once, in order."""
        steps = range(len(self.steps))
        return self._layers(
            [each for each in steps if each not in boundary.lower]
        )

    def _layers(self, positions):
        layers = [self.steps[position].layer for position in positions]
        return list(
            {
                id(layer): layer
                for layer in layers
                if isinstance(layer, keras.layers.Layer)
            }.values()
        )

    def compute_lower(
        self,
        inputs,
        boundary: Boundary,
        keys,
        *,
        training: bool,
        is_folded: bool = False,
    ):
        """Computes some tensors of the part below from what `fit` is given.

        Args:
            inputs: what the model is given.
            boundary: where the graph is split.
            keys: tuple of `Key`. The tensors.
            training: bool. What layers are told.
            is_folded: bool. Whether BatchNormalization may be folded into the
                convolution before it, which rounds otherwise.

        Returns:
            List, for each key a tensor, or `None` if it cannot be kept: it
            carries a mask, or is not one dense tensor of numbers.

        Raises:
            UnsafeBelow: if a layer of the part below adds a loss.
        """
        kept = {*keys, *boundary.keys}
        below = [self.steps[position] for position in sorted(boundary.lower)]
        folds = find_folds(below, kept) if is_folded else {}
        folded = {fold.first for fold in folds.values()}

        def run(inputs, training):
            flat = standardized(self.model, self._functional, inputs)
            values = dict(zip(self.inputs, flat, strict=True))
            masked = set()  # seen at once: attention takes masks off its inputs
            for place, step in enumerate(below):
                if place in folded:
                    continue
                folds.get(place, step).run(values, training)
                written = [values[key] for key in step.writes]
                masked.update(id(each) for each in written if _has_mask(each))
            found = [values[key] for key in keys]
            return [None if id(each) in masked else each for each in found]

        self.model._clear_losses()
        tensors = self.in_context(inputs, run=run, training=training)
        for layer in self.lower_layers(boundary):
            if any(each._losses for each in trainable.sublayers(layer)):
                raise UnsafeBelow(f"`{layer.name}` adds a loss")
        return [tensor if _can_be_kept(tensor) else None for tensor in tensors]

    def compute_upper(self, tensors, boundary: Boundary, *, training: bool):
        """Computes the model's outputs from what crosses the boundary."""

        def run(tensors, training):
            values = dict(zip(boundary.keys, tensors, strict=True))
            for position, step in enumerate(self.steps):
                if position not in boundary.lower:
                    step.run(values, training)
            return [values[key] for key in self.outputs]

        return self._packed(
            self.in_context(tensors, run=run, training=training)
        )

    @property
    def symbolic_outputs(self):
        """What `compute_upper` returns, as `keras.KerasTensor`."""
        return self._packed(self._functional._outputs)

    def _packed(self, outputs):
        packed = keras.tree.pack_sequence_as(
            self._functional._outputs_struct, outputs
        )
        is_single = isinstance(packed, list | tuple) and len(packed) == 1
        return packed[0] if is_single else packed

    def _find_raw(self):
        """Returns the keys that no weights were needed for."""
        raw = set(self.inputs)
        for step in self.steps:
            has_weights = getattr(step.layer, "weights", ())
            if not has_weights and raw.issuperset(step.reads):
                raw.update(step.writes)
        return frozenset(raw)

    def _flatten(self, functional, path):
        for node in graph.in_order(functional):
            if graph.runs_only_its_graph(node.operation):
                self._enter(node, path)
            else:
                self.steps.append(_call(node, path))

    def _enter(self, node, path):
        """Adds the steps of a nested model in place of its call."""
        model = node.operation
        functional = graph.functional_of(model)
        inside = (*path, id(node))
        entered = _keys(inside, functional._inputs)

        def enter(values, training):
            args, kwargs = node.arguments.fill_in(_scope(values, path, node))
            given = args[0] if args else kwargs["inputs"]
            flat = standardized(model, functional, given)
            values.update(zip(entered, flat, strict=True))

        left = _keys(inside, functional._outputs)
        leaving = _keys(path, node.outputs)

        def leave(values, training):
            for outer, inner in zip(leaving, left, strict=True):
                values[outer] = values[inner]

        reads = _keys(path, node.input_tensors)
        self.steps.append(Step(None, reads, entered, enter))
        self._flatten(functional, inside)
        self.steps.append(Step(None, left, leaving, leave))


class UnsafeBelow(Exception):
    """Says why a part below cannot be run in the place of a step."""


def _call(node, path):
    operation = node.operation
    writes = _keys(path, node.outputs)

    def run(values, training):
        args, kwargs = node.arguments.fill_in(_scope(values, path, node))
        outputs = operation_fn(operation, training=training)(*args, **kwargs)
        values.update(zip(writes, keras.tree.flatten(outputs), strict=True))

    given = (node.arguments.args, node.arguments.kwargs)
    return Step(operation, _keys(path, node.input_tensors), writes, run, given)


def _keys(path, tensors):
    return tuple((path, id(t)) for t in keras.tree.flatten(tensors))


def _scope(values, path, node):
    return {id(t): values[path, id(t)] for t in node.input_tensors}


def standardized(model, functional, inputs):
    if isinstance(model, keras.Sequential):
        inputs = keras.tree.map_structure(
            lambda x: model.dtype_policy.convert_input(
                x, model.autocast, model.input_dtype
            ),
            inputs,
        )
    return functional._standardize_inputs(inputs)


def _has_mask(tensor):
    return getattr(tensor, "_keras_mask", None) is not None


def _can_be_kept(tensor):
    is_dense = isinstance(tensor, tf.Tensor) and tensor.dtype != tf.string
    return is_dense and not _has_mask(tensor)
