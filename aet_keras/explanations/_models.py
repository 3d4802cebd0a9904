"""Can the inside of this model be seen?"""

from typing import Any

import keras

from aet_keras._check import owner_name
from aet_keras._keras import graph
from aet_keras._keras.inside import Inside


def open_up(owner: Any, model: keras.Model) -> Inside:
    """Returns the inside of a classifier of pictures, or says why not."""
    if not graph.is_graph(model) or graph.overridden(model, "__call__", "call"):
        raise ValueError(
            f"{owner_name(owner)}: the model must be functional, or Sequential "
            "and built, because what it computes inside is read off its graph. "
            f"Received: model={type(model).__name__} named `{model.name}`. "
            "Build it as `keras.Model(inputs, outputs)` or begin it with "
            "`keras.Input`; `Occlusion` takes any model."
        )
    shapes = [tuple(tensor.shape) for tensor in model.inputs]
    given = [tuple(tensor.shape) for tensor in model.outputs]
    if [len(s) for s in shapes] != [4] or [len(s) for s in given] != [2]:
        raise ValueError(
            f"{owner_name(owner)}: the model must take one batch of pictures, "
            "`(batch, height, width, channels)`, and give one row of scores "
            "each, `(batch, classes)`. Received: a model from "
            f"{shapes} to {given}. Explain the part that does, "
            "`keras.Model(pictures, scores)`."
        )
    return Inside(model)
