"""Measures which features of a table a model depends on."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from aet_keras import _check as check
from aet_keras.evaluation.features import FeatureImportance
from aet_keras.evaluation.risk import auc_of

_OWNER = "measure_importance"


def measure_importance(
    predict: Callable[[Mapping[str, Any]], np.ndarray],
    inputs: Mapping[str, np.ndarray],
    labels: np.ndarray,
    *,
    positive_index: int = 1,
    score: Callable[[np.ndarray, np.ndarray], float] | None = None,
    attention: Mapping[str, float] | None = None,
    repeat_count: int = 5,
    seed: int = 0,
) -> tuple[FeatureImportance, ...]:
    """Measures how much a score falls when one column is shuffled.

    As scikit-learn's `permutation_importance`, for models that take a dict of
    columns of any kind. If two columns carry the same information, shuffling
    one of them costs little.

    Args:
        predict: function of a dict of columns that returns probabilities
            `(rows, classes)`.
        inputs: dict of column to array `(rows,)`.
        labels: ints `(rows,)`, the column of the true class; or floats.
        positive_index: int. The positive one of two classes. Defaults to `1`.
        score: optional function of labels and of what `predict` returns; the
            higher, the better. Defaults to ROC AUC.
        attention: optional dict of column to its share of the attention.
        repeat_count: int >= 1. How often each is shuffled. Defaults to `5`.
        seed: int >= 0. Of the shuffling.

    Returns:
        Tuple of `FeatureImportance`, what loses most first.

    Raises:
        ValueError: if `repeat_count` is below 1.

    Cost: `repeat_count` predictions of all rows a column.

    Example:

    >>> def predict(inputs):
    ...     return np.stack([1 - inputs["told"], inputs["told"]], axis=1)
    >>> labels = np.array([0, 1] * 20)
    >>> inputs = {"told": labels * 0.9, "noise": np.ones(40)}
    >>> found = aet_keras.evaluation.importance.measure_importance(
    ...     predict, inputs, labels, positive_index=1
    ... )
    >>> [each.name for each in found], found[1].permutation
    (['told', 'noise'], 0.0)
    """
    check.positive_int(_OWNER, repeat_count=repeat_count)
    random = np.random.default_rng(seed)
    attention = attention or {}
    if score is None:
        score = functools.partial(auc_of, positive_index=positive_index)
    whole = score(labels, predict(inputs))
    features = []
    for name, cells in inputs.items():
        losses = [
            whole
            - score(
                labels, predict({**inputs, name: random.permutation(cells)})
            )
            for _ in range(repeat_count)
        ]
        lost = float(np.mean(losses))
        features.append(FeatureImportance(name, attention.get(name), lost))
    return tuple(sorted(features, key=lambda each: -each.permutation))
