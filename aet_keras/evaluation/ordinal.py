"""Measures classes that have an order, such as bad, fair and good."""

import dataclasses
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class Order:
    """Holds how far off a classifier is whose classes have an order.

    A rank is the place of a class in the order. All but `likeliest_mae` and
    `ranked_score` are of the median: the first class at which the
    probabilities, summed up from the lowest class, reach one half. No other
    class has a lower expected distance to the true one.

    Args:
        mae: float >= 0. Mean distance of the ranks, in classes.
        likeliest_mae: float >= 0. The same of the likeliest class.
        within_one: float. Share of the rows that are at most one class off.
        kappa: float <= 1. Cohen's kappa with quadratic weights: 0 is chance.
            NaN where all rows are and are called the same.
        ranked_score: float >= 0. Mean of the squared errors of the summed
            probabilities, the ranked probability score: lower is better.

    Example: see `measure_order`.

    >>> aet_keras.evaluation.ordinal.Order(0.5, 0.6, 0.9, 0.7, 0.3).mae
    0.5
    """

    mae: float
    likeliest_mae: float
    within_one: float
    kappa: float
    ranked_score: float

    def to_line(self) -> str:
        """Returns the figures in two lines, for 80 columns."""
        return (
            f"order    MAE {self.mae:.4f} classes by the median "
            f"({self.likeliest_mae:.4f} by the likeliest)\n"
            f"         within one {self.within_one:.4f}   "
            f"weighted kappa {self.kappa:.4f}   "
            f"ranked score {self.ranked_score:.4f}"
        )


def medians(probabilities: Any) -> np.ndarray:
    """Returns the median class of each row, ints `(rows,)`.

    Args:
        probabilities: floats `(rows, classes)`, classes in their order.

    Example:

    >>> from aet_keras.evaluation.ordinal import medians
    >>> medians([[0.4, 0.25, 0.35]]).tolist()  # the likeliest is the first
    [1]
    """
    summed = np.cumsum(np.asarray(probabilities, "float64"), axis=1)
    half = 0.5 * summed[:, -1:] - 1e-9  # rounded sums reach it, too
    return (summed >= half).argmax(axis=1)


def measure_order(labels: Any, probabilities: Any) -> Order:
    """Measures predicted probabilities of ordered classes.

    Args:
        labels: ints `(rows,)`.
        probabilities: floats `(rows, classes)`, each row summing to 1.

    Returns:
        `Order`.

    Example:

    >>> from aet_keras.evaluation.ordinal import measure_order
    >>> measure_order([0, 2], [[0.4, 0.25, 0.35], [0.1, 0.2, 0.7]]).mae
    0.5
    """
    labels = np.asarray(labels)
    probabilities = np.asarray(probabilities, "float64")
    classes = probabilities.shape[1]
    called = medians(probabilities)
    distances = np.abs(called - labels)
    below = labels[:, None] <= np.arange(classes)  # (rows, classes)
    errors = np.cumsum(probabilities, axis=1) - below
    return Order(
        mae=float(distances.mean()),
        likeliest_mae=float(
            np.abs(probabilities.argmax(axis=1) - labels).mean()
        ),
        within_one=float((distances <= 1).mean()),
        kappa=_kappa(labels, called, classes),
        ranked_score=float((errors**2).sum(axis=1).mean()),
    )


def _kappa(labels, called, classes):
    """Returns 1 - observed / expected squared distance."""
    squares = np.subtract.outer(np.arange(classes), np.arange(classes)) ** 2
    shares = [np.bincount(x, minlength=classes) for x in (labels, called)]
    expected = (np.outer(*shares) * squares).sum() / len(labels) ** 2
    if not expected:
        return float("nan")
    return float(1 - np.mean((labels - called) ** 2) / expected)
