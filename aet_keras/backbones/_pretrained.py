"""Says whether a part of a model has ever learned anything."""

import keras
import numpy as np

_PLAIN = ("beta", "bias", "gamma", "moving_mean", "moving_variance", "scale")


def is_new(layer: keras.layers.Layer) -> bool:
    """Says whether a layer has only weights as they are when it is built.

    Biases, and what normalizes, begin as zeros and ones, and no step of
    training leaves all of them there. Without any, nothing proves it.

    Args:
        layer: a built `keras.layers.Layer`, such as a nested model.

    Example:

    >>> from aet_keras.backbones._pretrained import is_new
    >>> layer = keras.layers.Dense(2)
    >>> layer.build((None, 3))
    >>> is_new(layer), is_new(aet_keras.backbones.load_backbone())
    (True, False)
    """
    plain = _plain(layer)
    return bool(plain) and all(map(_is_plain, plain))


def has_learned(layer: keras.layers.Layer) -> bool:
    """Says whether such a weight is proved to have moved.

    Args:
        layer: a built `keras.layers.Layer`, or an operation of a graph.

    Example:

    >>> from aet_keras.backbones._pretrained import has_learned
    >>> has_learned(aet_keras.backbones.load_backbone())
    True
    """
    return not all(map(_is_plain, _plain(layer)))


def _plain(layer):
    return [
        variable
        for variable in getattr(layer, "weights", ())
        if variable.path.rsplit("/", 1)[-1] in _PLAIN
    ]


def _is_plain(variable):
    return bool(np.isin(variable.numpy().astype("float32"), (0.0, 1.0)).all())
