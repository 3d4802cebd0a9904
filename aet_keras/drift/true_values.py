"""Checks labels, and what models put out, of each kind of target."""

from typing import Any

import numpy as np

_ROUNDED = 1e-2  # of sums of probabilities in half precision


def as_labels(
    owner: str, labels: Any, *, has_unknown: bool = False
) -> np.ndarray:
    """Returns labels `(rows,)`, of those, of a column or of one-hot rows.

    Args:
        owner: str. Who is named in the error.
        labels: numbers of classes, or one-hot rows.
        has_unknown: bool. Whether -1 may stand where a class is not known.

    Raises:
        ValueError: if they are neither.
    """
    given = found = np.asarray(labels)
    least = -1 if has_unknown else 0
    if given.ndim == 2 and given.shape[1] > 1 and _is_one_hot(given):
        found = given.argmax(axis=1)
    elif given.ndim == 2 and given.shape[1] == 1:
        found = given[:, 0]
    is_whole = found.dtype.kind in "iub" or (
        found.dtype.kind == "f" and np.array_equal(found, np.floor(found))
    )
    if found.ndim == 1 and is_whole and np.all(found >= least):
        return found.astype("int64")
    unknown = ", -1 where it is not known" if has_unknown else ""
    raise ValueError(
        f"{owner}: labels must be the numbers of classes, one a row{unknown}, "
        f"or one-hot rows. Received: {given.dtype} of the shape {given.shape}. "
        "Give each class a number from 0 on."
    )


def _is_one_hot(labels):
    is_binary = np.isin(labels, (0, 1)).all()
    return bool(is_binary and np.all(labels.sum(axis=1) == 1))


def as_probabilities(owner: str, scores: np.ndarray) -> np.ndarray:
    """Returns probabilities `(rows, classes)` of what a model puts out.

    Raises:
        ValueError: if it is no classifier of one class a row.
    """
    scores = scores.astype("float32")
    is_share = bool(np.all((scores >= 0) & (scores <= 1)))
    if scores.ndim == 2 and np.isfinite(scores).all():
        if scores.shape[1] == 1 and is_share:
            return np.concatenate([1 - scores, scores], axis=1)
        if scores.shape[1] > 1 and not is_share:
            shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
            return shifted / shifted.sum(axis=1, keepdims=True)
        sums = scores.sum(axis=1)
        if scores.shape[1] > 1 and np.allclose(sums, 1, atol=_ROUNDED):
            return scores / sums[:, None]
    raise ValueError(
        f"{owner}: the model must put out finite probabilities or logits of "
        "classes that exclude each other, because their distribution is "
        f"compared. Received: numbers of the shape {scores.shape}, from "
        f"{scores.min():.3g} to {scores.max():.3g}. Give a classifier."
    )


def as_numbers(
    owner: str, labels: Any, *, has_unknown: bool = False
) -> np.ndarray:
    """Returns the true numbers of rows, `(rows,)`.

    Args:
        owner: str. Who is named in the error.
        labels: numbers, one a row.
        has_unknown: bool. Whether NaN may stand where one is not known.

    Raises:
        ValueError: if they are none, or not finite.
    """
    found = np.asarray(labels)
    unknown = ", NaN where it is not known" if has_unknown else ""
    if found.ndim == 2 and found.shape[1] == 1:
        found = found[:, 0]
    if found.ndim == 1 and found.dtype.kind in "iuf":
        is_there = np.isfinite(found) | (has_unknown & np.isnan(found))
        if is_there.all():
            return found.astype("float32")
        odd = found[~is_there]
        raise ValueError(
            f"{owner}: labels must be finite numbers, one a row{unknown}. "
            f"Received: {len(odd)} that are not, the first is {odd[0]}. Leave "
            "out the rows that have none."
        )
    raise ValueError(
        f"{owner}: labels must be finite numbers, one a row{unknown}. "
        f"Received: {found.dtype} of the shape {found.shape}. Give each row "
        "its number."
    )


def as_tags(
    owner: str, labels: Any, *, has_unknown: bool = False
) -> np.ndarray:
    """Returns which tags rows have, ints `(rows, tags)`.

    Args:
        owner: str. Who is named in the error.
        labels: 0 or 1, one a row and tag.
        has_unknown: bool. Whether all of a row may be -1, where they are not
            known.

    Raises:
        ValueError: if they are anything else.
    """
    found = np.asarray(labels)
    if found.ndim == 2 and found.dtype.kind in "biuf":
        is_right = np.isin(found, (0, 1)).all(axis=1)
        if has_unknown:
            is_right |= (found == -1).all(axis=1)
        if is_right.all():
            return found.astype("int64")
    unknown = ", or -1 for all tags of a row" if has_unknown else ""
    raise ValueError(
        f"{owner}: labels must be 0 or 1 for each row and tag{unknown}. "
        f"Received: {found.dtype} of the shape {found.shape}. Give a column "
        "for each tag."
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
