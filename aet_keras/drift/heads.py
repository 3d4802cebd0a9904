"""Finds the dense layer that a classifier ends in."""

from typing import Any

import keras
import numpy as np

from aet_keras._keras import graph


def dense_head(owner: str, model: keras.Model) -> keras.layers.Dense:
    """Returns the dense layer with a softmax that a model ends in.

    Args:
        owner: str. Who asks.
        model: a functional or built Sequential `keras.Model`.

    Raises:
        ValueError: if it does not end so.
    """
    layers = model.layers if graph.is_graph(model) else []
    last: Any = layers[-1] if layers else None
    is_dense = type(last) is keras.layers.Dense and last.use_bias
    is_one = is_dense and len(model.outputs) == 1
    if not is_one or last.activation is not keras.activations.softmax:
        raise ValueError(
            f"{owner}: the model must end in a `keras.layers.Dense` with a "
            "bias and a softmax, because its logits are what is corrected. "
            f"Received: {_end(last)}. Leave this remedy out, or build the "
            "model with such a head."
        )
    if len(last.weights) != 2:
        raise ValueError(
            f"{owner}: the head must hold a kernel and a bias alone, because "
            f"both are written. Received: `{last.name}` with "
            f"{len(last.weights)} weights (LoRA or quantization). Merge them "
            "first."
        )
    return last


def feature_model(model: keras.Model, head: keras.layers.Dense) -> keras.Model:
    """Returns the part of a model below its head; it shares all layers."""
    return keras.Model(model.inputs, head.input)


def answers(probabilities: np.ndarray) -> np.ndarray:
    """Returns the most probable class of each row."""
    return np.asarray(probabilities).argmax(axis=1)


def _end(last):
    if last is None:
        return "a model without a graph"
    activation = getattr(last, "activation", None)
    name = getattr(activation, "__name__", None)
    kind = type(last).__name__
    return f"`{last.name}`, {kind}" + (f" with `{name}`" if name else "")
