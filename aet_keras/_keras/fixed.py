"""Finds layers that give the same for the same rows during training."""

import keras

from aet_keras._keras import trainable

# It writes its own weights in every training step, frozen or not.
_WRITERS = (keras.layers.SpectralNormalization,)


def is_fixed(layer, *, may_draw: bool = False) -> bool:
    """Says whether a layer (or bare operation) is frozen and not random.

    What cannot be seen from outside (a custom layer that mixes rows, or draws
    without a `SeedGenerator`) has to be found out on data.

    Args:
        layer: what the graph calls.
        may_draw: bool. Whether it may be random all the same.
    """
    if not isinstance(layer, keras.layers.Layer):
        return True
    if layer.trainable_weights:
        return False
    inside = trainable.sublayers(layer)
    return not any(_may_change(each, may_draw) for each in inside)


def may_heed_training(layer) -> bool:
    """Says whether a frozen layer may give something else while training.

    Keras's own layers do not unless they take `training`, and those of a user
    may, without a word in their signature: a layer inside them may take it.

    Args:
        layer: what the graph calls.
    """
    if not isinstance(layer, keras.layers.Layer):
        return False
    return any(map(_may_heed, trainable.sublayers(layer)))


def _may_heed(layer):
    if type(layer) is keras.layers.BatchNormalization:
        return layer.trainable
    runs = [type(layer), getattr(layer, "activation", None)]
    return (
        isinstance(layer, keras.layers.Lambda)
        or "call" in vars(layer)
        or layer._call_has_training_arg
        and not _is_plain_dense(layer)
        or not all(each is None or _is_of_keras(each) for each in runs)
    )


def _is_plain_dense(layer):
    """Whether a layer takes `training` only for what it is not: quantized."""
    is_dense = type(layer) in (keras.layers.Dense, keras.layers.EinsumDense)
    return is_dense and layer.quantization_mode is None


def _is_of_keras(each):
    return getattr(each, "__module__", "").startswith("keras.src.")


def _may_change(layer, may_draw):
    if isinstance(layer, keras.layers.BatchNormalization):
        return layer.trainable  # moves its averages, with no weights to train
    return bool(
        (layer._seed_generators and not may_draw)
        or layer._metrics
        or layer.activity_regularizer is not None
        or isinstance(layer, _WRITERS)
        or getattr(layer, "stateful", False)
    )
