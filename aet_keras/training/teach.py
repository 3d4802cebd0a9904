"""Lets a model learn from another one's probabilities, beside the labels."""

from typing import Any

import keras
import numpy as np

from aet_keras import _check as check
from aet_keras._keras.loss_objects import as_loss, compiled_metrics
from aet_keras.losses.distillation import Distillation
from aet_keras.losses.of_labels import OfLabels
from aet_keras.replay.head_loss import KnownLoss, NotSolved
from aet_keras.training.teacher_outputs import (
    check_probabilities,
    probabilities_of,
)

_OWNER = "teach"


def teach(
    student: keras.Model,
    teacher: Any,
    train: tuple,
    *,
    unlabelled: Any = None,
    share: float = 0.7,
    temperature: float = 2.0,
    batch_size: int = 128,
) -> tuple:
    """Compiles a student for a teacher, and returns what it learns from.

    The teacher is asked once, about all rows. What it says is kept beside the
    labels, as targets of `fit`: in each epoch, with frozen layers replayed or
    not, with sample weights, and when the head is solved, the student learns
    both. Its loss becomes `Distillation`; optimizer and metrics stay, and
    metrics measure labels alone. Validation data stay what they were: there a
    model is judged by labels.

    Args:
        student: a compiled `keras.Model` of one output, a probability or a
            logit for each of two classes or more, with a cross-entropy of
            Keras as its loss.
        teacher: a `keras.Model` of the same classes in the same order. Images
            are resized to what it takes. Or its answers: probabilities
            `(rows, classes)` in the order of `train`, those of `unlabelled`
            after them.
        train: tuple of arrays, `(x, y)` or `(x, y, sample_weight)`, as `fit`
            takes them; `x` may be a dict of arrays. Labels are class numbers
            or one-hot.
        unlabelled: optional array, or dict of arrays, as `x`. Rows without
            labels, which the teacher alone teaches. Defaults to none.
        share: float >= 0, < 1. What the teacher counts. Defaults to `0.7`.
        temperature: float > 0. Defaults to `2.0`.
        batch_size: int >= 1. Rows that the teacher is asked at a time.

    Returns:
        Tuple for `fine_tune`, or for `fit`, which takes its third by the name
        `sample_weight`: `(x, targets)`, or with weights
        `(x, targets, sample_weight)`; targets float32
        `(rows, 2 * classes)`.

    Raises:
        ValueError: if the student is not compiled for classes, or teacher and
            student have other classes, or their inputs do not fit.
        TypeError: if `train` is no tuple of arrays.

    Cost:
        One pass of the teacher over all rows.

    Example:

    >>> def build(units):
    ...     return keras.Sequential(
    ...         [
    ...             keras.Input((2,)),
    ...             keras.layers.Dense(units, "relu"),
    ...             keras.layers.Dense(3, "softmax"),
    ...         ]
    ...     )
    >>> student, teacher = build(2), build(8)
    >>> student.compile("adam", "sparse_categorical_crossentropy")
    >>> x, y = np.ones((6, 2), "float32"), np.arange(6) % 3
    >>> train = aet_keras.training.teach(student, teacher, (x, y))
    >>> train[1].shape
    (6, 6)
    >>> run = aet_keras.fine_tune(
    ...     student, train, validation_data=(x, y), epochs=1, verbose=0
    ... )

    Reference:
        [Hinton et al., 2015](https://arxiv.org/abs/1503.02531).
    """
    check.instance(_OWNER, of=keras.Model, student=student)
    check.positive_int(_OWNER, batch_size=batch_size)
    x, y, weights = _arrays(train)
    classes = class_count(student)
    labels = one_hot(y, classes)
    if unlabelled is not None:
        x, labels, weights = _with_unlabelled(x, labels, weights, unlabelled)
    if isinstance(teacher, keras.Model):
        teacher = probabilities_of(teacher, x, batch_size, _OWNER)
    answers = np.asarray(teacher, "float32")
    check_probabilities(_OWNER, answers, (len(labels), classes))
    compile_taught(student, share=share, temperature=temperature)
    targets = np.hstack([labels, answers])
    return (x, targets) if weights is None else (x, targets, weights)


def compile_taught(
    student: keras.Model, *, share: float = 0.7, temperature: float = 2.0
) -> None:
    """Compiles a compiled classifier anew, for labels and a teacher.

    Args:
        student: `keras.Model`.
        share: as of `Distillation`.
        temperature: as of `Distillation`.

    Raises:
        ValueError: if its loss is no cross-entropy of classes.

    Example: see `teach`.

    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    >>> model.compile("adam", "mse")
    >>> from aet_keras.training.teach import compile_taught
    >>> try:
    ...     compile_taught(model)
    ... except ValueError as error:
    ...     "cross-entropy of classes" in str(error)
    True
    """
    known = known_loss(student)
    loss = Distillation(
        share,
        temperature=temperature,
        from_logits=known.takes_logits,
        reduction=known.loss.reduction,
    )
    given = student.get_compile_config()
    metrics, weighted = compiled_metrics(student)
    student.compile(
        optimizer=student.optimizer,
        loss=loss,
        loss_weights=given["loss_weights"],
        metrics=_of_labels(metrics, known.is_sparse),
        weighted_metrics=_of_labels(weighted, known.is_sparse),
        run_eagerly=given["run_eagerly"],
        steps_per_execution=given["steps_per_execution"],
        jit_compile=given["jit_compile"],
    )


def known_loss(student: keras.Model) -> KnownLoss:
    """Returns the `KnownLoss` of a student, which is one of classes."""
    if not student.compiled:
        raise ValueError(
            "teach: the student must be compiled, because its optimizer and "
            "metrics stay. Call `student.compile(...)` first."
        )
    try:
        known = KnownLoss.of(as_loss(student.loss))
    except (NotSolved, TypeError, ValueError) as reason:
        raise _other_loss(student.loss) from reason
    if known.kind != "softmax" or known.learns_weight:
        raise _other_loss(student.loss)
    return known


def _other_loss(loss):
    return ValueError(
        "teach: the student must be compiled with a plain cross-entropy of "
        "classes, because the teacher's probabilities are mixed with the "
        f"labels. Received: loss={loss!r}. Compile with "
        "`sparse_categorical_crossentropy` or `categorical_crossentropy`."
    )


def _of_labels(metrics, is_sparse):
    """Returns metrics that read the labels of targets."""
    return [
        each
        if isinstance(each, OfLabels)
        else OfLabels(_as_metric(each, is_sparse), is_sparse=is_sparse)
        for each in keras.tree.flatten(metrics)
        if each is not None
    ]


def _as_metric(metric, is_sparse):
    """Returns a metric as Keras makes it of its name, or a function."""
    if metric in ("accuracy", "acc"):
        kind = "Sparse" if is_sparse else ""
        made = getattr(keras.metrics, f"{kind}CategoricalAccuracy")
        return made(name=metric)
    found = keras.metrics.get(metric)
    if isinstance(found, keras.metrics.Metric):
        return found
    return keras.metrics.MeanMetricWrapper(found, name=found.__name__)


def _arrays(train):
    """Returns inputs, labels and weights, or None for the last."""
    if not isinstance(train, tuple) or len(train) not in (2, 3):
        raise TypeError(
            "teach: `train` must be a tuple `(x, y)` or `(x, y, "
            "sample_weight)` of arrays, because the teacher's answers are kept "
            f"row by row. Received: {type(train).__name__}. Read a data set "
            "into arrays first."
        )
    x, y, weights = (*train, None)[:3]
    counts = {len(column) for column in keras.tree.flatten(x)}
    if counts != {len(y)} or (weights is not None and len(weights) != len(y)):
        raise ValueError(
            "teach: `x`, `y` and `sample_weight` must have as many rows as "
            f"each other. Received: {sorted(counts)} inputs, {len(y)} labels."
        )
    return x, np.asarray(y), weights


def class_count(student: keras.Model) -> int:
    """Returns how many classes the one output of a student has."""
    shapes = [tuple(each.shape) for each in student.outputs]
    if len(shapes) == 1 and len(shapes[0]) == 2 and shapes[0][1] > 1:
        return shapes[0][1]
    raise ValueError(
        "teach: the student must have one output of two classes or more, "
        f"`(rows, classes)`. Received: outputs of the shapes {shapes}. Build "
        "it with `Dense(classes, activation='softmax')` in the end."
    )


def one_hot(y: np.ndarray, classes: int) -> np.ndarray:
    """Returns class numbers, or what is one-hot already, as one-hot."""
    count = len(y)
    if y.shape == (count, classes):
        return np.asarray(y, "float32")
    is_number = y.dtype.kind in "biuf"
    numbers = y.reshape(count) if y.size == count and is_number else None
    if (
        numbers is None
        or not np.all((numbers >= 0) & (numbers < classes))
        or not np.all(numbers == np.floor(numbers))
    ):
        raise ValueError(
            f"teach: labels must be whole numbers from 0 to {classes - 1}, or "
            f"one-hot `(rows, {classes})`, because the student has {classes} "
            f"classes. Received: the shape {y.shape}, {_range(y, is_number)}. "
            "Number the classes as the student has them."
        )
    return np.eye(classes, dtype="float32")[numbers.astype(int)]


def _range(y, is_number):
    if not is_number:
        return f"of the type {y.dtype}"
    return f"from {np.min(y):g} to {np.max(y):g}"


def _with_unlabelled(x, labels, weights, more):
    """Returns the rows with those that have no label behind them."""
    x = keras.tree.map_structure(lambda *a: np.concatenate(a), x, more)
    count = len(keras.tree.flatten(more)[0])
    labels = np.vstack([labels, np.zeros((count, labels.shape[1]), "float32")])
    if weights is not None:
        known = np.reshape(weights, (len(labels) - count,))
        weights = np.append(known, np.ones(count, "float32"))
    return x, labels, weights
