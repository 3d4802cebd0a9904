"""Finds the layers between recorded features and an output."""

import dataclasses

import keras

from aet_keras._keras.split_graph import Boundary, Key, SplitGraph, Step


@dataclasses.dataclass(frozen=True)
class Path:
    """A chain of calls from a tensor to one of the model's outputs.

    Args:
        key: `Key` of the tensor.
        layers: tuple of what is called, from there on up.
        shape: tuple of ints. The output's, the batch `None`.
    """

    key: Key
    layers: tuple
    shape: tuple[int | None, ...]


def steps_above(graph: SplitGraph, boundary: Boundary) -> list[Step]:
    """Returns the steps of the part above a boundary, in order."""
    return [s for i, s in enumerate(graph.steps) if i not in boundary.lower]


def path_to(graph: SplitGraph, boundary: Boundary, key: Key) -> Path | None:
    """Returns how an output comes of one tensor that crosses a boundary.

    Args:
        graph: `SplitGraph` of the model.
        boundary: `Boundary`.
        key: `Key` of an output.

    Returns:
        `Path`, or `None` if more than one tensor has a part in it.
    """
    shape = graph.model.outputs[graph.outputs.index(key)].shape
    makers = {
        k: step for step in steps_above(graph, boundary) for k in step.writes
    }
    layers: list[keras.layers.Layer] = []
    while key not in boundary.keys:
        step = makers[key]
        if len(step.reads) != 1 or len(step.writes) != 1:
            return None
        if step.layer is not None:  # else a nested model is entered or left
            layers.insert(0, step.layer)
        key = step.reads[0]
    return Path(key, tuple(layers), tuple(shape))
