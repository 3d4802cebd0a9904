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
