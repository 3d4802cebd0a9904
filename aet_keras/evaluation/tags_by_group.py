"""Measures a model of tags on each group of rows, in all and by tag."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from aet_keras.evaluation.by_group import (
    LEAST_ROWS,
    ByGroup,
    Figure,
    GroupScore,
    figure_of,
    gap_of,
    measure_by_group,
    named_rows,
)
from aet_keras.evaluation.intervals import draws_of, wilson

MACRO, MISSED, WRONG = "macro F1", "tags missed", "rows wrong"
_GAP = "macro F1 of tags that all groups have"


def measure_tags_by_group(
    labels: Any,
    probabilities: Any,
    groups: Sequence[str] | np.ndarray,
    *,
    column: str,
    names: Sequence[str],
    thresholds: Any = 0.5,
    seed: int = 0,
) -> ByGroup:
    """Measures a model of tags on each group of rows.

    Of each group: the mean F1 of the tags that its rows have, the share of
    its rows' tags that are missed, and the share of rows of which some tag is
    wrong. Gaps are those of `measure_by_group`; that of the F1 is over tags
    that each group of at least 10 rows has, because others make it a figure
    of which tags are where. Parity and equalised odds are those of one tag
    each, in `tags`: of all tags together they have no meaning.

    Args:
        labels: 0 or 1, `(rows, tags)`.
        probabilities: floats `(rows, tags)`.
        groups: sequence of str, one a row.
        column: str. What makes the groups.
        names: one str a tag.
        thresholds: float, or one a tag. Defaults to `0.5`.
        seed: int >= 0. Of the rows that are drawn.

    Returns:
        `ByGroup`, its `tags` a `ByGroup` each, called as the tag.

    Example:

    >>> from aet_keras.evaluation.tags_by_group import measure_tags_by_group
    >>> found = measure_tags_by_group(
    ...     [[1, 0], [0, 1], [1, 1]],
    ...     [[0.9, 0.2], [0.1, 0.8], [0.7, 0.1]],
    ...     ["a", "a", "b"], column="x", names=["red", "wool"],
    ... )
    >>> [each.figures["tags missed"].value for each in found.groups]
    [0.0, 0.5]
    """
    labels = np.asarray(labels, "float64")
    thresholds = np.broadcast_to(thresholds, len(names))
    said = (np.asarray(probabilities) >= thresholds).astype("float64")
    of_rows = np.asarray(groups, str)
    random = np.random.default_rng(seed)
    rows_of = dict(named_rows(of_rows))
    large = [name for name, rows in rows_of.items() if len(rows) >= LEAST_ROWS]
    common = np.ones(len(names), bool)
    for name in large:
        common &= labels[rows_of[name]].any(axis=0)
    scores, values, drawn = [], {}, {}
    for name, rows in rows_of.items():
        found, shared, draws = _group(labels[rows], said[rows], common, random)
        scores.append(GroupScore(name, len(rows), found))
        values[name] = {key: each.value for key, each in found.items()}
        values[name][_GAP], drawn[name] = shared, draws
    gaps = {}
    if len(large) > 1:
        gaps = {
            key: gap_of(
                [values[name][key] for name in large],
                [drawn[name][key] for name in large],
            )
            for key in ((_GAP,) if common.any() else ()) + (MISSED, WRONG)
        }
    tags = tuple(
        measure_by_group(
            labels[:, tag].astype(int),
            np.stack([1 - p, p], axis=1),
            of_rows,
            column=str(name),
            positive=1,
            threshold=float(thresholds[tag]),
            seed=seed,
        )
        for tag, (name, p) in enumerate(
            zip(names, np.asarray(probabilities).T, strict=True)
        )
    )
    small = tuple(name for name in rows_of if name not in large)
    return ByGroup(column, tuple(scores), gaps, small, tags)


def _sums(labels, said, weights=None):
    """Returns hits, true and called tags, `(draws, tags)` or `(tags,)`."""
    weights = np.ones(len(labels)) if weights is None else weights
    return weights @ (labels * said), weights @ labels, weights @ said


def _f1(hits, true, called, among):
    """Returns the mean F1 of some tags that have a row; NaN if none has."""
    is_met = (true > 0) & among
    f1 = 2 * hits / np.maximum(true + called, 1)
    total = np.where(is_met, f1, 0).sum(axis=-1)
    count = is_met.sum(axis=-1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _group(labels, said, common, random):
    """Returns the figures of a group, and those of rows drawn again.

    Between them stands the F1 of the tags that all groups have.
    """
    count, every = len(labels), np.ones(labels.shape[1], bool)
    hits, true, called = _sums(labels, said)
    is_wrong = (said != labels).any(axis=1).astype("float64")
    parts: dict[str, list] = {key: [] for key in (MACRO, MISSED, WRONG, _GAP)}
    for weights in draws_of(count, random):
        found, there, claimed = _sums(labels, said, weights)
        parts[MACRO].append(_f1(found, there, claimed, every))
        parts[_GAP].append(_f1(found, there, claimed, common))
        parts[MISSED].append(_missed(found, there))
        parts[WRONG].append(weights @ is_wrong / count)
    drawn = {key: np.concatenate(each) for key, each in parts.items()}
    macro = _f1(hits, true, called, every)
    figures = {
        MACRO: _figure(macro, drawn[MACRO], count),
        MISSED: _figure(_missed(hits, true), drawn[MISSED], count),
        WRONG: Figure(
            float(is_wrong.mean()), *wilson(int(is_wrong.sum()), count)
        ),
    }
    return figures, float(_f1(hits, true, called, common)), drawn


def _missed(hits, true):
    """Returns the share of the true tags that are not said."""
    total = true.sum(axis=-1)
    missed = total - hits.sum(axis=-1)
    return np.where(total > 0, missed / np.maximum(total, 1), np.nan)


def _figure(value, drawn, count):
    if not np.isfinite(value):
        return Figure(None)
    if count < 2:
        return Figure(float(value))
    return figure_of(value, drawn)
