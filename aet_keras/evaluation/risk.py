"""Measures how far predicted risks can be trusted."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from aet_keras import _check as check
from aet_keras import _files
from aet_keras._optional import needing, optional
from aet_keras.evaluation import printed_text
from aet_keras.evaluation.answer_rule import LIKELIEST, AnswerRule
from aet_keras.evaluation.features import (
    FeatureImportance,
    feature_lines,
    read_features,
)

_OWNER = "measure_risk"
_BINS = 10


@dataclass(frozen=True)
class CalibrationBin:
    """Holds the predicted and the observed risk of some rows.

    Args:
        predicted: float. Mean probability of the positive class.
        observed: float. Share of positives.
        count: int. How many rows.

    Example:

    >>> aet_keras.evaluation.risk.CalibrationBin(0.31, 0.28, 40).observed
    0.28
    """

    predicted: float
    observed: float
    count: int


@dataclass(frozen=True)
class Risk:
    """Holds how good the probabilities of a positive class are.

    `measure_risk` makes it. With more than two classes each in turn is the
    positive one, and the figures are plain means; there is no threshold then,
    and `positive` is empty.

    Args:
        positive: str. The class whose probability is the risk.
        roc_auc: float. Probability that a positive row gets a higher risk
            than another row.
        roc_auc_low: float. The lower end of its 95 % bootstrap interval.
        roc_auc_high: float. The upper end.
        average_precision: float. Area under precision over recall.
        brier: float. Mean squared distance of probability and truth.
        threshold: float or None. Lowest risk at which a row is predicted
            positive: cost of a false positive / cost of both.
        sensitivity: float. Share of positives that are predicted positive.
        specificity: float. Share of the others that are predicted negative.
        cost: float or None. Mean cost of a row at the threshold.
        cost_at_half: float or None. The same at 0.5.
        calibration: tuple of `CalibrationBin`, of rows sorted by risk.
        importance: tuple of `FeatureImportance`, the highest permutation
            first; empty where it was not asked for.
        count: int. How many rows were measured.
        costs: tuple of two floats: what a missed positive costs, and a false
            alarm.

    Example:

    >>> risk = aet_keras.evaluation.measure_risk(
    ...     [1, 0, 1, 0], [[0.2, 0.8], [0.9, 0.1], [0.4, 0.6], [0.3, 0.7]],
    ...     class_names=["good", "bad"], positive="bad",
    ... )
    >>> risk.roc_auc, risk.sensitivity, risk.specificity
    (0.75, 1.0, 0.5)
    """

    positive: str
    roc_auc: float
    roc_auc_low: float
    roc_auc_high: float
    average_precision: float
    brier: float
    threshold: float | None
    sensitivity: float
    specificity: float
    cost: float | None
    cost_at_half: float | None
    calibration: tuple[CalibrationBin, ...]
    importance: tuple[FeatureImportance, ...]
    count: int
    costs: tuple[float, float] = (1.0, 1.0)

    def to_json(self) -> dict[str, Any]:
        """Returns the figures as a dict of plain lists and numbers."""
        return {
            **asdict(self),
            "calibration": [asdict(each) for each in self.calibration],
            "importance": [asdict(each) for each in self.importance],
            "costs": list(self.costs),
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Risk":
        """Returns the record that `to_json` wrote down."""
        bins = tuple(CalibrationBin(**each) for each in content["calibration"])
        found = read_features(content["importance"])
        costs = tuple(content.get("costs", (1.0, 1.0)))
        read = {"calibration": bins, "importance": found, "costs": costs}
        return cls(**{**_files.floats_of(cls, content), **read})

    def to_text(self) -> str:
        """Returns the figures and the first features, for 80 columns."""
        of = (
            f" of `{printed_text.cut(self.positive, 24)}`"
            if self.positive
            else ""
        )
        lines = [
            f"ROC AUC{of} {self.roc_auc:.4f}   (95 %: {self.roc_auc_low:.4f} "
            f"to {self.roc_auc_high:.4f})",
            f"average precision {self.average_precision:.4f}   "
            f"Brier score {self.brier:.4f}",
            f"sensitivity {self.sensitivity:.4f}   "
            f"specificity {self.specificity:.4f}",
        ]
        if self.threshold is not None:
            lines.append(
                f"called from a risk of {self.threshold:.3f} on: mean cost "
                f"{self.cost:.4f}   (from 0.5 on: {self.cost_at_half:.4f})"
            )
        table = feature_lines(self.importance, "AUC lost", "{:.4f}".format)
        return "\n".join([*lines, *table])


def measure_risk(
    labels: Any,
    probabilities: Any,
    *,
    class_names: Sequence[str],
    positive: str,
    cost_false_negative: float = 1.0,
    cost_false_positive: float = 1.0,
    importance: Sequence[FeatureImportance] = (),
    rule: AnswerRule = LIKELIEST,
    resample_count: int = 1000,
    seed: int = 0,
) -> Risk:
    """Measures the probabilities of a class, as scikit-learn does.

    A row is called positive where that costs less by its probability:
    p >= cost_false_positive / (cost_false_positive + cost_false_negative).
    The interval is the middle 95 % of the AUC of rows drawn with replacement,
    each class for itself.

    Args:
        labels: ints `(rows,)`. The column of the true class.
        probabilities: floats `(rows, classes)`, each row summing to 1.
        class_names: one str a column.
        positive: str, one of them. Of more than two it is not looked at.
        cost_false_negative: float > 0. Defaults to `1.0`.
        cost_false_positive: float > 0. Defaults to `1.0`.
        importance: sequence of `FeatureImportance`, as `measure_importance`
            returns it.
        rule: `AnswerRule`, which of more than two classes is answered.
            Defaults to the likeliest.
        resample_count: int >= 1. Defaults to `1000`.
        seed: int >= 0. Of the rows that are drawn.

    Returns:
        A `Risk`. Of a split that lacks a class, figures are NaN.

    Raises:
        ValueError: if `positive` is no class or a cost is not above 0.

    Example: see `Risk`.

    >>> try:
    ...     aet_keras.evaluation.measure_risk(
    ...         [0], [[1, 0]], class_names=["no", "yes"], positive="si"
    ...     )
    ... except ValueError as error:
    ...     "one of 'no', 'yes'" in str(error)
    True
    """
    check.one_of(_OWNER, positive=positive, among=tuple(class_names))
    check.positive(_OWNER, cost_false_negative=cost_false_negative)
    check.positive(_OWNER, cost_false_positive=cost_false_positive)
    check.positive_int(_OWNER, resample_count=resample_count)
    labels = np.asarray(labels)
    probabilities = np.asarray(probabilities, "float64")
    is_binary = len(class_names) == 2
    columns = [tuple(class_names).index(positive)] if is_binary else None
    columns = columns or [*range(len(class_names))]
    truths = [labels == column for column in columns]
    risks = [probabilities[:, column] for column in columns]
    costs = (cost_false_negative, cost_false_positive)
    threshold = least_risk(*costs) if is_binary else None
    answers = rule.answers(probabilities)
    called = [
        risk >= threshold if is_binary else answers == column
        for risk, column in zip(risks, columns, strict=True)
    ]
    low, high = _interval(labels, truths, risks, resample_count, seed)
    return Risk(
        positive=str(positive) if is_binary else "",
        roc_auc=_mean(_auc, truths, risks),
        roc_auc_low=low,
        roc_auc_high=high,
        average_precision=_mean(_average_precision, truths, risks),
        brier=_mean(lambda t, r: float(np.mean((r - t) ** 2)), truths, risks),
        threshold=threshold,
        sensitivity=_mean(_share_of, truths, called),
        specificity=_mean(lambda t, c: _share_of(~t, ~c), truths, called),
        cost=_cost(truths[0], called[0], costs) if is_binary else None,
        cost_at_half=_cost(truths[0], risks[0] >= 0.5, costs)
        if is_binary
        else None,
        calibration=_calibration(truths, risks),
        importance=tuple(importance),
        count=len(labels),
        costs=costs,
    )


def least_risk(cost_false_negative: float, cost_false_positive: float) -> float:
    """Returns from which risk on it costs less to call a row positive.

    Args:
        cost_false_negative: float > 0. What it costs to miss a positive.
        cost_false_positive: float > 0.

    Example:

    >>> from aet_keras.evaluation.risk import least_risk
    >>> least_risk(4.0, 1.0)
    0.2
    """
    return cost_false_positive / (cost_false_negative + cost_false_positive)


def auc_of(
    labels: np.ndarray, probabilities: np.ndarray, positive_index: int
) -> float:
    """Returns the ROC AUC of a class, or of more than two their mean.

    Args:
        labels: ints `(rows,)`.
        probabilities: floats `(rows, classes)`.
        positive_index: int. The positive one of two classes.
    """
    class_count = probabilities.shape[1]
    columns = [positive_index] if class_count == 2 else range(class_count)
    return _mean(
        _auc,
        [labels == column for column in columns],
        [probabilities[:, column] for column in columns],
    )


def _mean(figure, truths, values):
    figures = [figure(t, v) for t, v in zip(truths, values, strict=True)]
    known = [each for each in figures if np.isfinite(each)]
    return float(np.mean(known)) if known else float("nan")


def _auc(truth, risk):
    roc_auc_score = optional("sklearn.metrics", extra="training").roc_auc_score

    if truth.all() or not truth.any():
        return float("nan")
    return float(roc_auc_score(truth, risk))


def _average_precision(truth, risk):
    with needing("training"):
        from sklearn.metrics import average_precision_score

    if not truth.any():
        return float("nan")
    return float(average_precision_score(truth, risk))


def _share_of(truth, called):
    return float(called[truth].mean()) if truth.any() else float("nan")


def _cost(truth, called, costs):
    missed, alarmed = (truth & ~called).mean(), (~truth & called).mean()
    return float(costs[0] * missed + costs[1] * alarmed)


def _interval(labels, truths, risks, resample_count, seed):
    random = np.random.default_rng(seed)
    of_classes = [np.flatnonzero(labels == each) for each in np.unique(labels)]
    aucs = [
        _WeightedAuc(t, r)
        for t, r in zip(truths, risks, strict=True)
        if t.any() and not t.all()
    ]
    if not aucs:
        return float("nan"), float("nan")
    figures = []
    for _ in range(resample_count):
        drawn = np.concatenate([random.choice(r, len(r)) for r in of_classes])
        weights = np.bincount(drawn, minlength=len(labels))
        figures.append(np.mean([each.of(weights) for each in aucs]))
    low, high = np.quantile(figures, [0.025, 0.975])
    return float(low), float(high)


class _WeightedAuc:
    """Computes ROC AUC for many weights of the same rows: sorts them once."""

    def __init__(self, truth, risk):
        self._order = np.argsort(risk, kind="stable")
        self._is_true = truth[self._order]
        # Where each value of the risk begins: equal ones count as half.
        steps = np.flatnonzero(np.diff(risk[self._order])) + 1
        self._starts = np.concatenate([[0], steps])

    def of(self, weights):
        sorted_weights = weights[self._order].astype("float64")
        true = np.add.reduceat(sorted_weights * self._is_true, self._starts)
        false = np.add.reduceat(sorted_weights * ~self._is_true, self._starts)
        below = np.cumsum(false) - false / 2
        return (true @ below) / (true.sum() * false.sum())


def _calibration(truths, risks):
    return calibration_of(np.concatenate(truths), np.concatenate(risks))


def calibration_of(
    truth: np.ndarray, risk: np.ndarray
) -> tuple[CalibrationBin, ...]:
    """Cuts all rows, sorted by risk, into ten bins of the same size.

    Args:
        truth: bools `(rows,)`.
        risk: floats `(rows,)`, the probabilities that they are true.
    """
    order = np.argsort(risk, kind="stable")
    parts = np.array_split(order, min(_BINS, len(order)))
    return tuple(
        CalibrationBin(
            float(risk[part].mean()), float(truth[part].mean()), len(part)
        )
        for part in parts
    )
