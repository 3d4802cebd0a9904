"""Says what a server answers for each kind of target."""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from aet_keras.export import saved_model as written
from aet_keras.export.answer_sets import CALLED, MEDIAN


@dataclasses.dataclass(frozen=True)
class Answer:
    """Holds how a kind of target is answered by a server.

    Args:
        output: str. The output of `serving_default` that a comparison takes.
        check: of who asks, the model and the class names; raises if they do
            not fit.
        prepare: of the class names, the thresholds and a folder for files;
            returns an object that is kept, and a function of what the model
            puts out that returns the outputs of `serving_default`.
        of_examples: str. The signature that takes serialised examples.
        as_examples: of the outputs of `serving_default`; returns those of
            that signature.
    """

    output: str
    check: Callable[[str, keras.Model, list[str]], None]
    prepare: Callable[[list[str], Sequence[float], Path], tuple[Any, Callable]]
    of_examples: str
    as_examples: Callable[[Mapping[str, Any]], dict[str, Any]]


def _prepare_classes(names, thresholds, folder):
    del thresholds  # one class is the likeliest
    table = written.label_table(folder / "labels.txt", names)

    def say(probabilities):
        row_count = tf.shape(probabilities)[0]
        return {
            "probabilities": tf.cast(probabilities, tf.float32),
            "classes": written.repeated_names(table, len(names), row_count),
        }

    return table, say


def _prepare_ordered(names, thresholds, folder):
    table, say_names = _prepare_classes(names, thresholds, folder)

    def say(probabilities):
        outputs = say_names(probabilities)
        summed = tf.cumsum(tf.cast(outputs["probabilities"], "float64"), axis=1)
        half = 0.5 * summed[:, -1:] - 1e-9  # as `evaluation.ordinal.medians`
        below = tf.reduce_sum(tf.cast(summed < half, "int32"), axis=1)
        called = tf.gather(outputs["classes"], below, axis=1, batch_dims=1)
        return {**outputs, MEDIAN: called}

    return table, say


def _prepare_called(positive, least, names, thresholds, folder):
    table, say_names = _prepare_classes(names, thresholds, folder)

    def say(probabilities):
        outputs = say_names(probabilities)
        risks = tf.cast(outputs["probabilities"][:, positive], "float64")
        is_called = risks >= least  # as `evaluation.risk` has it
        one, other = (
            outputs["classes"][:, i] for i in (positive, 1 - positive)
        )
        return {**outputs, CALLED: tf.where(is_called, one, other)}

    return table, say


def _prepare_tags(names, thresholds, folder):
    table, say_names = _prepare_classes(names, thresholds, folder)
    least = tf.constant(thresholds or [0.5] * len(names), tf.float32)

    def say(probabilities):
        outputs = say_names(probabilities)
        is_said = outputs["probabilities"] >= least
        return {**outputs, "tags": tf.where(is_said, outputs["classes"], "")}

    return table, say


def _check_one_number(owner, model, names):
    del names  # a number has none
    given = tuple(model.outputs[0].shape)
    if given[1:] != (1,):
        raise ValueError(
            f"{owner}: the model must put out one number a row, because its "
            f"target is a number. Received: output shape {given}."
        )


def _prepare_number(names, thresholds, folder):
    del names, thresholds, folder  # there is nothing to write beside it

    def say(numbers):
        return {"values": tf.cast(numbers[:, 0], tf.float32)}

    return (), say


def answer_of(
    target_kind: str,
    *,
    is_ordered: bool = False,
    called_from: tuple[int, float] | None = None,
) -> Answer:
    """Returns how a target is answered.

    Args:
        target_kind: `"classes"`, `"number"` or `"tags"`.
        is_ordered: bool. Whether the classes have an order: then their median
            is put out, too, strings `(batch,)`. It is the first class at which
            the probabilities, summed up from the lowest one, reach one half,
            and what `aet-keras predict` answers.
        called_from: optional tuple of the positive one of two classes, 0 or
            1, and the probability from which on to call a row so costs least.
            Then that is answered, as `called`, strings `(batch,)`, whether
            the classes have an order or not.
    """
    answer = ANSWERS[target_kind]
    if called_from is not None:
        prepare = functools.partial(_prepare_called, *called_from)
        return dataclasses.replace(answer, prepare=prepare)
    if is_ordered:
        return dataclasses.replace(answer, prepare=_prepare_ordered)
    return answer


ANSWERS = {
    "classes": Answer(
        "probabilities",
        written.check_columns,
        _prepare_classes,
        written.CLASSIFY,
        written.classified,
    ),
    "number": Answer(
        "values",
        _check_one_number,
        _prepare_number,
        written.REGRESS,
        lambda outputs: {"outputs": outputs["values"]},
    ),
    "tags": Answer(
        "probabilities",
        written.check_columns,
        _prepare_tags,
        written.CLASSIFY,
        written.classified,
    ),
}
