"""Adds what goes into a model's head to its outputs."""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from aet_keras._keras import graph
from aet_keras._keras.split_graph import SplitGraph, UnsafeBelow

_AFTER_THE_HEAD = (
    keras.layers.Activation,
    keras.layers.Dropout,
    keras.layers.Identity,
    keras.layers.Rescaling,  # the unit of a number
    keras.layers.Softmax,
)


@dataclasses.dataclass(frozen=True)
class Outputs:
    """Holds the outputs of a model for a batch.

    Args:
        probabilities: tensor `(batch, classes)`; of a number `(batch, 1)`.
        embeddings: tensor `(batch, width)`, the input of the last dense
            layer, or None where the model does not end with one.
    """

    probabilities: Any
    embeddings: Any = None

    def named(self, say: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        """Returns the outputs of a signature, as `Answer.prepare` says them."""
        outputs = say(self.probabilities)
        if self.embeddings is not None:
            outputs["embeddings"] = tf.cast(self.embeddings, tf.float32)
        return outputs


def call(model: keras.Model, given: Any) -> Outputs:
    """Calls a model once, for inference, with its embeddings in view."""
    inputs = pack(model, given)
    split, boundary = _split_off_head(model)
    if boundary is None:
        return _call(model, inputs)
    try:
        (rows,) = split.compute_lower(
            inputs, boundary, boundary.keys, training=False
        )
    except UnsafeBelow:
        return _call(model, inputs)
    if rows is None or rows.shape.rank != 2:
        return _call(model, inputs)
    above = split.compute_upper([rows], boundary, training=False)
    (probabilities,) = keras.tree.flatten(above)
    return Outputs(probabilities, rows)


def pack(model: keras.Model, given: Any) -> Any:
    """Returns pixels, or a dict of inputs, in the model's own list or dict."""
    if isinstance(model, keras.Sequential):  # has no `input` until called
        return given
    leaves = keras.tree.flatten(given)
    return keras.tree.pack_sequence_as(model.input, leaves)


def _call(model, inputs):
    (probabilities,) = keras.tree.flatten(model(inputs, training=False))
    return Outputs(probabilities)


def _split_off_head(model):
    """Returns a model's graph, and the boundary below its last dense layer."""
    if not graph.runs_only_its_graph(model):
        return None, None
    split = SplitGraph(model)
    layers = [step.layer for step in split.steps]
    dense = [each for each in layers if type(each) is keras.layers.Dense]
    if not dense:
        return None, None
    boundary = split.split_below(lambda layer: layer is not dense[-1])
    above = [
        layer
        for position, layer in enumerate(layers)
        if position not in boundary.lower and layer not in (None, dense[-1])
    ]
    is_head = all(type(each) in _AFTER_THE_HEAD for each in above)
    return split, boundary if is_head and len(boundary.keys) == 1 else None
