"""Reads what a classifier makes of rows, and what goes into its head."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import xxhash

from aet_keras import _check as check
from aet_keras._keras import graph, reading
from aet_keras._keras.split_graph import Boundary, SplitGraph, UnsafeBelow
from aet_keras.drift.row_batches import batches_of, no_rows
from aet_keras.drift.softmax_twin import Twin
from aet_keras.drift.target_kinds import KINDS

_OWNER = "read_outputs"
_EAGER_BATCHES = 4


@dataclasses.dataclass(frozen=True, eq=False)
class ModelOutputs:
    """Holds what a classifier makes of rows.

    Args:
        features: float32 array `(rows, width)`. The inputs of the head.
        probabilities: float32 array `(rows, classes)`; of a model of a number
            the numbers, `(rows, 1)`.
        labels: optional int array `(rows,)`, where the data have labels;
            floats of a number; of tags `(rows, tags)`.
        columns: dict from the name of each raw column to its array
            `(rows,)`; empty where the model takes one tensor.

    Example: see `aet_keras.drift.compare`.

    >>> outputs = aet_keras.drift.model_outputs.ModelOutputs(
    ...     np.zeros((5, 8)), np.full((5, 2), 0.5)
    ... )
    >>> outputs.row_count
    5
    """

    features: np.ndarray
    probabilities: np.ndarray
    labels: np.ndarray | None = None
    columns: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)

    @property
    def row_count(self) -> int:
        """Returns the number of rows."""
        return len(self.probabilities)

    @classmethod
    def joined(cls, parts: Sequence["ModelOutputs"]) -> "ModelOutputs":
        """Returns the rows of several; labels where all parts have them."""
        labels = [each.labels for each in parts if each.labels is not None]
        are_labelled = len(labels) == len(parts)
        return cls(
            np.concatenate([each.features for each in parts]),
            np.concatenate([each.probabilities for each in parts]),
            labels=np.concatenate(labels) if are_labelled else None,
            columns=reading.join([dict(each.columns) for each in parts]),
        )

    def take(self, rows: np.ndarray) -> "ModelOutputs":
        """Returns some of the rows, by their numbers."""
        labels = self.labels
        return ModelOutputs(
            self.features[rows],
            self.probabilities[rows],
            labels=None if labels is None else labels[rows],
            columns={name: each[rows] for name, each in self.columns.items()},
        )


def read_outputs(
    model: keras.Model,
    data: Any,
    *,
    batch_size: int = 128,
    most_rows: int | None = None,
    target_kind: str = "classes",
) -> ModelOutputs:
    """Runs rows through a classifier, or a model of a number, once.

    Args:
        model: a functional or built Sequential `keras.Model` whose head is a
            `Dense` layer: it puts out `(batch, classes)` probabilities or
            logits, or `(batch, 1)` the probability of the second class.
        data: array, dict of arrays, `tf.data.Dataset` of batches or
            `keras.utils.PyDataset`; batches may be `(inputs, labels)`, as
            `fit` takes them, labels one number or one-hot.
        batch_size: int >= 1. Of arrays. Defaults to `128`.
        most_rows: optional int >= 1. If there are more rows, only about so
            many are read: of arrays a sample, of others batches that are
            evenly spread. Defaults to all.
        target_kind: `"classes"`; `"number"`, where the model puts out one
            number a row, and labels are numbers; or `"tags"`, where it puts
            out a probability for each of several tags, and labels are 0 and
            1 likewise. Defaults to `"classes"`.

    Returns:
        `ModelOutputs`.

    Raises:
        TypeError: if `data` is of another kind.
        ValueError: if the model has no such head, there are no rows, or they
            have no end.

    Example:

    >>> model = keras.Sequential([
    ...     keras.Input((8,)),
    ...     keras.layers.Dense(4, activation="relu"),
    ...     keras.layers.Dense(3, activation="softmax"),
    ... ])
    >>> outputs = aet_keras.drift.model_outputs.read_outputs(
    ...     model, np.zeros((5, 8), "float32")
    ... )
    >>> outputs.features.shape, outputs.probabilities.shape
    ((5, 4), (5, 3))
    """
    reader = OutputReader(model, target_kind=target_kind)
    return reader.read(data, batch_size=batch_size, most_rows=most_rows)


class OutputReader:
    """Does what `read_outputs` does for several data.

    The first batches run eagerly: to trace a model takes as long as some
    hundred rows do. It is traced once, if more come.

    Args:
        model: as of `read_outputs`.
        target_kind: str, likewise.
        is_traced: bool. Whether it is traced at once, for any batch size.
    """

    def __init__(
        self,
        model: keras.Model,
        *,
        target_kind: str = "classes",
        is_traced: bool = False,
    ):
        kind = KINDS[target_kind]
        self._as_labels, self._as_outputs = kind.as_labels, kind.as_outputs
        is_of_classes = target_kind == "classes"
        self._eager = _forward(Twin.of(model).twin if is_of_classes else model)
        self._traced = tf.function(self._eager, reduce_retracing=True)
        self._is_traced = is_traced
        self._count = 0  # of batches so far
        self._size = 0  # of the largest of them

    def read(
        self, data: Any, *, batch_size: int = 128, most_rows: int | None = None
    ) -> ModelOutputs:
        """Returns the outputs of some data, as `read_outputs` does."""
        check.positive_int(_OWNER, batch_size=batch_size)
        if most_rows is not None:
            check.positive_int(_OWNER, most_rows=most_rows)
        batches = batches_of(data, batch_size, most_rows)
        found = [self._read(*batch) for batch in batches]
        if not any(each.row_count for each in found):
            raise no_rows(_OWNER)
        whole = ModelOutputs.joined(found)
        probabilities = self._as_outputs(_OWNER, whole.probabilities)
        return dataclasses.replace(whole, probabilities=probabilities)

    def _read(self, inputs, labels):
        """Returns the outputs of a batch, scores for probabilities."""
        count = reading.row_count(inputs)
        self._size, self._count = max(self._size, count), self._count + 1
        try:
            if self._is_traced:
                features, scores = self._of_any_size(_tensors(inputs))
            elif self._count <= _EAGER_BATCHES:
                features, scores = self._eager(_tensors(inputs))
            else:
                whole = _filled(inputs, self._size - count)
                features, scores = self._traced(_tensors(whole))
        except UnsafeBelow as error:
            raise ValueError(
                f"{_OWNER}: layers must add no losses, because the model is "
                f"run in two parts. Received: {error}. Take the model "
                "without them."
            ) from error
        return ModelOutputs(
            features.numpy()[:count],
            scores.numpy()[:count],
            labels=None if labels is None else self._as_labels(_OWNER, labels),
            columns=_columns(inputs),
        )

    def _of_any_size(self, tensors):
        def any_size(each):
            return tf.TensorSpec((None, *each.shape[1:]), each.dtype)

        # A call is answered by what was traced for more general shapes.
        specs = keras.tree.map_structure(any_size, tensors)
        self._traced.get_concrete_function(specs)
        return self._traced(tensors)


def sum_of_weights(
    model: keras.Model, *, except_for: Sequence[keras.Variable] = ()
) -> str:
    """Returns a sum that tells a model's weights from all others'.

    Args:
        model: a built `keras.Model`.
        except_for: sequence of weights that are left out.

    Example:

    >>> models = [
    ...     keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    ...     for _ in range(2)
    ... ]
    >>> total = aet_keras.drift.model_outputs.sum_of_weights
    >>> total(models[0]) == total(models[1])
    False
    """
    found, left_out = xxhash.xxh3_128(), {id(each) for each in except_for}
    for weight in (w for w in model.weights if id(w) not in left_out):
        array = np.ascontiguousarray(keras.ops.convert_to_numpy(weight))
        found.update(f"{array.dtype}{array.shape}".encode())
        found.update(array.tobytes())
    return found.hexdigest()


def _split(model: keras.Model) -> tuple[SplitGraph, Boundary]:
    """Returns a model's graph, and the boundary below its last dense layer."""
    if not graph.runs_only_its_graph(model):
        _refuse(model, "its calls cannot be listed")
    split = SplitGraph(model)
    layers = [step.layer for step in split.steps]
    dense = [each for each in layers if type(each) is keras.layers.Dense]
    if not dense or len(split.outputs) > 1:
        what = f"{len(dense)} dense layers and {len(split.outputs)} outputs"
        _refuse(model, what)
    return split, split.split_below(lambda each: each is not dense[-1])


def _refuse(model, what):
    raise ValueError(
        f"{_OWNER}: the model must be a functional or built Sequential one "
        "with one output, made by a `keras.layers.Dense`, because what goes "
        f"into that is compared. Received: {model.name}, {what}. Build it "
        "with `keras.Model(inputs, outputs)`."
    )


def _forward(model):
    """Returns a function of inputs: the rows that enter the head, scores."""
    split, boundary = _split(model)

    def run(inputs):
        crossing = split.compute_lower(
            inputs, boundary, boundary.keys, training=False
        )
        if any(each is None or each.shape.rank != 2 for each in crossing):
            _refuse(model, "what goes into it is not one row of numbers each")
        above = split.compute_upper(crossing, boundary, training=False)
        (scores,) = keras.tree.flatten(above)
        rows = [tf.cast(each, tf.float32) for each in crossing]
        return tf.concat(rows, axis=1), tf.cast(scores, tf.float32)

    return run


def _tensors(inputs):
    return keras.tree.map_structure(_tensor, inputs)


def _tensor(array):
    if isinstance(array, tf.Tensor):
        return array
    array = np.asarray(array)
    if array.dtype.kind in "OUS":
        return tf.constant(array.astype(object).tolist())
    if array.dtype == np.float64:
        array = array.astype("float32")
    return tf.constant(array)


def _filled(inputs, missing):
    """Fills a batch up with its last row: another size is traced anew."""
    if not missing:
        return inputs

    def fill(array):
        array = np.asarray(array)
        return np.concatenate([array, np.repeat(array[-1:], missing, axis=0)])

    return keras.tree.map_structure(fill, inputs)


def _columns(inputs):
    """Returns the raw columns of a batch of table rows."""
    if not isinstance(inputs, Mapping):
        return {}
    arrays = {name: np.asarray(each) for name, each in inputs.items()}
    return {
        name: array.reshape(len(array))
        for name, array in arrays.items()
        if array.size == len(array)
    }
