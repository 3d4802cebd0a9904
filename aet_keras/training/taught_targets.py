"""Says what a teacher is asked of each kind of target, and what is learned."""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from aet_keras.evaluation.tagging import losses_of_tags
from aet_keras.losses.distillation import Distillation
from aet_keras.training.teacher_outputs import (
    check_probabilities,
    outputs_of,
    probabilities_of,
)

SHARE = Distillation().share  # of a teacher, in what is learned
_LEAST = 1e-7


@dataclasses.dataclass(frozen=True)
class Taught:
    """Holds how a teacher's answers are read and learned of a kind of target.

    Args:
        output: str. What the `serving_default` of a version puts out that
            tells this kind.
        says: str. What a teacher must be, in words.
        what: str. What it must know.
        ask: of the teacher, rows as it takes them, how many at a time, and
            who asks; returns its answers, an array `(rows, ...)`.
        check: of who asks, the answers, and how many names the teacher has.
        chosen: of the answers and of the teacher's columns of the data's
            names; returns the answers in their order.
        mix: of labels and answers; returns what is learned.
        alone: of answers; returns what is learned of rows without a label.
        judge: of answers and labels of validation rows; returns how good the
            teacher is and how good a guess is, in words, and whether the
            teacher is better.
    """

    output: str
    says: str
    what: str
    ask: Callable[[keras.Model, Any, int, str], np.ndarray]
    check: Callable[[str, np.ndarray, int], None]
    chosen: Callable[[np.ndarray, list[int]], np.ndarray]
    mix: Callable[[np.ndarray, np.ndarray], np.ndarray]
    alone: Callable[[np.ndarray], np.ndarray]
    judge: Callable[[np.ndarray, np.ndarray], tuple[str, str, bool]]


def _classes_chosen(answers, columns):
    found = answers[:, columns]
    return found / np.maximum(found.sum(axis=1, keepdims=True), _LEAST)


def _beside(labels, answers):
    """Returns targets as `Distillation` takes them."""
    hot = np.eye(answers.shape[1], dtype="float32")[labels]
    return np.hstack([hot, answers])


def shares_of(targets: np.ndarray) -> np.ndarray:
    """Returns labels and answers of classes in one, at temperature 1.

    A regression that is solved at once learns them in the place of classes.

    Args:
        targets: float array `(rows, 2 * classes)`.

    Example:

    >>> from aet_keras.training.taught_targets import shares_of
    >>> shares_of(np.array([[1.0, 0.0, 0.5, 0.5]])).round(2)
    array([[0.65, 0.35]], dtype=float32)
    """
    return mixed(*np.split(targets, 2, axis=1))


def as_weighed(
    answers: np.ndarray,
    labels: np.ndarray,
    *,
    teacher: str | None,
    own: str | None,
) -> np.ndarray:
    """Converts a teacher's answers to the class frequencies of the student.

    By Bayes' rule: answers for classes of equal size are multiplied by the
    frequencies of the classes, to be true of the rows as they are; the other
    way they are divided by them. Both end as probabilities.

    Args:
        answers: float array `(rows, classes)`, probabilities.
        labels: ints `(rows,)`, of the rows that are learned: they say how
            frequent a class is.
        teacher: optional `class_weight` of the teacher. If it is not None,
            the teacher answers for classes of equal size.
        own: optional `class_weight` of the student. With `"balanced"` it
            learns from classes of equal size; with `"adjusted"` the bias of
            its head is corrected afterwards.

    Returns:
        Float array `(rows, classes)`.

    Example:

    >>> from aet_keras.training.taught_targets import as_weighed
    >>> as_weighed(
    ...     np.array([[0.5, 0.5]]), [0, 0, 0, 1], teacher="adjusted", own=None
    ... )
    array([[0.75, 0.25]])
    """
    if (teacher is not None) == (own == "balanced"):
        return answers
    counts = np.bincount(labels, minlength=answers.shape[1])
    shares = np.maximum(counts, 1) / len(labels)
    odds = answers * shares if own != "balanced" else answers / shares
    return odds / np.maximum(odds.sum(axis=1, keepdims=True), _LEAST)


def _judge_classes(answers, labels):
    right = float(np.mean(answers.argmax(axis=1) == labels))
    chance = float(np.bincount(labels).max() / len(labels))
    return (
        f"right about {right:.1%} of the validation rows",
        f"of which the largest class has {chance:.1%}",
        right > chance,
    )


def mixed(labels: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Returns labels and answers in one.

    The binary cross-entropy against the mixture is that against labels and
    that against answers, mixed alike; the squared error is so, too, but for a
    constant. So no loss, no solver and no weight of a row has to know of it.

    Args:
        labels: 0 or 1, `(rows, tags)`, or numbers `(rows,)`.
        answers: float array of the same shape.

    Example:

    >>> from aet_keras.training.taught_targets import mixed
    >>> mixed(np.array([10.0]), np.array([20.0]))
    array([17.], dtype=float32)
    """
    return ((1 - SHARE) * labels + SHARE * answers).astype("float32")


def _check_tags(owner, found, count):
    if found.shape[1:] == (count,) and np.all((found >= 0) & (found <= 1)):
        return
    raise ValueError(
        f"{owner}: the teacher must answer with a probability of each of "
        f"{count} tags. Received: answers of the shape {found.shape[1:]}, from "
        f"{found.min():.3g} to {found.max():.3g}. End it in a sigmoid."
    )


def _judge_tags(answers, labels):
    shares = np.broadcast_to(labels.mean(axis=0), labels.shape)
    own, plain = (
        float(losses_of_tags(each, labels).mean()) for each in (answers, shares)
    )
    return (
        f"off by a cross-entropy of {own:.4f} in validation rows",
        f"where the share of each tag is off by {plain:.4f}",
        own < plain,
    )


def _check_numbers(owner, found, count):
    del count  # numbers have no names
    if found.shape[1:] == (1,) and np.all(np.isfinite(found)):
        return
    raise ValueError(
        f"{owner}: the teacher must answer with one number a row. Received: "
        f"answers of the shape {found.shape[1:]}"
        f"{'' if np.all(np.isfinite(found)) else ', some not finite'}. Name a "
        "model of a number."
    )


def _judge_numbers(answers, labels):
    own = float(np.sqrt(np.mean((answers - labels) ** 2)))
    plain = float(np.std(labels))
    return (
        f"off by {own:.5g} in validation rows (RMSE)",
        f"whose mean is off by {plain:.5g}",
        own < plain,
    )


TAUGHT = {
    "classes": Taught(
        output="classes",
        says="a classifier",
        what="classes",
        ask=probabilities_of,
        check=lambda owner, found, count: check_probabilities(
            owner, found, (len(found), count)
        ),
        chosen=_classes_chosen,
        mix=_beside,
        alone=lambda answers: np.hstack([np.zeros_like(answers), answers]),
        judge=_judge_classes,
    ),
    "tags": Taught(
        output="tags",
        says="a model of tags",
        what="tags",
        ask=outputs_of,
        check=_check_tags,
        chosen=lambda answers, columns: answers[:, columns],
        mix=mixed,
        alone=lambda answers: answers,
        judge=_judge_tags,
    ),
    "number": Taught(
        output="values",
        says="a model of a number",
        what="numbers",
        ask=outputs_of,
        check=_check_numbers,
        chosen=lambda answers, columns: answers[:, 0],
        mix=mixed,
        alone=lambda answers: answers,
        judge=_judge_numbers,
    ),
}
