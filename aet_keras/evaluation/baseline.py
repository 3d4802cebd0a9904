"""Compares the figures of a model with those of baselines."""

import dataclasses
import math
from collections.abc import Iterable

import numpy as np

from aet_keras.evaluation import printed_text
from aet_keras.evaluation.classification import Classification
from aet_keras.evaluation.rating_scores import Recommendation
from aet_keras.evaluation.regression import Regression
from aet_keras.evaluation.risk import Risk
from aet_keras.evaluation.tag_scores import Tagging

_CHANCE = 0.05  # of a model that knows nothing to be called better
_CERTAIN = 1.645  # standard errors that leave as much on one side
_MOST_SHUFFLED = 2000
_SHUFFLES = 999
MOST_NAME = 24


@dataclasses.dataclass(frozen=True)
class Baseline:
    """Holds a figure of a model and the same figure of a baseline.

    `compare_with_baselines` makes it.

    Args:
        figure: str. `"accuracy"`, `"balanced accuracy"`, `"mean cost"`,
            `"ROC AUC"`, `"RMSE"`, `"MAE"`, `"NDCG"`, `"macro F1"` or
            `"mean AP"`.
        value: float. Of the model.
        baseline: float. Of the baseline.
        name: str. What the baseline is, such as `"chance"`.
        is_better: bool. Whether the model is better by more than chance can
            explain with so many rows.

    Example:

    >>> aet_keras.evaluation.baseline.Baseline(
    ...     "ROC AUC", 0.81, 0.5, "chance", is_better=True
    ... ).name
    'chance'
    """

    figure: str
    value: float
    baseline: float
    name: str
    is_better: bool


def compare_with_baselines(
    test: Classification | Recommendation | Regression | Tagging,
    risk: Risk | None = None,
) -> tuple[Baseline, ...]:
    """Compares the figures of a split with those of baselines.

    - Accuracy: against the share of the most frequent class. The model is
      better if McNemar's exact test says so (one-sided, 5 %).
    - Balanced accuracy, the mean recall of the classes: against 1 / classes.
      The model is better if less than 5 % of random orders of its answers
      reach its figure.
    - Mean cost, where errors cost differently: against every row called the
      class that costs less so. The model is better if the mean difference of
      a row's cost is 1.645 times its standard error.
    - ROC AUC: against 0.5. The model is better if its interval is above
      0.5, and it is 1.645 standard errors above that of random answers.
    - Ratings: against the best of their baselines. The model is better if its
      gain is 1.645 times the standard error of the gain, of five rows or more.
    - Numbers: against each of their baselines, by squared errors, likewise.
    - Tags: macro F1 and mean average precision against each of theirs,
      likewise.

    Args:
        test: `Classification`, `Recommendation`, `Regression` or `Tagging`.
        risk: optional `Risk` of the same rows.

    Returns:
        Tuple of `Baseline`.

    Example:

    >>> scores = aet_keras.evaluation.measure_classification(
    ...     [0] * 8 + [1] * 2, [[0.9, 0.1]] * 10, class_names=["hat", "shoe"]
    ... )
    >>> from aet_keras.evaluation.baseline import compare_with_baselines
    >>> for each in compare_with_baselines(scores):
    ...     print(each.figure, each.value, each.baseline, each.is_better)
    accuracy 0.8 0.8 False
    balanced accuracy 0.5 0.5 False
    """
    if isinstance(test, Recommendation):
        return tuple(_of_ratings(test))
    if isinstance(test, Regression):
        return tuple(_of_numbers(test))
    if isinstance(test, Tagging):
        return tuple(_of_tags(test))
    found = [_accuracy(test), _balanced_accuracy(test)]
    if risk is not None and test.answered == "cheapest":
        found.append(_mean_cost(test, risk))
    if risk is not None and math.isfinite(risk.roc_auc):
        is_better = risk.roc_auc_low > 0.5 and _is_ordered(test, risk)
        auc = risk.roc_auc
        found.append(Baseline("ROC AUC", auc, 0.5, "chance", is_better))
    return tuple(found)


def _accuracy(test):
    matrix = np.array(test.confusion_matrix)
    counts = matrix.sum(axis=1)
    most = int(counts.argmax())
    name = f"every row called `{named(test, most)}`"
    # Rows that only one of the two predicts correctly.
    wins = int(np.trace(matrix) - matrix[most, most])
    losses = int(counts[most] - matrix[most, most])
    share = float(counts[most] / counts.sum())
    return Baseline(
        "accuracy", test.accuracy, share, name, _is_won(wins, losses)
    )


def _mean_cost(test, risk):
    matrix = np.array(test.confusion_matrix)
    columns = [score.name for score in test.per_class]
    positive = columns.index(risk.positive)
    missed, alarmed = risk.costs
    costs = np.zeros((2, 2))  # of a true class and what it is called
    costs[positive, 1 - positive] = missed
    costs[1 - positive, positive] = alarmed
    of_class = matrix.sum(axis=1) @ costs / matrix.sum()  # called always so
    usual = int(of_class.argmin())
    saved = costs[:, [usual]] - costs  # by a row of the model's answers
    mean = float((matrix * saved).sum() / matrix.sum())
    square = float((matrix * saved**2).sum() / matrix.sum())
    error = math.sqrt(max(0.0, square - mean**2) / matrix.sum())
    return Baseline(
        "mean cost",
        float((matrix * costs).sum() / matrix.sum()),
        float(of_class[usual]),
        f"every row called `{named(test, usual)}`",
        mean > 0 and mean >= _CERTAIN * error,
    )


def _is_won(wins, losses):
    if wins <= losses:
        return False
    from scipy.stats import binomtest

    test = binomtest(wins, wins + losses, alternative="greater")
    return bool(test.pvalue <= _CHANCE)


def _balanced_accuracy(test):
    matrix = np.array(test.confusion_matrix)
    classes = np.flatnonzero(matrix.sum(axis=1))
    chance = 1 / len(classes)
    return Baseline(
        "balanced accuracy",
        test.macro_recall,
        chance,
        "chance",
        _is_informed(matrix),
    )


def _is_informed(matrix):
    """Says whether shuffled answers reach the mean recall too rarely."""
    counts = matrix.sum(axis=1)
    shares = 1 / np.maximum(counts, 1)  # (classes,): what a hit is worth
    hits = float(np.diag(matrix) @ shares)
    if counts.sum() <= _MOST_SHUFFLED:
        truths = np.repeat(np.arange(len(matrix)), counts)
        answers = np.concatenate(
            [np.repeat(np.arange(len(matrix)), row) for row in matrix]
        )
        random = np.random.default_rng(0)
        shuffled = [
            shares[truths[random.permutation(answers) == truths]].sum()
            for _ in range(_SHUFFLES)
        ]
        reached = np.sum(np.array(shuffled) >= hits - 1e-9)
        return bool((1 + reached) / (1 + _SHUFFLES) <= _CHANCE)
    mean, variance = _shuffled(matrix, shares)
    return bool(hits > mean + _CERTAIN * math.sqrt(variance))


def _shuffled(matrix, shares):
    """Returns mean and variance of the hits' worth of shuffled answers."""
    counts, called = matrix.sum(axis=1), matrix.sum(axis=0)
    total = counts.sum()
    # Worth of a pair of row and answer, less the means of both.
    rows = shares * called / total
    answers = shares * counts / total
    mean = float(counts @ rows)
    worth = np.diag(shares) - rows[:, None] - answers[None, :] + mean / total
    variance = float(counts @ worth**2 @ called) / (total - 1)
    return mean, variance


def _is_ordered(test, risk):
    """Says whether an AUC is more than few rows reach by chance."""
    counts = [score.count for score in test.per_class]
    if len(counts) != 2:
        return True  # a mean over classes; its interval says enough
    product = max(1, math.prod(counts))
    spread = math.sqrt((sum(counts) + 1) / (12 * product))
    return risk.roc_auc > 0.5 + _CERTAIN * spread


def _of_ratings(test) -> Iterable[Baseline]:
    for figure, key, best in (("RMSE", "rmse", min), ("NDCG", "ndcg", max)):
        known = {
            name: getattr(score, key)
            for name, score in test.baselines.items()
            if getattr(score, key) is not None
        }
        if not known or getattr(test, key) is None:
            continue
        name = best(known, key=known.__getitem__)
        value = getattr(test, key)
        is_better = value < known[name] if best is min else value > known[name]
        gain = test.gains.get(name, {}).get(key)
        if gain is not None:
            is_better = _is_gained(gain, test.count)
        yield Baseline(figure, value, known[name], name, bool(is_better))


def _is_gained(gain, count):
    """Says whether a mean gain, with its standard error, is more than chance.

    Of four rows or fewer all may gain by chance (of four in 6 % of cases),
    and one row has no standard error at all.
    """
    mean, error = gain
    return bool(mean > _CERTAIN * error and 0.5**count <= _CHANCE)


def figure_text(value: float) -> str:
    """Returns a figure for a person, also of an error in an odd unit.

    Example:

    >>> from aet_keras.evaluation.baseline import figure_text
    >>> figure_text(0.5), figure_text(1234.567), figure_text(0.0000123)
    ('0.5000', '1234.57', '1.23e-05')
    """
    if is_small(value):
        return f"{value:.3g}"
    return f"{value:.4f}" if abs(value) < 100 else f"{value:.6g}"


def is_small(value: float) -> bool:
    """Says whether three or four decimals would show next to nothing."""
    return 0 < abs(value) < 1e-3


def _of_numbers(test) -> Iterable[Baseline]:
    for name, score in test.baselines.items():
        is_better = _is_gained(test.gains[name], test.count)
        yield Baseline("RMSE", test.rmse, score.rmse, name, is_better)


_OF_TAGS = {"macro F1": "macro_f1", "mean AP": "mean_average_precision"}


def _of_tags(test) -> Iterable[Baseline]:
    for figure, key in _OF_TAGS.items():
        value = getattr(test, key)
        for name, score in test.baselines.items():
            is_better = _is_gained(test.gains[name][key], test.count)
            yield Baseline(figure, value, getattr(score, key), name, is_better)


def named(test: Classification, column: int) -> str:
    """Returns the name of a class, short enough for a sentence."""
    return printed_text.cut_middle(test.per_class[column].name, MOST_NAME)
