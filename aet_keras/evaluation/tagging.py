"""Measures predicted tags against true ones, beside baselines."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from aet_keras._optional import optional
from aet_keras.evaluation.features import FeatureImportance
from aet_keras.evaluation.tag_scores import TagFigures, Tagging, TagScore

_OWNER = "measure_tags"
_LEAST = 1e-7  # Keras's own, so that losses can be compared
_SHUFFLES = 200


@dataclasses.dataclass(frozen=True, eq=False)
class TagAnswers:
    """Holds what a baseline says of rows.

    Args:
        probabilities: floats `(rows, tags)`, or `(tags,)` for all rows.
        thresholds: float, or floats `(tags,)`.
    """

    probabilities: Any
    thresholds: Any = 0.5


def measure_tags(
    labels: Any,
    probabilities: Any,
    *,
    names: Sequence[str],
    thresholds: Any = 0.5,
    baselines: Mapping[str, TagAnswers] | None = None,
    importance: Sequence[FeatureImportance] = (),
) -> Tagging:
    """Measures predicted probabilities of tags against the true tags.

    Precision, recall and F1 are those of rows whose probability is at least
    the threshold; average precision is scikit-learn's. Means are over the
    tags that the split has. Precision of a tag that is never predicted is 0.

    Args:
        labels: 0 or 1, `(rows, tags)`.
        probabilities: floats `(rows, tags)`, each from 0 to 1.
        names: one str a tag.
        thresholds: float, or one a tag. Defaults to `0.5`.
        baselines: optional dict of a name to `TagAnswers`.
        importance: sequence of `FeatureImportance`.

    Returns:
        `Tagging`.

    Raises:
        ValueError: if shapes do not fit, no tag is met, or a value is no
            probability.

    Example:

    >>> from aet_keras.evaluation.tagging import measure_tags
    >>> scores = measure_tags(
    ...     [[1, 0], [1, 1], [0, 1]],
    ...     [[0.9, 0.2], [0.4, 0.7], [0.1, 0.8]],
    ...     names=["red", "wool"],
    ... )
    >>> [each.f1 for each in scores.per_tag], scores.mean_average_precision
    ([0.666..., 1.0], 1.0)
    """
    labels = np.asarray(labels, "float64")
    own = _checked(labels, TagAnswers(probabilities, thresholds), names)
    others = {
        name: _checked(labels, each, names)
        for name, each in (baselines or {}).items()
    }
    figures = _figures(labels, own)
    return Tagging(
        **dataclasses.asdict(figures),
        loss=float(losses_of_tags(own.probabilities, labels).mean()),
        exact=float((_said(own) == labels).all(axis=1).mean()),
        per_tag=tuple(_per_tag(labels, own, names)),
        count=len(labels),
        baselines={name: _figures(labels, o) for name, o in others.items()},
        gains={name: _gains(labels, own, o) for name, o in others.items()},
        importance=tuple(importance),
    )


def losses_of_tags(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns the binary cross-entropy of each row, the mean of its tags."""
    clipped = np.clip(probabilities, _LEAST, 1 - _LEAST)
    return -np.where(labels > 0, np.log(clipped), np.log1p(-clipped)).mean(1)


def _checked(labels, answers, names):
    probabilities = np.asarray(answers.probabilities, "float64")
    shape = (len(labels), len(names))
    if labels.shape != shape or not labels.any():
        raise ValueError(
            f"{_OWNER}: `labels` must hold 0 or 1 for each row and tag, and a "
            f"row must have a tag. Received: shape {labels.shape} for "
            f"{len(names)} names, with {int(labels.sum())} tags."
        )
    if probabilities.ndim == 1:  # the same for each row
        probabilities = np.broadcast_to(probabilities, shape)
    is_share = (probabilities >= 0) & (probabilities <= 1)
    if probabilities.shape != shape or not is_share.all():
        raise ValueError(
            f"{_OWNER}: `probabilities` must lie from 0 to 1, one for each row "
            f"and tag. Received: shape {probabilities.shape} for labels "
            f"{labels.shape}. If these are logits, apply a sigmoid."
        )
    thresholds = np.broadcast_to(answers.thresholds, len(names))
    return TagAnswers(probabilities, thresholds)


def _said(answers):
    return (answers.probabilities >= answers.thresholds).astype("float64")


def _figures(labels, answers):
    is_met = labels.any(axis=0)
    f1 = _f1(labels, _said(answers))
    hits = (labels * _said(answers)).sum()
    micro = 2 * hits / max(labels.sum() + _said(answers).sum(), 1)
    ap = mean_average_precision(labels, answers.probabilities)
    return TagFigures(float(f1[is_met].mean()), float(micro), ap)


def mean_average_precision(labels: Any, probabilities: Any) -> float:
    """Returns the mean of average precision over the tags that are met."""
    metrics = optional("sklearn.metrics", extra="training")

    labels = np.asarray(labels)
    ap = [
        metrics.average_precision_score(true, shares)
        for true, shares in zip(labels.T, probabilities.T, strict=True)
        if true.any()
    ]
    return float(np.mean(ap))


def _f1(labels, said, weights=None):
    """Returns the F1 of each tag; with weights `(draws, rows)`, of each."""
    weights = np.ones((1, len(labels))) if weights is None else weights
    hits = weights @ (labels * said)
    total = weights @ labels + weights @ said
    found = 2 * hits / np.maximum(total, 1)  # (draws, tags)
    return found[0] if len(found) == 1 else found


def _per_tag(labels, answers, names):
    metrics = optional("sklearn.metrics", extra="training")

    said, f1 = _said(answers), _f1(labels, _said(answers))
    for tag, name in enumerate(names):
        true, called = labels[:, tag], said[:, tag]
        hits, count = float(true @ called), int(true.sum())
        scores: list[float | None] = [None] * 4
        if count:
            scores = [
                hits / max(called.sum(), 1),
                hits / count,
                float(f1[tag]),
                float(
                    metrics.average_precision_score(
                        true, answers.probabilities[:, tag]
                    )
                ),
            ]
        yield TagScore(
            str(name), *scores, float(answers.thresholds[tag]), count
        )


def _gains(labels, own, other):
    """Returns how much higher figures are, and how sure that is.

    Rows are drawn anew, with repetition, as often as there are rows: the
    spread of the difference over such draws is its standard error.
    """
    random = np.random.default_rng(0)
    count = len(labels)
    weights = random.multinomial(count, np.full(count, 1 / count), _SHUFFLES)
    is_met = labels.any(axis=0)
    mine, theirs = _figures(labels, own), _figures(labels, other)
    gains = {}
    for key, drawn in (
        ("macro_f1", _drawn_f1),
        ("mean_average_precision", _drawn_ap),
    ):
        spread = drawn(labels, own, weights) - drawn(labels, other, weights)
        error = spread[:, is_met].mean(axis=1).std()
        gain = getattr(mine, key) - getattr(theirs, key)
        gains[key] = float(gain), float(error)
    return gains


def _drawn_f1(labels, answers, weights):
    return _f1(labels, _said(answers), weights)


def _drawn_ap(labels, answers, weights):
    """Returns the average precision of each draw and tag."""
    found = []
    for true, probabilities in zip(
        labels.T, answers.probabilities.T, strict=True
    ):
        order = np.argsort(-probabilities, kind="stable")
        _, ends = np.unique(-probabilities[order], return_index=True)
        ends = np.append(ends[1:], len(order)) - 1  # equal ones count at once
        drawn = weights[:, order]
        hits = np.cumsum(drawn * true[order], axis=1)[:, ends]
        called = np.cumsum(drawn, axis=1)[:, ends]
        new = np.diff(hits, axis=1, prepend=0)
        precision = hits / np.maximum(called, 1)
        found.append((new * precision).sum(1) / np.maximum(hits[:, -1], 1))
    return np.stack(found, axis=1)
