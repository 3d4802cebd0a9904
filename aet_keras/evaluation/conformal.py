"""Calibrates sets and intervals, and measures what they cover."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from aet_keras import _check as check
from aet_keras.evaluation import tag_risk
from aet_keras.evaluation.covered import ClassCoverage, Coverage
from aet_keras.evaluation.guarantee import (
    MOST,
    SLACK,
    Guarantee,
    check_rows,
    needed_rows,
    rank_of,
)
from aet_keras.evaluation.intervals import interval_of_shares, wilson

_OWNER = "calibrate"


def calibrate(
    labels: Any,
    outputs: Any,
    *,
    coverage: float,
    target_kind: str = "classes",
    source: str = "",
    is_ordered: bool = False,
    thresholds: Sequence[float] = (),
    called_from: tuple[int, float] | None = None,
) -> Guarantee:
    """Finds the limit by rows that chose nothing.

    Split conformal prediction. The score of a row is 1 - p(true class), which
    makes the smallest sets on average
    ([Sadinle et al., 2019](https://arxiv.org/abs/1609.00451)), or how far a
    number is off. The limit is the score of rank ceil((n + 1) coverage). Of
    tags it is that of `tag_risk.find_limit`.

    Args:
        labels: ints `(rows,)`, or numbers; of tags 0 or 1, `(rows, tags)`.
        outputs: floats `(rows, classes)`, probabilities; or numbers, `(rows,)`
            or `(rows, 1)`.
        coverage: float above 0, at most 0.999.
        target_kind: `"classes"`, `"number"` or `"tags"`.
        source: str. Where the rows are from.
        is_ordered: bool. Whether the classes have an order.
        thresholds: sequence of floats, one a tag, from which probability on a
            row is said to have it.
        called_from: as of `Guarantee`.

    Raises:
        ValueError: if there are too few rows.

    Example:

    >>> from aet_keras.evaluation.conformal import calibrate
    >>> truth = np.arange(19) % 2
    >>> right = np.linspace(0.4, 0.94, 19)[:, None]
    >>> said = np.where(np.eye(2)[truth] == 1, right, 1 - right)
    >>> guarantee = calibrate(truth, said, coverage=0.9)
    >>> round(guarantee.limit, 3)
    0.43
    >>> guarantee.sets(np.array([[0.5, 0.5], [0.9, 0.1]])).tolist()
    [[True, True], [True, False]]
    """
    check.number(_OWNER, above=0, most=MOST, coverage=coverage)
    check.one_of(_OWNER, target_kind=target_kind, among=(*_SCORES, "tags"))
    labels, outputs = np.asarray(labels), np.asarray(outputs, "float32")
    if target_kind == "tags":
        limits = tuple(map(float, thresholds)) or (0.5,) * labels.shape[1]
        found = tag_risk.find_limit(
            labels, outputs, coverage=coverage, thresholds=limits
        )
        count = int(labels.any(axis=1).sum())
        return Guarantee(
            coverage, found, count, "tags", source, thresholds=limits
        )
    advice = "Give more rows, or ask for less."
    check_rows(_OWNER, coverage, len(labels), advice=advice)
    scores = np.sort(_SCORES[target_kind](labels, outputs))
    highest = float(scores[rank_of(coverage, len(scores)) - 1])
    if target_kind == "number":
        # Where many rows lie on the edge, as where numbers are whole, an end
        # that is rounded to the wrong side would lose all of them.
        limit = highest + _rounded_off(labels, outputs, highest)
    else:
        limit = -highest - SLACK
    return Guarantee(
        coverage,
        limit,
        len(labels),
        target_kind,
        source,
        is_ordered,
        called_from=called_from,
    )


def _rounded_off(labels, outputs, half):
    """Returns more than an end of an interval is off by in float32."""
    largest = max(np.abs(labels).max(), np.abs(outputs).max()) + half
    return 2 * float(np.spacing(np.float32(largest)))


def _unlikely(labels, outputs):
    return -outputs[np.arange(len(labels)), labels]


def _distance(labels, outputs):
    return np.abs(labels - outputs.reshape(len(labels)))


_SCORES = {"classes": _unlikely, "number": _distance}


def measure_coverage(
    labels: Any,
    outputs: Any,
    guarantee: Guarantee,
    *,
    class_names: Sequence[str] = (),
) -> Coverage:
    """Measures sets or intervals on rows that nothing was calibrated on.

    Args:
        labels: as of `calibrate`.
        outputs: as of `calibrate`.
        guarantee: `Guarantee`.
        class_names: sequence of str, one a column; empty of a number.

    Example:

    >>> from aet_keras.evaluation.conformal import Guarantee, measure_coverage
    >>> measured = measure_coverage(
    ...     [3.0, 9.0], [2.5, 5.0], Guarantee(0.5, 1.0, 30, "number")
    ... )
    >>> measured.coverage, measured.size
    (0.5, 2.0)
    """
    labels = np.asarray(labels)
    is_held, sizes = _held(labels, outputs, guarantee)
    return _summed(is_held, sizes, guarantee, class_names)


def cross_coverage(
    labels: Any,
    outputs: Any,
    guarantee: Guarantee,
    *,
    class_names: Sequence[str] = (),
    seed: int = 0,
) -> Coverage | None:
    """Measures on the rows that calibrate, each half by the other's limit.

    What all rows together cover is near what was asked by construction; what
    each class does, is not.

    Args:
        labels: as of `calibrate`.
        outputs: as of `calibrate`.
        guarantee: `Guarantee` of all the rows.
        class_names: as of `measure_coverage`.
        seed: int >= 0. Of the halves.

    Returns:
        `Coverage`; None where half of the rows are too few.
    """
    labels, outputs = np.asarray(labels), np.asarray(outputs)
    rows = np.random.default_rng(seed).permutation(len(labels))
    halves = np.array_split(rows, 2)
    counts = [len(half) for half in halves]
    if guarantee.target_kind == "tags":
        counts = [int(labels[half].any(axis=1).sum()) for half in halves]
    if min(counts) < needed_rows(guarantee.coverage):
        return None
    parts = []
    for mine, other in (halves, halves[::-1]):
        limit = calibrate(
            labels[other],
            outputs[other],
            coverage=guarantee.coverage,
            target_kind=guarantee.target_kind,
            is_ordered=guarantee.is_ordered,
            thresholds=guarantee.thresholds,
            called_from=guarantee.called_from,
        )
        parts.append(_held(labels[mine], outputs[mine], limit))
    is_held, sizes = map(np.concatenate, zip(*parts, strict=True))
    found = _summed(is_held, sizes, guarantee, class_names)
    return replace(found, is_crossed=True)


def _held(labels, outputs, guarantee):
    """Returns what each set holds of what is true, and how large it is.

    That is 1 or 0 for each class or tag of the row, `(rows, classes)`, NaN
    for others; of a number there is one column.
    """
    if guarantee.target_kind == "number":
        values = np.asarray(outputs, "float32").reshape(len(labels))
        low, high = guarantee.interval(values)
        widths = np.full(len(labels), 2 * guarantee.limit)
        is_in = (low <= labels) & (labels <= high)
        return is_in.astype("float64")[:, None], widths
    sets = guarantee.sets(outputs)
    is_true = labels > 0
    if guarantee.target_kind == "classes":
        is_true = labels[:, None] == np.arange(sets.shape[1])
    return np.where(is_true, sets, np.nan), sets.sum(axis=1)


def _summed(is_held, sizes, guarantee, class_names):
    kind = guarantee.target_kind
    is_known = np.isfinite(is_held)
    counts = is_known.sum(axis=1)
    there = counts > 0  # of tags, rows that have one
    shares = np.where(is_known, is_held, 0).sum(axis=1)[there] / counts[there]
    if kind == "tags":
        ends = interval_of_shares(shares)
    else:
        ends = wilson(int(shares.sum()), len(shares))
    names = () if kind == "number" else class_names
    columns = zip(names, is_held.T, strict=False)
    return Coverage(
        asked=guarantee.coverage,
        coverage=float(shares.mean()),
        low=ends[0],
        high=ends[1],
        size=float(sizes.mean()),
        per_class=tuple(_of_class(*each, sizes) for each in columns),
        count=len(shares),
        guarantee=guarantee,
    )


def _of_class(name, is_held, sizes):
    is_one = np.isfinite(is_held)
    if not is_one.any():
        return ClassCoverage(str(name), None, None, 0)
    means = float(is_held[is_one].mean()), float(sizes[is_one].mean())
    return ClassCoverage(str(name), *means, int(is_one.sum()))
