"""Packs inputs in the form that a model wants."""

from typing import Any

import keras


def pack(model: keras.Model, given: Any) -> Any:
    """Returns pixels, or a dict of inputs, in the model's own list or dict."""
    if isinstance(model, keras.Sequential):  # has no `input` until called
        return given
    leaves = keras.tree.flatten(given)
    return keras.tree.pack_sequence_as(model.input, leaves)
