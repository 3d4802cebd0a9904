"""Checks labels and outputs of models of numbers and of tags."""

from typing import Any

import numpy as np


def as_numbers(owner: str, labels: Any) -> np.ndarray:
    """Returns the true numbers of rows, `(rows,)`.

    Args:
        owner: str. Who is named in the error.
        labels: numbers, one a row.

    Raises:
        ValueError: if they are none, or not finite.
    """
    found = np.asarray(labels)
    if found.ndim == 2 and found.shape[1] == 1:
        found = found[:, 0]
    if found.ndim == 1 and found.dtype.kind in "iuf":
        if np.isfinite(found).all():
            return found.astype("float32")
    raise ValueError(
        f"{owner}: labels must be finite numbers, one a row. Received: "
        f"{found.dtype} of the shape {found.shape}. Leave out the rows that "
        "have none."
    )


def as_tags(owner: str, labels: Any) -> np.ndarray:
    """Returns which tags rows have, ints `(rows, tags)`.

    Args:
        owner: str. Who is named in the error.
        labels: 0 or 1, one a row and tag.

    Raises:
        ValueError: if they are anything else.
    """
    found = np.asarray(labels)
    if found.ndim == 2 and np.isin(found, (0, 1)).all():
        return found.astype("int64")
    raise ValueError(
        f"{owner}: labels must be 0 or 1 for each row and tag. Received: "
        f"{found.dtype} of the shape {found.shape}."
    )


def one_number(owner: str, scores: np.ndarray) -> np.ndarray:
    """Returns what a model of a number puts out, float32 `(rows, 1)`.

    Args:
        owner: str. Who is named in the error.
        scores: array, what the model puts out.

    Raises:
        ValueError: if it is anything but one finite number a row.
    """
    if scores.shape[1:] == (1,) and np.isfinite(scores).all():
        return scores.astype("float32")
    raise ValueError(
        f"{owner}: the model must put out one finite number a row. Received: "
        f"the shape {scores.shape}. Give a model of a number."
    )


def shares_of_tags(owner: str, scores: np.ndarray) -> np.ndarray:
    """Returns what a model of tags puts out, float32 `(rows, tags)`.

    Args:
        owner: str. Who is named in the error.
        scores: array, what the model puts out.

    Raises:
        ValueError: if one is no probability.
    """
    is_share = np.isfinite(scores) & (scores >= 0) & (scores <= 1)
    if scores.ndim == 2 and is_share.all():
        return scores.astype("float32")
    raise ValueError(
        f"{owner}: the model must put out a probability for each tag. "
        f"Received: the shape {scores.shape}, from {np.min(scores):.3g} to "
        f"{np.max(scores):.3g}. Give a model of tags."
    )


def labels_of_reference(
    probabilities: np.ndarray, labels: np.ndarray | None
) -> np.ndarray:
    """Returns the labels of rows that new ones are compared with.

    Args:
        probabilities: array `(rows, classes)`, as a `Reference` has it.
        labels: the labels of these rows, likewise.

    Raises:
        ValueError: if they are none, too few, or not below the classes.
    """
    rows, classes = probabilities.shape
    if labels is None or rows < 2 or len(labels) != rows:
        count = "no" if labels is None else len(labels)
        raise ValueError(
            "Reference: at least two validation rows must be there, each with "
            "a label, because classes are told apart by it. Received: "
            f"{rows} rows, {count} labels. Give `(inputs, labels)`."
        )
    if labels.ndim == 1 and classes > 1 and labels.max() >= classes:
        raise ValueError(
            f"Reference: labels must be below {classes}, the number of "
            f"classes that the model knows. Received: {labels.max()}. Count "
            "classes from 0 on."
        )
    return labels
