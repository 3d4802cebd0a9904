"""Adds a set of classes, or an interval, to what a SavedModel answers."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from aet_keras.evaluation.guarantee import Guarantee

SET, LOWER, UPPER = "in_set", "lower", "upper"
MEDIAN = "median"  # of classes with an order
CALLED = "called"  # of two classes whose errors cost differently


def answer_with_sets(served: Any, guarantee: Guarantee) -> Any:
    """Adds outputs to the signatures that answer with what a set is made of.

    Beside `probabilities` stands `in_set`, bools of the same shape: the
    classes or tags of the set, what is answered always among them. Beside
    `values` stand `lower` and `upper`. The calls `classify` and `regress` of
    TensorFlow Serving have no place for them.

    Args:
        served: `Served` of `saved_model`.
        guarantee: `Guarantee`.

    Returns:
        A `Served` of the same weights.
    """
    output, add = _ADDED[guarantee.target_kind]
    limit = guarantee.limit
    functions = {
        name: _extended(function, lambda found: add(found, limit))
        if output in function.structured_outputs
        else function
        for name, function in served.functions.items()
    }
    # What was traced first must live as long as what calls it.
    kept = {**served.kept, "before_sets": list(served.functions.values())}
    return dataclasses.replace(served, functions=functions, kept=kept)


def _extended(function: Any, add: Callable[[Any], Mapping[str, Any]]) -> Any:
    positional, named = function.structured_input_signature
    specs = {**{spec.name: spec for spec in positional}, **named}
    # TensorFlow has made the names in them small: `Age` would become `age`.
    specs = {
        name: tf.TensorSpec(spec.shape, spec.dtype, name)
        for name, spec in specs.items()
    }

    def run(**inputs):
        outputs = function(**inputs)
        return {**outputs, **add(outputs)}

    return tf.function(run, autograph=False).get_concrete_function(**specs)


def _sets(outputs, limit):
    said = outputs["probabilities"]
    best = tf.reduce_max(said, axis=1, keepdims=True)
    held = said >= tf.minimum(best, tf.cast(limit, said.dtype))
    for answered in (MEDIAN, CALLED):  # what is answered is held as well
        if answered in outputs:
            held |= outputs["classes"] == outputs[answered][:, tf.newaxis]
    return {SET: held}


def _tag_sets(outputs, limit):
    said = outputs["probabilities"]
    held = said >= tf.cast(limit, said.dtype)
    return {SET: held | (outputs["tags"] != "")}  # what is answered is held


def _ends(outputs, limit):
    values = outputs["values"]
    half = tf.cast(limit, values.dtype)
    return {LOWER: values - half, UPPER: values + half}


_ADDED = {
    "classes": ("probabilities", _sets),
    "number": ("values", _ends),
    "tags": ("tags", _tag_sets),
}
