"""Describes what computes a tensor, alike in every process."""

import hashlib
import json
import sys

import keras
import numpy as np
import tensorflow as tf

from aet_keras._keras import trainable
from aet_keras._keras.split_graph import Key, SplitGraph

# Their code does not change while a version lasts; that of others may.
_KNOWN = ("keras.", "keras_hub.", "aet_keras.")


def describe(graph: SplitGraph, key: Key) -> str | None:
    """Returns a sum of all that a tensor is computed with, rows aside.

    That is the layers below it with their settings and weights, how they are
    connected, and the versions of Keras, of TensorFlow and of the packages
    that other layers come from. Names do not count: Keras numbers them again
    in each process.

    Returns:
        Hexadecimal str, or `None` if something in it cannot be known: a layer
        of a user's own, whose code may change, or one that is random.
    """
    numbers: dict[Key, int] = {k: i for i, k in enumerate(graph.inputs)}
    lines = [keras.__version__, tf.__version__]
    for step in _needed(graph, key):
        about = _about(step.layer)
        arguments = _plain(step.arguments)
        if about is None or arguments is None:
            return None
        reads = [numbers[each] for each in step.reads]
        for each in step.writes:
            numbers[each] = len(numbers)
        writes = [numbers[each] for each in step.writes]
        lines.append([about, arguments, reads, writes])
    lines.append(numbers[key])
    return hashlib.sha256(json.dumps(lines).encode()).hexdigest()


def _needed(graph, key):
    """Returns the steps that a tensor is made by, in order."""
    wanted, found = {key}, []
    for step in reversed(graph.steps):
        if wanted.intersection(step.writes):
            wanted.update(step.reads)
            found.append(step)
    return found[::-1]


def _about(layer):
    """Returns what a layer is, or None where that cannot be known."""
    if layer is None:
        return "a nested model"
    inside = [layer]
    if isinstance(layer, keras.layers.Layer):
        inside = trainable.sublayers(layer)
    for each in inside:
        kind = type(each)
        is_known = f"{kind.__module__}.".startswith(_KNOWN)
        if not is_known or isinstance(each, keras.layers.Lambda):
            return None
        if getattr(each, "_seed_generators", None):
            return None
    try:
        settings = _plain(layer.get_config())
    except NotImplementedError:
        return None
    if settings is None:
        return None
    name = f"{type(layer).__module__}.{type(layer).__qualname__}"
    weights = [_sum(w.numpy()) for w in getattr(layer, "weights", ())]
    return [name, settings, weights, *_versions(inside)]


def _versions(inside):
    """Returns the versions of what layers come from, Keras's own left out."""
    packages = {type(each).__module__.partition(".")[0] for each in inside}
    return [
        f"{name} {getattr(sys.modules.get(name), '__version__', '')}"
        for name in sorted(packages - {"keras"})
    ]


def _plain(value):
    """Returns settings as text without names, or None if they are not data."""
    try:
        return json.dumps(_without_names(value), default=_sum, sort_keys=True)
    except TypeError:
        return None


def _without_names(value):
    if isinstance(value, dict):
        if value.get("class_name") in ("function", "__lambda__"):
            raise TypeError(value)  # a user's own: its code may change
        return {k: _without_names(v) for k, v in value.items() if k != "name"}
    if isinstance(value, list | tuple):
        return [_without_names(each) for each in value]
    return value


def _sum(value):
    """Returns a sum of an array; raises a TypeError for anything else."""
    if isinstance(value, keras.KerasTensor):
        return "a tensor"
    if isinstance(value, keras.DTypePolicy):
        return value.name
    if not isinstance(value, np.ndarray | np.generic | tf.Tensor):
        raise TypeError(type(value))
    array = np.ascontiguousarray(value)
    found = hashlib.sha256(f"{array.dtype} {array.shape} ".encode())
    found.update(array.tobytes())
    return found.hexdigest()
