"""Registers classes under the names that a saved model has for them."""

import inspect
from typing import Any

import keras

register = keras.saving.register_keras_serializable(package="aet_keras")


def arguments(layer: keras.layers.Layer, *, of: type) -> dict[str, Any]:
    """Returns the named arguments of a constructor, for `get_config`.

    Args:
        layer: has an attribute of the same name for each.
        of: the class that has the constructor; a subclass may have another.
    """
    # Not of the class itself: Keras's `__new__` would hide the names.
    _, *parameters = inspect.signature(vars(of)["__init__"]).parameters.values()
    return {
        each.name: getattr(layer, each.name)
        for each in parameters
        if each.kind is not each.VAR_KEYWORD
    }
