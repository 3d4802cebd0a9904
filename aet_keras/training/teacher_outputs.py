"""Asks a teacher what it thinks of rows."""

from typing import Any

import keras
import numpy as np

from aet_keras._keras import reading
from aet_keras._progress import report
from aet_keras.drift.softmax_twin import Twin

_ROUNDED = 1e-2  # how far from 1 half precision may put a sum


def probabilities_of(
    teacher: keras.Model, x: Any, batch_size: int, owner: str
) -> np.ndarray:
    """Returns the probabilities of a teacher, row by row.

    A head of logits or of one sigmoid is read as the softmax that it is.

    Args:
        teacher: `keras.Model`.
        x: array or dict of arrays; images may be of another size than the
            teacher takes, and are resized.
        batch_size: int >= 1.
        owner: str. Who asks, in the sentences of what is raised.

    Raises:
        ValueError: if the rows are nothing that the teacher takes, or what it
            says is no probability of classes.

    Example:

    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    >>> from aet_keras.training.teacher_outputs import probabilities_of
    >>> probabilities_of(model, np.zeros((1, 2)), 32, "teach")
    array([[0.5, 0.5]], dtype=float32)
    """
    return outputs_of(_softmax_of(teacher, owner), x, batch_size, owner)


def outputs_of(
    teacher: keras.Model, x: Any, batch_size: int, owner: str
) -> np.ndarray:
    """Returns what a teacher puts out, row by row.

    Args:
        teacher: as of `probabilities_of`, and the others likewise.
        x: array or dict of arrays.
        batch_size: int >= 1.
        owner: str.

    Raises:
        ValueError: if the rows are nothing that the teacher takes.

    Example:

    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Flatten()])
    >>> from aet_keras.training.teacher_outputs import outputs_of
    >>> outputs_of(model, np.ones((1, 2)), 32, "teach")
    array([[1., 1.]], dtype=float32)
    """
    size = _size(teacher, x, owner)
    found = []
    count = len(keras.tree.flatten(x)[0])
    for start in range(0, count, batch_size):
        report("asking the teacher", start, total=count)
        rows = reading.take(x, slice(start, start + batch_size))
        if size is not None:
            rows = keras.ops.image.resize(
                np.asarray(rows, "float32"), size, antialias=True
            )
        said = teacher.predict_on_batch(rows)
        if not isinstance(said, np.ndarray):
            raise ValueError(
                f"{owner}: the teacher must have one output, which is what the "
                f"student learns. Received: {len(said)} outputs. Give a model "
                "of that output, or its answers as an array."
            )
        found.append(np.asarray(said, "float32"))
    return np.concatenate(found)


def check_probabilities(
    owner: str, found: np.ndarray, shape: tuple[int, int]
) -> None:
    """Raises a `ValueError` unless rows are probabilities of classes.

    Args:
        owner: str. Who asks.
        found: array.
        shape: `(rows, classes)`, as wanted.

    Example:

    >>> from aet_keras.training.teacher_outputs import check_probabilities
    >>> check_probabilities("teach", np.array([[0.5, 0.5]]), (1, 2))
    """
    if found.shape != shape:
        raise ValueError(
            f"{owner}: the teacher must have the student's classes in their "
            f"order: answers of the shape {shape}. Received: {found.shape}. "
            "Give a teacher of the same classes, or its probabilities with "
            "columns in the student's order."
        )
    sums = found.sum(axis=1)
    if np.all(found >= 0) and np.all(np.abs(sums - 1) <= _ROUNDED):
        return
    raise ValueError(
        f"{owner}: the teacher's answers must be probabilities, each 0 or more "
        f"and 1 in sum. Received: answers from {found.min():.3g} to "
        f"{found.max():.3g}, sums from {sums.min():.3g} to {sums.max():.3g}. "
        "End the teacher in a softmax."
    )


def _softmax_of(teacher, owner):
    found = Twin.of(teacher)
    head = teacher.layers[-1] if found.has_one_unit else None
    if getattr(head, "activation", None) is keras.activations.linear:
        raise ValueError(
            f"{owner}: the teacher must tell classes apart. Received: a model "
            "that puts out one number without an activation. End it in a "
            "softmax or a sigmoid."
        )
    return found.twin


def _size(teacher, x, owner):
    """Returns the size that images are resized to; None if they fit."""
    wanted = _one_shape(teacher)
    if isinstance(x, dict | list | tuple):
        return None  # Keras says what it misses
    if wanted is None:
        _check_takes_one(teacher, owner)
        return None
    given = (None, *np.shape(x)[1:])
    pairs = list(zip(wanted, given, strict=False))
    fits = [a is None or b is None or a == b for a, b in pairs]
    if len(wanted) == len(given) and all(fits):
        return None
    if len(wanted) == len(given) == 4 and fits[3] and None not in wanted[1:3]:
        return wanted[1:3]
    raise ValueError(
        f"{owner}: the rows must be what the teacher takes, because it is "
        f"asked about each. Received: rows of the shape {given[1:]}, a teacher "
        f"of {tuple(wanted[1:])}. Give its answers as an array instead."
    )


def _check_takes_one(teacher, owner):
    count = len(getattr(teacher, "inputs", None) or [None])
    if count > 1:
        raise ValueError(
            f"{owner}: the rows must be what the teacher takes, because it is "
            f"asked about each. Received: one array, a teacher of {count} "
            "inputs. Give its answers as an array instead."
        )


def image_size_of(teacher: keras.Model) -> tuple[int, int] | None:
    """Returns height and width of the images that a teacher takes, if fixed.

    Example:

    >>> from aet_keras.training.teacher_outputs import image_size_of
    >>> layers = [keras.Input((8, 9, 3)), keras.layers.Flatten()]
    >>> image_size_of(keras.Sequential(layers))
    (8, 9)
    """
    shape = _one_shape(teacher)
    if shape is None or len(shape) != 4 or None in shape[1:3]:
        return None
    return shape[1:3]


def _one_shape(teacher):
    """Returns the shape of a model's one input; None if it is not known."""
    shapes = getattr(teacher, "input_shape", None)  # a class of a user has none
    if isinstance(shapes, dict):
        shapes = list(shapes.values())
    if isinstance(shapes, list):
        return shapes[0] if len(shapes) == 1 else None
    return shapes
