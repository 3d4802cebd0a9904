"""Finds reasons why replay would change the result."""

import keras
import numpy as np
import tensorflow as tf

from aet_keras._keras import (
    forwarding,
    functions,
    graph,
    replicas,
    strategy,
    trainable,
)

# What replayed batches do not go through.
_BYPASSED = (
    "__call__",
    "call",
    "compute_loss",
    "compute_metrics",
    "make_test_function",
    "make_train_function",
    "test_step",
    "train_step",
)


def reason_of_model(model: keras.Model) -> str | None:
    """Says why the prefix of a model cannot be cached, or None."""
    if not graph.is_graph(model):
        return f"{type(model).__name__} is subclassed and hides its graph"
    own = [
        name
        for name in graph.overridden(model, *_BYPASSED)
        if not forwarding.only_forwards(model, name)
    ]
    if own:
        return f"the model has its own `{own[0]}`, which replay would pass by"
    if strategy.is_distributed(model):
        return _reason_of_strategy(model)
    return None


def _reason_of_strategy(model):
    name = type(model.distribute_strategy).__name__
    if not strategy.is_mirrored(model):
        return f"the model is distributed by a `{name}`"
    reason = replicas.reason_of_optimizer(model)
    reason = reason or replicas.reason_of_losses(model)
    return reason and f"the model is distributed, and {reason}"


def check_iterator(iterator) -> None:
    """Raises an `Unsafe` if a pass must not be left before its end."""
    if functions.has_queue(iterator):
        raise Unsafe("a `PyDataset` with workers has to be read to its end")


def check_leaves(leaves) -> None:
    """Raises an `Unsafe` if a batch is not made of rows of dense tensors."""
    dense = all(isinstance(leaf, tf.Tensor) for leaf in leaves)
    if not dense or any(leaf.shape.rank == 0 for leaf in leaves):
        raise Unsafe("the batches are not made of rows of dense tensors")
    if len({int(leaf.shape[0]) for leaf in leaves}) > 1:
        raise Unsafe("the tensors of a batch differ in their rows")


def check_comparable(features) -> None:
    """Raises an `Unsafe` if some features hold no finite number at all."""
    rows = [each for each in features if each.size]
    if rows and not any(np.isfinite(each).any() for each in rows):
        raise Unsafe(
            "what the frozen layers put out is NaN or infinite: look for NaN "
            "in the data and the weights"
        )


def mixes_positions(layers) -> bool:
    """Says whether training sees more of the positions than a trial does."""
    inner = [each for layer in layers for each in trainable.sublayers(layer)]
    return any(
        (isinstance(each, keras.layers.BatchNormalization) and each.trainable)
        or getattr(each, "noise_shape", None) is not None
        for each in inner
    )


class Unsafe(Exception):
    """Says why a cache must turn itself off."""
