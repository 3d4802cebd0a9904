"""Finds the table of strings that counts the words of a text."""

from typing import Any

import keras


def word_tables(model: keras.Model) -> list[Any]:
    """Returns the tables of all layers that count words.

    A SavedModel has to keep them: a graph alone does not.

    Args:
        model: a functional `keras.Model`.
    """
    kind = keras.layers.TextVectorization
    return [
        layer._lookup_layer.lookup_table
        for layer in model.layers
        if isinstance(layer, kind)
    ]
