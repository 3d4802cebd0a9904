"""Measures predicted probabilities against true classes."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from aet_keras import _files
from aet_keras._optional import optional
from aet_keras.evaluation import printed_text
from aet_keras.evaluation.answer_rule import LIKELIEST, AnswerRule
from aet_keras.evaluation.ordinal import Order
from aet_keras.evaluation.risk import CalibrationBin, calibration_of

_LEAST_PROBABILITY = 1e-7  # Keras's own, so that losses can be compared


@dataclass(frozen=True)
class ClassScore:
    """Holds the scores of one class; `None` where the split has none of it.

    Args:
        name: str. The class.
        precision: float or None. Share of the rows predicted so that are right.
        recall: float or None. Share of the rows of the class that are found.
        f1: float or None. Harmonic mean of the two.
        count: int. How many examples of the class there are.

    Example:

    >>> from aet_keras.evaluation.classification import ClassScore
    >>> ClassScore("hat", 1.0, 0.5, 2 / 3, 8).recall
    0.5
    """

    name: str
    precision: float | None
    recall: float | None
    f1: float | None
    count: int


@dataclass(frozen=True)
class Classification:
    """Holds how well a classifier did on one split.

    `measure_classification` makes it. The macro figures are plain means over
    the classes that the split holds.

    Args:
        accuracy: float. Share of examples that are answered with their class.
        loss: float. Mean cross-entropy of the probabilities, in nats.
        macro_precision: float. Mean precision of the classes.
        macro_recall: float. Mean recall of the classes.
        macro_f1: float. Mean F1 of the classes.
        per_class: tuple of `ClassScore`, in the order of the columns.
        confusion_matrix: tuple of rows of counts; row = true class,
            column = predicted class.
        count: int. How many examples were measured.
        calibration: tuple of `CalibrationBin`, of rows sorted by the
            probability of their likeliest class; `observed` is the share of
            them of which that is the true one.
        rarest_precision: float or None. Average precision of the smallest
            class that the split holds, by its probability.
        order: optional `Order`, of classes that have one.
        answered: str. Which class is answered, so that these figures are of
            it: `"likeliest"`, `"median"` or `"cheapest"` (`AnswerRule`).
        likeliest_accuracy: optional float. The accuracy of the likeliest
            class, where another one is answered.

    Example:

    >>> scores = aet_keras.evaluation.measure_classification(
    ...     [0, 1], [[0.9, 0.1], [0.2, 0.8]], class_names=["hat", "shoe"]
    ... )
    >>> scores.confusion_matrix
    ((1, 0), (0, 1))
    """

    accuracy: float
    loss: float
    macro_precision: float
    macro_recall: float
    macro_f1: float
    per_class: tuple[ClassScore, ...]
    confusion_matrix: tuple[tuple[int, ...], ...]
    count: int
    calibration: tuple[CalibrationBin, ...] = ()
    rarest_precision: float | None = None
    order: Order | None = None
    answered: str = LIKELIEST.answered
    likeliest_accuracy: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Returns the figures as a dict of plain lists and numbers."""
        return {
            **asdict(self),
            "per_class": [asdict(score) for score in self.per_class],
            "confusion_matrix": [list(row) for row in self.confusion_matrix],
            "calibration": [asdict(each) for each in self.calibration],
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Classification":
        """Returns the record that `to_json` wrote down."""
        scores = tuple(ClassScore(**score) for score in content["per_class"])
        rows = tuple(tuple(row) for row in content["confusion_matrix"])
        bins = content.get("calibration", ())
        read: dict[str, Any] = {
            "per_class": scores,
            "confusion_matrix": rows,
            "calibration": tuple(CalibrationBin(**each) for each in bins),
        }
        if content.get("order") is not None:
            read["order"] = Order(**_files.floats_of(Order, content["order"]))
        return cls(**{**content, **read})

    def to_line(self) -> str:
        """Returns the first figures in one line."""
        return (
            f"accuracy {self.accuracy:.4f}   loss {self.loss:.4f}   "
            f"({self.count} examples)"
        )

    def to_text(self) -> str:
        """Returns headline, classes and confusions, for 80 columns."""
        parts = [_headline(self), _class_table(self), _confusions(self)]
        return "\n\n".join(part for part in parts if part)


def measure_classification(
    labels: Any,
    probabilities: Any,
    *,
    class_names: Sequence[str],
    rule: AnswerRule = LIKELIEST,
) -> Classification:
    """Measures predicted probabilities against the true classes.

    The loss is the mean of -log p(true class), p at least 1e-7 as in Keras.
    Precision of a class that is never predicted is 0.

    Args:
        labels: ints `(examples,)`. The column of the true class.
        probabilities: floats `(examples, classes)`, each row summing to 1.
        class_names: one str a column.
        rule: `AnswerRule`, which class is answered. Defaults to the
            likeliest.

    Returns:
        A `Classification`.

    Raises:
        ValueError: if there are no examples, shapes do not fit, a label names
            no column, or a row is no probability distribution.

    Example:

    >>> scores = aet_keras.evaluation.measure_classification(
    ...     [0, 1, 1, 1],
    ...     [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]],
    ...     class_names=["hat", "shoe"],
    ... )
    >>> scores.accuracy, scores.per_class[0].precision
    (0.75, 0.5)
    """
    metrics = optional("sklearn.metrics", extra="training")

    labels = np.asarray(labels)
    probabilities = np.asarray(probabilities, "float64")
    _check_probabilities(probabilities, class_names)
    _check_labels(labels, probabilities)
    predicted = rule.answers(probabilities)  # (examples,)
    is_likeliest_true = probabilities.argmax(axis=1) == labels
    is_other = rule != LIKELIEST
    columns = np.arange(len(class_names))
    scores = np.stack(
        metrics.precision_recall_fscore_support(
            labels, predicted, labels=columns, zero_division=0
        )
    )  # (4, classes): precision, recall, F1, count
    precision, recall, f1 = scores[:3, scores[3] > 0].mean(axis=1)
    matrix = metrics.confusion_matrix(labels, predicted, labels=columns)
    return Classification(
        accuracy=float((predicted == labels).mean()),
        loss=_cross_entropy(labels, probabilities),
        macro_precision=float(precision),
        macro_recall=float(recall),
        macro_f1=float(f1),
        per_class=tuple(map(_class_score, class_names, scores.T.tolist())),
        confusion_matrix=tuple(map(tuple, matrix.tolist())),
        count=len(labels),
        calibration=calibration_of(
            is_likeliest_true, probabilities.max(axis=1)
        ),
        rarest_precision=_rarest_precision(labels, probabilities),
        answered=rule.answered,
        likeliest_accuracy=float(is_likeliest_true.mean())
        if is_other
        else None,
    )


def _rarest_precision(labels, probabilities):
    metrics = optional("sklearn.metrics", extra="training")

    counts = np.bincount(labels, minlength=probabilities.shape[1])
    present = np.flatnonzero(counts)
    if len(present) < 2:
        return None
    least = int(present[counts[present].argmin()])
    return float(
        metrics.average_precision_score(
            labels == least, probabilities[:, least]
        )
    )


def _class_score(name, figures):
    *scores, count = figures
    return ClassScore(str(name), *(scores if count else [None] * 3), int(count))


def _cross_entropy(labels, probabilities):
    true = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.clip(true, _LEAST_PROBABILITY, 1)).mean())


def _check_probabilities(probabilities, class_names):
    owner, shape = "measure_classification", probabilities.shape
    if len(shape) != 2 or shape[1] != len(class_names) or shape[1] < 2:
        raise ValueError(
            f"{owner}: `probabilities` must have one column a class name, at "
            "least two. "
            f"Received: shape {shape} and {len(class_names)} class names."
        )
    check_shares(owner, probabilities)


def check_shares(owner: str, probabilities: np.ndarray) -> None:
    """Refuses rows that are no probabilities.

    Args:
        owner: str. Who asks.
        probabilities: floats `(rows, classes)`.

    Raises:
        ValueError: if a value is negative or not finite, or a row does not
            sum to 1.
    """
    sums = probabilities.sum(axis=1)
    is_share = (probabilities >= 0).all() and np.allclose(sums, 1, atol=1e-2)
    if not is_share:  # also where a value is NaN
        raise ValueError(
            f"{owner}: each row of `probabilities` must be finite, not "
            "negative, and sum to 1. If these are logits, apply a softmax."
        )


def _check_labels(labels, probabilities):
    owner, (count, classes) = "measure_classification", probabilities.shape
    if labels.shape != (count,) or not count:
        raise ValueError(
            f"{owner}: `labels` must hold one class a row of `probabilities`, "
            f"at least one. Received: shape {labels.shape} for {count} rows. "
            "One-hot labels become classes by `labels.argmax(axis=1)`."
        )
    if not np.issubdtype(labels.dtype, np.integer):
        raise TypeError(
            f"{owner}: `labels` must be ints. Received: {labels.dtype}."
        )
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(
            f"{owner}: `labels` must lie from 0 to {classes - 1}. Received: "
            f"{labels.min()} to {labels.max()}. Name every class there is."
        )


_MOST_ROWS = 40
_MOST_NAME = 32
_LEAST_NAME = 8


_ANSWERED = {"median": "by the median", "cheapest": "by what costs least"}


def _headline(scores):
    lines = [
        scores.to_line(),
        f"macro    precision {scores.macro_precision:.4f}   "
        f"recall {scores.macro_recall:.4f}   F1 {scores.macro_f1:.4f}",
    ]
    if scores.likeliest_accuracy is not None:
        lines.append(
            f"answered {_ANSWERED[scores.answered]}; accuracy of the likeliest "
            f"{scores.likeliest_accuracy:.4f}"
        )
    rarest = _rarest(scores)
    if scores.rarest_precision is not None and rarest is not None:
        name = printed_text.cut_middle(rarest.name, _MOST_NAME)
        lines.append(
            f"rarest   average precision {scores.rarest_precision:.4f}   "
            f"({name}: {rarest.count} of {scores.count})"
        )
    if scores.order is not None:
        lines.append(scores.order.to_line())
    return "\n".join(lines)


_RARE = 0.05


def _rarest(scores):
    """Returns the smallest class, if it is a rare one."""
    present = [each for each in scores.per_class if each.count]
    least = min(present, key=lambda each: each.count)
    return least if least.count < _RARE * scores.count else None


def _class_table(scores):
    rows = scores.per_class
    names = printed_text.widest([row.name for row in rows], most=_MOST_NAME)
    names = max(names, len("class"))
    head = f"{'class':<{names}}  precision  recall      F1   count"
    if len(rows) > _MOST_ROWS:
        head = f"The {_MOST_ROWS} lowest F1 of {len(rows)} classes\n{head}"
        present = [row for row in rows if row.count]
        rows = sorted(present, key=lambda row: row.f1)[:_MOST_ROWS]
    return "\n".join([head, *(_class_row(row, names) for row in rows)])


def _class_row(row, names):
    precision, recall, f1 = (
        "-" if value is None else f"{value:.3f}"
        for value in (row.precision, row.recall, row.f1)
    )
    name = printed_text.fit(row.name, names)
    return f"{name}  {precision:>9}  {recall:>6}  {f1:>6}  {row.count:>6}"


def _confusions(scores):
    matrix = scores.confusion_matrix
    number = len(str(len(matrix)))
    cell = 1 + max(number, len(str(max(map(max, matrix)))))
    columns_left = printed_text.COLUMNS - len(matrix) * cell - number - 1
    names = [score.name for score in scores.per_class]
    wanted = printed_text.widest(names, most=_MOST_NAME)
    if columns_left < min(wanted, _LEAST_NAME):
        return ""
    names = min(wanted, columns_left)
    numbers = range(1, len(matrix) + 1)
    lines = ["confusions: a row is the true class, a column what it was called"]
    lines += [" " * (number + 1 + names) + _cells(numbers, cell)]
    for index, score, row in zip(
        numbers, scores.per_class, matrix, strict=True
    ):
        name = printed_text.fit(score.name, names)
        lines.append(
            f"{index:>{number}} {name}{_cells([c or '.' for c in row], cell)}"
        )
    return "\n".join(lines)


def _cells(values, columns):
    return "".join(f"{value:>{columns}}" for value in values)
